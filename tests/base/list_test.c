#include "base/list.h"

#include "check.h"

struct loaf {
    int number;
    struct link link;
};

static struct loaf *loaf_of(struct link *l)
{
    return container_of(l, struct loaf, link);
}

static void fill(struct link *head, struct loaf *loaves, int count)
{
    list_init(head);
    for (int i = 0; i < count; i++) {
        loaves[i].number = i;
        list_init(&loaves[i].link);
        list_push_back(head, &loaves[i].link);
    }
}

static void order_is_kept(void **state)
{
    (void)state;
    struct link head;
    struct loaf loaves[5];
    fill(&head, loaves, 5);
    int want = 0;
    list_each(l, &head) assert_int_equal(loaf_of(l)->number, want++);
    assert_int_equal(want, 5);
}

static void push_front_goes_before_the_first(void **state)
{
    (void)state;
    struct link head;
    struct loaf loaves[2];
    struct loaf first = {.number = 99};
    fill(&head, loaves, 2);
    list_push_front(&head, &first.link);
    assert_ptr_equal(list_pop_front(&head), &first.link);
    assert_ptr_equal(list_pop_front(&head), &loaves[0].link);
}

static void removed_link_is_unlinked_and_may_be_removed_again(void **state)
{
    (void)state;
    struct link head;
    struct loaf loaves[3];
    fill(&head, loaves, 3);
    assert_true(list_is_linked(&loaves[1].link));
    list_remove(&loaves[1].link);
    assert_false(list_is_linked(&loaves[1].link));
    list_remove(&loaves[1].link);
    assert_ptr_equal(list_pop_front(&head), &loaves[0].link);
    assert_ptr_equal(list_pop_front(&head), &loaves[2].link);
    assert_true(list_is_empty(&head));
}

static void empty_list_pops_null(void **state)
{
    (void)state;
    struct link head;
    list_init(&head);
    assert_true(list_is_empty(&head));
    assert_null(list_pop_front(&head));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_is_kept),
        cmocka_unit_test(push_front_goes_before_the_first),
        cmocka_unit_test(removed_link_is_unlinked_and_may_be_removed_again),
        cmocka_unit_test(empty_list_pops_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
