/* broadcast: messages from one member of a topic to the others (protocol, section 7.3).  Shard
 * thread only. */
#ifndef HUB_BROADCAST_H
#define HUB_BROADCAST_H

#include "hub/state.h"

/* A `broadcast` message of that channel's peer, as text or as a binary kind 3. */
void broadcast_recv(struct hub *h, struct channel *ch, const struct phx_message *m);

#endif
