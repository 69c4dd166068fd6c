/* Writing requests: one transaction for a group, a savepoint for each when there are several.
 *
 *   BEGIN IMMEDIATE  changes of other processes since the last group are handed out first
 *   each request     SAVEPOINT, execute, read what it captured, WITH CHECK on that,
 *                    RELEASE or ROLLBACK TO
 *   settle           stock and shift_totals follow all entries (ledger.h); captured as well
 *   COMMIT           the write-ahead log is on disk
 *
 * A request that is undone takes its rows of `changes` with it, so that the next one gets the same
 * numbers. */
#include "store/work.h"

#include <time.h>

struct group {
    struct store_session *s;
    struct store_write *writes;
    size_t count;
    struct changes *out;
    size_t first; /* of this group in `out` */
};

static enum err make_change(struct store_session *s, sqlite3_stmt *stmt, struct changes *out)
{
    const struct table *t = catalogue_table(s->store->catalogue, column_text(stmt, 2));
    struct change *c;
    if (!t)
        return ERR_CORRUPT;
    enum err e = change_new(t, (enum verb)sqlite3_column_int(stmt, 3),
                            (uint64_t)sqlite3_column_int64(stmt, 0), sqlite3_column_int64(stmt, 1),
                            column_text(stmt, 4), column_text(stmt, 5), &c);
    if (e)
        return e;
    e = changes_push(out, c);
    if (e)
        change_unref(c);
    return e;
}

enum err session_changes(struct store_session *s, uint64_t from, int64_t max, size_t bytes_max,
                         struct changes *out)
{
    int rc;
    size_t bytes = 0;
    enum err e = OK;
    sqlite3_stmt *stmt = session_fixed(s, FIXED_CHANGES, &rc);
    if (!rc)
        rc = sqlite3_bind_int64(stmt, 1, (int64_t)from);
    if (!rc)
        rc = sqlite3_bind_int64(stmt, 2, max);
    while (!rc && !e && bytes < bytes_max && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        e = make_change(s, stmt, out);
        bytes += e ? 0 : change_size(out->items[out->count - 1]);
        rc = SQLITE_OK;
    }
    sqlite3_reset(stmt);
    return e ? e : err_of_sqlite(rc);
}

static enum err collect(struct group *g)
{
    enum err e = session_changes(g->s, g->s->at + 1, -1, SIZE_MAX, g->out);
    if (!e && g->out->count > g->first) {
        const struct change *last = g->out->items[g->out->count - 1];
        g->s->at = last->seq;
        g->s->last_at_us = last->commit_us;
    }
    return e;
}

static enum err check_changes(struct group *g, struct work *w, size_t from)
{
    struct policy_context ctx = {.who = w->request->who};
    if (!w->query)
        return OK;
    store_clock(g->s->store, w->request->now_us, &ctx);
    for (size_t i = from; i < g->out->count; i++) {
        const struct change *c = g->out->items[i];
        if (c->table != w->query->table)
            continue;
        enum err e = ctx.who.role == ROLE_SERVICE ? OK : work_check_change(w, &ctx, c);
        if (e)
            return e;
        w->reply->inserted_count += c->verb == VERB_INSERT;
    }
    return OK;
}

static enum err dispatch(struct work *w)
{
    enum err e = work_check_identity(w);
    if (e)
        return e;
    switch (w->request->kind) {
    case STORE_QUERY:
        return w->query->verb == VERB_SELECT ? work_select(w) : work_mutate(w);
    case STORE_INVENTORY:
        return work_inventory(w);
    case STORE_PERSON:
        return work_person(w);
    case STORE_SESSION_NEW:
        return work_session_new(w);
    case STORE_SESSION_ROTATE:
        return work_session_rotate(w);
    case STORE_SESSION_END:
        return work_session_end(w);
    case STORE_MESSAGE_ADD:
        return work_message_add(w);
    case STORE_MESSAGE_LIST:
        return work_message_list(w);
    }
    return ERR_UNSUPPORTED;
}

static enum err execute(struct group *g, struct work *w)
{
    size_t from = g->out->count, reported = g->s->ledger.count;
    uint64_t at = g->s->at;
    int64_t at_us = g->s->last_at_us;
    enum err e = dispatch(w);
    if (!e)
        e = collect(g);
    if (!e)
        e = check_changes(g, w, from);
    if (!e)
        return OK;
    changes_truncate(g->out, from);
    ledger_truncate(&g->s->ledger, reported);
    g->s->at = at;
    g->s->last_at_us = at_us;
    if (e != ERR_DENIED)
        trouble(w->reply, e);
    return e;
}

/* OK also when the request was refused or failed by itself; an err when the transaction is lost. */
static enum err execute_in_savepoint(struct group *g, struct work *w)
{
    int rc = session_run(g->s, FIXED_SAVEPOINT);
    if (rc)
        return err_of_sqlite(rc);
    enum err e = execute(g, w);
    if (e && sqlite3_get_autocommit(g->s->db))
        return e == ERR_DENIED ? ERR_IO : e;
    rc = e ? session_run(g->s, FIXED_ROLLBACK_TO) : SQLITE_OK;
    if (!rc)
        rc = session_run(g->s, FIXED_RELEASE);
    return err_of_sqlite(rc);
}

static int64_t commit_time(const struct group *g)
{
    int64_t us = g->s->last_at_us + 1;
    for (size_t i = 0; i < g->count; i++)
        if (g->writes[i].request->now_us > us)
            us = g->writes[i].request->now_us;
    return us;
}

static enum err begin(struct group *g)
{
    g->s->at = g->s->head;
    g->s->last_at_us = g->s->last_commit_us;
    ledger_truncate(&g->s->ledger, 0);
    int rc = session_run(g->s, g->count ? FIXED_BEGIN_WRITE : FIXED_BEGIN);
    return rc ? err_of_sqlite(rc) : collect(g);
}

static int64_t monotonic_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static enum err end(struct group *g, bool keep)
{
    int64_t began_us = monotonic_us();
    int rc = session_run(g->s, keep ? FIXED_COMMIT : FIXED_ROLLBACK);
    g->s->counters.commit_us = monotonic_us() - began_us;
    return err_of_sqlite(rc);
}

/* Brings the derived tables up to date with the entries so far. */
static enum err settle(struct group *g)
{
    enum err e = ledger_settle(g->s);
    return e ? e : collect(g);
}

/* A request that reads, or that removes what derived rows hang on and them with it, finds the
 * entries before it settled. */
static bool wants_settled(const struct store *s, const struct store_request *r)
{
    if (r->kind != STORE_QUERY)
        return r->kind == STORE_INVENTORY;
    if (r->query->verb != VERB_DELETE)
        return r->query->verb == VERB_SELECT;
    for (size_t i = 0; i < s->catalogue->foreign_key_count; i++) {
        const struct foreign_key *k = &s->catalogue->foreign_keys[i];
        if (k->to == r->query->table && k->from->is_server)
            return true;
    }
    return false;
}

/* A group of one needs no savepoint: the transaction is one. */
static enum err execute_one(struct group *g)
{
    struct work w;
    work_init(&w, g->s, g->writes->request, g->writes->reply);
    enum err e = execute(g, &w);
    if (e && sqlite3_get_autocommit(g->s->db))
        return e == ERR_DENIED ? OK : e;
    if (e)
        return end(g, false);
    e = settle(g);
    return e ? e : end(g, true);
}

static enum err execute_all(struct group *g)
{
    enum err e = OK;
    for (size_t i = 0; i < g->count && !e; i++) {
        struct work w;
        if (wants_settled(g->s->store, g->writes[i].request))
            e = settle(g);
        work_init(&w, g->s, g->writes[i].request, g->writes[i].reply);
        if (!e)
            e = execute_in_savepoint(g, &w);
    }
    if (!e)
        e = settle(g);
    return e ? e : end(g, true);
}

static void fail_all(struct group *g, enum err e)
{
    if (!sqlite3_get_autocommit(g->s->db))
        session_run(g->s, FIXED_ROLLBACK);
    changes_truncate(g->out, g->first);
    for (size_t i = 0; i < g->count; i++) {
        reply_reset(g->writes[i].reply);
        trouble(g->writes[i].reply, e);
    }
}

static void count_group(struct group *g)
{
    struct store_session *s = g->s;
    s->head = s->at;
    s->last_commit_us = s->last_at_us;
    s->counters.groups += g->count > 0;
    s->counters.requests += g->count;
    s->counters.changes += g->out->count - g->first;
    for (size_t i = 0; i < g->count; i++)
        g->writes[i].reply->seq = s->head;
}

enum err store_write(struct store_session *s, struct store_write *writes, size_t count,
                     struct changes *out)
{
    struct group g = {s, writes, count, out, out->count};
    enum err e = s->access == STORE_WRITER || count == 0 ? begin(&g) : ERR_UNSUPPORTED;
    s->commit_us = commit_time(&g);
    if (!e)
        e = count == 1 ? execute_one(&g) : execute_all(&g);
    if (e)
        fail_all(&g, e);
    else
        count_group(&g);
    return e;
}

/* ---- administration ---- */

enum err session_newest(struct store_session *s, uint64_t *seq, int64_t *commit_us)
{
    struct statement *st;
    int rc = session_prepare(
        s, BYTES("SELECT seq, commit_us FROM changes ORDER BY seq DESC LIMIT 1"), &st);
    if (rc)
        return err_of_sqlite(rc);
    *seq = 0;
    *commit_us = 0;
    rc = sqlite3_step(st->stmt);
    if (rc == SQLITE_ROW) {
        *seq = (uint64_t)sqlite3_column_int64(st->stmt, 0);
        *commit_us = sqlite3_column_int64(st->stmt, 1);
    }
    sqlite3_reset(st->stmt);
    return err_of_sqlite(rc);
}

enum err admin_begin(struct store_session *s, int64_t now_us)
{
    const struct store_request r = {.who = {.role = ROLE_SERVICE}, .now_us = now_us};
    uint64_t seq;
    int64_t last_us = 0;
    if (s->access != STORE_WRITER)
        return ERR_UNSUPPORTED;
    session_begin_request(s, &r);
    s->steps_left = -1;
    ledger_truncate(&s->ledger, 0);
    int rc = session_run(s, FIXED_BEGIN_WRITE);
    if (rc)
        return err_of_sqlite(rc);
    enum err e = session_newest(s, &seq, &last_us);
    if (e)
        return admin_end(s, e);
    s->commit_us = last_us < now_us ? now_us : last_us + 1;
    return OK;
}

enum err admin_end(struct store_session *s, enum err e)
{
    if (!e)
        e = ledger_settle(s);
    int rc = e ? SQLITE_OK : session_run(s, FIXED_COMMIT);
    if ((e || rc) && !sqlite3_get_autocommit(s->db))
        session_run(s, FIXED_ROLLBACK);
    return e ? e : err_of_sqlite(rc);
}

struct store_counters store_counters(const struct store_session *writer)
{
    return writer->counters;
}
