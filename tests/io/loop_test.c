#include "io/loop.h"

#include <sys/socket.h>
#include <unistd.h>

#include "support.h"

struct pair {
    struct loop loop;
    int ours, theirs;
};

static int open_pair(void **state)
{
    static struct pair p;
    int fds[2];
    assert_int_equal(loop_init(&p.loop), OK);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    p.ours = fds[0];
    p.theirs = fds[1];
    *state = &p;
    return 0;
}

static int close_pair(void **state)
{
    struct pair *p = *state;
    loop_done(&p->loop);
    close(p->ours);
    if (p->theirs >= 0)
        close(p->theirs);
    return 0;
}

static void readable_descriptor_comes_with_its_tag_until_it_is_read(void **state)
{
    struct pair *p = *state;
    struct loop_event e;
    assert_int_equal(loop_add(&p->loop, p->ours, LOOP_READ, 0x1234567890ABCDEF), OK);
    assert_int_equal(loop_wait(&p->loop, 0, &e, 1), 0);
    assert_int_equal(write(p->theirs, "x", 1), 1);
    for (int i = 0; i < 2; i++) { /* level-triggered: told again */
        assert_int_equal(loop_wait(&p->loop, -1, &e, 1), 1);
        assert_true(e.tag == 0x1234567890ABCDEF);
        assert_int_equal(e.ready, LOOP_READ);
    }
    char byte;
    assert_int_equal(read(p->ours, &byte, 1), 1);
    assert_int_equal(loop_wait(&p->loop, 0, &e, 1), 0);
}

static void interest_can_be_changed_and_taken_away(void **state)
{
    struct pair *p = *state;
    struct loop_event e;
    assert_int_equal(loop_add(&p->loop, p->ours, LOOP_READ, 1), OK);
    assert_int_equal(loop_change(&p->loop, p->ours, LOOP_READ | LOOP_WRITE, 2), OK);
    assert_int_equal(loop_wait(&p->loop, -1, &e, 1), 1);
    assert_int_equal(e.ready, LOOP_WRITE);
    assert_int_equal(e.tag, 2);
    loop_remove(&p->loop, p->ours);
    assert_int_equal(loop_wait(&p->loop, 0, &e, 1), 0);
    assert_int_equal(loop_change(&p->loop, p->ours, LOOP_READ, 1), ERR_IO);
}

static void hangup_is_told_even_to_the_deaf(void **state)
{
    struct pair *p = *state;
    struct loop_event e;
    assert_int_equal(loop_add(&p->loop, p->ours, 0, 7), OK);
    close(p->theirs);
    p->theirs = -1;
    assert_int_equal(loop_wait(&p->loop, -1, &e, 1), 1);
    assert_true(e.ready & LOOP_HANGUP);
}

static void waiting_ends_at_the_deadline(void **state)
{
    struct pair *p = *state;
    struct loop_event e;
    assert_int_equal(loop_wait(&p->loop, 1, &e, 1), 0);
    assert_int_equal(loop_wait(&p->loop, 1500, &e, 1), 0);
}

static void wake_is_seen_once_however_often_it_was_signalled(void **state)
{
    struct pair *p = *state;
    struct wake w;
    struct loop_event e;
    assert_int_equal(wake_init(&w), OK);
    assert_int_equal(loop_add(&p->loop, w.fd, LOOP_READ, 9), OK);
    wake_signal(&w);
    wake_signal(&w);
    assert_int_equal(loop_wait(&p->loop, -1, &e, 1), 1);
    wake_clear(&w);
    assert_int_equal(loop_wait(&p->loop, 0, &e, 1), 0);
    wake_clear(&w); /* nothing to clear is fine */
    wake_done(&w);
    wake_done(&w);
}

#define with_pair(f) cmocka_unit_test_setup_teardown(f, open_pair, close_pair)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_pair(readable_descriptor_comes_with_its_tag_until_it_is_read),
        with_pair(interest_can_be_changed_and_taken_away),
        with_pair(hangup_is_told_even_to_the_deaf),
        with_pair(waiting_ends_at_the_deadline),
        with_pair(wake_is_seen_once_however_often_it_was_signalled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
