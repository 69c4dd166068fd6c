/* /realtime/v1/api/broadcast: messages to the members of topics, without a socket (protocol, section
 * 7.4).  What may be said is given to the hub; what may not is left out without a word. */
#include "api/steps.h"

#include "api/access.h"
#include "auth/topic.h"
#include "base/json.h"
#include "base/time.h"

enum { TOPIC_MAX = 1024, EVENT_MAX = 255 }; /* bytes, as on the socket */

static const struct bytes topic_prefix = BYTES_INIT("realtime:");

/* ---- refusals ---- */

/* {"message":<text>}, or {"error":<text>} for 400 and 415. */
static enum api_action refuse(struct api_call *c, int status, struct bytes text)
{
    buf_reset(&c->scratch);
    buf_put_char(&c->scratch, '{');
    json_put_key(&c->scratch, status == 400 || status == 415 ? BYTES("error") : BYTES("message"));
    json_put_string(&c->scratch, text);
    buf_put_char(&c->scratch, '}');
    return answer_scratch(c, status);
}

/* 422 with {"errors":{<name>:[<text>]}}. */
static enum api_action refuse_field(struct api_call *c, struct bytes name, struct bytes text)
{
    buf_reset(&c->scratch);
    buf_put_literal(&c->scratch, "{\"errors\":{");
    json_put_key(&c->scratch, name);
    buf_put_char(&c->scratch, '[');
    json_put_string(&c->scratch, text);
    buf_put_literal(&c->scratch, "]}}");
    return answer_scratch(c, 422);
}

static const struct bytes blank = BYTES_INIT("can't be blank");
static const struct bytes invalid = BYTES_INIT("is invalid");
static const struct bytes too_long = BYTES_INIT("is too long");
static const struct bytes too_large = BYTES_INIT("Payload size exceeds the limit");

/* ---- one message ---- */

static bool may_say(const struct api_call *c, const struct api_broadcast *b)
{
    struct bytes name = bytes_slice(b->topic, topic_prefix.size, b->topic.size);
    return !b->is_private || topic_may(c->api->policies, c->api->catalogue, &c->request.who,
                                       VERB_INSERT, name, BYTES("broadcast"));
}

/* Into the arena, behind `prefix`.  data NULL: no memory. */
static struct bytes keep(struct api_call *c, struct bytes prefix, struct bytes text)
{
    char *copy = arena_alloc(&c->arena, prefix.size + text.size + 1);
    if (!copy)
        return (struct bytes){NULL, 0};
    memcpy(copy, prefix.data, prefix.size);
    if (text.size)
        memcpy(copy + prefix.size, text.data, text.size);
    return (struct bytes){copy, prefix.size + text.size};
}

static enum api_action say(struct api_call *c)
{
    c->step = STEP_BROADCAST;
    return c->broadcast_count ? API_BROADCAST : broadcast_resume(c);
}

/* ---- a batch ---- */

/* The faults of one message as the members of an object. */
struct faults {
    struct buf *out;
    bool is_bad;
};

static void blame(struct faults *f, struct bytes name, struct bytes text)
{
    json_put_key(f->out, name);
    buf_put_char(f->out, '[');
    json_put_string(f->out, text);
    buf_put_char(f->out, ']');
    f->is_bad = true;
}

/* A text that must be there, decoded into the arena; size 0 after a fault. */
static enum err read_text(struct api_call *c, struct json_value message, struct bytes name,
                          size_t max, struct faults *f, struct bytes prefix, struct bytes *out)
{
    struct json_value v;
    struct buf text;
    *out = BYTES("");
    if (json_get(message, name, &v) || v.type == JSON_NULL || bytes_equal(v.raw, BYTES("\"\""))) {
        blame(f, name, blank);
        return OK;
    }
    if (v.type != JSON_STRING) {
        blame(f, name, invalid);
        return OK;
    }
    buf_init(&text, v.raw.size);
    json_string_decode(&text, v.raw);
    enum err e = text.err;
    if (!e && text.size > max)
        blame(f, name, too_long);
    else if (!e)
        *out = keep(c, prefix, buf_bytes(&text));
    buf_done(&text);
    return e || !out->data ? ERR_NOMEM : OK;
}

static void read_payload(const struct api_call *c, struct json_value message, struct faults *f,
                         struct api_broadcast *b)
{
    struct json_value v;
    if (json_get(message, BYTES("payload"), &v) || v.type == JSON_NULL)
        blame(f, BYTES("payload"), blank);
    else if (v.type != JSON_OBJECT)
        blame(f, BYTES("payload"), invalid);
    else if (v.raw.size > c->api->broadcast_max)
        blame(f, BYTES("payload"), too_large);
    else
        b->payload = v.raw;
}

static void read_private(struct json_value message, struct faults *f, struct api_broadcast *b)
{
    struct json_value v;
    if (json_get(message, BYTES("private"), &v) || v.type == JSON_NULL)
        return;
    if (json_to_bool(v, &b->is_private))
        blame(f, BYTES("private"), invalid);
}

/* ERR_NOMEM; faults stand in `f`. */
static enum err read_message(struct api_call *c, struct json_value v, struct faults *f,
                             struct api_broadcast *b)
{
    *b = (struct api_broadcast){.is_private = false};
    enum err e =
        read_text(c, v, BYTES("topic"), TOPIC_MAX - topic_prefix.size, f, topic_prefix, &b->topic);
    if (!e)
        e = read_text(c, v, BYTES("event"), EVENT_MAX, f, BYTES(""), &b->event);
    read_payload(c, v, f, b);
    read_private(v, f, b);
    return e;
}

static uint32_t count_messages(struct json_value array)
{
    struct json_iter it = json_iter(array);
    struct json_value v;
    struct bytes key;
    uint32_t count = 0;
    while (json_next(&it, &key, &v))
        count++;
    return count;
}

/* Reads all of them; c->scratch holds the answer when one is at fault. */
static enum api_action read_batch(struct api_call *c, struct json_value array, uint32_t count)
{
    struct faults f = {.out = &c->scratch};
    struct json_iter it = json_iter(array);
    struct json_value v;
    struct bytes key;
    c->broadcasts = arena_array(&c->arena, count, sizeof(*c->broadcasts));
    if (count > 0 && !c->broadcasts)
        return answer_no_memory(c);
    buf_reset(&c->scratch);
    buf_put_literal(&c->scratch, "{\"errors\":{\"messages\":[");
    for (uint32_t i = 0; i < count && json_next(&it, &key, &v); i++) {
        struct api_broadcast *b = &c->broadcasts[c->broadcast_count];
        buf_put(&c->scratch, i ? BYTES(",{") : BYTES("{"));
        if (read_message(c, v, &f, b))
            return answer_no_memory(c);
        buf_put_char(&c->scratch, '}');
        c->broadcast_count += !f.is_bad && may_say(c, b);
    }
    buf_put_literal(&c->scratch, "]}}");
    return f.is_bad ? answer_scratch(c, 422) : say(c);
}

static enum api_action begin_batch(struct api_call *c, const struct api_request *r)
{
    struct json_value body, messages;
    if (!headers_is_json(r->headers.content_type))
        return refuse(c, 415, BYTES("Unsupported Media Type"));
    if (json_parse(r->http->body, &body))
        return refuse(c, 400, BYTES("The body is not JSON"));
    if (json_get(body, BYTES("messages"), &messages))
        return refuse_field(c, BYTES("messages"), blank);
    if (messages.type != JSON_ARRAY)
        return refuse_field(c, BYTES("messages"), invalid);
    uint32_t count = count_messages(messages);
    if (count > c->api->limits.broadcasts_max)
        return refuse(c, 429,
                      BYTES("Too many messages to broadcast, please reduce the batch size"));
    return read_batch(c, messages, count);
}

/* ---- a single one ---- */

/* What the query asks for. */
struct options {
    bool is_private;
    bool must_persist, is_bad; /* bad: `persist` is something, but no sound option */
    int64_t ttl_us;            /* 0: none was given */
};

/* The writer stores it, and hands it to every shard. */
static enum api_action persist(struct api_call *c, const struct api_broadcast *b, int64_t ttl_us,
                               int64_t now_us)
{
    c->request.kind = STORE_MESSAGE_ADD;
    c->request.now_us = now_us;
    c->request.message_limits = c->api->limits.messages;
    c->request.message =
        (struct store_message){.topic = bytes_slice(b->topic, topic_prefix.size, b->topic.size),
                               .event = b->event,
                               .payload = b->payload,
                               .is_raw = b->is_raw,
                               .ttl_us = ttl_us};
    c->step = STEP_PERSIST;
    return API_WRITE;
}

static enum api_action read_body(struct api_call *c, const struct api_request *r,
                                 const struct options *o, struct api_broadcast *b)
{
    struct bytes type = r->headers.content_type;
    struct json_value v;
    b->payload = r->http->body;
    b->is_raw = bytes_equal_nocase(bytes_trim(bytes_slice(type, 0, bytes_find_char(type, ';'))),
                                   BYTES("application/octet-stream"));
    if (!b->is_raw && !headers_is_json(type))
        return refuse(c, 415, BYTES("Unsupported Media Type"));
    if (!b->is_raw && b->payload.size == 0)
        return refuse_field(c, BYTES("payload"), blank);
    if (!b->is_raw && json_parse(b->payload, &v))
        return refuse(c, 400, BYTES("The body is not JSON"));
    if (b->payload.size > c->api->broadcast_max)
        return refuse_field(c, BYTES("payload"), too_large);
    bool may = may_say(c, b);
    if (may && o->must_persist)
        return persist(c, b, o->ttl_us, r->now_us);
    c->broadcasts = b;
    c->broadcast_count = may;
    return say(c);
}

/* One part of the path, decoded into the arena.  ERR_SYNTAX; ERR_NOMEM. */
static enum err read_part(struct api_call *c, struct bytes encoded, struct bytes prefix,
                          struct bytes *out)
{
    struct buf text;
    buf_init(&text, encoded.size);
    enum err e = http_decode_path(&text, encoded);
    if (!e)
        *out = keep(c, prefix, buf_bytes(&text));
    buf_done(&text);
    if (e)
        return e;
    return out->data ? OK : ERR_NOMEM;
}

static void read_ttl(struct bytes value, struct options *o)
{
    int64_t s;
    o->must_persist = true;
    if (bytes_to_i64(value, &s) || s <= 0)
        o->is_bad = true;
    else
        o->ttl_us = s < INT64_MAX / TIME_US_PER_S ? s * TIME_US_PER_S : INT64_MAX;
}

static void read_option(struct bytes key, struct bytes value, struct options *o)
{
    if (bytes_equal(key, BYTES("private"))) {
        o->is_private = bytes_equal(value, BYTES("true"));
    } else if (bytes_equal(key, BYTES("persist[ttl]"))) {
        read_ttl(value, o);
    } else if (bytes_equal(key, BYTES("persist"))) {
        o->must_persist |= bytes_equal(value, BYTES("true"));
        o->is_bad |= !bytes_equal(value, BYTES("true")) && !bytes_equal(value, BYTES("false"));
    }
}

/* A key may have its brackets encoded.  What cannot be decoded is none of the options. */
static struct options read_options(struct api_call *c, struct bytes query)
{
    struct options o = {.is_private = false};
    struct bytes key, value;
    while (http_query_next(&query, &key, &value)) {
        buf_reset(&c->scratch);
        if (!http_decode_query(&c->scratch, key))
            read_option(buf_bytes(&c->scratch), value, &o);
    }
    return o;
}

static enum api_action begin_single(struct api_call *c, const struct api_request *r,
                                    struct bytes topic, struct bytes event)
{
    struct api_broadcast *b = arena_array(&c->arena, 1, sizeof(*b));
    if (!b)
        return answer_no_memory(c);
    enum err e = read_part(c, topic, topic_prefix, &b->topic);
    if (!e)
        e = read_part(c, event, BYTES(""), &b->event);
    if (e == ERR_NOMEM)
        return answer_no_memory(c);
    if (e)
        return refuse(c, 400, BYTES("The path is malformed"));
    if (b->topic.size > TOPIC_MAX)
        return refuse_field(c, BYTES("topic"), too_long);
    if (b->event.size > EVENT_MAX)
        return refuse_field(c, BYTES("event"), too_long);
    struct options o = read_options(c, r->http->query);
    b->is_private = o.is_private;
    if (o.is_bad)
        return refuse_field(c, BYTES("persist"), invalid);
    if (o.must_persist && !o.is_private)
        return refuse_field(c, BYTES("persist"), BYTES("is for private messages only"));
    return read_body(c, r, &o, b);
}

/* ---- the paths ---- */

/* "/broadcast/{topic}/events/{event}", both still encoded. */
static bool split_path(struct bytes path, struct bytes *topic, struct bytes *event)
{
    static const struct bytes start = BYTES_INIT("/broadcast/"), middle = BYTES_INIT("events");
    struct bytes part, rest = bytes_slice(path, start.size, path.size);
    return bytes_starts_with(path, start) && bytes_split(&rest, '/', topic) &&
           bytes_split(&rest, '/', &part) && bytes_equal(part, middle) &&
           bytes_split(&rest, '/', event) && !rest.data && topic->size > 0 && event->size > 0;
}

bool broadcast_owns(struct bytes path)
{
    return bytes_equal(path, BYTES("/broadcast")) || bytes_starts_with(path, BYTES("/broadcast/"));
}

enum api_action broadcast_begin(struct api_call *c, const struct api_request *r)
{
    struct bytes topic, event;
    bool is_batch = bytes_equal(r->path, BYTES("/broadcast"));
    if (!is_batch && !split_path(r->path, &topic, &event))
        return refuse(c, 404, BYTES("Not Found"));
    if (r->http->method != HTTP_POST)
        return refuse(c, 405, BYTES("Method Not Allowed"));
    int fault = access_speaker(c, &r->headers, r->now_us, &c->request.who);
    if (fault)
        return refuse(c, fault, fault == 401 ? BYTES("Unauthorized") : BYTES("Forbidden"));
    return is_batch ? begin_batch(c, r) : begin_single(c, r, topic, event);
}

enum api_action broadcast_resume(struct api_call *c)
{
    const struct store_error *error = &c->reply.error;
    if (c->step == STEP_PERSIST && error->status)
        return refuse(c, error->status, error->message);
    return answer_empty(c, 202);
}
