#include "check.h"

#include "base/mem.h"
#include "hub/channel.h"

static struct conn *open_conn(struct conns *t)
{
    struct conn *c;
    assert_int_equal(conns_add(t, PHX_V2, 1000, &c), OK);
    return c;
}

static struct channel *join(struct channels *t, struct conn *c, const char *topic, const char *ref)
{
    struct channel *ch;
    assert_int_equal(channel_add(t, c, bytes_of(topic), bytes_of(ref), &ch), OK);
    return ch;
}

static void channel_is_found_by_connection_and_topic(void **state)
{
    struct conns conns;
    struct channels t;
    (void)state;
    conns_init(&conns);
    channels_init(&t, 1);
    struct conn *a = open_conn(&conns), *b = open_conn(&conns);
    struct channel *ax = join(&t, a, "realtime:x", "1"), *ay = join(&t, a, "realtime:y", "2");
    struct channel *bx = join(&t, b, "realtime:x", "1");
    assert_ptr_equal(channel_find(&t, a, BYTES("realtime:x")), ax);
    assert_ptr_equal(channel_find(&t, a, BYTES("realtime:y")), ay);
    assert_ptr_equal(channel_find(&t, b, BYTES("realtime:x")), bx);
    assert_null(channel_find(&t, b, BYTES("realtime:y")));
    assert_null(channel_find(&t, a, BYTES("")));
    assert_ptr_equal(ax->topic, bx->topic);
    assert_int_equal(a->channel_count, 2);
    channel_remove(&t, ax);
    assert_null(channel_find(&t, a, BYTES("realtime:x")));
    assert_ptr_equal(channel_find(&t, b, BYTES("realtime:x")), bx);
    channel_remove(&t, ay);
    channel_remove(&t, bx);
    assert_int_equal(t.topics.count, 0);
    conns_remove(&conns, a);
    conns_remove(&conns, b);
    channels_done(&t);
    conns_done(&conns);
}

static void names_are_read_back(void **state)
{
    struct conns conns;
    struct channels t;
    (void)state;
    conns_init(&conns);
    channels_init(&t, 1);
    struct conn *c = open_conn(&conns);
    struct channel *ch = join(&t, c, "realtime:a:b", "77");
    check_text(channel_topic(ch), "realtime:a:b");
    check_text(channel_name(ch), "a:b");
    check_text(channel_join_ref(ch), "77");
    channel_remove(&t, ch);
    ch = join(&t, c, "realtime:a", "");
    assert_null(channel_join_ref(ch).data);
    channel_remove(&t, ch);
    conns_remove(&conns, c);
    channels_done(&t);
    conns_done(&conns);
}

static void add_fails_whole_when_memory_ends(void **state)
{
    struct conns conns;
    struct channels t;
    struct channel *ch = NULL;
    enum err e = ERR_NOMEM;
    (void)state;
    conns_init(&conns);
    channels_init(&t, 1);
    struct conn *c = open_conn(&conns);
    for (uint64_t n = 1; e; n++) {
        mem_fail_at(n);
        e = channel_add(&t, c, BYTES("realtime:x"), BYTES("1"), &ch);
        mem_fail_at(0);
        assert_int_equal(t.topics.count, e ? 0 : 1);
        assert_int_equal(c->channel_count, e ? 0 : 1);
    }
    channel_remove(&t, ch);
    conns_remove(&conns, c);
    channels_done(&t);
    conns_done(&conns);
}

static void long_names_are_refused(void **state)
{
    static char name[TOPIC_SIZE_MAX + 1];
    struct conns conns;
    struct channels t;
    struct channel *ch;
    (void)state;
    memset(name, 'x', sizeof(name));
    conns_init(&conns);
    channels_init(&t, 1);
    struct conn *c = open_conn(&conns);
    assert_int_equal(channel_add(&t, c, (struct bytes){name, sizeof(name)}, BYTES("1"), &ch),
                     ERR_LIMIT);
    assert_int_equal(channel_add(&t, c, BYTES("x"), (struct bytes){name, JOIN_REF_MAX + 1}, &ch),
                     ERR_LIMIT);
    conns_remove(&conns, c);
    channels_done(&t);
    conns_done(&conns);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(channel_is_found_by_connection_and_topic),
        cmocka_unit_test(names_are_read_back),
        cmocka_unit_test(add_fails_whole_when_memory_ends),
        cmocka_unit_test(long_names_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
