#include "server/shard_parts.h"

#include "base/mem.h"
#include "io/log.h"

/* NULL when the hub speaks of a connection that we have closed. */
static struct peer *recall(struct shard *s, const struct hub_out *out)
{
    struct peer *peer = peers_find(&s->peers, out->tag);
    bool is_it = peer && peer->is_live && peer->hub.index == out->conn.index &&
                 peer->hub.generation == out->conn.generation;
    return is_it ? peer : NULL;
}

void ws_tell_gone(struct shard *s, struct hub_conn_id id)
{
    struct hub_in gone = {.kind = HUB_IN_GONE, .conn = id};
    enum err e = hub_step(s->hub, &gone, s->now_us);
    (void)e; /* taking away needs nothing that could lack */
}

void ws_peer_open(struct shard *s, struct peer *peer, const struct http_peer *from,
                  struct bytes rest)
{
    struct hub_in in = {.kind = HUB_IN_OPEN,
                        .version = from->version,
                        .window = from->extension.window,
                        .tag = peer_tag(peer),
                        .claims = from->claims};
    if (hub_step(s->hub, &in, s->now_us)) {
        s->counters.refused_full++;
        shard_close_peer(s, peer);
        return;
    }
    peer->hub = in.conn;
    peer->is_live = true;
    LOG_EVENT(LOG_DEBUG, "live.open", LOG_NUMBER("connection", peer_tag(peer)),
              LOG_TEXT("vsn", from->version == PHX_V2 ? BYTES("2.0.0") : BYTES("1.0.0")));
    if (rest.size)
        ws_peer_recv(s, peer, rest);
}

void ws_peer_recv(struct shard *s, struct peer *peer, struct bytes in)
{
    if (peer->is_closing)
        return; /* it has had its last word */
    struct hub_in step = {
        .kind = HUB_IN_BYTES, .conn = peer->hub, .bytes = {(char *)in.data, in.size}};
    if (hub_step(s->hub, &step, s->now_us))
        shard_close_peer(s, peer);
}

/* What has been sent is on its way; the peer gets a while to read it and to go. */
static void finish(struct shard *s, struct peer *peer)
{
    shard_want(s, peer, false, false);
    if (!peer->http) {
        shard_close_peer(s, peer);
        return;
    }
    stream_finish(&peer->stream);
}

/* What becomes of the peer after a send said `e`. */
static void settle(struct shard *s, struct peer *peer, enum err e)
{
    if (!e && stream_has_pending(&peer->stream))
        e = ERR_AGAIN;
    if (e == ERR_AGAIN)
        shard_want(s, peer, true, peer->is_deaf);
    else if (e)
        shard_close_peer(s, peer);
    else if (peer->is_closing)
        finish(s, peer);
    else
        shard_want(s, peer, false, peer->is_deaf);
}

static size_t iov_size(const struct iovec *iov, int count)
{
    size_t size = 0;
    for (int i = 0; i < count; i++)
        size += iov[i].iov_len;
    return size;
}

void ws_peer_send(struct shard *s, struct peer *peer)
{
    size_t budget = SEND_BUDGET;
    bool has_more = true;
    enum err e = stream_flush(&peer->stream);
    while (!e && has_more) {
        struct iovec iov[SEND_IOV_MAX];
        size_t sent = 0;
        int count = hub_peek(s->hub, peer->hub, iov, SEND_IOV_MAX);
        if (count == 0)
            break;
        e = stream_send(&peer->stream, iov, count, &sent);
        if (e)
            break;
        has_more = hub_sent(s->hub, peer->hub, sent, s->now_us);
        shard_count_send(s, sent);
        budget -= sent < budget ? sent : budget;
        if (sent < iov_size(iov, count) || budget == 0)
            e = ERR_AGAIN; /* the others' turn; we go on when the socket has room */
    }
    settle(s, peer, e);
}

static void close_orderly(struct shard *s, struct peer *peer)
{
    peer->is_closing = true;
    /* Its record has no timer of its own; the HTTP half lends one.  Without memory the end is
     * abrupt. */
    if (!peer->http && http_peer_open(s, peer) == OK) {
        peer->http->state = HTTP_WS_CLOSING;
        shard_set_timer(s, peer->http, s->now_us + s->cfg.limits->linger_us);
    }
    ws_peer_send(s, peer);
}

/* ---- many at once ---- */

/* The next thing to do for a connection; what is for other threads is put aside on the way. */
static bool next_out(struct shard *s, struct hub_out *out)
{
    while (hub_next_out(s->hub, out)) {
        if (out->kind == HUB_OUT_RELAY)
            relay_add(s, out->relay);
        else if (out->kind == HUB_OUT_PERSIST)
            errand_send_letter(s, out->letter);
        else if (out->kind == HUB_OUT_MESSAGES)
            errand_send_wish(s, out->wish);
        else if (out->kind == HUB_OUT_FETCH)
            fetch_begin(s, out);
        else
            return true;
    }
    return false;
}

static struct bytes reason_of(enum ws_close_code code)
{
    switch (code) {
    case WS_CLOSE_GOING_AWAY:
        return BYTES("idle");
    case WS_CLOSE_TRY_AGAIN_LATER:
        return BYTES("slow");
    case WS_CLOSE_POLICY:
        return BYTES("flood");
    case WS_CLOSE_TOO_BIG:
        return BYTES("message too big");
    case WS_CLOSE_SERVICE_RESTART:
        return BYTES("drain");
    case WS_CLOSE_PROTOCOL_ERROR:
    case WS_CLOSE_INVALID_PAYLOAD:
        return BYTES("broken frame");
    default:
        return BYTES("peer");
    }
}

/* What peers bring upon themselves is worth a line; that they come and go is not, usually. */
static void log_close(const struct hub_out *out)
{
    bool is_usual =
        out->close_code == WS_CLOSE_NORMAL || out->close_code == WS_CLOSE_SERVICE_RESTART;
    LOG_EVENT(is_usual ? LOG_DEBUG : LOG_INFO, "live.close", LOG_NUMBER("connection", out->tag),
              LOG_TEXT("reason", reason_of(out->close_code)),
              LOG_NUMBER("code", (uint64_t)out->close_code));
}

static void close_one(struct shard *s, const struct hub_out *out)
{
    struct peer *peer = recall(s, out);
    if (peer && !peer->is_closing)
        log_close(out);
    if (!peer)
        ws_tell_gone(s, out->conn);
    else if (out->is_abrupt)
        shard_close_peer(s, peer);
    else if (!peer->is_closing)
        close_orderly(s, peer);
}

/* The sends of one burst, and whose they are. */
struct flight {
    struct peer *peers[BURST_MAX];
    struct burst_item items[BURST_MAX];
    struct iovec iov[BURST_MAX][FLUSH_IOV_MAX];
    bool has_more[BURST_MAX];
    size_t count;
};

/* Who waits for room is sent to when the loop says that there is some. */
static bool may_send(const struct peer *peer)
{
    return !peer->is_closing && !peer->wants_write;
}

static void send_tls(struct shard *s, const struct hub_out *out)
{
    struct peer *peer = recall(s, out);
    if (peer && may_send(peer) && peer->stream.tls)
        ws_peer_send(s, peer);
}

static void board(struct shard *s, struct flight *f, const struct hub_out *out)
{
    struct peer *peer = recall(s, out);
    if (!peer || !may_send(peer) || peer->stream.tls)
        return;
    struct iovec *iov = f->iov[f->count];
    int count = hub_peek(s->hub, peer->hub, iov, FLUSH_IOV_MAX);
    if (count == 0)
        return;
    f->peers[f->count] = peer;
    f->items[f->count++] = (struct burst_item){.fd = peer->stream.fd, .count = count, .iov = iov};
}

/* First the hub learns what has left, for what is done then about one connection may concern
 * others. */
static void land(struct shard *s, struct flight *f)
{
    for (size_t i = 0; i < f->count; i++) {
        const struct burst_item *item = &f->items[i];
        if (item->result)
            continue;
        f->has_more[i] = hub_sent(s->hub, f->peers[i]->hub, item->sent, s->now_us);
        shard_count_send(s, item->sent);
    }
    for (size_t i = 0; i < f->count; i++) {
        const struct burst_item *item = &f->items[i];
        if (item->result)
            settle(s, f->peers[i], item->result);
        else if (item->sent < iov_size(item->iov, item->count))
            settle(s, f->peers[i], ERR_AGAIN);
        else if (f->has_more[i])
            ws_peer_send(s, f->peers[i]);
    }
}

/* Who is closed, or sent to alone, goes first, for that may change what others have to send. */
static void flush_batch(struct shard *s, const struct hub_out *outs, size_t count)
{
    struct flight f;
    f.count = 0;
    for (size_t i = 0; i < count; i++)
        if (outs[i].kind == HUB_OUT_CLOSE)
            close_one(s, &outs[i]);
        else
            send_tls(s, &outs[i]);
    for (size_t i = 0; i < count; i++)
        if (outs[i].kind == HUB_OUT_FLUSH)
            board(s, &f, &outs[i]);
    burst_send(s->burst, f.items, f.count);
    land(s, &f);
}

bool ws_flush(struct shard *s)
{
    struct hub_out outs[BURST_MAX];
    size_t max = s->cfg.limits->burst_max, count = max;
    /* Until nothing is left: what is sent may make room for a replay that wants something. */
    for (size_t done = 0; done < FLUSH_SLICE && count > 0; done += max) {
        for (count = 0; count < max && next_out(s, &outs[count]); count++)
            PREFETCH(peers_at(&s->peers, (uint32_t)outs[count].tag));
        flush_batch(s, outs, count);
    }
    return count > 0;
}
