#include "server/limits.h"

#include "support.h"

static void defaults_are_those_of_the_documents(void **state)
{
    (void)state;
    struct server_limits l;
    server_limits_init(&l);
    assert_int_equal(l.header_max, 16 * 1024);
    assert_int_equal(l.request_body_max, 1024 * 1024);
    assert_int_equal(l.slow_us, 10000000);
    assert_int_equal(l.idle_us, 60000000);
    assert_int_equal(l.log_keep_count, 1000000);
    assert_int_equal(l.log_keep_us, INT64_C(7) * 86400 * 1000000);
    assert_int_equal(l.hub.outbox_bytes_max, 1024 * 1024);
    assert_int_equal(l.hub.channels_max, 1000);
    assert_int_equal(l.api.token_life_s, 3600);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(defaults_are_those_of_the_documents)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
