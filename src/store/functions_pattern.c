/* The patterns of SQL and of regular expressions.  What a call costs is taken from the budget of
 * the request, for SQLite counts it as one operation. */
#include "base/like.h"
#include "base/regex.h"
#include "store/sqlite.h"

enum {
    LIKE_OPS = 4, /* for each byte of a text */
    REGEX_OPS = REGEX_STATES_MAX / 2,
    REGEX_ARENA_MAX = 1 << 20
};

struct compiled {
    struct arena arena;
    struct regex *regex;
};

static bool spend(sqlite3_context *ctx, struct bytes text, size_t ops)
{
    if (session_spend(sqlite3_user_data(ctx), (text.size + 1) * ops))
        return true;
    sqlite3_result_error_code(ctx, SQLITE_INTERRUPT);
    return false;
}

/* False: one of the arguments is null, and so is the result; or the result is an error. */
static bool read_arguments(sqlite3_context *ctx, sqlite3_value **argv, size_t ops,
                           struct bytes *text, struct bytes *pattern)
{
    struct value t = row_value(argv[0]), p = row_value(argv[1]);
    if (t.kind != VALUE_TEXT || p.kind != VALUE_TEXT)
        return false;
    *text = t.text;
    *pattern = p.text;
    return spend(ctx, t.text, ops);
}

static void like(sqlite3_context *ctx, sqlite3_value **argv, bool is_nocase)
{
    struct bytes text, pattern;
    if (!read_arguments(ctx, argv, LIKE_OPS, &text, &pattern))
        return;
    if (like_check(pattern))
        sqlite3_result_error(ctx, "malformed pattern", -1);
    else
        sqlite3_result_int(ctx, like_matches(pattern, text, is_nocase));
}

static void fn_like(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
    (void)argc;
    like(ctx, argv, false);
}

static void fn_ilike(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
    (void)argc;
    like(ctx, argv, true);
}

/* ---- regular expressions ---- */

static void compiled_free(void *p)
{
    struct compiled *c = p;
    arena_done(&c->arena);
    mem_free(c);
}

static enum err compiled_new(struct bytes pattern, bool is_nocase, struct compiled **out)
{
    struct buf unused;
    struct compiled *c = mem_zalloc(sizeof(*c));
    if (!c)
        return ERR_NOMEM;
    arena_init(&c->arena, REGEX_ARENA_MAX);
    buf_init(&unused, REGEX_PATTERN_MAX * 2);
    enum err e = regex_new(pattern, is_nocase, &c->arena, &unused, &c->regex);
    buf_done(&unused);
    if (e)
        compiled_free(c);
    else
        *out = c;
    return e;
}

/* The pattern is the same for all rows, so SQLite keeps what was compiled. */
static enum err get_compiled(sqlite3_context *ctx, struct bytes pattern, bool is_nocase,
                             struct compiled **out)
{
    *out = sqlite3_get_auxdata(ctx, 1);
    if (*out)
        return OK;
    enum err e = compiled_new(pattern, is_nocase, out);
    if (e)
        return e;
    sqlite3_set_auxdata(ctx, 1, *out, compiled_free);
    *out = sqlite3_get_auxdata(ctx, 1); /* freed at once when there was no memory */
    return *out ? OK : ERR_NOMEM;
}

static void result_fault(sqlite3_context *ctx, enum err e)
{
    struct store_session *s = sqlite3_user_data(ctx);
    if (e == ERR_NOMEM) {
        sqlite3_result_error_nomem(ctx);
    } else if (e == ERR_LIMIT) {
        s->was_too_complex = true;
        sqlite3_result_error_code(ctx, SQLITE_INTERRUPT);
    } else {
        sqlite3_result_error(ctx, "malformed pattern or text", -1);
    }
}

static void match(sqlite3_context *ctx, sqlite3_value **argv, bool is_nocase)
{
    struct bytes text, pattern;
    struct compiled *c;
    bool is_match = false;
    if (!read_arguments(ctx, argv, REGEX_OPS, &text, &pattern))
        return;
    enum err e = get_compiled(ctx, pattern, is_nocase, &c);
    if (!e)
        e = regex_matches(c->regex, text, &is_match);
    if (e)
        result_fault(ctx, e);
    else
        sqlite3_result_int(ctx, is_match);
}

static void fn_match(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
    (void)argc;
    match(ctx, argv, false);
}

static void fn_imatch(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
    (void)argc;
    match(ctx, argv, true);
}

int functions_add_patterns(struct store_session *s)
{
    static const struct {
        const char *name;
        void (*run)(sqlite3_context *, int, sqlite3_value **);
    } functions[] = {{"text_like", fn_like},
                     {"text_ilike", fn_ilike},
                     {"text_match", fn_match},
                     {"text_imatch", fn_imatch}};
    int rc = SQLITE_OK;
    for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]) && !rc; i++)
        rc = sqlite3_create_function_v2(s->db, functions[i].name, 2,
                                        SQLITE_UTF8 | SQLITE_INNOCUOUS | SQLITE_DETERMINISTIC, s,
                                        functions[i].run, NULL, NULL, NULL);
    return rc;
}
