#include "base/histogram.h"

const uint64_t histogram_times[HISTOGRAM_BOUNDS] = {
    50,    100,   250,    500,    1000,   2500,    5000,    10000,
    25000, 50000, 100000, 250000, 500000, 1000000, 2500000, 10000000};
const uint64_t histogram_sizes[HISTOGRAM_BOUNDS] = {1,   2,   4,    8,    16,   32,   64,    128,
                                                    256, 512, 1024, 2048, 4096, 8192, 16384, 32768};

void histogram_add(struct histogram *h, const uint64_t bounds[HISTOGRAM_BOUNDS], int64_t value,
                   uint64_t count)
{
    uint64_t v = value < 0 ? 0 : (uint64_t)value;
    int i = 0;
    while (i < HISTOGRAM_BOUNDS && v > bounds[i])
        i++;
    h->counts[i] += count;
    h->sum += v * count;
}
