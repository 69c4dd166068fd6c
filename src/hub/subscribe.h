/* subscribe: phx_join, from the request to the last message that answers it (protocol, section 4).
 * The subscription lives before the reply is written, and the reply leaves before its first event.
 * Shard thread only. */
#ifndef HUB_SUBSCRIBE_H
#define HUB_SUBSCRIBE_H

#include "hub/state.h"

/* `old`: the channel that the connection has on that topic already, or NULL; it ends. */
void subscribe_recv(struct hub *h, struct conn *c, struct channel *old,
                    const struct phx_message *m);
/* Why a token is no good, in the words of section 5.2. */
void subscribe_put_fault(struct buf *out, enum token_fault fault, int64_t expired_s);

#endif
