#include "hub/filter.h"

#include "base/like.h"

struct op_name {
    struct bytes name;
    enum filter_op op;
};

static const struct op_name op_names[] = {
    {BYTES_INIT("eq"), FILTER_EQ},
    {BYTES_INIT("neq"), FILTER_NEQ},
    {BYTES_INIT("gt"), FILTER_GT},
    {BYTES_INIT("gte"), FILTER_GTE},
    {BYTES_INIT("lt"), FILTER_LT},
    {BYTES_INIT("lte"), FILTER_LTE},
    {BYTES_INIT("in"), FILTER_IN},
    {BYTES_INIT("is"), FILTER_IS},
    {BYTES_INIT("isdistinct"), FILTER_ISDISTINCT},
    {BYTES_INIT("like"), FILTER_LIKE},
    {BYTES_INIT("ilike"), FILTER_ILIKE},
    {BYTES_INIT("match"), FILTER_MATCH},
    {BYTES_INIT("imatch"), FILTER_IMATCH},
};

enum { OP_COUNT = sizeof(op_names) / sizeof(op_names[0]), SHOWN_MAX = 200 };

struct parser {
    const struct table *table;
    struct arena *arena;
    struct buf *message;
    uint32_t regexes;
};

/* ---- cutting the text ---- */

/* The size of the first piece of `b`: up to a comma outside of parentheses and quotes.  A quote
 * opens only where a value may begin.  ERR_SYNTAX when something stays open. */
static enum err piece_size(struct bytes b, size_t *out)
{
    unsigned depth = 0;
    bool is_quoted = false;
    char before = ',';
    size_t i = 0;
    for (; i < b.size; i++) {
        char c = b.data[i];
        if (c == '\\' && (is_quoted || depth > 0))
            i++;
        else if (is_quoted)
            is_quoted = c != '"';
        else if (c == '"' && (before == '.' || before == '(' || before == ','))
            is_quoted = true;
        else if (c == '(')
            depth++;
        else if (c == ')' && depth > 0)
            depth--;
        else if (c == ',' && depth == 0)
            break;
        before = c;
    }
    if (is_quoted || depth > 0 || i > b.size)
        return ERR_SYNTAX;
    *out = i;
    return OK;
}

/* Takes the first piece and the comma behind it.  `*has_more`: there was a comma. */
static enum err take_piece(struct bytes *rest, struct bytes *piece, bool *has_more)
{
    size_t size;
    enum err e = piece_size(*rest, &size);
    if (e)
        return e;
    *piece = bytes_slice(*rest, 0, size);
    *has_more = size < rest->size;
    *rest = bytes_slice(*rest, size + 1, rest->size);
    return OK;
}

static bool is_quoted_text(struct bytes b)
{
    return b.size >= 2 && b.data[0] == '"' && b.data[b.size - 1] == '"';
}

/* Without the quotes and backslashes of a quoted value; others stay as they are. */
static enum err unquote(struct bytes b, struct arena *arena, struct bytes *out)
{
    if (!is_quoted_text(b)) {
        *out = b;
        return OK;
    }
    char *text = arena_alloc(arena, b.size);
    if (!text)
        return ERR_NOMEM;
    size_t size = 0;
    for (size_t i = 1; i + 1 < b.size; i++) {
        if (b.data[i] == '\\' && i + 2 < b.size)
            i++;
        text[size++] = b.data[i];
    }
    *out = (struct bytes){text, size};
    return OK;
}

/* ---- one term ---- */

static enum err fault(struct parser *p, enum err e, struct bytes what, struct bytes about)
{
    buf_put(p->message, what);
    buf_put(p->message, bytes_slice(about, 0, SHOWN_MAX));
    return e;
}

static enum err parse_value(struct parser *p, const struct column *c, struct bytes text,
                            struct value *out)
{
    struct bytes plain;
    enum err e = unquote(text, p->arena, &plain);
    if (!e) {
        /* The text may be the caller's, and the filter outlives it. */
        plain = arena_copy(p->arena, plain);
        e = plain.data ? value_from_text(c, plain, p->arena, out) : ERR_NOMEM;
    }
    if (e == ERR_RANGE)
        fault(p, e, BYTES("value out of range: "), plain);
    else if (e && e != ERR_NOMEM)
        value_put_cast_error(p->message, c, bytes_slice(plain, 0, SHOWN_MAX));
    return e;
}

/* How many pieces there are, so that the arena gives one block. */
static enum err count_pieces(struct parser *p, struct bytes text, uint32_t max, uint32_t *out)
{
    uint32_t count = 0;
    struct bytes rest = text, piece;
    for (bool has_more = true; has_more; count++) {
        if (count == max)
            return fault(p, ERR_LIMIT, BYTES("too many terms or values"), BYTES(""));
        if (take_piece(&rest, &piece, &has_more))
            return fault(p, ERR_SYNTAX, BYTES("an open quote or parenthesis: "), text);
    }
    *out = count;
    return OK;
}

static enum err parse_list(struct parser *p, struct filter_term *term, struct bytes text)
{
    if (text.size < 3 || text.data[0] != '(' || text.data[text.size - 1] != ')')
        return fault(p, ERR_SYNTAX, BYTES("`in` wants (a,b,…), not "), text);
    struct bytes rest = bytes_slice(text, 1, text.size - 1);
    enum err e = count_pieces(p, rest, FILTER_VALUES_MAX, &term->value_count);
    if (e)
        return e;
    term->values = arena_array(p->arena, term->value_count, sizeof(struct value));
    if (!term->values)
        return ERR_NOMEM;
    for (uint32_t i = 0; i < term->value_count && !e; i++) {
        struct bytes piece;
        bool has_more;
        e = take_piece(&rest, &piece, &has_more);
        if (!e)
            e = parse_value(p, term->column, piece, &term->values[i]);
    }
    return e;
}

static enum err parse_is(struct parser *p, struct filter_term *term, struct bytes text)
{
    bool is_true = bytes_equal_nocase(text, BYTES("true"));
    bool is_bool = is_true || bytes_equal_nocase(text, BYTES("false"));
    bool is_unknown = bytes_equal_nocase(text, BYTES("unknown"));
    if (!is_bool && !is_unknown && !bytes_equal_nocase(text, BYTES("null")))
        return fault(p, ERR_SYNTAX, BYTES("`is` wants null, true, false or unknown, not "), text);
    if ((is_bool || is_unknown) && term->column->type != TYPE_BOOL)
        return fault(p, ERR_TYPE, BYTES("argument of IS must be type boolean: "),
                     term->column->name);
    if (!is_bool)
        return OK;
    term->values = arena_zalloc(p->arena, sizeof(struct value));
    if (!term->values)
        return ERR_NOMEM;
    term->values[0] = (struct value){.kind = VALUE_INT, .number = is_true};
    term->value_count = 1;
    return OK;
}

/* `term->values` holds the pattern. */
static enum err check_pattern(struct parser *p, const struct filter_term *term)
{
    struct bytes pattern = term->values[0].text;
    enum err e = like_check(pattern);
    if (e == ERR_LIMIT)
        return fault(p, e, BYTES("pattern is too long: "), pattern);
    return e ? fault(p, e, BYTES("LIKE pattern must not end with escape character: "), pattern)
             : OK;
}

static bool is_like(const struct filter_term *term)
{
    return term->op == FILTER_LIKE || term->op == FILTER_ILIKE;
}

static bool is_regex(const struct filter_term *term)
{
    return term->op == FILTER_MATCH || term->op == FILTER_IMATCH;
}

static enum err parse_regex(struct parser *p, struct filter_term *term, struct bytes text)
{
    struct bytes pattern;
    if (p->regexes++ == FILTER_REGEXES_MAX)
        return fault(p, ERR_LIMIT, BYTES("too many regular expressions: "), text);
    enum err e = unquote(text, p->arena, &pattern);
    return e ? e
             : regex_new(pattern, term->op == FILTER_IMATCH, p->arena, p->message, &term->regex);
}

static enum err parse_operand(struct parser *p, struct filter_term *term, struct bytes text)
{
    if (term->op == FILTER_IS)
        return parse_is(p, term, text);
    if (term->column->type == TYPE_JSONB)
        return fault(p, ERR_UNSUPPORTED, BYTES("jsonb columns can only be filtered with `is`: "),
                     term->column->name);
    if ((is_like(term) || is_regex(term)) && term->column->type != TYPE_TEXT)
        return fault(p, ERR_TYPE, BYTES("patterns want a text column: "), term->column->name);
    if (is_regex(term))
        return parse_regex(p, term, text);
    if (term->op == FILTER_IN)
        return parse_list(p, term, text);
    term->values = arena_zalloc(p->arena, sizeof(struct value));
    if (!term->values)
        return ERR_NOMEM;
    term->value_count = 1;
    enum err e = parse_value(p, term->column, text, term->values);
    return !e && is_like(term) ? check_pattern(p, term) : e;
}

static enum err find_op(struct parser *p, struct bytes name, enum filter_op *out)
{
    for (int i = 0; i < OP_COUNT; i++) {
        if (bytes_equal(name, op_names[i].name)) {
            *out = op_names[i].op;
            return OK;
        }
    }
    return fault(p, ERR_UNSUPPORTED, BYTES("unsupported operator: "), name);
}

static enum err parse_term(struct parser *p, struct bytes text, struct filter_term *term)
{
    size_t equals = bytes_find_char(text, '=');
    struct bytes name = bytes_trim(bytes_slice(text, 0, equals));
    struct bytes rest = bytes_slice(text, equals + 1, text.size);
    *term = (struct filter_term){.column = NULL};
    if (bytes_starts_with(rest, BYTES("not."))) {
        term->is_not = true;
        rest = bytes_slice(rest, 4, rest.size);
    }
    size_t dot = bytes_find_char(rest, '.');
    if (equals >= text.size || dot >= rest.size)
        return fault(p, ERR_SYNTAX, BYTES("not of the form column=op.value: "), text);
    term->column = table_column(p->table, name);
    if (!term->column || term->column->is_private)
        return fault(p, ERR_NOT_FOUND, BYTES("column does not exist: "), name);
    enum err e = find_op(p, bytes_slice(rest, 0, dot), &term->op);
    return e ? e : parse_operand(p, term, bytes_slice(rest, dot + 1, rest.size));
}

enum err filter_parse(const struct table *t, struct bytes text, struct arena *arena,
                      struct buf *message, struct filter *out)
{
    struct parser p = {.table = t, .arena = arena, .message = message};
    struct filter f = {NULL, 0};
    struct bytes rest = bytes_trim(text), piece;
    if (rest.size > 0) {
        enum err e = count_pieces(&p, rest, FILTER_TERMS_MAX, &f.count);
        if (e)
            return e;
        f.terms = arena_array(arena, f.count, sizeof(struct filter_term));
        if (!f.terms)
            return ERR_NOMEM;
    }
    for (uint32_t i = 0; i < f.count; i++) {
        bool has_more;
        enum err e = take_piece(&rest, &piece, &has_more);
        if (!e)
            e = parse_term(&p, piece, &f.terms[i]);
        if (e)
            return e;
    }
    *out = f;
    return OK;
}

/* ---- evaluation ---- */

static enum filter_truth truth_of(bool is_so)
{
    return is_so ? FILTER_TRUE : FILTER_FALSE;
}

static enum filter_truth compare(const struct filter_term *t, struct value v)
{
    int order = value_compare(v, t->values[0]);
    switch (t->op) {
    case FILTER_NEQ:
    case FILTER_ISDISTINCT:
        return truth_of(order != 0);
    case FILTER_GT:
        return truth_of(order > 0);
    case FILTER_GTE:
        return truth_of(order >= 0);
    case FILTER_LT:
        return truth_of(order < 0);
    case FILTER_LTE:
        return truth_of(order <= 0);
    default:
        return truth_of(order == 0);
    }
}

static enum filter_truth is_in(const struct filter_term *t, struct value v)
{
    for (uint32_t i = 0; i < t->value_count; i++)
        if (value_compare(v, t->values[i]) == 0)
            return FILTER_TRUE;
    return FILTER_FALSE;
}

static enum filter_truth is_op(const struct filter_term *t, struct value v)
{
    if (t->value_count == 0)
        return truth_of(v.kind == VALUE_NULL);
    return truth_of(v.kind == VALUE_INT && v.number == t->values[0].number);
}

static enum err pattern_truth(const struct filter_term *t, struct value v, enum filter_truth *out)
{
    bool is_so = false;
    enum err e = OK;
    if (is_regex(t))
        e = regex_matches(t->regex, v.text, &is_so);
    else
        is_so = like_matches(t->values[0].text, v.text, t->op == FILTER_ILIKE);
    *out = truth_of(is_so);
    return e;
}

/* Of a value that is there. */
static enum err value_truth(const struct filter_term *t, struct value v, enum filter_truth *out)
{
    if (is_like(t) || is_regex(t))
        return pattern_truth(t, v, out);
    *out = t->op == FILTER_IN ? is_in(t, v) : compare(t, v);
    return OK;
}

static enum err term_truth(const struct filter_term *t, struct json_value row,
                           struct arena *scratch, enum filter_truth *out)
{
    struct json_value json;
    struct value v;
    *out = FILTER_UNKNOWN;
    if (json_get(row, t->column->name, &json))
        return OK;
    arena_reset(scratch);
    enum err e = value_from_json(t->column, json, scratch, &v);
    if (e)
        return e == ERR_NOMEM ? e : OK;
    if (t->op == FILTER_IS)
        *out = is_op(t, v);
    else if (v.kind == VALUE_NULL)
        *out = t->op == FILTER_ISDISTINCT ? FILTER_TRUE : FILTER_UNKNOWN;
    else
        e = value_truth(t, v, out);
    return e;
}

enum err filter_term_truth(const struct filter_term *t, struct bytes row, struct arena *scratch,
                           enum filter_truth *out)
{
    enum filter_truth truth = FILTER_UNKNOWN;
    struct json_value object = {JSON_OBJECT, row};
    enum err e = row.size ? term_truth(t, object, scratch, &truth) : OK;
    if (!e)
        *out = t->is_not ? (enum filter_truth)(-(int)truth) : truth;
    return e;
}

enum err filter_matches(const struct filter *f, struct bytes row, struct arena *scratch, bool *out)
{
    bool is_match = true;
    for (uint32_t i = 0; i < f->count && is_match; i++) {
        enum filter_truth truth;
        enum err e = filter_term_truth(&f->terms[i], row, scratch, &truth);
        if (e)
            return e;
        is_match = truth == FILTER_TRUE;
    }
    *out = is_match;
    return OK;
}

struct bytes filter_op_name(enum filter_op op)
{
    for (size_t i = 0; i < OP_COUNT; i++)
        if (op_names[i].op == op)
            return op_names[i].name;
    return BYTES("");
}
