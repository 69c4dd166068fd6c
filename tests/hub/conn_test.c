#include "check.h"

#include "base/mem.h"
#include "hub/conn.h"

static struct conn *add(struct conns *t)
{
    struct conn *c;
    assert_int_equal(conns_add(t, PHX_V2, 1000, &c), OK);
    return c;
}

static void stale_name_is_recognised(void **state)
{
    struct conns t;
    (void)state;
    conns_init(&t);
    struct conn *c = add(&t);
    struct hub_conn_id old = c->id;
    assert_ptr_equal(conns_find(&t, old), c);
    conns_remove(&t, c);
    assert_null(conns_find(&t, old));
    c = add(&t);
    assert_int_equal(c->id.index, old.index);
    assert_int_not_equal(c->id.generation, old.generation);
    assert_null(conns_find(&t, old));
    assert_null(conns_find(&t, (struct hub_conn_id){0, 0}));
    assert_null(conns_find(&t, (struct hub_conn_id){99, 1}));
    conns_remove(&t, c);
    conns_done(&t);
}

static void slots_are_used_again_and_names_stay_apart(void **state)
{
    struct conns t;
    struct conn *all[40];
    (void)state;
    conns_init(&t);
    for (uint32_t i = 0; i < 40; i++) {
        all[i] = add(&t);
        assert_int_equal(all[i]->id.index, i);
    }
    for (uint32_t i = 0; i < 40; i += 2)
        conns_remove(&t, all[i]);
    assert_int_equal(t.open, 20);
    for (uint32_t i = 0; i < 40; i += 2)
        all[i] = add(&t);
    assert_int_equal(t.count, 40);
    for (uint32_t i = 0; i < 40; i++) {
        assert_ptr_equal(conns_find(&t, all[i]->id), all[i]);
        conns_remove(&t, all[i]);
    }
    conns_done(&t);
}

static void touched_ones_come_once_in_order(void **state)
{
    struct conns t;
    struct conn *all[40];
    (void)state;
    conns_init(&t);
    assert_null(conns_next_touched(&t));
    for (size_t i = 0; i < 40; i++) { /* the ring grows while it is full */
        all[i] = add(&t);
        conns_touch(&t, all[i]);
        conns_touch(&t, all[0]);
    }
    assert_int_equal(t.touched.count, 40);
    for (size_t i = 0; i < 40; i++) {
        assert_ptr_equal(conns_next_touched(&t), all[i]);
        conns_touch(&t, all[i]); /* behind the others again */
    }
    for (size_t i = 0; i < 40; i++) {
        assert_ptr_equal(conns_next_touched(&t), all[i]);
        conns_remove(&t, all[i]);
    }
    assert_null(conns_next_touched(&t));
    conns_done(&t);
}

static void who_asks_takes_turns_with_those_who_are_told(void **state)
{
    enum { TOLD = 40, ASKING = 10 };
    struct conns t;
    struct conn *told[TOLD], *asking[ASKING];
    (void)state;
    conns_init(&t);
    for (size_t i = 0; i < TOLD; i++) {
        told[i] = add(&t);
        conns_touch(&t, told[i]);
    }
    for (size_t i = 0; i < ASKING; i++) {
        asking[i] = i % 2 ? add(&t) : told[TOLD - 1 - i]; /* half of them are told something too */
        conns_hurry(&t, asking[i]);
        conns_hurry(&t, asking[i]);
        conns_touch(&t, asking[i]);
    }
    for (size_t i = 0; i < ASKING; i++) {
        assert_ptr_equal(conns_next_touched(&t), asking[i]);
        assert_ptr_equal(conns_next_touched(&t), told[i]);
    }
    size_t left = 0;
    while (conns_next_touched(&t))
        left++;
    assert_int_equal(left, TOLD - ASKING - ASKING / 2);
    for (size_t i = 0; i < ASKING; i++)
        if (i % 2)
            conns_remove(&t, asking[i]);
    for (size_t i = 0; i < TOLD; i++)
        conns_remove(&t, told[i]);
    conns_done(&t);
}

static void the_gone_are_passed_over_and_leave_their_places(void **state)
{
    struct conns t;
    struct conn *last = NULL;
    (void)state;
    conns_init(&t);
    struct conn *first = add(&t);
    conns_touch(&t, first);
    for (size_t i = 0; i < 100; i++) { /* far more than there are places */
        struct conn *c = add(&t);
        conns_touch(&t, c);
        if (last)
            conns_remove(&t, last);
        last = c;
    }
    assert_true(t.touched.count <= t.capacity);
    assert_ptr_equal(conns_next_touched(&t), first);
    assert_ptr_equal(conns_next_touched(&t), last);
    assert_null(conns_next_touched(&t));
    conns_remove(&t, first);
    conns_remove(&t, last);
    conns_done(&t);
}

static void add_without_memory_changes_nothing(void **state)
{
    struct conns t;
    struct conn *c = NULL;
    enum err e = ERR_NOMEM;
    (void)state;
    conns_init(&t);
    for (uint64_t n = 1; e; n++) {
        mem_fail_at(n);
        e = conns_add(&t, PHX_V1, 1000, &c);
        mem_fail_at(0);
        assert_int_equal(t.open, e ? 0 : 1);
    }
    assert_int_equal(c->id.index, 0);
    conns_remove(&t, c);
    conns_done(&t);
}

static void idle_connection_is_small(void **state)
{
    (void)state;
    assert_true(sizeof(struct conn) <= 640);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stale_name_is_recognised),
        cmocka_unit_test(slots_are_used_again_and_names_stay_apart),
        cmocka_unit_test(touched_ones_come_once_in_order),
        cmocka_unit_test(who_asks_takes_turns_with_those_who_are_told),
        cmocka_unit_test(the_gone_are_passed_over_and_leave_their_places),
        cmocka_unit_test(add_without_memory_changes_nothing),
        cmocka_unit_test(idle_connection_is_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
