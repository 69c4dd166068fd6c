/* phx: the messages of Phoenix channels in both wire versions of the live protocol
 * (docs/protocol.md; shared shapes: section 2).  Pure; spans are borrowed from the message. */
#ifndef PROTO_PHX_H
#define PROTO_PHX_H

#include "base/json.h"

enum phx_version {
    PHX_V1,
    PHX_V2
}; /* vsn 1.0.0: JSON objects; 2.0.0: JSON arrays and binary kinds */

/* Limits of what is taken in, bytes, escapes undone.  Over them: ERR_LIMIT. */
enum { PHX_TOPIC_MAX = 1024, PHX_EVENT_MAX = 255, PHX_REF_MAX = 255 };

/* "1.0.0" and everything ~> 1.0.0, "2.0.0" and ~> 2.0.0; an empty text means 1.0.0.
 * ERR_UNSUPPORTED. */
MUST_USE enum err phx_version_parse(struct bytes text, enum phx_version *out);

/* Refs, topic and event are given with their JSON escapes undone: where they lie in the message
 * when they have none, else in `scratch`. */
struct phx_message {
    struct bytes join_ref; /* data NULL: null or absent */
    struct bytes ref;      /* the same; numbers are taken as their text */
    struct bytes topic;
    struct bytes event;
    struct json_value payload; /* text messages, any type; an empty object when absent */
    bool is_user_broadcast;    /* a binary kind 3: the fields below, and payload is unset */
    struct bytes broadcast_event;
    struct bytes broadcast_meta;
    uint8_t broadcast_encoding; /* 0 raw, 1 JSON */
    struct bytes broadcast_payload;
};

/* One text message.  `scratch` is reset and holds decoded strings.  ERR_SYNTAX for anything
 * malformed (the connection stays; the message is dropped). */
MUST_USE enum err phx_decode_text(enum phx_version v, struct bytes text, struct buf *scratch,
                                  struct phx_message *out);
/* One binary message of version 2: kinds 0 (push) and 3 (user broadcast push, whose event is
 * "broadcast").  The bytes of a push are in broadcast_payload, and its payload is an empty object.
 * What is inside a broadcast_payload is not looked at, whatever its encoding says.  ERR_SYNTAX for
 * other kinds and encodings, short messages, names that are not UTF-8, and a meta that is no
 * object. */
MUST_USE enum err phx_decode_binary(struct bytes message, struct phx_message *out);

/* Writes one text message.  `payload` is JSON text.  data NULL in a ref writes null; version 1 has
 * no join_ref on the wire. */
void phx_put(struct buf *out, enum phx_version v, struct bytes join_ref, struct bytes ref,
             struct bytes topic, struct bytes event, struct bytes payload);
/* What stands before and behind the payload of such a message, for payloads that are spliced in. */
void phx_put_head(struct buf *out, enum phx_version v, struct bytes join_ref, struct bytes ref,
                  struct bytes topic, struct bytes event);
void phx_put_tail(struct buf *out, enum phx_version v, struct bytes ref);
/* phx_reply with {"status":"ok"|"error","response":<response>}. */
void phx_put_reply(struct buf *out, enum phx_version v, struct bytes join_ref, struct bytes ref,
                   struct bytes topic, bool ok, struct bytes response);
/* Binary kind 4 of version 2.  ERR_LIMIT, with nothing written, when a part is over 255 bytes; else
 * the buffer's error. */
MUST_USE enum err phx_put_user_broadcast(struct buf *out, struct bytes topic, struct bytes event,
                                         struct bytes meta, uint8_t encoding, struct bytes payload);

#endif
