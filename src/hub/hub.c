#include "hub/hub.h"

#include "hub/broadcast.h"
#include "hub/deliver.h"
#include "hub/explain.h"
#include "hub/flood.h"
#include "hub/member.h"
#include "hub/peer.h"
#include "hub/relay.h"
#include "hub/replay.h"
#include "hub/stored.h"
#include "hub/track.h"
#include "hub/window.h"

enum {
    WORD_MAX = 16 << 20, /* bytes of one message made for one peer */
    JOIN_SCRATCH_MAX = 8 << 20,
    URGENT_FRAMES = 16, /* room beyond the limits, for heartbeats and pongs */
    URGENT_BYTES = 4096
};

const struct hub_limits hub_limits_default = {
    .message_max = 4 << 20,
    .broadcast_max = 3000500,
    .persist_bytes_max = 8 << 20,
    .outbox_bytes_max = 1 << 20,
    .outbox_frames_max = 1024,
    .deflate_min = 1024,
    .inflate_max = 8 << 20,
    .channels_max = 1000,
    .bindings_max = 100,
    .record_max = 1 << 20,
    .joins_burst = 2000,
    .joins_per_s = 200,
    .messages_burst = 4000,
    .messages_per_s = 1000,
    .refused_max = 2000,
    .idle_us = INT64_C(60000000),
    .presence_keys_max = 10000,
    .presence_metas_max = 100,
    .presence_payload_max = 64 << 10,
    .presence_topic_max = 1 << 20,
    .presence_bytes_max = 64 << 20,
    .presence_window_us = INT64_C(100000),
    .close_us = INT64_C(5000000),
};

/* ---- new, free ---- */

static void set_limits(struct hub *h, const struct hub_limits *l)
{
    h->limits = *l;
    flood_set_limits(h);
    h->feed_limit = (struct outbox_limit){l->outbox_bytes_max - l->outbox_bytes_max / 4,
                                          l->outbox_frames_max - l->outbox_frames_max / 4, false};
    /* An empty outbox takes a change or a broadcast of any size: what must be said goes behind it. */
    h->direct_limit = (struct outbox_limit){l->outbox_bytes_max, l->outbox_frames_max, true};
    h->urgent_limit = (struct outbox_limit){l->outbox_bytes_max + URGENT_BYTES,
                                            l->outbox_frames_max + URGENT_FRAMES, true};
}

static void init_buffers(struct hub *h)
{
    buf_init(&h->decoded, WORD_MAX);
    buf_init(&h->response, WORD_MAX);
    buf_init(&h->text, WORD_MAX);
    buf_init(&h->wire, WORD_MAX);
    arena_init(&h->scratch, JOIN_SCRATCH_MAX);
}

static enum err init_parts(struct hub *h, const struct hub_config *cfg)
{
    enum err e = groups_init(&h->groups, cfg->catalogue, cfg->policies, cfg->rng_seed);
    if (!e)
        e = changelog_new(cfg->log_count_max, cfg->log_bytes_max, cfg->head, &h->log);
    if (!e)
        e = directory_new(cfg->rng_seed, &h->directory);
    if (e)
        return e;
    h->epoch_text = mem_copy(cfg->epoch);
    h->epoch = (struct bytes){h->epoch_text, cfg->epoch.size};
    return h->epoch_text ? OK : ERR_NOMEM;
}

enum err hub_new(const struct hub_config *cfg, struct hub **out)
{
    struct hub *h = mem_zalloc(sizeof(*h));
    if (!h)
        return ERR_NOMEM;
    h->catalogue = cfg->catalogue;
    h->staff = catalogue_table(cfg->catalogue, BYTES("users"));
    h->secret = cfg->secret;
    h->shard = cfg->shard;
    h->has_peers = cfg->shard_count > 1;
    list_init(&h->relays);
    list_init(&h->quiet);
    list_init(&h->doomed);
    rng_init(&h->rng, cfg->rng_seed);
    /* A client that has seen an earlier run must not take a new ref for one that it knows. */
    h->last_ref = rng_next(&h->rng) >> 16;
    presence_init(&h->presence, cfg->rng_seed);
    list_init(&h->stored.letters);
    list_init(&h->stored.wishes);
    set_limits(h, &cfg->limits);
    init_buffers(h);
    replay_init(&h->replay, cfg->tail, cfg->rng_seed);
    heap_init(&h->timers);
    conns_init(&h->conns);
    channels_init(&h->channels, cfg->rng_seed);
    feed_init(&h->feed, &h->groups.classes);
    coalesce_init(&h->coalesce, cfg->rng_seed);
    h->feed.record_max = cfg->limits.record_max;
    inflater_init(&h->inflater);
    deflater_init(&h->deflater);
    enum err e = init_parts(h, cfg);
    if (e) {
        hub_free(h);
        return e;
    }
    *out = h;
    return OK;
}

static void free_conns(struct hub *h)
{
    for (uint32_t i = 0; i < h->conns.count; i++) {
        struct conn *c = conns_at(&h->conns, i);
        if (c)
            peer_free(h, c);
    }
    conns_done(&h->conns);
}

void hub_free(struct hub *h)
{
    if (!h)
        return;
    free_conns(h);
    presence_done(&h->presence);
    for (struct link *l; (l = list_pop_front(&h->relays));)
        relay_item_free(container_of(l, struct relay_item, link));
    replay_done(&h->replay);
    stored_done(h);
    channels_done(&h->channels);
    groups_done(&h->groups);
    feed_done(&h->feed);
    coalesce_done(&h->coalesce);
    inflater_done(&h->inflater);
    deflater_done(&h->deflater);
    heap_done(&h->timers);
    changelog_free(h->log);
    directory_free(h->directory);
    mem_free(h->epoch_text);
    buf_done(&h->decoded);
    buf_done(&h->response);
    buf_done(&h->text);
    buf_done(&h->wire);
    arena_done(&h->scratch);
    mem_free(h);
}

/* ---- in ---- */

static enum err open_conn(struct hub *h, struct hub_in *in)
{
    struct conn *c;
    enum err e = conns_add(&h->conns, in->version, h->limits.message_max, &c);
    if (e)
        return e;
    c->tag = in->tag;
    c->key = bearer_of(&in->claims);
    c->window = (uint8_t)in->window;
    if (in->window != DEFLATE_NONE)
        ws_decoder_inflate_with(&c->decoder, &h->inflater);
    c->heard_us = h->now_us;
    flood_init(c);
    e = heap_set(&h->timers, &c->timer, h->now_us + h->limits.idle_us);
    if (e) {
        conns_remove(&h->conns, c);
        return e;
    }
    in->conn = c->id;
    return OK;
}

static void drain(struct hub *h)
{
    h->is_draining = true;
    for (uint32_t i = 0; i < h->conns.count; i++) {
        struct conn *c = conns_at(&h->conns, i);
        if (c)
            peer_close(h, c, WS_CLOSE_SERVICE_RESTART, END_POLITE);
    }
}

static void tick(struct hub *h)
{
    for (struct heap_node *n; (n = heap_first(&h->timers)) && n->deadline <= h->now_us;)
        peer_tick(h, container_of(n, struct conn, timer));
    window_tick(h);
    replay_tick(h);
    track_tick(h);
}

static enum err recv_relay(struct hub *h, struct bytes bytes)
{
    struct relay_message m;
    enum err e = relay_decode(bytes, &m);
    if (e)
        return e;
    if (m.kind != RELAY_BROADCAST)
        return track_relayed(h, &m);
    broadcast_here(h, &m.broadcast, NULL);
    return OK;
}

static enum err dispatch(struct hub *h, struct hub_in *in)
{
    struct conn *c = conns_find(&h->conns, in->conn);
    switch (in->kind) {
    case HUB_IN_OPEN:
        return open_conn(h, in);
    case HUB_IN_BYTES:
        if (c)
            peer_recv(h, c, in->bytes);
        return OK;
    case HUB_IN_GONE:
        if (c)
            peer_free(h, c);
        return OK;
    case HUB_IN_CHANGES:
        return deliver_changes(h, in->changes, in->change_count);
    case HUB_IN_STAFF:
        return directory_put(h->directory, in->staff_row);
    case HUB_IN_RELAY:
        return recv_relay(h, in->relay);
    case HUB_IN_BROADCAST:
        broadcast_send(h, &in->broadcast, NULL);
        return OK;
    case HUB_IN_STORED:
        stored_heard(h, in->stored);
        return OK;
    case HUB_IN_PERSISTED:
        stored_kept(h, in->letter, in->fault);
        return OK;
    case HUB_IN_MESSAGES:
        stored_answered(h, in->wish, in->stored, in->stored_count, in->error);
        return OK;
    case HUB_IN_DRAIN:
        drain(h);
        return OK;
    case HUB_IN_FETCHED:
        replay_fetched(h, in);
        return OK;
    case HUB_IN_TRIMMED:
        archive_trim(&h->replay.archive, in->tail);
        return OK;
    case HUB_IN_TICK:
        tick(h);
        return OK;
    }
    return ERR_UNSUPPORTED;
}

enum err hub_step(struct hub *h, struct hub_in *in, int64_t now_us)
{
    h->now_us = now_us;
    enum err e = dispatch(h, in);
    peer_reap(h);
    return e;
}

/* ---- out ---- */

static bool next_fetch(struct hub *h, struct hub_out *out)
{
    struct hub_out fetch = {.kind = HUB_OUT_FETCH, .bytes_max = ARCHIVE_FETCH_BYTES};
    if (list_is_empty(&h->replay.archive.wanted) ||
        !archive_next(&h->replay.archive, &fetch.from, &fetch.change_max))
        return false;
    h->counters.fetches++;
    *out = fetch;
    return true;
}

/* What is for no connection. */
static bool next_errand(struct hub *h, struct hub_out *out)
{
    bool is_idle = list_is_empty(&h->relays) && list_is_empty(&h->stored.letters) &&
                   list_is_empty(&h->stored.wishes);
    if (is_idle)
        return false;
    struct link *relay = list_pop_front(&h->relays);
    *out = (struct hub_out){.kind = HUB_OUT_RELAY};
    if (relay) {
        out->relay = container_of(relay, struct relay_item, link);
        return true;
    }
    out->kind = HUB_OUT_PERSIST;
    out->letter = stored_next_letter(h);
    if (out->letter)
        return true;
    out->kind = HUB_OUT_MESSAGES;
    out->wish = stored_next_wish(h);
    return out->wish != NULL;
}

bool hub_next_out(struct hub *h, struct hub_out *out)
{
    track_flush(h);
    peer_reap(h); /* here, where the shell holds nobody's bytes: hub_peek may have doomed some */
    if (next_errand(h, out) || next_fetch(h, out))
        return true;
    for (const struct conn *c; (c = conns_next_touched(&h->conns));) {
        bool is_closed = c->state == CONN_CLOSED;
        if (!is_closed && c->outbox.count == 0)
            continue;
        out->kind = is_closed ? HUB_OUT_CLOSE : HUB_OUT_FLUSH;
        out->conn = c->id;
        out->tag = c->tag;
        out->is_abrupt = is_closed && c->is_abrupt;
        out->close_code = c->close_code;
        return true;
    }
    return false;
}

static bool must_replay(const struct conn *c)
{
    return !list_is_empty(&c->behind) || c->has_missed;
}

int hub_peek(struct hub *h, struct hub_conn_id conn, struct iovec *iov, int iov_max)
{
    struct conn *c = conns_find(&h->conns, conn);
    if (!c)
        return 0;
    if (must_replay(c))
        replay_pump(h, c);
    return outbox_peek(&c->outbox, iov, iov_max);
}

bool hub_sent(struct hub *h, struct hub_conn_id conn, size_t size, int64_t now_us)
{
    struct conn *c = conns_find(&h->conns, conn);
    if (!c)
        return false;
    h->now_us = now_us;
    outbox_sent(&c->outbox, size);
    h->counters.delivered_bytes += size;
    return c->outbox.count > 0 || must_replay(c);
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int64_t hub_deadline(const struct hub *h)
{
    const struct heap_node *n = heap_first(&h->timers);
    int64_t due_us = earlier(replay_deadline(h), earlier(window_deadline(h), track_deadline(h)));
    return n ? earlier(n->deadline, due_us) : due_us;
}

const struct directory *hub_directory(const struct hub *h)
{
    return h->directory;
}

uint64_t hub_head(const struct hub *h)
{
    return changelog_head(h->log);
}

void hub_explain(const struct hub *h, struct bytes user, const struct change *c, struct buf *out)
{
    explain_put_channels(out, h, user, c);
}

struct hub_counters hub_counters(const struct hub *h)
{
    struct hub_counters c = h->counters;
    c.connections = h->conns.open;
    c.channels = h->channels.map.count;
    c.subscriptions = h->groups.subscriptions;
    c.groups = h->groups.map.count;
    c.behind_now = h->groups.behind;
    c.coalesced = h->coalesce.saved;
    c.inflated = h->inflater.messages;
    c.inflated_from_bytes = h->inflater.from_bytes;
    c.inflated_to_bytes = h->inflater.to_bytes;
    c.deflated = h->deflater.messages;
    c.deflated_from_bytes = h->deflater.from_bytes;
    c.deflated_to_bytes = h->deflater.to_bytes;
    c.policy_decisions += h->groups.classes.decisions;
    c.costly_filters = h->feed.costly;
    c.records_over = h->feed.oversized;
    return c;
}
