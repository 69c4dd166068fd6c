/* A channel that is behind is in one list at a time:
 *
 *   conn->behind ── its changes are neither in memory nor in a page ──▶ waits for a fetch
 *   waits ───────── the page has come, or could not be read ──────────▶ conn->behind, pumped soon
 *   conn->behind ── the log was read to the head ─────────────────────▶ at the head
 *   conn->behind ── its cursor is committed, but not yet heard of here ▶ ahead, until it is heard of
 *   conn->behind ── not even the store reaches back ──────────────────▶ phx_error: it joins again
 *
 * Only those in conn->behind are pumped, and only while their connection has room, so that nobody is
 * asked in vain. */
#include "hub/replay.h"

#include "base/time.h"
#include "hub/deliver.h"
#include "hub/member.h"
#include "hub/track.h"
#include "hub/window.h"

enum {
    PUMP_MAX = 4096,                 /* changes looked at in one go for one connection … */
    RUN_MAX = WINDOW_CHANGES,        /* encoded together */
    TICK_MAX = 4 * PUMP_MAX,         /* … and for all of them */
    RETRY_US = 100 * 1000,           /* until the next try after memory ran out or a fetch failed */
    KEEP_US = 10 * TIME_US_PER_S,    /* pages and frames nobody has used for so long go */
    FRAME_KEPT = 2 * FEED_FRAME_SIZE /* bytes of the biggest frame that is remembered */
};

void replay_later(struct hub *h, struct conn *c, int64_t delay_us)
{
    struct replay *r = &h->replay;
    int64_t at_us = h->now_us + delay_us;
    if (!list_is_linked(&c->pumping))
        list_push_back(&r->pumping, &c->pumping);
    if (at_us < r->pump_at_us)
        r->pump_at_us = at_us;
}

/* ---- where the changes are ---- */

bool replay_reaches(const struct hub *h, uint64_t seq)
{
    return seq >= changelog_tail(h->log) || seq >= h->replay.archive.tail;
}

static bool is_absent(const struct hub *h, uint64_t seq)
{
    return seq >= h->replay.absent;
}

bool replay_may_wait_for(const struct hub *h, uint64_t seq)
{
    return h->replay.archive.tail != UINT64_MAX && !is_absent(h, seq);
}

static size_t load_window(const struct hub *h, uint64_t seq, size_t max, struct change **items)
{
    size_t count = 0;
    while (count < max && (items[count] = changelog_get(h->log, seq + count)))
        count++;
    return count;
}

/* The store may be ahead of us: what comes behind our head has not taken effect here. */
static size_t load_archive(struct hub *h, uint64_t seq, size_t max, struct change **items)
{
    uint64_t left = changelog_head(h->log) - seq + 1;
    size_t count = archive_get(&h->replay.archive, seq, left < max ? (size_t)left : max, items);
    h->counters.archive_hits += count > 0;
    return count;
}

/* How many of them go into one frame. */
static size_t count_frame(struct change *const *items, size_t count)
{
    size_t bytes = 0, n = 0;
    while (n < count && bytes < WINDOW_BYTES)
        bytes += change_size(items[n++]);
    return n;
}

/* Those that coalesce get more at a time, for more of it to be saved. */
static size_t load_run(struct hub *h, const struct channel *ch, struct change *items[RUN_MAX])
{
    uint64_t seq = ch->next_seq;
    size_t size = ch->group->window ? RUN_MAX : DELIVER_RUN, max = size - seq % size;
    size_t count = seq >= changelog_tail(h->log) ? load_window(h, seq, max, items)
                                                 : load_archive(h, seq, max, items);
    return ch->group->window ? count_frame(items, count) : count;
}

/* ---- frames ---- */

static struct replay_frame *frame_place(struct hub *h, const struct group *g, uint64_t seq)
{
    return &h->replay.frames[(g->number * 7 + seq / DELIVER_RUN) % REPLAY_FRAMES];
}

static void remember(struct replay_frame *place, struct replay_frame f)
{
    frame_unref(place->frame);
    if (f.frame && f.frame->size > FRAME_KEPT)
        f = (struct replay_frame){.group = 0};
    *place = f;
    if (f.frame)
        frame_ref(f.frame);
}

/* The next frame of the run for that group, NULL when nothing in it is for it; one reference is the
 * caller's. */
static enum err run_frame(struct hub *h, const struct group *g, struct change *const *items,
                          size_t count, size_t *taken, struct frame **out)
{
    uint64_t seq = items[0]->seq;
    struct replay_frame *f = frame_place(h, g, seq);
    if (f->group == g->number && f->seq == seq && f->count == count) {
        *taken = f->taken;
        *out = f->frame ? frame_ref(f->frame) : NULL;
        return OK;
    }
    *taken = 0;
    enum err e = deliver_encode(h, g, items, count, taken, out);
    if (!e)
        remember(f, (struct replay_frame){g->number, seq, count, *taken, *out});
    return e;
}

/* What is still to be told of a change: nobody shares that. */
static enum err rest_frame(struct hub *h, const struct channel *ch, struct change *c,
                           struct frame **out)
{
    struct bytes wire;
    uint32_t messages;
    enum err e = feed_encode_rest(&h->feed, ch->group, c, ch->told, &wire, &messages);
    *out = NULL;
    return !e && messages > 0 ? frame_new(wire, BYTES(""), messages, out) : e;
}

static enum err next_frame(struct hub *h, const struct channel *ch, struct change *const *items,
                           size_t count, size_t *taken, struct frame **out)
{
    if (!ch->told)
        return run_frame(h, ch->group, items, count, taken, out);
    *taken = 1;
    return rest_frame(h, ch, items[0], out);
}

/* ---- one channel ---- */

/* The log no longer reaches back: the client is to join again, and to take a snapshot. */
static void end_lost(struct hub *h, struct channel *ch)
{
    h->counters.lost++;
    member_end(h, ch, BYTES("phx_error"), BYTES("postgres_changes"),
               BYTES("Too far behind: changes were missed, subscribe again"));
}

/* False: no memory for that. */
static bool wait_for_page(struct hub *h, struct channel *ch, uint64_t seq)
{
    list_remove(&ch->behind);
    if (archive_wait(&h->replay.archive, seq, &ch->behind) == OK)
        return true;
    list_push_back(&ch->conn->behind, &ch->behind);
    replay_later(h, ch->conn, RETRY_US);
    return false;
}

static size_t leave_memory(struct hub *h, struct channel *ch)
{
    if (replay_reaches(h, ch->next_seq))
        return wait_for_page(h, ch, ch->next_seq) ? 1 : 0;
    end_lost(h, ch);
    return 1;
}

/* The newest change that the client has heard of, if only in part. */
static uint64_t known_seq(const struct channel *ch)
{
    return ch->told ? ch->next_seq : ch->next_seq - 1;
}

/* The client knows more than we do: it has read the database, or listened to another shard, and the
 * change is still on its way to us.  Or it has heard it of a database that is no more; so the store
 * is asked. */
static size_t go_ahead(struct hub *h, struct channel *ch)
{
    struct replay *r = &h->replay;
    uint64_t known = known_seq(ch);
    if (is_absent(h, known)) {
        end_lost(h, ch);
        return 1;
    }
    if (!archive_has(&r->archive, known))
        return wait_for_page(h, ch, known) ? 1 : 0;
    list_remove(&ch->behind);
    list_push_back(&r->ahead, &ch->behind);
    return 1;
}

static void set_cursor(struct hub *h, struct channel *ch, uint64_t next_seq)
{
    mem_free(ch->told);
    ch->told = NULL;
    ch->next_seq = next_seq;
    if (next_seq > changelog_head(h->log) && !window_park(ch))
        group_catch_up(ch);
}

/* One frame of one channel, or a run that holds nothing for it.  Returns how many changes were
 * looked at; 0: no room, or no memory. */
static size_t replay_channel(struct hub *h, struct channel *ch)
{
    struct change *items[RUN_MAX];
    struct frame *f;
    uint64_t head = changelog_head(h->log);
    if (known_seq(ch) > head)
        return go_ahead(h, ch);
    if (ch->next_seq > head) {
        set_cursor(h, ch, ch->next_seq);
        return 1;
    }
    size_t count = load_run(h, ch, items), taken;
    if (count == 0)
        return leave_memory(h, ch);
    if (next_frame(h, ch, items, count, &taken, &f)) {
        replay_later(h, ch->conn, RETRY_US);
        return 0;
    }
    bool is_full = f && !deliver_frame(h, ch->conn, f);
    if (f && !is_full)
        h->counters.replayed += f->message_count;
    frame_unref(f);
    if (is_full)
        return 0;
    set_cursor(h, ch, ch->next_seq + taken);
    return taken;
}

/* ---- the pump ---- */

static bool has_room(const struct hub *h, const struct conn *c)
{
    return c->outbox.count == 0 || (c->outbox.bytes < h->feed_limit.bytes / 2 &&
                                    c->outbox.count < (h->feed_limit.frames + 1) / 2);
}

/* Channels take turns. */
static void rotate(struct conn *c)
{
    struct link *first = list_pop_front(&c->behind);
    if (first)
        list_push_back(&c->behind, first);
}

/* Returns how many changes were looked at. */
static size_t pump(struct hub *h, struct conn *c)
{
    size_t looked_at = 0;
    if (c->has_missed && has_room(h, c))
        track_refresh(h, c);
    if (list_is_empty(&c->behind))
        return 0;
    h->replay.forget_at_us = h->now_us + KEEP_US;
    while (!list_is_empty(&c->behind) && has_room(h, c)) {
        if (looked_at >= PUMP_MAX) {
            replay_later(h, c, 0);
            break;
        }
        size_t size = replay_channel(h, container_of(c->behind.next, struct channel, behind));
        if (size == 0)
            break;
        looked_at += size;
        rotate(c);
    }
    return looked_at;
}

void replay_pump(struct hub *h, struct conn *c)
{
    pump(h, c);
}

/* Those that want to be pumped again go behind `end`, and are not looked at this time. */
static void pump_due(struct hub *h)
{
    struct replay *r = &h->replay;
    struct link end, *l;
    size_t looked_at = 0;
    list_push_back(&r->pumping, &end);
    r->pump_at_us = INT64_MAX;
    while (looked_at < TICK_MAX && (l = list_pop_front(&r->pumping)) != &end)
        looked_at += 1 + pump(h, container_of(l, struct conn, pumping));
    if (!list_is_linked(&end))
        return;
    list_remove(&end);
    if (!list_is_empty(&r->pumping))
        r->pump_at_us = h->now_us;
}

/* What was asked for and is not there is gone, or has never been. */
static void note_absence(struct hub *h, const struct hub_in *in)
{
    struct replay *r = &h->replay;
    uint64_t head = changelog_head(h->log);
    uint64_t page_end = in->from - in->from % ARCHIVE_PAGE + ARCHIVE_PAGE;
    uint64_t first = in->change_count ? in->changes[0]->seq : page_end;
    if (in->error || first <= in->from)
        return;
    if (in->from <= head)
        archive_trim(&r->archive, first <= head ? first : head + 1);
    else if (in->from < r->absent)
        r->absent = in->from;
}

void replay_fetched(struct hub *h, const struct hub_in *in)
{
    struct archive *a = &h->replay.archive;
    struct link waiters;
    list_init(&waiters);
    archive_trim(a, in->tail);
    note_absence(h, in);
    enum err e = archive_put(a, in->from, in->changes, in->change_count, in->error, &waiters);
    h->counters.fetched += in->change_count;
    h->replay.forget_at_us = h->now_us + KEEP_US;
    for (struct link *l; (l = list_pop_front(&waiters));) {
        struct conn *c = container_of(l, struct channel, behind)->conn;
        list_push_back(&c->behind, l);
        replay_later(h, c, e ? RETRY_US : 0);
    }
    replay_tick(h);
}

static void forget(struct replay *r)
{
    for (int i = 0; i < REPLAY_FRAMES; i++)
        remember(&r->frames[i], (struct replay_frame){.group = 0});
    archive_clear(&r->archive);
    r->forget_at_us = INT64_MAX;
}

void replay_heard(struct hub *h)
{
    struct replay *r = &h->replay;
    uint64_t head = changelog_head(h->log);
    if (head >= r->absent)
        r->absent = UINT64_MAX;
    for (struct link *l = r->ahead.next, *next; l != &r->ahead; l = next) {
        struct channel *ch = container_of(l, struct channel, behind);
        next = l->next;
        if (known_seq(ch) > head)
            continue;
        list_remove(l);
        list_push_back(&ch->conn->behind, l);
        replay_later(h, ch->conn, 0);
    }
}

void replay_tick(struct hub *h)
{
    if (h->replay.pump_at_us <= h->now_us)
        pump_due(h);
    if (h->replay.forget_at_us <= h->now_us)
        forget(&h->replay);
}

int64_t replay_deadline(const struct hub *h)
{
    const struct replay *r = &h->replay;
    return r->pump_at_us < r->forget_at_us ? r->pump_at_us : r->forget_at_us;
}

void replay_init(struct replay *r, uint64_t tail, uint64_t seed)
{
    *r = (struct replay){.pump_at_us = INT64_MAX, .forget_at_us = INT64_MAX, .absent = UINT64_MAX};
    list_init(&r->pumping);
    list_init(&r->ahead);
    archive_init(&r->archive, tail ? tail : UINT64_MAX, seed);
}

void replay_done(struct replay *r)
{
    forget(r);
    archive_done(&r->archive);
}
