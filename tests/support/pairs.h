/* pairs: how many random pairs a comparison makes, and from which seed: HOMEBAKE_PAIRS and
 * HOMEBAKE_SEED in the environment, else what the unit tests take.  What was compared is printed,
 * so that a difference can be had again. */
#ifndef SUPPORT_PAIRS_H
#define SUPPORT_PAIRS_H

#include "check.h"

enum { PAIRS_DEFAULT = 20000, PAIRS_SEED_DEFAULT = 20260821 };

static inline uint64_t pairs_number(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    uint64_t n;
    if (!text)
        return otherwise;
    if (bytes_to_u64(bytes_of(text), &n))
        fail_msg("%s is not a number: %s", name, text);
    return n;
}

static inline uint64_t pairs_count(void)
{
    return pairs_number("HOMEBAKE_PAIRS", PAIRS_DEFAULT);
}

static inline uint64_t pairs_seed(void)
{
    return pairs_number("HOMEBAKE_SEED", PAIRS_SEED_DEFAULT);
}

static inline void pairs_report(const char *of, uint64_t compared, uint64_t held)
{
    print_message("%s: %llu pairs from seed %llu, %llu of them true, no difference\n", of,
                  (unsigned long long)compared, (unsigned long long)pairs_seed(),
                  (unsigned long long)held);
}

#endif
