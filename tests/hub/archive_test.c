#include "support.h"

#include "hub/archive.h"

enum { WAITERS = 8, PAGE = ARCHIVE_PAGE };

struct fixture {
    struct catalogue *catalogue;
    struct archive archive;
    struct link waiters[WAITERS];
    struct link released;
    struct change *items[PAGE];
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    f->catalogue = support_catalogue();
    archive_init(&f->archive, 1, 1);
    list_init(&f->released);
    for (int i = 0; i < WAITERS; i++)
        list_init(&f->waiters[i]);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    archive_done(&f->archive);
    assert_int_equal(f->archive.page_count, 0);
    assert_int_equal(f->archive.bytes, 0);
    catalogue_free(f->catalogue);
    free(f);
    return 0;
}

static void wait_for(struct fixture *f, int waiter, uint64_t seq)
{
    assert_int_equal(archive_wait(&f->archive, seq, &f->waiters[waiter]), OK);
}

static void expect_fetch(struct fixture *f, uint64_t from, size_t max)
{
    uint64_t got_from = 0;
    size_t got_max = 0;
    assert_true(archive_next(&f->archive, &got_from, &got_max));
    assert_int_equal(got_from, from);
    assert_int_equal(got_max, max);
}

static void expect_no_fetch(struct fixture *f)
{
    uint64_t from;
    size_t max;
    assert_false(archive_next(&f->archive, &from, &max));
}

/* Answers with the changes first .. first + count - 1, each with a row of that size. */
static enum err answer_of(struct fixture *f, uint64_t from, uint64_t first, size_t count,
                          size_t row_size)
{
    char *row = test_malloc(row_size + 1);
    memset(row, 'x', row_size + 1);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(change_new(&f->catalogue->tables[1], VERB_INSERT, first + i, 1,
                                    (struct bytes){row, row_size}, BYTES(""), &f->items[i]),
                         OK);
    test_free(row);
    enum err e = archive_put(&f->archive, from, f->items, count, OK, &f->released);
    for (size_t i = 0; i < count; i++)
        change_unref(f->items[i]);
    return e;
}

static void answer(struct fixture *f, uint64_t from, uint64_t first, size_t count)
{
    assert_int_equal(answer_of(f, from, first, count, 10), OK);
}

static void expect_released(struct fixture *f, int waiter)
{
    assert_ptr_equal(list_pop_front(&f->released), &f->waiters[waiter]);
}

/* How many changes are found from there on. */
static size_t found(struct fixture *f, uint64_t seq, size_t max)
{
    struct change *items[PAGE];
    size_t count = archive_get(&f->archive, seq, max, items);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(items[i]->seq, seq + i);
    return count;
}

/* A page of that number is wanted, asked for and answered whole. */
static void take_page(struct fixture *f, uint64_t number, size_t row_size)
{
    wait_for(f, 0, number * PAGE);
    expect_fetch(f, number * PAGE, PAGE);
    assert_int_equal(answer_of(f, number * PAGE, number * PAGE, PAGE, row_size), OK);
    expect_released(f, 0);
}

static void a_page_is_asked_for_once_however_many_wait(void **state)
{
    struct fixture *f = *state;
    wait_for(f, 0, PAGE + 100);
    wait_for(f, 1, PAGE);
    expect_fetch(f, PAGE, PAGE);
    wait_for(f, 2, 2 * PAGE - 1);
    expect_no_fetch(f);
    answer(f, PAGE, PAGE, PAGE);
    for (int i = 0; i < 3; i++)
        expect_released(f, i);
    assert_true(list_is_empty(&f->released));
    assert_int_equal(found(f, PAGE, 64), 64);
    assert_int_equal(found(f, 2 * PAGE - 10, 64), 10);
    assert_int_equal(found(f, 2 * PAGE, 64), 0);
    assert_int_equal(found(f, PAGE - 1, 64), 0);
    assert_true(archive_has(&f->archive, PAGE + 5));
    assert_false(archive_has(&f->archive, 2 * PAGE));
    expect_no_fetch(f);
}

static void the_first_page_begins_where_the_log_does(void **state)
{
    struct fixture *f = *state;
    wait_for(f, 0, 5);
    expect_fetch(f, 1, PAGE - 1);
    answer(f, 1, 1, PAGE - 1);
    archive_trim(&f->archive, 3 * PAGE + 7);
    archive_trim(&f->archive, 3); /* it does not come back */
    wait_for(f, 1, 3 * PAGE + 9);
    expect_fetch(f, 3 * PAGE + 7, PAGE - 7);
}

static void only_so_many_are_asked_for_at_a_time(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 6; i++)
        wait_for(f, i, (uint64_t)(i + 1) * PAGE);
    for (uint64_t i = 0; i < ARCHIVE_FETCHES_MAX; i++)
        expect_fetch(f, (i + 1) * PAGE, PAGE);
    expect_no_fetch(f);
    answer(f, 3 * PAGE, 3 * PAGE, PAGE);
    expect_fetch(f, 5 * PAGE, PAGE);
    expect_no_fetch(f);
}

static void the_page_behind_the_one_that_came_goes_first(void **state)
{
    struct fixture *f = *state;
    wait_for(f, 0, 7 * PAGE);
    expect_fetch(f, 7 * PAGE, PAGE);
    wait_for(f, 1, 20 * PAGE);
    wait_for(f, 2, 2 * PAGE);
    answer(f, 7 * PAGE, 7 * PAGE, PAGE);
    wait_for(f, 3, 8 * PAGE);
    expect_fetch(f, 8 * PAGE, PAGE);
    expect_fetch(f, 20 * PAGE, PAGE);
    expect_fetch(f, 2 * PAGE, PAGE);
}

static void waiter_may_leave(void **state)
{
    struct fixture *f = *state;
    wait_for(f, 0, PAGE);
    wait_for(f, 1, PAGE);
    list_remove(&f->waiters[0]);
    expect_fetch(f, PAGE, PAGE);
    list_remove(&f->waiters[1]);
    answer(f, PAGE, PAGE, PAGE);
    assert_true(list_is_empty(&f->released));
    assert_int_equal(found(f, PAGE, 1), 1);
}

static void the_page_used_longest_ago_leaves_first(void **state)
{
    struct fixture *f = *state;
    for (uint64_t i = 1; i <= ARCHIVE_PAGES_MAX; i++)
        take_page(f, i, 1);
    assert_int_equal(found(f, PAGE, 1), 1);
    take_page(f, ARCHIVE_PAGES_MAX + 1, 1);
    assert_int_equal(f->archive.page_count, ARCHIVE_PAGES_MAX);
    assert_int_equal(found(f, PAGE, 1), 1);
    assert_int_equal(found(f, 2 * PAGE, 1), 0);
    assert_int_equal(found(f, 3 * PAGE, 1), 1);
}

static void pages_are_bounded_by_their_bytes(void **state)
{
    struct fixture *f = *state;
    for (uint64_t i = 1; i <= 10; i++) {
        take_page(f, i, 3000);
        assert_true(f->archive.bytes <= ARCHIVE_BYTES_MAX);
        assert_int_equal(found(f, i * PAGE, 1), 1);
    }
    assert_int_equal(found(f, 5 * PAGE, 1), 0);
    take_page(f, 11, 40000); /* more than all may have: it is kept alone */
    assert_int_equal(f->archive.page_count, 1);
    assert_int_equal(found(f, 11 * PAGE, 64), 64);
}

static void a_short_page_is_continued_where_it_is_wanted(void **state)
{
    struct fixture *f = *state;
    wait_for(f, 0, PAGE + 300);
    expect_fetch(f, PAGE, PAGE);
    answer(f, PAGE, PAGE, 100);
    expect_released(f, 0);
    wait_for(f, 0, PAGE + 300);
    expect_fetch(f, PAGE + 300, PAGE - 300);
    answer(f, PAGE + 300, PAGE + 300, 10);
    assert_int_equal(found(f, PAGE + 300, 64), 10);
    assert_int_equal(found(f, PAGE + 99, 64), 1);
    wait_for(f, 1, PAGE + 310);
    expect_fetch(f, PAGE + 310, PAGE - 310);
}

static void an_answer_with_a_hole_is_taken_up_to_it(void **state)
{
    struct fixture *f = *state;
    wait_for(f, 0, PAGE);
    expect_fetch(f, PAGE, PAGE);
    for (uint64_t i = 0; i < 10; i++)
        assert_int_equal(change_new(&f->catalogue->tables[1], VERB_INSERT, PAGE + i + (i > 5), 1,
                                    BYTES("{}"), BYTES(""), &f->items[i]),
                         OK);
    assert_int_equal(archive_put(&f->archive, PAGE, f->items, 10, OK, &f->released), OK);
    for (int i = 0; i < 10; i++)
        change_unref(f->items[i]);
    assert_int_equal(found(f, PAGE, 64), 6);
}

static void an_answer_that_nobody_asked_for_is_refused(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(answer_of(f, PAGE, PAGE, 3, 10), ERR_NOT_FOUND);
    wait_for(f, 0, PAGE);
    assert_int_equal(answer_of(f, PAGE, PAGE, 3, 10), ERR_NOT_FOUND);
    expect_fetch(f, PAGE, PAGE);
    answer(f, PAGE, PAGE, 3);
    assert_int_equal(answer_of(f, PAGE, PAGE, 3, 10), ERR_NOT_FOUND);
    assert_int_equal(f->archive.page_count, 1);
}

static void a_fetch_that_failed_is_asked_for_by_who_still_wants_it(void **state)
{
    struct fixture *f = *state;
    wait_for(f, 0, PAGE);
    expect_fetch(f, PAGE, PAGE);
    assert_int_equal(archive_put(&f->archive, PAGE, NULL, 0, ERR_IO, &f->released), ERR_IO);
    expect_released(f, 0);
    expect_no_fetch(f);
    assert_int_equal(f->archive.tail, 1);
    wait_for(f, 0, PAGE);
    expect_fetch(f, PAGE, PAGE);
}

static void without_memory_nobody_waits_and_nothing_is_kept(void **state)
{
    struct fixture *f = *state;
    enum err e = ERR_NOMEM;
    for (uint64_t n = 1; e; n++) {
        mem_fail_at(n);
        e = archive_wait(&f->archive, PAGE, &f->waiters[0]);
        mem_fail_at(0);
        assert_int_equal(list_is_linked(&f->waiters[0]), e == OK);
        assert_int_equal(f->archive.fetches.count, e ? 0 : 1);
    }
    expect_fetch(f, PAGE, PAGE);
    struct change *c;
    assert_int_equal(
        change_new(&f->catalogue->tables[1], VERB_INSERT, PAGE, 1, BYTES("{}"), BYTES(""), &c), OK);
    mem_fail_at(1);
    assert_int_equal(archive_put(&f->archive, PAGE, &c, 1, OK, &f->released), ERR_NOMEM);
    mem_fail_at(0);
    change_unref(c);
    expect_released(f, 0);
    assert_int_equal(f->archive.page_count, 0);
    assert_int_equal(f->archive.asked_count, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_page_is_asked_for_once_however_many_wait),
        TEST(the_first_page_begins_where_the_log_does),
        TEST(only_so_many_are_asked_for_at_a_time),
        TEST(the_page_behind_the_one_that_came_goes_first),
        TEST(waiter_may_leave),
        TEST(the_page_used_longest_ago_leaves_first),
        TEST(pages_are_bounded_by_their_bytes),
        TEST(a_short_page_is_continued_where_it_is_wanted),
        TEST(an_answer_with_a_hole_is_taken_up_to_it),
        TEST(an_answer_that_nobody_asked_for_is_refused),
        TEST(a_fetch_that_failed_is_asked_for_by_who_still_wants_it),
        TEST(without_memory_nobody_waits_and_nothing_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
