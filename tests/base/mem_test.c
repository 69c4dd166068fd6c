#include "base/mem.h"

#include "check.h"

static void zalloc_and_array_are_zeroed(void **state)
{
    (void)state;
    static const char zeros[1000];
    char *p = mem_zalloc(sizeof(zeros));
    char *q = mem_array(100, 10);
    assert_memory_equal(p, zeros, sizeof(zeros));
    assert_memory_equal(q, zeros, sizeof(zeros));
    mem_free(p);
    mem_free(q);
}

static void nothing_is_a_size_too(void **state)
{
    (void)state;
    void *blocks[] = {mem_alloc(0), mem_zalloc(0), mem_array(0, 8), mem_realloc(NULL, 0)};
    for (size_t i = 0; i < CHECK_COUNT(blocks); i++) {
        assert_non_null(blocks[i]);
        mem_free(blocks[i]);
    }
    mem_free(NULL);
}

static void array_refuses_a_product_that_overflows(void **state)
{
    (void)state;
    assert_null(mem_array(SIZE_MAX / 2, 3));
}

static void copy_ends_with_a_zero(void **state)
{
    (void)state;
    char *copy = mem_copy((struct bytes){"rye bread", 3});
    assert_string_equal(copy, "rye");
    mem_free(copy);
    copy = mem_copy((struct bytes){NULL, 0});
    assert_string_equal(copy, "");
    mem_free(copy);
}

static void realloc_keeps_what_was_there(void **state)
{
    (void)state;
    char *p = mem_copy(BYTES("loaf"));
    p = mem_realloc(p, 10000);
    assert_string_equal(p, "loaf");
    mem_free(p);
}

static void fail_at_fails_that_one_and_all_after_it(void **state)
{
    (void)state;
    mem_fail_at(2);
    void *first = mem_alloc(1);
    assert_non_null(first);
    assert_false(mem_fail_hit());
    assert_null(mem_zalloc(1));
    assert_true(mem_fail_hit());
    assert_null(mem_alloc(1));
    assert_null(mem_array(1, 1));
    assert_null(mem_copy(BYTES("x")));
    assert_null(mem_realloc(first, 2));
    mem_fail_at(0);
    assert_false(mem_fail_hit());
    void *second = mem_alloc(1);
    assert_non_null(second);
    mem_free(first);
    mem_free(second);
}

static void arena_blocks_are_aligned_and_apart(void **state)
{
    (void)state;
    enum { COUNT = 500 };
    struct arena a;
    arena_init(&a, 1 << 20);
    unsigned char *blocks[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        blocks[i] = arena_alloc(&a, i);
        assert_non_null(blocks[i]);
        assert_int_equal((uintptr_t)blocks[i] % 16, 0);
        memset(blocks[i], (int)(i & 0xff), i);
    }
    for (size_t i = 0; i < COUNT; i++) {
        for (size_t k = 0; k < i; k++)
            assert_int_equal(blocks[i][k], i & 0xff);
    }
    arena_done(&a);
}

static void empty_arena_blocks_are_apart_too(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 4096);
    void *first = arena_alloc(&a, 0);
    void *second = arena_alloc(&a, 0);
    assert_non_null(first);
    assert_non_null(second);
    assert_ptr_not_equal(first, second);
    arena_done(&a);
}

static void arena_never_passes_its_max(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 10000);
    assert_null(arena_alloc(&a, 10001));
    assert_int_equal(a.total, 0);
    size_t given = 0;
    while (arena_alloc(&a, 100))
        given++;
    assert_true(a.total <= 10000);
    assert_true(given >= 80 && given <= 100);
    arena_done(&a);
}

static void arena_gives_all_of_its_max_to_one_block(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 5000);
    char *all = arena_zalloc(&a, 5000);
    assert_non_null(all);
    assert_int_equal(all[4999], 0);
    assert_null(arena_alloc(&a, 1));
    arena_done(&a);
    arena_init(&a, 4096);
    assert_non_null(arena_alloc(&a, 1));
    assert_non_null(arena_zalloc(&a, 4080));
    assert_int_equal(a.total, 4096);
    arena_done(&a);
}

static void arena_refuses_sizes_that_overflow(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, SIZE_MAX);
    assert_null(arena_alloc(&a, SIZE_MAX));
    assert_null(arena_alloc(&a, SIZE_MAX - 8));
    assert_null(arena_array(&a, SIZE_MAX / 4, 8));
    assert_null(arena_copy(&a, (struct bytes){"", SIZE_MAX}).data);
    assert_non_null(arena_array(&a, 4, 8));
    arena_done(&a);
}

static void reset_arena_keeps_its_first_chunk(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 1 << 20);
    char *first = arena_alloc(&a, 16);
    size_t first_total = a.total;
    for (int i = 0; i < 100; i++)
        assert_non_null(arena_alloc(&a, 1000));
    assert_true(a.total > first_total);
    arena_reset(&a);
    assert_int_equal(a.total, first_total);
    mem_fail_at(1);
    assert_ptr_equal(arena_alloc(&a, 16), first);
    assert_false(mem_fail_hit());
    mem_fail_at(0);
    arena_done(&a);
    arena_reset(&a);
    arena_done(&a);
}

static void arena_copy_ends_with_a_zero(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 4096);
    struct bytes copy = arena_copy(&a, (struct bytes){"baguette", 3});
    check_text(copy, "bag");
    arena_done(&a);
    arena_init(&a, 4);
    assert_null(arena_copy(&a, BYTES("four")).data);
    copy = arena_copy(&a, BYTES("bag"));
    check_text(copy, "bag");
    assert_int_equal(copy.data[3], '\0');
    arena_reset(&a);
    assert_non_null(arena_copy(&a, (struct bytes){NULL, 0}).data);
    arena_done(&a);
}

static void arena_says_when_there_is_no_memory(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 1 << 20);
    mem_fail_at(1);
    assert_null(arena_alloc(&a, 1));
    assert_null(arena_zalloc(&a, 1));
    assert_null(arena_copy(&a, BYTES("x")).data);
    mem_fail_at(0);
    assert_int_equal(a.total, 0);
    assert_non_null(arena_alloc(&a, 1));
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zalloc_and_array_are_zeroed),
        cmocka_unit_test(nothing_is_a_size_too),
        cmocka_unit_test(array_refuses_a_product_that_overflows),
        cmocka_unit_test(copy_ends_with_a_zero),
        cmocka_unit_test(realloc_keeps_what_was_there),
        cmocka_unit_test(fail_at_fails_that_one_and_all_after_it),
        cmocka_unit_test(arena_blocks_are_aligned_and_apart),
        cmocka_unit_test(empty_arena_blocks_are_apart_too),
        cmocka_unit_test(arena_never_passes_its_max),
        cmocka_unit_test(arena_gives_all_of_its_max_to_one_block),
        cmocka_unit_test(arena_refuses_sizes_that_overflow),
        cmocka_unit_test(reset_arena_keeps_its_first_chunk),
        cmocka_unit_test(arena_copy_ends_with_a_zero),
        cmocka_unit_test(arena_says_when_there_is_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
