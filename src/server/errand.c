#include "server/errand.h"

#include "base/mem.h"

struct errand *errand_new(struct mailbox *home, size_t body_max)
{
    struct errand *e = mem_zalloc(sizeof(*e));
    if (!e)
        return NULL;
    e->home = home;
    store_reply_init(&e->reply, body_max);
    return e;
}

void errand_free(struct errand *e)
{
    if (!e)
        return;
    store_reply_done(&e->reply);
    mem_free(e);
}

static struct bytes put(char **at, struct bytes b)
{
    struct bytes copy = {*at, b.size};
    if (b.size)
        memcpy(*at, b.data, b.size);
    *at += b.size;
    return copy;
}

struct stored_mail *stored_mail_new(const struct store_request *r, const struct store_reply *reply)
{
    static const struct bytes prefix = BYTES_INIT("realtime:");
    const struct store_message *message = &r->message;
    size_t size = prefix.size + message->topic.size + message->event.size + message->payload.size;
    struct stored_mail *m = mem_alloc(sizeof(*m) + size);
    if (!m)
        return NULL;
    m->mail = (struct mail){.next = NULL};
    m->stored = (struct hub_stored){.number = reply->message_us};
    memcpy(m->stored.id, reply->message_id, sizeof(m->stored.id));
    struct hub_broadcast *b = &m->stored.broadcast;
    char *at = m->data;
    b->topic = (struct bytes){at, prefix.size + message->topic.size};
    put(&at, prefix);
    put(&at, message->topic);
    b->event = put(&at, message->event);
    b->payload = put(&at, message->payload);
    b->form = message->is_raw ? BROADCAST_RAW : BROADCAST_JSON;
    b->is_private = true;
    return m;
}

void stored_mail_free(struct stored_mail *m)
{
    mem_free(m);
}
