#include "api/body.h"

struct reader {
    struct parse *p;
    const struct body_form *form;
    struct query *q;
    bool *is_given; /* of the row being read, parallel to q->set */
};

static enum err refuse_json(struct parse *p)
{
    return parse_refuse(p, 400, "PGRST102", BYTES("Empty or invalid json"));
}

static enum err refuse_keys(struct parse *p)
{
    return parse_refuse(p, 400, "PGRST102", BYTES("All object keys must match"));
}

/* --- which columns --- */

static enum err refuse_unknown(struct parse *p, const struct table *t, struct bytes name)
{
    name = parse_excerpt(name, 100);
    return parse_refuse(p, 400, "PGRST204",
                        PARSE_TEXT(p, BYTES("Could not find the '"), name, BYTES("' column of '"),
                                   t->name, BYTES("' in the schema cache")));
}

static enum err refuse_generated(struct parse *p, const struct column *c, enum verb verb)
{
    struct bytes message =
        verb == VERB_INSERT
            ? PARSE_TEXT(p, BYTES("cannot insert a non-DEFAULT value into column \""), c->name,
                         BYTES("\""))
            : PARSE_TEXT(p, BYTES("column \""), c->name,
                         BYTES("\" can only be updated to DEFAULT"));
    enum err e = parse_refuse(p, 400, "428C9", message);
    p->fault.details =
        PARSE_TEXT(p, BYTES("Column \""), c->name, BYTES("\" is a generated column."));
    return e;
}

static enum err refuse_server(struct parse *p, const struct table *t, const struct column *c)
{
    enum err e = parse_refuse(p, 403, "42501",
                              PARSE_TEXT(p, BYTES("permission denied for column \""), c->name,
                                         BYTES("\" of table \""), t->name, BYTES("\"")));
    p->fault.details = BYTES("The server sets this column.");
    return e;
}

static size_t find_set(const struct query *q, const struct column *c)
{
    size_t i = 0;
    while (i < q->set_count && q->set[i] != c)
        i++;
    return i;
}

static enum err add_column(struct parse *p, struct query *q, const struct column *c)
{
    if (find_set(q, c) < q->set_count)
        return OK;
    if (c->is_generated)
        return refuse_generated(p, c, q->verb);
    if (c->is_server && !p->is_service)
        return refuse_server(p, q->table, c);
    q->set[q->set_count++] = c;
    return OK;
}

static enum err add_name(struct parse *p, struct query *q, struct bytes name)
{
    const struct column *c = parse_column(q->table, name);
    return c ? add_column(p, q, c) : refuse_unknown(p, q->table, name);
}

static enum err key_text(struct parse *p, struct bytes key, struct bytes *out)
{
    *out = bytes_slice(key, 1, key.size - 1);
    if (bytes_find_char(*out, '\\') == out->size)
        return OK;
    buf_reset(p->scratch);
    json_string_decode(p->scratch, key);
    if (p->scratch->err)
        return ERR_NOMEM;
    *out = arena_copy(p->arena, buf_bytes(p->scratch));
    return out->data ? OK : ERR_NOMEM;
}

static enum err columns_of_row(struct parse *p, struct query *q, struct json_value row)
{
    struct json_iter it = json_iter(row);
    struct bytes key, name;
    struct json_value value;
    while (json_next(&it, &key, &value)) {
        enum err e = key_text(p, key, &name);
        if (!e)
            e = add_name(p, q, name);
        if (e)
            return e;
    }
    return OK;
}

static enum err find_columns(struct reader *r, struct json_value first)
{
    struct query *q = r->q;
    struct bytes names = r->form->columns, name;
    q->set = arena_array(r->p->arena, q->table->column_count, sizeof(const struct column *));
    if (!q->set)
        return ERR_NOMEM;
    if (!names.data)
        return columns_of_row(r->p, q, first);
    while (parse_name_next(&names, &name)) {
        enum err e = add_name(r->p, q, name);
        if (e)
            return e;
    }
    return OK;
}

/* --- the rows --- */

/* The place of the key in the set; `guess` is where it stands when rows name their columns in one
 * order. */
static size_t find_key(const struct query *q, struct bytes key, size_t guess)
{
    if (guess < q->set_count && json_string_equals(key, q->set[guess]->name))
        return guess;
    size_t i = 0;
    while (i < q->set_count && !json_string_equals(key, q->set[i]->name))
        i++;
    return i;
}

static enum err refuse_value(struct parse *p, const struct column *c, struct json_value v,
                             enum err e)
{
    struct bytes text = v.raw;
    if (v.type == JSON_STRING && e != ERR_NOMEM) {
        enum err decoded = key_text(p, v.raw, &text);
        if (decoded)
            return decoded;
    }
    return parse_refuse_value(p, c, text, e);
}

static void start_row(struct reader *r, size_t row)
{
    struct query *q = r->q;
    r->is_given = q->is_absent ? q->is_absent + row * q->set_count : r->is_given;
    if (q->set_count)
        memset(r->is_given, 0, q->set_count * sizeof(*r->is_given));
}

/* The values are zeroed, that is null, already.  Flags of given columns become flags of absent
 * ones. */
static enum err end_row(struct reader *r)
{
    for (size_t i = 0; i < r->q->set_count; i++) {
        if (!r->is_given[i] && !r->form->columns.data)
            return refuse_keys(r->p);
        r->is_given[i] = !r->is_given[i];
    }
    return OK;
}

static enum err read_row(struct reader *r, struct json_value object, size_t row)
{
    struct query *q = r->q;
    struct json_iter it = json_iter(object);
    struct bytes key;
    struct json_value v;
    struct value *values = q->values + row * q->set_count;
    if (object.type != JSON_OBJECT)
        return refuse_keys(r->p);
    start_row(r, row);
    for (size_t guess = 0; json_next(&it, &key, &v); guess++) {
        size_t i = find_key(q, key, guess);
        if (i == q->set_count) {
            if (!r->form->columns.data)
                return refuse_keys(r->p);
            continue;
        }
        enum err e = value_from_json(q->set[i], v, r->p->arena, &values[i]);
        if (e)
            return refuse_value(r->p, q->set[i], v, e);
        r->is_given[i] = true;
    }
    return end_row(r);
}

static enum err allocate_rows(struct reader *r, size_t count)
{
    struct query *q = r->q;
    struct arena *a = r->p->arena;
    q->row_count = count;
    q->values = arena_array(a, count * q->set_count, sizeof(*q->values));
    if (r->form->has_defaults && r->form->columns.data)
        q->is_absent = arena_array(a, count * q->set_count, sizeof(*q->is_absent));
    else
        r->is_given = arena_array(a, q->set_count, sizeof(*r->is_given));
    return q->values && (q->is_absent || r->is_given) ? OK : ERR_NOMEM;
}

static enum err read_array(struct reader *r, struct json_value array)
{
    struct json_iter it = json_iter(array);
    struct bytes key;
    struct json_value v, first = {0};
    size_t count = 0;
    for (; json_next(&it, &key, &v); count++) {
        if (count == 0)
            first = v;
    }
    if (count == 0)
        return OK;
    if (count > BODY_ROWS_MAX)
        return parse_refuse(r->p, 413, "54000", BYTES("More than 10000 rows in one request"));
    enum err e = first.type == JSON_OBJECT ? find_columns(r, first) : refuse_keys(r->p);
    if (!e)
        e = allocate_rows(r, count);
    it = json_iter(array);
    for (size_t row = 0; !e && json_next(&it, &key, &v); row++)
        e = read_row(r, v, row);
    return e;
}

/* One object without `columns=`, the most frequent body: its keys and its values in one walk. */
static enum err read_alone(struct reader *r, struct json_value object)
{
    struct query *q = r->q;
    struct json_iter it = json_iter(object);
    struct bytes key, name;
    struct json_value v;
    q->set = arena_array(r->p->arena, q->table->column_count, sizeof(const struct column *));
    q->values = arena_array(r->p->arena, q->table->column_count, sizeof(*q->values));
    if (!q->set || !q->values)
        return ERR_NOMEM;
    q->row_count = 1;
    while (json_next(&it, &key, &v)) {
        enum err e = key_text(r->p, key, &name);
        const struct column *c = e ? NULL : parse_column(q->table, name);
        if (!e)
            e = c ? add_column(r->p, q, c) : refuse_unknown(r->p, q->table, name);
        if (e)
            return e;
        e = value_from_json(c, v, r->p->arena, &q->values[find_set(q, c)]);
        if (e)
            return refuse_value(r->p, c, v, e);
    }
    return OK;
}

static enum err read_object(struct reader *r, struct json_value object)
{
    if (!r->form->columns.data)
        return read_alone(r, object);
    enum err e = find_columns(r, object);
    if (!e)
        e = allocate_rows(r, 1);
    return e ? e : read_row(r, object, 0);
}

enum err body_parse(struct parse *p, const struct body_form *form, struct bytes body,
                    struct query *q)
{
    struct reader r = {.p = p, .form = form, .q = q};
    struct json_value v;
    if (json_parse(body, &v) || (v.type != JSON_OBJECT && v.type != JSON_ARRAY))
        return refuse_json(p);
    enum err e = v.type == JSON_OBJECT ? read_object(&r, v) : read_array(&r, v);
    if (!e && q->verb == VERB_UPDATE && q->row_count > 1)
        return parse_refuse(p, 400, "PGRST102", BYTES("A change takes one object, not several"));
    return e;
}

enum err body_parse_columns(struct parse *p, const struct table *t, struct bytes names,
                            const struct column ***out, size_t *count)
{
    const struct column **columns =
        arena_array(p->arena, t->column_count, sizeof(const struct column *));
    struct bytes name;
    size_t n = 0;
    if (!columns)
        return ERR_NOMEM;
    while (parse_name_next(&names, &name)) {
        const struct column *c = parse_column(t, name);
        if (!c || n == t->column_count)
            return parse_refuse_column(p, t, name);
        columns[n++] = c;
    }
    *out = columns;
    *count = n;
    return OK;
}
