#include "support.h"

#include "hub/binding.h"

#define TEXT(s) BYTES_INIT(s)

struct fixture {
    struct catalogue *catalogue;
    struct binding_sets sets;
    struct buf message;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    f->catalogue = support_catalogue();
    binding_sets_init(&f->sets, f->catalogue, 1);
    buf_init(&f->message, 4096);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(f->sets.map.count, 0);
    assert_int_equal(f->sets.projections.map.count, 0);
    binding_sets_done(&f->sets);
    buf_done(&f->message);
    catalogue_free(f->catalogue);
    free(f);
    return 0;
}

static enum err get(struct fixture *f, struct binding_spec *spec, struct bindings **out)
{
    buf_reset(&f->message);
    binding_make_ids(spec, 1);
    return bindings_get(&f->sets, spec, 1, &f->message, out);
}

static void ids_are_stable_small_and_unique(void **state)
{
    struct binding_spec specs[3] = {{.event = TEXT("*"), .table = TEXT("t")},
                                    {.event = TEXT("*"), .table = TEXT("t")},
                                    {.event = TEXT("INSERT"), .table = TEXT("t")}};
    struct binding_spec again = {.event = TEXT("*"), .table = TEXT("t")};
    (void)state;
    binding_make_ids(specs, 3);
    binding_make_ids(&again, 1);
    assert_int_equal(specs[0].id, again.id);
    for (int i = 0; i < 3; i++)
        assert_true(specs[i].id > 0 && specs[i].id < 1 << 27);
    assert_int_not_equal(specs[0].id, specs[1].id);
    assert_int_not_equal(specs[0].id, specs[2].id);
    again.select = BYTES("[\"id\"]");
    binding_make_ids(&again, 1);
    assert_int_not_equal(specs[0].id, again.id);
}

static void text_moved_between_fields_makes_another_id(void **state)
{
    struct binding_spec specs[2] = {{.schema = TEXT("ab"), .table = TEXT("c")},
                                    {.schema = TEXT("a"), .table = TEXT("bc")}};
    (void)state;
    binding_make_ids(&specs[0], 1);
    binding_make_ids(&specs[1], 1);
    assert_int_not_equal(specs[0].id, specs[1].id);
}

static void same_entries_share_one_set(void **state)
{
    struct fixture *f = *state;
    struct binding_spec spec = {
        .event = TEXT("*"), .schema = TEXT("public"), .table = TEXT("sales_logs")};
    struct bindings *a, *b, *c;
    assert_int_equal(get(f, &spec, &a), OK);
    assert_int_equal(get(f, &spec, &b), OK);
    assert_ptr_equal(a, b);
    spec.event = BYTES("INSERT");
    assert_int_equal(get(f, &spec, &c), OK);
    assert_ptr_not_equal(a, c);
    bindings_unref(&f->sets, a);
    bindings_unref(&f->sets, b);
    bindings_unref(&f->sets, c);
}

static void wildcards_mean_every_live_table(void **state)
{
    struct fixture *f = *state;
    static const struct binding_spec specs[] = {
        {.schema = TEXT("public")}, {.schema = TEXT("public"), .table = TEXT("*")},
        {.schema = TEXT("*")},      {.schema = TEXT("*"), .table = TEXT("*")},
        {.table = TEXT("*")},
    };
    for (size_t i = 0; i < CHECK_COUNT(specs); i++) {
        struct binding_spec spec = specs[i];
        struct bindings *b;
        assert_int_equal(get(f, &spec, &b), OK);
        assert_true(bindings_has_table(b, catalogue_table(f->catalogue, BYTES("users"))));
        assert_false(bindings_has_table(b, catalogue_table(f->catalogue, BYTES("audit_trail"))));
        bindings_unref(&f->sets, b);
    }
}

static void events_are_the_three_or_all(void **state)
{
    static const struct {
        struct bytes event;
        uint8_t want;
    } cases[] = {{TEXT("INSERT"), 1 << VERB_INSERT},
                 {TEXT("update"), 1 << VERB_UPDATE},
                 {TEXT("DELETE"), 1 << VERB_DELETE},
                 {TEXT("*"), 1 << VERB_INSERT | 1 << VERB_UPDATE | 1 << VERB_DELETE},
                 {TEXT("SELECT"), 1 << VERB_INSERT | 1 << VERB_UPDATE | 1 << VERB_DELETE},
                 {{NULL, 0}, 1 << VERB_INSERT | 1 << VERB_UPDATE | 1 << VERB_DELETE}};
    for (size_t i = 0; i < CHECK_COUNT(cases); i++) {
        struct fixture *f = *state;
        struct binding_spec spec = {.event = cases[i].event, .table = TEXT("users")};
        struct bindings *b;
        assert_int_equal(get(f, &spec, &b), OK);
        assert_int_equal(b->items[0].verbs, cases[i].want);
        bindings_unref(&f->sets, b);
    }
}

static void what_cannot_be_served_is_told(void **state)
{
    static const struct {
        struct binding_spec spec;
        const char *message;
    } cases[] = {
        {{.event = TEXT("*"), .schema = TEXT("public"), .table = TEXT("nope")},
         "Unable to subscribe to changes with given parameters. Please check Realtime is enabled "
         "for "
         "the given connect parameters: [event: *, schema: public, table: nope, filters: []]"},
        {{.schema = TEXT("auth"), .table = TEXT("users")}, "schema: auth, table: users"},
        {{.table = TEXT("audit_trail")}, "table: audit_trail"},
        {{.event = TEXT("*")}, "No subscription params provided."},
        {{.table = TEXT("users"), .filter = TEXT("nope=eq.1")}, "Error parsing `filter` params: "},
        {{.schema = TEXT("public"), .filter = TEXT("id=eq.1")}, "a filter wants one table"},
        {{.table = TEXT("users"), .select = TEXT("\"id\"")},
         "Error parsing `select` params: [event: *, schema: public, table: users, filters: []]: a "
         "list of column names is expected"},
        {{.table = TEXT("users"), .select = TEXT("[\"id\",1]")}, "a list of column names"},
        {{.table = TEXT("users"), .select = TEXT("[\"id\",\"nope\"]")},
         "column does not exist: \"nope\""},
        {{.schema = TEXT("public"), .select = TEXT("[\"id\"]")},
         "Column selection is not supported for wildcard subscriptions. "},
        {{.schema = TEXT("*"), .table = TEXT("users"), .select = TEXT("[\"id\"]")},
         "Column selection is not supported for wildcard subscriptions. "},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < CHECK_COUNT(cases); i++) {
        struct binding_spec spec = cases[i].spec;
        struct bindings *b;
        assert_int_not_equal(get(f, &spec, &b), OK);
        struct bytes got = buf_bytes(&f->message);
        if (bytes_find(got, bytes_of(cases[i].message)) == got.size)
            fail_msg("%s: %.*s", cases[i].message, (int)got.size, got.data);
    }
}

static void entries_that_select_the_same_share_the_projection(void **state)
{
    struct fixture *f = *state;
    struct binding_spec specs[] = {
        {.table = TEXT("users"), .select = TEXT("[\"name\"]")},
        {.table = TEXT("users")},
        {.table = TEXT("users"), .select = TEXT("[ \"name\",\"id\"]")},
        {.table = TEXT("users"), .select = TEXT("[\"id\",\"name\",\"role\",\"is_active\"]")},
    };
    struct bindings *b;
    binding_make_ids(specs, 4);
    assert_int_equal(bindings_get(&f->sets, specs, 4, &f->message, &b), OK);
    assert_non_null(b->items[0].projection);
    assert_ptr_equal(b->items[2].projection, b->items[0].projection);
    assert_null(b->items[1].projection);
    assert_null(b->items[3].projection); /* all there are */
    assert_true(b->items[0].is_first && b->items[1].is_first);
    assert_false(b->items[2].is_first || b->items[3].is_first);
    bindings_unref(&f->sets, b);
}

static void blank_filter_is_none(void **state)
{
    struct fixture *f = *state;
    struct binding_spec spec = {.schema = TEXT("public"), .filter = TEXT("  ")};
    struct bindings *b;
    assert_int_equal(get(f, &spec, &b), OK);
    assert_int_equal(b->items[0].filter.count, 0);
    bindings_unref(&f->sets, b);
}

static void memory_may_end_at_any_point(void **state)
{
    struct fixture *f = *state;
    struct binding_spec spec = {
        .table = TEXT("users"), .filter = TEXT("name=match.x"), .select = TEXT("[\"role\"]")};
    struct bindings *b;
    bool has_failed = true;
    for (uint64_t n = 1; has_failed; n++) {
        mem_fail_at(n);
        enum err e = get(f, &spec, &b);
        has_failed = mem_fail_hit();
        mem_fail_at(0);
        if (e == OK)
            bindings_unref(&f->sets, b);
        else
            assert_int_equal(e, ERR_NOMEM);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(ids_are_stable_small_and_unique, set_up, tear_down),
        cmocka_unit_test_setup_teardown(text_moved_between_fields_makes_another_id, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(same_entries_share_one_set, set_up, tear_down),
        cmocka_unit_test_setup_teardown(wildcards_mean_every_live_table, set_up, tear_down),
        cmocka_unit_test_setup_teardown(events_are_the_three_or_all, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_cannot_be_served_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(entries_that_select_the_same_share_the_projection, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(blank_filter_is_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(memory_may_end_at_any_point, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
