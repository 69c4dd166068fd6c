#include "change/catalogue.h"

#include "check.h"

static struct column columns[] = {
    {.name = BYTES_INIT("id"), .type = TYPE_UUID},
    {.name = BYTES_INIT("secret"), .type = TYPE_TEXT, .is_private = true},
    {.name = BYTES_INIT("unit \"price\""), .type = TYPE_NUMERIC, .scale = 2},
};
static struct table tables[] = {
    {.name = BYTES_INIT("users")},
    {.name = BYTES_INIT("bread_types"), .columns = columns, .column_count = CHECK_COUNT(columns)},
};

static struct catalogue *make_catalogue(void)
{
    struct catalogue *c;
    assert_int_equal(catalogue_new(&c), OK);
    c->tables = tables;
    c->table_count = CHECK_COUNT(tables);
    return c;
}

static void tables_and_columns_are_found_by_exact_name(void **state)
{
    (void)state;
    struct catalogue *c = make_catalogue();
    const struct table *t = catalogue_table(c, BYTES("bread_types"));
    assert_ptr_equal(t, &tables[1]);
    assert_null(catalogue_table(c, BYTES("Bread_types")));
    assert_null(catalogue_table(c, BYTES("bread_type")));
    assert_null(catalogue_table(c, BYTES("")));
    assert_ptr_equal(table_column(t, BYTES("id")), &columns[0]);
    assert_null(table_column(t, BYTES("ID")));
    assert_null(table_column(t, BYTES("i")));
    catalogue_free(c);
}

static void columns_json_leaves_private_columns_out(void **state)
{
    (void)state;
    struct catalogue *c = make_catalogue();
    assert_int_equal(table_make_columns_json(c, &tables[1]), OK);
    check_text(tables[1].columns_json, "[{\"name\":\"id\",\"type\":\"uuid\"},"
                                       "{\"name\":\"unit \\\"price\\\"\",\"type\":\"numeric\"}]");
    assert_int_equal(table_make_columns_json(c, &tables[0]), OK);
    check_text(tables[0].columns_json, "[]");
    catalogue_free(c);
}

static void columns_json_without_memory_changes_nothing(void **state)
{
    (void)state;
    for (uint64_t n = 1;; n++) {
        struct catalogue *c = make_catalogue();
        tables[1].columns_json = BYTES("before");
        mem_fail_at(n);
        enum err e = table_make_columns_json(c, &tables[1]);
        bool has_failed = mem_fail_hit();
        mem_fail_at(0);
        catalogue_free(c);
        if (!has_failed) {
            assert_int_equal(e, OK);
            assert_true(n > 1);
            return;
        }
        assert_int_equal(e, ERR_NOMEM);
        check_text(tables[1].columns_json, "before");
    }
}

static void a_catalogue_needs_memory_and_null_may_be_freed(void **state)
{
    (void)state;
    struct catalogue *c = NULL;
    mem_fail_at(1);
    assert_int_equal(catalogue_new(&c), ERR_NOMEM);
    mem_fail_at(0);
    assert_null(c);
    catalogue_free(NULL);
}

static void declared_types_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *declared;
        enum column_type type;
        uint8_t precision, scale;
    } cases[] = {
        {"uuid", TYPE_UUID, 0, 0},
        {"text", TYPE_TEXT, 0, 0},
        {"int4", TYPE_INT4, 0, 0},
        {"int8", TYPE_INT8, 0, 0},
        {"bool", TYPE_BOOL, 0, 0},
        {"timestamptz", TYPE_TIMESTAMPTZ, 0, 0},
        {"date", TYPE_DATE, 0, 0},
        {"jsonb", TYPE_JSONB, 0, 0},
        {"numeric(12,2)", TYPE_NUMERIC, 12, 2},
        {" NUMERIC ( 18 , 18 ) ", TYPE_NUMERIC, 18, 18},
        {"numeric(5)", TYPE_NUMERIC, 5, 0},
    };
    for (size_t i = 0; i < CHECK_COUNT(cases); i++) {
        struct bytes declared = bytes_of(cases[i].declared);
        enum column_type type;
        uint8_t scale;
        assert_int_equal(column_type_parse(declared, &type, &scale), OK);
        assert_int_equal(type, cases[i].type);
        assert_int_equal(scale, cases[i].scale);
        assert_int_equal(column_precision_parse(declared), cases[i].precision);
    }
}

static void unknown_types_are_refused(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",           "int",           "uuid4",          "text(10)",       "numeric",
        "numeric()",  "numeric(19,2)", "numeric(2,3)",   "numeric(0)",     "numeric(-1,0)",
        "numeric(12", "numeric(12,)",  "numeric(1,2,3)", "numeric(12,2)x",
    };
    for (size_t i = 0; i < CHECK_COUNT(cases); i++) {
        enum column_type type = TYPE_JSONB;
        uint8_t scale = 77;
        assert_int_equal(column_type_parse(bytes_of(cases[i]), &type, &scale), ERR_NOT_FOUND);
        assert_int_equal(type, TYPE_JSONB);
        assert_int_equal(scale, 77);
        assert_int_equal(column_precision_parse(bytes_of(cases[i])), 0);
    }
}

static void type_names_are_read_back(void **state)
{
    (void)state;
    for (int i = TYPE_UUID; i <= TYPE_JSONB; i++) {
        enum column_type type;
        uint8_t scale;
        if (i == TYPE_NUMERIC)
            continue;
        assert_int_equal(column_type_parse(column_type_name((enum column_type)i), &type, &scale),
                         OK);
        assert_int_equal(type, i);
    }
    check_text(column_type_name(TYPE_NUMERIC), "numeric");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_and_columns_are_found_by_exact_name),
        cmocka_unit_test(columns_json_leaves_private_columns_out),
        cmocka_unit_test(columns_json_without_memory_changes_nothing),
        cmocka_unit_test(a_catalogue_needs_memory_and_null_may_be_freed),
        cmocka_unit_test(declared_types_are_read),
        cmocka_unit_test(unknown_types_are_refused),
        cmocka_unit_test(type_names_are_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
