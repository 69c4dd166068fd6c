/* The cursors: at the head, behind, back again; every change once, in order. */
#include "support.h"

#include <stdio.h>

#include "base/mem.h"
#include "base/time.h"

#define SALES "\"postgres_changes\":[{\"event\":\"*\",\"table\":\"sales_logs\"}]"
#define BIG                                                                                        \
    "\"postgres_changes\":[{\"event\":\"*\",\"table\":\"sales_logs\",\"filter\":"                  \
    "\"quantity=gt.5\"}]"

static struct client *joined(struct world *w, const char *config)
{
    return client_joined(w, config, OWNER);
}

static void expect_seqs(struct client *c, unsigned from, unsigned to)
{
    for (unsigned i = from; i <= to; i++) {
        char part[20];
        snprintf(part, sizeof(part), "\"seq\":%u}", i);
        expect_part(c, part);
    }
}

static void sell_many(struct world *w, unsigned count)
{
    struct change **items = test_malloc(count * sizeof(*items));
    for (unsigned i = 0; i < count; i++)
        items[i] =
            world_change(w, "sales_logs", VERB_INSERT, "{\"id\":\"1\",\"quantity\":1}", NULL);
    world_commit_all(w, items, count);
    test_free(items);
}

static void members_share_one_frame_for_a_batch(void **state)
{
    struct world *w = *state;
    struct client *a = joined(w, SALES), *b = joined(w, SALES);
    struct iovec at_a[2], at_b[2];
    a->is_stalled = b->is_stalled = true;
    sell_many(w, 20);
    assert_int_equal(hub_peek(w->hub, a->id, at_a, 2), 1);
    assert_int_equal(hub_peek(w->hub, b->id, at_b, 2), 1);
    assert_ptr_equal(at_a[0].iov_base, at_b[0].iov_base);
    assert_int_equal(hub_counters(w->hub).deliveries, 40);
    client_take(w, a, SIZE_MAX);
    expect_seqs(a, 1, 20);
}

static void batch_of_any_size_arrives_whole(void **state)
{
    struct world *w = *state;
    struct client *c = joined(w, SALES);
    sell_many(w, 1);
    sell_many(w, 63);
    sell_many(w, 64);
    sell_many(w, 65);
    sell_many(w, 3000); /* more than fits: the rest follows as room is made */
    expect_seqs(c, 1, 3193);
    expect_silence(c);
}

static void several_tables_keep_the_order_of_the_log(void **state)
{
    struct world *w = *state;
    struct client *c = joined(w, "\"postgres_changes\":[{\"event\":\"*\",\"schema\":\"public\"}]");
    struct change *items[6];
    for (int i = 0; i < 6; i++)
        items[i] = world_change(w, i % 2 ? "sales_logs" : "shift_feedback", VERB_INSERT,
                                "{\"id\":\"1\"}", NULL);
    world_commit_all(w, items, 6);
    expect_seqs(c, 1, 6);
    expect_silence(c);
}

static void change_goes_only_to_who_wants_its_table(void **state)
{
    struct world *w = *state;
    struct client *c = joined(w, SALES);
    world_commit(w, "shift_feedback", VERB_INSERT, "{\"id\":\"1\"}", NULL);
    expect_silence(c);
    assert_int_equal(hub_counters(w->hub).encoded_frames, 2); /* the answers to the join */
}

static void slow_reader_gets_every_change_once_and_in_order(void **state)
{
    struct world *w = *state;
    struct client *slow = joined(w, SALES), *fast = joined(w, SALES);
    unsigned sold = 0;
    slow->is_stalled = true;
    for (int round = 0; round < 30; round++) {
        for (int i = 0; i < 100; i++)
            world_sell(w, ++sold, 1);
        client_take(w, slow, 7777);
    }
    expect_seqs(fast, 1, sold);
    struct hub_counters n = hub_counters(w->hub);
    assert_true(n.behind >= 1);
    client_take(w, slow, SIZE_MAX);
    world_sell(w, ++sold, 1);
    client_take(w, slow, SIZE_MAX);
    expect_seqs(slow, 1, sold);
    expect_silence(slow);
    assert_true(hub_counters(w->hub).replayed > 0);
}

static void those_behind_are_counted_while_they_are(void **state)
{
    struct world *w = *state;
    struct client *slow = joined(w, SALES), *gone = joined(w, SALES);
    slow->is_stalled = gone->is_stalled = true;
    assert_int_equal(hub_counters(w->hub).behind_now, 0);
    for (unsigned i = 1; i <= 3000; i++)
        world_sell(w, i, 1);
    assert_int_equal(hub_counters(w->hub).behind_now, 2);
    client_gone(w, gone);
    assert_int_equal(hub_counters(w->hub).behind_now, 1);
    client_take(w, slow, SIZE_MAX);
    expect_seqs(slow, 1, 3000);
    assert_int_equal(hub_counters(w->hub).behind_now, 0);
}

static void slow_reader_of_two_topics_gets_each_whole(void **state)
{
    struct world *w = *state;
    struct client *c = joined(w, SALES);
    unsigned next[2] = {1, 1};
    client_join(w, c, "y", "2", SALES, OWNER);
    client_skip(c, 2);
    c->is_stalled = true;
    for (unsigned i = 1; i <= 1500; i++)
        world_sell(w, i, 1);
    client_take(w, c, SIZE_MAX);
    for (int i = 0; i < 3000; i++) {
        char part[20];
        struct bytes got = client_next(c, NULL);
        int topic = bytes_find(got, BYTES("realtime:y")) < got.size;
        snprintf(part, sizeof(part), "\"seq\":%u}", next[topic]++);
        assert_true(bytes_find(got, bytes_of(part)) < got.size);
    }
    expect_silence(c);
    assert_int_equal(next[0], 1501);
}

static void filter_holds_in_replay_as_it_does_live(void **state)
{
    struct world *w = *state;
    struct client *c = joined(w, BIG), *other = joined(w, SALES);
    c->is_stalled = true;
    for (unsigned i = 1; i <= 3000; i++)
        world_sell(w, i, i % 2 ? 1 : 9);
    assert_true(hub_counters(w->hub).behind > 0);
    client_take(w, c, SIZE_MAX);
    for (unsigned i = 2; i <= 3000; i += 2)
        expect_seqs(c, i, i);
    expect_silence(c);
    expect_seqs(other, 1, 3000);
}

static void delete_is_filtered_by_the_old_row(void **state)
{
    struct world *w = *state;
    struct client *c = joined(w, BIG);
    world_commit(w, "sales_logs", VERB_DELETE, NULL, "{\"id\":\"1\",\"quantity\":3}");
    expect_silence(c);
    world_commit(w, "sales_logs", VERB_DELETE, NULL, "{\"id\":\"1\",\"quantity\":6}");
    expect_part(c, "\"old_record\":{\"id\":\"1\",\"quantity\":6}");
    world_commit(w, "sales_logs", VERB_UPDATE, "{\"id\":\"1\",\"quantity\":3}",
                 "{\"id\":\"1\",\"quantity\":6}");
    expect_silence(c);
    world_commit(w, "sales_logs", VERB_UPDATE, "{\"id\":\"1\",\"quantity\":7}",
                 "{\"id\":\"1\",\"quantity\":3}");
    expect_seqs(c, 4, 4);
}

static void reader_behind_the_log_is_told_to_join_again(void **state)
{
    struct world w;
    struct hub_config cfg;
    (void)state;
    world_config(&w, &cfg);
    cfg.log_count_max = 100;
    world_start(&w, &cfg);
    struct client *c = joined(&w, SALES);
    c->is_stalled = true;
    for (unsigned i = 1; i <= 2000; i++)
        world_sell(&w, i, 1);
    client_take(&w, c, SIZE_MAX);
    expect_seqs(c, 1, 768);
    expect_text(c,
                "[\"1\",null,\"realtime:x\",\"system\",{\"channel\":\"x\",\"extension\":"
                "\"postgres_changes\",\"status\":\"error\",\"message\":\"Too far behind: changes "
                "were missed, subscribe again\"}]");
    expect_text(c, "[\"1\",\"1\",\"realtime:x\",\"phx_error\",{}]");
    expect_silence(c);
    assert_int_equal(hub_counters(w.hub).channels, 0);
    world_done(&w);
}

static const char *big_row(void)
{
    static char row[5000];
    memset(row, 'x', sizeof(row) - 1);
    memcpy(row, "{\"note\":\"", 9);
    memcpy(row + sizeof(row) - 3, "\"}", 2);
    return row;
}

static void change_bigger_than_the_outbox_passes_alone(void **state)
{
    struct world w;
    struct hub_config cfg;
    (void)state;
    world_config(&w, &cfg);
    cfg.limits.outbox_bytes_max = 2000;
    world_start(&w, &cfg);
    struct client *c = joined(&w, SALES);
    c->is_stalled = true;
    for (int i = 0; i < 5; i++)
        world_commit(&w, "sales_logs", VERB_INSERT, big_row(), NULL);
    c->is_stalled = false;
    client_take(&w, c, SIZE_MAX);
    expect_seqs(c, 1, 5);
    expect_silence(c);
    world_done(&w);
}

static void what_is_said_to_one_goes_behind_a_change_of_any_size(void **state)
{
    struct world w;
    struct hub_config cfg;
    (void)state;
    world_config(&w, &cfg);
    cfg.limits.outbox_bytes_max = 2000;
    cfg.limits.broadcast_max = 1000;
    world_start(&w, &cfg);
    struct client *c = joined(&w, SALES);
    c->is_stalled = true;
    world_commit(&w, "sales_logs", VERB_INSERT, big_row(), NULL);
    client_join(&w, c, "other", "2", SALES, OWNER);
    client_say(&w, c, "[null,\"3\",\"phoenix\",\"heartbeat\",{}]");
    assert_false(c->is_told_to_close);
    c->is_stalled = false;
    client_take(&w, c, SIZE_MAX);
    expect_part(c, "[null,\"3\",\"phoenix\",\"phx_reply\"");
    expect_seqs(c, 1, 1);
    expect_part(c, "[\"2\",\"2\",\"realtime:other\",\"phx_reply\",{\"status\":\"ok\"");
    expect_part(c, "Subscribed to PostgreSQL");
    expect_silence(c);
    world_done(&w);
}

static void nothing_is_lost_when_memory_ends_while_encoding(void **state)
{
    bool has_failed = true;
    (void)state;
    for (uint64_t n = 1; has_failed; n++) {
        struct world w;
        world_init(&w);
        struct client *c = joined(&w, SALES);
        struct change *items[10];
        for (int i = 0; i < 10; i++)
            items[i] = world_change(&w, "sales_logs", VERB_INSERT, "{\"id\":\"1\"}", NULL);
        w.fail_step = w.step_count + 1;
        w.fail_at = n;
        world_commit_all(&w, items, 10);
        has_failed = w.has_failed;
        if (has_failed) {
            expect_silence(c);
            assert_int_equal(hub_deadline(w.hub), w.now_us + 100000);
        }
        world_sell(&w, 11, 1);
        world_tick(&w, 100000);
        expect_seqs(c, 1, 11);
        expect_silence(c);
        world_done(&w);
    }
}

static void long_replay_is_done_in_bounded_steps(void **state)
{
    struct world w;
    struct hub_config cfg;
    (void)state;
    world_config(&w, &cfg);
    cfg.log_count_max = 20000;
    world_start(&w, &cfg);
    sell_many(&w, 10000);
    struct client *c = client_open(&w, PHX_V2);
    client_join(&w, c, "x", "1", BIG ",\"resume\":{\"epoch\":\"epoch-1\",\"seq\":0}", OWNER);
    client_skip(c, 2);
    world_commit(&w, "sales_logs", VERB_INSERT, "{\"quantity\":9}", NULL);
    int ticks = 0;
    for (; hub_deadline(w.hub) <= w.now_us; ticks++)
        world_tick(&w, 0);
    assert_true(ticks >= 1);
    expect_seqs(c, 10001, 10001);
    expect_silence(c);
    world_done(&w);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(members_share_one_frame_for_a_batch),
        TEST(batch_of_any_size_arrives_whole),
        TEST(several_tables_keep_the_order_of_the_log),
        TEST(change_goes_only_to_who_wants_its_table),
        TEST(slow_reader_gets_every_change_once_and_in_order),
        TEST(those_behind_are_counted_while_they_are),
        TEST(slow_reader_of_two_topics_gets_each_whole),
        TEST(filter_holds_in_replay_as_it_does_live),
        TEST(delete_is_filtered_by_the_old_row),
        cmocka_unit_test(reader_behind_the_log_is_told_to_join_again),
        cmocka_unit_test(change_bigger_than_the_outbox_passes_alone),
        cmocka_unit_test(what_is_said_to_one_goes_behind_a_change_of_any_size),
        cmocka_unit_test(nothing_is_lost_when_memory_ends_while_encoding),
        cmocka_unit_test(long_replay_is_done_in_bounded_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
