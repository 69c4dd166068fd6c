/* The catalogue, as it is read from the database. */
#include "kit.h"

#include <string.h>

static const struct column *column(struct kit *k, const char *table, const char *name)
{
    const struct column *c =
        table_column(catalogue_table(store_catalogue(k->store), bytes_of(table)), bytes_of(name));
    assert_non_null(c);
    return c;
}

static void tables_that_are_not_exposed_do_not_exist(void **state)
{
    struct kit *k = *state;
    static const char *const hidden[] = {"meta", "auth_people", "auth_sessions", "changes",
                                         "sqlite_schema"};
    for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++)
        assert_null(catalogue_table(store_catalogue(k->store), bytes_of(hidden[i])));
    assert_int_equal(store_catalogue(k->store)->table_count, 9);
}

static void the_messages_are_there_for_policies_alone(void **state)
{
    struct kit *k = *state;
    const struct table *t = catalogue_table(store_catalogue(k->store), BYTES("messages"));
    assert_true(t->is_private);
    assert_true(t->is_server);
    assert_false(t->is_live);
    assert_int_equal(column(k, "messages", "payload")->type, TYPE_TEXT);
    assert_false(catalogue_table(store_catalogue(k->store), BYTES("users"))->is_private);
}

static void columns_have_their_types_and_rules(void **state)
{
    struct kit *k = *state;
    const struct column *price = column(k, "sales_logs", "unit_price");
    assert_int_equal(price->type, TYPE_NUMERIC);
    assert_int_equal(price->scale, 2);
    assert_int_equal(price->precision, 12);
    assert_true(price->not_null);
    assert_true(price->default_sql.size > 0);
    const struct column *revenue = column(k, "sales_logs", "revenue");
    assert_true(revenue->is_generated);
    assert_int_equal(revenue->type, TYPE_NUMERIC);
    assert_int_equal(revenue->precision, 14);
    assert_int_equal(column(k, "sales_logs", "business_day")->type, TYPE_DATE);
    assert_true(column(k, "sales_logs", "business_day")->is_generated);
    assert_true(column(k, "sales_logs", "id")->is_key);
    assert_true(column(k, "sales_logs", "created_at")->is_server);
    assert_false(column(k, "sales_logs", "quantity")->is_server);
    assert_int_equal(column(k, "sales_logs", "returned")->type, TYPE_BOOL);
    assert_false(column(k, "bread_types", "size")->not_null);
    assert_int_equal(column(k, "audit_trail", "old_row")->type, TYPE_JSONB);
}

static void tables_have_their_keys_in_order(void **state)
{
    struct kit *k = *state;
    const struct table *t = catalogue_table(store_catalogue(k->store), BYTES("shift_totals"));
    assert_int_equal(t->key_count, 3);
    assert_true(bytes_equal(t->key[0]->name, BYTES("business_day")));
    assert_true(bytes_equal(t->key[2]->name, BYTES("bread_type_id")));
    assert_true(t->is_server);
    assert_true(t->is_live);
    assert_false(catalogue_table(store_catalogue(k->store), BYTES("audit_trail"))->is_live);
    assert_true(bytes_starts_with(t->columns_json,
                                  BYTES("[{\"name\":\"business_day\",\"type\":\"date\"}")));
}

static void foreign_keys_are_named_and_joined(void **state)
{
    struct kit *k = *state;
    const struct catalogue *c = store_catalogue(k->store);
    int found = 0;
    for (size_t i = 0; i < c->foreign_key_count; i++) {
        const struct foreign_key *f = &c->foreign_keys[i];
        if (!bytes_equal(f->name, BYTES("sales_logs_recorded_by_fkey")))
            continue;
        found++;
        assert_true(bytes_equal(f->from->name, BYTES("sales_logs")));
        assert_true(bytes_equal(f->to->name, BYTES("users")));
        assert_true(bytes_equal(f->to_column->name, BYTES("id")));
    }
    assert_int_equal(found, 1);
    assert_int_equal(c->foreign_key_count, 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KIT_TEST(tables_that_are_not_exposed_do_not_exist),
        KIT_TEST(the_messages_are_there_for_policies_alone),
        KIT_TEST(columns_have_their_types_and_rules),
        KIT_TEST(tables_have_their_keys_in_order),
        KIT_TEST(foreign_keys_are_named_and_joined),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
