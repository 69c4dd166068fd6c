#include "server/upkeep.h"

#include <sched.h>
#include <sys/stat.h>

#include "support.h"

struct fixture {
    struct bakery_folder folder;
    struct bakery bakery;
    struct store_session *keeping;
    struct server_limits limits;
};

static int open_all(void **state)
{
    static struct fixture f;
    make_bakery(&f.folder);
    server_limits_init(&f.limits);
    assert_int_equal(bakery_open_writer(&f.bakery, "test", f.folder.path), OK);
    *state = &f;
    assert_int_equal(store_session_open(f.bakery.store, STORE_READER, &f.keeping), OK);
    return 0;
}

static int close_all(void **state)
{
    struct fixture *f = *state;
    store_session_close(f->keeping);
    bakery_close(&f->bakery);
    remove_folder(&f->folder);
    return 0;
}

/* The database file's part of the data: what a checkpoint moves there. */
static struct timespec file_time(const struct fixture *f)
{
    char path[128];
    struct stat st;
    snprintf(path, sizeof(path), "%s/homebake.db", f->folder.path);
    assert_int_equal(stat(path, &st), 0);
    return st.st_mtim;
}

static bool is_later(struct timespec a, struct timespec b)
{
    return a.tv_sec > b.tv_sec || (a.tv_sec == b.tv_sec && a.tv_nsec > b.tv_nsec);
}

static void a_commit_is_moved_into_the_file(void **state)
{
    struct fixture *f = *state;
    struct upkeep *u;
    f->limits.checkpoint_after_us = 0;
    assert_int_equal(upkeep_start(f->keeping, &f->limits, &u), OK);
    assert_int_equal(store_person_set_active(f->bakery.session, BYTES(OWNER_EMAIL), false), OK);
    struct timespec before = file_time(f);
    upkeep_poke(u);
    for (int i = 0; i < 100000000 && !is_later(file_time(f), before); i++)
        sched_yield();
    assert_true(is_later(file_time(f), before));
    upkeep_stop(u);
    upkeep_free(u);
}

static void the_end_does_not_wait_for_the_pause(void **state)
{
    struct fixture *f = *state;
    struct upkeep *u;
    f->limits.checkpoint_after_us = INT64_C(3600000000); /* the test's own time limit is shorter */
    assert_int_equal(upkeep_start(f->keeping, &f->limits, &u), OK);
    upkeep_poke(u);
    upkeep_stop(u);
    upkeep_poke(u);
    upkeep_free(u);
    upkeep_stop(NULL);
    upkeep_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_commit_is_moved_into_the_file, open_all, close_all),
        cmocka_unit_test_setup_teardown(the_end_does_not_wait_for_the_pause, open_all, close_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
