/* stock and shift_totals are what the ledger says, whatever is done to it. */
#include "kit.h"

#include <stdio.h>
#include <string.h>

enum { BREADS = 3, ENTRIES = 40 };

struct world {
    struct rng rng;
    char breads[BREADS][UUID_SIZE + 1];
    char ids[2][ENTRIES][UUID_SIZE + 1]; /* production, sales; empty: none there */
};

static const char *const tables[] = {"production_logs", "sales_logs"};

static unsigned dice(struct world *w, unsigned sides)
{
    return (unsigned)rng_below(&w->rng, sides);
}

static void add(struct kit *k, struct world *w, int kind, unsigned i)
{
    char json[512], extra[128] = "";
    struct identity *who = dice(w, 2) ? &k->owner : &k->manager;
    if (kind == 1)
        snprintf(extra, sizeof(extra), ",\"unit_price\":%u.%02u,\"discount\":%u,\"returned\":%s",
                 dice(w, 100), dice(w, 100), dice(w, 50), dice(w, 4) ? "false" : "true");
    snprintf(json, sizeof(json), "[{\"bread_type_id\":\"%s\",\"quantity\":%u,\"shift\":\"%s\"%s}]",
             w->breads[dice(w, BREADS)], 1 + dice(w, 9), dice(w, 2) ? "morning" : "night", extra);
    struct query *q = kit_query(k, VERB_INSERT, tables[kind]);
    kit_set(k, q, json);
    kit_want_all(k, q);
    kit_run(k, who, q);
    kit_assert_error(k, 0, NULL);
    memcpy(w->ids[kind][i], kit_member(k, "id") + 1, UUID_SIZE);
}

/* One column or several at once. */
static void change(struct kit *k, struct world *w, int kind, unsigned i)
{
    char json[512];
    int n = snprintf(json, sizeof(json), "[{\"updated_at\":\"2026-11-22T10:00:00Z\"");
    unsigned what = 1 + dice(w, 127);
    if (what & 1)
        n += snprintf(json + n, sizeof(json) - (size_t)n, ",\"quantity\":%u", 1 + dice(w, 9));
    if (what & 2)
        n += snprintf(json + n, sizeof(json) - (size_t)n, ",\"bread_type_id\":\"%s\"",
                      w->breads[dice(w, BREADS)]);
    if (what & 4)
        n += snprintf(json + n, sizeof(json) - (size_t)n, ",\"shift\":\"%s\"",
                      dice(w, 2) ? "morning" : "night");
    if (what & 8)
        n += snprintf(json + n, sizeof(json) - (size_t)n,
                      ",\"created_at\":\"2026-11-%02uT12:00:00Z\"", 20 + dice(w, 3));
    if (kind == 1 && what & 16)
        n += snprintf(json + n, sizeof(json) - (size_t)n, ",\"returned\":%s",
                      dice(w, 2) ? "true" : "false");
    if (kind == 1 && what & 32)
        n += snprintf(json + n, sizeof(json) - (size_t)n, ",\"unit_price\":%u", dice(w, 60));
    if (kind == 1 && what & 64)
        n += snprintf(json + n, sizeof(json) - (size_t)n, ",\"discount\":%u", dice(w, 60));
    snprintf(json + n, sizeof(json) - (size_t)n, "}]");
    kit_update(k, &k->service, tables[kind], w->ids[kind][i], json);
    kit_assert_error(k, 0, NULL);
    assert_int_equal(k->reply.row_count, 1);
}

static void play(struct kit *k, struct world *w)
{
    int kind = (int)dice(w, 2);
    unsigned i = dice(w, ENTRIES);
    if (!w->ids[kind][i][0]) {
        add(k, w, kind, i);
    } else if (dice(w, 3)) {
        change(k, w, kind, i);
    } else {
        kit_delete(k, &k->owner, tables[kind], w->ids[kind][i]);
        assert_int_equal(k->reply.row_count, 1);
        w->ids[kind][i][0] = '\0';
    }
}

static void make_breads(struct kit *k, struct world *w)
{
    for (int i = 0; i < BREADS; i++) {
        char name[16];
        snprintf(name, sizeof(name), "bread %d", i);
        kit_bread(k, name);
        memcpy(w->breads[i], k->bread, sizeof(k->bread));
    }
}

static void thousands_of_random_entries_always_add_up(void **state)
{
    struct kit *k = *state;
    struct world w = {0};
    rng_init(&w.rng, 7);
    make_breads(k, &w);
    uint64_t seq = k->reply.seq;
    for (int i = 0; i < 3000; i++) {
        play(k, &w);
        for (size_t j = 0; j < k->changes.count; j++)
            assert_int_equal(k->changes.items[j]->seq, ++seq);
        assert_int_equal(k->reply.seq, seq);
        if (i % 250 == 0)
            kit_assert_sound(k);
        arena_reset(&k->arena);
    }
    kit_assert_sound(k);
}

static void totals_without_entries_are_gone(void **state)
{
    struct kit *k = *state;
    struct world w = {0};
    rng_init(&w.rng, 8);
    make_breads(k, &w);
    for (int i = 0; i < 200; i++)
        play(k, &w);
    struct query *q = kit_query(k, VERB_DELETE, "sales_logs");
    kit_run(k, &k->owner, q);
    q = kit_query(k, VERB_DELETE, "production_logs");
    kit_run(k, &k->owner, q);
    kit_assert_error(k, 0, NULL);
    assert_string_equal(kit_select(k, &k->owner, "shift_totals", "*", NULL, NULL), "[]");
    kit_select(k, &k->owner, "stock", "baked,sold,remaining", NULL, NULL);
    kit_assert_body(
        k, "[{\"baked\":0,\"sold\":0,\"remaining\":0},{\"baked\":0,\"sold\":0,\"remaining\":0},"
           "{\"baked\":0,\"sold\":0,\"remaining\":0}]");
}

static void a_change_that_moves_no_pieces_moves_no_totals(void **state)
{
    struct kit *k = *state;
    char json[256], id[UUID_SIZE + 1] = "";
    kit_bread(k, "Agege");
    snprintf(json, sizeof(json), "[{\"bread_type_id\":\"%s\",\"quantity\":5}]", k->bread);
    struct query *q = kit_query(k, VERB_INSERT, "production_logs");
    kit_set(k, q, json);
    kit_want(k, q, "id");
    kit_run(k, &k->manager, q);
    memcpy(id, kit_member(k, "id") + 1, UUID_SIZE);
    kit_update(k, &k->manager, "production_logs", id, "[{\"note\":\"a bit dark\"}]");
    assert_int_equal(k->changes.count, 1);
    kit_update(k, &k->manager, "production_logs", id, "[{\"quantity\":6}]");
    assert_int_equal(k->changes.count, 3);
}

static void a_returned_sale_gives_its_pieces_back_and_earns_nothing(void **state)
{
    struct kit *k = *state;
    char id[UUID_SIZE + 1] = "";
    kit_bread(k, "Agege");
    kit_sale(k, &k->rep, 4);
    memcpy(id, kit_member(k, "id") + 1, UUID_SIZE);
    kit_update(k, &k->rep, "sales_logs", id, "[{\"returned\":true}]");
    kit_select(k, &k->owner, "shift_totals", "sold,returned,sales,revenue", NULL, NULL);
    kit_assert_body(k, "[{\"sold\":0,\"returned\":4,\"sales\":0,\"revenue\":0.00}]");
    kit_select(k, &k->rep, "stock", "sold,remaining", NULL, NULL);
    kit_assert_body(k, "[{\"sold\":0,\"remaining\":0}]");
    kit_assert_sound(k);
}

static void revenue_is_never_below_zero(void **state)
{
    struct kit *k = *state;
    char json[256];
    kit_bread(k, "Agege");
    snprintf(json, sizeof(json), "[{\"bread_type_id\":\"%s\",\"quantity\":1,\"discount\":900}]",
             k->bread);
    kit_insert(k, &k->rep, "sales_logs", json);
    kit_select(k, &k->owner, "shift_totals", "revenue,discount", NULL, NULL);
    kit_assert_body(k, "[{\"revenue\":0.00,\"discount\":900.00}]");
    kit_assert_sound(k);
}

static void a_bread_without_entries_leaves_with_its_stock(void **state)
{
    struct kit *k = *state;
    kit_bread(k, "Agege");
    assert_int_equal(k->changes.count, 2);
    kit_delete(k, &k->owner, "bread_types", k->bread);
    kit_assert_error(k, 0, NULL);
    assert_int_equal(k->changes.count, 2);
    assert_string_equal(kit_select(k, &k->rep, "stock", "*", NULL, NULL), "[]");
    kit_assert_sound(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KIT_TEST(thousands_of_random_entries_always_add_up),
        KIT_TEST(totals_without_entries_are_gone),
        KIT_TEST(a_change_that_moves_no_pieces_moves_no_totals),
        KIT_TEST(a_returned_sale_gives_its_pieces_back_and_earns_nothing),
        KIT_TEST(revenue_is_never_below_zero),
        KIT_TEST(a_bread_without_entries_leaves_with_its_stock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
