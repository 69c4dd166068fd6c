#include "check.h"

static void every_result_has_a_text_of_its_own(void **state)
{
    (void)state;
    static const enum err all[] = {
#define X(name, text) name,
        ERR_LIST(X)
#undef X
    };
    for (size_t i = 0; i < CHECK_COUNT(all); i++) {
        assert_true(strlen(err_text(all[i])) > 0);
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(err_text(all[i]), err_text(all[k]));
    }
    assert_string_equal(err_text(ERR_DENIED), "not allowed");
}

static void ok_is_zero(void **state)
{
    (void)state;
    assert_int_equal(OK, 0);
}

static void text_of_an_unknown_result_is_not_null(void **state)
{
    (void)state;
    assert_non_null(err_text((enum err)999));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_result_has_a_text_of_its_own),
        cmocka_unit_test(ok_is_zero),
        cmocka_unit_test(text_of_an_unknown_result_is_not_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
