/* base64: RFC 4648, standard alphabet with padding, and the URL alphabet without. */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include "base/buf.h"

void base64_encode(struct buf *out, struct bytes in);
void base64url_encode(struct buf *out, struct bytes in);
/* Appends the decoded bytes.  Strict: no white space, no stray bits, padding as the form demands.
 * ERR_SYNTAX; or the buffer's error. */
MUST_USE enum err base64_decode(struct buf *out, struct bytes in);
MUST_USE enum err base64url_decode(struct buf *out, struct bytes in);

#endif
