/* sign_in_limit: how often a sign-in may be tried for one email address.
 *
 * Bounded: a table of small sets; of a full set the address leaves that is nearest to a full
 * bucket.  Shard thread only. */
#ifndef API_SIGN_IN_LIMIT_H
#define API_SIGN_IN_LIMIT_H

#include "base/bytes.h"
#include "base/rate.h"

enum { SIGN_IN_LIMIT_COUNT = 4096 };

struct sign_in_limit;

/* `seed` is secret and random. */
MUST_USE enum err sign_in_limit_new(uint64_t seed, struct rate_limit limit,
                                    struct sign_in_limit **out);
/* Takes NULL. */
void sign_in_limit_free(struct sign_in_limit *l);
/* Counts one try; the case of ASCII letters does not matter.  0: go on; else the microseconds after
 * which a try may succeed, and nothing was counted. */
MUST_USE int64_t sign_in_limit_try(struct sign_in_limit *l, struct bytes email, int64_t now_us);

#endif
