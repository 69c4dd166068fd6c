/* Expressions, seen through the SQL that they give. */
#include "bakery.h"
#include "check.h"

#define UUID "0190c2f4-5b6a-7c3d-8e9f-a0b1c2d3e4f5"

static struct catalogue *catalogue;
static struct policies *policies;
static struct buf message;

static int setup(void **state)
{
    static const struct bakery_table tables[] = {
        {"t", "id uuid, s text, n int4, n8 int8, m numeric(12,2), m4 numeric(12,4), b bool, "
              "at timestamptz, d date, j jsonb"},
    };
    (void)state;
    catalogue = bakery_catalogue_of(tables, 1);
    buf_init(&message, 1000);
    return policies_new(catalogue, &policies) ? -1 : 0;
}

static int teardown(void **state)
{
    (void)state;
    policies_free(policies);
    catalogue_free(catalogue);
    buf_done(&message);
    return 0;
}

static enum err add_expr(const char *before, const char *expr)
{
    struct buf text;
    buf_init(&text, 100000);
    buf_put(&text, bytes_of(before));
    buf_put(&text, bytes_of(expr));
    buf_put_literal(&text, ");");
    struct bytes boxed = check_boxed(buf_bytes(&text));
    buf_reset(&message);
    enum err e = policies_add(policies, BYTES("e.sql"), boxed, &message);
    check_unbox(boxed);
    buf_done(&text);
    return e;
}

struct expr_case {
    const char *expr, *sql;
};

static const struct expr_case good[] = {
    {"true", "1"},
    {"false", "(0)"},
    {"null", "(NULL)"},
    {"(((true)))", "1"},
    {"b", "((x.\"b\"))"},
    {"not b", "((NOT (x.\"b\")))"},
    {"not not b", "((x.\"b\"))"},
    {"s like 'own_r:%'", "((x.\"s\" GLOB 'own?r:*'))"},
    {"s NOT LIKE 'it''s [*?\\%\\_'", "((NOT (x.\"s\" GLOB 'it''s [[][*][?]%_')))"},
    {"auth.role() like 'o%'", "(('owner' GLOB 'o*'))"},
    {"n = 1", "((x.\"n\" = 1))"},
    {"t.n = 1", "((x.\"n\" = 1))"},
    {"\"n\" = 1", "((x.\"n\" = 1))"},
    {"N <> 1", "((x.\"n\" <> 1))"},
    {"n != -1", "((x.\"n\" <> -1))"},
    {"n < '12'", "((x.\"n\" < 12))"},
    {"1 < n", "((x.\"n\" > 1))"},
    {"1 <= n", "((x.\"n\" >= 1))"},
    {"1 >= n", "((x.\"n\" <= 1))"},
    {"n < n8", "((x.\"n\" < x.\"n8\"))"},
    {"n8 > 9223372036854775807", "((x.\"n8\" > 9223372036854775807))"},
    {"n < 2.5", "((x.\"n\" <= 2))"},
    {"n <= 2.5", "((x.\"n\" <= 2))"},
    {"n > 2.5", "((x.\"n\" > 2))"},
    {"2.5 > n", "((x.\"n\" <= 2))"},
    {"n >= -2.5", "((x.\"n\" > -3))"},
    {"n = 2.5", "((x.\"n\" <> x.\"n\"))"},
    {"n <> 2.5", "((x.\"n\" = x.\"n\"))"},
    {"n = 2.0", "((x.\"n\" = 2))"},
    {"m = 1500.5", "((x.\"m\" = 150050))"},
    {"m > 1e3", "((x.\"m\" > 100000))"},
    {"m < 0.001", "((x.\"m\" <= 0))"},
    {"b = true", "((x.\"b\" = 1))"},
    {"b = 'no'", "((x.\"b\" = 0))"},
    {"b = null", "((x.\"b\" = NULL))"},
    {"s = 'it''s'", "((x.\"s\" = 'it''s'))"},
    {"s = ''", "((x.\"s\" = ''))"},
    {"id = '0190C2F4-5B6A-7C3D-8E9F-A0B1C2D3E4F5'", "((x.\"id\" = '" UUID "'))"},
    {"id = auth.uid()", "((x.\"id\" = :uid))"},
    {"auth . uid ( ) = id", "((:uid = x.\"id\"))"},
    {"auth.role() = 'owner'", "(('owner' = 'owner'))"},
    {"s = current_shift()", "((x.\"s\" = :shift))"},
    {"d = CURRENT_BUSINESS_DAY()", "((x.\"d\" = :business_day))"},
    {"d > '2026-08-21'", "((x.\"d\" > '2026-08-21'))"},
    {"at >= '1970-01-01 00:00:01+00'", "((x.\"at\" >= 1000000))"},
    {"j is null", "((x.\"j\" IS NULL))"},
    {"s is not null", "((NOT (x.\"s\" IS NULL)))"},
    {"auth.uid() is null", "((:uid IS NULL))"},
    {"null is null", "1"},
    {"null is not null", "(0)"},
    {"5 is null", "(0)"},
    {"s in ('a', 'b')", "(((x.\"s\" = 'a') OR (x.\"s\" = 'b')))"},
    {"n not in (1, null)", "((NOT ((x.\"n\" = 1) OR (x.\"n\" = NULL))))"},
    {"'a' in (s, s)", "(((x.\"s\" = 'a') OR (x.\"s\" = 'a')))"},
    {"b or b and not b", "(((x.\"b\") OR ((x.\"b\") AND (NOT (x.\"b\")))))"},
    {"(b or b) and b", "((((x.\"b\") OR (x.\"b\")) AND (x.\"b\")))"},
    {"not n = 1", "((NOT (x.\"n\" = 1)))"},
    {"b and b and b", "(((x.\"b\") AND (x.\"b\") AND (x.\"b\")))"},
};

static void expressions_mean_what_sql_means_by_them(void **state)
{
    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(good); i++) {
        struct buf sql;
        buf_init(&sql, 10000);
        if (add_expr("create policy p on t for delete to owner using (", good[i].expr)) {
            print_error("%s: %.*s\n", good[i].expr, (int)message.size, message.data);
            fail();
        }
        policy_put_sql(&sql, policies, &catalogue->tables[0], VERB_DELETE, ROLE_OWNER, BYTES("x"));
        check_text(buf_bytes(&sql), good[i].sql);
        buf_done(&sql);
        policies_free(policies);
        assert_int_equal(policies_new(catalogue, &policies), OK);
    }
}

static const struct {
    const char *expr;
    enum err err;
    const char *message;
} bad[] = {
    {"", ERR_SYNTAX, "e.sql:1: expected a value, not \")\""},
    {"\n\nand", ERR_SYNTAX, "e.sql:3: expected a value, not \"and\""},
    {"b and", ERR_SYNTAX, "e.sql:1: expected a value, not \")\""},
    {"b b", ERR_SYNTAX, "e.sql:1: expected ) and not \"b\""},
    {"(b", ERR_SYNTAX, "e.sql:1: expected ) and not \";\""},
    {"n =", ERR_SYNTAX, "e.sql:1: expected a value, not \")\""},
    {"n = = 1", ERR_SYNTAX, "e.sql:1: expected a value, not \"=\""},
    {"n is 5", ERR_SYNTAX, "e.sql:1: expected NULL, not \"5\""},
    {"n not 5", ERR_SYNTAX, "e.sql:1: expected IN or LIKE, not \"5\""},
    {"n like 'a'", ERR_TYPE, "e.sql:1: only a text is like a pattern, not \"n\""},
    {"id not like 'a'", ERR_TYPE, "e.sql:1: only a text is like a pattern, not \"id\""},
    {"'a' like 'a'", ERR_TYPE, "e.sql:1: only a text is like a pattern, not \"a\""},
    {"s like s", ERR_UNSUPPORTED, "e.sql:1: a pattern is a text of at most 100 bytes, not \"s\""},
    {"s like 5", ERR_UNSUPPORTED, "e.sql:1: a pattern is a text of at most 100 bytes, not \"5\""},
    {"s like null", ERR_UNSUPPORTED, "e.sql:1: a pattern is a text of at most 100 bytes, not"},
    {"s like 'a\\'", ERR_UNSUPPORTED,
     "e.sql:1: a pattern is a text of at most 100 bytes, not \"a\\\""},
    {"s like", ERR_SYNTAX, "e.sql:1: expected a value, not \")\""},
    {"n in 5", ERR_SYNTAX, "e.sql:1: expected ( and not \"5\""},
    {"n in ()", ERR_SYNTAX, "e.sql:1: expected a value, not \")\""},
    {"n in (1;", ERR_SYNTAX, "e.sql:1: expected , or ) and not \";\""},
    {"s = 'a", ERR_SYNTAX, "e.sql:1: a quote is not closed"},
    {"n = 1 + 1", ERR_SYNTAX, "e.sql:1: expected ) and not \"+\""},
    {"id = (select auth.uid())", ERR_SYNTAX, "e.sql:1: expected a value, not \"(\""},
    {"b\nor\nzz = 1", ERR_NOT_FOUND, "e.sql:3: there is no such column: \"zz\""},
    {"users.id = id", ERR_NOT_FOUND, "e.sql:1: there is no such table here: \"users\""},
    {"old.n = n", ERR_UNSUPPORTED, "e.sql:1: old is known only in WITH CHECK of UPDATE"},
    {"now() > at", ERR_UNSUPPORTED, "e.sql:1: there is no such function: \"now\""},
    {"auth.jwt() = s", ERR_UNSUPPORTED, "e.sql:1: there is no such function: auth. \"jwt\""},
    {"auth.uid = id", ERR_SYNTAX, "e.sql:1: expected ( and not \"=\""},
    {"n", ERR_TYPE, "e.sql:1: this is no condition: \"n\""},
    {"'x'", ERR_TYPE, "e.sql:1: this is no condition: \"x\""},
    {"1", ERR_TYPE, "e.sql:1: this is no condition: \"1\""},
    {"auth.uid()", ERR_TYPE, "e.sql:1: this is no condition: \"auth.uid()\""},
    {"n = 'x'", ERR_TYPE, "e.sql:1: no value of the column's type: \"x\""},
    {"b\nand n\n= 'x'\nand b", ERR_TYPE, "e.sql:3: no value of the column's type: \"x\""},
    {"n = 99999999999999999999", ERR_TYPE,
     "e.sql:1: no value of the column's type: \"99999999999999999999\""},
    {"n = 12x", ERR_TYPE, "e.sql:1: no value of the column's type: \"12x\""},
    {"n = '2.5'", ERR_TYPE, "e.sql:1: no value of the column's type: \"2.5\""},
    {"id = 'x'", ERR_TYPE, "e.sql:1: no value of the column's type: \"x\""},
    {"auth.uid() = 'x'", ERR_TYPE, "e.sql:1: no value of the column's type: \"x\""},
    {"s = 5", ERR_TYPE, "e.sql:1: a literal of another type than \"s\""},
    {"b = 1", ERR_TYPE, "e.sql:1: a literal of another type than \"b\""},
    {"s = true", ERR_TYPE, "e.sql:1: a literal of another type than \"s\""},
    {"at > 5", ERR_TYPE, "e.sql:1: a literal of another type than \"at\""},
    {"j = '{}'", ERR_TYPE, "e.sql:1: a literal of another type than \"j\""},
    {"n = s", ERR_TYPE, "e.sql:1: values of two types are compared with \"s\""},
    {"m = m4", ERR_TYPE, "e.sql:1: values of two types are compared with \"m4\""},
    {"id = s", ERR_TYPE, "e.sql:1: values of two types are compared with \"s\""},
    {"n = auth.uid()", ERR_TYPE, "e.sql:1: values of two types are compared with \"auth.uid()\""},
    {"j = j", ERR_TYPE, "e.sql:1: values of two types are compared with \"j\""},
    {"1 = 1", ERR_UNSUPPORTED, "e.sql:1: a comparison needs a column or a function"},
    {"null = null", ERR_UNSUPPORTED, "e.sql:1: a comparison needs a column or a function"},
};

static void faults_are_named_with_their_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(bad); i++) {
        enum err e = add_expr("create policy p on t for delete to owner using (", bad[i].expr);
        check_text(buf_bytes(&message), bad[i].message);
        assert_int_equal(e, bad[i].err);
        assert_false(policy_has_any(policies, &catalogue->tables[0], VERB_DELETE, ROLE_OWNER));
    }
}

static void old_is_known_in_the_check_of_update_alone(void **state)
{
    (void)state;
    assert_int_equal(
        add_expr("create policy p on t for update using (b) with check (", "old.n = n"), OK);
    assert_int_equal(add_expr("create policy q on t for all using (b) with check (", "old.n = n"),
                     ERR_UNSUPPORTED);
    assert_int_equal(add_expr("create policy q on t for insert with check (", "old.n = n"),
                     ERR_UNSUPPORTED);
    assert_int_equal(add_expr("create policy q on t for update using (", "old.n = n"),
                     ERR_UNSUPPORTED);
    assert_int_equal(
        add_expr("create policy q on t for update using (b) with check (", "old.zz = n"),
        ERR_NOT_FOUND);
}

static void put_repeated(struct buf *out, const char *part, int count)
{
    for (int i = 0; i < count; i++)
        buf_put(out, bytes_of(part));
    buf_put_char(out, '\0');
}

static void depth_and_length_are_bounded(void **state)
{
    (void)state;
    static const char *const parts[] = {"((((((((", "not (", "b or ", "n in (1) and "};
    struct buf text;
    buf_init(&text, 1 << 20);
    for (size_t i = 0; i < CHECK_COUNT(parts); i++) {
        buf_reset(&text);
        put_repeated(&text, parts[i], 5000);
        assert_int_equal(add_expr("create policy p on t for select using (", text.data),
                         ERR_UNSUPPORTED);
    }
    buf_reset(&text);
    put_repeated(&text, "b or b and not ", 60);
    text.size--;
    buf_put_literal(&text, "b\0");
    assert_int_equal(add_expr("create policy p on t for select using (", text.data), OK);
    buf_done(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(expressions_mean_what_sql_means_by_them, setup, teardown),
        cmocka_unit_test_setup_teardown(faults_are_named_with_their_place, setup, teardown),
        cmocka_unit_test_setup_teardown(old_is_known_in_the_check_of_update_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(depth_and_length_are_bounded, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
