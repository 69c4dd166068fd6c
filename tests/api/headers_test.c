#include "api/headers.h"

#include "check.h"

static struct request_headers read(struct http_header *lines, size_t count)
{
    struct http_request r = {.headers = lines, .header_count = count};
    struct request_headers h;
    headers_read(&r, &h);
    return h;
}

static struct preferences prefer(const char *text)
{
    struct http_header line = {BYTES("Prefer"), bytes_of(text)};
    return read(&line, 1).prefer;
}

static void lines_are_found_in_any_case(void **state)
{
    struct http_header lines[] = {
        {BYTES("APIKEY"), BYTES("k")},
        {BYTES("X-Other"), BYTES("o")},
        {BYTES("Authorization"), BYTES("Bearer  t ")},
        {BYTES("accept"), BYTES("*/*")},
        {BYTES("apikey"), BYTES("second")},
    };
    struct request_headers h = read(lines, CHECK_COUNT(lines));
    (void)state;
    check_text(h.apikey, "k");
    check_text(h.accept, "*/*");
    assert_null(h.range.data);
    check_text(headers_bearer(&h), "t");
}

static void other_schemes_are_no_bearer(void **state)
{
    struct http_header basic = {BYTES("Authorization"), BYTES("Basic abc")};
    struct http_header empty = {BYTES("Authorization"), BYTES("Bearer")};
    struct request_headers h = read(&basic, 1);
    (void)state;
    assert_null(headers_bearer(&h).data);
    h = read(&empty, 1);
    assert_null(headers_bearer(&h).data);
    h = read(NULL, 0);
    assert_null(headers_bearer(&h).data);
}

static void preferences_are_read(void **state)
{
    struct preferences p = prefer("return=representation, count=exact,missing=default");
    (void)state;
    assert_true(p.wants_rows && p.wants_count && p.has_defaults);
    assert_false(p.has_resolution || p.is_strict);
    assert_int_equal(p.unknown.size, 0);
    p = prefer("resolution=merge-duplicates,return=minimal,handling=strict,max-affected=3");
    assert_false(p.wants_rows);
    assert_true(p.has_resolution && p.is_strict);
    assert_int_equal(p.resolution, CONFLICT_MERGE);
    assert_int_equal(p.affected_max, 3);
    assert_int_equal(prefer("resolution=ignore-duplicates").resolution, CONFLICT_IGNORE);
    assert_true(prefer("").affected_max == UINT64_MAX);
}

static void lines_of_preferences_add_up(void **state)
{
    struct http_header lines[] = {{BYTES("Prefer"), BYTES("return=representation")},
                                  {BYTES("prefer"), BYTES("count=planned")}};
    struct request_headers h = read(lines, 2);
    (void)state;
    assert_true(h.prefer.wants_rows && h.prefer.wants_count);
}

static void unknown_preferences_are_remembered(void **state)
{
    (void)state;
    check_text(prefer("a=b, c=d").unknown, "a=b");
    check_text(prefer("tx=rollback").unknown, "tx=rollback");
    check_text(prefer("max-affected=many").unknown, "max-affected=many");
    assert_int_equal(prefer("tx=commit").unknown.size, 0);
}

static void first_acceptable_shape_is_taken(void **state)
{
    static const struct {
        const char *accept;
        enum answer_shape shape;
    } cases[] = {
        {"", SHAPE_ROWS},
        {"*/*", SHAPE_ROWS},
        {"application/json", SHAPE_ROWS},
        {"text/html, application/xml;q=0.9, */*;q=0.8", SHAPE_ROWS},
        {"application/vnd.pgrst.object+json", SHAPE_OBJECT},
        {"application/vnd.pgrst.object+json;charset=utf-8", SHAPE_OBJECT},
        {"Application/JSON; charset=utf-8", SHAPE_ROWS},
        {"text/csv", SHAPE_NONE},
        {"application/geo+json", SHAPE_NONE},
        {"application/vnd.pgrst.array+json;nulls=stripped", SHAPE_NONE},
        {",", SHAPE_NONE},
    };
    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(cases); i++)
        assert_int_equal(headers_shape(bytes_of(cases[i].accept)), cases[i].shape);
}

static void json_is_known_by_its_type(void **state)
{
    (void)state;
    assert_true(headers_is_json(BYTES("")));
    assert_true(headers_is_json(BYTES("application/json")));
    assert_true(headers_is_json(BYTES("Application/Json ; charset=UTF-8")));
    assert_false(headers_is_json(BYTES("text/csv")));
    assert_false(headers_is_json(BYTES("application/x-www-form-urlencoded")));
}

static bool range(const char *value, const char *unit, uint64_t *from, uint64_t *to)
{
    struct http_header lines[] = {{BYTES("Range"), bytes_of(value)},
                                  {BYTES("Range-Unit"), bytes_of(unit ? unit : "")}};
    struct request_headers h = read(lines, unit ? 2 : 1);
    return headers_range(&h, from, to);
}

static void ranges_of_items_are_read(void **state)
{
    uint64_t from = 7, to = 7;
    (void)state;
    assert_true(range("0-24", NULL, &from, &to));
    assert_int_equal(from, 0);
    assert_int_equal(to, 24);
    assert_true(range("5-", "items", &from, &to));
    assert_int_equal(from, 5);
    assert_true(to == UINT64_MAX);
    assert_false(range("0-24", "bytes", &from, &to));
    assert_false(range("bytes=0-24", NULL, &from, &to));
    assert_false(range("5", NULL, &from, &to));
    assert_false(range("-5", NULL, &from, &to));
    assert_false(range("", NULL, &from, &to));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_found_in_any_case),
        cmocka_unit_test(other_schemes_are_no_bearer),
        cmocka_unit_test(preferences_are_read),
        cmocka_unit_test(lines_of_preferences_add_up),
        cmocka_unit_test(unknown_preferences_are_remembered),
        cmocka_unit_test(first_acceptable_shape_is_taken),
        cmocka_unit_test(json_is_known_by_its_type),
        cmocka_unit_test(ranges_of_items_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
