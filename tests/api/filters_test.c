#include "api/filters.h"

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

static enum err parse_verb(enum verb verb, const char *text, struct query *q,
                           struct query_texts *texts)
{
    kitchen_reset(&k);
    *q = (struct query){.verb = verb, .table = kitchen_table("sales_logs"), .limit = UINT64_MAX};
    return filters_parse(&k.p, bytes_of(text), q, texts);
}

static enum err parse(const char *text, struct query *q)
{
    struct query_texts texts;
    return parse_verb(VERB_SELECT, text, q, &texts);
}

static struct query parse_ok(const char *text)
{
    struct query q;
    enum err e = parse(text, &q);
    if (e)
        print_error("%s: %.*s\n", text, (int)k.p.fault.message.size, k.p.fault.message.data);
    assert_int_equal(e, OK);
    return q;
}

static void check_filter(const struct query_filter *f, const char *column, enum query_op op,
                         bool is_negated)
{
    check_text(f->column->name, column);
    assert_int_equal(f->op, op);
    assert_int_equal(f->is_negated, is_negated);
}

static void all_filters_are_kept_in_order(void **state)
{
    struct query q = parse_ok("quantity=gt.1&quantity=lt.9&shift=eq.a%26b+c&\"shift\"=neq.x");
    (void)state;
    assert_int_equal(q.filter_count, 4);
    check_filter(&q.filters[0], "quantity", OP_GT, false);
    check_filter(&q.filters[1], "quantity", OP_LT, false);
    check_text(q.filters[2].values[0].text, "a&b c");
    check_filter(&q.filters[3], "shift", OP_NEQ, false);
}

static void reserved_keys_are_handed_on(void **state)
{
    struct query q;
    struct query_texts texts;
    (void)state;
    assert_int_equal(
        parse_verb(VERB_INSERT, "select=id%2Cshift&columns=%22a%22&on_conflict=id", &q, &texts),
        OK);
    check_text(texts.select, "id,shift");
    check_text(texts.columns, "\"a\"");
    check_text(texts.on_conflict, "id");
    assert_int_equal(q.filter_count, 0);
    assert_int_equal(parse_verb(VERB_INSERT, "", &q, &texts), OK);
    assert_null(texts.columns.data);
}

static void order_has_the_defaults_of_postgres(void **state)
{
    struct query q = parse_ok("order=shift,quantity.desc,id.asc.nullsfirst,recorded_by.desc."
                              "nullslast,unit_price.nullslast");
    (void)state;
    assert_int_equal(q.order_count, 5);
    assert_false(q.orders[0].is_descending || q.orders[0].nulls_first);
    assert_true(q.orders[1].is_descending && q.orders[1].nulls_first);
    assert_true(!q.orders[2].is_descending && q.orders[2].nulls_first);
    assert_true(q.orders[3].is_descending && !q.orders[3].nulls_first);
    assert_false(q.orders[4].nulls_first);
    check_text(q.orders[4].column->name, "unit_price");
}

static void limit_and_offset_are_numbers(void **state)
{
    struct query q = parse_ok("limit=10&offset=20");
    (void)state;
    assert_int_equal(q.limit, 10);
    assert_int_equal(q.offset, 20);
    assert_true(parse_ok("").limit == UINT64_MAX);
}

static void groups_that_must_all_hold_are_flattened(void **state)
{
    struct query q =
        parse_ok("and=(quantity.gt.1,shift.in.(a,b),and(returned.is.true,shift.not.eq.\"c,d\"))");
    (void)state;
    assert_int_equal(q.filter_count, 4);
    check_filter(&q.filters[0], "quantity", OP_GT, false);
    assert_int_equal(q.filters[1].value_count, 2);
    check_filter(&q.filters[2], "returned", OP_IS, false);
    check_filter(&q.filters[3], "shift", OP_EQ, true);
    check_text(q.filters[3].values[0].text, "c,d");
}

static void negated_alternatives_are_negated_conditions(void **state)
{
    struct query q = parse_ok("not.or=(quantity.gt.1,not.and(shift.eq.a,returned.is.true))");
    (void)state;
    assert_int_equal(q.filter_count, 3);
    check_filter(&q.filters[0], "quantity", OP_GT, true);
    check_filter(&q.filters[1], "shift", OP_EQ, false);
    check_filter(&q.filters[2], "returned", OP_IS, false);
}

static void one_alternative_is_a_condition(void **state)
{
    struct query q = parse_ok("or=(quantity.gt.1)&not.and=(quantity.lt.9)");
    (void)state;
    check_filter(&q.filters[0], "quantity", OP_GT, false);
    check_filter(&q.filters[1], "quantity", OP_LT, true);
}

static void removals_cannot_be_limited(void **state)
{
    struct query q;
    struct query_texts texts;
    (void)state;
    assert_int_equal(parse_verb(VERB_DELETE, "limit=1", &q, &texts), ERR_SYNTAX);
    kitchen_check_fault(&k, 400, "PGRST100");
    assert_int_equal(parse_verb(VERB_UPDATE, "offset=1", &q, &texts), ERR_SYNTAX);
    kitchen_check_fault(&k, 400, "PGRST100");
}

static void what_cannot_be_done_is_refused(void **state)
{
    static const struct {
        const char *text;
        int status;
        const char *code;
    } cases[] = {
        {"nothing=eq.1", 400, "42703"},
        {"secret=eq.1", 400, "42703"},
        {"quantity", 400, "PGRST100"},
        {"=eq.1", 400, "42703"},
        {"quantity=5", 400, "PGRST100"},
        {"extra->>a=eq.1", 400, "PGRST100"},
        {"bread_types.name=eq.a", 400, "PGRST108"},
        {"bread_types.order=name", 400, "PGRST108"},
        {"bread_types.limit=1", 400, "PGRST108"},
        {"order=nothing", 400, "42703"},
        {"order=id.up", 400, "PGRST100"},
        {"order=", 400, "PGRST100"},
        {"order=bread_types(name).desc", 400, "PGRST100"},
        {"limit=-1", 416, "PGRST103"},
        {"offset=-1", 416, "PGRST103"},
        {"limit=x", 400, "PGRST100"},
        {"limit=99999999999999999999", 400, "PGRST100"},
        {"or=(quantity.gt.1,quantity.lt.0)", 400, "PGRST100"},
        {"not.and=(quantity.gt.1,quantity.lt.0)", 400, "PGRST100"},
        {"and=(quantity.gt.1,or(shift.eq.a,shift.eq.b))", 400, "PGRST100"},
        {"and=()", 400, "PGRST100"},
        {"and=quantity.gt.1", 400, "PGRST100"},
        {"and=(quantity.gt.1", 400, "PGRST100"},
        {"and=(quantity)", 400, "PGRST100"},
        {"and=(and(and(and(and(and(and(and(and(and(quantity.gt.1))))))))))", 400, "PGRST100"},
        {"quantity=eq.%zz", 400, "PGRST100"},
        {"%ff=eq.1", 400, "PGRST100"},
    };
    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(cases); i++) {
        struct query q;
        enum err e = parse(cases[i].text, &q);
        if (e != ERR_SYNTAX)
            print_error("%s\n", cases[i].text);
        assert_int_equal(e, ERR_SYNTAX);
        kitchen_check_fault(&k, cases[i].status, cases[i].code);
    }
}

static void filters_are_bounded(void **state)
{
    char text[FILTERS_MAX * 20 + 20] = "quantity=eq.1";
    struct query q;
    (void)state;
    for (int i = 1; i < FILTERS_MAX; i++)
        strcat(text, "&quantity=eq.1");
    assert_int_equal(parse(text, &q), OK);
    assert_int_equal(q.filter_count, FILTERS_MAX);
    strcat(text, "&quantity=eq.1");
    assert_int_equal(parse(text, &q), ERR_SYNTAX);
    kitchen_check_fault(&k, 400, "PGRST100");
}

static void every_beginning_is_answered(void **state)
{
    static const char text[] =
        "select=id&quantity=not.in.(1,2)&and=(shift.eq.\"a\\\"b\",not.or(id.is.null,quantity.gt.1))"
        "&order=id.desc.nullslast&limit=1&offset=2&shift=eq.%C3%A9";
    (void)state;
    for (size_t size = 0; size < sizeof(text); size++) {
        struct bytes boxed = check_boxed((struct bytes){text, size});
        struct query q = {.table = kitchen_table("sales_logs"), .limit = UINT64_MAX};
        struct query_texts texts;
        kitchen_reset(&k);
        enum err e = filters_parse(&k.p, boxed, &q, &texts);
        assert_true(e == OK || (e == ERR_SYNTAX && k.p.fault.status));
        check_unbox(boxed);
    }
}

static void memory_may_fail_anywhere(void **state)
{
    (void)state;
    for (uint64_t n = 1;; n++) {
        struct query q = {.table = kitchen_table("sales_logs"), .limit = UINT64_MAX};
        struct query_texts texts;
        kitchen_reset(&k);
        mem_fail_at(n);
        enum err e = filters_parse(&k.p, BYTES("quantity=in.(1,2)&shift=eq.%20a&order=id&id=eq.x"),
                                   &q, &texts);
        bool hit = mem_fail_hit();
        mem_fail_at(0);
        assert_int_equal(e, hit ? ERR_NOMEM : ERR_SYNTAX);
        if (!hit)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_filters_are_kept_in_order),
        cmocka_unit_test(reserved_keys_are_handed_on),
        cmocka_unit_test(order_has_the_defaults_of_postgres),
        cmocka_unit_test(limit_and_offset_are_numbers),
        cmocka_unit_test(groups_that_must_all_hold_are_flattened),
        cmocka_unit_test(negated_alternatives_are_negated_conditions),
        cmocka_unit_test(one_alternative_is_a_condition),
        cmocka_unit_test(removals_cannot_be_limited),
        cmocka_unit_test(what_cannot_be_done_is_refused),
        cmocka_unit_test(filters_are_bounded),
        cmocka_unit_test(every_beginning_is_answered),
        cmocka_unit_test(memory_may_fail_anywhere),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
