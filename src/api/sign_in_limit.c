#include "api/sign_in_limit.h"

#include "base/mem.h"

enum { WAYS = 4, SETS = SIGN_IN_LIMIT_COUNT / WAYS, EMAIL_HASHED_MAX = 256 };

struct bucket {
    uint64_t hash;
    int64_t full_us; /* when it will be full again: an empty place is long full */
};

struct sign_in_limit {
    uint64_t seed;
    struct bucket buckets[SETS][WAYS];
};

enum err sign_in_limit_new(uint64_t seed, struct sign_in_limit **out)
{
    struct sign_in_limit *l = mem_zalloc(sizeof(*l));
    if (!l)
        return ERR_NOMEM;
    l->seed = seed;
    for (size_t i = 0; i < SIGN_IN_LIMIT_COUNT; i++)
        l->buckets[i / WAYS][i % WAYS].full_us = INT64_MIN;
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
        if (set[i].hash == hash && set[i].full_us != INT64_MIN)
            return &set[i];
        if (set[i].full_us < fullest->full_us)
            fullest = &set[i];
    }
    *fullest = (struct bucket){hash, INT64_MIN};
    return fullest;
}

int64_t sign_in_limit_try(struct sign_in_limit *l, struct bytes email, int64_t now_us)
{
    uint64_t hash = hash_of(l, email);
    struct bucket *b = find(l->buckets[hash % SETS], hash);
    int64_t full_us = b->full_us > now_us ? b->full_us : now_us;
    int64_t wait_us = full_us - now_us - (SIGN_IN_BURST - 1) * SIGN_IN_PERIOD_US;
    if (wait_us > 0)
        return wait_us;
    b->full_us = full_us + SIGN_IN_PERIOD_US;
    return 0;
}
