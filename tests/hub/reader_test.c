#include "support.h"

#include "hub/reader.h"

#define OF_REP "{\"id\":\"1\",\"user_id\":\"" REP "\"}"
#define OF_OTHER "{\"id\":\"1\",\"user_id\":\"" OTHER_REP "\"}"

struct fixture {
    struct world world;
    struct reader_classes classes;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    world_init(&f->world);
    reader_classes_init(&f->classes, f->world.policies, 1);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(f->classes.map.count, 0);
    reader_classes_done(&f->classes);
    world_done(&f->world);
    free(f);
    return 0;
}

static struct reader_class *class_of(struct fixture *f, enum role role, const char *user_id)
{
    struct identity who = {.role = role};
    struct reader_class *c;
    if (user_id)
        memcpy(who.user_id, user_id, UUID_SIZE);
    assert_int_equal(reader_class_get(&f->classes, &who, user_id != NULL, &c), OK);
    return c;
}

static enum sight sight(struct fixture *f, struct reader_class *c, enum verb verb,
                        const char *new_row, const char *old_row)
{
    struct change *change = world_change(&f->world, "shift_feedback", verb, new_row, old_row);
    enum sight s, again;
    assert_int_equal(reader_sight(&f->classes, c, change, &s), OK);
    assert_int_equal(reader_sight(&f->classes, c, change, &again), OK);
    assert_int_equal(s, again);
    change_unref(change);
    return s;
}

static void row_decides_for_insert_and_old_row_for_delete(void **state)
{
    struct fixture *f = *state;
    struct reader_class *rep = class_of(f, ROLE_SALES_REP, REP);
    assert_int_equal(sight(f, rep, VERB_INSERT, OF_REP, NULL), SIGHT_WHOLE);
    assert_int_equal(sight(f, rep, VERB_INSERT, OF_OTHER, NULL), SIGHT_NONE);
    assert_int_equal(sight(f, rep, VERB_DELETE, NULL, OF_REP), SIGHT_WHOLE);
    assert_int_equal(sight(f, rep, VERB_DELETE, NULL, OF_OTHER), SIGHT_NONE);
    reader_class_unref(&f->classes, rep);
}

static void update_may_take_a_row_out_of_view_or_bring_it_in(void **state)
{
    struct fixture *f = *state;
    struct reader_class *rep = class_of(f, ROLE_SALES_REP, REP);
    assert_int_equal(sight(f, rep, VERB_UPDATE, OF_REP, OF_REP), SIGHT_WHOLE);
    assert_int_equal(sight(f, rep, VERB_UPDATE, OF_OTHER, OF_REP), SIGHT_LEAVES);
    assert_int_equal(sight(f, rep, VERB_UPDATE, OF_REP, OF_OTHER), SIGHT_ENTERS);
    assert_int_equal(sight(f, rep, VERB_UPDATE, OF_OTHER, OF_OTHER), SIGHT_NONE);
    reader_class_unref(&f->classes, rep);
}

static void anon_sees_nothing_and_service_everything(void **state)
{
    struct fixture *f = *state;
    struct reader_class *anon = class_of(f, ROLE_ANON, NULL);
    struct reader_class *service = class_of(f, ROLE_SERVICE, NULL);
    assert_int_equal(sight(f, anon, VERB_INSERT, OF_REP, NULL), SIGHT_NONE);
    assert_int_equal(sight(f, service, VERB_INSERT, OF_REP, NULL), SIGHT_WHOLE);
    assert_int_equal(sight(f, service, VERB_UPDATE, OF_REP, OF_OTHER), SIGHT_WHOLE);
    reader_class_unref(&f->classes, anon);
    reader_class_unref(&f->classes, service);
}

static void change_is_decided_once_per_class(void **state)
{
    struct fixture *f = *state;
    struct reader_class *manager = class_of(f, ROLE_MANAGER, NULL);
    struct change *items[3];
    enum sight s;
    for (int i = 0; i < 3; i++)
        items[i] = world_change(&f->world, "shift_feedback", VERB_INSERT, OF_REP, NULL);
    for (int round = 0; round < 5; round++)
        for (int i = 0; i < 3; i++)
            assert_int_equal(reader_sight(&f->classes, manager, items[i], &s), OK);
    assert_int_equal(f->classes.decisions, 3);
    for (int i = 0; i < 3; i++)
        change_unref(items[i]);
    reader_class_unref(&f->classes, manager);
}

static void lack_of_memory_is_not_remembered_as_a_no(void **state)
{
    struct fixture *f = *state;
    struct reader_class *rep = class_of(f, ROLE_SALES_REP, REP);
    struct change *change =
        world_change(&f->world, "shift_feedback", VERB_UPDATE,
                     "{\"id\":\"1\",\"user_id\":\"\\u00300000000-0000-4000-8000-000000000003\"}",
                     "{\"id\":\"1\",\"user_id\":\"\\u00300000000-0000-4000-8000-000000000003\"}");
    enum sight s = SIGHT_NONE;
    enum err e = ERR_NOMEM;
    for (uint64_t n = 1; e; n++) {
        mem_fail_at(n);
        e = reader_sight(&f->classes, rep, change, &s);
        mem_fail_at(0);
        assert_true(e == ERR_NOMEM || (e == OK && n > 4));
    }
    assert_int_equal(s, SIGHT_WHOLE);
    change_unref(change);
    reader_class_unref(&f->classes, rep);
}

static void memo_of_one_run_is_not_taken_for_another(void **state)
{
    struct fixture *f = *state;
    struct reader_class *rep = class_of(f, ROLE_SALES_REP, REP);
    for (int i = 0; i < 3 * READER_MEMO; i++)
        assert_int_equal(sight(f, rep, VERB_INSERT, i % 3 ? OF_REP : OF_OTHER, NULL),
                         i % 3 ? SIGHT_WHOLE : SIGHT_NONE);
    reader_class_unref(&f->classes, rep);
}

static void same_people_share_a_class(void **state)
{
    struct fixture *f = *state;
    struct reader_class *a = class_of(f, ROLE_MANAGER, NULL), *b = class_of(f, ROLE_MANAGER, NULL);
    struct reader_class *c = class_of(f, ROLE_MANAGER, MANAGER);
    struct reader_class *d = class_of(f, ROLE_OWNER, MANAGER);
    assert_ptr_equal(a, b);
    assert_ptr_not_equal(a, c);
    assert_ptr_not_equal(c, d);
    reader_class_unref(&f->classes, a);
    reader_class_unref(&f->classes, b);
    reader_class_unref(&f->classes, c);
    reader_class_unref(&f->classes, d);
    reader_class_unref(&f->classes, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(row_decides_for_insert_and_old_row_for_delete, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(update_may_take_a_row_out_of_view_or_bring_it_in, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(anon_sees_nothing_and_service_everything, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(change_is_decided_once_per_class, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lack_of_memory_is_not_remembered_as_a_no, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(memo_of_one_run_is_not_taken_for_another, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(same_people_share_a_class, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
