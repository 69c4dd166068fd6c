#include "base/heap.h"

#include "base/mem.h"
#include "check.h"

enum { COUNT = 200 };

static void check_order(const struct heap *h)
{
    for (size_t i = 1; i < h->count; i++)
        assert_true(h->nodes[(i - 1) / 2]->deadline <= h->nodes[i]->deadline);
    for (size_t i = 0; i < h->count; i++)
        assert_int_equal(h->nodes[i]->place, i + 1);
}

static void set_all(struct heap *h, struct heap_node *nodes, struct rng *r)
{
    for (size_t i = 0; i < COUNT; i++)
        assert_int_equal(heap_set(h, &nodes[i], (int64_t)rng_below(r, 1000) - 500), OK);
}

static void nodes_come_out_in_order(void **state)
{
    (void)state;
    struct heap_node nodes[COUNT] = {0};
    struct rng r;
    struct heap h;
    rng_init(&r, 1);
    heap_init(&h);
    set_all(&h, nodes, &r);
    int64_t last = INT64_MIN;
    size_t count = 0;
    for (struct heap_node *n; (n = heap_first(&h)); count++) {
        assert_true(n->deadline >= last);
        last = n->deadline;
        heap_remove(&h, n);
        assert_int_equal(n->place, 0);
        check_order(&h);
    }
    assert_int_equal(count, COUNT);
    heap_done(&h);
}

static void moved_and_removed_nodes_leave_the_order_right(void **state)
{
    (void)state;
    struct heap_node nodes[COUNT] = {0};
    struct rng r;
    struct heap h;
    rng_init(&r, 2);
    heap_init(&h);
    set_all(&h, nodes, &r);
    for (int i = 0; i < 2000; i++) {
        struct heap_node *n = &nodes[rng_below(&r, COUNT)];
        if (rng_below(&r, 3) == 0)
            heap_remove(&h, n);
        else
            assert_int_equal(heap_set(&h, n, (int64_t)rng_below(&r, 1000)), OK);
        check_order(&h);
    }
    heap_done(&h);
}

static void same_node_is_in_only_once(void **state)
{
    (void)state;
    struct heap_node n = {0};
    struct heap h;
    heap_init(&h);
    assert_null(heap_first(&h));
    assert_int_equal(heap_set(&h, &n, 5), OK);
    assert_int_equal(heap_set(&h, &n, INT64_MAX), OK);
    assert_int_equal(h.count, 1);
    assert_true(heap_first(&h)->deadline == INT64_MAX);
    heap_remove(&h, &n);
    heap_remove(&h, &n);
    assert_null(heap_first(&h));
    heap_done(&h);
}

static void failed_set_leaves_the_node_out(void **state)
{
    (void)state;
    struct heap_node nodes[COUNT] = {0};
    struct heap h;
    heap_init(&h);
    for (size_t i = 0; i < COUNT; i++) {
        mem_fail_at(1);
        enum err e = heap_set(&h, &nodes[i], (int64_t)i);
        bool hit = mem_fail_hit();
        mem_fail_at(0);
        assert_int_equal(e, hit ? ERR_NOMEM : OK);
        assert_int_equal(nodes[i].place, hit ? 0 : i + 1);
        if (hit)
            assert_int_equal(heap_set(&h, &nodes[i], (int64_t)i), OK);
    }
    assert_int_equal(h.count, COUNT);
    check_order(&h);
    heap_done(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nodes_come_out_in_order),
        cmocka_unit_test(moved_and_removed_nodes_leave_the_order_right),
        cmocka_unit_test(same_node_is_in_only_once),
        cmocka_unit_test(failed_set_leaves_the_node_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
