/* bytes: a borrowed run of bytes.  Never owns; text is UTF-8 and has no terminating zero. */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"

struct bytes {
    const char *data;
    size_t size;
};

/* A string literal as bytes, without its zero.  BYTES_INIT is for static initialisers. */
#define BYTES(literal) ((struct bytes){("" literal), sizeof(literal) - 1})
/* clang-format off */
#define BYTES_INIT(literal) {("" literal), sizeof(literal) - 1}
/* clang-format on */

static inline struct bytes bytes_of(const char *zero_terminated)
{
    return (struct bytes){zero_terminated, strlen(zero_terminated)};
}

static inline bool bytes_equal(struct bytes a, struct bytes b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/* `from` and `to` are clamped to the size. */
struct bytes bytes_slice(struct bytes b, size_t from, size_t to);
/* memcmp order, the shorter first. */
int bytes_compare(struct bytes a, struct bytes b);
/* ASCII case only, as HTTP header names want it. */
bool bytes_equal_nocase(struct bytes a, struct bytes b);
bool bytes_starts_with(struct bytes b, struct bytes prefix);
bool bytes_ends_with(struct bytes b, struct bytes suffix);
/* Index of the first `c`, or b.size. */
size_t bytes_find_char(struct bytes b, char c);
/* Index of the first `needle`, or b.size. */
size_t bytes_find(struct bytes b, struct bytes needle);
/* Without spaces and tabs at either end. */
struct bytes bytes_trim(struct bytes b);
/* Takes what stands before the first `separator` into `out`, and leaves what stands behind it in
 * `*rest`.  False, with nothing changed, when *rest is empty with data NULL (all taken). */
bool bytes_split(struct bytes *rest, char separator, struct bytes *out);
/* 64-bit hash of the bytes (FNV-1a folded with the seed); not for secrets. */
uint64_t bytes_hash(struct bytes b, uint64_t seed);
/* Decimal digits only, with an optional leading '-' for i64.  ERR_SYNTAX, ERR_RANGE. */
MUST_USE enum err bytes_to_u64(struct bytes b, uint64_t *out);
MUST_USE enum err bytes_to_i64(struct bytes b, int64_t *out);

#endif
