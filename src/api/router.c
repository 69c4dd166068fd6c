#include "api/api.h"

#include "api/steps.h"
#include "base/time.h"
#include "base/utf8.h"

enum {
    HEADERS_MAX = 32 * 1024,
    KEPT_MAX = 256 * 1024, /* a larger buffer is given back between two calls */
};

const struct api_limits api_limits_default = {
    .arena_max = 4 * 1024 * 1024,
    .body_max = 16 * 1024 * 1024,
    .rows_max = 1000000,
    .messages = {.payload_max = 256 * 1024,
                 .per_topic_max = 1000,
                 .bytes_max = 64 * 1024 * 1024,
                 .keep_us = 72 * 3600 * TIME_US_PER_S},
    .broadcasts_max = 1000,
    .token_life_s = 3600,
    .reuse_interval_us = 10000000,
    .sign_in_burst = 10,
    .sign_in_period_us = 5000000,
};

void api_call_init(struct api_call *c, const struct api *a)
{
    *c = (struct api_call){.api = a};
    arena_init(&c->arena, a->limits.arena_max);
    store_reply_init(&c->reply, a->limits.body_max);
    buf_init(&c->response.headers, HEADERS_MAX);
    buf_init(&c->scratch, a->limits.body_max);
}

static void empty_buf(struct buf *b)
{
    if (b->capacity > KEPT_MAX)
        buf_done(b);
    buf_reset(b);
}

void api_call_reset(struct api_call *c)
{
    auth_wipe(c);
    struct api_call old = *c;
    empty_buf(&old.reply.body);
    empty_buf(&old.reply.text);
    empty_buf(&old.response.headers);
    empty_buf(&old.scratch);
    arena_reset(&old.arena);
    *c = (struct api_call){
        .api = old.api,
        .arena = old.arena,
        .reply = {.body = old.reply.body, .text = old.reply.text},
        .response = {.headers = old.response.headers},
        .scratch = old.scratch,
    };
}

void api_call_done(struct api_call *c)
{
    auth_wipe(c);
    store_reply_done(&c->reply);
    buf_done(&c->response.headers);
    buf_done(&c->scratch);
    arena_done(&c->arena);
}

/* `path` is `prefix`, or goes on behind it with a slash. */
static bool is_below(struct bytes path, struct bytes prefix)
{
    return bytes_starts_with(path, prefix) &&
           (path.size == prefix.size || path.data[prefix.size] == '/');
}

static const struct bytes rest_prefix = BYTES_INIT("/rest/v1");
static const struct bytes auth_prefix = BYTES_INIT("/auth/v1");
static const struct bytes app_prefix = BYTES_INIT("/api");
static const struct bytes live_prefix = BYTES_INIT("/realtime/v1/api");

bool api_owns(struct bytes path)
{
    return is_below(path, rest_prefix) || is_below(path, auth_prefix) ||
           is_below(path, app_prefix) || is_below(path, live_prefix);
}

static enum api_action route(struct api_call *c, struct api_request *r)
{
    struct bytes path = r->http->path;
    if (is_below(path, rest_prefix)) {
        r->path = bytes_slice(path, rest_prefix.size, path.size);
        return rest_begin(c, r);
    }
    if (is_below(path, auth_prefix)) {
        r->path = bytes_slice(path, auth_prefix.size, path.size);
        return auth_begin(c, r);
    }
    if (is_below(path, live_prefix)) {
        r->path = bytes_slice(path, live_prefix.size, path.size);
        return broadcast_begin(c, r);
    }
    r->path = bytes_slice(path, app_prefix.size, path.size);
    return broadcast_owns(r->path) ? broadcast_begin(c, r) : app_begin(c, r);
}

enum api_action api_begin(struct api_call *c, const struct http_request *r, int64_t now_us)
{
    struct api_request request = {.http = r, .now_us = now_us};
    headers_read(r, &request.headers);
    c->step = STEP_NONE;
    c->is_head = r->method == HTTP_HEAD;
    c->is_auth = is_below(r->path, auth_prefix);
    c->is_dated =
        c->is_auth && bytes_compare(request.headers.api_version, BYTES("2024-01-01")) >= 0;
    c->request.now_us = now_us;
    if (r->method == HTTP_OPTIONS)
        return answer_preflight(c, http_header(r, BYTES("access-control-request-headers")));
    return route(c, &request);
}

enum api_action api_resume(struct api_call *c, int64_t now_us)
{
    switch ((enum api_step)c->step) {
    case STEP_REST:
        return rest_resume(c);
    case STEP_INVENTORY:
        return app_resume(c);
    case STEP_SIGN_IN_PERSON:
    case STEP_SIGN_IN_PASSWORD:
    case STEP_SIGN_IN_SESSION:
    case STEP_REFRESH:
    case STEP_USER:
    case STEP_LOGOUT:
        return auth_resume(c, now_us);
    case STEP_BROADCAST:
    case STEP_PERSIST:
        return broadcast_resume(c);
    case STEP_NONE:
        break;
    }
    return answer_error(c, 500, "XX000", BYTES("The call was not waiting"));
}

void api_refuse_busy(struct api_call *c)
{
    auth_wipe(c);
    answer_error(c, 503, c->is_auth ? "over_capacity" : "PGRST003",
                 BYTES("The server is busy, please try again"));
}
