#include "auth/token.h"

#include <sodium.h>

#include "base/base64.h"
#include "base/json.h"

enum {
    TOKEN_SIZE_MAX = 4096,
    PAYLOAD_SIZE_MAX = 2900, /* so that a token we sign is one that we take */
    MAC_SIZE = crypto_auth_hmacsha256_BYTES,
    DECODE_SLACK = 8
};

_Static_assert(TOKEN_SECRET_SIZE == crypto_auth_hmacsha256_KEYBYTES, "the secret is the key");

/* {"alg":"HS256","typ":"JWT"} */
static const struct bytes header_hs256 = BYTES_INIT("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9");

static const struct bytes role_claims[] = {
    [TOKEN_ANON] = BYTES_INIT("anon"),
    [TOKEN_SERVICE] = BYTES_INIT("service_role"),
    [TOKEN_USER] = BYTES_INIT("authenticated"),
};

/* A buffer in the caller's memory: full is full, nothing is taken from the heap. */
static struct buf buf_over(char *data, size_t size)
{
    return (struct buf){.data = data, .capacity = size, .max = size};
}

struct token_parts {
    struct bytes header, payload, mac;
    struct bytes is_signed; /* header.payload */
};

static bool split_token(struct bytes token, struct token_parts *p)
{
    struct bytes rest = token, more;
    if (token.size == 0 || token.size > TOKEN_SIZE_MAX)
        return false;
    if (!bytes_split(&rest, '.', &p->header) || !bytes_split(&rest, '.', &p->payload) ||
        !bytes_split(&rest, '.', &p->mac) || bytes_split(&rest, '.', &more))
        return false;
    p->is_signed = bytes_slice(token, 0, p->header.size + 1 + p->payload.size);
    return true;
}

/* Base64url of a JSON object, decoded into `text`. */
static bool decode_object(struct buf *text, struct bytes part, struct json_value *out)
{
    return base64url_decode(text, part) == OK && json_parse(buf_bytes(text), out) == OK &&
           out->type == JSON_OBJECT;
}

/* Only HS256, by its exact name (RFC 8725, 3.1), and nothing that must be understood (RFC
 * 7515, 4.1.11). */
static bool is_hs256(struct bytes header)
{
    char room[TOKEN_SIZE_MAX];
    struct buf text = buf_over(room, sizeof(room));
    struct json_value object, alg, crit;
    if (bytes_equal(header, header_hs256))
        return true;
    return decode_object(&text, header, &object) && json_get(object, BYTES("alg"), &alg) == OK &&
           alg.type == JSON_STRING && json_string_equals(alg.raw, BYTES("HS256")) &&
           json_get(object, BYTES("crit"), &crit) != OK;
}

static void make_mac(unsigned char out[MAC_SIZE], const unsigned char *secret, struct bytes text)
{
    crypto_auth_hmacsha256(out, (const unsigned char *)text.data, text.size, secret);
}

static enum token_fault check_mac(const unsigned char *secret, const struct token_parts *p)
{
    char room[MAC_SIZE + DECODE_SLACK];
    struct buf given = buf_over(room, sizeof(room));
    unsigned char mac[MAC_SIZE];
    enum err e = base64url_decode(&given, p->mac);
    if (e)
        return e == ERR_LIMIT ? TOKEN_BAD_SIGNATURE : TOKEN_MALFORMED;
    if (given.size != MAC_SIZE)
        return TOKEN_BAD_SIGNATURE;
    make_mac(mac, secret, p->is_signed);
    return sodium_memcmp(mac, given.data, MAC_SIZE) == 0 ? TOKEN_OK : TOKEN_BAD_SIGNATURE;
}

/* A uuid claim in lower case, with its zero. */
static bool get_uuid(struct json_value payload, struct bytes name, char out[UUID_SIZE + 1])
{
    struct json_value v;
    if (json_get(payload, name, &v) || v.type != JSON_STRING)
        return false;
    struct bytes id = bytes_slice(v.raw, 1, v.raw.size - 1);
    if (!uuid_is_valid(id))
        return false;
    for (size_t i = 0; i < UUID_SIZE; i++)
        out[i] = id.data[i] >= 'A' && id.data[i] <= 'F' ? (char)(id.data[i] | 0x20) : id.data[i];
    out[UUID_SIZE] = '\0';
    return true;
}

static bool get_kind(struct json_value payload, enum token_kind *out)
{
    struct json_value role;
    if (json_get(payload, BYTES("role"), &role) || role.type != JSON_STRING)
        return false;
    for (int i = TOKEN_ANON; i <= TOKEN_USER; i++) {
        if (json_string_equals(role.raw, role_claims[i])) {
            *out = (enum token_kind)i;
            return true;
        }
    }
    return false;
}

/* Absent: `*out` stays as it is. */
static bool get_seconds(struct json_value payload, struct bytes name, int64_t *out)
{
    struct json_value v;
    return json_get(payload, name, &v) || (v.type == JSON_NUMBER && json_to_i64(v, out) == OK);
}

static enum token_fault read_claims(struct json_value payload, int64_t now_s, struct claims *out)
{
    struct claims c = {.expires_s = INT64_MIN};
    struct json_value session;
    int64_t not_before_s = INT64_MIN;
    if (!get_kind(payload, &c.kind) || !get_seconds(payload, BYTES("exp"), &c.expires_s) ||
        !get_seconds(payload, BYTES("iat"), &c.issued_s) ||
        !get_seconds(payload, BYTES("nbf"), &not_before_s) || c.expires_s == INT64_MIN)
        return TOKEN_NO_CLAIMS;
    if (c.kind == TOKEN_USER) {
        if (!get_uuid(payload, BYTES("sub"), c.user_id))
            return TOKEN_NO_CLAIMS;
        if (json_get(payload, BYTES("session_id"), &session) == OK &&
            !get_uuid(payload, BYTES("session_id"), c.session_id))
            return TOKEN_NO_CLAIMS;
    }
    *out = c;
    return now_s >= c.expires_s || now_s < not_before_s ? TOKEN_EXPIRED : TOKEN_OK;
}

enum token_fault token_verify(const unsigned char secret[TOKEN_SECRET_SIZE], struct bytes token,
                              int64_t now_s, struct claims *out)
{
    char room[TOKEN_SIZE_MAX];
    struct buf text = buf_over(room, sizeof(room));
    struct token_parts parts;
    struct json_value payload;
    if (!split_token(token, &parts) || !is_hs256(parts.header))
        return TOKEN_MALFORMED;
    enum token_fault fault = check_mac(secret, &parts);
    if (fault)
        return fault;
    if (!decode_object(&text, parts.payload, &payload))
        return TOKEN_MALFORMED;
    return read_claims(payload, now_s, out);
}

static void put_string_member(struct buf *out, struct bytes name, struct bytes text)
{
    json_put_key(out, name);
    json_put_string(out, text);
}

static void put_number_member(struct buf *out, struct bytes name, int64_t n)
{
    json_put_key(out, name);
    buf_put_i64(out, n);
}

void token_put_metadata(struct buf *out, const struct token_person *p)
{
    json_put_key(out, BYTES("app_metadata"));
    buf_put_literal(out, "{\"provider\":\"email\",\"providers\":[\"email\"]");
    put_string_member(out, BYTES("role"), p->role);
    buf_put_char(out, '}');
    json_put_key(out, BYTES("user_metadata"));
    buf_put_char(out, '{');
    put_string_member(out, BYTES("name"), p->name);
    put_string_member(out, BYTES("role"), p->role);
    buf_put_char(out, '}');
}

/* The claims of a signed-in person, as GoTrue lists them (protocol/rest-auth.md, 11). */
static void put_person(struct buf *out, const struct claims *c, const struct token_person *p)
{
    put_string_member(out, BYTES("sub"), bytes_of(c->user_id));
    put_string_member(out, BYTES("aud"), BYTES("authenticated"));
    put_string_member(out, BYTES("email"), p->email);
    put_string_member(out, BYTES("phone"), BYTES(""));
    token_put_metadata(out, p);
    put_string_member(out, BYTES("aal"), BYTES("aal1"));
    json_put_key(out, BYTES("amr"));
    buf_put_literal(out, "[{\"method\":\"password\"");
    put_number_member(out, BYTES("timestamp"), c->issued_s);
    buf_put_literal(out, "}]");
    if (c->session_id[0])
        put_string_member(out, BYTES("session_id"), bytes_of(c->session_id));
    json_put_key(out, BYTES("is_anonymous"));
    buf_put_literal(out, "false");
}

static void put_payload(struct buf *out, const struct claims *c, const struct token_person *p,
                        struct bytes issuer)
{
    static const struct token_person nobody;
    buf_put_char(out, '{');
    put_string_member(out, BYTES("iss"), issuer);
    put_string_member(out, BYTES("role"), role_claims[c->kind]);
    put_number_member(out, BYTES("iat"), c->issued_s);
    put_number_member(out, BYTES("exp"), c->expires_s);
    if (c->kind == TOKEN_USER)
        put_person(out, c, p ? p : &nobody);
    buf_put_char(out, '}');
}

void token_sign(struct buf *out, const unsigned char secret[TOKEN_SECRET_SIZE],
                const struct claims *c, const struct token_person *person, struct bytes issuer)
{
    char room[PAYLOAD_SIZE_MAX];
    struct buf payload = buf_over(room, sizeof(room));
    unsigned char mac[MAC_SIZE];
    size_t start = out->size;
    put_payload(&payload, c, person, issuer);
    if (payload.err && !out->err)
        out->err = payload.err;
    buf_put(out, header_hs256);
    buf_put_char(out, '.');
    base64url_encode(out, buf_bytes(&payload));
    if (out->err)
        return;
    make_mac(mac, secret, bytes_slice(buf_bytes(out), start, out->size));
    buf_put_char(out, '.');
    base64url_encode(out, (struct bytes){(const char *)mac, MAC_SIZE});
}
