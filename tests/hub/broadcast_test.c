#include "support.h"

#include <stdio.h>

static struct client *joined(struct world *w, enum phx_version v, const char *broadcast,
                             const char *user_id)
{
    struct client *c = client_open(w, v);
    char config[200] = "\"presence\":{\"enabled\":false},";
    client_join(w, c, "x", "1", strcat(config, broadcast), user_id);
    client_skip(c, 1);
    return c;
}

#define QUIET "\"broadcast\":{}"
#define TEXT_PUSH                                                                                  \
    "[\"1\",\"2\",\"realtime:x\",\"broadcast\",{\"type\":\"broadcast\",\"event\":\"e\","           \
    "\"payload\":{\"a\":1}}]"
#define PUSH(enc, payload) BYTES("\x03\x01\x01\x0a\x01\x00" enc "12realtime:xe" payload)

static void text_reaches_all_others_in_their_own_version(void **state)
{
    struct world *w = *state;
    struct client *a = joined(w, PHX_V2, QUIET, NULL), *b = joined(w, PHX_V2, QUIET, NULL);
    struct client *c = joined(w, PHX_V1, QUIET, NULL), *d = client_open(w, PHX_V2);
    client_say(w, a, TEXT_PUSH);
    expect_silence(a);
    expect_text(b,
                "[null,null,\"realtime:x\",\"broadcast\",{\"type\":\"broadcast\",\"event\":\"e\","
                "\"payload\":{\"a\":1}}]");
    expect_text(c, "{\"topic\":\"realtime:x\",\"event\":\"broadcast\",\"payload\":{\"type\":"
                   "\"broadcast\",\"event\":\"e\",\"payload\":{\"a\":1}},\"ref\":null}");
    expect_silence(d);
}

static void kind_3_becomes_kind_4_and_text_for_version_1(void **state)
{
    struct world *w = *state;
    struct client *a = joined(w, PHX_V2, QUIET, NULL), *b = joined(w, PHX_V2, QUIET, NULL);
    struct client *c = joined(w, PHX_V1, QUIET, NULL);
    uint8_t opcode;
    client_say_frame(w, a, 0x82, PUSH("\x01", "{\"a\":1}"));
    assert_true(
        bytes_equal(client_next(b, &opcode), BYTES("\x04\x0a\x01\x00\x01realtime:xe{\"a\":1}")));
    assert_int_equal(opcode, 2);
    expect_text(c, "{\"topic\":\"realtime:x\",\"event\":\"broadcast\",\"payload\":{\"type\":"
                   "\"broadcast\",\"event\":\"e\",\"payload\":{\"a\":1}},\"ref\":null}");
    client_say_frame(w, a, 0x82, PUSH("\x00", "\x01\xff"));
    assert_true(
        bytes_equal(client_next(b, NULL), BYTES("\x04\x0a\x01\x00\x00realtime:xe\x01\xff")));
    expect_silence(c);
}

static void json_that_is_none_reaches_nobody(void **state)
{
    struct world *w = *state;
    struct client *a = joined(w, PHX_V2, QUIET, NULL), *b = joined(w, PHX_V2, QUIET, NULL);
    client_say_frame(w, a, 0x82, PUSH("\x01", "{\"a\":"));
    client_say(w, a, "[\"1\",\"2\",\"realtime:x\",\"broadcast\",7]");
    expect_silence(b);
    assert_int_equal(hub_counters(w->hub).malformed, 2);
}

static void self_and_ack_are_given_to_who_asked(void **state)
{
    struct world *w = *state;
    struct client *a = joined(w, PHX_V2, "\"broadcast\":{\"self\":true,\"ack\":true}", NULL);
    client_say(w, a, TEXT_PUSH);
    expect_part(a, "[null,null,\"realtime:x\",\"broadcast\"");
    expect_text(a,
                "[\"1\",\"2\",\"realtime:x\",\"phx_reply\",{\"status\":\"ok\",\"response\":{}}]");
}

static void private_and_public_members_of_a_name_do_not_meet(void **state)
{
    struct world *w = *state;
    struct client *open = joined(w, PHX_V2, QUIET, NULL);
    struct client *secret = joined(w, PHX_V2, "\"private\":true", OWNER);
    struct client *other = joined(w, PHX_V2, "\"private\":true", REP);
    client_say(w, secret, TEXT_PUSH);
    expect_silence(open);
    expect_part(other, "\"broadcast\"");
    client_say(w, open, TEXT_PUSH);
    expect_silence(secret);
}

static void members_share_one_frame(void **state)
{
    struct world *w = *state;
    struct client *a = joined(w, PHX_V2, QUIET, NULL), *b = joined(w, PHX_V2, QUIET, NULL);
    struct client *c = joined(w, PHX_V2, QUIET, NULL);
    struct iovec at_b, at_c;
    b->is_stalled = c->is_stalled = true;
    client_say(w, a, TEXT_PUSH);
    assert_int_equal(hub_peek(w->hub, b->id, &at_b, 1), 1);
    assert_int_equal(hub_peek(w->hub, c->id, &at_c, 1), 1);
    assert_ptr_equal(at_b.iov_base, at_c.iov_base);
}

static void full_outbox_loses_the_broadcast_and_is_counted(void **state)
{
    struct world *w = *state;
    struct client *a = joined(w, PHX_V2, QUIET, NULL), *b = joined(w, PHX_V2, QUIET, NULL);
    b->is_stalled = true;
    for (int i = 0; i < 1000; i++)
        client_say(w, a, TEXT_PUSH);
    struct hub_counters n = hub_counters(w->hub);
    assert_int_equal(n.deliveries, 768);
    assert_int_equal(n.dropped_broadcasts, 232);
    assert_false(b->is_told_to_close);
}

static void what_is_too_big_is_refused_to_who_wants_an_answer(void **state)
{
    struct world *w = *state;
    struct client *a = joined(w, PHX_V2, "\"broadcast\":{\"ack\":true}", NULL);
    struct client *b = joined(w, PHX_V2, QUIET, NULL);
    size_t size = hub_limits_default.broadcast_max;
    struct buf push;
    buf_init(&push, size + 100);
    buf_put(&push, PUSH("\x00", ""));
    while (push.size < PUSH("\x00", "").size + size)
        buf_put_char(&push, 'x');
    client_say_frame(w, a, 0x82, buf_bytes(&push));
    expect_part(a, "\"status\":\"ok\"");
    assert_true(client_next(b, NULL).size > size);
    buf_put_char(&push, 'x');
    client_say_frame(w, a, 0x82, buf_bytes(&push));
    expect_text(a, "[\"1\",\"2\",\"realtime:x\",\"phx_reply\",{\"status\":\"error\",\"response\":"
                   "\"payload_size_exceeded\"}]");
    client_say_frame(w, b, 0x82, buf_bytes(&push));
    expect_silence(a);
    expect_silence(b);
    assert_int_equal(hub_counters(w->hub).dropped_broadcasts, 2);
    buf_done(&push);
}

/* The biggest broadcast stands in its outbox: what is said to it alone finds room behind. */
static void a_peer_that_takes_its_time_over_a_big_broadcast_is_kept(void **state)
{
    struct world *w = *state;
    struct client *a = joined(w, PHX_V2, "\"broadcast\":{\"self\":true,\"ack\":true}", NULL);
    struct buf push;
    buf_init(&push, 4 << 20);
    buf_put(&push, PUSH("\x00", ""));
    while (push.size < 3000000)
        buf_put_char(&push, 'x');
    a->is_stalled = true;
    client_say_frame(w, a, 0x82, buf_bytes(&push));
    client_say(w, a, "[null,\"3\",\"phoenix\",\"heartbeat\",{}]");
    assert_false(a->is_told_to_close);
    client_take(w, a, SIZE_MAX);
    expect_part(a, "\"phoenix\"");
    client_skip(a, 1);
    expect_part(a, "\"status\":\"ok\"");
    buf_done(&push);
}

/* ---- over HTTP ---- */

static void broadcast(struct world *w, const struct hub_broadcast *b)
{
    struct hub_in in = {.kind = HUB_IN_BROADCAST, .broadcast = *b};
    assert_int_equal(world_step(w, &in), OK);
    world_flush(w);
}

static void http_reaches_all_members_in_their_own_version(void **state)
{
    struct world *w = *state;
    struct client *a = joined(w, PHX_V2, QUIET, NULL), *b = joined(w, PHX_V1, QUIET, NULL);
    struct client *secret = joined(w, PHX_V2, "\"private\":true", OWNER);
    struct hub_broadcast say = {.topic = BYTES("realtime:x"),
                                .event = BYTES("e\""),
                                .payload = BYTES("{\"a\":1}"),
                                .form = BROADCAST_JSON};
    broadcast(w, &say);
    assert_true(
        bytes_equal(client_next(a, NULL), BYTES("\x04\x0a\x02\x00\x01realtime:xe\"{\"a\":1}")));
    expect_text(b, "{\"topic\":\"realtime:x\",\"event\":\"broadcast\",\"payload\":{\"type\":"
                   "\"broadcast\",\"event\":\"e\\\"\",\"payload\":{\"a\":1}},\"ref\":null}");
    expect_silence(secret);
    say.is_private = true;
    broadcast(w, &say);
    assert_true(client_next(secret, NULL).size > 0);
    expect_silence(a);
    say.topic = BYTES("realtime:nobody");
    broadcast(w, &say);
    expect_silence(secret);
}

static void names_too_long_for_a_binary_frame_go_as_text(void **state)
{
    struct world *w = *state;
    struct client *a = joined(w, PHX_V2, QUIET, NULL);
    char event[300];
    memset(event, 'e', sizeof(event));
    struct hub_broadcast say = {.topic = BYTES("realtime:x"),
                                .event = {event, sizeof(event)},
                                .payload = BYTES("{}"),
                                .form = BROADCAST_JSON};
    broadcast(w, &say);
    expect_part(a,
                "[null,null,\"realtime:x\",\"broadcast\",{\"type\":\"broadcast\",\"event\":\"ee");
    say.form = BROADCAST_RAW;
    broadcast(w, &say);
    expect_silence(a);
}

/* ---- two shards ---- */

struct pair {
    struct world here, there;
};

static int set_up_pair(void **state)
{
    struct pair *p = calloc(1, sizeof(*p));
    assert_non_null(p);
    world_init_pair(&p->here, &p->there);
    *state = p;
    return 0;
}

static int tear_down_pair(void **state)
{
    struct pair *p = *state;
    world_done(&p->here);
    world_done(&p->there);
    free(p);
    return 0;
}

static void members_on_another_shard_hear_the_same(void **state)
{
    struct pair *p = *state;
    struct client *a = joined(&p->here, PHX_V2, QUIET, NULL);
    struct client *b = joined(&p->there, PHX_V2, QUIET, NULL);
    struct client *c = joined(&p->there, PHX_V1, QUIET, NULL);
    client_say(&p->here, a, TEXT_PUSH);
    expect_text(b,
                "[null,null,\"realtime:x\",\"broadcast\",{\"type\":\"broadcast\",\"event\":\"e\","
                "\"payload\":{\"a\":1}}]");
    expect_part(c, "\"payload\":{\"type\":\"broadcast\",\"event\":\"e\",\"payload\":{\"a\":1}}");
    client_say_frame(&p->here, a, 0x82, PUSH("\x00", "\x01\xff"));
    assert_true(
        bytes_equal(client_next(b, NULL), BYTES("\x04\x0a\x01\x00\x00realtime:xe\x01\xff")));
    expect_silence(c);
    expect_silence(a);
    assert_int_equal(hub_counters(p->here.hub).relayed, 2);
    assert_int_equal(hub_counters(p->there.hub).relayed, 0);
}

static void private_and_public_do_not_meet_on_another_shard_either(void **state)
{
    struct pair *p = *state;
    struct client *open = joined(&p->here, PHX_V2, QUIET, NULL);
    struct client *secret = joined(&p->there, PHX_V2, "\"private\":true", OWNER);
    struct client *other = joined(&p->here, PHX_V2, "\"private\":true", REP);
    client_say(&p->there, secret, TEXT_PUSH);
    expect_silence(open);
    expect_part(other, "\"broadcast\"");
    client_say(&p->here, open, TEXT_PUSH);
    expect_silence(secret);
}

static void what_one_says_arrives_in_its_order(void **state)
{
    struct pair *p = *state;
    struct client *a = joined(&p->here, PHX_V2, QUIET, NULL);
    struct client *b = joined(&p->there, PHX_V2, QUIET, NULL);
    for (int i = 0; i < 100; i++) {
        char text[100];
        snprintf(text, sizeof(text), "[\"1\",\"2\",\"realtime:x\",\"broadcast\",{\"n\":%d}]", i);
        client_say(&p->here, a, text);
    }
    for (int i = 0; i < 100; i++) {
        char part[20];
        snprintf(part, sizeof(part), "{\"n\":%d}", i);
        expect_part(b, part);
    }
}

static void a_broadcast_without_memory_is_lost_and_counted(void **state)
{
    struct pair *p = *state;
    struct client *a = joined(&p->here, PHX_V2, QUIET, NULL);
    struct client *b = joined(&p->there, PHX_V2, QUIET, NULL);
    p->here.fail_step = p->here.step_count + 1;
    p->here.fail_at = 1;
    client_say(&p->here, a, TEXT_PUSH);
    assert_true(p->here.has_failed);
    expect_silence(b);
    assert_int_equal(hub_counters(p->here.hub).dropped_broadcasts, 1);
    client_say(&p->here, a, TEXT_PUSH);
    expect_part(b, "\"broadcast\"");
}

static void a_hub_without_others_relays_nothing(void **state)
{
    struct world *w = *state;
    struct client *a = joined(w, PHX_V2, QUIET, NULL);
    client_say(w, a, TEXT_PUSH); /* the world has no peer to give it to */
    assert_int_equal(hub_counters(w->hub).broadcasts, 1);
    assert_int_equal(hub_counters(w->hub).relayed, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)
#define PAIR(name) cmocka_unit_test_setup_teardown(name, set_up_pair, tear_down_pair)
    const struct CMUnitTest tests[] = {
        TEST(text_reaches_all_others_in_their_own_version),
        TEST(kind_3_becomes_kind_4_and_text_for_version_1),
        TEST(json_that_is_none_reaches_nobody),
        TEST(self_and_ack_are_given_to_who_asked),
        TEST(private_and_public_members_of_a_name_do_not_meet),
        TEST(members_share_one_frame),
        TEST(full_outbox_loses_the_broadcast_and_is_counted),
        TEST(what_is_too_big_is_refused_to_who_wants_an_answer),
        TEST(a_peer_that_takes_its_time_over_a_big_broadcast_is_kept),
        TEST(http_reaches_all_members_in_their_own_version),
        TEST(names_too_long_for_a_binary_frame_go_as_text),
        TEST(a_hub_without_others_relays_nothing),
        PAIR(members_on_another_shard_hear_the_same),
        PAIR(private_and_public_do_not_meet_on_another_shard_either),
        PAIR(what_one_says_arrives_in_its_order),
        PAIR(a_broadcast_without_memory_is_lost_and_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
