#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "proto/ws.h"

enum { BIG = 1 << 20, FIN = 0x80, MASKED = 0x80 };

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

/* `first` is the first byte of the frame: bits and opcode. */
static void put_frame(struct buf *wire, int first, struct bytes payload)
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

static void put_close(struct buf *wire, uint64_t code, struct bytes reason)
{
    char payload[128];
    payload[0] = (char)(uint8_t)(code >> 8);
    payload[1] = (char)(uint8_t)code;
    if (reason.size)
        memcpy(payload + 2, reason.data, reason.size);
    put_frame(wire, FIN | WS_CLOSE, (struct bytes){payload, reason.size + 2});
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

static void log_message(struct buf *log, const struct ws_message *m)
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
        log_message(log, &m);
    }
    if (e == ERR_AGAIN)
        assert_int_equal(in.size, 0);
    else
        buf_put(log, bytes_of(err_text(e)));
    mem_free(copy);
    return e == ERR_AGAIN;
}

/* In pieces of `step` bytes, the first of `first` bytes. */
static void decode(struct bytes wire, size_t first, size_t step, size_t max, struct buf *log)
{
    struct ws_decoder d;
    ws_decoder_init(&d, max);
    size_t at = 0;
    bool goes_on = true;
    while (goes_on && at < wire.size) {
        size_t end = at == 0 ? first : at + step;
        goes_on = feed(&d, bytes_slice(wire, at, end), log);
        at = end;
    }
    ws_decoder_done(&d);
}

static void assert_log(struct bytes wire, size_t first, size_t step, size_t max,
                       struct bytes expected)
{
    struct buf log;
    buf_init(&log, BIG);
    decode(wire, first, step, max, &log);
    buf_put_char(&log, 0);
    assert_int_equal(log.err, OK);
    assert_string_equal(log.data, expected.data);
    buf_done(&log);
}

/* Whole, byte by byte, and in two pieces, cut everywhere (in long input: near its ends and here and
 * there). */
static void assert_decodes_within(const struct buf *wire, size_t max, const char *expected)
{
    struct bytes bytes = buf_bytes(wire);
    assert_int_equal(wire->err, OK);
    assert_log(bytes, bytes.size, 1, max, bytes_of(expected));
    assert_log(bytes, 1, 1, max, bytes_of(expected));
    for (size_t cut = 1; cut<bytes.size; cut += cut> 300 && cut + 300 < bytes.size ? 9973 : 1)
        assert_log(bytes, cut, bytes.size, max, bytes_of(expected));
}

static void assert_decodes(struct buf *wire, const char *expected)
{
    assert_decodes_within(wire, BIG, expected);
    buf_reset(wire);
}

static int setup(void **state)
{
    struct buf *wire = mem_alloc(sizeof(*wire));
    assert_non_null(wire);
    buf_init(wire, 4 * BIG);
    *state = wire;
    return 0;
}

static int teardown(void **state)
{
    buf_done(*state);
    mem_free(*state);
    return 0;
}

/* --- opening handshake --- */

static void the_key_of_the_rfc_gives_the_accept_of_the_rfc(void **state)
{
    (void)state;
    char accept[WS_ACCEPT_SIZE];
    assert_int_equal(ws_accept(BYTES("dGhlIHNhbXBsZSBub25jZQ=="), accept), OK);
    assert_memory_equal(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", WS_ACCEPT_SIZE);
}

static void a_key_that_is_not_sixteen_bytes_of_base64_is_refused(void **state)
{
    (void)state;
    static const char *const keys[] = {
        "",
        "dGhlIHNhbXBsZSBub25jZQ=",   /* padding cut */
        "dGhlIHNhbXBsZSBub25jZQ===", /* too much of it */
        "dGhlIHNhbXBsZSBub25jZTE=",  /* 17 bytes */
        "dGhlIHNhbXBsZSBub25jZTEx",  /* 18 bytes */
        "dGhlIHNhbXBsZSBub25jZR==",  /* stray bits */
        "dGhlIHNhbXBsZSBub25j Q==",  /* a blank */
        "dGhlIHNhbXBsZSBub25jZQ==dGhlIHNhbXBsZSBub25jZQ==",
    };
    char accept[WS_ACCEPT_SIZE];
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        assert_int_equal(ws_accept(bytes_of(keys[i]), accept), ERR_SYNTAX);
}

static void a_handshake_without_memory_fails(void **state)
{
    (void)state;
    char accept[WS_ACCEPT_SIZE];
    enum err e = ERR_NOMEM;
    for (uint64_t n = 1; e; n++) {
        mem_fail_at(n);
        e = ws_accept(BYTES("dGhlIHNhbXBsZSBub25jZQ=="), accept);
        bool hit = mem_fail_hit();
        mem_fail_at(0);
        assert_int_equal(e, hit ? ERR_NOMEM : OK);
        assert_true(n < 10);
    }
}

/* --- frames out --- */

static void server_headers_use_the_shortest_length(void **state)
{
    (void)state;
    char h[WS_HEADER_MAX];
    assert_int_equal(ws_put_header(h, WS_TEXT, 0), 2);
    assert_memory_equal(h, "\x81\x00", 2);
    assert_int_equal(ws_put_header(h, WS_TEXT, 125), 2);
    assert_memory_equal(h, "\x81\x7d", 2);
    assert_int_equal(ws_put_header(h, WS_BINARY, 126), 4);
    assert_memory_equal(h, "\x82\x7e\x00\x7e", 4);
    assert_int_equal(ws_put_header(h, WS_BINARY, 65535), 4);
    assert_memory_equal(h, "\x82\x7e\xff\xff", 4);
    assert_int_equal(ws_put_header(h, WS_BINARY, 65536), 10);
    assert_memory_equal(h, "\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00", 10);
}

static void assert_wire(struct buf *out, struct bytes expected)
{
    assert_int_equal(out->err, OK);
    assert_int_equal(out->size, expected.size);
    assert_memory_equal(out->data, expected.data, expected.size);
    buf_reset(out);
}

static void frames_are_those_of_the_rfc(void **state)
{
    struct buf *out = *state;
    ws_put_frame(out, WS_TEXT, BYTES("Hello"));
    assert_wire(out, BYTES("\x81\x05Hello"));
    ws_put_frame(out, WS_PING, BYTES("Hello"));
    assert_wire(out, BYTES("\x89\x05Hello"));
    ws_put_frame(out, WS_BINARY, (struct bytes){NULL, 0});
    assert_wire(out, BYTES("\x82\x00"));
}

static void close_frames_carry_code_and_reason(void **state)
{
    struct buf *out = *state;
    ws_put_close(out, WS_CLOSE_SERVICE_RESTART, BYTES("restart"));
    assert_wire(out, BYTES("\x88\x09\x03\xf4restart"));
    ws_put_close(out, WS_CLOSE_NORMAL, (struct bytes){NULL, 0});
    assert_wire(out, BYTES("\x88\x02\x03\xe8"));
    ws_put_close(out, WS_CLOSE_NO_STATUS, BYTES("unsaid"));
    assert_wire(out, BYTES("\x88\x00"));
}

static void a_long_close_reason_is_cut_between_code_points(void **state)
{
    struct buf *out = *state;
    char reason[200];
    memset(reason, 'x', sizeof(reason));
    ws_put_close(out, WS_CLOSE_POLICY, (struct bytes){reason, sizeof(reason)});
    assert_int_equal(out->size, 2 + WS_CONTROL_PAYLOAD_MAX);
    buf_reset(out);
    memcpy(reason + 121, "\xe2\x82\xac", 3); /* bytes 121..123, of which 123 is over */
    ws_put_close(out, WS_CLOSE_POLICY, (struct bytes){reason, sizeof(reason)});
    assert_int_equal(out->size, 2 + 2 + 121);
    assert_int_equal(out->data[1], 2 + 121);
}

/* --- messages in --- */

static void examples_of_the_rfc_are_understood(void **state)
{
    struct buf *wire = *state;
    buf_put(wire, BYTES("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"));
    buf_put(wire, BYTES("\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"));
    put_frame(wire, WS_TEXT, BYTES("Hel"));
    put_frame(wire, FIN | WS_CONTINUATION, BYTES("lo"));
    assert_decodes(wire, "text Hello\npong Hello\ntext Hello\n");
}

static void messages_of_every_length_form_are_read(void **state)
{
    struct buf *wire = *state;
    static const size_t sizes[] = {0, 1, 124, 125, 126, 127, 128, 65535, 65536, 70000};
    char *payload = mem_alloc(70000);
    assert_non_null(payload);
    for (size_t i = 0; i < 70000; i++)
        payload[i] = (char)('a' + i % 25);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct buf log;
        buf_init(&log, BIG);
        struct ws_message text = {WS_TEXT, {payload, sizes[i]}, WS_CLOSE_NO_STATUS};
        struct ws_message binary = {WS_BINARY, {payload, sizes[i]}, WS_CLOSE_NO_STATUS};
        log_message(&log, &text);
        log_message(&log, &binary);
        buf_put_char(&log, 0);
        put_frame(wire, FIN | WS_TEXT, text.payload);
        put_frame(wire, FIN | WS_BINARY, text.payload);
        assert_decodes(wire, log.data);
        buf_done(&log);
    }
    mem_free(payload);
}

static void a_mask_is_undone_at_every_offset(void **state)
{
    struct buf *wire = *state;
    for (size_t size = 0; size < 40; size++) {
        char payload[40];
        char expected[64] = "text ";
        for (size_t i = 0; i < size; i++)
            payload[i] = (char)('A' + i);
        memcpy(expected + 5, payload, size);
        memcpy(expected + 5 + size, "\n", 2);
        put_frame(wire, FIN | WS_TEXT, (struct bytes){payload, size});
        assert_decodes(wire, expected);
    }
}

static void binary_messages_may_hold_any_byte(void **state)
{
    struct buf *wire = *state;
    char payload[256];
    struct buf log;
    buf_init(&log, BIG);
    for (size_t i = 0; i < sizeof(payload); i++)
        payload[i] = (char)(uint8_t)i;
    struct ws_message m = {WS_BINARY, {payload, sizeof(payload)}, WS_CLOSE_NO_STATUS};
    log_message(&log, &m);
    log_message(&log, &m);
    buf_put_char(&log, 0);
    put_frame(wire, FIN | WS_BINARY, m.payload);
    put_frame(wire, WS_BINARY, bytes_slice(m.payload, 0, 200));
    put_frame(wire, FIN | WS_CONTINUATION, bytes_slice(m.payload, 200, 256));
    assert_decodes(wire, log.data);
    buf_done(&log);
}

static void fragments_become_one_message(void **state)
{
    struct buf *wire = *state;
    put_frame(wire, WS_TEXT, BYTES("a"));
    put_frame(wire, WS_CONTINUATION, BYTES(""));
    put_frame(wire, WS_CONTINUATION, BYTES("bc"));
    put_frame(wire, FIN | WS_CONTINUATION, BYTES(""));
    put_frame(wire, WS_BINARY, BYTES(""));
    put_frame(wire, FIN | WS_CONTINUATION, BYTES("d"));
    put_frame(wire, WS_TEXT, BYTES(""));
    put_frame(wire, WS_CONTINUATION, BYTES(""));
    put_frame(wire, FIN | WS_CONTINUATION, BYTES(""));
    put_frame(wire, FIN | WS_TEXT, BYTES("e"));
    assert_decodes(wire, "text abc\nbinary d\ntext \ntext e\n");
}

static void control_frames_pass_between_fragments(void **state)
{
    struct buf *wire = *state;
    put_frame(wire, WS_TEXT, BYTES("one "));
    put_frame(wire, FIN | WS_PING, BYTES("p1"));
    put_frame(wire, FIN | WS_PONG, BYTES(""));
    put_frame(wire, WS_CONTINUATION, BYTES("two "));
    put_frame(wire, FIN | WS_PING, BYTES("p2"));
    put_frame(wire, FIN | WS_CONTINUATION, BYTES("three"));
    assert_decodes(wire, "ping p1\npong \nping p2\ntext one two three\n");
}

static void a_close_may_come_between_fragments(void **state)
{
    struct buf *wire = *state;
    put_frame(wire, WS_TEXT, BYTES("half"));
    put_close(wire, 1001, BYTES("bye"));
    assert_decodes(wire, "close 1001 bye\n");
}

static void pings_hold_up_to_125_bytes(void **state)
{
    struct buf *wire = *state;
    char payload[126];
    memset(payload, 0xfe, sizeof(payload));
    struct ws_message m = {WS_PING, {payload, 125}, WS_CLOSE_NO_STATUS};
    struct buf log;
    buf_init(&log, BIG);
    log_message(&log, &m);
    buf_put_char(&log, 0);
    put_frame(wire, FIN | WS_PING, m.payload);
    assert_decodes(wire, log.data);
    buf_done(&log);
    put_frame(wire, FIN | WS_PING, (struct bytes){payload, 126});
    assert_decodes(wire, "malformed input");
}

/* --- framing errors --- */

static void reserved_bits_are_errors(void **state)
{
    struct buf *wire = *state;
    static const int bits[] = {0x10, 0x20, 0x40, 0x70};
    for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
        put_frame(wire, FIN | WS_TEXT, BYTES("ok"));
        put_frame(wire, FIN | WS_TEXT | bits[i], BYTES("no"));
        assert_decodes(wire, "text ok\nmalformed input");
        put_frame(wire, FIN | WS_PING | bits[i], BYTES(""));
        assert_decodes(wire, "malformed input");
    }
}

static void reserved_opcodes_are_errors(void **state)
{
    struct buf *wire = *state;
    static const int opcodes[] = {3, 4, 5, 6, 7, 11, 12, 13, 14, 15};
    for (size_t i = 0; i < sizeof(opcodes) / sizeof(opcodes[0]); i++) {
        put_frame(wire, FIN | opcodes[i], BYTES(""));
        assert_decodes(wire, "malformed input");
        put_frame(wire, FIN | opcodes[i], BYTES("x"));
        assert_decodes(wire, "malformed input");
    }
}

static void frames_without_a_mask_are_errors(void **state)
{
    struct buf *wire = *state;
    buf_put(wire, BYTES("\x81\x05Hello"));
    assert_decodes(wire, "malformed input");
    buf_put(wire, BYTES("\x89\x00"));
    assert_decodes(wire, "malformed input");
}

static void fragmented_control_frames_are_errors(void **state)
{
    struct buf *wire = *state;
    put_frame(wire, WS_PING, BYTES("a"));
    put_frame(wire, FIN | WS_CONTINUATION, BYTES("b"));
    assert_decodes(wire, "malformed input");
    put_frame(wire, WS_CLOSE, BYTES(""));
    assert_decodes(wire, "malformed input");
}

static void a_continuation_of_nothing_is_an_error(void **state)
{
    struct buf *wire = *state;
    put_frame(wire, FIN | WS_CONTINUATION, BYTES("x"));
    assert_decodes(wire, "malformed input");
    put_frame(wire, WS_CONTINUATION, BYTES("x"));
    assert_decodes(wire, "malformed input");
    put_frame(wire, WS_TEXT, BYTES("a"));
    put_frame(wire, FIN | WS_CONTINUATION, BYTES("b"));
    put_frame(wire, FIN | WS_CONTINUATION, BYTES("c"));
    assert_decodes(wire, "text ab\nmalformed input");
}

static void a_new_message_inside_another_is_an_error(void **state)
{
    struct buf *wire = *state;
    put_frame(wire, WS_TEXT, BYTES("a"));
    put_frame(wire, FIN | WS_TEXT, BYTES("b"));
    assert_decodes(wire, "malformed input");
    put_frame(wire, WS_TEXT, BYTES(""));
    put_frame(wire, WS_BINARY, BYTES("b"));
    assert_decodes(wire, "malformed input");
}

static void lengths_in_a_longer_form_than_needed_are_errors(void **state)
{
    struct buf *wire = *state;
    buf_put(wire, BYTES("\x82\xfe\x00\x7d\0\0\0\0"));
    assert_decodes(wire, "malformed input");
    buf_put(wire, BYTES("\x82\xff\0\0\0\0\0\0\xff\xff\0\0\0\0"));
    assert_decodes(wire, "malformed input");
}

static void a_length_with_the_highest_bit_is_an_error(void **state)
{
    struct buf *wire = *state;
    buf_put(wire, BYTES("\x82\xff\x80\0\0\0\0\0\0\0\0\0\0\0"));
    assert_decodes(wire, "malformed input");
    buf_put(wire, BYTES("\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0"));
    assert_decodes(wire, "over a limit");
}

/* --- close --- */

static void an_empty_close_has_no_status(void **state)
{
    struct buf *wire = *state;
    put_frame(wire, FIN | WS_CLOSE, BYTES(""));
    assert_decodes(wire, "close 1005 \n");
}

static void a_close_of_one_byte_is_an_error(void **state)
{
    struct buf *wire = *state;
    put_frame(wire, FIN | WS_CLOSE, BYTES("\x03"));
    assert_decodes(wire, "malformed input");
}

static void close_codes_that_may_be_sent_are_given(void **state)
{
    struct buf *wire = *state;
    static const struct {
        uint64_t code;
        const char *log;
    } cases[] = {{1000, "close 1000 why\n"}, {1003, "close 1003 why\n"}, {1007, "close 1007 why\n"},
                 {1011, "close 1011 why\n"}, {1012, "close 1012 why\n"}, {1014, "close 1014 why\n"},
                 {3000, "close 3000 why\n"}, {3999, "close 3999 why\n"}, {4000, "close 4000 why\n"},
                 {4999, "close 4999 why\n"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        put_close(wire, cases[i].code, BYTES("why"));
        assert_decodes(wire, cases[i].log);
    }
    put_close(wire, 1000, BYTES(""));
    assert_decodes(wire, "close 1000 \n");
}

static void close_codes_that_may_not_be_sent_are_errors(void **state)
{
    struct buf *wire = *state;
    static const uint64_t codes[] = {0,    1,    999,  1004, 1005, 1006, 1015,
                                     1016, 1100, 2000, 2999, 5000, 65535};
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        put_close(wire, codes[i], BYTES(""));
        assert_decodes(wire, "malformed input");
        put_close(wire, codes[i], BYTES("why"));
        assert_decodes(wire, "malformed input");
    }
}

static void a_close_reason_must_be_text(void **state)
{
    struct buf *wire = *state;
    put_close(wire, 1000, BYTES("\xce\xba\xe1\xbd\xb9"));
    assert_decodes(wire, "close 1000 \xce\xba\xe1\xbd\xb9\n");
    put_close(wire, 1000, BYTES("\xce\xba\xe1\xbd"));
    assert_decodes(wire, "value of another type");
    put_close(wire, 1000, BYTES("\xed\xa0\x80"));
    assert_decodes(wire, "value of another type");
}

/* --- text --- */

static const struct bytes VALID[] = {
    BYTES_INIT("\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5"), /* Greek, also with oxia */
    BYTES_INIT("\x00"),
    BYTES_INIT("\x7f"),
    BYTES_INIT("\xc2\x80"),
    BYTES_INIT("\xdf\xbf"),
    BYTES_INIT("\xe0\xa0\x80"),
    BYTES_INIT("\xed\x9f\xbf"),
    BYTES_INIT("\xee\x80\x80"),
    BYTES_INIT("\xef\xbf\xbf"),
    BYTES_INIT("\xef\xbf\xbe"), /* a non-character, which is a code point all the same */
    BYTES_INIT("\xf0\x90\x80\x80"),
    BYTES_INIT("\xf4\x8f\xbf\xbf"),
    BYTES_INIT("plain text, longer than a word \xf0\x9f\x8d\x9e and on it goes"),
};

static const struct bytes INVALID[] = {
    BYTES_INIT("\xce\xba\xe1\xbd\xb9\xed\xa0\x80"), /* a surrogate behind good text */
    BYTES_INIT("\x80"),
    BYTES_INIT("\xbf"),
    BYTES_INIT("\xc0\xaf"), /* overlong */
    BYTES_INIT("\xc1\xbf"),
    BYTES_INIT("\xe0\x80\xaf"),
    BYTES_INIT("\xe0\x9f\xbf"),
    BYTES_INIT("\xf0\x80\x80\xaf"),
    BYTES_INIT("\xf0\x8f\xbf\xbf"),
    BYTES_INIT("\xf8\x88\x80\x80\x80"), /* five and six bytes */
    BYTES_INIT("\xfc\x84\x80\x80\x80\x80"),
    BYTES_INIT("\xfe"),
    BYTES_INIT("\xff"),
    BYTES_INIT("\xed\xa0\x80"), /* surrogates */
    BYTES_INIT("\xed\xbf\xbf"),
    BYTES_INIT("\xf4\x90\x80\x80"), /* past U+10FFFF */
    BYTES_INIT("\xf5\x80\x80\x80"),
    BYTES_INIT("\xc2"), /* cut short */
    BYTES_INIT("\xe2\x82"),
    BYTES_INIT("\xf0\x9f\x8d"),
    BYTES_INIT("\xe2\x28\xa1"), /* interrupted */
    BYTES_INIT("eight by\xfftes and more"),
};

static void put_in_two_fragments(struct buf *wire, struct bytes text, size_t cut)
{
    put_frame(wire, WS_TEXT, bytes_slice(text, 0, cut));
    put_frame(wire, FIN | WS_PING, BYTES("\xff"));
    put_frame(wire, FIN | WS_CONTINUATION, bytes_slice(text, cut, text.size));
}

/* Text with a zero inside cannot be compared as a string, so its size is. */
static void assert_text(struct buf *wire, struct bytes text)
{
    struct ws_decoder d;
    struct ws_message m;
    struct ws_input in = {wire->data, wire->size};
    ws_decoder_init(&d, BIG);
    do
        assert_int_equal(ws_decode(&d, &in, &m), OK);
    while (m.opcode == WS_PING);
    assert_int_equal(m.opcode, WS_TEXT);
    assert_true(bytes_equal(m.payload, text));
    ws_decoder_done(&d);
    buf_reset(wire);
}

static void valid_text_passes_however_it_is_cut(void **state)
{
    struct buf *wire = *state;
    for (size_t i = 0; i < sizeof(VALID) / sizeof(VALID[0]); i++) {
        put_frame(wire, FIN | WS_TEXT, VALID[i]);
        assert_text(wire, VALID[i]);
        for (size_t cut = 0; cut <= VALID[i].size; cut++) {
            put_in_two_fragments(wire, VALID[i], cut);
            assert_text(wire, VALID[i]);
        }
    }
    for (size_t cut = 0; cut <= VALID[0].size; cut++) {
        put_in_two_fragments(wire, VALID[0], cut);
        assert_decodes(wire, "ping \xff\ntext \xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\n");
    }
}

static enum err decode_all(struct bytes wire, size_t step)
{
    struct buf log;
    struct ws_decoder d;
    enum err e = ERR_AGAIN;
    buf_init(&log, BIG);
    ws_decoder_init(&d, BIG);
    for (size_t at = 0; e == ERR_AGAIN && at < wire.size; at += step) {
        struct bytes piece = bytes_slice(wire, at, at + step);
        char *copy = mem_copy(piece);
        assert_non_null(copy);
        struct ws_input in = {copy, piece.size};
        struct ws_message m;
        do
            e = ws_decode(&d, &in, &m);
        while (!e);
        mem_free(copy);
    }
    ws_decoder_done(&d);
    buf_done(&log);
    return e;
}

static void invalid_text_is_refused_however_it_is_cut(void **state)
{
    struct buf *wire = *state;
    for (size_t i = 0; i < sizeof(INVALID) / sizeof(INVALID[0]); i++) {
        put_frame(wire, FIN | WS_TEXT, INVALID[i]);
        for (size_t step = 1; step <= wire->size; step++)
            assert_int_equal(decode_all(buf_bytes(wire), step), ERR_TYPE);
        buf_reset(wire);
        for (size_t cut = 0; cut <= INVALID[i].size; cut++) {
            put_in_two_fragments(wire, INVALID[i], cut);
            assert_int_equal(decode_all(buf_bytes(wire), wire->size), ERR_TYPE);
            assert_int_equal(decode_all(buf_bytes(wire), 1), ERR_TYPE);
            buf_reset(wire);
        }
    }
}

static void a_bad_byte_is_found_before_its_frame_ends(void **state)
{
    struct buf *wire = *state;
    char payload[1000];
    memset(payload, 'a', sizeof(payload));
    payload[100] = (char)0xff;
    put_frame(wire, WS_TEXT, (struct bytes){payload, sizeof(payload)});
    size_t header = 8;
    assert_int_equal(decode_all(bytes_slice(buf_bytes(wire), 0, header + 100), 1), ERR_AGAIN);
    assert_int_equal(decode_all(bytes_slice(buf_bytes(wire), 0, header + 101), 1), ERR_TYPE);
}

/* --- limits and memory --- */

static void a_message_of_the_limit_passes_and_one_more_byte_does_not(void **state)
{
    struct buf *wire = *state;
    put_frame(wire, FIN | WS_TEXT, BYTES("12345678"));
    assert_decodes_within(wire, 8, "text 12345678\n");
    assert_decodes_within(wire, 7, "over a limit");
    buf_reset(wire);
    put_frame(wire, WS_TEXT, BYTES("1234"));
    put_frame(wire, WS_CONTINUATION, BYTES("5678"));
    put_frame(wire, FIN | WS_CONTINUATION, BYTES(""));
    put_frame(wire, FIN | WS_TEXT, BYTES("12345678"));
    assert_decodes_within(wire, 8, "text 12345678\ntext 12345678\n");
    assert_decodes_within(wire, 7, "over a limit");
    assert_decodes_within(wire, 3, "over a limit");
    assert_decodes_within(wire, 0, "over a limit");
}

static void a_limit_is_enforced_by_the_header_alone(void **state)
{
    (void)state;
    char header[] = "\x82\xff\0\0\0\0\0\x10\0\x01\0\0\0\0";
    struct ws_input in = {header, sizeof(header) - 1};
    struct ws_message m;
    struct ws_decoder d;
    ws_decoder_init(&d, BIG);
    assert_int_equal(ws_decode(&d, &in, &m), ERR_LIMIT);
    assert_null(d.partial.data);
    ws_decoder_done(&d);
}

static void a_ping_does_not_count_against_the_limit(void **state)
{
    struct buf *wire = *state;
    put_frame(wire, WS_TEXT, BYTES("1234"));
    put_frame(wire, FIN | WS_PING, BYTES("twelve bytes"));
    put_frame(wire, FIN | WS_CONTINUATION, BYTES("5"));
    assert_decodes_within(wire, 5, "ping twelve bytes\ntext 12345\n");
}

static void a_whole_message_is_a_span_of_the_input_and_takes_no_memory(void **state)
{
    struct buf *wire = *state;
    put_frame(wire, FIN | WS_TEXT, BYTES("first"));
    put_frame(wire, FIN | WS_BINARY, BYTES("second"));
    struct ws_input in = {wire->data, wire->size};
    struct ws_message m;
    struct ws_decoder d;
    mem_fail_at(1);
    ws_decoder_init(&d, BIG);
    enum err first = ws_decode(&d, &in, &m);
    bool first_inside = m.payload.data == wire->data + 6 && m.payload.size == 5;
    enum err second = ws_decode(&d, &in, &m);
    bool second_inside = m.payload.data == wire->data + 11 + 6 && m.payload.size == 6;
    enum err third = ws_decode(&d, &in, &m);
    bool hit = mem_fail_hit();
    mem_fail_at(0);
    assert_int_equal(first, OK);
    assert_int_equal(second, OK);
    assert_int_equal(third, ERR_AGAIN);
    assert_true(first_inside);
    assert_true(second_inside);
    assert_false(hit);
    ws_decoder_done(&d);
}

static void memory_goes_with_the_message_it_was_taken_for(void **state)
{
    struct buf *wire = *state;
    put_frame(wire, WS_TEXT, BYTES("first"));
    put_frame(wire, FIN | WS_CONTINUATION, BYTES("second"));
    struct ws_input in = {wire->data, wire->size};
    struct ws_message m;
    struct ws_decoder d;
    ws_decoder_init(&d, BIG);
    assert_int_equal(ws_decode(&d, &in, &m), OK);
    assert_non_null(d.partial.data);
    assert_int_equal(ws_decode(&d, &in, &m), ERR_AGAIN);
    assert_null(d.partial.data);
    ws_decoder_done(&d);
}

/* One byte a piece; stops at the first error that is not ERR_AGAIN. */
static enum err decode_by_bytes(struct bytes wire)
{
    struct ws_decoder d;
    enum err e = ERR_AGAIN;
    ws_decoder_init(&d, BIG);
    for (size_t i = 0; i < wire.size && (e == ERR_AGAIN || e == OK); i++) {
        char byte = wire.data[i];
        struct ws_input in = {&byte, 1};
        struct ws_message m;
        e = ws_decode(&d, &in, &m);
    }
    ws_decoder_done(&d);
    return e;
}

static void a_message_without_memory_fails(void **state)
{
    struct buf *wire = *state;
    char payload[3000];
    memset(payload, 'm', sizeof(payload));
    put_frame(wire, WS_TEXT, (struct bytes){payload, sizeof(payload)});
    put_frame(wire, FIN | WS_PING, BYTES("x"));
    put_frame(wire, FIN | WS_CONTINUATION, (struct bytes){payload, sizeof(payload)});
    bool hit = true;
    uint64_t n = 1;
    for (; hit; n++) {
        mem_fail_at(n);
        enum err e = decode_by_bytes(buf_bytes(wire));
        hit = mem_fail_hit();
        mem_fail_at(0);
        assert_int_equal(e, hit ? ERR_NOMEM : OK);
        assert_true(n < 1000);
    }
    assert_true(n > 2);
}

static void an_unfinished_message_is_let_go_with_the_decoder(void **state)
{
    struct buf *wire = *state;
    put_frame(wire, WS_TEXT, BYTES("never ended"));
    struct ws_input in = {wire->data, wire->size};
    struct ws_message m;
    struct ws_decoder d;
    ws_decoder_init(&d, BIG);
    assert_int_equal(ws_decode(&d, &in, &m), ERR_AGAIN);
    assert_non_null(d.partial.data);
    ws_decoder_done(&d);
    assert_null(d.partial.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_key_of_the_rfc_gives_the_accept_of_the_rfc),
        cmocka_unit_test(a_key_that_is_not_sixteen_bytes_of_base64_is_refused),
        cmocka_unit_test(a_handshake_without_memory_fails),
        cmocka_unit_test(server_headers_use_the_shortest_length),
        cmocka_unit_test(frames_are_those_of_the_rfc),
        cmocka_unit_test(close_frames_carry_code_and_reason),
        cmocka_unit_test(a_long_close_reason_is_cut_between_code_points),
        cmocka_unit_test(examples_of_the_rfc_are_understood),
        cmocka_unit_test(messages_of_every_length_form_are_read),
        cmocka_unit_test(a_mask_is_undone_at_every_offset),
        cmocka_unit_test(binary_messages_may_hold_any_byte),
        cmocka_unit_test(fragments_become_one_message),
        cmocka_unit_test(control_frames_pass_between_fragments),
        cmocka_unit_test(a_close_may_come_between_fragments),
        cmocka_unit_test(pings_hold_up_to_125_bytes),
        cmocka_unit_test(reserved_bits_are_errors),
        cmocka_unit_test(reserved_opcodes_are_errors),
        cmocka_unit_test(frames_without_a_mask_are_errors),
        cmocka_unit_test(fragmented_control_frames_are_errors),
        cmocka_unit_test(a_continuation_of_nothing_is_an_error),
        cmocka_unit_test(a_new_message_inside_another_is_an_error),
        cmocka_unit_test(lengths_in_a_longer_form_than_needed_are_errors),
        cmocka_unit_test(a_length_with_the_highest_bit_is_an_error),
        cmocka_unit_test(an_empty_close_has_no_status),
        cmocka_unit_test(a_close_of_one_byte_is_an_error),
        cmocka_unit_test(close_codes_that_may_be_sent_are_given),
        cmocka_unit_test(close_codes_that_may_not_be_sent_are_errors),
        cmocka_unit_test(a_close_reason_must_be_text),
        cmocka_unit_test(valid_text_passes_however_it_is_cut),
        cmocka_unit_test(invalid_text_is_refused_however_it_is_cut),
        cmocka_unit_test(a_bad_byte_is_found_before_its_frame_ends),
        cmocka_unit_test(a_message_of_the_limit_passes_and_one_more_byte_does_not),
        cmocka_unit_test(a_limit_is_enforced_by_the_header_alone),
        cmocka_unit_test(a_ping_does_not_count_against_the_limit),
        cmocka_unit_test(a_whole_message_is_a_span_of_the_input_and_takes_no_memory),
        cmocka_unit_test(memory_goes_with_the_message_it_was_taken_for),
        cmocka_unit_test(a_message_without_memory_fails),
        cmocka_unit_test(an_unfinished_message_is_let_go_with_the_decoder),
    };
    struct CMUnitTest set_up[sizeof(tests) / sizeof(tests[0])];
    for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        set_up[i] = tests[i];
        set_up[i].setup_func = setup;
        set_up[i].teardown_func = teardown;
    }
    return cmocka_run_group_tests(set_up, NULL, NULL);
}
