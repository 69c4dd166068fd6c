#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/phx.h"

enum { SCRATCH_MAX = 64 * 1024 };

static const struct bytes NONE = {NULL, 0};

static void assert_wire(struct buf *out, const char *expected)
{
    assert_int_equal(out->err, OK);
    buf_put_char(out, 0);
    assert_string_equal(out->data, expected);
    buf_reset(out);
}

static void messages_are_written_in_both_versions(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, SCRATCH_MAX);
    phx_put(&out, PHX_V1, BYTES("3"), BYTES("7"), BYTES("t"), BYTES("e"), BYTES("{\"a\":1}"));
    assert_wire(&out, "{\"topic\":\"t\",\"event\":\"e\",\"payload\":{\"a\":1},\"ref\":\"7\"}");
    phx_put(&out, PHX_V1, NONE, NONE, BYTES("t"), BYTES("e"), BYTES("{}"));
    assert_wire(&out, "{\"topic\":\"t\",\"event\":\"e\",\"payload\":{},\"ref\":null}");
    phx_put(&out, PHX_V2, BYTES("3"), BYTES("7"), BYTES("t"), BYTES("e"), BYTES("{\"a\":1}"));
    assert_wire(&out, "[\"3\",\"7\",\"t\",\"e\",{\"a\":1}]");
    phx_put(&out, PHX_V2, NONE, NONE, BYTES("t"), BYTES("e"), BYTES("{}"));
    assert_wire(&out, "[null,null,\"t\",\"e\",{}]");
    buf_done(&out);
}

static void names_are_escaped_on_the_way_out(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, SCRATCH_MAX);
    phx_put(&out, PHX_V2, BYTES("\""), BYTES(""), BYTES("a\"b\\"), BYTES("caf\xc3\xa9"),
            BYTES("{}"));
    assert_wire(&out, "[\"\\\"\",\"\",\"a\\\"b\\\\\",\"caf\xc3\xa9\",{}]");
    buf_done(&out);
}

static void head_and_tail_make_a_message_around_a_payload(void **state)
{
    (void)state;
    struct buf parts;
    struct buf whole;
    buf_init(&parts, SCRATCH_MAX);
    buf_init(&whole, SCRATCH_MAX);
    for (int v = PHX_V1; v <= PHX_V2; v++) {
        enum phx_version version = (enum phx_version)v;
        phx_put(&whole, version, BYTES("1"), BYTES("2"), BYTES("t"), BYTES("e"), BYTES("[3]"));
        phx_put_head(&parts, version, BYTES("1"), BYTES("2"), BYTES("t"), BYTES("e"));
        buf_put_literal(&parts, "[3]");
        phx_put_tail(&parts, version, BYTES("2"));
        assert_true(bytes_equal(buf_bytes(&parts), buf_bytes(&whole)));
        buf_reset(&parts);
        buf_reset(&whole);
    }
    buf_done(&parts);
    buf_done(&whole);
}

static void replies_carry_status_and_response(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, SCRATCH_MAX);
    phx_put_reply(&out, PHX_V1, BYTES("3"), BYTES("7"), BYTES("t"), true, BYTES("{}"));
    assert_wire(&out, "{\"topic\":\"t\",\"event\":\"phx_reply\",\"payload\":"
                      "{\"status\":\"ok\",\"response\":{}},\"ref\":\"7\"}");
    phx_put_reply(&out, PHX_V2, BYTES("3"), BYTES("7"), BYTES("t"), false,
                  BYTES("{\"reason\":\"unmatched topic\"}"));
    assert_wire(&out, "[\"3\",\"7\",\"t\",\"phx_reply\",{\"status\":\"error\","
                      "\"response\":{\"reason\":\"unmatched topic\"}}]");
    phx_put_reply(&out, PHX_V2, NONE, BYTES("9"), BYTES("phoenix"), true, BYTES("{}"));
    assert_wire(&out, "[null,\"9\",\"phoenix\",\"phx_reply\",{\"status\":\"ok\",\"response\":{}}]");
    buf_done(&out);
}

static void a_user_broadcast_has_lengths_then_parts(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, SCRATCH_MAX);
    struct bytes expected = BYTES("\x04\x05\x03\x02\x01"
                                  "topicevt{}{\"a\":1}");
    assert_int_equal(phx_put_user_broadcast(&out, BYTES("topic"), BYTES("evt"), BYTES("{}"), 1,
                                            BYTES("{\"a\":1}")),
                     OK);
    assert_true(bytes_equal(buf_bytes(&out), expected));
    buf_done(&out);
}

static void parts_of_a_user_broadcast_are_at_most_255_bytes(void **state)
{
    (void)state;
    char text[256];
    struct buf out;
    struct bytes longest = {text, 255};
    struct bytes over = {text, 256};
    memset(text, 'x', sizeof(text));
    buf_init(&out, SCRATCH_MAX);
    assert_int_equal(phx_put_user_broadcast(&out, over, NONE, NONE, 0, NONE), ERR_LIMIT);
    assert_int_equal(phx_put_user_broadcast(&out, NONE, over, NONE, 0, NONE), ERR_LIMIT);
    assert_int_equal(phx_put_user_broadcast(&out, NONE, NONE, over, 0, NONE), ERR_LIMIT);
    assert_int_equal(out.size, 0);
    assert_int_equal(out.err, OK);
    assert_int_equal(phx_put_user_broadcast(&out, longest, longest, longest, 0, over), OK);
    assert_int_equal(out.size, 5 + 3 * 255 + 256);
    buf_done(&out);
}

static void a_full_buffer_is_reported(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 10);
    phx_put(&out, PHX_V2, NONE, NONE, BYTES("topic"), BYTES("event"), BYTES("{}"));
    assert_int_equal(out.err, ERR_LIMIT);
    buf_reset(&out);
    assert_int_equal(phx_put_user_broadcast(&out, BYTES("topic"), NONE, NONE, 0, BYTES("1")),
                     ERR_LIMIT);
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_are_written_in_both_versions),
        cmocka_unit_test(names_are_escaped_on_the_way_out),
        cmocka_unit_test(head_and_tail_make_a_message_around_a_payload),
        cmocka_unit_test(replies_carry_status_and_response),
        cmocka_unit_test(a_user_broadcast_has_lengths_then_parts),
        cmocka_unit_test(parts_of_a_user_broadcast_are_at_most_255_bytes),
        cmocka_unit_test(a_full_buffer_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
