#include "base/mem.h"
#include "proto/ws.h"
#include "check.h"

enum { MAX = 1 << 20 };

/* ---- frames out ---- */

static void a_masked_frame_is_that_of_the_rfc(void **state)
{
    (void)state;
    static const uint8_t mask[4] = {0x37, 0xfa, 0x21, 0x3d};
    struct buf out;
    buf_init(&out, MAX);
    ws_put_masked(&out, WS_TEXT, BYTES("Hello"), mask);
    check_bytes(buf_bytes(&out), BYTES("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"), __FILE__,
                __LINE__);
    buf_reset(&out);
    ws_put_masked(&out, WS_PONG, (struct bytes){NULL, 0}, mask);
    check_bytes(buf_bytes(&out), BYTES("\x8a\x80\x37\xfa\x21\x3d"), __FILE__, __LINE__);
    buf_done(&out);
}

/* What a server makes of a masked frame of that size. */
static void check_round_trip(size_t size, size_t header_size)
{
    static const uint8_t mask[4] = {1, 0xff, 0, 0x80};
    struct buf wire;
    struct ws_decoder d;
    struct ws_message m;
    struct rng r;
    char *payload = mem_alloc(size);
    assert_non_null(payload);
    rng_init(&r, size);
    check_fill(&r, payload, size);
    buf_init(&wire, MAX);
    ws_put_masked(&wire, WS_BINARY, (struct bytes){payload, size}, mask);
    assert_int_equal(wire.err, OK);
    assert_int_equal(wire.size, header_size + 4 + size);
    ws_decoder_init(&d, MAX);
    struct ws_input in = {wire.data, wire.size};
    assert_int_equal(ws_decode(&d, &in, &m), OK);
    assert_int_equal(m.opcode, WS_BINARY);
    check_bytes(m.payload, (struct bytes){payload, size}, __FILE__, __LINE__);
    assert_int_equal(in.size, 0);
    ws_decoder_done(&d);
    buf_done(&wire);
    mem_free(payload);
}

static void a_server_reads_masked_frames_of_every_length_form(void **state)
{
    (void)state;
    check_round_trip(0, 2);
    check_round_trip(1, 2);
    check_round_trip(125, 2);
    check_round_trip(126, 4);
    check_round_trip(65535, 4);
    check_round_trip(65536, 10);
    check_round_trip(100003, 10);
}

static void a_masked_frame_without_memory_is_a_sticky_error(void **state)
{
    (void)state;
    static const uint8_t mask[4] = {1, 2, 3, 4};
    struct buf out;
    buf_init(&out, 8);
    ws_put_masked(&out, WS_TEXT, BYTES("too long for it"), mask);
    assert_int_equal(out.err, ERR_LIMIT);
    buf_done(&out);
    buf_init(&out, MAX);
    mem_fail_at(1);
    ws_put_masked(&out, WS_TEXT, BYTES("Hello"), mask);
    mem_fail_at(0);
    assert_int_equal(out.err, ERR_NOMEM);
    buf_done(&out);
}

/* ---- frames in ---- */

/* The messages of `wire`, one after the other with a bar behind each, then the error if any; in
 * pieces of `first`, and of `step` from then on. */
static void decode(struct bytes wire, size_t first, size_t step, struct buf *log)
{
    struct ws_decoder d;
    struct ws_message m;
    enum err e = ERR_AGAIN;
    ws_decoder_init(&d, MAX);
    ws_decoder_of_client(&d);
    for (size_t at = 0, end = first; e == ERR_AGAIN && at < wire.size; at = end, end += step) {
        struct bytes boxed = check_boxed(bytes_slice(wire, at, end));
        struct ws_input in = {(char *)(uintptr_t)boxed.data, boxed.size};
        while ((e = ws_decode(&d, &in, &m)) == OK) {
            buf_put(log, m.payload);
            buf_put_char(log, '|');
        }
        check_unbox(boxed);
    }
    if (e != ERR_AGAIN)
        buf_put(log, bytes_of(err_text(e)));
    ws_decoder_done(&d);
}

/* Whole, byte by byte, and in two pieces, cut everywhere. */
static void check_decodes(struct bytes wire, const char *want)
{
    struct buf log;
    buf_init(&log, MAX);
    for (size_t cut = 0; cut <= wire.size; cut++) {
        buf_reset(&log);
        decode(wire, cut ? cut : 1, cut ? wire.size : 1, &log);
        check_text(buf_bytes(&log), want);
    }
    buf_done(&log);
}

static void a_client_reads_frames_without_a_mask(void **state)
{
    (void)state;
    check_decodes(BYTES("\x81\x05Hello"), "Hello|");
    check_decodes(BYTES("\x01\x03Hel\x89\x01p\x80\x02lo\x81\x00"), "p|Hello||");
    check_decodes(BYTES("\x81\x7e\x00\x80"
                        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
                        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"),
                  "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
                  "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef|");
}

static void a_client_refuses_a_mask(void **state)
{
    (void)state;
    check_decodes(BYTES("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"), err_text(ERR_SYNTAX));
    check_decodes(BYTES("\x81\x02ok\x89\x80\x01\x02\x03\x04"), "ok|malformed input");
}

static void a_client_refuses_what_a_server_would(void **state)
{
    (void)state;
    check_decodes(BYTES("\xc1\x01x"), err_text(ERR_SYNTAX));  /* a reserved bit */
    check_decodes(BYTES("\x83\x00"), err_text(ERR_SYNTAX));   /* a reserved opcode */
    check_decodes(BYTES("\x80\x01x"), err_text(ERR_SYNTAX));  /* goes on with nothing */
    check_decodes(BYTES("\x81\x01\xff"), err_text(ERR_TYPE)); /* no UTF-8 */
    check_decodes(BYTES("\x88\x01x"), err_text(ERR_SYNTAX));  /* half a code */
    check_decodes(BYTES("\x81\x7f\x00\x00\x00\x01\x00\x00\x00\x00"), err_text(ERR_LIMIT));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_masked_frame_is_that_of_the_rfc),
        cmocka_unit_test(a_server_reads_masked_frames_of_every_length_form),
        cmocka_unit_test(a_masked_frame_without_memory_is_a_sticky_error),
        cmocka_unit_test(a_client_reads_frames_without_a_mask),
        cmocka_unit_test(a_client_refuses_a_mask),
        cmocka_unit_test(a_client_refuses_what_a_server_would),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
