/* INSERT, UPDATE and DELETE of a REST request.  What they changed is captured by the triggers; the
 * group looks at it afterwards (group.c). */
#include "store/sql.h"
#include "store/work.h"

struct rowids {
    int64_t *items;
    size_t count, capacity;
};

static bool wants_rows(const struct query *q)
{
    return q->select.item_count > 0;
}

static enum err rowids_push(struct work *w, struct rowids *ids, int64_t id)
{
    if (ids->count == ids->capacity) {
        size_t capacity = ids->capacity ? ids->capacity * 2 : 16;
        int64_t *items = arena_array(&w->s->arena, capacity, sizeof(*items));
        if (!items)
            return ERR_NOMEM;
        if (ids->count)
            memcpy(items, ids->items, ids->count * sizeof(*items));
        ids->items = items;
        ids->capacity = capacity;
    }
    ids->items[ids->count++] = id;
    return OK;
}

/* ---- may it be done at all ---- */

static bool is_given_anywhere(const struct query *q, size_t i)
{
    for (size_t row = 0; row < q->row_count; row++)
        if (!q->is_absent || !q->is_absent[row * q->set_count + i])
            return true;
    return false;
}

static enum err check_column(struct work *w, const struct column *c)
{
    if (c->is_generated && w->query->verb == VERB_INSERT)
        return refuse(w->reply, 400, "428C9",
                      "cannot insert a non-DEFAULT value into column \"%.*s\"", (int)c->name.size,
                      c->name.data);
    if (c->is_generated)
        return refuse(w->reply, 400, "428C9", "column \"%.*s\" can only be updated to DEFAULT",
                      (int)c->name.size, c->name.data);
    if (w->request->who.role == ROLE_SERVICE)
        return OK;
    return refuse_table(w, w->query->table);
}

static enum err check_columns(struct work *w)
{
    const struct query *q = w->query;
    for (size_t i = 0; i < q->set_count; i++) {
        const struct column *c = q->set[i];
        if (!(c->is_generated || c->is_server) || !is_given_anywhere(q, i))
            continue;
        enum err e = check_column(w, c);
        if (e)
            return e;
    }
    return OK;
}

static enum err check_permission(struct work *w)
{
    const struct query *q = w->query;
    if (q->table->is_server)
        return refuse_table(w, q->table);
    enum err e = work_check_table(w, q->table, q->verb);
    if (!e && q->verb == VERB_INSERT && q->conflict == CONFLICT_MERGE)
        e = work_check_table(w, q->table, VERB_UPDATE);
    if (!e && wants_rows(q))
        e = work_check_select(w, &q->select);
    for (size_t i = 0; i < q->select.item_count && !e; i++)
        if (q->select.items[i].is_count)
            e = refuse(w->reply, 400, "PGRST123", "Use of aggregate functions is not allowed");
    return e ? e : check_columns(w);
}

/* ---- the answer ---- */

static int put_row(struct work *w, const struct row_shape *shape, sqlite3_stmt *stmt, bool *seen)
{
    int rc = sqlite3_step(stmt);
    *seen = rc == SQLITE_ROW;
    if (*seen) {
        struct buf *body = &w->reply->body;
        if (body->size && body->data[body->size - 1] == '}')
            buf_put_char(body, ',');
        row_put_result(body, shape, stmt, 0);
        rc = body_error(body);
    }
    sqlite3_reset(stmt);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* The rows written, as the person sees them; as in PostgreSQL it is an error to ask for one that is
 * not seen. */
static enum err put_rows(struct work *w, const struct row_shape *shape, const struct rowids *ids)
{
    struct value rowid = {.kind = VALUE_INT};
    struct statement *st = NULL;
    struct sql q;
    sql_begin(&q, w->s, w->request->who.role);
    sql_put_row(&q, w->query, &rowid);
    int rc = sql_prepare(&q, &st);
    for (size_t i = 0; i < ids->count && !rc; i++) {
        bool seen = false;
        rowid.number = ids->items[i];
        rc = sql_bind(&q, st);
        if (!rc)
            rc = put_row(w, shape, st->stmt, &seen);
        if (!rc && !seen)
            return refuse_row(w, "", w->query->table);
    }
    return rc ? work_failed(w, rc) : OK;
}

static enum err represent(struct work *w, const struct rowids *ids)
{
    struct row_shape shape;
    struct buf *body = &w->reply->body;
    bool is_array = !w->query->is_single;
    enum err e = row_shape_of_select(&w->query->select, &w->s->arena, &shape);
    if (is_array)
        buf_put_char(body, '[');
    if (!e)
        e = put_rows(w, &shape, ids);
    if (!e && is_array)
        buf_put_char(body, ']');
    if (!e && body->err)
        e = work_failed(w, body_error(body));
    return e;
}

/* Too many, or not the one that was asked for. */
static enum err check_count(struct work *w)
{
    const struct query *q = w->query;
    uint64_t n = w->reply->row_count;
    if (n > q->affected_max) {
        enum err e = refuse(w->reply, 400, "PGRST124",
                            "Query result exceeds max-affected preference constraint");
        refuse_details(w->reply, "The query affects %llu rows", (unsigned long long)n);
        return e;
    }
    if (q->wants_count)
        w->reply->total_count = n;
    return wants_rows(q) ? work_is_single(w) : OK;
}

/* ---- the verbs ---- */

static enum err insert_failed(struct work *w, int rc)
{
    if (rc == SQLITE_ERROR && w->query->conflict != CONFLICT_ERROR &&
        strstr(sqlite3_errmsg(w->s->db), "ON CONFLICT"))
        return refuse(w->reply, 400, "42P10",
                      "there is no unique or exclusion constraint matching the ON CONFLICT "
                      "specification");
    return work_failed(w, rc);
}

/* Also to the end of a RETURNING, where foreign keys are checked.  *id is set when a row was
 * written. */
static int step_insert(struct work *w, sqlite3_stmt *stmt, bool *is_written, int64_t *id)
{
    int rc = sqlite3_step(stmt);
    if (w->query->conflict == CONFLICT_ERROR) {
        *is_written = rc == SQLITE_DONE;
        *id = sqlite3_last_insert_rowid(w->s->db);
        return rc;
    }
    *is_written = rc == SQLITE_ROW;
    while (rc == SQLITE_ROW) {
        *id = sqlite3_column_int64(stmt, 0);
        rc = sqlite3_step(stmt);
    }
    return rc;
}

static enum err insert_row(struct work *w, struct rowids *ids)
{
    struct sql q;
    sqlite3_stmt *stmt = NULL;
    bool is_written = false;
    int64_t id = 0;
    sql_begin(&q, w->s, w->request->who.role);
    sql_put_insert(&q, w->query, w->row);
    int rc = sql_start(&q, &stmt);
    if (!rc)
        rc = step_insert(w, stmt, &is_written, &id);
    enum err e = rc == SQLITE_OK || rc == SQLITE_DONE ? OK : insert_failed(w, rc);
    if (stmt)
        sqlite3_reset(stmt);
    if (e || !is_written)
        return e;
    w->reply->row_count++;
    return wants_rows(w->query) ? rowids_push(w, ids, id) : OK;
}

static enum err insert(struct work *w)
{
    struct rowids ids = {0};
    enum err e = OK;
    for (w->row = 0; w->row < w->query->row_count && !e; w->row++)
        e = insert_row(w, &ids);
    w->row = SIZE_MAX;
    if (!e)
        e = check_count(w);
    if (!e && wants_rows(w->query))
        e = represent(w, &ids);
    return e;
}

static enum err collect_rowids(struct work *w, struct rowids *ids)
{
    struct sql q;
    sqlite3_stmt *stmt;
    enum err e = OK;
    sql_begin(&q, w->s, w->request->who.role);
    sql_put_rowids(&q, w->query);
    int rc = sql_start(&q, &stmt);
    if (rc)
        return work_failed(w, rc);
    while (!e && (rc = sqlite3_step(stmt)) == SQLITE_ROW)
        e = rowids_push(w, ids, sqlite3_column_int64(stmt, 0));
    sqlite3_reset(stmt);
    return e || rc == SQLITE_DONE ? e : work_failed(w, rc);
}

/* A statement that gives no rows; row_count is what it touched itself. */
static enum err run(struct work *w, void (*put)(struct sql *, const struct query *))
{
    struct sql q;
    sqlite3_stmt *stmt = NULL;
    sql_begin(&q, w->s, w->request->who.role);
    put(&q, w->query);
    int rc = sql_start(&q, &stmt);
    if (!rc)
        rc = sqlite3_step(stmt);
    enum err e = rc == SQLITE_DONE ? OK : work_failed(w, rc);
    if (!e)
        w->reply->row_count = (uint64_t)sqlite3_changes64(w->s->db);
    if (stmt)
        sqlite3_reset(stmt);
    return e;
}

static enum err update(struct work *w)
{
    struct rowids ids = {0};
    enum err e = OK;
    if (w->query->set_count && w->query->row_count) {
        /* Asked first, in the order wanted: afterwards the filters may not find them any more. */
        if (wants_rows(w->query))
            e = collect_rowids(w, &ids);
        w->row = 0;
        if (!e)
            e = run(w, sql_put_update);
        w->row = SIZE_MAX;
    }
    if (!e)
        e = check_count(w);
    if (!e && wants_rows(w->query))
        e = represent(w, &ids);
    return e;
}

static enum err take_out(struct work *w)
{
    enum err e = OK;
    if (wants_rows(w->query))
        e = work_put_selected(w);
    if (!e)
        e = run(w, sql_put_delete);
    return e ? e : check_count(w);
}

enum err work_mutate(struct work *w)
{
    enum err e = check_permission(w);
    if (e)
        return e;
    if (w->query->verb == VERB_INSERT)
        return insert(w);
    return w->query->verb == VERB_UPDATE ? update(w) : take_out(w);
}

/* ---- WITH CHECK ---- */

enum err work_check_change(struct work *w, const struct policy_context *ctx, const struct change *c)
{
    const struct policies *p = w->s->store->policies;
    struct bytes old_row = c->verb == VERB_UPDATE ? c->old_row : BYTES("");
    if (c->verb == VERB_DELETE)
        return OK;
    /* The row that an upsert found was not filtered by the policy, as those of an UPDATE are. */
    if (c->verb == VERB_UPDATE && w->query->verb == VERB_INSERT &&
        !(policy_sees(p, c->table, VERB_UPDATE, ctx, old_row) &&
          policy_sees(p, c->table, VERB_SELECT, ctx, old_row)))
        return refuse_row(w, " (USING expression)", c->table);
    if (policy_accepts(p, c->table, c->verb, ctx, old_row, c->new_row))
        return OK;
    return refuse_row(w, "", c->table);
}
