/* backoff: when to try again: exponential, with full jitter, so that many clients that lost the same
 * server do not come back together.  Pure. */
#ifndef CLIENT_BACKOFF_H
#define CLIENT_BACKOFF_H

#include <stdint.h>

#include "base/rng.h"

struct backoff {
    uint32_t min_ms; /* the first window; min_ms <= max_ms */
    uint32_t max_ms;
};

/* The wait before the next try after `tried` (at least 1) in vain: from min_ms to min_ms * 2^tried,
 * at most max_ms. */
uint32_t backoff_ms(const struct backoff *b, uint32_t tried, struct rng *rng);

#endif
