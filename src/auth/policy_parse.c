/* The statements of policy.h, by recursive descent. */
#include "auth/policy_ast.h"
#include "auth/policy_lex.h"

enum {
    TEXT_SIZE_MAX = 256 * 1024,
    STAFF_ROLES = 1 << ROLE_OWNER | 1 << ROLE_MANAGER | 1 << ROLE_SALES_REP,
    PUBLIC_ROLES = STAFF_ROLES | 1 << ROLE_ANON,
    ALL_VERBS = (1 << VERB_COUNT) - 1
};

struct parser {
    struct lex lex;
    const struct catalogue *catalogue;
    const struct table *table;
    struct bytes file;
};

static bool parse_clause(struct parser *p, unsigned scope, const struct expr **out)
{
    if (!lex_expect_symbol(&p->lex, BYTES("("), BYTES("expected ( and not")))
        return false;
    *out = policy_parse_expr(&p->lex, p->table, scope);
    return lex_expect_symbol(&p->lex, BYTES(")"), BYTES("expected ) and not"));
}

static bool parse_verbs(struct parser *p, struct policy *out)
{
    out->verbs = ALL_VERBS;
    if (!lex_take_word(&p->lex, BYTES("for")) || lex_take_word(&p->lex, BYTES("all")))
        return !p->lex.err;
    for (int verb = VERB_SELECT; verb < VERB_COUNT; verb++) {
        if (lex_take_word(&p->lex, verb_name((enum verb)verb))) {
            out->verbs = 1U << verb;
            return true;
        }
    }
    return lex_fail_here(&p->lex, BYTES("expected ALL, SELECT, INSERT, UPDATE or DELETE, not"));
}

static bool parse_role(struct parser *p, unsigned *roles)
{
    unsigned line = p->lex.now.line;
    struct bytes name = lex_take_name(&p->lex, BYTES("expected a role, not"));
    enum role role;
    if (p->lex.err)
        return false;
    if (bytes_equal(name, BYTES("authenticated"))) {
        *roles |= STAFF_ROLES;
    } else if (bytes_equal(name, BYTES("public"))) {
        *roles |= PUBLIC_ROLES;
    } else if (role_parse(name, &role)) {
        return lex_fail_at(&p->lex, line, ERR_NOT_FOUND, BYTES("there is no such role:"), name);
    } else if (role == ROLE_SERVICE) {
        return lex_fail_at(&p->lex, line, ERR_UNSUPPORTED,
                           BYTES("policies do not concern the role"), name);
    } else {
        *roles |= 1U << role;
    }
    return true;
}

static bool parse_roles(struct parser *p, struct policy *out)
{
    if (!lex_take_word(&p->lex, BYTES("to"))) {
        out->roles = PUBLIC_ROLES;
        return !p->lex.err;
    }
    do {
        if (!parse_role(p, &out->roles))
            return false;
    } while (lex_take_symbol(&p->lex, BYTES(",")));
    return !p->lex.err;
}

static bool parse_clauses(struct parser *p, struct policy *out)
{
    bool is_insert = out->verbs == 1U << VERB_INSERT, is_update = out->verbs == 1U << VERB_UPDATE;
    bool may_check = is_insert || is_update || out->verbs == ALL_VERBS;
    /* The feed decides once for many, at no time in particular, and a channel keeps its answer. */
    unsigned clock = p->table->is_private ? 0 : POLICY_CLOCK;
    unsigned for_rows = out->verbs & 1U << VERB_SELECT ? 0 : clock;
    unsigned for_new = is_update ? clock | POLICY_OLD_ROW : clock;
    if (lex_is_word(&p->lex, BYTES("using")) && is_insert)
        return lex_fail_here(&p->lex, BYTES("only WITH CHECK is allowed for INSERT, not"));
    if (lex_take_word(&p->lex, BYTES("using")) && !parse_clause(p, for_rows, &out->using))
        return false;
    if (lex_is_word(&p->lex, BYTES("with")) && !may_check)
        return lex_fail_here(&p->lex, BYTES("WITH CHECK is not for SELECT and DELETE:"));
    if (lex_take_word(&p->lex, BYTES("with")) &&
        (!lex_expect_word(&p->lex, BYTES("check"), BYTES("expected CHECK, not")) ||
         !parse_clause(p, for_new, &out->check)))
        return false;
    if (!out->using && !out->check)
        return lex_fail_here(&p->lex, is_insert ? BYTES("expected WITH CHECK, not")
                                                : BYTES("expected USING, not"));
    return !p->lex.err;
}

static bool parse_table(struct parser *p, struct policy *out)
{
    unsigned line = p->lex.now.line;
    struct bytes name = lex_take_name(&p->lex, BYTES("expected a table, not"));
    if (bytes_equal(name, BYTES("public")) && lex_take_symbol(&p->lex, BYTES("."))) {
        line = p->lex.now.line;
        name = lex_take_name(&p->lex, BYTES("expected a table, not"));
    }
    if (p->lex.err)
        return false;
    out->table = p->table = catalogue_table(p->catalogue, name);
    if (out->table)
        return true;
    return lex_fail_at(&p->lex, line, ERR_NOT_FOUND, BYTES("there is no such table:"), name);
}

/* On one line, without comments; quoted texts are left as they are. */
static void squeeze(struct buf *out, struct bytes text)
{
    char quote = 0;
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];
        if (quote || c == '\'' || c == '"') {
            quote = !quote ? c : c == quote ? 0 : quote;
            buf_put_char(out, c);
        } else if (c == '-' && i + 1 < text.size && text.data[i + 1] == '-') {
            i += bytes_find_char(bytes_slice(text, i, text.size), '\n') - 1;
        } else if (c != ' ' && c != '\t' && c != '\r' && c != '\n') {
            buf_put_char(out, c);
        } else if (out->size && out->data[out->size - 1] != ' ') {
            buf_put_char(out, ' ');
        }
    }
}

/* From `from` to the present lexeme. */
static void keep_text(struct parser *p, const char *from, struct policy *out)
{
    struct buf text;
    buf_init(&text, TEXT_SIZE_MAX);
    squeeze(&text, (struct bytes){from, (size_t)(p->lex.now.text.data - from)});
    out->text = arena_copy(p->lex.arena, bytes_trim(buf_bytes(&text)));
    if (text.err || !out->text.data)
        lex_fail(&p->lex, ERR_NOMEM, BYTES("out of memory"), LEX_NONE);
    buf_done(&text);
}

static bool parse_terms(struct parser *p, struct policy *out)
{
    const char *from = p->lex.now.text.data;
    if (!parse_verbs(p, out) || !parse_roles(p, out) || !parse_clauses(p, out))
        return false;
    if (p->lex.now.kind != LEX_END)
        keep_text(p, from, out);
    return !p->lex.err;
}

static struct policy *parse_policy(struct parser *p)
{
    struct policy *out = lex_alloc(&p->lex, sizeof(*out));
    if (out)
        *out = (struct policy){.file = p->file, .line = p->lex.now.line};
    if (!out || !lex_expect_word(&p->lex, BYTES("create"), BYTES("expected CREATE POLICY, not")) ||
        !lex_expect_word(&p->lex, BYTES("policy"), BYTES("expected POLICY, not")))
        return NULL;
    out->name = lex_take_name(&p->lex, BYTES("expected a name, not"));
    if (!lex_expect_word(&p->lex, BYTES("on"), BYTES("expected ON, not")) || !parse_table(p, out) ||
        !parse_terms(p, out) ||
        !lex_expect_symbol(&p->lex, BYTES(";"), BYTES("expected ; and not")))
        return NULL;
    return out;
}

enum err policy_parse(const struct catalogue *c, struct arena *arena, struct bytes file,
                      struct bytes text, struct buf *message, struct policy **out)
{
    struct parser p = {.catalogue = c, .file = arena_copy(arena, file)};
    struct policy *first = NULL, **end = &first;
    lex_init(&p.lex, file, text, arena, message);
    if (text.size > TEXT_SIZE_MAX)
        lex_fail(&p.lex, ERR_UNSUPPORTED, BYTES("the text is too long"), LEX_NONE);
    if (!p.file.data)
        lex_fail(&p.lex, ERR_NOMEM, BYTES("out of memory"), LEX_NONE);
    lex_advance(&p.lex);
    while (!p.lex.err && p.lex.now.kind != LEX_END) {
        *end = parse_policy(&p);
        if (*end)
            end = &(*end)->next;
    }
    if (!p.lex.err)
        *out = first;
    return p.lex.err;
}
