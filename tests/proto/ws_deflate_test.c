/* Messages of permessage-deflate, as the decoder gives them. */
#include "check.h"

#include "base/mem.h"
#include "proto/ws.h"
#include "ws_stream.h"

enum { TEXT = FIN | WS_DEFLATED | WS_TEXT, BINARY = FIN | WS_DEFLATED | WS_BINARY };

#define HELLO "\xf2\x48\xcd\xc9\xc9\x07\x00" /* RFC 7692, 7.2.3.1 */

/* The compressed form of `text` in one frame. */
static void put_deflated(struct buf *wire, int first, struct bytes text)
{
    struct deflater z;
    struct bytes payload;
    deflater_init(&z);
    assert_int_equal(deflater_run(&z, DEFLATE_WHOLE, text, &payload), OK);
    stream_put_frame(wire, first, payload);
    deflater_done(&z);
}

static struct bytes letters(size_t size)
{
    char *text = mem_alloc(size);
    assert_non_null(text);
    for (size_t i = 0; i < size; i++)
        text[i] = (char)('a' + i * i % 23);
    return (struct bytes){text, size};
}

static void letters_free(struct bytes text)
{
    mem_free((void *)(uintptr_t)text.data);
}

static void examples_of_the_rfc_are_understood(void **state)
{
    struct buf *wire = *state;
    stream_put_frame(wire, TEXT, BYTES(HELLO));
    stream_put_frame(wire, WS_DEFLATED | WS_TEXT, BYTES("\xf2\x48\xcd"));
    stream_put_frame(wire, FIN | WS_CONTINUATION, BYTES("\xc9\xc9\x07\x00"));
    stream_put_frame(wire, TEXT, BYTES("\x00\x05\x00\xfa\xffHello\x00"));
    stream_put_frame(wire, TEXT, BYTES("\xf3\x48\xcd\xc9\xc9\x07\x00\x00"));
    stream_put_frame(wire, TEXT, BYTES("\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"));
    stream_put_frame(wire, BINARY, BYTES("\x00"));
    assert_inflates(wire, "text Hello\ntext Hello\ntext Hello\ntext Hello\ntext Hello\nbinary \n");
}

static void a_message_may_end_with_its_final_block(void **state)
{
    struct buf *wire = *state;
    stream_put_frame(wire, TEXT, BYTES("\xf3\x48\xcd\xc9\xc9\x07\x00"));
    stream_put_frame(wire, TEXT, BYTES("\xf3\x48\xcd\xc9\xc9\x07\x00" HELLO));
    assert_inflates(wire, "text Hello\ntext HelloHello\n");
}

static void compressed_and_plain_messages_take_turns(void **state)
{
    struct buf *wire = *state;
    stream_put_frame(wire, TEXT, BYTES(HELLO));
    stream_put_frame(wire, FIN | WS_TEXT, BYTES("plain"));
    stream_put_frame(wire, BINARY, BYTES(HELLO));
    stream_put_frame(wire, WS_BINARY, BYTES("pl"));
    stream_put_frame(wire, FIN | WS_CONTINUATION, BYTES("ain"));
    assert_inflates(wire, "text Hello\ntext plain\nbinary Hello\nbinary plain\n");
}

static void control_frames_come_between_compressed_fragments(void **state)
{
    struct buf *wire = *state;
    stream_put_frame(wire, WS_DEFLATED | WS_TEXT, BYTES("\xf2\x48"));
    stream_put_frame(wire, FIN | WS_PING, BYTES("1"));
    stream_put_frame(wire, WS_CONTINUATION, BYTES(""));
    stream_put_frame(wire, FIN | WS_PONG, BYTES("2"));
    stream_put_frame(wire, WS_CONTINUATION, BYTES("\xcd\xc9\xc9\x07"));
    stream_put_frame(wire, FIN | WS_CONTINUATION, BYTES("\x00"));
    stream_put_close(wire, 1000, BYTES(""));
    assert_inflates(wire, "ping 1\npong 2\ntext Hello\nclose 1000 \n");
}

static void messages_of_many_sizes_come_back(void **state)
{
    struct buf *wire = *state;
    static const size_t sizes[] = {16, 64, 256, 1024, 4096, 16384, 65536, 131072};
    for (size_t i = 0; i < CHECK_COUNT(sizes); i++) {
        struct buf log;
        struct bytes text = letters(sizes[i]);
        buf_init(&log, STREAM_MAX);
        stream_log(&log, &(struct ws_message){WS_TEXT, text, WS_CLOSE_NO_STATUS});
        buf_put_char(&log, 0);
        if (text.size > 64)
            put_deflated(wire, TEXT, text);
        else
            stream_put_frame(wire, FIN | WS_TEXT, text);
        assert_inflates(wire, log.data);
        buf_done(&log);
        letters_free(text);
    }
}

static void the_bit_is_an_error_where_it_was_not_negotiated(void **state)
{
    struct buf *wire = *state;
    stream_put_frame(wire, TEXT, BYTES(HELLO));
    assert_decodes(wire, "malformed input");
}

static void the_bit_is_an_error_but_on_the_first_frame_of_a_message(void **state)
{
    struct buf *wire = *state;
    stream_put_frame(wire, WS_DEFLATED | WS_TEXT, BYTES("\xf2\x48\xcd"));
    stream_put_frame(wire, FIN | WS_DEFLATED | WS_CONTINUATION, BYTES("\xc9\xc9\x07\x00"));
    assert_inflates(wire, "malformed input");
    stream_put_frame(wire, FIN | WS_DEFLATED | WS_PING, BYTES(""));
    assert_inflates(wire, "malformed input");
    stream_put_frame(wire, FIN | WS_DEFLATED | WS_CLOSE, BYTES(""));
    assert_inflates(wire, "malformed input");
}

static void the_other_reserved_bits_stay_errors(void **state)
{
    struct buf *wire = *state;
    static const int bits[] = {0x10, 0x20, 0x30, 0x50, 0x60, 0x70};
    for (size_t i = 0; i < CHECK_COUNT(bits); i++) {
        stream_put_frame(wire, FIN | WS_TEXT | bits[i], BYTES(HELLO));
        assert_inflates(wire, "malformed input");
    }
}

static void text_is_checked_when_it_is_inflated(void **state)
{
    struct buf *wire = *state;
    stream_put_frame(wire, TEXT, BYTES("\x00\x02\x00\xfd\xff\xc3\xa9\x00")); /* é */
    stream_put_frame(wire, TEXT, BYTES("\x00\x02\x00\xfd\xff\xc3\x28\x00"));
    assert_inflates(wire, "text \xc3\xa9\nvalue of another type");
    stream_put_frame(wire, TEXT, BYTES("\x00\x01\x00\xfe\xff\xc3\x00")); /* cut off */
    assert_inflates(wire, "value of another type");
    stream_put_frame(wire, BINARY, BYTES("\x00\x01\x00\xfe\xff\xc3\x00"));
    assert_inflates(wire, "binary \xc3\n");
}

static void data_that_no_compressor_makes_is_an_error(void **state)
{
    struct buf *wire = *state;
    static const struct bytes payloads[] = {
        BYTES_INIT(""),                           /* no block at all */
        BYTES_INIT("\xf2\x48\xcd"),               /* cut off */
        BYTES_INIT("\xff\xff\xff"),               /* a reserved kind of block */
        BYTES_INIT("\x00\x05\x00\xfa\xfeHello"),  /* a length and not its complement */
        BYTES_INIT("\xf2\x00\x11\x00\x00"),       /* 7.2.3.2: refers to the message before */
        BYTES_INIT("\x00\x05\x00\xfa\xffHel"),    /* a stored block cut off */
        BYTES_INIT(HELLO "\xf2\x48\xcd\xc9\xc9"), /* a second block cut off */
    };
    for (size_t i = 0; i < CHECK_COUNT(payloads); i++) {
        stream_put_frame(wire, TEXT, BYTES(HELLO));
        stream_put_frame(wire, TEXT, payloads[i]);
        assert_inflates(wire, "text Hello\nvalue of another type");
    }
}

static void a_message_is_bounded_by_what_it_holds(void **state)
{
    struct buf *wire = *state;
    struct bytes text = letters(4097);
    put_deflated(wire, BINARY, bytes_slice(text, 0, 4096));
    put_deflated(wire, BINARY, text);
    struct buf log;
    buf_init(&log, STREAM_MAX);
    stream_log(&log, &(struct ws_message){WS_BINARY, bytes_slice(text, 0, 4096), 0});
    buf_put_literal(&log, "over a limit\0");
    assert_inflates_within(wire, 4096, log.data);
    buf_done(&log);
    letters_free(text);
}

static void what_does_not_compress_may_be_a_little_over_the_limit_on_the_wire(void **state)
{
    struct buf *wire = *state;
    struct bytes text = letters(1000);
    char payload[1100] = "\x00\xf4\x01\x0b\xfe";
    memcpy(payload + 5, text.data, 500);
    memcpy(payload + 505, "\x00\xf4\x01\x0b\xfe", 5);
    memcpy(payload + 510, text.data + 500, 500);
    stream_put_frame(wire, BINARY, (struct bytes){payload, 1011});
    stream_put_frame(wire, BINARY, (struct bytes){payload, sizeof(payload)});
    struct buf log;
    buf_init(&log, STREAM_MAX);
    stream_log(&log, &(struct ws_message){WS_BINARY, text, WS_CLOSE_NO_STATUS});
    buf_put_literal(&log, "over a limit\0");
    assert_inflates_within(wire, 1000, log.data);
    buf_done(&log);
    letters_free(text);
}

static void a_bomb_ends_at_the_limit(void **state)
{
    struct buf *wire = *state;
    struct inflater inflater;
    struct ws_decoder d;
    struct ws_message m;
    char *zeros = mem_zalloc(STREAM_MAX);
    assert_non_null(zeros);
    put_deflated(wire, BINARY, (struct bytes){zeros, STREAM_MAX});
    assert_true(wire->size < 8192);
    inflater_init(&inflater);
    ws_decoder_init(&d, 8192);
    ws_decoder_inflate_with(&d, &inflater);
    struct ws_input in = {wire->data, wire->size};
    assert_int_equal(ws_decode(&d, &in, &m), ERR_LIMIT);
    assert_int_equal(inflater.text.size, 8193);
    assert_true(inflater.text.capacity <= 8193);
    ws_decoder_done(&d);
    inflater_done(&inflater);
    mem_free(zeros);
}

static void a_message_without_memory_is_an_error(void **state)
{
    struct buf *wire = *state;
    enum err e = ERR_NOMEM;
    for (uint64_t n = 1; e; n++) {
        struct inflater inflater;
        struct ws_decoder d;
        struct ws_message m;
        buf_reset(wire);
        stream_put_frame(wire, WS_DEFLATED | WS_TEXT, BYTES("\xf2\x48\xcd"));
        stream_put_frame(wire, FIN | WS_CONTINUATION, BYTES("\xc9\xc9\x07\x00"));
        inflater_init(&inflater);
        ws_decoder_init(&d, STREAM_MAX);
        ws_decoder_inflate_with(&d, &inflater);
        struct ws_input in = {wire->data, wire->size};
        mem_fail_at(n);
        e = ws_decode(&d, &in, &m);
        bool hit = mem_fail_hit();
        mem_fail_at(0);
        assert_int_equal(e, hit ? ERR_NOMEM : OK);
        assert_true(n < 20);
        ws_decoder_done(&d);
        inflater_done(&inflater);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, stream_setup, stream_teardown)
        T(examples_of_the_rfc_are_understood),
        T(a_message_may_end_with_its_final_block),
        T(compressed_and_plain_messages_take_turns),
        T(control_frames_come_between_compressed_fragments),
        T(messages_of_many_sizes_come_back),
        T(the_bit_is_an_error_where_it_was_not_negotiated),
        T(the_bit_is_an_error_but_on_the_first_frame_of_a_message),
        T(the_other_reserved_bits_stay_errors),
        T(text_is_checked_when_it_is_inflated),
        T(data_that_no_compressor_makes_is_an_error),
        T(a_message_is_bounded_by_what_it_holds),
        T(what_does_not_compress_may_be_a_little_over_the_limit_on_the_wire),
        T(a_bomb_ends_at_the_limit),
        T(a_message_without_memory_is_an_error),
#undef T
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
