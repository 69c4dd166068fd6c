#include "client/backoff.h"

#include <assert.h>

uint32_t backoff_ms(const struct backoff *b, uint32_t tried, struct rng *rng)
{
    assert(b->min_ms > 0 && b->min_ms <= b->max_ms && tried > 0);
    uint64_t window = b->min_ms;
    for (uint32_t i = 0; i < tried && window < b->max_ms; i++)
        window *= 2;
    if (window > b->max_ms)
        window = b->max_ms;
    /* Never at once: who is refused immediately would ask without a pause. */
    return (uint32_t)(b->min_ms + rng_below(rng, window - b->min_ms + 1));
}
