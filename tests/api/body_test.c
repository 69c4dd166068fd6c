#include "api/body.h"

#include "kitchen.h"

#define BREAD "11111111-1111-4111-8111-111111111111"

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

static const struct body_form plain;

static enum err parse_form(const struct body_form *form, enum verb verb, struct bytes text,
                           struct query *q)
{
    bool is_service = k.p.is_service;
    kitchen_reset(&k);
    k.p.is_service = is_service;
    *q = (struct query){.verb = verb, .table = kitchen_table("sales_logs")};
    return body_parse(&k.p, form, text, q);
}

static enum err parse(const char *text, struct query *q)
{
    return parse_form(&plain, VERB_INSERT, bytes_of(text), q);
}

static void object_gives_one_row(void **state)
{
    struct query q;
    (void)state;
    assert_int_equal(parse("{\"bread_type_id\":\"" BREAD
                           "\",\"quantity\":\"3\",\"unit_price\":10.5,"
                           "\"returned\":false,\"shift\":null}",
                           &q),
                     OK);
    assert_int_equal(q.row_count, 1);
    assert_int_equal(q.set_count, 5);
    check_text(q.set[0]->name, "bread_type_id");
    check_text(q.values[0].text, BREAD);
    assert_int_equal(q.values[1].number, 3);
    assert_int_equal(q.values[2].number, 1050);
    assert_int_equal(q.values[3].number, 0);
    assert_int_equal(q.values[4].kind, VALUE_NULL);
    assert_null(q.is_absent);
}

static void rows_may_name_their_columns_in_any_order(void **state)
{
    struct query q;
    (void)state;
    assert_int_equal(
        parse("[{\"quantity\":1,\"shift\":\"a\"},{\"shift\":\"b\",\"quantity\":2}]", &q), OK);
    assert_int_equal(q.row_count, 2);
    assert_int_equal(q.set_count, 2);
    assert_int_equal(q.values[2].number, 2);
    check_text(q.values[3].text, "b");
}

static void escaped_and_repeated_keys_are_one_column(void **state)
{
    struct query q;
    (void)state;
    assert_int_equal(parse("{\"sh\\u0069ft\":\"a\\n\",\"shift\":\"b\\t\"}", &q), OK);
    assert_int_equal(q.set_count, 1);
    check_text(q.values[0].text, "b\t");
}

static void empty_bodies_have_no_columns(void **state)
{
    struct query q;
    (void)state;
    assert_int_equal(parse("{}", &q), OK);
    assert_int_equal(q.row_count, 1);
    assert_int_equal(q.set_count, 0);
    assert_int_equal(parse("[]", &q), OK);
    assert_int_equal(q.row_count, 0);
}

static void named_columns_may_be_left_out(void **state)
{
    struct body_form form = {.columns = BYTES("\"shift\",\"quantity\"")};
    struct query q;
    (void)state;
    assert_int_equal(parse_form(&form, VERB_INSERT,
                                BYTES("[{\"quantity\":1,\"other\":5},{\"shift\":\"b\"}]"), &q),
                     OK);
    assert_int_equal(q.set_count, 2);
    check_text(q.set[0]->name, "shift");
    assert_int_equal(q.values[0].kind, VALUE_NULL);
    assert_int_equal(q.values[1].number, 1);
    check_text(q.values[2].text, "b");
    assert_int_equal(q.values[3].kind, VALUE_NULL);
    assert_null(q.is_absent);
}

static void absent_values_may_take_their_default(void **state)
{
    struct body_form form = {.columns = BYTES("shift,quantity"), .has_defaults = true};
    struct query q;
    (void)state;
    assert_int_equal(
        parse_form(&form, VERB_INSERT, BYTES("[{\"quantity\":1},{\"shift\":null}]"), &q), OK);
    assert_non_null(q.is_absent);
    assert_true(q.is_absent[0]);
    assert_false(q.is_absent[1]);
    assert_false(q.is_absent[2]);
    assert_true(q.is_absent[3]);
}

static void service_may_set_what_the_server_sets(void **state)
{
    struct query q;
    (void)state;
    assert_int_equal(parse("{\"created_at\":\"2026-01-01T00:00:00Z\"}", &q), ERR_SYNTAX);
    kitchen_check_fault(&k, 403, "42501");
    k.p.is_service = true;
    assert_int_equal(parse("{\"created_at\":\"2026-01-01T00:00:00Z\"}", &q), OK);
    k.p.is_service = false;
}

static void generated_columns_are_nobodys(void **state)
{
    struct query q;
    (void)state;
    assert_int_equal(parse("{\"business_day\":\"2026-01-01\"}", &q), ERR_SYNTAX);
    kitchen_check_fault(&k, 400, "428C9");
    check_text(k.p.fault.message, "cannot insert a non-DEFAULT value into column \"business_day\"");
    check_text(k.p.fault.details, "Column \"business_day\" is a generated column.");
    assert_int_equal(
        parse_form(&plain, VERB_UPDATE, BYTES("{\"business_day\":\"2026-01-01\"}"), &q),
        ERR_SYNTAX);
    kitchen_check_fault(&k, 400, "428C9");
    check_text(k.p.fault.message, "column \"business_day\" can only be updated to DEFAULT");
}

static void nonsense_is_refused(void **state)
{
    static const struct {
        const char *text, *code;
    } cases[] = {
        {"", "PGRST102"},
        {"{", "PGRST102"},
        {"5", "PGRST102"},
        {"null", "PGRST102"},
        {"[5]", "PGRST102"},
        {"[[]]", "PGRST102"},
        {"[{\"shift\":\"a\"},5]", "PGRST102"},
        {"[{\"shift\":\"a\"},{}]", "PGRST102"},
        {"[{\"shift\":\"a\"},{\"quantity\":1}]", "PGRST102"},
        {"[{\"shift\":\"a\"},{\"shift\":\"a\",\"quantity\":1}]", "PGRST102"},
        {"[{},{\"quantity\":1}]", "PGRST102"},
        {"{\"nothing\":1}", "PGRST204"},
        {"{\"quantity\":\"x\"}", "22P02"},
        {"{\"quantity\":[1]}", "22P02"},
        {"{\"quantity\":1.5}", "22P02"},
        {"{\"quantity\":99999999999}", "22003"},
        {"{\"unit_price\":1e300}", "22003"},
        {"{\"id\":\"x\\ty\"}", "22P02"},
        {"{\"shift\":\"a\\u0000b\"}", "22P05"},
    };
    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(cases); i++) {
        struct query q;
        enum err e = parse(cases[i].text, &q);
        if (e != ERR_SYNTAX)
            print_error("%s\n", cases[i].text);
        assert_int_equal(e, ERR_SYNTAX);
        kitchen_check_fault(&k, 400, cases[i].code);
    }
}

static void messages_are_those_of_the_original(void **state)
{
    struct query q;
    (void)state;
    assert_int_equal(parse("{\"nothing\":1}", &q), ERR_SYNTAX);
    check_text(k.p.fault.message,
               "Could not find the 'nothing' column of 'sales_logs' in the schema cache");
    assert_int_equal(parse("[{\"shift\":\"a\"},{}]", &q), ERR_SYNTAX);
    check_text(k.p.fault.message, "All object keys must match");
    assert_int_equal(parse("", &q), ERR_SYNTAX);
    check_text(k.p.fault.message, "Empty or invalid json");
    assert_int_equal(parse("{\"id\":\"x\\ty\"}", &q), ERR_SYNTAX);
    check_text(k.p.fault.message, "invalid input syntax for type uuid: \"x\ty\"");
}

static void change_takes_one_object(void **state)
{
    struct query q;
    (void)state;
    assert_int_equal(parse_form(&plain, VERB_UPDATE, BYTES("[{\"shift\":\"a\"}]"), &q), OK);
    assert_int_equal(q.row_count, 1);
    assert_int_equal(
        parse_form(&plain, VERB_UPDATE, BYTES("[{\"shift\":\"a\"},{\"shift\":\"b\"}]"), &q),
        ERR_SYNTAX);
    kitchen_check_fault(&k, 400, "PGRST102");
}

static void rows_are_bounded(void **state)
{
    struct buf text;
    struct query q;
    (void)state;
    buf_init(&text, 1 << 20);
    buf_put_literal(&text, "[{}");
    for (int i = 1; i < BODY_ROWS_MAX; i++)
        buf_put_literal(&text, ",{}");
    buf_put_char(&text, ']');
    assert_int_equal(parse_form(&plain, VERB_INSERT, buf_bytes(&text), &q), OK);
    assert_int_equal(q.row_count, BODY_ROWS_MAX);
    text.size--;
    buf_put_literal(&text, ",{}]");
    assert_int_equal(parse_form(&plain, VERB_INSERT, buf_bytes(&text), &q), ERR_SYNTAX);
    kitchen_check_fault(&k, 413, "54000");
    buf_done(&text);
}

static void names_of_columns_are_found(void **state)
{
    const struct column **columns;
    size_t count;
    const struct table *t = kitchen_table("sales_logs");
    (void)state;
    kitchen_reset(&k);
    assert_int_equal(body_parse_columns(&k.p, t, BYTES("id,\"shift\""), &columns, &count), OK);
    assert_int_equal(count, 2);
    check_text(columns[1]->name, "shift");
    assert_int_equal(body_parse_columns(&k.p, t, BYTES("id,nothing"), &columns, &count),
                     ERR_SYNTAX);
    kitchen_check_fault(&k, 400, "42703");
}

static void memory_may_fail_anywhere(void **state)
{
    (void)state;
    for (uint64_t n = 1;; n++) {
        struct query q = {.verb = VERB_INSERT, .table = kitchen_table("sales_logs")};
        kitchen_reset(&k);
        mem_fail_at(n);
        enum err e =
            body_parse(&k.p, &plain, BYTES("{\"sh\\u0069ft\":\"a\\nb\",\"id\":\"x\"}"), &q);
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
        cmocka_unit_test(object_gives_one_row),
        cmocka_unit_test(rows_may_name_their_columns_in_any_order),
        cmocka_unit_test(escaped_and_repeated_keys_are_one_column),
        cmocka_unit_test(empty_bodies_have_no_columns),
        cmocka_unit_test(named_columns_may_be_left_out),
        cmocka_unit_test(absent_values_may_take_their_default),
        cmocka_unit_test(service_may_set_what_the_server_sets),
        cmocka_unit_test(generated_columns_are_nobodys),
        cmocka_unit_test(nonsense_is_refused),
        cmocka_unit_test(messages_are_those_of_the_original),
        cmocka_unit_test(change_takes_one_object),
        cmocka_unit_test(rows_are_bounded),
        cmocka_unit_test(names_of_columns_are_found),
        cmocka_unit_test(memory_may_fail_anywhere),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
