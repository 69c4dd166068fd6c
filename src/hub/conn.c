#include "hub/conn.h"

#include "base/mem.h"

enum {
    SLOTS_MIN = 16,
    PREFETCH_AHEAD = 4 /* connections: their memory comes while the ones before are sent to */
};

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
    mem_free(t->asking.ring);
    mem_free(t->touched.ring);
    conns_init(t);
}

/* ---- those that have something for the shell ---- */

static struct conn **place(const struct conns *t, const struct conn_queue *q, uint32_t at)
{
    return &q->ring[(q->head + at) & (t->capacity - 1)];
}

static void set_queued(const struct conns *t, struct conn_queue *q, uint32_t at, struct conn *c)
{
    *place(t, q, at) = c;
    c->queue = q;
    c->queued_at = (q->head + at) & (t->capacity - 1);
}

/* Closes the gaps of those that have gone. */
static void compact(struct conns *t, struct conn_queue *q)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < q->count; i++) {
        struct conn *c = *place(t, q, i);
        if (c)
            set_queued(t, q, kept++, c);
    }
    q->count = kept;
}

static void push(struct conns *t, struct conn_queue *q, struct conn *c)
{
    if (q->count == t->capacity)
        compact(t, q);
    set_queued(t, q, q->count++, c);
}

static void take_out(struct conn *c)
{
    if (c->queue)
        c->queue->ring[c->queued_at] = NULL;
    c->queue = NULL;
}

static struct conn *pop(struct conns *t, struct conn_queue *q)
{
    while (q->count > 0) {
        if (q->count > PREFETCH_AHEAD)
            conn_prefetch(*place(t, q, PREFETCH_AHEAD));
        struct conn *c = *place(t, q, 0);
        q->head = (q->head + 1) & (t->capacity - 1);
        q->count--;
        if (c) {
            c->queue = NULL;
            return c;
        }
    }
    return NULL;
}

void conns_touch(struct conns *t, struct conn *c)
{
    if (!c->queue)
        push(t, &t->touched, c);
}

void conns_hurry(struct conns *t, struct conn *c)
{
    if (c->queue == &t->asking)
        return;
    take_out(c);
    push(t, &t->asking, c);
}

/* By turns, so that neither those who ask nor those who are told can keep the others waiting. */
struct conn *conns_next_touched(struct conns *t)
{
    struct conn_queue *first = t->is_turn_of_touched ? &t->touched : &t->asking;
    struct conn_queue *second = t->is_turn_of_touched ? &t->asking : &t->touched;
    struct conn *c = pop(t, first);
    t->is_turn_of_touched = !t->is_turn_of_touched;
    return c ? c : pop(t, second);
}

/* Into a ring of another size, from its beginning. */
static void move_queue(const struct conns *t, struct conn_queue *q, struct conn **ring)
{
    for (uint32_t i = 0; i < q->count; i++) {
        ring[i] = *place(t, q, i);
        if (ring[i])
            ring[i]->queued_at = i;
    }
    mem_free(q->ring);
    q->ring = ring;
    q->head = 0;
}

/* ---- the table ---- */

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
    struct conn **asking = mem_array(capacity, sizeof(struct conn *));
    struct conn **touched = mem_array(capacity, sizeof(struct conn *));
    if (!asking || !touched) {
        mem_free(asking);
        mem_free(touched);
        return ERR_NOMEM;
    }
    move_queue(t, &t->asking, asking);
    move_queue(t, &t->touched, touched);
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
    list_init(&c->channels);
    list_init(&c->behind);
    list_init(&c->pumping);
    list_init(&c->doomed);
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
    take_out(c);
    list_remove(&c->pumping);
    list_remove(&c->doomed);
    outbox_done(&c->outbox);
    ws_decoder_done(&c->decoder);
    mem_free(c);
}
