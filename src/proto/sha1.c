#include "proto/sha1.h"

enum { BLOCK_SIZE = 64, LENGTH_SIZE = 8 };

static uint32_t rotate_left(uint32_t x, unsigned bits)
{
    return x << bits | x >> (32 - bits);
}

static uint32_t load_be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void store_be(uint8_t *out, uint64_t n, size_t size)
{
    for (size_t i = size; i-- > 0; n >>= 8)
        out[i] = (uint8_t)n;
}

/* The message schedule, 6.1.2 step 1. */
static void expand(const uint8_t *block, uint32_t w[80])
{
    for (size_t t = 0; t < 16; t++)
        w[t] = load_be32(block + 4 * t);
    for (size_t t = 16; t < 80; t++)
        w[t] = rotate_left(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);
}

/* The functions of 4.1.1 with the constants of 4.2.1 added. */
static uint32_t mix(size_t t, uint32_t b, uint32_t c, uint32_t d)
{
    if (t < 20)
        return ((b & c) ^ (~b & d)) + 0x5a827999u;
    if (t < 40)
        return (b ^ c ^ d) + 0x6ed9eba1u;
    if (t < 60)
        return ((b & c) ^ (b & d) ^ (c & d)) + 0x8f1bbcdcu;
    return (b ^ c ^ d) + 0xca62c1d6u;
}

static void add_block(uint32_t h[5], const uint8_t *block)
{
    uint32_t w[80];
    expand(block, w);
    uint32_t a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
    for (size_t t = 0; t < 80; t++) {
        uint32_t next = rotate_left(a, 5) + mix(t, b, c, d) + e + w[t];
        e = d;
        d = c;
        c = rotate_left(b, 30);
        b = a;
        a = next;
    }
    h[0] += a;
    h[1] += b;
    h[2] += c;
    h[3] += d;
    h[4] += e;
}

/* What is left of the message, the bit 1, zeros, and the length in bits (5.1.1): one or two blocks.
 */
static void add_tail(uint32_t h[5], const uint8_t *rest, size_t rest_size, uint64_t total_size)
{
    uint8_t tail[2 * BLOCK_SIZE] = {0};
    memcpy(tail, rest, rest_size);
    tail[rest_size] = 0x80;
    size_t size = rest_size + 1 + LENGTH_SIZE <= BLOCK_SIZE ? BLOCK_SIZE : 2 * BLOCK_SIZE;
    store_be(tail + size - LENGTH_SIZE, total_size * 8, LENGTH_SIZE);
    for (size_t at = 0; at < size; at += BLOCK_SIZE)
        add_block(h, tail + at);
}

void sha1(struct bytes in, uint8_t out[SHA1_SIZE])
{
    uint32_t h[5] = {0x67452301u, 0xefcdab89u, 0x98badcfeu, 0x10325476u, 0xc3d2e1f0u};
    const uint8_t *data = (const uint8_t *)(in.data ? in.data : "");
    size_t whole = in.size / BLOCK_SIZE * BLOCK_SIZE;
    for (size_t at = 0; at < whole; at += BLOCK_SIZE)
        add_block(h, data + at);
    add_tail(h, data + whole, in.size - whole, in.size);
    for (size_t i = 0; i < 5; i++)
        store_be(out + 4 * i, h[i], 4);
}
