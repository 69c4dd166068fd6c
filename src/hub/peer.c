/* A connection is OPEN until one side says close.
 *
 *   OPEN    ── we close politely ───────────────────────────────▶ CLOSING
 *   OPEN    ── the peer closes, breaks rules, or does not read ──▶ CLOSED
 *   CLOSING ── the peer answers, or patience ends ──────────────▶ CLOSED
 *   CLOSED  ── GONE ────────────────────────────────────────────▶ freed
 *
 * In CLOSED the shell has been told to close the socket behind what is waiting; if that takes
 * longer than the patience, it is told again, abruptly. */
#include "hub/peer.h"

#include "hub/member.h"
#include "hub/message.h"

#include <assert.h>

void peer_touch(struct hub *h, struct conn *c)
{
    conns_touch(&h->conns, c);
}

/* The node is in the heap from the connection's first to its last moment, so moving it takes no
 * memory. */
static void set_timer(struct hub *h, struct conn *c, int64_t at_us)
{
    enum err e = heap_set(&h->timers, &c->timer, at_us);
    assert(e == OK);
    (void)e;
}

/* ---- out ---- */

static void doom(struct hub *h, struct conn *c)
{
    if (!list_is_linked(&c->doomed))
        list_push_back(&h->doomed, &c->doomed);
}

static enum err frame_of(struct hub *h, enum ws_opcode opcode, struct bytes payload,
                         struct frame **out)
{
    char header[WS_HEADER_MAX];
    struct bytes head = {header, ws_put_header(header, opcode, payload.size)};
    enum err e = frame_new(head, payload, 1, out);
    h->counters.encoded_frames += !e;
    return e;
}

static enum err send_frame(struct hub *h, struct conn *c, enum ws_opcode opcode,
                           struct bytes payload, bool is_urgent)
{
    struct frame *f;
    enum err e = frame_of(h, opcode, payload, &f);
    if (e)
        return e;
    e = is_urgent ? outbox_push_urgent(&c->outbox, f, &h->urgent_limit)
                  : outbox_push(&c->outbox, peer_form(h, c, f), &h->direct_limit);
    frame_unref(f);
    if (!e)
        conns_hurry(&h->conns, c);
    return e;
}

void peer_send(struct hub *h, struct conn *c, enum ws_opcode opcode, struct bytes payload)
{
    if (c->state != CONN_OPEN || list_is_linked(&c->doomed))
        return;
    if (send_frame(h, c, opcode, payload, false))
        doom(h, c);
}

void peer_send_wire(struct hub *h, struct conn *c)
{
    /* Without memory for the words the peer cannot be told anything: it is dropped, and comes back.
     */
    if (h->wire.err)
        doom(h, c);
    peer_send(h, c, WS_TEXT, buf_bytes(&h->wire));
}

void peer_send_urgent(struct hub *h, struct conn *c, enum ws_opcode opcode, struct bytes payload)
{
    if (c->state != CONN_OPEN || list_is_linked(&c->doomed))
        return;
    if (send_frame(h, c, opcode, payload, true))
        doom(h, c);
}

/* ---- close ---- */

static void end_channels(struct hub *h, struct conn *c)
{
    for (struct link *l; (l = list_pop_front(&c->channels));)
        member_drop(h, container_of(l, struct channel, of_conn));
    list_remove(&c->pumping);
}

/* Tells the shell. */
static void set_closed(struct hub *h, struct conn *c)
{
    c->state = CONN_CLOSED;
    c->close_us = h->now_us + h->limits.close_us;
    set_timer(h, c, c->close_us);
    peer_touch(h, c);
}

static void put_close(struct hub *h, struct conn *c, enum ws_close_code code)
{
    char space[4]; /* header and code */
    struct buf wire = {.data = space, .capacity = sizeof(space), .max = sizeof(space)};
    struct frame *f;
    struct outbox_limit any = {.bytes = SIZE_MAX, .frames = UINT32_MAX};
    ws_put_close(&wire, code, BYTES(""));
    enum err e = frame_new(buf_bytes(&wire), BYTES(""), 1, &f);
    h->counters.encoded_frames += !e;
    if (e) {
        c->is_abrupt = true;
        return;
    }
    if (outbox_push(&c->outbox, f, &any))
        c->is_abrupt = true;
    frame_unref(f);
}

void peer_close(struct hub *h, struct conn *c, enum ws_close_code code, enum peer_end how)
{
    if (c->state != CONN_OPEN)
        return;
    c->close_code = code;
    end_channels(h, c);
    if (how == END_SHORT)
        outbox_drop(&c->outbox);
    put_close(h, c, code);
    set_closed(h, c);
    if (how == END_POLITE && !c->is_abrupt)
        c->state = CONN_CLOSING;
}

void peer_reap(struct hub *h)
{
    for (struct link *l; (l = list_pop_front(&h->doomed));) {
        struct conn *c = container_of(l, struct conn, doomed);
        h->counters.dropped_slow += c->state == CONN_OPEN;
        peer_close(h, c, WS_CLOSE_TRY_AGAIN_LATER, END_SHORT);
    }
}

void peer_free(struct hub *h, struct conn *c)
{
    end_channels(h, c);
    heap_remove(&h->timers, &c->timer);
    conns_remove(&h->conns, c);
}

/* ---- in ---- */

static enum ws_close_code close_code_of(enum err e)
{
    switch (e) {
    case ERR_TYPE:
        return WS_CLOSE_INVALID_PAYLOAD;
    case ERR_LIMIT:
    case ERR_FULL:
        return WS_CLOSE_TOO_BIG;
    case ERR_NOMEM:
        return WS_CLOSE_INTERNAL_ERROR;
    default:
        return WS_CLOSE_PROTOCOL_ERROR;
    }
}

static void break_off(struct hub *h, struct conn *c, enum err e)
{
    if (e == ERR_LIMIT)
        h->counters.messages_too_big++;
    else if (e == ERR_FULL)
        h->counters.inflated_over++;
    else if (e != ERR_NOMEM)
        h->counters.violations++;
    peer_close(h, c, close_code_of(e), END_FINAL);
}

static void recv_close(struct hub *h, struct conn *c, const struct ws_message *m)
{
    if (c->state == CONN_CLOSING) {
        set_closed(h, c);
        return;
    }
    peer_close(h, c, m->close_code, END_FINAL);
    c->close_code = WS_CLOSE_NORMAL; /* whatever its reason was, it was not ours */
}

/* A pong that does not fit is left out: only the latest ping need be answered (RFC 6455, 5.5.3). */
static void recv_ping(struct hub *h, struct conn *c, const struct ws_message *m)
{
    (void)!send_frame(h, c, WS_PONG, m->payload, true);
}

static void recv_message(struct hub *h, struct conn *c, const struct ws_message *m)
{
    if (m->opcode == WS_CLOSE) {
        recv_close(h, c, m);
        return;
    }
    if (c->state != CONN_OPEN)
        return;
    if (m->opcode == WS_PING)
        recv_ping(h, c, m);
    else if (m->opcode == WS_TEXT || m->opcode == WS_BINARY)
        message_recv(h, c, m->opcode, m->payload);
}

/* ERR_FULL: a few bytes stood for so many that the others would have to wait. */
static enum err decode(struct hub *h, struct conn *c, struct ws_input *in, uint64_t inflated_before,
                       struct ws_message *out)
{
    enum err e = ws_decode(&c->decoder, in, out);
    bool is_over = h->inflater.to_bytes - inflated_before > h->limits.inflate_max;
    return !e && is_over ? ERR_FULL : e;
}

void peer_recv(struct hub *h, struct conn *c, struct ws_input in)
{
    struct ws_message m;
    uint64_t inflated_before = h->inflater.to_bytes;
    while (c->state != CONN_CLOSED && !list_is_linked(&c->doomed)) {
        enum err e = decode(h, c, &in, inflated_before, &m);
        if (e == ERR_AGAIN)
            return;
        if (e && c->state == CONN_OPEN)
            break_off(h, c, e);
        else if (e)
            set_closed(h, c);
        if (e)
            return;
        c->heard_us = h->now_us;
        recv_message(h, c, &m);
    }
}

/* ---- time ---- */

static void set_deadline(struct hub *h, struct conn *c)
{
    int64_t idle_us = c->heard_us + h->limits.idle_us;
    set_timer(h, c, idle_us < c->expiry_us ? idle_us : c->expiry_us);
}

void peer_watch_expiry(struct hub *h, struct conn *c, int64_t at_us)
{
    if (c->state != CONN_OPEN || at_us >= c->expiry_us)
        return;
    c->expiry_us = at_us;
    if (at_us < c->timer.deadline)
        set_timer(h, c, at_us);
}

static void give_up(struct hub *h, struct conn *c)
{
    c->state = CONN_CLOSED;
    c->is_abrupt = true;
    heap_remove(&h->timers, &c->timer);
    peer_touch(h, c);
}

void peer_tick(struct hub *h, struct conn *c)
{
    if (c->state != CONN_OPEN) {
        give_up(h, c);
        return;
    }
    if (c->heard_us + h->limits.idle_us <= h->now_us) {
        h->counters.dropped_idle++;
        peer_close(h, c, WS_CLOSE_GOING_AWAY, END_SHORT);
        return;
    }
    if (c->expiry_us <= h->now_us) {
        c->expiry_us = INT64_MAX;
        member_expire(h, c);
    }
    if (c->state == CONN_OPEN)
        set_deadline(h, c);
}
