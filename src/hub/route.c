#include "hub/route.h"

/* ---- the tables ---- */

static enum err table_init(struct route_table *rt, const struct table *t, uint64_t seed)
{
    list_init(&rt->plain);
    rt->values = mem_array(t->column_count, sizeof(struct map));
    if (!rt->values)
        return ERR_NOMEM;
    for (uint16_t i = 0; i < t->column_count; i++)
        map_init(&rt->values[i], seed);
    return OK;
}

enum err routes_init(struct routes *r, const struct catalogue *c, uint64_t seed)
{
    *r = (struct routes){.catalogue = c};
    r->tables = mem_array(c->table_count, sizeof(struct route_table));
    enum err e = r->tables ? OK : ERR_NOMEM;
    for (uint16_t i = 0; i < c->table_count && !e; i++)
        e = table_init(&r->tables[i], &c->tables[i], seed);
    return e;
}

static void table_done(struct route_table *rt, const struct table *t)
{
    for (uint16_t i = 0; rt->values && i < t->column_count; i++)
        map_done(&rt->values[i]);
    mem_free(rt->values);
}

void routes_done(struct routes *r)
{
    for (uint16_t i = 0; r->tables && i < r->catalogue->table_count; i++)
        table_done(&r->tables[i], &r->catalogue->tables[i]);
    mem_free(r->tables);
    r->tables = NULL;
}

/* ---- which equality holds an entry ---- */

/* How well an equality tells rows apart; 0: it is none. */
static int rank(const struct filter_term *term)
{
    if (term->is_not || (term->op != FILTER_EQ && term->op != FILTER_IN))
        return 0;
    if (term->column->type == TYPE_BOOL)
        return 1;
    if (term->op == FILTER_IN)
        return 2;
    return term->column->is_key ? 4 : 3;
}

/* NULL: none of the terms is an equality. */
static const struct filter_term *best_term(const struct filter *f)
{
    const struct filter_term *best = NULL;
    for (uint32_t i = 0; i < f->count; i++)
        if (rank(&f->terms[i]) > (best ? rank(best) : 0))
            best = &f->terms[i];
    return best;
}

/* The number of values that hold all entries for the table; false: some entry is held by none, or
 * they are too many. */
static bool count_values(const struct bindings *b, const struct table *t, uint32_t *out)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < b->count && count <= ROUTE_VALUES_MAX; i++) {
        if (!binding_has_table(&b->items[i], t))
            continue;
        const struct filter_term *term = best_term(&b->items[i].filter);
        if (!term)
            return false;
        count += term->value_count;
    }
    *out = count;
    return count <= ROUTE_VALUES_MAX;
}

uint32_t route_count(const struct bindings *b, const struct table *t)
{
    uint32_t count;
    if (!bindings_has_table(b, t))
        return 0;
    return count_values(b, t, &count) ? count : 1;
}

/* ---- links ---- */

/* Two values of one column are equal when their keys are.  `v` outlives the key; not null. */
static struct bytes key_of(const struct value *v)
{
    if (v->kind == VALUE_INT)
        return (struct bytes){(const char *)&v->number, sizeof(v->number)};
    return v->text;
}

static enum err get_value(struct map *map, struct bytes key, struct route_value **out)
{
    struct map_entry *found = map_get(map, key);
    if (found) {
        *out = container_of(found, struct route_value, entry);
        return OK;
    }
    struct route_value *v = mem_zalloc(sizeof(*v) + key.size);
    if (!v)
        return ERR_NOMEM;
    if (key.size)
        memcpy(v->key, key.data, key.size);
    v->entry.key = (struct bytes){v->key, key.size};
    v->map = map;
    list_init(&v->links);
    if (map_put(map, &v->entry)) {
        mem_free(v);
        return ERR_NOMEM;
    }
    *out = v;
    return OK;
}

static enum err add_term(struct route_table *rt, const struct filter_term *term,
                         struct group *group, struct route_link *items, uint32_t *count)
{
    for (uint32_t i = 0; i < term->value_count; i++) {
        struct route_value *v;
        enum err e = get_value(&rt->values[term->column->index], key_of(&term->values[i]), &v);
        if (e)
            return e;
        struct route_link *l = &items[(*count)++];
        *l = (struct route_link){.group = group, .value = v};
        list_push_back(&v->links, &l->link);
    }
    return OK;
}

enum err route_add(struct routes *r, const struct bindings *b, const struct table *t,
                   struct group *group, struct route_link *items, uint32_t *count)
{
    struct route_table *rt = &r->tables[t->index];
    uint32_t values;
    enum err e = OK;
    if (!bindings_has_table(b, t))
        return OK;
    if (!count_values(b, t, &values)) {
        struct route_link *l = &items[(*count)++];
        *l = (struct route_link){.group = group};
        list_push_back(&rt->plain, &l->link);
        return OK;
    }
    for (uint32_t i = 0; i < b->count && !e; i++)
        if (binding_has_table(&b->items[i], t))
            e = add_term(rt, best_term(&b->items[i].filter), group, items, count);
    return e;
}

void route_remove(struct route_link *l)
{
    struct route_value *v = l->value;
    list_remove(&l->link);
    if (!v || !list_is_empty(&v->links))
        return;
    map_remove(v->map, v->entry.key);
    mem_free(v);
}

enum err route_find(const struct routes *r, const struct table *t, const struct column *c,
                    struct bytes row, struct arena *scratch, struct link **out)
{
    const struct map *map = &r->tables[t->index].values[c->index];
    struct json_value json, object = {JSON_OBJECT, row};
    struct value v;
    *out = NULL;
    if (map->count == 0 || row.size == 0 || json_get(object, c->name, &json))
        return OK;
    arena_reset(scratch);
    enum err e = value_from_json(c, json, scratch, &v);
    if (e || v.kind == VALUE_NULL)
        return e == ERR_NOMEM ? e : OK;
    struct map_entry *found = map_get(map, key_of(&v));
    *out = found ? &container_of(found, struct route_value, entry)->links : NULL;
    return OK;
}

struct link *route_next(const struct routes *r, const struct table *t, const struct column *c,
                        struct link *links)
{
    const struct map *map = &r->tables[t->index].values[c->index];
    const struct map_entry *at =
        links ? &container_of(links, struct route_value, links)->entry : NULL;
    struct map_entry *next = map_next(map, at);
    return next ? &container_of(next, struct route_value, entry)->links : NULL;
}
