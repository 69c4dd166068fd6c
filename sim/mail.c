/* What the hubs want of others: to tell each other something, and pages of the store's log.  All of
 * it is under way for a while, and lost when the server stops. */
#include "world.h"

#include "hub/relay.h"

static const int64_t second_us = INT64_C(1000000);

/* ---- from hub to hub ---- */

static void post_copy(struct world *w, int to, struct bytes bytes)
{
    struct mail_box *box = &w->server.boxes[to];
    if (box->count == MAILS_MAX) {
        world_fail(w, "%d things wait to be told to a hub", MAILS_MAX);
        return;
    }
    struct relay_post *p = &box->posts[(box->first + box->count++) % MAILS_MAX];
    int64_t due_us = w->now_us + world_delay(w, 2 * second_us);
    box->last_us = due_us > box->last_us ? due_us : box->last_us; /* in their order */
    p->due_us = box->last_us;
    p->size = bytes.size;
    p->data = mem_copy(bytes);
    world_must(p->data != NULL);
}

static void relay(struct world *w, int from, struct relay_item *item)
{
    bool is_lost = item->may_be_lost && !w->is_calm && world_chance(w, 30);
    is_lost |= w->plan.sabotage == SABOTAGE_HUSH && world_chance(w, 5);
    for (int to = 0; to < w->server.shard_count && !is_lost; to++)
        if (to != from)
            post_copy(w, to, relay_item_bytes(item));
    w->counters.relayed++;
    int64_t before = heap_live();
    relay_item_free(item);
    w->server.hub_bytes += heap_live() - before;
}

static void drop_first(struct mail_box *box)
{
    mem_free(box->posts[box->first].data);
    box->first = (box->first + 1) % MAILS_MAX;
    box->count--;
}

/* What a hub has no memory for is told again. */
static void bring_relays(struct world *w, int shard)
{
    struct mail_box *box = &w->server.boxes[shard];
    while (box->count > 0 && box->posts[box->first].due_us <= w->now_us) {
        struct relay_post *p = &box->posts[box->first];
        struct hub_in in = {.kind = HUB_IN_RELAY, .relay = {p->data, p->size}};
        if (server_step_hub(w, shard, &in))
            return;
        drop_first(box);
    }
}

/* ---- pages of the log ---- */

static void want_page(struct world *w, int shard, const struct hub_out *out)
{
    struct server *v = &w->server;
    for (int i = 0; i < FETCHES_MAX; i++) {
        struct page_fetch *f = &v->fetches[i];
        if (f->is_used)
            continue;
        *f = (struct page_fetch){.is_used = true,
                                 .shard = shard,
                                 .from = out->from,
                                 .change_max = out->change_max,
                                 .bytes_max = out->bytes_max,
                                 .due_us = w->now_us + world_delay(w, 2 * second_us)};
        return;
    }
    world_fail(w, "a hub has more than a few pages under way");
}

/* What the store gives is what it gave when it was new; the hub gets the changes that it would have
 * had then, so that what it frees is its own. */
static void check_page(struct world *w, const struct page_fetch *f, const struct changes *page,
                       struct change **out)
{
    for (size_t i = 0; i < page->count && !w->violation[0]; i++) {
        const struct change *c = page->items[i];
        if (c->seq > w->model.count || c->seq != page->items[0]->seq + i || i >= f->change_max)
            world_fail(w, "a page from %zu on has change %zu", (size_t)f->from, (size_t)c->seq);
        else if (!server_is_same_change(c, model_entry(&w->model, c->seq)->change))
            world_fail(w, "change %zu is not what it was in the log", (size_t)c->seq);
        else
            out[i] = model_entry(&w->model, c->seq)->change;
    }
}

static void bring_page(struct world *w, struct page_fetch *f)
{
    static struct change *items[PAGE_MAX];
    struct hub_in in = {.kind = HUB_IN_FETCHED, .from = f->from};
    struct changes page;
    changes_init(&page);
    f->is_used = false;
    world_must(f->change_max <= PAGE_MAX);
    if (!w->is_calm && world_chance(w, 6))
        in.error = ERR_IO;
    else
        in.error = store_changes_page(w->server.session, f->from, f->change_max, f->bytes_max,
                                      &page, &in.tail);
    check_page(w, f, &page, items);
    in.changes = items;
    in.change_count = page.count;
    if (!w->violation[0])
        (void)server_step_hub(w, f->shard, &in); /* without memory it asks again */
    changes_done(&page);
}

/* ---- the whole ---- */

void mail_take(struct world *w, int shard, struct hub_out *out)
{
    if (out->kind == HUB_OUT_RELAY)
        relay(w, shard, out->relay);
    else if (out->kind == HUB_OUT_FETCH)
        want_page(w, shard, out);
    else
        world_fail(w, "a hub wants something of kind %d", (int)out->kind);
}

void mail_bring(struct world *w)
{
    struct server *v = &w->server;
    for (int i = 0; i < v->shard_count; i++)
        bring_relays(w, i);
    for (int i = 0; i < FETCHES_MAX; i++)
        if (v->fetches[i].is_used && v->fetches[i].due_us <= w->now_us)
            bring_page(w, &v->fetches[i]);
}

void mail_lose(struct world *w)
{
    struct server *v = &w->server;
    for (int i = 0; i < v->shard_count; i++) {
        while (v->boxes[i].count > 0)
            drop_first(&v->boxes[i]);
        v->boxes[i].last_us = 0;
    }
    for (int i = 0; i < FETCHES_MAX; i++)
        v->fetches[i].is_used = false;
}
