#include "change/catalogue.h"

#include "base/json.h"

enum { CATALOGUE_SIZE_MAX = 4 << 20, NUMERIC_PRECISION_MAX = 18 };

static const struct bytes type_names[] = {
    [TYPE_UUID] = BYTES_INIT("uuid"),
    [TYPE_TEXT] = BYTES_INIT("text"),
    [TYPE_INT4] = BYTES_INIT("int4"),
    [TYPE_INT8] = BYTES_INIT("int8"),
    [TYPE_NUMERIC] = BYTES_INIT("numeric"),
    [TYPE_BOOL] = BYTES_INIT("bool"),
    [TYPE_TIMESTAMPTZ] = BYTES_INIT("timestamptz"),
    [TYPE_DATE] = BYTES_INIT("date"),
    [TYPE_JSONB] = BYTES_INIT("jsonb"),
};

enum { TYPE_COUNT = sizeof(type_names) / sizeof(type_names[0]) };

enum err catalogue_new(struct catalogue **out)
{
    struct catalogue *c = mem_zalloc(sizeof(*c));
    if (!c)
        return ERR_NOMEM;
    arena_init(&c->arena, CATALOGUE_SIZE_MAX);
    *out = c;
    return OK;
}

const struct table *catalogue_table(const struct catalogue *c, struct bytes name)
{
    for (size_t i = 0; i < c->table_count; i++)
        if (bytes_equal(c->tables[i].name, name))
            return &c->tables[i];
    return NULL;
}

const struct column *table_column(const struct table *t, struct bytes name)
{
    for (size_t i = 0; i < t->column_count; i++)
        if (bytes_equal(t->columns[i].name, name))
            return &t->columns[i];
    return NULL;
}

struct bytes column_type_name(enum column_type t)
{
    return type_names[t];
}

/* "(12,2)" or "(12)". */
static enum err parse_typmod(struct bytes mod, uint8_t *precision, uint8_t *scale)
{
    if (mod.size < 3 || mod.data[0] != '(' || mod.data[mod.size - 1] != ')')
        return ERR_NOT_FOUND;
    struct bytes rest = bytes_slice(mod, 1, mod.size - 1);
    size_t comma = bytes_find_char(rest, ',');
    uint64_t p = 0, s = 0;
    if (bytes_to_u64(bytes_trim(bytes_slice(rest, 0, comma)), &p))
        return ERR_NOT_FOUND;
    if (comma < rest.size && bytes_to_u64(bytes_trim(bytes_slice(rest, comma + 1, rest.size)), &s))
        return ERR_NOT_FOUND;
    if (p < 1 || p > NUMERIC_PRECISION_MAX || s > p)
        return ERR_NOT_FOUND;
    *precision = (uint8_t)p;
    *scale = (uint8_t)s;
    return OK;
}

/* Type, and the precision of a numeric. */
static enum err parse_declared(struct bytes declared, enum column_type *type, uint8_t *precision,
                               uint8_t *scale)
{
    struct bytes text = bytes_trim(declared);
    struct bytes name = bytes_trim(bytes_slice(text, 0, bytes_find_char(text, '(')));
    struct bytes mod = bytes_slice(text, bytes_find_char(text, '('), text.size);
    for (int i = 0; i < TYPE_COUNT; i++) {
        if (!bytes_equal_nocase(name, type_names[i]))
            continue;
        uint8_t p = 0, s = 0;
        /* A numeric without bounds could not be kept in 64 bits. */
        bool is_ok = i == TYPE_NUMERIC ? parse_typmod(mod, &p, &s) == OK : mod.size == 0;
        if (!is_ok)
            return ERR_NOT_FOUND;
        *type = (enum column_type)i;
        *precision = p;
        *scale = s;
        return OK;
    }
    return ERR_NOT_FOUND;
}

enum err column_type_parse(struct bytes declared, enum column_type *type, uint8_t *scale)
{
    uint8_t precision;
    return parse_declared(declared, type, &precision, scale);
}

uint8_t column_precision_parse(struct bytes declared)
{
    enum column_type type;
    uint8_t precision = 0, scale;
    return parse_declared(declared, &type, &precision, &scale) ? 0 : precision;
}

static void put_columns_json(struct buf *out, const struct table *t)
{
    buf_put_char(out, '[');
    for (size_t i = 0; i < t->column_count; i++) {
        const struct column *c = &t->columns[i];
        if (c->is_private)
            continue;
        if (buf_bytes(out).size > 1)
            buf_put_char(out, ',');
        buf_put_literal(out, "{\"name\":");
        json_put_string(out, c->name);
        buf_put_literal(out, ",\"type\":");
        json_put_string(out, column_type_name(c->type));
        buf_put_char(out, '}');
    }
    buf_put_char(out, ']');
}

enum err table_make_columns_json(struct catalogue *c, struct table *t)
{
    struct buf text;
    buf_init(&text, CATALOGUE_SIZE_MAX);
    put_columns_json(&text, t);
    enum err e = text.err;
    if (e)
        goto out;
    struct bytes copy = arena_copy(&c->arena, buf_bytes(&text));
    if (copy.data)
        t->columns_json = copy;
    else
        e = ERR_NOMEM;
out:
    buf_done(&text);
    return e;
}

void catalogue_free(struct catalogue *c)
{
    if (!c)
        return;
    arena_done(&c->arena);
    mem_free(c);
}
