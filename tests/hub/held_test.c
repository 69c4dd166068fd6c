#include "hub/held.h"

#include "check.h"

#include "base/mem.h"

static struct frame *frame_of(size_t size)
{
    char *text = test_calloc(1, size + 1);
    struct frame *f;
    assert_int_equal(frame_new(BYTES(""), (struct bytes){text, size}, 1, &f), OK);
    test_free(text);
    return f;
}

static void frames_are_kept_in_order_with_their_numbers(void **state)
{
    (void)state;
    struct held *h;
    struct frame *f = frame_of(5);
    assert_int_equal(held_new(7, &h), OK);
    assert_int_equal(h->wish, 7);
    assert_int_equal(held_push(h, f, 0), OK);
    assert_int_equal(held_push(h, f, 12), OK);
    assert_int_equal(held_push(h, f, 0), OK);
    assert_int_equal(f->refs, 4);
    assert_int_equal(held_find_stored(h, 0), 1);
    assert_int_equal(held_find_stored(h, 1), 1);
    assert_int_equal(held_find_stored(h, 2), 3);
    assert_int_equal(held_find_stored(h, 3), 3);
    held_free(h);
    assert_int_equal(f->refs, 1);
    frame_unref(f);
    held_free(NULL);
}

static void their_number_is_bounded(void **state)
{
    (void)state;
    struct held *h;
    struct frame *f = frame_of(1);
    assert_int_equal(held_new(1, &h), OK);
    for (int i = 0; i < HELD_MAX; i++)
        assert_int_equal(held_push(h, f, 0), OK);
    assert_int_equal(held_push(h, f, 0), ERR_FULL);
    assert_int_equal(f->refs, 1 + HELD_MAX);
    held_free(h);
    frame_unref(f);
}

static void their_bytes_are_bounded_but_for_the_first(void **state)
{
    (void)state;
    struct held *h;
    struct frame *big = frame_of(HELD_BYTES_MAX + 1), *half = frame_of(HELD_BYTES_MAX / 2);
    assert_int_equal(held_new(1, &h), OK);
    assert_int_equal(held_push(h, big, 0), OK);
    assert_int_equal(held_push(h, half, 0), ERR_FULL);
    held_free(h);
    assert_int_equal(held_new(1, &h), OK);
    assert_int_equal(held_push(h, half, 0), OK);
    assert_int_equal(held_push(h, half, 0), OK);
    assert_int_equal(held_push(h, half, 0), ERR_FULL);
    held_free(h);
    frame_unref(big);
    frame_unref(half);
}

static void without_memory_there_is_none(void **state)
{
    (void)state;
    struct held *h;
    mem_fail_at(1);
    enum err e = held_new(1, &h);
    mem_fail_at(0);
    assert_int_equal(e, ERR_NOMEM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_are_kept_in_order_with_their_numbers),
        cmocka_unit_test(their_number_is_bounded),
        cmocka_unit_test(their_bytes_are_bounded_but_for_the_first),
        cmocka_unit_test(without_memory_there_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
