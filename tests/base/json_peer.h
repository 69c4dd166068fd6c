/* json_peer: what jansson says of a text.  Apart from the test, as its names clash with base/json.
 */
#ifndef TESTS_JSON_PEER_H
#define TESTS_JSON_PEER_H

#include "base/bytes.h"

/* Out of scope is what jansson alone refuses by design: lone surrogates, numbers that no C type
 * holds, names with a zero byte. */
enum peer_answer { PEER_REFUSED, PEER_ACCEPTED, PEER_OUT_OF_SCOPE };

enum peer_answer peer_read(struct bytes text);
/* Both are read and say the same value. */
bool peer_is_equal(struct bytes a, struct bytes b);

#endif
