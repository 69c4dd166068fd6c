/* What is to be done, found from the state each time it is asked for, most urgent first.  Nothing is
 * queued: what could not be said for want of memory is found again. */
#include "client/state.h"

static void put_ref(struct buf *out, uint32_t ref)
{
    if (ref == 0) {
        buf_put_literal(out, "null");
        return;
    }
    buf_put_char(out, '"');
    buf_put_u64(out, ref);
    buf_put_char(out, '"');
}

/* Everything of a message in front of its payload; 0: no ref. */
static void put_head(struct hb_client *c, uint32_t join_ref, uint32_t ref, struct bytes topic,
                     struct bytes event)
{
    buf_put_char(&c->out, '[');
    put_ref(&c->out, join_ref);
    buf_put_char(&c->out, ',');
    put_ref(&c->out, ref);
    buf_put_char(&c->out, ',');
    json_put_string(&c->out, topic);
    buf_put_char(&c->out, ',');
    json_put_string(&c->out, event);
    buf_put_char(&c->out, ',');
}

static struct hb_text text_of(const struct hb_client *c, size_t from, size_t to)
{
    struct bytes b = bytes_slice(buf_bytes(&c->out), from, to);
    return (struct hb_text){b.data, b.size};
}

/* False: no memory for the text; nothing was done. */
static bool can_say(struct hb_client *c)
{
    if (!c->out.err)
        return true;
    line_trouble(c, HB_ERR_NOMEM, BYTES("out of memory"));
    c->hunger_end = c->now + HUNGER_MS;
    return false;
}

static bool say(struct hb_client *c, struct hb_action *out)
{
    buf_put_char(&c->out, ']');
    *out = (struct hb_action){
        .type = HB_SEND, .id = c->line.number, .text = text_of(c, 0, c->out.size)};
    return can_say(c);
}

static struct bytes token_of(const struct hb_client *c)
{
    return (struct bytes){c->token.text, c->token.size};
}

/* ---- the connection ---- */

static bool next_close(struct hb_client *c, struct hb_action *out)
{
    struct line *l = &c->line;
    if (l->close_number == 0)
        return false;
    *out = (struct hb_action){.type = HB_CLOSE, .id = l->close_number, .code = l->close_code};
    l->close_number = 0;
    return true;
}

static bool next_open(struct hb_client *c, struct hb_action *out)
{
    if (!c->line.must_open)
        return false;
    buf_put_literal(&c->out, "/realtime/v1/websocket?apikey=");
    spec_put_encoded(&c->out, bytes_of(c->apikey));
    buf_put_literal(&c->out, "&vsn=2.0.0");
    *out = (struct hb_action){
        .type = HB_OPEN, .id = c->line.number, .text = text_of(c, 0, c->out.size)};
    if (!can_say(c))
        return false;
    c->line.must_open = false;
    return true;
}

static bool next_beat(struct hb_client *c, struct hb_action *out)
{
    struct line *l = &c->line;
    if (!is_connected(c) || !l->must_beat)
        return false;
    put_head(c, 0, l->last_ref + 1, BYTES("phoenix"), BYTES("heartbeat"));
    buf_put_literal(&c->out, "{}");
    if (!say(c, out))
        return false;
    l->beat_ref = ++l->last_ref;
    l->must_beat = false;
    l->is_beat_out = true;
    l->beat_sent = c->now;
    l->beat_end = c->now + (l->is_probe ? c->s.stale_ms : c->s.answer_ms);
    l->is_probe = false;
    return true;
}

/* ---- subscriptions ---- */

static bool leave(struct hb_client *c, struct sub *s, struct hb_action *out)
{
    put_head(c, s->join_ref, c->line.last_ref + 1, s->topic, BYTES("phx_leave"));
    buf_put_literal(&c->out, "{}");
    if (!say(c, out))
        return false;
    c->line.last_ref++;
    s->is_joined = s->must_leave = s->must_push_token = false;
    channel_release(c, s);
    return true;
}

static bool push_token(struct hb_client *c, struct sub *s, struct hb_action *out)
{
    put_head(c, s->join_ref, c->line.last_ref + 1, s->topic, BYTES("access_token"));
    buf_put_literal(&c->out, "{\"access_token\":");
    json_put_string(&c->out, token_of(c));
    buf_put_char(&c->out, '}');
    if (!say(c, out))
        return false;
    s->push_ref = ++c->line.last_ref;
    s->must_push_token = false;
    return true;
}

static bool cancel(struct hb_client *c, struct sub *s, struct hb_action *out)
{
    *out = (struct hb_action){.type = HB_CANCEL, .id = s->cancel};
    s->cancel = 0;
    channel_release(c, s);
    return true;
}

/* What is left to be said of subscriptions that are there. */
static bool next_chore(struct hb_client *c, struct hb_action *out)
{
    for (struct sub *s = NULL; (s = registry_next(&c->registry, s));) {
        if (s->cancel)
            return cancel(c, s, out);
        if (!is_connected(c) || !s->is_joined)
            continue;
        if (s->must_leave || list_is_empty(&s->users))
            return leave(c, s, out);
        if (s->must_push_token && c->token.text)
            return push_token(c, s, out);
    }
    return false;
}

static bool is_due(const struct hb_client *c, const struct sub *s, enum hb_subscription state)
{
    return s->state == state && !list_is_empty(&s->users) && s->wait_end <= c->now &&
           s->request == 0;
}

/* The most urgent subscription that waits in `state`, and how many are on their way already. */
static struct sub *first_due(const struct hb_client *c, enum hb_subscription state)
{
    struct sub *best = NULL;
    for (struct sub *s = NULL; (s = registry_next(&c->registry, s));) {
        if (is_due(c, s, state) && (!best || s->priority < best->priority))
            best = s;
    }
    return best;
}

/* The most urgent one that has no rows and can have them while the first connection is made. */
static struct sub *first_ahead(const struct hb_client *c)
{
    struct sub *best = NULL;
    if (c->line.is != LINE_OPENING || c->line.tried > 0)
        return NULL;
    for (struct sub *s = NULL; (s = registry_next(&c->registry, s));) {
        bool is_wanted = is_due(c, s, HB_SUB_WAITING) && !s->replica.feed && !s->has_asked_ahead;
        if (is_wanted && (!best || s->priority < best->priority))
            best = s;
    }
    return best;
}

static uint32_t joins_out(const struct hb_client *c)
{
    uint32_t count = 0;
    for (struct sub *s = NULL; (s = registry_next(&c->registry, s));)
        count += s->state == HB_SUB_JOINING;
    return count;
}

static uint32_t fetches_out(const struct hb_client *c)
{
    uint32_t count = 0;
    for (struct sub *s = NULL; (s = registry_next(&c->registry, s));)
        count += s->request != 0;
    return count;
}

static bool is_over_budget(const struct hb_client *c)
{
    return c->joins_in_window >= JOINS_WINDOW_MAX && c->now < c->joins_window + JOINS_WINDOW_MS;
}

static void spend(struct hb_client *c)
{
    if (c->now >= c->joins_window + JOINS_WINDOW_MS) {
        c->joins_window = c->now;
        c->joins_in_window = 0;
    }
    c->joins_in_window++;
}

static bool next_join(struct hb_client *c, struct hb_action *out)
{
    if (!is_connected(c) || !c->token.text || is_over_budget(c))
        return false;
    struct sub *s = first_due(c, HB_SUB_WAITING);
    if (!s || joins_out(c) >= JOINS_OUT_MAX)
        return false;
    uint32_t ref = c->line.last_ref + 1;
    put_head(c, ref, ref, s->topic, BYTES("phx_join"));
    spec_put_join(&s->spec, &s->cursor, token_of(c), &c->out);
    if (!say(c, out))
        return false;
    spend(c);
    c->line.last_ref = s->join_ref = ref;
    s->push_ref = 0;
    s->is_joined = true;
    s->must_push_token = false;
    s->wait_end = c->now + c->s.join_ms;
    channel_set_state(c, s, HB_SUB_JOINING);
    return true;
}

static bool next_fetch(struct hb_client *c, struct hb_action *out)
{
    struct sub *s = is_connected(c) ? first_due(c, HB_SUB_LOADING) : first_ahead(c);
    if (!s || !c->token.text || fetches_out(c) >= FETCHES_OUT_MAX)
        return false;
    /* One more than may be, so that too many are told from just enough. */
    spec_put_path(&s->spec, s->replica.rows_max + 1, &c->out);
    size_t size = c->out.size;
    buf_put(&c->out, token_of(c));
    if (!can_say(c))
        return false;
    c->last_request += c->last_request == UINT32_MAX ? 2 : 1; /* never 0 */
    s->request = c->last_request;
    s->has_asked_ahead = true;
    s->request_end = c->now + (is_connected(c) ? c->s.fetch_ms : earlier(c->s.fetch_ms, AHEAD_MS));
    *out = (struct hb_action){.type = HB_FETCH,
                              .id = s->request,
                              .code = c->s.bytes_max,
                              .text = text_of(c, 0, size),
                              .token = text_of(c, size, c->out.size)};
    return true;
}

static bool next_token(struct hb_client *c, struct hb_action *out)
{
    struct token *t = &c->token;
    bool is_wanted = !t->text || t->is_wanted || c->now >= t->renew_at;
    if (!c->is_started || !c->is_online || c->is_parked || !is_wanted || c->now < t->ask_at)
        return false;
    t->ask_at = c->now + TOKEN_ASK_MS;
    *out = (struct hb_action){.type = HB_TOKEN};
    return true;
}

/* ---- news ---- */

static bool is_told(const struct told *a, const struct told *b)
{
    return a->state == b->state && a->reason == b->reason && a->retries == b->retries &&
           a->subs == b->subs && a->live == b->live && a->failed == b->failed &&
           a->trouble == b->trouble;
}

static struct told news_of(const struct hb_client *c)
{
    struct told t = {.state = c->line.state,
                     .reason = c->line.reason,
                     .retries = c->line.tried,
                     .trouble = c->trouble.number};
    for (struct sub *s = NULL; (s = registry_next(&c->registry, s));) {
        if (list_is_empty(&s->users))
            continue;
        t.subs++;
        t.live += s->state == HB_SUB_LIVE;
        t.failed += s->state == HB_SUB_FAILED;
    }
    return t;
}

static bool next_status(struct hb_client *c, struct hb_action *out)
{
    struct told news = news_of(c);
    if (is_told(&news, &c->told))
        return false;
    c->told = news;
    *out = (struct hb_action){.type = HB_STATUS};
    return true;
}

static bool tell_user(struct sub *s, struct user *u, struct hb_action *out)
{
    if (u->told_trouble != s->trouble.number) {
        u->told_trouble = s->trouble.number;
        u->told_state = 0; /* a state follows, be it the same */
        *out = (struct hb_action){.type = HB_TROUBLE,
                                  .id = u->number,
                                  .error = s->trouble.error,
                                  .text = {s->trouble.text, s->trouble.size}};
        return true;
    }
    if (u->told_state == s->state + 1)
        return false;
    u->told_state = (uint8_t)(s->state + 1);
    *out = (struct hb_action){.type = HB_STATE, .id = u->number, .code = s->state};
    return true;
}

static bool next_news(struct hb_client *c, struct hb_action *out)
{
    if (!c->has_news)
        return false;
    for (struct sub *s = NULL; (s = registry_next(&c->registry, s));) {
        list_each(l, &s->users)
        {
            if (tell_user(s, container_of(l, struct user, link), out))
                return true;
        }
    }
    c->has_news = false;
    return false;
}

/* ---- all ---- */

bool hb_client_next(struct hb_client *c, struct hb_action *out)
{
    static bool (*const parts[])(struct hb_client *, struct hb_action *) = {
        next_close, next_open,  next_beat,   next_chore, next_join,
        next_fetch, next_token, next_status, next_news,  rows_next,
    };
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && c->now >= c->hunger_end; i++) {
        buf_reset(&c->out);
        if (parts[i](c, out))
            return true;
    }
    return false;
}

static int64_t token_deadline(const struct hb_client *c)
{
    const struct token *t = &c->token;
    if (!c->is_started || !c->is_online || c->is_parked)
        return INT64_MAX;
    if (!t->text || t->is_wanted)
        return t->ask_at;
    return t->renew_at > t->ask_at ? t->renew_at : t->ask_at;
}

static int64_t deadline(const struct hb_client *c)
{
    int64_t at = earlier(line_deadline(c), channels_deadline(c));
    at = earlier(at, token_deadline(c));
    if (is_connected(c) && is_over_budget(c) && first_due(c, HB_SUB_WAITING))
        at = earlier(at, c->joins_window + JOINS_WINDOW_MS);
    if (is_connected(c) && c->is_visible)
        at = earlier(at, c->health_at);
    if (c->handing.is_asked && c->is_visible)
        at = earlier(at, c->handing.end);
    if (!c->is_visible && c->s.hidden == HB_HIDDEN_CLOSE && !c->is_parked && c->is_started)
        at = earlier(at, c->hidden_end);
    /* What is due now, but wants memory, is asked for again a little later. */
    return c->hunger_end > c->now ? c->hunger_end : at;
}

int64_t hb_client_deadline(const struct hb_client *c)
{
    int64_t at = deadline(c);
    return at == INT64_MAX ? at : at - c->shift;
}

void hb_client_status(const struct hb_client *c, int64_t now_ms, struct hb_status *out)
{
    const struct line *l = &c->line;
    struct told t = news_of(c);
    int64_t now = now_ms + c->shift > c->now ? now_ms + c->shift : c->now;
    *out = (struct hb_status){
        .state = l->state,
        .reason = l->reason,
        .contact_age_ms = l->has_contact ? now - l->contact : -1,
        .latency_ms = l->latency_ms,
        .retries = l->tried,
        .retry_in_ms = -1,
        .subscriptions = t.subs,
        .live = t.live,
        .failed = t.failed,
        .error = c->trouble.error,
        .error_text = {c->trouble.text, c->trouble.size},
    };
    if (l->state == HB_WAITING)
        out->retry_in_ms = l->end > now ? l->end - now : 0;
}
