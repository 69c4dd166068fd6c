/* Peers that negotiated compression, beside others that did not. */
#include "support.h"

#include "base/mem.h"

enum { TEXT_MAX = 1 << 16, DEFLATED_TEXT = 0xc1 };

#define ECHO "\"broadcast\":{\"self\":true}"
#define HEARTBEAT "[null,\"1\",\"phoenix\",\"heartbeat\",{}]"
#define HEARTBEAT_ANSWER                                                                           \
    "[null,\"1\",\"phoenix\",\"phx_reply\",{\"status\":\"ok\",\"response\":{}}]"

static struct client *joined(struct world *w, enum deflate_window window, const char *config)
{
    struct client *c = window ? client_open_deflating(w, PHX_V2, window) : client_open(w, PHX_V2);
    client_join(w, c, "x", "1", config, NULL);
    client_skip(c, 1);
    while (client_next(c, NULL).size)
        ;
    return c;
}

/* A broadcast with a payload of `size` letters. */
static void put_broadcast(struct buf *out, size_t size)
{
    buf_put_literal(out, "[\"1\",\"2\",\"realtime:x\",\"broadcast\",{\"a\":\"");
    for (size_t i = 0; i < size; i++)
        buf_put_char(out, (char)('a' + i * i % 7));
    buf_put_literal(out, "\"}]");
    assert_int_equal(out->err, OK);
}

static void say_deflated(struct world *w, struct client *c, struct bytes text)
{
    struct deflater z;
    struct bytes payload;
    deflater_init(&z);
    assert_int_equal(deflater_run(&z, DEFLATE_WHOLE, text, &payload), OK);
    client_say_frame(w, c, DEFLATED_TEXT, payload);
    deflater_done(&z);
}

static size_t unread(const struct client *c)
{
    return c->wire.size - c->read;
}

static void a_compressed_heartbeat_is_answered(void **state)
{
    struct world *w = *state;
    struct client *c = client_open_deflating(w, PHX_V2, DEFLATE_WHOLE);
    client_say_frame(w, c, DEFLATED_TEXT,
                     BYTES("\x00\x23\x00\xdc\xff[null,\"1\",\"phoenix\",\"heartbeat\",{}]\x00"));
    expect_text(c, HEARTBEAT_ANSWER);
    client_say(w, c, HEARTBEAT);
    expect_text(c, HEARTBEAT_ANSWER);
    assert_int_equal(hub_counters(w->hub).inflated, 1);
    assert_int_equal(hub_counters(w->hub).inflated_to_bytes, strlen(HEARTBEAT));
}

static void everybody_reads_the_same_and_it_is_compressed_once(void **state)
{
    struct world *w = *state;
    struct client *plain = joined(w, DEFLATE_NONE, ECHO), *one = joined(w, DEFLATE_WHOLE, ECHO);
    struct client *two = joined(w, DEFLATE_WHOLE, ECHO), *small = joined(w, DEFLATE_SMALL, ECHO);
    struct buf text;
    buf_init(&text, TEXT_MAX);
    put_broadcast(&text, 5000);
    client_say_frame(w, plain, 0x81, buf_bytes(&text));
    assert_true(unread(plain) > 5000);
    assert_true(unread(one) < 1000);
    assert_int_equal(unread(two), unread(one));
    assert_true(unread(small) < 1000);
    struct bytes want = client_next(plain, NULL);
    assert_true(bytes_equal(client_next(one, NULL), want));
    assert_true(bytes_equal(client_next(two, NULL), want));
    assert_true(bytes_equal(client_next(small, NULL), want));
    assert_int_equal(hub_counters(w->hub).deflated, 2);
    buf_done(&text);
}

static void small_messages_go_uncompressed(void **state)
{
    struct world *w = *state;
    struct client *c = joined(w, DEFLATE_WHOLE, ECHO);
    struct buf text;
    buf_init(&text, TEXT_MAX);
    put_broadcast(&text, 900);
    client_say_frame(w, c, 0x81, buf_bytes(&text));
    assert_true(unread(c) > 900);
    assert_int_equal(hub_counters(w->hub).deflated, 0);
    buf_done(&text);
}

static void words_for_one_peer_are_compressed_too(void **state)
{
    struct world *w = *state;
    struct client *c = client_open_deflating(w, PHX_V2, DEFLATE_WHOLE);
    char config[4096] = "\"postgres_changes\":[";
    for (int i = 0; i < 40; i++)
        strcat(config, "{\"event\":\"*\",\"table\":\"sales_logs\"},");
    config[strlen(config) - 1] = ']';
    client_join(w, c, "x", "1", config, OWNER);
    assert_true(unread(c) < 1000);
    struct bytes reply = client_next(c, NULL);
    assert_true(reply.size > 1500 && bytes_find(reply, BYTES("\"status\":\"ok\"")) < reply.size);
    assert_true(hub_counters(w->hub).deflated > 0);
}

static void violations_close_with_the_code_that_fits(void **state)
{
    static const struct {
        uint8_t first;
        struct bytes payload;
        int code;
    } cases[] = {
        {0xc1, BYTES_INIT("\xff\xff"), 1007},                     /* no such block */
        {0xc1, BYTES_INIT("\x00\x01\x00\xfe\xff\xff\x00"), 1007}, /* not UTF-8 */
        {0xc9, BYTES_INIT(""), 1002},                             /* a compressed ping */
        {0xe1, BYTES_INIT("\x00"), 1002},                         /* another bit as well */
    };
    struct world *w = *state;
    for (size_t i = 0; i < CHECK_COUNT(cases); i++) {
        struct client *c = client_open_deflating(w, PHX_V2, DEFLATE_WHOLE);
        client_say_frame(w, c, cases[i].first, cases[i].payload);
        assert_int_equal(client_next_close(c), cases[i].code);
        assert_true(c->is_told_to_close);
    }
}

static struct bytes zeros(size_t size)
{
    char *text = mem_zalloc(size);
    assert_non_null(text);
    return (struct bytes){text, size};
}

static void a_message_that_inflates_over_the_limit_closes(void **state)
{
    struct world *w = *state;
    struct client *c = client_open_deflating(w, PHX_V2, DEFLATE_WHOLE);
    struct bytes text = zeros((4 << 20) + 1);
    say_deflated(w, c, text);
    assert_int_equal(client_next_close(c), 1009);
    mem_free((void *)(uintptr_t)text.data);
}

static void what_one_step_may_inflate_is_bounded(void **state)
{
    struct world *w = *state;
    struct client *c = client_open_deflating(w, PHX_V2, DEFLATE_WHOLE);
    struct bytes text = zeros(2 << 20), payload;
    struct deflater z;
    struct buf wire;
    char mask[4] = {0};
    buf_init(&wire, TEXT_MAX);
    deflater_init(&z);
    assert_int_equal(deflater_run(&z, DEFLATE_WHOLE, text, &payload), OK);
    assert_true(payload.size > 125 && payload.size < 65536);
    for (int i = 0; i < 5; i++) {
        char head[4] = {(char)DEFLATED_TEXT, (char)0xfe, (char)(payload.size >> 8),
                        (char)payload.size};
        buf_put(&wire, (struct bytes){head, 4});
        buf_put(&wire, (struct bytes){mask, 4});
        buf_put(&wire, payload);
    }
    client_feed(w, c, bytes_slice(buf_bytes(&wire), 0, wire.size / 5 * 4));
    expect_silence(c); /* all four are read, and are no messages */
    assert_int_equal(hub_counters(w->hub).malformed, 4);
    client_feed(w, c, buf_bytes(&wire));
    assert_int_equal(client_next_close(c), 1009);
    assert_int_equal(hub_counters(w->hub).inflated_over, 1);
    buf_done(&wire);
    deflater_done(&z);
    mem_free((void *)(uintptr_t)text.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)
        T(a_compressed_heartbeat_is_answered),
        T(everybody_reads_the_same_and_it_is_compressed_once),
        T(small_messages_go_uncompressed),
        T(words_for_one_peer_are_compressed_too),
        T(violations_close_with_the_code_that_fits),
        T(a_message_that_inflates_over_the_limit_closes),
        T(what_one_step_may_inflate_is_bounded),
#undef T
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
