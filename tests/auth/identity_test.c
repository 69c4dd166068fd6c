#include "auth/identity.h"

#include "check.h"

static void every_role_is_read_by_its_name(void **state)
{
    (void)state;
    static const char *const names[ROLE_COUNT] = {"anon", "owner", "manager", "sales_rep",
                                                  "service_role"};
    for (int i = 0; i < ROLE_COUNT; i++) {
        enum role role;
        check_text(role_name((enum role)i), names[i]);
        assert_int_equal(role_parse(bytes_of(names[i]), &role), OK);
        assert_int_equal(role, i);
    }
}

static void other_names_are_no_roles(void **state)
{
    (void)state;
    static const char *const names[] = {"", "Owner", "owner ", "authenticated", "salesrep"};
    for (size_t i = 0; i < CHECK_COUNT(names); i++) {
        enum role role = ROLE_SERVICE;
        assert_int_equal(role_parse(bytes_of(names[i]), &role), ERR_NOT_FOUND);
        assert_int_equal(role, ROLE_SERVICE);
    }
}

static void staff_are_owner_manager_and_sales_rep(void **state)
{
    (void)state;
    for (int i = 0; i < ROLE_COUNT; i++)
        assert_int_equal(role_is_staff((enum role)i), i >= ROLE_OWNER && i <= ROLE_SALES_REP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_role_is_read_by_its_name),
        cmocka_unit_test(other_names_are_no_roles),
        cmocka_unit_test(staff_are_owner_manager_and_sales_rep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
