#include "api/sign_in_limit.h"

#include "base/mem.h"

enum { WAYS = 4, SETS = SIGN_IN_LIMIT_COUNT / WAYS, EMAIL_HASHED_MAX = 256 };

struct bucket {
    uint64_t hash;
    struct rate rate; /* an empty place is long full */
};

struct sign_in_limit {
    uint64_t seed;
    struct rate_limit limit;
    struct bucket buckets[SETS][WAYS];
};

enum err sign_in_limit_new(uint64_t seed, struct rate_limit limit, struct sign_in_limit **out)
{
    struct sign_in_limit *l = mem_zalloc(sizeof(*l));
    if (!l)
        return ERR_NOMEM;
    l->seed = seed;
    l->limit = limit;
    for (size_t i = 0; i < SIGN_IN_LIMIT_COUNT; i++)
        l->buckets[i / WAYS][i % WAYS].rate.full_us = INT64_MIN;
    *out = l;
    return OK;
}

void sign_in_limit_free(struct sign_in_limit *l)
{
    mem_free(l);
}

static uint64_t hash_of(const struct sign_in_limit *l, struct bytes email)
{
    char lower[EMAIL_HASHED_MAX];
    size_t size = email.size < sizeof(lower) ? email.size : sizeof(lower);
    for (size_t i = 0; i < size; i++) {
        char c = email.data[i];
        lower[i] = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
    }
    return bytes_hash((struct bytes){lower, size}, l->seed);
}

/* The bucket of that hash, or the fullest, taken over. */
static struct bucket *find(struct bucket set[WAYS], uint64_t hash)
{
    struct bucket *fullest = &set[0];
    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].hash == hash && set[i].rate.full_us != INT64_MIN)
            return &set[i];
        if (set[i].rate.full_us < fullest->rate.full_us)
            fullest = &set[i];
    }
    *fullest = (struct bucket){hash, {INT64_MIN}};
    return fullest;
}

int64_t sign_in_limit_try(struct sign_in_limit *l, struct bytes email, int64_t now_us)
{
    uint64_t hash = hash_of(l, email);
    struct bucket *b = find(l->buckets[hash % SETS], hash);
    return rate_take(&b->rate, &l->limit, now_us);
}
