#include "api/api.h"

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

static void paths_of_the_api_are_known(void **state)
{
    static const char *const ours[] = {"/rest/v1",       "/rest/v1/", "/rest/v1/users",
                                       "/auth/v1/token", "/api",      "/api/config"};
    static const char *const others[] = {"/",     "/rest/v10",   "/rest/v2/x", "/auth",
                                         "/apis", "/index.html", "",           "/REST/v1/users"};
    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(ours); i++)
        assert_true(api_owns(bytes_of(ours[i])));
    for (size_t i = 0; i < CHECK_COUNT(others); i++)
        assert_false(api_owns(bytes_of(others[i])));
}

static void preflight_needs_no_key(void **state)
{
    (void)state;
    shop_expect(&shop,
                &(struct shop_request){.method = HTTP_OPTIONS,
                                       .target = "/rest/v1/sales_logs",
                                       .has_no_key = true,
                                       .headers = {{"Access-Control-Request-Headers", "apikey"}}},
                204, NULL);
    check_text(shop_header(&shop, "Access-Control-Allow-Headers"), "apikey");
    check_text(shop_header(&shop, "Access-Control-Allow-Methods"),
               "GET, POST, PATCH, PUT, DELETE, OPTIONS, HEAD");
}

static void busy_server_says_when_to_come_back(void **state)
{
    struct shop_request read = {
        .method = HTTP_GET, .target = "/rest/v1/users", .token = &shop.people[ADA]};
    struct shop_request refresh = {.method = HTTP_POST,
                                   .target = "/auth/v1/token?grant_type=refresh_token",
                                   .body = "{\"refresh_token\":\"x\"}"};
    (void)state;
    shop.is_busy = true;
    shop_expect(&shop, &read, 503, "PGRST003");
    check_text(shop_header(&shop, "Retry-After"), "1");
    shop_expect(&shop, &refresh, 503, "over_capacity");
    check_text(shop_header(&shop, "Retry-After"), "1");
    shop.is_busy = false;
}

static void call_that_waits_for_nothing_is_not_resumed(void **state)
{
    (void)state;
    api_call_reset(&shop.call);
    assert_int_equal(api_resume(&shop.call, 0), API_RESPOND);
    assert_int_equal(shop.call.response.status, 500);
}

static void large_buffers_are_given_back(void **state)
{
    (void)state;
    api_call_reset(&shop.call);
    assert_non_null(buf_reserve(&shop.call.reply.body, 1 << 20));
    assert_non_null(buf_reserve(&shop.call.scratch, 1000));
    api_call_reset(&shop.call);
    assert_int_equal(shop.call.reply.body.capacity, 0);
    assert_true(shop.call.scratch.capacity >= 1000);
    assert_true(shop.call.reply.body.max == shop.api.limits.body_max);
}

static void call_is_kept_small_between_uses(void **state)
{
    (void)state;
    struct arena_chunk *chunk = NULL;
    for (int i = 0; i < 3; i++) {
        shop_expect(&shop,
                    &(struct shop_request){.method = HTTP_GET,
                                           .target = "/rest/v1/users?select=id",
                                           .token = &shop.people[ADA]},
                    200, NULL);
        assert_true(!chunk || chunk == shop.call.arena.chunk);
        chunk = shop.call.arena.chunk;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_of_the_api_are_known),
        cmocka_unit_test(preflight_needs_no_key),
        cmocka_unit_test(busy_server_says_when_to_come_back),
        cmocka_unit_test(call_that_waits_for_nothing_is_not_resumed),
        cmocka_unit_test(large_buffers_are_given_back),
        cmocka_unit_test(call_is_kept_small_between_uses),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
