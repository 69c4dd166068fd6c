#include "base/heap.h"

#include "base/mem.h"

enum { HEAP_FIRST = 16 };

void heap_init(struct heap *h)
{
    *h = (struct heap){0};
}

void heap_done(struct heap *h)
{
    mem_free(h->nodes);
    *h = (struct heap){0};
}

/* Places are 1-based: the parent of i is i / 2, its children 2 * i and 2 * i + 1. */
static struct heap_node *at(const struct heap *h, size_t place)
{
    return h->nodes[place - 1];
}

static void settle(struct heap *h, struct heap_node *n, size_t place)
{
    h->nodes[place - 1] = n;
    n->place = place;
}

static void sift_up(struct heap *h, struct heap_node *n)
{
    size_t place = n->place;
    while (place > 1 && n->deadline < at(h, place / 2)->deadline) {
        settle(h, at(h, place / 2), place);
        place /= 2;
    }
    settle(h, n, place);
}

static void sift_down(struct heap *h, struct heap_node *n)
{
    size_t place = n->place;
    while (place * 2 <= h->count) {
        size_t child = place * 2;
        if (child < h->count && at(h, child + 1)->deadline < at(h, child)->deadline)
            child++;
        if (at(h, child)->deadline >= n->deadline)
            break;
        settle(h, at(h, child), place);
        place = child;
    }
    settle(h, n, place);
}

static enum err grow(struct heap *h)
{
    size_t capacity = h->capacity ? h->capacity * 2 : HEAP_FIRST;
    if (capacity > SIZE_MAX / sizeof(struct heap_node *))
        return ERR_NOMEM;
    struct heap_node **nodes = mem_realloc(h->nodes, capacity * sizeof(struct heap_node *));
    if (!nodes)
        return ERR_NOMEM;
    h->nodes = nodes;
    h->capacity = capacity;
    return OK;
}

enum err heap_set(struct heap *h, struct heap_node *n, int64_t deadline)
{
    if (n->place == 0) {
        enum err e = h->count == h->capacity ? grow(h) : OK;
        if (e)
            return e;
        settle(h, n, ++h->count);
    }
    n->deadline = deadline;
    sift_up(h, n);
    sift_down(h, n);
    return OK;
}

void heap_remove(struct heap *h, struct heap_node *n)
{
    if (n->place == 0)
        return;
    struct heap_node *last = at(h, h->count);
    h->count--;
    if (last != n) {
        settle(h, last, n->place);
        sift_up(h, last);
        sift_down(h, last);
    }
    n->place = 0;
}

struct heap_node *heap_first(const struct heap *h)
{
    return h->count ? h->nodes[0] : NULL;
}
