#include "proto/phx.h"

#include "base/utf8.h"

enum { KIND_PUSH = 0, KIND_USER_BROADCAST_PUSH = 3, KIND_USER_BROADCAST = 4 };
enum { PART_MAX = 255, ESCAPE_MAX = 6 /* bytes of \u0041 */ };

static const struct json_value EMPTY_OBJECT = {JSON_OBJECT, BYTES_INIT("{}")};

/* A number as semantic versions have it: digits, without a zero in front. */
static bool is_patch_number(struct bytes text)
{
    uint64_t n;
    return (text.size == 1 || (text.size > 1 && text.data[0] != '0')) && !bytes_to_u64(text, &n);
}

enum err phx_version_parse(struct bytes text, enum phx_version *out)
{
    if (text.size == 0)
        text = BYTES("1.0.0");
    struct bytes patch = bytes_slice(text, 4, text.size);
    bool is_v1 = bytes_starts_with(text, BYTES("1.0."));
    bool is_v2 = bytes_starts_with(text, BYTES("2.0."));
    if (!(is_v1 || is_v2) || !is_patch_number(patch))
        return ERR_UNSUPPORTED;
    *out = is_v1 ? PHX_V1 : PHX_V2;
    return OK;
}

/* --- text messages in --- */

/* The fields of a message before their types are looked at; raw.data NULL when absent. */
struct fields {
    struct json_value join_ref;
    struct json_value ref;
    struct json_value topic;
    struct json_value event;
    struct json_value payload;
};

static void read_object(struct json_value object, struct fields *f)
{
    struct json_iter it = json_iter(object);
    struct bytes key;
    struct json_value value;
    while (json_next(&it, &key, &value)) {
        if (json_string_equals(key, BYTES("join_ref")))
            f->join_ref = value;
        else if (json_string_equals(key, BYTES("ref")))
            f->ref = value;
        else if (json_string_equals(key, BYTES("topic")))
            f->topic = value;
        else if (json_string_equals(key, BYTES("event")))
            f->event = value;
        else if (json_string_equals(key, BYTES("payload")))
            f->payload = value;
    }
}

/* False when there are less than five; more are passed over. */
static bool read_array(struct json_value array, struct fields *f)
{
    struct json_value *const places[] = {&f->join_ref, &f->ref, &f->topic, &f->event, &f->payload};
    struct json_iter it = json_iter(array);
    struct bytes key;
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        if (!json_next(&it, &key, places[i]))
            return false;
    }
    return true;
}

static enum err read_fields(enum phx_version v, struct bytes text, struct fields *f)
{
    struct json_value message;
    if (json_parse(text, &message))
        return ERR_SYNTAX; /* whatever was wrong with it */
    if (message.type != (v == PHX_V1 ? JSON_OBJECT : JSON_ARRAY))
        return ERR_SYNTAX;
    if (v == PHX_V1)
        read_object(message, f);
    else if (!read_array(message, f))
        return ERR_SYNTAX;
    if (!f->payload.raw.data)
        f->payload = EMPTY_OBJECT;
    return OK;
}

static bool has_escapes(struct json_value v)
{
    return v.type == JSON_STRING && bytes_find_char(v.raw, '\\') < v.raw.size;
}

/* `scratch` has room for it: spans given before must not move. */
static enum err decode_string(struct json_value v, size_t max, struct buf *scratch,
                              struct bytes *out)
{
    struct bytes text = bytes_slice(v.raw, 1, v.raw.size - 1);
    if (has_escapes(v)) {
        size_t from = scratch->size;
        json_string_decode(scratch, v.raw);
        text = bytes_slice(buf_bytes(scratch), from, scratch->size);
    }
    if (text.size > max)
        return ERR_LIMIT;
    *out = text;
    return scratch->err;
}

static enum err decode_name(struct json_value v, size_t max, struct buf *scratch, struct bytes *out)
{
    if (!v.raw.data || v.type != JSON_STRING)
        return ERR_SYNTAX;
    return decode_string(v, max, scratch, out);
}

static enum err decode_ref(struct json_value v, struct buf *scratch, struct bytes *out)
{
    if (!v.raw.data || v.type == JSON_NULL) {
        *out = (struct bytes){NULL, 0};
        return OK;
    }
    if (v.type == JSON_STRING)
        return decode_string(v, PHX_REF_MAX, scratch, out);
    if (v.type != JSON_NUMBER)
        return ERR_SYNTAX;
    if (v.raw.size > PHX_REF_MAX)
        return ERR_LIMIT;
    *out = v.raw;
    return OK;
}

/* Decoded strings are never longer than their raw form, so what is reserved here is enough. */
static enum err reserve(struct buf *scratch, const struct fields *f)
{
    const struct json_value *const strings[] = {&f->join_ref, &f->ref, &f->topic, &f->event};
    size_t size = 0;
    for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
        if (!strings[i]->raw.data || !has_escapes(*strings[i]))
            continue;
        if (strings[i]->raw.size > ESCAPE_MAX * PHX_TOPIC_MAX + 2)
            return ERR_LIMIT;
        size += strings[i]->raw.size;
    }
    if (size && !buf_reserve(scratch, size))
        return scratch->err;
    return OK;
}

enum err phx_decode_text(enum phx_version v, struct bytes text, struct buf *scratch,
                         struct phx_message *out)
{
    struct fields f = {0};
    struct phx_message m = {0};
    buf_reset(scratch);
    enum err e = read_fields(v, text, &f);
    if (!e)
        e = reserve(scratch, &f);
    if (!e)
        e = decode_ref(f.join_ref, scratch, &m.join_ref);
    if (!e)
        e = decode_ref(f.ref, scratch, &m.ref);
    if (!e)
        e = decode_name(f.topic, PHX_TOPIC_MAX, scratch, &m.topic);
    if (!e)
        e = decode_name(f.event, PHX_EVENT_MAX, scratch, &m.event);
    if (e)
        return e;
    m.payload = f.payload;
    *out = m;
    return OK;
}

/* --- binary messages in --- */

static bool take(struct bytes *rest, size_t size, struct bytes *out)
{
    if (rest->size < size)
        return false;
    *out = bytes_slice(*rest, 0, size);
    *rest = bytes_slice(*rest, size, rest->size);
    return true;
}

/* `count` lengths, then as many parts (2.3); between them the `extra` bytes of the header. */
static bool take_parts(struct bytes *rest, struct bytes *parts, size_t count, struct bytes *extra)
{
    struct bytes sizes;
    if (!take(rest, count, &sizes) || !take(rest, extra->size, extra))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!take(rest, (uint8_t)sizes.data[i], &parts[i]) || !utf8_is_valid(parts[i]))
            return false;
    }
    return true;
}

static struct bytes ref_or_null(struct bytes ref)
{
    return ref.size ? ref : (struct bytes){NULL, 0};
}

static enum err decode_push(struct bytes rest, struct phx_message *out)
{
    struct bytes parts[4];
    struct bytes extra = {NULL, 0};
    if (!take_parts(&rest, parts, 4, &extra))
        return ERR_SYNTAX;
    *out = (struct phx_message){.join_ref = ref_or_null(parts[0]),
                                .ref = ref_or_null(parts[1]),
                                .topic = parts[2],
                                .event = parts[3],
                                .payload = EMPTY_OBJECT,
                                .broadcast_payload = rest};
    return OK;
}

static bool is_meta(struct bytes meta)
{
    struct json_value v;
    return meta.size == 0 || (!json_parse(meta, &v) && v.type == JSON_OBJECT);
}

static enum err decode_user_broadcast(struct bytes rest, struct phx_message *out)
{
    struct bytes parts[5];
    struct bytes encoding = {NULL, 1};
    if (!take_parts(&rest, parts, 5, &encoding) || !is_meta(parts[4]))
        return ERR_SYNTAX;
    if ((uint8_t)encoding.data[0] > 1)
        return ERR_SYNTAX;
    *out = (struct phx_message){.join_ref = ref_or_null(parts[0]),
                                .ref = ref_or_null(parts[1]),
                                .topic = parts[2],
                                .event = BYTES("broadcast"),
                                .is_user_broadcast = true,
                                .broadcast_event = parts[3],
                                .broadcast_meta = parts[4],
                                .broadcast_encoding = (uint8_t)encoding.data[0],
                                .broadcast_payload = rest};
    return OK;
}

enum err phx_decode_binary(struct bytes message, struct phx_message *out)
{
    struct bytes kind;
    if (!take(&message, 1, &kind))
        return ERR_SYNTAX;
    switch ((uint8_t)kind.data[0]) {
    case KIND_PUSH:
        return decode_push(message, out);
    case KIND_USER_BROADCAST_PUSH:
        return decode_user_broadcast(message, out);
    default:
        return ERR_SYNTAX;
    }
}

/* --- messages out --- */

static void put_ref(struct buf *out, struct bytes ref)
{
    if (ref.data)
        json_put_string(out, ref);
    else
        buf_put_literal(out, "null");
}

static void put_head_v1(struct buf *out, struct bytes topic, struct bytes event)
{
    buf_put_literal(out, "{\"topic\":");
    json_put_string(out, topic);
    buf_put_literal(out, ",\"event\":");
    json_put_string(out, event);
    buf_put_literal(out, ",\"payload\":");
}

void phx_put_head(struct buf *out, enum phx_version v, struct bytes join_ref, struct bytes ref,
                  struct bytes topic, struct bytes event)
{
    if (v == PHX_V1) {
        put_head_v1(out, topic, event);
        return;
    }
    buf_put_char(out, '[');
    put_ref(out, join_ref);
    buf_put_char(out, ',');
    put_ref(out, ref);
    buf_put_char(out, ',');
    json_put_string(out, topic);
    buf_put_char(out, ',');
    json_put_string(out, event);
    buf_put_char(out, ',');
}

void phx_put_tail(struct buf *out, enum phx_version v, struct bytes ref)
{
    if (v == PHX_V2) {
        buf_put_char(out, ']');
        return;
    }
    buf_put_literal(out, ",\"ref\":");
    put_ref(out, ref);
    buf_put_char(out, '}');
}

/* NOLINTNEXTLINE(readability-function-size): a message has this many fields. */
void phx_put(struct buf *out, enum phx_version v, struct bytes join_ref, struct bytes ref,
             struct bytes topic, struct bytes event, struct bytes payload)
{
    phx_put_head(out, v, join_ref, ref, topic, event);
    buf_put(out, payload);
    phx_put_tail(out, v, ref);
}

/* NOLINTNEXTLINE(readability-function-size): a message has this many fields. */
void phx_put_reply(struct buf *out, enum phx_version v, struct bytes join_ref, struct bytes ref,
                   struct bytes topic, bool ok, struct bytes response)
{
    phx_put_head(out, v, join_ref, ref, topic, BYTES("phx_reply"));
    buf_put_literal(out, "{\"status\":");
    buf_put(out, ok ? BYTES("\"ok\"") : BYTES("\"error\""));
    buf_put_literal(out, ",\"response\":");
    buf_put(out, response);
    buf_put_char(out, '}');
    phx_put_tail(out, v, ref);
}

enum err phx_put_user_broadcast(struct buf *out, struct bytes topic, struct bytes event,
                                struct bytes meta, uint8_t encoding, struct bytes payload)
{
    if (topic.size > PART_MAX || event.size > PART_MAX || meta.size > PART_MAX)
        return ERR_LIMIT;
    const char header[] = {KIND_USER_BROADCAST, (char)topic.size, (char)event.size, (char)meta.size,
                           (char)encoding};
    buf_put(out, (struct bytes){header, sizeof(header)});
    buf_put(out, topic);
    buf_put(out, event);
    buf_put(out, meta);
    buf_put(out, payload);
    return out->err;
}
