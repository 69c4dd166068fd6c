#include "change/value.h"

#include "check.h"

#define UUID "0190c2f4-5b6a-7c3d-8e9f-a0b1c2d3e4f5"
#define UUID_UPPER "0190C2F4-5B6A-7C3D-8E9F-A0B1C2D3E4F5"

static const struct column uuid = {.type = TYPE_UUID}, text = {.type = TYPE_TEXT},
                           int4 = {.type = TYPE_INT4}, int8 = {.type = TYPE_INT8},
                           money = {.type = TYPE_NUMERIC, .scale = 2, .precision = 12},
                           whole = {.type = TYPE_NUMERIC},
                           exact = {.type = TYPE_NUMERIC, .scale = 18},
                           boolean = {.type = TYPE_BOOL}, timestamp = {.type = TYPE_TIMESTAMPTZ},
                           date = {.type = TYPE_DATE}, jsonb = {.type = TYPE_JSONB};

/* What a cast should give: a number, a text, or an error. */
struct expected {
    enum err err;
    int64_t number;
    const char *text;
    bool is_between, is_null;
};
#define NUMBER(n)                                                                                  \
    {                                                                                              \
        .number = (n)                                                                              \
    }
#define BETWEEN(n)                                                                                 \
    {                                                                                              \
        .number = (n), .is_between = true                                                          \
    }
#define TEXT(t)                                                                                    \
    {                                                                                              \
        .text = (t)                                                                                \
    }
#define FAILS(e)                                                                                   \
    {                                                                                              \
        .err = (e)                                                                                 \
    }

static void check_value(const char *input, enum err e, const struct value *v,
                        const struct expected *want)
{
    if (e != want->err || (!e && want->text == NULL && !want->is_null &&
                           (v->kind != VALUE_INT || v->number != want->number ||
                            v->is_between != want->is_between))) {
        print_error("%s: err %d, number %lld between %d; want %d, %lld\n", input, e,
                    (long long)v->number, v->is_between, want->err, (long long)want->number);
        fail();
    }
    if (e)
        return;
    if (want->is_null)
        assert_int_equal(v->kind, VALUE_NULL);
    if (want->text) {
        assert_int_equal(v->kind, VALUE_TEXT);
        check_text(v->text, want->text);
    }
}

struct cast_case {
    const struct column *column;
    const char *input;
    struct expected want;
};

static const struct cast_case text_cases[] = {
    {&uuid, UUID, TEXT(UUID)},
    {&uuid, UUID_UPPER, TEXT(UUID)},
    {&uuid, "{" UUID_UPPER "}", TEXT(UUID)},
    {&uuid, "0190c2f45b6a7c3d8e9fa0b1c2d3e4f5", TEXT(UUID)},
    {&uuid, "0190-c2f4-5b6a-7c3d-8e9f-a0b1-c2d3-e4f5", TEXT(UUID)},
    {&uuid, "", FAILS(ERR_TYPE)},
    {&uuid, "{" UUID, FAILS(ERR_TYPE)},
    {&uuid, UUID "0", FAILS(ERR_TYPE)},
    {&uuid, UUID "-", FAILS(ERR_TYPE)},
    {&uuid, " " UUID, FAILS(ERR_TYPE)},
    {&uuid, "0190c2f4-5b6a-7c3d-8e9f-a0b1c2d3e4f", FAILS(ERR_TYPE)},
    {&uuid, "0190c2f4-5b6a-7c3d-8e9f-a0b1c2d3e4fg", FAILS(ERR_TYPE)},
    {&uuid, "01-90c2f45b6a7c3d8e9fa0b1c2d3e4f5", FAILS(ERR_TYPE)},
    {&text, "", TEXT("")},
    {&text, "null", TEXT("null")},
    {&text, " a \"b\" \\u0000 ", TEXT(" a \"b\" \\u0000 ")},
    {&text, "br\xc3\xb6tchen", TEXT("br\xc3\xb6tchen")},
    {&text, "br\xc3", FAILS(ERR_SYNTAX)},
    {&int4, "0", NUMBER(0)},
    {&int4, "-0", NUMBER(0)},
    {&int4, "+12", NUMBER(12)},
    {&int4, "  \t7\n", NUMBER(7)},
    {&int4, "0000000000000000000000000000012", NUMBER(12)},
    {&int4, "2147483647", NUMBER(2147483647)},
    {&int4, "-2147483648", NUMBER(-2147483647 - 1)},
    {&int4, "2147483648", FAILS(ERR_RANGE)},
    {&int4, "-2147483649", FAILS(ERR_RANGE)},
    {&int4, "99999999999999999999999999", FAILS(ERR_RANGE)},
    {&int4, "99999999999999999999999999x", FAILS(ERR_TYPE)},
    {&int4, "", FAILS(ERR_TYPE)},
    {&int4, "-", FAILS(ERR_TYPE)},
    {&int4, "+-1", FAILS(ERR_TYPE)},
    {&int4, "1.0", FAILS(ERR_TYPE)},
    {&int4, "1e3", FAILS(ERR_TYPE)},
    {&int4, "1 2", FAILS(ERR_TYPE)},
    {&int4, "NULL", FAILS(ERR_TYPE)},
    {&int8, "9223372036854775807", NUMBER(INT64_MAX)},
    {&int8, "-9223372036854775808", NUMBER(INT64_MIN)},
    {&int8, "9223372036854775808", FAILS(ERR_RANGE)},
    {&int8, "-9223372036854775809", FAILS(ERR_RANGE)},
    {&money, "0", NUMBER(0)},
    {&money, "-0.00", NUMBER(0)},
    {&money, "1500.5", NUMBER(150050)},
    {&money, "1500.50", NUMBER(150050)},
    {&money, "1500.500000", NUMBER(150050)},
    {&money, ".5", NUMBER(50)},
    {&money, "5.", NUMBER(500)},
    {&money, "+0007.25", NUMBER(725)},
    {&money, "-0.05", NUMBER(-5)},
    {&money, "0.001", BETWEEN(0)},
    {&money, "-0.001", BETWEEN(-1)},
    {&money, "12.345", BETWEEN(1234)},
    {&money, "-12.345", BETWEEN(-1235)},
    {&money, "12.3400000000000000000000000000000000001", BETWEEN(1234)},
    {&money, "1e3", NUMBER(100000)},
    {&money, "1E+3", NUMBER(100000)},
    {&money, "12.5e-1", NUMBER(125)},
    {&money, "12.5e-2", BETWEEN(12)},
    {&money, "0.00012e4", NUMBER(120)},
    {&money, "1e-400000000000000000000", BETWEEN(0)},
    {&money, "-1e-4000000", BETWEEN(-1)},
    {&money, "0e999999999999999999999999", NUMBER(0)},
    {&money, "0.000e5", NUMBER(0)},
    {&money, "1e999999999999999999999999", FAILS(ERR_RANGE)},
    {&money, "92233720368547758.07", NUMBER(INT64_MAX)},
    {&money, "-92233720368547758.07", NUMBER(-INT64_MAX)},
    {&money, "-92233720368547758.071", BETWEEN(INT64_MIN)},
    {&money, "92233720368547758.08", FAILS(ERR_RANGE)},
    {&money, "-92233720368547758.08", NUMBER(INT64_MIN)},
    {&money, "-92233720368547758.081", FAILS(ERR_RANGE)},
    {&money, "-92233720368547758.09", FAILS(ERR_RANGE)},
    {&money, "1e17", FAILS(ERR_RANGE)},
    {&money, "", FAILS(ERR_TYPE)},
    {&money, ".", FAILS(ERR_TYPE)},
    {&money, "-", FAILS(ERR_TYPE)},
    {&money, "e5", FAILS(ERR_TYPE)},
    {&money, "1e", FAILS(ERR_TYPE)},
    {&money, "1e+", FAILS(ERR_TYPE)},
    {&money, "1e5.0", FAILS(ERR_TYPE)},
    {&money, "1.2.3", FAILS(ERR_TYPE)},
    {&money, "1,5", FAILS(ERR_TYPE)},
    {&money, "NaN", FAILS(ERR_TYPE)},
    {&money, "0x10", FAILS(ERR_TYPE)},
    {&whole, "2.5", BETWEEN(2)},
    {&whole, "9223372036854775807", NUMBER(INT64_MAX)},
    {&exact, "9.223372036854775807", NUMBER(INT64_MAX)},
    {&exact, "0.000000000000000001", NUMBER(1)},
    {&boolean, "t", NUMBER(1)},
    {&boolean, "TRUE", NUMBER(1)},
    {&boolean, "Yes", NUMBER(1)},
    {&boolean, "on", NUMBER(1)},
    {&boolean, "1", NUMBER(1)},
    {&boolean, " f ", NUMBER(0)},
    {&boolean, "False", NUMBER(0)},
    {&boolean, "no", NUMBER(0)},
    {&boolean, "OFF", NUMBER(0)},
    {&boolean, "0", NUMBER(0)},
    {&boolean, "o", FAILS(ERR_TYPE)},
    {&boolean, "", FAILS(ERR_TYPE)},
    {&boolean, "2", FAILS(ERR_TYPE)},
    {&boolean, "truely", FAILS(ERR_TYPE)},
    {&timestamp, "1970-01-01T00:00:00Z", NUMBER(0)},
    {&timestamp, "1970-01-01 00:00:00.000001+00", NUMBER(1)},
    {&timestamp, "1970-01-01T01:00:00+01:00", NUMBER(0)},
    {&timestamp, " 1970-01-02 ", NUMBER(86400000000)},
    {&timestamp, "1969-12-31T23:59:59Z", NUMBER(-1000000)},
    {&timestamp, "yesterday", FAILS(ERR_TYPE)},
    {&timestamp, "", FAILS(ERR_TYPE)},
    {&date, "2026-08-21", TEXT("2026-08-21")},
    {&date, " 2026-08-21 ", TEXT("2026-08-21")},
    {&date, "2026-08-21T23:59:59-05:00", TEXT("2026-08-21")},
    {&date, "2024-02-29", TEXT("2024-02-29")},
    {&date, "2026-08-2", FAILS(ERR_TYPE)},
    {&date, "2026-08-21x", FAILS(ERR_TYPE)},
    {&date, "", FAILS(ERR_TYPE)},
    {&jsonb, " {\"a\": [1, \"\\\\u0000\"]} ", TEXT("{\"a\": [1, \"\\\\u0000\"]}")},
    {&jsonb, "null", TEXT("null")},
    {&jsonb, "{a:1}", FAILS(ERR_TYPE)},
    {&jsonb, "", FAILS(ERR_TYPE)},
    {&jsonb, "\"\\u0000\"", FAILS(ERR_SYNTAX)},
    {&jsonb, "\"x\\n\\u0000\"", FAILS(ERR_SYNTAX)},
};

static const struct cast_case json_cases[] = {
    {&uuid, "null", {.is_null = true}},
    {&jsonb, "null", {.is_null = true}},
    {&uuid, "\"" UUID_UPPER "\"", TEXT(UUID)},
    {&uuid, "\"\\u0030190c2f4-5b6a-7c3d-8e9f-a0b1c2d3e4f5\"", TEXT(UUID)},
    {&uuid, "5", FAILS(ERR_TYPE)},
    {&text, "\"\"", TEXT("")},
    {&text, "\"a\\n\\\"\\u00f6\\ud83c\\udf5e\"", TEXT("a\n\"\xc3\xb6\xf0\x9f\x8d\x9e")},
    {&text, "\"\\\\u0000\"", TEXT("\\u0000")},
    {&text, "\"\\u0000\"", FAILS(ERR_SYNTAX)},
    {&text, "\"bread\\u0000\"", FAILS(ERR_SYNTAX)},
    {&text, "12.50", TEXT("12.50")},
    {&text, "true", TEXT("true")},
    {&text, "{\"a\": 1}", TEXT("{\"a\": 1}")},
    {&text, "[1, 2]", TEXT("[1, 2]")},
    {&int4, "12", NUMBER(12)},
    {&int4, "\"12\"", NUMBER(12)},
    {&int4, "12.0", FAILS(ERR_TYPE)},
    {&int4, "true", FAILS(ERR_TYPE)},
    {&int4, "2147483648", FAILS(ERR_RANGE)},
    {&int4, "[]", FAILS(ERR_TYPE)},
    {&int8, "-9223372036854775808", NUMBER(INT64_MIN)},
    {&money, "1500.5", NUMBER(150050)},
    {&money, "\"1500.5\"", NUMBER(150050)},
    {&money, "1e3", NUMBER(100000)},
    {&money, "0.005", NUMBER(1)},
    {&money, "-0.005", NUMBER(-1)},
    {&money, "0.0049999999999999999999999", NUMBER(0)},
    {&money, "-0.001", NUMBER(0)},
    {&money, "0.05e-1", NUMBER(1)},
    {&money, "0.5e-2", NUMBER(1)},
    {&money, "5e-3", NUMBER(1)},
    {&money, "5e-4", NUMBER(0)},
    {&money, "9.995", NUMBER(1000)},
    {&money, "9999999999.99", NUMBER(999999999999)},
    {&money, "9999999999.994", NUMBER(999999999999)},
    {&money, "9999999999.995", FAILS(ERR_RANGE)},
    {&money, "10000000000", FAILS(ERR_RANGE)},
    {&money, "-10000000000", FAILS(ERR_RANGE)},
    {&money, "1e400", FAILS(ERR_RANGE)},
    {&money, "\"x\"", FAILS(ERR_TYPE)},
    {&money, "{}", FAILS(ERR_TYPE)},
    {&exact, "9.2233720368547758075", FAILS(ERR_RANGE)},
    {&whole, "9223372036854775807.4", NUMBER(INT64_MAX)},
    {&whole, "9223372036854775807.5", FAILS(ERR_RANGE)},
    {&whole, "-9223372036854775808.4", NUMBER(INT64_MIN)},
    {&whole, "-9223372036854775808.5", FAILS(ERR_RANGE)},
    {&whole, "9223372036854775808", FAILS(ERR_RANGE)},
    {&whole, "99999999999999999999", FAILS(ERR_RANGE)},
    {&boolean, "true", NUMBER(1)},
    {&boolean, "false", NUMBER(0)},
    {&boolean, "\"yes\"", NUMBER(1)},
    {&boolean, "1", NUMBER(1)},
    {&boolean, "2", FAILS(ERR_TYPE)},
    {&timestamp, "\"1970-01-01T00:00:00.5+00:00\"", NUMBER(500000)},
    {&timestamp, "0", FAILS(ERR_TYPE)},
    {&date, "\"2026-08-21\"", TEXT("2026-08-21")},
    {&jsonb, "{\"a\": \"x\"}", TEXT("{\"a\": \"x\"}")},
    {&jsonb, "\"{}\"", TEXT("\"{}\"")},
    {&jsonb, "{\"\\u0000\":1}", FAILS(ERR_SYNTAX)},
};

static void texts_of_queries_are_cast_as_postgresql_does(void **state)
{
    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(text_cases); i++) {
        const struct cast_case *c = &text_cases[i];
        struct bytes input = check_boxed(bytes_of(c->input));
        struct value v = {0};
        struct arena scratch;
        arena_init(&scratch, 1 << 16);
        enum err e = value_from_text(c->column, input, &scratch, &v);
        check_value(c->input, e, &v, &c->want);
        arena_done(&scratch);
        check_unbox(input);
    }
}

static void json_values_are_cast_as_postgresql_does(void **state)
{
    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(json_cases); i++) {
        const struct cast_case *c = &json_cases[i];
        struct bytes input = check_boxed(bytes_of(c->input));
        struct json_value json;
        struct value v = {0};
        struct arena scratch;
        arena_init(&scratch, 1 << 16);
        assert_int_equal(json_parse(input, &json), OK);
        enum err e = value_from_json(c->column, json, &scratch, &v);
        check_value(c->input, e, &v, &c->want);
        arena_done(&scratch);
        check_unbox(input);
    }
}

static void a_zero_byte_is_no_text(void **state)
{
    (void)state;
    struct value v;
    assert_int_equal(value_from_text(&text, BYTES("a\0b"), NULL, &v), ERR_SYNTAX);
    assert_int_equal(value_from_text(&uuid, BYTES("a\0b"), NULL, &v), ERR_TYPE);
    assert_int_equal(value_from_text(&int4, BYTES("1\0"), NULL, &v), ERR_TYPE);
}

static void values_that_need_no_change_take_no_memory(void **state)
{
    (void)state;
    struct value v;
    struct arena scratch;
    arena_init(&scratch, 1 << 16);
    mem_fail_at(1);
    assert_int_equal(value_from_text(&uuid, BYTES(UUID), &scratch, &v), OK);
    assert_int_equal(value_from_text(&text, BYTES("bread"), &scratch, &v), OK);
    struct json_value plain = {JSON_STRING, BYTES("\"bread\"")};
    assert_int_equal(value_from_json(&text, plain, &scratch, &v), OK);
    assert_false(mem_fail_hit());
    mem_fail_at(0);
    assert_int_equal(scratch.total, 0);
}

static void without_memory_the_cast_fails(void **state)
{
    (void)state;
    struct json_value escaped = {JSON_STRING, BYTES("\"br\\u00f6tchen\"")};
    uint64_t n = 1;
    for (bool has_failed = true; has_failed; n++) {
        struct value v;
        struct arena scratch;
        arena_init(&scratch, 1 << 16);
        mem_fail_at(n);
        enum err e = value_from_json(&text, escaped, &scratch, &v);
        if (!e)
            e = value_from_text(&uuid, BYTES(UUID_UPPER), &scratch, &v);
        has_failed = mem_fail_hit();
        mem_fail_at(0);
        assert_int_equal(e, has_failed ? ERR_NOMEM : OK);
        arena_done(&scratch);
    }
    assert_true(n > 2);
}

static void check_shown(const struct column *c, struct value v, const char *json, const char *plain)
{
    struct buf out;
    buf_init(&out, 1000);
    value_put_json(&out, c, v);
    check_text(buf_bytes(&out), json);
    buf_reset(&out);
    value_put_text(&out, c, v);
    check_text(buf_bytes(&out), plain);
    buf_done(&out);
}

static struct value of_int(int64_t n)
{
    return (struct value){.kind = VALUE_INT, .number = n};
}

static struct value of_text(const char *t)
{
    return (struct value){.kind = VALUE_TEXT, .text = bytes_of(t)};
}

static void values_are_shown_as_postgresql_shows_them(void **state)
{
    (void)state;
    check_shown(&money, of_int(150050), "1500.50", "1500.50");
    check_shown(&money, of_int(-5), "-0.05", "-0.05");
    check_shown(&money, of_int(0), "0.00", "0.00");
    check_shown(&money, of_int(100), "1.00", "1.00");
    check_shown(&money, of_int(INT64_MIN), "-92233720368547758.08", "-92233720368547758.08");
    check_shown(&whole, of_int(-7), "-7", "-7");
    check_shown(&exact, of_int(1), "0.000000000000000001", "0.000000000000000001");
    check_shown(&int8, of_int(INT64_MIN), "-9223372036854775808", "-9223372036854775808");
    check_shown(&boolean, of_int(1), "true", "true");
    check_shown(&boolean, of_int(0), "false", "false");
    check_shown(&timestamp, of_int(1500000), "\"1970-01-01T00:00:01.5+00:00\"",
                "1970-01-01T00:00:01.5+00:00");
    check_shown(&date, of_text("2026-08-21"), "\"2026-08-21\"", "2026-08-21");
    check_shown(&text, of_text("a\"\n"), "\"a\\\"\\n\"", "a\"\n");
    check_shown(&jsonb, of_text("{\"a\": 1}"), "{\"a\": 1}", "{\"a\": 1}");
    check_shown(&text, (struct value){.kind = VALUE_NULL}, "null", "");
}

/* What is shown is read back as the same value. */
static void random_numbers_go_round(void **state)
{
    (void)state;
    static const struct column *const columns[] = {&whole, &exact, &int8, &timestamp};
    struct rng rng;
    struct buf out;
    buf_init(&out, 1000);
    rng_init(&rng, 4711);
    for (int i = 0; i < 4000; i++) {
        const struct column *c = columns[rng_below(&rng, CHECK_COUNT(columns))];
        /* Years 1653 to 2286 for times, all of them for numbers. */
        unsigned shift = c == &timestamp ? 10 : (unsigned)rng_below(&rng, 63);
        int64_t n = (int64_t)rng_next(&rng) / ((int64_t)1 << shift);
        struct json_value json;
        struct value v = {0};
        buf_reset(&out);
        value_put_json(&out, c, of_int(n));
        assert_int_equal(json_parse(buf_bytes(&out), &json), OK);
        assert_int_equal(value_from_json(c, json, NULL, &v), OK);
        assert_int_equal(v.number, n);
        buf_reset(&out);
        value_put_text(&out, c, of_int(n));
        assert_int_equal(value_from_text(c, buf_bytes(&out), NULL, &v), OK);
        assert_int_equal(v.number, n);
        assert_false(v.is_between);
    }
    buf_done(&out);
}

static void order_is_that_of_the_type(void **state)
{
    (void)state;
    assert_true(value_compare(of_int(-5), of_int(3)) < 0);
    assert_true(value_compare(of_int(INT64_MAX), of_int(INT64_MIN)) > 0);
    assert_int_equal(value_compare(of_int(3), of_int(3)), 0);
    assert_true(value_compare(of_text("a"), of_text("b")) < 0);
    assert_true(value_compare(of_text("B"), of_text("a")) < 0);
    assert_true(value_compare(of_text("a"), of_text("ab")) < 0);
    assert_int_equal(value_compare(of_text("a"), of_text("a")), 0);
}

static void what_lies_between_is_never_equal(void **state)
{
    (void)state;
    struct value between = of_int(2);
    between.is_between = true; /* 2.5 */
    assert_true(value_compare(of_int(2), between) < 0);
    assert_true(value_compare(of_int(3), between) > 0);
    assert_true(value_compare(of_int(1), between) < 0);
    assert_true(value_compare(between, of_int(2)) > 0);
    assert_true(value_compare(between, of_int(3)) < 0);
    assert_true(value_compare(between, between) != 0);
}

static void cast_errors_say_what_postgresql_says(void **state)
{
    (void)state;
    static const struct {
        const struct column *column;
        const char *input, *message;
    } cases[] = {
        {&uuid, "x", "invalid input syntax for type uuid: \"x\""},
        {&int4, "1.5", "invalid input syntax for type integer: \"1.5\""},
        {&int4, "3000000000", "value \"3000000000\" is out of range for type integer"},
        {&int8, "", "invalid input syntax for type bigint: \"\""},
        {&money, "a", "invalid input syntax for type numeric: \"a\""},
        {&money, "1e30", "numeric field overflow"},
        {&money, "10000000000", "numeric field overflow"},
        {&boolean, "maybe", "invalid input syntax for type boolean: \"maybe\""},
        {&timestamp, "now-ish",
         "invalid input syntax for type timestamp with time zone: \"now-ish\""},
        {&date, "soon", "invalid input syntax for type date: \"soon\""},
        {&jsonb, "{", "invalid input syntax for type json"},
    };
    for (size_t i = 0; i < CHECK_COUNT(cases); i++) {
        struct buf out;
        buf_init(&out, 1000);
        value_put_cast_error(&out, cases[i].column, bytes_of(cases[i].input));
        check_text(buf_bytes(&out), cases[i].message);
        buf_done(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_of_queries_are_cast_as_postgresql_does),
        cmocka_unit_test(json_values_are_cast_as_postgresql_does),
        cmocka_unit_test(a_zero_byte_is_no_text),
        cmocka_unit_test(values_that_need_no_change_take_no_memory),
        cmocka_unit_test(without_memory_the_cast_fails),
        cmocka_unit_test(values_are_shown_as_postgresql_shows_them),
        cmocka_unit_test(random_numbers_go_round),
        cmocka_unit_test(order_is_that_of_the_type),
        cmocka_unit_test(what_lies_between_is_never_equal),
        cmocka_unit_test(cast_errors_say_what_postgresql_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
