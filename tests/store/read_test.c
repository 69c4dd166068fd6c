/* Reading requests: filters, order, pages, counts, embeds, policies, limits. */
#include "kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "store/sqlite.h"

/* Three breads a, b, c of 1.00, 2.50, 10.00, size: null, "big", "big"; two sales of b, one of c. */
static void fill(struct kit *k)
{
    char json[512];
    kit_insert(
        k, &k->owner, "bread_types",
        "[{\"name\":\"aa\",\"unit_price\":1},{\"name\":\"bb\",\"unit_price\":2.5,\"size\":\"big\"},"
        "{\"name\":\"cc\",\"unit_price\":10,\"size\":\"big\",\"is_active\":false}]");
    kit_assert_error(k, 0, NULL);
    static const char *const sold[] = {"bb", "bb", "cc"};
    for (int i = 0; i < 3; i++) {
        kit_select(k, &k->owner, "bread_types", "id", "name", sold[i]);
        snprintf(json, sizeof(json), "[{\"bread_type_id\":%s,\"quantity\":%d}]",
                 kit_member(k, "id"), i + 1);
        kit_insert(k, i ? &k->manager : &k->rep, "sales_logs", json);
        kit_assert_error(k, 0, NULL);
    }
}

static struct query *breads(struct kit *k)
{
    struct query *q = kit_query(k, VERB_SELECT, "bread_types");
    kit_want(k, q, "name");
    kit_order(k, q, "name", false);
    return q;
}

/* The names that a filter leaves, without JSON around them. */
static const char *left_by(struct kit *k, const char *column, enum query_op op, const char *value,
                           bool is_negated)
{
    static char names[64];
    struct query *q = breads(k);
    kit_where(k, q, column, op, value)->is_negated = is_negated;
    kit_run(k, &k->rep, q);
    kit_assert_error(k, 0, NULL);
    struct bytes body = buf_bytes(&k->reply.body);
    size_t n = 0;
    for (size_t i = 0; i + 4 < body.size; i++)
        if (memcmp(body.data + i, "\":\"", 3) == 0)
            names[n++] = body.data[i + 3];
    names[n] = '\0';
    return names;
}

static void filters_compare(void **state)
{
    struct kit *k = *state;
    fill(k);
    assert_string_equal(left_by(k, "name", OP_EQ, "bb", false), "b");
    assert_string_equal(left_by(k, "name", OP_NEQ, "bb", false), "ac");
    assert_string_equal(left_by(k, "unit_price", OP_GT, "2.5", false), "c");
    assert_string_equal(left_by(k, "unit_price", OP_GTE, "2.5", false), "bc");
    assert_string_equal(left_by(k, "unit_price", OP_LT, "2.50", false), "a");
    assert_string_equal(left_by(k, "unit_price", OP_LTE, "2.5", false), "ab");
    assert_string_equal(left_by(k, "unit_price", OP_LTE, "2.5", true), "c");
    assert_string_equal(left_by(k, "name", OP_EQ, "b' OR '1'='1", false), "");
}

static void filters_with_a_value_finer_than_the_type_lie_between(void **state)
{
    struct kit *k = *state;
    fill(k);
    assert_string_equal(left_by(k, "unit_price", OP_EQ, "2.505", false), "");
    assert_string_equal(left_by(k, "unit_price", OP_EQ, "2.505", true), "abc");
    assert_string_equal(left_by(k, "unit_price", OP_NEQ, "2.505", false), "abc");
    assert_string_equal(left_by(k, "unit_price", OP_GT, "2.495", false), "bc");
    assert_string_equal(left_by(k, "unit_price", OP_GTE, "2.505", false), "c");
    assert_string_equal(left_by(k, "unit_price", OP_LT, "2.505", false), "ab");
    assert_string_equal(left_by(k, "unit_price", OP_LTE, "2.495", false), "a");
    assert_string_equal(left_by(k, "unit_price", OP_IN, "2.505,10", false), "c");
}

static void filters_in_and_is_know_null(void **state)
{
    struct kit *k = *state;
    fill(k);
    assert_string_equal(left_by(k, "name", OP_IN, "aa,cc,zz", false), "ac");
    assert_string_equal(left_by(k, "name", OP_IN, "aa,cc,zz", true), "b");
    assert_string_equal(left_by(k, "name", OP_IN, "", false), "");
    assert_string_equal(left_by(k, "size", OP_IN, "", true), "abc");
    assert_string_equal(left_by(k, "size", OP_IS, "null", false), "a");
    assert_string_equal(left_by(k, "size", OP_IS, "null", true), "bc");
    assert_string_equal(left_by(k, "size", OP_NEQ, "small", false), "bc"); /* null is neither */
    assert_string_equal(left_by(k, "is_active", OP_IS, "true", false), "ab");
    assert_string_equal(left_by(k, "is_active", OP_IS, "false", false), "c");
    assert_string_equal(left_by(k, "is_active", OP_EQ, "false", false), "c");
}

static void filters_by_pattern_and_distinctness(void **state)
{
    struct kit *k = *state;
    fill(k);
    assert_string_equal(left_by(k, "name", OP_LIKE, "b%", false), "b");
    assert_string_equal(left_by(k, "name", OP_LIKE, "B%", true), "abc");
    assert_string_equal(left_by(k, "name", OP_ILIKE, "_B", false), "b");
    assert_string_equal(left_by(k, "name", OP_MATCH, "^(a|c)", false), "ac");
    assert_string_equal(left_by(k, "name", OP_MATCH, "A", false), "");
    assert_string_equal(left_by(k, "name", OP_IMATCH, "A", true), "bc");
    assert_string_equal(left_by(k, "size", OP_LIKE, "%", false), "bc"); /* null is neither */
    assert_string_equal(left_by(k, "size", OP_MATCH, "x", true), "bc");
    assert_string_equal(left_by(k, "size", OP_ISDISTINCT, "small", false), "abc");
    assert_string_equal(left_by(k, "name", OP_ISDISTINCT, "bb", false), "ac");
    assert_string_equal(left_by(k, "name", OP_ISDISTINCT, "bb", true), "b");
    assert_string_equal(left_by(k, "unit_price", OP_ISDISTINCT, "2.505", false), "abc");
}

static void expression_too_complex_for_a_text_is_an_error(void **state)
{
    struct kit *k = *state;
    char note[501] = "", json[600];
    memset(note, 'a', sizeof(note) - 1);
    snprintf(json, sizeof(json), "[{\"note\":\"%s\"}]", note);
    kit_insert(k, &k->rep, "shift_feedback", json);
    kit_assert_error(k, 0, NULL);
    struct query *q = kit_query(k, VERB_SELECT, "shift_feedback");
    kit_want(k, q, "id");
    kit_where(k, q, "note", OP_MATCH, "(a{1,90}b?){1,90}z?$");
    kit_run(k, &k->rep, q);
    kit_assert_error(k, 500, "54001");
}

static void nulls_come_where_they_are_wanted(void **state)
{
    struct kit *k = *state;
    fill(k);
    struct query *q = kit_query(k, VERB_SELECT, "bread_types");
    kit_want(k, q, "name");
    kit_order(k, q, "size", false); /* ascending, nulls last */
    kit_order(k, q, "name", true);
    kit_run(k, &k->rep, q);
    kit_assert_body(k, "[{\"name\":\"cc\"},{\"name\":\"bb\"},{\"name\":\"aa\"}]");
    q->orders[0].nulls_first = true;
    kit_run(k, &k->rep, q);
    kit_assert_body(k, "[{\"name\":\"aa\"},{\"name\":\"cc\"},{\"name\":\"bb\"}]");
}

static void pages_and_counts(void **state)
{
    struct kit *k = *state;
    fill(k);
    struct query *q = breads(k);
    q->limit = 1;
    q->offset = 1;
    q->wants_count = true;
    kit_run(k, &k->rep, q);
    kit_assert_body(k, "[{\"name\":\"bb\"}]");
    assert_int_equal(k->reply.total_count, 3);
    assert_int_equal(k->reply.row_count, 1);
    q->is_head = true;
    kit_run(k, &k->rep, q);
    assert_int_equal(k->reply.body.size, 0);
    assert_int_equal(k->reply.row_count, 1);
    assert_int_equal(k->reply.total_count, 3);
    q->is_head = false;
    q->offset = 3;
    kit_run(k, &k->rep, q);
    kit_assert_body(k, "[]");
}

static void an_offset_beyond_the_total_is_not_satisfiable(void **state)
{
    struct kit *k = *state;
    fill(k);
    struct query *q = breads(k);
    q->offset = 4;
    kit_run(k, &k->rep, q);
    kit_assert_body(k, "[]"); /* nobody counted */
    q->wants_count = true;
    kit_run(k, &k->rep, q);
    kit_assert_error(k, 416, "PGRST103");
    kit_assert_message(k, "Requested range not satisfiable");
    kit_assert_details(k, "An offset of 4 was requested, but there are only 3 rows.");
}

static void huge_limits_and_offsets_are_harmless(void **state)
{
    struct kit *k = *state;
    fill(k);
    struct query *q = breads(k);
    q->limit = UINT64_MAX - 1;
    q->offset = UINT64_MAX;
    kit_run(k, &k->rep, q);
    kit_assert_body(k, "[]");
}

static void one_object_is_wanted(void **state)
{
    struct kit *k = *state;
    fill(k);
    struct query *q = breads(k);
    q->is_single = true;
    kit_run(k, &k->rep, q);
    kit_assert_error(k, 406, "PGRST116");
    kit_assert_details(k, "The result contains 3 rows");
    assert_int_equal(k->reply.body.size, 0);
    kit_where(k, q, "name", OP_EQ, "aa");
    kit_run(k, &k->rep, q);
    kit_assert_body(k, "{\"name\":\"aa\"}");
    kit_where(k, q, "name", OP_EQ, "bb");
    kit_run(k, &k->rep, q);
    kit_assert_details(k, "The result contains 0 rows");
}

static void count_is_a_column(void **state)
{
    struct kit *k = *state;
    fill(k);
    struct query *q = kit_query(k, VERB_SELECT, "sales_logs");
    kit_add_count(k, &q->select);
    kit_order(k, q, "quantity", false);
    kit_run(k, &k->rep, q);
    kit_assert_body(k, "[{\"count\":3}]");
    kit_want(k, q, "quantity");
    kit_run(k, &k->rep, q);
    kit_assert_error(k, 400, "PGRST123");
}

static void a_row_embeds_the_row_it_refers_to(void **state)
{
    struct kit *k = *state;
    fill(k);
    struct query *q = kit_query(k, VERB_SELECT, "sales_logs");
    kit_want(k, q, "quantity");
    struct query_select *bread =
        kit_embed(k, &q->select, "it's \"bread\"", "sales_logs_bread_type_id_fkey", false, false);
    kit_add_column(k, bread, "name");
    kit_add_column(k, bread, "unit_price");
    kit_order(k, q, "quantity", true);
    q->limit = 1;
    kit_run(k, &k->rep, q);
    kit_assert_body(
        k, "[{\"quantity\":3,\"it's \\\"bread\\\"\":{\"name\":\"cc\",\"unit_price\":10.00}}]");
}

static void a_row_embeds_those_that_refer_to_it(void **state)
{
    struct kit *k = *state;
    fill(k);
    struct query *q = breads(k);
    struct query_select *sales =
        kit_embed(k, &q->select, "sales", "sales_logs_bread_type_id_fkey", true, false);
    kit_add_column(k, sales, "quantity");
    struct query_select *by =
        kit_embed(k, sales, "by", "sales_logs_recorded_by_fkey", false, false);
    kit_add_column(k, by, "name");
    kit_run(k, &k->owner, q);
    kit_assert_body(k,
                    "[{\"name\":\"aa\",\"sales\":[]},"
                    "{\"name\":\"bb\",\"sales\":[{\"quantity\":1,\"by\":{\"name\":\"rita\"}},"
                    "{\"quantity\":2,\"by\":{\"name\":\"mary\"}}]},"
                    "{\"name\":\"cc\",\"sales\":[{\"quantity\":3,\"by\":{\"name\":\"mary\"}}]}]");
}

static void embedded_rows_obey_their_own_policy(void **state)
{
    struct kit *k = *state;
    fill(k);
    struct query *q = kit_query(k, VERB_SELECT, "sales_logs");
    kit_want(k, q, "quantity");
    struct query_select *by =
        kit_embed(k, &q->select, "by", "sales_logs_recorded_by_fkey", false, false);
    kit_add_column(k, by, "name");
    kit_order(k, q, "quantity", false);
    q->limit = 2;
    kit_run(k, &k->rep, q); /* sees only her own profile */
    kit_assert_body(k,
                    "[{\"quantity\":1,\"by\":{\"name\":\"rita\"}},{\"quantity\":2,\"by\":null}]");
    q->select.items[1].is_inner = true;
    q->wants_count = true;
    kit_run(k, &k->rep, q);
    kit_assert_body(k, "[{\"quantity\":1,\"by\":{\"name\":\"rita\"}}]");
    assert_int_equal(k->reply.total_count, 1);
}

static void an_embed_of_a_table_without_any_policy_is_denied(void **state)
{
    struct kit *k = *state;
    fill(k);
    struct query *q = breads(k);
    struct query_select *totals =
        kit_embed(k, &q->select, "totals", "shift_totals_bread_type_id_fkey", true, false);
    kit_add_column(k, totals, "sold");
    kit_run(k, &k->rep, q);
    kit_assert_error(k, 403, "42501");
    kit_assert_message(k, "permission denied for table shift_totals");
    kit_run(k, &k->manager, q);
    kit_assert_error(k, 0, NULL);
}

static void an_embed_may_be_a_count_and_inner(void **state)
{
    struct kit *k = *state;
    fill(k);
    struct query *q = breads(k);
    kit_add_count(k,
                  kit_embed(k, &q->select, "sales", "sales_logs_bread_type_id_fkey", true, true));
    kit_run(k, &k->rep, q);
    kit_assert_body(k, "[{\"name\":\"bb\",\"sales\":[{\"count\":2}]},"
                       "{\"name\":\"cc\",\"sales\":[{\"count\":1}]}]");
}

static void the_matrix_says_who_sees_what(void **state)
{
    struct kit *k = *state;
    fill(k);
    const struct identity *all[] = {&k->owner, &k->manager, &k->rep, &k->service};
    static const struct {
        const char *table;
        int rows[4]; /* -1: denied */
    } matrix[] = {
        {"bread_types", {3, 3, 3, 3}},    {"sales_logs", {3, 3, 3, 3}},
        {"users", {4, 3, 1, 4}},          {"stock", {3, 3, 3, 3}},
        {"shift_totals", {2, 2, -1, 2}},  {"audit_trail", {0, -1, -1, 0}},
        {"shift_feedback", {0, 0, 0, 0}}, {"production_logs", {0, 0, 0, 0}},
    };
    for (size_t t = 0; t < sizeof(matrix) / sizeof(matrix[0]); t++) {
        for (int i = 0; i < 4; i++) {
            kit_select(k, all[i], matrix[t].table, "*", NULL, NULL);
            if (matrix[t].rows[i] < 0)
                kit_assert_error(k, 403, "42501");
            else
                assert_int_equal(k->reply.row_count, matrix[t].rows[i]);
        }
        kit_select(k, &k->anon, matrix[t].table, "*", NULL, NULL);
        kit_assert_error(k, 401, "42501");
    }
}

static void a_disabled_person_reads_and_writes_nothing(void **state)
{
    struct kit *k = *state;
    kit_bread(k, "Agege");
    assert_int_equal(store_person_set_active(k->writer, BYTES("RITA@example.org"), false), OK);
    kit_select(k, &k->rep, "bread_types", "*", NULL, NULL);
    kit_assert_error(k, 401, "PGRST301");
    kit_assert_message(k, "This account is disabled or its role has changed");
    kit_sale(k, &k->rep, 1);
    kit_assert_error(k, 401, "PGRST301");
    kit_update(k, &k->owner, "users", k->other_rep.user_id, "[{\"role\":\"manager\"}]");
    kit_select(k, &k->other_rep, "bread_types", "*", NULL, NULL);
    kit_assert_error(k, 401, "PGRST301");
}

static void an_answer_over_the_limit_is_413(void **state)
{
    struct kit *k = *state;
    fill(k);
    struct store_reply small;
    store_reply_init(&small, 20);
    struct store_request r = kit_request(k, &k->rep, breads(k));
    assert_int_equal(store_read(k->reader, &r, &small), OK);
    assert_int_equal(small.error.status, 413);
    assert_string_equal(small.error.code, "53400");
    assert_int_equal(small.body.size, 0);
    store_reply_done(&small);
}

static void writing_is_refused_on_a_reader(void **state)
{
    struct kit *k = *state;
    struct query *q = kit_query(k, VERB_DELETE, "sales_logs");
    struct store_request r = kit_request(k, &k->owner, q);
    assert_int_equal(store_read(k->reader, &r, &k->reply), OK);
    kit_assert_error(k, 405, "25006");
}

static void every_failing_allocation_of_a_read_is_survived(void **state)
{
    struct kit *k = *state;
    fill(k);
    struct query *q = kit_query(k, VERB_SELECT, "sales_logs");
    kit_want_all(k, q);
    kit_add_column(k,
                   kit_embed(k, &q->select, "bread", "sales_logs_bread_type_id_fkey", false, false),
                   "name");
    kit_order(k, q, "quantity", false);
    bool is_done = false;
    for (uint64_t n = 1; !is_done; n++) {
        struct store_reply reply;
        struct store_request r = kit_request(k, &k->rep, q);
        store_reply_init(&reply, 1 << 20);
        mem_fail_at(n);
        enum err e = store_read(k->reader, &r, &reply);
        is_done = !mem_fail_hit();
        mem_fail_at(0);
        assert_true(sqlite3_get_autocommit(k->reader->db)); /* no old snapshot is held */
        if (e)
            assert_int_equal(reply.error.status, 503);
        else if (reply.error.status == 0)
            assert_int_equal(reply.row_count, 3);
        store_reply_done(&reply);
        assert_true(n < 2000);
    }
    kit_select(k, &k->rep, "sales_logs", "quantity", NULL, NULL);
    assert_int_equal(k->reply.row_count, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KIT_TEST(filters_compare),
        KIT_TEST(filters_with_a_value_finer_than_the_type_lie_between),
        KIT_TEST(filters_in_and_is_know_null),
        KIT_TEST(filters_by_pattern_and_distinctness),
        KIT_TEST(expression_too_complex_for_a_text_is_an_error),
        KIT_TEST(nulls_come_where_they_are_wanted),
        KIT_TEST(pages_and_counts),
        KIT_TEST(an_offset_beyond_the_total_is_not_satisfiable),
        KIT_TEST(huge_limits_and_offsets_are_harmless),
        KIT_TEST(one_object_is_wanted),
        KIT_TEST(count_is_a_column),
        KIT_TEST(a_row_embeds_the_row_it_refers_to),
        KIT_TEST(a_row_embeds_those_that_refer_to_it),
        KIT_TEST(embedded_rows_obey_their_own_policy),
        KIT_TEST(an_embed_of_a_table_without_any_policy_is_denied),
        KIT_TEST(an_embed_may_be_a_count_and_inner),
        KIT_TEST(the_matrix_says_who_sees_what),
        KIT_TEST(a_disabled_person_reads_and_writes_nothing),
        KIT_TEST(an_answer_over_the_limit_is_413),
        KIT_TEST_FOLDER(writing_is_refused_on_a_reader),
        KIT_TEST_FOLDER(every_failing_allocation_of_a_read_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
