#include "base/rate.h"

#include "check.h"

static void burst_is_let_through_then_one_a_period(void **state)
{
    (void)state;
    struct rate r = {INT64_MIN};
    struct rate_limit l = {3, 100};
    for (int i = 0; i < 3; i++)
        assert_int_equal(rate_take(&r, &l, 1000), 0);
    assert_int_equal(rate_take(&r, &l, 1000), 100);
    assert_int_equal(rate_take(&r, &l, 1099), 1);
    assert_int_equal(rate_take(&r, &l, 1100), 0);
    assert_int_equal(rate_take(&r, &l, 1100), 100);
}

static void what_is_refused_takes_nothing(void **state)
{
    (void)state;
    struct rate r = {INT64_MIN};
    struct rate_limit l = {1, 100};
    assert_int_equal(rate_take(&r, &l, 0), 0);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(rate_take(&r, &l, 0), 100);
    assert_int_equal(rate_take(&r, &l, 100), 0);
}

static void a_pause_gives_back_the_burst_and_no_more(void **state)
{
    (void)state;
    struct rate r = {INT64_MIN};
    struct rate_limit l = {2, 100};
    assert_true(rate_is_full(&r, 0));
    assert_int_equal(rate_take(&r, &l, 0), 0);
    assert_false(rate_is_full(&r, 99));
    assert_true(rate_is_full(&r, 100));
    for (int i = 0; i < 2; i++)
        assert_int_equal(rate_take(&r, &l, 1000000), 0);
    assert_int_equal(rate_take(&r, &l, 1000000), 100);
}

static void a_period_of_nothing_is_no_limit(void **state)
{
    (void)state;
    struct rate r = {INT64_MIN};
    struct rate_limit l = {1, 0};
    for (int i = 0; i < 1000; i++)
        assert_int_equal(rate_take(&r, &l, 7), 0);
}

static void a_clock_that_is_set_back_locks_nobody_out(void **state)
{
    (void)state;
    struct rate r = {INT64_MIN};
    struct rate_limit l = {2, 100};
    assert_int_equal(rate_take(&r, &l, 1000000), 0);
    assert_int_equal(rate_take(&r, &l, 1000000), 0);
    assert_int_equal(rate_take(&r, &l, 5000), 0);
    assert_int_equal(rate_take(&r, &l, 5000), 0);
    assert_int_equal(rate_take(&r, &l, 5000), 100);
}

static void a_rate_is_said_per_second(void **state)
{
    (void)state;
    struct rate_limit l = rate_per_second(20, 200);
    assert_int_equal(l.burst, 20);
    assert_int_equal(l.period_us, 5000);
    assert_int_equal(rate_per_second(1, 1).period_us, 1000000);
    assert_int_equal(rate_per_second(1, 1000000).period_us, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(burst_is_let_through_then_one_a_period),
        cmocka_unit_test(what_is_refused_takes_nothing),
        cmocka_unit_test(a_pause_gives_back_the_burst_and_no_more),
        cmocka_unit_test(a_period_of_nothing_is_no_limit),
        cmocka_unit_test(a_clock_that_is_set_back_locks_nobody_out),
        cmocka_unit_test(a_rate_is_said_per_second),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
