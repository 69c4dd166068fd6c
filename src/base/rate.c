#include "base/rate.h"

struct rate_limit rate_per_second(uint32_t burst, uint32_t per_second)
{
    return (struct rate_limit){burst, INT64_C(1000000) / per_second};
}

int64_t rate_take(struct rate *r, const struct rate_limit *l, int64_t now_us)
{
    int64_t full_us = rate_is_full(r, now_us) ? now_us : r->full_us;
    if (full_us - now_us > (int64_t)l->burst * l->period_us)
        full_us = now_us; /* the clock was set back: nobody waits for it to come here again */
    int64_t wait_us = full_us - now_us - (int64_t)(l->burst - 1) * l->period_us;
    if (wait_us > 0)
        return wait_us;
    r->full_us = full_us + l->period_us;
    return 0;
}

bool rate_is_full(const struct rate *r, int64_t now_us)
{
    return r->full_us <= now_us;
}
