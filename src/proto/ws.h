/* ws: the WebSocket protocol (RFC 6455): opening handshake values, frame encoding, and
 * an incremental decoder that gives whole messages and control frames, those of permessage-deflate
 * (RFC 7692) inflated.  Pure.  One thread at a time. */
#ifndef PROTO_WS_H
#define PROTO_WS_H

#include "proto/deflate.h"

enum ws_opcode {
    WS_CONTINUATION = 0x0,
    WS_TEXT = 0x1,
    WS_BINARY = 0x2,
    WS_CLOSE = 0x8,
    WS_PING = 0x9,
    WS_PONG = 0xA
};

/* RFC 6455, 7.4.1; 1012 by the IANA registry. */
enum ws_close_code {
    WS_CLOSE_NORMAL = 1000,
    WS_CLOSE_GOING_AWAY = 1001,
    WS_CLOSE_PROTOCOL_ERROR = 1002,
    WS_CLOSE_NO_STATUS = 1005,
    WS_CLOSE_INVALID_PAYLOAD = 1007,
    WS_CLOSE_POLICY = 1008,
    WS_CLOSE_TOO_BIG = 1009,
    WS_CLOSE_INTERNAL_ERROR = 1011,
    WS_CLOSE_SERVICE_RESTART = 1012,
    WS_CLOSE_TRY_AGAIN_LATER = 1013
};

enum {
    WS_ACCEPT_SIZE = 28,
    WS_HEADER_MAX = 10,
    WS_CONTROL_PAYLOAD_MAX = 125,
    WS_DEFLATED = 0x40 /* of a message's first byte: its payload is compressed (RFC 7692, 6) */
};

/* Sec-WebSocket-Accept of a key (4.2.2): base64(SHA-1(key + GUID)).  ERR_SYNTAX unless the key is
 * the base64 form of 16 bytes; ERR_NOMEM. */
MUST_USE enum err ws_accept(struct bytes key, char out[WS_ACCEPT_SIZE]);

/* The header of an unfragmented, unmasked server frame; returns its size, 2..10. */
size_t ws_put_header(char out[WS_HEADER_MAX], enum ws_opcode opcode, uint64_t payload_size);
/* Reads such a header back from the front of `wire`, which holds all of it; returns its size. */
size_t ws_get_header(struct bytes wire, enum ws_opcode *opcode, uint64_t *payload_size);
/* Header and payload. */
void ws_put_frame(struct buf *out, enum ws_opcode opcode, struct bytes payload);
/* The same of a client, unfragmented, its payload masked (5.3) with `mask`, which must not be
 * foreseeable. */
void ws_put_masked(struct buf *out, enum ws_opcode opcode, struct bytes payload,
                   const uint8_t mask[4]);
/* A close frame; the reason is cut to 123 bytes, between code points.  WS_CLOSE_NO_STATUS, which
 * may not be on the wire, makes an empty one. */
void ws_put_close(struct buf *out, enum ws_close_code code, struct bytes reason);

/* The decoder of one connection.  It takes memory only while a frame or message is incomplete. */
struct ws_decoder {
    struct buf partial; /* bytes of an incomplete frame's payload and of the fragments before it */
    struct inflater *inflater; /* NULL: compression was not negotiated */
    uint64_t payload_left;
    uint64_t mask_offset;
    size_t message_max;
    uint32_t utf8_state;
    uint8_t header[14];
    uint8_t header_size; /* bytes of the header seen so far */
    uint8_t mask[4];
    uint8_t opcode; /* of the frame being read */
    uint8_t
        message_opcode; /* WS_TEXT or WS_BINARY from a message's first byte to its last, else 0 */
    enum err err;       /* the first that happened, given again by every later call */
    bool is_client;     /* frames come from a server */
    bool fin;
    bool in_payload;
    bool is_deflated; /* the message being read */
    uint8_t control_size;
    char control[WS_CONTROL_PAYLOAD_MAX]; /* payload of a control frame between fragments */
};

/* `message_max` bounds the payload of one message, bytes, before and after compression. */
void ws_decoder_init(struct ws_decoder *d, size_t message_max);
/* Compression was negotiated.  The inflater is lent, and may be shared by all decoders of the
 * thread. */
void ws_decoder_inflate_with(struct ws_decoder *d, struct inflater *inflater);
/* This end is the client: frames come without a mask, and one with a mask is the error (5.1). */
void ws_decoder_of_client(struct ws_decoder *d);
void ws_decoder_done(struct ws_decoder *d);

struct ws_message {
    enum ws_opcode opcode; /* WS_TEXT, WS_BINARY, WS_CLOSE, WS_PING or WS_PONG */
    struct bytes
        payload; /* borrowed until the next call, also of another decoder with the same inflater;
                    text is valid UTF-8; of WS_CLOSE: the reason */
    enum ws_close_code close_code; /* of WS_CLOSE: the peer's, or WS_CLOSE_NO_STATUS */
};

/* Consumes bytes from the front of `*in` (which is unmasked in place) up to the end of one message.
 *   OK         one message is in `out`; call again, more may be in `*in`
 *   ERR_AGAIN  all was consumed, no message yet
 *   ERR_SYNTAX protocol error: answer close 1002     ERR_LIMIT message too big: close 1009
 *   ERR_TYPE   not UTF-8, or not compressed data: close 1007     ERR_NOMEM: close 1011
 * After an error every call gives the same error and consumes nothing.  Frames without mask are
 * errors (5.1), as are reserved opcodes, reserved bits that were not negotiated, long or fragmented
 * control frames, and close codes that may not be sent. */
struct ws_input {
    char *data;
    size_t size;
};
MUST_USE enum err ws_decode(struct ws_decoder *d, struct ws_input *in, struct ws_message *out);

#endif
