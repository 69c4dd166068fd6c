/* What a group of entries means for the derived tables, settled once. */
#include "kit.h"

#include <stdio.h>

#include "store/sqlite.h"

enum { GROUP = 20 };

struct group {
    struct store_request requests[GROUP];
    struct store_reply replies[GROUP];
    struct store_write writes[GROUP];
};

static void run_group(struct kit *k, struct group *g, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        store_reply_init(&g->replies[i], 1 << 20);
        g->writes[i] = (struct store_write){&g->requests[i], &g->replies[i]};
    }
    changes_truncate(&k->changes, 0);
    assert_int_equal(store_write(k->writer, g->writes, count, &k->changes), OK);
    for (size_t i = 0; i < count; i++)
        store_reply_done(&g->replies[i]);
}

static struct query *sale(struct kit *k, int quantity)
{
    char json[256];
    struct query *q = kit_query(k, VERB_INSERT, "sales_logs");
    snprintf(json, sizeof(json), "[{\"bread_type_id\":\"%s\",\"quantity\":%d}]", k->bread,
             quantity);
    kit_set(k, q, json);
    return q;
}

static struct query *removal(struct kit *k, const char *table, const char *column, const char *id)
{
    struct query *q = kit_query(k, VERB_DELETE, table);
    kit_where(k, q, column, OP_EQ, id);
    return q;
}

static size_t count_changes(const struct kit *k, const char *table)
{
    size_t count = 0;
    for (size_t i = 0; i < k->changes.count; i++)
        count += bytes_equal(k->changes.items[i]->table->name, bytes_of(table));
    return count;
}

static void many_sales_of_a_group_change_the_stock_once(void **state)
{
    struct kit *k = *state;
    static struct group g;
    kit_bread(k, "Agege");
    for (int i = 0; i < GROUP; i++)
        g.requests[i] = kit_request(k, &k->rep, sale(k, 2));
    run_group(k, &g, GROUP);
    assert_int_equal(count_changes(k, "sales_logs"), GROUP);
    assert_int_equal(count_changes(k, "stock"), 1);
    assert_int_equal(count_changes(k, "shift_totals"), 1);
    assert_string_equal(kit_select(k, &k->owner, "stock", "sold,remaining", NULL, NULL),
                        "[{\"sold\":40,\"remaining\":-40}]");
    kit_assert_sound(k);
}

static void a_refused_entry_counts_for_nothing(void **state)
{
    struct kit *k = *state;
    static struct group g;
    kit_bread(k, "Agege");
    g.requests[0] = kit_request(k, &k->rep, sale(k, 1));
    g.requests[1] = kit_request(k, &k->rep, sale(k, 0)); /* 23514 */
    g.requests[2] = kit_request(k, &k->rep, sale(k, 3));
    run_group(k, &g, 3);
    assert_string_equal(kit_select(k, &k->owner, "stock", "sold", NULL, NULL), "[{\"sold\":4}]");
    kit_assert_sound(k);
}

static void what_comes_and_goes_in_one_group_leaves_no_total(void **state)
{
    struct kit *k = *state;
    static struct group g;
    kit_bread(k, "Agege");
    g.requests[0] = kit_request(k, &k->rep, sale(k, 1));
    g.requests[1] = kit_request(k, &k->owner, removal(k, "sales_logs", "bread_type_id", k->bread));
    run_group(k, &g, 2);
    assert_int_equal(count_changes(k, "shift_totals"), 0);
    assert_string_equal(kit_select(k, &k->owner, "shift_totals", "sold", NULL, NULL), "[]");
    kit_assert_sound(k);
}

static void a_bread_goes_with_its_last_entry_in_one_group(void **state)
{
    struct kit *k = *state;
    static struct group g;
    kit_bread(k, "Agege");
    kit_sale(k, &k->rep, 2);
    g.requests[0] = kit_request(k, &k->owner, removal(k, "sales_logs", "bread_type_id", k->bread));
    g.requests[1] = kit_request(k, &k->owner, removal(k, "bread_types", "id", k->bread));
    run_group(k, &g, 2);
    assert_string_equal(kit_select(k, &k->owner, "bread_types", "id", NULL, NULL), "[]");
    assert_string_equal(kit_select(k, &k->owner, "stock", "sold", NULL, NULL), "[]");
    assert_string_equal(kit_select(k, &k->owner, "shift_totals", "sold", NULL, NULL), "[]");
    kit_assert_sound(k);
}

static void reports_without_memory_fail_the_request_alone(void **state)
{
    struct kit *k = *state;
    static struct group g;
    kit_bread(k, "Agege");
    ledger_done(&k->writer->ledger);
    for (uint64_t n = 1;; n++) {
        g.requests[0] = kit_request(k, &k->rep, sale(k, 1));
        store_reply_init(&g.replies[0], 1 << 20);
        g.writes[0] = (struct store_write){&g.requests[0], &g.replies[0]};
        changes_truncate(&k->changes, 0);
        mem_fail_at(n);
        enum err e = store_write(k->writer, g.writes, 1, &k->changes);
        bool was_hit = mem_fail_hit();
        mem_fail_at(0);
        bool is_done = e == OK && g.replies[0].error.status == 0;
        store_reply_done(&g.replies[0]);
        kit_assert_sound(k);
        if (is_done && !was_hit)
            break;
        assert_true(n < 2000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KIT_TEST(many_sales_of_a_group_change_the_stock_once),
        KIT_TEST(a_refused_entry_counts_for_nothing),
        KIT_TEST(what_comes_and_goes_in_one_group_leaves_no_total),
        KIT_TEST(a_bread_goes_with_its_last_entry_in_one_group),
        KIT_TEST_FOLDER(reports_without_memory_fail_the_request_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
