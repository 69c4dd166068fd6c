/* The routing rules (protocol, section 3) and the tokens of joined channels (section 5.2). */
#include "support.h"

#include <stdio.h>

#include "base/time.h"

#define SALES "\"postgres_changes\":[{\"event\":\"*\",\"table\":\"sales_logs\"}]"

static struct client *joined(struct world *w, const char *user_id)
{
    struct client *c = client_open(w, PHX_V2);
    client_join(w, c, "x", "1", SALES, user_id);
    client_skip(c, 2);
    return c;
}

static void push_token(struct world *w, struct client *c, const char *topic, struct bytes token)
{
    struct buf message;
    buf_init(&message, 10000);
    buf_put_literal(&message, "[\"1\",\"5\",\"realtime:");
    buf_put(&message, bytes_of(topic));
    buf_put_literal(&message, "\",\"access_token\",{\"access_token\":\"");
    buf_put(&message, token);
    buf_put_literal(&message, "\"}]");
    client_say_frame(w, c, 0x81, buf_bytes(&message));
    buf_done(&message);
}

static void sell_is_seen(struct world *w, struct client *c, bool want)
{
    world_sell(w, 1, 1);
    assert_int_equal(client_next(c, NULL).size > 0, want);
    expect_silence(c);
}

static void anything_on_a_topic_that_is_not_joined_is_unmatched(void **state)
{
    struct world *w = *state;
    struct client *c = client_open(w, PHX_V2);
    client_say(w, c, "[\"1\",\"2\",\"realtime:y\",\"broadcast\",{}]");
    expect_text(c, "[null,\"2\",\"realtime:y\",\"phx_reply\",{\"status\":\"error\",\"response\":"
                   "{\"reason\":\"unmatched topic\"}}]");
    client_say(w, c, "[null,null,\"phoenix\",\"what\",{}]");
    expect_text(c, "[null,null,\"phoenix\",\"phx_reply\",{\"status\":\"error\",\"response\":"
                   "{\"reason\":\"unmatched topic\"}}]");
    client_say_frame(w, c, 0x82, BYTES("\x03\x01\x01\x0a\x01\x00\x01\x31\x32realtime:ye{}"));
    expect_part(c, "unmatched topic");
}

static void leave_of_what_is_not_joined_is_fine(void **state)
{
    struct world *w = *state;
    struct client *c = client_open(w, PHX_V2);
    client_say(w, c, "[\"1\",\"2\",\"realtime:y\",\"phx_leave\",{}]");
    expect_text(c, "[null,\"2\",\"realtime:y\",\"phx_reply\",{\"status\":\"ok\",\"response\":{}}]");
}

static void unknown_event_on_a_joined_topic_is_ignored(void **state)
{
    struct world *w = *state;
    struct client *c = joined(w, OWNER);
    client_say(w, c, "[\"1\",\"2\",\"realtime:x\",\"what\",{}]");
    client_say(w, c, "[\"1\",\"2\",\"realtime:x\",\"phx_close\",{}]");
    expect_silence(c);
    sell_is_seen(w, c, true);
}

static void presence_is_answered_at_once(void **state)
{
    struct world *w = *state;
    struct client *c = joined(w, OWNER);
    client_say(w, c,
               "[\"1\",\"2\",\"realtime:x\",\"presence\",{\"type\":\"presence\","
               "\"event\":\"track\",\"payload\":{}}]");
    expect_text(c,
                "[\"1\",\"2\",\"realtime:x\",\"phx_reply\",{\"status\":\"ok\",\"response\":{}}]");
    sell_is_seen(w, c, true);
}

static void stale_and_missing_join_refs_are_tolerated(void **state)
{
    struct world *w = *state;
    struct client *c = joined(w, OWNER);
    client_say(w, c, "[\"77\",\"8\",\"realtime:x\",\"phx_leave\",{}]");
    expect_text(c,
                "[\"1\",\"8\",\"realtime:x\",\"phx_reply\",{\"status\":\"ok\",\"response\":{}}]");
    expect_text(c, "[\"1\",\"1\",\"realtime:x\",\"phx_close\",{}]");
    client_join(w, c, "x", "9", SALES, OWNER);
    client_skip(c, 2);
    client_say(w, c, "[null,\"10\",\"realtime:x\",\"phx_leave\",{}]");
    expect_text(c,
                "[\"9\",\"10\",\"realtime:x\",\"phx_reply\",{\"status\":\"ok\",\"response\":{}}]");
    client_skip(c, 1);
}

static void new_valid_token_changes_what_is_seen(void **state)
{
    struct world *w = *state;
    struct client *c = joined(w, "anon");
    sell_is_seen(w, c, false);
    push_token(w, c, "x", world_token(w, OWNER, NOW_S + 100));
    expect_silence(c);
    sell_is_seen(w, c, true);
    push_token(w, c, "x", world_token(w, "anon", NOW_S + 100));
    sell_is_seen(w, c, false);
}

static void empty_and_opaque_tokens_are_ignored(void **state)
{
    struct world *w = *state;
    struct client *c = joined(w, OWNER);
    push_token(w, c, "x", BYTES(""));
    push_token(w, c, "x", BYTES("sb_publishable_key"));
    client_say(w, c, "[\"1\",\"5\",\"realtime:x\",\"access_token\",{\"access_token\":null}]");
    client_say(w, c, "[\"1\",\"5\",\"realtime:x\",\"access_token\",7]");
    expect_silence(c);
    sell_is_seen(w, c, true);
}

static void malformed_token_closes_the_channel_for_good(void **state)
{
    struct world *w = *state;
    struct client *c = joined(w, OWNER);
    push_token(w, c, "x", BYTES("not.a.token"));
    expect_text(c,
                "[\"1\",null,\"realtime:x\",\"system\",{\"channel\":\"x\",\"extension\":\"system\","
                "\"status\":\"error\",\"message\":\"The token provided is not a valid JWT\"}]");
    expect_text(c, "[\"1\",\"1\",\"realtime:x\",\"phx_close\",{}]");
    sell_is_seen(w, c, false);
}

static void expired_token_asks_the_client_to_join_again(void **state)
{
    struct world *w = *state;
    struct client *c = joined(w, OWNER);
    push_token(w, c, "x", world_token(w, OWNER, NOW_S - 30));
    expect_part(c, "\"message\":\"Token has expired 30 seconds ago\"");
    expect_text(c, "[\"1\",\"1\",\"realtime:x\",\"phx_error\",{}]");
    sell_is_seen(w, c, false);
}

static void token_of_a_stranger_closes_the_channel(void **state)
{
    struct world *w = *state;
    struct client *c = joined(w, OWNER);
    push_token(w, c, "x", world_token(w, STRANGER, NOW_S + 100));
    expect_part(c, "Unauthorized: ");
    expect_text(c, "[\"1\",\"1\",\"realtime:x\",\"phx_close\",{}]");
    sell_is_seen(w, c, false);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(anything_on_a_topic_that_is_not_joined_is_unmatched),
        TEST(leave_of_what_is_not_joined_is_fine),
        TEST(unknown_event_on_a_joined_topic_is_ignored),
        TEST(presence_is_answered_at_once),
        TEST(stale_and_missing_join_refs_are_tolerated),
        TEST(new_valid_token_changes_what_is_seen),
        TEST(empty_and_opaque_tokens_are_ignored),
        TEST(malformed_token_closes_the_channel_for_good),
        TEST(expired_token_asks_the_client_to_join_again),
        TEST(token_of_a_stranger_closes_the_channel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
