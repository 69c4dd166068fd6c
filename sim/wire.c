/* The network, and what the shell does for the hub: bytes in pieces of any size, late, or never. */
#include "world.h"

enum { WIRE_TEXT_MAX = 64 << 20, DELAY_MAX_US = 300000, PIECE_MAX = 2000, IOV_MAX_COUNT = 2048 };
enum { FRAME_SIZE_MAX = 72 * 1024, URGENT_BYTES = 4096 + 256, URGENT_FRAMES = 18 };

static void release(struct wire *wire)
{
    if (wire->is_served || wire->is_read)
        return;
    buf_done(&wire->up);
    buf_done(&wire->down);
    *wire = (struct wire){.is_used = false};
}

static struct wire *find_free(struct world *w)
{
    for (int i = 0; i < WIRES_MAX; i++)
        if (!w->wires[i].is_used)
            return &w->wires[i];
    return NULL;
}

struct wire *wire_open(struct world *w, const struct reader *r)
{
    struct hub_in in = {.kind = HUB_IN_OPEN,
                        .version = r->version,
                        .claims = {.kind = TOKEN_ANON, .expires_s = INT64_MAX}};
    struct wire *wire = find_free(w);
    if (!w->hub || !wire)
        return NULL;
    if (r->who.person < 0 && r->who.role == ROLE_SERVICE)
        in.claims.kind = TOKEN_SERVICE;
    world_step(w, &in);
    *wire = (struct wire){.is_used = true, .is_served = true, .is_read = true, .id = in.conn};
    wire->gone_at_us = INT64_MAX;
    buf_init(&wire->up, WIRE_TEXT_MAX);
    buf_init(&wire->down, WIRE_TEXT_MAX);
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

void wire_cut(struct world *w, struct wire *wire)
{
    wire->is_read = false;
    wire->gone_at_us = w->now_us + (world_chance(w, 3) ? 0 : world_delay(w, 90000000));
    buf_reset(&wire->down);
    buf_reset(&wire->up);
    release(wire);
}

/* ---- up ---- */

static void tell_gone(struct world *w, struct wire *wire)
{
    struct hub_in in = {.kind = HUB_IN_GONE, .conn = wire->id};
    world_step(w, &in);
    wire->is_served = false;
    release(wire);
}

static void move_up(struct world *w, struct wire *wire)
{
    size_t size = wire->up.size;
    if (size == 0 || w->now_us < wire->up_at_us)
        return;
    if (!w->is_calm && size > 1)
        size = 1 + (size_t)rng_below(&w->rng, size < PIECE_MAX ? size : PIECE_MAX);
    struct bytes piece = {wire->up.data, size};
    char *copy = mem_copy(piece); /* of its own size, so that reading past it is seen */
    world_must(copy != NULL);
    world_trace(w, piece);
    struct hub_in in = {.kind = HUB_IN_BYTES, .conn = wire->id, .bytes = {copy, size}};
    world_step(w, &in);
    mem_free(copy);
    buf_shift(&wire->up, size);
}

/* ---- down ---- */

static int peek(struct world *w, const struct wire *wire, struct iovec *iov, size_t *size)
{
    int count = hub_peek(w->hub, wire->id, iov, IOV_MAX_COUNT);
    *size = 0;
    for (int i = 0; i < count; i++)
        *size += iov[i].iov_len;
    return count;
}

/* Whatever happens, little waits for one reader. */
static void check_waiting(struct world *w, int count, size_t size)
{
    const struct hub_limits *l = &w->config.limits;
    size_t most = l->outbox_bytes_max + URGENT_BYTES;
    if (most < FRAME_SIZE_MAX)
        most = FRAME_SIZE_MAX;
    if (size > most || (uint32_t)count > l->outbox_frames_max + URGENT_FRAMES)
        world_fail(w, "%zu bytes in %d frames wait for one reader", size, count);
}

/* One send: as much as there is room for, or less. */
static bool send_some(struct world *w, struct wire *wire)
{
    struct iovec iov[IOV_MAX_COUNT];
    size_t size, room = wire->down.size < DOWN_MAX ? DOWN_MAX - wire->down.size : 0;
    int count = peek(w, wire, iov, &size);
    check_waiting(w, count, size);
    if (count == 0) {
        wire->is_flushing = false;
        return false;
    }
    size_t left = size < room ? size : room, sent = left;
    if (!wire->is_read)
        return false;
    if (wire->down.size == 0)
        wire->down_at_us = w->now_us + world_delay(w, DELAY_MAX_US);
    for (int i = 0; i < count && left > 0; i++) {
        size_t part = iov[i].iov_len < left ? iov[i].iov_len : left;
        buf_put(&wire->down, (struct bytes){iov[i].iov_base, part});
        left -= part;
    }
    if (sent > 0) {
        world_starve(w, true);
        hub_sent(w->hub, wire->id, sent, w->now_us);
        (void)world_feed(w);
    }
    return sent > 0;
}

static void move_down(struct world *w, struct wire *wire)
{
    while (wire->is_flushing && send_some(w, wire))
        ;
    if (wire->is_closing && (wire->is_abrupt || !wire->is_flushing))
        tell_gone(w, wire);
}

static void take_outs(struct world *w)
{
    struct hub_out out;
    while (!(!w->is_calm && world_chance(w, 50)) && hub_next_out(w->hub, &out)) {
        for (int i = 0; i < WIRES_MAX; i++) {
            struct wire *wire = &w->wires[i];
            if (!wire->is_served || wire->id.index != out.conn.index ||
                wire->id.generation != out.conn.generation)
                continue;
            wire->is_flushing = true;
            wire->is_closing |= out.kind == HUB_OUT_CLOSE;
            wire->is_abrupt |= out.is_abrupt;
        }
    }
}

void wires_move(struct world *w)
{
    for (int i = 0; i < WIRES_MAX && w->hub; i++) {
        struct wire *wire = &w->wires[i];
        if (wire->is_served && wire->gone_at_us <= w->now_us)
            tell_gone(w, wire);
        else if (wire->is_served)
            move_up(w, wire);
    }
    if (w->hub)
        take_outs(w);
    for (int i = 0; i < WIRES_MAX && w->hub; i++)
        if (w->wires[i].is_served)
            move_down(w, &w->wires[i]);
}

void wires_lose_hub(struct world *w)
{
    for (int i = 0; i < WIRES_MAX; i++) {
        if (!w->wires[i].is_served)
            continue;
        w->wires[i].is_served = false;
        release(&w->wires[i]);
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
