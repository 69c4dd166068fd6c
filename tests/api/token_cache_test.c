#include "api/token_cache.h"

#include "base/mem.h"
#include "check.h"

static const unsigned char secret[TOKEN_SECRET_SIZE] = "a secret of thirty-two bytes....";
static const unsigned char other_secret[TOKEN_SECRET_SIZE] = "another of thirty-two bytes.....";

static struct buf make_token(unsigned number, int64_t expires_s)
{
    struct claims claims = {.kind = TOKEN_USER,
                            .user_id = "11111111-1111-4111-8111-000000000000",
                            .expires_s = expires_s};
    struct buf token;
    for (size_t i = 0; i < 8; i++)
        claims.user_id[UUID_SIZE - 1 - i] = (char)('0' + number / (1u << (3 * i)) % 8);
    buf_init(&token, 4096);
    token_sign(&token, secret, &claims, NULL, BYTES("test"));
    assert_int_equal(token.err, OK);
    return token;
}

static struct token_cache *make_cache(void)
{
    struct token_cache *c;
    assert_int_equal(token_cache_new(7, &c), OK);
    return c;
}

static void second_use_needs_no_signature(void **state)
{
    struct token_cache *c = make_cache();
    struct buf token = make_token(1, 100);
    struct claims a, b;
    (void)state;
    assert_int_equal(token_cache_verify(c, secret, buf_bytes(&token), 50, &a), TOKEN_OK);
    assert_int_equal(token_cache_hits(c), 0);
    /* Another secret would not verify it: the answer is the cache's. */
    assert_int_equal(token_cache_verify(c, other_secret, buf_bytes(&token), 50, &b), TOKEN_OK);
    assert_int_equal(token_cache_hits(c), 1);
    assert_string_equal(a.user_id, b.user_id);
    assert_int_equal(b.expires_s, 100);
    buf_done(&token);
    token_cache_free(c);
}

static void expiry_is_checked_at_each_use(void **state)
{
    struct token_cache *c = make_cache();
    struct buf token = make_token(1, 100);
    struct claims claims;
    (void)state;
    assert_int_equal(token_cache_verify(c, secret, buf_bytes(&token), 99, &claims), TOKEN_OK);
    assert_int_equal(token_cache_verify(c, secret, buf_bytes(&token), 100, &claims), TOKEN_EXPIRED);
    assert_int_equal(token_cache_verify(c, secret, buf_bytes(&token), 100, &claims), TOKEN_EXPIRED);
    assert_int_equal(token_cache_hits(c), 0);
    buf_done(&token);
    token_cache_free(c);
}

/* The hash looks at the signature only; all the same every byte counts. */
static void tokens_are_compared_wholly(void **state)
{
    struct token_cache *c = make_cache();
    struct buf token = make_token(1, 100);
    struct claims claims;
    (void)state;
    assert_int_equal(token_cache_verify(c, secret, buf_bytes(&token), 50, &claims), TOKEN_OK);
    for (size_t i = 0; i < token.size; i++) {
        token.data[i] ^= 1;
        assert_int_not_equal(token_cache_verify(c, secret, buf_bytes(&token), 50, &claims),
                             TOKEN_OK);
        token.data[i] ^= 1;
    }
    assert_int_not_equal(
        token_cache_verify(c, secret, bytes_slice(buf_bytes(&token), 1, token.size), 50, &claims),
        TOKEN_OK);
    assert_int_not_equal(token_cache_verify(c, secret, BYTES(""), 50, &claims), TOKEN_OK);
    assert_int_equal(token_cache_hits(c), 0);
    buf_done(&token);
    token_cache_free(c);
}

static void many_tokens_push_each_other_out(void **state)
{
    struct token_cache *c = make_cache();
    struct claims claims;
    (void)state;
    for (unsigned i = 0; i < 2 * TOKEN_CACHE_COUNT; i++) {
        struct buf token = make_token(i, 100);
        assert_int_equal(token_cache_verify(c, secret, buf_bytes(&token), 50, &claims), TOKEN_OK);
        assert_int_equal(token_cache_verify(c, secret, buf_bytes(&token), 50, &claims), TOKEN_OK);
        buf_done(&token);
    }
    assert_int_equal(token_cache_hits(c), 2 * TOKEN_CACHE_COUNT);
    token_cache_free(c);
}

static void no_cache_and_no_memory_only_cost_time(void **state)
{
    struct token_cache *c = make_cache();
    struct buf token = make_token(1, 100);
    struct claims claims;
    (void)state;
    assert_int_equal(token_cache_verify(NULL, secret, buf_bytes(&token), 50, &claims), TOKEN_OK);
    mem_fail_at(1);
    assert_int_equal(token_cache_verify(c, secret, buf_bytes(&token), 50, &claims), TOKEN_OK);
    mem_fail_at(0);
    assert_int_equal(token_cache_verify(c, secret, buf_bytes(&token), 50, &claims), TOKEN_OK);
    assert_int_equal(token_cache_hits(c), 0);
    buf_done(&token);
    token_cache_free(c);
    token_cache_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(second_use_needs_no_signature),
        cmocka_unit_test(expiry_is_checked_at_each_use),
        cmocka_unit_test(tokens_are_compared_wholly),
        cmocka_unit_test(many_tokens_push_each_other_out),
        cmocka_unit_test(no_cache_and_no_memory_only_cost_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
