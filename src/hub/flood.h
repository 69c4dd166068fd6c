/* flood: how much one peer may say in a while.  Joins have a rate of their own, all other messages
 * but heartbeats, and leaves of what is joined, share another.  What is over it is refused, which
 * the peer is told; who goes on and on without a pause is sent away, with close code 1008.  Shard
 * thread only. */
#ifndef HUB_FLOOD_H
#define HUB_FLOOD_H

#include "hub/state.h"

void flood_set_limits(struct hub *h);
void flood_init(struct conn *c);
/* Counts a join.  False: refuse it; the connection may be at its end. */
bool flood_admits_join(struct hub *h, struct conn *c);
/* Counts another message; `ch`: the channel it is for, or NULL.  False: drop it; the connection, and
 * with it the channel, may be at its end. */
bool flood_admits_message(struct hub *h, struct conn *c, struct channel *ch);

#endif
