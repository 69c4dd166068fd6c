#include "store/sqlite.h"

#include <malloc.h>
#include <pthread.h>

static const char *const fixed_sql[FIXED_COUNT] = {
    [FIXED_BEGIN] = "BEGIN",
    [FIXED_BEGIN_WRITE] = "BEGIN IMMEDIATE",
    [FIXED_COMMIT] = "COMMIT",
    [FIXED_ROLLBACK] = "ROLLBACK",
    [FIXED_SAVEPOINT] = "SAVEPOINT request",
    [FIXED_RELEASE] = "RELEASE request",
    [FIXED_ROLLBACK_TO] = "ROLLBACK TO request",
    [FIXED_HEAD] = "SELECT max(seq) FROM changes",
    [FIXED_CHANGES] = ("SELECT seq, commit_us, tbl, verb, new_row, old_row FROM changes"
                       " WHERE seq >= ?1 ORDER BY seq LIMIT ?2"),
    [FIXED_ROLE] = "SELECT role FROM users WHERE id = ?1 AND is_active",
};

/* Small pages: a sale touches a dozen of them, and each is copied once for the savepoint and once
 * into the write-ahead log.  Takes effect when the database is made. Readers hold query_only
 * instead of opening the file for reading, so that they may checkpoint. */
static const char pragmas[] = "PRAGMA page_size = 2048;"
                              "PRAGMA trusted_schema = OFF;"
                              "PRAGMA foreign_keys = ON;"
                              "PRAGMA recursive_triggers = OFF;"
                              "PRAGMA journal_mode = WAL;"
                              "PRAGMA synchronous = FULL;"
                              "PRAGMA wal_autocheckpoint = 0;"
                              "PRAGMA journal_size_limit = 67108864;"
                              "PRAGMA secure_delete = FAST;"
                              "PRAGMA cell_size_check = ON;"
                              "PRAGMA busy_timeout = 5000;";
static const char pragmas_reader[] = "PRAGMA cache_size = -2048; PRAGMA query_only = ON;";
static const char pragmas_writer[] = "PRAGMA cache_size = -4096;";

enum err err_of_sqlite(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return OK;
    case SQLITE_NOMEM:
        return ERR_NOMEM;
    case SQLITE_FULL:
        return ERR_FULL;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return ERR_BUSY;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return ERR_CORRUPT;
    case SQLITE_TOOBIG:
    case SQLITE_INTERRUPT:
        return ERR_LIMIT;
    case SQLITE_CONSTRAINT:
        return ERR_DENIED;
    default:
        return ERR_IO;
    }
}

/* ---- SQLite's memory comes from base/mem, so that tests can fail it ---- */

static void *sqlite_alloc(int size)
{
    return mem_alloc((size_t)size);
}

static void *sqlite_realloc(void *p, int size)
{
    return mem_realloc(p, (size_t)size);
}

static int sqlite_size(void *p)
{
    return (int)malloc_usable_size(p);
}

static int sqlite_roundup(int size)
{
    return (size + 7) & ~7;
}

static int sqlite_init(void *unused)
{
    (void)unused;
    return SQLITE_OK;
}

static void sqlite_shutdown(void *unused)
{
    (void)unused;
}

static void configure_once(void)
{
    static const sqlite3_mem_methods methods = {
        .xMalloc = sqlite_alloc,
        .xFree = mem_free,
        .xRealloc = sqlite_realloc,
        .xSize = sqlite_size,
        .xRoundup = sqlite_roundup,
        .xInit = sqlite_init,
        .xShutdown = sqlite_shutdown,
    };
    /* Each connection stays with one thread at a time; statistics would be a lock round every
     * allocation.  Both fail harmlessly when somebody has initialised SQLite already. */
    sqlite3_config(SQLITE_CONFIG_MULTITHREAD);
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    sqlite3_config(SQLITE_CONFIG_MALLOC, &methods);
}

static void configure(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, configure_once);
}

/* ---- connections ---- */

/* Stops a statement that has used up its request's budget. */
static int on_progress(void *arg)
{
    struct store_session *s = arg;
    if (s->steps_left < 0)
        return 0;
    if (s->steps_left-- > 0)
        return 0;
    s->steps_left = 0;
    s->was_stopped = true;
    return 1;
}

bool session_spend(struct store_session *s, size_t ops)
{
    s->ops_spent += ops;
    for (; s->ops_spent >= OPS_STEP; s->ops_spent -= OPS_STEP)
        if (on_progress(s))
            return false;
    return true;
}

static int open_database(struct store_session *s)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    const char *path = s->store->path;
    if (!path)
        flags |= SQLITE_OPEN_MEMORY | SQLITE_OPEN_CREATE;
    return sqlite3_open_v2(path ? path : ":memory:", &s->db, flags, NULL);
}

static int set_up(struct store_session *s)
{
    sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(s->db, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
    sqlite3_db_config(s->db, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    sqlite3_progress_handler(s->db, OPS_STEP, on_progress, s);
    int rc = functions_add(s);
    if (!rc)
        rc = session_exec(s, pragmas);
    if (!rc)
        rc = session_exec(s, s->access == STORE_READER ? pragmas_reader : pragmas_writer);
    return rc;
}

static enum err seed(struct store_session *s)
{
    uint64_t n;
    if (!s->store->entropy(&n, sizeof(n)))
        return ERR_IO;
    rng_init(&s->rng, n);
    map_init(&s->statements, n);
    return OK;
}

enum err session_new(struct store *store, enum store_access access, struct buf *message,
                     struct store_session **out)
{
    configure();
    struct store_session *s = mem_zalloc(sizeof(*s));
    if (!s)
        return ERR_NOMEM;
    s->store = store;
    s->access = access;
    s->steps_max = OPS_STEPS_MAX;
    s->steps_left = -1;
    list_init(&s->by_use);
    arena_init(&s->arena, SESSION_ARENA_MAX);
    buf_init(&s->sql, SQL_MAX);
    buf_init(&s->row, SESSION_ARENA_MAX);
    enum err e = seed(s);
    int rc = e ? SQLITE_OK : open_database(s);
    if (!rc && !e)
        rc = set_up(s);
    if (rc && message)
        buf_put(message, bytes_of(s->db ? sqlite3_errmsg(s->db) : sqlite3_errstr(rc)));
    if (!e)
        e = err_of_sqlite(rc);
    if (e) {
        session_free(s);
        return e;
    }
    *out = s;
    return OK;
}

static void statement_free(struct store_session *s, struct statement *st)
{
    map_remove(&s->statements, st->by_sql.key);
    list_remove(&st->by_use);
    sqlite3_finalize(st->stmt);
    mem_free(st);
}

void session_free(struct store_session *s)
{
    if (!s)
        return;
    while (!list_is_empty(&s->by_use))
        statement_free(s, container_of(s->by_use.next, struct statement, by_use));
    for (int i = 0; i < FIXED_COUNT; i++)
        sqlite3_finalize(s->fixed[i]);
    sqlite3_close(s->db);
    map_done(&s->statements);
    arena_done(&s->arena);
    ledger_done(&s->ledger);
    buf_done(&s->sql);
    buf_done(&s->row);
    mem_free(s);
}

void session_begin_request(struct store_session *s, const struct store_request *r)
{
    arena_reset(&s->arena);
    s->steps_left = s->steps_max;
    s->ops_spent = 0;
    s->was_stopped = s->was_too_complex = false;
    s->who = r->who;
    s->now_us = r->now_us;
}

int session_exec(struct store_session *s, const char *sql)
{
    return sqlite3_exec(s->db, sql, NULL, NULL, NULL);
}

/* ---- statements ---- */

sqlite3_stmt *session_fixed(struct store_session *s, enum fixed which, int *rc)
{
    *rc = SQLITE_OK;
    if (s->fixed[which])
        sqlite3_reset(s->fixed[which]);
    else
        *rc = sqlite3_prepare_v3(s->db, fixed_sql[which], -1, SQLITE_PREPARE_PERSISTENT,
                                 &s->fixed[which], NULL);
    return *rc ? NULL : s->fixed[which];
}

int session_run(struct store_session *s, enum fixed which)
{
    int rc;
    sqlite3_stmt *stmt = session_fixed(s, which, &rc);
    if (!stmt)
        return rc;
    rc = sqlite3_step(stmt);
    sqlite3_reset(stmt);
    return rc == SQLITE_DONE || rc == SQLITE_ROW ? SQLITE_OK : rc;
}

enum err session_prepare_ends(struct store_session *s)
{
    static const enum fixed ends[] = {FIXED_COMMIT, FIXED_ROLLBACK, FIXED_RELEASE,
                                      FIXED_ROLLBACK_TO};
    int rc = SQLITE_OK;
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]) && !rc; i++) {
        sqlite3_finalize(s->fixed[ends[i]]); /* one of before the schema was made has expired */
        s->fixed[ends[i]] = NULL;
        (void)session_fixed(s, ends[i], &rc);
    }
    return err_of_sqlite(rc);
}

static enum param param_of(const char *name)
{
    static const char *const names[] = {
        [PARAM_VALUE] = "?",      [PARAM_UID] = ":uid",          [PARAM_NOW] = ":now",
        [PARAM_SHIFT] = ":shift", [PARAM_DAY] = ":business_day",
    };
    for (int i = PARAM_UID; name && i <= PARAM_DAY; i++)
        if (strcmp(name, names[i]) == 0)
            return (enum param)i;
    return PARAM_VALUE;
}

/* One block: the statement, the kinds of its parameters, its text. */
static struct statement *statement_new(sqlite3_stmt *stmt, struct bytes sql)
{
    int count = sqlite3_bind_parameter_count(stmt);
    struct statement *st = mem_alloc(sizeof(*st) + (size_t)count + sql.size);
    if (!st)
        return NULL;
    *st = (struct statement){.stmt = stmt, .params = (uint8_t *)(st + 1), .param_count = count};
    for (int i = 0; i < count; i++)
        st->params[i] = (uint8_t)param_of(sqlite3_bind_parameter_name(stmt, i + 1));
    char *text = (char *)st->params + count;
    memcpy(text, sql.data, sql.size);
    st->by_sql.key = (struct bytes){text, sql.size};
    list_init(&st->by_use);
    return st;
}

static int statement_add(struct store_session *s, struct bytes sql, struct statement **out)
{
    sqlite3_stmt *stmt;
    int rc =
        sqlite3_prepare_v3(s->db, sql.data, (int)sql.size, SQLITE_PREPARE_PERSISTENT, &stmt, NULL);
    if (rc)
        return rc;
    struct statement *st = statement_new(stmt, sql);
    if (!st || map_put(&s->statements, &st->by_sql)) {
        mem_free(st);
        sqlite3_finalize(stmt);
        return SQLITE_NOMEM;
    }
    list_push_back(&s->by_use, &st->by_use);
    *out = st;
    return SQLITE_OK;
}

int session_prepare(struct store_session *s, struct bytes sql, struct statement **out)
{
    struct map_entry *e = map_get(&s->statements, sql);
    if (!e) {
        if (s->statements.count >= STATEMENTS_MAX)
            statement_free(s, container_of(s->by_use.next, struct statement, by_use));
        return statement_add(s, sql, out);
    }
    struct statement *st = container_of(e, struct statement, by_sql);
    list_remove(&st->by_use);
    list_push_back(&s->by_use, &st->by_use);
    sqlite3_reset(st->stmt);
    *out = st;
    return SQLITE_OK;
}

/* Texts outlive the statement's run: they live in the request, or in the session. */
int bind_text(sqlite3_stmt *stmt, int place, struct bytes text)
{
    return sqlite3_bind_text64(stmt, place, text.data ? text.data : "", text.size, SQLITE_STATIC,
                               SQLITE_UTF8);
}

int bind_value(sqlite3_stmt *stmt, int place, struct value v)
{
    if (v.kind == VALUE_NULL)
        return sqlite3_bind_null(stmt, place);
    if (v.kind == VALUE_INT)
        return sqlite3_bind_int64(stmt, place, v.number);
    return bind_text(stmt, place, v.text);
}

static int bind_named(struct store_session *s, sqlite3_stmt *stmt, int place, enum param kind)
{
    if (kind == PARAM_NOW)
        return sqlite3_bind_int64(stmt, place, s->now_us);
    if (kind == PARAM_UID)
        return s->who.user_id[0] ? bind_text(stmt, place, bytes_of(s->who.user_id))
                                 : sqlite3_bind_null(stmt, place);
    clock_at(&s->store->settings, s->now_us, &s->days);
    if (kind == PARAM_SHIFT)
        return bind_text(stmt, place, s->days.shift);
    return sqlite3_bind_text(stmt, place, s->days.day, -1, SQLITE_TRANSIENT);
}

int statement_bind(struct store_session *s, const struct statement *st,
                   const struct value *const *values, size_t count)
{
    size_t next = 0;
    for (int i = 0; i < st->param_count; i++) {
        int rc;
        if (st->params[i] != PARAM_VALUE)
            rc = bind_named(s, st->stmt, i + 1, (enum param)st->params[i]);
        else if (next == count)
            return SQLITE_MISUSE;
        else
            rc = bind_value(st->stmt, i + 1, *values[next++]);
        if (rc)
            return rc;
    }
    return next == count ? SQLITE_OK : SQLITE_MISUSE;
}

struct bytes column_text(sqlite3_stmt *stmt, int place)
{
    const char *text = (const char *)sqlite3_column_text(stmt, place);
    return (struct bytes){text, text ? (size_t)sqlite3_column_bytes(stmt, place) : 0};
}
