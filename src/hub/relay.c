/* An item is a head, and behind it the texts that the head gives the sizes of. */
#include "hub/relay.h"

#include "base/mem.h"

enum { TEXTS_MAX = 3 };

struct head {
    uint64_t number, previous;
    uint32_t shard;
    uint32_t sizes[TEXTS_MAX];
    uint8_t kind, form, is_private;
    uint8_t unused[5];
};

static struct head head_of(const struct relay_message *m, struct bytes texts[TEXTS_MAX])
{
    const struct hub_broadcast *b = &m->broadcast;
    const struct presence_entry *e = &m->presence;
    bool is_broadcast = m->kind == RELAY_BROADCAST;
    struct head head = {.number = e->ref.number,
                        .previous = m->previous,
                        .shard = e->ref.shard,
                        .kind = (uint8_t)m->kind,
                        .form = (uint8_t)b->form,
                        .is_private = is_broadcast ? b->is_private : e->is_private};
    texts[0] = is_broadcast ? b->topic : e->topic;
    texts[1] = is_broadcast ? b->event : e->key;
    texts[2] = is_broadcast ? b->payload : e->payload;
    for (int i = 0; i < TEXTS_MAX; i++)
        head.sizes[i] = (uint32_t)texts[i].size;
    return head;
}

enum err relay_item_new(const struct relay_message *m, struct relay_item **out)
{
    struct bytes texts[TEXTS_MAX];
    struct head head = head_of(m, texts);
    size_t size = sizeof(head);
    for (int i = 0; i < TEXTS_MAX; i++)
        size += texts[i].size;
    struct relay_item *item = mem_alloc(sizeof(*item) + size);
    if (!item)
        return ERR_NOMEM;
    *item = (struct relay_item){.may_be_lost = m->kind == RELAY_BROADCAST, .size = size};
    list_init(&item->link);
    char *at = item->data;
    memcpy(at, &head, sizeof(head));
    at += sizeof(head);
    for (int i = 0; i < TEXTS_MAX; i++) {
        if (texts[i].size)
            memcpy(at, texts[i].data, texts[i].size);
        at += texts[i].size;
    }
    *out = item;
    return OK;
}

void relay_item_free(struct relay_item *item)
{
    mem_free(item);
}

struct bytes relay_item_bytes(const struct relay_item *item)
{
    return (struct bytes){item->data, item->size};
}

static bool is_sound(const struct head *head, size_t size)
{
    uint64_t sum = sizeof(*head);
    for (int i = 0; i < TEXTS_MAX; i++)
        sum += head->sizes[i];
    return sum == size && head->kind < RELAY_KINDS && head->form < BROADCAST_FORMS &&
           head->is_private <= 1 &&
           (head->kind != RELAY_PRESENT ||
            (head->sizes[0] <= PHX_TOPIC_MAX && head->sizes[1] <= PRESENCE_KEY_MAX &&
             head->sizes[2] >= 2));
}

enum err relay_decode(struct bytes bytes, struct relay_message *out)
{
    struct head head;
    struct bytes texts[TEXTS_MAX];
    if (bytes.size < sizeof(head))
        return ERR_SYNTAX;
    memcpy(&head, bytes.data, sizeof(head));
    if (!is_sound(&head, bytes.size))
        return ERR_SYNTAX;
    size_t at = sizeof(head);
    for (int i = 0; i < TEXTS_MAX; at += head.sizes[i++])
        texts[i] = bytes_slice(bytes, at, at + head.sizes[i]);
    *out = (struct relay_message){.kind = (enum relay_kind)head.kind};
    if (out->kind == RELAY_BROADCAST) {
        out->broadcast = (struct hub_broadcast){.topic = texts[0],
                                                .event = texts[1],
                                                .payload = texts[2],
                                                .form = (enum broadcast_form)head.form,
                                                .is_private = head.is_private};
        return OK;
    }
    out->previous = head.previous;
    out->presence = (struct presence_entry){.ref = {head.number, head.shard},
                                            .is_private = head.is_private,
                                            .topic = texts[0],
                                            .key = texts[1],
                                            .payload = texts[2]};
    return OK;
}
