#include "bare_sql.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "load.h"
#include "process.h"
#include "store/sqlite.h"

struct bare {
    char folder[PROCESS_FOLDER_MAX];
    struct store *store;
    struct store_session *session;
    sqlite3_stmt *insert;
    char bread[64], person[64];
};

static void must(int rc, const char *what)
{
    if (rc != SQLITE_OK && rc != SQLITE_DONE)
        load_fail(what);
}

static uint64_t thread_cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

/* The one text of a query without parameters. */
static void ask_text(struct bare *b, const char *sql, char out[64])
{
    sqlite3_stmt *st;
    must(sqlite3_prepare_v2(b->session->db, sql, -1, &st, NULL), sql);
    if (sqlite3_step(st) != SQLITE_ROW)
        load_fail(sql);
    snprintf(out, 64, "%s", (const char *)sqlite3_column_text(st, 0));
    sqlite3_finalize(st);
}

static void bare_open(struct bare *b, int64_t now_us)
{
    struct buf message;
    buf_init(&message, 4096);
    process_folder_new(b->folder);
    struct store_config cfg = {.folder = b->folder};
    struct store_new_person rep = {BYTES("rep@homebake.example"), BYTES("Sales rep"),
                                   BYTES("sales_rep"), BYTES("-")};
    char id[UUID_SIZE + 1];
    if (store_create(&cfg, &message) || store_open(&cfg, &message, &b->store) ||
        store_session_open(b->store, STORE_WRITER, &b->session) ||
        store_person_add(b->session, &rep, now_us, id) || store_demo(b->session, now_us, 1))
        load_fail("a store for bare SQLite");
    buf_done(&message);
    b->session->now_us = b->session->commit_us = now_us;
    ask_text(b, "SELECT id FROM bread_types LIMIT 1", b->bread);
    ask_text(b, "SELECT id FROM users LIMIT 1", b->person);
    must(sqlite3_prepare_v2(
             b->session->db,
             "INSERT INTO sales_logs (id, bread_type_id, quantity, unit_price, shift, recorded_by, "
             "created_at, updated_at) SELECT uuid7(), i.bread, i.quantity, "
             "(SELECT b.unit_price FROM bread_types b WHERE b.id = i.bread), shift_at(?4), ?3, ?4, "
             "?4 "
             "FROM (SELECT ?1 AS bread, ?2 AS quantity) AS i",
             -1, &b->insert, NULL),
         "prepare the insert");
    must(sqlite3_bind_text(b->insert, 1, b->bread, -1, SQLITE_STATIC), "bind");
    must(sqlite3_bind_int64(b->insert, 2, 1), "bind");
    must(sqlite3_bind_text(b->insert, 3, b->person, -1, SQLITE_STATIC), "bind");
    must(sqlite3_bind_int64(b->insert, 4, now_us), "bind");
}

static void bare_close(struct bare *b)
{
    sqlite3_finalize(b->insert);
    store_session_close(b->session);
    store_close(b->store);
    process_folder_remove(b->folder);
}

static void run_transaction(struct bare *b, uint64_t rows)
{
    /* Time goes on, so that ids of version 7 rise as they do in the server. */
    b->session->now_us = b->session->commit_us = b->session->now_us + 2000;
    must(sqlite3_bind_int64(b->insert, 4, b->session->now_us), "bind");
    must(sqlite3_exec(b->session->db, "BEGIN IMMEDIATE", NULL, NULL, NULL), "begin");
    for (uint64_t i = 0; i < rows; i++) {
        must(sqlite3_step(b->insert), "insert");
        sqlite3_reset(b->insert);
    }
    if (ledger_settle(b->session))
        load_fail("settle");
    must(sqlite3_exec(b->session->db, "COMMIT", NULL, NULL, NULL), "commit");
}

double bare_sql_ns_per_row(double batch, double seconds)
{
    struct bare b = {0};
    bare_open(&b, (int64_t)time(NULL) * 1000000);
    uint64_t rows = batch < 1 ? 1 : (uint64_t)(batch + 0.5), count = 0;
    for (int i = 0; i < 20; i++)
        run_transaction(&b, rows);
    uint64_t start = load_now_ns(), cpu = thread_cpu_ns(), checkpoints = 1;
    for (uint64_t past; (past = load_now_ns() - start) < (uint64_t)(seconds * 1e9);) {
        run_transaction(&b, rows);
        count += rows;
        if (past > checkpoints * UINT64_C(1000000000)) { /* once a second, as the server does */
            sqlite3_wal_checkpoint_v2(b.session->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
            checkpoints++;
        }
    }
    double ns = (double)(thread_cpu_ns() - cpu) / (double)count;
    bare_close(&b);
    return ns;
}
