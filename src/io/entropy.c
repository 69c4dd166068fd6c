#include "io/entropy.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

void entropy_fill(void *out, size_t size)
{
    char *at = out;
    while (size > 0) {
        ssize_t got = getrandom(at, size, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            abort();
        at += got;
        size -= (size_t)got;
    }
}

uint64_t entropy_u64(void)
{
    uint64_t n;
    entropy_fill(&n, sizeof(n));
    return n;
}
