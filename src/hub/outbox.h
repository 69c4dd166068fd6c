/* outbox: the frames one connection has still to be sent, oldest first.  Bounded; holds one
 * reference to each frame.  A few frames need no memory of their own.  Shard thread only. */
#ifndef HUB_OUTBOX_H
#define HUB_OUTBOX_H

#include <sys/uio.h> /* struct iovec: data only */

#include "hub/frame.h"

enum { OUTBOX_FEW = 4 };

struct outbox_limit {
    size_t bytes;
    uint32_t frames;
    bool is_beside_oldest; /* the oldest ordinary frame, which may be of any size, is not counted */
};

struct outbox {
    struct frame **ring; /* NULL: `few` is the ring */
    size_t bytes;        /* still to be sent */
    size_t sent;         /* bytes of the first frame that have left */
    uint32_t mask;       /* places in the ring, a power of two, minus 1 */
    uint32_t head, count;
    uint32_t urgent; /* frames from the front that go before all ordinary ones */
    struct frame *few[OUTBOX_FEW];
};

void outbox_init(struct outbox *box);
void outbox_done(struct outbox *box);

/* Takes a reference of its own to `f`, which goes to the end.  An empty outbox takes a frame of any
 * size. ERR_FULL: over the limit; ERR_NOMEM. */
MUST_USE enum err outbox_push(struct outbox *box, struct frame *f,
                              const struct outbox_limit *limit);
/* The same, but before everything that has not begun to leave, and behind earlier urgent frames. */
MUST_USE enum err outbox_push_urgent(struct outbox *box, struct frame *f,
                                     const struct outbox_limit *limit);
/* What is to be sent next, borrowed until the next call; returns the number of entries written. */
int outbox_peek(const struct outbox *box, struct iovec *iov, int iov_max);
/* `size` bytes, at most box->bytes, have left. */
void outbox_sent(struct outbox *box, size_t size);
/* Drops all but a frame that has begun to leave: what must follow is a close frame. */
void outbox_drop(struct outbox *box);

#endif
