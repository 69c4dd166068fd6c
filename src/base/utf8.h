/* utf8: RFC 3629. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include "base/bytes.h"

/* Incremental check: start with 0, feed pieces, valid so far unless UTF8_REJECT; complete only at
 * UTF8_ACCEPT.  Overlong forms, surrogates and values past U+10FFFF are rejected. */
enum { UTF8_ACCEPT = 0, UTF8_REJECT = 1 };
uint32_t utf8_feed(uint32_t state, struct bytes piece);
bool utf8_is_valid(struct bytes b);
/* The size of the valid sequence that `b` begins with, 1..4; 0 when it begins with none. */
size_t utf8_first_size(struct bytes b);
/* Writes 1..4 bytes, returns how many; 0 for a surrogate or a value past U+10FFFF. */
size_t utf8_encode(uint32_t code_point, char out[4]);
/* Number of code points of valid text. */
size_t utf8_length(struct bytes b);

#endif
