#include "ws_stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"

enum { MASKED = 0x80 };

static const uint8_t MASK[4] = {0x37, 0xfa, 0x21, 0x3d}; /* of RFC 6455, 5.7 */

/* --- what a client sends --- */

static void put_be(struct buf *wire, uint64_t n, unsigned size)
{
    for (unsigned i = size; i-- > 0;)
        buf_put_char(wire, (char)(uint8_t)(n >> (8 * i)));
}

static void put_masked(struct buf *wire, struct bytes payload)
{
    buf_put(wire, (struct bytes){(const char *)MASK, sizeof(MASK)});
    for (size_t i = 0; i < payload.size; i++)
        buf_put_char(wire, (char)((uint8_t)payload.data[i] ^ MASK[i % 4]));
}

void stream_put_frame(struct buf *wire, int first, struct bytes payload)
{
    buf_put_char(wire, (char)(uint8_t)first);
    if (payload.size < 126) {
        buf_put_char(wire, (char)(MASKED | (int)payload.size));
    } else if (payload.size < 65536) {
        buf_put_char(wire, (char)(MASKED | 126));
        put_be(wire, payload.size, 2);
    } else {
        buf_put_char(wire, (char)(MASKED | 127));
        put_be(wire, payload.size, 8);
    }
    put_masked(wire, payload);
}

void stream_put_close(struct buf *wire, uint64_t code, struct bytes reason)
{
    char payload[128];
    payload[0] = (char)(uint8_t)(code >> 8);
    payload[1] = (char)(uint8_t)code;
    if (reason.size)
        memcpy(payload + 2, reason.data, reason.size);
    stream_put_frame(wire, FIN | WS_CLOSE, (struct bytes){payload, reason.size + 2});
}

/* --- what the decoder makes of it, as one line a message --- */

static const char *name_of(enum ws_opcode opcode)
{
    switch (opcode) {
    case WS_TEXT:
        return "text ";
    case WS_BINARY:
        return "binary ";
    case WS_CLOSE:
        return "close ";
    case WS_PING:
        return "ping ";
    case WS_PONG:
        return "pong ";
    default:
        return "? ";
    }
}

void stream_log(struct buf *log, const struct ws_message *m)
{
    assert_non_null(m->payload.data);
    buf_put(log, bytes_of(name_of(m->opcode)));
    if (m->opcode == WS_CLOSE) {
        buf_put_u64(log, (uint64_t)m->close_code);
        buf_put_char(log, ' ');
    }
    if (m->payload.size <= 64) {
        buf_put(log, m->payload);
    } else {
        buf_put_u64(log, m->payload.size);
        buf_put_char(log, '#');
        buf_put_u64(log, bytes_hash(m->payload, 0));
    }
    buf_put_char(log, '\n');
}

/* One piece, in memory of its own size.  True when the decoder may be called again. */
static bool feed(struct ws_decoder *d, struct bytes piece, struct buf *log)
{
    char *copy = mem_copy(piece);
    assert_non_null(copy);
    copy = mem_realloc(copy, piece.size ? piece.size : 1);
    struct ws_input in = {copy, piece.size};
    enum err e;
    for (;;) {
        struct ws_message m;
        e = ws_decode(d, &in, &m);
        if (e)
            break;
        stream_log(log, &m);
    }
    if (e == ERR_AGAIN)
        assert_int_equal(in.size, 0);
    else
        buf_put(log, bytes_of(err_text(e)));
    mem_free(copy);
    return e == ERR_AGAIN;
}

/* What was agreed with the peer. */
struct terms {
    size_t max;
    struct inflater *inflater;
};

/* In pieces of `step` bytes, the first of `first` bytes. */
static void decode(struct bytes wire, size_t first, size_t step, const struct terms *t,
                   struct buf *log)
{
    struct ws_decoder d;
    ws_decoder_init(&d, t->max);
    if (t->inflater)
        ws_decoder_inflate_with(&d, t->inflater);
    size_t at = 0;
    bool goes_on = true;
    while (goes_on && at < wire.size) {
        size_t end = at == 0 ? first : at + step;
        goes_on = feed(&d, bytes_slice(wire, at, end), log);
        at = end;
    }
    ws_decoder_done(&d);
}

static void assert_log(struct bytes wire, size_t first, size_t step, const struct terms *t,
                       struct bytes expected)
{
    struct buf log;
    buf_init(&log, STREAM_MAX);
    decode(wire, first, step, t, &log);
    buf_put_char(&log, 0);
    assert_int_equal(log.err, OK);
    assert_string_equal(log.data, expected.data);
    buf_done(&log);
}

static void assert_everywhere(const struct buf *wire, const struct terms *t, const char *expected)
{
    struct bytes bytes = buf_bytes(wire);
    assert_int_equal(wire->err, OK);
    assert_log(bytes, bytes.size, 1, t, bytes_of(expected));
    assert_log(bytes, 1, 1, t, bytes_of(expected));
    for (size_t cut = 1; cut<bytes.size; cut += cut> 300 && cut + 300 < bytes.size ? 9973 : 1)
        assert_log(bytes, cut, bytes.size, t, bytes_of(expected));
}

void assert_decodes_within(const struct buf *wire, size_t max, const char *expected)
{
    assert_everywhere(wire, &(struct terms){.max = max}, expected);
}

void assert_inflates_within(const struct buf *wire, size_t max, const char *expected)
{
    struct inflater inflater;
    inflater_init(&inflater);
    assert_everywhere(wire, &(struct terms){max, &inflater}, expected);
    inflater_done(&inflater);
}

void assert_decodes(struct buf *wire, const char *expected)
{
    assert_decodes_within(wire, STREAM_MAX, expected);
    buf_reset(wire);
}

void assert_inflates(struct buf *wire, const char *expected)
{
    assert_inflates_within(wire, STREAM_MAX, expected);
    buf_reset(wire);
}

int stream_setup(void **state)
{
    struct buf *wire = mem_alloc(sizeof(*wire));
    assert_non_null(wire);
    buf_init(wire, 4 * STREAM_MAX);
    *state = wire;
    return 0;
}

int stream_teardown(void **state)
{
    buf_done(*state);
    mem_free(*state);
    return 0;
}
