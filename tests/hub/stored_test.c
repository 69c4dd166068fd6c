/* Broadcasts that are kept: said to the store, heard when committed, and heard again by who joins
 * later.  The test is the shell, and the store. */
#include "hub/stored.h"

#include "support.h"

#include <stdio.h>

#define ACK "\"private\":true,\"broadcast\":{\"ack\":true}"
#define PRIVATE "\"private\":true"
#define REPLAY "\"private\":true,\"broadcast\":{\"replay\":{\"since\":1000}}"
#define KIND_3(meta_size, meta, enc, payload)                                                      \
    BYTES("\x03\x01\x01\x0a\x01" meta_size enc "12realtime:xe" meta payload)

static struct client *joined(struct world *w, enum phx_version v, const char *config)
{
    struct client *c = client_open(w, v);
    char text[200] = "\"presence\":{\"enabled\":false},";
    client_join(w, c, "x", "1", strcat(text, config), OWNER);
    expect_part(c, "\"status\":\"ok\"");
    return c;
}

static void say_text(struct world *w, struct client *c, const char *persist)
{
    char text[300];
    snprintf(
        text, sizeof(text),
        "[\"1\",\"2\",\"realtime:x\",\"broadcast\",{\"type\":\"broadcast\",\"event\":\"\\u0065\","
        "\"payload\":{\"a\":1},\"persist\":%s}]",
        persist);
    client_say(w, c, text);
}

static struct hub_stored stored(int64_t number, const char *payload)
{
    struct hub_stored s = {.broadcast = {.topic = BYTES("realtime:x"),
                                         .event = BYTES("e"),
                                         .payload = bytes_of(payload),
                                         .form = BROADCAST_JSON,
                                         .is_private = true},
                           .number = number};
    snprintf(s.id, sizeof(s.id), "00000000-0000-7000-8000-%012d", (int)number);
    return s;
}

static void hear(struct world *w, const struct hub_stored *s)
{
    struct hub_in in = {.kind = HUB_IN_STORED, .stored = s};
    assert_int_equal(world_step(w, &in), OK);
    world_flush(w);
}

/* The oldest letter comes back. */
static void bring_back(struct world *w, const char *fault)
{
    struct hub_in in = {.kind = HUB_IN_PERSISTED, .fault = bytes_of(fault)};
    assert_true(w->letter_count > 0);
    in.letter = w->letters[0];
    memmove(w->letters, w->letters + 1, --w->letter_count * sizeof(w->letters[0]));
    assert_int_equal(world_step(w, &in), OK);
    world_flush(w);
}

static void answer(struct world *w, const struct hub_stored *items, size_t count, enum err error)
{
    struct hub_in in = {
        .kind = HUB_IN_MESSAGES, .stored = items, .stored_count = count, .error = error};
    assert_true(w->wish_count > 0);
    in.wish = w->wishes[0];
    memmove(w->wishes, w->wishes + 1, --w->wish_count * sizeof(w->wishes[0]));
    assert_int_equal(world_step(w, &in), OK);
    world_flush(w);
}

static void it_is_heard_and_acknowledged_when_it_is_kept(void **state)
{
    struct world *w = *state;
    struct client *from = joined(w, PHX_V2, ACK), *v2 = joined(w, PHX_V2, PRIVATE);
    struct client *v1 = joined(w, PHX_V1, PRIVATE);
    client_say_frame(w, from, 0x82, KIND_3("\x10", "{\"persist\":true}", "\x01", "{\"a\":1}"));
    expect_silence(from);
    expect_silence(v2);
    assert_int_equal(w->letter_count, 1);
    check_text(letter_topic(w->letters[0]), "x");
    check_text(w->letters[0]->broadcast.payload, "{\"a\":1}");
    assert_int_equal(w->letters[0]->ttl_us, 0);
    assert_int_equal(w->letters[0]->who.role, ROLE_OWNER);
    struct hub_stored s = stored(7, "{\"a\":1}");
    s.letter = w->letters[0];
    hear(w, &s);
    expect_silence(from); /* does not want its own */
    uint8_t opcode;
    struct bytes got = client_next(v2, &opcode);
    assert_int_equal(opcode, WS_BINARY);
    check_text(bytes_slice(got, 1, got.size),
               "\x0a\x01\x2d\x01realtime:xe{\"id\":\"00000000-0000-7000-8000-000000000007\"}"
               "{\"a\":1}");
    expect_text(v1, "{\"topic\":\"realtime:x\",\"event\":\"broadcast\",\"payload\":{\"type\":"
                    "\"broadcast\",\"event\":\"e\",\"payload\":{\"a\":1},\"meta\":{\"id\":"
                    "\"00000000-0000-7000-8000-000000000007\"}},\"ref\":null}");
    bring_back(w, "");
    expect_text(from,
                "[\"1\",\"2\",\"realtime:x\",\"phx_reply\",{\"status\":\"ok\",\"response\":{}}]");
    assert_int_equal(hub_counters(w->hub).stored_broadcasts, 1);
}

static void a_text_message_is_kept_by_its_parts(void **state)
{
    struct world *w = *state;
    struct client *from = joined(w, PHX_V2, "\"private\":true,\"broadcast\":{\"self\":true}");
    say_text(w, from, "{\"ttl\":60}");
    assert_int_equal(w->letter_count, 1);
    check_text(w->letters[0]->broadcast.event, "e");
    check_text(w->letters[0]->broadcast.payload, "{\"a\":1}");
    assert_int_equal(w->letters[0]->ttl_us, 60 * 1000000);
    struct hub_stored s = stored(7, "{\"a\":1}");
    s.letter = w->letters[0];
    hear(w, &s);
    expect_part(from, "realtime:xe");
    bring_back(w, "");
    expect_silence(from);
    client_say(w, from,
               "[\"1\",\"2\",\"realtime:x\",\"broadcast\",{\"event\":5,\"persist\":\"true\"}]");
    check_text(w->letters[0]->broadcast.event, "");
    check_text(w->letters[0]->broadcast.payload, "{}");
}

static void what_is_not_kept_is_heard_by_nobody(void **state)
{
    struct world *w = *state;
    struct client *from = joined(w, PHX_V2, ACK), *other = joined(w, PHX_V2, PRIVATE);
    say_text(w, from, "true");
    bring_back(w, "the message is too big to be stored");
    expect_text(from,
                "[\"1\",\"2\",\"realtime:x\",\"phx_reply\",{\"status\":\"error\",\"response\":"
                "{\"error\":\"UnableToPersistMessage: the message is too big to be stored\"}}]");
    say_text(w, other, "true");
    bring_back(w, "no");
    expect_silence(other);
    expect_silence(from);
    assert_int_equal(hub_counters(w->hub).unstored_broadcasts, 2);
}

static void options_that_are_none_are_refused(void **state)
{
    struct world *w = *state;
    static const char *const bad[] = {
        "7", "[]", "\"x\"", "{\"ttl\":0}", "{\"ttl\":-1}", "{\"ttl\":1.5}", "{\"ttl\":\"1\"}"};
    static const char *const no[] = {"false", "null", "\"false\""};
    struct client *from = joined(w, PHX_V2, ACK), *other = joined(w, PHX_V2, PRIVATE);
    for (size_t i = 0; i < CHECK_COUNT(bad); i++) {
        say_text(w, from, bad[i]);
        expect_part(from, "{\"error\":\"UnableToPersistMessage: Persist params are not valid\"}");
        expect_silence(other);
    }
    for (size_t i = 0; i < CHECK_COUNT(no); i++) {
        say_text(w, from, no[i]);
        expect_part(from, "\"status\":\"ok\"");
        expect_part(other, "\"broadcast\"");
    }
    say_text(w, from, "{\"ttl\":9223372036854775807}");
    assert_int_equal(w->letters[0]->ttl_us, INT64_MAX);
    assert_int_equal(w->letter_count, 1);
}

static void public_channels_keep_nothing(void **state)
{
    struct world *w = *state;
    struct client *from = joined(w, PHX_V2, "\"broadcast\":{\"ack\":true}");
    say_text(w, from, "true");
    expect_part(from, "UnableToPersistMessage: Only messages of private channels are stored");
    assert_int_equal(w->letter_count, 0);
}

static void who_may_not_say_may_not_keep(void **state)
{
    struct world *w = *state;
    struct client *c = client_open(w, PHX_V2);
    client_join(w, c, "x", "1", ACK, REP);
    client_skip(c, 1);
    say_text(w, c, "true");
    expect_part(c, "Unauthorized: ");
    assert_int_equal(w->letter_count, 0);
}

static void what_waits_for_the_store_is_bounded(void **state)
{
    struct world *w = *state;
    struct hub_config cfg;
    world_done(w);
    world_config(w, &cfg);
    cfg.limits.persist_bytes_max = 60;
    world_start(w, &cfg);
    struct client *from = joined(w, PHX_V2, ACK);
    int kept = 0;
    for (say_text(w, from, "true"); client_next(from, NULL).size == 0; kept++)
        say_text(w, from, "true");
    assert_in_range(kept, 2, 4);
    assert_int_equal(w->letter_count, kept);
    bring_back(w, "");
    expect_part(from, "\"status\":\"ok\"");
    say_text(w, from, "true");
    expect_silence(from);
}

static void who_has_gone_is_owed_nothing(void **state)
{
    struct world *w = *state;
    struct client *from = joined(w, PHX_V2, ACK), *other = joined(w, PHX_V2, PRIVATE);
    say_text(w, from, "true");
    client_gone(w, from);
    struct hub_stored s = stored(1, "{}");
    s.letter = w->letters[0];
    hear(w, &s);
    bring_back(w, "");
    expect_part(other, "realtime:xe");
}

static void old_ones_come_before_new_ones_and_each_once(void **state)
{
    struct world *w = *state;
    struct client *say = joined(w, PHX_V2, PRIVATE), *c = joined(w, PHX_V2, REPLAY);
    const struct hub_stored items[] = {stored(1, "1"), stored(2, "2"), stored(4, "4"),
                                       stored(6, "6")};
    struct hub_stored three = stored(3, "3"), seven = stored(7, "7");
    assert_int_equal(w->wish_count, 1);
    check_text(wish_topic(w->wishes[0]), "x");
    assert_int_equal(w->wishes[0]->since_us, 1000000);
    assert_int_equal(w->wishes[0]->count_max, 25);
    client_say_frame(w, say, 0x82, KIND_3("\x00", "", "\x01", "\"early\""));
    hear(w, &three); /* not in the answer: 25 newer ones were */
    hear(w, &items[2]);
    client_say_frame(w, say, 0x82, KIND_3("\x00", "", "\x01", "\"between\""));
    hear(w, &items[3]);
    hear(w, &seven);
    expect_silence(c);
    answer(w, items, 4, OK);
    expect_part(c, "{\"replayed\":true,\"id\":\"00000000-0000-7000-8000-000000000001\"}1");
    expect_part(c, "{\"replayed\":true,\"id\":\"00000000-0000-7000-8000-000000000002\"}2");
    expect_part(c, "realtime:xe\"early\"");
    expect_part(c, "{\"id\":\"00000000-0000-7000-8000-000000000003\"}3");
    expect_part(c, "{\"replayed\":true,\"id\":\"00000000-0000-7000-8000-000000000004\"}4");
    expect_part(c, "realtime:xe\"between\"");
    expect_part(c, "{\"replayed\":true,\"id\":\"00000000-0000-7000-8000-000000000006\"}6");
    expect_part(c, "{\"id\":\"00000000-0000-7000-8000-000000000007\"}7");
    expect_silence(c);
    struct hub_stored eight = stored(8, "8");
    hear(w, &eight);
    expect_part(c, "000000000008\"}8");
    assert_int_equal(hub_counters(w->hub).replayed_broadcasts, 4);
}

static void version_1_is_replayed_as_text_and_has_no_raw_bytes(void **state)
{
    struct world *w = *state;
    struct client *c = joined(w, PHX_V1, REPLAY);
    struct hub_stored items[] = {stored(1, "raw"), stored(2, "{\"a\":1}")};
    items[0].broadcast.form = BROADCAST_RAW;
    answer(w, items, 2, OK);
    expect_text(c,
                "{\"topic\":\"realtime:x\",\"event\":\"broadcast\",\"payload\":{\"type\":"
                "\"broadcast\",\"event\":\"e\",\"payload\":{\"a\":1},\"meta\":{\"replayed\":true,"
                "\"id\":\"00000000-0000-7000-8000-000000000002\"}},\"ref\":null}");
    expect_silence(c);
    assert_int_equal(hub_counters(w->hub).dropped_broadcasts, 0);
}

static void nothing_to_replay_lets_the_held_ones_go(void **state)
{
    struct world *w = *state;
    struct client *say = joined(w, PHX_V2, PRIVATE), *c = joined(w, PHX_V2, REPLAY);
    for (int i = 0; i < HELD_MAX + 1; i++)
        say_text(w, say, "false");
    assert_int_equal(hub_counters(w->hub).dropped_broadcasts, 1);
    answer(w, NULL, 0, OK);
    client_skip(c, HELD_MAX);
    expect_silence(c);
    say_text(w, say, "false");
    client_skip(c, 1);
}

static void a_store_that_fails_sends_the_client_round_again(void **state)
{
    struct world *w = *state;
    struct client *c = joined(w, PHX_V2, REPLAY);
    answer(w, NULL, 0, ERR_IO);
    expect_part(c, "UnableToReplayMessages: the store did not answer");
    expect_text(c, "[\"1\",\"1\",\"realtime:x\",\"phx_error\",{}]");
    assert_int_equal(hub_counters(w->hub).channels, 0);
}

static void an_answer_is_for_the_join_that_wished_it(void **state)
{
    struct world *w = *state;
    struct client *c = joined(w, PHX_V2, REPLAY);
    const struct hub_stored item = stored(1, "1");
    client_join(w, c, "x", "2", REPLAY, OWNER);
    expect_part(c, "phx_close");
    client_skip(c, 1);
    answer(w, &item, 1, OK);
    expect_silence(c);
    answer(w, &item, 1, OK);
    expect_part(c, "\"}1");
    client_join(w, c, "x", "3", REPLAY, OWNER);
    client_skip(c, 2);
    client_gone(w, c);
    answer(w, &item, 1, OK);
    assert_int_equal(w->wish_count, 0);
}

static void wishes_are_sent_a_few_at_a_time(void **state)
{
    struct world *w = *state;
    struct client *c = client_open(w, PHX_V2);
    char name[8];
    for (int i = 0; i < 50; i++) {
        snprintf(name, sizeof(name), "t%d", i);
        client_join(w, c, name, "1", REPLAY, OWNER);
    }
    client_skip(c, 50);
    size_t first = w->wish_count;
    assert_in_range(first, 1, 49);
    answer(w, NULL, 0, OK);
    assert_int_equal(w->wish_count, first);
    for (int i = 1; i < 50; i++)
        answer(w, NULL, 0, OK);
    assert_int_equal(w->wish_count, 0);
}

static void a_replay_wants_sound_params_and_a_private_channel(void **state)
{
    struct world *w = *state;
    static const char *const bad[] = {"{}",
                                      "7",
                                      "{\"since\":\"x\"}",
                                      "{\"since\":-1}",
                                      "{\"since\":1.5}",
                                      "{\"since\":9223372036854775807}",
                                      "{\"since\":1,\"limit\":0}",
                                      "{\"since\":1,\"limit\":26}",
                                      "{\"since\":1,\"limit\":\"5\"}"};
    struct client *c = client_open(w, PHX_V2);
    char config[200];
    for (size_t i = 0; i < CHECK_COUNT(bad); i++) {
        snprintf(config, sizeof(config), "\"private\":true,\"broadcast\":{\"replay\":%s}", bad[i]);
        client_join(w, c, "x", "1", config, OWNER);
        expect_part(c, "\"reason\":\"UnableToReplayMessages: Replay params are not valid\"");
    }
    client_join(w, c, "x", "1", "\"broadcast\":{\"replay\":{\"since\":1}}", OWNER);
    expect_part(c, "Replay is not allowed for public channels");
    client_join(w, c, "x", "1",
                "\"private\":true,\"broadcast\":{\"replay\":{\"since\":0,\"limit\":3}}", OWNER);
    expect_part(c, "\"status\":\"ok\"");
    assert_int_equal(w->wishes[0]->count_max, 3);
}

static void who_loses_the_right_meanwhile_hears_nothing(void **state)
{
    struct world *w = *state;
    struct client *c = joined(w, PHX_V2, REPLAY);
    const struct hub_stored item = stored(1, "1");
    client_push_token(w, c, "x", "1", "anon", NOW_S + 100);
    expect_part(c, "You no longer have permission");
    client_skip(c, 1);
    answer(w, &item, 1, OK);
    expect_silence(c);
}

static void memory_may_end_at_any_point(void **state)
{
    struct world *w = *state;
    struct client *c = joined(w, PHX_V2, ACK);
    const struct hub_stored items[] = {stored(1, "1"), stored(2, "2")};
    w->has_failed = true;
    for (uint64_t n = 1; w->has_failed; n++) {
        w->has_failed = false;
        w->fail_at = n;
        w->fail_step = w->step_count + 1;
        say_text(w, c, "true");
        w->fail_step = w->step_count + 1;
        if (w->letter_count > 0)
            bring_back(w, "");
        w->fail_step = w->step_count + 1;
        hear(w, &items[0]);
        w->fail_step = 0;
        struct client *r = client_open(w, PHX_V2);
        w->fail_step = w->step_count + 1;
        client_join(w, r, "x", "1", REPLAY, OWNER);
        w->fail_step = w->step_count + 1;
        if (w->wish_count > 0)
            answer(w, items, 2, OK);
        w->fail_step = 0;
        client_gone(w, r);
        client_gone(w, c);
        c = joined(w, PHX_V2, ACK);
        assert_true(n < 20);
    }
    assert_int_equal(w->letter_count, 0);
    assert_int_equal(w->wish_count, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(it_is_heard_and_acknowledged_when_it_is_kept),
        TEST(a_text_message_is_kept_by_its_parts),
        TEST(what_is_not_kept_is_heard_by_nobody),
        TEST(options_that_are_none_are_refused),
        TEST(public_channels_keep_nothing),
        TEST(who_may_not_say_may_not_keep),
        TEST(what_waits_for_the_store_is_bounded),
        TEST(who_has_gone_is_owed_nothing),
        TEST(old_ones_come_before_new_ones_and_each_once),
        TEST(version_1_is_replayed_as_text_and_has_no_raw_bytes),
        TEST(nothing_to_replay_lets_the_held_ones_go),
        TEST(a_store_that_fails_sends_the_client_round_again),
        TEST(an_answer_is_for_the_join_that_wished_it),
        TEST(wishes_are_sent_a_few_at_a_time),
        TEST(a_replay_wants_sound_params_and_a_private_channel),
        TEST(who_loses_the_right_meanwhile_hears_nothing),
        TEST(memory_may_end_at_any_point),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
