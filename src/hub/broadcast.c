#include "hub/broadcast.h"

#include "hub/deliver.h"
#include "hub/message.h"
#include "hub/rights.h"

static const struct bytes null_ref = {NULL, 0};

/* The frames of one broadcast, made for the first member of each wire version. */
struct copies {
    const struct phx_message *message;
    struct frame *frames[2]; /* by enum phx_version */
    bool is_made[2];
};

/* Text for everybody, but what came as kind 3 goes to version 2 as kind 4, and raw bytes not at all
 * to version 1. */
static enum ws_opcode put_message(struct hub *h, const struct phx_message *m, enum phx_version v)
{
    buf_reset(&h->wire);
    if (!m->is_user_broadcast) {
        phx_put(&h->wire, v, null_ref, null_ref, m->topic, m->event, m->payload.raw);
        return WS_TEXT;
    }
    if (v == PHX_V2) {
        if (phx_put_user_broadcast(&h->wire, m->topic, m->broadcast_event, BYTES(""),
                                   m->broadcast_encoding, m->broadcast_payload))
            buf_reset(&h->wire);
        return WS_BINARY;
    }
    if (m->broadcast_encoding != 1)
        return WS_TEXT;
    phx_put_head(&h->wire, v, null_ref, null_ref, m->topic, m->event);
    buf_put_literal(&h->wire, "{\"type\":\"broadcast\",\"event\":");
    json_put_string(&h->wire, m->broadcast_event);
    buf_put_literal(&h->wire, ",\"payload\":");
    buf_put(&h->wire, m->broadcast_payload);
    buf_put_char(&h->wire, '}');
    phx_put_tail(&h->wire, v, null_ref);
    return WS_TEXT;
}

/* NULL: this version gets nothing, or memory ran out. */
static struct frame *copy_for(struct hub *h, struct copies *copies, enum phx_version v)
{
    if (copies->is_made[v])
        return copies->frames[v];
    copies->is_made[v] = true;
    char header[WS_HEADER_MAX];
    enum ws_opcode opcode = put_message(h, copies->message, v);
    if (h->wire.err || h->wire.size == 0)
        return NULL;
    struct bytes head = {header, ws_put_header(header, opcode, h->wire.size)};
    if (frame_new(head, buf_bytes(&h->wire), 1, &copies->frames[v]))
        return NULL;
    h->counters.encoded_frames++;
    return copies->frames[v];
}

static void fan_out(struct hub *h, const struct channel *from, struct copies *copies)
{
    list_each(l, &from->topic->members)
    {
        struct channel *to = container_of(l, struct channel, of_topic);
        if (to->is_private != from->is_private || (to == from && !from->wants_self) ||
            !(to->rights & RIGHT_HEAR))
            continue;
        struct frame *f = copy_for(h, copies, to->conn->version);
        if (f && !deliver_frame(h, to->conn, f))
            h->counters.dropped_broadcasts++;
    }
}

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

void broadcast_recv(struct hub *h, struct channel *ch, const struct phx_message *m)
{
    struct copies copies = {.message = m};
    if (!(ch->rights & RIGHT_SAY)) {
        refuse(h, ch, m);
        return;
    }
    if (!is_sound(m)) {
        h->counters.malformed++;
        return;
    }
    fan_out(h, ch, &copies);
    frame_unref(copies.frames[PHX_V1]);
    frame_unref(copies.frames[PHX_V2]);
    if (ch->wants_ack)
        message_acknowledge(h, ch->conn, m, channel_join_ref(ch));
}
