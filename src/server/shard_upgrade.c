#include "server/shard_parts.h"

#include "base/time.h"
#include "io/log.h"
#include "proto/phx.h"

/* Handshakes of the live protocol (shared shapes: sections 1.1 and 1.2; RFC 6455, 4.2).  A refusal
 * is an HTTP answer with {"error": …}, at once. */

enum { PARAMETER_MAX = 4096 };

bool upgrade_owns(struct bytes path)
{
    if (bytes_ends_with(path, BYTES("/")))
        path.size--;
    return bytes_equal(path, BYTES("/realtime/v1/websocket")) ||
           bytes_equal(path, BYTES("/socket/websocket"));
}

/* The decoded value of a query parameter, empty when absent.  An error: broken escapes, or too
 * long. */
static enum err query_parameter(const struct http_request *r, struct bytes name, struct buf *out)
{
    struct bytes rest = r->query;
    struct bytes key, value;
    while (http_query_next(&rest, &key, &value)) {
        if (!bytes_equal(key, name))
            continue;
        enum err e = http_decode_query(out, value);
        return e ? e : out->err;
    }
    return OK;
}

/* x-api-key, apikey, or the query's. */
static enum err find_api_key(const struct http_request *r, struct buf *out)
{
    struct bytes header = http_header(r, BYTES("x-api-key"));
    if (header.size == 0)
        header = http_header(r, BYTES("apikey"));
    if (header.size == 0)
        return query_parameter(r, BYTES("apikey"), out);
    buf_put(out, header);
    return out->err;
}

static struct bytes fault_text(enum token_fault fault)
{
    switch (fault) {
    case TOKEN_EXPIRED:
        return BYTES("Token has expired");
    case TOKEN_BAD_SIGNATURE:
        return BYTES("Failed to validate JWT signature");
    case TOKEN_NO_CLAIMS:
        return BYTES("Fields `role` and `exp` are required in JWT");
    default:
        return BYTES("The token provided is not a valid JWT");
    }
}

struct refusal {
    int status; /* 0: none */
    struct bytes text;
};

static struct refusal check_key(struct shard *s, struct http_peer *p, const struct http_request *r)
{
    struct buf key;
    buf_init(&key, PARAMETER_MAX);
    enum err e = find_api_key(r, &key);
    struct refusal no = {0};
    if (e || key.size == 0) {
        no = (struct refusal){401, e ? fault_text(TOKEN_MALFORMED) : BYTES("API key is missing")};
    } else {
        enum token_fault fault = token_verify(store_secret(s->cfg.store), buf_bytes(&key),
                                              s->now_us / TIME_US_PER_S, &p->claims);
        if (fault)
            no = (struct refusal){401, fault_text(fault)};
    }
    buf_done(&key);
    return no;
}

static struct refusal check_version(struct http_peer *p, const struct http_request *r)
{
    struct buf vsn;
    buf_init(&vsn, 64);
    enum err e = query_parameter(r, BYTES("vsn"), &vsn);
    if (!e)
        e = phx_version_parse(buf_bytes(&vsn), &p->version);
    buf_done(&vsn);
    return e ? (struct refusal){400, BYTES("Unsupported vsn: 1.0.0 and 2.0.0 are spoken here")}
             : (struct refusal){0};
}

/* Does a comma-separated header name the token? */
static bool header_names(const struct http_request *r, struct bytes name, struct bytes token)
{
    struct bytes list = http_header(r, name);
    struct bytes member;
    while (bytes_split(&list, ',', &member)) {
        if (bytes_equal_nocase(bytes_trim(member), token))
            return true;
    }
    return false;
}

/* Chooses what to accept.  The field is a list that may be split over several lines. */
static struct refusal check_extensions(struct shard *s, struct http_peer *p,
                                       const struct http_request *r)
{
    struct extension_choice choice = {0};
    for (size_t i = 0; i < r->header_count; i++) {
        const struct http_header *h = &r->headers[i];
        if (bytes_equal_nocase(h->name, BYTES("sec-websocket-extensions")) &&
            extension_read(&choice, h->value))
            return (struct refusal){400, BYTES("Sec-WebSocket-Extensions is malformed")};
    }
    bool is_offered = s->cfg.limits->hub.deflate_min > 0;
    p->extension = is_offered ? choice : (struct extension_choice){0};
    return (struct refusal){0};
}

static struct refusal check_handshake(const struct http_request *r, char accept[WS_ACCEPT_SIZE])
{
    if (r->method != HTTP_GET)
        return (struct refusal){405, BYTES("Only GET can be upgraded")};
    if (!r->upgrade || !header_names(r, BYTES("upgrade"), BYTES("websocket")))
        return (struct refusal){426, BYTES("This is a WebSocket endpoint")};
    if (!bytes_equal(http_header(r, BYTES("sec-websocket-version")), BYTES("13")))
        return (struct refusal){426, BYTES("Sec-WebSocket-Version must be 13")};
    if (ws_accept(http_header(r, BYTES("sec-websocket-key")), accept))
        return (struct refusal){400, BYTES("Sec-WebSocket-Key is missing or malformed")};
    return (struct refusal){0};
}

static void refuse(struct shard *s, struct http_peer *p, struct refusal no)
{
    s->counters.upgrades_refused++;
    LOG_EVENT(LOG_INFO, "live.refused", LOG_NUMBER("status", (uint64_t)no.status),
              LOG_TEXT("reason", no.text));
    if (no.status == 426) {
        struct buf *t = &p->text;
        buf_put_literal(t, "{\"error\":\"");
        buf_put(t, no.text);
        buf_put_literal(t, "\"}\n");
        http_respond(s, p, 426,
                     BYTES("Content-Type: application/json; charset=utf-8\r\nUpgrade: websocket\r\n"
                           "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"),
                     buf_bytes(t));
        return;
    }
    http_respond_error(s, p, no.status, BYTES("error"), no.text);
}

void upgrade_begin(struct shard *s, struct http_peer *p, const struct http_request *r)
{
    char accept[WS_ACCEPT_SIZE];
    struct refusal no = s->is_draining ? (struct refusal){503, BYTES("The server is restarting")}
                                       : check_handshake(r, accept);
    if (!no.status)
        no = check_extensions(s, p, r);
    if (!no.status)
        no = check_version(p, r);
    if (!no.status)
        no = check_key(s, p, r);
    if (no.status) {
        refuse(s, p, no);
        return;
    }
    char space[160 + EXTENSION_ANSWER_MAX];
    struct buf h = {.data = space, .capacity = sizeof(space), .max = sizeof(space)};
    buf_put_literal(&h, "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ");
    buf_put(&h, (struct bytes){accept, sizeof(accept)});
    buf_put_literal(&h, "\r\n");
    extension_put_answer(&h, &p->extension);
    s->counters.upgrades++;
    p->is_upgrade = true;
    p->is_last = false;
    http_respond(s, p, 101, buf_bytes(&h), BYTES(""));
}
