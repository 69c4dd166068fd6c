/* In which order pages are asked for matters when channels wait at many places: the next one is the
 * first at or behind the page that came last, as a lift goes.  Those who have read a page want the
 * one behind it, and meet there who waits for that already; so they come along, and a page is read
 * once for all of them.  Nobody starves: every lift reaches the end. */
#include "hub/archive.h"

#include "base/mem.h"

struct page {
    struct link link;
    uint64_t first;
    size_t count, bytes;
    struct change *items[];
};

struct fetch {
    struct map_entry entry; /* by `from` */
    struct link link;       /* in archive->wanted, until it is asked for */
    struct link waiters;
    uint64_t from;
    bool is_asked;
};

/* ---- pages ---- */

static size_t held_bytes(const struct change *c)
{
    return sizeof(*c) + change_size(c);
}

static void drop_page(struct archive *a, struct page *p)
{
    list_remove(&p->link);
    a->page_count--;
    a->bytes -= p->bytes;
    for (size_t i = 0; i < p->count; i++)
        change_unref(p->items[i]);
    mem_free(p);
}

static struct page *find_page(const struct archive *a, uint64_t seq)
{
    list_each(l, &a->pages)
    {
        struct page *p = container_of(l, struct page, link);
        if (seq >= p->first && seq - p->first < p->count)
            return p;
    }
    return NULL;
}

static bool is_over_limit(const struct archive *a)
{
    return a->page_count > ARCHIVE_PAGES_MAX || a->bytes > ARCHIVE_BYTES_MAX;
}

static enum err add_page(struct archive *a, struct change *const *items, size_t count)
{
    struct page *p = mem_alloc(sizeof(*p) + count * sizeof(struct change *));
    if (!p)
        return ERR_NOMEM;
    *p = (struct page){.first = items[0]->seq, .count = count};
    for (size_t i = 0; i < count; i++) {
        p->items[i] = change_ref(items[i]);
        p->bytes += held_bytes(items[i]);
    }
    list_push_front(&a->pages, &p->link);
    a->page_count++;
    a->bytes += p->bytes;
    while (is_over_limit(a) && a->page_count > 1)
        drop_page(a, container_of(a->pages.prev, struct page, link));
    return OK;
}

bool archive_has(const struct archive *a, uint64_t seq)
{
    return find_page(a, seq) != NULL;
}

size_t archive_get(struct archive *a, uint64_t seq, size_t max, struct change **items)
{
    struct page *p = find_page(a, seq);
    if (!p)
        return 0;
    list_remove(&p->link);
    list_push_front(&a->pages, &p->link);
    size_t at = (size_t)(seq - p->first), count = p->count - at;
    if (count > max)
        count = max;
    memcpy(items, p->items + at, count * sizeof(struct change *));
    return count;
}

/* ---- fetches ---- */

static struct bytes key_of(const uint64_t *from)
{
    return (struct bytes){(const char *)from, sizeof(*from)};
}

static struct fetch *find_fetch(const struct archive *a, uint64_t from)
{
    struct map_entry *e = map_get(&a->fetches, key_of(&from));
    return e ? container_of(e, struct fetch, entry) : NULL;
}

static void drop_fetch(struct archive *a, struct fetch *f)
{
    map_remove(&a->fetches, f->entry.key);
    list_remove(&f->link);
    a->asked_count -= f->is_asked;
    mem_free(f);
}

static enum err new_fetch(struct archive *a, uint64_t from, struct fetch **out)
{
    struct fetch *f = mem_zalloc(sizeof(*f));
    if (!f)
        return ERR_NOMEM;
    f->from = from;
    f->entry.key = key_of(&f->from);
    if (map_put(&a->fetches, &f->entry)) {
        mem_free(f);
        return ERR_NOMEM;
    }
    list_init(&f->link);
    list_init(&f->waiters);
    list_push_back(&a->wanted, &f->link);
    *out = f;
    return OK;
}

/* A page is asked for as a whole; if its beginning is here and `seq` is not in it, from there. */
static uint64_t fetch_start(const struct archive *a, uint64_t seq)
{
    uint64_t from = seq - seq % ARCHIVE_PAGE;
    if (from < a->tail)
        from = a->tail;
    return find_page(a, from) ? seq : from;
}

enum err archive_wait(struct archive *a, uint64_t seq, struct link *waiter)
{
    uint64_t from = fetch_start(a, seq);
    struct fetch *f = find_fetch(a, from);
    enum err e = f ? OK : new_fetch(a, from, &f);
    if (e)
        return e;
    list_push_back(&f->waiters, waiter);
    return OK;
}

bool archive_next(struct archive *a, uint64_t *from, size_t *max)
{
    struct fetch *first = NULL, *next = NULL;
    if (a->asked_count == ARCHIVE_FETCHES_MAX)
        return false;
    list_each(l, &a->wanted)
    {
        struct fetch *f = container_of(l, struct fetch, link);
        if (!first || f->from < first->from)
            first = f;
        if (f->from >= a->last && (!next || f->from < next->from))
            next = f;
    }
    if (!next)
        next = first;
    if (!next)
        return false;
    list_remove(&next->link);
    next->is_asked = true;
    a->asked_count++;
    *from = next->from;
    *max = (size_t)(ARCHIVE_PAGE - next->from % ARCHIVE_PAGE);
    return true;
}

/* The changes without a hole from the first of them on. */
static size_t dense_count(struct change *const *items, size_t count)
{
    size_t n = 0;
    while (n < count && items[n]->seq == items[0]->seq + n)
        n++;
    return n;
}

static enum err take_answer(struct archive *a, uint64_t from, struct change *const *items,
                            size_t count)
{
    a->last = from;
    return count ? add_page(a, items, dense_count(items, count)) : OK;
}

enum err archive_put(struct archive *a, uint64_t from, struct change *const *items, size_t count,
                     enum err error, struct link *waiters)
{
    struct fetch *f = find_fetch(a, from);
    if (!f || !f->is_asked)
        return ERR_NOT_FOUND;
    for (struct link *l; (l = list_pop_front(&f->waiters));)
        list_push_back(waiters, l);
    drop_fetch(a, f);
    return error ? error : take_answer(a, from, items, count);
}

/* ---- the whole ---- */

void archive_init(struct archive *a, uint64_t tail, uint64_t seed)
{
    *a = (struct archive){.tail = tail};
    list_init(&a->pages);
    list_init(&a->wanted);
    map_init(&a->fetches, seed);
}

void archive_done(struct archive *a)
{
    for (struct map_entry *e; (e = map_next(&a->fetches, NULL));)
        drop_fetch(a, container_of(e, struct fetch, entry));
    map_done(&a->fetches);
    archive_clear(a);
}

void archive_trim(struct archive *a, uint64_t tail)
{
    if (a->tail < tail)
        a->tail = tail;
}

void archive_clear(struct archive *a)
{
    while (!list_is_empty(&a->pages))
        drop_page(a, container_of(a->pages.next, struct page, link));
}
