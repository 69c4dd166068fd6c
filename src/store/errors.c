/* SQLite says in a sentence which constraint failed; the answer says it in PostgreSQL's words and
 * codes. */
#include <stdarg.h>
#include <stdio.h>

#include "store/sql.h"
#include "store/work.h"

enum { MESSAGE_MAX = 512, NAMES_MAX = 256 };

static const struct bytes no_memory = BYTES_INIT("out of memory");

/* Texts of the buffer move when it grows: message first, details behind it. */
static void place_texts(struct store_reply *r, size_t message_size)
{
    struct bytes all = buf_bytes(&r->text);
    r->error.message = bytes_slice(all, 0, message_size);
    r->error.details = (struct bytes){NULL, 0};
    if (all.size > message_size)
        r->error.details = bytes_slice(all, message_size, all.size);
}

static void set_error(struct store_reply *r, int status, const char *code, struct bytes message)
{
    buf_reset(&r->body);
    buf_reset(&r->text);
    r->row_count = r->total_count = r->inserted_count = 0;
    r->has_person = false;
    r->error = (struct store_error){.status = status};
    snprintf(r->error.code, sizeof(r->error.code), "%s", code);
    buf_put(&r->text, message);
    if (r->text.err)
        r->error.message = no_memory;
    else
        place_texts(r, message.size);
}

PRINTF_LIKE(3, 0)
static struct bytes format_text(char *out, size_t size, const char *format, va_list args)
{
    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): both callers start it. */
    int n = vsnprintf(out, size, format, args);
    size_t used = n < 0 ? 0 : (size_t)n;
    return (struct bytes){out, used < size ? used : size - 1};
}

enum err refuse(struct store_reply *r, int status, const char *code, const char *format, ...)
{
    char text[MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    set_error(r, status, code, format_text(text, sizeof(text), format, args));
    va_end(args);
    return ERR_DENIED;
}

static void add_details(struct store_reply *r, struct bytes text)
{
    size_t message_size = r->error.message.size;
    if (r->error.message.data == no_memory.data)
        return;
    size_t before = r->text.size;
    buf_put(&r->text, text);
    if (r->text.err) {
        r->text.size = before;
        r->text.err = OK;
    }
    place_texts(r, message_size);
}

void refuse_details(struct store_reply *r, const char *format, ...)
{
    char text[MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    add_details(r, format_text(text, sizeof(text), format, args));
    va_end(args);
}

void refuse_key_details(struct store_reply *r, const char *columns, struct bytes values,
                        const char *end)
{
    struct buf text;
    buf_init(&text, r->text.max);
    buf_put_literal(&text, "Key (");
    buf_put(&text, bytes_of(columns));
    buf_put_literal(&text, ")=(");
    buf_put(&text, values);
    buf_put_literal(&text, ") ");
    buf_put(&text, bytes_of(end));
    if (!text.err)
        add_details(r, buf_bytes(&text));
    buf_done(&text);
}

enum err trouble(struct store_reply *r, enum err e)
{
    static const char *const codes[] = {
        [ERR_NOMEM] = "53200", [ERR_FULL] = "53100", [ERR_BUSY] = "55P03", [ERR_CORRUPT] = "XX001"};
    const char *code = (size_t)e < sizeof(codes) / sizeof(codes[0]) ? codes[e] : NULL;
    set_error(r, 503, code ? code : "58030", bytes_of(err_text(e)));
    return e;
}

enum err refuse_table(struct work *w, const struct table *t)
{
    int status = w->request->who.role == ROLE_ANON ? 401 : 403;
    return refuse(w->reply, status, "42501", "permission denied for table %.*s", (int)t->name.size,
                  t->name.data);
}

enum err refuse_row(struct work *w, const char *which, const struct table *t)
{
    int status = w->request->who.role == ROLE_ANON ? 401 : 403;
    return refuse(w->reply, status, "42501",
                  "new row violates row-level security policy%s for table \"%.*s\"", which,
                  (int)t->name.size, t->name.data);
}

const struct value *work_value(const struct work *w, const struct column *c)
{
    const struct query *q = w->query;
    if (!q || w->row == SIZE_MAX)
        return NULL;
    for (size_t i = 0; i < q->set_count; i++) {
        size_t place = w->row * q->set_count + i;
        if (q->set[i] == c)
            return q->is_absent && q->is_absent[place] ? NULL : &q->values[place];
    }
    return NULL;
}

/* ---- which constraint ---- */

/* What stands behind the colon of SQLite's sentence. */
static struct bytes constraint_of(const char *message)
{
    const char *colon = strstr(message, ": ");
    return colon ? bytes_of(colon + 2) : BYTES("");
}

/* "table.column" of one of the comma-separated names. */
static const struct column *column_of(const struct table *t, struct bytes name)
{
    name = bytes_trim(name);
    size_t dot = bytes_find_char(name, '.');
    if (!bytes_equal(bytes_slice(name, 0, dot), t->name))
        return NULL;
    return table_column(t, bytes_slice(name, dot + 1, name.size));
}

static void put_separated(struct buf *out, const char *separator, struct bytes text)
{
    if (out->size)
        buf_put(out, bytes_of(separator));
    buf_put(out, text);
}

struct unique {
    struct buf columns; /* a, b */
    struct buf name;    /* a_b */
    struct buf values;  /* 1, 2 */
    bool has_values, is_key;
};

static void add_unique_column(struct work *w, struct unique *u, const struct column *c)
{
    struct buf value;
    const struct value *v = work_value(w, c);
    buf_init(&value, w->reply->text.max);
    if (v)
        value_put_text(&value, c, *v);
    put_separated(&u->columns, ", ", c->name);
    put_separated(&u->name, "_", c->name);
    put_separated(&u->values, ", ", buf_bytes(&value));
    u->has_values = u->has_values && v && !value.err;
    u->is_key = u->is_key && c->is_key;
    buf_done(&value);
}

static void refuse_unique_named(struct work *w, struct unique *u)
{
    const struct table *t = w->query->table;
    struct bytes name = buf_bytes(&u->name);
    const char *kind = u->is_key ? "pkey" : "_key";
    if (u->is_key)
        name.size = 0;
    /* Always ERR_DENIED. */
    enum err e = refuse(w->reply, 409, "23505",
                        "duplicate key value violates unique constraint \"%.*s_%.*s%s\"",
                        (int)t->name.size, t->name.data, (int)name.size, name.data, kind);
    buf_put_char(&u->columns, '\0');
    if (e == ERR_DENIED && u->has_values && !u->columns.err && !u->values.err)
        refuse_key_details(w->reply, u->columns.data, buf_bytes(&u->values), "already exists.");
}

static enum err refuse_unique(struct work *w, struct bytes names)
{
    struct unique u = {.has_values = true, .is_key = true};
    buf_init(&u.columns, NAMES_MAX);
    buf_init(&u.name, NAMES_MAX);
    buf_init(&u.values, w->reply->text.max);
    struct bytes one;
    while (bytes_split(&names, ',', &one)) {
        const struct column *c = column_of(w->query->table, one);
        if (c)
            add_unique_column(w, &u, c);
    }
    refuse_unique_named(w, &u);
    buf_done(&u.columns);
    buf_done(&u.name);
    buf_done(&u.values);
    return ERR_DENIED;
}

static enum err refuse_not_null(struct work *w, struct bytes name)
{
    size_t dot = bytes_find_char(name, '.');
    struct bytes column = bytes_slice(name, dot + 1, name.size);
    return refuse(w->reply, 400, "23502",
                  "null value in column \"%.*s\" of relation \"%.*s\" violates not-null constraint",
                  (int)column.size, column.data, (int)dot, name.data);
}

static enum err refuse_check(struct work *w, struct bytes name)
{
    const struct table *t = w->query->table;
    if (bytes_ends_with(name, BYTES("_range")))
        return refuse(w->reply, 400, "22003", "numeric field overflow");
    return refuse(w->reply, 400, "23514",
                  "new row for relation \"%.*s\" violates check constraint \"%.*s\"",
                  (int)t->name.size, t->name.data, (int)name.size, name.data);
}

/* ---- foreign keys: SQLite does not say which ---- */

static enum err refuse_missing(struct work *w, const struct foreign_key *k, struct value v)
{
    const struct table *t = k->from;
    enum err e =
        refuse(w->reply, 409, "23503",
               "insert or update on table \"%.*s\" violates foreign key constraint \"%.*s\"",
               (int)t->name.size, t->name.data, (int)k->name.size, k->name.data);
    struct buf value;
    char end[NAMES_MAX], column[NAMES_MAX];
    buf_init(&value, w->reply->text.max);
    value_put_text(&value, k->column, v);
    snprintf(end, sizeof(end), "is not present in table \"%.*s\".", (int)k->to->name.size,
             k->to->name.data);
    snprintf(column, sizeof(column), "%.*s", (int)k->column->name.size, k->column->name.data);
    if (!value.err)
        refuse_key_details(w->reply, column, buf_bytes(&value), end);
    buf_done(&value);
    return e;
}

static enum err refuse_referenced(struct work *w, const struct foreign_key *k, struct value v)
{
    const struct table *t = k->to;
    enum err e = refuse(w->reply, 409, "23503",
                        "update or delete on table \"%.*s\" violates foreign key constraint "
                        "\"%.*s\" on table \"%.*s\"",
                        (int)t->name.size, t->name.data, (int)k->name.size, k->name.data,
                        (int)k->from->name.size, k->from->name.data);
    struct buf value;
    char end[NAMES_MAX], column[NAMES_MAX];
    buf_init(&value, w->reply->text.max);
    value_put_text(&value, k->to_column, v);
    snprintf(end, sizeof(end), "is still referenced from table \"%.*s\".", (int)k->from->name.size,
             k->from->name.data);
    snprintf(column, sizeof(column), "%.*s", (int)k->to_column->name.size, k->to_column->name.data);
    if (!value.err)
        refuse_key_details(w->reply, column, buf_bytes(&value), end);
    buf_done(&value);
    return e;
}

/* Runs a query for one value: *found, and the value copied into the arena. */
static int find_value(struct work *w, struct sql *q, bool *found, struct value *out)
{
    sqlite3_stmt *stmt;
    int rc = sql_start(q, &stmt);
    *found = false;
    if (rc)
        return rc;
    rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW) {
        struct value v = row_value(sqlite3_column_value(stmt, 0));
        if (v.kind == VALUE_TEXT)
            v.text = arena_copy(&w->s->arena, v.text);
        *found = v.kind != VALUE_TEXT || v.text.data;
        *out = v;
    }
    sqlite3_reset(stmt);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static bool is_missing(struct work *w, const struct foreign_key *k, const struct value *v)
{
    struct sql q;
    struct value unused;
    bool found;
    sql_begin(&q, w->s, ROLE_SERVICE);
    sql_put_lookup(&q, k->to, k->to_column, v);
    return find_value(w, &q, &found, &unused) == SQLITE_OK && !found;
}

static bool is_referenced(struct work *w, const struct foreign_key *k, struct value *out)
{
    struct sql q;
    bool found;
    sql_begin(&q, w->s, w->request->who.role);
    sql_put_referenced(&q, w->query, k);
    return find_value(w, &q, &found, out) == SQLITE_OK && found;
}

static enum err refuse_foreign_key(struct work *w)
{
    const struct query *query = w->query;
    const struct catalogue *c = w->s->store->catalogue;
    for (size_t i = 0; i < c->foreign_key_count; i++) {
        const struct foreign_key *k = &c->foreign_keys[i];
        struct value found;
        const struct value *v = k->from == query->table ? work_value(w, k->column) : NULL;
        if (v && v->kind != VALUE_NULL && is_missing(w, k, v))
            return refuse_missing(w, k, *v);
        if (k->to == query->table && query->verb != VERB_INSERT && is_referenced(w, k, &found))
            return refuse_referenced(w, k, found);
    }
    return refuse(w->reply, 409, "23503",
                  "insert or update on table \"%.*s\" violates foreign key constraint",
                  (int)query->table->name.size, query->table->name.data);
}

static enum err refuse_constraint(struct work *w, int rc)
{
    char message[MESSAGE_MAX];
    snprintf(message, sizeof(message), "%s", sqlite3_errmsg(w->s->db));
    struct bytes what = constraint_of(message);
    switch (rc) {
    case SQLITE_CONSTRAINT_NOTNULL:
        return refuse_not_null(w, what);
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID:
        return refuse_unique(w, what);
    case SQLITE_CONSTRAINT_CHECK:
        return refuse_check(w, what);
    case SQLITE_CONSTRAINT_FOREIGNKEY:
        return refuse_foreign_key(w);
    default:
        return refuse(w->reply, 409, "23000", "%s", message);
    }
}

enum err work_failed(struct work *w, int rc)
{
    if ((rc & 0xff) == SQLITE_CONSTRAINT && w->query)
        return refuse_constraint(w, rc);
    if (rc == SQLITE_INTERRUPT && w->s->was_too_complex)
        return refuse(w->reply, 500, "54001",
                      "the regular expression is too complex for one of the texts");
    if (rc == SQLITE_INTERRUPT && w->s->was_stopped)
        return refuse(w->reply, 500, "57014", "canceling statement due to statement timeout");
    if (rc == SQLITE_TOOBIG)
        return refuse(w->reply, 413, "53400", "the answer is larger than the limit allows");
    if ((rc & 0xff) == SQLITE_ERROR || rc == SQLITE_MISUSE)
        return refuse(w->reply, 500, "XX000", "%s", sqlite3_errmsg(w->s->db));
    return err_of_sqlite(rc);
}
