/* Bindings that select columns, from the join to the wire. */
#include "support.h"

#include <stdio.h>

#include "hub/state.h"

#define SALE                                                                                       \
    "{\"id\":\"00000000-0000-4000-9000-000000000001\",\"quantity\":2,\"unit_price\":1.50,"         \
    "\"returned\":false,\"note\":\"n\"}"
#define SALE_LATER                                                                                 \
    "{\"id\":\"00000000-0000-4000-9000-000000000001\",\"quantity\":3,\"unit_price\":1.50,"         \
    "\"returned\":false,\"note\":\"n\"}"
#define ID_ONLY "{\"id\":\"00000000-0000-4000-9000-000000000001\"}"
#define NARROW(quantity)                                                                           \
    "{\"id\":\"00000000-0000-4000-9000-000000000001\",\"quantity\":" #quantity "}"
#define ID_COLUMN "{\"name\":\"id\",\"type\":\"uuid\"}"

static struct client *join(struct world *w, const char *name, const char *user, const char *entries)
{
    struct client *c = client_open(w, PHX_V2);
    char config[1000];
    snprintf(config, sizeof(config), "\"postgres_changes\":[%s]", entries);
    client_join(w, c, name, "1", config, user);
    expect_part(c, "\"phx_reply\"");
    expect_part(c, "Subscribed to PostgreSQL");
    return c;
}

static void expect_all(struct client *c, const char *const *parts)
{
    struct bytes got = client_next(c, NULL);
    for (; *parts; parts++)
        if (bytes_find(got, bytes_of(*parts)) == got.size)
            fail_msg("%s is not in %.*s", *parts, (int)got.size, got.data);
}
#define EXPECT(c, ...) expect_all((c), (const char *const[]){__VA_ARGS__, NULL})

static void rows_and_columns_are_narrowed_for_all_three_events(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    struct client *c = join(&w, "x", OWNER,
                            "{\"event\":\"*\",\"schema\":\"public\",\"table\":\"sales_logs\","
                            "\"select\":[\"quantity\"]}");
    const char *columns = "\"columns\":[" ID_COLUMN ",{\"name\":\"quantity\",\"type\":\"int4\"}],";
    world_commit(&w, "sales_logs", VERB_INSERT, SALE, NULL);
    EXPECT(c, columns, "\"record\":" NARROW(2) ",\"errors\":null,\"seq\":1}");
    world_commit(&w, "sales_logs", VERB_UPDATE, SALE_LATER, SALE);
    EXPECT(c, columns, "\"record\":" NARROW(3) ",\"old_record\":" NARROW(2) ",\"errors\"");
    world_commit(&w, "sales_logs", VERB_DELETE, NULL, SALE_LATER);
    EXPECT(c, columns, "\"type\":\"DELETE\"", "\"old_record\":" NARROW(3) ",\"errors\"");
    expect_silence(c);
    world_done(&w);
}

static void reply_echoes_the_selection_as_it_came(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    struct client *c = client_open(&w, PHX_V2);
    client_join(&w, c, "x", "1",
                "\"postgres_changes\":[{\"event\":\"*\",\"schema\":\"public\","
                "\"table\":\"sales_logs\",\"select\":[\"note\", \"quantity\"]}]",
                OWNER);
    expect_part(c, "{\"event\":\"*\",\"schema\":\"public\",\"table\":\"sales_logs\","
                   "\"select\":[\"note\", \"quantity\"],\"id\":");
    world_done(&w);
}

static void each_selection_gets_its_own_message_with_the_ids_that_want_it(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    struct client *c = join(&w, "x", OWNER,
                            "{\"event\":\"*\",\"table\":\"sales_logs\",\"select\":[\"quantity\"]},"
                            "{\"event\":\"*\",\"table\":\"sales_logs\"},"
                            "{\"event\":\"INSERT\",\"table\":\"sales_logs\","
                            "\"select\":[\"id\",\"quantity\"]},"
                            "{\"event\":\"*\",\"table\":\"sales_logs\",\"select\":[],"
                            "\"filter\":\"quantity=gt.2\"}");
    const struct binding *b =
        container_of(conns_find(&w.hub->conns, c->id)->channels.next, struct channel, of_conn)
            ->group->bindings->items;
    char narrow[64], whole[64], keys[64];
    snprintf(narrow, sizeof(narrow), "{\"ids\":[%u,%u],", b[0].id, b[2].id);
    snprintf(whole, sizeof(whole), "{\"ids\":[%u],", b[1].id);
    snprintf(keys, sizeof(keys), "{\"ids\":[%u],", b[3].id);
    world_commit(&w, "sales_logs", VERB_INSERT, SALE, NULL);
    EXPECT(c, narrow, "\"record\":" NARROW(2), "\"seq\":1}");
    EXPECT(c, whole, "\"record\":" SALE, "\"seq\":1}");
    expect_silence(c); /* the filter of the last looks at columns that it does not select */
    world_commit(&w, "sales_logs", VERB_DELETE, NULL, SALE_LATER);
    expect_part(c, "\"old_record\":" NARROW(3));
    EXPECT(c, whole, "\"old_record\":" SALE_LATER);
    EXPECT(c, keys, "\"columns\":[" ID_COLUMN "]", "\"old_record\":" ID_ONLY, "\"seq\":2}");
    expect_silence(c);
    world_done(&w);
}

static void selections_of_other_tables_stay_out_of_it(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    struct client *c = join(&w, "x", OWNER,
                            "{\"event\":\"*\",\"table\":\"users\",\"select\":[\"name\"]},"
                            "{\"event\":\"*\",\"table\":\"sales_logs\",\"select\":[\"note\"]},"
                            "{\"event\":\"*\",\"table\":\"*\"}");
    world_commit(&w, "shift_feedback", VERB_INSERT, ID_ONLY, NULL);
    expect_part(c, "\"record\":" ID_ONLY);
    expect_silence(c);
    world_commit(&w, "sales_logs", VERB_INSERT, SALE, NULL);
    expect_part(c, "000000000001\",\"note\":\"n\"}");
    expect_part(c, "\"record\":" SALE);
    expect_silence(c);
    world_done(&w);
}

static void row_that_leaves_or_enters_the_view_is_narrowed_too(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    struct client *c =
        join(&w, "x", REP, "{\"event\":\"*\",\"table\":\"shift_feedback\",\"select\":[\"note\"]}");
    const char *mine = "{\"id\":\"1\",\"user_id\":\"" REP "\",\"note\":\"a\"}";
    const char *theirs = "{\"id\":\"1\",\"user_id\":\"" OTHER_REP "\",\"note\":\"b\"}";
    world_commit(&w, "shift_feedback", VERB_UPDATE, theirs, mine);
    EXPECT(c, "\"type\":\"DELETE\"", "\"old_record\":{\"id\":\"1\",\"note\":\"a\"},\"errors\"");
    world_commit(&w, "shift_feedback", VERB_UPDATE, mine, theirs);
    EXPECT(c, "\"type\":\"UPDATE\"", "\"record\":{\"id\":\"1\",\"note\":\"a\"}",
           "\"old_record\":{\"id\":\"1\"},\"errors\"");
    world_done(&w);
}

static void selection_is_made_once_for_all_that_share_it(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    const char *entry = "{\"event\":\"*\",\"table\":\"sales_logs\",\"select\":[\"quantity\"]}";
    struct client *a = join(&w, "x", OWNER, entry);
    world_sell(&w, 1, 2);
    size_t size = w.hub->feed.part_text.size;
    assert_true(size > 0);
    struct client *others[] = {join(&w, "y", OWNER, entry), join(&w, "z", REP, entry)};
    world_sell(&w, 2, 3);
    assert_int_equal(w.hub->feed.part_text.size, 2 * size);
    client_skip(a, 1);
    expect_part(a, "\"quantity\":3},\"errors\"");
    for (size_t i = 0; i < CHECK_COUNT(others); i++)
        expect_part(others[i], "\"quantity\":3},\"errors\"");
    world_done(&w);
}

static void selection_that_cannot_be_is_a_system_error(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    struct client *c = client_open(&w, PHX_V2);
    client_join(
        &w, c, "x", "1",
        "\"postgres_changes\":[{\"event\":\"*\",\"schema\":\"public\",\"select\":[\"id\"]}]",
        OWNER);
    expect_part(c, "\"status\":\"ok\"");
    EXPECT(c, "\"system\"", "\"status\":\"error\"",
           "\"Column selection is not supported for wildcard subscriptions. ");
    client_join(&w, c, "y", "2",
                "\"postgres_changes\":[{\"event\":\"*\",\"table\":\"users\",\"select\":\"id\"}]",
                OWNER);
    expect_part(c, "\"status\":\"ok\"");
    EXPECT(c, "\"status\":\"error\"", "\"Error parsing `select` params: ");
    world_done(&w);
}

static void memory_that_ends_hides_no_selection(void **state)
{
    const char *entries = "{\"event\":\"*\",\"table\":\"sales_logs\",\"select\":[\"quantity\"]},"
                          "{\"event\":\"*\",\"table\":\"sales_logs\"}";
    bool has_failed = true;
    (void)state;
    for (uint64_t n = 1; has_failed; n++) {
        struct world w;
        world_init(&w);
        struct client *c = join(&w, "x", OWNER, entries);
        w.fail_step = w.step_count + 1;
        w.fail_at = n;
        world_commit(&w, "sales_logs", VERB_INSERT, SALE, NULL);
        world_tick(&w, 1000000);
        expect_part(c, "\"record\":" NARROW(2));
        expect_part(c, "\"record\":" SALE);
        expect_silence(c);
        has_failed = w.has_failed;
        world_done(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_and_columns_are_narrowed_for_all_three_events),
        cmocka_unit_test(reply_echoes_the_selection_as_it_came),
        cmocka_unit_test(each_selection_gets_its_own_message_with_the_ids_that_want_it),
        cmocka_unit_test(selections_of_other_tables_stay_out_of_it),
        cmocka_unit_test(row_that_leaves_or_enters_the_view_is_narrowed_too),
        cmocka_unit_test(selection_is_made_once_for_all_that_share_it),
        cmocka_unit_test(selection_that_cannot_be_is_a_system_error),
        cmocka_unit_test(memory_that_ends_hides_no_selection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
