#include "api/token_cache.h"

#include "base/mem.h"

enum {
    WAYS = 4,
    SETS = TOKEN_CACHE_COUNT / WAYS,
    HASHED_SIZE = 16 /* of the signature: 96 random bits */
};

struct entry {
    uint64_t hash;
    uint64_t used; /* the clock at the last use; 0: empty */
    char *token;   /* owned */
    size_t size;
    struct claims claims;
};

struct token_cache {
    uint64_t seed, clock, hits;
    struct entry entries[SETS][WAYS];
};

enum err token_cache_new(uint64_t seed, struct token_cache **out)
{
    struct token_cache *c = mem_zalloc(sizeof(*c));
    if (!c)
        return ERR_NOMEM;
    c->seed = seed;
    *out = c;
    return OK;
}

static void forget(struct entry *e)
{
    mem_free(e->token);
    *e = (struct entry){0};
}

void token_cache_free(struct token_cache *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < TOKEN_CACHE_COUNT; i++)
        forget(&c->entries[i / WAYS][i % WAYS]);
    mem_free(c);
}

/* Good tokens that differ have signatures that differ; nobody can make one who does not hold the
 * secret. */
static uint64_t hash_of(const struct token_cache *c, struct bytes token)
{
    size_t from = token.size > HASHED_SIZE ? token.size - HASHED_SIZE : 0;
    return bytes_hash(bytes_slice(token, from, token.size), c->seed);
}

static struct entry *find(struct entry set[WAYS], uint64_t hash, struct bytes token)
{
    for (size_t i = 0; i < WAYS; i++) {
        struct entry *e = &set[i];
        if (e->used && e->hash == hash && bytes_equal((struct bytes){e->token, e->size}, token))
            return e;
    }
    return NULL;
}

static struct entry *oldest(struct entry set[WAYS])
{
    struct entry *found = &set[0];
    for (size_t i = 1; i < WAYS; i++) {
        if (set[i].used < found->used)
            found = &set[i];
    }
    return found;
}

static void keep(struct token_cache *c, struct entry set[WAYS], struct bytes token,
                 const struct claims *claims)
{
    char *copy = token.size <= TOKEN_CACHE_SIZE_MAX ? mem_copy(token) : NULL;
    if (!copy)
        return;
    struct entry *e = oldest(set);
    forget(e);
    *e = (struct entry){.hash = hash_of(c, token),
                        .used = ++c->clock,
                        .token = copy,
                        .size = token.size,
                        .claims = *claims};
}

enum token_fault token_cache_verify(struct token_cache *c,
                                    const unsigned char secret[TOKEN_SECRET_SIZE],
                                    struct bytes token, int64_t now_s, struct claims *out)
{
    if (!c)
        return token_verify(secret, token, now_s, out);
    uint64_t hash = hash_of(c, token);
    struct entry *set = c->entries[hash % SETS];
    struct entry *e = find(set, hash, token);
    if (e && now_s < e->claims.expires_s) {
        e->used = ++c->clock;
        c->hits++;
        *out = e->claims;
        return TOKEN_OK;
    }
    if (e)
        forget(e);
    enum token_fault fault = token_verify(secret, token, now_s, out);
    if (fault == TOKEN_OK)
        keep(c, set, token, out);
    return fault;
}

uint64_t token_cache_hits(const struct token_cache *c)
{
    return c->hits;
}
