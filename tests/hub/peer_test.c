#include "support.h"

#include <stdio.h>

#include "base/time.h"

#define HEARTBEAT "[null,\"1\",\"phoenix\",\"heartbeat\",{}]"
#define SALES "\"postgres_changes\":[{\"event\":\"*\",\"table\":\"sales_logs\"}]"

static void ping_is_answered_with_its_payload(void **state)
{
    struct world *w = *state;
    struct client *c = client_open(w, PHX_V2);
    uint8_t opcode;
    client_say_frame(w, c, 0x89, BYTES("hello"));
    check_text(client_next(c, &opcode), "hello");
    assert_int_equal(opcode, 0xA);
    client_say_frame(w, c, 0x8A, BYTES("unasked"));
    expect_silence(c);
}

static void close_is_answered_and_ends_the_connection(void **state)
{
    struct world *w = *state;
    struct client *c = client_open(w, PHX_V2);
    client_say_frame(w, c, 0x88, BYTES("\x03\xe8"));
    assert_int_equal(client_next_close(c), 1000);
    assert_true(c->is_told_to_close);
    assert_false(c->is_abrupt);
    client_say(w, c, HEARTBEAT);
    expect_silence(c);
}

static void close_without_code_is_answered_without_code(void **state)
{
    struct world *w = *state;
    struct client *c = client_open(w, PHX_V2);
    client_say_frame(w, c, 0x88, BYTES(""));
    assert_int_equal(c->wire.size, 2);
    assert_true(c->is_told_to_close);
}

/* All in one piece: a message, and what ends the connection. */
static void expect_answer_then_close(struct world *w, struct bytes end, int code)
{
    struct client *c = client_open(w, PHX_V2);
    struct buf wire;
    buf_init(&wire, 1000);
    buf_put_literal(&wire, "\x81\xa3\0\0\0\0" HEARTBEAT);
    buf_put(&wire, end);
    client_feed(w, c, buf_bytes(&wire));
    expect_part(c, "phx_reply");
    assert_int_equal(client_next_close(c), code);
    assert_true(c->is_told_to_close);
    buf_done(&wire);
}

static void what_came_before_the_end_is_answered(void **state)
{
    expect_answer_then_close(*state, BYTES("\x88\x82\0\0\0\0\x03\xe9"), 1001);
    expect_answer_then_close(*state, BYTES("\xc1\x80\0\0\0\0"), 1002);
    expect_answer_then_close(*state, BYTES("\x81\x81\0\0\0\0\xff"), 1007);
}

static void violations_close_with_the_code_that_fits(void **state)
{
    static const struct {
        struct bytes wire;
        int code;
    } cases[] = {
        {BYTES_INIT("\x81\x01x"), 1002},                                /* no mask */
        {BYTES_INIT("\xc1\x81\x00\x00\x00\x00x"), 1002},                /* reserved bit */
        {BYTES_INIT("\x83\x81\x00\x00\x00\x00x"), 1002},                /* unknown opcode */
        {BYTES_INIT("\x80\x81\x00\x00\x00\x00x"), 1002},                /* nothing to continue */
        {BYTES_INIT("\x81\x81\x00\x00\x00\x00\xff"), 1007},             /* not UTF-8 */
        {BYTES_INIT("\x81\xff\x00\x00\x00\x00\x00\x40\x00\x01"), 1009}, /* 4 MiB + 1 */
    };
    struct world *w = *state;
    for (size_t i = 0; i < CHECK_COUNT(cases); i++) {
        struct client *c = client_open(w, PHX_V2);
        client_feed(w, c, cases[i].wire);
        client_feed(w, c, BYTES("\x00\x00\x00\x00"));
        assert_int_equal(client_next_close(c), cases[i].code);
        assert_true(c->is_told_to_close);
    }
    assert_int_equal(hub_counters(w->hub).messages_too_big, 1);
    assert_int_equal(hub_counters(w->hub).violations, CHECK_COUNT(cases) - 1);
}

static void malformed_messages_are_counted_and_forgiven(void **state)
{
    static const char *const texts[] = {
        "",    "x", "{}", "[]", "[1,2]", "[null,\"1\",7,\"e\",{}]", "[null,\"1\",\"t\",null,{}]",
        "[[[["};
    struct world *w = *state;
    struct client *c = client_open(w, PHX_V2);
    for (size_t i = 0; i < CHECK_COUNT(texts); i++)
        client_say(w, c, texts[i]);
    client_say_frame(w, c, 0x82, BYTES("\x03\x09"));
    client_say_frame(w, c, 0x82, BYTES("\x09"));
    expect_silence(c);
    assert_int_equal(hub_counters(w->hub).malformed, CHECK_COUNT(texts) + 2);
    client_say(w, c, HEARTBEAT);
    expect_part(c, "\"ok\"");
}

static void binary_message_is_malformed_in_version_1(void **state)
{
    struct world *w = *state;
    struct client *c = client_open(w, PHX_V1);
    client_say_frame(w, c, 0x82, BYTES("\x00\x00\x01\x07\x09\x31phoenixheartbeat"));
    expect_silence(c);
    assert_int_equal(hub_counters(w->hub).malformed, 1);
}

static void silence_of_a_minute_ends_the_connection(void **state)
{
    struct world *w = *state;
    struct client *c = client_open(w, PHX_V2);
    int64_t opened_us = w->now_us;
    assert_int_equal(hub_deadline(w->hub), opened_us + 60 * TIME_US_PER_S);
    world_tick(w, 30 * TIME_US_PER_S);
    client_say(w, c, HEARTBEAT);
    client_skip(c, 1);
    world_tick(w, 30 * TIME_US_PER_S);
    assert_int_equal(hub_deadline(w->hub), opened_us + 90 * TIME_US_PER_S);
    assert_false(c->is_told_to_close);
    world_tick(w, 30 * TIME_US_PER_S);
    assert_true(c->is_told_to_close);
    assert_int_equal(client_next_close(c), 1001);
    assert_int_equal(hub_counters(w->hub).dropped_idle, 1);
    client_gone(w, c);
    assert_int_equal(hub_deadline(w->hub), INT64_MAX);
}

static void peer_that_does_not_answer_the_close_is_cut_off(void **state)
{
    struct world *w = *state;
    struct hub_in in = {.kind = HUB_IN_DRAIN};
    struct client *c = client_open(w, PHX_V2);
    assert_int_equal(world_step(w, &in), OK);
    world_flush(w);
    assert_int_equal(client_next_close(c), 1012);
    assert_int_equal(hub_deadline(w->hub), w->now_us + 5 * TIME_US_PER_S);
    world_tick(w, 5 * TIME_US_PER_S);
    assert_true(c->is_told_to_close && c->is_abrupt);
}

static void peer_that_does_not_read_the_close_is_cut_off(void **state)
{
    struct world *w = *state;
    struct client *c = client_open(w, PHX_V2);
    c->is_stalled = true;
    client_say_frame(w, c, 0x88, BYTES("\x03\xe8"));
    assert_true(c->is_told_to_close && !c->is_abrupt);
    world_tick(w, 5 * TIME_US_PER_S);
    assert_true(c->is_abrupt);
}

static void heartbeat_goes_ahead_of_a_backlog(void **state)
{
    struct world *w = *state;
    struct client *c = client_open(w, PHX_V2);
    client_join(w, c, "x", "1", SALES, OWNER);
    client_skip(c, 2);
    c->is_stalled = true;
    for (unsigned i = 0; i < 100; i++)
        world_sell(w, i, 1);
    client_take(w, c, 10); /* within the first */
    client_say(w, c, HEARTBEAT);
    client_say_frame(w, c, 0x89, BYTES("ping"));
    client_take(w, c, SIZE_MAX);
    expect_part(c, "\"seq\":1}");
    expect_part(c, "phoenix");
    check_text(client_next(c, NULL), "ping");
    for (int i = 2; i <= 100; i++) {
        char part[20];
        snprintf(part, sizeof(part), "\"seq\":%d}", i);
        expect_part(c, part);
    }
    expect_silence(c);
}

static void peer_that_asks_and_never_reads_is_dropped(void **state)
{
    struct world *w = *state;
    struct client *c = client_open(w, PHX_V2);
    c->is_stalled = true;
    for (int i = 0; i < 1500 && !c->is_told_to_close; i++)
        client_say(w, c, "[null,\"1\",\"realtime:x\",\"nothing\",{}]");
    assert_true(c->is_told_to_close);
    assert_int_equal(hub_counters(w->hub).dropped_slow, 1);
    client_take(w, c, SIZE_MAX);
    assert_int_equal(client_next_close(c), 1013);
    expect_silence(c);
}

static void pongs_beyond_the_room_are_left_out(void **state)
{
    struct world *w = *state;
    struct client *c = client_open(w, PHX_V2);
    c->is_stalled = true;
    for (int i = 0; i < 5000; i++)
        client_say_frame(w, c, 0x89, BYTES("p"));
    assert_false(c->is_told_to_close);
    assert_true(client_take(w, c, SIZE_MAX) < 5000);
    client_say(w, c, HEARTBEAT);
    assert_false(c->is_told_to_close);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(ping_is_answered_with_its_payload),
        TEST(close_is_answered_and_ends_the_connection),
        TEST(close_without_code_is_answered_without_code),
        TEST(what_came_before_the_end_is_answered),
        TEST(violations_close_with_the_code_that_fits),
        TEST(malformed_messages_are_counted_and_forgiven),
        TEST(binary_message_is_malformed_in_version_1),
        TEST(silence_of_a_minute_ends_the_connection),
        TEST(peer_that_does_not_answer_the_close_is_cut_off),
        TEST(peer_that_does_not_read_the_close_is_cut_off),
        TEST(heartbeat_goes_ahead_of_a_backlog),
        TEST(peer_that_asks_and_never_reads_is_dropped),
        TEST(pongs_beyond_the_room_are_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
