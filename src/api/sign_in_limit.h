/* sign_in_limit: how often a sign-in may be tried for one email address: SIGN_IN_BURST tries at
 * once, then one per SIGN_IN_PERIOD_US (a token bucket, kept as the time at which it will be full
 * again).
 *
 * Bounded: a table of small sets; of a full set the address leaves that is nearest to a full
 * bucket.  Shard thread only. */
#ifndef API_SIGN_IN_LIMIT_H
#define API_SIGN_IN_LIMIT_H

#include "base/bytes.h"

enum { SIGN_IN_BURST = 10, SIGN_IN_LIMIT_COUNT = 4096 };
#define SIGN_IN_PERIOD_US INT64_C(5000000)

struct sign_in_limit;

/* `seed` is secret and random. */
MUST_USE enum err sign_in_limit_new(uint64_t seed, struct sign_in_limit **out);
/* Takes NULL. */
void sign_in_limit_free(struct sign_in_limit *l);
/* Counts one try; the case of ASCII letters does not matter.  0: go on; else the microseconds after
 * which a try may succeed, and nothing was counted. */
MUST_USE int64_t sign_in_limit_try(struct sign_in_limit *l, struct bytes email, int64_t now_us);

#endif
