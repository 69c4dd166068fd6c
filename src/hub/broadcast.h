/* broadcast: messages from one member of a topic, or over HTTP, to its members on every shard
 * (protocol, sections 7.3 and 7.4).  Shard thread only. */
#ifndef HUB_BROADCAST_H
#define HUB_BROADCAST_H

#include "hub/state.h"

/* A `broadcast` message of that channel's peer, as text or as a binary kind 3. */
void broadcast_recv(struct hub *h, struct channel *ch, const struct phx_message *m);
/* To the members of the topic here and on all other shards, but for `from` (NULL: nobody) if it
 * does not want its own.  Without memory it is dropped, and counted. */
void broadcast_send(struct hub *h, const struct hub_broadcast *b, const struct channel *from);
/* To the members here alone, as all other shards are told otherwise. */
void broadcast_here(struct hub *h, const struct hub_broadcast *b, const struct channel *from);
/* The wire bytes for one version; `*out` is NULL when it gets nothing.  ERR_NOMEM, and then NULL
 * too. */
MUST_USE enum err broadcast_encode(struct hub *h, const struct hub_broadcast *b, enum phx_version v,
                                   struct frame **out);

#endif
