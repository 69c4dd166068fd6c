/* The change log as it lies in the database: replay, trimming; and moving the write-ahead log
 * along. */
#include "store/work.h"

static int number(struct store_session *s, const char *sql, bool *is_null, uint64_t *out)
{
    struct statement *st;
    int rc = session_prepare(s, bytes_of(sql), &st);
    if (rc)
        return rc;
    rc = sqlite3_step(st->stmt);
    if (rc == SQLITE_ROW) {
        *is_null = sqlite3_column_type(st->stmt, 0) == SQLITE_NULL;
        *out = (uint64_t)sqlite3_column_int64(st->stmt, 0);
    }
    sqlite3_reset(st->stmt);
    return rc == SQLITE_ROW ? SQLITE_OK : rc;
}

/* The oldest seq of the log; head + 1 when it is empty. */
static enum err find_tail(struct store_session *s, uint64_t *out)
{
    uint64_t tail = 0, head = 0;
    bool is_empty = true;
    int rc = number(s, "SELECT min(seq) FROM changes", &is_empty, &tail);
    if (!rc && is_empty) {
        rc = session_head(s, &head);
        tail = head + 1;
    }
    enum err e = err_of_sqlite(rc);
    if (!e)
        *out = tail;
    return e;
}

static enum err changes_since(struct store_session *s, uint64_t from, size_t max,
                              struct changes *out)
{
    uint64_t tail;
    enum err e = find_tail(s, &tail);
    if (e)
        return e;
    if (from < tail)
        return ERR_NOT_FOUND;
    return session_changes(s, from, max < INT64_MAX ? (int64_t)max : INT64_MAX, SIZE_MAX, out);
}

enum err store_changes_since(struct store_session *s, uint64_t from, size_t max,
                             struct changes *out)
{
    size_t before = out->count;
    s->steps_left = -1;
    int rc = session_run(s, FIXED_BEGIN);
    if (rc)
        return err_of_sqlite(rc);
    enum err e = from <= INT64_MAX ? changes_since(s, from, max, out) : OK;
    rc = session_run(s, FIXED_COMMIT);
    if (!e)
        e = err_of_sqlite(rc);
    if (e)
        changes_truncate(out, before);
    return e;
}

enum err store_changes_page(struct store_session *s, uint64_t from, size_t max, size_t bytes_max,
                            struct changes *out, uint64_t *tail)
{
    size_t before = out->count;
    uint64_t oldest = 0;
    s->steps_left = -1;
    int rc = session_run(s, FIXED_BEGIN);
    if (rc)
        return err_of_sqlite(rc);
    enum err e = find_tail(s, &oldest);
    uint64_t first = from < oldest ? oldest : from;
    if (!e && max > 0 && first - from < max && first <= INT64_MAX)
        e = session_changes(s, first, (int64_t)(max - (first - from)), bytes_max, out);
    rc = session_run(s, FIXED_COMMIT);
    if (!e)
        e = err_of_sqlite(rc);
    if (e)
        changes_truncate(out, before);
    else
        *tail = oldest;
    return e;
}

/* SQLite leaves out what would not change a page: a row comes and goes. */
enum err store_probe(struct store_session *s)
{
    s->steps_left = -1;
    int rc = session_exec(s, "BEGIN IMMEDIATE; INSERT INTO meta VALUES ('probe', '');"
                             " DELETE FROM meta WHERE key = 'probe'; COMMIT");
    if (rc && !sqlite3_get_autocommit(s->db))
        session_run(s, FIXED_ROLLBACK);
    return err_of_sqlite(rc);
}

enum err store_checkpoint(struct store_session *s)
{
    int rc = sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    /* A passive one does what the others let it; the next call does the rest. */
    return (rc & 0xff) == SQLITE_BUSY ? OK : err_of_sqlite(rc);
}

enum err store_trim_log(struct store_session *s, int64_t now_us, int64_t keep_us,
                        uint64_t keep_count, size_t max)
{
    static const char sql[] =
        "DELETE FROM changes WHERE seq IN (SELECT seq FROM changes ORDER BY seq LIMIT ?)"
        " AND seq < (SELECT max(seq) FROM changes)"
        " AND (commit_us < ? OR seq <= (SELECT max(seq) FROM changes) - ?)";
    struct statement *st;
    int64_t cutoff;
    if (__builtin_sub_overflow(now_us, keep_us, &cutoff))
        cutoff = INT64_MIN;
    const struct value limit = {.kind = VALUE_INT,
                                .number = max < INT64_MAX ? (int64_t)max : INT64_MAX};
    const struct value oldest = {.kind = VALUE_INT, .number = cutoff};
    const struct value count = {.kind = VALUE_INT,
                                .number = keep_count < INT64_MAX ? (int64_t)keep_count : INT64_MAX};
    const struct value *const values[] = {&limit, &oldest, &count};
    s->steps_left = -1;
    int rc = session_prepare(s, bytes_of(sql), &st);
    if (!rc)
        rc = statement_bind(s, st, values, 3);
    if (rc)
        return err_of_sqlite(rc);
    rc = sqlite3_step(st->stmt);
    sqlite3_reset(st->stmt);
    return err_of_sqlite(rc);
}

static enum err put_staff(struct store_session *s, struct buf *out)
{
    const struct table *t = catalogue_table(s->store->catalogue, BYTES("users"));
    struct statement *st;
    int rc = session_prepare(s, BYTES("SELECT * FROM users ORDER BY rowid"), &st);
    if (rc)
        return err_of_sqlite(rc);
    buf_put_char(out, '[');
    for (bool is_first = true; (rc = sqlite3_step(st->stmt)) == SQLITE_ROW; is_first = false) {
        if (!is_first)
            buf_put_char(out, ',');
        row_put_result(out, &s->store->shapes[t->index], st->stmt, 0);
    }
    sqlite3_reset(st->stmt);
    buf_put_char(out, ']');
    return rc == SQLITE_DONE ? out->err : err_of_sqlite(rc);
}

enum err store_staff(struct store_session *s, struct buf *out, uint64_t *seq)
{
    uint64_t head = 0;
    s->steps_left = -1;
    int rc = session_run(s, FIXED_BEGIN);
    if (rc)
        return err_of_sqlite(rc);
    rc = session_head(s, &head);
    enum err e = rc ? err_of_sqlite(rc) : put_staff(s, out);
    rc = session_run(s, FIXED_COMMIT);
    if (!e)
        e = err_of_sqlite(rc);
    if (!e)
        *seq = head;
    return e;
}
