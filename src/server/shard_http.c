#include "server/shard_parts.h"

#include <assert.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/time.h"
#include "io/log.h"

/* The life of an HTTP connection:
 *
 *   READING --a whole request--> WAITING --the call is back--> SENDING --all has left--> READING
 *      |  \--answered at once-----------------------------------^  |
 *      |                                                            +--101--> a WebSocket peer
 *      +--end, or silence--> closed                                 +--last--> LINGERING --> closed
 *
 * One request is answered at a time; bytes that come in meanwhile wait in `input`, and past
 * pipeline_max in the kernel. */

enum {
    HEAD_MAX = 64 * 1024,
    TEXT_MAX = 64 * 1024,
    SMALL_BODY = 512,           /* copied behind the head: one iovec less */
    KEEP_REPLY_MAX = 256 * 1024 /* a call with larger buffers is not kept */
};

void call_free(struct call *c)
{
    if (!c)
        return;
    api_call_done(&c->api);
    buf_done(&c->packed);
    http_parser_free(c->parser);
    mem_free(c);
}

void http_peer_destroy(struct http_peer *p)
{
    if (!p)
        return;
    buf_done(&p->input);
    buf_done(&p->head);
    buf_done(&p->text);
    mem_free(p);
}

static struct http_parser *parser_get(struct shard *s)
{
    struct http_parser *p = pool_get(&s->parsers);
    if (p)
        return p;
    const struct server_limits *l = s->cfg.limits;
    return http_parser_new(l->header_max, l->request_body_max, &p) ? NULL : p;
}

static void parser_put(struct shard *s, struct http_parser *p)
{
    if (!p)
        return;
    http_parser_reset(p);
    if (!pool_put(&s->parsers, p))
        http_parser_free(p);
}

static struct call *call_get(struct shard *s)
{
    struct call *c = pool_get(&s->calls);
    if (c)
        return c;
    c = mem_zalloc(sizeof(*c));
    if (!c)
        return NULL;
    c->home = &s->inbox;
    api_call_init(&c->api, &s->api);
    buf_init(&c->packed, s->api.limits.body_max);
    return c;
}

static void call_put(struct shard *s, struct call *c)
{
    if (!c)
        return;
    parser_put(s, c->parser);
    c->parser = NULL;
    c->peer = NULL;
    bool is_big =
        c->api.reply.body.capacity > KEEP_REPLY_MAX || c->packed.capacity > KEEP_REPLY_MAX;
    if (!is_big) {
        api_call_reset(&c->api);
        buf_reset(&c->packed);
        if (pool_put(&s->calls, c))
            return;
    }
    call_free(c);
}

enum err http_peer_open(struct shard *s, struct peer *peer)
{
    struct http_peer *p = pool_get(&s->http_peers);
    if (!p) {
        p = mem_zalloc(sizeof(*p));
        if (!p)
            return ERR_NOMEM;
        buf_init(&p->input, s->cfg.limits->pipeline_max + RECEIVE_SIZE);
        buf_init(&p->head, HEAD_MAX);
        buf_init(&p->text, TEXT_MAX);
    }
    p->peer = peer;
    p->state = HTTP_READING;
    list_init(&p->ready);
    peer->http = p;
    shard_set_timer(s, p, s->now_us + s->cfg.limits->slow_us);
    return OK;
}

static void forget_answer(struct http_peer *p)
{
    buf_reset(&p->head);
    buf_done(&p->text);
    p->body = BYTES("");
    p->sent = 0;
    p->is_last = p->is_head = p->is_upgrade = false;
}

void http_peer_free(struct shard *s, struct http_peer *p)
{
    heap_remove(&s->timers, &p->timer);
    list_remove(&p->ready);
    parser_put(s, p->parser);
    if (p->state == HTTP_WAITING)
        p->call->peer = NULL; /* it comes back to nobody */
    else
        call_put(s, p->call);
    p->parser = NULL;
    p->call = NULL;
    p->peer->http = NULL;
    p->peer = NULL;
    p->is_eof = false;
    buf_done(&p->input);
    forget_answer(p);
    if (!pool_put(&s->http_peers, p))
        http_peer_destroy(p);
}

/* -- answers -- */

static void put_date(struct shard *s, struct buf *out)
{
    int64_t now_s = s->now_us / TIME_US_PER_S;
    if (s->date_s != now_s) {
        struct buf b = {.data = s->date, .capacity = sizeof(s->date), .max = sizeof(s->date)};
        time_put_http_date(&b, s->now_us);
        assert(!b.err && b.size == 29);
        s->date_s = now_s;
    }
    buf_put_literal(out, "Date: ");
    buf_put(out, (struct bytes){s->date, 29});
    buf_put_literal(out, "\r\n");
}

static void put_head(struct shard *s, struct http_peer *p, int status, struct bytes headers,
                     size_t body_size)
{
    struct buf *h = &p->head;
    http_put_status(h, status);
    put_date(s, h);
    buf_put(h, headers);
    bool has_no_body = status < 200 || status == 204 || status == 304;
    if (!has_no_body && !(p->is_head && body_size == 0))
        http_put_header_u64(h, BYTES("Content-Length"), body_size);
    if (p->is_last)
        buf_put_literal(h, "Connection: close\r\n");
    buf_put_literal(h, "\r\n");
}

void http_respond(struct shard *s, struct http_peer *p, int status, struct bytes headers,
                  struct bytes body)
{
    assert(p->state != HTTP_SENDING && p->head.size == 0);
    p->is_last |= p->is_eof || s->is_draining;
    put_head(s, p, status, headers, body.size);
    if (!p->is_head && body.size <= SMALL_BODY)
        buf_put(&p->head, body);
    else if (!p->is_head)
        p->body = body;
    s->counters.responses[status / 100 % 6]++;
    p->state = HTTP_SENDING;
    if (p->head.err) { /* out of memory: nothing honest can be said any more */
        buf_reset(&p->head);
        p->body = BYTES("");
        p->is_last = true;
    }
    shard_set_timer(s, p, s->now_us + s->cfg.limits->stall_us);
    if (!list_is_linked(&p->ready))
        list_push_back(&s->answers, &p->ready);
}

void http_respond_error(struct shard *s, struct http_peer *p, int status, struct bytes key,
                        struct bytes text)
{
    char space[SMALL_BODY];
    struct buf b = {.data = space, .capacity = sizeof(space), .max = sizeof(space)};
    buf_put_char(&b, '{');
    json_put_key(&b, key);
    json_put_string(&b, text);
    buf_put_literal(&b, "}\n");
    assert(!b.err); /* the texts are our own; and it is copied */
    http_respond(s, p, status, BYTES("Content-Type: application/json; charset=utf-8\r\n"),
                 buf_bytes(&b));
}

/* -- calls -- */

static void respond_call(struct shard *s, struct call *c)
{
    s->counters.calls_in_flight--;
    struct http_peer *p = c->peer;
    if (!p) {
        call_put(s, c);
        return;
    }
    struct api_response *r = &c->api.response;
    struct bytes body = r->body;
    /* What was packed is the reply's body, which may not be what is said. */
    if (c->packed.size > 0 && body.data == c->api.reply.body.data) {
        buf_put_literal(&r->headers, "Content-Encoding: gzip\r\n");
        if (!r->headers.err)
            body = buf_bytes(&c->packed);
    }
    p->state = HTTP_READING;
    http_respond(s, p, r->status, buf_bytes(&r->headers), body);
}

static void broadcast(struct shard *s, const struct api_call *c)
{
    for (size_t i = 0; i < c->broadcast_count; i++) {
        const struct api_broadcast *b = &c->broadcasts[i];
        struct hub_in in = {.kind = HUB_IN_BROADCAST,
                            .broadcast = {.topic = b->topic,
                                          .event = b->event,
                                          .payload = b->payload,
                                          .form = b->is_raw ? BROADCAST_RAW : BROADCAST_JSON,
                                          .is_private = b->is_private}};
        enum err e = hub_step(s->hub, &in, s->now_us);
        (void)e; /* what is lost for want of memory is counted by the hub */
    }
}

/* Hands the call to the thread that can do what it asks for, until it asks for nothing more. */
static void call_go(struct shard *s, struct call *c, enum api_action action)
{
    enum err e = OK;
    if (action == API_BROADCAST) {
        broadcast(s, &c->api);
        action = api_resume(&c->api, s->now_us);
    }
    c->action = action;
    if (action == API_WRITE)
        e = writer_post(s->writer, c);
    else if (action != API_RESPOND)
        e = readers_post(s->readers, c);
    if (e) {
        s->counters.writes_over += action == API_WRITE;
        s->counters.reads_over += action == API_READ;
        s->counters.passwords_over += action == API_PASSWORD;
        api_refuse_busy(&c->api);
    }
    if (e || action == API_RESPOND)
        respond_call(s, c);
}

static void call_begin(struct shard *s, struct http_peer *p, const struct http_request *r)
{
    struct call *c = call_get(s);
    if (!c) {
        p->is_last = true;
        http_respond_error(s, p, 503, BYTES("message"), BYTES("out of memory"));
        return;
    }
    c->peer = p;
    c->parser = p->parser;
    c->accepts_gzip = r->method == HTTP_GET &&
                      http_list_accepts(http_header(r, BYTES("accept-encoding")), BYTES("gzip"));
    p->parser = NULL;
    p->call = c;
    p->state = HTTP_WAITING;
    s->counters.calls_in_flight++;
    shard_set_timer(s, p, INT64_MAX);
    call_go(s, c, api_begin(&c->api, r, s->now_us));
}

void http_call_returned(struct shard *s, struct call *c)
{
    if (c->peer)
        call_go(s, c, api_resume(&c->api, s->now_us));
    else
        respond_call(s, c);
}

/* -- requests -- */

static const struct bytes plain_text =
    BYTES_INIT("Content-Type: text/plain\r\nCache-Control: no-store\r\n");

static void answer_asset(struct shard *s, struct http_peer *p, const struct http_request *r)
{
    struct buf headers;
    struct bytes body;
    buf_init(&headers, HEAD_MAX);
    int status = assets_answer(s->cfg.assets, r, &headers, &body);
    if (headers.err)
        http_respond(s, p, 503, BYTES(""), BYTES(""));
    else
        http_respond(s, p, status, buf_bytes(&headers), body);
    buf_done(&headers);
}

static void answer_readiness(struct shard *s, struct http_peer *p)
{
    enum err fault = writer_fault(s->writer);
    struct bytes body = s->is_draining ? BYTES("draining\n") : BYTES("ok\n");
    if (fault && !s->is_draining) {
        buf_put_literal(&p->text, "the data cannot be written: ");
        buf_put(&p->text, bytes_of(err_text(fault)));
        buf_put_char(&p->text, '\n');
        body = buf_bytes(&p->text);
    }
    http_respond(s, p, s->is_draining || fault ? 503 : 200, plain_text, body);
}

static void route(struct shard *s, struct http_peer *p)
{
    const struct http_request *r = http_parser_request(p->parser);
    s->counters.requests++;
    p->is_head = r->method == HTTP_HEAD;
    p->is_last = !r->keep_alive;
    if (bytes_equal(r->path, BYTES("/livez")))
        http_respond(s, p, 200, plain_text, BYTES("ok\n"));
    else if (api_owns(r->path))
        call_begin(s, p, r);
    else if (upgrade_owns(r->path))
        upgrade_begin(s, p, r);
    else if (bytes_equal(r->path, BYTES("/readyz")))
        answer_readiness(s, p);
    else if (bytes_equal(r->path, BYTES("/metrics")))
        metrics_answer(s, p, r);
    else
        answer_asset(s, p, r);
    /* What was not made into a call is answered by copies and constants. */
    parser_put(s, p->parser);
    p->parser = NULL;
}

static void refuse(struct shard *s, struct http_peer *p)
{
    static const struct {
        int status;
        struct bytes text;
    } texts[] = {
        {400, BYTES_INIT("malformed request")},
        {413, BYTES_INIT("request body too large")},
        {431, BYTES_INIT("request header too large")},
        {501, BYTES_INIT("not supported")},
        {505, BYTES_INIT("HTTP version not supported")},
        {503, BYTES_INIT("out of memory")},
    };
    int status = http_parser_status(p->parser);
    struct bytes text = BYTES("bad request");
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (texts[i].status == status)
            text = texts[i].text;
    }
    LOG_EVENT(LOG_DEBUG, "http.refused", LOG_NUMBER("status", (uint64_t)status),
              LOG_TEXT("reason", text));
    s->counters.malformed++;
    s->counters.header_over += status == 431;
    s->counters.body_over += status == 413;
    p->is_last = true;
    http_respond_error(s, p, status, BYTES("message"), text);
}

static void send_continue(struct shard *s, struct http_peer *p)
{
    static char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
    struct iovec iov = {text, sizeof(text) - 1};
    size_t sent;
    enum err e = stream_send(&p->peer->stream, &iov, 1, &sent);
    if (!e)
        shard_count_send(s, sent);
    /* Between two answers the socket's buffer is empty, so it takes this; if not, clients go on
     * after a while. */
    p->is_last |= !e && sent < iov.iov_len;
}

/* Reads one request.  False: nothing more can be done with `*in` now. */
static bool read_request(struct shard *s, struct http_peer *p, struct bytes *in)
{
    bool is_new = !p->parser;
    if (is_new)
        p->parser = parser_get(s);
    if (!p->parser) {
        p->is_last = true;
        http_respond_error(s, p, 503, BYTES("message"), BYTES("out of memory"));
        return false;
    }
    enum err e = http_parse(p->parser, in);
    if (!e) {
        route(s, p);
        return true;
    }
    if (e != ERR_AGAIN) {
        refuse(s, p);
        return false;
    }
    if (http_parser_wants_continue(p->parser))
        send_continue(s, p);
    if (is_new)
        shard_set_timer(s, p, s->now_us + s->cfg.limits->slow_us);
    return false;
}

static void stash(struct shard *s, struct http_peer *p, struct bytes rest)
{
    buf_put(&p->input, rest);
    if (p->input.err) {
        p->is_last = true; /* out of memory: the rest is lost, so this answer is the last */
        buf_reset(&p->input);
    }
    if (p->input.size >= s->cfg.limits->pipeline_max)
        shard_want(s, p->peer, p->peer->wants_write, true);
}

void http_peer_recv(struct shard *s, struct http_peer *p, struct bytes in)
{
    while (in.size > 0 && p->state == HTTP_READING) {
        if (!read_request(s, p, &in))
            break;
    }
    if (in.size > 0 && (p->state == HTTP_WAITING || p->state == HTTP_SENDING))
        stash(s, p, in);
}

void http_peer_eof(struct shard *s, struct http_peer *p)
{
    if (p->state != HTTP_WAITING && p->state != HTTP_SENDING) {
        shard_close_peer(s, p->peer);
        return;
    }
    /* It may have closed its half only: it still gets its answer. */
    p->is_eof = true;
    shard_want(s, p->peer, p->peer->wants_write, true);
}

/* -- sending -- */

static int remaining(const struct http_peer *p, struct iovec iov[2])
{
    struct bytes parts[2] = {buf_bytes(&p->head), p->body};
    size_t skip = p->sent;
    int count = 0;
    for (int i = 0; i < 2; i++) {
        struct bytes part = bytes_slice(parts[i], skip, parts[i].size);
        skip -= skip < parts[i].size ? skip : parts[i].size;
        if (part.size)
            iov[count++] = (struct iovec){(void *)part.data, part.size};
    }
    return count;
}

static void linger(struct shard *s, struct http_peer *p)
{
    p->state = HTTP_LINGERING;
    stream_finish(&p->peer->stream);
    shard_want(s, p->peer, false, false);
    shard_set_timer(s, p, s->now_us + s->cfg.limits->linger_us);
}

static void next_request(struct shard *s, struct http_peer *p)
{
    forget_answer(p);
    p->state = HTTP_READING;
    shard_set_timer(s, p, s->now_us + s->cfg.limits->idle_us);
    shard_want(s, p->peer, false, false);
    if (p->input.size == 0)
        return;
    struct buf waiting = p->input;
    buf_init(&p->input, waiting.max);
    http_peer_recv(s, p, buf_bytes(&waiting));
    buf_done(&waiting);
}

static void upgraded(struct shard *s, struct http_peer *p)
{
    struct peer *peer = p->peer;
    struct buf rest = p->input;
    struct http_peer from = *p;
    buf_init(&p->input, rest.max);
    shard_want(s, peer, false, false);
    http_peer_free(s, p);
    ws_peer_open(s, peer, &from, buf_bytes(&rest));
    buf_done(&rest);
}

static void answered(struct shard *s, struct http_peer *p)
{
    call_put(s, p->call);
    p->call = NULL;
    if (p->is_upgrade)
        upgraded(s, p);
    else if (p->is_eof)
        shard_close_peer(s, p->peer);
    else if (p->is_last)
        linger(s, p);
    else
        next_request(s, p);
}

void http_peer_flush(struct shard *s, struct http_peer *p)
{
    struct iovec iov[2];
    list_remove(&p->ready);
    int count = remaining(p, iov);
    while (count > 0) {
        size_t sent;
        enum err e = stream_send(&p->peer->stream, iov, count, &sent);
        if (e && e != ERR_AGAIN) {
            shard_close_peer(s, p->peer);
            return;
        }
        if (!e) {
            shard_count_send(s, sent);
            p->sent += sent;
            shard_set_timer(s, p, s->now_us + s->cfg.limits->stall_us);
        }
        count = remaining(p, iov);
        if (count > 0) { /* the socket is full, or this was a TLS record: others come first */
            shard_want(s, p->peer, true, p->peer->is_deaf);
            return;
        }
    }
    enum err e = stream_flush(&p->peer->stream);
    if (e == ERR_AGAIN)
        shard_want(s, p->peer, true, p->peer->is_deaf);
    else if (e)
        shard_close_peer(s, p->peer);
    else
        answered(s, p);
}

void http_peer_timeout(struct shard *s, struct http_peer *p)
{
    if (p->state == HTTP_READING && p->parser) {
        s->counters.timeouts++;
        p->is_last = true;
        http_respond_error(s, p, 408, BYTES("message"), BYTES("the request took too long"));
        return;
    }
    if (p->state == HTTP_SENDING)
        s->counters.stalled++;
    shard_close_peer(s, p->peer);
}
