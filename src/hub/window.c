#include "hub/window.h"

#include "base/time.h"
#include "hub/deliver.h"

static bool is_open(const struct window *w)
{
    return list_is_linked(&w->open);
}

static void release_parked(struct hub *h, struct window *w)
{
    for (struct link *l; (l = list_pop_front(&w->parked));) {
        struct conn *c = container_of(l, struct channel, behind)->conn;
        list_push_back(&c->behind, l);
        replay_later(h, c, 0);
    }
}

static void end(struct hub *h, struct window *w)
{
    changes_done(&w->kept);
    w->bytes = 0;
    heap_remove(&h->groups.windows, &w->timer);
    list_remove(&w->open);
    release_parked(h, w);
}

/* One frame for all that is kept.  Only what somebody hears makes the next window begin. */
static void flush(struct hub *h, struct group *g)
{
    struct window *w = g->window;
    struct frame *f = NULL;
    size_t at = 0;
    if (g->live_count > 0 && deliver_encode(h, g, w->kept.items, w->kept.count, &at, &f))
        deliver_nothing(h, g, w->since);
    if (f) {
        deliver_push(h, g, f, w->since);
        w->quiet_us = h->now_us + w->length_us;
    }
    frame_unref(f);
    end(h, w);
}

static bool is_over_limit(const struct window *w)
{
    return w->kept.count > WINDOW_CHANGES || w->bytes > WINDOW_BYTES;
}

static void count_bytes(struct window *w)
{
    w->bytes = 0;
    for (size_t i = 0; i < w->kept.count; i++)
        w->bytes += change_size(w->kept.items[i]);
}

static enum err keep(struct window *w, struct change *const *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct change *c = change_ref(items[i]);
        enum err e = changes_push(&w->kept, c);
        if (e) {
            change_unref(c);
            return e;
        }
        w->bytes += change_size(c);
    }
    return OK;
}

/* A row that changes often needs room for two of its changes.  Room for half as much again makes
 * that worth while. */
static bool makes_room(struct hub *h, struct group *g)
{
    struct window *w = g->window;
    if (coalesce_compact(&h->coalesce, &h->feed, g, &w->kept))
        return false;
    count_bytes(w);
    return w->kept.count <= WINDOW_CHANGES / 2 && w->bytes <= WINDOW_BYTES / 2;
}

static enum err open_window(struct hub *h, struct group *g, uint64_t since)
{
    struct window *w = g->window;
    w->since = since;
    list_push_back(&h->groups.open_windows, &w->open);
    return heap_set(&h->groups.windows, &w->timer, w->quiet_us);
}

void window_add(struct hub *h, struct group *g, struct change *const *items, size_t count)
{
    struct window *w = g->window;
    bool was_open = is_open(w);
    if (g->live_count == 0 && !was_open)
        return;
    enum err e = was_open ? OK : open_window(h, g, items[0]->seq);
    if (!e)
        e = keep(w, items, count);
    if (e) {
        deliver_nothing(h, g, w->since);
        end(h, w);
    } else if (w->quiet_us <= h->now_us || (is_over_limit(w) && !makes_room(h, g))) {
        flush(h, g);
    }
}

bool window_is_open(const struct group *g)
{
    return g->window && is_open(g->window);
}

bool window_park(struct channel *ch)
{
    if (!window_is_open(ch->group))
        return false;
    list_remove(&ch->behind);
    list_push_back(&ch->group->window->parked, &ch->behind);
    return true;
}

uint64_t window_cursor(const struct hub *h, const struct channel *ch)
{
    if (ch->is_behind)
        return ch->next_seq;
    return window_is_open(ch->group) ? ch->group->window->since : changelog_head(h->log) + 1;
}

void window_limit(struct hub *h)
{
    struct link *open = &h->groups.open_windows;
    while (!list_is_empty(open)) {
        struct window *w = container_of(open->next, struct window, open);
        if (w->since >= changelog_tail(h->log))
            return;
        flush(h, w->group);
    }
}

void window_tick(struct hub *h)
{
    for (struct heap_node *n; (n = heap_first(&h->groups.windows)) && n->deadline <= h->now_us;)
        flush(h, container_of(n, struct window, timer)->group);
}

int64_t window_deadline(const struct hub *h)
{
    const struct heap_node *n = heap_first(&h->groups.windows);
    return n ? n->deadline : INT64_MAX;
}
