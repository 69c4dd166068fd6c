#include "bakery.h"
#include "check.h"

#define ADA "0190c2f4-5b6a-7c3d-8e9f-00000000000a"
#define BEN "0190c2f4-5b6a-7c3d-8e9f-00000000000b"

static struct catalogue *catalogue;
static const struct table *table;

static int setup(void **state)
{
    static const struct bakery_table tables[] = {
        {"t", "id uuid, s text, n int4, m numeric(12,2), b bool, at timestamptz, d date, j jsonb"},
    };
    (void)state;
    catalogue = bakery_catalogue_of(tables, 1);
    table = &catalogue->tables[0];
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    catalogue_free(catalogue);
    return 0;
}

static struct policy_context context(void)
{
    struct policy_context ctx = {.who = {.role = ROLE_MANAGER, .user_id = ADA},
                                 .shift = BYTES("morning"),
                                 .business_day = BYTES("2026-08-21")};
    return ctx;
}

static struct policies *policies_of(const char *expr)
{
    struct policies *p;
    struct buf text;
    buf_init(&text, 10000);
    buf_put_literal(&text, "create policy p on t for delete using (");
    buf_put(&text, bytes_of(expr));
    buf_put_literal(&text, ");\0");
    assert_int_equal(policies_new(catalogue, &p), OK);
    bakery_add(p, text.data);
    buf_done(&text);
    return p;
}

static bool sees_as(const struct policy_context *ctx, const char *expr, const char *row)
{
    struct policies *p = policies_of(expr);
    struct bytes boxed = check_boxed(bytes_of(row));
    bool sees = policy_sees(p, table, VERB_DELETE, ctx, boxed);
    check_unbox(boxed);
    policies_free(p);
    return sees;
}

static bool sees(const char *expr, const char *row)
{
    struct policy_context ctx = context();
    return sees_as(&ctx, expr, row);
}

/* t, f and n as expressions; and what every pair gives. */
static const char *const truth[] = {"false", "true", "null"};

/* 0, 1, or 2 for null: an expression is null when neither it nor its negation holds. */
static int value_of(const char *expr)
{
    char negated[200];
    assert_true(strlen(expr) < 150);
    strcpy(negated, "not (");
    strcat(negated, expr);
    strcat(negated, ")");
    bool holds = sees(expr, "{}"), fails = sees(negated, "{}");
    assert_false(holds && fails);
    return holds ? 1 : fails ? 0 : 2;
}

static void logic_has_three_values(void **state)
{
    (void)state;
    static const int and_table[3][3] = {{0, 0, 0}, {0, 1, 2}, {0, 2, 2}};
    static const int or_table[3][3] = {{0, 1, 2}, {1, 1, 1}, {2, 1, 2}};
    static const int not_table[3] = {1, 0, 2};
    for (int a = 0; a < 3; a++) {
        char expr[100] = "not ";
        strcat(expr, truth[a]);
        assert_int_equal(value_of(expr), not_table[a]);
        for (int b = 0; b < 3; b++) {
            strcpy(expr, truth[a]);
            strcat(expr, " and ");
            strcat(expr, truth[b]);
            assert_int_equal(value_of(expr), and_table[a][b]);
            strcpy(expr, truth[a]);
            strcat(expr, " or ");
            strcat(expr, truth[b]);
            assert_int_equal(value_of(expr), or_table[a][b]);
        }
    }
}

struct eval_case {
    const char *expr, *row;
    bool holds;
};

static const struct eval_case cases[] = {
    {"n = 5", "{\"n\":5}", true},
    {"n = 5", "{\"n\":6}", false},
    {"n = 5", "{\"n\":null}", false},
    {"n <> 5", "{\"n\":null}", false},
    {"not (n = 5)", "{\"n\":null}", false},
    {"n is null", "{\"n\":null}", true},
    {"n is not null", "{\"n\":5}", true},
    {"n < 2.5", "{\"n\":2}", true},
    {"n < 2.5", "{\"n\":3}", false},
    {"n > 2.5", "{\"n\":3}", true},
    {"n = 2.5", "{\"n\":2}", false},
    {"n <> 2.5", "{\"n\":2}", true},
    {"n <> 2.5", "{\"n\":null}", false},
    {"n in (1, 2, 3)", "{\"n\":3}", true},
    {"n in (1, 2, 3)", "{\"n\":4}", false},
    {"n in (1, null)", "{\"n\":1}", true},
    {"n not in (1, 2)", "{\"n\":3}", true},
    {"n not in (1, null)", "{\"n\":3}", false},
    {"m = 1500.5", "{\"m\":1500.50}", true},
    {"m > 1500.499", "{\"m\":1500.50}", true},
    {"m < 0", "{\"m\":-0.01}", true},
    {"b", "{\"b\":true}", true},
    {"b", "{\"b\":false}", false},
    {"b", "{\"b\":null}", false},
    {"not b", "{\"b\":null}", false},
    {"b = false", "{\"b\":false}", true},
    {"s = 'a\"b'", "{\"s\":\"a\\\"b\"}", true},
    {"s = '\xc3\xb6'", "{\"s\":\"\\u00f6\"}", true},
    {"s < 'b'", "{\"s\":\"abc\"}", true},
    {"id = auth.uid()", "{\"id\":\"" ADA "\"}", true},
    {"id = auth.uid()", "{\"id\":\"" BEN "\"}", false},
    {"auth.role() = 'manager'", "{}", true},
    {"auth.role() in ('owner', 'sales_rep')", "{}", false},
    {"s = current_shift()", "{\"s\":\"morning\"}", true},
    {"s = current_shift()", "{\"s\":\"night\"}", false},
    {"d = current_business_day()", "{\"d\":\"2026-08-21\"}", true},
    {"d >= current_business_day()", "{\"d\":\"2026-08-20\"}", false},
    {"at > '2026-08-21T10:00:00+01:00'", "{\"at\":\"2026-08-21T09:00:00.000001+00:00\"}", true},
    {"j is not null", "{\"j\":{\"a\":[1]}}", true},
    {"n = 2", "{\"n\":1,\"n\":2}", true},
};

static void rows_are_judged_as_sql_judges_them(void **state)
{
    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(cases); i++) {
        if (sees(cases[i].expr, cases[i].row) != cases[i].holds) {
            print_error("%s on %s\n", cases[i].expr, cases[i].row);
            fail();
        }
    }
}

/* Neither the condition nor its contrary lets anybody see what cannot be read. */
static void what_cannot_be_read_is_unknown(void **state)
{
    (void)state;
    static const char *const exprs[] = {"n = 5",         "n <> 5",         "n is null",
                                        "n is not null", "not (n = 5)",    "n in (5)",
                                        "n not in (5)",  "not (n is null)"};
    static const char *const rows[] = {
        "{}",        "", "[]", "{\"n\":", "{\"n\":\"x\"}", "{\"n\":[5]}", "{\"n\":99999999999}",
        "{\"N\":5}", "7"};
    for (size_t i = 0; i < CHECK_COUNT(exprs); i++)
        for (size_t k = 0; k < CHECK_COUNT(rows); k++)
            assert_false(sees(exprs[i], rows[k]));
    assert_true(sees("n = 5 or true", "{\"n\":"));
}

static void who_has_no_id_owns_nothing(void **state)
{
    (void)state;
    struct policy_context nobody = {.who = {.role = ROLE_ANON}};
    assert_false(sees_as(&nobody, "id = auth.uid()", "{\"id\":\"" ADA "\"}"));
    assert_false(sees_as(&nobody, "id <> auth.uid()", "{\"id\":\"" ADA "\"}"));
    assert_false(sees_as(&nobody, "s = current_shift()", "{\"s\":\"\"}"));
    assert_true(sees_as(&nobody, "auth.uid() is null and current_shift() is null", "{}"));
}

static void without_memory_nothing_is_allowed(void **state)
{
    (void)state;
    struct policies *p = policies_of("s = 'a\"b' or s <> 'a\"b' or s is null");
    struct policy_context ctx = context();
    const struct bytes row = BYTES("{\"s\":\"a\\\"b\"}");
    uint64_t n = 1;
    for (bool has_failed = true; has_failed; n++) {
        mem_fail_at(n);
        bool is_seen = policy_sees(p, table, VERB_DELETE, &ctx, row);
        has_failed = mem_fail_hit();
        mem_fail_at(0);
        assert_int_equal(is_seen, !has_failed);
    }
    assert_true(n > 2);
    policies_free(p);
}

static void plain_rows_take_no_memory(void **state)
{
    (void)state;
    struct policies *p = policies_of("id = auth.uid() and s = current_shift() and m > 5");
    struct policy_context ctx = context();
    mem_fail_at(1);
    assert_true(policy_sees(p, table, VERB_DELETE, &ctx,
                            BYTES("{\"id\":\"" ADA "\",\"s\":\"morning\",\"m\":5.01}")));
    mem_fail_at(0);
    policies_free(p);
}

static void the_check_sees_both_rows(void **state)
{
    (void)state;
    struct policies *p;
    struct policy_context ctx = context();
    assert_int_equal(policies_new(catalogue, &p), OK);
    bakery_add(
        p, "create policy p on t for update using (true) with check (n > old.n and s = old.s);");
    assert_true(policy_accepts(p, table, VERB_UPDATE, &ctx, BYTES("{\"n\":1,\"s\":\"a\"}"),
                               BYTES("{\"n\":2,\"s\":\"a\"}")));
    assert_false(policy_accepts(p, table, VERB_UPDATE, &ctx, BYTES("{\"n\":2,\"s\":\"a\"}"),
                                BYTES("{\"n\":2,\"s\":\"a\"}")));
    assert_false(policy_accepts(p, table, VERB_UPDATE, &ctx, BYTES("{\"n\":1,\"s\":null}"),
                                BYTES("{\"n\":2,\"s\":null}")));
    assert_false(
        policy_accepts(p, table, VERB_UPDATE, &ctx, BYTES(""), BYTES("{\"n\":2,\"s\":\"a\"}")));
    assert_false(
        policy_accepts(p, table, VERB_INSERT, &ctx, BYTES(""), BYTES("{\"n\":2,\"s\":\"a\"}")));
    policies_free(p);
}

static void without_a_check_update_uses_its_using(void **state)
{
    (void)state;
    struct policies *p;
    struct policy_context ctx = context();
    assert_int_equal(policies_new(catalogue, &p), OK);
    bakery_add(p, "create policy p on t for all using (n = 1);");
    for (int verb = VERB_INSERT; verb <= VERB_UPDATE; verb++) {
        assert_true(
            policy_accepts(p, table, (enum verb)verb, &ctx, BYTES("{}"), BYTES("{\"n\":1}")));
        assert_false(
            policy_accepts(p, table, (enum verb)verb, &ctx, BYTES("{}"), BYTES("{\"n\":2}")));
    }
    assert_false(policy_accepts(p, table, VERB_DELETE, &ctx, BYTES("{}"), BYTES("{\"n\":1}")));
    assert_true(policy_sees(p, table, VERB_DELETE, &ctx, BYTES("{\"n\":1}")));
    policies_free(p);
}

/* As in PostgreSQL: the check would accept the new row, but there is no old row to be seen. */
static void a_check_alone_changes_no_row(void **state)
{
    (void)state;
    struct policies *p;
    struct policy_context ctx = context();
    assert_int_equal(policies_new(catalogue, &p), OK);
    bakery_add(p, "create policy p on t for update with check (true);");
    assert_false(policy_has_any(p, table, VERB_UPDATE, ROLE_MANAGER));
    assert_false(policy_sees(p, table, VERB_UPDATE, &ctx, BYTES("{}")));
    assert_true(policy_accepts(p, table, VERB_UPDATE, &ctx, BYTES("{}"), BYTES("{}")));
    policies_free(p);
}

static void the_service_role_is_never_asked(void **state)
{
    (void)state;
    struct policies *p;
    struct policy_context ctx = {.who = {.role = ROLE_SERVICE}};
    assert_int_equal(policies_new(catalogue, &p), OK);
    assert_true(policy_sees(p, table, VERB_SELECT, &ctx, BYTES("")));
    assert_true(policy_accepts(p, table, VERB_INSERT, &ctx, BYTES(""), BYTES("")));
    ctx.who.role = ROLE_OWNER;
    assert_false(policy_sees(p, table, VERB_SELECT, &ctx, BYTES("{}")));
    assert_false(policy_accepts(p, table, VERB_INSERT, &ctx, BYTES(""), BYTES("{}")));
    policies_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(logic_has_three_values, setup, teardown),
        cmocka_unit_test_setup_teardown(rows_are_judged_as_sql_judges_them, setup, teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be_read_is_unknown, setup, teardown),
        cmocka_unit_test_setup_teardown(who_has_no_id_owns_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(without_memory_nothing_is_allowed, setup, teardown),
        cmocka_unit_test_setup_teardown(plain_rows_take_no_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(the_check_sees_both_rows, setup, teardown),
        cmocka_unit_test_setup_teardown(without_a_check_update_uses_its_using, setup, teardown),
        cmocka_unit_test_setup_teardown(a_check_alone_changes_no_row, setup, teardown),
        cmocka_unit_test_setup_teardown(the_service_role_is_never_asked, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
