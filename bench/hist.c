/* A value below HIST_STEPS has a place of its own; above, each power of two is parted into
 * HIST_STEPS equal steps: place = power * HIST_STEPS + the bits below the highest one. */
#include "hist.h"

enum { STEP_BITS = 5, PLACES = HIST_STEPS * HIST_POWERS };
_Static_assert(1 << STEP_BITS == HIST_STEPS, "steps are a power of two");

static size_t place_of(uint64_t us)
{
    if (us < HIST_STEPS)
        return (size_t)us;
    unsigned power = 63U - (unsigned)__builtin_clzll(us) - STEP_BITS;
    size_t place = (size_t)(power + 1) * HIST_STEPS + (size_t)((us >> power) - HIST_STEPS);
    return place < PLACES ? place : PLACES - 1;
}

/* The greatest value that has this place. */
static uint64_t end_of(size_t place)
{
    if (place < HIST_STEPS)
        return place;
    unsigned power = (unsigned)(place / HIST_STEPS) - 1;
    return (((uint64_t)HIST_STEPS + place % HIST_STEPS + 1) << power) - 1;
}

void hist_add(struct hist *h, uint64_t us, uint64_t count)
{
    h->at[place_of(us)] += count;
    h->count += count;
    h->max = us > h->max ? us : h->max;
}

void hist_merge(struct hist *h, const struct hist *more)
{
    for (size_t i = 0; i < PLACES; i++)
        h->at[i] += more->at[i];
    h->count += more->count;
    h->max = more->max > h->max ? more->max : h->max;
}

uint64_t hist_percentile(const struct hist *h, double share)
{
    uint64_t wanted = (uint64_t)((double)h->count * share), seen = 0;
    for (size_t i = 0; i < PLACES; i++) {
        seen += h->at[i];
        if (seen > wanted)
            return end_of(i) < h->max ? end_of(i) : h->max;
    }
    return h->max;
}
