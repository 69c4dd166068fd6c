#include "store/row.h"

enum { KEY_MAX = 64 * 1024 };

/* A key with what stands before it, in the arena. */
static enum err make_key(struct bytes quoted, bool is_first, struct arena *arena, struct bytes *out)
{
    char *key = arena_alloc(arena, quoted.size + 2);
    if (!key)
        return ERR_NOMEM;
    key[0] = is_first ? '{' : ',';
    memcpy(key + 1, quoted.data, quoted.size);
    key[quoted.size + 1] = ':';
    *out = (struct bytes){key, quoted.size + 2};
    return OK;
}

static enum err name_field(struct bytes name, bool is_first, struct arena *arena,
                           struct row_field *out)
{
    struct buf quoted;
    buf_init(&quoted, KEY_MAX);
    json_put_string(&quoted, name);
    enum err e = quoted.err;
    if (!e)
        e = make_key(buf_bytes(&quoted), is_first, arena, &out->key);
    buf_done(&quoted);
    return e;
}

enum err row_shape_of_table(const struct table *t, struct arena *arena, struct row_shape *out)
{
    struct row_shape shape = {arena_array(arena, t->column_count, sizeof(struct row_field)), 0};
    if (!shape.fields)
        return ERR_NOMEM;
    for (size_t i = 0; i < t->column_count; i++) {
        if (t->columns[i].is_private)
            continue;
        struct row_field *f = &shape.fields[shape.count];
        f->column = &t->columns[i];
        enum err e = name_field(f->column->name, shape.count == 0, arena, f);
        if (e)
            return e;
        shape.count++;
    }
    *out = shape;
    return OK;
}

enum err row_shape_of_select(const struct query_select *s, struct arena *arena,
                             struct row_shape *out)
{
    struct row_shape shape = {arena_array(arena, s->item_count, sizeof(struct row_field)),
                              s->item_count};
    if (!shape.fields)
        return ERR_NOMEM;
    for (size_t i = 0; i < s->item_count; i++) {
        shape.fields[i].column = s->items[i].column;
        enum err e = name_field(s->items[i].name, i == 0, arena, &shape.fields[i]);
        if (e)
            return e;
    }
    *out = shape;
    return OK;
}

void row_put_spec(struct buf *out, const struct query_select *s)
{
    for (size_t i = 0; i < s->item_count; i++) {
        const struct query_item *item = &s->items[i];
        if (item->column) {
            buf_put_u64(out, s->table->index);
            buf_put_char(out, '.');
            buf_put_u64(out, item->column->index);
        } else {
            buf_put_char(out, '*');
        }
        json_put_string(out, item->name);
    }
}

/* The size of the JSON string at the beginning of `text`, quotes included; 0 when there is none. */
static size_t string_size(struct bytes text)
{
    if (text.size < 2 || text.data[0] != '"')
        return 0;
    for (size_t i = 1; i < text.size; i++) {
        if (text.data[i] == '"')
            return i + 1;
        if (text.data[i] == '\\')
            i++;
    }
    return 0;
}

/* `3.0` or `*`, up to the quote. */
static enum err parse_column(struct bytes text, const struct catalogue *c,
                             const struct column **out)
{
    *out = NULL;
    if (bytes_equal(text, BYTES("*")))
        return OK;
    size_t dot = bytes_find_char(text, '.');
    uint64_t table, column;
    if (bytes_to_u64(bytes_slice(text, 0, dot), &table) ||
        bytes_to_u64(bytes_slice(text, dot + 1, text.size), &column))
        return ERR_SYNTAX;
    if (table >= c->table_count || column >= c->tables[table].column_count)
        return ERR_SYNTAX;
    *out = &c->tables[table].columns[column];
    return OK;
}

static enum err parse_field(struct bytes *rest, const struct catalogue *c, struct arena *arena,
                            bool is_first, struct row_field *out)
{
    size_t quote = bytes_find_char(*rest, '"');
    enum err e = parse_column(bytes_slice(*rest, 0, quote), c, &out->column);
    if (e)
        return e;
    struct bytes key = bytes_slice(*rest, quote, rest->size);
    key.size = string_size(key);
    if (key.size == 0)
        return ERR_SYNTAX;
    *rest = bytes_slice(*rest, quote + key.size, rest->size);
    return make_key(key, is_first, arena, &out->key);
}

enum err row_shape_of_spec(struct bytes spec, const struct catalogue *c, struct arena *arena,
                           struct row_shape *out)
{
    /* No field is shorter than `*""`. */
    struct row_shape shape = {arena_array(arena, spec.size / 3, sizeof(struct row_field)), 0};
    if (!shape.fields)
        return ERR_NOMEM;
    while (spec.size) {
        enum err e = parse_field(&spec, c, arena, shape.count == 0, &shape.fields[shape.count]);
        if (e)
            return e;
        shape.count++;
    }
    *out = shape;
    return OK;
}

static struct bytes value_text(sqlite3_value *v)
{
    const char *text = (const char *)sqlite3_value_text(v);
    return (struct bytes){text, text ? (size_t)sqlite3_value_bytes(v) : 0};
}

struct value row_value(sqlite3_value *v)
{
    switch (sqlite3_value_type(v)) {
    case SQLITE_NULL:
        return (struct value){.kind = VALUE_NULL};
    case SQLITE_INTEGER:
    case SQLITE_FLOAT: /* a sum past 64 bits */
        return (struct value){.kind = VALUE_INT, .number = sqlite3_value_int64(v)};
    default:
        return (struct value){.kind = VALUE_TEXT, .text = value_text(v)};
    }
}

static void put_field(struct buf *out, const struct row_field *f, sqlite3_value *v)
{
    struct value value = row_value(v);
    buf_put(out, f->key);
    if (value.kind == VALUE_TEXT && !value.text.data)
        out->err = ERR_NOMEM; /* SQLite had none to end the text with its zero */
    else if (f->column)
        value_put_json(out, f->column, value);
    else
        buf_put(out, value.kind == VALUE_TEXT ? value.text : BYTES("null"));
}

static void put_end(struct buf *out, const struct row_shape *shape)
{
    if (shape->count == 0)
        buf_put_char(out, '{');
    buf_put_char(out, '}');
}

void row_put(struct buf *out, const struct row_shape *shape, sqlite3_value **values)
{
    for (size_t i = 0; i < shape->count; i++)
        put_field(out, &shape->fields[i], values[i]);
    put_end(out, shape);
}

void row_put_result(struct buf *out, const struct row_shape *shape, sqlite3_stmt *stmt, int first)
{
    for (size_t i = 0; i < shape->count; i++)
        put_field(out, &shape->fields[i], sqlite3_column_value(stmt, first + (int)i));
    put_end(out, shape);
}
