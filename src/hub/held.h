/* held: the broadcasts that a channel is not given yet, because older ones are still to come from the
 * store.  Bounded; holds references to frames.  Shard thread only. */
#ifndef HUB_HELD_H
#define HUB_HELD_H

#include "hub/frame.h"

enum { HELD_MAX = 64, HELD_BYTES_MAX = 1 << 20 };

struct held_frame {
    struct frame *frame;
    int64_t number; /* of a stored broadcast; 0: of one that is not stored */
};

struct held {
    uint64_t wish; /* the number of the wish whose answer ends it */
    size_t bytes;
    uint32_t count;
    struct held_frame items[HELD_MAX]; /* in the order in which they came */
};

/* ERR_NOMEM. */
MUST_USE enum err held_new(uint64_t wish, struct held **out);
/* Takes NULL. */
void held_free(struct held *h);
/* Takes a reference of its own.  ERR_FULL; one frame may be of any size. */
MUST_USE enum err held_push(struct held *h, struct frame *f, int64_t number);
/* The place of the first stored broadcast at or behind `from`; `count` when there is none. */
uint32_t held_find_stored(const struct held *h, uint32_t from);

#endif
