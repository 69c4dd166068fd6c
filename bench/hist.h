/* hist: how long things took, as counts in steps of about 3 %, so that a million of them cost no
 * memory and can be handed to another process.  Microseconds, up to hours.  A zeroed one is empty. */
#ifndef BENCH_HIST_H
#define BENCH_HIST_H

#include "base/bytes.h"

enum { HIST_STEPS = 32, HIST_POWERS = 28 };

struct hist {
    uint64_t count, max; /* max: exact */
    uint64_t at[HIST_STEPS * HIST_POWERS];
};

/* `count` things took `us` each. */
void hist_add(struct hist *h, uint64_t us, uint64_t count);
void hist_merge(struct hist *h, const struct hist *more);
/* What a share (0..1) of all stayed within; 0 when there are none. */
uint64_t hist_percentile(const struct hist *h, double share);

#endif
