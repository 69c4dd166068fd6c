#include "api/auth_json.h"

#include "base/json.h"
#include "base/time.h"

static void put_string(struct buf *out, struct bytes name, struct bytes text)
{
    json_put_key(out, name);
    json_put_string(out, text);
}

/* A time that never was is left out. */
static void put_time(struct buf *out, struct bytes name, int64_t us)
{
    if (us == 0)
        return;
    json_put_key(out, name);
    buf_put_char(out, '"');
    time_put_rfc3339(out, us);
    buf_put_char(out, '"');
}

static void put_number(struct buf *out, struct bytes name, int64_t n)
{
    json_put_key(out, name);
    buf_put_i64(out, n);
}

static struct token_person person_of(const struct store_person *p)
{
    return (struct token_person){p->email, p->name, p->role};
}

/* There is one way to sign in, so the identity has the person's own id. */
static void put_identity(struct buf *out, const struct store_person *p)
{
    struct bytes id = bytes_of(p->id);
    buf_put_char(out, '{');
    put_string(out, BYTES("identity_id"), id);
    put_string(out, BYTES("id"), id);
    put_string(out, BYTES("user_id"), id);
    json_put_key(out, BYTES("identity_data"));
    buf_put_char(out, '{');
    put_string(out, BYTES("email"), p->email);
    put_string(out, BYTES("sub"), id);
    buf_put_literal(out, ",\"email_verified\":true,\"phone_verified\":false}");
    put_string(out, BYTES("provider"), BYTES("email"));
    put_time(out, BYTES("last_sign_in_at"), p->last_sign_in_us);
    put_time(out, BYTES("created_at"), p->created_us);
    put_time(out, BYTES("updated_at"), p->updated_us);
    put_string(out, BYTES("email"), p->email);
    buf_put_char(out, '}');
}

void auth_put_user(struct buf *out, const struct store_person *p)
{
    buf_put_char(out, '{');
    put_string(out, BYTES("id"), bytes_of(p->id));
    put_string(out, BYTES("aud"), BYTES("authenticated"));
    put_string(out, BYTES("role"), BYTES("authenticated"));
    put_string(out, BYTES("email"), p->email);
    put_time(out, BYTES("email_confirmed_at"), p->confirmed_us);
    put_string(out, BYTES("phone"), BYTES(""));
    put_time(out, BYTES("confirmed_at"), p->confirmed_us);
    put_time(out, BYTES("last_sign_in_at"), p->last_sign_in_us);
    struct token_person person = person_of(p);
    token_put_metadata(out, &person);
    json_put_key(out, BYTES("identities"));
    buf_put_char(out, '[');
    put_identity(out, p);
    buf_put_char(out, ']');
    put_time(out, BYTES("created_at"), p->created_us);
    put_time(out, BYTES("updated_at"), p->updated_us);
    buf_put_literal(out, ",\"is_anonymous\":false}");
}

static void put_access_token(struct buf *out, const unsigned char *secret,
                             const struct auth_session *s, int64_t expires_s)
{
    const struct store_person *p = s->person;
    struct token_person person = person_of(p);
    struct claims claims = {.kind = TOKEN_USER, .issued_s = s->now_s, .expires_s = expires_s};
    memcpy(claims.user_id, p->id, sizeof(claims.user_id));
    memcpy(claims.session_id, s->session_id, sizeof(claims.session_id));
    json_put_key(out, BYTES("access_token"));
    buf_put_char(out, '"');
    token_sign(out, secret, &claims, &person, AUTH_ISSUER);
    buf_put_char(out, '"');
}

void auth_put_session(struct buf *out, const unsigned char secret[TOKEN_SECRET_SIZE],
                      const struct auth_session *s)
{
    int64_t expires_s = s->now_s + s->life_s;
    buf_put_char(out, '{');
    put_access_token(out, secret, s, expires_s);
    put_string(out, BYTES("token_type"), BYTES("bearer"));
    put_number(out, BYTES("expires_in"), s->life_s);
    put_number(out, BYTES("expires_at"), expires_s);
    put_string(out, BYTES("refresh_token"), s->refresh_token);
    json_put_key(out, BYTES("user"));
    auth_put_user(out, s->person);
    buf_put_char(out, '}');
}
