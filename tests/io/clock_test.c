#include "io/clock.h"

#include "support.h"

#include <time.h>

static void now_is_unix_time_in_microseconds(void **state)
{
    (void)state;
    int64_t before = (int64_t)time(NULL);
    int64_t now = clock_now_us() / 1000000;
    assert_true(now >= before - 1 && now <= (int64_t)time(NULL) + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(now_is_unix_time_in_microseconds)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
