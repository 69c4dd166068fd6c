/* policy_fuzz: policies, a zero byte, and a row.  What is accepted must give SQL that is well
 * formed to the eye, and native answers that fit to it; what is not must say where the fault is. */
#include "auth/policy.h"

#include "fuzz.h"

enum { TEXT_MAX = 1 << 20 };

static struct column columns[] = {
    {.name = BYTES_INIT("id"), .type = TYPE_UUID},
    {.name = BYTES_INIT("s"), .type = TYPE_TEXT},
    {.name = BYTES_INIT("n"), .type = TYPE_INT4},
    {.name = BYTES_INIT("n8"), .type = TYPE_INT8},
    {.name = BYTES_INIT("m"), .type = TYPE_NUMERIC, .scale = 2, .precision = 12},
    {.name = BYTES_INIT("b"), .type = TYPE_BOOL},
    {.name = BYTES_INIT("at"), .type = TYPE_TIMESTAMPTZ},
    {.name = BYTES_INIT("d"), .type = TYPE_DATE},
    {.name = BYTES_INIT("j"), .type = TYPE_JSONB},
};
static struct table tables[] = {
    {.name = BYTES_INIT("t"),
     .columns = columns,
     .column_count = sizeof(columns) / sizeof(columns[0])},
};
static const struct catalogue catalogue = {.tables = tables, .table_count = 1};

/* Brackets in balance outside of quotes, and quotes closed. */
static void check_sql(struct bytes sql)
{
    int depth = 0;
    char quote = '\0';
    for (size_t i = 0; i < sql.size; i++) {
        char c = sql.data[i];
        assert(c != '\0');
        if (quote) {
            quote = c == quote ? '\0' : quote;
            continue;
        }
        assert(c != ';');
        if (c == '\'' || c == '"')
            quote = c;
        depth += (c == '(') - (c == ')');
        assert(depth >= 0);
    }
    assert(depth == 0 && quote == '\0' && sql.size > 0);
}

static void check_cell(const struct policies *p, enum verb verb, const struct policy_context *ctx,
                       struct bytes row)
{
    struct buf sql;
    buf_init(&sql, TEXT_MAX);
    policy_put_sql(&sql, p, tables, verb, ctx->who.role, BYTES("x"));
    assert(sql.err == OK);
    check_sql(buf_bytes(&sql));
    bool sees = policy_sees(p, tables, verb, ctx, row);
    bool accepts = policy_accepts(p, tables, verb, ctx, row, row);
    if (bytes_equal(buf_bytes(&sql), BYTES("1")))
        assert(sees);
    if (bytes_equal(buf_bytes(&sql), BYTES("0")))
        assert(!sees);
    /* An UPDATE that has a check but sees no row changes none. */
    if (!policy_has_any(p, tables, verb, ctx->who.role))
        assert(!sees && (!accepts || verb == VERB_UPDATE));
    buf_done(&sql);
}

static void check_policies(const struct policies *p, struct bytes row)
{
    struct policy_context ctx = {.who = {.user_id = "0190c2f4-5b6a-7c3d-8e9f-00000000000a"},
                                 .shift = BYTES("morning"),
                                 .business_day = BYTES("2026-08-21")};
    struct buf text;
    for (int role = 0; role < ROLE_COUNT; role++) {
        ctx.who.role = (enum role)role;
        for (int verb = VERB_SELECT; verb <= VERB_DELETE; verb++)
            check_cell(p, (enum verb)verb, &ctx, row);
    }
    buf_init(&text, TEXT_MAX);
    policies_print(&text, p);
    assert(text.err == OK);
    buf_done(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes in = fuzz_input(data, size);
    size_t end = bytes_find_char(in, '\0');
    struct policies *p;
    struct buf message;
    buf_init(&message, TEXT_MAX);
    if (policies_new(&catalogue, &p))
        return 0;
    enum err e = policies_add(p, BYTES("f.sql"), bytes_slice(in, 0, end), &message);
    assert(e ? bytes_starts_with(buf_bytes(&message), BYTES("f.sql:")) : message.size == 0);
    check_policies(p, bytes_slice(in, end + 1, in.size));
    policies_free(p);
    buf_done(&message);
    return 0;
}
