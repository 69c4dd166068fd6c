#include "api/condition.h"

#include "api/filters.h"
#include "base/like.h"
#include "base/regex.h"

struct operator_name {
    struct bytes name;
    enum query_op op;
};

static const struct operator_name operators[] = {
    {BYTES_INIT("eq"), OP_EQ},
    {BYTES_INIT("neq"), OP_NEQ},
    {BYTES_INIT("gt"), OP_GT},
    {BYTES_INIT("gte"), OP_GTE},
    {BYTES_INIT("lt"), OP_LT},
    {BYTES_INIT("lte"), OP_LTE},
    {BYTES_INIT("in"), OP_IN},
    {BYTES_INIT("is"), OP_IS},
    {BYTES_INIT("isdistinct"), OP_ISDISTINCT},
    {BYTES_INIT("like"), OP_LIKE},
    {BYTES_INIT("ilike"), OP_ILIKE},
    {BYTES_INIT("match"), OP_MATCH},
    {BYTES_INIT("imatch"), OP_IMATCH},
};

static const struct bytes unsupported_operators[] = {
    BYTES_INIT("cs"),  BYTES_INIT("cd"),    BYTES_INIT("ov"),    BYTES_INIT("sr"),
    BYTES_INIT("sl"),  BYTES_INIT("nxr"),   BYTES_INIT("nxl"),   BYTES_INIT("adj"),
    BYTES_INIT("fts"), BYTES_INIT("plfts"), BYTES_INIT("phfts"), BYTES_INIT("wfts"),
};

static enum err refuse(struct parse *p, struct bytes text, struct bytes details)
{
    return parse_refuse_syntax(p, BYTES("filter"), text, details);
}

static enum err refuse_operator(struct parse *p, struct bytes text, struct bytes name)
{
    name = bytes_slice(name, 0, bytes_find_char(name, '('));
    size_t count = sizeof(unsupported_operators) / sizeof(*unsupported_operators);
    for (size_t i = 0; i < count; i++) {
        if (bytes_equal(name, unsupported_operators[i]))
            return refuse(p, text,
                          BYTES("this operator is not supported; there are eq, neq, gt, gte, lt, "
                                "lte, in, is, isdistinct, like, ilike, match and imatch, each also "
                                "with not."));
    }
    return refuse(
        p, text,
        BYTES("expecting \"not\" or an operator (eq, neq, gt, gte, lt, lte, in, is, isdistinct, "
              "like, ilike, match, imatch)"));
}

static enum err find_operator(struct parse *p, struct bytes text, struct bytes name,
                              enum query_op *out)
{
    for (size_t i = 0; i < sizeof(operators) / sizeof(*operators); i++) {
        if (bytes_equal(name, operators[i].name)) {
            *out = operators[i].op;
            return OK;
        }
    }
    return refuse_operator(p, text, name);
}

static enum err add_value(struct parse *p, struct query_filter *f, struct bytes text)
{
    struct value *v = &f->values[f->value_count];
    enum err e = value_from_text(f->column, text, p->arena, v);
    if (e)
        return parse_refuse_value(p, f->column, text, e);
    f->value_count++;
    return OK;
}

static enum err read_one(struct parse *p, struct query_filter *f, struct bytes text)
{
    f->values = arena_array(p->arena, 1, sizeof(*f->values));
    return f->values ? add_value(p, f, text) : ERR_NOMEM;
}

/* --- in --- */

/* Where the element ends that begins with a quote: a quote before a comma or the end.  (Clients
 * quote values without escaping the quotes inside.) */
static size_t quoted_end(struct bytes b)
{
    for (size_t i = 1; i < b.size; i++) {
        if (b.data[i] == '\\')
            i++;
        else if (b.data[i] == '"' && (i + 1 == b.size || b.data[i + 1] == ','))
            return i;
    }
    return b.size;
}

static struct bytes unescape(struct parse *p, struct bytes b)
{
    if (bytes_find_char(b, '\\') == b.size)
        return b;
    char *text = arena_alloc(p->arena, b.size);
    if (!text)
        return (struct bytes){NULL, 0};
    size_t size = 0;
    for (size_t i = 0; i < b.size; i++) {
        if (b.data[i] == '\\' && i + 1 < b.size)
            i++;
        text[size++] = b.data[i];
    }
    return (struct bytes){text, size};
}

bool condition_element_next(struct parse *p, struct bytes *rest, struct bytes *out)
{
    if (!rest->data)
        return false;
    size_t end = 0;
    size_t closing = rest->size;
    if (rest->size && rest->data[0] == '"')
        closing = quoted_end(*rest);
    if (closing < rest->size) {
        *out = unescape(p, bytes_slice(*rest, 1, closing));
        end = closing + 1;
    } else {
        end = bytes_find_char(*rest, ',');
        *out = bytes_slice(*rest, 0, end);
    }
    *rest = end < rest->size ? bytes_slice(*rest, end + 1, rest->size) : (struct bytes){NULL, 0};
    return true;
}

static size_t count_commas(struct bytes b)
{
    size_t count = 0;
    for (size_t i = 0; i < b.size; i++)
        count += b.data[i] == ',';
    return count;
}

static enum err read_list(struct parse *p, struct query_filter *f, struct bytes text)
{
    if (text.size < 2 || text.data[0] != '(' || text.data[text.size - 1] != ')')
        return refuse(p, text, BYTES("expecting a list in brackets behind in."));
    struct bytes rest = bytes_slice(text, 1, text.size - 1), element;
    size_t max = count_commas(rest) + 1;
    if (max > LIST_VALUES_MAX)
        max = LIST_VALUES_MAX;
    f->values = arena_array(p->arena, max, sizeof(*f->values));
    if (!f->values)
        return ERR_NOMEM;
    if (rest.size == 0)
        return OK;
    while (condition_element_next(p, &rest, &element)) {
        if (!element.data)
            return ERR_NOMEM;
        if (f->value_count == LIST_VALUES_MAX)
            return refuse(p, text, BYTES("more than 1000 values in one list"));
        enum err e = add_value(p, f, element);
        if (e)
            return e;
    }
    return OK;
}

/* --- is --- */

static enum err refuse_not_bool(struct parse *p, const struct column *c, struct bytes what)
{
    return parse_refuse(p, 400, "42804",
                        PARSE_TEXT(p, BYTES("argument of IS "), what,
                                   BYTES(" must be type boolean, not type "),
                                   column_type_name(c->type)));
}

static enum err read_is(struct parse *p, struct query_filter *f, struct bytes text)
{
    f->values = arena_array(p->arena, 1, sizeof(*f->values));
    if (!f->values)
        return ERR_NOMEM;
    f->value_count = 1;
    f->values[0].kind = VALUE_NULL;
    if (bytes_equal_nocase(text, BYTES("null")))
        return OK;
    if (bytes_equal_nocase(text, BYTES("not_null"))) {
        f->is_negated = !f->is_negated;
        return OK;
    }
    bool is_true = bytes_equal_nocase(text, BYTES("true"));
    bool is_false = bytes_equal_nocase(text, BYTES("false"));
    bool is_unknown = bytes_equal_nocase(text, BYTES("unknown"));
    if (!is_true && !is_false && !is_unknown)
        return refuse(p, text,
                      BYTES("expecting null, not_null, true, false or unknown behind is."));
    if (f->column->type != TYPE_BOOL)
        return refuse_not_bool(p, f->column,
                               is_true    ? BYTES("TRUE")
                               : is_false ? BYTES("FALSE")
                                          : BYTES("UNKNOWN"));
    if (!is_unknown)
        f->values[0] = (struct value){.kind = VALUE_INT, .number = is_true};
    return OK;
}

/* --- patterns --- */

static bool is_like(enum query_op op)
{
    return op == OP_LIKE || op == OP_ILIKE;
}

static bool is_regex(enum query_op op)
{
    return op == OP_MATCH || op == OP_IMATCH;
}

/* As PostgreSQL says that there is no such thing as LIKE on numbers. */
static enum err refuse_not_text(struct parse *p, const struct query_filter *f)
{
    static const struct bytes signs[] = {[OP_LIKE] = BYTES_INIT(" ~~ "),
                                         [OP_ILIKE] = BYTES_INIT(" ~~* "),
                                         [OP_MATCH] = BYTES_INIT(" ~ "),
                                         [OP_IMATCH] = BYTES_INIT(" ~* ")};
    return parse_refuse(p, 404, "42883",
                        PARSE_TEXT(p, BYTES("operator does not exist: "),
                                   column_type_name(f->column->type), signs[f->op],
                                   BYTES("unknown")));
}

/* In a URL `*` may stand for `%`, which would have to be escaped there. */
static enum err read_like(struct parse *p, struct query_filter *f, struct bytes text)
{
    char *pattern = arena_alloc(p->arena, text.size);
    if (!pattern)
        return ERR_NOMEM;
    for (size_t i = 0; i < text.size; i++)
        pattern[i] = text.data[i] == '*' ? '%' : text.data[i];
    enum err e = read_one(p, f, (struct bytes){pattern, text.size});
    if (e)
        return e;
    e = like_check(f->values->text);
    if (e == ERR_LIMIT)
        return refuse(p, text, BYTES("a pattern of like or ilike has at most 100 bytes"));
    return e ? parse_refuse(p, 400, "22025",
                            BYTES("LIKE pattern must not end with escape character"))
             : OK;
}

static enum err read_regex(struct parse *p, struct query_filter *f, struct bytes text)
{
    struct regex *unused;
    enum err e = read_one(p, f, text);
    if (e)
        return e;
    buf_reset(p->scratch);
    e = regex_new(text, f->op == OP_IMATCH, p->arena, p->scratch, &unused);
    return e && e != ERR_NOMEM
               ? parse_refuse(p, 400, "2201B", arena_copy(p->arena, buf_bytes(p->scratch)))
               : e;
}

static enum err read_operand(struct parse *p, struct query_filter *f, struct bytes text)
{
    bool is_pattern = is_like(f->op) || is_regex(f->op);
    if (is_pattern && f->column->type != TYPE_TEXT)
        return refuse_not_text(p, f);
    if (is_pattern)
        return is_like(f->op) ? read_like(p, f, text) : read_regex(p, f, text);
    if (f->op == OP_IN)
        return read_list(p, f, text);
    return f->op == OP_IS ? read_is(p, f, text) : read_one(p, f, text);
}

enum err condition_parse(struct parse *p, const struct column *c, struct bytes text,
                         bool is_negated, struct query_filter *out)
{
    struct query_filter f = {.column = c, .is_negated = is_negated};
    struct bytes rest = text;
    if (bytes_starts_with(rest, BYTES("not."))) {
        f.is_negated = !f.is_negated;
        rest = bytes_slice(rest, 4, rest.size);
    }
    size_t dot = bytes_find_char(rest, '.');
    if (dot == rest.size)
        return refuse_operator(p, text, rest);
    enum err e = find_operator(p, text, bytes_slice(rest, 0, dot), &f.op);
    if (e)
        return e;
    e = read_operand(p, &f, bytes_slice(rest, dot + 1, rest.size));
    if (!e)
        *out = f;
    return e;
}
