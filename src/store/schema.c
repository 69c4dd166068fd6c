#include "store/schema.h"

#include <stdio.h>

enum { PRAGMA_MAX = 64, TRIGGER_MAX = 64 * 1024, NAME_MAX_SIZE = 256 };

/* What a new database starts with. */
static const struct {
    const char *key, *value;
} first_settings[] = {
    {"currency", "NGN"},       {"locale", "en-NG"},      {"time_zone", "Africa/Lagos"},
    {"morning_minute", "600"}, {"night_minute", "1320"}, {"bakery_name", "HomeBake"},
};

static enum err failed(struct store_session *s, int rc, struct buf *message, const char *what)
{
    buf_put(message, bytes_of(what));
    buf_put_literal(message, ": ");
    buf_put(message, bytes_of(sqlite3_errmsg(s->db)));
    enum err e = err_of_sqlite(rc);
    return e ? e : ERR_CORRUPT;
}

static int pragma_number(struct store_session *s, const char *sql, int *out)
{
    sqlite3_stmt *stmt;
    int rc = sqlite3_prepare_v2(s->db, sql, -1, &stmt, NULL);
    if (rc)
        return rc;
    rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW)
        *out = sqlite3_column_int(stmt, 0);
    sqlite3_finalize(stmt);
    return rc == SQLITE_ROW ? SQLITE_OK : rc;
}

static int newest_version(void)
{
    int n = 0;
    while (embedded_migrations[n].name)
        n++;
    return n;
}

enum err schema_version(struct store_session *s, struct buf *message, int *out)
{
    int application = 0, version = 0, objects = 0;
    int rc = pragma_number(s, "PRAGMA application_id", &application);
    if (!rc)
        rc = pragma_number(s, "PRAGMA user_version", &version);
    if (!rc)
        rc = pragma_number(s, "SELECT count(*) FROM sqlite_schema", &objects);
    if (rc)
        return failed(s, rc, message, "the database cannot be read");
    if (objects && (application != SCHEMA_APPLICATION_ID || version < 1)) {
        buf_put_literal(message, "the file is not a HomeBake database");
        return ERR_CORRUPT;
    }
    if (version > newest_version()) {
        buf_put_literal(message, "the database has schema version ");
        buf_put_u64(message, (uint64_t)version);
        buf_put_literal(message, ", made by a newer HomeBake; this one knows versions up to ");
        buf_put_u64(message, (uint64_t)newest_version());
        return ERR_UNSUPPORTED;
    }
    *out = version;
    return OK;
}

/* ---- meta ---- */

int schema_put_meta(struct store_session *s, const char *key, struct bytes value)
{
    struct statement *st;
    int rc = session_prepare(s, BYTES("INSERT INTO meta (key, value) VALUES (?1, ?2)"), &st);
    if (!rc)
        rc = bind_text(st->stmt, 1, bytes_of(key));
    if (!rc)
        rc = sqlite3_bind_blob64(st->stmt, 2, value.data, value.size, SQLITE_STATIC);
    if (rc)
        return rc;
    rc = sqlite3_step(st->stmt);
    sqlite3_reset(st->stmt);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int put_first_meta(struct store_session *s)
{
    unsigned char secret[TOKEN_SECRET_SIZE];
    char epoch[UUID_SIZE];
    if (!s->store->entropy(secret, sizeof(secret)))
        return SQLITE_IOERR;
    rng_uuid4(&s->rng, epoch);
    int rc = schema_put_meta(s, "secret", (struct bytes){(const char *)secret, sizeof(secret)});
    if (!rc)
        rc = schema_put_meta(s, "epoch", (struct bytes){epoch, sizeof(epoch)});
    for (size_t i = 0; i < sizeof(first_settings) / sizeof(first_settings[0]) && !rc; i++)
        rc = schema_put_meta(s, first_settings[i].key, bytes_of(first_settings[i].value));
    return rc;
}

/* In the store's arena; data NULL when there is none. */
static int get_meta(struct store_session *s, const char *key, struct bytes *out)
{
    struct statement *st;
    *out = (struct bytes){NULL, 0};
    int rc = session_prepare(s, BYTES("SELECT value FROM meta WHERE key = ?1"), &st);
    if (!rc)
        rc = bind_text(st->stmt, 1, bytes_of(key));
    if (rc)
        return rc;
    rc = sqlite3_step(st->stmt);
    if (rc == SQLITE_ROW) {
        struct bytes b = {sqlite3_column_blob(st->stmt, 0),
                          (size_t)sqlite3_column_bytes(st->stmt, 0)};
        *out = arena_copy(&s->store->arena, b);
        rc = out->data ? SQLITE_DONE : SQLITE_NOMEM;
    }
    sqlite3_reset(st->stmt);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int get_minute(struct store_session *s, const char *key, int32_t *out)
{
    struct bytes text;
    int64_t n = 0;
    int rc = get_meta(s, key, &text);
    if (rc)
        return rc;
    if (!text.data || bytes_to_i64(text, &n) || n < 0 || n >= 24 * 60)
        return SQLITE_CORRUPT;
    *out = (int32_t)n;
    return SQLITE_OK;
}

static int get_secrets(struct store_session *s)
{
    struct store *store = s->store;
    struct bytes secret, epoch;
    int rc = get_meta(s, "secret", &secret);
    if (!rc)
        rc = get_meta(s, "epoch", &epoch);
    if (rc)
        return rc;
    if (secret.size != TOKEN_SECRET_SIZE || (epoch.data && epoch.size != STORE_EPOCH_SIZE))
        return SQLITE_CORRUPT;
    memcpy(store->secret, secret.data, secret.size);
    if (epoch.data) /* a copy has none until it is served */
        memcpy(store->epoch, epoch.data, epoch.size);
    return SQLITE_OK;
}

enum err schema_load_meta(struct store_session *s, struct buf *message)
{
    struct store_settings *set = &s->store->settings;
    int rc = get_meta(s, "currency", &set->currency);
    rc = rc ? rc : get_meta(s, "locale", &set->locale);
    rc = rc ? rc : get_meta(s, "time_zone", &set->time_zone);
    rc = rc ? rc : get_meta(s, "bakery_name", &set->bakery_name);
    rc = rc ? rc : get_minute(s, "morning_minute", &set->morning_minute);
    rc = rc ? rc : get_minute(s, "night_minute", &set->night_minute);
    rc = rc ? rc : get_secrets(s);
    if (rc)
        return failed(s, rc, message, "the settings cannot be read");
    return clock_open(set->time_zone, message);
}

/* ---- migrations ---- */

static int set_version(struct store_session *s, int version)
{
    char sql[PRAGMA_MAX];
    snprintf(sql, sizeof(sql), "PRAGMA application_id = %d; PRAGMA user_version = %d;",
             SCHEMA_APPLICATION_ID, version);
    return session_exec(s, sql);
}

static int apply(struct store_session *s, int version)
{
    int rc = SQLITE_OK;
    bool is_new = version == 0;
    for (; embedded_migrations[version].name && !rc; version++)
        rc = session_exec(s, embedded_migrations[version].text);
    if (!rc && is_new)
        rc = put_first_meta(s);
    return rc ? rc : set_version(s, version);
}

enum err schema_migrate(struct store_session *s, struct buf *message)
{
    int version;
    enum err e = schema_version(s, message, &version);
    if (e || version == newest_version())
        return e;
    int rc = session_run(s, FIXED_BEGIN_WRITE);
    if (!rc)
        rc = apply(s, version);
    if (!rc)
        rc = session_run(s, FIXED_COMMIT);
    if (!rc)
        return OK;
    e = failed(s, rc, message, "the database cannot be migrated");
    if (!sqlite3_get_autocommit(s->db))
        session_run(s, FIXED_ROLLBACK);
    return e;
}

/* ---- triggers ---- */

/* Is there that trigger, with that text? */
static int is_current(struct store_session *s, struct bytes name, struct bytes sql, bool *out)
{
    struct statement *st;
    int rc = session_prepare(
        s, BYTES("SELECT sql FROM sqlite_schema WHERE type = 'trigger' AND name = ?1"), &st);
    if (!rc)
        rc = bind_text(st->stmt, 1, name);
    if (rc)
        return rc;
    rc = sqlite3_step(st->stmt);
    *out = rc == SQLITE_ROW && bytes_equal(column_text(st->stmt, 0), sql);
    sqlite3_reset(st->stmt);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int replace_trigger(struct store_session *s, const char *name, const char *sql)
{
    char drop[NAME_MAX_SIZE + 32];
    snprintf(drop, sizeof(drop), "DROP TRIGGER IF EXISTS \"%s\"", name);
    int rc = session_exec(s, drop);
    if (!rc && sql[0])
        rc = session_exec(s, sql);
    return rc;
}

static int refresh_trigger(struct store_session *s, const struct table *t, enum verb verb,
                           bool *is_stale, bool is_dry)
{
    struct buf sql, name;
    bool ok = false;
    buf_init(&sql, TRIGGER_MAX);
    buf_init(&name, NAME_MAX_SIZE);
    capture_put_trigger(&sql, t, verb);
    capture_put_trigger_name(&name, t, verb);
    int rc = is_current(s, buf_bytes(&name), buf_bytes(&sql), &ok);
    buf_put_char(&sql, '\0');
    buf_put_char(&name, '\0');
    if (!rc && (sql.err || name.err))
        rc = SQLITE_NOMEM;
    if (!rc && !ok) {
        *is_stale = *is_stale || sql.data[0];
        rc = is_dry ? SQLITE_OK : replace_trigger(s, name.data, sql.data);
    }
    buf_done(&sql);
    buf_done(&name);
    return rc;
}

static int refresh_all(struct store_session *s, bool *is_stale, bool is_dry)
{
    const struct catalogue *c = s->store->catalogue;
    int rc = SQLITE_OK;
    for (size_t i = 0; i < c->table_count && !rc; i++)
        for (int verb = VERB_INSERT; verb <= VERB_DELETE && !rc; verb++)
            rc = refresh_trigger(s, &c->tables[i], (enum verb)verb, is_stale, is_dry);
    return rc;
}

/* Looks first, so that opening a database that is as it should be writes nothing. */
enum err schema_refresh_triggers(struct store_session *s, struct buf *message)
{
    bool is_stale = false;
    int rc = refresh_all(s, &is_stale, true);
    if (rc)
        return failed(s, rc, message, "the triggers cannot be read");
    if (!is_stale)
        return OK;
    rc = session_run(s, FIXED_BEGIN_WRITE);
    if (!rc)
        rc = refresh_all(s, &is_stale, false);
    if (!rc)
        rc = session_run(s, FIXED_COMMIT);
    if (!rc)
        return OK;
    enum err e = failed(s, rc, message, "the triggers cannot be made");
    if (!sqlite3_get_autocommit(s->db))
        session_run(s, FIXED_ROLLBACK);
    return e;
}
