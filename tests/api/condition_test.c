#include "api/condition.h"

#include "kitchen.h"

static struct kitchen k;

static int set_up(void **state)
{
    (void)state;
    kitchen_init(&k);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    kitchen_done(&k);
    return 0;
}

static enum err parse(const char *column, const char *text, struct query_filter *out)
{
    kitchen_reset(&k);
    return condition_parse(&k.p, kitchen_column("sales_logs", column), bytes_of(text), false, out);
}

static struct query_filter parse_ok(const char *column, const char *text)
{
    struct query_filter f;
    assert_int_equal(parse(column, text, &f), OK);
    return f;
}

static void operators_are_known(void **state)
{
    static const struct {
        const char *text;
        enum query_op op;
    } cases[] = {{"eq.5", OP_EQ},   {"neq.5", OP_NEQ}, {"gt.5", OP_GT},
                 {"gte.5", OP_GTE}, {"lt.5", OP_LT},   {"lte.5", OP_LTE}};
    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(cases); i++) {
        struct query_filter f = parse_ok("quantity", cases[i].text);
        assert_int_equal(f.op, cases[i].op);
        assert_false(f.is_negated);
        assert_int_equal(f.value_count, 1);
        assert_int_equal(f.values[0].number, 5);
    }
}

static void not_turns_the_meaning_round(void **state)
{
    struct query_filter f;
    (void)state;
    assert_true(parse_ok("quantity", "not.eq.5").is_negated);
    assert_int_equal(condition_parse(&k.p, kitchen_column("sales_logs", "quantity"),
                                     BYTES("not.eq.5"), true, &f),
                     OK);
    assert_false(f.is_negated);
}

static void text_is_compared_raw(void **state)
{
    struct query_filter f = parse_ok("shift", "eq. \"a\",(b).c ");
    (void)state;
    check_text(f.values[0].text, " \"a\",(b).c ");
}

static void finer_numbers_lie_between(void **state)
{
    struct query_filter f = parse_ok("unit_price", "gt.10.005");
    (void)state;
    assert_int_equal(f.values[0].number, 1000);
    assert_true(f.values[0].is_between);
}

static void lists_take_quoted_elements(void **state)
{
    struct query_filter f = parse_ok("shift", "in.(a,\"b,c\",\"d\"e\",\"f\\\"g\\\\\",h)");
    (void)state;
    assert_int_equal(f.op, OP_IN);
    assert_int_equal(f.value_count, 5);
    check_text(f.values[0].text, "a");
    check_text(f.values[1].text, "b,c");
    check_text(f.values[2].text, "d\"e");
    check_text(f.values[3].text, "f\"g\\");
    check_text(f.values[4].text, "h");
}

static void empty_list_has_no_values(void **state)
{
    (void)state;
    assert_int_equal(parse_ok("shift", "in.()").value_count, 0);
    assert_int_equal(parse_ok("shift", "in.(\"\")").value_count, 1);
    assert_int_equal(parse_ok("shift", "in.(,)").value_count, 2);
}

static void list_is_bounded(void **state)
{
    char text[2 * 1001 + 10] = "in.(1";
    struct query_filter f;
    (void)state;
    for (int i = 1; i < 1000; i++)
        strcat(text, ",1");
    strcat(text, ")");
    assert_int_equal(parse("quantity", text, &f), OK);
    assert_int_equal(f.value_count, 1000);
    strcpy(text + strlen(text) - 1, ",1)");
    assert_int_equal(parse("quantity", text, &f), ERR_SYNTAX);
    kitchen_check_fault(&k, 400, "PGRST100");
}

static void is_takes_its_five_words(void **state)
{
    (void)state;
    assert_int_equal(parse_ok("shift", "is.null").values[0].kind, VALUE_NULL);
    assert_true(parse_ok("shift", "is.not_null").is_negated);
    assert_false(parse_ok("shift", "not.is.not_null").is_negated);
    assert_int_equal(parse_ok("returned", "is.TRUE").values[0].number, 1);
    struct query_filter f = parse_ok("returned", "is.false");
    assert_int_equal(f.values[0].kind, VALUE_INT);
    assert_int_equal(f.values[0].number, 0);
    assert_int_equal(parse_ok("returned", "is.unknown").values[0].kind, VALUE_NULL);
}

static void star_stands_for_percent_in_like(void **state)
{
    (void)state;
    struct query_filter f = parse_ok("shift", "not.ilike.*a_%b*");
    assert_int_equal(f.op, OP_ILIKE);
    assert_true(f.is_negated);
    check_text(f.values->text, "%a_%b%");
    f = parse_ok("shift", "match.^a*$");
    assert_int_equal(f.op, OP_MATCH);
    check_text(f.values->text, "^a*$");
    assert_int_equal(parse_ok("shift", "imatch.a").op, OP_IMATCH);
    assert_int_equal(parse_ok("shift", "like.").op, OP_LIKE);
    assert_int_equal(parse_ok("quantity", "isdistinct.5").op, OP_ISDISTINCT);
}

static void patterns_are_of_texts_and_bounded(void **state)
{
    char text[6 + 201 + 1] = "like.";
    struct query_filter f;
    (void)state;
    assert_int_equal(parse("quantity", "like.5%", &f), ERR_SYNTAX);
    kitchen_check_fault(&k, 404, "42883");
    check_text(k.p.fault.message, "operator does not exist: int4 ~~ unknown");
    assert_int_equal(parse("id", "imatch.5", &f), ERR_SYNTAX);
    kitchen_check_fault(&k, 404, "42883");
    memset(text + 5, 'a', 101);
    assert_int_equal(parse("shift", text, &f), ERR_SYNTAX);
    kitchen_check_fault(&k, 400, "PGRST100");
    memcpy(text, "match.", 6);
    memset(text + 6, 'a', 201);
    assert_int_equal(parse("shift", text, &f), ERR_SYNTAX);
    kitchen_check_fault(&k, 400, "2201B");
}

static void nonsense_is_refused(void **state)
{
    static const struct {
        const char *column, *text, *code;
    } cases[] = {
        {"quantity", "5", "PGRST100"},
        {"quantity", "", "PGRST100"},
        {"quantity", "equals.5", "PGRST100"},
        {"quantity", "not.not.eq.5", "PGRST100"},
        {"shift", "like.a\\", "22025"},
        {"shift", "match.(", "2201B"},
        {"shift", "imatch.(?=a)", "2201B"},
        {"shift", "fts(english).a", "PGRST100"},
        {"shift", "eq(any).{a,b}", "PGRST100"},
        {"quantity", "in.1,2", "PGRST100"},
        {"quantity", "in.(1", "PGRST100"},
        {"quantity", "in.", "PGRST100"},
        {"quantity", "is.5", "PGRST100"},
        {"quantity", "is.true", "42804"},
        {"quantity", "eq.x", "22P02"},
        {"quantity", "eq.", "22P02"},
        {"quantity", "in.(1,x)", "22P02"},
        {"quantity", "eq.99999999999", "22003"},
        {"id", "eq.5", "22P02"},
        {"returned", "eq.maybe", "22P02"},
        {"created_at", "gte.yesterday-ish", "22007"},
        {"business_day", "eq.2026-02-30", "22008"},
    };
    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(cases); i++) {
        struct query_filter f;
        enum err e = parse(cases[i].column, cases[i].text, &f);
        if (e != ERR_SYNTAX)
            print_error("%s=%s\n", cases[i].column, cases[i].text);
        assert_int_equal(e, ERR_SYNTAX);
        kitchen_check_fault(&k, 400, cases[i].code);
    }
}

static void every_beginning_is_answered(void **state)
{
    static const char text[] = "not.in.(a,\"b\\\"c\",\"d(\",e)";
    (void)state;
    for (size_t size = 0; size < sizeof(text); size++) {
        struct bytes boxed = check_boxed((struct bytes){text, size});
        struct query_filter f;
        kitchen_reset(&k);
        enum err e = condition_parse(&k.p, kitchen_column("sales_logs", "shift"), boxed, false, &f);
        assert_int_equal(e, size == sizeof(text) - 1 ? OK : ERR_SYNTAX);
        check_unbox(boxed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operators_are_known),
        cmocka_unit_test(not_turns_the_meaning_round),
        cmocka_unit_test(text_is_compared_raw),
        cmocka_unit_test(finer_numbers_lie_between),
        cmocka_unit_test(lists_take_quoted_elements),
        cmocka_unit_test(empty_list_has_no_values),
        cmocka_unit_test(list_is_bounded),
        cmocka_unit_test(is_takes_its_five_words),
        cmocka_unit_test(star_stands_for_percent_in_like),
        cmocka_unit_test(patterns_are_of_texts_and_bounded),
        cmocka_unit_test(nonsense_is_refused),
        cmocka_unit_test(every_beginning_is_answered),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
