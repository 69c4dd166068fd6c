#include "check.h"

#include "base/mem.h"
#include "hub/frame.h"

static void frame_holds_head_and_body_in_one_block(void **state)
{
    struct frame *f;
    (void)state;
    assert_int_equal(frame_new(BYTES("ab"), BYTES("cde"), 2, &f), OK);
    check_text(((struct bytes){f->data, f->size}), "abcde");
    assert_int_equal(f->message_count, 2);
    frame_unref(f);
}

static void frame_lives_until_its_last_reference(void **state)
{
    struct frame *f;
    (void)state;
    assert_int_equal(frame_new(BYTES("x"), BYTES(""), 1, &f), OK);
    assert_ptr_equal(frame_ref(f), f);
    frame_unref(f);
    check_text(((struct bytes){f->data, f->size}), "x");
    frame_unref(f);
    frame_unref(NULL);
}

static void frame_without_memory_is_an_error(void **state)
{
    struct frame *f;
    (void)state;
    mem_fail_at(1);
    enum err e = frame_new(BYTES("x"), BYTES(""), 1, &f);
    mem_fail_at(0);
    assert_int_equal(e, ERR_NOMEM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frame_holds_head_and_body_in_one_block),
        cmocka_unit_test(frame_lives_until_its_last_reference),
        cmocka_unit_test(frame_without_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
