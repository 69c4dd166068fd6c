#include "api/relation.h"

#include "kitchen.h"

static struct kitchen k;

static int set_up(void **state)
{
    (void)state;
    kitchen_init(&k);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    kitchen_done(&k);
    return 0;
}

static enum err find(const char *table, const char *target, const char *hint, struct relation *out)
{
    kitchen_reset(&k);
    return relation_find(&k.p, kitchen_table(table), bytes_of(target), bytes_of(hint), out);
}

static void one_key_needs_no_hint(void **state)
{
    struct relation r;
    (void)state;
    assert_int_equal(find("sales_logs", "bread_types", "", &r), OK);
    check_text(r.key->name, "sales_logs_bread_type_id_fkey");
    assert_false(r.is_to_many);
    assert_int_equal(find("bread_types", "sales_logs", "", &r), OK);
    assert_true(r.is_to_many);
}

static void hint_is_a_key_or_its_column(void **state)
{
    struct relation r;
    (void)state;
    assert_int_equal(find("users", "sales_logs", "checked_by", &r), OK);
    check_text(r.key->name, "sales_logs_checked_by_fkey");
    assert_true(r.is_to_many);
    assert_int_equal(find("sales_logs", "users", "sales_logs_checked_by_fkey", &r), OK);
    assert_false(r.is_to_many);
}

static void column_itself_is_a_target_from_its_own_side_only(void **state)
{
    struct relation r;
    (void)state;
    assert_int_equal(find("bread_types", "created_by", "", &r), OK);
    check_text(r.key->to->name, "users");
    assert_int_equal(find("users", "created_by", "", &r), ERR_SYNTAX);
}

static void none_says_what_was_searched(void **state)
{
    struct relation r;
    (void)state;
    assert_int_equal(find("users", "stock", "", &r), ERR_SYNTAX);
    kitchen_check_fault(&k, 400, "PGRST200");
    check_text(k.p.fault.message,
               "Could not find a relationship between 'users' and 'stock' in the schema cache");
    check_text(k.p.fault.details,
               "Searched for a foreign key relationship between 'users' and 'stock' in the schema "
               "'public', but no matches were found.");
    assert_int_equal(find("users", "stock", "h", &r), ERR_SYNTAX);
    check_text(k.p.fault.details,
               "Searched for a foreign key relationship between 'users' and 'stock' using the hint "
               "'h' in the schema 'public', but no matches were found.");
}

static void several_are_listed(void **state)
{
    struct relation r;
    struct json_value v;
    (void)state;
    assert_int_equal(find("sales_logs", "users", "", &r), ERR_SYNTAX);
    kitchen_check_fault(&k, 300, "PGRST201");
    assert_true(k.p.fault.details_is_json);
    assert_int_equal(json_parse(k.p.fault.details, &v), OK);
    check_text(k.p.fault.details,
               "[{\"cardinality\":\"many-to-one\",\"embedding\":\"sales_logs with "
               "users\",\"relationship\":\"sales_logs_recorded_by_fkey using "
               "sales_logs(recorded_by) and users(id)\"},{\"cardinality\":\"many-to-one\","
               "\"embedding\":\"sales_logs with users\",\"relationship\":"
               "\"sales_logs_checked_by_fkey using sales_logs(checked_by) and users(id)\"}]");
    check_text(k.p.fault.hint,
               "Try changing 'users' to one of the following: "
               "'users!sales_logs_recorded_by_fkey', 'users!sales_logs_checked_by_fkey'. Find the "
               "desired relationship in the 'details' key.");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_key_needs_no_hint),
        cmocka_unit_test(hint_is_a_key_or_its_column),
        cmocka_unit_test(column_itself_is_a_target_from_its_own_side_only),
        cmocka_unit_test(none_says_what_was_searched),
        cmocka_unit_test(several_are_listed),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
