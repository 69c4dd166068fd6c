/* deliver: committed changes to those at the head, who share one frame per group.  Who has no room
 * falls behind (replay.h).  Shard thread only. */
#ifndef HUB_DELIVER_H
#define HUB_DELIVER_H

#include "hub/state.h"

enum { DELIVER_RUN = 64 /* changes encoded together, aligned by seq: one word of bits */ };

/* Committed changes, the first of which follows the head.  Changes of the staff take effect at
 * their place in the order.  ERR_RANGE: they do not follow; nothing was done. */
MUST_USE enum err deliver_changes(struct hub *h, struct change *const *items, size_t count);
/* The next frame for the group out of items[*at .. count), NULL when there is nothing for it; `*at`
 * goes behind the last change looked at.  One reference is the caller's.  ERR_NOMEM: `*at` is
 * unchanged. */
MUST_USE enum err deliver_encode(struct hub *h, const struct group *g, struct change *const *items,
                                 size_t count, size_t *at, struct frame **out);
/* The frame goes to all at the head; who has no room falls behind, to `first_seq`. */
void deliver_push(struct hub *h, struct group *g, struct frame *f, uint64_t first_seq);
/* For want of memory all at the head fall behind, to `first_seq`, and try again later. */
void deliver_nothing(struct hub *h, struct group *g, uint64_t first_seq);
/* Pushes a frame if there is room.  False: it was not taken. */
bool deliver_frame(struct hub *h, struct conn *c, struct frame *f);

#endif
