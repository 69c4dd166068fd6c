/* People and their sessions.
 *
 * A refresh token is used once; its use marks it and adds a child.  A used one is taken again, and
 * gets another child, when it was used no longer than the reuse interval ago (tabs that refresh at
 * the same moment), or while none of its children has been used (the answer was lost: it is the
 * parent of the currently active one).  Any other reuse ends the session, which all tokens of the
 * family belong to. */
#include "store/work.h"

#define PERSON                                                                                     \
    "SELECT u.id, a.email, u.name, u.role, a.password_hash, u.is_active, u.created_at,"            \
    " max(u.updated_at, a.updated_at), coalesce(a.last_sign_in_at, 0), a.created_at"               \
    " FROM auth_people AS a JOIN users AS u ON u.id = a.user_id WHERE "

enum { PERSON_TEXTS = 4 };

static struct value text_value(struct bytes text)
{
    return (struct value){.kind = VALUE_TEXT, .text = text};
}

static struct value int_value(int64_t n)
{
    return (struct value){.kind = VALUE_INT, .number = n};
}

/* A statement with its values bound by number. */
static int start(struct work *w, const char *sql, const struct value *values, int count,
                 sqlite3_stmt **out)
{
    struct statement *st;
    int rc = session_prepare(w->s, bytes_of(sql), &st);
    for (int i = 0; i < count && !rc; i++)
        rc = bind_value(st->stmt, i + 1, values[i]);
    if (!rc)
        *out = st->stmt;
    return rc;
}

static int run(struct work *w, const char *sql, const struct value *values, int count)
{
    sqlite3_stmt *stmt;
    int rc = start(w, sql, values, count, &stmt);
    if (rc)
        return rc;
    rc = sqlite3_step(stmt);
    sqlite3_reset(stmt);
    return rc == SQLITE_DONE || rc == SQLITE_ROW ? SQLITE_OK : rc;
}

/* A hash is a blob, which no struct value is. */
static int start_hash(struct work *w, const char *sql, const unsigned char *hash,
                      sqlite3_stmt **out)
{
    int rc = start(w, sql, NULL, 0, out);
    return rc ? rc : sqlite3_bind_blob(*out, 1, hash, STORE_TOKEN_HASH_SIZE, SQLITE_STATIC);
}

/* ---- people ---- */

static void copy_uuid(char out[UUID_SIZE + 1], struct bytes id)
{
    size_t size = id.size < UUID_SIZE ? id.size : UUID_SIZE;
    memcpy(out, id.data, size);
    out[size] = '\0';
}

/* The texts move while the buffer grows: first all of them are put, then they are pointed at. */
static enum err take_texts(struct store_reply *r, sqlite3_stmt *stmt)
{
    struct bytes *texts[PERSON_TEXTS] = {&r->person.email, &r->person.name, &r->person.role,
                                         &r->person.password_hash};
    buf_reset(&r->text);
    for (int i = 0; i < PERSON_TEXTS; i++) {
        struct bytes text = column_text(stmt, i + 1);
        texts[i]->size = text.size;
        buf_put(&r->text, text);
        buf_put_char(&r->text, '\0'); /* the hash is handed on as a C string */
    }
    const char *at = r->text.data;
    for (int i = 0; i < PERSON_TEXTS && !r->text.err; i++) {
        texts[i]->data = at;
        at += texts[i]->size + 1;
    }
    return r->text.err;
}

static enum err take_person(struct store_reply *r, sqlite3_stmt *stmt)
{
    struct store_person *p = &r->person;
    copy_uuid(p->id, column_text(stmt, 0));
    p->is_active = sqlite3_column_int(stmt, 5) != 0;
    p->created_us = sqlite3_column_int64(stmt, 6);
    p->updated_us = sqlite3_column_int64(stmt, 7);
    p->last_sign_in_us = sqlite3_column_int64(stmt, 8);
    p->confirmed_us = sqlite3_column_int64(stmt, 9);
    r->has_person = true;
    return take_texts(r, stmt);
}

static enum err find_person(struct work *w, const char *sql, struct bytes key)
{
    const struct value v = text_value(key);
    sqlite3_stmt *stmt;
    int rc = start(w, sql, &v, 1, &stmt);
    if (rc)
        return work_failed(w, rc);
    rc = sqlite3_step(stmt);
    enum err e = rc == SQLITE_ROW ? take_person(w->reply, stmt) : OK;
    sqlite3_reset(stmt);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? e : work_failed(w, rc);
}

static enum err find_by_id(struct work *w, struct bytes user_id)
{
    return find_person(w, PERSON "a.user_id = ?1", user_id);
}

enum err work_person(struct work *w)
{
    const struct store_request *r = w->request;
    enum err e = r->user_id.size ? find_by_id(w, r->user_id)
                                 : find_person(w, PERSON "a.email = ?1", r->email);
    if (e || !w->reply->has_person || r->session_id.size == 0)
        return e;
    const struct value values[] = {text_value(r->session_id),
                                   text_value(bytes_of(w->reply->person.id))};
    sqlite3_stmt *stmt;
    int rc = start(w,
                   "SELECT 1 FROM auth_sessions WHERE id = ?1 AND user_id = ?2"
                   " AND ended_at IS NULL",
                   values, 2, &stmt);
    if (rc)
        return work_failed(w, rc);
    rc = sqlite3_step(stmt);
    w->reply->session_is_alive = rc == SQLITE_ROW;
    sqlite3_reset(stmt);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? OK : work_failed(w, rc);
}

/* ---- sessions ---- */

static int add_token(struct work *w, struct bytes session_id, const unsigned char *parent)
{
    sqlite3_stmt *stmt;
    int rc = start_hash(w,
                        "INSERT INTO auth_refresh_tokens (hash, session_id, parent, created_at)"
                        " VALUES (?1, ?2, ?3, ?4)",
                        w->request->new_token_hash, &stmt);
    if (!rc)
        rc = bind_text(stmt, 2, session_id);
    if (!rc && parent)
        rc = sqlite3_bind_blob(stmt, 3, parent, STORE_TOKEN_HASH_SIZE, SQLITE_STATIC);
    else if (!rc)
        rc = sqlite3_bind_null(stmt, 3);
    if (!rc)
        rc = sqlite3_bind_int64(stmt, 4, w->request->now_us);
    if (rc)
        return rc;
    rc = sqlite3_step(stmt);
    sqlite3_reset(stmt);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* Neither is an error of the request: api words the answer. */
static enum err judge_person(struct work *w)
{
    if (!w->reply->has_person)
        return ERR_NOT_FOUND;
    return w->reply->person.is_active ? OK : ERR_DENIED;
}

enum err work_session_new(struct work *w)
{
    struct store_reply *reply = w->reply;
    const struct store_request *r = w->request;
    enum err e = find_by_id(w, r->user_id);
    reply->auth = e ? OK : judge_person(w);
    if (e || reply->auth)
        return e;
    rng_uuid4(&w->s->rng, reply->session_id);
    reply->session_id[UUID_SIZE] = '\0';
    struct bytes id = bytes_of(reply->session_id);
    const struct value values[] = {text_value(id), text_value(r->user_id), int_value(r->now_us)};
    int rc = run(w, "INSERT INTO auth_sessions (id, user_id, created_at) VALUES (?1, ?2, ?3)",
                 values, 3);
    if (!rc)
        rc = add_token(w, id, NULL);
    if (!rc)
        rc =
            run(w, "UPDATE auth_people SET last_sign_in_at = ?2 WHERE user_id = ?1", values + 1, 2);
    reply->person.last_sign_in_us = r->now_us;
    return rc ? work_failed(w, rc) : OK;
}

/* A token, as it is found. */
struct token {
    char user_id[UUID_SIZE + 1];
    bool is_found, is_ended, is_used, is_parent_of_active;
    int64_t used_us;
};

static int find_token(struct work *w, struct token *t)
{
    sqlite3_stmt *stmt;
    int rc = start_hash(
        w,
        "SELECT s.id, s.user_id, s.ended_at IS NOT NULL, t.used_at,"
        " EXISTS (SELECT 1 FROM auth_refresh_tokens AS c WHERE c.session_id = s.id"
        "  AND c.parent = t.hash)"
        " AND NOT EXISTS (SELECT 1 FROM auth_refresh_tokens AS c WHERE c.session_id = s.id"
        "  AND c.parent = t.hash AND c.used_at IS NOT NULL)"
        " FROM auth_refresh_tokens AS t JOIN auth_sessions AS s ON s.id = t.session_id"
        " WHERE t.hash = ?1",
        w->request->token_hash, &stmt);
    if (rc)
        return rc;
    rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW) {
        t->is_found = true;
        copy_uuid(w->reply->session_id, column_text(stmt, 0));
        copy_uuid(t->user_id, column_text(stmt, 1));
        t->is_ended = sqlite3_column_int(stmt, 2) != 0;
        t->is_used = sqlite3_column_type(stmt, 3) != SQLITE_NULL;
        t->used_us = sqlite3_column_int64(stmt, 3);
        t->is_parent_of_active = sqlite3_column_int(stmt, 4) != 0;
    }
    sqlite3_reset(stmt);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int end_session(struct work *w)
{
    const struct value values[] = {text_value(bytes_of(w->reply->session_id)),
                                   int_value(w->request->now_us)};
    return run(w, "UPDATE auth_sessions SET ended_at = ?2 WHERE id = ?1 AND ended_at IS NULL",
               values, 2);
}

static int mark_used(struct work *w)
{
    sqlite3_stmt *stmt;
    int rc = start_hash(
        w, "UPDATE auth_refresh_tokens SET used_at = ?2 WHERE hash = ?1 AND used_at IS NULL",
        w->request->token_hash, &stmt);
    if (!rc)
        rc = sqlite3_bind_int64(stmt, 2, w->request->now_us);
    if (rc)
        return rc;
    rc = sqlite3_step(stmt);
    sqlite3_reset(stmt);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static bool is_late_reuse(const struct work *w, const struct token *t)
{
    return t->is_used && !t->is_parent_of_active &&
           w->request->now_us - t->used_us > w->request->reuse_interval_us;
}

enum err work_session_rotate(struct work *w)
{
    struct token t = {0};
    struct store_reply *reply = w->reply;
    int rc = find_token(w, &t);
    if (rc)
        return work_failed(w, rc);
    reply->auth = !t.is_found ? ERR_NOT_FOUND : t.is_ended ? ERR_EXPIRED : OK;
    if (reply->auth)
        return OK;
    if (is_late_reuse(w, &t)) {
        reply->auth = ERR_EXISTS;
        rc = end_session(w);
        return rc ? work_failed(w, rc) : OK;
    }
    enum err e = find_by_id(w, bytes_of(t.user_id));
    reply->auth = e ? OK : judge_person(w);
    if (e || reply->auth)
        return e;
    rc = mark_used(w);
    if (!rc)
        rc = add_token(w, bytes_of(reply->session_id), w->request->token_hash);
    return rc ? work_failed(w, rc) : OK;
}

enum err work_session_end(struct work *w)
{
    static const char *const sql[] = {
        [SCOPE_LOCAL] = "UPDATE auth_sessions SET ended_at = ?3"
                        " WHERE user_id = ?1 AND id = ?2 AND ended_at IS NULL",
        [SCOPE_OTHERS] = "UPDATE auth_sessions SET ended_at = ?3"
                         " WHERE user_id = ?1 AND id <> ?2 AND ended_at IS NULL",
        [SCOPE_GLOBAL] = "UPDATE auth_sessions SET ended_at = ?3"
                         " WHERE user_id = ?1 AND ?2 IS NOT NULL AND ended_at IS NULL",
    };
    const struct store_request *r = w->request;
    const struct value values[] = {text_value(r->user_id), text_value(r->session_id),
                                   int_value(r->now_us)};
    int rc = run(w, sql[r->scope], values, 3);
    if (rc)
        return work_failed(w, rc);
    w->reply->row_count = (uint64_t)sqlite3_changes64(w->s->db);
    return OK;
}
