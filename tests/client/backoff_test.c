#include "check.h"

#include "client/backoff.h"

static const struct backoff usual = {.min_ms = 1000, .max_ms = 30000};

static void waits_spread_over_a_window_that_doubles_and_ends(void **state)
{
    (void)state;
    struct rng r;
    rng_init(&r, 2);
    static const uint32_t ends[] = {2000, 4000, 8000, 16000, 30000, 30000};
    for (uint32_t tried = 1; tried <= CHECK_COUNT(ends); tried++) {
        uint32_t end = ends[tried - 1], least = UINT32_MAX, most = 0;
        for (int i = 0; i < 2000; i++) {
            uint32_t ms = backoff_ms(&usual, tried, &r);
            least = ms < least ? ms : least;
            most = ms > most ? ms : most;
        }
        assert_in_range(least, 1000, 1000 + (end - 1000) / 20);
        assert_in_range(most, end - (end - 1000) / 20, end);
    }
}

static void a_huge_number_of_tries_waits_no_longer(void **state)
{
    (void)state;
    struct rng r;
    rng_init(&r, 3);
    static const struct backoff widest = {.min_ms = 1, .max_ms = UINT32_MAX};
    assert_true(backoff_ms(&usual, UINT32_MAX, &r) <= 30000);
    assert_true(backoff_ms(&widest, UINT32_MAX, &r) >= 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waits_spread_over_a_window_that_doubles_and_ends),
        cmocka_unit_test(a_huge_number_of_tries_waits_no_longer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
