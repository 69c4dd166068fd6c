/* /api: the pages' configuration, and the current inventory. */
#include "api/steps.h"

#include "api/access.h"
#include "api/auth_json.h"
#include "base/json.h"

/* The anon key is a token like any other; the same text each time, so that it may be kept.  It
 * opens nothing. */
#define ANON_ISSUED_S INT64_C(1767225600)  /* 2026-01-01 */
#define ANON_EXPIRES_S INT64_C(4102444800) /* 2100-01-01 */

static void put_string(struct buf *out, struct bytes name, struct bytes text)
{
    json_put_key(out, name);
    json_put_string(out, text);
}

/* Minutes after midnight as "10:00". */
static void put_minute(struct buf *out, struct bytes name, int32_t minute)
{
    json_put_key(out, name);
    buf_put_char(out, '"');
    buf_put_u64_padded(out, (uint64_t)(minute / 60), 2);
    buf_put_char(out, ':');
    buf_put_u64_padded(out, (uint64_t)(minute % 60), 2);
    buf_put_char(out, '"');
}

static void put_anon_key(struct buf *out, const struct api *a)
{
    struct claims claims = {
        .kind = TOKEN_ANON, .issued_s = ANON_ISSUED_S, .expires_s = ANON_EXPIRES_S};
    json_put_key(out, BYTES("anon_key"));
    buf_put_char(out, '"');
    token_sign(out, a->secret, &claims, NULL, AUTH_ISSUER);
    buf_put_char(out, '"');
}

static enum api_action answer_config(struct api_call *c)
{
    const struct store_settings *s = c->api->settings;
    struct buf *out = &c->scratch;
    buf_reset(out);
    buf_put_char(out, '{');
    put_anon_key(out, c->api);
    put_string(out, BYTES("bakery_name"), s->bakery_name);
    put_string(out, BYTES("currency"), s->currency);
    put_string(out, BYTES("locale"), s->locale);
    put_string(out, BYTES("time_zone"), s->time_zone);
    put_minute(out, BYTES("morning_start"), s->morning_minute);
    put_minute(out, BYTES("night_start"), s->night_minute);
    put_string(out, BYTES("version"), bytes_of(c->api->version));
    buf_put_char(out, '}');
    return answer_scratch(c, 200);
}

static enum api_action begin_inventory(struct api_call *c, const struct api_request *r)
{
    if (!access_person(c, &r->headers, r->now_us, &c->request.who))
        return API_RESPOND;
    c->request.kind = STORE_INVENTORY;
    c->step = STEP_INVENTORY;
    return API_READ;
}

enum api_action app_begin(struct api_call *c, const struct api_request *r)
{
    bool is_config = bytes_equal(r->path, BYTES("/config"));
    if (!is_config && !bytes_equal(r->path, BYTES("/inventory/current")))
        return answer_error(c, 404, "PGRST125", BYTES("Invalid path specified in request URL"));
    if (r->http->method != HTTP_GET && r->http->method != HTTP_HEAD)
        return answer_error(c, 405, "PGRST117", BYTES("Unsupported HTTP method"));
    return is_config ? answer_config(c) : begin_inventory(c, r);
}

enum api_action app_resume(struct api_call *c)
{
    if (c->reply.error.status) {
        struct fault f = fault_of_store(&c->reply.error);
        return answer_fault(c, &f);
    }
    answer_begin(c, 200);
    answer_put_seq(c);
    return answer_end(c, ANSWER_JSON, buf_bytes(&c->reply.body));
}
