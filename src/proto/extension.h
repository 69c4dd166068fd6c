/* extension: the negotiation of permessage-deflate in the opening handshake (RFC 6455, 9.1;
 * RFC 7692, 5 and 7.1), server side.  Neither side ever keeps context from one message to the next.
 * Pure. */
#ifndef PROTO_EXTENSION_H
#define PROTO_EXTENSION_H

#include "proto/deflate.h"

/* Zeroed before the first field is read. */
struct extension_choice {
    enum deflate_window window; /* of what the server sends; DEFLATE_NONE: no offer was accepted */
    bool is_window_asked;       /* the offer limits it, so the answer must name it */
};

enum { EXTENSION_ANSWER_MAX = 160 }; /* bytes */

/* The value of one Sec-WebSocket-Extensions field; several are read one after the other.  The first
 * offer that can be kept is chosen; other extensions, and offers with parameters that are unknown,
 * doubled or out of range, are passed over.  ERR_SYNTAX: not the grammar, the handshake must fail.
 */
MUST_USE enum err extension_read(struct extension_choice *c, struct bytes value);
/* The header line of the answer; nothing when no offer was accepted. */
void extension_put_answer(struct buf *out, const struct extension_choice *c);

#endif
