#include "support.h"

#include <stdio.h>

#include "hub/group.h"

#define ID(n) "00000000-0000-4000-9000-00000000000" n

struct fixture {
    struct world world;
    struct binding_sets sets;
    struct routes routes;
    struct arena scratch;
    struct group *groups[3];
    struct route_link links[3][ROUTE_VALUES_MAX];
    uint32_t counts[3];
    const struct table *sales;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    world_init(&f->world);
    binding_sets_init(&f->sets, f->world.catalogue, 1);
    assert_int_equal(routes_init(&f->routes, f->world.catalogue, 1), OK);
    arena_init(&f->scratch, 1 << 20);
    f->sales = catalogue_table(f->world.catalogue, BYTES("sales_logs"));
    for (int i = 0; i < 3; i++)
        f->groups[i] = calloc(1, sizeof(struct group));
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 3; i++)
        while (f->counts[i] > 0)
            route_remove(&f->links[i][--f->counts[i]]);
    for (uint16_t i = 0; i < f->sales->column_count; i++)
        assert_int_equal(f->routes.tables[f->sales->index].values[i].count, 0);
    assert_true(list_is_empty(&f->routes.tables[f->sales->index].plain));
    for (int i = 0; i < 3; i++)
        free(f->groups[i]);
    routes_done(&f->routes);
    binding_sets_done(&f->sets);
    arena_done(&f->scratch);
    world_done(&f->world);
    free(f);
    return 0;
}

/* Entries for sales with these filters (NULL: no more); their links, as group `i`. */
static enum err add(struct fixture *f, int i, const char *first, const char *second)
{
    struct binding_spec specs[2] = {
        {.table = BYTES("sales_logs"), .filter = bytes_of(first)},
        {.table = BYTES("sales_logs"), .filter = bytes_of(second ? second : "")}};
    uint32_t count = second ? 2 : 1;
    struct bindings *b;
    binding_make_ids(specs, count);
    assert_int_equal(bindings_get(&f->sets, specs, count, &f->world.text, &b), OK);
    enum err e = route_add(&f->routes, b, f->sales, f->groups[i], f->links[i], &f->counts[i]);
    if (!e)
        assert_int_equal(f->counts[i], route_count(b, f->sales));
    bindings_unref(&f->sets, b);
    return e;
}

/* Which groups are found under the value of that column: bit i for group i. */
static unsigned found(struct fixture *f, const char *column, const char *row)
{
    const struct column *c = table_column(f->sales, bytes_of(column));
    struct bytes boxed = check_boxed(bytes_of(row));
    struct link *links;
    assert_int_equal(route_find(&f->routes, f->sales, c, boxed, &f->scratch, &links), OK);
    unsigned set = 0;
    check_unbox(boxed);
    if (!links)
        return 0;
    list_each(l, links)
    {
        for (unsigned i = 0; i < 3; i++)
            if (container_of(l, struct route_link, link)->group == f->groups[i])
                set |= 1U << i;
    }
    return set;
}

static bool is_plain(struct fixture *f, int i)
{
    return f->counts[i] == 1 && !f->links[i][0].value;
}

static void equality_is_found_under_its_value_only(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(add(f, 0, "id=eq." ID("1"), NULL), OK);
    assert_int_equal(add(f, 1, "id=eq." ID("2"), NULL), OK);
    assert_int_equal(add(f, 2, "id=eq." ID("1"), NULL), OK);
    assert_int_equal(found(f, "id", "{\"id\":\"" ID("1") "\"}"), 5);
    assert_int_equal(found(f, "id", "{\"id\":\"" ID("2") "\"}"), 2);
    assert_int_equal(found(f, "id", "{\"id\":\"" ID("3") "\"}"), 0);
    assert_int_equal(found(f, "id", "{\"id\":null}"), 0);
    assert_int_equal(found(f, "id", "{\"quantity\":1}"), 0);
    assert_int_equal(found(f, "id", ""), 0);
    assert_int_equal(found(f, "quantity", "{\"quantity\":1}"), 0);
    assert_true(list_is_empty(&f->routes.tables[f->sales->index].plain));
}

static void values_are_equal_as_the_type_says(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(add(f, 0, "unit_price=eq.1500.5", NULL), OK);
    assert_int_equal(found(f, "unit_price", "{\"unit_price\":1500.50}"), 1);
    assert_int_equal(add(f, 1, "created_at=eq.2026-11-22T10:00:00+01:00", NULL), OK);
    assert_int_equal(
        found(f, "created_at", "{\"created_at\":\"2026-11-22T09:00:00.000000+00:00\"}"), 2);
    assert_int_equal(add(f, 2, "note=eq.\"a,\\\"b\"", NULL), OK);
    assert_int_equal(found(f, "note", "{\"note\":\"a,\\u0022b\"}"), 4);
}

static void list_is_found_under_each_of_its_values(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(add(f, 0, "quantity=in.(1,2,2)", "quantity=eq.7"), OK);
    assert_int_equal(found(f, "quantity", "{\"quantity\":1}"), 1);
    assert_int_equal(found(f, "quantity", "{\"quantity\":2}"), 1);
    assert_int_equal(found(f, "quantity", "{\"quantity\":7}"), 1);
    assert_int_equal(found(f, "quantity", "{\"quantity\":3}"), 0);
}

static void term_that_tells_rows_apart_best_is_taken(void **state)
{
    struct fixture *f = *state;
    const char *row = "{\"id\":\"" ID("1") "\",\"quantity\":3,\"returned\":true,\"note\":\"n\"}";
    assert_int_equal(add(f, 0, "returned=eq.true,quantity=gt.1,note=in.(n,m)", NULL), OK);
    assert_int_equal(add(f, 1, "returned=eq.true,note=in.(n),quantity=eq.3", NULL), OK);
    assert_int_equal(add(f, 2, "quantity=eq.3,id=eq." ID("1"), NULL), OK);
    assert_int_equal(found(f, "returned", row), 0);
    assert_int_equal(found(f, "note", row), 1);
    assert_int_equal(found(f, "quantity", row), 2);
    assert_int_equal(found(f, "id", row), 4);
}

static void what_no_equality_holds_stands_in_the_plain_list(void **state)
{
    static const char *const filters[][2] = {
        {"", NULL},
        {"quantity=gt.1", NULL},
        {"quantity=not.eq.1", NULL},
        {"quantity=not.in.(1,2)", NULL},
        {"note=is.null", NULL},
        {"quantity=eq.1", "quantity=neq.1"},
        {"quantity=eq.1", ""},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < CHECK_COUNT(filters); i++) {
        assert_int_equal(add(f, 0, filters[i][0], filters[i][1]), OK);
        assert_true(is_plain(f, 0));
        route_remove(&f->links[0][--f->counts[0]]);
    }
}

static void too_many_values_stand_in_the_plain_list(void **state)
{
    struct fixture *f = *state;
    struct binding_spec specs[3];
    char filter[1000] = "quantity=in.(0";
    struct bindings *b;
    for (int i = 1; i < FILTER_VALUES_MAX; i++)
        snprintf(filter + strlen(filter), sizeof(filter) - strlen(filter), ",%d", i);
    strcat(filter, ")");
    for (int i = 0; i < 3; i++)
        specs[i] = (struct binding_spec){.table = BYTES("sales_logs"), .filter = bytes_of(filter)};
    binding_make_ids(specs, 3);
    for (uint32_t n = 2; n <= 3; n++) {
        assert_int_equal(bindings_get(&f->sets, specs, n, &f->world.text, &b), OK);
        assert_int_equal(route_count(b, f->sales), n == 2 ? 2 * FILTER_VALUES_MAX : 1);
        bindings_unref(&f->sets, b);
    }
}

static void other_tables_need_no_link(void **state)
{
    struct fixture *f = *state;
    const struct catalogue *c = f->world.catalogue;
    struct binding_spec specs[] = {{.table = BYTES("sales_logs"), .filter = BYTES("quantity=eq.1")},
                                   {.table = BYTES("*")}};
    struct bindings *b;
    binding_make_ids(specs, 2);
    assert_int_equal(bindings_get(&f->sets, specs, 1, &f->world.text, &b), OK);
    assert_int_equal(route_count(b, catalogue_table(c, BYTES("users"))), 0);
    bindings_unref(&f->sets, b);
    assert_int_equal(bindings_get(&f->sets, specs, 2, &f->world.text, &b), OK);
    assert_int_equal(route_count(b, catalogue_table(c, BYTES("users"))), 1);
    assert_int_equal(route_count(b, f->sales), 1);
    assert_int_equal(route_count(b, catalogue_table(c, BYTES("audit_trail"))), 0);
    bindings_unref(&f->sets, b);
}

static void add_without_memory_leaves_what_can_be_removed(void **state)
{
    struct fixture *f = *state;
    const struct table *t = f->sales;
    struct binding_spec spec = {.table = t->name, .filter = BYTES("quantity=in.(1,2,3)")};
    struct bindings *b;
    enum err e = ERR_NOMEM;
    binding_make_ids(&spec, 1);
    assert_int_equal(bindings_get(&f->sets, &spec, 1, &f->world.text, &b), OK);
    for (uint64_t n = 1; e; n++) {
        while (f->counts[0] > 0)
            route_remove(&f->links[0][--f->counts[0]]);
        mem_fail_at(n);
        e = route_add(&f->routes, b, t, f->groups[0], f->links[0], &f->counts[0]);
        mem_fail_at(0);
        assert_int_equal(f->counts[0] == 3, e == OK);
        assert_true(n < 20);
    }
    bindings_unref(&f->sets, b);
}

static void value_that_no_memory_can_read_leaves_the_walk_of_all(void **state)
{
    struct fixture *f = *state;
    const struct column *c = table_column(f->sales, BYTES("note"));
    struct link *links;
    size_t lists = 0;
    assert_int_equal(add(f, 0, "note=in.(a,b)", NULL), OK);
    assert_int_equal(add(f, 1, "note=eq.b", NULL), OK);
    arena_done(&f->scratch);
    mem_fail_at(1);
    enum err e =
        route_find(&f->routes, f->sales, c, BYTES("{\"note\":\"\\u0062\"}"), &f->scratch, &links);
    mem_fail_at(0);
    assert_int_equal(e, ERR_NOMEM);
    for (links = NULL; (links = route_next(&f->routes, f->sales, c, links));)
        lists++;
    assert_int_equal(lists, 2);
    assert_int_equal(found(f, "note", "{\"note\":\"\\u0062\"}"), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(equality_is_found_under_its_value_only, set_up, tear_down),
        cmocka_unit_test_setup_teardown(values_are_equal_as_the_type_says, set_up, tear_down),
        cmocka_unit_test_setup_teardown(list_is_found_under_each_of_its_values, set_up, tear_down),
        cmocka_unit_test_setup_teardown(term_that_tells_rows_apart_best_is_taken, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_no_equality_holds_stands_in_the_plain_list, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(too_many_values_stand_in_the_plain_list, set_up, tear_down),
        cmocka_unit_test_setup_teardown(other_tables_need_no_link, set_up, tear_down),
        cmocka_unit_test_setup_teardown(value_that_no_memory_can_read_leaves_the_walk_of_all,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(add_without_memory_leaves_what_can_be_removed, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
