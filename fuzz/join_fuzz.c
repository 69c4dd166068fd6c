/* A join payload.  Any gives a config; the echo of its bindings is JSON with one object and one id
 * for each. */
#include "hub/join.h"

#include "fuzz.h"

enum { BINDINGS_MAX = 10 };

static void check_echo(const struct join_config *c)
{
    struct buf out;
    struct json_value echo, v, id;
    struct bytes key;
    uint32_t count = 0;
    int64_t number;
    buf_init(&out, 1 << 24);
    join_put_bindings(&out, c->bindings, c->binding_count);
    assert(!json_parse(buf_bytes(&out), &echo));
    struct json_iter it = json_iter(echo);
    for (; json_next(&it, &key, &v); count++) {
        assert(!json_get(v, BYTES("id"), &id));
        assert(!json_to_i64(id, &number) && number == c->bindings[count].id && number > 0);
    }
    assert(count == c->binding_count);
    buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct json_value payload;
    struct join_config config;
    struct arena arena;
    if (json_parse(fuzz_input(data, size), &payload))
        return 0;
    arena_init(&arena, 1 << 24);
    if (!join_parse(payload, BINDINGS_MAX, &arena, &config)) {
        assert(config.binding_count <= BINDINGS_MAX);
        assert(config.coalesce_ms == 0 || (config.coalesce_ms >= JOIN_COALESCE_MIN_MS &&
                                           config.coalesce_ms <= JOIN_COALESCE_MAX_MS));
        assert(config.resume_seq <= INT64_MAX && (config.has_resume || !config.resume_seq));
        check_echo(&config);
    }
    arena_done(&arena);
    return 0;
}
