#include "change/change.h"

enum { CHANGES_FIRST = 16 };

struct bytes verb_name(enum verb v)
{
    static const struct bytes names[] = {
        [VERB_SELECT] = BYTES_INIT("SELECT"),
        [VERB_INSERT] = BYTES_INIT("INSERT"),
        [VERB_UPDATE] = BYTES_INIT("UPDATE"),
        [VERB_DELETE] = BYTES_INIT("DELETE"),
    };
    return names[v];
}

static struct bytes put_row(char *place, struct bytes row)
{
    if (row.size == 0)
        return (struct bytes){NULL, 0};
    memcpy(place, row.data, row.size);
    return (struct bytes){place, row.size};
}

enum err change_new(const struct table *t, enum verb verb, uint64_t seq, int64_t commit_us,
                    struct bytes new_row, struct bytes old_row, struct change **out)
{
    if (new_row.size > SIZE_MAX / 4 || old_row.size > SIZE_MAX / 4)
        return ERR_NOMEM;
    struct change *c = mem_alloc(sizeof(*c) + new_row.size + old_row.size);
    if (!c)
        return ERR_NOMEM;
    char *rows = (char *)(c + 1);
    atomic_init(&c->refs, 1);
    c->verb = verb;
    c->table = t;
    c->seq = seq;
    c->commit_us = commit_us;
    c->new_row = put_row(rows, new_row);
    c->old_row = put_row(rows + new_row.size, old_row);
    *out = c;
    return OK;
}

struct change *change_ref(struct change *c)
{
    atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
    return c;
}

void change_unref(struct change *c)
{
    if (c && atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) == 1)
        mem_free(c);
}

struct bytes change_row(const struct change *c)
{
    return c->verb == VERB_DELETE ? c->old_row : c->new_row;
}

size_t change_size(const struct change *c)
{
    return c->new_row.size + c->old_row.size;
}

void changes_init(struct changes *l)
{
    *l = (struct changes){0};
}

void changes_done(struct changes *l)
{
    changes_truncate(l, 0);
    mem_free(l->items);
    changes_init(l);
}

enum err changes_push(struct changes *l, struct change *c)
{
    if (l->count == l->capacity) {
        size_t capacity = l->capacity ? 2 * l->capacity : CHANGES_FIRST;
        struct change **items = mem_realloc(l->items, capacity * sizeof(struct change *));
        if (!items)
            return ERR_NOMEM;
        l->items = items;
        l->capacity = capacity;
    }
    l->items[l->count++] = c;
    return OK;
}

void changes_truncate(struct changes *l, size_t count)
{
    while (l->count > count)
        change_unref(l->items[--l->count]);
}
