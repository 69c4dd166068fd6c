#include "hub/conn.h"

#include "base/mem.h"

enum { SLOTS_MIN = 16 };

struct bearer bearer_of(const struct claims *c)
{
    struct bearer b = {.kind = c->kind, .expires_s = c->expires_s};
    memcpy(b.user_id, c->user_id, sizeof(b.user_id));
    return b;
}

bool bearer_is_same_person(const struct bearer *a, const struct bearer *b)
{
    return a->kind == b->kind && strcmp(a->user_id, b->user_id) == 0;
}

void conns_init(struct conns *t)
{
    *t = (struct conns){.slots = NULL};
}

void conns_done(struct conns *t)
{
    mem_free(t->slots);
    conns_init(t);
}

static enum err grow(struct conns *t)
{
    if (t->count < t->capacity)
        return OK;
    if (t->capacity > UINT32_MAX / 2)
        return ERR_FULL;
    uint32_t capacity = t->capacity ? t->capacity * 2 : SLOTS_MIN;
    struct conn_slot *slots = mem_realloc(t->slots, capacity * sizeof(*slots));
    if (!slots)
        return ERR_NOMEM;
    t->slots = slots;
    t->capacity = capacity;
    return OK;
}

/* A free slot; the last one freed goes first. */
static enum err take_slot(struct conns *t, uint32_t *index)
{
    if (t->free) {
        *index = t->free - 1;
        t->free = t->slots[*index].next_free;
        return OK;
    }
    enum err e = grow(t);
    if (e)
        return e;
    *index = t->count++;
    t->slots[*index] = (struct conn_slot){.generation = 1};
    return OK;
}

enum err conns_add(struct conns *t, enum phx_version version, size_t message_max, struct conn **out)
{
    uint32_t index;
    struct conn *c = mem_zalloc(sizeof(*c));
    enum err e = c ? take_slot(t, &index) : ERR_NOMEM;
    if (e) {
        mem_free(c);
        return e;
    }
    t->slots[index].conn = c;
    t->open++;
    c->id = (struct hub_conn_id){index, t->slots[index].generation};
    c->version = version;
    c->expiry_us = INT64_MAX;
    outbox_init(&c->outbox);
    ws_decoder_init(&c->decoder, message_max);
    list_init(&c->touched);
    list_init(&c->channels);
    list_init(&c->behind);
    list_init(&c->pumping);
    *out = c;
    return OK;
}

struct conn *conns_at(const struct conns *t, uint32_t index)
{
    return index < t->count ? t->slots[index].conn : NULL;
}

struct conn *conns_find(const struct conns *t, struct hub_conn_id id)
{
    struct conn *c = conns_at(t, id.index);
    return c && c->id.generation == id.generation ? c : NULL;
}

void conns_remove(struct conns *t, struct conn *c)
{
    struct conn_slot *slot = &t->slots[c->id.index];
    slot->conn = NULL;
    slot->generation++;
    slot->next_free = t->free;
    t->free = c->id.index + 1;
    t->open--;
    list_remove(&c->touched);
    list_remove(&c->pumping);
    outbox_done(&c->outbox);
    ws_decoder_done(&c->decoder);
    mem_free(c);
}
