#include "hub/broadcast.h"

#include "hub/deliver.h"
#include "hub/message.h"
#include "hub/relay.h"
#include "hub/rights.h"
#include "hub/stored.h"

static const struct bytes null_ref = {NULL, 0};

/* The frames of one broadcast, made for the first member of each wire version. */
struct copies {
    const struct hub_broadcast *broadcast;
    struct frame *frames[2]; /* by enum phx_version */
    bool is_made[2];
};

/* ---- the bytes ---- */

static void put_text(struct hub *h, const struct hub_broadcast *b, enum phx_version v)
{
    phx_put_head(&h->wire, v, null_ref, null_ref, b->topic, BYTES("broadcast"));
    if (b->form == BROADCAST_TEXT) {
        buf_put(&h->wire, b->payload);
    } else {
        buf_put_literal(&h->wire, "{\"type\":\"broadcast\",\"event\":");
        json_put_string(&h->wire, b->event);
        buf_put_literal(&h->wire, ",\"payload\":");
        buf_put(&h->wire, b->payload);
        if (b->meta.size)
            buf_put_literal(&h->wire, ",\"meta\":");
        buf_put(&h->wire, b->meta);
        buf_put_char(&h->wire, '}');
    }
    phx_put_tail(&h->wire, v, null_ref);
}

/* Kind 4 to version 2, but for what came as text and for names that are too long for it; else text,
 * which raw bytes cannot become. */
static enum ws_opcode put_message(struct hub *h, const struct hub_broadcast *b, enum phx_version v)
{
    uint8_t encoding = b->form == BROADCAST_JSON;
    buf_reset(&h->wire);
    if (v == PHX_V2 && b->form != BROADCAST_TEXT &&
        phx_put_user_broadcast(&h->wire, b->topic, b->event, b->meta, encoding, b->payload) !=
            ERR_LIMIT)
        return WS_BINARY;
    if (b->form != BROADCAST_RAW)
        put_text(h, b, v);
    return WS_TEXT;
}

enum err broadcast_encode(struct hub *h, const struct hub_broadcast *b, enum phx_version v,
                          struct frame **out)
{
    char header[WS_HEADER_MAX];
    enum ws_opcode opcode = put_message(h, b, v);
    *out = NULL;
    if (h->wire.err || h->wire.size == 0)
        return h->wire.err;
    struct bytes head = {header, ws_put_header(header, opcode, h->wire.size)};
    enum err e = frame_new(head, buf_bytes(&h->wire), 1, out);
    h->counters.encoded_frames += !e;
    return e;
}

/* NULL: this version gets nothing, or memory ran out. */
static struct frame *copy_for(struct hub *h, struct copies *copies, enum phx_version v)
{
    if (!copies->is_made[v] && broadcast_encode(h, copies->broadcast, v, &copies->frames[v]))
        copies->frames[v] = NULL;
    copies->is_made[v] = true;
    return copies->frames[v];
}

/* ---- the receivers ---- */

static bool give(struct hub *h, struct channel *to, struct frame *f, int64_t number)
{
    return to->held ? held_push(to->held, f, number) == OK : deliver_frame(h, to->conn, f);
}

static void fan_out(struct hub *h, const struct hub_broadcast *b, const struct topic *topic,
                    const struct channel *from)
{
    struct copies copies = {.broadcast = b};
    list_each(l, &topic->members)
    {
        struct channel *to = container_of(l, struct channel, of_topic);
        if (to->is_private != b->is_private || (to == from && !from->wants_self) ||
            !(to->rights & RIGHT_HEAR))
            continue;
        struct frame *f = copy_for(h, &copies, to->conn->version);
        if (f && !give(h, to, f, b->number))
            h->counters.dropped_broadcasts++;
    }
    frame_unref(copies.frames[PHX_V1]);
    frame_unref(copies.frames[PHX_V2]);
}

static void relay(struct hub *h, const struct hub_broadcast *b)
{
    struct relay_message m = {.kind = RELAY_BROADCAST, .broadcast = *b};
    struct relay_item *item;
    if (!h->has_peers)
        return;
    if (relay_item_new(&m, &item)) {
        h->counters.dropped_broadcasts++;
        return;
    }
    h->counters.relayed++;
    list_push_back(&h->relays, &item->link);
}

void broadcast_here(struct hub *h, const struct hub_broadcast *b, const struct channel *from)
{
    const struct topic *topic = channels_topic(&h->channels, b->topic);
    if (topic)
        fan_out(h, b, topic, from);
}

void broadcast_send(struct hub *h, const struct hub_broadcast *b, const struct channel *from)
{
    const struct topic *topic = from ? from->topic : channels_topic(&h->channels, b->topic);
    h->counters.broadcasts++;
    if (topic)
        fan_out(h, b, topic, from);
    relay(h, b);
}

/* ---- from a peer ---- */

/* What every receiver would choke on goes to none. */
static bool is_sound(const struct phx_message *m)
{
    struct json_value v;
    if (!m->is_user_broadcast)
        return m->payload.type == JSON_OBJECT;
    return m->broadcast_encoding == 0 || !json_parse(m->broadcast_payload, &v);
}

/* The hosted original says nothing, and the client waits for an answer in vain. */
static void refuse(struct hub *h, struct channel *ch, const struct phx_message *m)
{
    h->counters.denied_broadcasts++;
    if (!ch->wants_ack)
        return;
    buf_reset(&h->text);
    buf_put_literal(&h->text,
                    "Unauthorized: You do not have permissions to write to this Channel topic: ");
    buf_put(&h->text, channel_name(ch));
    message_refuse(h, ch->conn, m, channel_join_ref(ch), buf_bytes(&h->text));
}

static struct hub_broadcast broadcast_of(const struct channel *ch, const struct phx_message *m)
{
    struct hub_broadcast b = {.topic = channel_topic(ch), .is_private = ch->is_private};
    b.event = m->broadcast_event;
    b.payload = m->is_user_broadcast ? m->broadcast_payload : m->payload.raw;
    if (!m->is_user_broadcast)
        b.form = BROADCAST_TEXT;
    else
        b.form = m->broadcast_encoding == 1 ? BROADCAST_JSON : BROADCAST_RAW;
    return b;
}

/* The response is a bare string (section 7.3). */
static void refuse_size(struct hub *h, const struct channel *ch, const struct phx_message *m)
{
    h->counters.dropped_broadcasts++;
    if (!ch->wants_ack)
        return;
    buf_reset(&h->response);
    buf_put_literal(&h->response, "\"payload_size_exceeded\"");
    message_reply(h, ch->conn, m, channel_join_ref(ch), false);
}

void broadcast_recv(struct hub *h, struct channel *ch, const struct phx_message *m)
{
    if (!(ch->rights & RIGHT_SAY)) {
        refuse(h, ch, m);
        return;
    }
    if (!is_sound(m)) {
        h->counters.malformed++;
        return;
    }
    struct hub_broadcast b = broadcast_of(ch, m);
    if (b.payload.size > h->limits.broadcast_max) {
        refuse_size(h, ch, m);
        return;
    }
    int64_t ttl_us;
    enum persist option = stored_option(m, &ttl_us);
    if (option != PERSIST_NO) {
        stored_recv(h, ch, m, option, ttl_us);
        return;
    }
    broadcast_send(h, &b, ch);
    if (ch->wants_ack)
        message_acknowledge(h, ch->conn, m, channel_join_ref(ch));
}
