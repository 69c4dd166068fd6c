/* Connections and their statements. */
#include "kit.h"

#include <stdio.h>
#include <string.h>

#include "store/sqlite.h"

static const char *pragma(struct store_session *s, const char *sql)
{
    static char text[64];
    sqlite3_stmt *stmt;
    assert_int_equal(sqlite3_prepare_v2(s->db, sql, -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    snprintf(text, sizeof(text), "%s", (const char *)sqlite3_column_text(stmt, 0));
    sqlite3_finalize(stmt);
    return text;
}

static void a_connection_is_durable_and_distrustful(void **state)
{
    struct kit *k = *state;
    struct store_session *both[] = {k->writer, k->reader};
    for (int i = 0; i < 2; i++) {
        assert_string_equal(pragma(both[i], "PRAGMA journal_mode"), "wal");
        assert_string_equal(pragma(both[i], "PRAGMA synchronous"), "2");
        assert_string_equal(pragma(both[i], "PRAGMA foreign_keys"), "1");
        assert_string_equal(pragma(both[i], "PRAGMA trusted_schema"), "0");
        assert_string_equal(pragma(both[i], "PRAGMA wal_autocheckpoint"), "0");
        assert_string_equal(pragma(both[i], "PRAGMA busy_timeout"), "5000");
    }
    assert_string_equal(pragma(k->reader, "PRAGMA query_only"), "1");
    assert_int_equal(session_exec(k->reader, "DELETE FROM meta"), SQLITE_READONLY);
}

static void statements_are_kept_and_the_longest_unused_goes_first(void **state)
{
    struct kit *k = *state;
    struct store_session *s = k->writer;
    struct statement *first, *again, *other;
    char sql[64];
    assert_int_equal(session_prepare(s, BYTES("SELECT 'first'"), &first), SQLITE_OK);
    for (int i = 0; i < 3 * STATEMENTS_MAX; i++) {
        snprintf(sql, sizeof(sql), "SELECT %d", i);
        assert_int_equal(session_prepare(s, bytes_of(sql), &other), SQLITE_OK);
        assert_int_equal(session_prepare(s, BYTES("SELECT 'first'"), &again), SQLITE_OK);
        assert_true(again == first); /* in use all the time */
        assert_true(s->statements.count <= STATEMENTS_MAX);
    }
    assert_null(map_get(&s->statements, BYTES("SELECT 0")));
    assert_non_null(map_get(&s->statements, bytes_of(sql)));
}

static void parameters_are_bound_by_kind(void **state)
{
    struct kit *k = *state;
    struct store_session *s = k->writer;
    struct statement *st;
    const struct store_request r = {.who = k->rep, .now_us = KIT_T0};
    const struct value a = {.kind = VALUE_INT, .number = 7}, b = {.kind = VALUE_NULL},
                       c = {.kind = VALUE_TEXT, .text = BYTES("x")};
    const struct value *const values[] = {&a, &b, &c};
    session_begin_request(s, &r);
    assert_int_equal(
        session_prepare(s, BYTES("SELECT ?, :uid, ?, :now, :shift, ?, :business_day, :uid"), &st),
        SQLITE_OK);
    assert_int_equal(statement_bind(s, st, values, 3), SQLITE_OK);
    assert_int_equal(sqlite3_step(st->stmt), SQLITE_ROW);
    assert_int_equal(sqlite3_column_int(st->stmt, 0), 7);
    assert_true(bytes_equal(column_text(st->stmt, 1), bytes_of(k->rep.user_id)));
    assert_int_equal(sqlite3_column_type(st->stmt, 2), SQLITE_NULL);
    assert_int_equal(sqlite3_column_int64(st->stmt, 3), KIT_T0);
    assert_true(bytes_equal(column_text(st->stmt, 4), BYTES("morning")));
    assert_true(bytes_equal(column_text(st->stmt, 5), BYTES("x")));
    assert_true(bytes_equal(column_text(st->stmt, 6), BYTES("2026-11-22")));
    assert_true(bytes_equal(column_text(st->stmt, 7), bytes_of(k->rep.user_id)));
    sqlite3_reset(st->stmt);
    assert_int_equal(statement_bind(s, st, values, 2), SQLITE_MISUSE);
    assert_int_equal(statement_bind(s, st, values, 1), SQLITE_MISUSE);
}

static void a_request_that_never_ends_is_stopped(void **state)
{
    struct kit *k = *state;
    /* 4,000 sales, each joined with all the others of its bread, and again: 6.4e10 rows. */
    char row[128];
    static char json[1 << 20];
    kit_bread(k, "Agege");
    snprintf(row, sizeof(row), "{\"bread_type_id\":\"%s\",\"quantity\":1}", k->bread);
    size_t n = 0;
    for (int i = 0; i < 4000; i++)
        n += (size_t)snprintf(json + n, sizeof(json) - n, "%c%s", i ? ',' : '[', row);
    snprintf(json + n, sizeof(json) - n, "]");
    kit_insert(k, &k->rep, "sales_logs", json);
    kit_assert_error(k, 0, NULL);
    struct query *q = kit_query(k, VERB_SELECT, "sales_logs");
    struct query_select *s = &q->select;
    for (int i = 0; i < 2; i++) {
        s = kit_embed(k, s, "b", "sales_logs_bread_type_id_fkey", false, false);
        s = kit_embed(k, s, "s", "sales_logs_bread_type_id_fkey", true, false);
    }
    kit_add_count(k, s);
    struct store_request r = kit_request(k, &k->rep, q);
    k->reader->steps_max = 5;
    assert_int_equal(store_read(k->reader, &r, &k->reply), OK);
    kit_assert_error(k, 500, "57014");
    kit_select(k, &k->rep, "bread_types", "name", NULL, NULL);
    kit_assert_body(k, "[{\"name\":\"Agege\"}]");
}

static void result_codes_become_errors(void **state)
{
    (void)state;
    assert_int_equal(err_of_sqlite(SQLITE_OK), OK);
    assert_int_equal(err_of_sqlite(SQLITE_DONE), OK);
    assert_int_equal(err_of_sqlite(SQLITE_NOMEM), ERR_NOMEM);
    assert_int_equal(err_of_sqlite(SQLITE_FULL), ERR_FULL);
    assert_int_equal(err_of_sqlite(SQLITE_BUSY_SNAPSHOT), ERR_BUSY);
    assert_int_equal(err_of_sqlite(SQLITE_IOERR_FSYNC), ERR_IO);
    assert_int_equal(err_of_sqlite(SQLITE_CORRUPT_VTAB), ERR_CORRUPT);
    assert_int_equal(err_of_sqlite(SQLITE_CANTOPEN), ERR_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KIT_TEST_FOLDER(a_connection_is_durable_and_distrustful),
        KIT_TEST(statements_are_kept_and_the_longest_unused_goes_first),
        KIT_TEST(parameters_are_bound_by_kind),
        KIT_TEST_FOLDER(a_request_that_never_ends_is_stopped),
        cmocka_unit_test(result_codes_become_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
