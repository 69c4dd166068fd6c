/* histogram: how many values were how big, in a fixed number of buckets, so that histograms can be
 * added up field by field.  Nothing but uint64_t in it.  One thread. */
#ifndef BASE_HISTOGRAM_H
#define BASE_HISTOGRAM_H

#include <stdint.h>

enum { HISTOGRAM_BOUNDS = 16 };

struct histogram {
    uint64_t counts[HISTOGRAM_BOUNDS + 1]; /* up to the bound and above the one before; above all */
    uint64_t sum;
};

/* 50 us to 10 s, for durations in microseconds; 1 to 32,768 by doubling, for sizes. */
extern const uint64_t histogram_times[HISTOGRAM_BOUNDS];
extern const uint64_t histogram_sizes[HISTOGRAM_BOUNDS];

/* `count` values of this size; below zero counts as zero (a clock was set). */
void histogram_add(struct histogram *h, const uint64_t bounds[HISTOGRAM_BOUNDS], int64_t value,
                   uint64_t count);

#endif
