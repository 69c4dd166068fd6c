/* Whole conversations, word for word, in both wire versions; and what the shell sees. */
#include "support.h"

#include "base/mem.h"
#include "base/time.h"

#define BINDING "{\"event\":\"*\",\"schema\":\"public\",\"table\":\"sales_logs\"}"
#define ECHO "{\"event\":\"*\",\"schema\":\"public\",\"table\":\"sales_logs\",\"id\":61364042}"
#define SALES "\"postgres_changes\":[" BINDING "]"
#define SALE(n) "{\"id\":\"" #n "\",\"quantity\":" #n "}"
#define DATA_HEAD(type)                                                                            \
    "{\"ids\":[61364042],\"data\":{\"schema\":\"public\",\"table\":\"sales_logs\",\"type\":"       \
    "\"" type "\",\"commit_timestamp\":\"2027-01-15T08:00:00.000Z\",\"columns\":["                 \
    "{\"name\":\"id\",\"type\":\"uuid\"},{\"name\":\"quantity\",\"type\":\"int4\"},"               \
    "{\"name\":\"unit_price\",\"type\":\"numeric\"},{\"name\":\"returned\",\"type\":\"bool\"},"    \
    "{\"name\":\"note\",\"type\":\"text\"},{\"name\":\"created_at\",\"type\":\"timestamptz\"},"    \
    "{\"name\":\"extra\",\"type\":\"jsonb\"}],"
#define DATA_TAIL(seq) "\"errors\":null,\"seq\":" #seq "}}"

static void version_2_is_spoken_word_for_word(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    struct client *c = client_open(&w, PHX_V2);
    client_say(&w, c, "[null,\"1\",\"phoenix\",\"heartbeat\",{}]");
    expect_text(c, "[null,\"1\",\"phoenix\",\"phx_reply\",{\"status\":\"ok\",\"response\":{}}]");
    client_join(&w, c, "sales", "2", SALES ",\"presence\":{\"enabled\":true}", OWNER);
    expect_text(c, "[\"2\",\"2\",\"realtime:sales\",\"phx_reply\",{\"status\":\"ok\",\"response\":"
                   "{\"postgres_changes\":[" ECHO "]}}]");
    expect_text(c, "[\"2\",null,\"realtime:sales\",\"presence_state\",{}]");
    expect_text(
        c, "[\"2\",null,\"realtime:sales\",\"system\",{\"channel\":\"sales\",\"extension\":"
           "\"postgres_changes\",\"status\":\"ok\",\"message\":\"Subscribed to PostgreSQL\"}]");
    world_commit(&w, "sales_logs", VERB_INSERT, SALE(3), NULL);
    expect_text(c, "[null,null,\"realtime:sales\",\"postgres_changes\"," DATA_HEAD(
                       "INSERT") "\"record\":" SALE(3) "," DATA_TAIL(1) "]");
    world_commit(&w, "sales_logs", VERB_UPDATE, SALE(4), SALE(3));
    expect_text(
        c, "[null,null,\"realtime:sales\",\"postgres_changes\"," DATA_HEAD(
               "UPDATE") "\"record\":" SALE(4) ",\"old_record\":" SALE(3) "," DATA_TAIL(2) "]");
    world_commit(&w, "sales_logs", VERB_DELETE, NULL, SALE(4));
    expect_text(c, "[null,null,\"realtime:sales\",\"postgres_changes\"," DATA_HEAD(
                       "DELETE") "\"old_record\":" SALE(4) "," DATA_TAIL(3) "]");
    client_say(&w, c, "[\"2\",\"3\",\"realtime:sales\",\"phx_leave\",{}]");
    expect_text(
        c, "[\"2\",\"3\",\"realtime:sales\",\"phx_reply\",{\"status\":\"ok\",\"response\":{}}]");
    expect_text(c, "[\"2\",\"2\",\"realtime:sales\",\"phx_close\",{}]");
    world_commit(&w, "sales_logs", VERB_INSERT, SALE(5), NULL);
    expect_silence(c);
    world_done(&w);
}

static void version_1_is_spoken_word_for_word(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    struct client *c = client_open(&w, PHX_V1);
    client_say(&w, c,
               "{\"topic\":\"phoenix\",\"event\":\"heartbeat\",\"payload\":{},\"ref\":\"1\"}");
    expect_text(c, "{\"topic\":\"phoenix\",\"event\":\"phx_reply\",\"payload\":{\"status\":\"ok\","
                   "\"response\":{}},\"ref\":\"1\"}");
    client_join(&w, c, "sales", "2", SALES, OWNER);
    expect_text(
        c, "{\"topic\":\"realtime:sales\",\"event\":\"phx_reply\",\"payload\":{\"status\":\"ok\","
           "\"response\":{\"postgres_changes\":[" ECHO "]}},\"ref\":\"2\"}");
    expect_text(c, "{\"topic\":\"realtime:sales\",\"event\":\"presence_state\",\"payload\":{},"
                   "\"ref\":null}");
    expect_part(c, "\"event\":\"system\"");
    world_commit(&w, "sales_logs", VERB_INSERT, SALE(3), NULL);
    expect_text(
        c, "{\"topic\":\"realtime:sales\",\"event\":\"postgres_changes\",\"payload\":" DATA_HEAD(
               "INSERT") "\"record\":" SALE(3) "," DATA_TAIL(1) ",\"ref\":null}");
    client_say(
        &w, c,
        "{\"topic\":\"realtime:sales\",\"event\":\"phx_leave\",\"payload\":{},\"ref\":\"3\"}");
    expect_text(
        c, "{\"topic\":\"realtime:sales\",\"event\":\"phx_reply\",\"payload\":{\"status\":\"ok\","
           "\"response\":{}},\"ref\":\"3\"}");
    expect_text(
        c, "{\"topic\":\"realtime:sales\",\"event\":\"phx_close\",\"payload\":{},\"ref\":\"2\"}");
    world_done(&w);
}

static void names_of_the_gone_are_void(void **state)
{
    struct world w;
    struct iovec iov[1];
    (void)state;
    world_init(&w);
    struct client *c = client_open(&w, PHX_V2);
    client_join(&w, c, "x", "1", SALES, OWNER);
    client_gone(&w, c);
    client_gone(&w, c);
    client_say(&w, c, "[null,\"1\",\"phoenix\",\"heartbeat\",{}]");
    assert_int_equal(hub_peek(w.hub, c->id, iov, 1), 0);
    hub_sent(w.hub, c->id, 0, w.now_us);
    world_sell(&w, 1, 1);
    struct hub_counters n = hub_counters(w.hub);
    assert_int_equal(n.connections + n.channels + n.subscriptions + n.groups, 0);
    assert_int_equal(n.changes, 1);
    world_done(&w);
}

static void touched_connection_is_given_once_per_turn(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    struct client *c = client_open(&w, PHX_V2);
    client_join(&w, c, "x", "1", SALES, OWNER);
    client_skip(c, 2);
    size_t before = c->flushes;
    struct change *items[5];
    for (int i = 0; i < 5; i++)
        items[i] = world_change(&w, "sales_logs", VERB_INSERT, SALE(1), NULL);
    world_commit_all(&w, items, 5);
    assert_int_equal(c->flushes, before + 1);
    client_skip(c, 5);
    expect_silence(c);
    world_done(&w);
}

static void drain_closes_everybody_with_1012_behind_what_waits(void **state)
{
    struct world w;
    struct hub_in in = {.kind = HUB_IN_DRAIN};
    (void)state;
    world_init(&w);
    struct client *c = client_open(&w, PHX_V2);
    client_join(&w, c, "x", "1", SALES, OWNER);
    client_skip(c, 2);
    c->is_stalled = true;
    world_sell(&w, 1, 1);
    assert_int_equal(hub_step(w.hub, &in, w.now_us), OK);
    c->is_stalled = false;
    world_flush(&w);
    expect_part(c, "postgres_changes");
    assert_int_equal(client_next_close(c), 1012);
    assert_false(c->is_told_to_close);
    client_say_frame(&w, c, 0x88, BYTES("\x03\xf4"));
    assert_true(c->is_told_to_close);
    assert_false(c->is_abrupt);
    world_done(&w);
}

static void changes_must_follow_the_head(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    w.seq = 5;
    struct change *c = world_change(&w, "sales_logs", VERB_INSERT, SALE(1), NULL);
    struct hub_in in = {.kind = HUB_IN_CHANGES, .changes = &c, .change_count = 1};
    assert_int_equal(hub_step(w.hub, &in, w.now_us), ERR_RANGE);
    assert_int_equal(hub_head(w.hub), 0);
    change_unref(c);
    world_done(&w);
}

static void hub_starts_at_the_head_it_is_told(void **state)
{
    struct world w;
    struct hub_config cfg;
    (void)state;
    world_config(&w, &cfg);
    cfg.head = 41;
    world_start(&w, &cfg);
    world_sell(&w, 1, 1);
    assert_int_equal(hub_head(w.hub), 42);
    world_done(&w);
}

static void same_inputs_give_the_same_bytes(void **state)
{
    struct buf said[2];
    (void)state;
    for (int round = 0; round < 2; round++) {
        struct world w;
        world_init(&w);
        buf_init(&said[round], 1 << 20);
        struct client *c[3];
        for (int i = 0; i < 3; i++) {
            c[i] = client_open(&w, i == 1 ? PHX_V1 : PHX_V2);
            client_join(&w, c[i], "a", "1", SALES, OWNER);
            client_join(&w, c[i], "b", "2", SALES, i == 2 ? REP : OWNER);
        }
        world_sell(&w, 1, 1);
        client_gone(&w, c[1]);
        world_sell(&w, 2, 2);
        for (int i = 0; i < 3; i++)
            buf_put(&said[round], buf_bytes(&c[i]->wire));
        world_done(&w);
    }
    assert_true(bytes_equal(buf_bytes(&said[0]), buf_bytes(&said[1])));
    buf_done(&said[0]);
    buf_done(&said[1]);
}

/* What fails may be dropped, but nothing may break. */
static void live_one_life(struct world *w)
{
    struct hub_in open = {.kind = HUB_IN_OPEN,
                          .version = PHX_V2,
                          .claims = {.kind = TOKEN_ANON, .expires_s = NOW_S + 1000000}};
    struct client *c = &w->clients[w->client_count];
    if (world_step(w, &open))
        return;
    w->client_count++;
    *c = (struct client){.id = open.conn, .version = PHX_V2};
    buf_init(&c->wire, 1 << 20);
    buf_init(&c->message, 1 << 20);
    client_say(w, c, "[null,\"1\",\"phoenix\",\"heartbeat\",{}]");
    client_join(w, c, "bad", "2", "\"postgres_changes\":[{\"event\":\"*\",\"table\":\"nope\"}]",
                NULL);
    client_join(w, c, "sales", "1",
                "\"broadcast\":{\"self\":true,\"ack\":true},\"postgres_changes\":[" BINDING
                ",{\"event\":\"*\",\"table\":\"sales_logs\",\"filter\":\"quantity=in.(1,2)\"}]",
                OWNER);
    client_say(w, c,
               "[\"1\",\"4\",\"realtime:sales\",\"broadcast\",{\"type\":\"broadcast\","
               "\"event\":\"e\",\"payload\":{}}]");
    c->is_stalled = true;
    for (unsigned i = 0; i < 5; i++)
        world_sell(w, i, 1);
    client_say_frame(w, c, 0x89, BYTES("ping"));
    c->is_stalled = false;
    client_take(w, c, SIZE_MAX);
    world_tick(w, 200000);
    client_say(w, c, "[\"1\",\"5\",\"realtime:sales\",\"phx_leave\",{}]");
    client_gone(w, c);
}

static void check_that_it_goes_on(struct world *w)
{
    struct client *c = client_open(w, PHX_V2);
    client_join(w, c, "sales", "1", SALES, OWNER);
    expect_part(c, "\"status\":\"ok\"");
    client_skip(c, 1);
    world_sell(w, 9, 9);
    expect_part(c, "\"quantity\":9");
    struct hub_counters n = hub_counters(w->hub);
    assert_int_equal(n.connections, 1);
    assert_int_equal(n.channels, 1);
    assert_int_equal(n.groups, 1);
    assert_int_equal(n.subscriptions, 1);
}

static void memory_may_end_at_any_point_of_a_life(void **state)
{
    size_t failures = 0, step_count = 100;
    (void)state;
    for (size_t step = 5; step <= step_count; step++) {
        bool has_failed = true;
        for (uint64_t n = 1; has_failed; n++) {
            struct world w;
            struct hub_config cfg;
            world_config(&w, &cfg);
            cfg.limits.outbox_frames_max = 8;
            w.fail_step = step;
            w.fail_at = n;
            world_start(&w, &cfg);
            live_one_life(&w);
            has_failed = w.has_failed;
            failures += has_failed;
            if (!has_failed)
                step_count = w.step_count;
            check_that_it_goes_on(&w);
            world_done(&w);
        }
    }
    assert_true(failures > 40);
}

static void new_hub_without_memory_is_none(void **state)
{
    struct world w;
    struct hub_config cfg;
    enum err e = ERR_NOMEM;
    (void)state;
    world_config(&w, &cfg);
    for (uint64_t n = 1; e; n++) {
        mem_fail_at(n);
        e = hub_new(&cfg, &w.hub);
        mem_fail_at(0);
    }
    world_done(&w);
}

static void garbage_hurts_nobody(void **state)
{
    struct world w;
    struct rng rng;
    (void)state;
    world_init(&w);
    rng_init(&rng, 7);
    struct client *good = client_open(&w, PHX_V2);
    client_join(&w, good, "x", "1", SALES, OWNER);
    client_skip(good, 2);
    for (int i = 0; i < 40; i++) {
        char junk[300];
        struct client *c = client_open(&w, i % 2 ? PHX_V1 : PHX_V2);
        check_fill(&rng, junk, sizeof(junk));
        if (i % 4 < 2)
            client_feed(&w, c, (struct bytes){junk, sizeof(junk)});
        else
            client_say_frame(&w, c, i % 4 == 2 ? 0x81 : 0x82, (struct bytes){junk, sizeof(junk)});
    }
    world_sell(&w, 1, 1);
    expect_part(good, "\"seq\":1}");
    expect_silence(good);
    world_done(&w);
}

static void message_may_come_in_any_pieces(void **state)
{
    static const char wire[] =
        "\x81\x80\x00\x00\x00\x00"
        "\x01\x85\x00\x00\x00\x00[null"
        "\x89\x80\x00\x00\x00\x00"
        "\x80\xa4\x00\x00\x00\x00,\"7\",\"phoenix\",\"heartbeat\",{},\"xyz\"]";
    struct bytes all = {wire, sizeof(wire) - 1};
    (void)state;
    for (size_t split = 0; split <= all.size; split++) {
        struct world w;
        world_init(&w);
        struct client *c = client_open(&w, PHX_V2);
        client_feed(&w, c, bytes_slice(all, 0, split));
        client_feed(&w, c, bytes_slice(all, split, all.size));
        client_next(c, NULL); /* the pong */
        expect_text(c,
                    "[null,\"7\",\"phoenix\",\"phx_reply\",{\"status\":\"ok\",\"response\":{}}]");
        assert_int_equal(hub_counters(w.hub).malformed, 1); /* the empty text before */
        world_done(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(version_2_is_spoken_word_for_word),
        cmocka_unit_test(version_1_is_spoken_word_for_word),
        cmocka_unit_test(names_of_the_gone_are_void),
        cmocka_unit_test(touched_connection_is_given_once_per_turn),
        cmocka_unit_test(drain_closes_everybody_with_1012_behind_what_waits),
        cmocka_unit_test(changes_must_follow_the_head),
        cmocka_unit_test(hub_starts_at_the_head_it_is_told),
        cmocka_unit_test(same_inputs_give_the_same_bytes),
        cmocka_unit_test(memory_may_end_at_any_point_of_a_life),
        cmocka_unit_test(new_hub_without_memory_is_none),
        cmocka_unit_test(garbage_hurts_nobody),
        cmocka_unit_test(message_may_come_in_any_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
