#include "client/replica.h"

#include "base/mem.h"

/* ---- texts ---- */

struct text *text_new(struct bytes key, struct bytes row)
{
    size_t size;
    if (__builtin_add_overflow(key.size, row.size, &size) || size > SIZE_MAX - sizeof(struct text))
        return NULL;
    struct text *t = mem_alloc(sizeof(*t) + size);
    if (!t)
        return NULL;
    *t = (struct text){.refs = 1, .key_size = key.size, .size = size};
    if (key.size)
        memcpy(t->data, key.data, key.size);
    if (row.size)
        memcpy(t->data + key.size, row.data, row.size);
    return t;
}

struct text *text_ref(struct text *t)
{
    t->refs++;
    return t;
}

void text_unref(struct text *t)
{
    if (t && --t->refs == 0)
        mem_free(t);
}

struct bytes text_key(const struct text *t)
{
    return (struct bytes){t->data, t->key_size};
}

struct bytes text_row(const struct text *t)
{
    return (struct bytes){t->data + t->key_size, t->size - t->key_size};
}

static bool is_same(const struct text *a, const struct text *b)
{
    return a == b || (a && b && bytes_equal(text_row(a), text_row(b)));
}

/* ---- rows ---- */

static struct row *row_new(struct text *t)
{
    struct row *row = mem_zalloc(sizeof(*row));
    if (!row)
        return NULL;
    list_init(&row->waiting);
    row->now = t;
    return row;
}

static void row_free(struct row *row)
{
    text_unref(row->now);
    text_unref(row->shown);
    mem_free(row);
}

static struct bytes row_key(const struct row *row)
{
    return text_key(row->now ? row->now : row->shown);
}

/* Where the key is, or would stand. */
static size_t place_of(struct row *const *rows, size_t count, struct bytes key, bool *is_there)
{
    size_t from = 0, to = count;
    /* Snapshots come in order: look at the end first. */
    if (count > 0 && bytes_compare(row_key(rows[count - 1]), key) < 0)
        from = count;
    *is_there = false;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        int order = bytes_compare(row_key(rows[middle]), key);
        if (order == 0) {
            *is_there = true;
            return middle;
        }
        if (order < 0)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

static void insert_at(struct row **rows, size_t count, size_t at, struct row *row)
{
    memmove(rows + at + 1, rows + at, (count - at) * sizeof(struct row *));
    rows[at] = row;
}

/* The row has been taken out of the array, or is about to be. */
static void forget(struct replica *r, struct row *row)
{
    if (list_is_linked(&row->waiting)) {
        list_remove(&row->waiting);
        r->waiting_count--;
    }
    if (row->now) {
        r->live--;
        r->size -= row->now->size;
    }
    row_free(row);
}

static void remove_at(struct replica *r, size_t at)
{
    struct row *row = r->rows[at];
    r->count--;
    memmove(r->rows + at, r->rows + at + 1, (r->count - at) * sizeof(struct row *));
    forget(r, row);
}

/* What has changed goes to the end of the queue; what is again as the host has it leaves it. */
static void queue(struct replica *r, struct row *row)
{
    if (list_is_linked(&row->waiting)) {
        list_remove(&row->waiting);
        r->waiting_count--;
    }
    if (r->feed || !is_same(row->now, row->shown)) {
        list_push_back(&r->waiting, &row->waiting);
        r->waiting_count++;
    }
}

void replica_init(struct replica *r, enum hb_op feed, size_t rows_max, size_t bytes_max)
{
    *r = (struct replica){.feed = feed, .rows_max = rows_max, .bytes_max = bytes_max};
    list_init(&r->waiting);
}

void replica_done(struct replica *r)
{
    for (size_t i = 0; i < r->count; i++)
        row_free(r->rows[i]);
    mem_free(r->rows);
    replica_init(r, r->feed, r->rows_max, r->bytes_max);
}

static enum err make_room(struct replica *r)
{
    if (r->count < r->capacity)
        return OK;
    size_t capacity = r->capacity ? r->capacity * 2 : 16;
    struct row **rows = mem_realloc(r->rows, capacity * sizeof(struct row *));
    if (!rows)
        return ERR_NOMEM;
    r->rows = rows;
    r->capacity = capacity;
    return OK;
}

/* Rows that are gone and still to be told are no more than there were rows. */
static bool is_over(const struct replica *r, size_t live, size_t size)
{
    return live > r->rows_max || size > r->bytes_max;
}

static enum err put_new(struct replica *r, size_t at, struct text *t)
{
    if (is_over(r, r->live + 1, r->size + t->size))
        return ERR_LIMIT;
    struct row *row = make_room(r) ? NULL : row_new(t);
    if (!row)
        return ERR_NOMEM;
    insert_at(r->rows, r->count++, at, row);
    r->live++;
    r->size += t->size;
    queue(r, row);
    return OK;
}

static enum err put_over(struct replica *r, struct row *row, struct text *t)
{
    size_t size = r->size - (row->now ? row->now->size : 0) + t->size;
    size_t live = r->live + !row->now;
    if (is_over(r, live, size))
        return ERR_LIMIT;
    text_unref(row->now);
    row->now = t;
    r->live = live;
    r->size = size;
    queue(r, row);
    return OK;
}

enum err replica_put(struct replica *r, struct bytes key, struct bytes row)
{
    bool is_there;
    size_t at = place_of(r->rows, r->count, key, &is_there);
    struct text *t = text_new(key, row);
    if (!t)
        return ERR_NOMEM;
    enum err e = is_there ? put_over(r, r->rows[at], t) : put_new(r, at, t);
    if (e)
        text_unref(t);
    return e;
}

static void let_go(struct replica *r, struct row *row)
{
    if (!row->now)
        return;
    r->live--;
    r->size -= row->now->size;
    text_unref(row->now);
    row->now = NULL;
    queue(r, row);
}

void replica_remove(struct replica *r, struct bytes key)
{
    bool is_there;
    size_t at = place_of(r->rows, r->count, key, &is_there);
    if (!is_there)
        return;
    if (r->rows[at]->shown)
        let_go(r, r->rows[at]);
    else
        remove_at(r, at);
}

/* ---- snapshots ---- */

/* What a snapshot is built in, before anything of the replica is touched. */
struct load {
    struct row **fresh;
    size_t fresh_count;
    struct row **merged;
    size_t merged_count;
};

static enum err add_fresh(struct load *l, struct text *t)
{
    bool is_there;
    size_t at = place_of(l->fresh, l->fresh_count, text_key(t), &is_there);
    if (is_there)
        return ERR_SYNTAX;
    struct row *row = row_new(t);
    if (!row)
        return ERR_NOMEM;
    insert_at(l->fresh, l->fresh_count++, at, row);
    return OK;
}

static void merge_same(struct replica *r, struct row *old, struct row *fresh)
{
    if (is_same(old->now, fresh->now)) {
        row_free(fresh);
        return;
    }
    r->live += !old->now;
    r->size = r->size - (old->now ? old->now->size : 0) + fresh->now->size;
    text_unref(old->now);
    old->now = fresh->now;
    fresh->now = NULL;
    row_free(fresh);
    queue(r, old);
}

static void merge_gone(struct replica *r, struct load *l, struct row *old)
{
    if (!old->shown) {
        forget(r, old);
        return;
    }
    let_go(r, old);
    l->merged[l->merged_count++] = old;
}

static void merge_new(struct replica *r, struct load *l, struct row *fresh)
{
    l->merged[l->merged_count++] = fresh;
    r->live++;
    r->size += fresh->now->size;
    queue(r, fresh);
}

static void merge(struct replica *r, struct load *l)
{
    size_t i = 0, j = 0;
    while (i < r->count || j < l->fresh_count) {
        int order = i == r->count        ? 1
                    : j < l->fresh_count ? bytes_compare(row_key(r->rows[i]), row_key(l->fresh[j]))
                                         : -1;
        if (order < 0) {
            merge_gone(r, l, r->rows[i++]);
        } else if (order > 0) {
            merge_new(r, l, l->fresh[j++]);
        } else {
            l->merged[l->merged_count++] = r->rows[i];
            merge_same(r, r->rows[i++], l->fresh[j++]);
        }
    }
    mem_free(r->rows);
    r->capacity = r->count + l->fresh_count + 1;
    r->rows = l->merged;
    r->count = l->merged_count;
    l->merged = NULL;
    l->fresh_count = 0;
}

static enum err check_load(const struct replica *r, struct text *const *texts, size_t count)
{
    size_t size = 0;
    for (size_t i = 0; i < count; i++)
        size += texts[i]->size;
    return count > r->rows_max || size > r->bytes_max ? ERR_LIMIT : OK;
}

enum err replica_load(struct replica *r, struct text **texts, size_t count)
{
    struct load l = {0};
    size_t taken = 0;
    enum err e = check_load(r, texts, count);
    if (!e) {
        l.fresh = mem_array(count + 1, sizeof(struct row *));
        l.merged = mem_array(r->count + count + 1, sizeof(struct row *));
        e = l.fresh && l.merged ? OK : ERR_NOMEM;
    }
    for (; !e && taken < count; taken++) {
        e = add_fresh(&l, texts[taken]);
        if (e)
            break;
    }
    if (!e)
        merge(r, &l);
    for (size_t i = 0; i < l.fresh_count; i++)
        row_free(l.fresh[i]);
    for (size_t i = taken; i < count; i++)
        text_unref(texts[i]);
    mem_free(l.fresh);
    mem_free(l.merged);
    return e;
}

/* ---- what the host is told ---- */

void replica_clear_feed(struct replica *r)
{
    if (r->feed)
        replica_done(r);
}

static struct delta delta_of(const struct replica *r, struct row *row)
{
    if (r->feed)
        return (struct delta){r->feed, text_ref(row->now)};
    if (!row->now)
        return (struct delta){HB_DELETE, text_ref(row->shown)};
    return (struct delta){row->shown ? HB_UPDATE : HB_INSERT, text_ref(row->now)};
}

/* The rows the host has been told to be gone, and all of a feed, in one walk. */
static void sweep(struct replica *r)
{
    size_t kept = 0;
    for (size_t i = 0; i < r->count; i++) {
        struct row *row = r->rows[i];
        if (row->now && !r->feed)
            r->rows[kept++] = row;
        else
            forget(r, row);
    }
    r->count = kept;
}

enum err replica_take(struct replica *r, struct batch *out)
{
    struct batch b = {.deltas = mem_array(r->waiting_count + 1, sizeof(struct delta))};
    if (!b.deltas)
        return ERR_NOMEM;
    bool has_gone = r->feed != 0;
    for (struct link *l; (l = list_pop_front(&r->waiting));) {
        struct row *row = container_of(l, struct row, waiting);
        b.deltas[b.count++] = delta_of(r, row);
        has_gone |= !row->now;
        if (!row->now)
            continue; /* it keeps its key until it is swept */
        text_unref(row->shown);
        row->shown = text_ref(row->now);
    }
    r->waiting_count = 0;
    if (has_gone)
        sweep(r);
    *out = b;
    return OK;
}

enum err replica_all(const struct replica *r, struct batch *out)
{
    struct batch b = {.deltas = mem_array(r->count + 1, sizeof(struct delta))};
    if (!b.deltas)
        return ERR_NOMEM;
    for (size_t i = 0; !r->feed && i < r->count; i++) {
        if (r->rows[i]->shown)
            b.deltas[b.count++] = (struct delta){HB_INSERT, text_ref(r->rows[i]->shown)};
    }
    *out = b;
    return OK;
}

void batch_done(struct batch *b)
{
    for (size_t i = 0; i < b->count; i++)
        text_unref(b->deltas[i].text);
    mem_free(b->deltas);
    *b = (struct batch){0};
}
