/* A name server that does not answer.  There is none to be had here, so this program has a
 * getaddrinfo of its own, which answers when it is let go. */
#include "posix/lookup.h"

#include <netdb.h>
#include <poll.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include "check.h"
#include "posix/posix.h"

static sem_t let_go, has_asked, has_gone;
static atomic_uint askers;

int getaddrinfo(const char *restrict name, const char *restrict service,
                const struct addrinfo *restrict hints, struct addrinfo **restrict out)
{
    (void)name;
    (void)service;
    (void)out;
    if (hints->ai_flags & AI_NUMERICHOST)
        return EAI_NONAME;
    atomic_fetch_add(&askers, 1);
    sem_post(&has_asked);
    while (sem_wait(&let_go) != 0)
        continue;
    sem_post(&has_gone);
    return EAI_AGAIN;
}

/* The one that hangs. */
static void let_it_go(void)
{
    sem_post(&let_go);
    sem_wait(&has_gone);
}

static int setup(void **state)
{
    (void)state;
    atomic_store(&askers, 0);
    return 0;
}

static void who_asks_waits_for_nothing_and_asks_once(void **state)
{
    (void)state;
    struct lookup l;
    struct lookup_addresses a;
    lookup_init(&l, "bakery.example", "80");
    lookup_start(&l);
    sem_wait(&has_asked);
    for (int i = 0; i < 5; i++) {
        lookup_start(&l);
        lookup_turn(&l);
        assert_int_equal(lookup_take(&l, &a), ERR_AGAIN);
    }
    assert_int_equal(atomic_load(&askers), 1);
    let_it_go();
    struct pollfd p = {lookup_fd(&l), POLLIN, 0};
    assert_int_equal(poll(&p, 1, 60000), 1);
    lookup_turn(&l);
    assert_int_equal(lookup_take(&l, &a), ERR_NOT_FOUND);
    lookup_done(&l);
}

static void who_gives_up_does_not_wait_for_the_helper(void **state)
{
    (void)state;
    struct lookup l;
    lookup_init(&l, "bakery.example", "80");
    lookup_start(&l);
    sem_wait(&has_asked);
    lookup_done(&l); /* comes back, though nobody has let the helper go */
    assert_int_equal(lookup_fd(&l), -1);
    let_it_go();
}

static void the_helper_takes_no_signals(void **state)
{
    (void)state;
    struct lookup l;
    sigset_t all, before, pending;
    lookup_init(&l, "bakery.example", "80");
    lookup_start(&l);
    sem_wait(&has_asked);
    /* Blocked here as well, it stays with the process: nobody else takes it. */
    sigemptyset(&all);
    sigaddset(&all, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    kill(getpid(), SIGUSR1);
    sigpending(&pending);
    assert_true(sigismember(&pending, SIGUSR1));
    signal(SIGUSR1, SIG_IGN); /* forgets it */
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    lookup_done(&l);
    let_it_go();
}

static void a_sign_in_ends_in_its_time(void **state)
{
    (void)state;
    struct hb_posix_options o = {
        .url = "http://bakery.example", .email = "e", .password = "p", .session_ms = 100};
    struct hb_posix *p = NULL;
    char error[HB_POSIX_ERROR_SIZE];
    assert_int_equal(hb_posix_new(&o, error, &p), HB_ERR_SILENT);
    assert_string_equal(error, "bakery.example does not answer in time");
    assert_null(p);
    let_it_go();
}

int main(void)
{
    sem_init(&let_go, 0, 0);
    sem_init(&has_asked, 0, 0);
    sem_init(&has_gone, 0, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(who_asks_waits_for_nothing_and_asks_once, setup),
        cmocka_unit_test_setup(who_gives_up_does_not_wait_for_the_helper, setup),
        cmocka_unit_test_setup(the_helper_takes_no_signals, setup),
        cmocka_unit_test_setup(a_sign_in_ends_in_its_time, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
