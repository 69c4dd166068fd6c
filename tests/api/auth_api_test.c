#include <stdio.h>

#include "base/json.h"
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

static const char sign_in_path[] = "/auth/v1/token?grant_type=password";
static const char refresh_path[] = "/auth/v1/token?grant_type=refresh_token";

/* What a client keeps of a session. */
struct session {
    struct buf access, refresh;
};

static void keep(struct session *s)
{
    buf_init(&s->access, 4096);
    buf_init(&s->refresh, 4096);
    buf_put(&s->access, shop_member(&shop, "access_token"));
    buf_put(&s->refresh, shop_member(&shop, "refresh_token"));
    assert_true(s->access.size && s->refresh.size);
}

static void drop(struct session *s)
{
    buf_done(&s->access);
    buf_done(&s->refresh);
}

static struct session sign_in(const char *email)
{
    struct session s;
    char body[200];
    assert_true(snprintf(body, sizeof(body), "{\"email\":\"%s\",\"password\":\"%s\"}", email,
                         SHOP_PASSWORD) > 0);
    shop_expect(&shop,
                &(struct shop_request){.method = HTTP_POST, .target = sign_in_path, .body = body},
                200, NULL);
    keep(&s);
    return s;
}

static void expect_refresh(const struct session *s, int status, const char *code)
{
    char body[400];
    assert_true(snprintf(body, sizeof(body), "{\"refresh_token\":\"%.*s\"}", (int)s->refresh.size,
                         s->refresh.data) > 0);
    shop_expect(&shop,
                &(struct shop_request){.method = HTTP_POST, .target = refresh_path, .body = body},
                status, code);
}

static void expect_user(const struct session *s, int status, const char *code)
{
    shop_expect(&shop, &(struct shop_request){.target = "/auth/v1/user", .token = &s->access},
                status, code);
}

static void log_out(const struct session *s, const char *target)
{
    shop_expect(&shop,
                &(struct shop_request){.method = HTTP_POST, .target = target, .token = &s->access},
                204, NULL);
}

static void expect_sign_in(const char *body, int status, const char *code)
{
    shop_expect(&shop,
                &(struct shop_request){.method = HTTP_POST, .target = sign_in_path, .body = body},
                status, code);
}

/* --- password --- */

static void password_gives_a_session(void **state)
{
    struct json_value body, user;
    struct claims claims;
    (void)state;
    struct session s = sign_in("ada@example.org");
    assert_int_equal(shop.reads, 1);
    assert_int_equal(shop.passwords, 1);
    assert_int_equal(shop.writes, 1);
    assert_int_equal(json_parse(shop_body(&shop), &body), OK);
    assert_int_equal(json_get(body, BYTES("user"), &user), OK);
    check_text(shop_member(&shop, "expires_in"), "3600");
    check_text(shop_member(&shop, "token_type"), "bearer");
    check_text(shop_header(&shop, "Cache-Control"), "no-store");
    assert_int_equal(
        token_verify(shop.api.secret, buf_bytes(&s.access), shop.now_us / TIME_US_PER_S, &claims),
        TOKEN_OK);
    assert_string_equal(claims.user_id, shop.ids[ADA]);
    assert_int_equal(s.refresh.size, 43);
    assert_true(bytes_find(user.raw, BYTES("\"last_sign_in_at\":\"2026-11-22T09:00:00Z\"")) <
                user.raw.size);
    drop(&s);
}

static void wrong_password_and_unknown_email_look_alike(void **state)
{
    static const char *const bodies[] = {
        "{\"email\":\"ada@example.org\",\"password\":\"wrong horse\"}",
        "{\"email\":\"nobody@example.org\",\"password\":\"wrong horse\"}",
        "{\"email\":\"ada@example.org\",\"password\":\"\"}",
        "{\"email\":\"ada@example.org\"}",
    };
    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(bodies); i++) {
        expect_sign_in(bodies[i], 400, "invalid_credentials");
        check_text(shop_body(&shop), "{\"code\":400,\"error_code\":\"invalid_credentials\","
                                     "\"msg\":\"Invalid login credentials\"}");
        assert_int_equal(shop.passwords, 1);
        assert_int_equal(shop.writes, 0);
    }
}

static void disabled_person_is_banned_but_only_for_who_knows_the_password(void **state)
{
    (void)state;
    expect_sign_in("{\"email\":\"dan@example.org\",\"password\":\"" SHOP_PASSWORD "\"}", 400,
                   "user_banned");
    expect_sign_in("{\"email\":\"dan@example.org\",\"password\":\"wrong horse\"}", 400,
                   "invalid_credentials");
}

static void broken_requests_are_refused(void **state)
{
    (void)state;
    expect_sign_in("{", 400, "bad_json");
    expect_sign_in("[]", 400, "bad_json");
    expect_sign_in("{\"email\":5,\"password\":\"x\"}", 400, "bad_json");
    expect_sign_in("{\"password\":\"x\"}", 400, "validation_failed");
    shop_expect(&shop,
                &(struct shop_request){
                    .method = HTTP_POST, .target = "/auth/v1/token?grant_type=pkce", .body = "{}"},
                400, "invalid_credentials");
    shop_expect(
        &shop,
        &(struct shop_request){.method = HTTP_POST, .target = "/auth/v1/token", .body = "{}"}, 400,
        "invalid_credentials");
    assert_int_equal(shop.reads + shop.writes + shop.passwords, 0);
}

static void tries_are_limited_by_address(void **state)
{
    static const char body[] = "{\"email\":\"limited@example.org\",\"password\":\"x\"}";
    (void)state;
    for (int i = 0; i < 10; i++)
        expect_sign_in(body, 400, "invalid_credentials");
    expect_sign_in(body, 429, "over_request_rate_limit");
    check_text(shop_header(&shop, "Retry-After"), "5");
    assert_int_equal(shop.reads + shop.passwords, 0);
    shop.now_us += 5000000;
    expect_sign_in(body, 400, "invalid_credentials");
    shop.now_us -= 5000000;
}

static bool is_in(struct bytes all, struct bytes what)
{
    return bytes_find(all, what) < all.size;
}

/* The password is decoded into the arena; nothing of it is there when the answer is made. */
static void secrets_do_not_stay(void **state)
{
    (void)state;
    struct session s = sign_in("ada@example.org");
    struct arena_chunk *chunk = shop.call.arena.chunk;
    const char *from = (const char *)chunk;
    assert_non_null(chunk);
    assert_true(is_in((struct bytes){from, shop.call.arena.used}, BYTES("ada@example.org")));
    assert_false(is_in((struct bytes){from, shop.call.arena.used}, BYTES(SHOP_PASSWORD)));
    assert_int_equal(shop.call.password.size, 0);
    assert_false(is_in(shop_body(&shop), BYTES("argon2")));
    drop(&s);
}

static void password_is_wiped_when_the_server_is_busy(void **state)
{
    struct http_header key = {BYTES("apikey"), buf_bytes(&shop.anon)};
    struct http_request r = {
        .method = HTTP_POST,
        .path = BYTES("/auth/v1/token"),
        .query = BYTES("grant_type=password"),
        .headers = &key,
        .header_count = 1,
        .body = BYTES("{\"email\":\"busy@example.org\",\"password\":\"" SHOP_PASSWORD "\"}")};
    (void)state;
    api_call_reset(&shop.call);
    assert_int_equal(api_begin(&shop.call, &r, shop.now_us), API_READ);
    struct bytes password = shop.call.password;
    check_text(password, SHOP_PASSWORD);
    api_refuse_busy(&shop.call);
    assert_int_equal(shop.call.response.status, 503);
    assert_false(is_in(password, BYTES("c")));
}

/* --- refresh --- */

static void refresh_gives_a_new_pair(void **state)
{
    struct session next;
    (void)state;
    struct session s = sign_in("ben@example.org");
    shop.now_us += 60 * TIME_US_PER_S;
    expect_refresh(&s, 200, NULL);
    keep(&next);
    assert_false(bytes_equal(buf_bytes(&s.refresh), buf_bytes(&next.refresh)));
    assert_false(bytes_equal(buf_bytes(&s.access), buf_bytes(&next.access)));
    expect_user(&next, 200, NULL);
    check_text(shop_member(&shop, "email"), "ben@example.org");
    expect_refresh(&next, 200, NULL);
    drop(&s);
    drop(&next);
}

static void reuse_is_taken_for_a_while_then_ends_the_family(void **state)
{
    struct session second, third;
    (void)state;
    struct session first = sign_in("ben@example.org");
    expect_refresh(&first, 200, NULL);
    keep(&second);
    shop.now_us += 5 * TIME_US_PER_S;
    expect_refresh(&first, 200, NULL);
    expect_refresh(&second, 200, NULL);
    keep(&third);
    shop.now_us += 60 * TIME_US_PER_S;
    expect_refresh(&first, 400, "refresh_token_already_used");
    check_text(shop_member(&shop, "msg"), "Invalid Refresh Token: Already Used");
    expect_refresh(&third, 400, "session_expired");
    expect_user(&third, 403, "session_not_found");
    drop(&first);
    drop(&second);
    drop(&third);
}

static void unknown_tokens_are_refused(void **state)
{
    struct shop_request r = {
        .method = HTTP_POST, .target = refresh_path, .body = "{\"refresh_token\":\"nothing\"}"};
    (void)state;
    shop_expect(&shop, &r, 400, "refresh_token_not_found");
    check_text(shop_member(&shop, "msg"), "Invalid Refresh Token: Refresh Token Not Found");
    r.body = "{\"refresh_token\":\"\"}";
    shop_expect(&shop, &r, 400, "validation_failed");
    r.body = "{}";
    shop_expect(&shop, &r, 400, "validation_failed");
    r.body = "";
    shop_expect(&shop, &r, 400, "bad_json");
    char body[600] = "{\"refresh_token\":\"";
    memset(body + strlen(body), 'a', 400);
    strcat(body, "\"}");
    r.body = body;
    shop_expect(&shop, &r, 400, "refresh_token_not_found");
    assert_int_equal(shop.writes, 0);
}

static void disabled_person_cannot_refresh_and_has_no_user(void **state)
{
    (void)state;
    struct session s = sign_in("cid@example.org");
    assert_int_equal(store_person_set_active(shop.session, BYTES("cid@example.org"), false), OK);
    expect_refresh(&s, 400, NULL);
    expect_user(&s, 403, NULL);
    assert_int_equal(store_person_set_active(shop.session, BYTES("cid@example.org"), true), OK);
    drop(&s);
}

/* --- user and logout --- */

static void user_is_shown_to_the_person(void **state)
{
    (void)state;
    struct session s = sign_in("cid@example.org");
    expect_user(&s, 200, NULL);
    check_text(shop_member(&shop, "id"), shop.ids[CID]);
    check_text(shop_member(&shop, "email"), "cid@example.org");
    check_text(shop_member(&shop, "aud"), "authenticated");
    drop(&s);
}

static void user_needs_a_persons_token(void **state)
{
    struct shop_request r = {.target = "/auth/v1/user"};
    (void)state;
    shop_expect(&shop, &r, 401, "no_authorization");
    r.token = &shop.anon;
    shop_expect(&shop, &r, 403, "bad_jwt");
    r.token = &shop.service;
    shop_expect(&shop, &r, 403, "bad_jwt");
    struct buf bad = {.data = (char[]){"a.b.c"}, .size = 5};
    r.token = &bad;
    shop_expect(&shop, &r, 403, "bad_jwt");
    /* A token of ours whose session was never made. */
    r.token = &shop.people[ADA];
    shop_expect(&shop, &r, 403, "session_not_found");
}

static void removed_person_is_not_found(void **state)
{
    struct claims claims = {.kind = TOKEN_USER,
                            .user_id = SHOP_BREAD,
                            .session_id = SHOP_BREAD,
                            .expires_s = INT64_C(4102444800)};
    struct session s;
    (void)state;
    buf_init(&s.access, 4096);
    buf_init(&s.refresh, 1);
    token_sign(&s.access, shop.api.secret, &claims, NULL, BYTES("test"));
    expect_user(&s, 403, "user_not_found");
    drop(&s);
}

static void logout_ends_what_its_scope_says(void **state)
{
    (void)state;
    struct session a = sign_in("ada@example.org"), b = sign_in("ada@example.org");
    struct session c = sign_in("ada@example.org");
    log_out(&a, "/auth/v1/logout?scope=local");
    assert_int_equal(shop_body(&shop).size, 0);
    expect_user(&a, 403, "session_not_found");
    expect_user(&b, 200, NULL);
    log_out(&b, "/auth/v1/logout?scope=others");
    expect_user(&b, 200, NULL);
    expect_user(&c, 403, "session_not_found");
    expect_refresh(&c, 400, "session_expired");
    log_out(&b, "/auth/v1/logout");
    expect_user(&b, 403, "session_not_found");
    shop_expect(&shop,
                &(struct shop_request){
                    .method = HTTP_POST, .target = "/auth/v1/logout?scope=all", .token = &b.access},
                400, "validation_failed");
    shop_expect(
        &shop, &(struct shop_request){.method = HTTP_POST, .target = "/auth/v1/logout?scope=local"},
        401, "no_authorization");
    drop(&a);
    drop(&b);
    drop(&c);
}

/* --- service --- */

static void service_endpoints_answer(void **state)
{
    struct shop_request r = {.target = "/auth/v1/settings"};
    (void)state;
    shop_expect(&shop, &r, 200, NULL);
    check_text(shop_member(&shop, "disable_signup"), "true");
    r = (struct shop_request){.target = "/auth/v1/health", .has_no_key = true};
    shop_expect(&shop, &r, 200, NULL);
    check_text(shop_member(&shop, "name"), "GoTrue");
    r.target = "/auth/v1/.well-known/jwks.json";
    shop_expect(&shop, &r, 200, NULL);
    check_text(shop_body(&shop), "{\"keys\":[]}");
}

static void what_is_not_there_is_said_in_both_shapes(void **state)
{
    struct shop_request r = {.method = HTTP_POST, .target = "/auth/v1/otp", .body = "{}"};
    (void)state;
    shop_expect(&shop, &r, 404, "not_found");
    check_text(shop_member(&shop, "code"), "404");
    check_text(shop_header(&shop, "X-Sb-Error-Code"), "not_found");
    assert_null(shop_header(&shop, "X-Supabase-Api-Version").data);
    r.headers[0][0] = "X-Supabase-Api-Version";
    r.headers[0][1] = "2024-01-01";
    shop_expect(&shop, &r, 404, "not_found");
    check_text(shop_member(&shop, "code"), "not_found");
    assert_null(shop_member(&shop, "error_code").data);
    check_text(shop_header(&shop, "X-Supabase-Api-Version"), "2024-01-01");
    r = (struct shop_request){.method = HTTP_POST, .target = "/auth/v1/signup", .body = "{}"};
    shop_expect(&shop, &r, 422, "signup_disabled");
    r = (struct shop_request){.method = HTTP_PUT, .target = "/auth/v1/user", .body = "{}"};
    shop_expect(&shop, &r, 405, "method_not_allowed");
}

static void memory_may_fail_at_the_start_of_a_sign_in(void **state)
{
    (void)state;
    for (uint64_t n = 1;; n++) {
        struct http_header key = {BYTES("apikey"), buf_bytes(&shop.anon)};
        struct http_request r = {.method = HTTP_POST,
                                 .path = BYTES("/auth/v1/token"),
                                 .query = BYTES("grant_type=password"),
                                 .headers = &key,
                                 .header_count = 1,
                                 .body = BYTES("{\"email\":\"x\",\"password\":\"y\"}")};
        struct api_call c;
        api_call_init(&c, &shop.api);
        mem_fail_at(n);
        enum api_action action = api_begin(&c, &r, shop.now_us + (int64_t)n * 60 * TIME_US_PER_S);
        bool hit = mem_fail_hit();
        mem_fail_at(0);
        if (hit)
            assert_true(action == API_RESPOND && c.response.status == 503);
        else
            assert_int_equal(action, API_READ);
        api_call_done(&c);
        if (!hit)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(password_gives_a_session),
        cmocka_unit_test(wrong_password_and_unknown_email_look_alike),
        cmocka_unit_test(disabled_person_is_banned_but_only_for_who_knows_the_password),
        cmocka_unit_test(broken_requests_are_refused),
        cmocka_unit_test(tries_are_limited_by_address),
        cmocka_unit_test(secrets_do_not_stay),
        cmocka_unit_test(password_is_wiped_when_the_server_is_busy),
        cmocka_unit_test(refresh_gives_a_new_pair),
        cmocka_unit_test(reuse_is_taken_for_a_while_then_ends_the_family),
        cmocka_unit_test(unknown_tokens_are_refused),
        cmocka_unit_test(disabled_person_cannot_refresh_and_has_no_user),
        cmocka_unit_test(user_is_shown_to_the_person),
        cmocka_unit_test(user_needs_a_persons_token),
        cmocka_unit_test(removed_person_is_not_found),
        cmocka_unit_test(logout_ends_what_its_scope_says),
        cmocka_unit_test(service_endpoints_answer),
        cmocka_unit_test(what_is_not_there_is_said_in_both_shapes),
        cmocka_unit_test(memory_may_fail_at_the_start_of_a_sign_in),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
