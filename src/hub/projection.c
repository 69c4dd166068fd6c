#include "hub/projection.h"

#include "base/mem.h"

enum { NAMES_MAX = 256, COLUMNS_TEXT_MAX = 1 << 20 };

void projections_init(struct projections *p, uint64_t seed)
{
    map_init(&p->map, seed);
}

void projections_done(struct projections *p)
{
    map_done(&p->map);
}

/* ---- which columns ---- */

static const struct column *shown_column(const struct table *t, struct bytes raw_name)
{
    for (uint16_t i = 0; i < t->column_count; i++)
        if (!t->columns[i].is_private && json_string_equals(raw_name, t->columns[i].name))
            return &t->columns[i];
    return NULL;
}

static enum err read_names(struct projection *v, struct json_value names, struct bytes *missing)
{
    struct json_iter it = json_iter(names);
    struct json_value name;
    struct bytes key;
    for (int count = 0; json_next(&it, &key, &name); count++) {
        if (count == NAMES_MAX)
            return ERR_LIMIT;
        if (name.type != JSON_STRING)
            return ERR_TYPE;
        const struct column *c = shown_column(v->table, name.raw);
        if (!c) {
            *missing = name.raw;
            return ERR_NOT_FOUND;
        }
        v->is_in[c->index] = 1;
    }
    return OK;
}

static bool is_whole(const struct projection *v)
{
    for (uint16_t i = 0; i < v->table->column_count; i++)
        if (!v->is_in[i] && !v->table->columns[i].is_private)
            return false;
    return true;
}

/* Those of the table's own list that are in. */
static enum err make_columns_json(struct projection *v)
{
    struct json_iter it = json_iter((struct json_value){JSON_ARRAY, v->table->columns_json});
    struct json_value item, name;
    struct bytes key;
    buf_put_char(&v->columns_json, '[');
    while (json_next(&it, &key, &item)) {
        const struct column *c =
            json_get(item, BYTES("name"), &name) ? NULL : shown_column(v->table, name.raw);
        if (!c || !v->is_in[c->index])
            continue;
        if (v->columns_json.size > 1)
            buf_put_char(&v->columns_json, ',');
        buf_put(&v->columns_json, item.raw);
    }
    buf_put_char(&v->columns_json, ']');
    return v->columns_json.err;
}

/* ---- the shared ones ---- */

static struct projection *blank(const struct table *t)
{
    size_t size = t->column_count + sizeof(t->index);
    struct projection *v = mem_zalloc(sizeof(*v) + size);
    if (!v)
        return NULL;
    v->refs = 1;
    v->table = t;
    buf_init(&v->columns_json, COLUMNS_TEXT_MAX);
    memcpy(v->is_in + t->column_count, &t->index, sizeof(t->index));
    v->entry.key = (struct bytes){v->is_in, size};
    for (uint16_t i = 0; i < t->key_count; i++)
        v->is_in[t->key[i]->index] = 1;
    return v;
}

static void drop(struct projection *v)
{
    buf_done(&v->columns_json);
    mem_free(v);
}

/* Takes `v`: in `*out` comes it, or the one that is there already, or NULL for all columns. */
static enum err share(struct projections *p, struct projection *v, struct projection **out)
{
    struct map_entry *found = map_get(&p->map, v->entry.key);
    enum err e = OK;
    *out = NULL;
    if (found) {
        *out = container_of(found, struct projection, entry);
        (*out)->refs++;
    } else if (!is_whole(v)) {
        e = make_columns_json(v);
        if (!e)
            e = map_put(&p->map, &v->entry);
        if (!e)
            *out = v;
    }
    if (*out != v)
        drop(v);
    return e;
}

enum err projection_get(struct projections *p, const struct table *t, struct json_value names,
                        struct bytes *missing, struct projection **out)
{
    if (names.type != JSON_ARRAY)
        return ERR_TYPE;
    struct projection *v = blank(t);
    if (!v)
        return ERR_NOMEM;
    enum err e = read_names(v, names, missing);
    if (!e)
        return share(p, v, out);
    drop(v);
    return e;
}

void projection_unref(struct projections *p, struct projection *v)
{
    if (!v || --v->refs > 0)
        return;
    map_remove(&p->map, v->entry.key);
    drop(v);
}

void projection_put_row(struct buf *out, const struct projection *v, struct bytes row)
{
    struct json_value object = {JSON_OBJECT, row}, value;
    buf_put_char(out, '{');
    for (uint16_t i = 0; i < v->table->column_count; i++) {
        const struct column *c = &v->table->columns[i];
        if (!v->is_in[i] || json_get(object, c->name, &value))
            continue;
        json_put_key(out, c->name);
        buf_put(out, value.raw);
    }
    buf_put_char(out, '}');
}
