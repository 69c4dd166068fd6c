#include "hub/outbox.h"

#include "base/mem.h"

#include <assert.h>

static struct frame **ring_of(struct outbox *box)
{
    return box->ring ? box->ring : box->few;
}

static struct frame **place(struct outbox *box, uint32_t at)
{
    return &ring_of(box)[(box->head + at) & box->mask];
}

void outbox_init(struct outbox *box)
{
    *box = (struct outbox){.mask = OUTBOX_FEW - 1};
}

void outbox_done(struct outbox *box)
{
    for (uint32_t i = 0; i < box->count; i++)
        frame_unref(*place(box, i));
    mem_free(box->ring);
    outbox_init(box);
}

static enum err grow(struct outbox *box)
{
    size_t room = ((size_t)box->mask + 1) * 2;
    struct frame **ring = mem_array(room, sizeof(struct frame *));
    if (!ring)
        return ERR_NOMEM;
    for (uint32_t i = 0; i < box->count; i++)
        ring[i] = *place(box, i);
    mem_free(box->ring);
    box->ring = ring;
    box->mask = (uint32_t)room - 1;
    box->head = 0;
    return OK;
}

/* What is left of the oldest ordinary frame: the first one when that has begun to leave, else the
 * one behind the urgent ones.  These are small, so the greater of both is it. */
static size_t oldest_bytes(struct outbox *box)
{
    size_t first = (*place(box, 0))->size - box->sent;
    size_t behind = box->urgent < box->count ? (*place(box, box->urgent))->size : 0;
    return box->urgent == 0 || first > behind ? first : behind;
}

static bool is_over(struct outbox *box, const struct frame *f, const struct outbox_limit *limit)
{
    if (box->count == 0)
        return false;
    size_t counted = box->bytes - (limit->is_beside_oldest ? oldest_bytes(box) : 0);
    return box->count >= limit->frames || counted >= limit->bytes ||
           f->size > limit->bytes - counted;
}

static enum err make_room(struct outbox *box, const struct frame *f,
                          const struct outbox_limit *limit)
{
    if (is_over(box, f, limit))
        return ERR_FULL;
    return box->count > box->mask ? grow(box) : OK;
}

enum err outbox_push(struct outbox *box, struct frame *f, const struct outbox_limit *limit)
{
    enum err e = make_room(box, f, limit);
    if (e)
        return e;
    *place(box, box->count) = frame_ref(f);
    box->count++;
    box->bytes += f->size;
    return OK;
}

enum err outbox_push_urgent(struct outbox *box, struct frame *f, const struct outbox_limit *limit)
{
    enum err e = make_room(box, f, limit);
    if (e)
        return e;
    uint32_t at = box->urgent;
    if (at == 0 && box->sent > 0)
        at = 1;
    for (uint32_t i = box->count; i > at; i--)
        *place(box, i) = *place(box, i - 1);
    *place(box, at) = frame_ref(f);
    box->count++;
    box->urgent = at + 1;
    box->bytes += f->size;
    return OK;
}

int outbox_peek(const struct outbox *box, struct iovec *iov, int iov_max)
{
    struct frame *const *ring = box->ring ? box->ring : box->few;
    int n = 0;
    for (uint32_t i = 0; i < box->count && n < iov_max; i++, n++) {
        struct frame *f = ring[(box->head + i) & box->mask];
        size_t from = i == 0 ? box->sent : 0;
        iov[n] = (struct iovec){f->data + from, f->size - from};
    }
    return n;
}

/* The first frame leaves the ring. */
static void pop(struct outbox *box)
{
    frame_unref(*place(box, 0));
    box->head = (box->head + 1) & box->mask;
    box->count--;
    if (box->urgent > 0)
        box->urgent--;
    box->sent = 0;
}

static void release_ring(struct outbox *box)
{
    mem_free(box->ring);
    box->ring = NULL;
    box->mask = OUTBOX_FEW - 1;
    box->head = 0;
}

void outbox_sent(struct outbox *box, size_t size)
{
    assert(size <= box->bytes);
    box->bytes -= size;
    while (size > 0) {
        const struct frame *f = *place(box, 0);
        size_t left = f->size - box->sent;
        if (size < left) {
            box->sent += size;
            break;
        }
        size -= left;
        pop(box);
    }
    if (box->count == 0 && box->ring)
        release_ring(box);
}

void outbox_drop(struct outbox *box)
{
    uint32_t kept = box->sent > 0 ? 1 : 0;
    while (box->count > kept) {
        struct frame **last = place(box, box->count - 1);
        box->bytes -= (*last)->size;
        frame_unref(*last);
        box->count--;
    }
    if (box->urgent > kept)
        box->urgent = kept;
}
