#include "support.h"

#include "hub/group.h"

struct fixture {
    struct world world;
    struct conns conns;
    struct channels channels;
    struct groups groups;
    struct bindings *sales;
    struct reader_class *owner;
    struct conn *conn;
    struct channel *members[4];
};

static struct channel *channel_of(struct fixture *f, struct conn *c, const char *topic)
{
    struct channel *ch;
    assert_int_equal(channel_add(&f->channels, c, bytes_of(topic), BYTES("1"), &ch), OK);
    return ch;
}

static struct bindings *bindings_of(struct fixture *f, const char *table)
{
    struct binding_spec spec = {.table = bytes_of(table)};
    struct bindings *b;
    binding_make_ids(&spec, 1);
    assert_int_equal(bindings_get(&f->groups.sets, &spec, 1, &f->world.text, &b), OK);
    return b;
}

/* Four connections on one topic. */
static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct identity who = {.role = ROLE_OWNER};
    assert_non_null(f);
    world_init(&f->world);
    conns_init(&f->conns);
    channels_init(&f->channels, 1);
    assert_int_equal(groups_init(&f->groups, f->world.catalogue, f->world.policies, 1), OK);
    f->sales = bindings_of(f, "sales_logs");
    assert_int_equal(groups_class(&f->groups, f->sales, &who, &f->owner), OK);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(conns_add(&f->conns, PHX_V2, 1000, &f->conn), OK);
        f->members[i] = channel_of(f, f->conn, "realtime:x");
    }
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 4; i++) {
        struct conn *c = f->members[i]->conn;
        group_leave(&f->groups, f->members[i]);
        channel_remove(&f->channels, f->members[i]);
        if (!c->channel_count)
            conns_remove(&f->conns, c);
    }
    bindings_unref(&f->groups.sets, f->sales);
    reader_class_unref(&f->groups.classes, f->owner);
    assert_int_equal(f->groups.map.count, 0);
    assert_int_equal(f->groups.subscriptions, 0);
    groups_done(&f->groups);
    channels_done(&f->channels);
    conns_done(&f->conns);
    world_done(&f->world);
    free(f);
    return 0;
}

static void enter(struct fixture *f, int i)
{
    assert_int_equal(group_enter(&f->groups, f->members[i], f->sales, f->owner), OK);
}

/* Everybody knows their place. */
static void check_group(const struct group *g, uint32_t live, uint32_t count)
{
    assert_int_equal(g->live_count, live);
    assert_int_equal(g->count, count);
    for (uint32_t i = 0; i < g->count; i++) {
        assert_int_equal(g->members[i].channel->place, i);
        assert_ptr_equal(g->members[i].channel->group, g);
        assert_ptr_equal(g->members[i].conn, g->members[i].channel->conn);
        assert_int_equal(g->members[i].channel->is_behind, i >= live);
    }
}

static void same_topic_bindings_and_class_make_one_group(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 4; i++)
        enter(f, i);
    check_group(f->members[0]->group, 4, 4);
    assert_int_equal(f->groups.map.count, 1);
    assert_int_equal(f->groups.subscriptions, 4);
}

static void another_class_or_topic_makes_another_group(void **state)
{
    struct fixture *f = *state;
    struct identity who = {.role = ROLE_MANAGER};
    struct reader_class *manager;
    assert_int_equal(groups_class(&f->groups, f->sales, &who, &manager), OK);
    enter(f, 0);
    assert_int_equal(group_enter(&f->groups, f->members[1], f->sales, manager), OK);
    reader_class_unref(&f->groups.classes, manager);
    struct channel *other = channel_of(f, f->conn, "realtime:y");
    assert_int_equal(group_enter(&f->groups, other, f->sales, f->owner), OK);
    assert_int_equal(f->groups.map.count, 3);
    group_leave(&f->groups, other);
    channel_remove(&f->channels, other);
}

static void class_is_personal_only_where_a_policy_names_the_user(void **state)
{
    struct fixture *f = *state;
    struct identity who = {.role = ROLE_SALES_REP, .user_id = REP};
    struct bindings *feedback = bindings_of(f, "shift_feedback");
    struct reader_class *a, *b;
    assert_int_equal(groups_class(&f->groups, f->sales, &who, &a), OK);
    assert_int_equal(groups_class(&f->groups, feedback, &who, &b), OK);
    check_text(bytes_of(a->who.user_id), "");
    check_text(bytes_of(b->who.user_id), REP);
    reader_class_unref(&f->groups.classes, a);
    reader_class_unref(&f->groups.classes, b);
    bindings_unref(&f->groups.sets, feedback);
}

static void group_that_may_see_nothing_is_in_no_table(void **state)
{
    struct fixture *f = *state;
    struct identity who = {.role = ROLE_ANON};
    struct reader_class *anon;
    assert_int_equal(groups_class(&f->groups, f->sales, &who, &anon), OK);
    assert_int_equal(group_enter(&f->groups, f->members[0], f->sales, anon), OK);
    reader_class_unref(&f->groups.classes, anon);
    assert_true(list_is_empty(&f->groups.routes.tables[f->sales->items[0].table->index].plain));
    enter(f, 1);
    assert_false(list_is_empty(&f->groups.routes.tables[f->sales->items[0].table->index].plain));
}

static void members_leave_in_any_order(void **state)
{
    static const int orders[][4] = {{0, 1, 2, 3}, {3, 2, 1, 0}, {1, 3, 0, 2}, {2, 0, 3, 1}};
    struct fixture *f = *state;
    for (size_t o = 0; o < CHECK_COUNT(orders); o++) {
        for (int i = 0; i < 4; i++)
            enter(f, i);
        struct group *g = f->members[0]->group;
        group_fall_behind(f->members[orders[o][1]], 5);
        for (uint32_t i = 0; i < 4; i++) {
            bool is_behind = i < 2;
            check_group(g, 4 - i - is_behind, 4 - i);
            group_leave(&f->groups, f->members[orders[o][i]]);
        }
        assert_int_equal(f->groups.map.count, 0);
    }
}

static void behind_members_stay_members_and_come_back(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 4; i++)
        enter(f, i);
    struct group *g = f->members[0]->group;
    for (int i = 0; i < 4; i++) {
        group_fall_behind(f->members[i], 7);
        check_group(g, 3 - (uint32_t)i, 4);
        assert_true(list_is_linked(&f->members[i]->behind));
        assert_int_equal(f->members[i]->next_seq, 7);
    }
    group_fall_behind(f->members[2], 9);
    check_group(g, 0, 4);
    for (uint32_t i = 0; i < 4; i++) {
        group_catch_up(f->members[i]);
        check_group(g, i + 1, 4);
        assert_true(list_is_empty(&f->members[i]->conn->behind));
    }
}

static void enter_without_memory_leaves_the_channel_outside(void **state)
{
    struct fixture *f = *state;
    enum err e = ERR_NOMEM;
    for (uint64_t n = 1; e; n++) {
        mem_fail_at(n);
        e = group_enter(&f->groups, f->members[0], f->sales, f->owner);
        mem_fail_at(0);
        assert_int_equal(f->members[0]->group != NULL, e == OK);
        assert_int_equal(f->groups.map.count, e ? 0 : 1);
        assert_int_equal(list_is_empty(&f->groups.routes.tables[1].plain), e != OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(same_topic_bindings_and_class_make_one_group, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(another_class_or_topic_makes_another_group, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(class_is_personal_only_where_a_policy_names_the_user,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(group_that_may_see_nothing_is_in_no_table, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(members_leave_in_any_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(behind_members_stay_members_and_come_back, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(enter_without_memory_leaves_the_channel_outside, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
