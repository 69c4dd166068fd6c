#include "support.h"

#include "hub/projection.h"

struct fixture {
    struct catalogue *catalogue;
    const struct table *sales;
    struct projections projections;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    f->catalogue = support_catalogue();
    f->sales = catalogue_table(f->catalogue, BYTES("sales_logs"));
    projections_init(&f->projections, 1);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(f->projections.map.count, 0);
    projections_done(&f->projections);
    catalogue_free(f->catalogue);
    free(f);
    return 0;
}

static enum err get(struct fixture *f, const char *names, struct bytes *missing,
                    struct projection **out)
{
    struct json_value v;
    assert_int_equal(json_parse(bytes_of(names), &v), OK);
    return projection_get(&f->projections, f->sales, v, missing, out);
}

static struct projection *get_ok(struct fixture *f, const char *names)
{
    struct projection *v;
    struct bytes missing;
    assert_int_equal(get(f, names, &missing, &v), OK);
    return v;
}

static void check_row(struct projection *v, const char *row, const char *want)
{
    struct buf out;
    buf_init(&out, 1000);
    projection_put_row(&out, v, bytes_of(row));
    check_text(buf_bytes(&out), want);
    buf_done(&out);
}

#define ROW                                                                                        \
    "{\"id\":\"a\",\"quantity\":3,\"unit_price\":1.50,\"returned\":false,\"note\":\"x,\\\"y\"}"

static void rows_are_narrowed_in_the_order_of_the_table(void **state)
{
    struct projection *v = get_ok(*state, "[\"note\",\"quantity\",\"note\"]");
    check_row(v, ROW, "{\"id\":\"a\",\"quantity\":3,\"note\":\"x,\\\"y\"}");
    check_row(v, "{\"note\":null}", "{\"note\":null}");
    check_row(v, "{}", "{}");
    check_text(buf_bytes(&v->columns_json),
               "[{\"name\":\"id\",\"type\":\"uuid\"},{\"name\":\"quantity\",\"type\":\"int4\"},"
               "{\"name\":\"note\",\"type\":\"text\"}]");
    projection_unref(&((struct fixture *)*state)->projections, v);
}

static void primary_key_is_always_in(void **state)
{
    struct fixture *f = *state;
    struct projection *v = get_ok(f, "[]");
    check_row(v, ROW, "{\"id\":\"a\"}");
    projection_unref(&f->projections, v);
}

static void names_may_be_escaped(void **state)
{
    struct fixture *f = *state;
    struct projection *v = get_ok(f, "[\"\\u006eote\"]");
    check_row(v, ROW, "{\"id\":\"a\",\"note\":\"x,\\\"y\"}");
    projection_unref(&f->projections, v);
}

static void same_columns_share_one(void **state)
{
    struct fixture *f = *state;
    struct projection *a = get_ok(f, "[\"note\",\"quantity\"]");
    struct projection *b = get_ok(f, "[\"quantity\",\"id\",\"note\"]");
    struct projection *c = get_ok(f, "[\"quantity\"]");
    assert_ptr_equal(a, b);
    assert_ptr_not_equal(a, c);
    projection_unref(&f->projections, a);
    projection_unref(&f->projections, b);
    projection_unref(&f->projections, c);
    projection_unref(&f->projections, NULL);
}

static void all_columns_are_no_projection(void **state)
{
    struct fixture *f = *state;
    struct buf names;
    buf_init(&names, 10000);
    buf_put_char(&names, '[');
    f->catalogue->tables[f->sales->index].columns[f->sales->column_count - 1].is_private = true;
    for (uint16_t i = 0; i < f->sales->column_count - 1; i++) {
        buf_put(&names, i ? BYTES(",") : BYTES(""));
        json_put_string(&names, f->sales->columns[i].name);
    }
    buf_put_literal(&names, "]\0");
    assert_null(get_ok(f, names.data));
    buf_done(&names);
}

static void what_names_no_columns_is_refused(void **state)
{
    static const struct {
        const char *names;
        enum err want;
    } cases[] = {
        {"\"id\"", ERR_TYPE},        {"null", ERR_TYPE},
        {"{\"id\":1}", ERR_TYPE},    {"[1]", ERR_TYPE},
        {"[\"id\",null]", ERR_TYPE}, {"[\"nope\"]", ERR_NOT_FOUND},
        {"[\"\"]", ERR_NOT_FOUND},   {"[\"*\"]", ERR_NOT_FOUND},
        {"[\"ID\"]", ERR_NOT_FOUND}, {"[\"extra\"]", ERR_NOT_FOUND},
    };
    struct fixture *f = *state;
    for (uint16_t i = 0; i < f->sales->column_count; i++)
        if (bytes_equal(f->sales->columns[i].name, BYTES("extra")))
            f->catalogue->tables[f->sales->index].columns[i].is_private = true;
    for (size_t i = 0; i < CHECK_COUNT(cases); i++) {
        struct projection *v;
        struct bytes missing = {NULL, 0};
        if (get(f, cases[i].names, &missing, &v) != cases[i].want)
            fail_msg("%s", cases[i].names);
        assert_int_equal(missing.size > 0, cases[i].want == ERR_NOT_FOUND);
    }
}

static void number_of_names_is_bounded(void **state)
{
    struct fixture *f = *state;
    struct projection *v;
    struct bytes missing;
    char names[257 * 5 + 10] = "[\"id\"";
    for (int i = 1; i < 256; i++)
        strcat(names, ",\"id\"");
    char *end = names + strlen(names);
    strcpy(end, "]");
    v = get_ok(f, names);
    projection_unref(&f->projections, v);
    strcpy(end, ",\"id\"]");
    assert_int_equal(get(f, names, &missing, &v), ERR_LIMIT);
}

static void memory_may_end_at_any_point(void **state)
{
    struct fixture *f = *state;
    bool has_failed = true;
    for (uint64_t n = 1; has_failed; n++) {
        struct projection *v;
        struct bytes missing;
        mem_fail_at(n);
        enum err e = get(f, "[\"note\"]", &missing, &v);
        has_failed = mem_fail_hit();
        mem_fail_at(0);
        assert_int_equal(e, has_failed ? ERR_NOMEM : OK);
        if (!e)
            projection_unref(&f->projections, v);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(rows_are_narrowed_in_the_order_of_the_table),
        TEST(primary_key_is_always_in),
        TEST(names_may_be_escaped),
        TEST(same_columns_share_one),
        TEST(all_columns_are_no_projection),
        TEST(what_names_no_columns_is_refused),
        TEST(number_of_names_is_bounded),
        TEST(memory_may_end_at_any_point),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
