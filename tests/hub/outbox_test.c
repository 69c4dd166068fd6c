#include "check.h"

#include "base/mem.h"
#include "hub/outbox.h"

static const struct outbox_limit wide = {.bytes = 1000000, .frames = 1000};

static struct frame *frame_of(const char *text)
{
    struct frame *f;
    assert_int_equal(frame_new(bytes_of(text), BYTES(""), 1, &f), OK);
    return f;
}

static void push(struct outbox *box, const char *text)
{
    struct frame *f = frame_of(text);
    assert_int_equal(outbox_push(box, f, &wide), OK);
    frame_unref(f);
}

static void push_urgent(struct outbox *box, const char *text)
{
    struct frame *f = frame_of(text);
    assert_int_equal(outbox_push_urgent(box, f, &wide), OK);
    frame_unref(f);
}

/* All that waits, as one text. */
static void check_waiting(const struct outbox *box, const char *want)
{
    struct iovec iov[100];
    struct buf all;
    buf_init(&all, 100000);
    int n = outbox_peek(box, iov, 100);
    for (int i = 0; i < n; i++)
        buf_put(&all, (struct bytes){iov[i].iov_base, iov[i].iov_len});
    check_text(buf_bytes(&all), want);
    assert_int_equal(box->bytes, all.size);
    buf_done(&all);
}

static void frames_leave_in_order_at_every_split_point(void **state)
{
    (void)state;
    for (size_t step = 1; step <= 12; step++) {
        struct outbox box;
        const char *left = "onetwothree!";
        outbox_init(&box);
        push(&box, "one");
        push(&box, "two");
        push(&box, "three");
        push(&box, "!");
        while (box.bytes > 0) {
            check_waiting(&box, left);
            size_t size = step < box.bytes ? step : box.bytes;
            outbox_sent(&box, size);
            left += size;
        }
        assert_int_equal(box.count, 0);
        outbox_done(&box);
    }
}

static void few_frames_take_no_memory_and_many_give_it_back(void **state)
{
    struct outbox box;
    (void)state;
    outbox_init(&box);
    for (int i = 0; i < OUTBOX_FEW; i++)
        push(&box, "x");
    assert_null(box.ring);
    outbox_sent(&box, 2);
    for (int i = 0; i < 20; i++)
        push(&box, "yz");
    assert_non_null(box.ring);
    check_waiting(&box, "xxyzyzyzyzyzyzyzyzyzyzyzyzyzyzyzyzyzyzyzyz");
    outbox_sent(&box, 42);
    assert_null(box.ring);
    push(&box, "again");
    check_waiting(&box, "again");
    outbox_done(&box);
}

static void full_outbox_takes_nothing(void **state)
{
    struct outbox box;
    struct outbox_limit two_frames = {.bytes = 100, .frames = 2},
                        five_bytes = {.bytes = 5, .frames = 100};
    struct frame *f = frame_of("abc");
    (void)state;
    outbox_init(&box);
    assert_int_equal(outbox_push(&box, f, &five_bytes), OK);
    assert_int_equal(outbox_push(&box, f, &five_bytes), ERR_FULL);
    assert_int_equal(outbox_push(&box, f, &two_frames), OK);
    assert_int_equal(outbox_push(&box, f, &two_frames), ERR_FULL);
    assert_int_equal(outbox_push_urgent(&box, f, &two_frames), ERR_FULL);
    assert_int_equal(f->refs, 3);
    check_waiting(&box, "abcabc");
    outbox_done(&box);
    assert_int_equal(f->refs, 1);
    frame_unref(f);
}

static void empty_outbox_takes_a_frame_of_any_size(void **state)
{
    struct outbox box;
    struct outbox_limit tiny = {.bytes = 1, .frames = 1};
    struct frame *f = frame_of("longer than the limit");
    (void)state;
    outbox_init(&box);
    assert_int_equal(outbox_push(&box, f, &tiny), OK);
    assert_int_equal(outbox_push(&box, f, &tiny), ERR_FULL);
    frame_unref(f);
    outbox_done(&box);
}

static void the_oldest_frame_is_not_counted_where_that_is_wanted(void **state)
{
    struct outbox box;
    struct outbox_limit beside = {.bytes = 6, .frames = 100, .is_beside_oldest = true};
    struct frame *big = frame_of("longer than the limit"), *f = frame_of("abc");
    (void)state;
    outbox_init(&box);
    assert_int_equal(outbox_push(&box, big, &beside), OK);
    assert_int_equal(outbox_push_urgent(&box, f, &beside), OK); /* before the oldest */
    assert_int_equal(outbox_push(&box, f, &beside), OK);
    assert_int_equal(outbox_push(&box, f, &beside), ERR_FULL);
    outbox_sent(&box, 3 + 9); /* the oldest has begun to leave */
    assert_int_equal(outbox_push(&box, f, &beside), OK);
    assert_int_equal(outbox_push_urgent(&box, f, &beside), ERR_FULL);
    check_waiting(&box, "an the limitabcabc");
    outbox_sent(&box, 12); /* now the next one is the oldest */
    assert_int_equal(outbox_push(&box, f, &beside), OK);
    assert_int_equal(outbox_push(&box, f, &beside), ERR_FULL);
    outbox_done(&box);
    frame_unref(big);
    frame_unref(f);
}

static void urgent_frames_go_ahead_in_their_own_order(void **state)
{
    struct outbox box;
    (void)state;
    outbox_init(&box);
    push(&box, "a");
    push(&box, "b");
    push_urgent(&box, "1");
    push_urgent(&box, "2");
    check_waiting(&box, "12ab");
    outbox_sent(&box, 1);
    push_urgent(&box, "3");
    check_waiting(&box, "23ab");
    outbox_sent(&box, 3);
    push_urgent(&box, "4");
    check_waiting(&box, "4b");
    outbox_done(&box);
}

static void urgent_frame_does_not_break_a_frame_that_has_begun_to_leave(void **state)
{
    struct outbox box;
    (void)state;
    outbox_init(&box);
    push(&box, "abc");
    push(&box, "def");
    outbox_sent(&box, 1);
    push_urgent(&box, "1");
    push_urgent(&box, "2");
    check_waiting(&box, "bc12def");
    outbox_sent(&box, 2);
    check_waiting(&box, "12def");
    outbox_done(&box);
}

static void drop_keeps_only_what_has_begun_to_leave(void **state)
{
    struct outbox box;
    (void)state;
    outbox_init(&box);
    push(&box, "abc");
    push(&box, "def");
    push_urgent(&box, "1");
    outbox_sent(&box, 2);
    outbox_drop(&box);
    check_waiting(&box, "bc");
    push_urgent(&box, "close");
    check_waiting(&box, "bcclose");
    outbox_sent(&box, 7);
    push(&box, "new");
    outbox_drop(&box);
    check_waiting(&box, "");
    outbox_done(&box);
}

static void growth_without_memory_leaves_the_outbox_whole(void **state)
{
    struct outbox box;
    struct frame *f = frame_of("x");
    (void)state;
    outbox_init(&box);
    for (int i = 0; i < OUTBOX_FEW; i++)
        push(&box, "y");
    mem_fail_at(1);
    enum err e = outbox_push(&box, f, &wide);
    mem_fail_at(0);
    assert_int_equal(e, ERR_NOMEM);
    assert_int_equal(f->refs, 1);
    check_waiting(&box, "yyyy");
    frame_unref(f);
    outbox_done(&box);
}

static void peek_gives_no_more_than_asked_for(void **state)
{
    struct outbox box;
    struct iovec iov[2];
    (void)state;
    outbox_init(&box);
    assert_int_equal(outbox_peek(&box, iov, 2), 0);
    push(&box, "a");
    push(&box, "b");
    push(&box, "c");
    assert_int_equal(outbox_peek(&box, iov, 2), 2);
    outbox_done(&box);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_leave_in_order_at_every_split_point),
        cmocka_unit_test(few_frames_take_no_memory_and_many_give_it_back),
        cmocka_unit_test(full_outbox_takes_nothing),
        cmocka_unit_test(empty_outbox_takes_a_frame_of_any_size),
        cmocka_unit_test(the_oldest_frame_is_not_counted_where_that_is_wanted),
        cmocka_unit_test(urgent_frames_go_ahead_in_their_own_order),
        cmocka_unit_test(urgent_frame_does_not_break_a_frame_that_has_begun_to_leave),
        cmocka_unit_test(drop_keeps_only_what_has_begun_to_leave),
        cmocka_unit_test(growth_without_memory_leaves_the_outbox_whole),
        cmocka_unit_test(peek_gives_no_more_than_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
