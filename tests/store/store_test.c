/* Creating and opening a store. */
#include "kit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/token.h"
#include "base/mem.h"
#include "store/sqlite.h"

struct place {
    char folder[64], file[96];
    struct store_config cfg;
    struct buf message;
};

static void take_place(struct place *p)
{
    const char *tmp = getenv("TMPDIR");
    snprintf(p->folder, sizeof(p->folder), "%.40s/store-XXXXXX", tmp ? tmp : "/tmp");
    assert_non_null(mkdtemp(p->folder));
    snprintf(p->file, sizeof(p->file), "%s/homebake.db", p->folder);
    assert_int_equal(rmdir(p->folder), 0);
    p->cfg = (struct store_config){.folder = p->folder};
    buf_init(&p->message, 4096);
}

static void leave_place(struct place *p)
{
    char path[128];
    static const char *const ends[] = {"", "-wal", "-shm"};
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof(path), "%s%s", p->file, ends[i]);
        unlink(path);
    }
    rmdir(p->folder);
    buf_done(&p->message);
}

static bool message_has(struct place *p, const char *text)
{
    return bytes_find(buf_bytes(&p->message), bytes_of(text)) < p->message.size;
}

static void raw_sql(struct place *p, const char *sql)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(p->file, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void a_new_store_is_private_and_has_settings(void **state)
{
    struct place p;
    struct store *s;
    struct stat st;
    (void)state;
    take_place(&p);
    assert_int_equal(store_create(&p.cfg, &p.message), OK);
    assert_int_equal(stat(p.folder, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(stat(p.file, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(store_open(&p.cfg, &p.message, &s), OK);
    const struct store_settings *set = store_settings(s);
    assert_true(bytes_equal(set->currency, BYTES("NGN")));
    assert_true(bytes_equal(set->locale, BYTES("en-NG")));
    assert_true(bytes_equal(set->time_zone, BYTES("Africa/Lagos")));
    assert_int_equal(set->morning_minute, 600);
    assert_int_equal(set->night_minute, 1320);
    assert_true(uuid_is_valid(store_epoch(s)));
    assert_non_null(catalogue_table(store_catalogue(s), BYTES("sales_logs")));
    store_close(s);
    leave_place(&p);
}

static void a_store_keeps_its_epoch_secret_and_rows(void **state)
{
    struct kit k;
    struct store *again;
    struct store_session *session;
    struct buf message, staff;
    uint64_t seq;
    (void)state;
    kit_open_folder(&k);
    const struct store_config cfg = {.folder = k.folder};
    buf_init(&message, 4096);
    buf_init(&staff, 1 << 16);
    kit_bread(&k, "Agege");
    store_session_close(k.reader);
    k.reader = k.writer;
    assert_int_equal(store_open(&cfg, &message, &again), OK);
    assert_true(bytes_equal(store_epoch(again), store_epoch(k.store)));
    assert_memory_equal(store_secret(again), store_secret(k.store), TOKEN_SECRET_SIZE);
    assert_int_equal(store_session_open(again, STORE_READER, &session), OK);
    assert_int_equal(store_staff(session, &staff, &seq), OK);
    assert_int_equal(seq, k.reply.seq);
    assert_int_equal(staff.data[0], '[');
    store_session_close(session);
    store_close(again);
    buf_done(&message);
    buf_done(&staff);
    kit_close(&k);
}

static void two_stores_have_different_secrets(void **state)
{
    struct kit a, b;
    (void)state;
    kit_open_memory(&a);
    kit_open_memory(&b);
    assert_memory_not_equal(store_secret(a.store), store_secret(b.store), TOKEN_SECRET_SIZE);
    assert_false(bytes_equal(store_epoch(a.store), store_epoch(b.store)));
    kit_close(&a);
    kit_close(&b);
}

static void what_exists_is_not_made_again(void **state)
{
    struct place p;
    (void)state;
    take_place(&p);
    assert_int_equal(store_create(&p.cfg, &p.message), OK);
    assert_int_equal(store_create(&p.cfg, &p.message), ERR_EXISTS);
    assert_true(message_has(&p, "already"));
    leave_place(&p);
}

static void a_creation_that_did_not_end_is_taken_up_again(void **state)
{
    struct place p;
    struct store *s;
    (void)state;
    take_place(&p);
    assert_int_equal(mkdir(p.folder, 0700), 0);
    int fd = open(p.file, O_CREAT | O_RDWR, 0600);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(store_open(&p.cfg, &p.message, &s), ERR_NOT_FOUND);
    assert_int_equal(store_create(&p.cfg, &p.message), OK);
    assert_int_equal(store_open(&p.cfg, &p.message, &s), OK);
    store_close(s);
    leave_place(&p);
}

static void what_is_not_there_cannot_be_opened(void **state)
{
    struct place p;
    struct store *s;
    (void)state;
    take_place(&p);
    assert_int_equal(store_open(&p.cfg, &p.message, &s), ERR_NOT_FOUND);
    assert_true(message_has(&p, "homebake.db"));
    leave_place(&p);
}

static void a_database_of_a_newer_program_is_refused(void **state)
{
    struct place p;
    struct store *s;
    (void)state;
    take_place(&p);
    assert_int_equal(store_create(&p.cfg, &p.message), OK);
    raw_sql(&p, "PRAGMA user_version = 999");
    assert_int_equal(store_open(&p.cfg, &p.message, &s), ERR_UNSUPPORTED);
    assert_true(message_has(&p, "schema version 999, made by a newer HomeBake"));
    leave_place(&p);
}

static void a_file_of_another_kind_is_refused(void **state)
{
    struct place p;
    struct store *s;
    (void)state;
    take_place(&p);
    assert_int_equal(mkdir(p.folder, 0700), 0);
    raw_sql(&p, "CREATE TABLE mine (a)");
    assert_int_equal(store_open(&p.cfg, &p.message, &s), ERR_CORRUPT);
    assert_true(message_has(&p, "not a HomeBake database"));
    assert_int_equal(store_create(&p.cfg, &p.message), ERR_CORRUPT);
    FILE *f = fopen(p.file, "w");
    assert_non_null(f);
    for (int i = 0; i < 1000; i++)
        fputs("this is no database ", f);
    fclose(f);
    assert_int_equal(store_open(&p.cfg, &p.message, &s), ERR_CORRUPT);
    leave_place(&p);
}

static void a_time_zone_that_the_system_lacks_is_refused(void **state)
{
    struct place p;
    struct store *s;
    (void)state;
    take_place(&p);
    assert_int_equal(store_create(&p.cfg, &p.message), OK);
    raw_sql(&p, "UPDATE meta SET value = CAST('Africa/Atlantis' AS blob) WHERE key = 'time_zone'");
    assert_int_equal(store_open(&p.cfg, &p.message, &s), ERR_NOT_FOUND);
    assert_true(message_has(&p, "Africa/Atlantis"));
    raw_sql(&p, "UPDATE meta SET value = CAST('../../etc/passwd' AS blob) WHERE key = 'time_zone'");
    assert_int_equal(store_open(&p.cfg, &p.message, &s), ERR_NOT_FOUND);
    leave_place(&p);
}

static void damaged_settings_are_refused(void **state)
{
    struct place p;
    struct store *s;
    (void)state;
    take_place(&p);
    assert_int_equal(store_create(&p.cfg, &p.message), OK);
    raw_sql(&p, "DELETE FROM meta WHERE key = 'secret'");
    assert_int_equal(store_open(&p.cfg, &p.message, &s), ERR_CORRUPT);
    leave_place(&p);
}

static struct rng known_entropy;

static bool take_known_entropy(void *out, size_t size)
{
    for (size_t i = 0; i < size; i++)
        ((char *)out)[i] = (char)rng_next(&known_entropy);
    return true;
}

static bool take_no_entropy(void *out, size_t size)
{
    (void)out, (void)size;
    return false;
}

static void the_same_entropy_makes_the_same_store(void **state)
{
    struct place p;
    struct store *stores[2];
    const struct store_config cfg = {.is_in_memory = true, .entropy = take_known_entropy};
    (void)state;
    take_place(&p);
    for (int i = 0; i < 2; i++) {
        rng_init(&known_entropy, 7);
        assert_int_equal(store_open(&cfg, &p.message, &stores[i]), OK);
    }
    assert_memory_equal(store_secret(stores[0]), store_secret(stores[1]), TOKEN_SECRET_SIZE);
    assert_true(bytes_equal(store_epoch(stores[0]), store_epoch(stores[1])));
    store_close(stores[0]);
    store_close(stores[1]);
    leave_place(&p);
}

static void without_entropy_no_store_is_made(void **state)
{
    struct place p;
    struct store *s;
    const struct store_config cfg = {.is_in_memory = true, .entropy = take_no_entropy};
    (void)state;
    take_place(&p);
    assert_int_equal(store_open(&cfg, &p.message, &s), ERR_IO);
    leave_place(&p);
}

static void a_store_in_memory_has_one_session(void **state)
{
    struct kit *k = *state;
    struct store_session *second;
    assert_int_equal(store_session_open(k->store, STORE_READER, &second), ERR_FULL);
}

static void every_failing_allocation_of_opening_is_survived(void **state)
{
    const struct store_config cfg = {.is_in_memory = true};
    (void)state;
    bool is_done = false;
    /* Opening allocates some ten thousand times: the first hundreds one by one, then in strides. */
    for (uint64_t n = 1; !is_done; n += n < 200 ? 1 : 37) {
        struct store *s = NULL;
        struct buf message;
        buf_init(&message, 4096);
        mem_fail_at(n);
        enum err e = store_open(&cfg, &message, &s);
        is_done = !mem_fail_hit();
        mem_fail_at(0);
        if (e)
            assert_null(s);
        else
            store_close(s);
        buf_done(&message);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_store_is_private_and_has_settings),
        cmocka_unit_test(a_store_keeps_its_epoch_secret_and_rows),
        cmocka_unit_test(two_stores_have_different_secrets),
        cmocka_unit_test(what_exists_is_not_made_again),
        cmocka_unit_test(a_creation_that_did_not_end_is_taken_up_again),
        cmocka_unit_test(what_is_not_there_cannot_be_opened),
        cmocka_unit_test(a_database_of_a_newer_program_is_refused),
        cmocka_unit_test(a_file_of_another_kind_is_refused),
        cmocka_unit_test(a_time_zone_that_the_system_lacks_is_refused),
        cmocka_unit_test(damaged_settings_are_refused),
        cmocka_unit_test(the_same_entropy_makes_the_same_store),
        cmocka_unit_test(without_entropy_no_store_is_made),
        KIT_TEST(a_store_in_memory_has_one_session),
        cmocka_unit_test(every_failing_allocation_of_opening_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
