/* token_fuzz: the input as a token; and as header, newline, payload, signed with the right secret,
 * so that the claims are reached.  What is accepted must be a token that says who it is. */
#include "auth/token.h"

#include <sodium.h>

#include "base/base64.h"
#include "fuzz.h"

enum { NOW_S = 1000000, TOKEN_MAX = 1 << 20 };

static const unsigned char secret[TOKEN_SECRET_SIZE] = "an example of thirty-two bytes.";

static bool is_uuid_or_empty(const char *id)
{
    return id[0] == '\0' || uuid_is_valid(bytes_of(id));
}

static void check_again(const struct claims *c)
{
    struct buf token;
    struct claims back;
    buf_init(&token, TOKEN_MAX);
    token_sign(&token, secret, c, NULL, BYTES("iss"));
    assert(token.err == OK);
    assert(token_verify(secret, buf_bytes(&token), NOW_S, &back) == TOKEN_OK);
    assert(back.kind == c->kind && back.expires_s == c->expires_s);
    assert(strcmp(back.user_id, c->user_id) == 0 && strcmp(back.session_id, c->session_id) == 0);
    buf_done(&token);
}

static void check_token(struct bytes token)
{
    struct claims c;
    enum token_fault fault = token_verify(secret, token, NOW_S, &c);
    assert(fault <= TOKEN_EXPIRED);
    if (fault != TOKEN_OK)
        return;
    assert(c.kind <= TOKEN_USER && c.expires_s > NOW_S);
    assert((c.kind == TOKEN_USER) == (c.user_id[0] != '\0'));
    assert(is_uuid_or_empty(c.user_id) && is_uuid_or_empty(c.session_id));
    check_again(&c);
}

static void sign(struct buf *out, struct bytes header, struct bytes payload)
{
    unsigned char mac[crypto_auth_hmacsha256_BYTES];
    base64url_encode(out, header);
    buf_put_char(out, '.');
    base64url_encode(out, payload);
    crypto_auth_hmacsha256(mac, (const unsigned char *)out->data, out->size, secret);
    buf_put_char(out, '.');
    base64url_encode(out, (struct bytes){(const char *)mac, sizeof(mac)});
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes in = fuzz_input(data, size);
    size_t end = bytes_find_char(in, '\n');
    struct buf token;
    check_token(in);
    buf_init(&token, TOKEN_MAX);
    sign(&token, bytes_slice(in, 0, end), bytes_slice(in, end + 1, in.size));
    if (token.err == OK)
        check_token(buf_bytes(&token));
    buf_done(&token);
    return 0;
}
