/* INSERT, UPDATE, DELETE: answers, permissions, row-level security.  The errors of constraints:
 * errors_test.c. */
#include "kit.h"

#include <stdio.h>
#include <string.h>

static char sale[UUID_SIZE + 1];

static void make_sale(struct kit *k, const struct identity *who, int quantity)
{
    kit_sale(k, who, quantity);
    kit_assert_error(k, 0, NULL);
    memcpy(sale, kit_member(k, "id") + 1, UUID_SIZE);
}

static void a_sale_takes_price_shift_author_and_id_by_itself(void **state)
{
    struct kit *k = *state;
    kit_bread(k, "Agege");
    kit_sale(k, &k->rep, 3);
    kit_assert_error(k, 0, NULL);
    assert_string_equal(kit_member(k, "unit_price"), "500.00");
    assert_string_equal(kit_member(k, "revenue"), "1500.00");
    assert_string_equal(kit_member(k, "shift"), "\"morning\"");
    assert_string_equal(kit_member(k, "business_day"), "\"2026-11-22\"");
    assert_memory_equal(kit_member(k, "recorded_by") + 1, k->rep.user_id, UUID_SIZE);
    assert_int_equal(strlen(kit_member(k, "id")), UUID_SIZE + 2);
    assert_int_equal(k->reply.row_count, 1);
    assert_int_equal(k->reply.inserted_count, 1);
    assert_int_equal(k->changes.count, 3); /* the sale, its stock, its shift's totals */
    assert_true(bytes_equal(k->changes.items[0]->table->name, BYTES("sales_logs")));
    assert_true(bytes_equal(k->changes.items[1]->table->name, BYTES("stock")));
    assert_true(bytes_equal(k->changes.items[2]->table->name, BYTES("shift_totals")));
    kit_assert_sound(k);
}

static void the_answer_of_an_insert_is_the_captured_row_byte_for_byte(void **state)
{
    struct kit *k = *state;
    kit_bread(k, "Pain \\\"de\\\" mie \\u00e9");
    struct bytes body = buf_bytes(&k->reply.body), row = k->changes.items[0]->new_row;
    assert_true(bytes_equal(bytes_slice(body, 1, body.size - 1), row));
}

static void a_price_change_does_not_touch_old_sales(void **state)
{
    struct kit *k = *state;
    kit_bread(k, "Agege");
    make_sale(k, &k->rep, 2);
    kit_update(k, &k->manager, "bread_types", k->bread, "[{\"unit_price\":\"600.50\"}]");
    kit_assert_error(k, 0, NULL);
    kit_select(k, &k->rep, "sales_logs", "unit_price,revenue", NULL, NULL);
    kit_assert_body(k, "[{\"unit_price\":500.00,\"revenue\":1000.00}]");
    make_sale(k, &k->rep, 1);
    assert_string_equal(kit_member(k, "unit_price"), "600.50");
}

static void rows_of_one_insert_may_lack_different_columns(void **state)
{
    struct kit *k = *state;
    char json[512];
    kit_bread(k, "Agege");
    snprintf(json, sizeof(json),
             "[{\"bread_type_id\":\"%s\",\"quantity\":1},"
             "{\"bread_type_id\":\"%s\",\"quantity\":2,\"unit_price\":1.5,\"shift\":\"night\"}]",
             k->bread, k->bread);
    kit_insert(k, &k->rep, "sales_logs", json);
    kit_assert_error(k, 0, NULL);
    assert_int_equal(k->reply.row_count, 2);
    assert_int_equal(k->reply.body.size, 0); /* nothing was asked for */
    struct query *q = kit_query(k, VERB_SELECT, "sales_logs");
    kit_want(k, q, "unit_price");
    kit_want(k, q, "shift");
    kit_order(k, q, "quantity", false);
    kit_run(k, &k->rep, q);
    kit_assert_body(k, "[{\"unit_price\":500.00,\"shift\":\"morning\"},"
                       "{\"unit_price\":1.50,\"shift\":\"night\"}]");
}

static void an_insert_of_no_rows_answers_an_empty_array(void **state)
{
    struct kit *k = *state;
    struct query *q = kit_query(k, VERB_INSERT, "bread_types");
    kit_want_all(k, q);
    kit_run(k, &k->owner, q);
    kit_assert_body(k, "[]");
    assert_int_equal(k->changes.count, 0);
}

static void anon_is_not_permitted_and_gets_401(void **state)
{
    struct kit *k = *state;
    kit_insert(k, &k->anon, "bread_types", "[{\"name\":\"Agege\",\"unit_price\":1}]");
    kit_assert_error(k, 401, "42501");
    kit_assert_message(k, "permission denied for table bread_types");
}

static void a_rep_may_not_add_breads(void **state)
{
    struct kit *k = *state;
    kit_insert(k, &k->rep, "bread_types", "[{\"name\":\"Agege\",\"unit_price\":1}]");
    kit_assert_error(k, 403, "42501");
    kit_assert_message(k, "permission denied for table bread_types");
    assert_int_equal(k->changes.count, 0);
}

static void nobody_sells_as_somebody_else(void **state)
{
    struct kit *k = *state;
    char json[256];
    kit_bread(k, "Agege");
    uint64_t seq = k->reply.seq;
    snprintf(json, sizeof(json),
             "[{\"bread_type_id\":\"%s\",\"quantity\":1,\"recorded_by\":\"%s\"}]", k->bread,
             k->other_rep.user_id);
    kit_insert(k, &k->rep, "sales_logs", json);
    kit_assert_error(k, 403, "42501");
    kit_assert_message(k, "new row violates row-level security policy for table \"sales_logs\"");
    assert_int_equal(k->changes.count, 0);
    assert_int_equal(k->reply.seq, seq);
    kit_select(k, &k->rep, "sales_logs", "id", NULL, NULL);
    kit_assert_body(k, "[]");
    kit_assert_sound(k);
    kit_insert(k, &k->service, "sales_logs", json); /* the service may */
    kit_assert_error(k, 0, NULL);
}

static void derived_tables_are_written_by_nobody(void **state)
{
    struct kit *k = *state;
    kit_bread(k, "Agege");
    const struct identity *all[] = {&k->owner, &k->service};
    for (int i = 0; i < 2; i++) {
        struct query *q = kit_query(k, VERB_DELETE, "stock");
        kit_run(k, all[i], q);
        kit_assert_error(k, 403, "42501");
        kit_assert_message(k, "permission denied for table stock");
    }
}

static void the_server_sets_its_columns_itself(void **state)
{
    struct kit *k = *state;
    static const char json[] = "[{\"name\":\"Agege\",\"unit_price\":1,"
                               "\"created_at\":\"2020-01-01T00:00:00Z\"}]";
    kit_insert(k, &k->owner, "bread_types", json);
    kit_assert_error(k, 403, "42501");
    kit_insert(k, &k->service, "bread_types", json);
    kit_assert_error(k, 0, NULL);
    kit_select(k, &k->owner, "bread_types", "created_at,created_by", NULL, NULL);
    kit_assert_body(k, "[{\"created_at\":\"2020-01-01T00:00:00+00:00\",\"created_by\":null}]");
}

static void generated_columns_cannot_be_given(void **state)
{
    struct kit *k = *state;
    kit_bread(k, "Agege");
    make_sale(k, &k->rep, 1);
    kit_update(k, &k->owner, "sales_logs", sale, "[{\"revenue\":1}]");
    kit_assert_error(k, 400, "428C9");
    kit_assert_message(k, "column \"revenue\" can only be updated to DEFAULT");
    kit_insert(k, &k->service, "sales_logs", "[{\"revenue\":1}]");
    kit_assert_message(k, "cannot insert a non-DEFAULT value into column \"revenue\"");
}

static void an_update_stamps_the_row_and_leaves_an_audit_trail(void **state)
{
    struct kit *k = *state;
    kit_bread(k, "Agege");
    make_sale(k, &k->rep, 1);
    struct query *q = kit_query(k, VERB_UPDATE, "sales_logs");
    kit_set(k, q, "[{\"quantity\":4}]");
    kit_where(k, q, "id", OP_EQ, sale);
    kit_want(k, q, "quantity");
    kit_want(k, q, "updated_at");
    kit_run(k, &k->manager, q);
    kit_assert_error(k, 0, NULL);
    assert_string_equal(kit_member(k, "quantity"), "4");
    assert_string_equal(kit_member(k, "updated_at"), "\"2026-11-22T09:00:03.000004+00:00\"");
    kit_select(k, &k->owner, "audit_trail", "verb,table_name,actor,old_row,new_row", NULL, NULL);
    assert_string_equal(kit_member(k, "verb"), "\"UPDATE\"");
    assert_memory_equal(kit_member(k, "actor") + 1, k->manager.user_id, UUID_SIZE);
    assert_true(strncmp(kit_member(k, "old_row"), "{\"id\":\"", 7) == 0);
    assert_non_null(strstr(kit_member(k, "new_row"), "\"quantity\":4"));
    kit_assert_sound(k);
}

static void an_update_of_a_hidden_row_changes_nothing(void **state)
{
    struct kit *k = *state;
    kit_bread(k, "Agege");
    make_sale(k, &k->rep, 1);
    kit_update(k, &k->other_rep, "sales_logs", sale, "[{\"quantity\":2}]");
    kit_assert_error(k, 0, NULL);
    assert_int_equal(k->reply.row_count, 0);
    assert_int_equal(k->changes.count, 0);
}

static void an_update_with_nothing_to_set_touches_no_row(void **state)
{
    struct kit *k = *state;
    kit_bread(k, "Agege");
    struct query *q = kit_query(k, VERB_UPDATE, "bread_types");
    kit_want_all(k, q);
    kit_run(k, &k->owner, q);
    kit_assert_body(k, "[]");
    assert_int_equal(k->changes.count, 0);
}

static void an_update_may_not_give_a_row_away(void **state)
{
    struct kit *k = *state;
    char json[128];
    kit_bread(k, "Agege");
    make_sale(k, &k->rep, 1);
    snprintf(json, sizeof(json), "[{\"recorded_by\":\"%s\"}]", k->other_rep.user_id);
    kit_update(k, &k->rep, "sales_logs", sale, json);
    kit_assert_error(k, 403, "42501");
    kit_select(k, &k->rep, "sales_logs", "recorded_by", NULL, NULL);
    assert_memory_equal(kit_member(k, "recorded_by") + 1, k->rep.user_id, UUID_SIZE);
}

static void people_change_their_own_name_but_not_their_role(void **state)
{
    struct kit *k = *state;
    kit_update(k, &k->rep, "users", k->rep.user_id, "[{\"name\":\"Rita B\"}]");
    kit_assert_error(k, 0, NULL);
    assert_int_equal(k->reply.row_count, 1);
    kit_update(k, &k->rep, "users", k->rep.user_id, "[{\"role\":\"owner\"}]");
    kit_assert_error(k, 403, "42501");
    kit_update(k, &k->rep, "users", k->other_rep.user_id, "[{\"name\":\"x\"}]");
    assert_int_equal(k->reply.row_count, 0);
}

static void an_update_answers_in_the_order_asked(void **state)
{
    struct kit *k = *state;
    kit_bread(k, "Agege");
    for (int i = 1; i <= 3; i++)
        make_sale(k, &k->rep, i);
    struct query *q = kit_query(k, VERB_UPDATE, "sales_logs");
    kit_set(k, q, "[{\"discount\":1}]");
    kit_where(k, q, "discount", OP_EQ, "0"); /* no more true afterwards */
    kit_want(k, q, "quantity");
    kit_order(k, q, "quantity", true);
    q->wants_count = true;
    kit_run(k, &k->owner, q);
    kit_assert_body(k, "[{\"quantity\":3},{\"quantity\":2},{\"quantity\":1}]");
    assert_int_equal(k->reply.total_count, 3);
}

static void a_delete_answers_the_rows_it_removed(void **state)
{
    struct kit *k = *state;
    kit_bread(k, "Agege");
    make_sale(k, &k->rep, 2);
    struct query *q = kit_query(k, VERB_DELETE, "sales_logs");
    kit_where(k, q, "id", OP_EQ, sale);
    kit_want(k, q, "quantity");
    kit_run(k, &k->rep, q); /* the author, within the shift */
    kit_assert_body(k, "[{\"quantity\":2}]");
    assert_int_equal(k->reply.row_count, 1);
    assert_int_equal(k->changes.count, 3);
    assert_int_equal(k->changes.items[0]->verb, VERB_DELETE);
    assert_int_equal(k->changes.items[0]->new_row.size, 0);
    kit_assert_sound(k);
}

static void an_author_removes_only_within_the_shift(void **state)
{
    struct kit *k = *state;
    kit_bread(k, "Agege");
    make_sale(k, &k->rep, 2);
    k->now_us += INT64_C(13) * 3600 * 1000000;
    kit_delete(k, &k->rep, "sales_logs", sale);
    assert_int_equal(k->reply.row_count, 0);
    kit_delete(k, &k->manager, "sales_logs", sale);
    assert_int_equal(k->reply.row_count, 1);
}

static void one_object_wanted_and_none_found_undoes_the_request(void **state)
{
    struct kit *k = *state;
    kit_bread(k, "Agege");
    make_sale(k, &k->rep, 1);
    make_sale(k, &k->rep, 2);
    struct query *q = kit_query(k, VERB_UPDATE, "sales_logs");
    kit_set(k, q, "[{\"returned\":true}]");
    kit_want_all(k, q);
    q->is_single = true;
    kit_run(k, &k->owner, q);
    kit_assert_error(k, 406, "PGRST116");
    kit_assert_message(k, "Cannot coerce the result to a single JSON object");
    kit_assert_details(k, "The result contains 2 rows");
    assert_int_equal(k->changes.count, 0);
    kit_select(k, &k->rep, "sales_logs", "id", "returned", "true");
    kit_assert_body(k, "[]");
    kit_where(k, q, "id", OP_EQ, sale);
    kit_run(k, &k->owner, q);
    kit_assert_error(k, 0, NULL);
    assert_string_equal(kit_member(k, "revenue"), "0.00"); /* an object, not an array */
    assert_int_equal(k->reply.body.data[0], '{');
}

static void more_rows_than_max_affected_undo_the_request(void **state)
{
    struct kit *k = *state;
    kit_bread(k, "Agege");
    make_sale(k, &k->rep, 1);
    make_sale(k, &k->rep, 2);
    struct query *q = kit_query(k, VERB_DELETE, "sales_logs");
    q->affected_max = 1;
    kit_run(k, &k->owner, q);
    kit_assert_error(k, 400, "PGRST124");
    kit_assert_details(k, "The query affects 2 rows");
    kit_assert_sound(k);
    q->affected_max = 2;
    kit_run(k, &k->owner, q);
    kit_assert_error(k, 0, NULL);
}

static struct query *upsert(struct kit *k, enum query_conflict conflict, const char *json)
{
    struct query *q = kit_query(k, VERB_INSERT, "bread_types");
    kit_set(k, q, json);
    q->conflict = conflict;
    q->conflict_columns = arena_array(&k->arena, 1, sizeof(struct column *));
    q->conflict_columns[0] = table_column(q->table, BYTES("name"));
    q->conflict_column_count = 1;
    kit_want(k, q, "name");
    kit_want(k, q, "unit_price");
    return q;
}

static void an_upsert_merges_into_the_row_that_is_there(void **state)
{
    struct kit *k = *state;
    static const char json[] =
        "[{\"name\":\"Agege\",\"unit_price\":7},{\"name\":\"Rye\",\"unit_price\":8}]";
    kit_bread(k, "Agege");
    kit_run(k, &k->owner, upsert(k, CONFLICT_MERGE, json));
    kit_assert_body(
        k, "[{\"name\":\"Agege\",\"unit_price\":7.00},{\"name\":\"Rye\",\"unit_price\":8.00}]");
    assert_int_equal(k->reply.row_count, 2);
    assert_int_equal(k->reply.inserted_count, 1);
    kit_select(k, &k->owner, "bread_types", "id", "name", "Agege");
    assert_memory_equal(kit_member(k, "id") + 1, k->bread, UUID_SIZE);
}

static void an_upsert_that_ignores_leaves_the_row_and_does_not_answer_it(void **state)
{
    struct kit *k = *state;
    static const char json[] =
        "[{\"name\":\"Agege\",\"unit_price\":7},{\"name\":\"Rye\",\"unit_price\":8}]";
    kit_bread(k, "Agege");
    kit_run(k, &k->owner, upsert(k, CONFLICT_IGNORE, json));
    kit_assert_body(k, "[{\"name\":\"Rye\",\"unit_price\":8.00}]");
    assert_int_equal(k->reply.row_count, 1);
}

static void an_upsert_wants_a_unique_constraint(void **state)
{
    struct kit *k = *state;
    struct query *q = upsert(k, CONFLICT_MERGE, "[{\"name\":\"Rye\",\"unit_price\":8}]");
    q->conflict_columns[0] = table_column(q->table, BYTES("size"));
    kit_run(k, &k->owner, q);
    kit_assert_error(k, 400, "42P10");
}

static void an_upsert_of_somebody_elses_row_is_refused(void **state)
{
    struct kit *k = *state;
    char json[256];
    kit_bread(k, "Agege");
    make_sale(k, &k->rep, 1);
    snprintf(json, sizeof(json), "[{\"id\":\"%s\",\"bread_type_id\":\"%s\",\"quantity\":9}]", sale,
             k->bread);
    struct query *q = kit_query(k, VERB_INSERT, "sales_logs");
    kit_set(k, q, json);
    q->conflict = CONFLICT_MERGE; /* on the primary key */
    kit_run(k, &k->other_rep, q);
    kit_assert_error(k, 403, "42501");
    kit_assert_message(k, "new row violates row-level security policy (USING expression) for table "
                          "\"sales_logs\"");
    kit_run(k, &k->rep, q);
    kit_assert_error(k, 0, NULL);
    kit_assert_sound(k);
}

static void an_answer_that_the_person_may_not_see_is_refused(void **state)
{
    struct kit *k = *state;
    char json[256];
    /* The service adds feedback of one rep; the rep sees it, the other does not and cannot change
     * it. */
    snprintf(json, sizeof(json), "[{\"user_id\":\"%s\",\"note\":\"ran out early\"}]",
             k->rep.user_id);
    kit_insert(k, &k->service, "shift_feedback", json);
    kit_assert_error(k, 0, NULL);
    assert_string_equal(kit_select(k, &k->other_rep, "shift_feedback", "note", NULL, NULL), "[]");
    kit_select(k, &k->rep, "shift_feedback", "note", NULL, NULL);
    kit_assert_body(k, "[{\"note\":\"ran out early\"}]");
    kit_insert(k, &k->other_rep, "shift_feedback", json);
    kit_assert_error(k, 403, "42501");
}

static void a_row_may_bring_its_own_id_but_once(void **state)
{
    struct kit *k = *state;
    static const char json[] = "[{\"id\":\"00000000-0000-7000-8000-000000000001\",\"name\":\"Rye\","
                               "\"unit_price\":8}]";
    kit_insert(k, &k->owner, "bread_types", json);
    kit_assert_error(k, 0, NULL);
    kit_insert(k, &k->owner, "bread_types", json);
    kit_assert_error(k, 409, "23505");
}

static void counts_are_for_reading_only(void **state)
{
    struct kit *k = *state;
    struct query *q = kit_query(k, VERB_INSERT, "bread_types");
    kit_set(k, q, "[{\"name\":\"Rye\",\"unit_price\":8}]");
    kit_add_count(k, &q->select);
    kit_run(k, &k->owner, q);
    kit_assert_error(k, 400, "PGRST123");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KIT_TEST(a_sale_takes_price_shift_author_and_id_by_itself),
        KIT_TEST(the_answer_of_an_insert_is_the_captured_row_byte_for_byte),
        KIT_TEST(a_price_change_does_not_touch_old_sales),
        KIT_TEST(rows_of_one_insert_may_lack_different_columns),
        KIT_TEST(an_insert_of_no_rows_answers_an_empty_array),
        KIT_TEST(anon_is_not_permitted_and_gets_401),
        KIT_TEST(a_rep_may_not_add_breads),
        KIT_TEST(nobody_sells_as_somebody_else),
        KIT_TEST(derived_tables_are_written_by_nobody),
        KIT_TEST(the_server_sets_its_columns_itself),
        KIT_TEST(generated_columns_cannot_be_given),
        KIT_TEST(an_update_stamps_the_row_and_leaves_an_audit_trail),
        KIT_TEST(an_update_of_a_hidden_row_changes_nothing),
        KIT_TEST(an_update_with_nothing_to_set_touches_no_row),
        KIT_TEST(an_update_may_not_give_a_row_away),
        KIT_TEST(people_change_their_own_name_but_not_their_role),
        KIT_TEST(an_update_answers_in_the_order_asked),
        KIT_TEST(a_delete_answers_the_rows_it_removed),
        KIT_TEST(an_author_removes_only_within_the_shift),
        KIT_TEST(one_object_wanted_and_none_found_undoes_the_request),
        KIT_TEST(more_rows_than_max_affected_undo_the_request),
        KIT_TEST(an_upsert_merges_into_the_row_that_is_there),
        KIT_TEST(an_upsert_that_ignores_leaves_the_row_and_does_not_answer_it),
        KIT_TEST(an_upsert_wants_a_unique_constraint),
        KIT_TEST(an_upsert_of_somebody_elses_row_is_refused),
        KIT_TEST(an_answer_that_the_person_may_not_see_is_refused),
        KIT_TEST(a_row_may_bring_its_own_id_but_once),
        KIT_TEST(counts_are_for_reading_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
