/* Live delivery and replay (replay.c) are the same encoder over the same changes, with the cursor in
 * a different place.
 *
 *   at the head ── a frame does not fit ──▶ behind (next_seq) ── replayed to the head ──▶ at the head
 *
 * While a channel is behind nothing newer is pushed to it, so order holds and nothing comes twice.
 */
#include "hub/deliver.h"

#include "hub/member.h"
#include "hub/peer.h"
#include "hub/replay.h"
#include "hub/window.h"

enum {
    RETRY_US = 100 * 1000, /* until the next try after memory ran out */
    PREFETCH_AHEAD = 8 /* members: their connections' memory comes while others get their frame */
};

static void fall_behind(struct hub *h, struct channel *ch, uint64_t next_seq)
{
    h->counters.behind++;
    group_fall_behind(ch, next_seq);
}

bool deliver_frame(struct hub *h, struct conn *c, struct frame *f)
{
    if (outbox_push(&c->outbox, peer_form(h, c, f), &h->feed_limit))
        return false;
    h->counters.deliveries += f->message_count;
    peer_touch(h, c);
    return true;
}

enum err deliver_encode(struct hub *h, const struct group *g, struct change *const *items,
                        size_t count, size_t *at, struct frame **out)
{
    struct bytes wire;
    uint32_t messages;
    size_t next = g->window ? count : *at;
    *out = NULL;
    enum err e = g->window ? coalesce_encode(&h->coalesce, &h->feed, g, items + *at, count - *at,
                                             &wire, &messages)
                           : feed_encode(&h->feed, g, items, count, &next, &wire, &messages);
    if (!e && messages > 0) {
        e = frame_new(wire, BYTES(""), messages, out);
        h->counters.encoded_frames += !e;
    }
    if (!e)
        *at = next;
    return e;
}

void deliver_push(struct hub *h, struct group *g, struct frame *f, uint64_t first_seq)
{
    /* In the order of the joins, in which the sockets lie in memory too.  Who falls behind leaves
     * the live part, and the last of it takes the free place: it is next. */
    for (uint32_t i = 0; i < g->live_count;) {
        if (i + PREFETCH_AHEAD < g->live_count)
            conn_prefetch(g->members[i + PREFETCH_AHEAD].conn);
        if (deliver_frame(h, g->members[i].conn, f))
            i++;
        else
            fall_behind(h, g->members[i].channel, first_seq);
    }
}

/* Nobody could be given anything: all replay when there is memory. */
void deliver_nothing(struct hub *h, struct group *g, uint64_t first_seq)
{
    for (uint32_t i = g->live_count; i-- > 0;) {
        struct group_member m = g->members[i];
        fall_behind(h, m.channel, first_seq);
        replay_later(h, m.conn, RETRY_US);
    }
}

static void deliver_group(struct hub *h, struct group *g, struct change *const *items, size_t count)
{
    for (size_t at = 0; at < count && g->live_count > 0;) {
        struct frame *f;
        uint64_t first_seq = items[at]->seq;
        if (deliver_encode(h, g, items, count, &at, &f)) {
            deliver_nothing(h, g, first_seq);
            return;
        }
        if (f)
            deliver_push(h, g, f, first_seq);
        frame_unref(f);
    }
}

/* The changes of the run that the group may want. */
static void deliver_wanted(struct hub *h, struct group *g, struct change *const *items,
                           size_t count)
{
    struct change *wanted[DELIVER_RUN];
    size_t wanted_count = 0;
    for (size_t i = 0; i < count; i++)
        if (g->wanted >> i & 1)
            wanted[wanted_count++] = items[i];
    if (g->window)
        window_add(h, g, wanted, wanted_count);
    else
        deliver_group(h, g, wanted, wanted_count);
}

static void note_groups(struct hub *h, struct link *links, uint64_t wanted, struct link *due)
{
    list_each(l, links)
    {
        struct group *g = container_of(l, struct route_link, link)->group;
        if (g->mark != h->run) {
            g->mark = h->run;
            g->wanted = 0;
            list_push_back(due, &g->due);
        }
        g->wanted |= wanted;
    }
}

/* Those who ask for any value of the column. */
static void note_column(struct hub *h, const struct table *t, const struct column *c,
                        uint64_t wanted, struct link *due)
{
    for (struct link *links = NULL; (links = route_next(&h->groups.routes, t, c, links));)
        note_groups(h, links, wanted, due);
}

/* Those who ask for a value that the row has. */
static void note_row(struct hub *h, const struct table *t, struct bytes row, uint64_t wanted,
                     struct link *due)
{
    for (uint16_t i = 0; i < t->column_count; i++) {
        const struct column *c = &t->columns[i];
        struct link *links;
        if (route_find(&h->groups.routes, t, c, row, &h->feed.scratch, &links))
            note_column(h, t, c, wanted, due);
        else if (links)
            note_groups(h, links, wanted, due);
    }
}

/* The old row counts too: a DELETE is matched by it, and an UPDATE may be a DELETE for some. */
static void note_change(struct hub *h, const struct change *c, uint64_t wanted, struct link *due)
{
    struct route_table *t = &h->groups.routes.tables[c->table->index];
    if (t->mark != h->run) {
        t->mark = h->run;
        note_groups(h, &t->plain, UINT64_MAX, due);
    }
    note_row(h, c->table, c->new_row, wanted, due);
    note_row(h, c->table, c->old_row, wanted, due);
}

/* Each group that may want one of the changes, once, in the order of the changes. */
static void deliver_run(struct hub *h, struct change *const *items, size_t count)
{
    struct link due;
    h->run++;
    list_init(&due);
    for (size_t i = 0; i < count; i++)
        note_change(h, items[i], UINT64_C(1) << i, &due);
    for (struct link *l; (l = list_pop_front(&due));)
        deliver_wanted(h, container_of(l, struct group, due), items, count);
}

/* Applies a change of the staff, before anybody is shown it.  ERR_NOMEM: it must be given again, for
 * nobody may be forgotten; a row that cannot be read concerns nobody. */
static enum err apply_staff(struct hub *h, const struct change *c)
{
    char user_id[UUID_SIZE + 1];
    bool is_touched = false;
    enum err e = directory_apply(h->directory, c, &is_touched, user_id);
    if (!e && is_touched)
        member_reclass(h, bytes_of(user_id));
    return e == ERR_NOMEM ? e : OK;
}

/* How many of the changes are delivered together: aligned by seq as the readers' memos are, and a
 * change of the staff begins a new run. */
static size_t run_size(const struct hub *h, struct change *const *items, size_t count)
{
    size_t size = 1, max = DELIVER_RUN - items[0]->seq % DELIVER_RUN;
    while (size < count && size < max && items[size]->table != h->staff)
        size++;
    return size;
}

enum err deliver_changes(struct hub *h, struct change *const *items, size_t count)
{
    if (count > 0 && items[0]->seq != changelog_head(h->log) + 1)
        return ERR_RANGE;
    for (size_t at = 0; at < count;) {
        size_t size = run_size(h, items + at, count - at);
        enum err e = items[at]->table == h->staff ? apply_staff(h, items[at]) : OK;
        if (e)
            return e;
        for (size_t i = at; i < at + size; i++)
            if (changelog_push(h->log, items[i]))
                return ERR_RANGE;
        deliver_run(h, items + at, size);
        h->counters.changes += size;
        at += size;
    }
    window_limit(h);
    replay_heard(h);
    return OK;
}
