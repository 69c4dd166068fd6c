#include "base/buf.h"

#include "base/mem.h"
#include "check.h"

static void puts_follow_each_other(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1000);
    assert_null(b.data);
    buf_put(&b, BYTES("bread "));
    buf_put_u64(&b, UINT64_MAX);
    buf_put_char(&b, ' ');
    buf_put_i64(&b, INT64_MIN);
    buf_put_char(&b, ' ');
    buf_put_i64(&b, 0);
    buf_put_char(&b, ' ');
    buf_put_u64_padded(&b, 7, 3);
    buf_put_u64_padded(&b, 1234, 3);
    buf_put_literal(&b, "!");
    check_text(buf_bytes(&b), "bread 18446744073709551615 -9223372036854775808 0 0071234!");
    assert_int_equal(b.err, OK);
    buf_done(&b);
}

static void empty_put_takes_no_memory(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 10);
    buf_put(&b, (struct bytes){NULL, 0});
    assert_null(b.data);
    assert_int_equal(b.err, OK);
    assert_int_equal(buf_bytes(&b).size, 0);
    buf_done(&b);
}

static void growing_keeps_everything(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 100000);
    for (size_t i = 0; i < 100000; i++)
        buf_put_char(&b, (char)(i % 251));
    assert_int_equal(b.err, OK);
    assert_int_equal(b.size, 100000);
    assert_true(b.capacity <= 100000);
    for (size_t i = 0; i < b.size; i++)
        assert_int_equal((unsigned char)b.data[i], i % 251);
    buf_done(&b);
}

static void growing_doubles(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, SIZE_MAX);
    unsigned moves = 0;
    size_t before = 0;
    for (size_t i = 0; i < 1 << 16; i++) {
        buf_put_char(&b, 'x');
        moves += b.capacity != before;
        before = b.capacity;
    }
    assert_in_range(moves, 1, 17);
    buf_done(&b);
}

static void put_past_max_is_an_error_that_stays(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 5);
    buf_put(&b, BYTES("1234"));
    buf_put(&b, BYTES("56"));
    assert_int_equal(b.err, ERR_LIMIT);
    buf_put_char(&b, '5');
    check_text(buf_bytes(&b), "1234");
    assert_null(buf_reserve(&b, 1));
    buf_reset(&b);
    buf_put(&b, BYTES("12345"));
    assert_int_equal(b.err, OK);
    check_text(buf_bytes(&b), "12345");
    buf_done(&b);
}

static void size_that_overflows_is_over_the_limit(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, SIZE_MAX - 1);
    buf_put_char(&b, 'x');
    assert_null(buf_reserve(&b, SIZE_MAX - 1));
    assert_int_equal(b.err, ERR_LIMIT);
    buf_done(&b);
}

static void reserved_room_is_committed_by_advance(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1000);
    buf_put(&b, BYTES("ab"));
    char *room = buf_reserve(&b, 500);
    assert_non_null(room);
    memset(room, 'c', 500);
    check_text(buf_bytes(&b), "ab");
    buf_advance(&b, 3);
    check_text(buf_bytes(&b), "abccc");
    buf_done(&b);
}

static void room_for_nothing_is_not_null(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 0);
    assert_non_null(buf_reserve(&b, 0));
    buf_advance(&b, 0);
    assert_int_equal(b.err, OK);
    buf_done(&b);
}

static void shift_drops_the_front(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1000);
    buf_shift(&b, 0);
    buf_put(&b, BYTES("0123456789"));
    buf_shift(&b, 3);
    check_text(buf_bytes(&b), "3456789");
    buf_shift(&b, 0);
    check_text(buf_bytes(&b), "3456789");
    buf_shift(&b, 7);
    check_text(buf_bytes(&b), "");
    buf_put_char(&b, 'x');
    check_text(buf_bytes(&b), "x");
    buf_done(&b);
}

static void failed_growth_keeps_what_is_there(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 100000);
    buf_put(&b, BYTES("kept"));
    mem_fail_at(1);
    assert_null(buf_reserve(&b, 5000));
    mem_fail_at(0);
    assert_int_equal(b.err, ERR_NOMEM);
    buf_put(&b, BYTES("not taken"));
    check_text(buf_bytes(&b), "kept");
    buf_done(&b);
}

static void done_buffer_can_be_used_again(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 10);
    buf_put(&b, BYTES("abc"));
    buf_done(&b);
    buf_done(&b);
    buf_put(&b, BYTES("de"));
    check_text(buf_bytes(&b), "de");
    buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(puts_follow_each_other),
        cmocka_unit_test(empty_put_takes_no_memory),
        cmocka_unit_test(growing_keeps_everything),
        cmocka_unit_test(growing_doubles),
        cmocka_unit_test(put_past_max_is_an_error_that_stays),
        cmocka_unit_test(size_that_overflows_is_over_the_limit),
        cmocka_unit_test(reserved_room_is_committed_by_advance),
        cmocka_unit_test(room_for_nothing_is_not_null),
        cmocka_unit_test(shift_drops_the_front),
        cmocka_unit_test(failed_growth_keeps_what_is_there),
        cmocka_unit_test(done_buffer_can_be_used_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
