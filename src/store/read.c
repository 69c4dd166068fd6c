/* Reading requests: each sees one snapshot, and says which seq it is true for. */
#include "store/sql.h"
#include "store/work.h"

#include <assert.h>

static bool is_allowed(const struct work *w, const struct table *t, enum verb verb)
{
    enum role role = w->request->who.role;
    return role == ROLE_SERVICE || policy_has_any(w->s->store->policies, t, verb, role);
}

enum err work_check_table(struct work *w, const struct table *t, enum verb verb)
{
    return is_allowed(w, t, verb) ? OK : refuse_table(w, t);
}

enum err work_check_select(struct work *w, const struct query_select *select)
{
    enum err e = work_check_table(w, select->table, VERB_SELECT);
    for (size_t i = 0; i < select->item_count && !e; i++) {
        const struct query_item *item = &select->items[i];
        if (item->is_count && select->item_count > 1)
            return refuse(w->reply, 400, "PGRST123", "Use of aggregate functions is not allowed");
        if (item->embed)
            e = work_check_select(w, item->embed);
    }
    return e;
}

enum err work_check_identity(struct work *w)
{
    const struct identity *who = &w->request->who;
    if (!role_is_staff(who->role))
        return OK;
    int rc;
    sqlite3_stmt *stmt = session_fixed(w->s, FIXED_ROLE, &rc);
    if (!rc)
        rc = bind_text(stmt, 1, bytes_of(who->user_id));
    if (!rc)
        rc = sqlite3_step(stmt);
    bool is_same = rc == SQLITE_ROW && bytes_equal(column_text(stmt, 0), role_name(who->role));
    sqlite3_reset(stmt);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        return work_failed(w, rc);
    if (is_same)
        return OK;
    return refuse(w->reply, 401, "PGRST301", "This account is disabled or its role has changed");
}

enum err work_is_single(struct work *w)
{
    uint64_t n = w->reply->row_count;
    if (!w->query->is_single || n == 1)
        return OK;
    enum err e =
        refuse(w->reply, 406, "PGRST116", "Cannot coerce the result to a single JSON object");
    refuse_details(w->reply, "The result contains %llu rows", (unsigned long long)n);
    return e;
}

int body_error(const struct buf *body)
{
    if (body->err == ERR_LIMIT)
        return SQLITE_TOOBIG;
    return body->err ? SQLITE_NOMEM : SQLITE_OK;
}

/* `shape` NULL: each row is one JSON text. */
static void put_one(struct work *w, sqlite3_stmt *stmt, const struct row_shape *shape)
{
    struct buf *body = &w->reply->body;
    bool is_single = w->query && w->query->is_single;
    if (w->reply->row_count++ && is_single)
        return; /* an error already, only the number matters */
    if (w->reply->row_count > 1)
        buf_put_char(body, ',');
    if (shape)
        row_put_result(body, shape, stmt, 0);
    else
        buf_put(body, column_text(stmt, 0));
}

int work_put_rows(struct work *w, sqlite3_stmt *stmt, const struct row_shape *shape)
{
    int rc;
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        put_one(w, stmt, shape);
        if (w->reply->body.err)
            break;
    }
    sqlite3_reset(stmt);
    if (w->reply->body.err)
        return body_error(&w->reply->body);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

enum err work_put_selected(struct work *w)
{
    const struct query *query = w->query;
    struct row_shape shape;
    struct sql q;
    sqlite3_stmt *stmt;
    bool is_count = query->select.item_count == 1 && query->select.items[0].is_count;
    enum err e = row_shape_of_select(&query->select, &w->s->arena, &shape);
    if (e)
        return e;
    sql_begin(&q, w->s, w->request->who.role);
    sql_put_rows(&q, query);
    int rc = sql_start(&q, &stmt);
    if (!query->is_single)
        buf_put_char(&w->reply->body, '[');
    if (!rc)
        rc = work_put_rows(w, stmt, is_count ? NULL : &shape);
    if (!query->is_single)
        buf_put_char(&w->reply->body, ']');
    if (!rc)
        rc = body_error(&w->reply->body);
    return rc ? work_failed(w, rc) : OK;
}

static enum err count_rows(struct work *w, void (*put)(struct sql *, const struct query *),
                           uint64_t *out)
{
    struct sql q;
    sqlite3_stmt *stmt;
    sql_begin(&q, w->s, w->request->who.role);
    put(&q, w->query);
    int rc = sql_start(&q, &stmt);
    if (rc)
        return work_failed(w, rc);
    rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW)
        *out = (uint64_t)sqlite3_column_int64(stmt, 0);
    sqlite3_reset(stmt);
    return rc == SQLITE_ROW ? OK : work_failed(w, rc);
}

static enum err check_range(struct work *w)
{
    uint64_t offset = w->query->offset, total = w->reply->total_count;
    if (offset <= total)
        return OK;
    enum err e = refuse(w->reply, 416, "PGRST103", "Requested range not satisfiable");
    refuse_details(w->reply, "An offset of %llu was requested, but there are only %llu rows.",
                   (unsigned long long)offset, (unsigned long long)total);
    return e;
}

enum err work_select(struct work *w)
{
    enum err e = work_check_select(w, &w->query->select);
    if (!e)
        e = work_check_table(w, w->query->table, VERB_SELECT);
    if (!e && w->query->wants_count) {
        e = count_rows(w, sql_put_count, &w->reply->total_count);
        if (!e)
            e = check_range(w);
    }
    if (e)
        return e;
    if (w->query->is_head)
        return count_rows(w, sql_put_page_count, &w->reply->row_count);
    e = work_put_selected(w);
    return e ? e : work_is_single(w);
}

/* ---- store_read ---- */

static enum err perform(struct work *w)
{
    enum err e = work_check_identity(w);
    if (e)
        return e;
    switch (w->request->kind) {
    case STORE_QUERY:
        assert(w->query);
        if (w->query->verb == VERB_SELECT)
            return work_select(w);
        break;
    case STORE_INVENTORY:
        return work_inventory(w);
    case STORE_PERSON:
        return work_person(w);
    case STORE_MESSAGE_LIST:
        return work_message_list(w);
    case STORE_MESSAGE_ADD:
    case STORE_SESSION_NEW:
    case STORE_SESSION_ROTATE:
    case STORE_SESSION_END:
        break;
    }
    return refuse(w->reply, 405, "25006", "cannot change data in a read-only transaction");
}

int session_head(struct store_session *s, uint64_t *out)
{
    int rc;
    sqlite3_stmt *stmt = session_fixed(s, FIXED_HEAD, &rc);
    if (!stmt)
        return rc;
    rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW)
        *out = (uint64_t)sqlite3_column_int64(stmt, 0);
    sqlite3_reset(stmt);
    return rc == SQLITE_ROW ? SQLITE_OK : rc;
}

void work_init(struct work *w, struct store_session *s, const struct store_request *r,
               struct store_reply *reply)
{
    *w = (struct work){.s = s, .request = r, .reply = reply, .row = SIZE_MAX};
    if (r->kind == STORE_QUERY)
        w->query = r->query;
    reply_reset(reply);
    session_begin_request(s, r);
}

enum err store_read(struct store_session *s, const struct store_request *r, struct store_reply *out)
{
    struct work w;
    work_init(&w, s, r, out);
    int rc = session_run(s, FIXED_BEGIN);
    if (!rc)
        rc = session_head(s, &out->seq);
    enum err e = rc ? err_of_sqlite(rc) : perform(&w);
    if (!sqlite3_get_autocommit(s->db) && session_run(s, FIXED_COMMIT))
        session_run(s, FIXED_ROLLBACK);
    if (e == ERR_DENIED)
        return OK;
    return e ? trouble(out, e) : OK;
}

enum err store_head(struct store_session *s, uint64_t *seq)
{
    return err_of_sqlite(session_head(s, seq));
}
