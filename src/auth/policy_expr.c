/* Recursive descent over the expressions of policy.h.  Nesting and length are bounded, so that
 * neither our stack nor the database's expression limit can be reached. */
#include <assert.h>

#include "auth/policy_ast.h"
#include "auth/policy_lex.h"
#include "auth/topic.h"
#include "base/like.h"

enum {
    DEPTH_MAX = 32,
    EXPR_COUNT_MAX = 256 /* nodes of one expression */
};

struct parser {
    struct lex *lex;
    const struct table *table;
    unsigned scope;        /* of enum policy_scope */
    unsigned depth, count; /* of the expression */
};

static const struct column function_columns[] = {
    [OPERAND_UID] = {.name = BYTES_INIT("auth.uid()"), .type = TYPE_UUID},
    [OPERAND_ROLE] = {.name = BYTES_INIT("auth.role()"), .type = TYPE_TEXT},
    [OPERAND_SHIFT] = {.name = BYTES_INIT("current_shift()"), .type = TYPE_TEXT},
    [OPERAND_DAY] = {.name = BYTES_INIT("current_business_day()"), .type = TYPE_DATE},
};

/* A number in the text is compared with whole numbers as SQL does: 2.5 lies between 2 and 3. */
static const struct column whole_number = {.type = TYPE_NUMERIC, .scale = 0};

/* ---- operands ---- */

/* An operand before it is known what type a literal shall have. */
enum literal_kind { LITERAL_NONE, LITERAL_NULL, LITERAL_BOOL, LITERAL_NUMBER, LITERAL_TEXT };

struct raw_operand {
    struct operand operand;
    enum literal_kind literal;
    struct bytes text;
    unsigned line;
};

static bool take_column(struct parser *p, enum operand_kind kind, struct raw_operand *out)
{
    unsigned line = p->lex->now.line;
    struct bytes name = lex_take_name(p->lex, BYTES("expected a column, not"));
    if (p->lex->err)
        return false;
    const struct column *c = table_column(p->table, name);
    if (!c)
        return lex_fail_at(p->lex, line, ERR_NOT_FOUND, BYTES("there is no such column:"), name);
    if (p->table->is_private && !topic_has_column(name))
        return lex_fail_at(p->lex, line, ERR_UNSUPPORTED,
                           BYTES("a channel is asked about before there is a row, so not about"),
                           name);
    out->operand = (struct operand){.kind = kind, .column = c};
    return true;
}

static bool take_call(struct parser *p, struct bytes name, struct raw_operand *out)
{
    for (int kind = OPERAND_UID; kind <= OPERAND_DAY; kind++) {
        const struct column *f = &function_columns[kind];
        if (!bytes_equal(bytes_slice(f->name, 0, f->name.size - 2), name))
            continue;
        bool is_clock = kind == OPERAND_SHIFT || kind == OPERAND_DAY;
        if (is_clock && !(p->scope & POLICY_CLOCK))
            return lex_fail(p->lex, ERR_UNSUPPORTED,
                            BYTES("what may be seen or said cannot depend on the clock:"), name);
        out->operand = (struct operand){.kind = (enum operand_kind)kind, .column = f};
        return lex_expect_symbol(p->lex, BYTES("("), BYTES("expected ( and not")) &&
               lex_expect_symbol(p->lex, BYTES(")"), BYTES("expected ) and not"));
    }
    return lex_fail(p->lex, ERR_UNSUPPORTED, BYTES("there is no such function:"), name);
}

static bool take_qualified(struct parser *p, struct bytes qualifier, struct raw_operand *out)
{
    if (bytes_equal(qualifier, BYTES("auth"))) {
        struct bytes name = lex_take_name(p->lex, BYTES("expected a function, not"));
        if (bytes_equal(name, BYTES("uid")))
            return take_call(p, BYTES("auth.uid"), out);
        if (bytes_equal(name, BYTES("role")))
            return take_call(p, BYTES("auth.role"), out);
        return lex_fail(p->lex, ERR_UNSUPPORTED, BYTES("there is no such function: auth."), name);
    }
    if (bytes_equal(qualifier, BYTES("old"))) {
        if (!(p->scope & POLICY_OLD_ROW))
            return lex_fail(p->lex, ERR_UNSUPPORTED,
                            BYTES("old is known only in WITH CHECK of UPDATE"), LEX_NONE);
        return take_column(p, OPERAND_OLD, out);
    }
    if (bytes_equal(qualifier, p->table->name))
        return take_column(p, OPERAND_COLUMN, out);
    return lex_fail(p->lex, ERR_NOT_FOUND, BYTES("there is no such table here:"), qualifier);
}

static bool take_literal_word(struct parser *p, struct raw_operand *out)
{
    bool is_true = lex_is_word(p->lex, BYTES("true"));
    if (is_true || lex_is_word(p->lex, BYTES("false")))
        out->literal = LITERAL_BOOL;
    else if (lex_is_word(p->lex, BYTES("null")))
        out->literal = LITERAL_NULL;
    else
        return false;
    out->operand.value.number = is_true;
    lex_advance(p->lex);
    return true;
}

static bool is_reserved(const struct parser *p)
{
    static const struct bytes words[] = {
        BYTES_INIT("and"),   BYTES_INIT("or"),   BYTES_INIT("not"),
        BYTES_INIT("is"),    BYTES_INIT("in"),   BYTES_INIT("like"),
        BYTES_INIT("using"), BYTES_INIT("with"), BYTES_INIT("select"),
    };
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (lex_is_word(p->lex, words[i]))
            return true;
    return false;
}

static bool take_operand(struct parser *p, struct raw_operand *out)
{
    *out = (struct raw_operand){.operand = {.kind = OPERAND_LITERAL}, .line = p->lex->now.line};
    if (p->lex->err)
        return false;
    if (p->lex->now.kind == LEX_STRING || p->lex->now.kind == LEX_NUMBER) {
        bool is_number = p->lex->now.kind == LEX_NUMBER;
        out->literal = is_number ? LITERAL_NUMBER : LITERAL_TEXT;
        out->text = is_number ? p->lex->now.text : lex_unquote(p->lex, p->lex->now.text);
        lex_advance(p->lex);
        return !p->lex->err;
    }
    if (take_literal_word(p, out))
        return true;
    bool is_name = p->lex->now.kind == LEX_WORD || p->lex->now.kind == LEX_QUOTED;
    if (!is_name || is_reserved(p))
        return lex_fail_here(p->lex, BYTES("expected a value, not"));
    char next = lex_peek(p->lex);
    if (next != '.' && next != '(')
        return take_column(p, OPERAND_COLUMN, out);
    struct bytes name = lex_take_name(p->lex, BYTES("expected a value, not"));
    if (p->lex->err)
        return false;
    return lex_take_symbol(p->lex, BYTES(".")) ? take_qualified(p, name, out)
                                               : take_call(p, name, out);
}

/* ---- types ---- */

static bool is_stored_as_text(const struct column *c)
{
    return c->type == TYPE_UUID || c->type == TYPE_TEXT || c->type == TYPE_DATE;
}

static bool is_whole(const struct column *c)
{
    return c->type == TYPE_INT4 || c->type == TYPE_INT8;
}

static bool is_function(const struct operand *o)
{
    return o->kind >= OPERAND_UID && o->kind <= OPERAND_DAY;
}

static bool are_comparable(const struct operand *a, const struct operand *b)
{
    const struct column *x = a->column, *y = b->column;
    if (x->type == TYPE_JSONB || y->type == TYPE_JSONB)
        return false;
    if (is_function(a) || is_function(b))
        return is_stored_as_text(x) && is_stored_as_text(y);
    return (is_whole(x) && is_whole(y)) || (x->type == y->type && x->scale == y->scale);
}

static bool literal_fits(enum literal_kind literal, const struct column *c)
{
    switch (literal) {
    case LITERAL_BOOL:
        return c->type == TYPE_BOOL;
    case LITERAL_NUMBER:
        return is_whole(c) || c->type == TYPE_NUMERIC;
    case LITERAL_TEXT:
    case LITERAL_NULL:
        return c->type != TYPE_JSONB;
    case LITERAL_NONE:
        break;
    }
    return false;
}

/* Gives the literal the stored form of column `c`. */
static bool bind_literal(struct parser *p, const struct column *c, struct raw_operand *raw)
{
    struct value *v = &raw->operand.value;
    if (!literal_fits(raw->literal, c))
        return lex_fail_at(p->lex, raw->line, ERR_TYPE, BYTES("a literal of another type than"),
                           c->name);
    if (raw->literal == LITERAL_NULL || raw->literal == LITERAL_BOOL) {
        v->kind = raw->literal == LITERAL_NULL ? VALUE_NULL : VALUE_INT;
        return true;
    }
    bool is_plain = raw->literal == LITERAL_NUMBER && is_whole(c);
    enum err e = value_from_text(is_plain ? &whole_number : c, raw->text, p->lex->arena, v);
    if (!e)
        return true;
    if (e == ERR_NOMEM)
        return lex_fail(p->lex, e, BYTES("out of memory"), LEX_NONE);
    return lex_fail_at(p->lex, raw->line, ERR_TYPE, BYTES("no value of the column's type:"),
                       raw->text);
}

/* ---- expressions ---- */

static struct expr *new_expr(struct parser *p, enum expr_kind kind)
{
    if (++p->count > EXPR_COUNT_MAX)
        lex_fail(p->lex, ERR_UNSUPPORTED, BYTES("the expression is too long"), LEX_NONE);
    struct expr *e = lex_alloc(p->lex, sizeof(*e));
    if (e)
        e->kind = kind;
    return e;
}

static struct expr *new_parent(struct parser *p, enum expr_kind kind, struct expr *first)
{
    struct expr *e = first ? new_expr(p, kind) : NULL;
    if (e)
        e->first = first;
    return e;
}

static enum compare_op flipped(enum compare_op op)
{
    static const enum compare_op flip[] = {
        [CMP_EQ] = CMP_EQ, [CMP_NE] = CMP_NE, [CMP_LT] = CMP_GT,
        [CMP_LE] = CMP_GE, [CMP_GT] = CMP_LT, [CMP_GE] = CMP_LE,
    };
    return flip[op];
}

static struct expr *new_compare(struct parser *p, struct raw_operand a, enum compare_op op,
                                struct raw_operand b)
{
    if (a.literal && b.literal) {
        lex_fail_at(p->lex, b.line, ERR_UNSUPPORTED,
                    BYTES("a comparison needs a column or a function"), LEX_NONE);
        return NULL;
    }
    if (a.literal) {
        struct raw_operand other = a;
        a = b;
        b = other;
        op = flipped(op);
    }
    assert(a.operand.column && (b.literal || b.operand.column));
    if (b.literal && !bind_literal(p, a.operand.column, &b))
        return NULL;
    if (!b.literal && !are_comparable(&a.operand, &b.operand)) {
        lex_fail_at(p->lex, b.line, ERR_TYPE, BYTES("values of two types are compared with"),
                    b.operand.column->name);
        return NULL;
    }
    struct expr *e = new_expr(p, EXPR_COMPARE);
    if (!e)
        return NULL;
    e->op = op;
    e->left = a.operand;
    e->right = b.operand;
    return e;
}

static bool take_compare_op(struct parser *p, enum compare_op *op)
{
    static const struct {
        struct bytes symbol;
        enum compare_op op;
    } ops[] = {
        {BYTES_INIT("="), CMP_EQ},  {BYTES_INIT("<>"), CMP_NE}, {BYTES_INIT("!="), CMP_NE},
        {BYTES_INIT("<"), CMP_LT},  {BYTES_INIT("<="), CMP_LE}, {BYTES_INIT(">"), CMP_GT},
        {BYTES_INIT(">="), CMP_GE},
    };
    for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
        if (lex_take_symbol(p->lex, ops[i].symbol)) {
            *op = ops[i].op;
            return true;
        }
    }
    return false;
}

static struct expr *negated(struct parser *p, bool is_negated, struct expr *e)
{
    return is_negated ? new_parent(p, EXPR_NOT, e) : e;
}

/* Behind IS. */
static struct expr *parse_is(struct parser *p, const struct raw_operand *o)
{
    bool is_not = lex_take_word(p->lex, BYTES("not"));
    if (!lex_expect_word(p->lex, BYTES("null"), BYTES("expected NULL, not")))
        return NULL;
    if (o->literal) {
        struct expr *constant = new_expr(p, EXPR_CONST);
        if (constant)
            constant->constant = (o->literal == LITERAL_NULL) != is_not ? TRI_TRUE : TRI_FALSE;
        return constant;
    }
    struct expr *e = new_expr(p, EXPR_IS_NULL);
    if (e)
        e->left = o->operand;
    return negated(p, is_not, e);
}

/* Behind IN: the same as a chain of comparisons, with null meaning the same too. */
static struct expr *parse_in(struct parser *p, struct raw_operand left)
{
    struct expr *first = NULL, **end = &first;
    if (!lex_expect_symbol(p->lex, BYTES("("), BYTES("expected ( and not")))
        return NULL;
    do {
        struct raw_operand item;
        if (!take_operand(p, &item))
            return NULL;
        *end = new_compare(p, left, CMP_EQ, item);
        if (!*end)
            return NULL;
        end = &(*end)->next;
    } while (lex_take_symbol(p->lex, BYTES(",")));
    if (!lex_expect_symbol(p->lex, BYTES(")"), BYTES("expected , or ) and not")))
        return NULL;
    return new_parent(p, EXPR_OR, first);
}

static struct bytes name_of(const struct raw_operand *o)
{
    assert(o->literal || o->operand.column);
    return o->literal ? o->text : o->operand.column->name;
}

/* Behind LIKE. */
static struct expr *parse_like(struct parser *p, const struct raw_operand *left)
{
    unsigned line = p->lex->now.line;
    struct raw_operand pattern;
    if (!take_operand(p, &pattern))
        return NULL;
    if (pattern.literal != LITERAL_TEXT || like_check(pattern.text)) {
        lex_fail_at(p->lex, line, ERR_UNSUPPORTED,
                    BYTES("a pattern is a text of at most 100 bytes, not"), name_of(&pattern));
        return NULL;
    }
    if (left->literal || left->operand.column->type != TYPE_TEXT) {
        lex_fail_at(p->lex, left->line, ERR_TYPE, BYTES("only a text is like a pattern, not"),
                    name_of(left));
        return NULL;
    }
    struct expr *e = new_expr(p, EXPR_LIKE);
    if (!e)
        return NULL;
    e->left = left->operand;
    e->right = pattern.operand;
    e->right.value = (struct value){.kind = VALUE_TEXT, .text = pattern.text};
    return e;
}

/* An operand that stands alone must be a truth value. */
static struct expr *parse_test(struct parser *p, const struct raw_operand *o)
{
    bool is_constant = o->literal == LITERAL_BOOL || o->literal == LITERAL_NULL;
    if (is_constant) {
        struct expr *e = new_expr(p, EXPR_CONST);
        if (e)
            e->constant = o->literal == LITERAL_NULL ? TRI_NULL
                          : o->operand.value.number  ? TRI_TRUE
                                                     : TRI_FALSE;
        return e;
    }
    if (o->literal || o->operand.column->type != TYPE_BOOL) {
        lex_fail_at(p->lex, o->line, ERR_TYPE, BYTES("this is no condition:"), name_of(o));
        return NULL;
    }
    struct expr *e = new_expr(p, EXPR_TEST);
    if (e)
        e->left = o->operand;
    return e;
}

static struct expr *parse_expr(struct parser *p);

static struct expr *parse_predicate(struct parser *p)
{
    struct raw_operand left, right;
    enum compare_op op;
    if (lex_take_symbol(p->lex, BYTES("("))) {
        struct expr *e = parse_expr(p);
        return lex_expect_symbol(p->lex, BYTES(")"), BYTES("expected ) and not")) ? e : NULL;
    }
    if (!take_operand(p, &left))
        return NULL;
    if (take_compare_op(p, &op))
        return take_operand(p, &right) ? new_compare(p, left, op, right) : NULL;
    if (lex_take_word(p->lex, BYTES("is")))
        return parse_is(p, &left);
    bool is_not = lex_take_word(p->lex, BYTES("not"));
    if (lex_take_word(p->lex, BYTES("in")))
        return negated(p, is_not, parse_in(p, left));
    if (lex_take_word(p->lex, BYTES("like")))
        return negated(p, is_not, parse_like(p, &left));
    if (is_not) {
        lex_fail_here(p->lex, BYTES("expected IN or LIKE, not"));
        return NULL;
    }
    return parse_test(p, &left);
}

static struct expr *parse_not(struct parser *p)
{
    bool is_not = false;
    while (lex_take_word(p->lex, BYTES("not")))
        is_not = !is_not;
    return negated(p, is_not, parse_predicate(p));
}

/* A chain of `part`s with `word` between them. */
static struct expr *parse_chain(struct parser *p, struct bytes word, enum expr_kind kind,
                                struct expr *(*part)(struct parser *p))
{
    struct expr *first = part(p);
    if (!first || !lex_is_word(p->lex, word))
        return first;
    struct expr **end = &first->next;
    while (lex_take_word(p->lex, word)) {
        *end = part(p);
        if (!*end)
            return NULL;
        end = &(*end)->next;
    }
    return new_parent(p, kind, first);
}

static struct expr *parse_and(struct parser *p)
{
    return parse_chain(p, BYTES("and"), EXPR_AND, parse_not);
}

static struct expr *parse_expr(struct parser *p)
{
    if (p->depth == DEPTH_MAX) {
        lex_fail(p->lex, ERR_UNSUPPORTED, BYTES("the expression is nested too deeply"), LEX_NONE);
        return NULL;
    }
    p->depth++;
    struct expr *e = parse_chain(p, BYTES("or"), EXPR_OR, parse_and);
    p->depth--;
    return e;
}

const struct expr *policy_parse_expr(struct lex *l, const struct table *t, unsigned scope)
{
    struct parser p = {.lex = l, .table = t, .scope = scope};
    return parse_expr(&p);
}
