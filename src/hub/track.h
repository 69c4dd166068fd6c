/* track: presence as the channels of this hub live it (protocol, section 7.6): what they say of
 * themselves, and what they are told of others, on this shard and on all.
 *
 * A diff says what has changed since the turn before: one frame per wire version for all members.
 * Who tracks again and again is heard at once, and then once per window, with what was said last.
 * A member whose outbox is full misses diffs, and gets the whole state when there is room.  Shard
 * thread only. */
#ifndef HUB_TRACK_H
#define HUB_TRACK_H

#include "hub/relay.h"
#include "hub/state.h"

/* The key that the join gives (size 0: one is made up at the first track).  ERR_NOMEM. */
MUST_USE enum err track_set_key(struct hub *h, struct channel *ch, struct bytes key);
/* Tells the channel who is present, now and from now on. */
void track_join(struct hub *h, struct channel *ch);
/* A `presence` message of that channel's peer. */
void track_recv(struct hub *h, struct channel *ch, const struct phx_message *m);
/* The channel goes. */
void track_leave(struct hub *h, struct channel *ch);
/* ch->rights were `before`. */
void track_set_rights(struct hub *h, struct channel *ch, uint8_t before);

/* RELAY_PRESENT and RELAY_GONE.  ERR_NOMEM: nothing has changed. */
MUST_USE enum err track_relayed(struct hub *h, const struct relay_message *m);
/* Says what has changed. */
void track_flush(struct hub *h);
/* The whole state to those channels of the connection that have missed something. */
void track_refresh(struct hub *h, struct conn *c);
void track_tick(struct hub *h);
/* When track_tick is due; INT64_MAX: never. */
int64_t track_deadline(const struct hub *h);

#endif
