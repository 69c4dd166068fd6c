#include "base/json.h"

#include "base/mem.h"
#include "base/utf8.h"
#include "check.h"

static const char row[] =
    " { \"id\" : \"0197a1b2-1111-7000-8000-000000000001\",\"quantity\":-12 ,\"price\":1500.50e+2,"
    "\"na\\u006de\":\"a\\\"b\\\\\\/\\b\\f\\n\\r\\t\\u20A6\\ud83c\\udf5e\",\"tags\":[ ],\"o\":{ },"
    "\"nested\":[1,{\"a\":[\"]}\",null,true,false]},\"x\"],\"gone\":null,\"\":0} \n";

static enum err parse(struct bytes text)
{
    struct json_value v;
    struct bytes boxed = check_boxed(text);
    enum err e = json_parse(boxed, &v);
    check_unbox(boxed);
    return e;
}

static struct json_value value_of(const char *text)
{
    struct json_value v = {JSON_NULL, {NULL, 0}};
    assert_int_equal(json_parse(bytes_of(text), &v), OK);
    return v;
}

static void value_of_every_type_is_accepted(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum json_type type;
    } cases[] = {
        {"null", JSON_NULL},       {" true ", JSON_TRUE},        {"\tfalse\r\n", JSON_FALSE},
        {"0", JSON_NUMBER},        {"-0.0e-0", JSON_NUMBER},     {"1E400", JSON_NUMBER},
        {"\"\"", JSON_STRING},     {"[]", JSON_ARRAY},           {"{}", JSON_OBJECT},
        {"[1,[2]]", JSON_ARRAY},   {"{\"a\":{}}", JSON_OBJECT},  {"\"\\u0000\"", JSON_STRING},
        {"\"\x7f\"", JSON_STRING}, {"\"\\ud800\"", JSON_STRING},
    };
    for (size_t i = 0; i < CHECK_COUNT(cases); i++) {
        struct json_value v = value_of(cases[i].text);
        assert_int_equal(v.type, cases[i].type);
        struct bytes trimmed = bytes_trim(bytes_of(cases[i].text));
        assert_true(bytes_starts_with(trimmed, v.raw));
    }
}

static void malformed_texts_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        " ",
        "nul",
        "nulll",
        "True",
        "01",
        "-",
        "+1",
        ".5",
        "1.",
        "1.e5",
        "1e",
        "1e+",
        "0x1",
        "NaN",
        "Infinity",
        "\"",
        "\"a",
        "\"\\\"",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u12g4\"",
        "\"\t\"",
        "\"\n\"",
        "'a'",
        "[",
        "]",
        "[1",
        "[1,",
        "[1,]",
        "[,1]",
        "[1 2]",
        "[1]]",
        "{",
        "}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{a:1}",
        "{\"a\" 1}",
        "{1:2}",
        "{\"a\":1",
        "{\"a\":1]",
        "[1}",
        "{,}",
        "{\"a\",1}",
        "1 2",
        "1,2",
        "// 1",
        "[1/**/]",
        "\xef\xbb\xbf[]",
        "\"\x80\"",
        "\"\xc0\x80\"",
        "\"\xed\xa0\x80\"",
        "\"\xff\"",
        "\xa0[]",
        "[1]\v",
        "-a",
        "-\"1\"",
        "tru e",
        "\"\\",
        "\"\\u",
    };
    for (size_t i = 0; i < CHECK_COUNT(bad); i++) {
        if (parse(bytes_of(bad[i])) != ERR_SYNTAX)
            fail_msg("%s", bad[i]);
    }
    assert_int_equal(parse(BYTES("1\0")), ERR_SYNTAX);
    assert_int_equal(parse(BYTES("\"a\0b\"")), ERR_SYNTAX);
    assert_int_equal(parse(BYTES("\"\\\0\"")), ERR_SYNTAX);
    assert_int_equal(parse((struct bytes){NULL, 0}), ERR_SYNTAX);
}

static void refused_text_leaves_the_result_alone(void **state)
{
    (void)state;
    struct json_value v = {JSON_TRUE, BYTES_INIT("mine")};
    assert_int_equal(json_parse(BYTES("[1,]"), &v), ERR_SYNTAX);
    assert_int_equal(v.type, JSON_TRUE);
    check_text(v.raw, "mine");
}

static void truncated_text_is_refused_at_every_point(void **state)
{
    (void)state;
    struct bytes whole = {row, sizeof(row) - 1};
    size_t complete = whole.size - 2;
    for (size_t size = 0; size <= whole.size; size++)
        assert_int_equal(parse(bytes_slice(whole, 0, size)), size < complete ? ERR_SYNTAX : OK);
}

/* Not all changes make the text bad; they must only never be read past their end, and what is
 * accepted must walk to its end. */
static void walk(struct json_value v, unsigned depth)
{
    assert_true(depth <= JSON_DEPTH_MAX);
    struct buf b;
    buf_init(&b, 1 << 20);
    if (v.type == JSON_STRING) {
        json_string_decode(&b, v.raw);
        assert_true(utf8_is_valid(buf_bytes(&b)));
        assert_true(json_string_equals(v.raw, buf_bytes(&b)));
    }
    struct json_iter it = json_iter(v);
    struct bytes key;
    struct json_value member;
    while (json_next(&it, &key, &member)) {
        assert_int_equal(key.size > 0, v.type == JSON_OBJECT);
        assert_int_equal(parse(member.raw), OK);
        walk(member, depth + 1);
    }
    buf_done(&b);
}

static void damaged_texts_are_refused_or_walk_to_their_end(void **state)
{
    (void)state;
    static const char spice[] = "{}[]\",:\\u0tn-1e. \x80\xe2\x01";
    struct rng r;
    rng_init(&r, 1);
    size_t accepted = 0;
    for (int i = 0; i < 5000; i++) {
        char text[sizeof(row)];
        memcpy(text, row, sizeof(row));
        for (uint64_t k = rng_below(&r, 3) + 1; k-- > 0;)
            text[rng_below(&r, sizeof(row) - 1)] = spice[rng_below(&r, sizeof(spice) - 1)];
        struct bytes boxed = check_boxed((struct bytes){text, sizeof(row) - 1});
        struct json_value v;
        if (json_parse(boxed, &v) == OK) {
            walk(v, 0);
            accepted++;
        }
        check_unbox(boxed);
    }
    assert_in_range(accepted, 100, 4900);
}

static void garbage_is_refused_without_harm(void **state)
{
    (void)state;
    static const char alphabet[] = "{}[]\",:\\u0123tfn-+eE. \t\n\x80\xc3\xa9\x01";
    struct rng r;
    rng_init(&r, 2);
    for (int i = 0; i < 20000; i++) {
        char text[24];
        size_t size = rng_below(&r, sizeof(text));
        for (size_t k = 0; k < size; k++)
            text[k] = alphabet[rng_below(&r, sizeof(alphabet) - 1)];
        struct bytes boxed = check_boxed((struct bytes){text, size});
        struct json_value v;
        if (json_parse(boxed, &v) == OK)
            walk(v, 0);
        check_unbox(boxed);
    }
}

static enum err parse_nested(size_t depth, const char *open, char close)
{
    struct buf b;
    buf_init(&b, 1 << 24);
    for (size_t i = 0; i < depth; i++)
        buf_put(&b, bytes_of(open));
    buf_put_char(&b, '1');
    for (size_t i = 0; i < depth && close; i++)
        buf_put_char(&b, close);
    enum err e = parse(buf_bytes(&b));
    buf_done(&b);
    return e;
}

static void depth_is_bounded(void **state)
{
    (void)state;
    assert_int_equal(parse_nested(JSON_DEPTH_MAX, "[", ']'), OK);
    assert_int_equal(parse_nested(JSON_DEPTH_MAX + 1, "[", ']'), ERR_LIMIT);
    assert_int_equal(parse_nested(JSON_DEPTH_MAX, "{\"a\":", '}'), OK);
    assert_int_equal(parse_nested(JSON_DEPTH_MAX + 1, "{\"a\":", '}'), ERR_LIMIT);
    assert_int_equal(parse_nested(1000000, "[", '\0'), ERR_LIMIT);
}

static void many_values_side_by_side_are_not_deep(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1 << 20);
    for (int i = 0; i < 1000; i++)
        buf_put(&b, i ? BYTES(",[]") : BYTES("[[]"));
    buf_put_char(&b, ']');
    assert_int_equal(parse(buf_bytes(&b)), OK);
    buf_done(&b);
}

static void members_of_an_object_come_in_order(void **state)
{
    (void)state;
    static const char *const want[][2] = {
        {"\"id\"", "\"0197a1b2-1111-7000-8000-000000000001\""},
        {"\"quantity\"", "-12"},
        {"\"price\"", "1500.50e+2"},
        {"\"na\\u006de\"", "\"a\\\"b\\\\\\/\\b\\f\\n\\r\\t\\u20A6\\ud83c\\udf5e\""},
        {"\"tags\"", "[ ]"},
        {"\"o\"", "{ }"},
        {"\"nested\"", "[1,{\"a\":[\"]}\",null,true,false]},\"x\"]"},
        {"\"gone\"", "null"},
        {"\"\"", "0"},
    };
    struct json_iter it = json_iter(value_of(row));
    struct bytes key;
    struct json_value v;
    for (size_t i = 0; i < CHECK_COUNT(want); i++) {
        assert_true(json_next(&it, &key, &v));
        check_text(key, want[i][0]);
        check_text(v.raw, want[i][1]);
        assert_int_equal(v.type, value_of(want[i][1]).type);
    }
    assert_false(json_next(&it, &key, &v));
    assert_false(json_next(&it, &key, &v));
}

static void members_of_an_array_have_no_key(void **state)
{
    (void)state;
    static const char *const want[] = {"1", "\"\"", "\"a\"", "{\"b\":2}", "[3]", "true", "-4"};
    struct json_iter it = json_iter(value_of("[1 ,\"\",\"a\", {\"b\":2},[3],true , -4 ]"));
    struct bytes key;
    struct json_value v;
    for (size_t i = 0; i < CHECK_COUNT(want); i++) {
        assert_true(json_next(&it, &key, &v));
        assert_int_equal(key.size, 0);
        check_text(v.raw, want[i]);
    }
    assert_false(json_next(&it, &key, &v));
}

static void plain_values_have_no_members(void **state)
{
    (void)state;
    static const char *const plain[] = {"1", "null", "\"[1]\"", "true", "[]", "{}", "[ ]", "{\n}"};
    for (size_t i = 0; i < CHECK_COUNT(plain); i++) {
        struct json_iter it = json_iter(value_of(plain[i]));
        struct bytes key;
        struct json_value v;
        assert_false(json_next(&it, &key, &v));
    }
}

static void get_finds_the_member_of_that_name(void **state)
{
    (void)state;
    struct json_value object = value_of(row);
    struct json_value v;
    assert_int_equal(json_get(object, BYTES("quantity"), &v), OK);
    check_text(v.raw, "-12");
    assert_int_equal(json_get(object, BYTES("name"), &v), OK);
    assert_int_equal(v.type, JSON_STRING);
    assert_int_equal(json_get(object, BYTES(""), &v), OK);
    check_text(v.raw, "0");
    assert_int_equal(json_get(object, BYTES("gone"), &v), OK);
    assert_int_equal(v.type, JSON_NULL);
}

static void get_does_not_find_what_is_not_there(void **state)
{
    (void)state;
    struct json_value v = {JSON_TRUE, BYTES_INIT("mine")};
    struct json_value object = value_of(row);
    static const char *const absent[] = {"a", "quantit", "quantityy", "Id", "na\\u006de", "-12"};
    for (size_t i = 0; i < CHECK_COUNT(absent); i++)
        assert_int_equal(json_get(object, bytes_of(absent[i]), &v), ERR_NOT_FOUND);
    assert_int_equal(json_get(value_of("[\"a\",1]"), BYTES("a"), &v), ERR_NOT_FOUND);
    assert_int_equal(json_get(value_of("\"a\""), BYTES("a"), &v), ERR_NOT_FOUND);
    assert_int_equal(json_get(value_of("{}"), BYTES("a"), &v), ERR_NOT_FOUND);
    check_text(v.raw, "mine");
}

static void last_member_of_a_name_wins(void **state)
{
    (void)state;
    struct json_value v;
    struct json_value object = value_of("{\"a\":1,\"b\":2,\"\\u0061\":3,\"c\":{\"a\":4}}");
    assert_int_equal(json_get(object, BYTES("a"), &v), OK);
    check_text(v.raw, "3");
}

static void check_decoded(const char *raw, struct bytes want)
{
    struct buf b;
    buf_init(&b, 1000);
    struct bytes boxed = check_boxed(bytes_of(raw));
    json_string_decode(&b, boxed);
    check_bytes(buf_bytes(&b), want, __FILE__, __LINE__);
    assert_true(json_string_equals(boxed, want));
    assert_false(json_string_equals(boxed, BYTES("something else")));
    check_unbox(boxed);
    buf_done(&b);
}

static void escapes_are_undone(void **state)
{
    (void)state;
    check_decoded("\"\"", BYTES(""));
    check_decoded("\"plain\"", BYTES("plain"));
    check_decoded("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", BYTES("\"\\/\b\f\n\r\t"));
    check_decoded("\"a\\u0000b\"", BYTES("a\0b"));
    check_decoded("\"\\u00e9\\u20a6\\uFFFF\"", BYTES("\xc3\xa9\xe2\x82\xa6\xef\xbf\xbf"));
    check_decoded("\"\\ud83c\\uDF5E!\"", BYTES("\xf0\x9f\x8d\x9e!"));
    check_decoded("\"\\udbff\\udfff\"", BYTES("\xf4\x8f\xbf\xbf"));
}

static void lone_surrogates_become_replacement_characters(void **state)
{
    (void)state;
    check_decoded("\"\\ud83c\"", BYTES("\xef\xbf\xbd"));
    check_decoded("\"\\udf5e\"", BYTES("\xef\xbf\xbd"));
    check_decoded("\"\\ud83cx\"", BYTES("\xef\xbf\xbdx"));
    check_decoded("\"\\ud83c\\n\"", BYTES("\xef\xbf\xbd\n"));
    check_decoded("\"\\ud83c\\u0041\"", BYTES("\xef\xbf\xbd"
                                              "A"));
    check_decoded("\"\\ud83c\\ud83c\\udf5e\"", BYTES("\xef\xbf\xbd\xf0\x9f\x8d\x9e"));
    check_decoded("\"\\udf5e\\ud83c\"", BYTES("\xef\xbf\xbd\xef\xbf\xbd"));
}

static void equality_looks_through_escapes(void **state)
{
    (void)state;
    assert_true(json_string_equals(BYTES("\"a\\u0062c\""), BYTES("abc")));
    assert_false(json_string_equals(BYTES("\"a\\u0062c\""), BYTES("abcd")));
    assert_false(json_string_equals(BYTES("\"a\\u0062c\""), BYTES("ab")));
    assert_false(json_string_equals(BYTES("\"a\\nb\""), BYTES("a\\nb")));
    assert_true(json_string_equals(BYTES("\"a\\\\nb\""), BYTES("a\\nb")));
    assert_false(json_string_equals(BYTES("\"abc\""), BYTES("abd")));
    assert_false(json_string_equals(BYTES("\"abc\""), BYTES("")));
    assert_false(json_string_equals(BYTES("\"\""), BYTES("a")));
}

static void whole_numbers_are_read(void **state)
{
    (void)state;
    int64_t n = 42;
    assert_int_equal(json_to_i64(value_of("-9223372036854775808"), &n), OK);
    assert_true(n == INT64_MIN);
    n = 42;
    assert_int_equal(json_to_i64(value_of("9223372036854775808"), &n), ERR_RANGE);
    assert_int_equal(json_to_i64(value_of("1.5"), &n), ERR_RANGE);
    assert_int_equal(json_to_i64(value_of("1e3"), &n), ERR_RANGE);
    assert_int_equal(json_to_i64(value_of("\"1\""), &n), ERR_TYPE);
    assert_int_equal(json_to_i64(value_of("null"), &n), ERR_TYPE);
    assert_int_equal(json_to_i64(value_of("[1]"), &n), ERR_TYPE);
    assert_int_equal(n, 42);
}

static void booleans_are_read(void **state)
{
    (void)state;
    bool b = false;
    assert_int_equal(json_to_bool(value_of("true"), &b), OK);
    assert_true(b);
    assert_int_equal(json_to_bool(value_of("\"false\""), &b), OK);
    assert_false(b);
    assert_int_equal(json_to_bool(value_of("\"tru\\u0065\""), &b), OK);
    assert_true(b);
    assert_int_equal(json_to_bool(value_of("false"), &b), OK);
    assert_false(b);
    assert_int_equal(json_to_bool(value_of("1"), &b), ERR_TYPE);
    assert_int_equal(json_to_bool(value_of("\"yes\""), &b), ERR_TYPE);
    assert_int_equal(json_to_bool(value_of("null"), &b), ERR_TYPE);
}

static void check_written(struct bytes text, const char *want)
{
    struct buf b;
    buf_init(&b, 1000);
    struct bytes boxed = check_boxed(text);
    json_put_string(&b, boxed);
    check_text(buf_bytes(&b), want);
    assert_int_equal(parse(buf_bytes(&b)), OK);
    check_unbox(boxed);
    buf_done(&b);
}

static void strings_are_written_with_escapes(void **state)
{
    (void)state;
    check_written((struct bytes){NULL, 0}, "\"\"");
    check_written(BYTES("plain text, long enough"), "\"plain text, long enough\"");
    check_written(BYTES("\"\\/\b\f\n\r\t"), "\"\\\"\\\\/\\b\\f\\n\\r\\t\"");
    check_written(BYTES("a\0b\x1f\x7f"), "\"a\\u0000b\\u001f\x7f\"");
    check_written(BYTES("\xc3\xa9\xf0\x9f\x8d\x9e"), "\"\xc3\xa9\xf0\x9f\x8d\x9e\"");
}

static void invalid_utf8_is_written_as_replacement_characters(void **state)
{
    (void)state;
    check_written(BYTES("\xff"), "\"\xef\xbf\xbd\"");
    check_written(BYTES("a\xc3"), "\"a\xef\xbf\xbd\"");
    check_written(BYTES("\xed\xa0\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
    check_written(BYTES("eight or more\xc0.and more"), "\"eight or more\xef\xbf\xbd.and more\"");
}

static void written_strings_are_read_back(void **state)
{
    (void)state;
    struct rng r;
    rng_init(&r, 3);
    for (int i = 0; i < 3000; i++) {
        struct buf text, json, back;
        buf_init(&text, 1000);
        buf_init(&json, 1000);
        buf_init(&back, 1000);
        for (uint64_t k = rng_below(&r, 30); k-- > 0;) {
            char unit[4];
            uint64_t below = rng_below(&r, 2) ? 0x110000 : 0x80;
            size_t size = utf8_encode((uint32_t)rng_below(&r, below), unit);
            buf_put(&text, (struct bytes){unit, size});
        }
        json_put_string(&json, buf_bytes(&text));
        assert_int_equal(parse(buf_bytes(&json)), OK);
        json_string_decode(&back, buf_bytes(&json));
        assert_true(bytes_equal(buf_bytes(&back), buf_bytes(&text)));
        assert_true(json_string_equals(buf_bytes(&json), buf_bytes(&text)));
        buf_done(&text);
        buf_done(&json);
        buf_done(&back);
    }
}

static void keys_are_parted_by_commas(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1000);
    buf_put_char(&b, '{');
    json_put_key(&b, BYTES("a"));
    buf_put_literal(&b, "[{");
    json_put_key(&b, BYTES("\"b"));
    buf_put_literal(&b, "1}]");
    json_put_key(&b, BYTES("c"));
    buf_put_literal(&b, "2}");
    check_text(buf_bytes(&b), "{\"a\":[{\"\\\"b\":1}],\"c\":2}");
    buf_done(&b);
}

static void buffer_errors_stay_in_the_buffer(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 6);
    json_put_string(&b, BYTES("a\nb\xff"
                              "cdefgh"));
    assert_int_equal(b.err, ERR_LIMIT);
    assert_true(b.size <= 6);
    buf_reset(&b);
    json_string_decode(&b, BYTES("\"abc\\ndefgh\""));
    assert_int_equal(b.err, ERR_LIMIT);
    buf_done(&b);
    buf_init(&b, 100);
    mem_fail_at(1);
    json_put_key(&b, BYTES("a"));
    mem_fail_at(0);
    assert_int_equal(b.err, ERR_NOMEM);
    buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(value_of_every_type_is_accepted),
        cmocka_unit_test(malformed_texts_are_refused),
        cmocka_unit_test(refused_text_leaves_the_result_alone),
        cmocka_unit_test(truncated_text_is_refused_at_every_point),
        cmocka_unit_test(damaged_texts_are_refused_or_walk_to_their_end),
        cmocka_unit_test(garbage_is_refused_without_harm),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(many_values_side_by_side_are_not_deep),
        cmocka_unit_test(members_of_an_object_come_in_order),
        cmocka_unit_test(members_of_an_array_have_no_key),
        cmocka_unit_test(plain_values_have_no_members),
        cmocka_unit_test(get_finds_the_member_of_that_name),
        cmocka_unit_test(get_does_not_find_what_is_not_there),
        cmocka_unit_test(last_member_of_a_name_wins),
        cmocka_unit_test(escapes_are_undone),
        cmocka_unit_test(lone_surrogates_become_replacement_characters),
        cmocka_unit_test(equality_looks_through_escapes),
        cmocka_unit_test(whole_numbers_are_read),
        cmocka_unit_test(booleans_are_read),
        cmocka_unit_test(strings_are_written_with_escapes),
        cmocka_unit_test(invalid_utf8_is_written_as_replacement_characters),
        cmocka_unit_test(written_strings_are_read_back),
        cmocka_unit_test(keys_are_parted_by_commas),
        cmocka_unit_test(buffer_errors_stay_in_the_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
