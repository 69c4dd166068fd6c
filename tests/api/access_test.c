#include "api/access.h"

#include "base/time.h"
#include "shop.h"

static struct shop shop;

static int set_up(void **state)
{
    (void)state;
    shop_open(&shop);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    shop_close(&shop);
    return 0;
}

static const char users[] = "/rest/v1/users?select=name&order=name";

static struct buf text(const char *t)
{
    return (struct buf){.data = (char *)(uintptr_t)t, .size = strlen(t)};
}

static void gateway_wants_a_key(void **state)
{
    static const char *const targets[] = {users, "/auth/v1/user", "/auth/v1/nothing"};
    struct buf bad = text("bad");
    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(targets); i++) {
        struct shop_request r = {.target = targets[i], .has_no_key = true};
        shop_expect(&shop, &r, 401, NULL);
        check_text(shop_body(&shop), "{\"message\":\"No API key found in request\"}");
        r = (struct shop_request){.target = targets[i], .key = &bad};
        shop_expect(&shop, &r, 401, NULL);
        check_text(shop_body(&shop), "{\"message\":\"Invalid authentication credentials\"}");
        assert_non_null(shop_header(&shop, "WWW-Authenticate").data);
    }
}

static void bad_key_is_refused_beside_a_good_token(void **state)
{
    struct buf bad = text("bad");
    struct shop_request r = {.target = users, .key = &bad, .token = &shop.people[ADA]};
    (void)state;
    shop_expect(&shop, &r, 401, NULL);
    check_text(shop_member(&shop, "message"), "Invalid authentication credentials");
}

static void bearer_decides_who_is_asking(void **state)
{
    struct shop_request r = {.target = users, .token = &shop.people[ADA]};
    (void)state;
    shop_expect(&shop, &r, 200, NULL);
    check_text(shop_body(&shop),
               "[{\"name\":\"Ada\"},{\"name\":\"Ben\"},{\"name\":\"Cid\"},{\"name\":\"Dan\"}]");
    r.token = &shop.people[CID];
    shop_expect(&shop, &r, 200, NULL);
    check_text(shop_body(&shop), "[{\"name\":\"Cid\"}]");
    r.token = &shop.service;
    shop_expect(&shop, &r, 200, NULL);
}

static void key_alone_is_an_identity(void **state)
{
    struct shop_request r = {.target = users, .key = &shop.people[CID]};
    (void)state;
    shop_expect(&shop, &r, 200, NULL);
    check_text(shop_body(&shop), "[{\"name\":\"Cid\"}]");
    r.key = &shop.service;
    shop_expect(&shop, &r, 200, NULL);
    r.key = NULL;
    shop_expect(&shop, &r, 401, "42501");
    check_text(shop_header(&shop, "WWW-Authenticate"), "Bearer");
}

static void bad_tokens_are_told_apart(void **state)
{
    struct buf bad = text("a.b"), basic = text("");
    struct shop_request r = {.target = users, .token = &bad};
    (void)state;
    shop_expect(&shop, &r, 401, "PGRST301");
    r.token = &basic;
    shop_expect(&shop, &r, 401, "PGRST301");
    struct buf forged = {.data = mem_copy(buf_bytes(&shop.people[ADA])),
                         .size = shop.people[ADA].size};
    assert_non_null(forged.data);
    size_t dot = bytes_find_char(buf_bytes(&forged), '.');
    forged.data[dot + 10] ^= 1;
    r.token = &forged;
    shop_expect(&shop, &r, 401, "PGRST301");
    check_text(shop_member(&shop, "message"), "JWT cryptographic operation failed");
    mem_free(forged.data);
    r = (struct shop_request){.target = users, .headers = {{"Authorization", "Basic abc"}}};
    shop_expect(&shop, &r, 401, "PGRST301");
}

static void expired_tokens_are_told_so(void **state)
{
    struct buf anon;
    struct claims claims = {.kind = TOKEN_ANON, .expires_s = INT64_C(4102444800)};
    (void)state;
    buf_init(&anon, 4096);
    token_sign(&anon, shop.api.secret, &claims, NULL, BYTES("test"));
    shop.now_us += 3600 * TIME_US_PER_S;
    struct shop_request r = {.target = users, .key = &anon, .token = &shop.people[ADA]};
    shop_expect(&shop, &r, 401, "PGRST303");
    check_text(shop_member(&shop, "message"), "JWT expired");
    check_text(shop_header(&shop, "WWW-Authenticate"),
               "Bearer error=\"invalid_token\", error_description=\"JWT expired\"");
    r.target = "/auth/v1/user";
    shop_expect(&shop, &r, 403, "bad_jwt");
    shop.now_us -= 3600 * TIME_US_PER_S;
    buf_done(&anon);
}

static void disabled_people_are_told_so(void **state)
{
    struct shop_request r = {.target = users, .token = &shop.people[DAN]};
    (void)state;
    shop_expect(&shop, &r, 401, "PGRST301");
    check_text(shop_member(&shop, "message"), "This account is disabled");
    r = (struct shop_request){.target = "/api/inventory/current", .token = &shop.people[DAN]};
    shop_expect(&shop, &r, 401, "PGRST301");
}

/* The staff directory of the shard may be older than the store: the store has the last word. */
static void store_checks_the_role_again(void **state)
{
    struct shop_request r = {.target = users, .token = &shop.people[BEN]};
    (void)state;
    shop_expect(&shop, &r, 200, NULL);
    assert_int_equal(store_person_set_active(shop.session, BYTES("ben@example.org"), false), OK);
    shop_expect(&shop, &r, 401, "PGRST301");
    assert_int_equal(store_person_set_active(shop.session, BYTES("ben@example.org"), true), OK);
    shop_expect(&shop, &r, 200, NULL);
}

static void tokens_are_verified_once(void **state)
{
    struct shop_request r = {.target = users, .token = &shop.people[ADA]};
    (void)state;
    shop_expect(&shop, &r, 200, NULL);
    uint64_t hits = token_cache_hits(shop.api.token_cache);
    shop_expect(&shop, &r, 200, NULL);
    assert_int_equal(token_cache_hits(shop.api.token_cache), hits + 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gateway_wants_a_key),
        cmocka_unit_test(bad_key_is_refused_beside_a_good_token),
        cmocka_unit_test(bearer_decides_who_is_asking),
        cmocka_unit_test(key_alone_is_an_identity),
        cmocka_unit_test(bad_tokens_are_told_apart),
        cmocka_unit_test(expired_tokens_are_told_so),
        cmocka_unit_test(disabled_people_are_told_so),
        cmocka_unit_test(store_checks_the_role_again),
        cmocka_unit_test(tokens_are_verified_once),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
