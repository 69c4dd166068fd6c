/* Stored broadcasts.  A message is kept until its time is over, or until newer ones need its place:
 * a topic holds so many, and all of them together so many bytes (message_sums counts). */
#include "store/work.h"

#include "auth/topic.h"

enum { EVICT_STEP = 32 };

static int start(struct work *w, const char *sql, sqlite3_stmt **out)
{
    struct statement *st;
    int rc = session_prepare(w->s, bytes_of(sql), &st);
    if (!rc)
        *out = st->stmt;
    return rc;
}

static int finish(sqlite3_stmt *stmt)
{
    int rc = sqlite3_step(stmt);
    sqlite3_reset(stmt);
    return rc == SQLITE_DONE || rc == SQLITE_ROW ? SQLITE_OK : rc;
}

/* 0 when there is no row. */
static int number(sqlite3_stmt *stmt, int64_t *out)
{
    int rc = sqlite3_step(stmt);
    *out = rc == SQLITE_ROW ? sqlite3_column_int64(stmt, 0) : 0;
    sqlite3_reset(stmt);
    return rc == SQLITE_DONE || rc == SQLITE_ROW ? SQLITE_OK : rc;
}

static enum err check_policy(struct work *w, enum verb verb)
{
    const struct store *store = w->s->store;
    if (topic_may(store->policies, store->catalogue, &w->request->who, verb,
                  w->request->message.topic, BYTES("broadcast")))
        return OK;
    return refuse(w->reply, w->request->who.role == ROLE_ANON ? 401 : 403, "42501",
                  "permission denied for this topic");
}

/* ---- adding ---- */

/* Rises from message to message, even if the clock does not. */
static int next_time(struct work *w, int64_t *out)
{
    struct store_session *s = w->s;
    sqlite3_stmt *stmt;
    if (!s->last_message_us) {
        int rc = start(w, "SELECT inserted_at FROM messages ORDER BY rowid DESC LIMIT 1", &stmt);
        rc = rc ? rc : number(stmt, &s->last_message_us);
        if (rc)
            return rc;
    }
    bool is_later = w->request->now_us > s->last_message_us;
    *out = s->last_message_us = is_later ? w->request->now_us : s->last_message_us + 1;
    return SQLITE_OK;
}

static int64_t end_of(const struct store_message *m, int64_t now_us, int64_t keep_us)
{
    int64_t life_us = m->ttl_us > 0 && m->ttl_us < keep_us ? m->ttl_us : keep_us;
    return now_us + life_us;
}

static int bind_payload(sqlite3_stmt *stmt, int place, const struct store_message *m)
{
    if (!m->is_raw)
        return bind_text(stmt, place, m->payload);
    return sqlite3_bind_blob64(stmt, place, m->payload.data ? m->payload.data : "", m->payload.size,
                               SQLITE_STATIC);
}

static int insert(struct work *w, struct store_message *m)
{
    const struct identity *who = &w->request->who;
    sqlite3_stmt *stmt;
    int rc =
        start(w,
              "INSERT INTO messages (id, topic, extension, event, payload, sender, inserted_at,"
              " expires_at) VALUES (?1, ?2, 'broadcast', ?3, ?4, ?5, ?6, ?7)",
              &stmt);
    rc = rc ? rc : bind_text(stmt, 1, bytes_of(m->id));
    rc = rc ? rc : bind_text(stmt, 2, m->topic);
    rc = rc ? rc : bind_text(stmt, 3, m->event);
    rc = rc ? rc : bind_payload(stmt, 4, m);
    if (!rc)
        rc = who->user_id[0] ? bind_text(stmt, 5, bytes_of(who->user_id))
                             : sqlite3_bind_null(stmt, 5);
    rc = rc ? rc : sqlite3_bind_int64(stmt, 6, m->inserted_us);
    rc = rc ? rc
            : sqlite3_bind_int64(stmt, 7,
                                 end_of(m, m->inserted_us, w->request->message_limits.keep_us));
    return rc ? rc : finish(stmt);
}

static int sum_of(struct work *w, const char *sql, struct bytes topic, int64_t *out)
{
    sqlite3_stmt *stmt;
    int rc = start(w, sql, &stmt);
    rc = rc ? rc : bind_text(stmt, 1, topic);
    return rc ? rc : number(stmt, out);
}

static int evict_of_topic(struct work *w, struct bytes topic)
{
    int64_t count, max = (int64_t)w->request->message_limits.per_topic_max;
    sqlite3_stmt *stmt;
    int rc = sum_of(w, "SELECT count FROM message_sums WHERE topic = ?1", topic, &count);
    if (rc || count <= max)
        return rc;
    rc = start(w,
               "DELETE FROM messages WHERE rowid IN (SELECT rowid FROM messages WHERE topic = ?1"
               " ORDER BY inserted_at LIMIT ?2)",
               &stmt);
    rc = rc ? rc : bind_text(stmt, 1, topic);
    rc = rc ? rc : sqlite3_bind_int64(stmt, 2, count - max);
    return rc ? rc : finish(stmt);
}

static int evict_oldest(struct work *w)
{
    int64_t max = (int64_t)w->request->message_limits.bytes_max;
    for (;;) {
        int64_t bytes;
        sqlite3_stmt *stmt;
        int rc = sum_of(w, "SELECT bytes FROM message_sums WHERE topic = ?1", BYTES(""), &bytes);
        if (rc || bytes <= max)
            return rc;
        rc = start(w,
                   "DELETE FROM messages WHERE rowid IN"
                   " (SELECT rowid FROM messages ORDER BY rowid LIMIT ?1)",
                   &stmt);
        rc = rc ? rc : sqlite3_bind_int64(stmt, 1, EVICT_STEP);
        rc = rc ? rc : finish(stmt);
        if (rc)
            return rc;
    }
}

enum err work_message_add(struct work *w)
{
    const struct store_message_limits *l = &w->request->message_limits;
    struct store_message m = w->request->message;
    enum err e = check_policy(w, VERB_INSERT);
    if (e)
        return e;
    if (m.topic.size == 0)
        return refuse(w->reply, 422, "22023", "a message needs a topic");
    if (m.payload.size > l->payload_max || m.payload.size > l->bytes_max)
        return refuse(w->reply, 413, "54000", "the message is too big to be stored");
    int rc = next_time(w, &m.inserted_us);
    if (!rc) {
        rng_uuid7(&w->s->rng, m.inserted_us / 1000, m.id);
        m.id[UUID_SIZE] = '\0';
        rc = insert(w, &m);
    }
    rc = rc ? rc : evict_of_topic(w, m.topic);
    rc = rc ? rc : evict_oldest(w);
    if (rc)
        return work_failed(w, rc);
    memcpy(w->reply->message_id, m.id, sizeof(m.id));
    w->reply->message_us = m.inserted_us;
    return OK;
}

/* ---- listing ---- */

/* How a message lies in the body of the reply; event and payload follow. */
struct record {
    size_t event_size, payload_size;
    int64_t inserted_us;
    bool is_raw;
    char id[UUID_SIZE];
};

static struct bytes column_bytes(sqlite3_stmt *stmt, int place)
{
    const char *data = sqlite3_column_blob(stmt, place);
    return (struct bytes){data ? data : "", (size_t)sqlite3_column_bytes(stmt, place)};
}

static void put_record(struct buf *out, sqlite3_stmt *stmt)
{
    struct bytes id = column_bytes(stmt, 0), event = column_bytes(stmt, 1);
    struct record r = {.is_raw = sqlite3_column_type(stmt, 2) == SQLITE_BLOB,
                       .inserted_us = sqlite3_column_int64(stmt, 3)};
    struct bytes payload = column_bytes(stmt, 2);
    r.event_size = event.size;
    r.payload_size = payload.size;
    memcpy(r.id, id.data, id.size < UUID_SIZE ? id.size : UUID_SIZE);
    buf_put(out, (struct bytes){(const char *)&r, sizeof(r)});
    buf_put(out, event);
    buf_put(out, payload);
}

bool store_next_message(const struct store_reply *reply, size_t *at, struct store_message *out)
{
    struct bytes rest = bytes_slice(buf_bytes(&reply->body), *at, reply->body.size);
    struct record r;
    if (rest.size < sizeof(r))
        return false;
    memcpy(&r, rest.data, sizeof(r));
    size_t size = sizeof(r) + r.event_size + r.payload_size;
    *out = (struct store_message){.is_raw = r.is_raw, .inserted_us = r.inserted_us};
    out->event = bytes_slice(rest, sizeof(r), sizeof(r) + r.event_size);
    out->payload = bytes_slice(rest, sizeof(r) + r.event_size, size);
    memcpy(out->id, r.id, UUID_SIZE);
    *at += size;
    return true;
}

enum err work_message_list(struct work *w)
{
    static const char sql[] =
        "SELECT id, event, payload, inserted_at FROM"
        " (SELECT *, sum(length(CAST(payload AS blob))) OVER (ORDER BY inserted_at DESC) AS size"
        "  FROM (SELECT id, event, payload, inserted_at FROM messages"
        "   WHERE topic = ?1 AND extension = 'broadcast' AND inserted_at >= ?2 AND expires_at > ?3"
        "   ORDER BY inserted_at DESC LIMIT ?4))"
        " WHERE size <= ?5 ORDER BY inserted_at";
    const struct store_request *r = w->request;
    sqlite3_stmt *stmt;
    enum err e = check_policy(w, VERB_SELECT);
    if (e)
        return e;
    int rc = start(w, sql, &stmt);
    rc = rc ? rc : bind_text(stmt, 1, r->message.topic);
    rc = rc ? rc : sqlite3_bind_int64(stmt, 2, r->messages_since_us);
    rc = rc ? rc : sqlite3_bind_int64(stmt, 3, r->now_us);
    rc = rc ? rc : sqlite3_bind_int64(stmt, 4, r->messages_max);
    rc = rc ? rc : sqlite3_bind_int64(stmt, 5, (int64_t)r->messages_bytes_max);
    if (rc)
        return work_failed(w, rc);
    for (w->reply->row_count = 0; (rc = sqlite3_step(stmt)) == SQLITE_ROW; w->reply->row_count++)
        put_record(&w->reply->body, stmt);
    sqlite3_reset(stmt);
    if (rc != SQLITE_DONE)
        return work_failed(w, rc);
    return w->reply->body.err;
}

/* ---- upkeep ---- */

static int run_number(struct store_session *s, const char *sql, int64_t first, int64_t second,
                      int64_t *out)
{
    struct statement *st;
    s->steps_left = -1;
    int rc = session_prepare(s, bytes_of(sql), &st);
    rc = rc ? rc : sqlite3_bind_int64(st->stmt, 1, first);
    rc = rc ? rc : sqlite3_bind_int64(st->stmt, 2, second);
    return rc ? rc : number(st->stmt, out);
}

enum err store_count_expired(struct store_session *s, int64_t now_us, size_t max, uint64_t *count)
{
    int64_t n = 0;
    int rc = run_number(
        s, "SELECT count(*) FROM (SELECT 1 FROM messages WHERE expires_at <= ?1 LIMIT ?2)", now_us,
        (int64_t)max, &n);
    if (!rc)
        *count = (uint64_t)n;
    return err_of_sqlite(rc);
}

enum err store_trim_messages(struct store_session *s, int64_t now_us, size_t max)
{
    int64_t nothing;
    return err_of_sqlite(
        run_number(s,
                   "DELETE FROM messages WHERE rowid IN (SELECT rowid FROM messages"
                   " WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)",
                   now_us, (int64_t)max, &nothing));
}
