/* /auth/v1 (protocol rest-auth 10, 11).
 *
 *   password:  PERSON by email -> PASSWORD, also for nobody -> SESSION_NEW -> session object
 *   refresh:   SESSION_ROTATE -> session object
 *   user:      PERSON by id, with the token's session -> user object
 *   logout:    SESSION_END -> 204
 *
 * The store is asked as the service: api has found out by itself who is asking, and people who are
 * disabled must be told so, and may sign out.  Trouble of the store stays a 5xx: a 4xx to a refresh
 * signs the client out. */
#include "api/steps.h"

#include <sodium.h>

#include "api/access.h"
#include "api/auth_json.h"
#include "api/sign_in_limit.h"
#include "base/base64.h"
#include "base/time.h"

enum { REFRESH_BYTES = 32, REFRESH_TEXT_MAX = 256, EMAIL_MAX = 254 };

/* Of a call that will end with a session object; in the arena. */
struct sign_in {
    char user_id[UUID_SIZE + 1];
    bool is_active;
    struct bytes refresh_token; /* to be handed out */
};

static enum api_action fail(struct api_call *c, int status, const char *code, struct bytes message)
{
    return answer_error(c, status, code, message);
}

static enum api_action ask(struct api_call *c, enum store_kind kind, enum api_step step)
{
    c->request.kind = kind;
    c->request.who = (struct identity){.role = ROLE_SERVICE};
    c->step = (int)step;
    return kind == STORE_PERSON ? API_READ : API_WRITE;
}

/* --- bodies --- */

/* A member that is a string, decoded into the arena; size 0 when it is missing or null. */
static enum err get_text(struct api_call *c, struct json_value object, struct bytes name,
                         struct bytes *out)
{
    struct json_value v;
    *out = (struct bytes){"", 0};
    if (json_get(object, name, &v) || v.type == JSON_NULL)
        return OK;
    if (v.type != JSON_STRING)
        return ERR_TYPE;
    struct buf text;
    buf_init(&text, v.raw.size);
    json_string_decode(&text, v.raw);
    enum err e = text.err;
    if (!e)
        *out = arena_copy(&c->arena, buf_bytes(&text));
    sodium_memzero(text.data, text.size);
    buf_done(&text);
    return e || !out->data ? ERR_NOMEM : OK;
}

static bool read_body(struct api_call *c, const struct api_request *r, struct json_value *out)
{
    if (json_parse(r->http->body, out) == OK && out->type == JSON_OBJECT)
        return true;
    fail(c, 400, "bad_json", BYTES("Could not parse request body as JSON"));
    return false;
}

static enum api_action refuse_text(struct api_call *c, enum err e)
{
    if (e == ERR_NOMEM)
        return answer_no_memory(c);
    return fail(c, 400, "bad_json",
                BYTES("Could not parse request body as JSON: a text is expected"));
}

/* --- refresh tokens: opaque, random, kept as a hash --- */

static void hash_token(unsigned char out[STORE_TOKEN_HASH_SIZE], struct bytes token)
{
    _Static_assert(STORE_TOKEN_HASH_SIZE == crypto_hash_sha256_BYTES, "the hash is SHA-256");
    crypto_hash_sha256(out, (const unsigned char *)token.data, token.size);
}

static enum err make_refresh_token(struct api_call *c, struct sign_in *s)
{
    char random[REFRESH_BYTES];
    c->api->entropy(random, sizeof(random));
    buf_reset(&c->scratch);
    base64url_encode(&c->scratch, (struct bytes){random, sizeof(random)});
    sodium_memzero(random, sizeof(random));
    if (c->scratch.err)
        return ERR_NOMEM;
    s->refresh_token = arena_copy(&c->arena, buf_bytes(&c->scratch));
    if (!s->refresh_token.data)
        return ERR_NOMEM;
    hash_token(c->request.new_token_hash, s->refresh_token);
    return OK;
}

static enum api_action answer_session(struct api_call *c, int64_t now_us)
{
    struct sign_in *s = c->state;
    struct auth_session session = {.person = &c->reply.person,
                                   .session_id = c->reply.session_id,
                                   .refresh_token = s->refresh_token,
                                   .now_s = now_us / TIME_US_PER_S,
                                   .life_s = c->api->limits.token_life_s};
    buf_reset(&c->scratch);
    auth_put_session(&c->scratch, c->api->secret, &session);
    return answer_scratch(c, 200);
}

/* --- trouble --- */

/* The store refused: its words, in our shape; never a 4xx for what is not the client's fault. */
static enum api_action answer_store_error(struct api_call *c)
{
    const struct store_error *e = &c->reply.error;
    if (e->status >= 500)
        return fail(c, 503, "unexpected_failure",
                    BYTES("The server cannot do this now, please try again"));
    struct fault f = fault_of_store(e);
    f.code = "unexpected_failure";
    return answer_fault(c, &f);
}

static enum api_action refuse_banned(struct api_call *c, int status)
{
    return fail(c, status, "user_banned", BYTES("User is banned"));
}

static enum api_action refuse_credentials(struct api_call *c)
{
    return fail(c, 400, "invalid_credentials", BYTES("Invalid login credentials"));
}

/* --- password --- */

static enum api_action refuse_rate(struct api_call *c, int64_t wait_us)
{
    return answer_fault(
        c, &(struct fault){.status = 429,
                           .code = "over_request_rate_limit",
                           .message = BYTES("Request rate limit reached"),
                           .retry_after_s =
                               (unsigned)((wait_us + TIME_US_PER_S - 1) / TIME_US_PER_S)});
}

static enum api_action begin_password(struct api_call *c, const struct api_request *r)
{
    struct json_value body;
    if (!read_body(c, r, &body))
        return API_RESPOND;
    enum err e = get_text(c, body, BYTES("email"), &c->request.email);
    if (!e)
        e = get_text(c, body, BYTES("password"), &c->password);
    if (e)
        return refuse_text(c, e);
    if (!c->request.email.size)
        return fail(c, 400, "validation_failed", BYTES("missing email or phone"));
    if (c->request.email.size > EMAIL_MAX)
        return refuse_credentials(c);
    int64_t wait_us = 0;
    if (c->api->sign_in_limit)
        wait_us = sign_in_limit_try(c->api->sign_in_limit, c->request.email, r->now_us);
    if (wait_us)
        return refuse_rate(c, wait_us);
    c->state = arena_zalloc(&c->arena, sizeof(struct sign_in));
    if (!c->state)
        return answer_no_memory(c);
    return ask(c, STORE_PERSON, STEP_SIGN_IN_PERSON);
}

/* A hash that is unlike any password is checked for nobody, which takes as long. */
static enum api_action verify_password(struct api_call *c)
{
    struct sign_in *s = c->state;
    const struct store_person *p = &c->reply.person;
    if (c->reply.error.status)
        return answer_store_error(c);
    c->password_hash = NULL;
    if (c->reply.has_person && p->password_hash.size) {
        struct bytes hash = arena_copy(&c->arena, p->password_hash);
        if (!hash.data)
            return answer_no_memory(c);
        memcpy(s->user_id, p->id, sizeof(s->user_id));
        s->is_active = p->is_active;
        c->password_hash = hash.data;
    }
    c->password_result = ERR_DENIED;
    c->step = STEP_SIGN_IN_PASSWORD;
    return API_PASSWORD;
}

static enum api_action begin_session(struct api_call *c, int64_t now_us)
{
    struct sign_in *s = c->state;
    auth_wipe(c);
    if (c->password_result || !c->password_hash)
        return refuse_credentials(c);
    if (!s->is_active)
        return refuse_banned(c, 400);
    if (make_refresh_token(c, s))
        return answer_no_memory(c);
    c->request.user_id = bytes_of(s->user_id);
    c->request.now_us = now_us;
    return ask(c, STORE_SESSION_NEW, STEP_SIGN_IN_SESSION);
}

/* The person may have been disabled, or removed, while the password was being checked. */
static enum api_action end_password(struct api_call *c, int64_t now_us)
{
    if (c->reply.error.status)
        return answer_store_error(c);
    if (c->reply.auth == ERR_DENIED)
        return refuse_banned(c, 400);
    if (c->reply.auth || !c->reply.has_person)
        return refuse_credentials(c);
    return answer_session(c, now_us);
}

/* --- refresh --- */

static enum api_action refuse_unknown_token(struct api_call *c)
{
    return fail(c, 400, "refresh_token_not_found",
                BYTES("Invalid Refresh Token: Refresh Token Not Found"));
}

static enum api_action begin_refresh(struct api_call *c, const struct api_request *r)
{
    struct json_value body;
    struct bytes token;
    if (!read_body(c, r, &body))
        return API_RESPOND;
    enum err e = get_text(c, body, BYTES("refresh_token"), &token);
    if (e)
        return refuse_text(c, e);
    if (!token.size)
        return fail(c, 400, "validation_failed", BYTES("Refresh token is missing"));
    if (token.size > REFRESH_TEXT_MAX)
        return refuse_unknown_token(c);
    c->state = arena_zalloc(&c->arena, sizeof(struct sign_in));
    if (!c->state || make_refresh_token(c, c->state))
        return answer_no_memory(c);
    hash_token(c->request.token_hash, token);
    c->request.reuse_interval_us = c->api->limits.reuse_interval_us;
    return ask(c, STORE_SESSION_ROTATE, STEP_REFRESH);
}

static enum api_action end_refresh(struct api_call *c, int64_t now_us)
{
    if (c->reply.error.status)
        return answer_store_error(c);
    switch (c->reply.auth) {
    case OK:
        return answer_session(c, now_us);
    case ERR_NOT_FOUND:
        return refuse_unknown_token(c);
    case ERR_EXISTS:
        return fail(c, 400, "refresh_token_already_used",
                    BYTES("Invalid Refresh Token: Already Used"));
    case ERR_EXPIRED:
        return fail(c, 400, "session_expired", BYTES("Invalid Refresh Token: Session Expired"));
    case ERR_DENIED:
        return refuse_banned(c, 400);
    default:
        return fail(c, 503, "unexpected_failure", bytes_of(err_text(c->reply.auth)));
    }
}

/* --- user and logout --- */

/* The person and the session of the bearer token as the subject of the request. */
static bool read_subject(struct api_call *c, const struct api_request *r)
{
    struct claims claims;
    if (!access_claims(c, &r->headers, r->now_us, &claims))
        return false;
    c->request.user_id = arena_copy(&c->arena, bytes_of(claims.user_id));
    c->request.session_id = arena_copy(&c->arena, bytes_of(claims.session_id));
    if (c->request.user_id.data && c->request.session_id.data)
        return true;
    answer_no_memory(c);
    return false;
}

static enum api_action begin_user(struct api_call *c, const struct api_request *r)
{
    return read_subject(c, r) ? ask(c, STORE_PERSON, STEP_USER) : API_RESPOND;
}

static enum api_action end_user(struct api_call *c)
{
    if (c->reply.error.status)
        return answer_store_error(c);
    if (!c->reply.has_person)
        return fail(c, 403, "user_not_found", BYTES("User from sub claim in JWT does not exist"));
    if (!c->reply.session_is_alive)
        return fail(c, 403, "session_not_found",
                    BYTES("Session from session_id claim in JWT does not exist"));
    if (!c->reply.person.is_active)
        return refuse_banned(c, 403);
    buf_reset(&c->scratch);
    auth_put_user(&c->scratch, &c->reply.person);
    return answer_scratch(c, 200);
}

/* The value of a query key whose values need no decoding. */
static struct bytes query_value(const struct api_request *r, struct bytes name)
{
    struct bytes rest = r->http->query, key, value;
    while (http_query_next(&rest, &key, &value)) {
        if (bytes_equal(key, name))
            return value;
    }
    return (struct bytes){NULL, 0};
}

static enum api_action begin_logout(struct api_call *c, const struct api_request *r)
{
    struct bytes scope = query_value(r, BYTES("scope"));
    if (!scope.size || bytes_equal(scope, BYTES("global")))
        c->request.scope = SCOPE_GLOBAL;
    else if (bytes_equal(scope, BYTES("local")))
        c->request.scope = SCOPE_LOCAL;
    else if (bytes_equal(scope, BYTES("others")))
        c->request.scope = SCOPE_OTHERS;
    else
        return fail(c, 400, "validation_failed", BYTES("Unsupported logout scope"));
    return read_subject(c, r) ? ask(c, STORE_SESSION_END, STEP_LOGOUT) : API_RESPOND;
}

static enum api_action end_logout(struct api_call *c)
{
    if (c->reply.error.status)
        return answer_store_error(c);
    return answer_empty(c, 204);
}

/* --- service endpoints --- */

static enum api_action begin_token(struct api_call *c, const struct api_request *r)
{
    struct bytes grant = query_value(r, BYTES("grant_type"));
    if (bytes_equal(grant, BYTES("password")))
        return begin_password(c, r);
    if (bytes_equal(grant, BYTES("refresh_token")))
        return begin_refresh(c, r);
    return fail(c, 400, "invalid_credentials", BYTES("unsupported_grant_type"));
}

static enum api_action begin_sign_up(struct api_call *c, const struct api_request *r)
{
    (void)r;
    return fail(c, 422, "signup_disabled", BYTES("Signups not allowed for this instance"));
}

static enum api_action begin_settings(struct api_call *c, const struct api_request *r)
{
    (void)r;
    answer_begin(c, 200);
    return answer_end(
        c, ANSWER_JSON,
        BYTES("{\"external\":{\"email\":true,\"phone\":false,\"anonymous_users\":false},"
              "\"disable_signup\":true,\"mailer_autoconfirm\":true,\"phone_autoconfirm\":false,"
              "\"sms_provider\":\"\",\"saml_enabled\":false}"));
}

static enum api_action begin_health(struct api_call *c, const struct api_request *r)
{
    (void)r;
    buf_reset(&c->scratch);
    buf_put_literal(&c->scratch, "{\"version\":");
    json_put_string(&c->scratch, bytes_of(c->api->version));
    buf_put_literal(&c->scratch, ",\"name\":\"GoTrue\",\"description\":\"HomeBake\"}");
    return answer_scratch(c, 200);
}

/* Our keys are symmetric: there is none to show. */
static enum api_action begin_keys(struct api_call *c, const struct api_request *r)
{
    (void)r;
    answer_begin(c, 200);
    return answer_end(c, ANSWER_JSON, BYTES("{\"keys\":[]}"));
}

struct endpoint {
    struct bytes path;
    enum http_method method;
    bool is_open; /* needs no key */
    enum api_action (*begin)(struct api_call *c, const struct api_request *r);
};

static const struct endpoint endpoints[] = {
    {BYTES_INIT("/token"), HTTP_POST, false, begin_token},
    {BYTES_INIT("/user"), HTTP_GET, false, begin_user},
    {BYTES_INIT("/logout"), HTTP_POST, false, begin_logout},
    {BYTES_INIT("/signup"), HTTP_POST, false, begin_sign_up},
    {BYTES_INIT("/settings"), HTTP_GET, false, begin_settings},
    {BYTES_INIT("/health"), HTTP_GET, true, begin_health},
    {BYTES_INIT("/.well-known/jwks.json"), HTTP_GET, true, begin_keys},
};

/* The decoded password is in the arena, which is ours to write. */
void auth_wipe(struct api_call *c)
{
    char *own;
    memcpy(&own, &c->password.data, sizeof(own));
    if (c->password.size)
        sodium_memzero(own, c->password.size);
    c->password = (struct bytes){NULL, 0};
}

enum api_action auth_begin(struct api_call *c, const struct api_request *r)
{
    for (size_t i = 0; i < sizeof(endpoints) / sizeof(*endpoints); i++) {
        const struct endpoint *e = &endpoints[i];
        if (!bytes_equal(r->path, e->path))
            continue;
        if (!e->is_open && !access_key(c, &r->headers, r->now_us))
            return API_RESPOND;
        if (r->http->method == e->method || (c->is_head && e->method == HTTP_GET))
            return e->begin(c, r);
        return fail(c, 405, "method_not_allowed", BYTES("Method not allowed"));
    }
    if (!access_key(c, &r->headers, r->now_us))
        return API_RESPOND;
    return fail(c, 404, "not_found", BYTES("There is no such endpoint"));
}

enum api_action auth_resume(struct api_call *c, int64_t now_us)
{
    switch ((enum api_step)c->step) {
    case STEP_SIGN_IN_PERSON:
        return verify_password(c);
    case STEP_SIGN_IN_PASSWORD:
        return begin_session(c, now_us);
    case STEP_SIGN_IN_SESSION:
        return end_password(c, now_us);
    case STEP_REFRESH:
        return end_refresh(c, now_us);
    case STEP_USER:
        return end_user(c);
    default:
        return end_logout(c);
    }
}
