#include "hub/feed.h"

#include "base/time.h"
#include "proto/phx.h"
#include "proto/ws.h"

enum {
    TEXT_MAX = 64 << 20,      /* bytes of one message, far above what rows can be */
    PART_TEXT_KEPT = 1 << 20, /* bytes of remembered parts */
    SCRATCH_MAX = TEXT_MAX    /* bytes of one decoded row value */
};

void feed_init(struct feed *f, struct reader_classes *classes)
{
    *f = (struct feed){.classes = classes};
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

static void put_data(struct buf *out, const struct change *c, enum sight sight,
                     const struct projection *view)
{
    enum verb verb = sight == SIGHT_LEAVES ? VERB_DELETE : c->verb;
    buf_put_literal(out, "{\"schema\":\"public\",\"table\":");
    json_put_string(out, c->table->name);
    buf_put_literal(out, ",\"type\":\"");
    buf_put(out, verb_name(verb));
    buf_put_literal(out, "\",\"commit_timestamp\":\"");
    time_put_millis_z(out, c->commit_us);
    buf_put_literal(out, "\",\"columns\":");
    buf_put(out, view ? buf_bytes(&view->columns_json) : c->table->columns_json);
    if (verb != VERB_DELETE)
        put_row(out, view, BYTES("record"), c->new_row);
    if (sight == SIGHT_ENTERS)
        put_key_row(out, c->table, c->new_row);
    else
        put_row(out, view, BYTES("old_record"), c->old_row);
    buf_put_literal(out, ",\"errors\":null,\"seq\":");
    buf_put_u64(out, c->seq);
    buf_put_char(out, '}');
}

static void forget_parts(struct feed *f)
{
    f->text++;
    buf_reset(&f->part_text);
}

static enum err shared_part(struct feed *f, const struct change *c, struct projection *view,
                            struct bytes *out)
{
    struct feed_part *parts = view ? view->parts : f->parts;
    struct feed_part *part = &parts[c->seq % FEED_PARTS];
    if (part->seq != c->seq || part->text != f->text) {
        if (f->part_text.err || f->part_text.size > PART_TEXT_KEPT)
            forget_parts(f);
        part->seq = 0;
        part->at = f->part_text.size;
        put_data(&f->part_text, c, SIGHT_WHOLE, view);
        if (f->part_text.err)
            return f->part_text.err;
        part->size = f->part_text.size - part->at;
        part->text = f->text;
        part->seq = c->seq;
    }
    *out = (struct bytes){f->part_text.data + part->at, part->size};
    return OK;
}

static enum err data_part(struct feed *f, const struct change *c, enum sight sight,
                          struct projection *view, struct bytes *out)
{
    if (sight == SIGHT_WHOLE)
        return shared_part(f, c, view, out);
    buf_reset(&f->own_text);
    put_data(&f->own_text, c, sight, view);
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
static enum err put_ids(struct feed *f, const struct group *g, const struct change *c,
                        enum sight sight, const struct projection *view, uint32_t *out)
{
    enum verb verb = sight == SIGHT_LEAVES ? VERB_DELETE : c->verb;
    struct bytes row = verb == VERB_DELETE ? c->old_row : c->new_row;
    uint32_t count = 0;
    for (uint32_t i = 0; i < g->bindings->count; i++) {
        const struct binding *b = &g->bindings->items[i];
        bool is_match = false;
        bool is_asked = b->projection == view && binding_concerns(b, c->table, verb);
        enum err e = is_asked ? matches(f, b, row, &is_match) : OK;
        if (e)
            return e;
        if (!is_match)
            continue;
        if (count++ > 0)
            buf_put_char(&f->head, ',');
        buf_put_u64(&f->head, b->id);
    }
    *out = count;
    return OK;
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

/* The message for the bindings with this projection, if any of them matches. */
static enum err encode_view(struct feed *f, const struct group *g, const struct change *c,
                            enum sight sight, struct projection *view, uint32_t *messages)
{
    struct bytes none = {NULL, 0}, data;
    uint32_t ids = 0;
    buf_reset(&f->head);
    phx_put_head(&f->head, g->version, none, none, g->topic->entry.key, BYTES("postgres_changes"));
    buf_put_literal(&f->head, "{\"ids\":[");
    enum err e = put_ids(f, g, c, sight, view, &ids);
    buf_put_literal(&f->head, "],\"data\":");
    if (!e)
        e = f->head.err;
    if (e || ids == 0)
        return e;
    e = data_part(f, c, sight, view, &data);
    if (!e)
        e = put_message(f, g, data);
    if (!e)
        ++*messages;
    return e;
}

static enum err encode_one(struct feed *f, const struct group *g, const struct change *c,
                           uint32_t *messages)
{
    enum err e = OK;
    if (!wants(g, c))
        return OK;
    enum sight sight = reader_sight(f->classes, g->class, c);
    if (sight == SIGHT_NONE)
        return OK;
    for (uint32_t i = 0; i < g->bindings->count && !e; i++) {
        const struct binding *b = &g->bindings->items[i];
        if (b->is_first && (!b->projection || b->table == c->table))
            e = encode_view(f, g, c, sight, b->projection, messages);
    }
    return e;
}

enum err feed_encode(struct feed *f, const struct group *g, struct change *const *items,
                     size_t count, size_t *at, struct bytes *wire, uint32_t *messages)
{
    uint32_t made = 0;
    size_t i = *at;
    buf_reset(&f->wire);
    for (; i < count && f->wire.size < FEED_FRAME_SIZE; i++) {
        enum err e = encode_one(f, g, items[i], &made);
        if (e)
            return e;
    }
    *at = i;
    *wire = buf_bytes(&f->wire);
    *messages = made;
    return OK;
}
