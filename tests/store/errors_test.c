/* What SQLite refuses, in PostgreSQL's words. */
#include "kit.h"

#include <stdio.h>
#include <string.h>

static const char *sale_json(struct kit *k, const char *more)
{
    char json[512];
    snprintf(json, sizeof(json), "[{\"bread_type_id\":\"%s\"%s}]", k->bread, more);
    return kit_text(k, bytes_of(json));
}

static void a_second_bread_of_a_name_is_a_duplicate(void **state)
{
    struct kit *k = *state;
    kit_bread(k, "Agege");
    kit_insert(k, &k->owner, "bread_types", "[{\"name\":\"Agege\",\"unit_price\":1}]");
    kit_assert_error(k, 409, "23505");
    kit_assert_message(k,
                       "duplicate key value violates unique constraint \"bread_types_name_key\"");
    kit_assert_details(k, "Key (name)=(Agege) already exists.");
}

static void a_second_row_of_an_id_is_a_duplicate(void **state)
{
    struct kit *k = *state;
    char json[256];
    kit_bread(k, "Agege");
    snprintf(json, sizeof(json), "[{\"id\":\"%s\",\"name\":\"Rye\",\"unit_price\":1}]", k->bread);
    kit_insert(k, &k->owner, "bread_types", json);
    kit_assert_message(k, "duplicate key value violates unique constraint \"bread_types_pkey\"");
    snprintf(json, sizeof(json), "Key (id)=(%s) already exists.", k->bread);
    kit_assert_details(k, json);
}

static void an_update_to_a_name_that_is_taken_is_a_duplicate(void **state)
{
    struct kit *k = *state;
    kit_bread(k, "Rye");
    kit_bread(k, "Agege");
    kit_update(k, &k->owner, "bread_types", k->bread, "[{\"name\":\"Rye\"}]");
    kit_assert_error(k, 409, "23505");
    kit_assert_details(k, "Key (name)=(Rye) already exists.");
}

static void a_bread_that_does_not_exist_is_not_present(void **state)
{
    struct kit *k = *state;
    memcpy(k->bread, "00000000-0000-7000-8000-000000000000", UUID_SIZE);
    kit_insert(k, &k->rep, "sales_logs", sale_json(k, ",\"quantity\":1,\"unit_price\":1"));
    kit_assert_error(k, 409, "23503");
    kit_assert_message(k,
                       "insert or update on table \"sales_logs\" violates foreign key constraint "
                       "\"sales_logs_bread_type_id_fkey\"");
    kit_assert_details(
        k, "Key (bread_type_id)=(00000000-0000-7000-8000-000000000000) is not present in "
           "table \"bread_types\".");
}

static void a_bread_that_was_sold_is_still_referenced(void **state)
{
    struct kit *k = *state;
    char details[256];
    kit_bread(k, "Agege");
    kit_sale(k, &k->rep, 1);
    kit_delete(k, &k->owner, "bread_types", k->bread);
    kit_assert_error(k, 409, "23503");
    kit_assert_message(k,
                       "update or delete on table \"bread_types\" violates foreign key constraint "
                       "\"sales_logs_bread_type_id_fkey\" on table \"sales_logs\"");
    snprintf(details, sizeof(details),
             "Key (id)=(%s) is still referenced from table \"sales_logs\".", k->bread);
    kit_assert_details(k, details);
    assert_int_equal(k->changes.count, 0);
    kit_assert_sound(k);
}

static void a_person_whom_nothing_refers_to_can_be_removed_with_the_account(void **state)
{
    struct kit *k = *state;
    kit_delete(k, &k->owner, "users", k->other_rep.user_id);
    kit_assert_error(k, 0, NULL);
    assert_int_equal(k->reply.row_count, 1);
    struct store_request r = {.kind = STORE_PERSON, .email = BYTES("sam@example.org")};
    assert_int_equal(store_read(k->reader, &r, &k->reply), OK);
    assert_false(k->reply.has_person);
}

static void a_missing_value_violates_not_null(void **state)
{
    struct kit *k = *state;
    kit_bread(k, "Agege");
    kit_insert(k, &k->rep, "sales_logs", sale_json(k, ""));
    kit_assert_error(k, 400, "23502");
    kit_assert_message(k, "null value in column \"quantity\" of relation \"sales_logs\" violates "
                          "not-null constraint");
    kit_assert_details(k, NULL);
}

static void a_bread_without_a_price_to_take_violates_not_null(void **state)
{
    struct kit *k = *state;
    memcpy(k->bread, "00000000-0000-7000-8000-000000000000", UUID_SIZE);
    kit_insert(k, &k->rep, "sales_logs", sale_json(k, ",\"quantity\":1"));
    kit_assert_error(k, 400, "23502");
}

static void a_value_out_of_its_bounds_violates_a_check(void **state)
{
    struct kit *k = *state;
    kit_bread(k, "Agege");
    kit_sale(k, &k->rep, 0);
    kit_assert_error(k, 400, "23514");
    kit_assert_message(k, "new row for relation \"sales_logs\" violates check constraint "
                          "\"sales_logs_quantity_check\"");
    kit_update(k, &k->owner, "bread_types", k->bread, "[{\"unit_price\":0}]");
    kit_assert_message(k, "new row for relation \"bread_types\" violates check constraint "
                          "\"bread_types_unit_price_check\"");
}

static void a_revenue_that_does_not_fit_is_out_of_range(void **state)
{
    struct kit *k = *state;
    kit_bread(k, "Agege");
    kit_insert(
        k, &k->rep, "sales_logs",
        sale_json(k, ",\"quantity\":1000000,\"unit_price\":9999999999.99,\"returned\":true"));
    kit_assert_error(k, 400, "22003");
    kit_assert_message(k, "numeric field overflow");
}

static void details_of_any_length_do_no_harm(void **state)
{
    struct kit *k = *state;
    static char json[300000];
    int n = snprintf(json, sizeof(json), "[{\"unit_price\":1,\"name\":\"");
    memset(json + n, 'x', 200000);
    snprintf(json + n + 200000, 16, "\"}]");
    kit_insert(k, &k->owner, "bread_types", json);
    kit_assert_error(k, 400, "23514");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KIT_TEST(a_second_bread_of_a_name_is_a_duplicate),
        KIT_TEST(a_second_row_of_an_id_is_a_duplicate),
        KIT_TEST(an_update_to_a_name_that_is_taken_is_a_duplicate),
        KIT_TEST(a_bread_that_does_not_exist_is_not_present),
        KIT_TEST(a_bread_that_was_sold_is_still_referenced),
        KIT_TEST(a_person_whom_nothing_refers_to_can_be_removed_with_the_account),
        KIT_TEST(a_missing_value_violates_not_null),
        KIT_TEST(a_bread_without_a_price_to_take_violates_not_null),
        KIT_TEST(a_value_out_of_its_bounds_violates_a_check),
        KIT_TEST(a_revenue_that_does_not_fit_is_out_of_range),
        KIT_TEST(details_of_any_length_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
