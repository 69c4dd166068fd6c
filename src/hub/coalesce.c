/* The rows of a batch are found by table and primary key, and for each selection of columns apart,
 * for those are messages of their own.  Of each row the first and the last change since its last
 * fresh start are kept: the old row of the one and the new row of the other are all that a message
 * says, whatever lies between. */
#include "hub/coalesce.h"

#include "base/json.h"

enum { ARENA_MAX = 64 << 20, KEY_MAX = 16 << 20 };

struct row {
    struct map_entry entry; /* by selection, table and primary key */
    struct link link;       /* in batch->newest of its last change */
    struct heard first, last;
    size_t first_place; /* among the changes */
};

struct batch {
    struct feed *feed;
    const struct group *group;
    struct change *const *items;
    size_t count;
    struct arena *arena;
    struct map map;
    struct buf key, old_key;
    bool is_plain;       /* a row gets another key: every change stands for itself */
    struct link *newest; /* for each change: the rows of which it is the newest */
    uint32_t *heard;     /* for each change: its messages */
};

void coalesce_init(struct coalesce *c, uint64_t seed)
{
    *c = (struct coalesce){.seed = seed};
    arena_init(&c->arena, ARENA_MAX);
}

void coalesce_done(struct coalesce *c)
{
    arena_done(&c->arena);
}

/* ---- rows ---- */

static void put_key(struct buf *out, const struct table *t, struct bytes row)
{
    struct json_value object = {JSON_OBJECT, row}, value;
    buf_put_u64(out, t->index);
    for (uint16_t i = 0; i < t->key_count; i++) {
        buf_put_char(out, ',');
        if (json_get(object, t->key[i]->name, &value) == OK)
            buf_put(out, value.raw);
    }
}

static bool has_new_key(struct batch *b, const struct change *c)
{
    if (c->verb != VERB_UPDATE)
        return false;
    buf_reset(&b->key);
    buf_reset(&b->old_key);
    put_key(&b->key, c->table, c->new_row);
    put_key(&b->old_key, c->table, c->old_row);
    return !bytes_equal(buf_bytes(&b->key), buf_bytes(&b->old_key));
}

static void make_key(struct batch *b, const struct heard *h)
{
    buf_reset(&b->key);
    buf_put_u64(&b->key, (uintptr_t)h->view); /* one address, one selection; it orders nothing */
    buf_put_char(&b->key, ',');
    put_key(&b->key, h->change->table, change_row(h->change));
}

static enum err find_row(struct batch *b, const struct heard *h, struct row **out)
{
    make_key(b, h);
    if (b->key.err)
        return b->key.err;
    struct map_entry *found = b->is_plain ? NULL : map_get(&b->map, buf_bytes(&b->key));
    if (found) {
        *out = container_of(found, struct row, entry);
        return OK;
    }
    struct row *r = arena_zalloc(b->arena, sizeof(*r));
    if (!r)
        return ERR_NOMEM;
    list_init(&r->link);
    r->entry.key = arena_copy(b->arena, buf_bytes(&b->key));
    if (!r->entry.key.data || (!b->is_plain && map_put(&b->map, &r->entry)))
        return ERR_NOMEM;
    *out = r;
    return OK;
}

static bool is_insert(const struct heard *h)
{
    return h->change->verb == VERB_INSERT;
}

static bool is_delete(const struct heard *h)
{
    return h->change->verb == VERB_DELETE || h->sight == SIGHT_LEAVES;
}

static void fold(struct batch *b, struct row *r, const struct heard *h, size_t place)
{
    bool goes_on = list_is_linked(&r->link) && bytes_equal(r->last.ids, h->ids);
    /* The end of a row is told though its beginning was not: the reader may hold it from a snapshot
     * of between, or from before it left the filter unheard. */
    if (!goes_on || (is_insert(&r->first) && is_delete(h))) {
        r->first = *h;
        r->first_place = place;
    }
    r->last = *h;
    list_remove(&r->link);
    list_push_back(&b->newest[place], &r->link);
}

static enum err fold_change(struct batch *b, size_t place)
{
    uint32_t at = 0;
    for (;;) {
        struct heard h;
        struct row *r;
        enum err e = feed_hear(b->feed, b->group, b->items[place], &at, b->arena, &h);
        if (e || h.ids.size == 0)
            return e;
        e = find_row(b, &h, &r);
        if (e)
            return e;
        b->heard[place]++;
        fold(b, r, &h, place);
    }
}

static enum err fold_all(struct batch *b)
{
    enum err e = OK;
    for (size_t i = 0; i < b->count && !e; i++)
        e = fold_change(b, i);
    return e;
}

static enum err batch_open(struct batch *b, struct coalesce *c, struct feed *f,
                           const struct group *g, struct change *const *items, size_t count)
{
    *b = (struct batch){.feed = f, .group = g, .items = items, .count = count, .arena = &c->arena};
    map_init(&b->map, c->seed);
    buf_init(&b->key, KEY_MAX);
    buf_init(&b->old_key, KEY_MAX);
    arena_reset(&c->arena);
    b->newest = arena_array(&c->arena, count + 1, sizeof(struct link));
    b->heard = arena_zalloc(&c->arena, (count + 1) * sizeof(*b->heard));
    if (!b->newest || !b->heard)
        return ERR_NOMEM;
    for (size_t i = 0; i < count; i++)
        list_init(&b->newest[i]);
    for (size_t i = 0; i < count && !b->is_plain; i++)
        b->is_plain = has_new_key(b, items[i]);
    enum err e = b->key.err ? b->key.err : b->old_key.err;
    return e ? e : fold_all(b);
}

static void batch_close(struct batch *b)
{
    map_done(&b->map);
    buf_done(&b->key);
    buf_done(&b->old_key);
}

/* ---- what comes of them ---- */

static enum err put_rows(struct batch *b, uint32_t *messages)
{
    feed_begin(b->feed);
    for (size_t i = 0; i < b->count; i++) {
        list_each(l, &b->newest[i])
        {
            const struct row *r = container_of(l, struct row, link);
            enum err e = feed_put(b->feed, b->group, &r->first, &r->last);
            if (e)
                return e;
            ++*messages;
        }
    }
    return OK;
}

enum err coalesce_encode(struct coalesce *c, struct feed *f, const struct group *g,
                         struct change *const *items, size_t count, struct bytes *wire,
                         uint32_t *messages)
{
    struct batch b;
    uint32_t made = 0;
    enum err e = batch_open(&b, c, f, g, items, count);
    if (!e)
        e = put_rows(&b, &made);
    if (!e) {
        for (size_t i = 0; i < count; i++)
            c->saved += b.heard[i];
        c->saved -= made;
        *wire = buf_bytes(&f->wire);
        *messages = made;
    }
    batch_close(&b);
    return e;
}

static void drop_others(struct coalesce *c, const struct batch *b, bool *is_needed,
                        struct changes *items)
{
    size_t kept = 0;
    for (size_t i = 0; i < b->count; i++) {
        list_each(l, &b->newest[i])
        {
            const struct row *r = container_of(l, struct row, link);
            is_needed[r->first_place] = is_needed[i] = true;
        }
    }
    for (size_t i = 0; i < b->count; i++) {
        if (is_needed[i]) {
            items->items[kept++] = items->items[i];
            continue;
        }
        c->saved += b->heard[i];
        change_unref(items->items[i]);
    }
    items->count = kept;
}

enum err coalesce_compact(struct coalesce *c, struct feed *f, const struct group *g,
                          struct changes *items)
{
    struct batch b;
    enum err e = batch_open(&b, c, f, g, items->items, items->count);
    bool *is_needed = e ? NULL : arena_zalloc(&c->arena, items->count + 1);
    if (is_needed)
        drop_others(c, &b, is_needed, items);
    else if (!e)
        e = ERR_NOMEM;
    batch_close(&b);
    return e;
}
