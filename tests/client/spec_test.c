#include "check.h"

#include "client/spec.h"

static struct hb_text text(const char *s)
{
    return (struct hb_text){s, s ? strlen(s) : 0};
}

static enum err read(const char *table, const char *event, const char *filter, const char *key,
                     struct spec *out)
{
    struct hb_query q = {
        .table = text(table), .event = text(event), .filter = text(filter), .key = text(key)};
    return spec_read(&q, out);
}

static void what_is_left_out_is_a_copy_by_id(void **state)
{
    (void)state;
    struct spec s;
    assert_int_equal(read("stock", NULL, "  ", NULL, &s), OK);
    check_text(s.event, "*");
    check_text(s.key, "id");
    assert_int_equal(s.filter.size, 0);
    assert_int_equal(spec_feed(&s), 0);
    assert_int_equal(read("stock", "DELETE", NULL, NULL, &s), OK);
    assert_int_equal(spec_feed(&s), HB_DELETE);
}

static void names_events_and_filters_that_cannot_be_are_refused(void **state)
{
    (void)state;
    struct spec s;
    assert_int_equal(read("", NULL, NULL, NULL, &s), ERR_SYNTAX);
    assert_int_equal(read("a b", NULL, NULL, NULL, &s), ERR_SYNTAX);
    assert_int_equal(read("1a", NULL, NULL, NULL, &s), ERR_SYNTAX);
    assert_int_equal(read("a?x=1", NULL, NULL, NULL, &s), ERR_SYNTAX);
    assert_int_equal(read("t", "insert", NULL, NULL, &s), ERR_SYNTAX);
    assert_int_equal(read("t", NULL, "a", NULL, &s), ERR_SYNTAX);
    assert_int_equal(read("t", NULL, "a=1", NULL, &s), ERR_SYNTAX);
    assert_int_equal(read("t", NULL, "a=eq.1,", NULL, &s), ERR_SYNTAX);
    assert_int_equal(read("t", NULL, "a=eq.\xff", NULL, &s), ERR_SYNTAX);
    assert_int_equal(read("t", NULL, NULL, "a,,b", &s), ERR_SYNTAX);
    assert_int_equal(read("t", NULL, NULL, "a,b,c,d,e,f,g,h,i", &s), ERR_LIMIT);
    assert_int_equal(read("t", NULL, "a=like.x*", NULL, &s), ERR_UNSUPPORTED);
    assert_int_equal(read("t", NULL, "a=eq.x*", NULL, &s), OK);
    char long_filter[SPEC_FILTER_MAX + 2];
    memset(long_filter, 'x', sizeof(long_filter) - 1);
    memcpy(long_filter, "a=eq.", 5);
    long_filter[sizeof(long_filter) - 1] = '\0';
    assert_int_equal(read("t", NULL, long_filter, NULL, &s), ERR_LIMIT);
}

static struct buf put(void (*what)(const struct spec *, struct buf *), const struct spec *s)
{
    struct buf b;
    buf_init(&b, 1 << 20);
    what(s, &b);
    return b;
}

static void put_path(const struct spec *s, struct buf *out)
{
    spec_put_path(s, 11, out);
}

static void check_path(const char *filter, const char *key, const char *want)
{
    struct spec s;
    assert_int_equal(read("t", NULL, filter, key, &s), OK);
    struct buf b = put(put_path, &s);
    check_text(buf_bytes(&b), want);
    buf_done(&b);
}

static void a_snapshot_asks_for_the_same_rows(void **state)
{
    (void)state;
    check_path(NULL, NULL, "/rest/v1/t?select=*&order=id.asc&limit=11");
    check_path(NULL, "day,shift", "/rest/v1/t?select=*&order=day.asc,shift.asc&limit=11");
    check_path("shift=eq.night", NULL,
               "/rest/v1/t?select=*&and=(shift.eq.night)&order=id.asc&limit=11");
    check_path("a=not.in.(1,2),b=eq.\"x,y\\\"z\",c=gt.1", NULL,
               "/rest/v1/t?select=*&and=(a.not.in.%281%2C2%29,b.eq.%22x%2Cy%5C%22z%22,c.gt.1)"
               "&order=id.asc&limit=11");
    check_path("a=eq.b=c&d", NULL,
               "/rest/v1/t?select=*&and=(a.eq.b%3Dc%26d)&order=id.asc&limit=11");
}

static void topics_are_the_same_for_the_same_and_differ_for_others(void **state)
{
    (void)state;
    struct spec s;
    char filter[600], other[600];
    memset(filter, 'x', sizeof(filter) - 1);
    filter[sizeof(filter) - 1] = '\0';
    memcpy(filter, "a=eq.", 5);
    memcpy(other, filter, sizeof(filter));
    other[598] = 'y';
    assert_int_equal(read("t", NULL, "a=eq.1", NULL, &s), OK);
    struct buf a = put(spec_put_topic, &s);
    check_text(buf_bytes(&a), "realtime:live:t:*:a=eq.1");
    buf_done(&a);
    assert_int_equal(read("t", NULL, filter, NULL, &s), OK);
    a = put(spec_put_topic, &s);
    struct buf again = put(spec_put_topic, &s);
    assert_int_equal(read("t", NULL, other, NULL, &s), OK);
    struct buf b = put(spec_put_topic, &s);
    assert_true(a.size < 100);
    assert_true(bytes_equal(buf_bytes(&a), buf_bytes(&again)));
    assert_false(bytes_equal(buf_bytes(&a), buf_bytes(&b)));
    buf_done(&a);
    buf_done(&again);
    buf_done(&b);
}

static void a_join_says_where_to_go_on(void **state)
{
    (void)state;
    struct spec s;
    struct buf b;
    struct cursor from = {.is_set = true, .seq = 7, .epoch = "E\"1", .epoch_size = 3};
    buf_init(&b, 1 << 20);
    assert_int_equal(read("t", "INSERT", "a=eq.\"1\"", NULL, &s), OK);
    spec_put_join(&s, &from, BYTES("tok"), &b);
    check_text(
        buf_bytes(&b),
        "{\"config\":{\"presence\":{\"enabled\":false},\"postgres_changes\":[{\"event\":\"INSERT\","
        "\"schema\":\"public\",\"table\":\"t\",\"filter\":\"a=eq.\\\"1\\\"\"}],\"resume\":{"
        "\"epoch\":\"E\\\"1\",\"seq\":7}},\"access_token\":\"tok\"}");
    buf_reset(&b);
    from.is_set = false;
    assert_int_equal(read("t", NULL, NULL, NULL, &s), OK);
    spec_put_join(&s, &from, BYTES("tok"), &b);
    assert_true(bytes_find(buf_bytes(&b), BYTES("\"resume\":{\"epoch\":\"\",\"seq\":0}")) < b.size);
    buf_done(&b);
}

static void a_copy_asks_for_the_updates_that_take_rows_out_of_its_filter(void **state)
{
    (void)state;
    struct spec s;
    struct buf b;
    struct cursor from = {0};
    struct json_value join, config, bindings, v, filter;
    struct bytes key;
    static const char *const want[] = {
        "\"a=eq.1,b=not.in.(2,3),c=is.true\"",
        "\"a=not.eq.1\"",
        "\"a=is.null\"",
        "\"b=in.(2,3)\"",
        "\"b=is.null\"",
        "\"c=not.is.true\"",
    };
    buf_init(&b, 1 << 20);
    assert_int_equal(read("t", NULL, "a=eq.1,b=not.in.(2,3),c=is.true", NULL, &s), OK);
    spec_put_join(&s, &from, BYTES("tok"), &b);
    assert_int_equal(json_parse(buf_bytes(&b), &join), OK);
    assert_int_equal(json_get(join, BYTES("config"), &config), OK);
    assert_int_equal(json_get(config, BYTES("postgres_changes"), &bindings), OK);
    struct json_iter it = json_iter(bindings);
    size_t count = 0;
    while (json_next(&it, &key, &v)) {
        assert_true(count < CHECK_COUNT(want));
        assert_int_equal(json_get(v, BYTES("filter"), &filter), OK);
        check_text(filter.raw, want[count++]);
    }
    assert_int_equal(count, CHECK_COUNT(want));
    buf_done(&b);
}

static void a_key_is_made_of_all_its_columns(void **state)
{
    (void)state;
    struct spec s;
    struct buf b;
    struct json_value row;
    buf_init(&b, 1 << 20);
    assert_int_equal(read("t", NULL, NULL, "day,n", &s), OK);
    assert_int_equal(json_parse(BYTES("{\"n\":12,\"x\":0,\"day\":\"a\\u0062\"}"), &row), OK);
    assert_int_equal(spec_put_key(&s, row, &b), OK);
    check_text(buf_bytes(&b), "ab\x1f"
                              "12");
    assert_int_equal(json_parse(BYTES("{\"day\":\"a\",\"n\":null}"), &row), OK);
    assert_int_equal(spec_put_key(&s, row, &b), ERR_SYNTAX);
    assert_int_equal(json_parse(BYTES("[]"), &row), OK);
    assert_int_equal(spec_put_key(&s, row, &b), ERR_SYNTAX);
    buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_left_out_is_a_copy_by_id),
        cmocka_unit_test(names_events_and_filters_that_cannot_be_are_refused),
        cmocka_unit_test(a_snapshot_asks_for_the_same_rows),
        cmocka_unit_test(topics_are_the_same_for_the_same_and_differ_for_others),
        cmocka_unit_test(a_join_says_where_to_go_on),
        cmocka_unit_test(a_copy_asks_for_the_updates_that_take_rows_out_of_its_filter),
        cmocka_unit_test(a_key_is_made_of_all_its_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
