/* token_cache: tokens that have been verified, so that a signature is checked once and not with
 * every request.
 *
 * Bounded: a table of small sets; the entry of a set that was used longest ago leaves.  An entry is
 * found by a part of the signature, then compared wholly; its expiry is checked at each use.  Only
 * good tokens are kept.  Owns its copies. Shard thread only. */
#ifndef API_TOKEN_CACHE_H
#define API_TOKEN_CACHE_H

#include "auth/token.h"

enum { TOKEN_CACHE_COUNT = 1024, TOKEN_CACHE_SIZE_MAX = 2048 /* longer tokens are not kept */ };

struct token_cache;

/* `seed` is secret and random. */
MUST_USE enum err token_cache_new(uint64_t seed, struct token_cache **out);
/* Takes NULL. */
void token_cache_free(struct token_cache *c);
/* As token_verify; a cache that is NULL, or without memory, only costs time. */
MUST_USE enum token_fault token_cache_verify(struct token_cache *c,
                                             const unsigned char secret[TOKEN_SECRET_SIZE],
                                             struct bytes token, int64_t now_s, struct claims *out);
/* Answered without checking a signature, since the start. */
uint64_t token_cache_hits(const struct token_cache *c);

#endif
