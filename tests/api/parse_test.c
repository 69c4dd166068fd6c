#include "api/parse.h"

#include "kitchen.h"

static void names_lose_their_quotes(void **state)
{
    struct bytes rest = BYTES("a, \"b,c\" ,d"), name;
    (void)state;
    assert_true(parse_name_next(&rest, &name));
    check_text(name, "a");
    rest = BYTES("\"b,c\",d");
    assert_true(parse_name_next(&rest, &name));
    check_text(name, "b,c");
    assert_true(parse_name_next(&rest, &name));
    check_text(name, "d");
    assert_false(parse_name_next(&rest, &name));
}

static void comma_at_the_end_gives_an_empty_name(void **state)
{
    struct bytes rest = BYTES("a,"), name;
    (void)state;
    assert_true(parse_name_next(&rest, &name));
    assert_true(parse_name_next(&rest, &name));
    assert_int_equal(name.size, 0);
    assert_false(parse_name_next(&rest, &name));
}

static void open_quote_ends_with_the_text(void **state)
{
    struct bytes rest = BYTES("\"a,b"), name;
    (void)state;
    assert_true(parse_name_next(&rest, &name));
    check_text(name, "\"a,b");
    assert_false(parse_name_next(&rest, &name));
}

static void plain_text_is_not_copied(void **state)
{
    struct kitchen k;
    struct bytes text = BYTES("eq.5"), out;
    (void)state;
    kitchen_init(&k);
    assert_int_equal(parse_decode(&k.p, text, &out), OK);
    assert_ptr_equal(out.data, text.data);
    kitchen_done(&k);
}

static void escapes_are_undone(void **state)
{
    struct kitchen k;
    struct bytes out;
    (void)state;
    kitchen_init(&k);
    assert_int_equal(parse_decode(&k.p, BYTES("a%2Bb+c%C3%A9"), &out), OK);
    check_text(out, "a+b c\xc3\xa9");
    kitchen_done(&k);
}

static void broken_escapes_are_refused(void **state)
{
    static const struct bytes texts[] = {BYTES_INIT("%"), BYTES_INIT("%zz"), BYTES_INIT("%00"),
                                         BYTES_INIT("%ff"), BYTES_INIT("\xff")};
    struct kitchen k;
    struct bytes out;
    (void)state;
    kitchen_init(&k);
    for (size_t i = 0; i < CHECK_COUNT(texts); i++) {
        kitchen_reset(&k);
        assert_int_equal(parse_decode(&k.p, texts[i], &out), ERR_SYNTAX);
        kitchen_check_fault(&k, 400, "PGRST100");
    }
    kitchen_done(&k);
}

static void private_columns_do_not_exist(void **state)
{
    (void)state;
    assert_non_null(parse_column(kitchen_table("users"), BYTES("name")));
    assert_null(parse_column(kitchen_table("users"), BYTES("secret")));
    assert_null(parse_column(kitchen_table("users"), BYTES("other")));
}

static void excerpts_end_between_characters(void **state)
{
    (void)state;
    check_text(parse_excerpt(BYTES("abc"), 3), "abc");
    check_text(parse_excerpt(BYTES("ab\xc3\xa9"), 3), "ab");
    check_text(parse_excerpt(BYTES("ab\xc3\xa9"), 4), "ab\xc3\xa9");
}

static void values_are_refused_in_the_words_of_postgres(void **state)
{
    struct kitchen k;
    (void)state;
    kitchen_init(&k);
    assert_int_equal(
        parse_refuse_value(&k.p, kitchen_column("sales_logs", "id"), BYTES("x"), ERR_TYPE),
        ERR_SYNTAX);
    kitchen_check_fault(&k, 400, "22P02");
    check_text(k.p.fault.message, "invalid input syntax for type uuid: \"x\"");
    assert_int_equal(parse_refuse_value(&k.p, kitchen_column("sales_logs", "quantity"),
                                        BYTES("99999999999"), ERR_RANGE),
                     ERR_SYNTAX);
    kitchen_check_fault(&k, 400, "22003");
    check_text(k.p.fault.message, "value \"99999999999\" is out of range for type integer");
    assert_int_equal(
        parse_refuse_value(&k.p, kitchen_column("sales_logs", "created_at"), BYTES("x"), ERR_TYPE),
        ERR_SYNTAX);
    kitchen_check_fault(&k, 400, "22007");
    assert_int_equal(
        parse_refuse_value(&k.p, kitchen_column("sales_logs", "shift"), BYTES("x"), ERR_SYNTAX),
        ERR_SYNTAX);
    kitchen_check_fault(&k, 400, "22P05");
    kitchen_done(&k);
}

static void no_memory_is_no_refusal(void **state)
{
    struct kitchen k;
    (void)state;
    kitchen_init(&k);
    mem_fail_at(1);
    assert_int_equal(parse_refuse_column(&k.p, kitchen_table("users"), BYTES("x")), ERR_NOMEM);
    mem_fail_at(0);
    assert_int_equal(k.p.fault.status, 0);
    kitchen_done(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_lose_their_quotes),
        cmocka_unit_test(comma_at_the_end_gives_an_empty_name),
        cmocka_unit_test(open_quote_ends_with_the_text),
        cmocka_unit_test(plain_text_is_not_copied),
        cmocka_unit_test(escapes_are_undone),
        cmocka_unit_test(broken_escapes_are_refused),
        cmocka_unit_test(private_columns_do_not_exist),
        cmocka_unit_test(excerpts_end_between_characters),
        cmocka_unit_test(values_are_refused_in_the_words_of_postgres),
        cmocka_unit_test(no_memory_is_no_refusal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
