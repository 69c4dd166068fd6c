/* The decoder takes bytes from the input in one of two states:
 *
 *            header whole, rules kept
 *   header ----------------------------> payload
 *      ^                                   |
 *      +-----------------------------------+
 *        last byte of the frame: a control frame, or the fragment that ends a message, is given
 *
 * `message_opcode` spans frames: it is set from the first byte of a message to its last.  A data
 * frame that ends a message and lies whole in the input is unmasked and given where it lies; all
 * other payloads are gathered in `partial`, and those of control frames in `control`, because they
 * may come between fragments.  A message given from `partial` keeps that memory until the next
 * call. */
#include "proto/ws.h"

#include "base/base64.h"
#include "base/utf8.h"
#include "proto/sha1.h"

enum {
    KEY_SIZE = 24,       /* base64 of 16 bytes */
    KEY_BYTES = 16,      /* decoded */
    CLOSE_CODE_SIZE = 2, /* in front of the reason */
    FIN_BIT = 0x80,
    RSV_BITS = 0x70,
    OPCODE_BITS = 0x0f,
    CONTROL_BIT = 0x08,
    MASK_BIT = 0x80,
    LENGTH_BITS = 0x7f,
    LENGTH_16 = 126,
    LENGTH_64 = 127,
    MASK_SIZE = 4,
    OVERHEAD_SHIFT = 10, /* what does not compress grows by no more than a part in 2^10, … */
    OVERHEAD_MIN = 64    /* … and this */
};

static const char ACCEPT_GUID[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

static void accept_digest(struct bytes key, uint8_t out[SHA1_SIZE])
{
    char text[KEY_SIZE + sizeof(ACCEPT_GUID) - 1];
    memcpy(text, key.data, KEY_SIZE);
    memcpy(text + KEY_SIZE, ACCEPT_GUID, sizeof(ACCEPT_GUID) - 1);
    sha1((struct bytes){text, sizeof(text)}, out);
}

enum err ws_accept(struct bytes key, char out[WS_ACCEPT_SIZE])
{
    if (key.size != KEY_SIZE)
        return ERR_SYNTAX;
    struct buf b;
    buf_init(&b, KEY_SIZE + WS_ACCEPT_SIZE);
    enum err e = base64_decode(&b, key);
    if (!e && b.size != KEY_BYTES)
        e = ERR_SYNTAX;
    if (e)
        goto out;
    uint8_t digest[SHA1_SIZE];
    accept_digest(key, digest);
    buf_reset(&b);
    base64_encode(&b, (struct bytes){(const char *)digest, sizeof(digest)});
    e = b.err;
    if (!e)
        memcpy(out, b.data, WS_ACCEPT_SIZE);
out:
    buf_done(&b);
    return e;
}

static void put_be(char *out, uint64_t n, size_t size)
{
    for (size_t i = size; i-- > 0; n >>= 8)
        out[i] = (char)(uint8_t)n;
}

static uint64_t get_be(const uint8_t *in, size_t size)
{
    uint64_t n = 0;
    for (size_t i = 0; i < size; i++)
        n = n << 8 | in[i];
    return n;
}

/* Bytes of the length behind the second byte of a header. */
static uint8_t extended_length_size(uint8_t second)
{
    uint8_t length = second & LENGTH_BITS;
    return length == LENGTH_16 ? 2 : length == LENGTH_64 ? 8 : 0;
}

size_t ws_put_header(char out[WS_HEADER_MAX], enum ws_opcode opcode, uint64_t payload_size)
{
    out[0] = (char)(FIN_BIT | (int)opcode);
    if (payload_size < LENGTH_16) {
        out[1] = (char)payload_size;
        return 2;
    }
    if (payload_size <= UINT16_MAX) {
        out[1] = LENGTH_16;
        put_be(out + 2, payload_size, 2);
        return 4;
    }
    out[1] = LENGTH_64;
    put_be(out + 2, payload_size, 8);
    return 10;
}

size_t ws_get_header(struct bytes wire, enum ws_opcode *opcode, uint64_t *payload_size)
{
    const uint8_t *in = (const uint8_t *)wire.data;
    *opcode = (enum ws_opcode)(in[0] & OPCODE_BITS);
    size_t extended = extended_length_size(in[1]);
    *payload_size = extended ? get_be(in + 2, extended) : in[1];
    return 2 + extended;
}

void ws_put_frame(struct buf *out, enum ws_opcode opcode, struct bytes payload)
{
    char header[WS_HEADER_MAX];
    buf_put(out, (struct bytes){header, ws_put_header(header, opcode, payload.size)});
    buf_put(out, payload);
}

void ws_put_masked(struct buf *out, enum ws_opcode opcode, struct bytes payload,
                   const uint8_t mask[4])
{
    char header[WS_HEADER_MAX];
    size_t size = ws_put_header(header, opcode, payload.size);
    header[1] = (char)((uint8_t)header[1] | MASK_BIT);
    buf_put(out, (struct bytes){header, size});
    buf_put(out, (struct bytes){(const char *)mask, MASK_SIZE});
    char *at = buf_reserve(out, payload.size);
    if (!at)
        return;
    for (size_t i = 0; i < payload.size; i++)
        at[i] = (char)((uint8_t)payload.data[i] ^ mask[i % MASK_SIZE]);
    buf_advance(out, payload.size);
}

/* At most `max` bytes, and no code point cut in two. */
static struct bytes cut_text(struct bytes text, size_t max)
{
    if (text.size <= max)
        return text;
    size_t size = max;
    while (size > 0 && ((uint8_t)text.data[size] & 0xc0) == 0x80)
        size--;
    return (struct bytes){text.data, size};
}

void ws_put_close(struct buf *out, enum ws_close_code code, struct bytes reason)
{
    char payload[WS_CONTROL_PAYLOAD_MAX];
    size_t size = 0;
    if (code != WS_CLOSE_NO_STATUS) { /* which may not be sent (7.4.1): an empty frame says it */
        put_be(payload, (uint64_t)code, CLOSE_CODE_SIZE);
        reason = cut_text(reason, sizeof(payload) - CLOSE_CODE_SIZE);
        if (reason.size)
            memcpy(payload + CLOSE_CODE_SIZE, reason.data, reason.size);
        size = CLOSE_CODE_SIZE + reason.size;
    }
    ws_put_frame(out, WS_CLOSE, (struct bytes){payload, size});
}

/* The most payload bytes of a message on the wire. */
static size_t wire_max(const struct ws_decoder *d, bool is_deflated)
{
    size_t overhead = (d->message_max >> OVERHEAD_SHIFT) + OVERHEAD_MIN;
    return is_deflated ? d->message_max + overhead : d->message_max;
}

void ws_decoder_init(struct ws_decoder *d, size_t message_max)
{
    memset(d, 0, sizeof(*d));
    d->message_max = message_max;
    buf_init(&d->partial, wire_max(d, true));
}

void ws_decoder_inflate_with(struct ws_decoder *d, struct inflater *inflater)
{
    d->inflater = inflater;
}

void ws_decoder_of_client(struct ws_decoder *d)
{
    d->is_client = true;
}

void ws_decoder_done(struct ws_decoder *d)
{
    buf_done(&d->partial);
}

static bool is_control(uint8_t opcode)
{
    return (opcode & CONTROL_BIT) != 0;
}

static bool is_known_opcode(uint8_t opcode)
{
    return opcode <= WS_BINARY || (opcode >= WS_CLOSE && opcode <= WS_PONG);
}

/* 5.2; RFC 7692, 6: the bit stands on the first frame of a compressed message alone. */
static bool are_rsv_bits_legal(const struct ws_decoder *d, uint8_t opcode)
{
    uint8_t bits = d->header[0] & RSV_BITS;
    return bits == 0 ||
           (bits == WS_DEFLATED && d->inflater && (opcode == WS_TEXT || opcode == WS_BINARY));
}

/* 5.2, 5.4, 5.5: what the first two bytes of a frame may say now. */
static bool is_start_legal(const struct ws_decoder *d)
{
    uint8_t opcode = d->header[0] & OPCODE_BITS;
    if (!are_rsv_bits_legal(d, opcode) || !is_known_opcode(opcode) ||
        ((d->header[1] & MASK_BIT) != 0) == d->is_client)
        return false;
    if (is_control(opcode))
        return (d->header[0] & FIN_BIT) && (d->header[1] & LENGTH_BITS) <= WS_CONTROL_PAYLOAD_MAX;
    return (opcode == WS_CONTINUATION) == (d->message_opcode != 0);
}

static uint8_t header_size_wanted(const struct ws_decoder *d)
{
    if (d->header_size < 2)
        return 2;
    int mask_size = d->is_client ? 0 : MASK_SIZE;
    return (uint8_t)(2 + extended_length_size(d->header[1]) + mask_size);
}

static void skip(struct ws_input *in, size_t size)
{
    in->data += size;
    in->size -= size;
}

static enum err read_header(struct ws_decoder *d, struct ws_input *in)
{
    while (d->header_size < header_size_wanted(d)) {
        if (in->size == 0)
            return ERR_AGAIN;
        d->header[d->header_size++] = (uint8_t)in->data[0];
        skip(in, 1);
        if (d->header_size == 2 && !is_start_legal(d))
            return ERR_SYNTAX;
    }
    return OK;
}

/* ERR_SYNTAX unless the shortest form is used (5.2). */
static enum err payload_size_of(const struct ws_decoder *d, uint64_t *out)
{
    uint8_t extended = extended_length_size(d->header[1]);
    uint64_t size = extended ? get_be(d->header + 2, extended) : d->header[1] & LENGTH_BITS;
    if ((extended == 2 && size < LENGTH_16) || (extended == 8 && size <= UINT16_MAX) ||
        size > INT64_MAX)
        return ERR_SYNTAX;
    *out = size;
    return OK;
}

static enum err begin_payload(struct ws_decoder *d)
{
    uint64_t size;
    enum err e = payload_size_of(d, &size);
    if (e)
        return e;
    d->opcode = d->header[0] & OPCODE_BITS;
    if (is_control(d->opcode)) {
        d->control_size = 0;
    } else if (d->opcode != WS_CONTINUATION) {
        d->message_opcode = d->opcode;
        d->is_deflated = (d->header[0] & WS_DEFLATED) != 0;
    }
    if (!is_control(d->opcode) && size > wire_max(d, d->is_deflated) - d->partial.size)
        return ERR_LIMIT;
    d->fin = (d->header[0] & FIN_BIT) != 0;
    if (!d->is_client) /* else it stays zero, which changes nothing */
        memcpy(d->mask, d->header + 2 + extended_length_size(d->header[1]), MASK_SIZE);
    d->payload_left = size;
    d->mask_offset = 0;
    d->header_size = 0;
    d->in_payload = true;
    return OK;
}

/* 5.3, eight bytes at a time.  The mask goes on where the last piece of the frame ended. */
static void unmask(struct ws_decoder *d, char *data, size_t size)
{
    uint8_t mask[8];
    for (size_t i = 0; i < sizeof(mask); i++)
        mask[i] = d->mask[(d->mask_offset + i) % MASK_SIZE];
    uint64_t wide_mask;
    memcpy(&wide_mask, mask, sizeof(wide_mask));
    size_t at = 0;
    for (; size - at >= sizeof(wide_mask); at += sizeof(wide_mask)) {
        uint64_t word;
        memcpy(&word, data + at, sizeof(word));
        word ^= wide_mask;
        memcpy(data + at, &word, sizeof(word));
    }
    for (; at < size; at++)
        data[at] = (char)((uint8_t)data[at] ^ mask[at % sizeof(mask)]);
    d->mask_offset += size;
    d->payload_left -= size;
}

static size_t bytes_at_hand(const struct ws_decoder *d, const struct ws_input *in)
{
    return d->payload_left < in->size ? (size_t)d->payload_left : in->size;
}

/* 7.4: codes of the RFC and the IANA registry that may be on the wire, and those of applications.
 */
static bool may_be_sent(uint64_t code)
{
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
           (code >= 3000 && code <= 4999);
}

static enum err give_close(const struct ws_decoder *d, struct ws_message *out)
{
    if (d->control_size == 0)
        return OK;
    if (d->control_size < CLOSE_CODE_SIZE)
        return ERR_SYNTAX;
    uint64_t code = get_be((const uint8_t *)d->control, CLOSE_CODE_SIZE);
    struct bytes reason = {d->control + CLOSE_CODE_SIZE, d->control_size - (size_t)CLOSE_CODE_SIZE};
    if (!may_be_sent(code))
        return ERR_SYNTAX;
    if (!utf8_is_valid(reason))
        return ERR_TYPE;
    out->payload = reason;
    out->close_code = (enum ws_close_code)code;
    return OK;
}

static enum err read_control(struct ws_decoder *d, struct ws_input *in, struct ws_message *out)
{
    size_t size = bytes_at_hand(d, in);
    char *at = d->control + d->control_size;
    if (size)
        memcpy(at, in->data, size);
    unmask(d, at, size);
    skip(in, size);
    d->control_size = (uint8_t)(d->control_size + size);
    if (d->payload_left)
        return ERR_AGAIN;
    d->in_payload = false;
    struct ws_message m = {
        (enum ws_opcode)d->opcode, {d->control, d->control_size}, WS_CLOSE_NO_STATUS};
    enum err e = d->opcode == WS_CLOSE ? give_close(d, &m) : OK;
    if (!e)
        *out = m;
    return e;
}

static enum err check_text(struct ws_decoder *d, struct bytes piece)
{
    if (d->message_opcode == WS_TEXT && !d->is_deflated)
        d->utf8_state = utf8_feed(d->utf8_state, piece);
    return d->utf8_state == UTF8_REJECT ? ERR_TYPE : OK;
}

static enum err inflate_message(struct ws_decoder *d, struct bytes *payload)
{
    if (!d->is_deflated)
        return OK;
    d->is_deflated = false;
    enum err e = inflater_run(d->inflater, *payload, d->message_max, payload);
    return e ? e : check_text(d, *payload);
}

static enum err give_message(struct ws_decoder *d, struct bytes payload, struct ws_message *out)
{
    enum err e = inflate_message(d, &payload);
    if (e)
        return e;
    if (d->message_opcode == WS_TEXT && d->utf8_state != UTF8_ACCEPT)
        return ERR_TYPE;
    if (!payload.data)
        payload.data = "";
    *out = (struct ws_message){(enum ws_opcode)d->message_opcode, payload, WS_CLOSE_NO_STATUS};
    d->message_opcode = 0;
    return OK;
}

static enum err gather(struct ws_decoder *d, struct ws_input *in)
{
    size_t size = bytes_at_hand(d, in);
    if (size == 0)
        return OK;
    char *at = buf_reserve(&d->partial, size);
    if (!at)
        return d->partial.err;
    memcpy(at, in->data, size);
    unmask(d, at, size);
    buf_advance(&d->partial, size);
    skip(in, size);
    return check_text(d, (struct bytes){at, size});
}

static enum err read_in_place(struct ws_decoder *d, struct ws_input *in, struct ws_message *out)
{
    struct bytes payload = {in->data, (size_t)d->payload_left};
    unmask(d, in->data, payload.size);
    skip(in, payload.size);
    d->in_payload = false;
    enum err e = check_text(d, payload);
    return e ? e : give_message(d, payload, out);
}

static enum err read_data(struct ws_decoder *d, struct ws_input *in, struct ws_message *out)
{
    if (d->fin && d->partial.size == 0 && d->payload_left <= in->size)
        return read_in_place(d, in, out);
    enum err e = gather(d, in);
    if (e)
        return e;
    if (d->payload_left)
        return ERR_AGAIN;
    d->in_payload = false;
    return d->fin ? give_message(d, buf_bytes(&d->partial), out) : ERR_AGAIN;
}

static enum err decode_step(struct ws_decoder *d, struct ws_input *in, struct ws_message *out)
{
    enum err e = OK;
    if (!d->in_payload) {
        e = read_header(d, in);
        if (!e)
            e = begin_payload(d);
        if (e)
            return e;
    }
    return is_control(d->opcode) ? read_control(d, in, out) : read_data(d, in, out);
}

enum err ws_decode(struct ws_decoder *d, struct ws_input *in, struct ws_message *out)
{
    if (d->err)
        return d->err;
    if (!d->message_opcode && d->partial.data) { /* the last message was given from there */
        buf_done(&d->partial);
        buf_init(&d->partial, wire_max(d, true));
    }
    enum err e;
    do
        e = decode_step(d, in, out);
    while (e == ERR_AGAIN && in->size > 0);
    if (e != ERR_AGAIN)
        d->err = e;
    return e;
}
