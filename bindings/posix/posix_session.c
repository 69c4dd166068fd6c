#include "base/json.h"
#include "posix/posix_state.h"

enum { TOKEN_AGAIN_MS = 5000 };

/* ---- what is asked ---- */

static void put_credentials(struct hb_posix *p, struct buf *body)
{
    buf_put_literal(body, "{");
    if (p->refresh.size) {
        json_put_key(body, BYTES("refresh_token"));
        json_put_string(body, buf_bytes(&p->refresh));
    } else {
        json_put_key(body, BYTES("email"));
        json_put_string(body, buf_bytes(&p->email));
        json_put_key(body, BYTES("password"));
        json_put_string(body, buf_bytes(&p->password));
    }
    buf_put_literal(body, "}");
}

static void put_grant(struct hb_posix *p, struct buf *out, struct bytes body)
{
    request_put_line(p, out, BYTES("POST"),
                     p->refresh.size ? BYTES("/auth/v1/token?grant_type=refresh_token")
                                     : BYTES("/auth/v1/token?grant_type=password"));
    request_put_headers(p, out, (struct bytes){NULL, 0});
    buf_put_literal(out, "Content-Type: application/json\r\nContent-Length: ");
    buf_put_u64(out, body.size);
    buf_put_literal(out, "\r\n\r\n");
    buf_put(out, body);
}

enum err session_ask_token(struct hb_posix *p)
{
    enum err e;
    p->token_at = INT64_MAX;
    struct request *r = request_begin(p, TOKEN, SESSION_BODY_MAX, &e);
    if (!r)
        return e;
    struct buf body;
    buf_init(&body, SESSION_BODY_MAX);
    put_credentials(p, &body);
    put_grant(p, &r->wire.out, buf_bytes(&body));
    e = body.err;
    buf_done(&body);
    if (e)
        request_end(r);
    return e;
}

enum err session_ask_config(struct hb_posix *p)
{
    enum err e;
    struct request *r = request_begin(p, CONFIG, SESSION_BODY_MAX, &e);
    if (!r)
        return e;
    request_put_line(p, &r->wire.out, BYTES("GET"), BYTES("/api/config"));
    request_put_headers(p, &r->wire.out, (struct bytes){NULL, 0});
    buf_put_literal(&r->wire.out, "\r\n");
    return OK;
}

static void ask_or_wait(struct hb_posix *p)
{
    if (session_ask_token(p))
        p->token_at = hb_posix_now() + TOKEN_AGAIN_MS;
}

void session_renew(struct hb_posix *p)
{
    /* A refresh token is good once: two requests at a time would end the session. */
    if (p->token_at == INT64_MAX && !request_is_any(p, TOKEN))
        ask_or_wait(p);
}

void session_turn(struct hb_posix *p)
{
    if (p->token_at <= hb_posix_now())
        ask_or_wait(p);
}

/* ---- what is answered ---- */

/* The text member `name` of a JSON object. */
static enum err get_text(struct bytes body, struct bytes name, struct buf *out)
{
    struct json_value v, member;
    if (json_parse(body, &v) || json_get(v, name, &member) || member.type != JSON_STRING)
        return ERR_SYNTAX;
    buf_reset(out);
    json_string_decode(out, member.raw);
    /* It goes into headers: no line may end in it. */
    for (size_t i = 0; i < out->size; i++) {
        if ((unsigned char)out->data[i] < ' ')
            return ERR_SYNTAX;
    }
    return out->err;
}

static void take_token(struct hb_posix *p, struct bytes body)
{
    struct json_value v, member;
    struct buf token;
    int64_t good_s;
    buf_init(&token, SESSION_BODY_MAX);
    if (get_text(body, BYTES("access_token"), &token) ||
        get_text(body, BYTES("refresh_token"), &p->refresh) || json_parse(body, &v) ||
        json_get(v, BYTES("expires_in"), &member) || json_to_i64(member, &good_s) || good_s < 0 ||
        good_s > INT32_MAX) {
        buf_reset(&p->refresh);
        p->error = HB_ERR_PROTOCOL;
        posix_trouble(p, "the server's answer to the sign-in cannot be read");
    } else {
        p->error = HB_OK;
        hb_client_set_token(p->client, (struct hb_text){token.data, token.size}, good_s * 1000,
                            hb_posix_now());
    }
    buf_done(&token);
}

static void refuse_token(struct hb_posix *p, const struct answer *a)
{
    struct buf why;
    buf_init(&why, HB_POSIX_ERROR_SIZE);
    bool is_said = a->status < 500 && get_text(a->body, BYTES("msg"), &why) == OK;
    if (a->status < 500)
        buf_reset(&p->refresh); /* the next try is with the password */
    p->error = a->status >= 500 ? HB_ERR_SERVER : HB_ERR_DENIED;
    posix_trouble(p, "the server refuses the sign-in: %.*s (%u)", is_said ? (int)why.size : 9,
                  is_said ? why.data : "no reason", a->status);
    buf_done(&why);
}

static void take_config(struct hb_posix *p, const struct answer *a)
{
    p->error = HB_OK;
    if (a->status == 200 && get_text(a->body, BYTES("anon_key"), &p->apikey) == OK)
        return;
    p->error = a->status >= 500 ? HB_ERR_SERVER : HB_ERR_PROTOCOL;
    posix_trouble(p, "no HomeBake answers at %s (%u)", p->target.authority, a->status);
}

void session_take(struct hb_posix *p, enum purpose purpose, const struct answer *a)
{
    if (purpose == CONFIG)
        take_config(p, a);
    else if (a->status == 200)
        take_token(p, a->body);
    else
        refuse_token(p, a);
    if (purpose == TOKEN && p->error)
        p->token_at = hb_posix_now() + TOKEN_AGAIN_MS;
}

void session_lose(struct hb_posix *p, enum purpose purpose, enum hb_error e)
{
    p->error = e;
    if (purpose == TOKEN)
        p->token_at = hb_posix_now() + TOKEN_AGAIN_MS;
}
