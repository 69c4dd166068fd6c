/* message: what peers say in Phoenix messages, and where it goes (protocol, section 3).  Shard
 * thread only. */
#ifndef HUB_MESSAGE_H
#define HUB_MESSAGE_H

#include "hub/state.h"

/* One whole text or binary message.  What is malformed is counted and dropped. */
void message_recv(struct hub *h, struct conn *c, enum ws_opcode opcode, struct bytes payload);
/* phx_reply to `m`; the response is h->response. */
void message_reply(struct hub *h, struct conn *c, const struct phx_message *m,
                   struct bytes join_ref, bool is_ok);
/* phx_reply with status ok and {}. */
void message_acknowledge(struct hub *h, struct conn *c, const struct phx_message *m,
                         struct bytes join_ref);
/* phx_reply with status error and {"reason":<reason>}. */
void message_refuse(struct hub *h, struct conn *c, const struct phx_message *m,
                    struct bytes join_ref, struct bytes reason);

#endif
