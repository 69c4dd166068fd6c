#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "proto/phx.h"

enum { SCRATCH_MAX = 64 * 1024 };

static void put_part(struct buf *log, struct bytes part)
{
    if (part.data)
        buf_put(log, part);
    else
        buf_put_literal(log, "~");
    buf_put_char(log, '|');
}

/* join_ref|ref|topic|event|payload|, `~` for null. */
static void log_message(struct buf *log, const struct phx_message *m)
{
    put_part(log, m->join_ref);
    put_part(log, m->ref);
    put_part(log, m->topic);
    put_part(log, m->event);
    if (!m->is_user_broadcast) {
        put_part(log, m->payload.raw);
    } else {
        put_part(log, m->broadcast_event);
        put_part(log, m->broadcast_meta);
        buf_put_u64(log, m->broadcast_encoding);
        buf_put_char(log, '|');
    }
    if (m->broadcast_payload.data)
        put_part(log, m->broadcast_payload);
}

/* From memory of its own size. */
static enum err decode_text(enum phx_version v, struct bytes text, struct buf *log)
{
    struct buf scratch;
    struct phx_message m;
    char *copy = mem_copy(text);
    assert_non_null(copy);
    copy = mem_realloc(copy, text.size ? text.size : 1);
    buf_init(&scratch, SCRATCH_MAX);
    enum err e = phx_decode_text(v, (struct bytes){copy, text.size}, &scratch, &m);
    if (!e)
        log_message(log, &m);
    buf_done(&scratch);
    mem_free(copy);
    return e;
}

static void assert_text(enum phx_version v, struct bytes text, const char *expected)
{
    struct buf log;
    buf_init(&log, SCRATCH_MAX);
    assert_int_equal(decode_text(v, text, &log), OK);
    buf_put_char(&log, 0);
    assert_string_equal(log.data, expected);
    buf_done(&log);
}

static void assert_bad(enum phx_version v, struct bytes text, enum err expected)
{
    struct buf log;
    buf_init(&log, SCRATCH_MAX);
    assert_int_equal(decode_text(v, text, &log), expected);
    buf_done(&log);
}

/* --- versions --- */

static void versions_are_taken_by_range(void **state)
{
    (void)state;
    static const char *const first[] = {"", "1.0.0", "1.0.7", "1.0.12"};
    static const char *const second[] = {"2.0.0", "2.0.1", "2.0.10"};
    enum phx_version v;
    for (size_t i = 0; i < sizeof(first) / sizeof(first[0]); i++) {
        v = PHX_V2;
        assert_int_equal(phx_version_parse(bytes_of(first[i]), &v), OK);
        assert_int_equal(v, PHX_V1);
    }
    for (size_t i = 0; i < sizeof(second) / sizeof(second[0]); i++) {
        v = PHX_V1;
        assert_int_equal(phx_version_parse(bytes_of(second[i]), &v), OK);
        assert_int_equal(v, PHX_V2);
    }
}

static void other_versions_are_not_supported(void **state)
{
    (void)state;
    static const char *const others[] = {
        "1",      "1.0",    "1.0.",    "1.1.0",  "2.1.0",  "3.0.0",
        "0.0.0",  "1.0.0 ", " 1.0.0",  "1.0.x",  "1.0.00", "1.0.01",
        "1.0.-1", "2.0",    "2.0.0.0", "v1.0.0", "10.0.0", "1.0.99999999999999999999999"};
    enum phx_version v = PHX_V1;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        assert_int_equal(phx_version_parse(bytes_of(others[i]), &v), ERR_UNSUPPORTED);
}

/* --- text in --- */

static void version_1_messages_are_objects(void **state)
{
    (void)state;
    assert_text(PHX_V1,
                BYTES("{\"topic\":\"realtime:a\",\"event\":\"phx_join\",\"payload\":{\"x\":[1]},"
                      "\"ref\":\"7\",\"join_ref\":\"3\"}"),
                "3|7|realtime:a|phx_join|{\"x\":[1]}|");
    assert_text(PHX_V1, BYTES(" { \"ref\" : \"9\" , \"event\" : \"e\" , \"topic\" : \"t\" } "),
                "~|9|t|e|{}|");
    assert_text(PHX_V1, BYTES("{\"topic\":\"\",\"event\":\"\",\"payload\":null,\"ref\":null}"),
                "~|~|||null|");
    assert_text(PHX_V1, BYTES("{\"topic\":\"t\",\"event\":\"e\",\"extra\":{\"topic\":1}}"),
                "~|~|t|e|{}|");
}

static void the_last_of_two_equal_keys_counts(void **state)
{
    (void)state;
    assert_text(PHX_V1, BYTES("{\"topic\":1,\"topic\":\"t\",\"event\":\"a\",\"event\":\"b\"}"),
                "~|~|t|b|{}|");
    assert_text(PHX_V1, BYTES("{\"t\\u006fpic\":\"t\",\"event\":\"e\"}"), "~|~|t|e|{}|");
}

static void version_2_messages_are_arrays(void **state)
{
    (void)state;
    assert_text(PHX_V2, BYTES("[null,\"9\",\"phoenix\",\"heartbeat\",{}]"),
                "~|9|phoenix|heartbeat|{}|");
    assert_text(PHX_V2, BYTES(" [ \"1\" , \"2\" , \"t\" , \"e\" , { \"a\" : 1 } ] "),
                "1|2|t|e|{ \"a\" : 1 }|");
    assert_text(PHX_V2, BYTES("[\"1\",\"2\",\"t\",\"e\",[1],\"more\",{}]"), "1|2|t|e|[1]|");
}

static void numbers_are_refs_too(void **state)
{
    (void)state;
    assert_text(PHX_V2, BYTES("[1,22,\"t\",\"e\",{}]"), "1|22|t|e|{}|");
    assert_text(PHX_V1, BYTES("{\"topic\":\"t\",\"event\":\"e\",\"ref\":-1.5e3,\"join_ref\":0}"),
                "0|-1.5e3|t|e|{}|");
}

static void an_empty_ref_is_not_null(void **state)
{
    (void)state;
    assert_text(PHX_V2, BYTES("[\"\",\"\",\"t\",\"e\",{}]"), "||t|e|{}|");
}

static void escapes_are_undone_in_every_field_at_once(void **state)
{
    (void)state;
    assert_text(PHX_V2,
                BYTES("[\"\\u0031\",\"a\\\"b\",\"caf\\u00e9 \\ud83c\\udf5e\",\"e\\nf\\/\","
                      "{\"a\":\"\\u0041\"}]"),
                "1|a\"b|caf\xc3\xa9 \xf0\x9f\x8d\x9e|e\nf/|{\"a\":\"\\u0041\"}|");
    assert_text(PHX_V1, BYTES("{\"topic\":\"\\ud800\",\"event\":\"\\\\\"}"),
                "~|~|\xef\xbf\xbd|\\|{}|");
}

static void strings_without_escapes_are_spans_of_the_message_and_take_no_memory(void **state)
{
    (void)state;
    struct bytes text = BYTES("[\"1\",\"2\",\"realtime:caf\xc3\xa9\",\"e\",{}]");
    struct buf scratch;
    struct phx_message m;
    buf_init(&scratch, SCRATCH_MAX);
    mem_fail_at(1);
    enum err e = phx_decode_text(PHX_V2, text, &scratch, &m);
    bool hit = mem_fail_hit();
    mem_fail_at(0);
    assert_int_equal(e, OK);
    assert_false(hit);
    assert_ptr_equal(m.topic.data, text.data + 10);
    buf_done(&scratch);
}

static void malformed_objects_are_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        " ",
        "{",
        "{}",
        "[]",
        "null",
        "1",
        "\"x\"",
        "x",
        "{\"topic\":\"t\"}",
        "{\"event\":\"e\"}",
        "{\"topic\":1,\"event\":\"e\"}",
        "{\"topic\":null,\"event\":\"e\"}",
        "{\"topic\":[\"t\"],\"event\":\"e\"}",
        "{\"topic\":\"t\",\"event\":{}}",
        "{\"topic\":\"t\",\"event\":\"e\",\"ref\":true}",
        "{\"topic\":\"t\",\"event\":\"e\",\"ref\":{}}",
        "{\"topic\":\"t\",\"event\":\"e\",\"join_ref\":[]}",
        "{\"topic\":\"t\",\"event\":\"e\",\"join_ref\":false}",
        "{\"topic\":\"t\",\"event\":\"e\"}}",
        "{\"topic\":\"t\",\"event\":\"e\",}",
        "{\"topic\":\"t\" \"event\":\"e\"}",
        "{\"topic\":\"t\xff\",\"event\":\"e\"}",
        "[null,\"9\",\"phoenix\",\"heartbeat\",{}]",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_bad(PHX_V1, bytes_of(texts[i]), ERR_SYNTAX);
}

static void malformed_arrays_are_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "[",
        "[]",
        "{}",
        "null",
        "[null]",
        "[null,null,\"t\",\"e\"]",
        "[null,null,null,\"e\",{}]",
        "[null,null,\"t\",null,{}]",
        "[null,null,1,\"e\",{}]",
        "[null,null,\"t\",2,{}]",
        "[{},null,\"t\",\"e\",{}]",
        "[null,[],\"t\",\"e\",{}]",
        "[true,null,\"t\",\"e\",{}]",
        "[null,false,\"t\",\"e\",{}]",
        "[null,null,\"t\",\"e\",{]",
        "[null,null,\"t\",\"e\",{}],",
        "[null,null,\"t\",\"e\",{},]",
        "[null,null,\"t\xed\xa0\x80\",\"e\",{}]",
        "{\"topic\":\"t\",\"event\":\"e\"}",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_bad(PHX_V2, bytes_of(texts[i]), ERR_SYNTAX);
}

static void a_text_cut_anywhere_is_refused(void **state)
{
    (void)state;
    struct bytes first = BYTES("{\"topic\":\"caf\\u00e9\",\"event\":\"e\",\"payload\":{\"a\":[1]},"
                               "\"ref\":\"7\",\"join_ref\":3}");
    struct bytes second = BYTES("[\"1\",2,\"caf\\u00e9\",\"e\",{\"a\":[1,true,\"x\"]}]");
    for (size_t size = 0; size < first.size; size++)
        assert_bad(PHX_V1, bytes_slice(first, 0, size), ERR_SYNTAX);
    for (size_t size = 0; size < second.size; size++)
        assert_bad(PHX_V2, bytes_slice(second, 0, size), ERR_SYNTAX);
    assert_text(PHX_V1, first, "3|7|caf\xc3\xa9|e|{\"a\":[1]}|");
    assert_text(PHX_V2, second, "1|2|caf\xc3\xa9|e|{\"a\":[1,true,\"x\"]}|");
}

static void a_payload_nested_too_deep_is_refused(void **state)
{
    (void)state;
    struct buf text;
    buf_init(&text, SCRATCH_MAX);
    buf_put_literal(&text, "[null,null,\"t\",\"e\",");
    for (int i = 0; i < 1000; i++)
        buf_put_char(&text, '[');
    for (int i = 0; i < 1000; i++)
        buf_put_char(&text, ']');
    buf_put_char(&text, ']');
    assert_bad(PHX_V2, buf_bytes(&text), ERR_SYNTAX);
    buf_done(&text);
}

/* `unit` times `count` as one of the four strings. */
static enum err decode_long(size_t place, const char *unit, size_t count)
{
    struct buf text;
    struct buf log;
    buf_init(&text, SCRATCH_MAX);
    buf_init(&log, SCRATCH_MAX);
    buf_put_char(&text, '[');
    for (size_t i = 0; i < 4; i++) {
        buf_put_char(&text, '"');
        for (size_t n = 0; n < (i == place ? count : 1); n++)
            buf_put(&text, bytes_of(unit));
        buf_put_literal(&text, "\",");
    }
    buf_put_literal(&text, "{}]");
    enum err e = decode_text(PHX_V2, buf_bytes(&text), &log);
    buf_done(&text);
    buf_done(&log);
    return e;
}

static void strings_of_the_limit_pass_and_one_more_byte_does_not(void **state)
{
    (void)state;
    static const size_t max[] = {PHX_REF_MAX, PHX_REF_MAX, PHX_TOPIC_MAX, PHX_EVENT_MAX};
    for (size_t place = 0; place < 4; place++) {
        assert_int_equal(decode_long(place, "x", max[place]), OK);
        assert_int_equal(decode_long(place, "x", max[place] + 1), ERR_LIMIT);
        assert_int_equal(decode_long(place, "\\u0078", max[place]), OK);
        assert_int_equal(decode_long(place, "\\u0078", max[place] + 1), ERR_LIMIT);
        assert_int_equal(decode_long(place, "\\u0078", 5000), ERR_LIMIT);
    }
}

static void a_number_as_long_as_a_message_is_no_ref(void **state)
{
    (void)state;
    struct buf text;
    buf_init(&text, SCRATCH_MAX);
    buf_put_literal(&text, "[null,1");
    for (size_t i = 1; i < PHX_REF_MAX; i++)
        buf_put_char(&text, '0');
    buf_put_literal(&text, ",\"t\",\"e\",{}]");
    struct buf log;
    buf_init(&log, SCRATCH_MAX);
    assert_int_equal(decode_text(PHX_V2, buf_bytes(&text), &log), OK);
    text.size -= sizeof(",\"t\",\"e\",{}]") - 1;
    buf_put_literal(&text, "0,\"t\",\"e\",{}]");
    assert_int_equal(decode_text(PHX_V2, buf_bytes(&text), &log), ERR_LIMIT);
    buf_done(&text);
    buf_done(&log);
}

static void scratch_that_is_too_small_or_has_no_memory_is_an_error(void **state)
{
    (void)state;
    struct bytes text = BYTES("[null,null,\"\\u0041\",\"e\",{}]");
    struct phx_message m;
    struct buf scratch;
    buf_init(&scratch, 3);
    assert_int_equal(phx_decode_text(PHX_V2, text, &scratch, &m), ERR_LIMIT);
    buf_done(&scratch);
    buf_init(&scratch, SCRATCH_MAX);
    mem_fail_at(1);
    enum err e = phx_decode_text(PHX_V2, text, &scratch, &m);
    mem_fail_at(0);
    assert_int_equal(e, ERR_NOMEM);
    assert_int_equal(phx_decode_text(PHX_V2, text, &scratch, &m), OK); /* which resets it */
    assert_true(bytes_equal(m.topic, BYTES("A")));
    buf_done(&scratch);
}

static void a_string_of_escapes_takes_no_memory_when_it_is_too_long(void **state)
{
    (void)state;
    struct buf text, scratch;
    struct phx_message m;
    buf_init(&text, SCRATCH_MAX);
    buf_init(&scratch, SCRATCH_MAX);
    buf_put_literal(&text, "[null,null,\"");
    for (size_t i = 0; i <= PHX_TOPIC_MAX; i++)
        buf_put_literal(&text, "\\u0041");
    buf_put_literal(&text, "\",\"e\",{}]");
    assert_int_equal(phx_decode_text(PHX_V2, buf_bytes(&text), &scratch, &m), ERR_LIMIT);
    assert_null(scratch.data);
    buf_done(&text);
    buf_done(&scratch);
}

/* --- binary in --- */

static enum err decode_binary(struct bytes message, struct buf *log)
{
    struct phx_message m;
    char *copy = mem_copy(message);
    assert_non_null(copy);
    copy = mem_realloc(copy, message.size ? message.size : 1);
    enum err e = phx_decode_binary((struct bytes){copy, message.size}, &m);
    if (!e)
        log_message(log, &m);
    mem_free(copy);
    return e;
}

static void assert_binary(struct bytes message, const char *expected)
{
    struct buf log;
    buf_init(&log, SCRATCH_MAX);
    assert_int_equal(decode_binary(message, &log), OK);
    buf_put_char(&log, 0);
    assert_string_equal(log.data, expected);
    buf_done(&log);
}

static void assert_bad_binary(struct bytes message)
{
    struct buf log;
    buf_init(&log, SCRATCH_MAX);
    assert_int_equal(decode_binary(message, &log), ERR_SYNTAX);
    buf_done(&log);
}

static void a_user_broadcast_push_is_taken_apart(void **state)
{
    (void)state;
    assert_binary(BYTES("\x03\x01\x02\x05\x03\x02\x01"
                        "7"
                        "42"
                        "topic"
                        "evt"
                        "{}"
                        "{\"a\":1}"),
                  "7|42|topic|broadcast|evt|{}|1|{\"a\":1}|");
    assert_binary(BYTES("\x03\x00\x00\x01\x01\x00\x00"
                        "t"
                        "e"
                        "\xff\xfe"),
                  "~|~|t|broadcast|e||0|\xff\xfe|");
    assert_binary(BYTES("\x03\x00\x00\x00\x00\x00\x00"), "~|~||broadcast|||0||");
    assert_binary(BYTES("\x03\x00\x01\x01\x01\x10\x01"
                        "1"
                        "t"
                        "e"
                        "{\"persist\":true}"
                        "2"),
                  "~|1|t|broadcast|e|{\"persist\":true}|1|2|");
}

static void a_push_is_taken_apart(void **state)
{
    (void)state;
    assert_binary(BYTES("\x00\x01\x02\x05\x03"
                        "7"
                        "42"
                        "topic"
                        "evt"
                        "\x01\x02"),
                  "7|42|topic|evt|{}|\x01\x02|");
    assert_binary(BYTES("\x00\x00\x00\x00\x00"), "~|~|||{}||");
}

static void parts_may_be_255_bytes_long(void **state)
{
    (void)state;
    struct buf message;
    struct phx_message m;
    buf_init(&message, SCRATCH_MAX);
    buf_put(&message, BYTES("\x03\xff\xff\xff\xff\x00\x00"));
    for (size_t i = 0; i < 4 * 255; i++)
        buf_put_char(&message, (char)('a' + i / 255));
    assert_int_equal(phx_decode_binary(buf_bytes(&message), &m), OK);
    assert_int_equal(m.join_ref.size, 255);
    assert_int_equal(m.topic.size, 255);
    assert_int_equal(m.topic.data[254], 'c');
    assert_int_equal(m.broadcast_event.data[0], 'd');
    assert_int_equal(m.broadcast_payload.size, 0);
    message.size--;
    assert_int_equal(phx_decode_binary(buf_bytes(&message), &m), ERR_SYNTAX);
    buf_done(&message);
}

static void a_binary_message_cut_before_its_payload_is_refused(void **state)
{
    (void)state;
    struct bytes broadcast = BYTES("\x03\x01\x02\x05\x03\x02\x01"
                                   "7"
                                   "42"
                                   "topic"
                                   "evt"
                                   "{}");
    struct bytes push = BYTES("\x00\x01\x02\x05\x03"
                              "7"
                              "42"
                              "topic"
                              "evt");
    for (size_t size = 0; size < broadcast.size; size++)
        assert_bad_binary(bytes_slice(broadcast, 0, size));
    for (size_t size = 0; size < push.size; size++)
        assert_bad_binary(bytes_slice(push, 0, size));
    assert_binary(broadcast, "7|42|topic|broadcast|evt|{}|1||");
    assert_binary(push, "7|42|topic|evt|{}||");
}

static void other_kinds_and_encodings_are_refused(void **state)
{
    (void)state;
    for (int kind = 0; kind < 256; kind++) {
        char message[] = "\x03\0\0\0\0\0\0\0\0\0";
        message[0] = (char)(uint8_t)kind;
        if (kind != 0 && kind != 3)
            assert_bad_binary((struct bytes){message, sizeof(message)});
    }
    for (int encoding = 2; encoding < 256; encoding++) {
        char message[] = "\x03\0\0\0\0\0\0";
        message[6] = (char)(uint8_t)encoding;
        assert_bad_binary((struct bytes){message, sizeof(message) - 1});
    }
}

static void names_must_be_text_and_meta_an_object(void **state)
{
    (void)state;
    assert_bad_binary(BYTES("\x03\x01\x00\x00\x00\x00\x00\xff"));
    assert_bad_binary(BYTES("\x03\x00\x01\x00\x00\x00\x00\xff"));
    assert_bad_binary(BYTES("\x03\x00\x00\x01\x00\x00\x00\xc3"));
    assert_bad_binary(BYTES("\x03\x00\x00\x00\x01\x00\x00\xc3"));
    assert_bad_binary(BYTES("\x03\x00\x00\x00\x00\x02\x00[]"));
    assert_bad_binary(BYTES("\x03\x00\x00\x00\x00\x01\x00{"));
    assert_bad_binary(BYTES("\x03\x00\x00\x00\x00\x04\x00null"));
    assert_bad_binary(BYTES("\x00\x00\x00\x01\x00\xff"));
    /* A code point whose halves are in two parts is in none. */
    assert_bad_binary(BYTES("\x03\x00\x00\x01\x01\x00\x00\xc3\xa9"));
}

static void what_is_written_can_be_read(void **state)
{
    (void)state;
    struct buf out;
    struct bytes topic = BYTES("caf\xc3\xa9 \"\\\n\x01");
    buf_init(&out, SCRATCH_MAX);
    phx_put(&out, PHX_V2, BYTES("1"), (struct bytes){NULL, 0}, topic, BYTES("e"), BYTES("{}"));
    assert_text(PHX_V2, buf_bytes(&out), "1|~|caf\xc3\xa9 \"\\\n\x01|e|{}|");
    buf_reset(&out);
    phx_put(&out, PHX_V1, BYTES("1"), BYTES("2"), topic, BYTES("e"), BYTES("{}"));
    assert_text(PHX_V1, buf_bytes(&out), "~|2|caf\xc3\xa9 \"\\\n\x01|e|{}|");
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(versions_are_taken_by_range),
        cmocka_unit_test(other_versions_are_not_supported),
        cmocka_unit_test(version_1_messages_are_objects),
        cmocka_unit_test(the_last_of_two_equal_keys_counts),
        cmocka_unit_test(version_2_messages_are_arrays),
        cmocka_unit_test(numbers_are_refs_too),
        cmocka_unit_test(an_empty_ref_is_not_null),
        cmocka_unit_test(escapes_are_undone_in_every_field_at_once),
        cmocka_unit_test(strings_without_escapes_are_spans_of_the_message_and_take_no_memory),
        cmocka_unit_test(malformed_objects_are_refused),
        cmocka_unit_test(malformed_arrays_are_refused),
        cmocka_unit_test(a_text_cut_anywhere_is_refused),
        cmocka_unit_test(a_payload_nested_too_deep_is_refused),
        cmocka_unit_test(strings_of_the_limit_pass_and_one_more_byte_does_not),
        cmocka_unit_test(a_number_as_long_as_a_message_is_no_ref),
        cmocka_unit_test(scratch_that_is_too_small_or_has_no_memory_is_an_error),
        cmocka_unit_test(a_string_of_escapes_takes_no_memory_when_it_is_too_long),
        cmocka_unit_test(a_user_broadcast_push_is_taken_apart),
        cmocka_unit_test(a_push_is_taken_apart),
        cmocka_unit_test(parts_may_be_255_bytes_long),
        cmocka_unit_test(a_binary_message_cut_before_its_payload_is_refused),
        cmocka_unit_test(other_kinds_and_encodings_are_refused),
        cmocka_unit_test(names_must_be_text_and_meta_an_object),
        cmocka_unit_test(what_is_written_can_be_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
