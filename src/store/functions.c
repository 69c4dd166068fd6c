/* The SQL functions.  All are for this program's own schema and triggers, and harmless
 * (SQLITE_INNOCUOUS):
 *
 *   uuid7()                    a new id, by the request's time
 *   business_day(us)           the day of the ledger that a time belongs to
 *   shift_at(us)               'morning' or 'night'
 *   now_us()  commit_us()      the time of the request, and of its group
 *   actor()                    who is asking, or null
 *   row_json(spec, v, …)       a JSON object; spec as row.h has it
 *   table_json(table, v, …)    a JSON object of all shown columns (for triggers, where SQLite keeps
 *                              no auxiliary data that a parsed spec could live in)
 *   json_rows(text)            aggregate: a JSON array of JSON texts
 *   text_like, text_ilike, text_match, text_imatch   functions_pattern.c
 *   ledger_baked, ledger_sold  reports to the ledger (ledger.h)
 */
#include "store/sqlite.h"

struct spec {
    struct arena arena;
    struct row_shape shape;
};

enum { SPEC_MAX = 1 << 20 };

static struct store_session *session_of(sqlite3_context *ctx)
{
    return sqlite3_user_data(ctx);
}

static void fn_uuid7(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
    struct store_session *s = session_of(ctx);
    char id[UUID_SIZE];
    (void)argc, (void)argv;
    rng_uuid7(&s->rng, s->now_us / 1000, id);
    sqlite3_result_text(ctx, id, UUID_SIZE, SQLITE_TRANSIENT);
}

static void fn_business_day(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
    struct store_session *s = session_of(ctx);
    (void)argc;
    if (sqlite3_value_type(argv[0]) == SQLITE_NULL)
        return;
    clock_at(&s->store->settings, sqlite3_value_int64(argv[0]), &s->days);
    sqlite3_result_text(ctx, s->days.day, (int)s->days.day_size, SQLITE_TRANSIENT);
}

static void fn_shift_at(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
    struct store_session *s = session_of(ctx);
    (void)argc;
    if (sqlite3_value_type(argv[0]) == SQLITE_NULL)
        return;
    clock_at(&s->store->settings, sqlite3_value_int64(argv[0]), &s->days);
    sqlite3_result_text(ctx, s->days.shift.data, (int)s->days.shift.size, SQLITE_STATIC);
}

static void fn_now_us(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
    (void)argc, (void)argv;
    sqlite3_result_int64(ctx, session_of(ctx)->now_us);
}

static void fn_commit_us(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
    (void)argc, (void)argv;
    sqlite3_result_int64(ctx, session_of(ctx)->commit_us);
}

static void fn_actor(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
    const char *id = session_of(ctx)->who.user_id;
    (void)argc, (void)argv;
    if (id[0])
        sqlite3_result_text(ctx, id, -1, SQLITE_TRANSIENT);
}

static void result_row(sqlite3_context *ctx, const struct row_shape *shape, int argc,
                       sqlite3_value **argv)
{
    struct buf *row = &session_of(ctx)->row;
    buf_reset(row);
    if ((size_t)argc != shape->count) {
        sqlite3_result_error(ctx, "the row does not fit its description", -1);
        return;
    }
    row_put(row, shape, argv);
    if (row->err == ERR_LIMIT)
        sqlite3_result_error_toobig(ctx);
    else if (row->err)
        sqlite3_result_error_nomem(ctx);
    else
        sqlite3_result_text64(ctx, row->data, row->size, SQLITE_TRANSIENT, SQLITE_UTF8);
}

static void spec_free(void *p)
{
    struct spec *spec = p;
    arena_done(&spec->arena);
    mem_free(spec);
}

static enum err spec_new(struct store_session *s, sqlite3_value *text, struct spec **out)
{
    struct spec *spec = mem_zalloc(sizeof(*spec));
    if (!spec)
        return ERR_NOMEM;
    arena_init(&spec->arena, SPEC_MAX);
    struct value v = row_value(text);
    enum err e = v.kind == VALUE_TEXT
                     ? row_shape_of_spec(v.text, s->store->catalogue, &spec->arena, &spec->shape)
                     : ERR_SYNTAX;
    if (e)
        spec_free(spec);
    else
        *out = spec;
    return e;
}

static void fn_row_json(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
    struct spec *spec = argc ? sqlite3_get_auxdata(ctx, 0) : NULL;
    enum err e = argc ? OK : ERR_SYNTAX;
    if (!spec && !e) {
        e = spec_new(session_of(ctx), argv[0], &spec);
        if (!e) {
            sqlite3_set_auxdata(ctx, 0, spec, spec_free);
            spec = sqlite3_get_auxdata(ctx, 0); /* freed at once when there was no memory */
            e = spec ? OK : ERR_NOMEM;
        }
    }
    if (e == ERR_NOMEM)
        sqlite3_result_error_nomem(ctx);
    else if (e)
        sqlite3_result_error(ctx, "malformed description of a row", -1);
    else
        result_row(ctx, &spec->shape, argc - 1, argv + 1);
}

static void fn_table_json(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
    const struct store *store = session_of(ctx)->store;
    struct value name = argc ? row_value(argv[0]) : (struct value){.kind = VALUE_NULL};
    const struct table *t = NULL;
    if (store->catalogue && name.kind == VALUE_TEXT)
        t = catalogue_table(store->catalogue, name.text);
    if (t)
        result_row(ctx, &store->shapes[t->index], argc - 1, argv + 1);
    else
        sqlite3_result_error(ctx, "no such table in the catalogue", -1);
}

static void json_rows_step(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
    struct buf *out = sqlite3_aggregate_context(ctx, sizeof(*out));
    struct value v = row_value(argv[0]);
    (void)argc;
    if (!out) {
        sqlite3_result_error_nomem(ctx);
        return;
    }
    if (out->max == 0)
        buf_init(out, SESSION_ARENA_MAX);
    buf_put_char(out, out->size ? ',' : '[');
    if (v.kind == VALUE_TEXT)
        buf_put(out, v.text);
}

static void json_rows_final(sqlite3_context *ctx)
{
    struct buf *out = sqlite3_aggregate_context(ctx, 0);
    if (!out || out->max == 0) {
        sqlite3_result_text(ctx, "[]", 2, SQLITE_STATIC);
        return;
    }
    buf_put_char(out, ']');
    if (out->err == ERR_LIMIT)
        sqlite3_result_error_toobig(ctx);
    else if (out->err)
        sqlite3_result_error_nomem(ctx);
    else
        sqlite3_result_text64(ctx, out->data, out->size, SQLITE_TRANSIENT, SQLITE_UTF8);
    buf_done(out);
}

static int add(struct store_session *s, const char *name, int argc, int flags,
               void (*fn)(sqlite3_context *, int, sqlite3_value **))
{
    return sqlite3_create_function_v2(s->db, name, argc, SQLITE_UTF8 | SQLITE_INNOCUOUS | flags, s,
                                      fn, NULL, NULL, NULL);
}

int functions_add(struct store_session *s)
{
    int rc = add(s, "uuid7", 0, 0, fn_uuid7);
    /* Deterministic, as a generated column wants it: the zone and the bounds of shifts are settings
     * of the database, and cannot be changed while there are entries. */
    rc = rc ? rc : add(s, "business_day", 1, SQLITE_DETERMINISTIC, fn_business_day);
    rc = rc ? rc : add(s, "shift_at", 1, SQLITE_DETERMINISTIC, fn_shift_at);
    rc = rc ? rc : add(s, "now_us", 0, 0, fn_now_us);
    rc = rc ? rc : add(s, "commit_us", 0, 0, fn_commit_us);
    rc = rc ? rc : add(s, "actor", 0, 0, fn_actor);
    rc = rc ? rc : add(s, "row_json", -1, 0, fn_row_json);
    rc = rc ? rc : add(s, "table_json", -1, 0, fn_table_json);
    rc = rc ? rc : functions_add_patterns(s);
    rc = rc ? rc : ledger_add_functions(s);
    if (rc)
        return rc;
    return sqlite3_create_function_v2(s->db, "json_rows", 1, SQLITE_UTF8 | SQLITE_INNOCUOUS, s,
                                      NULL, json_rows_step, json_rows_final, NULL);
}
