/* The SQL functions. */
#include "kit.h"

#include <stdio.h>
#include <string.h>

#include "store/sqlite.h"

/* The one value that a query gives, as text; or SQLite's message. */
static const char *ask(struct kit *k, const char *sql)
{
    static char text[512];
    sqlite3_stmt *stmt;
    assert_int_equal(sqlite3_prepare_v2(k->writer->db, sql, -1, &stmt, NULL), SQLITE_OK);
    int rc = sqlite3_step(stmt);
    const char *value = rc == SQLITE_ROW ? (const char *)sqlite3_column_text(stmt, 0)
                                         : sqlite3_errmsg(k->writer->db);
    snprintf(text, sizeof(text), "%s", value ? value : "NULL");
    sqlite3_finalize(stmt);
    return text;
}

static void begin(struct kit *k, const struct identity *who)
{
    const struct store_request r = {.who = *who, .now_us = KIT_T0};
    session_begin_request(k->writer, &r);
}

static void functions_speak_of_the_request(void **state)
{
    struct kit *k = *state;
    begin(k, &k->rep);
    assert_string_equal(ask(k, "SELECT now_us()"), "1795338000000000");
    assert_string_equal(ask(k, "SELECT actor()"), k->rep.user_id);
    assert_string_equal(ask(k, "SELECT business_day(now_us() - 1) || shift_at(now_us() - 1)"),
                        "2026-11-21night");
    assert_string_equal(ask(k, "SELECT shift_at(now_us())"), "morning");
    assert_string_equal(ask(k, "SELECT business_day(NULL)"), "NULL");
    assert_string_equal(ask(k, "SELECT shift_at(NULL)"), "NULL");
    begin(k, &k->service);
    assert_string_equal(ask(k, "SELECT actor()"), "NULL");
}

static void ids_begin_with_the_time_and_never_repeat(void **state)
{
    struct kit *k = *state;
    begin(k, &k->rep);
    char first[UUID_SIZE + 1];
    memcpy(first, ask(k, "SELECT uuid7()"), sizeof(first));
    assert_true(uuid_is_valid(bytes_of(first)));
    const char *second = ask(k, "SELECT uuid7()");
    assert_memory_equal(first, second, 13);
    assert_string_not_equal(first, second);
}

static void rows_become_json_by_their_description(void **state)
{
    struct kit *k = *state;
    char sql[256];
    const struct table *t = catalogue_table(store_catalogue(k->store), BYTES("bread_types"));
    snprintf(sql, sizeof(sql),
             "SELECT row_json('%d.1\"n\"%d.3\"p\"*\"e\"*\"none\"', 'a\"b', 150, '[1]', NULL)",
             t->index, t->index);
    assert_string_equal(ask(k, sql), "{\"n\":\"a\\\"b\",\"p\":1.50,\"e\":[1],\"none\":null}");
    assert_string_equal(ask(k, "SELECT row_json('')"), "{}");
    assert_string_equal(ask(k, "SELECT row_json()"), "malformed description of a row");
    assert_string_equal(ask(k, "SELECT row_json('nonsense', 1)"), "malformed description of a row");
    assert_string_equal(ask(k, "SELECT row_json(NULL)"), "malformed description of a row");
    assert_string_equal(ask(k, "SELECT row_json('*\"a\"')"),
                        "the row does not fit its description");
    assert_string_equal(ask(k, "SELECT table_json('nothing', 1)"),
                        "no such table in the catalogue");
    assert_string_equal(ask(k, "SELECT table_json()"), "no such table in the catalogue");
    assert_string_equal(ask(k, "SELECT table_json('stock', 1)"),
                        "the row does not fit its description");
}

static void json_rows_makes_an_array(void **state)
{
    struct kit *k = *state;
    assert_string_equal(ask(k, "SELECT json_rows(column1) FROM (VALUES ('{}'), ('{\"a\":1}'))"),
                        "[{},{\"a\":1}]");
    assert_string_equal(ask(k, "SELECT json_rows(name) FROM bread_types"), "[]");
}

static void patterns_match_as_those_of_the_feed(void **state)
{
    struct kit *k = *state;
    begin(k, &k->rep);
    assert_string_equal(ask(k, "SELECT text_like('Bäcker', 'B_cker')"), "1");
    assert_string_equal(ask(k, "SELECT text_like('rye', 'R%')"), "0");
    assert_string_equal(ask(k, "SELECT text_ilike('Äpfel', 'ä%')"), "1");
    assert_string_equal(ask(k, "SELECT text_match('rye bread', '^r.*d$')"), "1");
    assert_string_equal(ask(k, "SELECT text_match('rye', 'R')"), "0");
    assert_string_equal(ask(k, "SELECT text_imatch('Äpfel', '^ä')"), "1");
    assert_string_equal(ask(k, "SELECT text_like(NULL, 'a')"), "NULL");
    assert_string_equal(ask(k, "SELECT text_match('a', NULL)"), "NULL");
    assert_string_equal(ask(k, "SELECT text_like('a', '\\')"), "malformed pattern");
    assert_string_equal(ask(k, "SELECT text_match('a', '(')"), "malformed pattern or text");
    assert_string_equal(
        ask(k, "SELECT sum(text_match(x, '^(a|b)+$')) FROM (SELECT 'ab' AS x UNION SELECT 'c')"),
        "1");
}

static void patterns_are_paid_for_by_the_budget_of_the_request(void **state)
{
    struct kit *k = *state;
    static const char endless[] = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
                                  " SELECT i FROM n WHERE text_match(printf('%2000d', i), '^x')";
    static const char endless_like[] =
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
        " SELECT i FROM n WHERE text_like(printf('%20000d', i), 'x%')";
    k->writer->steps_max = 5;
    begin(k, &k->rep);
    assert_string_equal(ask(k, endless), "interrupted");
    assert_true(k->writer->was_stopped);
    begin(k, &k->rep);
    assert_false(k->writer->was_stopped);
    assert_string_equal(ask(k, endless_like), "interrupted");
    assert_true(k->writer->was_stopped);
}

static void expression_too_complex_for_a_text_stops_the_statement(void **state)
{
    struct kit *k = *state;
    begin(k, &k->rep);
    assert_string_equal(ask(k, "SELECT text_match(printf('%9000d', 1), 'x')"), "interrupted");
    assert_true(k->writer->was_too_complex);
    begin(k, &k->rep);
    assert_false(k->writer->was_too_complex);
}

static void memory_for_expressions_may_end_at_any_point(void **state)
{
    struct kit *k = *state;
    bool has_failed = true;
    begin(k, &k->rep);
    for (uint64_t n = 1; has_failed; n++) {
        sqlite3_stmt *stmt;
        assert_int_equal(sqlite3_prepare_v2(k->writer->db, "SELECT text_match('ab', '^(a|b)+$')",
                                            -1, &stmt, NULL),
                         SQLITE_OK);
        mem_fail_at(n);
        int rc = sqlite3_step(stmt);
        has_failed = mem_fail_hit();
        mem_fail_at(0);
        assert_int_equal(rc, has_failed ? SQLITE_NOMEM : SQLITE_ROW);
        sqlite3_finalize(stmt);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KIT_TEST(functions_speak_of_the_request),
        KIT_TEST(patterns_match_as_those_of_the_feed),
        KIT_TEST(patterns_are_paid_for_by_the_budget_of_the_request),
        KIT_TEST(expression_too_complex_for_a_text_stops_the_statement),
        KIT_TEST(memory_for_expressions_may_end_at_any_point),
        KIT_TEST(ids_begin_with_the_time_and_never_repeat),
        KIT_TEST(rows_become_json_by_their_description),
        KIT_TEST(json_rows_makes_an_array),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
