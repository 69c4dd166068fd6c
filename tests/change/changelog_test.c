#include "change/changelog.h"

#include "check.h"

static const struct table table = {.name = BYTES_INIT("stock")};

static void push(struct changelog *l, uint64_t seq, struct bytes row)
{
    struct change *c;
    assert_int_equal(change_new(&table, VERB_INSERT, seq, 0, row, BYTES(""), &c), OK);
    assert_int_equal(changelog_push(l, c), OK);
    change_unref(c);
}

static struct changelog *make_log(size_t count_max, size_t bytes_max, uint64_t head)
{
    struct changelog *l;
    assert_int_equal(changelog_new(count_max, bytes_max, head, &l), OK);
    return l;
}

/* Everything from tail to head is there, and nothing else. */
static void check_window(const struct changelog *l, uint64_t tail, uint64_t head)
{
    assert_int_equal(changelog_tail(l), tail);
    assert_int_equal(changelog_head(l), head);
    assert_null(changelog_get(l, tail - 1));
    assert_null(changelog_get(l, head + 1));
    assert_null(changelog_get(l, UINT64_MAX));
    for (uint64_t seq = tail; seq <= head; seq++)
        assert_int_equal(changelog_get(l, seq)->seq, seq);
}

static void empty_window_begins_behind_its_head(void **state)
{
    (void)state;
    struct changelog *l = make_log(4, 1000, 41);
    check_window(l, 42, 41);
    changelog_free(l);
    changelog_free(NULL);
}

static void the_oldest_leave_when_there_are_too_many(void **state)
{
    (void)state;
    struct changelog *l = make_log(4, 1000, 0);
    for (uint64_t seq = 1; seq <= 4; seq++) {
        push(l, seq, BYTES("{}"));
        check_window(l, 1, seq);
    }
    for (uint64_t seq = 5; seq <= 50; seq++) {
        push(l, seq, BYTES("{}"));
        check_window(l, seq - 3, seq);
    }
    changelog_free(l);
}

static void the_oldest_leave_when_their_rows_are_too_big(void **state)
{
    (void)state;
    struct changelog *l = make_log(100, 10, 0);
    push(l, 1, BYTES("1234"));
    push(l, 2, BYTES("1234"));
    check_window(l, 1, 2);
    push(l, 3, BYTES("12"));
    check_window(l, 1, 3);
    push(l, 4, BYTES("1"));
    check_window(l, 2, 4);
    changelog_free(l);
}

static void the_newest_stays_however_big_it_is(void **state)
{
    (void)state;
    struct changelog *l = make_log(0, 3, 0);
    push(l, 1, BYTES("1"));
    push(l, 2, BYTES("123456789"));
    check_window(l, 2, 2);
    push(l, 3, BYTES("1"));
    check_window(l, 3, 3);
    changelog_free(l);
}

static void a_hole_is_refused(void **state)
{
    (void)state;
    struct changelog *l = make_log(4, 1000, 10);
    struct change *c;
    for (uint64_t seq = 9; seq <= 12; seq++) {
        if (seq == 11)
            continue;
        assert_int_equal(change_new(&table, VERB_INSERT, seq, 0, BYTES("{}"), BYTES(""), &c), OK);
        assert_int_equal(changelog_push(l, c), ERR_RANGE);
        change_unref(c);
    }
    check_window(l, 11, 10);
    push(l, 11, BYTES("{}"));
    check_window(l, 11, 11);
    changelog_free(l);
}

static void the_window_holds_a_reference_of_its_own(void **state)
{
    (void)state;
    struct changelog *l = make_log(2, 1000, 0);
    push(l, 1, BYTES("{\"a\":1}"));
    struct change *borrowed = change_ref(changelog_get(l, 1));
    changelog_free(l);
    check_text(borrowed->new_row, "{\"a\":1}");
    change_unref(borrowed);
}

static void window_without_memory_is_not_made(void **state)
{
    (void)state;
    for (uint64_t n = 1; n <= 2; n++) {
        struct changelog *l = NULL;
        mem_fail_at(n);
        assert_int_equal(changelog_new(4, 1000, 0, &l), ERR_NOMEM);
        mem_fail_at(0);
        assert_null(l);
    }
    struct changelog *l = NULL;
    assert_int_equal(changelog_new(SIZE_MAX, 1000, 0, &l), ERR_NOMEM);
    assert_null(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_window_begins_behind_its_head),
        cmocka_unit_test(the_oldest_leave_when_there_are_too_many),
        cmocka_unit_test(the_oldest_leave_when_their_rows_are_too_big),
        cmocka_unit_test(the_newest_stays_however_big_it_is),
        cmocka_unit_test(a_hole_is_refused),
        cmocka_unit_test(the_window_holds_a_reference_of_its_own),
        cmocka_unit_test(window_without_memory_is_not_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
