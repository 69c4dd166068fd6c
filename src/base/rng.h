/* rng: seeded pseudo-random numbers (xoshiro256**), for jitter, ids that are no secrets, and
 * simulation.  Secrets come from io/entropy.  One thread at a time. */
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include "base/bytes.h"

struct rng {
    uint64_t state[4];
};

/* Any seed is good: it is spread by splitmix64. */
void rng_init(struct rng *r, uint64_t seed);
uint64_t rng_next(struct rng *r);
/* Uniform in 0 .. bound - 1, without bias; bound > 0. */
uint64_t rng_below(struct rng *r, uint64_t bound);

/* The length of a uuid's text form. */
enum { UUID_SIZE = 36 };
/* 36 lower-case characters, no zero: version 4, and version 7 of a time in milliseconds (RFC 9562).
 */
void rng_uuid4(struct rng *r, char out[UUID_SIZE]);
void rng_uuid7(struct rng *r, int64_t unix_ms, char out[UUID_SIZE]);
/* 8-4-4-4-12 hex digits of any case. */
bool uuid_is_valid(struct bytes b);

#endif
