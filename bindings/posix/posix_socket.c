#include "base/base64.h"
#include "io/entropy.h"
#include "posix/posix_state.h"

enum { MESSAGE_MAX = 4 * 1024 * 1024, NOT_MADE = 1006, NOT_TRUSTED = 1015 /* RFC 6455, 7.4.1 */ };

void socket_end(struct socket *s)
{
    if (!s->is_used)
        return;
    wire_close(&s->wire);
    answer_reader_done(&s->reader);
    ws_decoder_done(&s->decoder);
    s->is_used = s->is_upgraded = false;
}

static void lose(struct hb_posix *p, uint32_t code)
{
    uint32_t id = p->socket.id;
    socket_end(&p->socket);
    hb_client_closed(p->client, id, code, hb_posix_now());
}

static void lose_wire(struct hb_posix *p, enum err e)
{
    posix_wire_trouble(p, &p->socket.wire, e);
    lose(p, e == ERR_DENIED ? NOT_TRUSTED : e == ERR_SYNTAX ? WS_CLOSE_PROTOCOL_ERROR : NOT_MADE);
}

/* ---- out ---- */

static void put_handshake(struct hb_posix *p, struct bytes path, struct bytes key)
{
    struct buf *out = &p->socket.wire.out;
    request_put_line(p, out, BYTES("GET"), path);
    buf_put_literal(out, "Connection: Upgrade\r\nUpgrade: websocket\r\n"
                         "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ");
    buf_put(out, key);
    buf_put_literal(out, "\r\n\r\n");
}

void socket_open(struct hb_posix *p, const struct hb_action *a)
{
    struct socket *s = &p->socket;
    char random[16];
    struct buf key;
    socket_end(s);
    s->is_used = true;
    s->id = a->id;
    answer_reader_init(&s->reader, 0, true);
    ws_decoder_init(&s->decoder, MESSAGE_MAX);
    ws_decoder_of_client(&s->decoder);
    buf_init(&key, 64);
    entropy_fill(random, sizeof(random));
    base64_encode(&key, (struct bytes){random, sizeof(random)});
    enum err e = wire_open(&s->wire, &p->target, p->tls, &p->lookup);
    if (!e)
        e = key.err ? key.err : ws_accept(buf_bytes(&key), s->accept);
    put_handshake(p, (struct bytes){a->text.data, a->text.size}, buf_bytes(&key));
    buf_done(&key);
    if (e)
        lose_wire(p, e);
}

static void send_frame(struct socket *s, enum ws_opcode opcode, struct bytes payload)
{
    uint8_t mask[4];
    entropy_fill(mask, sizeof(mask));
    ws_put_masked(&s->wire.out, opcode, payload, mask);
}

static bool is_current(const struct hb_posix *p, const struct hb_action *a)
{
    return p->socket.is_used && p->socket.id == a->id;
}

void socket_send(struct hb_posix *p, const struct hb_action *a)
{
    if (is_current(p, a))
        send_frame(&p->socket, WS_TEXT, (struct bytes){a->text.data, a->text.size});
}

void socket_close(struct hb_posix *p, const struct hb_action *a)
{
    struct socket *s = &p->socket;
    char payload[2] = {(char)(uint8_t)(a->code >> 8), (char)(uint8_t)a->code};
    if (!is_current(p, a))
        return;
    if (s->is_upgraded) {
        send_frame(s, WS_CLOSE, (struct bytes){payload, sizeof(payload)});
        /* A goodbye that cannot leave now is not waited for. */
        enum err ignored = wire_step(&s->wire);
        (void)ignored;
    }
    socket_end(s);
}

/* ---- in ---- */

static void refuse_frames(struct hb_posix *p, enum err e)
{
    posix_trouble(p, "%s: %s", p->target.authority,
                  e == ERR_LIMIT ? "a message is too long"
                                 : "what it says is no WebSocket of a server");
    lose(p, e == ERR_LIMIT ? WS_CLOSE_TOO_BIG : WS_CLOSE_PROTOCOL_ERROR);
}

/* False: the connection is over. */
static bool take_message(struct hb_posix *p, const struct ws_message *m)
{
    struct socket *s = &p->socket;
    if (m->opcode == WS_TEXT) {
        hb_client_message(p->client, s->id, (struct hb_text){m->payload.data, m->payload.size},
                          hb_posix_now());
    } else if (m->opcode == WS_PING) {
        send_frame(s, WS_PONG, m->payload);
    } else if (m->opcode == WS_CLOSE) {
        posix_trouble(p, "%s ends the connection: %.*s (%d)", p->target.authority,
                      (int)m->payload.size, m->payload.size ? m->payload.data : "",
                      (int)m->close_code);
        lose(p, (uint32_t)m->close_code);
        return false;
    }
    return true;
}

/* False: the connection is over. */
static bool take_frames(struct hb_posix *p, char *data, size_t size)
{
    struct ws_input in = {data, size};
    struct ws_message m;
    enum err e;
    while ((e = ws_decode(&p->socket.decoder, &in, &m)) == OK) {
        if (!take_message(p, &m))
            return false;
    }
    if (e != ERR_AGAIN)
        refuse_frames(p, e);
    return e == ERR_AGAIN;
}

static void refuse_handshake(struct hb_posix *p, enum err e, unsigned status)
{
    if (e) {
        posix_trouble(p, "%s: the answer %s", p->target.authority,
                      e == ERR_LIMIT ? "is too long" : "cannot be read");
        lose(p, e == ERR_NOMEM ? NOT_MADE : WS_CLOSE_PROTOCOL_ERROR);
        return;
    }
    posix_trouble(p, "%s opens no WebSocket (%u)", p->target.authority, status);
    lose(p, status >= 500 ? WS_CLOSE_TRY_AGAIN_LATER : WS_CLOSE_PROTOCOL_ERROR);
}

/* RFC 6455, 4.1.  False: the connection is over. */
static bool take_handshake(struct hb_posix *p, char *data, size_t size)
{
    struct socket *s = &p->socket;
    struct bytes in = {data, size};
    struct answer a;
    enum err e = answer_reader_feed(&s->reader, &in, &a);
    if (e == ERR_AGAIN)
        return true;
    if (e || !answer_is_upgrade(&a, (struct bytes){s->accept, sizeof(s->accept)})) {
        refuse_handshake(p, e, e ? 0 : a.status);
        return false;
    }
    s->is_upgraded = true;
    answer_reader_done(&s->reader);
    hb_client_opened(p->client, s->id, hb_posix_now());
    return take_frames(p, data + (size - in.size), in.size);
}

/* ERR_AGAIN: that was all for now; OK: the connection is over, and that is told. */
static enum err receive(struct hb_posix *p)
{
    struct socket *s = &p->socket;
    char data[READ_SIZE];
    for (int i = 0; i < TURN_READS_MAX; i++) {
        size_t got;
        enum err e = wire_recv(&s->wire, data, sizeof(data), &got);
        if (e)
            return e;
        if (s->is_upgraded ? !take_frames(p, data, got) : !take_handshake(p, data, got))
            return OK;
    }
    return ERR_AGAIN;
}

void socket_turn(struct hb_posix *p)
{
    if (!p->socket.is_used)
        return;
    enum err sent = wire_step(&p->socket.wire);
    bool is_lost = sent && sent != ERR_AGAIN;
    enum err e = ERR_AGAIN;
    /* Why it takes no more may be said in what has come. */
    if (!is_lost || p->socket.is_upgraded)
        e = receive(p);
    if (e == ERR_AGAIN && is_lost)
        e = sent;
    if (e && e != ERR_AGAIN)
        lose_wire(p, e);
}
