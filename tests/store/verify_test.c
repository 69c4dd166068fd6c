/* What is not as the ledger says is found. */
#include "kit.h"

#include <stdio.h>
#include <string.h>

#include "store/sqlite.h"

/* Tampers with the data, past the interface, and expects a line that says so. */
static void tamper(struct kit *k, const char *sql, const char *expected)
{
    struct buf report;
    buf_init(&report, 1 << 20);
    int rc = session_exec(k->writer, sql);
    if (rc)
        fail_msg("%s", sqlite3_errmsg(k->writer->db));
    assert_int_equal(store_verify(k->writer, &report), ERR_CORRUPT);
    buf_put_char(&report, '\0');
    if (!strstr(report.data, expected))
        fail_msg("'%s' is not in '%s'", expected, report.data);
    buf_done(&report);
}

static void fill(struct kit *k)
{
    char json[256];
    kit_bread(k, "Agege");
    snprintf(json, sizeof(json), "[{\"bread_type_id\":\"%s\",\"quantity\":9}]", k->bread);
    kit_insert(k, &k->manager, "production_logs", json);
    kit_sale(k, &k->rep, 4);
    kit_assert_sound(k);
}

static void a_tampered_stock_row_is_found(void **state)
{
    struct kit *k = *state;
    fill(k);
    tamper(k, "UPDATE stock SET sold = 3",
           "stock of Agege: baked 9, sold 3; the ledger says baked 9, sold 4\n");
}

static void a_missing_stock_row_is_found(void **state)
{
    struct kit *k = *state;
    fill(k);
    tamper(k, "DELETE FROM stock", "stock of Agege: no row; the ledger says baked 9, sold 4\n");
}

static void tampered_totals_are_found(void **state)
{
    struct kit *k = *state;
    fill(k);
    tamper(k, "UPDATE shift_totals SET revenue = revenue + 1",
           "shift_totals of 2026-11-22 morning ");
}

static void totals_of_nothing_are_found(void **state)
{
    struct kit *k = *state;
    fill(k);
    tamper(k,
           "INSERT INTO shift_totals (business_day, shift, bread_type_id, baked, updated_at)"
           " SELECT '2020-01-01', 'night', id, 1, 0 FROM bread_types",
           "there are no such entries");
}

static void a_hole_in_the_log_is_found(void **state)
{
    struct kit *k = *state;
    fill(k);
    tamper(k, "DELETE FROM changes WHERE seq = 6", "the change log holds 11 changes from 1 to 12");
}

static void a_dangling_reference_is_found(void **state)
{
    struct kit *k = *state;
    fill(k);
    assert_int_equal(session_exec(k->writer, "PRAGMA foreign_keys = OFF"), SQLITE_OK);
    tamper(k, "DELETE FROM users WHERE name = 'rita'", "of sales_logs refers to a row of users");
}

static void sums_that_are_not_those_of_the_messages_are_found(void **state)
{
    static const char add[] =
        "INSERT INTO messages (id, topic, extension, event, payload, inserted_at, expires_at)"
        " VALUES ('a', 'x', 'broadcast', 'e', '12', 1, 9)";
    struct kit *k = *state;
    assert_int_equal(session_exec(k->writer, add), SQLITE_OK);
    kit_assert_sound(k);
    tamper(k, "UPDATE message_sums SET bytes = 3 WHERE topic = 'x'",
           "message_sums of \"x\" are not those of its messages\n");
    tamper(k, "DELETE FROM message_sums WHERE topic = 'x'", "message_sums of \"x\"");
    tamper(k, "DELETE FROM message_sums", "message_sums of \"\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KIT_TEST(a_tampered_stock_row_is_found),
        KIT_TEST(a_missing_stock_row_is_found),
        KIT_TEST(tampered_totals_are_found),
        KIT_TEST(totals_of_nothing_are_found),
        KIT_TEST(a_hole_in_the_log_is_found),
        KIT_TEST(a_dangling_reference_is_found),
        KIT_TEST(sums_that_are_not_those_of_the_messages_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
