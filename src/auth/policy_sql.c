/* The same predicate as SQL text of the SQLite dialect, over values in their stored form: it must
 * mean exactly what policy_eval.c does. */
#include "auth/policy_ast.h"

struct render {
    struct buf *out;
    enum role role;
    struct bytes alias;
};

static void put_doubled(struct buf *out, struct bytes text, char quote)
{
    buf_put_char(out, quote);
    for (struct bytes rest = text; rest.size;) {
        size_t at = bytes_find_char(rest, quote);
        buf_put(out, bytes_slice(rest, 0, at));
        if (at < rest.size) {
            buf_put_char(out, quote);
            buf_put_char(out, quote);
        }
        rest = bytes_slice(rest, at + 1, rest.size);
    }
    buf_put_char(out, quote);
}

static void put_value(struct buf *out, struct value v)
{
    if (v.kind == VALUE_NULL)
        buf_put_literal(out, "NULL");
    else if (v.kind == VALUE_INT)
        buf_put_i64(out, v.number);
    else
        put_doubled(out, v.text, '\'');
}

static void put_operand(struct render *r, const struct operand *o)
{
    switch (o->kind) {
    case OPERAND_COLUMN:
        buf_put(r->out, r->alias);
        buf_put_char(r->out, '.');
        put_doubled(r->out, o->column->name, '"');
        break;
    case OPERAND_UID:
        buf_put_literal(r->out, ":uid");
        break;
    case OPERAND_ROLE:
        put_doubled(r->out, role_name(r->role), '\'');
        break;
    case OPERAND_SHIFT:
        buf_put_literal(r->out, ":shift");
        break;
    case OPERAND_DAY:
        buf_put_literal(r->out, ":business_day");
        break;
    case OPERAND_LITERAL:
        put_value(r->out, o->value);
        break;
    case OPERAND_OLD: /* the parser keeps it out of USING */
        buf_put_literal(r->out, "NULL");
        break;
    }
}

static struct bytes op_text(enum compare_op op)
{
    static const struct bytes texts[] = {
        [CMP_EQ] = BYTES_INIT(" = "),  [CMP_NE] = BYTES_INIT(" <> "), [CMP_LT] = BYTES_INIT(" < "),
        [CMP_LE] = BYTES_INIT(" <= "), [CMP_GT] = BYTES_INIT(" > "),  [CMP_GE] = BYTES_INIT(" >= "),
    };
    return texts[op];
}

/* `left op x` with n < x < n + 1: never equal, but still null for null. */
static void put_between(struct render *r, const struct expr *e)
{
    bool is_equality = e->op == CMP_EQ || e->op == CMP_NE;
    bool is_less = e->op == CMP_LT || e->op == CMP_LE;
    put_operand(r, &e->left);
    if (is_equality) {
        buf_put(r->out, op_text(e->op == CMP_EQ ? CMP_NE : CMP_EQ));
        put_operand(r, &e->left);
        return;
    }
    buf_put(r->out, op_text(is_less ? CMP_LE : CMP_GT));
    put_operand(r, &e->right);
}

static void put_compare(struct render *r, const struct expr *e)
{
    if (e->right.kind == OPERAND_LITERAL && e->right.value.is_between) {
        put_between(r, e);
        return;
    }
    put_operand(r, &e->left);
    buf_put(r->out, op_text(e->op));
    put_operand(r, &e->right);
}

static void put_glob_char(struct buf *out, char c)
{
    bool is_special = c == '*' || c == '?' || c == '[';
    if (is_special)
        buf_put_char(out, '[');
    buf_put_char(out, c);
    if (is_special)
        buf_put_char(out, ']');
    else if (c == '\'')
        buf_put_char(out, c);
}

/* SQLite's LIKE takes small letters for capitals; its GLOB is the same but for that and the signs. */
static void put_like(struct render *r, const struct expr *e)
{
    struct bytes pattern = e->right.value.text;
    put_operand(r, &e->left);
    buf_put_literal(r->out, " GLOB '");
    for (size_t i = 0; i < pattern.size; i++) {
        char c = pattern.data[i];
        if (c == '%')
            buf_put_char(r->out, '*');
        else if (c == '_')
            buf_put_char(r->out, '?');
        else
            put_glob_char(r->out, c == '\\' ? pattern.data[++i] : c);
    }
    buf_put_char(r->out, '\'');
}

static void put_expr(struct render *r, const struct expr *e);

static void put_chain(struct render *r, const struct expr *first, struct bytes word)
{
    for (const struct expr *e = first; e; e = e->next) {
        if (e != first)
            buf_put(r->out, word);
        put_expr(r, e);
    }
}

static void put_constant(struct buf *out, enum tri t)
{
    buf_put(out, t == TRI_NULL ? BYTES("NULL") : t == TRI_TRUE ? BYTES("1") : BYTES("0"));
}

/* Recursion is bounded by the parser. */
static void put_expr(struct render *r, const struct expr *e)
{
    if (e->kind == EXPR_CONST) {
        put_constant(r->out, e->constant);
        return;
    }
    buf_put_char(r->out, '(');
    switch (e->kind) {
    case EXPR_NOT:
        buf_put_literal(r->out, "NOT ");
        put_expr(r, e->first);
        break;
    case EXPR_AND:
        put_chain(r, e->first, BYTES(" AND "));
        break;
    case EXPR_OR:
        put_chain(r, e->first, BYTES(" OR "));
        break;
    case EXPR_COMPARE:
        put_compare(r, e);
        break;
    case EXPR_LIKE:
        put_like(r, e);
        break;
    case EXPR_IS_NULL:
        put_operand(r, &e->left);
        buf_put_literal(r->out, " IS NULL");
        break;
    case EXPR_TEST:
        put_operand(r, &e->left);
        break;
    case EXPR_CONST:
        break;
    }
    buf_put_char(r->out, ')');
}

void policy_put_sql(struct buf *out, const struct policies *p, const struct table *t,
                    enum verb verb, enum role role, struct bytes alias)
{
    struct render r = {.out = out, .role = role, .alias = alias};
    const struct cell *cell = policy_cell(p, t, verb, role);
    if (role == ROLE_SERVICE || cell->sees_all) {
        buf_put_char(out, '1');
        return;
    }
    if (!cell->using) {
        buf_put_char(out, '0');
        return;
    }
    buf_put_char(out, '(');
    for (const struct rule *rule = cell->using; rule; rule = rule->next) {
        if (rule != cell->using)
            buf_put_literal(out, " OR ");
        put_expr(&r, rule->expr);
    }
    buf_put_char(out, ')');
}
