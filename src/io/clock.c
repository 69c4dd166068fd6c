#include "io/clock.h"

#include <assert.h>
#include <time.h>

int64_t clock_now_us(void)
{
    struct timespec t;
    int failed = clock_gettime(CLOCK_REALTIME, &t);
    assert(!failed);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}
