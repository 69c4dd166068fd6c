/* The inventory document. */
#include "kit.h"

#include <stdio.h>
#include <string.h>

static void inventory(struct kit *k, const struct identity *who)
{
    struct store_request r = {.kind = STORE_INVENTORY, .who = *who, .now_us = k->now_us};
    assert_int_equal(store_read(k->reader, &r, &k->reply), OK);
}

static void bake(struct kit *k, int quantity)
{
    char json[256];
    snprintf(json, sizeof(json), "[{\"bread_type_id\":\"%s\",\"quantity\":%d}]", k->bread,
             quantity);
    kit_insert(k, &k->manager, "production_logs", json);
    kit_assert_error(k, 0, NULL);
}

static const char *item(struct kit *k)
{
    inventory(k, &k->rep);
    kit_assert_error(k, 0, NULL);
    return kit_member(k, "items");
}

static void assert_level(struct kit *k, const char *level)
{
    char text[64];
    snprintf(text, sizeof(text), "\"level\":\"%s\"", level);
    const char *all = item(k);
    if (!strstr(all, text))
        fail_msg("%s is not in %s", text, all);
}

static void the_document_says_what_it_is_true_for(void **state)
{
    struct kit *k = *state;
    kit_bread(k, "Agege");
    uint64_t seq = k->reply.seq;
    inventory(k, &k->rep);
    assert_string_equal(kit_member(k, "timestamp"), "\"2026-11-22T09:00:01.000004+00:00\"");
    assert_string_equal(kit_member(k, "business_day"), "\"2026-11-22\"");
    assert_string_equal(kit_member(k, "shift"), "\"morning\"");
    assert_string_equal(kit_member(k, "is_complete"), "true");
    assert_string_equal(kit_member(k, "production"), "[]");
    assert_string_equal(kit_member(k, "sales"), "[]");
    assert_memory_equal(kit_member(k, "epoch") + 1, store_epoch(k->store).data, STORE_EPOCH_SIZE);
    assert_int_equal(k->reply.seq, seq);
}

static void items_count_ever_today_and_this_shift(void **state)
{
    struct kit *k = *state;
    char expected[512];
    kit_bread(k, "Agege");
    k->now_us -= INT64_C(86400) * 1000000; /* yesterday, in the morning */
    bake(k, 100);
    k->now_us += INT64_C(86400) * 1000000;
    bake(k, 40);
    kit_sale(k, &k->rep, 30);
    k->now_us += INT64_C(13) * 3600 * 1000000; /* the night of the same business day */
    kit_sale(k, &k->rep, 5);
    snprintf(expected, sizeof(expected),
             "[{\"id\":\"%s\",\"name\":\"Agege\",\"size\":null,\"unit_price\":500.00,\"low_"
             "threshold\":5,"
             "\"is_active\":true,\"produced\":140,\"sold\":35,\"remaining\":105,\"level\":\"high\","
             "\"day\":{\"produced\":40,\"sold\":35},\"shift\":{\"produced\":0,\"sold\":5}}]",
             k->bread);
    assert_string_equal(item(k), expected);
    assert_string_equal(kit_member(k, "shift"), "\"night\"");
}

static void levels_follow_what_remains(void **state)
{
    struct kit *k = *state;
    kit_bread(k, "Agege");
    assert_level(k, "out");
    bake(k, 20);
    assert_level(k, "high");
    kit_sale(k, &k->rep, 9);
    assert_level(k, "high"); /* 11 of 20 */
    kit_sale(k, &k->rep, 1);
    assert_level(k, "normal"); /* 10 of 20 */
    kit_sale(k, &k->rep, 5);
    assert_level(k, "low"); /* 5, the threshold */
    kit_sale(k, &k->rep, 6);
    assert_level(k, "out"); /* -1: shown, not hidden */
    assert_non_null(strstr(item(k), "\"remaining\":-1"));
}

static void breads_no_longer_made_are_shown_while_some_are_left(void **state)
{
    struct kit *k = *state;
    kit_bread(k, "Agege");
    bake(k, 2);
    kit_update(k, &k->owner, "bread_types", k->bread, "[{\"is_active\":false}]");
    assert_non_null(strstr(item(k), "Agege"));
    kit_sale(k, &k->rep, 2);
    assert_string_equal(item(k), "[]");
}

static void entries_are_of_the_day_newest_first_with_their_bread(void **state)
{
    struct kit *k = *state;
    char expected[512];
    kit_bread(k, "Agege");
    k->now_us -= INT64_C(86400) * 1000000;
    kit_sale(k, &k->rep, 7); /* not of this day */
    k->now_us += INT64_C(86400) * 1000000;
    kit_sale(k, &k->rep, 1);
    struct bytes first = {kit_text(k, k->changes.items[0]->new_row),
                          k->changes.items[0]->new_row.size - 1};
    kit_sale(k, &k->rep, 2);
    struct bytes second = {kit_text(k, k->changes.items[0]->new_row),
                           k->changes.items[0]->new_row.size - 1};
    snprintf(
        expected, sizeof(expected),
        ",\"bread_type\":{\"id\":\"%s\",\"name\":\"Agege\",\"size\":null,\"unit_price\":500.00}}",
        k->bread);
    inventory(k, &k->rep);
    const char *at = kit_member(k, "sales");
    assert_memory_equal(at, "[", 1);
    assert_memory_equal(at + 1, second.data, second.size);
    assert_memory_equal(at + 1 + second.size, expected, strlen(expected));
    at += 1 + second.size + strlen(expected) + 1;
    assert_memory_equal(at, first.data, first.size);
    assert_string_equal(at + first.size + strlen(expected), "]");
}

static void long_days_are_cut_and_say_so(void **state)
{
    struct kit *k = *state;
    char row[128];
    static char json[1 << 20];
    kit_bread(k, "Agege");
    snprintf(row, sizeof(row), "{\"bread_type_id\":\"%s\",\"quantity\":1}", k->bread);
    size_t n = 0;
    for (int i = 0; i < 5001; i++)
        n += (size_t)snprintf(json + n, sizeof(json) - n, "%c%s", i ? ',' : '[', row);
    snprintf(json + n, sizeof(json) - n, "]");
    kit_insert(k, &k->rep, "sales_logs", json);
    kit_assert_error(k, 0, NULL);
    inventory(k, &k->rep);
    assert_string_equal(kit_member(k, "is_complete"), "false");
    const char *at = kit_member(k, "sales");
    int rows = 0;
    while ((at = strstr(at, "\"bread_type\":"))) {
        rows++;
        at++;
    }
    assert_int_equal(rows, 5000);
}

static void anon_sees_no_inventory(void **state)
{
    struct kit *k = *state;
    inventory(k, &k->anon);
    kit_assert_error(k, 401, "42501");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KIT_TEST(the_document_says_what_it_is_true_for),
        KIT_TEST(items_count_ever_today_and_this_shift),
        KIT_TEST(levels_follow_what_remains),
        KIT_TEST(breads_no_longer_made_are_shown_while_some_are_left),
        KIT_TEST(entries_are_of_the_day_newest_first_with_their_bread),
        KIT_TEST(long_days_are_cut_and_say_so),
        KIT_TEST(anon_sees_no_inventory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
