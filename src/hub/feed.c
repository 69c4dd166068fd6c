#include "hub/feed.h"

#include "base/time.h"
#include "proto/phx.h"
#include "proto/ws.h"

enum {
    TEXT_MAX = 64 << 20,      /* bytes of one message, far above what rows can be */
    PART_TEXT_KEPT = 1 << 20, /* bytes of remembered parts */
    SCRATCH_MAX = TEXT_MAX,   /* bytes of one decoded row value */
    SMALL_VALUE_MAX = 64      /* bytes of a value that is kept where the rows are too large */
};

void feed_init(struct feed *f, struct reader_classes *classes)
{
    *f = (struct feed){.classes = classes, .record_max = SIZE_MAX};
    buf_init(&f->part_text, TEXT_MAX);
    buf_init(&f->own_text, TEXT_MAX);
    buf_init(&f->head, TEXT_MAX);
    buf_init(&f->tail, TEXT_MAX);
    buf_init(&f->wire, TEXT_MAX);
    arena_init(&f->scratch, SCRATCH_MAX);
}

void feed_done(struct feed *f)
{
    buf_done(&f->part_text);
    buf_done(&f->own_text);
    buf_done(&f->head);
    buf_done(&f->tail);
    buf_done(&f->wire);
    arena_done(&f->scratch);
}

/* ---- the part that all share ---- */

static void put_row(struct buf *out, const struct projection *view, struct bytes name,
                    struct bytes row)
{
    if (row.size == 0)
        return;
    json_put_key(out, name);
    if (view)
        projection_put_row(out, view, row);
    else
        buf_put(out, row);
}

/* The primary key of a row, for those who may not see the rest. */
static void put_key_row(struct buf *out, const struct table *t, struct bytes row)
{
    struct json_value object = {JSON_OBJECT, row}, value;
    json_put_key(out, BYTES("old_record"));
    buf_put_char(out, '{');
    for (uint16_t i = 0; i < t->key_count; i++) {
        if (json_get(object, t->key[i]->name, &value))
            continue;
        json_put_key(out, t->key[i]->name);
        buf_put(out, value.raw);
    }
    buf_put_char(out, '}');
}

static void put_small_values(struct buf *out, struct bytes name, struct json_value row)
{
    struct json_iter it = json_iter(row);
    struct json_value value;
    struct bytes key;
    bool is_first = true;
    json_put_key(out, name);
    buf_put_char(out, '{');
    while (json_next(&it, &key, &value)) {
        if (value.raw.size > SMALL_VALUE_MAX)
            continue;
        if (!is_first)
            buf_put_char(out, ',');
        is_first = false;
        buf_put(out, key);
        buf_put_char(out, ':');
        buf_put(out, value.raw);
    }
    buf_put_char(out, '}');
}

/* Writes the rows that stand behind `at`, each with its name, once more, with small values only. */
static void shrink_rows(struct feed *f, struct buf *out, size_t at)
{
    struct json_value rows = {.type = JSON_OBJECT}, row;
    buf_reset(&f->tail);
    buf_put_char(&f->tail, '{');
    buf_put(&f->tail, bytes_slice(buf_bytes(out), at + 1, out->size)); /* without the comma */
    buf_put_char(&f->tail, '}');
    out->err = out->err ? out->err : f->tail.err;
    out->size = at;
    rows.raw = buf_bytes(&f->tail);
    if (json_get(rows, BYTES("record"), &row) == OK)
        put_small_values(out, BYTES("record"), row);
    if (json_get(rows, BYTES("old_record"), &row) == OK)
        put_small_values(out, BYTES("old_record"), row);
    f->oversized++;
}

static enum verb verb_of(const struct heard *h)
{
    return h->sight == SIGHT_LEAVES ? VERB_DELETE : h->change->verb;
}

/* What has become of the row since before `first`. */
static enum verb net_verb(const struct heard *first, const struct heard *last)
{
    if (verb_of(last) == VERB_DELETE)
        return VERB_DELETE;
    return verb_of(first) == VERB_INSERT ? VERB_INSERT : VERB_UPDATE;
}

static void put_data(struct feed *f, struct buf *out, const struct heard *first,
                     const struct heard *last)
{
    const struct change *c = last->change;
    const struct projection *view = last->view;
    enum verb verb = net_verb(first, last);
    buf_put_literal(out, "{\"schema\":\"public\",\"table\":");
    json_put_string(out, c->table->name);
    buf_put_literal(out, ",\"type\":\"");
    buf_put(out, verb_name(verb));
    buf_put_literal(out, "\",\"commit_timestamp\":\"");
    time_put_millis_z(out, c->commit_us);
    buf_put_literal(out, "\",\"columns\":");
    buf_put(out, view ? buf_bytes(&view->columns_json) : c->table->columns_json);
    size_t at = out->size;
    if (verb != VERB_DELETE)
        put_row(out, view, BYTES("record"), c->new_row);
    if (first->sight == SIGHT_ENTERS)
        put_key_row(out, c->table, first->change->new_row);
    else
        put_row(out, view, BYTES("old_record"), first->change->old_row);
    bool is_oversized = !out->err && out->size - at > f->record_max;
    if (is_oversized)
        shrink_rows(f, out, at);
    buf_put_literal(out, ",\"errors\":");
    buf_put(out, is_oversized ? BYTES("[\"Error 413: Payload Too Large\"]") : BYTES("null"));
    buf_put_literal(out, ",\"seq\":");
    buf_put_u64(out, c->seq);
    buf_put_char(out, '}');
}

static void forget_parts(struct feed *f)
{
    f->text++;
    buf_reset(&f->part_text);
}

static enum err shared_part(struct feed *f, const struct heard *h, struct bytes *out)
{
    const struct change *c = h->change;
    struct feed_part *parts = h->view ? h->view->parts : f->parts;
    struct feed_part *part = &parts[c->seq % FEED_PARTS];
    if (part->seq != c->seq || part->text != f->text) {
        if (f->part_text.err || f->part_text.size > PART_TEXT_KEPT)
            forget_parts(f);
        part->seq = 0;
        part->at = f->part_text.size;
        put_data(f, &f->part_text, h, h);
        if (f->part_text.err)
            return f->part_text.err;
        part->size = f->part_text.size - part->at;
        part->text = f->text;
        part->seq = c->seq;
    }
    *out = (struct bytes){f->part_text.data + part->at, part->size};
    return OK;
}

static enum err data_part(struct feed *f, const struct heard *first, const struct heard *last,
                          struct bytes *out)
{
    if (first->change == last->change && last->sight == SIGHT_WHOLE)
        return shared_part(f, last, out);
    buf_reset(&f->own_text);
    put_data(f, &f->own_text, first, last);
    *out = buf_bytes(&f->own_text);
    return f->own_text.err;
}

/* ---- one group ---- */

static bool wants(const struct group *g, const struct change *c)
{
    for (uint32_t i = 0; i < g->bindings->count; i++) {
        const struct binding *b = &g->bindings->items[i];
        /* An UPDATE may turn out to be a DELETE for this class. */
        if (binding_concerns(b, c->table, c->verb) ||
            (c->verb == VERB_UPDATE && binding_concerns(b, c->table, VERB_DELETE)))
            return true;
    }
    return false;
}

static enum err matches(struct feed *f, const struct binding *b, struct bytes row, bool *out)
{
    enum err e = filter_matches(&b->filter, row, &f->scratch, out);
    if (e != ERR_LIMIT)
        return e;
    f->costly++;
    *out = false;
    return OK;
}

/* Writes the ids of the bindings with this projection that the change matches. */
static enum err put_ids(struct feed *f, const struct group *g, const struct heard *h,
                        struct buf *ids, uint32_t *out)
{
    const struct change *c = h->change;
    enum verb verb = verb_of(h);
    struct bytes row = verb == VERB_DELETE ? c->old_row : c->new_row;
    uint32_t count = 0;
    for (uint32_t i = 0; i < g->bindings->count; i++) {
        const struct binding *b = &g->bindings->items[i];
        bool is_match = false;
        bool is_asked = b->projection == h->view && binding_concerns(b, c->table, verb);
        enum err e = is_asked ? matches(f, b, row, &is_match) : OK;
        if (e)
            return e;
        if (!is_match)
            continue;
        if (count++ > 0)
            buf_put_char(ids, ',');
        buf_put_u64(ids, b->id);
    }
    *out = count;
    return ids->err;
}

static enum err put_message(struct feed *f, const struct group *g, struct bytes data)
{
    char header[WS_HEADER_MAX];
    buf_reset(&f->tail);
    buf_put_char(&f->tail, '}');
    phx_put_tail(&f->tail, g->version, (struct bytes){NULL, 0});
    if (f->tail.err)
        return f->tail.err;
    size_t size = f->head.size + data.size + f->tail.size;
    size_t header_size = ws_put_header(header, WS_TEXT, size);
    buf_put(&f->wire, (struct bytes){header, header_size});
    buf_put(&f->wire, buf_bytes(&f->head));
    buf_put(&f->wire, data);
    buf_put(&f->wire, buf_bytes(&f->tail));
    return f->wire.err;
}

/* Everything before the ids. */
static void begin_head(struct feed *f, const struct group *g)
{
    struct bytes none = {NULL, 0};
    buf_reset(&f->head);
    phx_put_head(&f->head, g->version, none, none, g->topic->entry.key, BYTES("postgres_changes"));
    buf_put_literal(&f->head, "{\"ids\":[");
}

/* Everything behind the ids. */
static enum err put_rest(struct feed *f, const struct group *g, const struct heard *first,
                         const struct heard *last)
{
    struct bytes data;
    buf_put_literal(&f->head, "],\"data\":");
    enum err e = f->head.err ? f->head.err : data_part(f, first, last, &data);
    return e ? e : put_message(f, g, data);
}

/* The message for the bindings with this projection, if any of them matches. */
static enum err encode_view(struct feed *f, const struct group *g, const struct heard *h,
                            uint32_t *messages)
{
    uint32_t ids = 0;
    begin_head(f, g);
    enum err e = put_ids(f, g, h, &f->head, &ids);
    if (e || ids == 0)
        return e;
    e = put_rest(f, g, h, h);
    if (!e)
        ++*messages;
    return e;
}

static enum err see(struct feed *f, const struct group *g, struct heard *h)
{
    h->sight = SIGHT_NONE;
    return wants(g, h->change) ? reader_sight(f->classes, g->class, h->change, &h->sight) : OK;
}

/* Does a message begin with this binding: the first of its projection? */
static bool is_view(const struct binding *b, const struct change *c)
{
    return b->is_first && (!b->projection || b->table == c->table);
}

/* `told`: what has been told of it; NULL: nothing. */
static enum err encode_one(struct feed *f, const struct group *g, struct change *c,
                           const struct told *told, uint32_t *messages)
{
    struct heard h = {.change = c};
    enum err e = see(f, g, &h);
    if (e || h.sight == SIGHT_NONE)
        return e;
    for (uint32_t i = 0; i < g->bindings->count && !e; i++) {
        const struct binding *b = &g->bindings->items[i];
        h.view = b->projection;
        if (is_view(b, c) && !(told && bindings_is_told(g->bindings, b->projection, told)))
            e = encode_view(f, g, &h, messages);
    }
    return e;
}

static enum err hear_view(struct feed *f, const struct group *g, struct arena *arena,
                          struct heard *h)
{
    uint32_t ids = 0;
    buf_reset(&f->own_text);
    enum err e = put_ids(f, g, h, &f->own_text, &ids);
    if (e || ids == 0)
        return e;
    h->ids = arena_copy(arena, buf_bytes(&f->own_text));
    return h->ids.data ? OK : ERR_NOMEM;
}

enum err feed_hear(struct feed *f, const struct group *g, struct change *c, uint32_t *at,
                   struct arena *arena, struct heard *out)
{
    struct heard h = {.change = c};
    enum err e = see(f, g, &h);
    if (!e && h.sight == SIGHT_NONE)
        *at = g->bindings->count;
    while (*at < g->bindings->count && h.ids.size == 0 && !e) {
        const struct binding *b = &g->bindings->items[(*at)++];
        h.view = b->projection;
        if (is_view(b, c))
            e = hear_view(f, g, arena, &h);
    }
    if (!e)
        *out = h;
    return e;
}

void feed_begin(struct feed *f)
{
    buf_reset(&f->wire);
}

enum err feed_put(struct feed *f, const struct group *g, const struct heard *first,
                  const struct heard *last)
{
    begin_head(f, g);
    buf_put(&f->head, last->ids);
    return put_rest(f, g, first, last);
}

enum err feed_encode(struct feed *f, const struct group *g, struct change *const *items,
                     size_t count, size_t *at, struct bytes *wire, uint32_t *messages)
{
    uint32_t made = 0;
    size_t i = *at;
    feed_begin(f);
    for (; i < count && f->wire.size < FEED_FRAME_SIZE; i++) {
        enum err e = encode_one(f, g, items[i], NULL, &made);
        if (e)
            return e;
    }
    *at = i;
    *wire = buf_bytes(&f->wire);
    *messages = made;
    return OK;
}

enum err feed_encode_rest(struct feed *f, const struct group *g, struct change *c,
                          const struct told *told, struct bytes *wire, uint32_t *messages)
{
    uint32_t made = 0;
    feed_begin(f);
    enum err e = encode_one(f, g, c, told, &made);
    if (e)
        return e;
    *wire = buf_bytes(&f->wire);
    *messages = made;
    return OK;
}
