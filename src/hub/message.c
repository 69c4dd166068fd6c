#include "hub/message.h"

#include "base/time.h"
#include "hub/broadcast.h"
#include "hub/flood.h"
#include "hub/join.h"
#include "hub/member.h"
#include "hub/peer.h"
#include "hub/subscribe.h"
#include "hub/track.h"

static const struct bytes null_ref = {NULL, 0};

void message_reply(struct hub *h, struct conn *c, const struct phx_message *m,
                   struct bytes join_ref, bool is_ok)
{
    buf_reset(&h->wire);
    h->wire.err = h->response.err;
    phx_put_reply(&h->wire, c->version, join_ref, m->ref, m->topic, is_ok, buf_bytes(&h->response));
    peer_send_wire(h, c);
}

void message_acknowledge(struct hub *h, struct conn *c, const struct phx_message *m,
                         struct bytes join_ref)
{
    buf_reset(&h->response);
    buf_put_literal(&h->response, "{}");
    message_reply(h, c, m, join_ref, true);
}

void message_refuse(struct hub *h, struct conn *c, const struct phx_message *m,
                    struct bytes join_ref, struct bytes reason)
{
    buf_reset(&h->response);
    buf_put_literal(&h->response, "{\"reason\":");
    json_put_string(&h->response, reason);
    buf_put_char(&h->response, '}');
    message_reply(h, c, m, join_ref, false);
}

/* ---- without a channel ---- */

/* Goes ahead of everything: the client gives the socket up when it waits too long (section 10, 6).
 */
static void heartbeat(struct hub *h, struct conn *c, const struct phx_message *m)
{
    buf_reset(&h->wire);
    phx_put_reply(&h->wire, c->version, null_ref, m->ref, m->topic, true, BYTES("{}"));
    if (h->wire.err)
        peer_send_wire(h, c);
    else
        peer_send_urgent(h, c, WS_TEXT, buf_bytes(&h->wire));
}

static bool is_heartbeat(const struct phx_message *m)
{
    return bytes_equal(m->topic, BYTES("phoenix")) && bytes_equal(m->event, BYTES("heartbeat"));
}

static void recv_outside(struct hub *h, struct conn *c, const struct phx_message *m)
{
    if (is_heartbeat(m))
        heartbeat(h, c, m);
    else if (bytes_equal(m->event, BYTES("phx_leave")))
        message_acknowledge(h, c, m, null_ref);
    else
        message_refuse(h, c, m, null_ref, BYTES("unmatched topic"));
}

/* ---- on a channel ---- */

static void leave(struct hub *h, struct channel *ch, const struct phx_message *m)
{
    message_acknowledge(h, ch->conn, m, channel_join_ref(ch));
    member_end(h, ch, BYTES("phx_close"), BYTES(""), BYTES(""));
}

/* A token that has merely expired is renewed by a client that joins again; any other fault is
 * final. */
static void refuse_token(struct hub *h, struct channel *ch, enum token_fault fault,
                         const struct claims *claims)
{
    buf_reset(&h->text);
    subscribe_put_fault(&h->text, fault, h->now_us / TIME_US_PER_S - claims->expires_s);
    member_end(h, ch, fault == TOKEN_EXPIRED ? BYTES("phx_error") : BYTES("phx_close"),
               BYTES("system"), buf_bytes(&h->text));
}

static void access_token(struct hub *h, struct channel *ch, const struct phx_message *m)
{
    struct conn *c = ch->conn;
    struct claims claims = {.expires_s = 0};
    struct bytes token;
    arena_reset(&h->scratch);
    if (join_token(m->payload, &h->scratch, &token) || token.size == 0)
        return;
    enum token_fault fault = token_verify(h->secret, token, h->now_us / TIME_US_PER_S, &claims);
    if (fault) {
        refuse_token(h, ch, fault, &claims);
        return;
    }
    struct bearer b = bearer_of(&claims);
    ch->is_tokenless = false;
    member_set_bearer(h, ch, &b);
    member_adopt(h, c, &b);
}

static void recv_inside(struct hub *h, struct channel *ch, const struct phx_message *m)
{
    if (bytes_equal(m->event, BYTES("broadcast")))
        broadcast_recv(h, ch, m);
    else if (bytes_equal(m->event, BYTES("phx_leave")))
        leave(h, ch, m);
    else if (bytes_equal(m->event, BYTES("access_token")))
        access_token(h, ch, m);
    else if (bytes_equal(m->event, BYTES("presence")))
        track_recv(h, ch, m);
}

static enum err decode(struct hub *h, const struct conn *c, enum ws_opcode opcode,
                       struct bytes payload, struct phx_message *out)
{
    if (opcode == WS_TEXT)
        return phx_decode_text(c->version, payload, &h->decoded, out);
    return c->version == PHX_V2 ? phx_decode_binary(payload, out) : ERR_SYNTAX;
}

/* Never refused: without heartbeats the peer gives up, and a leave makes less work. */
static bool is_free(const struct channel *ch, const struct phx_message *m)
{
    return ch ? bytes_equal(m->event, BYTES("phx_leave")) : is_heartbeat(m);
}

void message_recv(struct hub *h, struct conn *c, enum ws_opcode opcode, struct bytes payload)
{
    struct phx_message m;
    h->counters.messages_in++;
    if (decode(h, c, opcode, payload, &m)) {
        h->counters.malformed++;
        (void)flood_admits_message(h, c, NULL);
        return;
    }
    struct channel *ch = channel_find(&h->channels, c, m.topic);
    if (bytes_equal(m.event, BYTES("phx_join")) && !m.is_user_broadcast)
        subscribe_recv(h, c, ch, &m);
    else if (!is_free(ch, &m) && !flood_admits_message(h, c, ch))
        return;
    else if (ch)
        recv_inside(h, ch, &m);
    else
        recv_outside(h, c, &m);
}
