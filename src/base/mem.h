/* mem: memory from the heap, and arenas.  One place, so that tests can fail the nth allocation.
 * Any thread; an arena belongs to one thread at a time. */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include "base/bytes.h"

/* NULL when there is none.  A size of 0 gives a pointer that may be freed. */
MUST_USE void *mem_alloc(size_t size);
MUST_USE void *mem_zalloc(size_t size);
/* As realloc: on NULL the old block is still the caller's. */
MUST_USE void *mem_realloc(void *p, size_t size);
/* Zeroed; NULL when count * size overflows. */
MUST_USE void *mem_array(size_t count, size_t size);
/* Takes NULL. */
void mem_free(void *p);
/* A copy with a zero behind it, from the heap. */
MUST_USE char *mem_copy(struct bytes b);

/* Asks the processor for the cache line at `p`, which will be wanted soon; any pointer, NULL too. */
#define PREFETCH(p) __builtin_prefetch(p)
enum { CACHE_LINE = 64 }; /* bytes */

/* Tests only: the allocation number `n` from now on in this thread (1 is the next) and all after
 * it fail; 0 turns this off.  mem_fail_hit tells whether an allocation has failed since. */
void mem_fail_at(uint64_t n);
bool mem_fail_hit(void);

/* arena: many small blocks with one end.  Blocks are aligned to 16.  Never gives memory back before
 * arena_reset (keeps the first chunk) or arena_done.  `max` bounds the sum of all chunks. */
struct arena {
    struct arena_chunk *chunk; /* newest first; owned */
    size_t used;               /* of the newest chunk, bytes */
    size_t total;              /* of all chunks, bytes */
    size_t max;
};

void arena_init(struct arena *a, size_t max);
void arena_done(struct arena *a);
void arena_reset(struct arena *a);
/* NULL when there is no memory, or `max` would be passed. */
MUST_USE void *arena_alloc(struct arena *a, size_t size);
MUST_USE void *arena_zalloc(struct arena *a, size_t size);
MUST_USE void *arena_array(struct arena *a, size_t count, size_t size);
/* Copies the bytes, with a zero behind them.  data is NULL when there is no memory. */
struct bytes arena_copy(struct arena *a, struct bytes b);

#endif
