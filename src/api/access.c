#include "api/access.h"

#include "api/token_cache.h"
#include "base/time.h"

static enum token_fault verify(struct api_call *c, struct bytes token, int64_t now_us,
                               struct claims *out)
{
    const struct api *a = c->api;
    return token_cache_verify(a->token_cache, a->secret, token, now_us / TIME_US_PER_S, out);
}

/* The gateway's own shape. */
static bool refuse_key(struct api_call *c, struct bytes message)
{
    buf_reset(&c->scratch);
    buf_put_literal(&c->scratch, "{\"message\":");
    json_put_string(&c->scratch, message);
    buf_put_char(&c->scratch, '}');
    answer_begin(c, c->scratch.err ? 503 : 401);
    buf_put_literal(&c->response.headers, "WWW-Authenticate: Key\r\n");
    answer_end(c, ANSWER_JSON, buf_bytes(&c->scratch));
    return false;
}

static bool refuse_missing_key(struct api_call *c)
{
    return refuse_key(c, BYTES("No API key found in request"));
}

static bool refuse_bad_key(struct api_call *c)
{
    return refuse_key(c, BYTES("Invalid authentication credentials"));
}

static bool refuse_token(struct api_call *c, enum token_fault fault)
{
    switch (fault) {
    case TOKEN_EXPIRED:
        answer_error(c, 401, "PGRST303", BYTES("JWT expired"));
        return false;
    case TOKEN_NO_CLAIMS:
        answer_error(c, 401, "PGRST303", BYTES("JWT claims are missing or unknown"));
        return false;
    case TOKEN_BAD_SIGNATURE:
        answer_error(c, 401, "PGRST301", BYTES("JWT cryptographic operation failed"));
        return false;
    case TOKEN_MALFORMED:
    case TOKEN_OK:
        break;
    }
    answer_error(c, 401, "PGRST301", BYTES("JWT could not be decoded"));
    return false;
}

/* The role of a person is the staff directory's to say, never the token's.  False: it knows of no
 * such person, or they are disabled. */
static bool find_role(const struct api_call *c, const struct claims *claims, struct identity *who)
{
    *who = (struct identity){.role = ROLE_ANON};
    if (claims->kind == TOKEN_SERVICE)
        who->role = ROLE_SERVICE;
    if (claims->kind != TOKEN_USER)
        return true;
    memcpy(who->user_id, claims->user_id, sizeof(who->user_id));
    return directory_find(c->api->directory, bytes_of(claims->user_id), &who->role) == OK;
}

static bool identify(struct api_call *c, const struct claims *claims, struct identity *who)
{
    if (find_role(c, claims, who))
        return true;
    answer_error(c, 401, "PGRST301", BYTES("This account is disabled"));
    return false;
}

bool access_key(struct api_call *c, const struct request_headers *h, int64_t now_us)
{
    struct claims claims;
    if (!h->apikey.size)
        return refuse_missing_key(c);
    return verify(c, h->apikey, now_us, &claims) == TOKEN_OK || refuse_bad_key(c);
}

bool access_rest(struct api_call *c, const struct request_headers *h, int64_t now_us,
                 struct identity *who)
{
    struct bytes token = h->authorization.data ? headers_bearer(h) : h->apikey;
    bool is_key = bytes_equal(token, h->apikey);
    struct claims claims;
    if (!h->apikey.size)
        return refuse_missing_key(c);
    if (!is_key && verify(c, h->apikey, now_us, &claims))
        return refuse_bad_key(c);
    enum token_fault fault = verify(c, token, now_us, &claims);
    if (fault && is_key && fault != TOKEN_EXPIRED)
        return refuse_bad_key(c);
    return fault ? refuse_token(c, fault) : identify(c, &claims, who);
}

bool access_person(struct api_call *c, const struct request_headers *h, int64_t now_us,
                   struct identity *who)
{
    struct claims claims;
    if (!h->authorization.data) {
        answer_error(c, 401, "PGRST302", BYTES("Anonymous access is disabled"));
        return false;
    }
    enum token_fault fault = verify(c, headers_bearer(h), now_us, &claims);
    if (fault)
        return refuse_token(c, fault);
    if (claims.kind == TOKEN_ANON) {
        answer_error(c, 401, "PGRST302", BYTES("Anonymous access is disabled"));
        return false;
    }
    return identify(c, &claims, who);
}

int access_speaker(struct api_call *c, const struct request_headers *h, int64_t now_us,
                   struct identity *who)
{
    struct bytes token = headers_bearer(h);
    struct claims claims;
    if (verify(c, token.size ? token : h->apikey, now_us, &claims))
        return 401;
    return find_role(c, &claims, who) ? 0 : 403;
}

bool access_claims(struct api_call *c, const struct request_headers *h, int64_t now_us,
                   struct claims *out)
{
    struct bytes token = headers_bearer(h);
    if (!token.size) {
        answer_error(c, 401, "no_authorization",
                     BYTES("This endpoint requires a valid Bearer token"));
        return false;
    }
    enum token_fault fault = verify(c, token, now_us, out);
    if (!fault && out->kind == TOKEN_USER)
        return true;
    struct bytes message = BYTES("invalid JWT: unable to parse or verify signature");
    if (fault == TOKEN_EXPIRED)
        message = BYTES("invalid JWT: token has invalid claims: token is expired");
    if (!fault)
        message = BYTES("invalid claim: missing sub claim");
    answer_error(c, 403, "bad_jwt", message);
    return false;
}
