/* The policies of the bakery against the matrix at the end of the product's description. */
#include "bakery.h"
#include "check.h"

#include <stdio.h>

#define ADA "0190c2f4-5b6a-7c3d-8e9f-00000000000a" /* who asks */
#define BEN "0190c2f4-5b6a-7c3d-8e9f-00000000000b"
#define TODAY "2026-08-21"

static struct catalogue *catalogue;
static struct policies *policies;

static int setup(void **state)
{
    (void)state;
    catalogue = bakery_catalogue();
    policies = bakery_policies(catalogue);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    policies_free(policies);
    catalogue_free(catalogue);
    return 0;
}

static struct policy_context context_of(enum role role)
{
    struct policy_context ctx = {
        .who = {.role = role}, .shift = BYTES("morning"), .business_day = BYTES(TODAY)};
    if (role_is_staff(role))
        memcpy(ctx.who.user_id, ADA, sizeof(ADA));
    return ctx;
}

/* A row that serves for every table: whose it is, of which role that person is, when. */
struct row {
    const char *person, *role, *shift, *day;
};

static void put_member(struct buf *out, const char *name, const char *text)
{
    buf_put_literal(out, ",\"");
    buf_put(out, bytes_of(name));
    buf_put_literal(out, "\":\"");
    buf_put(out, bytes_of(text));
    buf_put_char(out, '"');
}

static void put_row(struct buf *out, const struct row *r)
{
    buf_put_literal(out, "{\"is_active\":true,\"name\":\"N\"");
    put_member(out, "id", r->person);
    put_member(out, "role", r->role);
    put_member(out, "recorded_by", r->person);
    put_member(out, "user_id", r->person);
    put_member(out, "created_by", r->person);
    put_member(out, "shift", r->shift);
    put_member(out, "business_day", r->day);
    put_member(out, "topic", "room");
    buf_put_char(out, '}');
}

/* For anon, owner, manager, sales_rep:  - nobody   a all   o own   s own and of this shift
 * m managers' and reps' */
struct matrix_line {
    const char *table, *see, *add, *change, *remove;
};

static const struct matrix_line matrix[] = {
    {"bread_types", "-aaa", "-aa-", "-aa-", "-a--"},
    {"production_logs", "-aaa", "-oo-", "-aao", "-ass"},
    {"sales_logs", "-aaa", "-ooo", "-aao", "-aas"},
    {"shift_feedback", "-aao", "-ooo", "-ooo", "-a--"},
    {"users", "-amo", "----", "-aoo", "-a--"},
    {"stock", "-aaa", "----", "----", "----"},
    {"shift_totals", "-aa-", "----", "----", "----"},
    {"audit_trail", "-a--", "----", "----", "----"},
    {"messages", "-aaa", "-aaa", "----", "----"},
};

static const char *letters_of(const struct matrix_line *line, enum verb verb)
{
    switch (verb) {
    case VERB_SELECT:
        return line->see;
    case VERB_INSERT:
        return line->add;
    case VERB_UPDATE:
        return line->change;
    case VERB_DELETE:
        return line->remove;
    }
    return NULL;
}

static bool wanted(char letter, const struct row *r)
{
    bool is_own = strcmp(r->person, ADA) == 0;
    bool is_now = strcmp(r->shift, "morning") == 0 && strcmp(r->day, TODAY) == 0;
    switch (letter) {
    case 'a':
        return true;
    case 'o':
        return is_own;
    case 's':
        return is_own && is_now;
    case 'm':
        return strcmp(r->role, "owner") != 0;
    default:
        return false;
    }
}

static void check_cell(const struct matrix_line *line, enum verb verb, enum role role,
                       const struct row *r)
{
    const struct table *t = bakery_find(catalogue, line->table);
    struct policy_context ctx = context_of(role);
    char letter = role == ROLE_SERVICE ? 'a' : letters_of(line, verb)[role];
    struct buf row;
    buf_init(&row, 1000);
    put_row(&row, r);
    bool is_allowed = verb == VERB_INSERT
                          ? policy_accepts(policies, t, verb, &ctx, BYTES(""), buf_bytes(&row))
                          : policy_sees(policies, t, verb, &ctx, buf_bytes(&row));
    if (is_allowed != wanted(letter, r)) {
        print_error("%s %d role %d: %d for %.*s\n", line->table, verb, role, is_allowed,
                    (int)row.size, row.data);
        fail();
    }
    /* An update that changes nothing is accepted of whoever may change the row. */
    if (verb == VERB_UPDATE && is_allowed)
        assert_true(policy_accepts(policies, t, verb, &ctx, buf_bytes(&row), buf_bytes(&row)));
    assert_int_equal(policy_has_any(policies, t, verb, role), letter != '-');
    buf_done(&row);
}

static void the_matrix_is_that_of_the_product(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {ADA, "owner", "morning", TODAY},     {ADA, "manager", "morning", TODAY},
        {ADA, "sales_rep", "night", TODAY},   {ADA, "manager", "morning", "2026-08-20"},
        {BEN, "owner", "morning", TODAY},     {BEN, "manager", "morning", TODAY},
        {BEN, "sales_rep", "morning", TODAY}, {BEN, "sales_rep", "night", "2026-08-20"},
    };
    assert_int_equal(CHECK_COUNT(matrix), catalogue->table_count);
    for (size_t i = 0; i < CHECK_COUNT(matrix); i++)
        for (int verb = VERB_SELECT; verb <= VERB_DELETE; verb++)
            for (int role = 0; role < ROLE_COUNT; role++)
                for (size_t k = 0; k < CHECK_COUNT(rows); k++)
                    check_cell(&matrix[i], (enum verb)verb, (enum role)role, &rows[k]);
}

static bool updates(const char *table, enum role role, const char *old_row, const char *new_row)
{
    const struct table *t = bakery_find(catalogue, table);
    struct policy_context ctx = context_of(role);
    return policy_sees(policies, t, VERB_UPDATE, &ctx, bytes_of(old_row)) &&
           policy_accepts(policies, t, VERB_UPDATE, &ctx, bytes_of(old_row), bytes_of(new_row));
}

#define ENTRY(id, by, shift)                                                                       \
    "{\"id\":\"" id "\",\"recorded_by\":\"" by "\",\"shift\":\"" shift                             \
    "\",\"business_day\":\"" TODAY "\"}"
#define BY(by) ENTRY("00000000-0000-4000-8000-000000000001", by, "morning")
#define OF(shift) ENTRY("00000000-0000-4000-8000-000000000001", ADA, shift)

static void an_entry_stays_its_authors(void **state)
{
    (void)state;
    static const char *const tables[] = {"production_logs", "sales_logs"};
    for (size_t i = 0; i < CHECK_COUNT(tables); i++) {
        for (int role = ROLE_OWNER; role <= ROLE_SALES_REP; role++) {
            bool is_keeper = role != ROLE_SALES_REP;
            assert_true(updates(tables[i], (enum role)role, BY(ADA), BY(ADA)));
            assert_false(updates(tables[i], (enum role)role, BY(ADA), BY(BEN)));
            assert_int_equal(updates(tables[i], (enum role)role, BY(BEN), BY(BEN)), is_keeper);
            assert_false(updates(tables[i], (enum role)role, BY(BEN), BY(ADA)));
        }
    }
}

/* It is morning.  Else it could be moved into the present and then removed. */
static void an_authors_entry_stays_in_a_shift_that_is_over(void **state)
{
    (void)state;
    const char *renamed = ENTRY("00000000-0000-4000-8000-000000000002", ADA, "morning");
    assert_true(updates("sales_logs", ROLE_SALES_REP, OF("morning"), OF("night")));
    assert_true(updates("sales_logs", ROLE_SALES_REP, OF("night"), OF("night")));
    assert_false(updates("sales_logs", ROLE_SALES_REP, OF("night"), OF("morning")));
    assert_true(updates("sales_logs", ROLE_MANAGER, OF("night"), OF("morning")));
    assert_false(updates("production_logs", ROLE_SALES_REP, OF("night"), OF("morning")));
    assert_false(updates("production_logs", ROLE_MANAGER, OF("night"), OF("morning")));
    assert_true(updates("production_logs", ROLE_OWNER, OF("night"), OF("morning")));
    for (int role = ROLE_OWNER; role <= ROLE_SALES_REP; role++)
        assert_false(updates("sales_logs", (enum role)role, OF("morning"), renamed));
}

#define USER(id, name, role, is_active)                                                            \
    "{\"id\":\"" id "\",\"name\":\"" name "\",\"role\":\"" role "\",\"is_active\":" is_active "}"

static void people_may_change_their_own_name_only(void **state)
{
    (void)state;
    const char *me = USER(ADA, "A", "sales_rep", "true");
    for (int role = ROLE_MANAGER; role <= ROLE_SALES_REP; role++) {
        assert_true(updates("users", (enum role)role, me, USER(ADA, "B", "sales_rep", "true")));
        assert_false(updates("users", (enum role)role, me, USER(ADA, "A", "owner", "true")));
        assert_false(updates("users", (enum role)role, me, USER(ADA, "A", "sales_rep", "false")));
        assert_false(updates("users", (enum role)role, me, USER(BEN, "A", "sales_rep", "true")));
        assert_false(updates("users", (enum role)role, USER(BEN, "A", "sales_rep", "true"),
                             USER(BEN, "B", "sales_rep", "true")));
    }
}

static void the_owner_may_change_role_and_activity_of_all(void **state)
{
    (void)state;
    const char *ben = USER(BEN, "B", "sales_rep", "true");
    assert_true(updates("users", ROLE_OWNER, ben, USER(BEN, "C", "manager", "false")));
    assert_false(updates("users", ROLE_OWNER, ben, USER(ADA, "B", "sales_rep", "true")));
}

static void feedback_cannot_be_put_in_anothers_mouth(void **state)
{
    (void)state;
    for (int role = ROLE_OWNER; role <= ROLE_SALES_REP; role++)
        assert_false(updates("shift_feedback", (enum role)role, "{\"user_id\":\"" ADA "\"}",
                             "{\"user_id\":\"" BEN "\"}"));
}

static void the_class_of_reader_is_the_user_only_where_rows_differ(void **state)
{
    (void)state;
    for (size_t i = 0; i < catalogue->table_count; i++) {
        const struct table *t = &catalogue->tables[i];
        bool is_personal =
            bytes_equal(t->name, BYTES("users")) || bytes_equal(t->name, BYTES("shift_feedback"));
        for (int role = 0; role < ROLE_COUNT; role++)
            assert_int_equal(policy_names_user(policies, t, (enum role)role),
                             is_personal && role == ROLE_SALES_REP);
    }
}

static void put_epoch(struct buf *out, const struct policies *p, enum role role, const char *user)
{
    struct identity who = {.role = role};
    snprintf(who.user_id, sizeof(who.user_id), "%s", user);
    buf_reset(out);
    policy_put_epoch(out, p, BYTES("e"), &who);
}

static void the_epoch_differs_where_other_rows_may_be_seen(void **state)
{
    (void)state;
    struct policies *p;
    struct buf first, other;
    buf_init(&first, 100);
    buf_init(&other, 100);
    assert_int_equal(policies_new(catalogue, &p), OK);
    bakery_add(p, "create policy a on stock to owner using (true);");
    put_epoch(&first, p, ROLE_OWNER, "u");
    assert_int_equal(first.size, 18);
    assert_true(bytes_starts_with(buf_bytes(&first), BYTES("e.")));
    put_epoch(&other, p, ROLE_OWNER, "u");
    assert_true(bytes_equal(buf_bytes(&first), buf_bytes(&other)));
    put_epoch(&other, p, ROLE_MANAGER, "u");
    assert_false(bytes_equal(buf_bytes(&first), buf_bytes(&other)));
    put_epoch(&other, p, ROLE_OWNER, "v");
    assert_false(bytes_equal(buf_bytes(&first), buf_bytes(&other)));
    bakery_add(p, "create policy b on stock to manager using (true);");
    put_epoch(&other, p, ROLE_OWNER, "u");
    assert_false(bytes_equal(buf_bytes(&first), buf_bytes(&other)));
    policies_free(p);
    buf_done(&first);
    buf_done(&other);
}

static void one_rule_for_all_rows_makes_the_others_idle(void **state)
{
    (void)state;
    struct policies *p;
    struct buf sql;
    const struct table *t = bakery_find(catalogue, "stock");
    buf_init(&sql, 1000);
    assert_int_equal(policies_new(catalogue, &p), OK);
    bakery_add(p, "create policy a on stock to owner using (bread_type_id = auth.uid());");
    assert_true(policy_names_user(p, t, ROLE_OWNER));
    assert_false(policy_names_user(p, t, ROLE_MANAGER));
    bakery_add(p, "create policy b on stock for select to owner using (true);");
    assert_false(policy_names_user(p, t, ROLE_OWNER));
    policy_put_sql(&sql, p, t, VERB_SELECT, ROLE_OWNER, BYTES("t"));
    check_text(buf_bytes(&sql), "1");
    buf_reset(&sql);
    policy_put_sql(&sql, p, t, VERB_DELETE, ROLE_OWNER, BYTES("t"));
    check_text(buf_bytes(&sql), "((t.\"bread_type_id\" = :uid))");
    buf_done(&sql);
    policies_free(p);
}

static void a_name_is_given_once_a_table(void **state)
{
    (void)state;
    struct buf message;
    buf_init(&message, 1000);
    assert_int_equal(policies_add(policies, BYTES("x.sql"),
                                  BYTES("create policy staff_sees on users using (true);\n"
                                        "create policy staff_sees on stock using (true);"),
                                  &message),
                     ERR_EXISTS);
    check_text(buf_bytes(&message),
               "x.sql:2: there is a policy of this name already: \"staff_sees\"");
    buf_reset(&message);
    assert_int_equal(policies_add(policies, BYTES("y.sql"),
                                  BYTES("create policy a on users using (true);\n"
                                        "create policy a on users using (true);"),
                                  &message),
                     ERR_EXISTS);
    check_text(buf_bytes(&message), "y.sql:2: there is a policy of this name already: \"a\"");
    /* Nothing of the two files was added. */
    assert_false(
        policy_has_any(policies, bakery_find(catalogue, "users"), VERB_INSERT, ROLE_OWNER));
    buf_done(&message);
}

static void a_fault_leaves_the_set_as_it_was(void **state)
{
    (void)state;
    struct buf message;
    buf_init(&message, 1000);
    assert_int_equal(policies_add(policies, BYTES("x.sql"),
                                  BYTES("create policy a on users for insert with check (true);\n"
                                        "create policy b on users for insert with check (zz);"),
                                  &message),
                     ERR_NOT_FOUND);
    check_text(buf_bytes(&message), "x.sql:2: there is no such column: \"zz\"");
    assert_false(
        policy_has_any(policies, bakery_find(catalogue, "users"), VERB_INSERT, ROLE_OWNER));
    buf_done(&message);
}

static const char some[] =
    "create policy a on users for select to owner using (name in ('a', 'b') and id = auth.uid());"
    "create policy b on users for update using (true) with check (id = old.id);";

static void without_memory_nothing_is_added(void **state)
{
    (void)state;
    const struct table *t = bakery_find(catalogue, "users");
    uint64_t n = 1;
    for (bool has_failed = true; has_failed; n++) {
        struct policies *p = NULL;
        struct buf message;
        buf_init(&message, 1000);
        mem_fail_at(n);
        enum err e = policies_new(catalogue, &p);
        if (!e)
            e = policies_add(p, BYTES("x.sql"), bytes_of(some), &message);
        has_failed = mem_fail_hit();
        mem_fail_at(0);
        assert_int_equal(e, has_failed ? ERR_NOMEM : OK);
        if (p)
            assert_int_equal(policy_has_any(p, t, VERB_SELECT, ROLE_OWNER), !has_failed);
        policies_free(p);
        buf_done(&message);
    }
    assert_true(n > 3);
}

static void adding_ends_when_its_memory_does(void **state)
{
    (void)state;
    struct policies *p;
    struct buf message, text;
    enum err e = OK;
    int i = 0;
    buf_init(&message, 1000);
    buf_init(&text, 1000);
    assert_int_equal(policies_new(catalogue, &p), OK);
    for (; !e && i < 100000; i++) {
        buf_reset(&text);
        buf_put_literal(&text, "create policy a");
        buf_put_u64(&text, (uint64_t)i);
        buf_put_literal(
            &text, " on stock using (sold in (1,2,3,4,5,6,7,8,9,1,2,3,4,5,6,7,8,9,1,2,3,4,5));");
        e = policies_add(p, BYTES("x.sql"), buf_bytes(&text), &message);
    }
    assert_int_equal(e, ERR_NOMEM);
    assert_true(i > 100);
    assert_true(message.size > 0);
    policies_free(p);
    buf_done(&message);
    buf_done(&text);
}

static void the_matrix_is_printed_for_people(void **state)
{
    (void)state;
    static const char want[] = "table            role        see     add     change  remove\n"
                               "users            anon        -       -       -       -\n"
                               "users            owner       all     -       all     all\n"
                               "users            manager     some    -       own     -\n"
                               "users            sales_rep   own     -       own     -\n"
                               "bread_types      anon        -       -       -       -\n"
                               "bread_types      owner       all     all     all     all\n"
                               "bread_types      manager     all     all     all     -\n"
                               "bread_types      sales_rep   all     -       -       -\n"
                               "production_logs  anon        -       -       -       -\n"
                               "production_logs  owner       all     own     all     all\n"
                               "production_logs  manager     all     own     all     own\n"
                               "production_logs  sales_rep   all     -       own     own\n";
    struct buf out;
    buf_init(&out, 100000);
    policies_print(&out, policies);
    check_text(bytes_slice(buf_bytes(&out), 0, sizeof(want) - 1), want);
    static const char *const parts[] = {
        "messages         sales_rep   some    some    -       -\n"
        "(every table)    service_role all    all     all     all\n"
        "(every table)    disabled    -       -       -       -\n",
        "\nsales_logs.sql:14  author_changes FOR UPDATE TO sales_rep USING (recorded_by = "
        "auth.uid()) "
        "WITH CHECK (recorded_by = auth.uid() AND id = old.id AND (shift = old.shift OR old.shift "
        "= "
        "current_shift() AND old.business_day = current_business_day()))\n",
    };
    for (size_t i = 0; i < CHECK_COUNT(parts); i++)
        if (bytes_find(buf_bytes(&out), bytes_of(parts[i])) == out.size)
            fail_msg("%.*s lacks %s", (int)out.size, out.data, parts[i]);
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_matrix_is_that_of_the_product, setup, teardown),
        cmocka_unit_test_setup_teardown(an_entry_stays_its_authors, setup, teardown),
        cmocka_unit_test_setup_teardown(an_authors_entry_stays_in_a_shift_that_is_over, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(people_may_change_their_own_name_only, setup, teardown),
        cmocka_unit_test_setup_teardown(the_owner_may_change_role_and_activity_of_all, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(feedback_cannot_be_put_in_anothers_mouth, setup, teardown),
        cmocka_unit_test_setup_teardown(the_class_of_reader_is_the_user_only_where_rows_differ,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(the_epoch_differs_where_other_rows_may_be_seen, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(one_rule_for_all_rows_makes_the_others_idle, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_name_is_given_once_a_table, setup, teardown),
        cmocka_unit_test_setup_teardown(a_fault_leaves_the_set_as_it_was, setup, teardown),
        cmocka_unit_test_setup_teardown(without_memory_nothing_is_added, setup, teardown),
        cmocka_unit_test_setup_teardown(adding_ends_when_its_memory_does, setup, teardown),
        cmocka_unit_test_setup_teardown(the_matrix_is_printed_for_people, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
