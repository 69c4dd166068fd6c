#include "change/changelog.h"

/* Seqs are dense, so the change with a seq lies in slot seq % slot_count. */
struct changelog {
    struct change **slots;
    size_t slot_count;
    size_t bytes_max;
    size_t bytes;
    uint64_t head, tail; /* newest seq; oldest seq held, head + 1 when empty */
};

static struct change **slot_of(const struct changelog *l, uint64_t seq)
{
    return &l->slots[seq % l->slot_count];
}

static void drop_oldest(struct changelog *l)
{
    struct change **slot = slot_of(l, l->tail++);
    l->bytes -= change_size(*slot);
    change_unref(*slot);
    *slot = NULL;
}

enum err changelog_new(size_t count_max, size_t bytes_max, uint64_t head, struct changelog **out)
{
    size_t count = count_max ? count_max : 1;
    struct changelog *l = mem_zalloc(sizeof(*l));
    if (!l)
        return ERR_NOMEM;
    l->slots = mem_array(count, sizeof(struct change *));
    if (!l->slots) {
        mem_free(l);
        return ERR_NOMEM;
    }
    l->slot_count = count;
    l->bytes_max = bytes_max;
    l->head = head;
    l->tail = head + 1;
    *out = l;
    return OK;
}

void changelog_free(struct changelog *l)
{
    if (!l)
        return;
    while (l->tail <= l->head)
        drop_oldest(l);
    mem_free(l->slots);
    mem_free(l);
}

enum err changelog_push(struct changelog *l, struct change *c)
{
    if (c->seq != l->head + 1)
        return ERR_RANGE;
    if (l->head + 1 - l->tail == l->slot_count)
        drop_oldest(l);
    *slot_of(l, c->seq) = change_ref(c);
    l->head = c->seq;
    l->bytes += change_size(c);
    while (l->bytes > l->bytes_max && l->tail < l->head)
        drop_oldest(l);
    return OK;
}

uint64_t changelog_head(const struct changelog *l)
{
    return l->head;
}

uint64_t changelog_tail(const struct changelog *l)
{
    return l->tail;
}

struct change *changelog_get(const struct changelog *l, uint64_t seq)
{
    return seq >= l->tail && seq <= l->head ? *slot_of(l, seq) : NULL;
}
