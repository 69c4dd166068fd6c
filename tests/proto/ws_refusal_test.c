#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "proto/ws.h"
#include "ws_stream.h"

/* --- framing errors --- */

static void reserved_bits_are_errors(void **state)
{
    struct buf *wire = *state;
    static const int bits[] = {0x10, 0x20, 0x40, 0x70};
    for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
        stream_put_frame(wire, FIN | WS_TEXT, BYTES("ok"));
        stream_put_frame(wire, FIN | WS_TEXT | bits[i], BYTES("no"));
        assert_decodes(wire, "text ok\nmalformed input");
        stream_put_frame(wire, FIN | WS_PING | bits[i], BYTES(""));
        assert_decodes(wire, "malformed input");
    }
}

static void reserved_opcodes_are_errors(void **state)
{
    struct buf *wire = *state;
    static const int opcodes[] = {3, 4, 5, 6, 7, 11, 12, 13, 14, 15};
    for (size_t i = 0; i < sizeof(opcodes) / sizeof(opcodes[0]); i++) {
        stream_put_frame(wire, FIN | opcodes[i], BYTES(""));
        assert_decodes(wire, "malformed input");
        stream_put_frame(wire, FIN | opcodes[i], BYTES("x"));
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
    stream_put_frame(wire, WS_PING, BYTES("a"));
    stream_put_frame(wire, FIN | WS_CONTINUATION, BYTES("b"));
    assert_decodes(wire, "malformed input");
    stream_put_frame(wire, WS_CLOSE, BYTES(""));
    assert_decodes(wire, "malformed input");
}

static void a_continuation_of_nothing_is_an_error(void **state)
{
    struct buf *wire = *state;
    stream_put_frame(wire, FIN | WS_CONTINUATION, BYTES("x"));
    assert_decodes(wire, "malformed input");
    stream_put_frame(wire, WS_CONTINUATION, BYTES("x"));
    assert_decodes(wire, "malformed input");
    stream_put_frame(wire, WS_TEXT, BYTES("a"));
    stream_put_frame(wire, FIN | WS_CONTINUATION, BYTES("b"));
    stream_put_frame(wire, FIN | WS_CONTINUATION, BYTES("c"));
    assert_decodes(wire, "text ab\nmalformed input");
}

static void a_new_message_inside_another_is_an_error(void **state)
{
    struct buf *wire = *state;
    stream_put_frame(wire, WS_TEXT, BYTES("a"));
    stream_put_frame(wire, FIN | WS_TEXT, BYTES("b"));
    assert_decodes(wire, "malformed input");
    stream_put_frame(wire, WS_TEXT, BYTES(""));
    stream_put_frame(wire, WS_BINARY, BYTES("b"));
    assert_decodes(wire, "malformed input");
}

static void an_error_is_for_good(void **state)
{
    struct buf *wire = *state;
    struct ws_decoder d;
    struct ws_message m;
    stream_put_frame(wire, FIN | WS_PING, BYTES(""));
    wire->data[1] = (char)0xff; /* a ping of a length that control frames cannot have */
    for (int i = 0; i < 200; i++)
        buf_put_char(wire, 0);
    struct ws_input in = {wire->data, wire->size};
    ws_decoder_init(&d, STREAM_MAX);
    assert_int_equal(ws_decode(&d, &in, &m), ERR_SYNTAX);
    size_t left = in.size;
    assert_int_equal(ws_decode(&d, &in, &m), ERR_SYNTAX);
    assert_int_equal(in.size, left);
    ws_decoder_done(&d);
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
    stream_put_frame(wire, FIN | WS_CLOSE, BYTES(""));
    assert_decodes(wire, "close 1005 \n");
}

static void a_close_of_one_byte_is_an_error(void **state)
{
    struct buf *wire = *state;
    stream_put_frame(wire, FIN | WS_CLOSE, BYTES("\x03"));
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
        stream_put_close(wire, cases[i].code, BYTES("why"));
        assert_decodes(wire, cases[i].log);
    }
    stream_put_close(wire, 1000, BYTES(""));
    assert_decodes(wire, "close 1000 \n");
}

static void close_codes_that_may_not_be_sent_are_errors(void **state)
{
    struct buf *wire = *state;
    static const uint64_t codes[] = {0,    1,    999,  1004, 1005, 1006, 1015,
                                     1016, 1100, 2000, 2999, 5000, 65535};
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        stream_put_close(wire, codes[i], BYTES(""));
        assert_decodes(wire, "malformed input");
        stream_put_close(wire, codes[i], BYTES("why"));
        assert_decodes(wire, "malformed input");
    }
}

static void a_close_reason_must_be_text(void **state)
{
    struct buf *wire = *state;
    stream_put_close(wire, 1000, BYTES("\xce\xba\xe1\xbd\xb9"));
    assert_decodes(wire, "close 1000 \xce\xba\xe1\xbd\xb9\n");
    stream_put_close(wire, 1000, BYTES("\xce\xba\xe1\xbd"));
    assert_decodes(wire, "value of another type");
    stream_put_close(wire, 1000, BYTES("\xed\xa0\x80"));
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
    stream_put_frame(wire, WS_TEXT, bytes_slice(text, 0, cut));
    stream_put_frame(wire, FIN | WS_PING, BYTES("\xff"));
    stream_put_frame(wire, FIN | WS_CONTINUATION, bytes_slice(text, cut, text.size));
}

/* Text with a zero inside cannot be compared as a string, so its size is. */
static void assert_text(struct buf *wire, struct bytes text)
{
    struct ws_decoder d;
    struct ws_message m;
    struct ws_input in = {wire->data, wire->size};
    ws_decoder_init(&d, STREAM_MAX);
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
        stream_put_frame(wire, FIN | WS_TEXT, VALID[i]);
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
    buf_init(&log, STREAM_MAX);
    ws_decoder_init(&d, STREAM_MAX);
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
        stream_put_frame(wire, FIN | WS_TEXT, INVALID[i]);
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
    stream_put_frame(wire, WS_TEXT, (struct bytes){payload, sizeof(payload)});
    size_t header = 8;
    assert_int_equal(decode_all(bytes_slice(buf_bytes(wire), 0, header + 100), 1), ERR_AGAIN);
    assert_int_equal(decode_all(bytes_slice(buf_bytes(wire), 0, header + 101), 1), ERR_TYPE);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, stream_setup, stream_teardown)
    const struct CMUnitTest tests[] = {
        TEST(reserved_bits_are_errors),
        TEST(reserved_opcodes_are_errors),
        TEST(frames_without_a_mask_are_errors),
        TEST(fragmented_control_frames_are_errors),
        TEST(a_continuation_of_nothing_is_an_error),
        TEST(a_new_message_inside_another_is_an_error),
        TEST(an_error_is_for_good),
        TEST(lengths_in_a_longer_form_than_needed_are_errors),
        TEST(a_length_with_the_highest_bit_is_an_error),
        TEST(an_empty_close_has_no_status),
        TEST(a_close_of_one_byte_is_an_error),
        TEST(close_codes_that_may_be_sent_are_given),
        TEST(close_codes_that_may_not_be_sent_are_errors),
        TEST(a_close_reason_must_be_text),
        TEST(valid_text_passes_however_it_is_cut),
        TEST(invalid_text_is_refused_however_it_is_cut),
        TEST(a_bad_byte_is_found_before_its_frame_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
