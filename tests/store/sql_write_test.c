/* The text of writing queries. */
#include "kit.h"

#include <string.h>

#include "store/sql.h"

static const char *text(struct kit *k, struct sql *sql)
{
    struct statement *st;
    assert_int_equal(sql_prepare(sql, &st), SQLITE_OK);
    assert_int_equal(sql_bind(sql, st), SQLITE_OK);
    return kit_text(k, buf_bytes(sql->text));
}

static const char *insert_of(struct kit *k, const struct query *q, size_t row)
{
    struct sql sql;
    arena_reset(&k->writer->arena);
    sql_begin(&sql, k->writer, ROLE_SERVICE);
    sql_put_insert(&sql, q, row);
    return text(k, &sql);
}

static void defaults_refer_to_what_is_given(void **state)
{
    struct kit *k = *state;
    struct query *q = kit_query(k, VERB_INSERT, "sales_logs");
    kit_set(k, q,
            "[{\"bread_type_id\":\"00000000-0000-7000-8000-000000000000\",\"quantity\":1},"
            "{\"quantity\":1}]");
    assert_string_equal(
        insert_of(k, q, 0),
        "INSERT INTO \"sales_logs\" "
        "(\"bread_type_id\",\"quantity\",\"id\",\"unit_price\",\"shift\","
        "\"recorded_by\",\"created_at\",\"updated_at\") VALUES (?,?,uuid7(),"
        "(SELECT b.unit_price FROM bread_types b WHERE b.id = ?),shift_at(:now),:uid,:now,:now)");
    assert_non_null(strstr(insert_of(k, q, 1), "WHERE b.id = NULL)"));
}

static void an_upsert_sets_what_is_given_but_the_key(void **state)
{
    struct kit *k = *state;
    struct query *q = kit_query(k, VERB_INSERT, "bread_types");
    kit_set(
        k, q,
        "[{\"id\":\"00000000-0000-7000-8000-000000000000\",\"name\":\"Rye\",\"unit_price\":1}]");
    q->conflict = CONFLICT_MERGE;
    assert_non_null(
        strstr(insert_of(k, q, 0),
               " ON CONFLICT (\"id\") DO UPDATE SET \"name\" = excluded.\"name\", \"unit_price\" "
               "= excluded.\"unit_price\", \"updated_at\" = :now RETURNING rowid"));
    q->conflict = CONFLICT_IGNORE;
    assert_non_null(strstr(insert_of(k, q, 0), " ON CONFLICT (\"id\") DO NOTHING RETURNING rowid"));
    q->set_count = 1; /* the key alone */
    q->conflict = CONFLICT_MERGE;
    assert_non_null(
        strstr(insert_of(k, q, 0), "DO UPDATE SET \"id\" = excluded.\"id\", \"updated_at\""));
}

static void an_update_has_the_policies_of_both_verbs(void **state)
{
    struct kit *k = *state;
    struct sql sql;
    struct query *q = kit_query(k, VERB_UPDATE, "shift_feedback");
    kit_set(k, q, "[{\"note\":\"x\"}]");
    kit_where(k, q, "shift", OP_EQ, "night");
    sql_begin(&sql, k->writer, ROLE_SALES_REP);
    sql_put_update(&sql, q);
    const char *t = text(k, &sql);
    assert_true(
        strncmp(t,
                "UPDATE \"shift_feedback\" AS t0 SET \"note\" = ?, \"updated_at\" = :now WHERE "
                "(t0.\"shift\" = ?) AND (",
                90) == 0);
    const char *first = strstr(t, ":uid");
    assert_non_null(first);
    assert_non_null(strstr(first + 1, ":uid"));
}

static void a_delete_without_policy_removes_nothing(void **state)
{
    struct kit *k = *state;
    struct sql sql;
    struct query *q = kit_query(k, VERB_DELETE, "users");
    sql_begin(&sql, k->writer, ROLE_SALES_REP);
    sql_put_delete(&sql, q);
    assert_non_null(strstr(text(k, &sql), " AND (0)"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KIT_TEST(defaults_refer_to_what_is_given),
        KIT_TEST(an_upsert_sets_what_is_given_but_the_key),
        KIT_TEST(an_update_has_the_policies_of_both_verbs),
        KIT_TEST(a_delete_without_policy_removes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
