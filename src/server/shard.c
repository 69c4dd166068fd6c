#include "server/shard_parts.h"

#include <assert.h>
#include <fcntl.h>
#include <unistd.h>

#include "api/sign_in_limit.h"
#include "api/token_cache.h"
#include "base/json.h"
#include "base/mem.h"
#include "io/clock.h"
#include "io/entropy.h"
#include "io/log.h"
#include "server/inspect.h"

enum { PATIENCE_US = 100 * 1000 }; /* until the hub is fed again what it had no memory for */
#define TAG_INBOX (UINT64_MAX - 1)

void *pool_get(struct pool *p)
{
    return p->count ? p->items[--p->count] : NULL;
}

bool pool_put(struct pool *p, void *item)
{
    if (p->count == POOL_MAX)
        return false;
    p->items[p->count++] = item;
    return true;
}

void shard_count_send(struct shard *s, size_t size)
{
    s->counters.sends++;
    s->counters.sent_bytes += size;
}

void shard_want(struct shard *s, struct peer *peer, bool wants_write, bool is_deaf)
{
    if (peer->wants_write == wants_write && peer->is_deaf == is_deaf)
        return;
    unsigned interest = (wants_write ? LOOP_WRITE : 0U) | (is_deaf ? 0U : LOOP_READ);
    if (loop_change(&s->loop, peer->stream.fd, interest, peer_tag(peer)) == OK) {
        peer->wants_write = wants_write;
        peer->is_deaf = is_deaf;
    }
}

void shard_set_timer(struct shard *s, struct http_peer *p, int64_t due_us)
{
    p->due_us = due_us;
    /* Later deadlines are found out when the earlier one fires. */
    if (due_us != INT64_MAX && (p->timer.place == 0 || p->timer.deadline > due_us)) {
        if (heap_set(&s->timers, &p->timer, due_us))
            log_write(LOG_WARN, "shard.memory", "no memory for a timer");
    }
}

void shard_close_peer(struct shard *s, struct peer *peer)
{
    if (peer->http)
        http_peer_free(s, peer->http);
    if (peer->is_live) {
        LOG_EVENT(LOG_DEBUG, "live.gone", LOG_NUMBER("connection", peer_tag(peer)));
        ws_tell_gone(s, peer->hub);
    }
    stream_close(&peer->stream);
    peers_put(&s->peers, peer);
}

/* -- peers -- */

static void recv_peer(struct shard *s, struct peer *peer)
{
    size_t size;
    size_t max = peer->is_live ? LIVE_RECEIVE_SIZE : RECEIVE_SIZE;
    enum err e = stream_recv(&peer->stream, s->receive, max, &size);
    if (e == ERR_AGAIN)
        return;
    if (e && peer->http && !peer->is_live) {
        http_peer_eof(s, peer->http);
    } else if (e) {
        shard_close_peer(s, peer);
    } else {
        s->counters.receives++;
        s->counters.received_bytes += size;
        struct bytes in = {s->receive, size};
        if (peer->is_live)
            ws_peer_recv(s, peer, in);
        else
            http_peer_recv(s, peer->http, in);
    }
}

static void send_peer(struct shard *s, struct peer *peer)
{
    if (peer->is_live)
        ws_peer_send(s, peer);
    else
        http_peer_flush(s, peer->http);
}

static void serve_peer(struct shard *s, const struct loop_event *e)
{
    struct peer *peer = peers_find(&s->peers, e->tag);
    if (peer && (e->ready & LOOP_READ) && !peer->is_deaf)
        recv_peer(s, peer);
    peer = peers_find(&s->peers, e->tag);
    if (peer && (e->ready & LOOP_HANGUP))
        shard_close_peer(s, peer);
    else if (peer && (e->ready & LOOP_WRITE) && peer->wants_write)
        send_peer(s, peer);
}

/* -- mail -- */

static void keep_changes(struct shard *s, struct changes_mail *m)
{
    s->counters.change_mails++;
    for (size_t i = 0; i < m->count; i++) {
        /* A change must not be lost, and the list grows by doubling: without memory for that
         * nothing else works either. */
        enum err e = changes_push(&s->changes, m->items[i]);
        assert(!e);
    }
    mem_free(m);
}

static void note_fed(struct shard *s, int64_t commit_us)
{
    histogram_add(&s->counters.commit_to_shard_us, histogram_times, s->now_us - commit_us, 1);
    if (!s->fed_us)
        s->fed_us = commit_us;
}

/* The hub takes what follows its head; what it could not take for want of memory stays for the next
 * turn. */
static void feed_hub(struct shard *s)
{
    if (s->changes.count == 0)
        return;
    struct hub_in in = {
        .kind = HUB_IN_CHANGES, .changes = s->changes.items, .change_count = s->changes.count};
    note_fed(s, s->changes.items[0]->commit_us);
    enum err e = hub_step(s->hub, &in, s->now_us);
    if (e)
        log_write(LOG_ERROR, "hub.changes", "%s", err_text(e));
    size_t taken = 0;
    while (taken < s->changes.count && s->changes.items[taken]->seq <= hub_head(s->hub))
        change_unref(s->changes.items[taken++]);
    s->changes.count -= taken;
    memmove(s->changes.items, s->changes.items + taken, s->changes.count * sizeof(struct change *));
}

static void drain(struct shard *s)
{
    s->is_draining = true;
    s->drain_end_us = s->now_us + s->cfg.limits->drain_us;
    close(s->listen_fd);
    s->listen_fd = -1;
    s->accept_again_us = 0;
    struct hub_in in = {.kind = HUB_IN_DRAIN};
    if (hub_step(s->hub, &in, s->now_us))
        log_write(LOG_WARN, "hub.drain", "no memory for closing in good order");
    struct peer *peer;
    for (uint32_t i = 0; (peer = peers_at(&s->peers, i)); i++) {
        bool is_idle = peer->stream.fd >= 0 && peer->http && peer->http->state == HTTP_READING &&
                       !peer->http->parser;
        if (is_idle)
            shard_close_peer(s, peer);
    }
}

static void take_errand(struct shard *s, struct mail *m)
{
    if (m->kind == MAIL_STORED)
        errand_stored(s, container_of(m, struct stored_mail, mail));
    else if (m->kind == MAIL_INSPECT)
        inspect_answer(container_of(m, struct inspection, mail), s->hub);
    else
        errand_returned(s, container_of(m, struct errand, mail));
}

/* Changes before calls: who gets an answer finds the hub's directory as new as the answer. */
static void take_mail(struct shard *s)
{
    struct mail_list mails;
    struct mail_list calls = {0}, errands = {0};
    struct mail *m;
    bool must_drain = false;
    mailbox_take(&s->inbox, &mails);
    while ((m = mail_list_pop(&mails))) {
        if (m->kind == MAIL_CHANGES)
            keep_changes(s, container_of(m, struct changes_mail, mail));
        else if (m->kind == MAIL_CALL)
            mail_list_push(&calls, m);
        else if (m->kind == MAIL_STORED || m->kind == MAIL_ERRAND || m->kind == MAIL_INSPECT)
            mail_list_push(&errands, m);
        else if (m->kind == MAIL_RELAY)
            relay_arrived(s, m);
        else if (m->kind == MAIL_RELAYED)
            relay_returned(s, m);
        else if (m->kind == MAIL_FETCH)
            fetch_returned(s, container_of(m, struct fetch_mail, mail));
        else if (m->kind == MAIL_TAIL)
            fetch_trimmed(s, container_of(m, struct tail_mail, mail));
        else
            must_drain = true;
    }
    feed_hub(s);
    while ((m = mail_list_pop(&errands)))
        take_errand(s, m);
    while ((m = mail_list_pop(&calls)))
        http_call_returned(s, container_of(m, struct call, mail));
    if (must_drain)
        drain(s);
}

/* -- time -- */

static void fire_timers(struct shard *s)
{
    struct heap_node *n;
    while ((n = heap_first(&s->timers)) && n->deadline <= s->now_us) {
        struct http_peer *p = container_of(n, struct http_peer, timer);
        heap_remove(&s->timers, n);
        if (p->due_us <= s->now_us)
            http_peer_timeout(s, p);
        else
            shard_set_timer(s, p, p->due_us);
    }
}

static void end_drain(struct shard *s)
{
    struct peer *peer;
    if (s->now_us >= s->drain_end_us) {
        for (uint32_t i = 0; (peer = peers_at(&s->peers, i)); i++) {
            if (peer->stream.fd >= 0)
                shard_close_peer(s, peer);
        }
    }
    /* Calls always come back, and must find their shard. */
    s->is_done = s->peers.count == 0 && s->counters.calls_in_flight == 0;
}

static void tick(struct shard *s)
{
    fire_timers(s);
    if (s->accept_again_us && s->accept_again_us <= s->now_us)
        accept_resume(s);
    if (hub_deadline(s->hub) <= s->now_us) {
        struct hub_in in = {.kind = HUB_IN_TICK};
        if (hub_step(s->hub, &in, s->now_us))
            log_write(LOG_WARN, "hub.tick", "no memory");
    }
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Microseconds to the next thing to be done unasked; negative: none. */
static int64_t patience(struct shard *s)
{
    if (s->has_unflushed)
        return 0;
    int64_t due = hub_deadline(s->hub);
    struct heap_node *n = heap_first(&s->timers);
    if (n)
        due = earlier(due, n->deadline);
    if (s->accept_again_us)
        due = earlier(due, s->accept_again_us);
    if (s->is_draining && s->now_us < s->drain_end_us)
        due = earlier(due, s->drain_end_us);
    if (s->changes.count || s->relay.is_held_up)
        due = earlier(due, s->now_us + PATIENCE_US);
    if (due == INT64_MAX)
        return -1;
    return due > s->now_us ? due - s->now_us : 0;
}

/* -- the loop -- */

/* Sends to connections that are not touched by a change count too: telling them apart would cost
 * more than it says.  The clock is read once, behind the whole slice. */
static void measure(struct shard *s, uint64_t live_sends)
{
    int64_t end_us = clock_now_us();
    histogram_add(&s->counters.turn_us, histogram_times, end_us - s->now_us, 1);
    if (!s->fed_us)
        return;
    histogram_add(&s->counters.commit_to_socket_us, histogram_times, end_us - s->fed_us,
                  live_sends);
    if (!s->has_unflushed)
        s->fed_us = 0;
}

static void flush(struct shard *s)
{
    struct link *l;
    while ((l = list_pop_front(&s->answers)))
        http_peer_flush(s, container_of(l, struct http_peer, ready));
    uint64_t sends = s->counters.sends;
    s->has_unflushed = ws_flush(s);
    relay_flush(s);
    measure(s, s->counters.sends - sends);
}

static void publish(struct shard *s)
{
    s->counters.turns++;
    s->counters.connections = s->peers.count;
    s->counters.hub = hub_counters(s->hub);
    pthread_mutex_lock(&s->lock);
    s->published = s->counters;
    pthread_mutex_unlock(&s->lock);
}

static void turn(struct shard *s)
{
    struct loop_event events[LOOP_EVENTS_MAX];
    size_t count = loop_wait(&s->loop, patience(s), events, LOOP_EVENTS_MAX);
    bool has_mail = false;
    s->now_us = clock_now_us();
    for (size_t i = 0; i < count; i++) {
        if (events[i].tag == TAG_LISTEN)
            accept_some(s);
        else if (events[i].tag == TAG_INBOX)
            has_mail = true;
        else
            serve_peer(s, &events[i]);
    }
    if (has_mail)
        take_mail(s);
    else
        feed_hub(s);
    relay_take(s);
    tick(s);
    flush(s);
    if (s->is_draining)
        end_drain(s);
    publish(s);
}

static void *shard_main(void *arg)
{
    struct shard *s = arg;
    while (!s->is_done)
        turn(s);
    return NULL;
}

/* -- beginning and end -- */

static enum err seed_changes(struct shard *s, const struct changes *recent)
{
    if (recent->count == 0)
        return OK;
    struct hub_in in = {
        .kind = HUB_IN_CHANGES, .changes = recent->items, .change_count = recent->count};
    return hub_step(s->hub, &in, s->now_us);
}

/* Behind the recent changes, for these rows are the newest truth. */
static enum err seed_staff(struct shard *s, struct bytes rows)
{
    struct json_value array, row;
    struct bytes key;
    enum err e = json_parse(rows, &array);
    struct json_iter it = json_iter(array);
    while (!e && json_next(&it, &key, &row)) {
        struct hub_in in = {.kind = HUB_IN_STAFF, .staff_row = row.raw};
        e = hub_step(s->hub, &in, s->now_us);
    }
    return e;
}

static enum err make_hub(struct shard *s)
{
    const struct shard_config *c = &s->cfg;
    struct hub_config h = {
        .catalogue = store_catalogue(c->store),
        .policies = store_policies(c->store),
        .secret = store_secret(c->store),
        .epoch = store_epoch(c->store),
        .head = c->recent->count ? c->recent->items[0]->seq - 1 : c->head,
        .tail = c->tail,
        .rng_seed = entropy_u64(),
        .shard = c->index,
        .shard_count = c->count,
        .log_count_max = c->limits->log_count_max,
        .log_bytes_max = c->limits->log_bytes_max,
        .limits = c->limits->hub,
    };
    enum err e = hub_new(&h, &s->hub);
    if (!e)
        e = seed_changes(s, c->recent);
    if (!e)
        e = seed_staff(s, c->staff);
    if (!e && hub_head(s->hub) != c->head)
        e = ERR_CORRUPT;
    return e;
}

static enum err make_api(struct shard *s)
{
    struct token_cache *cache;
    struct sign_in_limit *limit;
    enum err e = token_cache_new(entropy_u64(), &cache);
    if (e)
        return e;
    struct rate_limit rate = {s->cfg.limits->api.sign_in_burst,
                              s->cfg.limits->api.sign_in_period_us};
    e = sign_in_limit_new(entropy_u64(), rate, &limit);
    if (e) {
        token_cache_free(cache);
        return e;
    }
    s->api = (struct api){
        .catalogue = store_catalogue(s->cfg.store),
        .policies = store_policies(s->cfg.store),
        .directory = hub_directory(s->hub),
        .secret = store_secret(s->cfg.store),
        .settings = store_settings(s->cfg.store),
        .epoch = store_epoch(s->cfg.store),
        .limits = s->cfg.limits->api,
        .broadcast_max = s->cfg.limits->hub.broadcast_max,
        .version = s->cfg.version,
        .entropy = entropy_fill,
        .token_cache = cache,
        .sign_in_limit = limit,
    };
    return OK;
}

enum err shard_new(const struct shard_config *cfg, int listen_fd, struct shard **out)
{
    struct shard *s = mem_zalloc(sizeof(*s));
    if (!s) {
        close(listen_fd);
        return ERR_NOMEM;
    }
    s->cfg = *cfg;
    s->listen_fd = listen_fd;
    s->loop.epoll_fd = -1;
    s->now_us = clock_now_us();
    s->date_s = -1;
    s->drain_mail.kind = MAIL_DRAIN;
    pthread_mutex_init(&s->lock, NULL);
    changes_init(&s->changes);
    peers_init(&s->peers, cfg->connections_max);
    heap_init(&s->timers);
    list_init(&s->answers);
    relay_init(s);
    s->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    s->inbox.wake.fd = -1;
    enum err e = mailbox_init(&s->inbox, cfg->limits->mail_queued_max);
    if (!e)
        e = loop_init(&s->loop);
    if (!e)
        e = loop_add(&s->loop, mailbox_fd(&s->inbox), LOOP_READ, TAG_INBOX);
    if (!e)
        e = loop_add(&s->loop, s->listen_fd, LOOP_READ, TAG_LISTEN);
    if (!e)
        e = burst_new(cfg->limits->burst_max == 1, &s->burst);
    if (!e)
        e = make_hub(s);
    if (!e)
        e = make_api(s);
    if (e) {
        shard_free(s);
        return e;
    }
    *out = s;
    return OK;
}

static void free_mail(struct shard *s)
{
    struct mail_list mails;
    struct mail *m;
    mailbox_take(&s->inbox, &mails);
    while ((m = mail_list_pop(&mails))) {
        if (m->kind == MAIL_CHANGES)
            keep_changes(s, container_of(m, struct changes_mail, mail));
        else if (m->kind == MAIL_RELAY || m->kind == MAIL_RELAYED)
            relay_free_mail(m);
        else if (m->kind == MAIL_FETCH)
            fetch_free(container_of(m, struct fetch_mail, mail));
        else if (m->kind == MAIL_TAIL)
            mem_free(container_of(m, struct tail_mail, mail));
        else if (m->kind == MAIL_STORED)
            stored_mail_free(container_of(m, struct stored_mail, mail));
    }
}

void shard_free(struct shard *s)
{
    if (!s)
        return;
    void *item;
    if (s->inbox.wake.fd >= 0) {
        free_mail(s);
        mailbox_done(&s->inbox);
    }
    while ((item = pool_get(&s->calls)))
        call_free(item);
    while ((item = pool_get(&s->http_peers)))
        http_peer_destroy(item);
    while ((item = pool_get(&s->parsers)))
        http_parser_free(item);
    token_cache_free(s->api.token_cache);
    sign_in_limit_free(s->api.sign_in_limit);
    relay_done(s);
    hub_free(s->hub);
    changes_done(&s->changes);
    peers_done(&s->peers);
    burst_free(s->burst);
    heap_done(&s->timers);
    loop_done(&s->loop);
    if (s->listen_fd >= 0)
        close(s->listen_fd);
    if (s->spare_fd >= 0)
        close(s->spare_fd);
    pthread_mutex_destroy(&s->lock);
    mem_free(s);
}

struct mailbox *shard_inbox(struct shard *s)
{
    return &s->inbox;
}

enum err shard_connect(struct shard *s, struct writer *w, struct readers *r,
                       struct shard *const *all, size_t count)
{
    s->writer = w;
    s->readers = r;
    s->all = all;
    s->all_count = count;
    return relay_connect(s, all, count);
}

enum err shard_start(struct shard *s)
{
    return pthread_create(&s->thread, NULL, shard_main, s) ? ERR_LIMIT : OK;
}

void shard_drain(struct shard *s)
{
    while (mailbox_post(&s->inbox, &s->drain_mail))
        usleep(1000);
}

void shard_join(struct shard *s)
{
    pthread_join(s->thread, NULL);
}

struct shard_counters shard_counters(struct shard *s)
{
    pthread_mutex_lock(&s->lock);
    struct shard_counters c = s->published;
    pthread_mutex_unlock(&s->lock);
    return c;
}
