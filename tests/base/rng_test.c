#include "base/rng.h"

#include "check.h"

static void same_seed_gives_the_same_numbers(void **state)
{
    (void)state;
    struct rng a, b, c;
    rng_init(&a, 17);
    rng_init(&b, 17);
    rng_init(&c, 18);
    bool differs = false;
    for (int i = 0; i < 100; i++) {
        uint64_t n = rng_next(&a);
        assert_true(n == rng_next(&b));
        differs |= n != rng_next(&c);
    }
    assert_true(differs);
}

static void numbers_are_those_of_the_algorithm(void **state)
{
    (void)state;
    /* What the published reference of xoshiro256** gives from the state 1, 2, 3, 4. */
    struct rng r = {{1, 2, 3, 4}};
    assert_true(rng_next(&r) == 11520);
    assert_true(rng_next(&r) == 0);
    assert_true(rng_next(&r) == 1509978240);
    assert_true(rng_next(&r) == UINT64_C(1215971899390074240));
}

static void seed_of_zero_is_spread(void **state)
{
    (void)state;
    /* The first outputs of splitmix64 from 0. */
    struct rng r;
    rng_init(&r, 0);
    assert_true(r.state[0] == UINT64_C(0xe220a8397b1dcdaf));
    assert_true(r.state[1] == UINT64_C(0x6e789e6aa1b965f4));
}

static void below_stays_below_and_reaches_everything(void **state)
{
    (void)state;
    struct rng r;
    rng_init(&r, 3);
    unsigned hits[7] = {0};
    for (int i = 0; i < 7000; i++)
        hits[rng_below(&r, 7)]++;
    for (size_t i = 0; i < CHECK_COUNT(hits); i++)
        assert_in_range(hits[i], 850, 1150);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(rng_below(&r, 1), 0);
        assert_true(rng_below(&r, UINT64_MAX) < UINT64_MAX);
        assert_true(rng_below(&r, (UINT64_C(1) << 63) + 1) <= UINT64_C(1) << 63);
    }
}

static void below_favours_no_number(void **state)
{
    (void)state;
    /* Three quarters of all there is: a plain remainder would hit the lower third twice as often.
     */
    uint64_t bound = UINT64_C(3) << 62;
    struct rng r;
    rng_init(&r, 8);
    unsigned low = 0;
    for (int i = 0; i < 3000; i++)
        low += rng_below(&r, bound) < bound / 3;
    assert_in_range(low, 900, 1100);
}

static void uuid4_has_its_version_and_variant(void **state)
{
    (void)state;
    struct rng r;
    char a[UUID_SIZE], b[UUID_SIZE];
    rng_init(&r, 4);
    for (int i = 0; i < 100; i++) {
        rng_uuid4(&r, a);
        rng_uuid4(&r, b);
        assert_true(uuid_is_valid((struct bytes){a, sizeof(a)}));
        assert_int_equal(a[14], '4');
        assert_non_null(memchr("89ab", a[19], 4));
        assert_memory_not_equal(a, b, sizeof(a));
    }
}

static void uuid7_begins_with_its_time(void **state)
{
    (void)state;
    struct rng r;
    char a[UUID_SIZE];
    rng_init(&r, 5);
    /* The example of RFC 9562, appendix A.6. */
    rng_uuid7(&r, 0x017F22E279B0, a);
    assert_memory_equal(a, "017f22e2-79b0-7", 15);
    assert_non_null(memchr("89ab", a[19], 4));
    assert_true(uuid_is_valid((struct bytes){a, sizeof(a)}));
}

static void later_uuid7_sorts_behind(void **state)
{
    (void)state;
    struct rng r;
    char a[UUID_SIZE], b[UUID_SIZE];
    rng_init(&r, 6);
    for (int64_t ms = 1700000000000; ms < 1700000000300; ms++) {
        rng_uuid7(&r, ms, a);
        rng_uuid7(&r, ms + 1, b);
        assert_true(memcmp(a, b, sizeof(a)) < 0);
    }
}

static void uuids_of_another_shape_are_refused(void **state)
{
    (void)state;
    struct bytes good = BYTES("0197A1b2-1111-7000-8000-00000000000f");
    assert_true(uuid_is_valid(good));
    assert_true(uuid_is_valid(BYTES("01234567-89ab-cdef-ABCD-EF0123456789")));
    assert_false(uuid_is_valid(bytes_slice(good, 0, 35)));
    assert_false(uuid_is_valid(BYTES("")));
    assert_false(uuid_is_valid(BYTES("0197a1b2-1111-7000-8000-00000000000f0")));
    char text[UUID_SIZE];
    for (size_t i = 0; i < UUID_SIZE; i++) {
        memcpy(text, good.data, UUID_SIZE);
        text[i] = text[i] == '-' ? 'a' : 'g';
        assert_false(uuid_is_valid((struct bytes){text, sizeof(text)}));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_seed_gives_the_same_numbers),
        cmocka_unit_test(numbers_are_those_of_the_algorithm),
        cmocka_unit_test(seed_of_zero_is_spread),
        cmocka_unit_test(below_stays_below_and_reaches_everything),
        cmocka_unit_test(below_favours_no_number),
        cmocka_unit_test(uuid4_has_its_version_and_variant),
        cmocka_unit_test(uuid7_begins_with_its_time),
        cmocka_unit_test(later_uuid7_sorts_behind),
        cmocka_unit_test(uuids_of_another_shape_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
