#include "support.h"

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    assert_non_null(w);
    world_init(w);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    world_done(*state);
    free(*state);
    return 0;
}

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

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(text_reaches_all_others_in_their_own_version),
        TEST(kind_3_becomes_kind_4_and_text_for_version_1),
        TEST(json_that_is_none_reaches_nobody),
        TEST(self_and_ack_are_given_to_who_asked),
        TEST(private_and_public_members_of_a_name_do_not_meet),
        TEST(members_share_one_frame),
        TEST(full_outbox_loses_the_broadcast_and_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
