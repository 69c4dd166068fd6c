#include "change/change.h"

#include "check.h"

static const struct table table = {.name = BYTES_INIT("stock")};

static struct change *make_change(uint64_t seq)
{
    struct change *c;
    assert_int_equal(change_new(&table, VERB_INSERT, seq, 0, BYTES("{}"), BYTES(""), &c), OK);
    return c;
}

static void change_keeps_copies_of_its_rows(void **state)
{
    (void)state;
    char new_row[] = "{\"a\":2}", old_row[] = "{\"a\":1}";
    struct change *c;
    assert_int_equal(
        change_new(&table, VERB_UPDATE, 7, 99, bytes_of(new_row), bytes_of(old_row), &c), OK);
    new_row[2] = old_row[2] = 'x';
    check_text(c->new_row, "{\"a\":2}");
    check_text(c->old_row, "{\"a\":1}");
    assert_int_equal(c->seq, 7);
    assert_int_equal(c->commit_us, 99);
    assert_int_equal(c->verb, VERB_UPDATE);
    assert_ptr_equal(c->table, &table);
    check_text(change_row(c), "{\"a\":2}");
    change_unref(c);
}

static void the_row_of_a_delete_is_the_old_one(void **state)
{
    (void)state;
    struct change *c;
    assert_int_equal(
        change_new(&table, VERB_DELETE, 1, 0, (struct bytes){NULL, 0}, BYTES("{\"a\":1}"), &c), OK);
    assert_int_equal(c->new_row.size, 0);
    check_text(change_row(c), "{\"a\":1}");
    change_unref(c);
}

static void change_lives_until_its_last_reference(void **state)
{
    (void)state;
    struct change *c = make_change(1);
    assert_ptr_equal(change_ref(c), c);
    change_unref(c);
    check_text(c->new_row, "{}"); /* the address sanitizer would tell */
    change_unref(c);
    change_unref(NULL);
}

static void change_without_memory_is_refused(void **state)
{
    (void)state;
    struct change *c = NULL;
    mem_fail_at(1);
    assert_int_equal(change_new(&table, VERB_INSERT, 1, 0, BYTES("{}"), BYTES(""), &c), ERR_NOMEM);
    mem_fail_at(0);
    assert_null(c);
}

static void verbs_are_named_as_on_the_wire(void **state)
{
    (void)state;
    check_text(verb_name(VERB_SELECT), "SELECT");
    check_text(verb_name(VERB_INSERT), "INSERT");
    check_text(verb_name(VERB_UPDATE), "UPDATE");
    check_text(verb_name(VERB_DELETE), "DELETE");
}

static void list_keeps_the_order_and_drops_its_tail(void **state)
{
    (void)state;
    struct changes l;
    changes_init(&l);
    for (uint64_t seq = 1; seq <= 100; seq++)
        assert_int_equal(changes_push(&l, make_change(seq)), OK);
    assert_int_equal(l.count, 100);
    struct change *kept = change_ref(l.items[99]);
    changes_truncate(&l, 200);
    assert_int_equal(l.count, 100);
    changes_truncate(&l, 40);
    assert_int_equal(l.count, 40);
    assert_int_equal(l.items[39]->seq, 40);
    assert_int_equal(kept->seq, 100);
    change_unref(kept);
    changes_done(&l);
    assert_int_equal(l.count, 0);
    changes_done(&l);
}

static void list_without_memory_leaves_the_change_with_its_owner(void **state)
{
    (void)state;
    struct changes l;
    struct change *c = make_change(1);
    changes_init(&l);
    mem_fail_at(1);
    assert_int_equal(changes_push(&l, c), ERR_NOMEM);
    mem_fail_at(0);
    assert_int_equal(l.count, 0);
    assert_int_equal(changes_push(&l, c), OK);
    changes_done(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(change_keeps_copies_of_its_rows),
        cmocka_unit_test(the_row_of_a_delete_is_the_old_one),
        cmocka_unit_test(change_lives_until_its_last_reference),
        cmocka_unit_test(change_without_memory_is_refused),
        cmocka_unit_test(verbs_are_named_as_on_the_wire),
        cmocka_unit_test(list_keeps_the_order_and_drops_its_tail),
        cmocka_unit_test(list_without_memory_leaves_the_change_with_its_owner),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
