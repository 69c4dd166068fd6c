#include "io/burst.h"

#include <unistd.h>

#include "support.h"

enum { PAIRS = 20, BIG = 4 << 20 };

struct fixture {
    struct burst *burst;
    int ours[PAIRS], theirs[PAIRS];
    struct burst_item items[PAIRS];
    struct iovec iov[PAIRS][2];
};

static void set_up(struct fixture *f, bool is_plain)
{
    assert_int_equal(burst_new(is_plain, &f->burst), OK);
    for (int i = 0; i < PAIRS; i++) {
        int pair[2];
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
        f->ours[i] = pair[0];
        f->theirs[i] = pair[1];
        f->iov[i][0] = (struct iovec){"hello, ", 7};
        f->iov[i][1] = (struct iovec){"reader", 6};
        f->items[i] = (struct burst_item){.fd = pair[0], .count = 2, .iov = f->iov[i]};
    }
}

static void tear_down(struct fixture *f)
{
    for (int i = 0; i < PAIRS; i++) {
        close(f->ours[i]);
        close(f->theirs[i]);
    }
    burst_free(f->burst);
}

static void assert_heard(int fd, const char *text)
{
    char data[64];
    ssize_t size = recv(fd, data, sizeof(data), 0);
    assert_int_equal(size, strlen(text));
    assert_memory_equal(data, text, strlen(text));
}

static void check_all_are_sent(bool is_plain)
{
    struct fixture f;
    set_up(&f, is_plain);
    for (int round = 0; round < 10; round++) {
        f.items[3].count = 1; /* one piece and several, in one burst */
        burst_send(f.burst, f.items, PAIRS);
        for (int i = 0; i < PAIRS; i++) {
            assert_int_equal(f.items[i].result, OK);
            assert_int_equal(f.items[i].sent, i == 3 ? 7 : 13);
            assert_heard(f.theirs[i], i == 3 ? "hello, " : "hello, reader");
        }
    }
    tear_down(&f);
}

static void every_socket_gets_its_bytes(void **state)
{
    (void)state;
    check_all_are_sent(true);
    check_all_are_sent(false);
}

/* One that has no room, one whose peer has gone, and one that takes a part: each says so, and the
 * others are sent to. */
static void check_troubles(bool is_plain)
{
    struct fixture f;
    static char much[BIG];
    set_up(&f, is_plain);
    f.iov[5][0] = (struct iovec){much, sizeof(much)};
    f.items[5].count = 1;
    close(f.theirs[7]);
    f.theirs[7] = dup(f.ours[7]);
    burst_send(f.burst, f.items, PAIRS);
    assert_int_equal(f.items[5].result, OK);
    assert_true(f.items[5].sent > 0 && f.items[5].sent < sizeof(much));
    assert_int_equal(f.items[7].result, ERR_CLOSED);
    burst_send(f.burst, f.items, PAIRS);
    assert_int_equal(f.items[5].result, ERR_AGAIN);
    for (int i = 0; i < PAIRS; i++) {
        if (i == 5 || i == 7)
            continue;
        assert_int_equal(f.items[i].result, OK);
        assert_heard(f.theirs[i], "hello, readerhello, reader");
    }
    tear_down(&f);
}

static void each_trouble_is_its_own(void **state)
{
    (void)state;
    check_troubles(true);
    check_troubles(false);
}

static void a_plain_burst_needs_no_ring(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f, true);
    burst_send(f.burst, f.items, PAIRS);
    assert_false(burst_has_ring(f.burst));
    burst_send(f.burst, f.items, 0);
    tear_down(&f);
    burst_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_socket_gets_its_bytes),
        cmocka_unit_test(each_trouble_is_its_own),
        cmocka_unit_test(a_plain_burst_needs_no_ring),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
