/* Administration of people. */
#include <time.h>

#include "base/time.h"
#include "store/work.h"

static int start(struct store_session *s, const char *sql, const struct bytes *texts, int count,
                 sqlite3_stmt **out)
{
    struct statement *st;
    int rc = session_prepare(s, bytes_of(sql), &st);
    for (int i = 0; i < count && !rc; i++)
        rc = bind_text(st->stmt, i + 1, texts[i]);
    if (!rc)
        *out = st->stmt;
    return rc;
}

/* ---- one person ---- */

static enum err has_email(struct store_session *s, struct bytes email)
{
    sqlite3_stmt *stmt;
    int rc = start(s, "SELECT 1 FROM auth_people WHERE email = ?1", &email, 1, &stmt);
    if (rc)
        return err_of_sqlite(rc);
    rc = sqlite3_step(stmt);
    sqlite3_reset(stmt);
    return rc == SQLITE_ROW ? ERR_EXISTS : err_of_sqlite(rc);
}

static enum err run(struct store_session *s, const char *sql, const struct bytes *texts, int count)
{
    sqlite3_stmt *stmt;
    int rc = start(s, sql, texts, count, &stmt);
    if (rc)
        return err_of_sqlite(rc);
    rc = sqlite3_step(stmt);
    sqlite3_reset(stmt);
    return err_of_sqlite(rc);
}

static enum err add_person(struct store_session *s, const struct store_new_person *p,
                           struct bytes id)
{
    const struct bytes profile[] = {id, p->name, p->role};
    const struct bytes account[] = {id, p->email, p->password_hash};
    enum err e = has_email(s, p->email);
    if (!e)
        e = run(s,
                "INSERT INTO users (id, name, role, created_at, updated_at)"
                " VALUES (?1, ?2, ?3, now_us(), now_us())",
                profile, 3);
    if (!e)
        e = run(s,
                "INSERT INTO auth_people (user_id, email, password_hash, created_at, updated_at)"
                " VALUES (?1, ?2, ?3, now_us(), now_us())",
                account, 3);
    return e;
}

enum err store_person_add(struct store_session *s, const struct store_new_person *p, int64_t now_us,
                          char id_out[UUID_SIZE + 1])
{
    char id[UUID_SIZE + 1];
    enum err e = admin_begin(s, now_us);
    if (e)
        return e;
    rng_uuid7(&s->rng, now_us / 1000, id);
    id[UUID_SIZE] = '\0';
    e = admin_end(s, add_person(s, p, bytes_of(id)));
    if (!e)
        memcpy(id_out, id, sizeof(id));
    return e;
}

/* The interface gives no time for this: the only place of the store that reads a clock. */
static int64_t clock_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * TIME_US_PER_S + t.tv_nsec / 1000;
}

enum err store_person_set_active(struct store_session *s, struct bytes email, bool is_active)
{
    static const char *const sql[] = {
        "UPDATE users SET is_active = 0, updated_at = now_us()"
        " WHERE id = (SELECT user_id FROM auth_people WHERE email = ?1)",
        "UPDATE users SET is_active = 1, updated_at = now_us()"
        " WHERE id = (SELECT user_id FROM auth_people WHERE email = ?1)"};
    enum err e = admin_begin(s, clock_now());
    if (e)
        return e;
    e = run(s, sql[is_active], &email, 1);
    if (!e && sqlite3_changes64(s->db) == 0)
        e = ERR_NOT_FOUND;
    if (!e && !is_active)
        e = run(s,
                "UPDATE auth_sessions SET ended_at = now_us() WHERE ended_at IS NULL AND"
                " user_id = (SELECT user_id FROM auth_people WHERE email = ?1)",
                &email, 1);
    return admin_end(s, e);
}

/* ---- the list ---- */

enum err store_person_list(struct store_session *s, struct buf *out)
{
    static const struct column columns[] = {
        {.name = BYTES_INIT("id"), .type = TYPE_UUID},
        {.name = BYTES_INIT("email"), .type = TYPE_TEXT},
        {.name = BYTES_INIT("name"), .type = TYPE_TEXT},
        {.name = BYTES_INIT("role"), .type = TYPE_TEXT},
        {.name = BYTES_INIT("is_active"), .type = TYPE_BOOL},
        {.name = BYTES_INIT("created_at"), .type = TYPE_TIMESTAMPTZ},
        {.name = BYTES_INIT("last_sign_in_at"), .type = TYPE_TIMESTAMPTZ},
    };
    enum { COUNT = sizeof(columns) / sizeof(columns[0]) };
    sqlite3_stmt *stmt;
    int rc =
        start(s,
              "SELECT u.id, a.email, u.name, u.role, u.is_active, u.created_at, a.last_sign_in_at"
              " FROM users AS u JOIN auth_people AS a ON a.user_id = u.id ORDER BY a.email",
              NULL, 0, &stmt);
    if (rc)
        return err_of_sqlite(rc);
    buf_put_char(out, '[');
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        buf_put(out, out->size && out->data[out->size - 1] == '}' ? BYTES(",{") : BYTES("{"));
        for (int i = 0; i < COUNT; i++) {
            json_put_key(out, columns[i].name);
            value_put_json(out, &columns[i], row_value(sqlite3_column_value(stmt, i)));
        }
        buf_put_char(out, '}');
    }
    sqlite3_reset(stmt);
    buf_put_char(out, ']');
    return rc == SQLITE_DONE ? out->err : err_of_sqlite(rc);
}
