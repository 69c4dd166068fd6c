#include "base/map.h"

#include "base/mem.h"
#include "check.h"

enum { COUNT = 300 };

struct item {
    struct map_entry entry;
    char key[8];
    bool seen;
};

static struct item *items_new(void)
{
    struct item *items = calloc(COUNT, sizeof(*items));
    assert_non_null(items);
    for (unsigned i = 0; i < COUNT; i++) {
        items[i].key[0] = (char)('a' + i % 26);
        items[i].key[1] = (char)('a' + i / 26);
        items[i].entry.key = bytes_of(items[i].key);
    }
    return items;
}

static void put_all(struct map *m, struct item *items)
{
    for (size_t i = 0; i < COUNT; i++)
        assert_int_equal(map_put(m, &items[i].entry), OK);
}

static void what_was_put_is_found(void **state)
{
    (void)state;
    struct item *items = items_new();
    struct map m;
    map_init(&m, 5);
    put_all(&m, items);
    assert_int_equal(m.count, COUNT);
    assert_true(m.slot_count >= COUNT);
    assert_int_equal(m.slot_count & (m.slot_count - 1), 0);
    for (size_t i = 0; i < COUNT; i++)
        assert_ptr_equal(map_get(&m, items[i].entry.key), &items[i].entry);
    assert_null(map_get(&m, BYTES("zz9")));
    map_done(&m);
    free(items);
}

static void empty_map_has_nothing(void **state)
{
    (void)state;
    struct map m;
    map_init(&m, 0);
    assert_null(map_get(&m, BYTES("x")));
    assert_null(map_remove(&m, BYTES("x")));
    assert_null(map_next(&m, NULL));
    map_done(&m);
    map_done(&m);
}

static void empty_key_is_a_key(void **state)
{
    (void)state;
    struct map m;
    struct map_entry e = {.key = BYTES_INIT("")};
    map_init(&m, 0);
    assert_int_equal(map_put(&m, &e), OK);
    assert_ptr_equal(map_get(&m, (struct bytes){NULL, 0}), &e);
    map_done(&m);
}

static void removed_entry_is_gone_and_the_others_stay(void **state)
{
    (void)state;
    struct item *items = items_new();
    struct map m;
    map_init(&m, 9);
    put_all(&m, items);
    for (size_t i = 0; i < COUNT; i += 2) {
        assert_ptr_equal(map_remove(&m, items[i].entry.key), &items[i].entry);
        assert_null(map_remove(&m, items[i].entry.key));
    }
    for (size_t i = 0; i < COUNT; i++) {
        struct map_entry *want = i % 2 ? &items[i].entry : NULL;
        assert_ptr_equal(map_get(&m, items[i].entry.key), want);
    }
    assert_int_equal(m.count, COUNT / 2);
    map_done(&m);
    free(items);
}

static void walk_meets_every_entry_once(void **state)
{
    (void)state;
    struct item *items = items_new();
    struct map m;
    map_init(&m, 3);
    put_all(&m, items);
    size_t met = 0;
    for (struct map_entry *e = map_next(&m, NULL); e; e = map_next(&m, e)) {
        struct item *item = (struct item *)(void *)e; /* the entry is its first member */
        assert_false(item->seen);
        item->seen = true;
        met++;
    }
    assert_int_equal(met, COUNT);
    map_done(&m);
    free(items);
}

static void keys_of_one_slot_are_told_apart(void **state)
{
    (void)state;
    struct item *items = items_new();
    struct map m;
    map_init(&m, 3);
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(map_put(&m, &items[i].entry), OK);
    /* Eight entries in eight slots: with this seed some of them share one. */
    size_t used = 0;
    for (size_t i = 0; i < m.slot_count; i++)
        used += m.slots[i] != NULL;
    assert_int_equal(m.slot_count, 8);
    assert_true(used < 8);
    for (size_t i = 0; i < 8; i++)
        assert_ptr_equal(map_remove(&m, items[i].entry.key), &items[i].entry);
    assert_int_equal(m.count, 0);
    map_done(&m);
    free(items);
}

static void failed_put_changes_nothing(void **state)
{
    (void)state;
    struct item *items = items_new();
    struct map m;
    map_init(&m, 3);
    mem_fail_at(1);
    size_t put = 0;
    for (; put < COUNT; put++) {
        if (map_put(&m, &items[put].entry) == OK)
            continue;
        assert_int_equal(m.count, put);
        assert_null(map_get(&m, items[put].entry.key));
        mem_fail_at(0);
        assert_int_equal(map_put(&m, &items[put].entry), OK);
        mem_fail_at(1);
    }
    mem_fail_at(0);
    for (size_t i = 0; i < COUNT; i++)
        assert_ptr_equal(map_get(&m, items[i].entry.key), &items[i].entry);
    map_done(&m);
    free(items);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_put_is_found),
        cmocka_unit_test(empty_map_has_nothing),
        cmocka_unit_test(empty_key_is_a_key),
        cmocka_unit_test(removed_entry_is_gone_and_the_others_stay),
        cmocka_unit_test(walk_meets_every_entry_once),
        cmocka_unit_test(keys_of_one_slot_are_told_apart),
        cmocka_unit_test(failed_put_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
