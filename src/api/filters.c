#include "api/filters.h"

#include "api/condition.h"
#include "proto/http.h"

struct reader {
    struct parse *p;
    struct query *q;
    struct query_texts *texts;
    size_t filter_room; /* allocated in q->filters */
};

static enum err refuse(struct reader *r, struct bytes what, struct bytes text, struct bytes details)
{
    return parse_refuse_syntax(r->p, what, text, details);
}

/* --- filters --- */

static enum err make_room(struct reader *r)
{
    struct query *q = r->q;
    if (q->filter_count == FILTERS_MAX)
        return parse_refuse(r->p, 400, "PGRST100", BYTES("More than 100 filters in one request"));
    if (q->filter_count < r->filter_room)
        return OK;
    size_t room = r->filter_room ? r->filter_room * 2 : 4;
    struct query_filter *filters = arena_array(r->p->arena, room, sizeof(*filters));
    if (!filters)
        return ERR_NOMEM;
    if (q->filter_count)
        memcpy(filters, q->filters, q->filter_count * sizeof(*filters));
    q->filters = filters;
    r->filter_room = room;
    return OK;
}

static enum err add_condition(struct reader *r, struct bytes key, struct bytes text,
                              bool is_negated)
{
    enum err e = make_room(r);
    if (e)
        return e;
    if (bytes_find(key, BYTES("->")) < key.size)
        return refuse(r, BYTES("filter"), key, BYTES("JSON paths are not supported"));
    const struct column *c = parse_column(r->q->table, parse_unquoted(key));
    if (!c)
        return parse_refuse_column(r->p, r->q->table, parse_unquoted(key));
    e = condition_parse(r->p, c, text, is_negated, &r->q->filters[r->q->filter_count]);
    if (!e)
        r->q->filter_count++;
    return e;
}

/* --- and=(…) --- */

/* Up to the comma that parts two members: none within brackets or quotes. */
static size_t member_end(struct bytes b)
{
    size_t depth = 0;
    bool is_quoted = false;
    for (size_t i = 0; i < b.size; i++) {
        char c = b.data[i];
        if (is_quoted && c == '\\')
            i++;
        else if (c == '"')
            is_quoted = !is_quoted;
        else if (!is_quoted && c == '(')
            depth++;
        else if (!is_quoted && c == ')' && depth > 0)
            depth--;
        else if (!is_quoted && c == ',' && depth == 0)
            return i;
    }
    return b.size;
}

/* Where the value begins in `[not.]op.value`. */
static size_t value_start(struct bytes text)
{
    size_t from = bytes_starts_with(text, BYTES("not.")) ? 4 : 0;
    return from + bytes_find_char(bytes_slice(text, from, text.size), '.') + 1;
}

/* A value inside a group may be quoted (the elements of an in-list each by itself). */
static enum err add_member(struct reader *r, struct bytes member, bool is_negated)
{
    size_t dot = bytes_find_char(member, '.');
    struct bytes key = bytes_slice(member, 0, dot);
    struct bytes text = bytes_slice(member, dot + 1, member.size);
    size_t from = value_start(text);
    if (from >= text.size || text.data[from] != '"')
        return add_condition(r, key, text, is_negated);
    struct bytes rest = bytes_slice(text, from, text.size), value;
    if (!condition_element_next(r->p, &rest, &value) || !value.data)
        return ERR_NOMEM;
    struct bytes whole = PARSE_TEXT(r->p, bytes_slice(text, 0, from), value);
    return whole.data ? add_condition(r, key, whole, is_negated) : ERR_NOMEM;
}

/* What `name(…)` is: a group, and whether it can be said as conditions that must all hold. */
static bool read_group_name(struct bytes *text, bool *is_or, bool *is_negated)
{
    struct bytes rest = *text;
    if (bytes_starts_with(rest, BYTES("not."))) {
        *is_negated = !*is_negated;
        rest = bytes_slice(rest, 4, rest.size);
    }
    *is_or = bytes_starts_with(rest, BYTES("or("));
    if (!*is_or && !bytes_starts_with(rest, BYTES("and(")))
        return false;
    *text = bytes_slice(rest, *is_or ? 2 : 3, rest.size);
    return true;
}

static enum err add_group(struct reader *r, struct bytes text, bool is_or, bool is_negated,
                          unsigned depth);

static enum err add_any(struct reader *r, struct bytes member, bool is_negated, unsigned depth)
{
    bool is_or, is_group_negated = is_negated;
    struct bytes text = member;
    if (read_group_name(&text, &is_or, &is_group_negated))
        return add_group(r, text, is_or, is_group_negated, depth + 1);
    return add_member(r, member, is_negated);
}

/* `text` is the list with its brackets.  By De Morgan, not(a or b) is not a and not b; so of the
 * four kinds of group two are conditions that must all hold; the others are so when they have one
 * member. */
static enum err add_group(struct reader *r, struct bytes text, bool is_or, bool is_negated,
                          unsigned depth)
{
    struct bytes what = BYTES("logic tree");
    if (text.size < 3 || text.data[0] != '(' || text.data[text.size - 1] != ')')
        return refuse(r, what, text, BYTES("expecting conditions in brackets"));
    if (depth > FILTER_DEPTH_MAX)
        return refuse(r, what, text, BYTES("groups are nested too deep"));
    struct bytes rest = bytes_slice(text, 1, text.size - 1);
    if (is_or != is_negated && member_end(rest) < rest.size)
        return refuse(r, what, text, BYTES("alternatives (or) are not supported"));
    for (;;) {
        size_t end = member_end(rest);
        enum err e = add_any(r, bytes_slice(rest, 0, end), is_negated, depth);
        if (e || end == rest.size)
            return e;
        rest = bytes_slice(rest, end + 1, rest.size);
    }
}

/* --- order --- */

static enum err read_direction(struct reader *r, struct bytes words, struct bytes text,
                               struct query_order *o)
{
    struct bytes word;
    bool has_nulls = false;
    while (bytes_split(&words, '.', &word)) {
        if (bytes_equal(word, BYTES("desc")))
            o->is_descending = true;
        else if (bytes_equal(word, BYTES("nullsfirst")))
            has_nulls = o->nulls_first = true;
        else if (bytes_equal(word, BYTES("nullslast")))
            has_nulls = true;
        else if (!bytes_equal(word, BYTES("asc")))
            return refuse(r, BYTES("order"), text,
                          BYTES("expecting asc, desc, nullsfirst or nullslast"));
    }
    if (!has_nulls)
        o->nulls_first = o->is_descending;
    return OK;
}

static enum err add_order(struct reader *r, struct bytes term)
{
    struct query *q = r->q;
    struct query_order *o = &q->orders[q->order_count];
    if (bytes_find_char(term, '(') < term.size || bytes_find(term, BYTES("->")) < term.size)
        return refuse(r, BYTES("order"), term,
                      BYTES("ordering by embeds and JSON paths is not supported"));
    struct bytes words = term, name;
    if (!bytes_split(&words, '.', &name) || name.size == 0)
        return refuse(r, BYTES("order"), term, BYTES("expecting a column"));
    *o = (struct query_order){.column = parse_column(q->table, parse_unquoted(name))};
    if (!o->column)
        return parse_refuse_column(r->p, q->table, parse_unquoted(name));
    q->order_count++;
    return read_direction(r, words, term, o);
}

static enum err read_orders(struct reader *r, struct bytes text)
{
    struct bytes term;
    r->q->order_count = 0;
    r->q->orders = arena_array(r->p->arena, ORDERS_MAX, sizeof(*r->q->orders));
    if (!r->q->orders)
        return ERR_NOMEM;
    while (bytes_split(&text, ',', &term)) {
        if (r->q->order_count == ORDERS_MAX)
            return refuse(r, BYTES("order"), text, BYTES("more than 32 columns"));
        enum err e = add_order(r, bytes_trim(term));
        if (e)
            return e;
    }
    return OK;
}

/* --- limit and offset --- */

static enum err read_amount(struct reader *r, struct bytes name, struct bytes text, uint64_t *out)
{
    enum err e = bytes_to_u64(text, out);
    if (!e)
        return OK;
    if (text.size > 1 && text.data[0] == '-') {
        e = parse_refuse(r->p, 416, "PGRST103", BYTES("Requested range not satisfiable"));
        r->p->fault.details =
            PARSE_TEXT(r->p, name, BYTES(" should be greater than or equal to zero."));
        return e;
    }
    return refuse(r, name, text, BYTES("expecting a whole number"));
}

static enum err read_limit(struct reader *r, struct bytes name, struct bytes text, uint64_t *out)
{
    if (r->q->verb == VERB_UPDATE || r->q->verb == VERB_DELETE)
        return refuse(r, name, text,
                      BYTES("changes and removals cannot be limited to a number of rows"));
    return read_amount(r, name, text, out);
}

/* --- keys --- */

static enum err refuse_embedded(struct reader *r, struct bytes key)
{
    struct bytes embed = parse_unquoted(bytes_slice(key, 0, bytes_find_char(key, '.')));
    embed = parse_excerpt(embed, 100);
    return parse_refuse(r->p, 400, "PGRST108",
                        PARSE_TEXT(r->p, BYTES("'"), embed,
                                   BYTES("' cannot be filtered, ordered or limited: this is not "
                                         "supported for embedded rows")));
}

static bool is_group_key(struct bytes key, bool *is_or, bool *is_negated)
{
    *is_negated = bytes_starts_with(key, BYTES("not."));
    if (*is_negated)
        key = bytes_slice(key, 4, key.size);
    *is_or = bytes_equal(key, BYTES("or"));
    return *is_or || bytes_equal(key, BYTES("and"));
}

static enum err read_pair(struct reader *r, struct bytes key, struct bytes value)
{
    bool is_or, is_negated;
    if (bytes_equal(key, BYTES("select"))) {
        r->texts->select = value;
    } else if (bytes_equal(key, BYTES("columns"))) {
        r->texts->columns = value;
    } else if (bytes_equal(key, BYTES("on_conflict"))) {
        r->texts->on_conflict = value;
    } else if (bytes_equal(key, BYTES("order"))) {
        return read_orders(r, value);
    } else if (bytes_equal(key, BYTES("limit"))) {
        return read_limit(r, BYTES("limit"), value, &r->q->limit);
    } else if (bytes_equal(key, BYTES("offset"))) {
        return read_limit(r, BYTES("offset"), value, &r->q->offset);
    } else if (is_group_key(key, &is_or, &is_negated)) {
        return add_group(r, value, is_or, is_negated, 1);
    } else if (key.size && key.data[0] != '"' && bytes_find_char(key, '.') < key.size) {
        return refuse_embedded(r, key);
    } else {
        return add_condition(r, key, value, false);
    }
    return OK;
}

enum err filters_parse(struct parse *p, struct bytes query, struct query *q,
                       struct query_texts *texts)
{
    struct reader r = {.p = p, .q = q, .texts = texts};
    struct bytes key, value;
    if (query.size > QUERY_STRING_MAX)
        return parse_refuse(p, 400, "PGRST100", BYTES("The query string is longer than 16 KiB"));
    *texts = (struct query_texts){0};
    while (http_query_next(&query, &key, &value)) {
        enum err e = parse_decode(p, key, &key);
        if (!e)
            e = parse_decode(p, value, &value);
        if (!e)
            e = read_pair(&r, key, value);
        if (e)
            return e;
    }
    return OK;
}
