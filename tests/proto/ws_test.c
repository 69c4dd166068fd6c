#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "proto/ws.h"
#include "ws_stream.h"

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
    stream_put_frame(wire, WS_TEXT, BYTES("Hel"));
    stream_put_frame(wire, FIN | WS_CONTINUATION, BYTES("lo"));
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
        buf_init(&log, STREAM_MAX);
        struct ws_message text = {WS_TEXT, {payload, sizes[i]}, WS_CLOSE_NO_STATUS};
        struct ws_message binary = {WS_BINARY, {payload, sizes[i]}, WS_CLOSE_NO_STATUS};
        stream_log(&log, &text);
        stream_log(&log, &binary);
        buf_put_char(&log, 0);
        stream_put_frame(wire, FIN | WS_TEXT, text.payload);
        stream_put_frame(wire, FIN | WS_BINARY, text.payload);
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
        stream_put_frame(wire, FIN | WS_TEXT, (struct bytes){payload, size});
        assert_decodes(wire, expected);
    }
}

static void binary_messages_may_hold_any_byte(void **state)
{
    struct buf *wire = *state;
    char payload[256];
    struct buf log;
    buf_init(&log, STREAM_MAX);
    for (size_t i = 0; i < sizeof(payload); i++)
        payload[i] = (char)(uint8_t)i;
    struct ws_message m = {WS_BINARY, {payload, sizeof(payload)}, WS_CLOSE_NO_STATUS};
    stream_log(&log, &m);
    stream_log(&log, &m);
    buf_put_char(&log, 0);
    stream_put_frame(wire, FIN | WS_BINARY, m.payload);
    stream_put_frame(wire, WS_BINARY, bytes_slice(m.payload, 0, 200));
    stream_put_frame(wire, FIN | WS_CONTINUATION, bytes_slice(m.payload, 200, 256));
    assert_decodes(wire, log.data);
    buf_done(&log);
}

static void fragments_become_one_message(void **state)
{
    struct buf *wire = *state;
    stream_put_frame(wire, WS_TEXT, BYTES("a"));
    stream_put_frame(wire, WS_CONTINUATION, BYTES(""));
    stream_put_frame(wire, WS_CONTINUATION, BYTES("bc"));
    stream_put_frame(wire, FIN | WS_CONTINUATION, BYTES(""));
    stream_put_frame(wire, WS_BINARY, BYTES(""));
    stream_put_frame(wire, FIN | WS_CONTINUATION, BYTES("d"));
    stream_put_frame(wire, WS_TEXT, BYTES(""));
    stream_put_frame(wire, WS_CONTINUATION, BYTES(""));
    stream_put_frame(wire, FIN | WS_CONTINUATION, BYTES(""));
    stream_put_frame(wire, FIN | WS_TEXT, BYTES("e"));
    assert_decodes(wire, "text abc\nbinary d\ntext \ntext e\n");
}

static void control_frames_pass_between_fragments(void **state)
{
    struct buf *wire = *state;
    stream_put_frame(wire, WS_TEXT, BYTES("one "));
    stream_put_frame(wire, FIN | WS_PING, BYTES("p1"));
    stream_put_frame(wire, FIN | WS_PONG, BYTES(""));
    stream_put_frame(wire, WS_CONTINUATION, BYTES("two "));
    stream_put_frame(wire, FIN | WS_PING, BYTES("p2"));
    stream_put_frame(wire, FIN | WS_CONTINUATION, BYTES("three"));
    assert_decodes(wire, "ping p1\npong \nping p2\ntext one two three\n");
}

static void a_close_may_come_between_fragments(void **state)
{
    struct buf *wire = *state;
    stream_put_frame(wire, WS_TEXT, BYTES("half"));
    stream_put_close(wire, 1001, BYTES("bye"));
    assert_decodes(wire, "close 1001 bye\n");
}

static void pings_hold_up_to_125_bytes(void **state)
{
    struct buf *wire = *state;
    char payload[126];
    memset(payload, 0xfe, sizeof(payload));
    struct ws_message m = {WS_PING, {payload, 125}, WS_CLOSE_NO_STATUS};
    struct buf log;
    buf_init(&log, STREAM_MAX);
    stream_log(&log, &m);
    buf_put_char(&log, 0);
    stream_put_frame(wire, FIN | WS_PING, m.payload);
    assert_decodes(wire, log.data);
    buf_done(&log);
    stream_put_frame(wire, FIN | WS_PING, (struct bytes){payload, 126});
    assert_decodes(wire, "malformed input");
}

/* --- limits and memory --- */

static void a_message_of_the_limit_passes_and_one_more_byte_does_not(void **state)
{
    struct buf *wire = *state;
    stream_put_frame(wire, FIN | WS_TEXT, BYTES("12345678"));
    assert_decodes_within(wire, 8, "text 12345678\n");
    assert_decodes_within(wire, 7, "over a limit");
    buf_reset(wire);
    stream_put_frame(wire, WS_TEXT, BYTES("1234"));
    stream_put_frame(wire, WS_CONTINUATION, BYTES("5678"));
    stream_put_frame(wire, FIN | WS_CONTINUATION, BYTES(""));
    stream_put_frame(wire, FIN | WS_TEXT, BYTES("12345678"));
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
    ws_decoder_init(&d, STREAM_MAX);
    assert_int_equal(ws_decode(&d, &in, &m), ERR_LIMIT);
    assert_null(d.partial.data);
    ws_decoder_done(&d);
}

static void a_fragment_over_the_limit_is_refused_by_its_header(void **state)
{
    struct buf *wire = *state;
    stream_put_frame(wire, WS_TEXT, BYTES("1234"));
    stream_put_frame(wire, FIN | WS_CONTINUATION, BYTES("56789"));
    wire->size -= 5; /* the header alone */
    assert_decodes_within(wire, 9, "");
    assert_decodes_within(wire, 8, "over a limit");
}

static void a_ping_does_not_count_against_the_limit(void **state)
{
    struct buf *wire = *state;
    stream_put_frame(wire, WS_TEXT, BYTES("1234"));
    stream_put_frame(wire, FIN | WS_PING, BYTES("twelve bytes"));
    stream_put_frame(wire, FIN | WS_CONTINUATION, BYTES("5"));
    assert_decodes_within(wire, 5, "ping twelve bytes\ntext 12345\n");
}

static void a_whole_message_is_a_span_of_the_input_and_takes_no_memory(void **state)
{
    struct buf *wire = *state;
    stream_put_frame(wire, FIN | WS_TEXT, BYTES("first"));
    stream_put_frame(wire, FIN | WS_BINARY, BYTES("second"));
    struct ws_input in = {wire->data, wire->size};
    struct ws_message m;
    struct ws_decoder d;
    mem_fail_at(1);
    ws_decoder_init(&d, STREAM_MAX);
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
    stream_put_frame(wire, WS_TEXT, BYTES("first"));
    stream_put_frame(wire, FIN | WS_CONTINUATION, BYTES("second"));
    struct ws_input in = {wire->data, wire->size};
    struct ws_message m;
    struct ws_decoder d;
    ws_decoder_init(&d, STREAM_MAX);
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
    ws_decoder_init(&d, STREAM_MAX);
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
    stream_put_frame(wire, WS_TEXT, (struct bytes){payload, sizeof(payload)});
    stream_put_frame(wire, FIN | WS_PING, BYTES("x"));
    stream_put_frame(wire, FIN | WS_CONTINUATION, (struct bytes){payload, sizeof(payload)});
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
    stream_put_frame(wire, WS_TEXT, BYTES("never ended"));
    struct ws_input in = {wire->data, wire->size};
    struct ws_message m;
    struct ws_decoder d;
    ws_decoder_init(&d, STREAM_MAX);
    assert_int_equal(ws_decode(&d, &in, &m), ERR_AGAIN);
    assert_non_null(d.partial.data);
    ws_decoder_done(&d);
    assert_null(d.partial.data);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, stream_setup, stream_teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_key_of_the_rfc_gives_the_accept_of_the_rfc),
        TEST(a_key_that_is_not_sixteen_bytes_of_base64_is_refused),
        TEST(a_handshake_without_memory_fails),
        TEST(server_headers_use_the_shortest_length),
        TEST(frames_are_those_of_the_rfc),
        TEST(close_frames_carry_code_and_reason),
        TEST(a_long_close_reason_is_cut_between_code_points),
        TEST(examples_of_the_rfc_are_understood),
        TEST(messages_of_every_length_form_are_read),
        TEST(a_mask_is_undone_at_every_offset),
        TEST(binary_messages_may_hold_any_byte),
        TEST(fragments_become_one_message),
        TEST(control_frames_pass_between_fragments),
        TEST(a_close_may_come_between_fragments),
        TEST(pings_hold_up_to_125_bytes),
        TEST(a_message_of_the_limit_passes_and_one_more_byte_does_not),
        TEST(a_limit_is_enforced_by_the_header_alone),
        TEST(a_fragment_over_the_limit_is_refused_by_its_header),
        TEST(a_ping_does_not_count_against_the_limit),
        TEST(a_whole_message_is_a_span_of_the_input_and_takes_no_memory),
        TEST(memory_goes_with_the_message_it_was_taken_for),
        TEST(a_message_without_memory_fails),
        TEST(an_unfinished_message_is_let_go_with_the_decoder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
