#include "check.h"

#include "base/mem.h"
#include "client/registry.h"

static const struct registry_limits limits = {
    .subs_max = 2, .users_max = 3, .rows_max = 10, .bytes_max = 1000, .kept_max = 1000};

static enum err add(struct registry *r, const char *table, const char *key,
                    enum hb_priority priority, struct user **out)
{
    struct hb_query q = {.table = {table, strlen(table)}, .key = {key, strlen(key)}};
    struct spec spec;
    assert_int_equal(spec_read(&q, &spec), OK);
    return registry_add(r, &spec, priority, &limits, out);
}

static void the_same_is_shared_and_counted(void **state)
{
    (void)state;
    struct registry r;
    struct user *a, *b, *other;
    registry_init(&r, 1);
    assert_int_equal(add(&r, "t", "id", HB_LOW, &a), OK);
    assert_int_equal(add(&r, "t", "id", HB_HIGH, &b), OK);
    assert_ptr_equal(a->sub, b->sub);
    assert_int_not_equal(a->number, b->number);
    assert_int_equal(r.sub_count, 1);
    assert_int_equal(a->sub->unfed, 2);
    assert_int_equal(add(&r, "t", "other", HB_LOW, &other), ERR_EXISTS);
    assert_ptr_equal(registry_user(&r, b->number), b);
    assert_ptr_equal(registry_sub(&r, BYTES("realtime:live:t:*:")), a->sub);
    registry_done(&r);
}

static void the_highest_priority_counts_as_long_as_its_user_is_there(void **state)
{
    (void)state;
    struct registry r;
    struct user *a, *b;
    registry_init(&r, 1);
    assert_int_equal(add(&r, "t", "id", HB_LOW, &a), OK);
    assert_int_equal(add(&r, "t", "id", HB_HIGH, &b), OK);
    assert_int_equal(a->sub->priority, HB_HIGH);
    registry_remove_user(&r, b);
    assert_int_equal(a->sub->priority, HB_LOW);
    registry_done(&r);
}

static void numbers_are_not_used_again(void **state)
{
    (void)state;
    struct registry r;
    struct user *u;
    registry_init(&r, 1);
    assert_int_equal(add(&r, "t", "id", HB_LOW, &u), OK);
    uint32_t first = u->number;
    struct sub *s = u->sub;
    registry_remove_user(&r, u);
    assert_null(registry_user(&r, first));
    assert_int_equal(s->unfed, 0);
    assert_int_equal(add(&r, "t", "id", HB_LOW, &u), OK);
    assert_ptr_equal(u->sub, s);
    assert_int_not_equal(u->number, first);
    registry_remove_sub(&r, s);
    assert_null(registry_next(&r, NULL));
    registry_done(&r);
}

static void both_are_bounded(void **state)
{
    (void)state;
    struct registry r;
    struct user *u;
    registry_init(&r, 1);
    assert_int_equal(add(&r, "a", "id", HB_LOW, &u), OK);
    assert_int_equal(add(&r, "b", "id", HB_LOW, &u), OK);
    assert_int_equal(add(&r, "c", "id", HB_LOW, &u), ERR_LIMIT);
    assert_int_equal(add(&r, "b", "id", HB_LOW, &u), OK);
    assert_int_equal(add(&r, "b", "id", HB_LOW, &u), ERR_LIMIT);
    assert_int_equal(r.sub_count, 2);
    registry_done(&r);
}

static void without_memory_nothing_is_added(void **state)
{
    (void)state;
    bool has_passed = false;
    for (uint64_t n = 1; !has_passed; n++) {
        struct registry r;
        struct user *u;
        registry_init(&r, 1);
        mem_fail_at(n);
        enum err e = add(&r, "t", "id", HB_LOW, &u);
        has_passed = !mem_fail_hit();
        mem_fail_at(0);
        assert_int_equal(e, has_passed ? OK : ERR_NOMEM);
        assert_int_equal(r.sub_count, has_passed);
        assert_int_equal(add(&r, "t", "id", HB_LOW, &u), OK);
        registry_done(&r);
    }
}

static void a_long_trouble_is_cut_between_characters(void **state)
{
    (void)state;
    struct trouble t = {0};
    char text[2 * TROUBLE_TEXT_MAX];
    for (size_t i = 0; i + 1 < sizeof(text); i += 2)
        memcpy(text + i, "\xc3\xa9", 2);
    trouble_set(&t, HB_ERR_SERVER, (struct bytes){text + 1, sizeof(text) - 1});
    assert_int_equal(t.size, TROUBLE_TEXT_MAX - 1);
    assert_int_equal(t.number, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_is_shared_and_counted),
        cmocka_unit_test(the_highest_priority_counts_as_long_as_its_user_is_there),
        cmocka_unit_test(numbers_are_not_used_again),
        cmocka_unit_test(both_are_bounded),
        cmocka_unit_test(without_memory_nothing_is_added),
        cmocka_unit_test(a_long_trouble_is_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
