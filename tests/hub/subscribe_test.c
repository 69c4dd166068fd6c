#include "support.h"

#include <stdio.h>

#define SALES "\"postgres_changes\":[{\"event\":\"*\",\"table\":\"sales_logs\"}]"

static void reply_comes_before_the_first_event(void **state)
{
    struct world *w = *state;
    struct client *c = client_open(w, PHX_V2);
    c->is_stalled = true;
    client_join(w, c, "x", "1", SALES, OWNER);
    world_sell(w, 1, 1);
    client_take(w, c, SIZE_MAX);
    expect_part(c, "\"phx_reply\"");
    expect_part(c, "\"system\"");
    expect_part(c, "\"seq\":1}");
}

static void fault_in_one_binding_is_told_and_the_join_stays(void **state)
{
    struct world *w = *state;
    struct client *c = client_open(w, PHX_V2);
    client_join(w, c, "x", "1",
                "\"postgres_changes\":[{\"event\":\"*\",\"table\":\"sales_logs\"},{\"event\":\"*\","
                "\"schema\":\"public\",\"table\":\"nope\"}]",
                OWNER);
    expect_part(c,
                "\"status\":\"ok\",\"response\":{\"postgres_changes\":[{\"event\":\"*\",\"table\":"
                "\"sales_logs\",\"id\":");
    expect_text(c, "[\"1\",null,\"realtime:x\",\"system\",{\"channel\":\"x\",\"extension\":"
                   "\"postgres_changes\",\"status\":\"error\",\"message\":\"Unable to subscribe to "
                   "changes with given parameters. Please check Realtime is enabled for the given "
                   "connect parameters: [event: *, schema: public, table: nope, filters: []]\"}]");
    world_sell(w, 1, 1);
    expect_silence(c);
    client_say(w, c, "[\"1\",\"2\",\"realtime:x\",\"phx_leave\",{}]");
    expect_part(c, "\"ok\"");
}

static void unsupported_filter_is_an_error_never_silence(void **state)
{
    struct world *w = *state;
    struct client *c = client_open(w, PHX_V2);
    client_join(w, c, "x", "1",
                "\"postgres_changes\":[{\"event\":\"*\",\"table\":\"sales_logs\",\"filter\":"
                "\"note=match.(?=a)\"}]",
                OWNER);
    expect_part(c, "\"filter\":\"note=match.(?=a)\",\"id\":");
    expect_part(c, "invalid regular expression: this is not spoken: (?=a)");
}

static void join_without_bindings_has_an_empty_list_and_no_system_message(void **state)
{
    struct world *w = *state;
    struct client *c = client_open(w, PHX_V2);
    client_join(w, c, "a b/*", "1", "", NULL);
    expect_text(c, "[\"1\",\"1\",\"realtime:a b/*\",\"phx_reply\",{\"status\":\"ok\",\"response\":"
                   "{\"postgres_changes\":[]}}]");
    expect_silence(c);
    client_join(w, c, "r", "2", "\"broadcast\":{\"replication_ready\":true}", NULL);
    client_skip(c, 1);
    expect_part(c, "Replication connection established");
}

static void refused(struct client *c, const char *reason)
{
    char want[300];
    snprintf(want, sizeof(want), "{\"status\":\"error\",\"response\":{\"reason\":\"%s", reason);
    expect_part(c, want);
    expect_silence(c);
}

static void joins_are_refused_with_a_reason(void **state)
{
    struct world *w = *state;
    struct client *c = client_open(w, PHX_V2);
    client_say(w, c, "[\"1\",\"1\",\"realtime:\",\"phx_join\",{}]");
    refused(c, "TopicNameRequired: You must provide a topic name\"");
    client_say(w, c, "[\"1\",\"1\",\"other:x\",\"phx_join\",{}]");
    refused(c, "unmatched topic\"");
    client_say(w, c, "[\"1\",\"1\",\"realtime:x\",\"phx_join\",{\"access_token\":\"x\"}]");
    refused(c, "MalformedJWT: The token provided is not a valid JWT\"");
    client_join(w, c, "x", "1", SALES, STRANGER);
    refused(c, "Unauthorized: ");
    client_join(w, c, "x", "1", "\"private\":true", NULL);
    refused(c, "Unauthorized: You do not have permissions to read from this Channel topic: x\"");
    client_join(w, c, "x", "1", "\"broadcast\":{\"replay\":{\"since\":1}}", OWNER);
    refused(c, "UnableToReplayMessages: Replay is not allowed for public channels\"");
    assert_int_equal(hub_counters(w->hub).joins_refused, 6);
    assert_int_equal(hub_counters(w->hub).channels, 0);
}

static void bad_tokens_are_refused_by_their_fault(void **state)
{
    struct world *w = *state;
    struct client *c = client_open(w, PHX_V2);
    w->now_us += INT64_C(3610) * 1000000;
    client_join(w, c, "x", "1", SALES, OWNER);
    refused(c, "InvalidJWTToken: Token has expired 10 seconds ago\"");
    w->now_us -= INT64_C(3610) * 1000000;
    w->secret[0] ^= 1;
    struct buf message;
    buf_init(&message, 10000);
    buf_put_literal(&message, "[\"1\",\"1\",\"realtime:x\",\"phx_join\",{\"access_token\":\"");
    buf_put(&message, world_token(w, OWNER, NOW_S + 10));
    buf_put_literal(&message, "\"}]");
    w->secret[0] ^= 1;
    client_say_frame(w, c, 0x81, buf_bytes(&message));
    refused(c, "JwtSignatureError: Failed to validate JWT signature\"");
    buf_done(&message);
}

static void limits_are_kept(void **state)
{
    struct world w;
    struct hub_config cfg;
    (void)state;
    world_config(&w, &cfg);
    cfg.limits.channels_max = 2;
    cfg.limits.bindings_max = 1;
    world_start(&w, &cfg);
    struct client *c = client_open(&w, PHX_V2);
    client_join(&w, c, "a", "1", "", NULL);
    client_join(&w, c, "b", "2", "", NULL);
    client_skip(c, 2);
    client_join(&w, c, "c", "3", "", NULL);
    refused(c, "ChannelRateLimitReached: Too many channels\"");
    assert_int_equal(hub_counters(w.hub).channels_over, 1);
    client_join(&w, c, "b", "4", "", NULL); /* takes the place of the old one */
    expect_text(c, "[\"2\",\"2\",\"realtime:b\",\"phx_close\",{}]");
    expect_part(c, "\"ok\"");
    client_say(&w, c, "[\"4\",\"5\",\"realtime:b\",\"phx_leave\",{}]");
    client_skip(c, 2);
    client_join(&w, c, "c", "6", "\"postgres_changes\":[{},{}]", NULL);
    refused(c, "TooManyBindings: ");
    assert_int_equal(hub_counters(w.hub).bindings_over, 1);
    world_done(&w);
}

static void second_join_ends_the_first(void **state)
{
    struct world *w = *state;
    struct client *c = client_open(w, PHX_V2);
    client_join(w, c, "x", "1", SALES, OWNER);
    client_skip(c, 2);
    client_join(w, c, "x", "5", SALES, OWNER);
    expect_text(c, "[\"1\",\"1\",\"realtime:x\",\"phx_close\",{}]");
    expect_part(c, "[\"5\",\"5\",\"realtime:x\",\"phx_reply\",{\"status\":\"ok\"");
    client_skip(c, 1);
    world_sell(w, 1, 1);
    client_skip(c, 1);
    expect_silence(c);
    assert_int_equal(hub_counters(w->hub).channels, 1);
}

static void join_leave_join_within_one_read_is_answered_in_order(void **state)
{
    struct world *w = *state;
    struct client *c = client_open(w, PHX_V2);
    c->is_stalled = true;
    client_join(w, c, "x", "1", SALES, OWNER);
    client_say(w, c, "[\"1\",\"2\",\"realtime:x\",\"phx_leave\",{}]");
    client_join(w, c, "x", "3", SALES, OWNER);
    client_take(w, c, SIZE_MAX);
    expect_part(c, "[\"1\",\"1\",\"realtime:x\",\"phx_reply\"");
    expect_part(c, "[\"1\",null,\"realtime:x\",\"system\"");
    expect_part(c, "[\"1\",\"2\",\"realtime:x\",\"phx_reply\"");
    expect_part(c, "[\"1\",\"1\",\"realtime:x\",\"phx_close\"");
    expect_part(c, "[\"3\",\"3\",\"realtime:x\",\"phx_reply\"");
}

static void resume_replays_what_was_missed_before_anything_newer(void **state)
{
    struct world *w = *state;
    for (unsigned i = 1; i <= 100; i++)
        world_sell(w, i, 1);
    struct client *c = client_open(w, PHX_V2);
    client_join(w, c, "x", "1", SALES ",\"resume\":{\"epoch\":\"epoch-1\",\"seq\":10}", OWNER);
    expect_part(c, "\"seq\":100,\"replayed\":true}}}]");
    client_skip(c, 1);
    world_sell(w, 101, 1);
    for (int i = 11; i <= 101; i++) {
        char part[20];
        snprintf(part, sizeof(part), "\"seq\":%d}", i);
        expect_part(c, part);
    }
    expect_silence(c);
    assert_int_equal(hub_counters(w->hub).replayed, 90);
}

static void resume_that_cannot_be_is_said_to_be_none(void **state)
{
    static const char *const configs[] = {
        SALES ",\"resume\":{\"epoch\":\"other\",\"seq\":4}",
        SALES ",\"resume\":{\"epoch\":\"epoch-1\",\"seq\":99}",
        SALES ",\"resume\":{\"epoch\":\"epoch-1\",\"seq\":0}", /* out of the window */
        SALES ",\"resume\":7",
    };
    struct world w;
    struct hub_config cfg;
    (void)state;
    world_config(&w, &cfg);
    cfg.log_count_max = 3;
    world_start(&w, &cfg);
    for (unsigned i = 1; i <= 5; i++)
        world_sell(&w, i, 1);
    for (size_t i = 0; i < CHECK_COUNT(configs); i++) {
        struct client *c = client_open(&w, PHX_V2);
        client_join(&w, c, "x", "1", configs[i], OWNER);
        expect_part(c, "\"seq\":5,\"replayed\":false}");
        client_skip(c, 1);
        expect_silence(c);
    }
    struct client *c = client_open(&w, PHX_V2);
    client_join(&w, c, "x", "1", SALES ",\"resume\":{\"epoch\":\"epoch-1\",\"seq\":2}", OWNER);
    expect_part(c, "\"replayed\":true}");
    client_skip(c, 4);
    expect_silence(c);
    client_join(&w, c, "y", "2", SALES ",\"resume\":{\"epoch\":\"epoch-1\",\"seq\":5}", OWNER);
    expect_part(c, "\"replayed\":true}");
    client_skip(c, 1);
    expect_silence(c);
    world_done(&w);
}

static void presence_state_follows_the_reply_where_it_is_wanted(void **state)
{
    struct world *w = *state;
    struct client *v2 = client_open(w, PHX_V2), *v1 = client_open(w, PHX_V1);
    client_join(w, v2, "x", "1", "\"presence\":{\"enabled\":\"true\"}", NULL);
    client_skip(v2, 1);
    expect_part(v2, "presence_state");
    client_join(w, v1, "x", "1", "", NULL);
    client_skip(v1, 1);
    expect_part(v1, "presence_state");
    client_join(w, v1, "y", "2", "\"presence\":{\"enabled\":false}", NULL);
    client_skip(v1, 1);
    expect_silence(v1);
}

static void apikey_of_the_service_sees_all_without_a_token(void **state)
{
    struct world *w = *state;
    struct client *c = client_open_as(w, PHX_V2, TOKEN_SERVICE, NULL);
    client_join(w, c, "x", "1", SALES, NULL);
    client_skip(c, 2);
    world_sell(w, 1, 1);
    expect_part(c, "\"seq\":1}");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(reply_comes_before_the_first_event),
        TEST(fault_in_one_binding_is_told_and_the_join_stays),
        TEST(unsupported_filter_is_an_error_never_silence),
        TEST(join_without_bindings_has_an_empty_list_and_no_system_message),
        TEST(joins_are_refused_with_a_reason),
        TEST(bad_tokens_are_refused_by_their_fault),
        cmocka_unit_test(limits_are_kept),
        TEST(second_join_ends_the_first),
        TEST(join_leave_join_within_one_read_is_answered_in_order),
        TEST(resume_replays_what_was_missed_before_anything_newer),
        cmocka_unit_test(resume_that_cannot_be_is_said_to_be_none),
        TEST(presence_state_follows_the_reply_where_it_is_wanted),
        TEST(apikey_of_the_service_sees_all_without_a_token),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
