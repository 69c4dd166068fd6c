#include "auth/policy_ast.h"

#include "bakery.h"
#include "check.h"

static struct catalogue *catalogue;
static struct buf message;
static struct arena arena;

static int setup(void **state)
{
    (void)state;
    catalogue = bakery_catalogue();
    buf_init(&message, 1000);
    arena_init(&arena, 1 << 20);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    catalogue_free(catalogue);
    buf_done(&message);
    arena_done(&arena);
    return 0;
}

static enum err parse(struct bytes text, struct policy **out)
{
    struct bytes boxed = check_boxed(text);
    buf_reset(&message);
    enum err e = policy_parse(catalogue, &arena, BYTES("p.sql"), boxed, &message, out);
    check_unbox(boxed);
    return e;
}

static void a_statement_says_table_verbs_and_roles(void **state)
{
    (void)state;
    struct policy *p = NULL;
    assert_int_equal(
        parse(BYTES("-- two of them\n"
                    "CREATE POLICY \"Staff sees\" ON public.users FOR SELECT TO owner, manager\n"
                    "USING (true);\n"
                    "create policy b on Bread_Types to authenticated, anon\n"
                    "using (true) with check (false) ;\n"),
              &p),
        OK);
    check_text(p->name, "Staff sees");
    check_text(p->table->name, "users");
    assert_int_equal(p->verbs, 1 << VERB_SELECT);
    assert_int_equal(p->roles, 1 << ROLE_OWNER | 1 << ROLE_MANAGER);
    assert_int_equal(p->line, 2);
    assert_non_null(p->using);
    assert_null(p->check);
    p = p->next;
    check_text(p->table->name, "bread_types");
    assert_int_equal(p->verbs, 15);
    assert_int_equal(p->roles,
                     1 << ROLE_OWNER | 1 << ROLE_MANAGER | 1 << ROLE_SALES_REP | 1 << ROLE_ANON);
    assert_int_equal(p->line, 4);
    assert_int_equal(p->check->constant, TRI_FALSE);
    assert_null(p->next);
}

static void what_a_statement_says_is_kept_on_one_line(void **state)
{
    (void)state;
    struct policy *p = NULL;
    assert_int_equal(
        parse(BYTES("\n\nCREATE POLICY a ON users\tFOR  SELECT -- not for UPDATE\n"
                    "  TO owner\r\n  USING (name = 'a  -- \"b' -- c'\n OR id IS NULL)\n;"),
              &p),
        OK);
    check_text(p->text, "FOR SELECT TO owner USING (name = 'a  -- \"b' OR id IS NULL)");
    check_text(p->file, "p.sql");
    assert_int_equal(p->line, 3);
}

static void without_roles_a_policy_is_for_everybody(void **state)
{
    (void)state;
    struct policy *p = NULL, *q = NULL;
    assert_int_equal(parse(BYTES("create policy a on stock for delete using (true);"), &p), OK);
    assert_int_equal(
        parse(BYTES("create policy a on stock for delete to public using (true);"), &q), OK);
    assert_int_equal(p->roles, 15);
    assert_int_equal(q->roles, 15);
    assert_int_equal(p->verbs, 1 << VERB_DELETE);
}

static void a_text_without_statements_is_fine(void **state)
{
    (void)state;
    struct policy *p = (struct policy *)&arena;
    assert_int_equal(parse(BYTES(" -- nothing\n"), &p), OK);
    assert_null(p);
    assert_int_equal(parse((struct bytes){NULL, 0}, &p), OK);
}

static void faulty_statements_are_refused_with_their_place(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum err err;
        const char *message;
    } cases[] = {
        {"drop policy a on stock;", ERR_SYNTAX, "p.sql:1: expected CREATE POLICY, not \"drop\""},
        {"create table a;", ERR_SYNTAX, "p.sql:1: expected POLICY, not \"table\""},
        {"create policy\n;", ERR_SYNTAX, "p.sql:2: expected a name, not \";\""},
        {"create policy a stock", ERR_SYNTAX, "p.sql:1: expected ON, not \"stock\""},
        {"create policy a on", ERR_SYNTAX, "p.sql:1: expected a table, not \"end of file\""},
        {"create policy a on\nnowhere\nfor", ERR_NOT_FOUND,
         "p.sql:2: there is no such table: \"nowhere\""},
        {"create policy a on stock for truncate using (true);", ERR_SYNTAX,
         "p.sql:1: expected ALL, SELECT, INSERT, UPDATE or DELETE, not \"truncate\""},
        {"create policy a on stock to\n\nbaker using (true);", ERR_NOT_FOUND,
         "p.sql:3: there is no such role: \"baker\""},
        {"create policy a on stock to service_role using (true);", ERR_UNSUPPORTED,
         "p.sql:1: policies do not concern the role \"service_role\""},
        {"create policy a on stock to owner,;", ERR_SYNTAX, "p.sql:1: expected a role, not \";\""},
        {"create policy a on stock;", ERR_SYNTAX, "p.sql:1: expected USING, not \";\""},
        {"create policy a on stock for insert;", ERR_SYNTAX,
         "p.sql:1: expected WITH CHECK, not \";\""},
        {"create policy a on stock for insert using (true);", ERR_SYNTAX,
         "p.sql:1: only WITH CHECK is allowed for INSERT, not \"using\""},
        {"create policy a on stock for select with check (true);", ERR_SYNTAX,
         "p.sql:1: WITH CHECK is not for SELECT and DELETE: \"with\""},
        {"create policy a on stock for delete using (true) with check (true);", ERR_SYNTAX,
         "p.sql:1: WITH CHECK is not for SELECT and DELETE: \"with\""},
        {"create policy a on stock for update with (true);", ERR_SYNTAX,
         "p.sql:1: expected CHECK, not \"(\""},
        {"create policy a on stock using true;", ERR_SYNTAX,
         "p.sql:1: expected ( and not \"true\""},
        {"create policy a on stock using (true)", ERR_SYNTAX,
         "p.sql:1: expected ; and not \"end of file\""},
        {"create policy a on shift_totals for select\n using (shift = current_shift());",
         ERR_UNSUPPORTED,
         "p.sql:2: what may be seen or said cannot depend on the clock: \"current_shift\""},
        {"create policy a on shift_totals using (business_day = current_business_day());",
         ERR_UNSUPPORTED,
         "p.sql:1: what may be seen or said cannot depend on the clock: "
         "\"current_business_day\""},
        {"create policy a on stock as restrictive using (true);", ERR_SYNTAX,
         "p.sql:1: expected USING, not \"as\""},
    };
    for (size_t i = 0; i < CHECK_COUNT(cases); i++) {
        struct policy *p = NULL;
        enum err e = parse(bytes_of(cases[i].text), &p);
        check_text(buf_bytes(&message), cases[i].message);
        assert_int_equal(e, cases[i].err);
        assert_null(p);
    }
}

static void every_cut_of_a_statement_is_refused(void **state)
{
    (void)state;
    static const char text[] = "create policy a on users for update to owner using (id = "
                               "auth.uid() and role in ('a', 'b')) "
                               "with check (old.id = id);";
    for (size_t size = 1; size < sizeof(text) - 1; size++) {
        struct policy *p = NULL;
        assert_int_not_equal(parse((struct bytes){text, size}, &p), OK);
        assert_true(bytes_starts_with(buf_bytes(&message), BYTES("p.sql:1: ")));
        assert_null(p);
        arena_reset(&arena);
    }
}

static void over_long_texts_are_refused(void **state)
{
    (void)state;
    size_t size = 256 * 1024 + 1;
    char *text = malloc(size);
    struct policy *p = NULL;
    memset(text, ' ', size);
    assert_int_equal(parse((struct bytes){text, size}, &p), ERR_UNSUPPORTED);
    assert_int_equal(parse((struct bytes){text, size - 1}, &p), OK);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_statement_says_table_verbs_and_roles, setup, teardown),
        cmocka_unit_test_setup_teardown(what_a_statement_says_is_kept_on_one_line, setup, teardown),
        cmocka_unit_test_setup_teardown(without_roles_a_policy_is_for_everybody, setup, teardown),
        cmocka_unit_test_setup_teardown(a_text_without_statements_is_fine, setup, teardown),
        cmocka_unit_test_setup_teardown(faulty_statements_are_refused_with_their_place, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(every_cut_of_a_statement_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(over_long_texts_are_refused, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
