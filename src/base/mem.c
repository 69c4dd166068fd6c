#include "base/mem.h"

#include <stdalign.h>
#include <stdlib.h>

enum {
    ARENA_ALIGN = 16,
    ARENA_CHUNK_MIN = 4096,
    ARENA_CHUNK_MAX = 256 * 1024, /* unless one block wants more */
};

struct arena_chunk {
    struct arena_chunk *next; /* the older one */
    size_t size;              /* of the room behind this header */
    alignas(ARENA_ALIGN) char room[];
};

static _Thread_local uint64_t fail_countdown; /* 0: off; 1: the next one fails */
static _Thread_local bool fail_hit;

static bool must_fail(void)
{
    if (fail_countdown == 0)
        return false;
    if (fail_countdown > 1) {
        fail_countdown--;
        return false;
    }
    fail_hit = true;
    return true;
}

void *mem_alloc(size_t size)
{
    return must_fail() ? NULL : malloc(size ? size : 1);
}

void *mem_zalloc(size_t size)
{
    return must_fail() ? NULL : calloc(1, size ? size : 1);
}

void *mem_realloc(void *p, size_t size)
{
    return must_fail() ? NULL : realloc(p, size ? size : 1);
}

void *mem_array(size_t count, size_t size)
{
    size_t total;
    if (__builtin_mul_overflow(count, size, &total))
        return NULL;
    return mem_zalloc(total);
}

void mem_free(void *p)
{
    free(p);
}

char *mem_copy(struct bytes b)
{
    char *copy = b.size < SIZE_MAX ? mem_alloc(b.size + 1) : NULL;
    if (!copy)
        return NULL;
    if (b.size)
        memcpy(copy, b.data, b.size);
    copy[b.size] = '\0';
    return copy;
}

void mem_fail_at(uint64_t n)
{
    fail_countdown = n;
    fail_hit = false;
}

bool mem_fail_hit(void)
{
    return fail_hit;
}

void arena_init(struct arena *a, size_t max)
{
    *a = (struct arena){.max = max};
}

static void drop_newest(struct arena *a)
{
    struct arena_chunk *c = a->chunk;
    a->chunk = c->next;
    a->total -= c->size;
    mem_free(c);
}

void arena_done(struct arena *a)
{
    while (a->chunk)
        drop_newest(a);
    a->used = 0;
}

void arena_reset(struct arena *a)
{
    while (a->chunk && a->chunk->next)
        drop_newest(a);
    a->used = 0;
}

/* As much again as there is already, so that the number of chunks stays small. */
static size_t chunk_size(const struct arena *a, size_t wanted)
{
    size_t size = a->total;
    if (size < ARENA_CHUNK_MIN)
        size = ARENA_CHUNK_MIN;
    if (size > ARENA_CHUNK_MAX)
        size = ARENA_CHUNK_MAX;
    if (size > a->max - a->total)
        size = a->max - a->total;
    return size > wanted ? size : wanted;
}

static bool add_chunk(struct arena *a, size_t wanted)
{
    if (wanted > a->max - a->total)
        return false;
    size_t size = chunk_size(a, wanted);
    if (size > SIZE_MAX - sizeof(struct arena_chunk))
        return false;
    struct arena_chunk *c = mem_alloc(sizeof(*c) + size);
    if (!c)
        return false;
    c->next = a->chunk;
    c->size = size;
    a->chunk = c;
    a->total += size;
    a->used = 0;
    return true;
}

void *arena_alloc(struct arena *a, size_t size)
{
    /* `used` is rounded up, not the size: the last block may end at the very limit. */
    size_t at = (a->used + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
    if (!a->chunk || at > a->chunk->size || size > a->chunk->size - at) {
        if (!add_chunk(a, size))
            return NULL;
        at = 0;
    }
    a->used = at + (size ? size : 1);
    return a->chunk->room + at;
}

void *arena_zalloc(struct arena *a, size_t size)
{
    void *p = arena_alloc(a, size);
    return p ? memset(p, 0, size) : NULL;
}

void *arena_array(struct arena *a, size_t count, size_t size)
{
    size_t total;
    if (__builtin_mul_overflow(count, size, &total))
        return NULL;
    return arena_zalloc(a, total);
}

struct bytes arena_copy(struct arena *a, struct bytes b)
{
    char *copy = b.size < SIZE_MAX ? arena_alloc(a, b.size + 1) : NULL;
    if (!copy)
        return (struct bytes){NULL, 0};
    if (b.size)
        memcpy(copy, b.data, b.size);
    copy[b.size] = '\0';
    return (struct bytes){copy, b.size};
}
