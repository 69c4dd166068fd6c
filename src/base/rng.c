#include "base/rng.h"

#include <assert.h>

static uint64_t splitmix64(uint64_t *state)
{
    *state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = *state;
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static uint64_t rotate(uint64_t n, unsigned by)
{
    return (n << by) | (n >> (64 - by));
}

void rng_init(struct rng *r, uint64_t seed)
{
    for (size_t i = 0; i < 4; i++)
        r->state[i] = splitmix64(&seed);
}

uint64_t rng_next(struct rng *r)
{
    uint64_t *s = r->state;
    uint64_t result = rotate(s[1] * 5, 7) * 9;
    uint64_t shifted = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotate(s[3], 45);
    return result;
}

uint64_t rng_below(struct rng *r, uint64_t bound)
{
    assert(bound > 0);
    /* The first 2^64 mod bound values would make some results likelier than others. */
    uint64_t biased = (0 - bound) % bound;
    uint64_t n;
    do
        n = rng_next(r);
    while (n < biased);
    return n % bound;
}

static bool is_dash_place(size_t i)
{
    return i == 8 || i == 13 || i == 18 || i == 23;
}

static void write_uuid(uint64_t high, uint64_t low, char out[UUID_SIZE])
{
    static const char digits[16] = "0123456789abcdef";
    unsigned nibble = 0;
    for (size_t i = 0; i < UUID_SIZE; i++) {
        if (is_dash_place(i)) {
            out[i] = '-';
            continue;
        }
        uint64_t half = nibble < 16 ? high : low;
        out[i] = digits[(half >> (60 - nibble % 16 * 4)) & 0xf];
        nibble++;
    }
}

static uint64_t with_variant(uint64_t low)
{
    return (low & UINT64_C(0x3fffffffffffffff)) | UINT64_C(0x8000000000000000);
}

void rng_uuid4(struct rng *r, char out[UUID_SIZE])
{
    uint64_t high = (rng_next(r) & ~UINT64_C(0xf000)) | UINT64_C(0x4000);
    write_uuid(high, with_variant(rng_next(r)), out);
}

void rng_uuid7(struct rng *r, int64_t unix_ms, char out[UUID_SIZE])
{
    uint64_t high = ((uint64_t)unix_ms << 16) | UINT64_C(0x7000) | (rng_next(r) >> 52);
    write_uuid(high, with_variant(rng_next(r)), out);
}

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool uuid_is_valid(struct bytes b)
{
    if (b.size != UUID_SIZE)
        return false;
    for (size_t i = 0; i < UUID_SIZE; i++) {
        if (is_dash_place(i) ? b.data[i] != '-' : !is_hex(b.data[i]))
            return false;
    }
    return true;
}
