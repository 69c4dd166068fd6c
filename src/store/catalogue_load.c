/* The catalogue, from the database itself: exposed_tables says which tables, SQLite's pragmas their
 * columns and keys, column_rules what SQLite cannot say. */
#include "store/schema.h"

enum { HIDDEN_VIRTUAL = 2, HIDDEN_STORED = 3, NAME_MAX_SIZE = 256 };

struct loader {
    struct store_session *s;
    struct catalogue *c;
};

/* Starts a statement with at most one text bound. */
static int start(struct loader *l, const char *sql, struct bytes name, sqlite3_stmt **out)
{
    struct statement *st;
    int rc = session_prepare(l->s, bytes_of(sql), &st);
    if (!rc && name.data)
        rc = bind_text(st->stmt, 1, name);
    if (!rc)
        *out = st->stmt;
    return rc;
}

static int finish(sqlite3_stmt *stmt, int rc)
{
    sqlite3_reset(stmt);
    return rc == SQLITE_DONE || rc == SQLITE_ROW ? SQLITE_OK : rc;
}

static int count(struct loader *l, const char *sql, struct bytes name, uint16_t *out)
{
    sqlite3_stmt *stmt;
    int rc = start(l, sql, name, &stmt);
    if (rc)
        return rc;
    rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW)
        *out = (uint16_t)sqlite3_column_int(stmt, 0);
    return finish(stmt, rc);
}

static struct bytes copy_text(struct loader *l, sqlite3_stmt *stmt, int place)
{
    return arena_copy(&l->c->arena, column_text(stmt, place));
}

/* ---- columns ---- */

static int load_column(struct loader *l, sqlite3_stmt *stmt, struct table *t)
{
    struct column *c = &t->columns[t->column_count];
    struct bytes declared = column_text(stmt, 1);
    int hidden = sqlite3_column_int(stmt, 4);
    /* A generated column's declaration ends in GENERATED ALWAYS. */
    size_t end = bytes_find(declared, BYTES(" GENERATED"));
    declared = bytes_slice(declared, 0, end);
    if (column_type_parse(declared, &c->type, &c->scale))
        return SQLITE_CORRUPT;
    c->precision = column_precision_parse(declared);
    c->name = copy_text(l, stmt, 0);
    c->index = t->column_count;
    c->not_null = sqlite3_column_int(stmt, 2) != 0;
    c->is_key = sqlite3_column_int(stmt, 3) != 0;
    c->is_generated = hidden == HIDDEN_VIRTUAL || hidden == HIDDEN_STORED;
    c->is_server = sqlite3_column_int(stmt, 5) != 0;
    c->default_sql = copy_text(l, stmt, 6);
    t->column_count++;
    t->key_count = (uint16_t)(t->key_count + c->is_key);
    return c->name.data && c->default_sql.data ? SQLITE_OK : SQLITE_NOMEM;
}

static int load_keys(struct loader *l, struct table *t)
{
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers. */
    t->key = arena_array(&l->c->arena, t->key_count, sizeof(*t->key));
    if (!t->key)
        return SQLITE_NOMEM;
    size_t n = 0;
    for (size_t i = 0; i < t->column_count; i++)
        if (t->columns[i].is_key)
            t->key[n++] = &t->columns[i];
    return SQLITE_OK;
}

static int load_columns(struct loader *l, struct table *t)
{
    static const char sql[] =
        "SELECT x.name, x.type, x.\"notnull\", x.pk, x.hidden, coalesce(r.is_server, 0),"
        " coalesce(r.default_sql, '') FROM pragma_table_xinfo(?1) AS x"
        " LEFT JOIN column_rules AS r ON r.table_name = ?1 AND r.column_name = x.name"
        " ORDER BY x.cid";
    uint16_t columns = 0;
    sqlite3_stmt *stmt;
    int rc = count(l, "SELECT count(*) FROM pragma_table_xinfo(?1)", t->name, &columns);
    if (rc)
        return rc;
    t->columns = arena_array(&l->c->arena, columns, sizeof(struct column));
    rc = t->columns ? start(l, sql, t->name, &stmt) : SQLITE_NOMEM;
    if (rc)
        return rc;
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW && t->column_count < columns) {
        rc = load_column(l, stmt, t);
        if (rc)
            break;
    }
    rc = finish(stmt, rc);
    return rc ? rc : load_keys(l, t);
}

/* ---- tables ---- */

static int load_tables(struct loader *l)
{
    struct catalogue *c = l->c;
    uint16_t tables = 0;
    sqlite3_stmt *stmt;
    int rc = count(l, "SELECT count(*) FROM exposed_tables", (struct bytes){NULL, 0}, &tables);
    if (rc)
        return rc;
    c->tables = arena_array(&c->arena, tables, sizeof(struct table));
    rc =
        c->tables
            ? start(l,
                    "SELECT name, is_server, is_live, is_private FROM exposed_tables ORDER BY name",
                    (struct bytes){NULL, 0}, &stmt)
            : SQLITE_NOMEM;
    if (rc)
        return rc;
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW && c->table_count < tables) {
        struct table *t = &c->tables[c->table_count];
        t->name = copy_text(l, stmt, 0);
        t->index = c->table_count++;
        t->is_server = sqlite3_column_int(stmt, 1) != 0;
        t->is_live = sqlite3_column_int(stmt, 2) != 0;
        t->is_private = sqlite3_column_int(stmt, 3) != 0;
        if (!t->name.data) {
            rc = SQLITE_NOMEM;
            break;
        }
    }
    rc = finish(stmt, rc);
    for (size_t i = 0; i < c->table_count && !rc; i++)
        rc = load_columns(l, &c->tables[i]);
    for (size_t i = 0; i < c->table_count && !rc; i++)
        rc = table_make_columns_json(c, &c->tables[i]) ? SQLITE_NOMEM : SQLITE_OK;
    return rc;
}

/* ---- foreign keys ---- */

static struct bytes key_name(struct loader *l, const struct table *t, const struct column *c)
{
    struct buf name;
    buf_init(&name, NAME_MAX_SIZE);
    buf_put(&name, t->name);
    buf_put_char(&name, '_');
    buf_put(&name, c->name);
    buf_put_literal(&name, "_fkey");
    struct bytes copy = {NULL, 0};
    if (!name.err)
        copy = arena_copy(&l->c->arena, buf_bytes(&name));
    buf_done(&name);
    return copy;
}

/* Keys to tables that are not shown are left out. */
static int load_key(struct loader *l, sqlite3_stmt *stmt)
{
    struct catalogue *c = l->c;
    struct foreign_key *k = &c->foreign_keys[c->foreign_key_count];
    k->from = catalogue_table(c, column_text(stmt, 0));
    k->to = catalogue_table(c, column_text(stmt, 2));
    k->column = k->from ? table_column(k->from, column_text(stmt, 1)) : NULL;
    k->to_column = k->to ? table_column(k->to, column_text(stmt, 3)) : NULL;
    if (!k->column || !k->to_column)
        return SQLITE_OK;
    k->name = key_name(l, k->from, k->column);
    c->foreign_key_count++;
    return k->name.data ? SQLITE_OK : SQLITE_NOMEM;
}

#define FROM_KEYS " FROM exposed_tables AS t, pragma_foreign_key_list(t.name) AS f"

static int load_foreign_keys(struct loader *l)
{
    uint16_t keys = 0;
    sqlite3_stmt *stmt;
    int rc = count(l, "SELECT count(*)" FROM_KEYS, (struct bytes){NULL, 0}, &keys);
    if (rc)
        return rc;
    l->c->foreign_keys = arena_array(&l->c->arena, keys, sizeof(struct foreign_key));
    if (!l->c->foreign_keys)
        return SQLITE_NOMEM;
    rc = start(l,
               "SELECT t.name, f.\"from\", f.\"table\", f.\"to\"" FROM_KEYS
               " ORDER BY t.name, f.id DESC",
               (struct bytes){NULL, 0}, &stmt);
    if (rc)
        return rc;
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW && l->c->foreign_key_count < keys) {
        rc = load_key(l, stmt);
        if (rc)
            break;
    }
    return finish(stmt, rc);
}

static int load_shapes(struct loader *l)
{
    struct store *store = l->s->store;
    store->shapes = arena_array(&store->arena, l->c->table_count, sizeof(struct row_shape));
    if (!store->shapes)
        return SQLITE_NOMEM;
    for (size_t i = 0; i < l->c->table_count; i++)
        if (row_shape_of_table(&l->c->tables[i], &store->arena, &store->shapes[i]))
            return SQLITE_NOMEM;
    return SQLITE_OK;
}

enum err catalogue_load(struct store_session *s, struct catalogue **out)
{
    struct loader l = {.s = s};
    enum err e = catalogue_new(&l.c);
    if (e)
        return e;
    int rc = load_tables(&l);
    if (!rc)
        rc = load_foreign_keys(&l);
    if (!rc)
        rc = load_shapes(&l);
    if (!rc) {
        *out = l.c;
        return OK;
    }
    catalogue_free(l.c);
    return err_of_sqlite(rc);
}
