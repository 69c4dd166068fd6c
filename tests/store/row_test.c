/* Shapes of rows, and their form in SQL text. */
#include "kit.h"

#include <string.h>

#include "store/row.h"

static struct row_shape shape_of(struct kit *k, const char *spec, enum err expected)
{
    struct row_shape shape = {0};
    assert_int_equal(
        row_shape_of_spec(bytes_of(spec), store_catalogue(k->store), &k->arena, &shape), expected);
    return shape;
}

static void a_select_list_survives_its_form_in_sql(void **state)
{
    struct kit *k = *state;
    struct query *q = kit_query(k, VERB_SELECT, "sales_logs");
    struct buf spec;
    buf_init(&spec, 4096);
    kit_want_all(k, q);
    kit_add_column(k,
                   kit_embed(k, &q->select, "a \"b\" \\ 'c'\n,1.2", "sales_logs_bread_type_id_fkey",
                             false, false),
                   "name");
    row_put_spec(&spec, &q->select);
    struct row_shape there = {0}, back = {0};
    assert_int_equal(row_shape_of_select(&q->select, &k->arena, &there), OK);
    assert_int_equal(
        row_shape_of_spec(buf_bytes(&spec), store_catalogue(k->store), &k->arena, &back), OK);
    assert_int_equal(back.count, q->select.item_count);
    for (size_t i = 0; i < back.count; i++) {
        assert_true(bytes_equal(back.fields[i].key, there.fields[i].key));
        assert_true(back.fields[i].column == there.fields[i].column);
    }
    assert_true(bytes_equal(back.fields[0].key, BYTES("{\"id\":")));
    assert_true(bytes_equal(back.fields[1].key, BYTES(",\"bread_type_id\":")));
    assert_null(back.fields[back.count - 1].column);
    buf_done(&spec);
}

static void every_piece_of_a_description_is_refused_or_complete(void **state)
{
    struct kit *k = *state;
    static const char spec[] = "3.0\"id\"3.1\"x\\\"y\"*\"z\"";
    char part[sizeof(spec)];
    static const size_t whole[] = {0, 7, 16, 20};
    for (size_t n = 0; n < sizeof(spec); n++) {
        bool is_whole = false;
        for (size_t i = 0; i < 4; i++)
            is_whole = is_whole || whole[i] == n;
        memcpy(part, spec, n);
        part[n] = '\0';
        shape_of(k, part, is_whole ? OK : ERR_SYNTAX);
    }
}

static void columns_that_do_not_exist_are_refused(void **state)
{
    struct kit *k = *state;
    shape_of(k, "99.0\"id\"", ERR_SYNTAX);
    shape_of(k, "0.99\"id\"", ERR_SYNTAX);
    shape_of(k, "-1.0\"id\"", ERR_SYNTAX);
    shape_of(k, "18446744073709551616.0\"id\"", ERR_SYNTAX);
    shape_of(k, "x\"id\"", ERR_SYNTAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KIT_TEST(a_select_list_survives_its_form_in_sql),
        KIT_TEST(every_piece_of_a_description_is_refused_or_complete),
        KIT_TEST(columns_that_do_not_exist_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
