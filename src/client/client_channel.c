/* One subscription on the wire: a channel with one binding.
 *
 *             its turn             ok, replayed
 *   WAITING ───────────▶ JOINING ────────────────▶ LIVE ─ a row that was cut, refresh ─┐
 *    ▲  ▲ ▲                │  │ ok, not replayed    ▲ ▲                                │
 *    │  │ │ refused,       │  └─────────▶ LOADING ──┘ snapshot, and what was kept      │
 *    │  │ │ no answer      │                ▲  │                                      │
 *    │  │ └────────────────┘                └──│──────────────────────────────────────┘
 *    │  └── kept too little: join again ───────┤
 *    │      from the snapshot on              │ no snapshot        FAILED: too many retries, or
 *    └─── the channel or the line ended ───────┴──────────────────▶ the server said no for good
 *
 * The first time, rows may come while it waits for the line, and the join goes on from them (ahead).
 * What must reach the server (join, leave, token) is only noted here; hb_client_next says it. */
#include "client/state.h"

void channel_set_state(struct hb_client *c, struct sub *s, enum hb_subscription state)
{
    s->state = state;
    c->has_news = true;
    if (state == HB_SUB_LIVE)
        s->calm_since = c->now;
}

void channel_trouble(struct hb_client *c, struct sub *s, enum hb_error e, struct bytes text)
{
    trouble_set(&s->trouble, e, text);
    line_trouble(c, e, text);
    c->has_news = true;
}

/* ---- ends ---- */

static void fail(struct hb_client *c, struct sub *s, bool is_own_fault)
{
    snapshot_drop(s);
    s->is_own_fault = is_own_fault;
    s->must_leave = s->is_joined;
    channel_set_state(c, s, HB_SUB_FAILED);
}

void channel_fail(struct hb_client *c, struct sub *s, enum hb_error e, struct bytes text)
{
    channel_trouble(c, s, e, text);
    fail(c, s, true);
}

/* Counts the try; false when that was the last one. */
static bool may_retry(struct hb_client *c, struct sub *s)
{
    s->retries += s->retries < UINT32_MAX;
    return s->retries <= c->s.retries[s->priority];
}

void channel_rest(struct hb_client *c, struct sub *s, enum hb_error e, struct bytes text)
{
    channel_trouble(c, s, e, text);
    if (!may_retry(c, s)) {
        fail(c, s, false);
        return;
    }
    snapshot_drop(s);
    s->wait_end = c->now + backoff_ms(&c->backoff, s->retries, &c->rng);
    channel_set_state(c, s, HB_SUB_WAITING);
}

static void lost(struct hb_client *c, struct sub *s, enum hb_error e, struct bytes text)
{
    s->is_joined = s->must_leave = s->must_push_token = false;
    snapshot_drop(s);
    if (s->state == HB_SUB_FAILED)
        return;
    /* The line's own wait is enough: with the next one, all of them come back. */
    s->wait_end = c->now;
    if (e == HB_OK || may_retry(c, s)) {
        channel_set_state(c, s, HB_SUB_WAITING);
        return;
    }
    channel_trouble(c, s, e, text);
    fail(c, s, false);
}

void channels_lost(struct hb_client *c, enum hb_error e, struct bytes text)
{
    for (struct sub *s = registry_next(&c->registry, NULL), *next; s; s = next) {
        next = registry_next(&c->registry, s);
        lost(c, s, e, text);
        channel_release(c, s);
    }
}

void channel_revive(struct hb_client *c, struct sub *s)
{
    if (s->state != HB_SUB_FAILED)
        return;
    s->is_denied = false;
    s->wait_end = c->now;
    channel_set_state(c, s, HB_SUB_WAITING);
}

void channels_revive(struct hb_client *c, bool with_own)
{
    for (struct sub *s = NULL; (s = registry_next(&c->registry, s));) {
        if (with_own || !s->is_own_fault)
            channel_revive(c, s);
    }
}

void channels_woke(struct hb_client *c)
{
    for (struct sub *s = NULL; (s = registry_next(&c->registry, s));) {
        if (s->state == HB_SUB_JOINING)
            s->wait_end = c->now + c->s.join_ms;
        if (s->request)
            s->request_end = c->now + c->s.fetch_ms;
    }
}

void channel_release(struct hb_client *c, struct sub *s)
{
    if (!list_is_empty(&s->users) || s->cancel || (s->is_joined && is_connected(c)))
        return;
    if (c->handing.sub == s)
        c->handing.sub = NULL;
    registry_remove_sub(&c->registry, s);
}

/* ---- tokens ---- */

void channel_denied(struct hb_client *c, struct sub *s)
{
    s->is_denied = true;
    c->token.is_wanted = true;
}

void channels_have_token(struct hb_client *c)
{
    for (struct sub *s = NULL; (s = registry_next(&c->registry, s));) {
        s->must_push_token = s->is_joined && s->state != HB_SUB_FAILED;
        if (!s->is_denied)
            continue;
        s->is_denied = false;
        if (s->state == HB_SUB_WAITING || s->state == HB_SUB_LOADING)
            s->wait_end = earlier(s->wait_end, c->now);
        channel_revive(c, s);
    }
}

static bool is_about_token(struct bytes text)
{
    return bytes_starts_with(text, BYTES("InvalidJWT")) ||
           bytes_starts_with(text, BYTES("MalformedJWT")) ||
           bytes_starts_with(text, BYTES("JwtSignature")) ||
           bytes_starts_with(text, BYTES("Token has expired")) ||
           bytes_starts_with(text, BYTES("The token provided")) ||
           bytes_starts_with(text, BYTES("Fields `role`"));
}

/* ---- what the server says ---- */

/* The decoded text of a member, in c->key; empty when there is none. */
static struct bytes member_text(struct hb_client *c, struct json_value object, struct bytes name)
{
    struct json_value v;
    buf_reset(&c->key);
    if (!json_get(object, name, &v) && v.type == JSON_STRING)
        json_string_decode(&c->key, v.raw);
    return buf_bytes(&c->key);
}

static void refused(struct hb_client *c, struct sub *s, struct json_value response)
{
    struct bytes reason = member_text(c, response, BYTES("reason"));
    if (reason.size == 0)
        reason = BYTES("the server refused it");
    s->is_joined = false;
    if (is_about_token(reason)) {
        channel_denied(c, s);
        channel_rest(c, s, HB_ERR_DENIED, reason);
    } else if (bytes_starts_with(reason, BYTES("Unauthorized")) ||
               bytes_starts_with(reason, BYTES("PrivateOnly")) ||
               bytes_starts_with(reason, BYTES("TopicNameRequired"))) {
        channel_fail(c, s, HB_ERR_REFUSED, reason);
    } else {
        channel_rest(c, s, HB_ERR_SERVER, reason);
    }
}

static enum err read_head(struct hb_client *c, struct json_value response, struct cursor *out,
                          bool *is_replayed)
{
    struct json_value resume, v;
    int64_t seq;
    *is_replayed = false;
    if (json_get(response, BYTES("resume"), &resume) || json_get(resume, BYTES("seq"), &v) ||
        json_to_i64(v, &seq) || seq < 0)
        return ERR_SYNTAX;
    if (!json_get(resume, BYTES("replayed"), &v) && json_to_bool(v, is_replayed))
        return ERR_SYNTAX;
    struct bytes epoch = member_text(c, resume, BYTES("epoch"));
    if (c->key.err || epoch.size > SPEC_EPOCH_MAX)
        return c->key.err ? c->key.err : ERR_SYNTAX;
    *out = (struct cursor){.is_set = true, .seq = (uint64_t)seq, .epoch_size = epoch.size};
    if (epoch.size)
        memcpy(out->epoch, epoch.data, epoch.size);
    return OK;
}

/* The first of them is what was asked for. */
static enum err read_binding(struct json_value response, int64_t *out)
{
    struct json_value bindings, first, id;
    struct bytes key;
    if (json_get(response, BYTES("postgres_changes"), &bindings) || bindings.type != JSON_ARRAY)
        return ERR_SYNTAX;
    struct json_iter it = json_iter(bindings);
    if (!json_next(&it, &key, &first) || json_get(first, BYTES("id"), &id))
        return ERR_SYNTAX;
    return json_to_i64(id, out);
}

static void joined(struct hb_client *c, struct sub *s, struct json_value response)
{
    struct cursor head = {0};
    bool is_replayed = false;
    enum err e = read_binding(response, &s->binding);
    if (!e)
        e = read_head(c, response, &head, &is_replayed);
    if (e == ERR_NOMEM) {
        channel_rest(c, s, HB_ERR_NOMEM, BYTES("out of memory"));
    } else if (e) {
        channel_fail(c, s, HB_ERR_PROTOCOL, BYTES("the server does not number its changes"));
    } else if (is_replayed && s->cursor.is_set) {
        channel_set_state(c, s, HB_SUB_LIVE);
    } else if (s->replica.feed) {
        rows_restart(s);
        s->cursor = head;
        s->is_loaded = true;
        channel_set_state(c, s, HB_SUB_LIVE);
    } else {
        snapshot_begin(c, s, &head);
    }
}

static bool is_ref(struct bytes text, uint32_t ref)
{
    uint64_t n;
    return ref != 0 && text.data && !bytes_to_u64(text, &n) && n == ref;
}

static void reply(struct hb_client *c, struct sub *s, const struct phx_message *m)
{
    struct json_value status, response;
    bool is_ok = !json_get(m->payload, BYTES("status"), &status) && status.type == JSON_STRING &&
                 json_string_equals(status.raw, BYTES("ok"));
    if (json_get(m->payload, BYTES("response"), &response))
        response = (struct json_value){JSON_OBJECT, BYTES("{}")};
    if (s->state == HB_SUB_JOINING && is_ref(m->ref, s->join_ref)) {
        if (is_ok)
            joined(c, s, response);
        else
            refused(c, s, response);
    } else if (!is_ok && s->is_joined && is_ref(m->ref, s->push_ref)) {
        /* A token was pushed to a channel that the server does not have. */
        s->is_joined = false;
        if (s->state != HB_SUB_FAILED)
            channel_rest(c, s, HB_ERR_SERVER, BYTES("the server lost the subscription"));
    }
}

static void ended(struct hb_client *c, struct sub *s, const struct phx_message *m)
{
    if (m->ref.data && !is_ref(m->ref, s->join_ref))
        return;
    s->is_joined = s->must_leave = s->must_push_token = false;
    if (s->state != HB_SUB_FAILED && s->state != HB_SUB_WAITING)
        channel_rest(c, s, s->is_denied ? HB_ERR_DENIED : HB_ERR_SERVER,
                     s->is_denied ? BYTES("the token is not accepted any more")
                                  : BYTES("the server ended the subscription"));
}

static bool is_for_good(struct bytes message)
{
    return bytes_starts_with(message, BYTES("Unable to subscribe to changes")) ||
           bytes_starts_with(message, BYTES("Error parsing")) ||
           bytes_starts_with(message, BYTES("No subscription params"));
}

/* What may be seen has changed, and with it what the rows should be.  Whatever goes wrong here, the
 * next join tells again, for the cursor's epoch is the old one. */
static void new_sight(struct hb_client *c, struct sub *s, struct json_value payload)
{
    struct cursor head = {0};
    bool is_replayed;
    enum err e = read_head(c, payload, &head, &is_replayed);
    uint64_t had = s->state == HB_SUB_LIVE ? s->cursor.seq : s->head.seq;
    if (head.seq < had) /* another thread of the server knows more than this one */
        head.seq = had;
    if (e == ERR_NOMEM)
        channel_rest(c, s, HB_ERR_NOMEM, BYTES("out of memory"));
    else if (e)
        channel_rest(c, s, HB_ERR_PROTOCOL, BYTES("a message that cannot be understood"));
    else if (s->replica.feed)
        memcpy(s->cursor.epoch, head.epoch, s->cursor.epoch_size = head.epoch_size);
    else
        snapshot_begin(c, s, &head);
}

/* Other errors are followed by the end of the channel, or change nothing. */
static void heard_system(struct hb_client *c, struct sub *s, const struct phx_message *m)
{
    struct json_value status, resume;
    bool is_settled = s->state == HB_SUB_LIVE || s->state == HB_SUB_LOADING;
    if (is_settled && !json_get(m->payload, BYTES("resume"), &resume)) {
        new_sight(c, s, m->payload);
        return;
    }
    if (json_get(m->payload, BYTES("status"), &status) || status.type != JSON_STRING ||
        !json_string_equals(status.raw, BYTES("error")))
        return;
    struct bytes message = member_text(c, m->payload, BYTES("message"));
    if (is_for_good(message))
        channel_fail(c, s, HB_ERR_REFUSED, message);
    else if (is_about_token(message))
        channel_denied(c, s);
}

static void changed(struct hb_client *c, struct sub *s, struct json_value payload)
{
    if (s->state == HB_SUB_LIVE)
        change_apply(c, s, payload);
    else if (s->state == HB_SUB_LOADING)
        snapshot_keep(s, payload.raw);
    /* What an earlier join is still told is in the answer to the new one. */
}

void channel_recv(struct hb_client *c, struct sub *s, const struct phx_message *m)
{
    if (!s->is_joined || (m->join_ref.data && !is_ref(m->join_ref, s->join_ref)))
        return;
    if (bytes_equal(m->event, BYTES("postgres_changes")))
        changed(c, s, m->payload);
    else if (bytes_equal(m->event, BYTES("phx_reply")))
        reply(c, s, m);
    else if (bytes_equal(m->event, BYTES("phx_close")) || bytes_equal(m->event, BYTES("phx_error")))
        ended(c, s, m);
    else if (bytes_equal(m->event, BYTES("system")) && s->state != HB_SUB_FAILED)
        heard_system(c, s, m);
}

/* ---- time ---- */

static bool is_calm_due(const struct hb_client *c, const struct sub *s)
{
    return s->state == HB_SUB_LIVE && s->retries > 0 && c->now >= s->calm_since + c->s.stable_ms;
}

static void tend(struct hb_client *c, struct sub *s)
{
    if (s->state == HB_SUB_JOINING && c->now >= s->wait_end)
        channel_rest(c, s, HB_ERR_SILENT, BYTES("no answer to the join"));
    else if (s->request && c->now >= s->request_end)
        snapshot_late(c, s);
    else if (is_calm_due(c, s))
        s->retries = 0;
}

void channels_tend(struct hb_client *c)
{
    for (struct sub *s = NULL; (s = registry_next(&c->registry, s));)
        tend(c, s);
}

/* Repairs what should be and is not; what works is left alone. */
void channels_check(struct hb_client *c)
{
    for (struct sub *s = NULL; (s = registry_next(&c->registry, s));) {
        bool should_be = s->state == HB_SUB_LIVE || s->state == HB_SUB_LOADING;
        if (should_be && !s->is_joined)
            channel_rest(c, s, HB_ERR_SERVER, BYTES("the subscription was lost"));
    }
}

static int64_t deadline(const struct hb_client *c, const struct sub *s)
{
    int64_t at = INT64_MAX;
    bool is_waiting = s->state == HB_SUB_WAITING || (s->state == HB_SUB_LOADING && !s->request);
    if (s->state == HB_SUB_JOINING || (is_waiting && s->wait_end > c->now))
        at = s->wait_end;
    if (s->request)
        at = earlier(at, s->request_end);
    if (s->state == HB_SUB_LIVE && s->retries > 0)
        at = earlier(at, s->calm_since + c->s.stable_ms);
    return at;
}

int64_t channels_deadline(const struct hb_client *c)
{
    int64_t at = INT64_MAX;
    if (!is_connected(c))
        return at;
    for (struct sub *s = NULL; (s = registry_next(&c->registry, s));)
        at = earlier(at, deadline(c, s));
    return at;
}
