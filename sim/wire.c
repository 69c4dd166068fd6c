/* The network, and what the shell does for the hub: bytes in pieces of any size, late, or never. */
#include "world.h"

enum { WIRE_TEXT_MAX = 64 << 20, PIECE_MAX = 2000, IOV_MAX_COUNT = 2048 };
/* A run of changes, or a window of a channel that coalesces. */
enum { FRAME_SIZE_MAX = 512 * 1024 };
enum { URGENT_BYTES = 4096 + 256, URGENT_FRAMES = 18 };
enum {
    DELAY_MAX_US = 300000,
    STALL_MAX_US = 10000000,
    LATE_MAX_US = 5000000,
    NOTICE_MAX_US = 90000000
};
static const int64_t second_us = INT64_C(1000000);

static void release(struct wire *wire)
{
    if (wire->is_served || wire->is_read)
        return;
    http_parser_free(wire->parser);
    buf_done(&wire->up);
    buf_done(&wire->down);
    *wire = (struct wire){.is_used = false};
}

static struct wire *open_any(struct world *w)
{
    struct wire *wire = w->wires;
    bool is_draining = w->server.stop_at_us != INT64_MAX;
    while (wire < w->wires + WIRES_MAX && wire->is_used)
        wire++;
    if (!server_is_up(w) || is_draining || wire == w->wires + WIRES_MAX)
        return NULL;
    *wire = (struct wire){.is_used = true, .is_served = true, .is_read = true};
    wire->shard = (int)rng_below(&w->rng, (uint64_t)w->server.shard_count);
    wire->gone_at_us = INT64_MAX;
    buf_init(&wire->up, WIRE_TEXT_MAX);
    buf_init(&wire->down, WIRE_TEXT_MAX);
    return wire;
}

struct wire *wire_open(struct world *w, enum phx_version version, bool is_service)
{
    struct hub_in in = {
        .kind = HUB_IN_OPEN,
        .version = version,
        .claims = {.kind = is_service ? TOKEN_SERVICE : TOKEN_ANON, .expires_s = INT64_MAX}};
    struct wire *wire = open_any(w);
    if (!wire)
        return NULL;
    (void)server_step_hub(w, wire->shard, &in);
    wire->id = in.conn;
    return wire;
}

struct wire *wire_open_http(struct world *w, struct sim_who who, const struct deed *deed)
{
    struct wire *wire = open_any(w);
    if (!wire)
        return NULL;
    wire->is_http = true;
    wire->who = who;
    if (deed)
        wire->deed = *deed;
    return wire;
}

void wire_say(struct world *w, struct wire *wire, struct bytes frame)
{
    if (wire->up.size == 0)
        wire->up_at_us = w->now_us + world_delay(w, DELAY_MAX_US);
    buf_put(&wire->up, frame);
}

bool wire_read(struct world *w, struct wire *wire, struct buf *out)
{
    size_t size = wire->down.size;
    if (wire->is_reset)
        return false;
    if (wire->is_dead)
        return true;
    if (size == 0 && !wire->is_served)
        return false;
    if (size == 0 || w->now_us < wire->down_at_us)
        return true;
    if (!w->is_calm)
        size = 1 + (size_t)rng_below(&w->rng, size);
    struct bytes piece = {wire->down.data, size};
    world_trace(w, piece);
    buf_put(out, piece);
    buf_shift(&wire->down, size);
    return true;
}

/* What was said before the end may still arrive, after what the same client says on a newer
 * connection. */
void wire_cut(struct world *w, struct wire *wire)
{
    wire->is_read = false;
    wire->gone_at_us = w->now_us + (world_chance(w, 3) ? 0 : world_delay(w, NOTICE_MAX_US));
    wire->up_at_us += world_delay(w, LATE_MAX_US);
    if (world_chance(w, 2))
        buf_reset(&wire->up);
    buf_reset(&wire->down);
    release(wire);
}

void wire_respond(struct world *w, struct wire *wire, const struct api_response *r)
{
    struct buf *out = &wire->down;
    if (out->size == 0)
        wire->down_at_us = w->now_us + world_delay(w, DELAY_MAX_US);
    http_put_status(out, r->status);
    buf_put(out, buf_bytes(&r->headers));
    http_put_header_u64(out, BYTES("Content-Length"), r->body.size);
    buf_put_literal(out, "\r\n");
    buf_put(out, r->body);
    wire->is_served = false;
    release(wire);
}

void wire_hurt(struct world *w, struct wire *wire)
{
    switch (rng_below(&w->rng, 4)) {
    case 0: /* both ends hear of it, the server perhaps later */
        wire->is_reset = true;
        wire->gone_at_us = w->now_us + world_delay(w, second_us);
        break;
    case 1: /* nobody hears of it */
        wire->is_dead = true;
        break;
    default: /* held up for a while */
        wire->up_at_us = w->now_us + world_delay(w, STALL_MAX_US);
        wire->down_at_us = w->now_us + world_delay(w, STALL_MAX_US);
    }
}

/* ---- up ---- */

static void tell_gone(struct world *w, struct wire *wire)
{
    struct hub_in in = {.kind = HUB_IN_GONE, .conn = wire->id};
    if (wire->is_http)
        server_forget(w, wire);
    else
        (void)server_step_hub(w, wire->shard, &in);
    wire->is_served = false;
    release(wire);
}

static void move_up(struct world *w, struct wire *wire)
{
    size_t size = wire->up.size;
    if (size == 0 || w->now_us < wire->up_at_us || wire->is_dead || wire->is_reset)
        return;
    if (!w->is_calm && size > 1)
        size = 1 + (size_t)rng_below(&w->rng, size < PIECE_MAX ? size : PIECE_MAX);
    struct bytes piece = {wire->up.data, size};
    char *copy = mem_copy(piece); /* of its own size, so that reading past it is seen */
    world_must(copy != NULL);
    world_trace(w, piece);
    buf_shift(&wire->up, size);
    struct hub_in in = {.kind = HUB_IN_BYTES, .conn = wire->id, .bytes = {copy, size}};
    if (wire->is_http)
        server_recv(w, wire, (struct bytes){copy, size});
    else
        (void)server_step_hub(w, wire->shard, &in);
    mem_free(copy);
}

/* ---- down ---- */

static struct hub *hub_of(const struct world *w, const struct wire *wire)
{
    return w->server.shards[wire->shard].hub;
}

static int peek(struct world *w, const struct wire *wire, struct iovec *iov, size_t *size)
{
    int64_t before = heap_live();
    int count = hub_peek(hub_of(w, wire), wire->id, iov, IOV_MAX_COUNT);
    w->server.hub_bytes += heap_live() - before;
    *size = 0;
    for (int i = 0; i < count; i++)
        *size += iov[i].iov_len;
    return count;
}

static void tell_sent(struct world *w, const struct wire *wire, size_t sent)
{
    int64_t before = heap_live();
    world_starve(w, true);
    hub_sent(hub_of(w, wire), wire->id, sent, w->now_us);
    (void)world_feed(w);
    w->server.hub_bytes += heap_live() - before;
}

/* Whatever happens, little waits for one reader: not more than the limit, beside one frame that
 * found the outbox empty. */
static void check_waiting(struct world *w, const struct iovec *iov, int count, size_t size)
{
    const struct hub_limits *l = &w->server.limits;
    size_t greatest = 0;
    for (int i = 0; i < count; i++)
        if (iov[i].iov_len > greatest && iov[i].iov_len <= FRAME_SIZE_MAX)
            greatest = iov[i].iov_len;
    if (size - greatest > l->outbox_bytes_max + URGENT_BYTES ||
        (uint32_t)count > l->outbox_frames_max + URGENT_FRAMES)
        world_fail(w, "%zu bytes in %d frames wait for one reader", size, count);
}

static size_t copy_down(struct wire *wire, const struct iovec *iov, int count, size_t max)
{
    size_t left = max;
    for (int i = 0; i < count && left > 0; i++) {
        size_t part = iov[i].iov_len < left ? iov[i].iov_len : left;
        buf_put(&wire->down, (struct bytes){iov[i].iov_base, part});
        left -= part;
    }
    return max - left;
}

/* One send: as much as there is room for, or less. */
static bool send_some(struct world *w, struct wire *wire)
{
    struct iovec iov[IOV_MAX_COUNT];
    size_t size, room = wire->down.size < DOWN_MAX ? DOWN_MAX - wire->down.size : 0;
    int count = peek(w, wire, iov, &size);
    check_waiting(w, iov, count, size);
    if (count == 0) {
        wire->is_flushing = false;
        return false;
    }
    if (!wire->is_read)
        return false;
    if (wire->down.size == 0 && wire->down_at_us < w->now_us)
        wire->down_at_us = w->now_us + world_delay(w, DELAY_MAX_US);
    size_t sent = copy_down(wire, iov, count, size < room ? size : room);
    if (sent > 0)
        tell_sent(w, wire, sent);
    return sent > 0;
}

static void move_down(struct world *w, struct wire *wire)
{
    while (wire->is_flushing && send_some(w, wire))
        ;
    if (wire->is_closing && (wire->is_abrupt || !wire->is_flushing))
        tell_gone(w, wire);
}

static void take_out(struct world *w, int shard, const struct hub_out *out)
{
    for (int i = 0; i < WIRES_MAX; i++) {
        struct wire *wire = &w->wires[i];
        if (!wire->is_served || wire->is_http || wire->shard != shard ||
            wire->id.index != out->conn.index || wire->id.generation != out->conn.generation)
            continue;
        wire->is_flushing = true;
        wire->is_closing |= out->kind == HUB_OUT_CLOSE;
        wire->is_abrupt |= out->is_abrupt;
    }
}

static void take_outs(struct world *w, int shard)
{
    struct hub_out out;
    for (;;) {
        if (!w->is_calm && world_chance(w, 50)) /* a slice; the rest comes with the next turn */
            return;
        int64_t before = heap_live();
        bool has_out = hub_next_out(w->server.shards[shard].hub, &out);
        w->server.hub_bytes += heap_live() - before;
        if (!has_out)
            return;
        if (out.kind == HUB_OUT_FLUSH || out.kind == HUB_OUT_CLOSE)
            take_out(w, shard, &out);
        else
            mail_take(w, shard, &out);
    }
}

void wires_move(struct world *w)
{
    if (!server_is_up(w))
        return;
    for (int i = 0; i < WIRES_MAX; i++) {
        struct wire *wire = &w->wires[i];
        if (wire->is_served && wire->gone_at_us <= w->now_us)
            tell_gone(w, wire);
        else if (wire->is_served)
            move_up(w, wire);
    }
    for (int i = 0; i < w->server.shard_count; i++)
        take_outs(w, i);
    for (int i = 0; i < WIRES_MAX; i++)
        if (w->wires[i].is_served && !w->wires[i].is_http)
            move_down(w, &w->wires[i]);
}

/* Some clients are told, some lose what was on its way, some (while there are faults) hear nothing. */
void wires_lose_server(struct world *w)
{
    for (int i = 0; i < WIRES_MAX; i++) {
        struct wire *wire = &w->wires[i];
        if (!wire->is_served)
            continue;
        wire->is_reset |= world_chance(w, 2);
        wire->is_dead |= !wire->is_reset && !w->is_calm && world_chance(w, 4);
        wire->is_served = false;
        release(wire);
    }
}

void wires_done(struct world *w)
{
    for (int i = 0; i < WIRES_MAX; i++) {
        if (!w->wires[i].is_used)
            continue;
        w->wires[i].is_served = w->wires[i].is_read = false;
        release(&w->wires[i]);
    }
}
