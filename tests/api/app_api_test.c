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

static void config_is_public_and_opens_the_gateway(void **state)
{
    struct shop_request r = {.target = "/api/config", .has_no_key = true};
    struct claims claims;
    (void)state;
    shop_expect(&shop, &r, 200, NULL);
    assert_int_equal(shop.reads + shop.writes, 0);
    assert_int_equal(token_verify(shop.api.secret, shop_member(&shop, "anon_key"),
                                  SHOP_NOW_US / 1000000, &claims),
                     TOKEN_OK);
    assert_int_equal(claims.kind, TOKEN_ANON);
    check_text(shop_member(&shop, "currency"), "NGN");
    check_text(shop_member(&shop, "locale"), "en-NG");
    check_text(shop_member(&shop, "time_zone"), "Africa/Lagos");
    check_text(shop_member(&shop, "morning_start"), "10:00");
    check_text(shop_member(&shop, "night_start"), "22:00");
    check_text(shop_member(&shop, "version"), "0.1.0");
    assert_non_null(shop_member(&shop, "bakery_name").data);
    check_text(shop_header(&shop, "Cache-Control"), "no-store");
}

static void config_stays_the_same(void **state)
{
    struct shop_request r = {.target = "/api/config", .has_no_key = true};
    struct buf first;
    (void)state;
    buf_init(&first, 4096);
    shop_expect(&shop, &r, 200, NULL);
    buf_put(&first, shop_body(&shop));
    shop.now_us += 1000000000;
    shop_expect(&shop, &r, 200, NULL);
    shop.now_us -= 1000000000;
    assert_true(bytes_equal(buf_bytes(&first), shop_body(&shop)));
    buf_done(&first);
}

static void inventory_is_for_people(void **state)
{
    static const char target[] = "/api/inventory/current";
    struct shop_request r = {.target = target, .has_no_key = true};
    (void)state;
    shop_expect(&shop, &r, 401, "PGRST302");
    r.token = &shop.anon;
    shop_expect(&shop, &r, 401, "PGRST302");
    r.token = &shop.people[CID];
    shop_expect(&shop, &r, 200, NULL);
    assert_int_equal(shop.reads, 1);
    assert_true(bytes_starts_with(shop_header(&shop, "HomeBake-Epoch"), store_epoch(shop.store)));
}

static void inventory_says_what_it_is_true_for(void **state)
{
    struct shop_request r = {.target = "/api/inventory/current", .token = &shop.people[CID]};
    (void)state;
    shop_insert(&shop, "/rest/v1/bread_types",
                "{\"id\":\"" SHOP_BREAD "\",\"name\":\"Agege\",\"unit_price\":1500.5}");
    shop_expect(&shop, &r, 200, NULL);
    assert_true(bytes_equal(shop_header(&shop, "HomeBake-Seq"), shop_member(&shop, "seq")));
    check_text(shop_member(&shop, "shift"), "morning");
    check_text(shop_member(&shop, "business_day"), "2026-11-22");
    assert_true(bytes_find(shop_member(&shop, "items"), BYTES("\"name\":\"Agege\"")) <
                shop_member(&shop, "items").size);
    check_text(shop_member(&shop, "is_complete"), "true");
}

static void other_paths_and_methods_are_refused(void **state)
{
    struct shop_request r = {.target = "/api/nothing"};
    (void)state;
    shop_expect(&shop, &r, 404, "PGRST125");
    r.target = "/api";
    shop_expect(&shop, &r, 404, "PGRST125");
    r = (struct shop_request){.method = HTTP_POST, .target = "/api/config"};
    shop_expect(&shop, &r, 405, "PGRST117");
    r = (struct shop_request){.method = HTTP_HEAD, .target = "/api/config"};
    shop_expect(&shop, &r, 200, NULL);
    assert_int_equal(shop_body(&shop).size, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(config_is_public_and_opens_the_gateway),
        cmocka_unit_test(config_stays_the_same),
        cmocka_unit_test(inventory_is_for_people),
        cmocka_unit_test(inventory_says_what_it_is_true_for),
        cmocka_unit_test(other_paths_and_methods_are_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
