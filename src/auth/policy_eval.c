/* Native evaluation.  What cannot be read (a malformed row, a missing column, no memory) is
 * unknown, as null is: SQL's logic then allows only what would be allowed whatever it was. */
#include "auth/policy_ast.h"
#include "base/like.h"

enum { SCRATCH_SIZE_MAX = 64 << 20 }; /* far above what the values of a row can be */

struct row {
    struct bytes text;
    struct json_value object;
    bool is_parsed, is_good;
};

struct evaluation {
    const struct policy_context *ctx;
    struct row now, old;
    struct arena scratch; /* takes memory only for values that are not stored plainly */
    bool is_out_of_memory;
};

static enum tri tri_of(bool is_true)
{
    return is_true ? TRI_TRUE : TRI_FALSE;
}

/* Parsed when first asked for: most policies need no row at all. */
static bool row_get(struct row *r, struct bytes name, struct json_value *out)
{
    if (!r->is_parsed) {
        r->is_parsed = true;
        r->is_good = json_parse(r->text, &r->object) == OK;
    }
    return r->is_good && json_get(r->object, name, out) == OK;
}

static bool read_column(struct evaluation *ev, struct row *r, const struct column *c,
                        struct value *out)
{
    struct json_value v;
    if (!row_get(r, c->name, &v))
        return false;
    enum err e = value_from_json(c, v, &ev->scratch, out);
    ev->is_out_of_memory = ev->is_out_of_memory || e == ERR_NOMEM;
    return e == OK;
}

static struct value text_or_null(struct bytes text)
{
    return (struct value){.kind = text.size ? VALUE_TEXT : VALUE_NULL, .text = text};
}

/* False: unknown. */
static bool read_operand(struct evaluation *ev, const struct operand *o, struct value *out)
{
    switch (o->kind) {
    case OPERAND_COLUMN:
        return read_column(ev, &ev->now, o->column, out);
    case OPERAND_OLD:
        return read_column(ev, &ev->old, o->column, out);
    case OPERAND_UID:
        *out = text_or_null(bytes_of(ev->ctx->who.user_id));
        return true;
    case OPERAND_ROLE:
        *out = text_or_null(role_name(ev->ctx->who.role));
        return true;
    case OPERAND_SHIFT:
        *out = text_or_null(ev->ctx->shift);
        return true;
    case OPERAND_DAY:
        *out = text_or_null(ev->ctx->business_day);
        return true;
    case OPERAND_LITERAL:
        *out = o->value;
        return true;
    }
    return false;
}

static bool compares(enum compare_op op, int order)
{
    switch (op) {
    case CMP_EQ:
        return order == 0;
    case CMP_NE:
        return order != 0;
    case CMP_LT:
        return order < 0;
    case CMP_LE:
        return order <= 0;
    case CMP_GT:
        return order > 0;
    case CMP_GE:
        return order >= 0;
    }
    return false;
}

static enum tri eval_compare(struct evaluation *ev, const struct expr *e)
{
    struct value a, b;
    if (!read_operand(ev, &e->left, &a) || !read_operand(ev, &e->right, &b))
        return TRI_NULL;
    if (a.kind == VALUE_NULL || b.kind == VALUE_NULL)
        return TRI_NULL;
    return tri_of(compares(e->op, value_compare(a, b)));
}

static enum tri eval_is_null(struct evaluation *ev, const struct expr *e)
{
    struct value v;
    return read_operand(ev, &e->left, &v) ? tri_of(v.kind == VALUE_NULL) : TRI_NULL;
}

static enum tri eval_like(struct evaluation *ev, const struct expr *e)
{
    struct value v;
    if (!read_operand(ev, &e->left, &v) || v.kind == VALUE_NULL)
        return TRI_NULL;
    return tri_of(like_matches(e->right.value.text, v.text, false));
}

static enum tri eval_test(struct evaluation *ev, const struct expr *e)
{
    struct value v;
    if (!read_operand(ev, &e->left, &v) || v.kind == VALUE_NULL)
        return TRI_NULL;
    return tri_of(v.number != 0);
}

static enum tri eval(struct evaluation *ev, const struct expr *e);

static enum tri negation(enum tri t)
{
    return t == TRI_NULL ? TRI_NULL : tri_of(t == TRI_FALSE);
}

/* AND stops at false, OR at true; else null if any was. */
static enum tri eval_chain(struct evaluation *ev, const struct expr *first, enum tri stop)
{
    enum tri result = negation(stop);
    for (const struct expr *e = first; e; e = e->next) {
        enum tri t = eval(ev, e);
        if (t == stop)
            return stop;
        if (t == TRI_NULL)
            result = TRI_NULL;
    }
    return result;
}

/* Recursion is bounded by the parser. */
static enum tri eval(struct evaluation *ev, const struct expr *e)
{
    switch (e->kind) {
    case EXPR_CONST:
        return e->constant;
    case EXPR_NOT:
        return negation(eval(ev, e->first));
    case EXPR_AND:
        return eval_chain(ev, e->first, TRI_FALSE);
    case EXPR_OR:
        return eval_chain(ev, e->first, TRI_TRUE);
    case EXPR_COMPARE:
        return eval_compare(ev, e);
    case EXPR_LIKE:
        return eval_like(ev, e);
    case EXPR_IS_NULL:
        return eval_is_null(ev, e);
    case EXPR_TEST:
        return eval_test(ev, e);
    }
    return TRI_NULL;
}

/* ERR_NOMEM: none holds for sure, and some could not be told. */
static enum err ask_any(const struct rule *rules, const struct policy_context *ctx,
                        struct bytes old_row, struct bytes row, bool *out)
{
    struct evaluation ev = {.ctx = ctx, .now = {.text = row}, .old = {.text = old_row}};
    bool holds = false;
    arena_init(&ev.scratch, SCRATCH_SIZE_MAX);
    for (const struct rule *r = rules; r && !holds; r = r->next)
        holds = eval(&ev, r->expr) == TRI_TRUE;
    arena_done(&ev.scratch);
    if (!holds && ev.is_out_of_memory)
        return ERR_NOMEM;
    *out = holds;
    return OK;
}

static bool holds_any(const struct rule *rules, const struct policy_context *ctx,
                      struct bytes old_row, struct bytes row)
{
    bool holds = false;
    return ask_any(rules, ctx, old_row, row, &holds) == OK && holds;
}

enum err policy_ask(const struct policies *p, const struct table *t, enum verb verb,
                    const struct policy_context *ctx, struct bytes row, bool *out)
{
    const struct cell *cell = NULL;
    if (ctx->who.role != ROLE_SERVICE)
        cell = policy_cell(p, t, verb, ctx->who.role);
    if (cell && !cell->sees_all)
        return ask_any(cell->using, ctx, (struct bytes){NULL, 0}, row, out);
    *out = true;
    return OK;
}

bool policy_sees(const struct policies *p, const struct table *t, enum verb verb,
                 const struct policy_context *ctx, struct bytes row)
{
    bool sees = false;
    return policy_ask(p, t, verb, ctx, row, &sees) == OK && sees;
}

bool policy_accepts(const struct policies *p, const struct table *t, enum verb verb,
                    const struct policy_context *ctx, struct bytes old_row, struct bytes new_row)
{
    if (ctx->who.role == ROLE_SERVICE)
        return true;
    return holds_any(policy_cell(p, t, verb, ctx->who.role)->check, ctx, old_row, new_row);
}

static struct policy_verdict verdict_of(const struct policy *policy,
                                        const struct policy_context *ctx, struct bytes row)
{
    const struct rule rule = {.expr = policy->using};
    struct policy_verdict v = {.name = policy->name,
                               .file = policy->file,
                               .line = policy->line,
                               .is_for_role = policy->roles >> ctx->who.role & 1};
    v.holds = v.is_for_role && holds_any(&rule, ctx, (struct bytes){NULL, 0}, row);
    return v;
}

size_t policy_explain(const struct policies *p, const struct table *t, enum verb verb,
                      const struct policy_context *ctx, struct bytes row,
                      struct policy_verdict *out, size_t max)
{
    size_t count = 0;
    for (const struct policy *policy = p->list; policy; policy = policy->next) {
        if (policy->table != t || !(policy->verbs >> verb & 1) || !policy->using)
            continue;
        if (count < max)
            out[count] = verdict_of(policy, ctx, row);
        count++;
    }
    return count;
}
