#include "hub/binding.h"

enum {
    ID_MASK = (1 << 27) - 1,
    SET_SIZE_MAX = 8 << 20, /* bytes of one compiled set; a join is at most 1 MiB */
    KEY_SIZE_MAX = 2 << 20,
    SHOWN_MAX = 200,
    TRIAL_CHUNK = 4096,
    VERBS_ALL = 1 << VERB_INSERT | 1 << VERB_UPDATE | 1 << VERB_DELETE
};

void binding_sets_init(struct binding_sets *s, const struct catalogue *c, uint64_t seed)
{
    s->catalogue = c;
    map_init(&s->map, seed);
    projections_init(&s->projections, seed);
}

void binding_sets_done(struct binding_sets *s)
{
    map_done(&s->map);
    projections_done(&s->projections);
}

/* ---- ids ---- */

static uint32_t hash_spec(const struct binding_spec *s)
{
    uint64_t hash = bytes_hash(s->event, 1);
    hash = bytes_hash(s->schema, hash);
    hash = bytes_hash(s->table, hash);
    hash = bytes_hash(s->filter, hash);
    hash = bytes_hash(s->select, hash);
    return (uint32_t)(hash ^ hash >> 27 ^ hash >> 54) & ID_MASK;
}

static bool is_taken(const struct binding_spec *specs, uint32_t count, uint32_t id)
{
    for (uint32_t i = 0; i < count; i++)
        if (specs[i].id == id)
            return true;
    return false;
}

void binding_make_ids(struct binding_spec *specs, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t id = hash_spec(&specs[i]);
        while (id == 0 || is_taken(specs, i, id))
            id = (id + 1) & ID_MASK;
        specs[i].id = id;
    }
}

/* ---- one entry ---- */

static bool is_wild(struct bytes b)
{
    return bytes_equal(b, BYTES("*"));
}

static uint8_t parse_event(struct bytes event)
{
    for (int v = VERB_INSERT; v <= VERB_DELETE; v++)
        if (bytes_equal_nocase(event, verb_name((enum verb)v)))
            return (uint8_t)(1 << v);
    return VERBS_ALL;
}

/* Long texts are cut: the peer knows them. */
static void put_part(struct buf *out, struct bytes name, struct bytes value)
{
    buf_put(out, name);
    buf_put(out, bytes_slice(value, 0, SHOWN_MAX));
}

/* [event: *, schema: public, table: nope, filters: []] */
static void put_spec(struct buf *out, const struct binding_spec *s)
{
    put_part(out, BYTES("[event: "), s->event.data ? s->event : BYTES("*"));
    put_part(out, BYTES(", schema: "), s->schema.data ? s->schema : BYTES("public"));
    put_part(out, BYTES(", table: "), s->table.data ? s->table : BYTES("*"));
    put_part(out, BYTES(", filters: ["), s->filter);
    buf_put_literal(out, "]]");
}

static enum err refuse(const struct binding_spec *s, struct buf *message, enum err e)
{
    buf_put_literal(message,
                    "Unable to subscribe to changes with given parameters. Please check Realtime "
                    "is enabled for the given connect parameters: ");
    put_spec(message, s);
    return e;
}

static enum err find_table(const struct catalogue *c, const struct binding_spec *s,
                           struct buf *message, const struct table **out)
{
    bool has_schema = s->schema.size > 0, has_table = s->table.size > 0;
    if (!has_schema && !has_table) {
        buf_put_literal(message,
                        "No subscription params provided. Please provide at least a `schema` or "
                        "`table` to subscribe to: ");
        put_spec(message, s);
        return ERR_SYNTAX;
    }
    if (has_schema && !is_wild(s->schema) && !bytes_equal(s->schema, BYTES("public")))
        return refuse(s, message, ERR_NOT_FOUND);
    const struct table *t = NULL;
    if (has_table && !is_wild(s->table)) {
        t = catalogue_table(c, s->table);
        if (!t || !t->is_live)
            return refuse(s, message, ERR_NOT_FOUND);
    }
    *out = t;
    return OK;
}

static enum err find_filter(const struct binding_spec *s, const struct table *t,
                            struct arena *arena, struct buf *message, struct filter *out)
{
    *out = (struct filter){NULL, 0};
    if (bytes_trim(s->filter).size == 0)
        return OK;
    size_t start = message->size;
    buf_put_literal(message, "Error parsing `filter` params: ");
    put_spec(message, s);
    buf_put_literal(message, ": ");
    if (!t) {
        buf_put_literal(message, "a filter wants one table");
        return ERR_UNSUPPORTED;
    }
    enum err e = filter_parse(t, s->filter, arena, message, out);
    if (!e)
        message->size = start;
    return e;
}

static enum err refuse_select(const struct binding_spec *s, struct buf *message, enum err e,
                              struct bytes missing)
{
    buf_put_literal(message, "Error parsing `select` params: ");
    put_spec(message, s);
    if (e == ERR_NOT_FOUND)
        put_part(message, BYTES(": column does not exist: "), missing);
    else if (e == ERR_LIMIT)
        buf_put_literal(message, ": too many columns");
    else
        buf_put_literal(message, ": a list of column names is expected, as in [\"id\",\"name\"]");
    return e;
}

static enum err find_projection(struct binding_sets *sets, const struct binding_spec *s,
                                const struct table *t, struct buf *message, struct projection **out)
{
    struct json_value names;
    struct bytes missing = {NULL, 0};
    if (!s->select.data)
        return OK;
    if (!t || is_wild(s->schema)) {
        buf_put_literal(message, "Column selection is not supported for wildcard subscriptions. "
                                 "Name one schema and one table: ");
        put_spec(message, s);
        return ERR_UNSUPPORTED;
    }
    enum err e = json_parse(s->select, &names);
    if (!e)
        e = projection_get(&sets->projections, t, names, &missing, out);
    return e && e != ERR_NOMEM ? refuse_select(s, message, e, missing) : e;
}

static enum err compile(struct binding_sets *sets, const struct binding_spec *s,
                        struct arena *arena, struct buf *message, struct binding *out)
{
    *out = (struct binding){.id = s->id, .verbs = parse_event(s->event)};
    enum err e = find_table(sets->catalogue, s, message, &out->table);
    if (!e)
        e = find_filter(s, out->table, arena, message, &out->filter);
    return e ? e : find_projection(sets, s, out->table, message, &out->projection);
}

/* ---- sets ---- */

/* Which texts are absent does not matter once an entry is compiled, but lengths keep them apart. */
static void put_key_text(struct buf *out, struct bytes text)
{
    buf_put_u64(out, text.size);
    buf_put_char(out, ':');
    buf_put(out, text);
}

static void put_key(struct buf *out, const struct binding_spec *specs, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct binding_spec *s = &specs[i];
        buf_put_u64(out, s->id);
        put_key_text(out, s->event);
        put_key_text(out, s->schema);
        put_key_text(out, s->table);
        put_key_text(out, s->filter);
        put_key_text(out, s->select);
    }
}

static bool is_first(const struct bindings *b, uint32_t place)
{
    for (uint32_t i = 0; i < place; i++)
        if (b->items[i].projection == b->items[place].projection)
            return false;
    return true;
}

/* The entries, all in `arena`. */
static enum err compile_all(struct binding_sets *sets, const struct binding_spec *specs,
                            struct bytes key, struct arena *arena, struct buf *message,
                            struct bindings *out)
{
    out->items = arena_array(arena, out->count, sizeof(struct binding));
    out->entry.key = arena_copy(arena, key);
    enum err e = out->items && out->entry.key.data ? OK : ERR_NOMEM;
    for (uint32_t i = 0; i < out->count && !e; i++) {
        e = compile(sets, &specs[i], arena, message, &out->items[i]);
        out->items[i].is_first = is_first(out, i);
    }
    return e;
}

/* And what is half made. */
static void drop_items(struct binding_sets *sets, struct bindings *b)
{
    for (uint32_t i = 0; b->items && i < b->count; i++)
        projection_unref(&sets->projections, b->items[i].projection);
    b->items = NULL;
}

/* Sets are many and small, and an arena's chunk is big: a first run says whether a chunk of just
 * the right size will do. */
static size_t arena_size(const struct arena *trial)
{
    return trial->total <= TRIAL_CHUNK ? trial->used : SET_SIZE_MAX;
}

static enum err bindings_new(struct binding_sets *sets, const struct binding_spec *specs,
                             uint32_t count, struct bytes key, struct buf *message,
                             struct bindings **out)
{
    struct arena trial;
    struct bindings *b = mem_zalloc(sizeof(*b));
    if (!b)
        return ERR_NOMEM;
    b->refs = 1;
    b->count = count;
    arena_init(&trial, SET_SIZE_MAX);
    enum err e = compile_all(sets, specs, key, &trial, message, b);
    arena_init(&b->arena, arena_size(&trial));
    drop_items(sets, b);
    arena_done(&trial);
    if (!e)
        e = compile_all(sets, specs, key, &b->arena, message, b);
    if (!e)
        e = map_put(&sets->map, &b->entry);
    if (e) {
        drop_items(sets, b);
        arena_done(&b->arena);
        mem_free(b);
        return e;
    }
    *out = b;
    return OK;
}

enum err bindings_get(struct binding_sets *s, const struct binding_spec *specs, uint32_t count,
                      struct buf *message, struct bindings **out)
{
    struct buf key;
    buf_init(&key, KEY_SIZE_MAX);
    put_key(&key, specs, count);
    enum err e = key.err;
    if (!e) {
        struct map_entry *found = map_get(&s->map, buf_bytes(&key));
        if (found)
            *out = bindings_ref(container_of(found, struct bindings, entry));
        else
            e = bindings_new(s, specs, count, buf_bytes(&key), message, out);
    }
    buf_done(&key);
    return e;
}

struct bindings *bindings_ref(struct bindings *b)
{
    b->refs++;
    return b;
}

void bindings_unref(struct binding_sets *s, struct bindings *b)
{
    if (!b || --b->refs > 0)
        return;
    map_remove(&s->map, b->entry.key);
    drop_items(s, b);
    arena_done(&b->arena);
    mem_free(b);
}

bool binding_concerns(const struct binding *b, const struct table *t, enum verb verb)
{
    return (b->verbs >> verb & 1) && (!b->table || b->table == t);
}

bool binding_has_table(const struct binding *b, const struct table *t)
{
    return b->table ? b->table == t : t->is_live;
}

bool bindings_has_table(const struct bindings *b, const struct table *t)
{
    for (uint32_t i = 0; i < b->count; i++)
        if (binding_has_table(&b->items[i], t))
            return true;
    return false;
}

bool bindings_is_told(const struct bindings *b, const struct projection *view,
                      const struct told *told)
{
    for (uint32_t i = 0; i < b->count; i++)
        for (uint32_t k = 0; k < told->count && b->items[i].projection == view; k++)
            if (b->items[i].id == told->ids[k])
                return true;
    return false;
}

bool bindings_owe(const struct bindings *b, const struct told *told)
{
    for (uint32_t i = 0; i < b->count; i++)
        if (b->items[i].is_first && !bindings_is_told(b, b->items[i].projection, told))
            return true;
    return false;
}
