/* heap: a binary min-heap of intrusive nodes ordered by deadline: timers.  Owns its array only. */
#ifndef BASE_HEAP_H
#define BASE_HEAP_H

#include <stdint.h>

#include "base/bytes.h"

struct heap_node {
    int64_t deadline; /* the unit is the owner's; all of one heap the same */
    size_t place;     /* 1-based place in the array; 0: not in the heap */
};

struct heap {
    struct heap_node **nodes;
    size_t count;
    size_t capacity;
};

void heap_init(struct heap *h);
void heap_done(struct heap *h);
/* Puts the node in, or moves it when it is in already.  ERR_NOMEM. */
MUST_USE enum err heap_set(struct heap *h, struct heap_node *n, int64_t deadline);
/* Does nothing when the node is not in. */
void heap_remove(struct heap *h, struct heap_node *n);
/* The earliest, or NULL. */
struct heap_node *heap_first(const struct heap *h);

#endif
