/* Peers that say more than they may. */
#include "support.h"

#include <stdio.h>

#include "base/time.h"

#define SALES "\"postgres_changes\":[{\"event\":\"*\",\"table\":\"sales_logs\"}]"
#define HEARTBEAT "[null,\"h\",\"phoenix\",\"heartbeat\",{}]"
#define SAY "[\"1\",\"2\",\"realtime:x\",\"broadcast\",{\"type\":\"broadcast\",\"event\":\"e\"}]"

/* Bursts of three, then ten a second; five refusals end it. */
static int set_up(void **state)
{
    struct hub_config cfg;
    struct world *w = calloc(1, sizeof(*w));
    assert_non_null(w);
    world_config(w, &cfg);
    cfg.limits.joins_burst = cfg.limits.messages_burst = 3;
    cfg.limits.joins_per_s = cfg.limits.messages_per_s = 10;
    cfg.limits.refused_max = 5;
    world_start(w, &cfg);
    *state = w;
    return 0;
}

static void join(struct world *w, struct client *c, int n)
{
    char name[16], ref[16];
    snprintf(name, sizeof(name), "t%d", n);
    snprintf(ref, sizeof(ref), "%d", n);
    client_join(w, c, name, ref, "", NULL);
}

static void joins_over_the_rate_are_refused_and_later_taken(void **state)
{
    struct world *w = *state;
    struct client *c = client_open(w, PHX_V2);
    for (int i = 0; i < 3; i++) {
        join(w, c, i);
        expect_part(c, "\"status\":\"ok\"");
    }
    join(w, c, 3);
    expect_text(c, "[\"3\",\"3\",\"realtime:t3\",\"phx_reply\",{\"status\":\"error\",\"response\":"
                   "{\"reason\":\"ClientJoinRateLimitReached: Too many joins per second\"}}]");
    assert_false(c->is_told_to_close);
    assert_int_equal(hub_counters(w->hub).joins_over, 1);
    assert_int_equal(hub_counters(w->hub).joins_refused, 1);
    world_tick(w, 100 * TIME_US_PER_MS);
    join(w, c, 3);
    expect_part(c, "\"status\":\"ok\"");
    join(w, c, 4);
    expect_part(c, "ClientJoinRateLimitReached");
}

static void messages_over_the_rate_are_dropped_and_that_is_said_once(void **state)
{
    struct world *w = *state;
    struct client *c = client_open(w, PHX_V2), *hearer = client_open(w, PHX_V2);
    client_join(w, c, "x", "1", "", NULL);
    client_join(w, hearer, "x", "1", "", NULL);
    client_skip(c, 1);
    client_skip(hearer, 1);
    for (int i = 0; i < 6; i++)
        client_say(w, c, SAY);
    client_skip(hearer, 3);
    expect_silence(hearer);
    expect_text(c, "[\"1\",null,\"realtime:x\",\"system\",{\"channel\":\"x\",\"extension\":"
                   "\"system\",\"status\":\"error\",\"message\":\"Too many messages per "
                   "second\"}]");
    expect_silence(c);
    assert_int_equal(hub_counters(w->hub).messages_over, 3);
    assert_int_equal(hub_counters(w->hub).channels, 2);
    world_tick(w, 100 * TIME_US_PER_MS);
    client_say(w, c, SAY);
    client_skip(hearer, 1);
}

static void nonsense_counts_and_so_does_what_is_for_no_channel(void **state)
{
    struct world *w = *state;
    struct client *c = client_open(w, PHX_V2);
    client_say(w, c, "nonsense");
    client_say(w, c, "[]");
    client_say(w, c, "[null,\"1\",\"realtime:y\",\"broadcast\",{}]");
    expect_part(c, "unmatched topic");
    client_say(w, c, "[null,\"1\",\"realtime:y\",\"broadcast\",{}]");
    expect_silence(c);
    client_say(w, c, "nonsense");
    assert_int_equal(hub_counters(w->hub).messages_over, 2);
    assert_int_equal(hub_counters(w->hub).malformed, 3);
}

static void heartbeats_and_leaves_are_never_refused(void **state)
{
    struct world *w = *state;
    struct client *c = client_open(w, PHX_V2);
    client_join(w, c, "x", "1", "", NULL);
    for (int i = 0; i < 4; i++)
        client_say(w, c, SAY);
    client_skip(c, 2);
    for (int i = 0; i < 100; i++) {
        client_say(w, c, HEARTBEAT);
        expect_part(c, "\"ok\"");
    }
    client_say(w, c, "[\"1\",\"9\",\"realtime:x\",\"phx_leave\",{}]");
    expect_part(c, "\"ok\"");
    expect_part(c, "phx_close");
    assert_int_equal(hub_counters(w->hub).messages_over, 1);
}

static void who_goes_on_and_on_is_sent_away(void **state)
{
    struct world *w = *state;
    struct client *c = client_open(w, PHX_V2);
    client_join(w, c, "x", "1", "", NULL);
    client_skip(c, 1);
    for (int i = 0; i < 3 + 6; i++)
        client_say(w, c, SAY);
    client_skip(c, 1);
    assert_int_equal(client_next_close(c), 1008);
    assert_true(c->is_told_to_close);
    assert_int_equal(hub_counters(w->hub).dropped_flood, 1);
    assert_int_equal(hub_counters(w->hub).channels, 0);
}

static void who_joins_on_and_on_is_sent_away_too(void **state)
{
    struct world *w = *state;
    struct client *c = client_open(w, PHX_V2);
    client_join(w, c, "t0", "1", SALES, OWNER);
    client_skip(c, 2);
    for (int i = 0; i < 20 && !c->is_told_to_close; i++)
        client_join(w, c, "t0", "2", SALES, OWNER); /* always the same */
    assert_true(c->is_told_to_close);
    assert_int_equal(hub_counters(w->hub).joins_over, 6);
    assert_int_equal(hub_counters(w->hub).dropped_flood, 1);
}

static void a_pause_is_a_new_beginning(void **state)
{
    struct world *w = *state;
    struct client *c = client_open(w, PHX_V2);
    client_join(w, c, "x", "1", "", NULL);
    client_skip(c, 1);
    for (int round = 0; round < 10; round++) {
        for (int i = 0; i < 3 + 5; i++)
            client_say(w, c, SAY);
        expect_part(c, "Too many messages per second");
        expect_silence(c);
        world_tick(w, 300 * TIME_US_PER_MS);
    }
    assert_false(c->is_told_to_close);
    assert_int_equal(hub_counters(w->hub).dropped_flood, 0);
}

/* What a client library does after a restart: all it has, at once. */
static void a_thousand_channels_are_joined_at_once_by_default(void **state)
{
    (void)state;
    static struct world w;
    world_init(&w);
    struct client *c = client_open(&w, PHX_V2);
    for (int i = 0; i < 1000; i++)
        join(&w, c, i);
    for (int i = 0; i < 1000; i++)
        expect_part(c, "\"status\":\"ok\"");
    assert_int_equal(hub_counters(w.hub).channels, 1000);
    world_done(&w);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, world_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(joins_over_the_rate_are_refused_and_later_taken),
        TEST(messages_over_the_rate_are_dropped_and_that_is_said_once),
        TEST(nonsense_counts_and_so_does_what_is_for_no_channel),
        TEST(heartbeats_and_leaves_are_never_refused),
        TEST(who_goes_on_and_on_is_sent_away),
        TEST(who_joins_on_and_on_is_sent_away_too),
        TEST(a_pause_is_a_new_beginning),
        cmocka_unit_test(a_thousand_channels_are_joined_at_once_by_default),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
