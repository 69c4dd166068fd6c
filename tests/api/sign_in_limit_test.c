#include "api/sign_in_limit.h"

#include "check.h"

enum { BURST = 10, PERIOD_US = 5000000 };

static struct sign_in_limit *make(void)
{
    struct sign_in_limit *l;
    assert_int_equal(sign_in_limit_new(7, (struct rate_limit){BURST, PERIOD_US}, &l), OK);
    return l;
}

static void burst_is_let_through_then_one_per_period(void **state)
{
    struct sign_in_limit *l = make();
    int64_t now = 1000;
    (void)state;
    for (int i = 0; i < BURST; i++)
        assert_int_equal(sign_in_limit_try(l, BYTES("a@example.org"), now), 0);
    assert_int_equal(sign_in_limit_try(l, BYTES("a@example.org"), now), PERIOD_US);
    now += PERIOD_US - 1;
    assert_int_equal(sign_in_limit_try(l, BYTES("a@example.org"), now), 1);
    assert_int_equal(sign_in_limit_try(l, BYTES("a@example.org"), now + 1), 0);
    assert_true(sign_in_limit_try(l, BYTES("a@example.org"), now + 1) > 0);
    sign_in_limit_free(l);
}

static void refused_tries_do_not_count(void **state)
{
    struct sign_in_limit *l = make();
    (void)state;
    for (int i = 0; i < 1000; i++) {
        int64_t wait_us = sign_in_limit_try(l, BYTES("a@example.org"), 0);
        assert_int_equal(wait_us > 0, i >= BURST);
    }
    assert_int_equal(sign_in_limit_try(l, BYTES("a@example.org"), PERIOD_US), 0);
    sign_in_limit_free(l);
}

static void case_does_not_matter_and_others_are_free(void **state)
{
    struct sign_in_limit *l = make();
    (void)state;
    for (int i = 0; i < BURST; i++)
        assert_int_equal(sign_in_limit_try(l, BYTES("a@example.org"), 0), 0);
    assert_true(sign_in_limit_try(l, BYTES("A@Example.ORG"), 0) > 0);
    assert_int_equal(sign_in_limit_try(l, BYTES("b@example.org"), 0), 0);
    sign_in_limit_free(l);
}

static void full_table_forgets_the_fullest_first(void **state)
{
    struct sign_in_limit *l = make();
    char email[16];
    (void)state;
    for (int i = 0; i < BURST; i++)
        assert_int_equal(sign_in_limit_try(l, BYTES("busy"), 0), 0);
    for (uint64_t n = 0; n < 4 * SIGN_IN_LIMIT_COUNT; n++) {
        struct bytes name = {email, 8};
        memcpy(email, &n, sizeof(n));
        assert_int_equal(sign_in_limit_try(l, name, 0), 0);
    }
    assert_true(sign_in_limit_try(l, BYTES("busy"), 0) > 0);
    sign_in_limit_free(l);
    sign_in_limit_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(burst_is_let_through_then_one_per_period),
        cmocka_unit_test(refused_tries_do_not_count),
        cmocka_unit_test(case_does_not_matter_and_others_are_free),
        cmocka_unit_test(full_table_forgets_the_fullest_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
