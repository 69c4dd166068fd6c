/* rate: how often something may be done: `burst` times at once, then once a period.  A token bucket,
 * kept as the time at which it will be full again, so that one costs eight bytes and no work while
 * nothing happens.  Knows no clock. */
#ifndef BASE_RATE_H
#define BASE_RATE_H

#include <stdbool.h>
#include <stdint.h>

struct rate_limit {
    uint32_t burst;    /* at least 1 */
    int64_t period_us; /* 0: no limit */
};

struct rate {
    int64_t full_us; /* INT64_MIN, or any time that has passed: full */
};

/* `per_second` is 1 to 1,000,000. */
struct rate_limit rate_per_second(uint32_t burst, uint32_t per_second);
/* Takes one.  0: go on; else the microseconds after which there will be one, and nothing was
 * taken. */
int64_t rate_take(struct rate *r, const struct rate_limit *l, int64_t now_us);
/* Has nothing been taken for so long that all of the burst is there? */
bool rate_is_full(const struct rate *r, int64_t now_us);

#endif
