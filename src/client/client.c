/* The verbs of homebake/client.h.  Each takes the time, changes the state, and leaves what follows from
 * it to hb_client_next; only hb_client_tick acts on deadlines. */
#include "base/mem.h"
#include "client/state.h"

enum { SETTING_MAX_MS = 24 * 3600 * 1000 };

const char *hb_error_text(enum hb_error e)
{
    static const char *const texts[] = {
        [HB_OK] = "ok",
        [HB_ERR_NOMEM] = "out of memory",
        [HB_ERR_INVALID] = "not valid",
        [HB_ERR_LIMIT] = "over a limit",
        [HB_ERR_NOT_FOUND] = "not found",
        [HB_ERR_NETWORK] = "no connection",
        [HB_ERR_SILENT] = "no answer",
        [HB_ERR_REFUSED] = "refused",
        [HB_ERR_DENIED] = "not allowed",
        [HB_ERR_PROTOCOL] = "not understood",
        [HB_ERR_SERVER] = "the server failed",
    };
    unsigned i = (unsigned)e;
    return i < sizeof(texts) / sizeof(texts[0]) ? texts[i] : "unknown";
}

/* ---- settings ---- */

void hb_settings_init(struct hb_settings *s)
{
    *s = (struct hb_settings){
        .hidden_close_ms = 60000,
        .heartbeat_ms = 25000,
        .answer_ms = 10000,
        .stale_ms = 5000,
        .connect_ms = 15000,
        .join_ms = 10000,
        .fetch_ms = 30000,
        .backoff_min_ms = 1000,
        .backoff_max_ms = 30000,
        .stable_ms = 60000,
        .health_ms = 60000,
        .frame_wait_ms = 250,
        .retries = {10, 5, 3},
        .subscriptions_max = 100,
        .subscribers_max = 1000,
        .rows_max = 10000,
        .bytes_max = 8 << 20,
        .kept_max = 1 << 20,
        .message_max = 4 << 20,
    };
}

static bool is_time(uint32_t ms)
{
    return ms > 0 && ms <= SETTING_MAX_MS;
}

static bool is_valid(const struct hb_settings *s)
{
    bool has_times = is_time(s->heartbeat_ms) && is_time(s->answer_ms) && is_time(s->stale_ms) &&
                     is_time(s->connect_ms) && is_time(s->join_ms) && is_time(s->fetch_ms) &&
                     is_time(s->stable_ms) && is_time(s->health_ms) && is_time(s->backoff_min_ms) &&
                     is_time(s->backoff_max_ms) && s->backoff_min_ms <= s->backoff_max_ms &&
                     s->hidden_close_ms <= SETTING_MAX_MS && s->frame_wait_ms <= SETTING_MAX_MS;
    return has_times && s->apikey.size > 0 && !memchr(s->apikey.data, '\0', s->apikey.size) &&
           s->subscriptions_max > 0 && s->subscribers_max > 0 && s->rows_max > 0 &&
           s->rows_max < UINT32_MAX / 4 && s->bytes_max > 0 && s->message_max > 0;
}

/* ---- life ---- */

enum hb_error hb_client_new(const struct hb_settings *s, int64_t now_ms, struct hb_client **out)
{
    if (!is_valid(s))
        return HB_ERR_INVALID;
    struct hb_client *c = mem_zalloc(sizeof(*c));
    if (!c)
        return HB_ERR_NOMEM;
    c->s = *s;
    c->apikey = mem_copy((struct bytes){s->apikey.data, s->apikey.size});
    if (!c->apikey) {
        mem_free(c);
        return HB_ERR_NOMEM;
    }
    c->s.apikey = (struct hb_text){c->apikey, s->apikey.size};
    c->limits = (struct registry_limits){s->subscriptions_max, s->subscribers_max, s->rows_max,
                                         s->bytes_max, s->kept_max};
    c->backoff = (struct backoff){s->backoff_min_ms, s->backoff_max_ms};
    rng_init(&c->rng, s->seed);
    registry_init(&c->registry, rng_next(&c->rng));
    c->now = 0;
    c->shift = -now_ms;
    c->is_online = c->is_visible = true;
    c->line.reason = HB_REASON_STOPPED;
    c->line.latency_ms = -1;
    c->token.renew_at = INT64_MAX;
    c->health_at = s->health_ms;
    buf_init(&c->out, s->message_max);
    buf_init(&c->scratch, s->message_max);
    buf_init(&c->key, s->message_max);
    *out = c;
    return HB_OK;
}

void hb_client_free(struct hb_client *c)
{
    if (!c)
        return;
    rows_drop(c);
    registry_done(&c->registry);
    buf_done(&c->out);
    buf_done(&c->scratch);
    buf_done(&c->key);
    mem_free(c->token.text);
    mem_free(c->apikey);
    mem_free(c);
}

/* ---- time ---- */

/* Whoever was late at a deadline by much was asleep, and so could not hear an answer: nobody is
 * judged for that time.  A clock that was set back stands still instead. */
static void enter(struct hb_client *c, int64_t now_ms)
{
    int64_t now;
    if (__builtin_add_overflow(now_ms, c->shift, &now) || now < c->now || now > INT64_MAX / 2) {
        c->shift = c->now - now_ms;
        return;
    }
    int64_t due = hb_client_deadline(c);
    bool has_slept = due != INT64_MAX && now - (due + c->shift) > SLEEP_MS;
    c->now = now;
    if (!has_slept)
        return;
    line_woke(c);
    channels_woke(c);
}

void hb_client_tick(struct hb_client *c, int64_t now_ms)
{
    enter(c, now_ms);
    line_tend(c);
    channels_tend(c);
    rows_tend(c);
    if (c->now >= c->health_at) {
        c->health_at = c->now + c->s.health_ms;
        if (is_connected(c) && c->is_visible)
            channels_check(c);
    }
    if (!c->is_visible && c->s.hidden == HB_HIDDEN_CLOSE && c->now >= c->hidden_end) {
        c->is_parked = true;
        line_review(c);
    }
}

/* ---- wishes ---- */

void hb_client_start(struct hb_client *c, int64_t now_ms)
{
    enter(c, now_ms);
    c->is_started = true;
    c->is_given_up = false;
    line_review(c);
}

void hb_client_stop(struct hb_client *c, int64_t now_ms)
{
    enter(c, now_ms);
    c->is_started = false;
    line_review(c);
}

/* Everything is tried anew, and at once. */
static void start_over(struct hb_client *c, bool with_own)
{
    c->is_given_up = false;
    c->line.tried = 0;
    for (struct sub *s = NULL; (s = registry_next(&c->registry, s));) {
        if (s->state != HB_SUB_FAILED || with_own || !s->is_own_fault)
            s->retries = 0;
    }
    channels_revive(c, with_own);
    line_review(c);
    line_open_now(c);
}

void hb_client_set_online(struct hb_client *c, bool is_online, int64_t now_ms)
{
    enter(c, now_ms);
    bool was_online = c->is_online;
    c->is_online = is_online;
    if (is_online && !was_online)
        start_over(c, false);
    else if (!is_online)
        line_review(c);
}

void hb_client_set_visible(struct hb_client *c, bool is_visible, int64_t now_ms)
{
    enter(c, now_ms);
    if (is_visible == c->is_visible)
        return;
    c->is_visible = is_visible;
    c->handing.is_asked = false;
    if (!is_visible) {
        c->hidden_end = c->now + c->s.hidden_close_ms;
        return;
    }
    c->is_parked = false;
    c->health_at = c->now + c->s.health_ms;
    line_review(c);
    line_probe(c);
    if (c->line.state == HB_WAITING)
        line_open_now(c); /* somebody looks */
}

void hb_client_retry(struct hb_client *c, uint32_t subscriber, int64_t now_ms)
{
    enter(c, now_ms);
    if (subscriber == 0) {
        start_over(c, true);
        if (c->line.state == HB_LIVE && !c->line.is_beat_out)
            line_probe(c);
        return;
    }
    struct user *u = registry_user(&c->registry, subscriber);
    if (!u)
        return;
    u->sub->retries = 0;
    channel_revive(c, u->sub);
}

void hb_client_refresh(struct hb_client *c, int64_t now_ms)
{
    enter(c, now_ms);
    for (struct sub *s = NULL; (s = registry_next(&c->registry, s));) {
        struct cursor head = s->cursor;
        if (s->replica.feed)
            continue;
        if (s->state == HB_SUB_LIVE)
            snapshot_begin(c, s, &head);
        else if (s->state == HB_SUB_LOADING)
            snapshot_begin(c, s, &s->head);
        else {
            snapshot_drop(s);
            s->cursor.is_set = false;
        }
    }
}

void hb_client_frame(struct hb_client *c, int64_t now_ms)
{
    enter(c, now_ms);
    c->handing.is_asked = false;
    c->handing.is_on = true;
}

void hb_client_set_token(struct hb_client *c, struct hb_text token, int64_t expires_in_ms,
                         int64_t now_ms)
{
    enter(c, now_ms);
    struct token *t = &c->token;
    struct bytes text = {token.data, token.size};
    char *copy = text.size > 0 && text.size < c->s.message_max / 2 ? mem_copy(text) : NULL;
    if (!copy)
        return; /* it is asked for again */
    bool is_new = !t->text || !bytes_equal((struct bytes){t->text, t->size}, text);
    mem_free(t->text);
    t->text = copy;
    t->size = text.size;
    t->is_wanted = false;
    t->ask_at = c->now + 1000;
    t->renew_at = INT64_MAX;
    if (expires_in_ms >= 0 && expires_in_ms < INT64_MAX / 4) {
        int64_t lead = earlier(expires_in_ms / 4, TOKEN_LEAD_MS);
        t->renew_at = c->now + expires_in_ms - lead;
    }
    if (is_new)
        channels_have_token(c);
}

/* ---- subscriptions ---- */

static enum hb_error translate(enum err e)
{
    if (e == OK)
        return HB_OK;
    if (e == ERR_NOMEM)
        return HB_ERR_NOMEM;
    return e == ERR_LIMIT ? HB_ERR_LIMIT : HB_ERR_INVALID;
}

enum hb_error hb_client_subscribe(struct hb_client *c, const struct hb_query *q, int64_t now_ms,
                                  uint32_t *out)
{
    struct spec spec;
    struct user *u;
    enter(c, now_ms);
    if ((unsigned)q->priority > HB_LOW)
        return HB_ERR_INVALID;
    enum err e = spec_read(q, &spec);
    if (e)
        return e == ERR_NOMEM ? HB_ERR_NOMEM : HB_ERR_INVALID;
    e = registry_add(&c->registry, &spec, q->priority, &c->limits, &u);
    if (e)
        return translate(e);
    c->has_news = true;
    *out = u->number;
    return HB_OK;
}

static void end_subscription(struct hb_client *c, struct sub *s)
{
    if (s->request) {
        s->cancel = s->request;
        s->request = 0;
    }
    channel_release(c, s);
}

void hb_client_unsubscribe(struct hb_client *c, uint32_t subscriber, int64_t now_ms)
{
    enter(c, now_ms);
    struct user *u = registry_user(&c->registry, subscriber);
    if (!u)
        return;
    struct sub *s = u->sub;
    registry_remove_user(&c->registry, u);
    if (list_is_empty(&s->users))
        end_subscription(c, s);
}

enum hb_error hb_client_subscription(const struct hb_client *c, uint32_t subscriber,
                                     enum hb_subscription *out)
{
    struct user *u = registry_user(&c->registry, subscriber);
    if (!u)
        return HB_ERR_NOT_FOUND;
    *out = u->sub->state;
    return HB_OK;
}

void hb_client_row(const struct hb_client *c, uint32_t index, struct hb_row *out)
{
    *out = (struct hb_row){0};
    if (index >= c->handing.batch.count)
        return;
    const struct delta *d = &c->handing.batch.deltas[index];
    struct bytes key = text_key(d->text), row = text_row(d->text);
    *out = (struct hb_row){d->op, {key.data, key.size}, {row.data, row.size}};
}

/* ---- news of the connection ---- */

static bool is_current(const struct hb_client *c, uint32_t connection, enum line_is is)
{
    return c->line.is == is && c->line.number == connection && !c->line.must_open;
}

void hb_client_opened(struct hb_client *c, uint32_t connection, int64_t now_ms)
{
    enter(c, now_ms);
    if (is_current(c, connection, LINE_OPENING))
        line_opened(c);
}

void hb_client_closed(struct hb_client *c, uint32_t connection, uint32_t code, int64_t now_ms)
{
    enter(c, now_ms);
    if (!is_current(c, connection, LINE_OPENING) && !is_current(c, connection, LINE_OPEN))
        return;
    if (code == 1012 || code == 1001)
        line_lost(c, HB_ERR_SERVER, BYTES("the server is being restarted"));
    else if (code == 1011 || code == 1013)
        line_lost(c, HB_ERR_SERVER, BYTES("the server fails, or has too much to do"));
    else if (code == 1015)
        line_lost(c, HB_ERR_DENIED, BYTES("the server's certificate is not accepted"));
    else if (code == 1002 || code == 1003 || code == 1007 || code == 1009)
        line_lost(c, HB_ERR_PROTOCOL, BYTES("client and server do not understand each other"));
    else if (c->line.is == LINE_OPENING)
        line_lost(c, HB_ERR_NETWORK, BYTES("no connection could be made"));
    else
        line_lost(c, HB_ERR_NETWORK, BYTES("the connection was lost"));
}

static void take_message(struct hb_client *c, const struct phx_message *m)
{
    struct line *l = &c->line;
    uint64_t ref;
    if (bytes_equal(m->topic, BYTES("phoenix"))) {
        if (l->is_beat_out && m->ref.data && !bytes_to_u64(m->ref, &ref) && ref == l->beat_ref)
            line_answered(c);
        return;
    }
    struct sub *s = registry_sub(&c->registry, m->topic);
    if (s)
        channel_recv(c, s, m);
}

void hb_client_message(struct hb_client *c, uint32_t connection, struct hb_text message,
                       int64_t now_ms)
{
    struct phx_message m;
    enter(c, now_ms);
    if (!is_current(c, connection, LINE_OPEN))
        return;
    enum err e = message.size > c->s.message_max ? ERR_LIMIT : OK;
    if (!e)
        e = phx_decode_text(PHX_V2, (struct bytes){message.data, message.size}, &c->scratch, &m);
    if (e) {
        /* It may have been a change: what it said is had again from the cursor on. */
        line_replace(c, e == ERR_NOMEM ? HB_ERR_NOMEM : HB_ERR_PROTOCOL,
                     e == ERR_NOMEM ? BYTES("out of memory")
                                    : BYTES("a message that cannot be understood"));
        return;
    }
    c->line.contact = c->now;
    take_message(c, &m);
}

void hb_client_fetched(struct hb_client *c, uint32_t request, uint32_t status, uint64_t seq,
                       struct hb_text epoch, struct hb_text body, int64_t now_ms)
{
    struct cursor at = {.is_set = true, .seq = seq, .epoch_size = epoch.size};
    enter(c, now_ms);
    if (epoch.size > SPEC_EPOCH_MAX || body.size > c->s.bytes_max)
        status = body.size > c->s.bytes_max ? 413 : 500;
    else if (epoch.size > 0)
        memcpy(at.epoch, epoch.data, epoch.size);
    for (struct sub *s = NULL; request && (s = registry_next(&c->registry, s));) {
        if (s->request == request) {
            snapshot_recv(c, s, status, &at, (struct bytes){body.data, body.size});
            return;
        }
    }
}
