#include "posix/lookup.h"

#include <arpa/inet.h>
#include <poll.h>

#include "base/mem.h"
#include "check.h"

/* Waits for the helper, if there is one. */
static enum err finish(struct lookup *l, struct lookup_addresses *out)
{
    enum err e;
    lookup_start(l);
    while ((e = lookup_take(l, out)) == ERR_AGAIN) {
        struct pollfd p = {lookup_fd(l), POLLIN, 0};
        assert_true(p.fd >= 0);
        assert_int_equal(poll(&p, 1, 60000), 1);
        lookup_turn(l);
    }
    assert_int_equal(lookup_fd(l), -1);
    return e;
}

static void figures_need_no_helper(void **state)
{
    (void)state;
    struct lookup l;
    struct lookup_addresses a;
    lookup_init(&l, "127.0.0.1", "8080");
    lookup_start(&l);
    assert_int_equal(lookup_fd(&l), -1);
    assert_int_equal(lookup_take(&l, &a), OK);
    assert_int_equal(a.count, 1);
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)&a.list[0].addr;
    assert_int_equal(v4->sin_port, htons(8080));
    assert_int_equal(v4->sin_addr.s_addr, htonl(INADDR_LOOPBACK));
    lookup_done(&l);
    lookup_init(&l, "::1", "443");
    lookup_start(&l);
    assert_int_equal(lookup_take(&l, &a), OK);
    assert_int_equal(a.list[0].addr.ss_family, AF_INET6);
    lookup_done(&l);
}

static void a_name_is_found_by_the_helper_and_found_anew(void **state)
{
    (void)state;
    struct lookup l;
    struct lookup_addresses a = {0};
    lookup_init(&l, "localhost", "80");
    for (int i = 0; i < 3; i++) {
        a.count = 0;
        assert_int_equal(finish(&l, &a), OK);
        assert_in_range(a.count, 1, LOOKUP_ADDRESSES_MAX);
    }
    lookup_done(&l);
}

static void all_who_wait_share_one_helper(void **state)
{
    (void)state;
    struct lookup l;
    struct lookup_addresses a;
    lookup_init(&l, "localhost", "80");
    lookup_start(&l);
    int fd = lookup_fd(&l);
    lookup_start(&l);
    assert_int_equal(lookup_fd(&l), fd);
    assert_int_equal(finish(&l, &a), OK);
    assert_int_equal(lookup_take(&l, &a), OK); /* the second one's */
    lookup_done(&l);
}

/* A label over 63 bytes: no name server is asked. */
static void a_name_that_cannot_be_is_not_found(void **state)
{
    (void)state;
    struct lookup l;
    struct lookup_addresses a;
    char name[80];
    memset(name, 'x', sizeof(name));
    name[79] = 0;
    lookup_init(&l, name, "80");
    assert_int_equal(lookup_take(&l, &a), ERR_NOT_FOUND);
    assert_int_equal(finish(&l, &a), ERR_NOT_FOUND);
    assert_int_equal(finish(&l, &a), ERR_NOT_FOUND);
    lookup_done(&l);
}

static void a_lookup_ends_without_waiting_for_its_helper(void **state)
{
    (void)state;
    struct lookup l;
    for (int i = 0; i < 20; i++) {
        lookup_init(&l, "localhost", "80");
        lookup_start(&l);
        lookup_done(&l);
        lookup_done(&l);
    }
}

static void an_address_that_does_not_answer_is_the_last_one_next_time(void **state)
{
    (void)state;
    struct lookup l;
    struct lookup_addresses a;
    lookup_init(&l, "127.0.0.1", "80");
    lookup_start(&l);
    l.found.count = 3; /* as a name has them */
    for (unsigned i = 0; i < 3; i++)
        l.found.list[i].size = i;
    for (unsigned skipped = 0; skipped < 7; skipped++) {
        assert_int_equal(lookup_take(&l, &a), OK);
        assert_int_equal(a.count, 3);
        for (unsigned i = 0; i < 3; i++)
            assert_int_equal(a.list[i].size, (skipped + i) % 3);
        lookup_skip(&l);
    }
    lookup_done(&l);
}

static void a_lookup_without_memory_fails(void **state)
{
    (void)state;
    struct lookup l;
    struct lookup_addresses a;
    lookup_init(&l, "localhost", "80");
    mem_fail_at(1);
    lookup_start(&l);
    assert_true(mem_fail_hit());
    mem_fail_at(0);
    assert_int_equal(lookup_take(&l, &a), ERR_NOMEM);
    assert_int_equal(finish(&l, &a), OK);
    lookup_done(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(figures_need_no_helper),
        cmocka_unit_test(a_name_is_found_by_the_helper_and_found_anew),
        cmocka_unit_test(all_who_wait_share_one_helper),
        cmocka_unit_test(a_name_that_cannot_be_is_not_found),
        cmocka_unit_test(a_lookup_ends_without_waiting_for_its_helper),
        cmocka_unit_test(an_address_that_does_not_answer_is_the_last_one_next_time),
        cmocka_unit_test(a_lookup_without_memory_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
