#include "support.h"

#include <stdio.h>

#include "hub/filter.h"

struct fixture {
    struct catalogue *catalogue;
    const struct table *sales;
    struct arena arena, scratch;
    struct buf message;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    f->catalogue = support_catalogue();
    f->sales = catalogue_table(f->catalogue, BYTES("sales_logs"));
    arena_init(&f->arena, 1 << 20);
    arena_init(&f->scratch, 1 << 20);
    buf_init(&f->message, 1000);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    arena_done(&f->arena);
    arena_done(&f->scratch);
    buf_done(&f->message);
    catalogue_free(f->catalogue);
    free(f);
    return 0;
}

static enum err parse(struct fixture *f, const char *text, struct filter *out)
{
    struct bytes boxed = check_boxed(bytes_of(text));
    buf_reset(&f->message);
    enum err e = filter_parse(f->sales, boxed, &f->arena, &f->message, out);
    check_unbox(boxed); /* the filter keeps nothing of it */
    return e;
}

static bool matches(struct fixture *f, const char *text, const char *row)
{
    struct filter filter;
    if (parse(f, text, &filter)) {
        print_error("%s: %.*s\n", text, (int)f->message.size, f->message.data);
        fail();
    }
    bool is_match = false;
    assert_int_equal(filter_matches(&filter, bytes_of(row), &f->scratch, &is_match), OK);
    return is_match;
}

#define ROW                                                                                        \
    "{\"id\":\"00000000-0000-4000-8000-00000000000a\",\"quantity\":3,\"unit_price\":1500.50,"      \
    "\"returned\":false,\"note\":\"a,b\",\"created_at\":\"2026-11-22T09:00:00.5+00:00\","          \
    "\"extra\":{\"k\":1}}"
#define NULLS "{\"id\":null,\"quantity\":null,\"unit_price\":null,\"returned\":null,\"note\":null}"

static void operators_compare_by_the_type_of_the_column(void **state)
{
    static const struct {
        const char *filter;
        bool want;
    } cases[] = {
        {"quantity=eq.3", true},
        {"quantity=eq.4", false},
        {"quantity=neq.4", true},
        {"quantity=neq.3", false},
        {"quantity=gt.2", true},
        {"quantity=gt.3", false},
        {"quantity=gt.10", false}, /* numbers, not texts */
        {"quantity=gte.3", true},
        {"quantity=lt.10", true},
        {"quantity=lt.3", false},
        {"quantity=lte.3", true},
        {"quantity=lte.2", false},
        {"quantity=in.(1,3,5)", true},
        {"quantity=in.(1,5)", false},
        {"unit_price=eq.1500.5", true},
        {"unit_price=gt.1500.499", true},
        {"unit_price=eq.1500.501", false},
        {"unit_price=lt.1500.501", true},
        {"returned=eq.false", true},
        {"returned=is.false", true},
        {"returned=is.true", false},
        {"returned=is.unknown", false},
        {"note=is.null", false},
        {"note=not.is.null", true},
        {"note=eq.\"a,b\"", true},
        {"note=in.(x,\"a,b\")", true},
        {"note=in.(\"a\",\"b\")", false},
        {"created_at=eq.2026-11-22T10:00:00.5+01:00", true},
        {"created_at=lt.2026-11-22T09:00:01Z", true},
        {"id=eq.00000000-0000-4000-8000-00000000000A", true},
        {"quantity=not.eq.4", true},
        {"quantity=not.eq.3", false},
        {"quantity=not.in.(1,2)", true},
        {"extra=not.is.null", true},
        {"quantity=isdistinct.3", false},
        {"quantity=isdistinct.4", true},
        {"quantity=not.isdistinct.3", true},
        {"unit_price=isdistinct.1500.501", true},
        {"note=like.a%", true},
        {"note=like.\"a,%\"", true},
        {"note=like.A%", false},
        {"note=ilike.A_B", true},
        {"note=not.like.a%", false},
        {"note=not.ilike.X%", true},
        {"note=match.^a.b$", true},
        {"note=match.B", false},
        {"note=imatch.\"A,B\"", true},
        {"note=not.match.x|y", true},
        {"note=not.imatch.B", false},
        {"note=match.^(a|b),quantity=eq.3", true},
        {"note=match.\"\\\\w{1,3}\"", true},
        {"returned=not.is.true", true},
        {"returned=not.is.unknown", true},
        {"returned=is.FALSE", true},
        {" quantity=eq.3 ", true},
        {"", true},
        {"  ", true},
    };
    for (size_t i = 0; i < CHECK_COUNT(cases); i++)
        if (matches(*state, cases[i].filter, ROW) != cases[i].want)
            fail_msg("%s", cases[i].filter);
}

static void null_and_absent_values_pass_only_is_null(void **state)
{
    struct fixture *f = *state;
    static const char *const never[] = {"quantity=eq.3",       "quantity=not.eq.3",
                                        "quantity=neq.3",      "quantity=in.(3)",
                                        "quantity=not.in.(3)", "quantity=lt.9",
                                        "returned=is.true",    "quantity=not.is.null",
                                        "note=like.%",         "note=not.like.a",
                                        "note=ilike.%",        "note=match.",
                                        "note=not.match.a",    "quantity=not.isdistinct.3"};
    for (size_t i = 0; i < CHECK_COUNT(never); i++)
        if (matches(f, never[i], NULLS))
            fail_msg("%s", never[i]);
    assert_true(matches(f, "quantity=is.null", NULLS));
    assert_true(matches(f, "quantity=isdistinct.3", NULLS));
    assert_false(matches(f, "quantity=isdistinct.3", "{}"));
    assert_true(matches(f, "returned=is.unknown", NULLS));
    assert_true(matches(f, "returned=not.is.true", NULLS));
    assert_false(matches(f, "quantity=is.null", "{}"));
    assert_false(matches(f, "quantity=not.is.null", "{}"));
    assert_false(matches(f, "quantity=eq.3", ""));
}

static void terms_are_joined_by_and(void **state)
{
    assert_true(matches(*state, "quantity=eq.3,returned=eq.false", ROW));
    assert_false(matches(*state, "quantity=eq.3,returned=eq.true", ROW));
    assert_false(matches(*state, "quantity=eq.4,returned=eq.false", ROW));
    assert_true(matches(*state, "note=eq.\"a,b\",quantity=in.(3,4),unit_price=gt.1", ROW));
}

static void backslashes_are_undone_inside_quotes(void **state)
{
    assert_true(matches(*state, "note=eq.\"say \\\"hi\\\", \\\\ me\"",
                        "{\"note\":\"say \\\"hi\\\", \\\\ me\"}"));
}

static void what_is_not_supported_is_refused_with_a_sentence(void **state)
{
    static const struct {
        const char *filter;
        enum err want;
    } cases[] = {
        {"nope=eq.1", ERR_NOT_FOUND},
        {"quantity=eq.abc", ERR_TYPE},
        {"quantity=eq.", ERR_TYPE},
        {"id=eq.xyz", ERR_TYPE},
        {"quantity=eq.99999999999", ERR_RANGE},
        {"quantity=like.3%", ERR_TYPE},
        {"id=ilike.3%", ERR_TYPE},
        {"note=like.a\\", ERR_SYNTAX},
        {"note=match.(a", ERR_SYNTAX},
        {"note=match.*", ERR_SYNTAX},
        {"note=imatch.\"(a)\\\\1\"", ERR_UNSUPPORTED},
        {"quantity=match.3", ERR_TYPE},
        {"extra=match.a", ERR_UNSUPPORTED},
        {"quantity=isdistinct.x", ERR_TYPE},
        {"extra=like.a", ERR_UNSUPPORTED},
        {"quantity=is.unknown", ERR_TYPE},
        {"quantity=EQ.3", ERR_UNSUPPORTED},
        {"quantity=not.not.eq.3", ERR_UNSUPPORTED},
        {"extra=eq.1", ERR_UNSUPPORTED},
        {"quantity", ERR_SYNTAX},
        {"quantity=", ERR_SYNTAX},
        {"quantity=eq", ERR_SYNTAX},
        {"quantity=eq.3,", ERR_SYNTAX},
        {",quantity=eq.3", ERR_SYNTAX},
        {"quantity=in.3", ERR_SYNTAX},
        {"quantity=in.()", ERR_SYNTAX},
        {"quantity=in.(1,2", ERR_SYNTAX},
        {"quantity=in.(1,x)", ERR_TYPE},
        {"note=eq.\"open", ERR_SYNTAX},
        {"note=in.(a,\\", ERR_SYNTAX},
        {"quantity=is.true", ERR_TYPE},
        {"quantity=is.three", ERR_SYNTAX},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < CHECK_COUNT(cases); i++) {
        struct filter filter;
        enum err e = parse(f, cases[i].filter, &filter);
        if (e != cases[i].want || f->message.size == 0)
            fail_msg("%s: %s", cases[i].filter, err_text(e));
    }
}

static void pattern_has_a_bound(void **state)
{
    struct fixture *f = *state;
    struct filter filter;
    char text[10 + 101 + 1] = "note=like.";
    memset(text + 10, '%', 101);
    assert_int_equal(parse(f, text, &filter), ERR_LIMIT);
    text[10 + 100] = '\0';
    assert_int_equal(parse(f, text, &filter), OK);
}

static void regular_expressions_are_bounded(void **state)
{
    struct fixture *f = *state;
    struct filter filter;
    bool is_match;
    char row[600], note[501] = "";
    memset(note, 'a', sizeof(note) - 1);
    snprintf(row, sizeof(row), "{\"note\":\"%s\"}", note);
    assert_int_equal(
        parse(f, "note=match.a,note=imatch.b,note=not.match.c,note=match.d,note=match.e", &filter),
        ERR_LIMIT);
    assert_int_equal(
        parse(f, "note=match.a,note=imatch.b,note=not.match.c,note=match.d,note=like.e", &filter),
        OK);
    assert_int_equal(parse(f, "note=not.match.\"(a{1,90}b?){1,90}z?$\"", &filter), OK);
    assert_int_equal(filter_matches(&filter, bytes_of(row), &f->scratch, &is_match), ERR_LIMIT);
    assert_int_equal(parse(f, "quantity=is.null,note=match.\"(a{1,90}b?){1,90}z?$\"", &filter), OK);
    assert_int_equal(filter_matches(&filter, bytes_of(row), &f->scratch, &is_match), OK);
    assert_false(is_match);
}

static void row_that_no_memory_can_read_is_not_said_to_be_none(void **state)
{
    struct fixture *f = *state;
    struct filter filter;
    bool is_match;
    assert_int_equal(parse(f, "note=not.eq.x", &filter), OK);
    arena_done(&f->scratch);
    mem_fail_at(1);
    enum err e = filter_matches(&filter, BYTES("{\"note\":\"\\n\"}"), &f->scratch, &is_match);
    mem_fail_at(0);
    assert_int_equal(e, ERR_NOMEM);
}

static void private_columns_do_not_exist(void **state)
{
    struct fixture *f = *state;
    struct filter filter;
    f->catalogue->tables[1].columns[1].is_private = true;
    assert_int_equal(parse(f, "quantity=eq.3", &filter), ERR_NOT_FOUND);
}

static void number_of_terms_and_values_is_bounded(void **state)
{
    struct fixture *f = *state;
    struct filter filter;
    struct buf text;
    buf_init(&text, 100000);
    buf_put_literal(&text, "quantity=in.(1");
    for (int i = 0; i < FILTER_VALUES_MAX - 1; i++)
        buf_put_literal(&text, ",2");
    struct bytes most = buf_bytes(&text);
    buf_put_literal(&text, ")");
    assert_int_equal(filter_parse(f->sales, buf_bytes(&text), &f->arena, &f->message, &filter), OK);
    text.size = most.size;
    buf_put_literal(&text, ",3)");
    assert_int_equal(filter_parse(f->sales, buf_bytes(&text), &f->arena, &f->message, &filter),
                     ERR_LIMIT);
    buf_reset(&text);
    for (int i = 0; i < FILTER_TERMS_MAX; i++)
        buf_put_literal(&text, "quantity=eq.3,");
    buf_put_literal(&text, "quantity=eq.3");
    assert_int_equal(filter_parse(f->sales, buf_bytes(&text), &f->arena, &f->message, &filter),
                     ERR_LIMIT);
    buf_done(&text);
}

static void memory_may_end_at_any_point(void **state)
{
    struct fixture *f = *state;
    bool has_failed = true;
    for (uint64_t n = 1; has_failed; n++) {
        struct filter filter;
        arena_done(&f->arena);
        arena_init(&f->arena, 1 << 20);
        mem_fail_at(n);
        enum err e =
            filter_parse(f->sales, BYTES("note=in.(a,\"b,c\"),quantity=eq.3,note=match.^a|b$"),
                         &f->arena, &f->message, &filter);
        has_failed = mem_fail_hit();
        mem_fail_at(0);
        assert_int_equal(e, has_failed ? ERR_NOMEM : OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(operators_compare_by_the_type_of_the_column, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(null_and_absent_values_pass_only_is_null, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(terms_are_joined_by_and, set_up, tear_down),
        cmocka_unit_test_setup_teardown(backslashes_are_undone_inside_quotes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_not_supported_is_refused_with_a_sentence, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(pattern_has_a_bound, set_up, tear_down),
        cmocka_unit_test_setup_teardown(regular_expressions_are_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(row_that_no_memory_can_read_is_not_said_to_be_none, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(private_columns_do_not_exist, set_up, tear_down),
        cmocka_unit_test_setup_teardown(number_of_terms_and_values_is_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(memory_may_end_at_any_point, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
