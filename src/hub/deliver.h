/* deliver: moves the cursors.  Those at the head share one frame per group; those behind replay
 * from the change log into the room they have.  Shard thread only. */
#ifndef HUB_DELIVER_H
#define HUB_DELIVER_H

#include "hub/state.h"

/* Committed changes, the first of which follows the head.  Changes of the staff take effect at
 * their place in the order.  ERR_RANGE: they do not follow; nothing was done. */
MUST_USE enum err deliver_changes(struct hub *h, struct change *const *items, size_t count);
/* Replays what fits for the channels of this connection that are behind.  Bounded work: goes on at
 * h->pump_at_us if need be. */
void deliver_pump(struct hub *h, struct conn *c);
/* Pumps the connections that wait for it. */
void deliver_tick(struct hub *h);
/* Pushes a frame that is not in the log (a broadcast) if there is room.  False: dropped. */
bool deliver_frame(struct hub *h, struct conn *c, struct frame *f);

#endif
