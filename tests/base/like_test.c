#include "check.h"

#include "base/rng.h"
#include "base/like.h"

static bool like(const char *pattern, const char *text, bool is_nocase)
{
    struct bytes p = check_boxed(bytes_of(pattern)), t = check_boxed(bytes_of(text));
    assert_int_equal(like_check(p), OK);
    bool is_so = like_matches(p, t, is_nocase);
    check_unbox(p);
    check_unbox(t);
    return is_so;
}

static void patterns_match_as_in_sql(void **state)
{
    static const struct {
        const char *pattern, *text;
        bool want;
    } cases[] = {
        {"", "", true},
        {"", "a", false},
        {"a", "", false},
        {"%", "", true},
        {"%", "anything", true},
        {"%%", "", true},
        {"_", "", false},
        {"_", "a", true},
        {"_", "ab", false},
        {"_", "ọ", true}, /* a character, not a byte */
        {"abc", "abc", true},
        {"abc", "abd", false},
        {"abc", "ABC", false},
        {"a%", "abc", true},
        {"%c", "abc", true},
        {"%b%", "abc", true},
        {"a%c", "abcbc", true},
        {"a%c", "abcbd", false},
        {"a_c", "abc", true},
        {"%a_b%", "xaab aab", true},
        {"%ab%ab", "abab", true},
        {"%ab%ab", "ab", false},
        {"100\\%", "100%", true},
        {"100\\%", "1000", false},
        {"a\\_b", "a_b", true},
        {"a\\_b", "axb", false},
        {"\\\\%", "\\x", true},
        {"a*", "abc", false}, /* not translated */
        {"\xff%", "\xff\xfe", true},
        {"é%", "\xc3", false},
    };
    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(cases); i++)
        if (like(cases[i].pattern, cases[i].text, false) != cases[i].want)
            fail_msg("%s LIKE %s", cases[i].text, cases[i].pattern);
}

static void capitals_are_small_letters_where_case_is_not_told(void **state)
{
    static const char *const same[][2] = {
        {"AGEGE%", "Agege bread"},
        {"agege%", "AGEGE BREAD"},
        {"Ọlá", "ọLÁ"},
        {"ĺŹ", "Ĺź"},
        {"ŸžŁŞ", "ÿŽłş"},
        {"ΣΑ", "σα"},
        {"ЁЖ", "ёж"},
        {"%\\A", "ba"},
        {"crème brûlée", "CRÈME BRÛLÉE"},
    };
    static const char *const different[][2] = {{"×", "÷"}, {"[", "{"}, {"@", "`"}, {"ĸ", "ķ"}};
    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(same); i++) {
        if (!like(same[i][0], same[i][1], true))
            fail_msg("%s ILIKE %s", same[i][1], same[i][0]);
        assert_false(like(same[i][0], same[i][1], false));
    }
    for (size_t i = 0; i < CHECK_COUNT(different); i++)
        assert_false(like(different[i][0], different[i][1], true));
}

static void pattern_is_checked_for_length_and_its_end(void **state)
{
    char text[LIKE_PATTERN_MAX + 1];
    (void)state;
    memset(text, '%', sizeof(text));
    assert_int_equal(like_check((struct bytes){text, LIKE_PATTERN_MAX}), OK);
    assert_int_equal(like_check((struct bytes){text, LIKE_PATTERN_MAX + 1}), ERR_LIMIT);
    assert_int_equal(like_check(BYTES("a\\")), ERR_SYNTAX);
    assert_int_equal(like_check(BYTES("a\\\\")), OK);
    assert_int_equal(like_check(BYTES("a\\\\\\")), ERR_SYNTAX);
}

/* The definition, one element after the other. */
static bool naive(const char *p, const char *t)
{
    if (*p == '\0')
        return *t == '\0';
    if (*p == '%')
        return naive(p + 1, t) || (*t && naive(p, t + 1));
    return *t && (*p == '_' || *p == *t) && naive(p + 1, t + 1);
}

static void random_patterns_match_as_by_definition(void **state)
{
    struct rng r;
    unsigned matched = 0;
    (void)state;
    rng_init(&r, 7);
    for (int round = 0; round < 20000; round++) {
        char pattern[8] = "", text[10] = "";
        size_t pattern_size = rng_below(&r, sizeof(pattern));
        size_t text_size = rng_below(&r, sizeof(text));
        for (size_t i = 0; i < pattern_size; i++)
            pattern[i] = "ab%_"[rng_below(&r, 4)];
        for (size_t i = 0; i < text_size; i++)
            text[i] = "ab"[rng_below(&r, 2)];
        bool want = naive(pattern, text);
        matched += want;
        if (like_matches(bytes_of(pattern), bytes_of(text), false) != want)
            fail_msg("%s LIKE %s", text, pattern);
    }
    assert_true(matched > 1000 && matched < 19000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns_match_as_in_sql),
        cmocka_unit_test(capitals_are_small_letters_where_case_is_not_told),
        cmocka_unit_test(pattern_is_checked_for_length_and_its_end),
        cmocka_unit_test(random_patterns_match_as_by_definition),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
