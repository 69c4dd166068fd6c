/* The SQL of a policy against its native evaluation: random policies over random rows, with SQLite
 * as the judge of what the SQL means. */
#include <sqlite3.h>

#include "bakery.h"
#include "check.h"
#include "pairs.h"

enum { POLICIES_A_WORLD = 50, ROW_COUNT = 50, TEXT_MAX = 200000 };

#define ADA "0190c2f4-5b6a-7c3d-8e9f-00000000000a"
#define BEN "0190c2f4-5b6a-7c3d-8e9f-00000000000b"

static const char declared[] =
    "key int4, u uuid, u2 uuid, s text, s2 text, n int4, n2 int8, m numeric(12,2), m2 "
    "numeric(12,2), b bool, "
    "b2 bool, at timestamptz, at2 timestamptz, d date, d2 date, j jsonb, \"odd \"\"name\" text";

/* Values of each type, as JSON; few, so that they meet. */
static const char *const uuids[] = {"\"" ADA "\"", "\"" BEN "\""};
static const char *const texts[] = {
    "\"\"",    "\"morning\"", "\"night\"", "\"owner\"",   "\"it's\"",     "\"a\\\"b\"", "\"12\"",
    "\"1e3\"", "\"1000\"",    "\" 12\"",   "\"\\u00f6\"", "\"\xc3\xb6\"", "\"NULL\"",   "\"Owner\"",
    "\"%\"",   "\"_x\"",      "\" *\"",    "\"[0-9]\"",   "\"a\\\\b\"",   "\"5\"",
};
static const char *const ints[] = {"0", "1", "2", "3", "-1", "-2", "2147483647", "-2147483648"};
static const char *const bigs[] = {
    "0", "1", "2", "-2", "9223372036854775807", "-9223372036854775808"};
static const char *const moneys[] = {"0.00", "0.01", "-0.01", "1500.50", "2.00", "9999999999.99"};
static const char *const bools[] = {"true", "false"};
static const char *const times[] = {"\"1970-01-01T00:00:00+00:00\"",
                                    "\"2026-08-21T10:00:00.5+00:00\"",
                                    "\"1969-12-31T23:59:59.999999+00:00\""};
static const char *const dates[] = {"\"2026-08-21\"", "\"2026-08-20\"", "\"0001-01-01\""};
static const char *const jsons[] = {"{\"a\":1}", "[]", "\"x\""};

/* Literals of policies; what cannot be told from JSON is said as SQL says it. */
static const char *const uuid_literals[] = {"'" ADA "'", "'0190C2F4-5B6A-7C3D-8E9F-00000000000B'",
                                            "auth.uid()", "null"};
static const char *const text_literals[] = {
    "''",         "'morning'",       "'it''s'",     "'a\"b'", "'12'",   "'1e3'",
    "'\xc3\xb6'", "current_shift()", "auth.role()", "null",   "'owner'"};
static const char *const int_literals[] = {
    "0",   "1",   "-1",   "2.5",        "-2.5",        "'2'",  "2.0",
    "1e0", "0.1", "-0.1", "2147483647", "-2147483648", "null", "2147483647.5"};
static const char *const big_literals[] = {
    "0",   "2.5", "9223372036854775807", "-9223372036854775808", "null", "9223372036854775806.5",
    "'-2'"};
static const char *const money_literals[] = {"0",     "0.01",          "-0.01",          "-0.005",
                                             "0.005", "1500.5",        "15005e-1",       "'2'",
                                             "1e3",   "9999999999.99", "9999999999.991", "null"};
static const char *const bool_literals[] = {"true", "false", "null", "'yes'", "'0'"};
static const char *const time_literals[] = {"'1970-01-01'", "'2026-08-21 12:00:00.5+02'", "null"};
static const char *const date_literals[] = {"'2026-08-21'", "current_business_day()", "null",
                                            "'0001-01-01'"};

struct column_kind {
    const char *columns[3];
    const char *const *values;
    size_t value_count;
    const char *const *literals;
    size_t literal_count;
};
#define KIND(a, b, c, v, l)                                                                        \
    {                                                                                              \
        {a, b, c}, v, CHECK_COUNT(v), l, CHECK_COUNT(l)                                            \
    }

static const struct column_kind kinds[] = {
    KIND("u", "u2", "t.u", uuids, uuid_literals),
    KIND("s", "s2", "\"odd \"\"name\"", texts, text_literals),
    KIND("n", "t.n", "n2", ints, int_literals),
    KIND("n2", "n", "n2", bigs, big_literals),
    KIND("m", "m2", "m", moneys, money_literals),
    KIND("b", "b2", "b", bools, bool_literals),
    KIND("at", "at2", "at", times, time_literals),
    KIND("d", "d2", "d", dates, date_literals),
};

static size_t pick(struct rng *r, size_t count)
{
    return (size_t)rng_below(r, count);
}

static void put(struct buf *out, const char *text)
{
    buf_put(out, bytes_of(text));
}

/* ---- random policies ---- */

static void put_other(struct buf *out, struct rng *r, const struct column_kind *k)
{
    put(out, pick(r, 3) ? k->literals[pick(r, k->literal_count)] : k->columns[pick(r, 3)]);
}

static void put_compare(struct buf *out, struct rng *r)
{
    static const char *const ops[] = {"=", "<>", "!=", "<", "<=", ">", ">="};
    const struct column_kind *k = &kinds[pick(r, CHECK_COUNT(kinds))];
    const char *op = ops[pick(r, CHECK_COUNT(ops))];
    const char *column = k->columns[pick(r, 3)];
    bool is_flipped = pick(r, 4) == 0;
    if (is_flipped)
        put_other(out, r, k);
    else
        put(out, column);
    put(out, pick(r, 2) ? " " : "\n");
    put(out, op);
    put(out, " ");
    if (is_flipped)
        put(out, column);
    else
        put_other(out, r, k);
}

static void put_in(struct buf *out, struct rng *r)
{
    const struct column_kind *k = &kinds[pick(r, CHECK_COUNT(kinds))];
    put(out, k->columns[pick(r, 3)]);
    put(out, pick(r, 2) ? " in (" : " NOT IN (");
    for (size_t i = pick(r, 4);; i--) {
        put_other(out, r, k);
        if (i == 0)
            break;
        put(out, ", ");
    }
    put(out, ")");
}

static void put_like(struct buf *out, struct rng *r)
{
    static const char *const patterns[] = {
        "''",       "'%'",    "'_'",     "'%n%'",  "'morning'",  "'Owner'", "'n_ght%'",
        "'it''s'",  "'a\"_'", "'%_%_%'", "' *'",   "'[0-9]'",    "'\\%'",   "'\\_%'",
        "'%\\\\%'", "'__'",   "'%]'",    "'a_b?'", "'\xc3\xb6'", "'o%e%'",  "'%[[]%'"};
    static const char *const columns[] = {"s", "s2", "\"odd \"\"name\"", "auth.role()",
                                          "current_shift()"};
    put(out, columns[pick(r, CHECK_COUNT(columns))]);
    put(out, pick(r, 3) ? " like " : " NOT LIKE ");
    put(out, patterns[pick(r, CHECK_COUNT(patterns))]);
}

static void put_leaf(struct buf *out, struct rng *r)
{
    static const char *const leaves[] = {"true",
                                         "false",
                                         "null",
                                         "b",
                                         "b2",
                                         "j is null",
                                         "j is not null",
                                         "auth.uid() is null",
                                         "auth.role() = 'owner'",
                                         "current_shift() = 'morning'",
                                         "current_business_day() > '2026-01-01'"};
    const struct column_kind *k = &kinds[pick(r, CHECK_COUNT(kinds))];
    switch (pick(r, 9)) {
    case 0:
        put(out, leaves[pick(r, CHECK_COUNT(leaves))]);
        break;
    case 1:
        put(out, k->columns[pick(r, 3)]);
        put(out, pick(r, 2) ? " is null" : " is not null");
        break;
    case 2:
    case 3:
        put_in(out, r);
        break;
    case 4:
        put_like(out, r);
        break;
    default:
        put_compare(out, r);
    }
}

static void put_expr(struct buf *out, struct rng *r, unsigned depth)
{
    switch (depth ? pick(r, 6) : 5) {
    case 0:
        put(out, "not ");
        put_expr(out, r, 0);
        break;
    case 1:
        put(out, "not (");
        put_expr(out, r, depth - 1);
        put(out, ")");
        break;
    case 2:
        put_expr(out, r, depth - 1);
        put(out, " and ");
        put_expr(out, r, depth - 1);
        break;
    case 3:
        put_expr(out, r, depth - 1);
        put(out, " or ");
        put_expr(out, r, depth - 1);
        break;
    case 4:
        put(out, "(");
        put_expr(out, r, depth - 1);
        put(out, ")");
        break;
    default:
        put_leaf(out, r);
    }
}

static void put_policies(struct buf *out, struct rng *r)
{
    size_t count = 1 + pick(r, 10) / 8;
    buf_reset(out);
    for (size_t i = 0; i < count; i++) {
        put(out, i ? "create policy b" : "create policy a");
        put(out, " on t for delete using (");
        put_expr(out, r, 4);
        put(out, ");");
    }
    buf_put_char(out, '\0');
    assert_int_equal(out->err, OK);
}

/* ---- random rows, in SQLite and as JSON ---- */

struct world {
    struct catalogue *catalogue;
    const struct table *table;
    sqlite3 *db;
    struct buf rows[ROW_COUNT];
    struct rng rng;
};

static const char *random_json(struct rng *r, const struct column *c)
{
    if (pick(r, 5) == 0)
        return "null";
    switch (c->type) {
    case TYPE_UUID:
        return uuids[pick(r, CHECK_COUNT(uuids))];
    case TYPE_TEXT:
        return texts[pick(r, CHECK_COUNT(texts))];
    case TYPE_INT4:
        return ints[pick(r, CHECK_COUNT(ints))];
    case TYPE_INT8:
        return bigs[pick(r, CHECK_COUNT(bigs))];
    case TYPE_NUMERIC:
        return moneys[pick(r, CHECK_COUNT(moneys))];
    case TYPE_BOOL:
        return bools[pick(r, CHECK_COUNT(bools))];
    case TYPE_TIMESTAMPTZ:
        return times[pick(r, CHECK_COUNT(times))];
    case TYPE_DATE:
        return dates[pick(r, CHECK_COUNT(dates))];
    case TYPE_JSONB:
        return jsons[pick(r, CHECK_COUNT(jsons))];
    }
    return "null";
}

static void bind_value(sqlite3_stmt *insert, const struct column *c, struct bytes json)
{
    struct json_value parsed;
    struct value v;
    struct arena scratch;
    int at = c->index + 1;
    arena_init(&scratch, 1 << 16);
    assert_int_equal(json_parse(json, &parsed), OK);
    assert_int_equal(value_from_json(c, parsed, &scratch, &v), OK);
    if (v.kind == VALUE_NULL)
        sqlite3_bind_null(insert, at);
    else if (v.kind == VALUE_INT)
        sqlite3_bind_int64(insert, at, v.number);
    else
        sqlite3_bind_text(insert, at, v.text.size ? v.text.data : "", (int)v.text.size,
                          SQLITE_TRANSIENT);
    arena_done(&scratch);
}

static void make_row(struct world *w, sqlite3_stmt *insert, size_t key)
{
    struct buf *row = &w->rows[key];
    char number[2] = {(char)('0' + key % 10), 0};
    buf_init(row, TEXT_MAX);
    buf_put_char(row, '{');
    for (size_t i = 0; i < w->table->column_count; i++) {
        const struct column *c = &w->table->columns[i];
        struct bytes json = bytes_of(i ? random_json(&w->rng, c) : number);
        json_put_key(row, c->name);
        buf_put(row, json);
        bind_value(insert, c, json);
    }
    buf_put_char(row, '}');
    sqlite3_bind_int64(insert, 1, (sqlite3_int64)key);
    assert_int_equal(sqlite3_step(insert), SQLITE_DONE);
    sqlite3_reset(insert);
}

static void exec(sqlite3 *db, const char *sql)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK)
        return;
    print_error("%s: %s\n", sqlite3_errmsg(db), sql);
    fail();
}

static void make_table(struct world *w)
{
    struct buf sql;
    buf_init(&sql, TEXT_MAX);
    put(&sql, "create table t (");
    put(&sql, declared);
    buf_put_literal(&sql, ")\0");
    exec(w->db, sql.data);
    buf_done(&sql);
}

/* The column with quotes in its name is written differently in the catalogue's list. */
static struct catalogue *make_catalogue(void)
{
    static const struct bakery_table tables[] = {
        {"t",
         "key int4, u uuid, u2 uuid, s text, s2 text, n int4, n2 int8, m numeric(12,2), m2 "
         "numeric(12,2), "
         "b bool, b2 bool, at timestamptz, at2 timestamptz, d date, d2 date, j jsonb, odd text"},
    };
    struct catalogue *c = bakery_catalogue_of(tables, 1);
    c->tables[0].columns[c->tables[0].column_count - 1].name = BYTES("odd \"name");
    return c;
}

static void make_world(struct world *w)
{
    sqlite3_stmt *insert;
    w->catalogue = make_catalogue();
    w->table = &w->catalogue->tables[0];
    assert_int_equal(sqlite3_open(":memory:", &w->db), SQLITE_OK);
    make_table(w);
    assert_int_equal(sqlite3_prepare_v2(w->db,
                                        "insert into t values (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
                                        -1, &insert, NULL),
                     SQLITE_OK);
    for (size_t key = 0; key < ROW_COUNT; key++)
        make_row(w, insert, key);
    sqlite3_finalize(insert);
}

static void end_world(struct world *w)
{
    for (size_t key = 0; key < ROW_COUNT; key++)
        buf_done(&w->rows[key]);
    sqlite3_close(w->db);
    catalogue_free(w->catalogue);
}

/* ---- the comparison ---- */

static void bind_text(sqlite3_stmt *s, const char *name, struct bytes text)
{
    int at = sqlite3_bind_parameter_index(s, name);
    if (at && text.size)
        sqlite3_bind_text(s, at, text.data, (int)text.size, SQLITE_TRANSIENT);
}

static sqlite3_stmt *prepare(struct world *w, struct bytes predicate,
                             const struct policy_context *ctx)
{
    struct buf sql;
    sqlite3_stmt *s = NULL;
    buf_init(&sql, TEXT_MAX);
    put(&sql, "select x.key from t x where ");
    buf_put(&sql, predicate);
    put(&sql, " order by x.key");
    if (sqlite3_prepare_v2(w->db, sql.data, (int)sql.size, &s, NULL) != SQLITE_OK) {
        print_error("%s: %.*s\n", sqlite3_errmsg(w->db), (int)sql.size, sql.data);
        fail();
    }
    bind_text(s, ":uid", bytes_of(ctx->who.user_id));
    bind_text(s, ":shift", ctx->shift);
    bind_text(s, ":business_day", ctx->business_day);
    buf_done(&sql);
    return s;
}

static struct policy_context random_context(struct rng *r)
{
    struct policy_context ctx = {.who = {.role = (enum role)pick(r, ROLE_SERVICE)}};
    if (role_is_staff(ctx.who.role))
        memcpy(ctx.who.user_id, pick(r, 2) ? ADA : BEN, UUID_SIZE + 1);
    if (pick(r, 4)) {
        ctx.shift = pick(r, 2) ? BYTES("morning") : BYTES("night");
        ctx.business_day = pick(r, 2) ? BYTES("2026-08-21") : BYTES("2026-08-20");
    }
    return ctx;
}

/* Returns how many rows were seen. */
static size_t compare(struct world *w, const struct policies *p, const char *text)
{
    struct policy_context ctx = random_context(&w->rng);
    struct buf sql;
    size_t seen = 0;
    buf_init(&sql, TEXT_MAX);
    policy_put_sql(&sql, p, w->table, VERB_DELETE, ctx.who.role, BYTES("x"));
    assert_int_equal(sql.err, OK);
    sqlite3_stmt *s = prepare(w, buf_bytes(&sql), &ctx);
    bool has_row = sqlite3_step(s) == SQLITE_ROW;
    for (size_t key = 0; key < ROW_COUNT; key++) {
        bool by_sql = has_row && (size_t)sqlite3_column_int64(s, 0) == key;
        bool by_us = policy_sees(p, w->table, VERB_DELETE, &ctx, buf_bytes(&w->rows[key]));
        if (by_sql != by_us) {
            print_error("seed %llu: %s\n%.*s\nrow %.*s: sql %d, native %d (role %d)\n",
                        (unsigned long long)pairs_seed(), text, (int)sql.size, sql.data,
                        (int)w->rows[key].size, w->rows[key].data, by_sql, by_us, ctx.who.role);
            fail();
        }
        if (by_sql)
            has_row = sqlite3_step(s) == SQLITE_ROW;
        seen += by_us;
    }
    sqlite3_finalize(s);
    buf_done(&sql);
    return seen;
}

static void compare_some(struct world *w, struct buf *text, uint64_t *compared, uint64_t *seen)
{
    for (int i = 0; i < POLICIES_A_WORLD && *compared < pairs_count(); i++) {
        struct policies *p;
        put_policies(text, &w->rng);
        assert_int_equal(policies_new(w->catalogue, &p), OK);
        bakery_add(p, text->data);
        *seen += compare(w, p, text->data);
        *compared += ROW_COUNT;
        policies_free(p);
    }
}

static void sql_and_native_evaluation_agree(void **state)
{
    (void)state;
    struct world w;
    struct buf text;
    uint64_t compared = 0, seen = 0;
    buf_init(&text, TEXT_MAX);
    rng_init(&w.rng, pairs_seed());
    while (compared < pairs_count()) {
        make_world(&w);
        compare_some(&w, &text, &compared, &seen);
        end_world(&w);
    }
    pairs_report("policies", compared, seen);
    /* Neither all nor nothing: the comparison says something. */
    assert_in_range(seen, compared / 5, compared * 4 / 5);
    buf_done(&text);
}

static void nothing_and_everything_are_short(void **state)
{
    (void)state;
    struct catalogue *c = bakery_catalogue();
    struct policies *p;
    struct buf sql;
    const struct table *t = bakery_find(c, "stock");
    buf_init(&sql, 100);
    assert_int_equal(policies_new(c, &p), OK);
    policy_put_sql(&sql, p, t, VERB_SELECT, ROLE_OWNER, BYTES("t"));
    policy_put_sql(&sql, p, t, VERB_SELECT, ROLE_SERVICE, BYTES("t"));
    bakery_add(p, "create policy a on stock for select to owner using (sold > 1 or (sold < 0));");
    bakery_add(p, "create policy b on stock for delete to owner using (false);");
    policy_put_sql(&sql, p, t, VERB_SELECT, ROLE_MANAGER, BYTES("t"));
    buf_put_char(&sql, ' ');
    policy_put_sql(&sql, p, t, VERB_DELETE, ROLE_OWNER, BYTES("t"));
    policy_put_sql(&sql, p, t, VERB_INSERT, ROLE_OWNER, BYTES("t"));
    check_text(buf_bytes(&sql), "010 (0)0");
    buf_done(&sql);
    policies_free(p);
    catalogue_free(c);
}

static void several_rules_are_joined_by_or(void **state)
{
    (void)state;
    struct catalogue *c = bakery_catalogue();
    struct policies *p;
    struct buf sql;
    buf_init(&sql, 1000);
    assert_int_equal(policies_new(c, &p), OK);
    bakery_add(
        p,
        "create policy a on stock using (sold > 1); create policy b on stock using (baked = 2);");
    policy_put_sql(&sql, p, bakery_find(c, "stock"), VERB_UPDATE, ROLE_OWNER, BYTES("a"));
    check_text(buf_bytes(&sql), "((a.\"sold\" > 1) OR (a.\"baked\" = 2))");
    buf_done(&sql);
    policies_free(p);
    catalogue_free(c);
}

static void a_full_buffer_is_the_callers_to_see(void **state)
{
    (void)state;
    struct catalogue *c = bakery_catalogue();
    struct policies *p = bakery_policies(c);
    struct buf sql;
    buf_init(&sql, 10);
    policy_put_sql(&sql, p, bakery_find(c, "shift_feedback"), VERB_SELECT, ROLE_SALES_REP,
                   BYTES("t"));
    assert_int_equal(sql.err, ERR_LIMIT);
    buf_done(&sql);
    policies_free(p);
    catalogue_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sql_and_native_evaluation_agree),
        cmocka_unit_test(nothing_and_everything_are_short),
        cmocka_unit_test(several_rules_are_joined_by_or),
        cmocka_unit_test(a_full_buffer_is_the_callers_to_see),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
