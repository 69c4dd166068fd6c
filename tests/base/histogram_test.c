#include "base/histogram.h"

#include "check.h"

static uint64_t total(const struct histogram *h)
{
    uint64_t sum = 0;
    for (int i = 0; i <= HISTOGRAM_BOUNDS; i++)
        sum += h->counts[i];
    return sum;
}

static void a_value_counts_in_the_first_bucket_that_holds_it(void **state)
{
    (void)state;
    for (int i = 0; i < HISTOGRAM_BOUNDS; i++) {
        struct histogram h = {0};
        histogram_add(&h, histogram_times, (int64_t)histogram_times[i], 1);
        histogram_add(&h, histogram_times, (int64_t)histogram_times[i] + 1, 1);
        assert_int_equal(h.counts[i], 1);
        assert_int_equal(h.counts[i + 1], 1);
        assert_int_equal(h.sum, 2 * histogram_times[i] + 1);
    }
}

static void many_values_are_added_at_once(void **state)
{
    (void)state;
    struct histogram h = {0};
    histogram_add(&h, histogram_sizes, 3, 1000);
    histogram_add(&h, histogram_sizes, 3, 0);
    assert_int_equal(h.counts[2], 1000);
    assert_int_equal(h.sum, 3000);
    assert_int_equal(total(&h), 1000);
}

static void below_zero_is_zero(void **state)
{
    (void)state;
    struct histogram h = {0};
    histogram_add(&h, histogram_times, -5000000, 2);
    assert_int_equal(h.counts[0], 2);
    assert_int_equal(h.sum, 0);
}

static void bounds_rise(void **state)
{
    (void)state;
    for (int i = 1; i < HISTOGRAM_BOUNDS; i++) {
        assert_true(histogram_times[i] > histogram_times[i - 1]);
        assert_true(histogram_sizes[i] > histogram_sizes[i - 1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_counts_in_the_first_bucket_that_holds_it),
        cmocka_unit_test(many_values_are_added_at_once),
        cmocka_unit_test(below_zero_is_zero),
        cmocka_unit_test(bounds_rise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
