#include "api/answer.h"

enum { RETRY_AFTER_S = 1 };

#define API_VERSION_LINE "X-Supabase-Api-Version: 2024-01-01\r\n"

static const struct bytes common_lines = BYTES_INIT(
    "Access-Control-Allow-Origin: *\r\n"
    "Access-Control-Expose-Headers: Content-Range, Content-Location, Content-Type, Location, Date, "
    "Server, Content-Encoding, Transfer-Encoding, Range-Unit, X-Total-Count, Link, "
    "X-Supabase-Api-Version, X-Sb-Error-Code, Retry-After, HomeBake-Seq, HomeBake-Epoch\r\n"
    "Cache-Control: no-store\r\n");

static const struct bytes own_headers = BYTES_INIT(
    "authorization, x-client-info, apikey, content-type, x-retry-count, traceparent, tracestate, "
    "baggage, prefer, accept-profile, content-profile, range, x-supabase-api-version");

void answer_begin(struct api_call *c, int status)
{
    struct buf *h = &c->response.headers;
    c->response.status = status;
    c->response.body = (struct bytes){NULL, 0};
    buf_reset(h);
    buf_put(h, common_lines);
    if (c->is_dated)
        buf_put_literal(h, API_VERSION_LINE);
}

/* There may be no byte of memory: everything is static. */
static enum api_action give_up(struct api_call *c)
{
    buf_reset(&c->response.headers);
    c->response.status = 503;
    c->response.body = c->is_head ? BYTES("")
                                  : BYTES("{\"code\":\"53200\",\"message\":\"out of memory\","
                                          "\"details\":null,\"hint\":null}");
    return API_RESPOND;
}

enum api_action answer_end(struct api_call *c, struct bytes type, struct bytes body)
{
    struct buf *h = &c->response.headers;
    if (type.size)
        http_put_header(h, BYTES("Content-Type"), type);
    if (h->err)
        return give_up(c);
    c->response.body = c->is_head ? BYTES("") : body;
    return API_RESPOND;
}

enum api_action answer_empty(struct api_call *c, int status)
{
    answer_begin(c, status);
    return answer_end(c, BYTES(""), BYTES(""));
}

enum api_action answer_scratch(struct api_call *c, int status)
{
    if (c->scratch.err)
        return give_up(c);
    answer_begin(c, status);
    return answer_end(c, ANSWER_JSON, buf_bytes(&c->scratch));
}

/* RFC 6750, 3. */
static void put_challenge(struct buf *h, const struct fault *f)
{
    buf_put_literal(h, "WWW-Authenticate: Bearer");
    if (strcmp(f->code, "PGRST301") == 0 || strcmp(f->code, "PGRST303") == 0) {
        buf_put_literal(h, " error=\"invalid_token\", error_description=\"");
        buf_put(h, f->message);
        buf_put_char(h, '"');
    }
    buf_put_literal(h, "\r\n");
}

enum api_action answer_fault(struct api_call *c, const struct fault *f)
{
    struct buf *h = &c->response.headers;
    buf_reset(&c->scratch);
    if (c->is_auth)
        fault_put_auth_json(&c->scratch, f, c->is_dated);
    else
        fault_put_json(&c->scratch, f);
    if (c->scratch.err)
        return give_up(c);
    answer_begin(c, f->status);
    if (c->is_auth)
        http_put_header(h, BYTES("X-Sb-Error-Code"), bytes_of(f->code));
    if (f->status == 401)
        put_challenge(h, f);
    if (f->status == 503 || f->retry_after_s)
        http_put_header_u64(h, BYTES("Retry-After"),
                            f->retry_after_s ? f->retry_after_s : RETRY_AFTER_S);
    return answer_end(c, ANSWER_JSON, buf_bytes(&c->scratch));
}

enum api_action answer_error(struct api_call *c, int status, const char *code, struct bytes message)
{
    return answer_fault(c, &(struct fault){.status = status, .code = code, .message = message});
}

enum api_action answer_no_memory(struct api_call *c)
{
    /* An arena doubles: past half of its limit the next chunk may have been refused for that. */
    if (c->arena.total > c->arena.max / 2)
        return answer_error(c, 413, "54000",
                            BYTES("The request needs more memory than one may use"));
    return answer_error(c, 503, "53200", BYTES("out of memory"));
}

enum api_action answer_preflight(struct api_call *c, struct bytes requested_headers)
{
    struct buf *h = &c->response.headers;
    answer_begin(c, 204);
    buf_put_literal(h,
                    "Access-Control-Allow-Methods: GET, POST, PATCH, PUT, DELETE, OPTIONS, HEAD\r\n"
                    "Access-Control-Max-Age: 86400\r\n");
    http_put_header(h, BYTES("Access-Control-Allow-Headers"),
                    requested_headers.size ? requested_headers : own_headers);
    return answer_end(c, BYTES(""), BYTES(""));
}

void answer_put_seq(struct api_call *c)
{
    struct buf *h = &c->response.headers;
    http_put_header_u64(h, BYTES("HomeBake-Seq"), c->reply.seq);
    buf_put_literal(h, "HomeBake-Epoch: ");
    policy_put_epoch(h, c->api->policies, c->api->epoch, &c->request.who);
    buf_put_literal(h, "\r\n");
}
