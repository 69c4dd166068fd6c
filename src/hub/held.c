#include "hub/held.h"

#include "base/mem.h"

enum err held_new(uint64_t wish, struct held **out)
{
    struct held *h = mem_alloc(sizeof(*h));
    if (!h)
        return ERR_NOMEM;
    h->wish = wish;
    h->count = 0;
    h->bytes = 0;
    *out = h;
    return OK;
}

void held_free(struct held *h)
{
    if (!h)
        return;
    for (uint32_t i = 0; i < h->count; i++)
        frame_unref(h->items[i].frame);
    mem_free(h);
}

enum err held_push(struct held *h, struct frame *f, int64_t number)
{
    if (h->count == HELD_MAX || (h->count > 0 && h->bytes + f->size > HELD_BYTES_MAX))
        return ERR_FULL;
    h->bytes += f->size;
    h->items[h->count++] = (struct held_frame){frame_ref(f), number};
    return OK;
}

uint32_t held_find_stored(const struct held *h, uint32_t from)
{
    while (from < h->count && h->items[from].number == 0)
        from++;
    return from;
}
