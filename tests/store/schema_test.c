/* Migrations, triggers, settings: what a database needs before it is used. */
#include "kit.h"

#include <stdio.h>
#include <string.h>

#include "store/schema.h"

static int number(struct kit *k, const char *sql)
{
    sqlite3_stmt *stmt;
    assert_int_equal(sqlite3_prepare_v2(k->writer->db, sql, -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    int n = sqlite3_column_int(stmt, 0);
    sqlite3_finalize(stmt);
    return n;
}

static void a_new_database_has_the_newest_version(void **state)
{
    struct kit *k = *state;
    int migrations = 0, version = 0;
    struct buf message;
    buf_init(&message, 4096);
    while (embedded_migrations[migrations].name)
        migrations++;
    assert_true(migrations > 0);
    assert_string_equal(embedded_migrations[0].name, "0001_bakery.sql");
    assert_int_equal(schema_version(k->writer, &message, &version), OK);
    assert_int_equal(version, migrations);
    assert_int_equal(number(k, "PRAGMA application_id"), SCHEMA_APPLICATION_ID);
    assert_int_equal(schema_migrate(k->writer, &message), OK); /* nothing to do */
    buf_done(&message);
}

/* An empty database, to which the first `count` migrations are then applied. */
static void begin_anew(struct kit *k, int count)
{
    sqlite3 *db = k->writer->db;
    char sql[96];
    assert_int_equal(sqlite3_db_config(db, SQLITE_DBCONFIG_RESET_DATABASE, 1, NULL), SQLITE_OK);
    assert_int_equal(session_exec(k->writer, "VACUUM"), SQLITE_OK);
    assert_int_equal(sqlite3_db_config(db, SQLITE_DBCONFIG_RESET_DATABASE, 0, NULL), SQLITE_OK);
    for (int i = 0; i < count; i++)
        assert_int_equal(session_exec(k->writer, embedded_migrations[i].text), SQLITE_OK);
    snprintf(sql, sizeof(sql), "PRAGMA application_id = %d; PRAGMA user_version = %d",
             SCHEMA_APPLICATION_ID, count);
    assert_int_equal(session_exec(k->writer, sql), SQLITE_OK);
}

static void a_database_of_version_1_is_brought_up_to_date(void **state)
{
    struct kit *k = *state;
    struct buf message;
    int version;
    buf_init(&message, 4096);
    begin_anew(k, 1);
    assert_int_equal(session_exec(k->writer,
                                  "INSERT INTO users VALUES ('a', 'Ada', 'owner', 1, 0, 0);"
                                  "INSERT INTO changes VALUES (1, 0, 'users', 1, '{}', NULL)"),
                     SQLITE_OK);
    assert_int_equal(schema_version(k->writer, &message, &version), OK);
    assert_int_equal(version, 1);
    assert_int_equal(schema_migrate(k->writer, &message), OK);
    assert_int_equal(schema_version(k->writer, &message, &version), OK);
    assert_true(version > 1);
    assert_int_equal(number(k, "SELECT count(*) FROM users"), 1);
    assert_int_equal(number(k, "SELECT count(*) FROM changes"), 1);
    assert_int_equal(number(k, "SELECT count(*) FROM messages"), 0);
    assert_int_equal(number(k, "SELECT count(*) FROM exposed_tables WHERE is_private"), 1);
    buf_done(&message);
}

static void the_sums_of_messages_follow_them(void **state)
{
    struct kit *k = *state;
    static const char add[] = "INSERT INTO messages (id, topic, extension, event, payload, "
                              "inserted_at, expires_at) VALUES"
                              " ('a', 'x', 'broadcast', 'e', '\xc3\xb6', 1, 9), ('b', 'y', "
                              "'broadcast', 'e', x'00ff00', 2, 9),"
                              " ('c', 'x', 'broadcast', 'e', '', 3, 9)";
    assert_int_equal(session_exec(k->writer, add), SQLITE_OK);
    assert_int_equal(number(k, "SELECT count FROM message_sums WHERE topic = 'x'"), 2);
    assert_int_equal(number(k, "SELECT bytes FROM message_sums WHERE topic = 'x'"), 2);
    assert_int_equal(number(k, "SELECT bytes FROM message_sums WHERE topic = 'y'"), 3);
    assert_int_equal(number(k, "SELECT count * 100 + bytes FROM message_sums WHERE topic = ''"),
                     305);
    assert_int_equal(session_exec(k->writer, "DELETE FROM messages WHERE topic = 'x'"), SQLITE_OK);
    assert_int_equal(number(k, "SELECT count(*) FROM message_sums WHERE topic = 'x'"), 0);
    assert_int_equal(number(k, "SELECT count * 100 + bytes FROM message_sums WHERE topic = ''"),
                     103);
}

static void a_failing_migration_changes_nothing(void **state)
{
    struct kit *k = *state;
    struct buf message;
    buf_init(&message, 4096);
    int objects = number(k, "SELECT count(*) FROM sqlite_schema");
    assert_int_equal(session_exec(k->writer, "PRAGMA user_version = 0; PRAGMA application_id = 0"),
                     SQLITE_OK);
    assert_int_equal(schema_migrate(k->writer, &message), ERR_CORRUPT);
    assert_true(message.size > 0);
    assert_int_equal(number(k, "SELECT count(*) FROM sqlite_schema"), objects);
    assert_int_equal(number(k, "PRAGMA user_version"), 0);
    buf_done(&message);
}

static void triggers_of_an_older_program_are_replaced(void **state)
{
    struct kit *k = *state;
    struct buf message;
    buf_init(&message, 4096);
    int before = number(k, "SELECT count(*) FROM sqlite_schema WHERE type = 'trigger'");
    assert_int_equal(session_exec(k->writer,
                                  "DROP TRIGGER stock_after_update;"
                                  "DROP TRIGGER users_after_insert;"
                                  "CREATE TRIGGER users_after_insert AFTER INSERT ON users"
                                  " BEGIN SELECT 1; END"),
                     SQLITE_OK);
    assert_int_equal(schema_refresh_triggers(k->writer, &message), OK);
    assert_int_equal(number(k, "SELECT count(*) FROM sqlite_schema WHERE type = 'trigger'"),
                     before);
    kit_bread(k, "Agege");
    kit_sale(k, &k->rep, 1);
    assert_int_equal(k->changes.count, 3);
    buf_done(&message);
}

static void a_database_that_is_as_it_should_be_is_not_written(void **state)
{
    struct kit *k = *state;
    struct buf message;
    buf_init(&message, 4096);
    int before = number(k, "PRAGMA schema_version");
    assert_int_equal(schema_refresh_triggers(k->writer, &message), OK);
    assert_int_equal(number(k, "PRAGMA schema_version"), before);
    buf_done(&message);
}

static void settings_are_checked(void **state)
{
    struct kit *k = *state;
    struct buf message;
    buf_init(&message, 4096);
    static const char *const bad[] = {"1440", "-1", "noon", ""};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char sql[128];
        snprintf(sql, sizeof(sql),
                 "UPDATE meta SET value = CAST('%s' AS blob) WHERE key = 'morning_minute'", bad[i]);
        assert_int_equal(session_exec(k->writer, sql), SQLITE_OK);
        assert_int_equal(schema_load_meta(k->writer, &message), ERR_CORRUPT);
    }
    buf_done(&message);
}

static void policies_of_every_table_are_built_in(void **state)
{
    struct kit *k = *state;
    const struct catalogue *c = store_catalogue(k->store);
    for (size_t i = 0; i < c->table_count; i++)
        assert_true(
            policy_has_any(store_policies(k->store), &c->tables[i], VERB_SELECT, ROLE_OWNER));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KIT_TEST(a_new_database_has_the_newest_version),
        KIT_TEST(a_database_of_version_1_is_brought_up_to_date),
        KIT_TEST(the_sums_of_messages_follow_them),
        KIT_TEST(a_failing_migration_changes_nothing),
        KIT_TEST(triggers_of_an_older_program_are_replaced),
        KIT_TEST(a_database_that_is_as_it_should_be_is_not_written),
        KIT_TEST(settings_are_checked),
        KIT_TEST(policies_of_every_table_are_built_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
