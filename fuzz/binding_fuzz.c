/* The bindings of a join, compiled against a table: each set is refused with a sentence, or serves;
 * what it selects of a row is a part of it; and nothing is left when the set is gone. */
#include "hub/join.h"

#include "fuzz.h"

enum { BINDINGS_MAX = 10 };

static struct column columns[] = {
    {.name = BYTES_INIT("i"), .type = TYPE_INT4, .is_key = true},
    {.name = BYTES_INIT("t"), .type = TYPE_TEXT, .index = 1},
    {.name = BYTES_INIT("n"), .type = TYPE_NUMERIC, .scale = 2, .index = 2},
    {.name = BYTES_INIT("p"), .type = TYPE_TEXT, .index = 3, .is_private = true},
};
static const struct column *key[] = {&columns[0]};
static struct table tables[] = {
    {.name = BYTES_INIT("a"),
     .columns = columns,
     .column_count = 4,
     .key = key,
     .key_count = 1,
     .is_live = true,
     .columns_json = BYTES_INIT("[{\"name\":\"i\",\"type\":\"int4\"},{\"name\":\"t\",\"type\":"
                                "\"text\"},{\"name\":\"n\",\"type\":\"numeric\"}]")},
    {.name = BYTES_INIT("b"), .index = 1},
};
static const struct catalogue catalogue = {.tables = tables, .table_count = 2};

static const struct bytes row = BYTES_INIT("{\"i\":1,\"t\":\"a\\\"b\",\"n\":1.50}");

static void try_binding(const struct binding *b, struct arena *scratch)
{
    struct json_value v;
    struct buf out;
    bool is_match = false;
    enum err e = filter_matches(&b->filter, row, scratch, &is_match);
    assert(!e || e == ERR_LIMIT);
    if (!b->projection)
        return;
    buf_init(&out, 1000);
    projection_put_row(&out, b->projection, row);
    assert(!json_parse(buf_bytes(&out), &v) && !json_get(v, BYTES("i"), &v));
    assert(json_parse(buf_bytes(&out), &v) || json_get(v, BYTES("p"), &v));
    assert(out.size < row.size);
    buf_done(&out);
}

static void try_config(const struct join_config *c, struct arena *scratch)
{
    struct binding_sets sets;
    struct bindings *b;
    struct buf message;
    binding_sets_init(&sets, &catalogue, 1);
    buf_init(&message, 4096);
    enum err e = bindings_get(&sets, c->bindings, c->binding_count, &message, &b);
    assert(!e || message.size > 0 || message.err);
    for (uint32_t i = 0; !e && i < b->count; i++)
        try_binding(&b->items[i], scratch);
    if (!e)
        bindings_unref(&sets, b);
    assert(sets.map.count == 0 && sets.projections.map.count == 0);
    binding_sets_done(&sets);
    buf_done(&message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct json_value payload;
    struct join_config config;
    struct arena arena, scratch;
    if (json_parse(fuzz_input(data, size), &payload))
        return 0;
    arena_init(&arena, 1 << 24);
    arena_init(&scratch, 1 << 20);
    if (!join_parse(payload, BINDINGS_MAX, &arena, &config) && config.binding_count > 0)
        try_config(&config, &scratch);
    arena_done(&scratch);
    arena_done(&arena);
    return 0;
}
