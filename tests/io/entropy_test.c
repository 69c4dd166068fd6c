#include "io/entropy.h"

#include <string.h>

#include "support.h"

static void two_fills_differ_and_reach_every_byte(void **state)
{
    (void)state;
    unsigned char seen[300] = {0};
    /* A byte that stays 0 in 20 fills is not being filled: the chance is 2^-160 a byte. */
    for (int i = 0; i < 20; i++) {
        unsigned char bytes[300];
        entropy_fill(bytes, sizeof(bytes));
        for (size_t k = 0; k < sizeof(bytes); k++)
            seen[k] |= bytes[k];
    }
    for (size_t k = 0; k < sizeof(seen); k++)
        assert_int_not_equal(seen[k], 0);
    assert_true(entropy_u64() != entropy_u64());
}

static void filling_nothing_touches_nothing(void **state)
{
    (void)state;
    char byte = 'x';
    entropy_fill(&byte, 0);
    assert_int_equal(byte, 'x');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_fills_differ_and_reach_every_byte),
        cmocka_unit_test(filling_nothing_touches_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
