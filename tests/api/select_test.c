#include "api/select.h"

#include "kitchen.h"

struct refusal {
    const char *table, *text;
    int status;
    const char *code;
};

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

/* In a block of its own size, so that a read past the end is seen. */
static enum err parse(const char *table, const char *text, struct query_select *out)
{
    struct bytes boxed = check_boxed(bytes_of(text));
    kitchen_reset(&k);
    struct bytes copy = arena_copy(&k.arena, boxed);
    check_unbox(boxed);
    return select_parse(&k.p, kitchen_table(table), copy, out);
}

static struct query_select parse_ok(const char *table, const char *text)
{
    struct query_select s;
    enum err e = parse(table, text, &s);
    if (e)
        print_error("%s: %.*s\n", text, (int)k.p.fault.message.size, k.p.fault.message.data);
    assert_int_equal(e, OK);
    return s;
}

static void check_column(const struct query_item *item, const char *name, const char *column)
{
    check_text(item->name, name);
    assert_non_null(item->column);
    check_text(item->column->name, column);
    assert_null(item->embed);
    assert_false(item->is_count);
}

static void check_embed(const struct query_item *item, const char *name, const char *key)
{
    check_text(item->name, name);
    assert_non_null(item->embed);
    check_text(item->key->name, key);
    assert_null(item->column);
}

static void star_is_all_shown_columns(void **state)
{
    (void)state;
    struct query_select s = parse_ok("users", "*");
    assert_int_equal(s.item_count, 3);
    check_column(&s.items[0], "id", "id");
    check_column(&s.items[2], "is_active", "is_active");
    assert_int_equal(parse_ok("users", "").item_count, 3);
}

static void columns_may_have_aliases(void **state)
{
    (void)state;
    struct query_select s = parse_ok("users", "id,label:name,\"is_active\"");
    assert_int_equal(s.item_count, 3);
    check_column(&s.items[0], "id", "id");
    check_column(&s.items[1], "label", "name");
    check_column(&s.items[2], "is_active", "is_active");
}

static void table_names_embed(void **state)
{
    (void)state;
    struct query_select s = parse_ok("sales_logs", "id,bread_types(id,name,unit_price)");
    assert_int_equal(s.item_count, 2);
    check_embed(&s.items[1], "bread_types", "sales_logs_bread_type_id_fkey");
    assert_false(s.items[1].is_to_many);
    assert_false(s.items[1].is_inner);
    assert_ptr_equal(s.items[1].embed->table, kitchen_table("bread_types"));
    assert_int_equal(s.items[1].embed->item_count, 3);
    check_column(&s.items[1].embed->items[1], "name", "name");
}

static void alias_hint_and_inner_are_taken_in_any_order(void **state)
{
    static const char *const texts[] = {
        "who:users!sales_logs_recorded_by_fkey(name)",
        "who:users!recorded_by(name)",
        "who:users!recorded_by!inner(name)",
        "who:users!inner!recorded_by(name)",
        "who:recorded_by(name)",
        "who:sales_logs_recorded_by_fkey(name)",
        "who:users!left!recorded_by(name)",
    };
    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(texts); i++) {
        struct query_select s = parse_ok("sales_logs", texts[i]);
        assert_int_equal(s.item_count, 1);
        check_embed(&s.items[0], "who", "sales_logs_recorded_by_fkey");
        assert_int_equal(s.items[0].is_inner, strstr(texts[i], "!inner") != NULL);
        assert_ptr_equal(s.items[0].embed->table, kitchen_table("users"));
    }
}

static void keys_that_point_here_give_arrays(void **state)
{
    (void)state;
    struct query_select s = parse_ok("bread_types", "name,sales_logs(*),stock(remaining)");
    check_embed(&s.items[1], "sales_logs", "sales_logs_bread_type_id_fkey");
    assert_true(s.items[1].is_to_many);
    assert_int_equal(s.items[1].embed->item_count, 11);
    check_embed(&s.items[2], "stock", "stock_bread_type_id_fkey");
    assert_ptr_equal(s.items[2].embed->table, kitchen_table("stock"));
}

static void count_stands_alone(void **state)
{
    (void)state;
    struct query_select s = parse_ok("users", "count");
    assert_int_equal(s.item_count, 1);
    assert_true(s.items[0].is_count);
    check_text(s.items[0].name, "count");
    s = parse_ok("users", "n:count()");
    assert_true(s.items[0].is_count);
    check_text(s.items[0].name, "n");
}

static void column_called_count_is_a_column(void **state)
{
    (void)state;
    struct query_select s = parse_ok("bread_types", "count,name");
    check_column(&s.items[0], "count", "count");
}

static void what_cannot_be_done_is_refused(void **state)
{
    static const struct refusal refusals[] = {
        {"users", "nothing", 400, "42703"},
        {"users", "secret", 400, "42703"},
        {"users", "id,", 400, "PGRST100"},
        {"users", ",id", 400, "PGRST100"},
        {"users", "id)", 400, "PGRST100"},
        {"users", "a:b:c", 400, "PGRST100"},
        {"users", "\"id", 400, "PGRST100"},
        {"users", "id::text", 400, "PGRST100"},
        {"users", "x:id::text", 400, "PGRST100"},
        {"users", "id->a", 400, "PGRST100"},
        {"users", "id.sum()", 400, "PGRST123"},
        {"users", "id!inner", 400, "PGRST100"},
        {"users", "count,id", 400, "42803"},
        {"sales_logs", "...bread_types(name)", 400, "PGRST100"},
        {"sales_logs", "bread_types(name", 400, "PGRST100"},
        {"sales_logs", "bread_types()", 400, "PGRST100"},
        {"sales_logs", "bread_types(name))", 400, "PGRST100"},
        {"sales_logs", "bread_types(nothing)", 400, "42703"},
        {"sales_logs", "bread_types(count())", 400, "PGRST123"},
        {"sales_logs", "bread_types(users(name))", 400, "PGRST100"},
        {"sales_logs", "bread_types!a!b(name)", 400, "PGRST100"},
        {"sales_logs", "stock(remaining)", 400, "PGRST200"},
        {"sales_logs", "nothing(id)", 400, "PGRST200"},
        {"sales_logs", "users!nothing(id)", 400, "PGRST200"},
        {"sales_logs", "users(name)", 300, "PGRST201"},
        {"users", "sales_logs(id)", 300, "PGRST201"},
    };
    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(refusals); i++) {
        struct query_select s;
        enum err e = parse(refusals[i].table, refusals[i].text, &s);
        if (e != ERR_SYNTAX)
            print_error("%s\n", refusals[i].text);
        assert_int_equal(e, ERR_SYNTAX);
        kitchen_check_fault(&k, refusals[i].status, refusals[i].code);
    }
}

static void list_is_bounded(void **state)
{
    char text[3 * SELECT_ITEMS_MAX + 3] = "id";
    struct query_select s;
    (void)state;
    for (int i = 1; i < SELECT_ITEMS_MAX; i++)
        strcat(text, ",id");
    assert_int_equal(parse("users", text, &s), OK);
    strcat(text, ",id");
    assert_int_equal(parse("users", text, &s), ERR_SYNTAX);
    kitchen_check_fault(&k, 400, "PGRST100");
}

/* Every beginning of a good text is good, or refused; none is read past its end. */
static void every_beginning_is_answered(void **state)
{
    static const char text[] =
        "id,label:name,who:users!recorded_by!inner(name,\"id\"),bread_types(*),count()";
    (void)state;
    for (size_t size = 0; size < sizeof(text); size++) {
        char piece[sizeof(text)] = {0};
        struct query_select s;
        memcpy(piece, text, size);
        enum err e = parse("sales_logs", piece, &s);
        assert_true(e == OK || (e == ERR_SYNTAX && k.p.fault.status));
    }
}

static void memory_may_fail_anywhere(void **state)
{
    (void)state;
    for (uint64_t n = 1;; n++) {
        struct query_select s;
        kitchen_reset(&k);
        mem_fail_at(n);
        enum err e = select_parse(&k.p, kitchen_table("sales_logs"), BYTES("*,users(name)"), &s);
        bool hit = mem_fail_hit();
        mem_fail_at(0);
        assert_int_equal(e, hit ? ERR_NOMEM : ERR_SYNTAX);
        if (!hit)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(star_is_all_shown_columns),
        cmocka_unit_test(columns_may_have_aliases),
        cmocka_unit_test(table_names_embed),
        cmocka_unit_test(alias_hint_and_inner_are_taken_in_any_order),
        cmocka_unit_test(keys_that_point_here_give_arrays),
        cmocka_unit_test(count_stands_alone),
        cmocka_unit_test(column_called_count_is_a_column),
        cmocka_unit_test(what_cannot_be_done_is_refused),
        cmocka_unit_test(list_is_bounded),
        cmocka_unit_test(every_beginning_is_answered),
        cmocka_unit_test(memory_may_fail_anywhere),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
