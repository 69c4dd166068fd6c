#include "hub/join.h"

#include "base/time.h"

/* ---- members ---- */

/* The member, or JSON_NULL when it is absent. */
static struct json_value member(struct json_value object, struct bytes name)
{
    struct json_value v;
    if (json_get(object, name, &v))
        return (struct json_value){JSON_NULL, BYTES("null")};
    return v;
}

/* An object, absent or null; what is of another type is ERR_TYPE. */
static enum err get_object(struct json_value object, struct bytes name, struct json_value *out)
{
    *out = member(object, name);
    return out->type == JSON_OBJECT || out->type == JSON_NULL ? OK : ERR_TYPE;
}

static enum err get_bool(struct json_value object, struct bytes name, bool *out)
{
    struct json_value v = member(object, name);
    return v.type == JSON_NULL ? OK : json_to_bool(v, out);
}

/* The text of a string in the arena; data NULL when absent or null. */
static enum err get_text(struct json_value object, struct bytes name, struct arena *arena,
                         struct bytes *out)
{
    struct json_value v = member(object, name);
    struct buf text;
    *out = (struct bytes){NULL, 0};
    if (v.type == JSON_NULL)
        return OK;
    if (v.type != JSON_STRING)
        return ERR_TYPE;
    buf_init(&text, v.raw.size);
    json_string_decode(&text, v.raw);
    enum err e = text.err;
    if (!e) {
        *out = arena_copy(arena, buf_bytes(&text));
        e = out->data ? OK : ERR_NOMEM;
    }
    buf_done(&text);
    return e;
}

/* ---- bindings ---- */

static enum err parse_binding(struct json_value v, struct arena *arena, struct binding_spec *out)
{
    if (v.type != JSON_OBJECT)
        return ERR_TYPE;
    out->raw = v.raw;
    struct json_value select = member(v, BYTES("select"));
    if (select.type != JSON_NULL)
        out->select = select.raw;
    enum err e = get_text(v, BYTES("event"), arena, &out->event);
    if (!e)
        e = get_text(v, BYTES("schema"), arena, &out->schema);
    if (!e)
        e = get_text(v, BYTES("table"), arena, &out->table);
    if (!e)
        e = get_text(v, BYTES("filter"), arena, &out->filter);
    return e;
}

static uint32_t count_members(struct json_value array)
{
    struct json_iter it = json_iter(array);
    struct json_value v;
    struct bytes key;
    uint32_t count = 0;
    while (json_next(&it, &key, &v))
        count++;
    return count;
}

static enum err parse_bindings(struct json_value config, uint32_t max, struct arena *arena,
                               struct join_config *out)
{
    struct json_value array = member(config, BYTES("postgres_changes")), v;
    if (array.type == JSON_NULL)
        return OK;
    if (array.type != JSON_ARRAY)
        return ERR_TYPE;
    uint32_t count = count_members(array);
    out->is_over_limit = count > max;
    if (count == 0 || out->is_over_limit)
        return OK;
    out->bindings = arena_array(arena, count, sizeof(struct binding_spec));
    if (!out->bindings)
        return ERR_NOMEM;
    struct json_iter it = json_iter(array);
    struct bytes key;
    for (uint32_t i = 0; i < count && json_next(&it, &key, &v); i++) {
        enum err e = parse_binding(v, arena, &out->bindings[i]);
        if (e)
            return e;
    }
    out->binding_count = count;
    binding_make_ids(out->bindings, count);
    return OK;
}

/* ---- the other parts ---- */

/* `since` in milliseconds.  What is malformed is for the join to be refused. */
static void parse_replay(struct json_value replay, struct join_config *out)
{
    int64_t since_ms, count = JOIN_REPLAY_MAX;
    struct json_value limit = member(replay, BYTES("limit"));
    out->wants_replay = replay.type != JSON_NULL;
    if (json_to_i64(member(replay, BYTES("since")), &since_ms) || since_ms < 0 ||
        since_ms > INT64_MAX / TIME_US_PER_MS)
        return;
    if (limit.type != JSON_NULL && json_to_i64(limit, &count))
        return;
    if (count < 1 || count > JOIN_REPLAY_MAX)
        return;
    out->has_replay = true;
    out->replay_since_us = since_ms * TIME_US_PER_MS;
    out->replay_count = (uint32_t)count;
}

static enum err parse_broadcast(struct json_value config, struct join_config *out)
{
    struct json_value v;
    enum err e = get_object(config, BYTES("broadcast"), &v);
    if (!e)
        e = get_bool(v, BYTES("ack"), &out->wants_ack);
    if (!e)
        e = get_bool(v, BYTES("self"), &out->wants_self);
    if (!e)
        e = get_bool(v, BYTES("replication_ready"), &out->wants_replication_ready);
    if (!e)
        parse_replay(member(v, BYTES("replay")), out);
    return e;
}

static enum err parse_presence(struct json_value config, struct arena *arena,
                               struct join_config *out)
{
    struct json_value v;
    enum err e = get_object(config, BYTES("presence"), &v);
    if (!e)
        e = get_text(v, BYTES("key"), arena, &out->presence_key);
    if (e || member(v, BYTES("enabled")).type == JSON_NULL)
        return e;
    bool is_enabled = false;
    e = get_bool(v, BYTES("enabled"), &is_enabled);
    out->presence = is_enabled ? JOIN_YES : JOIN_NO;
    return e;
}

/* ERR_TYPE: no ids; ERR_LIMIT: too many of them; ERR_NOMEM. */
static enum err parse_ids(struct json_value array, uint32_t max, struct arena *arena,
                          struct join_config *out)
{
    struct json_iter it = json_iter(array);
    struct json_value v;
    struct bytes key;
    int64_t id;
    if (array.type == JSON_NULL)
        return OK;
    uint32_t count = array.type == JSON_ARRAY ? count_members(array) : 0;
    if (count == 0)
        return ERR_TYPE;
    if (count > max)
        return ERR_LIMIT;
    struct told *told = arena_alloc(arena, sizeof(*told) + count * sizeof(told->ids[0]));
    if (!told)
        return ERR_NOMEM;
    told->count = 0;
    while (json_next(&it, &key, &v)) {
        if (json_to_i64(v, &id) || id < 0 || id > UINT32_MAX)
            return ERR_TYPE;
        told->ids[told->count++] = (uint32_t)id;
    }
    out->resume_told = told;
    return OK;
}

/* Our own extension: what is malformed is answered as not resumable. */
static enum err parse_resume(struct json_value config, uint32_t bindings_max, struct arena *arena,
                             struct join_config *out)
{
    struct json_value v = member(config, BYTES("resume"));
    int64_t seq;
    if (v.type == JSON_NULL)
        return OK;
    out->has_resume = true;
    if (json_to_i64(member(v, BYTES("seq")), &seq) || seq < 0)
        return OK;
    enum err e = parse_ids(member(v, BYTES("ids")), bindings_max, arena, out);
    if (!e)
        e = get_text(v, BYTES("epoch"), arena, &out->resume_epoch);
    out->resume_seq = (uint64_t)seq;
    return e == ERR_NOMEM ? e : OK;
}

/* Our own extension: what is out of bounds is moved into them, and the reply says so; what is no
 * number asks for nothing. */
static void parse_coalesce(struct json_value config, struct join_config *out)
{
    int64_t ms;
    if (json_to_i64(member(config, BYTES("coalesce_ms")), &ms) || ms <= 0)
        return;
    if (ms < JOIN_COALESCE_MIN_MS)
        ms = JOIN_COALESCE_MIN_MS;
    out->coalesce_ms = ms < JOIN_COALESCE_MAX_MS ? (uint16_t)ms : JOIN_COALESCE_MAX_MS;
}

static enum err parse_config(struct json_value payload, uint32_t bindings_max, struct arena *arena,
                             struct join_config *out)
{
    struct json_value config;
    enum err e = get_object(payload, BYTES("config"), &config);
    if (!e)
        e = parse_broadcast(config, out);
    if (!e)
        e = parse_presence(config, arena, out);
    if (!e)
        e = get_bool(config, BYTES("private"), &out->is_private);
    if (!e)
        e = parse_resume(config, bindings_max, arena, out);
    if (!e)
        parse_coalesce(config, out);
    if (!e)
        e = parse_bindings(config, bindings_max, arena, out);
    return e;
}

static bool counts_as_token(struct bytes token)
{
    return token.size > 0 && !bytes_starts_with(token, BYTES("sb_"));
}

enum err join_token(struct json_value payload, struct arena *arena, struct bytes *out)
{
    struct bytes token;
    enum err e = get_text(payload, BYTES("access_token"), arena, &token);
    if (!e && !token.data)
        e = get_text(payload, BYTES("user_token"), arena, &token);
    if (e == ERR_NOMEM)
        return e;
    *out = !e && counts_as_token(token) ? token : (struct bytes){NULL, 0};
    return OK;
}

enum err join_parse(struct json_value payload, uint32_t bindings_max, struct arena *arena,
                    struct join_config *out)
{
    struct join_config config = {.presence = JOIN_UNSAID};
    enum err e = parse_config(payload, bindings_max, arena, &config);
    if (e == ERR_NOMEM)
        return e;
    if (e)
        config = (struct join_config){.presence = JOIN_UNSAID};
    e = join_token(payload, arena, &config.access_token);
    if (!e)
        *out = config;
    return e;
}

/* ---- the reply ---- */

void join_put_bindings(struct buf *out, const struct binding_spec *specs, uint32_t count)
{
    buf_put_char(out, '[');
    for (uint32_t i = 0; i < count; i++) {
        struct bytes raw = specs[i].raw;
        if (i > 0)
            buf_put_char(out, ',');
        /* The id goes last: of two members with one name the last counts. */
        buf_put(out, bytes_slice(raw, 0, raw.size - 1));
        struct json_iter it = json_iter((struct json_value){JSON_OBJECT, raw});
        struct json_value v;
        struct bytes key;
        if (json_next(&it, &key, &v))
            buf_put_char(out, ',');
        buf_put_literal(out, "\"id\":");
        buf_put_u64(out, specs[i].id);
        buf_put_char(out, '}');
    }
    buf_put_char(out, ']');
}
