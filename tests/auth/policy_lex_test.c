#include "auth/policy_lex.h"

#include "check.h"

static struct arena arena;
static struct buf message;

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, 1 << 16);
    buf_init(&message, 1000);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_done(&arena);
    buf_done(&message);
    return 0;
}

static struct lex begin(const char *text)
{
    struct lex l;
    lex_init(&l, BYTES("x.sql"), bytes_of(text), &arena, &message);
    lex_advance(&l);
    return l;
}

static void expect(struct lex *l, enum lexeme_kind kind, const char *text, unsigned line)
{
    check_text(l->now.text, text);
    assert_int_equal(l->now.kind, kind);
    assert_int_equal(l->now.line, line);
    lex_advance(l);
}

static void words_symbols_and_comments_are_told_apart(void **state)
{
    (void)state;
    struct lex l = begin("-- first\nCreate a_1\t\"B \"\"c\"\"\"\r\n<=<>!=>=<>=(--x\n)'it''s'.");
    expect(&l, LEX_WORD, "Create", 2);
    expect(&l, LEX_WORD, "a_1", 2);
    expect(&l, LEX_QUOTED, "\"B \"\"c\"\"\"", 2);
    expect(&l, LEX_SYMBOL, "<=", 3);
    expect(&l, LEX_SYMBOL, "<>", 3);
    expect(&l, LEX_SYMBOL, "!=", 3);
    expect(&l, LEX_SYMBOL, ">=", 3);
    expect(&l, LEX_SYMBOL, "<>", 3);
    expect(&l, LEX_SYMBOL, "=", 3);
    expect(&l, LEX_SYMBOL, "(", 3);
    expect(&l, LEX_SYMBOL, ")", 4);
    expect(&l, LEX_STRING, "'it''s'", 4);
    expect(&l, LEX_SYMBOL, ".", 4);
    expect(&l, LEX_END, "", 4);
    expect(&l, LEX_END, "", 4);
    assert_int_equal(l.err, OK);
}

static void numbers_keep_their_sign_and_exponent(void **state)
{
    (void)state;
    struct lex l = begin("1 -2.5 .5 -.5 1e3 1E-3,1.2.3 7x - 1-1");
    static const char *const numbers[] = {"1", "-2.5", ".5", "-.5", "1e3", "1E-3"};
    for (size_t i = 0; i < CHECK_COUNT(numbers); i++)
        expect(&l, LEX_NUMBER, numbers[i], 1);
    expect(&l, LEX_SYMBOL, ",", 1);
    expect(&l, LEX_NUMBER, "1.2.3", 1);
    expect(&l, LEX_NUMBER, "7x", 1);
    expect(&l, LEX_SYMBOL, "-", 1);
    expect(&l, LEX_NUMBER, "1", 1);
    expect(&l, LEX_NUMBER, "-1", 1);
    expect(&l, LEX_END, "", 1);
}

static void lines_are_counted_inside_texts_too(void **state)
{
    (void)state;
    struct lex l = begin("'a\nb' x");
    expect(&l, LEX_STRING, "'a\nb'", 1);
    expect(&l, LEX_WORD, "x", 2);
}

static void a_quote_without_end_is_a_fault_where_it_begins(void **state)
{
    (void)state;
    struct lex l = begin("a\n'b\n''c");
    lex_advance(&l);
    assert_int_equal(l.err, ERR_SYNTAX);
    check_text(buf_bytes(&message), "x.sql:2: a quote is not closed");
}

static void the_first_fault_sticks(void **state)
{
    (void)state;
    struct lex l = begin("a b");
    assert_false(lex_expect_word(&l, BYTES("x"), BYTES("expected x, not")));
    assert_false(lex_fail(&l, ERR_TYPE, BYTES("later"), LEX_NONE));
    assert_false(lex_take_word(&l, BYTES("a")));
    assert_null(lex_alloc(&l, 1));
    assert_int_equal(l.err, ERR_SYNTAX);
    check_text(buf_bytes(&message), "x.sql:1: expected x, not \"a\"");
}

static void keywords_are_taken_in_any_case(void **state)
{
    (void)state;
    struct lex l = begin("SeLeCt ( \"select\"");
    assert_false(lex_take_symbol(&l, BYTES("(")));
    assert_true(lex_take_word(&l, BYTES("select")));
    assert_int_equal(lex_peek(&l), '"');
    assert_true(lex_take_symbol(&l, BYTES("(")));
    assert_false(lex_take_word(&l, BYTES("select")));
    assert_int_equal(lex_peek(&l), '\0');
}

static void names_are_folded_unless_quoted(void **state)
{
    (void)state;
    struct lex l = begin("Bread_Types \"Bread\"\"s\" 7");
    check_text(lex_take_name(&l, BYTES("?")), "bread_types");
    check_text(lex_take_name(&l, BYTES("?")), "Bread\"s");
    lex_take_name(&l, BYTES("expected a name, not"));
    assert_int_equal(l.err, ERR_SYNTAX);
    check_text(buf_bytes(&message), "x.sql:1: expected a name, not \"7\"");
}

static void names_are_bounded(void **state)
{
    (void)state;
    char name[65];
    memset(name, 'a', 64);
    name[64] = '\0';
    struct lex l = begin(name + 1);
    check_text(lex_take_name(&l, BYTES("?")), name + 1);
    l = begin(name);
    lex_take_name(&l, BYTES("a name"));
    assert_int_equal(l.err, ERR_SYNTAX);
}

static void every_cut_of_a_text_ends(void **state)
{
    (void)state;
    static const char text[] = "create \"a\"\"b\" -2.5e+7 'x''y' <> --c\n (";
    for (size_t size = 0; size < sizeof(text); size++) {
        struct bytes cut = check_boxed((struct bytes){text, size});
        struct lex l;
        size_t count = 0;
        buf_reset(&message);
        lex_init(&l, BYTES("x.sql"), cut, &arena, &message);
        do {
            lex_advance(&l);
            count++;
        } while (!l.err && l.now.kind != LEX_END);
        assert_true(count <= size + 1);
        check_unbox(cut);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(words_symbols_and_comments_are_told_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(numbers_keep_their_sign_and_exponent, setup, teardown),
        cmocka_unit_test_setup_teardown(lines_are_counted_inside_texts_too, setup, teardown),
        cmocka_unit_test_setup_teardown(a_quote_without_end_is_a_fault_where_it_begins, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(the_first_fault_sticks, setup, teardown),
        cmocka_unit_test_setup_teardown(keywords_are_taken_in_any_case, setup, teardown),
        cmocka_unit_test_setup_teardown(names_are_folded_unless_quoted, setup, teardown),
        cmocka_unit_test_setup_teardown(names_are_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(every_cut_of_a_text_ends, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
