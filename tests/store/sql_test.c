/* The text of reading queries: no value stands in it, and every one of its forms is SQL. */
#include "kit.h"

#include <string.h>

#include "store/sql.h"

static const char *text_of(struct kit *k, enum role role, const struct query *q,
                           void (*put)(struct sql *, const struct query *))
{
    struct sql sql;
    struct statement *st;
    arena_reset(&k->writer->arena);
    sql_begin(&sql, k->writer, role);
    put(&sql, q);
    assert_int_equal(sql_prepare(&sql, &st), SQLITE_OK);
    assert_int_equal(sql_bind(&sql, st), SQLITE_OK);
    return kit_text(k, buf_bytes(sql.text));
}

static void values_are_parameters(void **state)
{
    struct kit *k = *state;
    struct query *q = kit_query(k, VERB_SELECT, "bread_types");
    kit_want(k, q, "name");
    kit_where(k, q, "name", OP_EQ, "Robert'); DROP TABLE bread_types;--");
    q->limit = 5;
    assert_string_equal(text_of(k, ROLE_SERVICE, q, sql_put_rows),
                        "SELECT t0.\"name\" FROM \"bread_types\" AS t0 WHERE (t0.\"name\" = ?)"
                        " LIMIT ? OFFSET ?");
}

static void lists_of_many_lengths_share_few_statements(void **state)
{
    struct kit *k = *state;
    struct query *three = kit_query(k, VERB_SELECT, "bread_types");
    struct query *four = kit_query(k, VERB_SELECT, "bread_types");
    kit_where(k, three, "name", OP_IN, "a,b,c");
    kit_where(k, four, "name", OP_IN, "a,b,c,d");
    const char *text = text_of(k, ROLE_SERVICE, three, sql_put_count);
    assert_non_null(strstr(text, "IN (?,?,?,?)"));
    assert_string_equal(text, text_of(k, ROLE_SERVICE, four, sql_put_count));
}

static void list_of_values_that_no_column_holds_is_null_for_null(void **state)
{
    struct kit *k = *state;
    struct query *finer = kit_query(k, VERB_SELECT, "bread_types");
    struct query *empty = kit_query(k, VERB_SELECT, "bread_types");
    kit_where(k, finer, "unit_price", OP_IN, "0.001,0.002");
    kit_where(k, empty, "unit_price", OP_IN, "");
    assert_non_null(strstr(text_of(k, ROLE_SERVICE, finer, sql_put_count),
                           "(t0.\"unit_price\" <> t0.\"unit_price\")"));
    assert_non_null(strstr(text_of(k, ROLE_SERVICE, empty, sql_put_count), " IN ()"));
}

static void the_policy_of_every_role_stands_in_the_text(void **state)
{
    struct kit *k = *state;
    struct query *q = kit_query(k, VERB_SELECT, "shift_feedback");
    kit_want(k, q, "note");
    assert_non_null(strstr(text_of(k, ROLE_SALES_REP, q, sql_put_rows), ":uid"));
    assert_null(strstr(text_of(k, ROLE_SERVICE, q, sql_put_rows), "WHERE"));
    for (int role = ROLE_ANON; role < ROLE_COUNT; role++) {
        text_of(k, (enum role)role, q, sql_put_rows);
        text_of(k, (enum role)role, q, sql_put_count);
        text_of(k, (enum role)role, q, sql_put_page_count);
    }
}

static void a_select_list_may_be_wide_but_an_embedded_one_is_bounded(void **state)
{
    struct kit *k = *state;
    struct query *q = kit_query(k, VERB_SELECT, "sales_logs");
    struct query_select *bread =
        kit_embed(k, &q->select, "bread", "sales_logs_bread_type_id_fkey", false, false);
    struct query_item items[127];
    kit_add_column(k, bread, "name");
    for (int i = 0; i < 127; i++)
        items[i] = bread->items[0];
    bread->items = items;
    bread->item_count = 126;
    text_of(k, ROLE_SERVICE, q, sql_put_rows);
    bread->item_count = 127;
    struct sql sql;
    struct statement *st;
    sql_begin(&sql, k->writer, ROLE_SERVICE);
    sql_put_rows(&sql, q);
    assert_int_equal(sql_prepare(&sql, &st), SQLITE_TOOBIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KIT_TEST(values_are_parameters),
        KIT_TEST(list_of_values_that_no_column_holds_is_null_for_null),
        KIT_TEST(lists_of_many_lengths_share_few_statements),
        KIT_TEST(the_policy_of_every_role_stands_in_the_text),
        KIT_TEST(a_select_list_may_be_wide_but_an_embedded_one_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
