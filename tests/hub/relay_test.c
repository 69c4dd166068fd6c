#include "hub/relay.h"

#include "check.h"

#include "base/mem.h"

static const struct relay_message broadcast = {
    .kind = RELAY_BROADCAST,
    .broadcast = {.topic = BYTES_INIT("realtime:x"),
                  .event = BYTES_INIT("e"),
                  .payload = BYTES_INIT("{\"a\":1}"),
                  .form = BROADCAST_JSON,
                  .is_private = true},
};

static struct relay_item *item_of(const struct relay_message *m)
{
    struct relay_item *item;
    assert_int_equal(relay_item_new(m, &item), OK);
    return item;
}

static void a_broadcast_comes_out_as_it_went_in(void **state)
{
    struct relay_message got;
    struct relay_item *item = item_of(&broadcast);
    (void)state;
    assert_true(item->may_be_lost);
    assert_int_equal(relay_decode(relay_item_bytes(item), &got), OK);
    assert_int_equal(got.kind, RELAY_BROADCAST);
    check_text(got.broadcast.topic, "realtime:x");
    check_text(got.broadcast.event, "e");
    check_text(got.broadcast.payload, "{\"a\":1}");
    assert_int_equal(got.broadcast.form, BROADCAST_JSON);
    assert_true(got.broadcast.is_private);
    relay_item_free(item);
}

static void who_comes_and_goes_comes_out_as_it_went_in(void **state)
{
    struct relay_message m = {.kind = RELAY_PRESENT,
                              .previous = 5,
                              .presence = {.ref = {.number = 6, .shard = 3},
                                           .is_private = true,
                                           .topic = BYTES("realtime:x"),
                                           .key = BYTES("ada"),
                                           .payload = BYTES("{}")}};
    struct relay_message got;
    struct relay_item *item = item_of(&m);
    (void)state;
    assert_false(item->may_be_lost);
    assert_int_equal(relay_decode(relay_item_bytes(item), &got), OK);
    assert_int_equal(got.kind, RELAY_PRESENT);
    assert_int_equal(got.previous, 5);
    assert_int_equal(got.presence.ref.number, 6);
    assert_int_equal(got.presence.ref.shard, 3);
    assert_true(got.presence.is_private);
    check_text(got.presence.topic, "realtime:x");
    check_text(got.presence.key, "ada");
    check_text(got.presence.payload, "{}");
    relay_item_free(item);
    m.kind = RELAY_GONE;
    item = item_of(&m);
    assert_false(item->may_be_lost);
    assert_int_equal(relay_decode(relay_item_bytes(item), &got), OK);
    assert_int_equal(got.kind, RELAY_GONE);
    assert_int_equal(got.presence.ref.number, 6);
    relay_item_free(item);
}

static void empty_parts_stay_empty(void **state)
{
    struct relay_message m = {.kind = RELAY_BROADCAST, .broadcast = {.form = BROADCAST_RAW}}, got;
    struct relay_item *item = item_of(&m);
    (void)state;
    assert_int_equal(relay_decode(relay_item_bytes(item), &got), OK);
    assert_int_equal(got.broadcast.topic.size, 0);
    assert_int_equal(got.broadcast.payload.size, 0);
    assert_int_equal(got.broadcast.form, BROADCAST_RAW);
    relay_item_free(item);
}

static void what_is_cut_or_longer_is_refused(void **state)
{
    struct relay_message got;
    struct relay_item *item = item_of(&broadcast);
    struct bytes whole = relay_item_bytes(item);
    (void)state;
    for (size_t size = 0; size < whole.size; size++) {
        struct bytes cut = check_boxed(bytes_slice(whole, 0, size));
        assert_int_equal(relay_decode(cut, &got), ERR_SYNTAX);
        check_unbox(cut);
    }
    struct buf longer;
    buf_init(&longer, 1000);
    buf_put(&longer, whole);
    buf_put_char(&longer, 'x');
    assert_int_equal(relay_decode(buf_bytes(&longer), &got), ERR_SYNTAX);
    buf_done(&longer);
    relay_item_free(item);
}

/* Any head: an error, or parts that lie within. */
static void noise_is_refused_or_lies_within(void **state)
{
    struct rng r;
    struct relay_message got;
    char noise[64];
    (void)state;
    rng_init(&r, 1);
    for (int i = 0; i < 10000; i++) {
        memset(noise, 0, sizeof(noise));
        check_fill(&r, noise + rng_below(&r, 40), 8);
        struct bytes b = check_boxed((struct bytes){noise, sizeof(noise)});
        if (relay_decode(b, &got) == OK)
            assert_true(got.broadcast.payload.size <= sizeof(noise));
        check_unbox(b);
    }
}

static void without_memory_there_is_no_item(void **state)
{
    struct relay_item *item = NULL;
    (void)state;
    mem_fail_at(1);
    enum err e = relay_item_new(&broadcast, &item);
    mem_fail_at(0);
    assert_int_equal(e, ERR_NOMEM);
    assert_null(item);
    relay_item_free(item);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_broadcast_comes_out_as_it_went_in),
        cmocka_unit_test(who_comes_and_goes_comes_out_as_it_went_in),
        cmocka_unit_test(empty_parts_stay_empty),
        cmocka_unit_test(what_is_cut_or_longer_is_refused),
        cmocka_unit_test(noise_is_refused_or_lies_within),
        cmocka_unit_test(without_memory_there_is_no_item),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
