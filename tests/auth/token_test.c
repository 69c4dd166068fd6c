#include "auth/token.h"

#include <sodium.h>

#include "base/base64.h"
#include "base/json.h"
#include "base/mem.h"
#include "check.h"

#define USER "0190c2f4-5b6a-7c3d-8e9f-a0b1c2d3e4f5"
#define SESSION "0190c2f4-5b6a-7c3d-8e9f-000000000001"
#define HEADER "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"

static const unsigned char secret[TOKEN_SECRET_SIZE] = "an example of thirty-two bytes.";
static const unsigned char other_secret[TOKEN_SECRET_SIZE] = "another one of thirty-two bytes";

static struct claims user_claims(void)
{
    return (struct claims){.kind = TOKEN_USER,
                           .user_id = USER,
                           .session_id = SESSION,
                           .issued_s = 1000,
                           .expires_s = 4600};
}

/* header.payload signed as they are. */
static void make_token(struct buf *out, const char *header, const char *payload)
{
    unsigned char mac[crypto_auth_hmacsha256_BYTES];
    buf_init(out, 100000);
    base64url_encode(out, bytes_of(header));
    buf_put_char(out, '.');
    base64url_encode(out, bytes_of(payload));
    crypto_auth_hmacsha256(mac, (const unsigned char *)out->data, out->size, secret);
    buf_put_char(out, '.');
    base64url_encode(out, (struct bytes){(const char *)mac, sizeof(mac)});
    assert_int_equal(out->err, OK);
}

static void check_fault(const char *header, const char *payload, enum token_fault want)
{
    struct buf token;
    struct claims c;
    make_token(&token, header, payload);
    enum token_fault fault = token_verify(secret, buf_bytes(&token), 2000, &c);
    if (fault != want) {
        print_error("%s %s: fault %d, want %d\n", header, payload, fault, want);
        fail();
    }
    buf_done(&token);
}

static void a_signed_user_token_says_who_it_is(void **state)
{
    (void)state;
    struct claims c = user_claims(), got;
    struct token_person person = {BYTES("ada@bakery.example"), BYTES("Ada \"the\" baker"),
                                  BYTES("owner")};
    struct buf token;
    buf_init(&token, 10000);
    token_sign(&token, secret, &c, &person, BYTES("http://localhost/auth/v1"));
    assert_int_equal(token.err, OK);
    assert_int_equal(token_verify(secret, buf_bytes(&token), 1000, &got), TOKEN_OK);
    assert_int_equal(got.kind, TOKEN_USER);
    assert_string_equal(got.user_id, USER);
    assert_string_equal(got.session_id, SESSION);
    assert_int_equal(got.issued_s, 1000);
    assert_int_equal(got.expires_s, 4600);
    buf_done(&token);
}

static void the_payload_has_the_claims_of_gotrue(void **state)
{
    (void)state;
    struct claims c = user_claims();
    struct token_person person = {BYTES("ada@bakery.example"), BYTES("Ada \"the\" baker"),
                                  BYTES("owner")};
    struct buf token, text;
    struct bytes rest, header = BYTES(""), payload = BYTES("");
    buf_init(&token, 10000);
    buf_init(&text, 10000);
    token_sign(&token, secret, &c, &person, BYTES("iss"));
    rest = buf_bytes(&token);
    assert_true(bytes_split(&rest, '.', &header));
    assert_true(bytes_split(&rest, '.', &payload));
    assert_int_equal(base64url_decode(&text, header), OK);
    check_text(buf_bytes(&text), HEADER);
    buf_reset(&text);
    assert_int_equal(base64url_decode(&text, payload), OK);
    check_text(
        buf_bytes(&text),
        "{\"iss\":\"iss\",\"role\":\"authenticated\",\"iat\":1000,\"exp\":4600,\"sub\":\"" USER
        "\",\"aud\":\"authenticated\",\"email\":\"ada@bakery.example\",\"phone\":\"\","
        "\"app_metadata\":{\"provider\":\"email\",\"providers\":[\"email\"],\"role\":\"owner\"},"
        "\"user_metadata\":{\"name\":\"Ada \\\"the\\\" "
        "baker\",\"role\":\"owner\"},\"aal\":\"aal1\","
        "\"amr\":[{\"method\":\"password\",\"timestamp\":1000}],\"session_id\":\"" SESSION
        "\",\"is_anonymous\":false}");
    buf_done(&token);
    buf_done(&text);
}

static void keys_name_no_user(void **state)
{
    (void)state;
    for (int kind = TOKEN_ANON; kind <= TOKEN_SERVICE; kind++) {
        struct claims c = {.kind = (enum token_kind)kind, .issued_s = 1, .expires_s = 10}, got;
        struct buf token;
        buf_init(&token, 10000);
        buf_put_literal(&token, "apikey=");
        token_sign(&token, secret, &c, NULL, BYTES("homebake"));
        struct bytes text = bytes_slice(buf_bytes(&token), 7, token.size);
        assert_int_equal(token_verify(secret, text, 5, &got), TOKEN_OK);
        assert_int_equal(got.kind, kind);
        assert_string_equal(got.user_id, "");
        assert_string_equal(got.session_id, "");
        buf_done(&token);
    }
}

static void a_token_expires_on_the_second(void **state)
{
    (void)state;
    struct claims c = user_claims(), got = {0};
    struct buf token;
    buf_init(&token, 10000);
    token_sign(&token, secret, &c, NULL, BYTES("iss"));
    assert_int_equal(token_verify(secret, buf_bytes(&token), 4599, &got), TOKEN_OK);
    memset(&got, 0, sizeof(got));
    assert_int_equal(token_verify(secret, buf_bytes(&token), 4600, &got), TOKEN_EXPIRED);
    assert_string_equal(got.user_id, USER);
    buf_done(&token);
}

static void another_secret_is_refused(void **state)
{
    (void)state;
    struct claims c = user_claims(), got;
    struct buf token;
    buf_init(&token, 10000);
    token_sign(&token, secret, &c, NULL, BYTES("iss"));
    assert_int_equal(token_verify(other_secret, buf_bytes(&token), 2000, &got),
                     TOKEN_BAD_SIGNATURE);
    buf_done(&token);
}

static void every_changed_byte_is_noticed(void **state)
{
    (void)state;
    struct claims c = user_claims(), got;
    struct buf token;
    buf_init(&token, 10000);
    token_sign(&token, secret, &c, NULL, BYTES("iss"));
    for (size_t i = 0; i < token.size; i++) {
        char kept = token.data[i];
        token.data[i] = kept == 'A' ? 'B' : 'A';
        assert_true(token_verify(secret, buf_bytes(&token), 2000, &got) != TOKEN_OK);
        token.data[i] = kept;
    }
    assert_int_equal(token_verify(secret, buf_bytes(&token), 2000, &got), TOKEN_OK);
    buf_done(&token);
}

static void every_cut_token_is_refused(void **state)
{
    (void)state;
    struct claims c = user_claims(), got;
    struct buf token;
    buf_init(&token, 10000);
    token_sign(&token, secret, &c, NULL, BYTES("iss"));
    for (size_t size = 0; size < token.size; size++) {
        struct bytes cut = check_boxed((struct bytes){token.data, size});
        assert_true(token_verify(secret, cut, 2000, &got) != TOKEN_OK);
        check_unbox(cut);
    }
    buf_done(&token);
}

static void malformed_tokens_are_told_from_forged_ones(void **state)
{
    (void)state;
    static const struct {
        const char *token;
        enum token_fault fault;
    } cases[] = {
        {"", TOKEN_MALFORMED},
        {"a", TOKEN_MALFORMED},
        {"..", TOKEN_MALFORMED},
        {"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9", TOKEN_MALFORMED},
        {"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.e30", TOKEN_MALFORMED},
        {"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.e30.", TOKEN_BAD_SIGNATURE},
        {"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.e30.AAAA", TOKEN_BAD_SIGNATURE},
        {"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.e30.A", TOKEN_MALFORMED},
        {"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.e30.AA=A", TOKEN_MALFORMED},
        {"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.e30.AAAA.AAAA", TOKEN_MALFORMED},
        {"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.e30."
         "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
         TOKEN_BAD_SIGNATURE},
        {"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.e30."
         "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
         TOKEN_BAD_SIGNATURE},
    };
    for (size_t i = 0; i < CHECK_COUNT(cases); i++) {
        struct claims c;
        assert_int_equal(token_verify(secret, bytes_of(cases[i].token), 0, &c), cases[i].fault);
    }
}

static void only_hs256_is_taken(void **state)
{
    (void)state;
    const char *good = "{\"role\":\"anon\",\"exp\":9999}";
    check_fault(HEADER, good, TOKEN_OK);
    check_fault("{\"typ\":\"JWT\",\"kid\":\"7\",\"alg\":\"HS256\"}", good, TOKEN_OK);
    check_fault("{\"alg\":\"\\u0048S256\"}", good, TOKEN_OK);
    check_fault("{\"alg\":\"none\"}", good, TOKEN_MALFORMED);
    check_fault("{\"alg\":\"hs256\"}", good, TOKEN_MALFORMED);
    check_fault("{\"alg\":\"HS512\"}", good, TOKEN_MALFORMED);
    check_fault("{\"alg\":\"RS256\"}", good, TOKEN_MALFORMED);
    check_fault("{\"alg\":[\"HS256\"]}", good, TOKEN_MALFORMED);
    check_fault("{\"alg\":\"HS256\",\"alg\":\"none\"}", good, TOKEN_MALFORMED);
    check_fault("{\"alg\":\"HS256\",\"crit\":[\"b64\"]}", good, TOKEN_MALFORMED);
    check_fault("{}", good, TOKEN_MALFORMED);
    check_fault("[\"HS256\"]", good, TOKEN_MALFORMED);
    check_fault("", good, TOKEN_MALFORMED);
}

static void claims_must_be_there_and_make_sense(void **state)
{
    (void)state;
    check_fault(HEADER, "x", TOKEN_MALFORMED);
    check_fault(HEADER, "[]", TOKEN_MALFORMED);
    check_fault(HEADER, "{}", TOKEN_NO_CLAIMS);
    check_fault(HEADER, "{\"role\":\"anon\"}", TOKEN_NO_CLAIMS);
    check_fault(HEADER, "{\"exp\":9999}", TOKEN_NO_CLAIMS);
    check_fault(HEADER, "{\"role\":\"owner\",\"exp\":9999}", TOKEN_NO_CLAIMS);
    check_fault(HEADER, "{\"role\":7,\"exp\":9999}", TOKEN_NO_CLAIMS);
    check_fault(HEADER, "{\"role\":\"anon\",\"exp\":\"9999\"}", TOKEN_NO_CLAIMS);
    check_fault(HEADER, "{\"role\":\"anon\",\"exp\":1e9}", TOKEN_NO_CLAIMS);
    check_fault(HEADER, "{\"role\":\"anon\",\"exp\":99999999999999999999}", TOKEN_NO_CLAIMS);
    check_fault(HEADER, "{\"role\":\"anon\",\"exp\":-9223372036854775808}", TOKEN_NO_CLAIMS);
    check_fault(HEADER, "{\"role\":\"anon\",\"exp\":-5}", TOKEN_EXPIRED);
    check_fault(HEADER, "{\"role\":\"anon\",\"exp\":9999,\"nbf\":2001}", TOKEN_EXPIRED);
    check_fault(HEADER, "{\"role\":\"anon\",\"exp\":9999,\"nbf\":2000}", TOKEN_OK);
    check_fault(HEADER, "{\"role\":\"anon\",\"exp\":9999,\"nbf\":null}", TOKEN_NO_CLAIMS);
}

static void a_user_needs_a_uuid(void **state)
{
    (void)state;
    check_fault(HEADER, "{\"role\":\"authenticated\",\"exp\":9999}", TOKEN_NO_CLAIMS);
    check_fault(HEADER, "{\"role\":\"authenticated\",\"exp\":9999,\"sub\":\"ada\"}",
                TOKEN_NO_CLAIMS);
    check_fault(HEADER, "{\"role\":\"authenticated\",\"exp\":9999,\"sub\":null}", TOKEN_NO_CLAIMS);
    check_fault(HEADER, "{\"role\":\"authenticated\",\"exp\":9999,\"sub\":\"" USER "\"}", TOKEN_OK);
    check_fault(HEADER,
                "{\"role\":\"authenticated\",\"exp\":9999,\"sub\":\"" USER
                "\",\"session_id\":\"x\"}",
                TOKEN_NO_CLAIMS);
}

static void user_ids_are_made_lower_case(void **state)
{
    (void)state;
    struct buf token;
    struct claims c;
    make_token(&token, HEADER,
               "{\"role\":\"authenticated\",\"exp\":9999,\"sub\":\"0190C2F4-5B6A-7C3D-8E9F-"
               "A0B1C2D3E4F5\"}");
    assert_int_equal(token_verify(secret, buf_bytes(&token), 2000, &c), TOKEN_OK);
    assert_string_equal(c.user_id, USER);
    buf_done(&token);
}

static void verifying_takes_no_memory(void **state)
{
    (void)state;
    struct claims c = user_claims(), got;
    struct buf token;
    buf_init(&token, 10000);
    token_sign(&token, secret, &c, NULL, BYTES("iss"));
    mem_fail_at(1);
    assert_int_equal(token_verify(secret, buf_bytes(&token), 2000, &got), TOKEN_OK);
    assert_false(mem_fail_hit());
    mem_fail_at(0);
    buf_done(&token);
}

static void the_longest_name_still_makes_a_token_that_is_taken(void **state)
{
    (void)state;
    struct claims c = user_claims(), got;
    char name[2000];
    memset(name, 'n', sizeof(name));
    struct token_person person = {BYTES(""), {name, sizeof(name)}, BYTES("owner")};
    struct buf token;
    buf_init(&token, 10000);
    token_sign(&token, secret, &c, &person, BYTES("iss"));
    assert_int_equal(token.err, OK);
    assert_true(token.size <= 4096);
    assert_int_equal(token_verify(secret, buf_bytes(&token), 2000, &got), TOKEN_OK);
    buf_done(&token);
}

static void too_much_to_sign_is_an_error_of_the_buffer(void **state)
{
    (void)state;
    struct claims c = user_claims();
    char name[4000];
    memset(name, 'n', sizeof(name));
    struct token_person person = {BYTES(""), {name, sizeof(name)}, BYTES("owner")};
    struct buf token;
    buf_init(&token, 100000);
    token_sign(&token, secret, &c, &person, BYTES("iss"));
    assert_int_equal(token.err, ERR_LIMIT);
    buf_done(&token);
    buf_init(&token, 100);
    token_sign(&token, secret, &c, NULL, BYTES("iss"));
    assert_int_equal(token.err, ERR_LIMIT);
    buf_done(&token);
}

static void over_long_tokens_are_malformed(void **state)
{
    (void)state;
    char padding[4000];
    memset(padding, ' ', sizeof(padding));
    memcpy(padding, "{\"role\":\"anon\",\"exp\":9999}", 26);
    padding[sizeof(padding) - 1] = '\0';
    check_fault(HEADER, padding, TOKEN_MALFORMED);
    padding[2900] = '\0';
    check_fault(HEADER, padding, TOKEN_OK);
}

/* Made with Python's hmac and base64. */
static void a_token_made_elsewhere_is_taken(void **state)
{
    (void)state;
    struct claims c;
    assert_int_equal(token_verify(secret,
                                  BYTES("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
                                        "eyJyb2xlIjoiYW5vbiIsImlhdCI6MSwiZXhwIjo5OTk5fQ."
                                        "rYelB9bgfS3gfmL9rYBJUIQjCtDwvBVb2duvme5wdto"),
                                  2000, &c),
                     TOKEN_OK);
    assert_int_equal(c.kind, TOKEN_ANON);
    assert_int_equal(c.issued_s, 1);
    assert_int_equal(c.expires_s, 9999);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signed_user_token_says_who_it_is),
        cmocka_unit_test(the_payload_has_the_claims_of_gotrue),
        cmocka_unit_test(keys_name_no_user),
        cmocka_unit_test(a_token_expires_on_the_second),
        cmocka_unit_test(another_secret_is_refused),
        cmocka_unit_test(every_changed_byte_is_noticed),
        cmocka_unit_test(every_cut_token_is_refused),
        cmocka_unit_test(malformed_tokens_are_told_from_forged_ones),
        cmocka_unit_test(only_hs256_is_taken),
        cmocka_unit_test(claims_must_be_there_and_make_sense),
        cmocka_unit_test(a_user_needs_a_uuid),
        cmocka_unit_test(user_ids_are_made_lower_case),
        cmocka_unit_test(verifying_takes_no_memory),
        cmocka_unit_test(the_longest_name_still_makes_a_token_that_is_taken),
        cmocka_unit_test(too_much_to_sign_is_an_error_of_the_buffer),
        cmocka_unit_test(over_long_tokens_are_malformed),
        cmocka_unit_test(a_token_made_elsewhere_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
