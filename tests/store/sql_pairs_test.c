/* A filter of the feed and the same filter of REST, over random rows: the native predicate against
 * the SQL that api/filters.c and store/sql.c make, with SQLite as the judge. */
#include "kit.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "api/filters.h"
#include "hub/filter.h"
#include "pairs.h"

enum { ROWS = 50, FILTERS_A_WORLD = 50, TERMS_MAX = 3, TEXT_MAX = 1 << 16 };

static const char schema[] =
    "CREATE TABLE pairs (id int4 NOT NULL PRIMARY KEY, u uuid, s text, \"odd name\" text, n int4,"
    " big int8, m numeric(12,2), b bool, at timestamptz, d date, j jsonb);"
    "INSERT INTO exposed_tables (name, is_server, is_live) VALUES ('pairs', 0, 1);";

#define ADA "0190c2f4-5b6a-7c3d-8e9f-00000000000a"
#define BEN "0190c2f4-5b6a-7c3d-8e9f-00000000000b"

/* What a row may hold, as JSON; few values, so that filters meet them. */
static const char *const uuids[] = {"\"" ADA "\"", "\"" BEN "\""};
static const char *const texts[] = {
    "\"\"",
    "\"rye\"",
    "\"Rye bread\"",
    "\"it's\"",
    "\"say \\\"hi\\\"\"",
    "\"a,b\"",
    "\"(a)\"",
    "\"a\\\\b\"",
    "\"100%\"",
    "\"a_b\"",
    "\"null\"",
    "\"B\303\244cker\"",
    "\"b\\u00c4CKER\"",
    "\"\xf0\x9f\x8d\x9e\"",
    "\"\\ud83c\\udf5e\\n\"",
    "\" x \"",
    "\"1\"",
    "\"10\"",
    "\"a.b\"",
    "\"\\u0430\xd0\x91\"",
};
static const char *const ints[] = {"0", "1", "2", "10", "-1", "2147483647", "-2147483648"};
static const char *const bigs[] = {
    "0", "1", "-2", "9007199254740993", "9223372036854775807", "-9223372036854775808"};
static const char *const moneys[] = {"0.00", "0.01",    "-0.01",         "1500.50",
                                     "2",    "1500.49", "9999999999.99", "-9999999999.99"};
static const char *const bools[] = {"true", "false"};
static const char *const times[] = {
    "\"1970-01-01T00:00:00+00:00\"", "\"2026-11-22T10:00:00.5+00:00\"",
    "\"2026-11-22T10:00:00.500001+00:00\"", "\"1969-12-31T23:59:59.999999+00:00\""};
static const char *const dates[] = {"\"2026-11-22\"", "\"2026-11-21\"", "\"0001-01-01\""};
static const char *const jsons[] = {"{\"a\":1}", "[]", "\"x\"", "null"};

/* What a filter may say; some of it cannot be read as the type. */
static const char *const uuid_words[] = {ADA, BEN, "0190C2F4-5B6A-7C3D-8E9F-00000000000A",
                                         "{0190c2f45b6a7c3d8e9f00000000000b}", "12"};
static const char *const text_words[] = {
    "",
    "rye",
    "Rye bread",
    "it's",
    "say \"hi\"",
    "\"",
    "a,b",
    "(a)",
    "(",
    "a\\b",
    "\\",
    "100%",
    "null",
    "B\303\244cker",
    "\xf0\x9f\x8d\x9e",
    "\xf0\x9f\x8d\x9e\n",
    " x ",
    "1",
    "a.b",
    "not.eq.x",
    "\xd0\xb0\xd0\x91",
};
static const char *const int_words[] = {"0",  "1",  "10",  "-1",         "-0",
                                        "+2", " 2", "1e1", "2147483647", "-2147483648",
                                        "",   "x",  "1.0", "2147483648"};
static const char *const big_words[] = {"0",
                                        "-2",
                                        "9007199254740992",
                                        "9007199254740993",
                                        "9223372036854775807",
                                        "-9223372036854775808",
                                        "9223372036854775808"};
static const char *const money_words[] = {"0",
                                          "-0.00",
                                          "0.01",
                                          "0.005",
                                          "-0.005",
                                          "0.0100",
                                          "1500.5",
                                          "15005e-1",
                                          "1500.495",
                                          "2",
                                          ".5",
                                          "9999999999.99",
                                          "9999999999.995",
                                          "1e40",
                                          "-9999999999.99",
                                          "1500.4999999999999999999",
                                          "x",
                                          "1e-30"};
static const char *const bool_words[] = {"true", "false", "t", "no", "1", "maybe"};
static const char *const time_words[] = {"1970-01-01",
                                         "2026-11-22T11:00:00.5+01:00",
                                         "2026-11-22 10:00:00.500001Z",
                                         "1969-12-31T23:59:59.999999Z",
                                         "2026-11-22T10:00:00.5000005Z",
                                         "soon"};
static const char *const date_words[] = {"2026-11-22", "2026-11-21", "0001-01-01", "2026-02-30"};
static const char *const likes[] = {
    "%",      "_",     "rye",    "r%",  "%e",  "%y%",  "R_e%", "b\xc3\xa4%", "B\xc3\x84%",
    "100\\%", "a\\_b", "a\\\\b", "%,%", "(%)", "%\"%", "",     "_ _",        "\xd0\x90\xd0\xb1",
    "bad\\",  "%\n"};
static const char *const regexes[] = {"rye",
                                      "^R",
                                      "^(rye|\\(a\\))$",
                                      "[a-c],b",
                                      "^.$",
                                      "\\w+ \\w+",
                                      "^\\s",
                                      "\"hi\"",
                                      "\\\\",
                                      "^$",
                                      "%$",
                                      "^b\xc3\xa4",
                                      "a.b",
                                      "a\\.b",
                                      "^[^a-z]*$",
                                      "\\d{1,2}",
                                      "^[[:alpha:]]+$",
                                      "(",
                                      "a**",
                                      "(?=a)",
                                      "\xf0\x9f\x8d\x9e$",
                                      "\xd0\xb1$",
                                      "",
                                      "(a|b|c)+"};

struct pool {
    const char *column;
    const char *const *values;
    size_t value_count;
    const char *const *words;
    size_t word_count;
};
#define POOL(column, values, words)                                                                \
    {                                                                                              \
        column, values, CHECK_COUNT(values), words, CHECK_COUNT(words)                             \
    }
static const struct pool pools[] = {
    POOL("u", uuids, uuid_words),        POOL("s", texts, text_words),
    POOL("odd name", texts, text_words), POOL("n", ints, int_words),
    POOL("big", bigs, big_words),        POOL("m", moneys, money_words),
    POOL("b", bools, bool_words),        POOL("at", times, time_words),
    POOL("d", dates, date_words),        POOL("j", jsons, text_words),
};

struct world {
    struct kit kit;
    const struct table *table;
    struct rng rng;
    struct buf feed, rest; /* the filter in both ways of speaking */
    struct buf message, scratch_text;
    struct arena scratch;
    uint64_t compared, held, refused;
    bool is_kept[ROWS]; /* by the SQL */
};

static const char *pick(struct world *w, const char *const *list, size_t count)
{
    return list[rng_below(&w->rng, count)];
}

/* ---- rows ---- */

static void fill_table(struct world *w)
{
    struct kit *k = &w->kit;
    struct buf *json = &w->scratch_text;
    kit_run(k, &k->service, kit_query(k, VERB_DELETE, "pairs"));
    kit_assert_error(k, 0, NULL);
    buf_reset(json);
    for (unsigned id = 0; id < ROWS; id++) {
        buf_put(json, id ? BYTES(",{\"id\":") : BYTES("[{\"id\":"));
        buf_put_u64(json, id);
        for (size_t i = 0; i < CHECK_COUNT(pools); i++) {
            const struct pool *p = &pools[i];
            json_put_key(json, bytes_of(p->column));
            buf_put(json, rng_below(&w->rng, 6) ? bytes_of(pick(w, p->values, p->value_count))
                                                : BYTES("null"));
        }
        buf_put_char(json, '}');
    }
    buf_put_literal(json, "]\0");
    kit_insert(k, &k->service, "pairs", json->data);
    kit_assert_error(k, 0, NULL);
    assert_int_equal(k->changes.count, ROWS);
}

/* ---- filters ---- */

/* In quotes where the feed would read it otherwise, and sometimes where it need not be. */
static void put_quoted(struct world *w, struct buf *out, struct bytes word)
{
    static const struct bytes special = BYTES_INIT(",()\"\\ \n");
    bool is_plain = word.size > 0 && rng_below(&w->rng, 4) > 0;
    for (size_t i = 0; i < word.size; i++)
        is_plain = is_plain && bytes_find_char(special, word.data[i]) == special.size;
    if (is_plain) {
        buf_put(out, word);
        return;
    }
    buf_put_char(out, '"');
    for (size_t i = 0; i < word.size; i++) {
        if (word.data[i] == '"' || word.data[i] == '\\')
            buf_put_char(out, '\\');
        buf_put_char(out, word.data[i]);
    }
    buf_put_char(out, '"');
}

static void put_encoded(struct buf *out, struct bytes text)
{
    static const char hex[] = "0123456789ABCDEF";
    for (size_t i = 0; i < text.size; i++) {
        unsigned char c = (unsigned char)text.data[i];
        buf_put_char(out, '%');
        buf_put_char(out, hex[c >> 4]);
        buf_put_char(out, hex[c & 15]);
    }
}

static void put_both(struct world *w, const char *text)
{
    buf_put(&w->feed, bytes_of(text));
    put_encoded(&w->rest, bytes_of(text));
}

/* A list is written alike in both. */
static void put_list(struct world *w, const struct pool *p)
{
    struct buf list;
    buf_init(&list, TEXT_MAX);
    buf_put_char(&list, '(');
    for (size_t i = rng_below(&w->rng, 4);; i--) {
        struct bytes word = bytes_of(pick(w, p->words, p->word_count));
        put_quoted(w, &list, word);
        if (i == 0)
            break;
        buf_put_char(&list, ',');
    }
    buf_put_char(&list, ')');
    buf_put(&w->feed, buf_bytes(&list));
    put_encoded(&w->rest, buf_bytes(&list));
    buf_done(&list);
}

static void put_word(struct world *w, const char *word)
{
    put_quoted(w, &w->feed, bytes_of(word));
    put_encoded(&w->rest, bytes_of(word));
}

/* Half of the time with the star that a URL may have for the percent. */
static void put_like(struct world *w, const char *pattern)
{
    char starred[32];
    bool is_starred = !strchr(pattern, '\\') && rng_below(&w->rng, 2);
    snprintf(starred, sizeof(starred), "%s", pattern);
    for (char *c = starred; is_starred && *c; c++)
        *c = *c == '%' ? '*' : *c;
    put_quoted(w, &w->feed, bytes_of(pattern));
    put_encoded(&w->rest, bytes_of(starred));
}

static void put_operand(struct world *w, const struct pool *p, const char *op)
{
    static const char *const is[] = {"null", "true", "false", "unknown", "NULL", "True", "x"};
    put_both(w, op);
    if (strcmp(op, "in.") == 0)
        put_list(w, p);
    else if (strcmp(op, "is.") == 0)
        put_both(w, pick(w, is, rng_below(&w->rng, 2) ? 1 : CHECK_COUNT(is)));
    else if (strcmp(op, "like.") == 0 || strcmp(op, "ilike.") == 0)
        put_like(w, pick(w, likes, CHECK_COUNT(likes)));
    else if (strcmp(op, "match.") == 0 || strcmp(op, "imatch.") == 0)
        put_word(w, pick(w, regexes, CHECK_COUNT(regexes)));
    else
        put_word(w, pick(w, p->words, p->word_count));
}

static const char *draw_op(struct world *w, const struct pool *p)
{
    static const char *const ops[] = {"eq.",  "neq.", "gt.", "gte.", "lt.",
                                      "lte.", "in.",  "in.", "is.",  "isdistinct."};
    static const char *const text_ops[] = {"like.", "ilike.", "match.", "imatch."};
    if (p->values == jsons) /* the feed does not compare documents */
        return "is.";
    if (p->values == texts && rng_below(&w->rng, 2))
        return pick(w, text_ops, CHECK_COUNT(text_ops));
    return pick(w, ops, CHECK_COUNT(ops));
}

static void put_term(struct world *w, bool is_first)
{
    const struct pool *p = &pools[rng_below(&w->rng, CHECK_COUNT(pools))];
    buf_put(&w->feed, is_first ? BYTES("") : BYTES(","));
    buf_put(&w->rest, is_first ? BYTES("") : BYTES("&"));
    put_both(w, p->column);
    buf_put_char(&w->feed, '=');
    buf_put_char(&w->rest, '=');
    if (rng_below(&w->rng, 3) == 0)
        put_both(w, "not.");
    put_operand(w, p, draw_op(w, p));
}

static void draw_filter(struct world *w)
{
    size_t terms = 1 + rng_below(&w->rng, TERMS_MAX * TERMS_MAX) / TERMS_MAX;
    buf_reset(&w->feed);
    buf_reset(&w->rest);
    for (size_t i = 0; i < terms; i++)
        put_term(w, i == 0);
    assert_true(!w->feed.err && !w->rest.err);
}

/* ---- the comparison ---- */

static void difference(struct world *w, const char *what, struct bytes row)
{
    fail_msg("%s\nseed %" PRIu64 ", %" PRIu64 " pairs before\nfeed %.*s\nrest %.*s\nrow %.*s", what,
             pairs_seed(), w->compared, (int)w->feed.size, w->feed.data, (int)w->rest.size,
             w->rest.data, (int)row.size, row.data ? row.data : "");
}

/* NULL: REST refuses the filter. */
static struct query *parse_rest(struct world *w)
{
    struct kit *k = &w->kit;
    struct query *q = kit_query(k, VERB_SELECT, "pairs");
    struct parse p = {.arena = &k->arena,
                      .scratch = &w->scratch_text,
                      .catalogue = store_catalogue(k->store),
                      .is_service = true};
    struct query_texts unused;
    enum err e = filters_parse(&p, buf_bytes(&w->rest), q, &unused);
    assert_int_not_equal(e, ERR_NOMEM);
    return e ? NULL : q;
}

static void run_sql(struct world *w, struct query *q)
{
    struct kit *k = &w->kit;
    struct json_value array, row, id;
    struct bytes key;
    int64_t n;
    memset(w->is_kept, 0, sizeof(w->is_kept));
    kit_want(k, q, "id");
    kit_run(k, &k->service, q);
    kit_assert_error(k, 0, NULL);
    assert_int_equal(json_parse(buf_bytes(&k->reply.body), &array), OK);
    struct json_iter rows = json_iter(array);
    while (json_next(&rows, &key, &row)) {
        assert_int_equal(json_get(row, BYTES("id"), &id), OK);
        assert_int_equal(json_to_i64(id, &n), OK);
        w->is_kept[n] = true;
    }
}

static void compare_rows(struct world *w, const struct filter *f, struct change *const *rows)
{
    for (size_t i = 0; i < ROWS; i++) {
        bool is_match = false;
        assert_int_equal(filter_matches(f, rows[i]->new_row, &w->scratch, &is_match), OK);
        if (is_match != w->is_kept[i])
            difference(w, is_match ? "only the feed lets it pass" : "only SQL lets it pass",
                       rows[i]->new_row);
        w->compared++;
        w->held += is_match;
    }
}

static void compare(struct world *w, struct change *const *rows)
{
    struct filter f;
    arena_reset(&w->kit.arena);
    draw_filter(w);
    buf_reset(&w->message);
    enum err e = filter_parse(w->table, buf_bytes(&w->feed), &w->kit.arena, &w->message, &f);
    assert_int_not_equal(e, ERR_NOMEM);
    struct query *q = parse_rest(w);
    if ((e == OK) != (q != NULL))
        difference(w, e ? "only the feed refuses it" : "only REST refuses it", BYTES(""));
    w->refused += e != OK;
    if (e)
        return;
    run_sql(w, q);
    compare_rows(w, &f, rows);
}

/* The rows as the store says them to the feed. */
static void run_rows(struct world *w)
{
    struct changes rows = {NULL, 0, 0};
    fill_table(w);
    changes_init(&rows);
    for (size_t i = 0; i < ROWS; i++)
        assert_int_equal(changes_push(&rows, change_ref(w->kit.changes.items[i])), OK);
    for (size_t i = 0; i < FILTERS_A_WORLD && w->compared < pairs_count(); i++)
        compare(w, rows.items);
    changes_done(&rows);
    arena_reset(&w->kit.arena);
}

static void filters_of_the_feed_and_of_sql_let_the_same_rows_pass(void **state)
{
    struct world w = {.compared = 0};
    (void)state;
    kit_open_with(&w.kit, schema);
    w.table = catalogue_table(store_catalogue(w.kit.store), BYTES("pairs"));
    rng_init(&w.rng, pairs_seed());
    buf_init(&w.feed, TEXT_MAX);
    buf_init(&w.rest, TEXT_MAX);
    buf_init(&w.message, TEXT_MAX);
    buf_init(&w.scratch_text, TEXT_MAX);
    arena_init(&w.scratch, TEXT_MAX);
    while (w.compared < pairs_count())
        run_rows(&w);
    pairs_report("filters", w.compared, w.held);
    /* Neither all nor nothing: the comparison says something. */
    assert_in_range(w.held, w.compared / 10, w.compared / 2);
    assert_in_range(w.refused * ROWS, w.compared / 10, w.compared);
    buf_done(&w.feed);
    buf_done(&w.rest);
    buf_done(&w.message);
    buf_done(&w.scratch_text);
    arena_done(&w.scratch);
    kit_close(&w.kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(filters_of_the_feed_and_of_sql_let_the_same_rows_pass),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
