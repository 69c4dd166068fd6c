#include "hub/letter.h"

#include "base/mem.h"

static void move_text(struct bytes *text, char **at)
{
    if (!text->data)
        return;
    if (text->size)
        memcpy(*at, text->data, text->size);
    text->data = *at;
    *at += text->size;
}

enum err letter_new(const struct letter *from, struct letter **out)
{
    const struct hub_broadcast *b = &from->broadcast;
    size_t size =
        b->topic.size + b->event.size + b->payload.size + from->ref.size + from->join_ref.size;
    struct letter *l = mem_alloc(sizeof(*l) + size);
    if (!l)
        return ERR_NOMEM;
    *l = *from;
    l->size = size;
    list_init(&l->link);
    char *at = l->data;
    move_text(&l->broadcast.topic, &at);
    move_text(&l->broadcast.event, &at);
    move_text(&l->broadcast.payload, &at);
    move_text(&l->ref, &at);
    move_text(&l->join_ref, &at);
    *out = l;
    return OK;
}

enum err wish_new(const struct wish *from, struct wish **out)
{
    struct wish *w = mem_alloc(sizeof(*w) + from->topic.size);
    if (!w)
        return ERR_NOMEM;
    *w = *from;
    list_init(&w->link);
    char *at = w->data;
    move_text(&w->topic, &at);
    *out = w;
    return OK;
}

void letter_free(struct letter *l)
{
    mem_free(l);
}

void wish_free(struct wish *w)
{
    mem_free(w);
}

static struct bytes name_of(struct bytes topic)
{
    return bytes_slice(topic, sizeof("realtime:") - 1, topic.size);
}

struct bytes letter_topic(const struct letter *l)
{
    return name_of(l->broadcast.topic);
}

struct bytes wish_topic(const struct wish *w)
{
    return name_of(w->topic);
}
