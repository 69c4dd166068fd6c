#include "check.h"

#include "base/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

struct fixture {
    struct arena arena;
    struct buf message;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    arena_init(&f->arena, 1 << 20);
    buf_init(&f->message, 1000);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    arena_done(&f->arena);
    buf_done(&f->message);
    free(f);
    return 0;
}

static enum err compile(struct fixture *f, struct bytes pattern, bool is_nocase, struct regex **out)
{
    struct bytes boxed = check_boxed(pattern);
    arena_reset(&f->arena);
    buf_reset(&f->message);
    enum err e = regex_new(boxed, is_nocase, &f->arena, &f->message, out);
    check_unbox(boxed); /* the regex keeps nothing of it */
    return e;
}

static enum err try(struct regex *r, struct bytes text, bool *out)
{
    struct bytes boxed = check_boxed(text);
    enum err e = regex_matches(r, boxed, out);
    check_unbox(boxed);
    return e;
}

static bool matches(struct fixture *f, const char *pattern, const char *text, bool is_nocase)
{
    struct regex *r;
    bool is_so = false;
    if (compile(f, bytes_of(pattern), is_nocase, &r))
        fail_msg("%s: %.*s", pattern, (int)f->message.size, f->message.data);
    if (try(r, bytes_of(text), &is_so))
        fail_msg("%s over %s", pattern, text);
    return is_so;
}

static void patterns_match_anywhere_unless_anchored(void **state)
{
    static const struct {
        const char *pattern, *text;
        bool want;
    } cases[] = {
        {"", "", true},
        {"", "a", true},
        {"b", "abc", true},
        {"^b", "abc", false},
        {"^a", "abc", true},
        {"c$", "abc", true},
        {"b$", "abc", false},
        {"^$", "", true},
        {"^$", "a", false},
        {"a|x", "xyz", true},
        {"^(ab|cd)+$", "abcdab", true},
        {"^(?:ab|cd)+$", "abcda", false},
        {"^a*$", "aaa", true},
        {"^a+$", "", false},
        {"^a+b+?c$", "aabbc", true},
        {"^\\w+$",
         "b\xc3\xa4"
         "ckt",
         true},
        {"^[a-c]+$", "abcd", false},
        {"^[^]a]+$", "bcd", true},
        {"[]]", "a]", true},
        {"^[[:digit:]x]+$", "1x2", true},
        {"^[\\d.]+$", "1.2", true},
        {"^\\d{2,3}$", "12", true},
        {"^\\d{2,3}$", "1234", false},
        {"a.c", "a\nc", true},
        {"^b", "a\nb", false},
        {"a$", "a\n", false},
        {"^\xc3\xb6+$", "\xc3\xb6\xc3\xb6", true}, /* the plus is of the character */
        {"^.$", "\xf0\x9f\x8d\x9e", true},
        {"\\.", "a.b", true},
        {"\\(a\\)", "(a)", true},
        {"a{", "a{", true},
        {"a{x}", "a{x}", true},
        {"a#b c", "a#b c", true},
        {"[(*]", "*", true},
        {"\\A\\S\\s\\S$", "a b", true},
        {"A", "a", false},
    };
    for (size_t i = 0; i < CHECK_COUNT(cases); i++)
        if (matches(*state, cases[i].pattern, cases[i].text, false) != cases[i].want)
            fail_msg("%s over %s", cases[i].pattern, cases[i].text);
}

static void case_is_ignored_by_unicode_when_asked(void **state)
{
    assert_true(matches(*state, "^RYE", "rye bread", true));
    assert_true(matches(*state, "\xc3\x84",
                        "b\xc3\xa4"
                        "cker",
                        true));
    assert_true(matches(*state, "[\xd0\x90-\xd0\x93]", "\xd0\xb2", true));
    assert_false(matches(*state, "rye", "wheat", true));
}

static void what_looks_around_or_back_or_is_read_in_two_ways_is_refused(void **state)
{
    static const char *const patterns[] = {
        "(?=a)",      "(?!a)",      "(?<=a)",       "(?<a>b)",   "(?P<a>b)", "(?>a)",   "(?i)a",
        "(?#a)",      "(?R)",       "(?1)",         "(?C)",      "(?C1)",    "(?|a)",   "(*F)",
        "(*UTF)a",    "a(*ACCEPT)", "(a)\\1",       "\\bword",   "\\yword",  "\\ma",    "\\Bx",
        "\\Ca",       "\\Qa\\E",    "\\x41",        "\\p{L}",    "\\R",      "\\X",     "\\K",
        "\\G",        "\\Z",        "a++",          "a*+",       "a?+",      "a{2}+",   "\\0",
        "\\u0041",    "[\\b]",      "[a",           "[[:alpha:", "a\\",      "[[.a.]]", "[[=a=]]",
        "[[:]c[:]()", "[[::]]",     "[[:^alpha:]]", "[[:<:]]",   "[]",       "[^]",     "\\*++",
        "[a]++",      "\\\xc3\xb6",
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < CHECK_COUNT(patterns); i++) {
        struct regex *r;
        if (compile(f, bytes_of(patterns[i]), false, &r) != ERR_UNSUPPORTED)
            fail_msg("%s", patterns[i]);
        assert_true(bytes_starts_with(buf_bytes(&f->message),
                                      BYTES("invalid regular expression: this is not spoken: ")));
    }
}

static void malformed_patterns_are_refused_with_a_sentence(void **state)
{
    static const char *const patterns[] = {
        "(",      ")",     "a)(b",          "((a)",       "*a",   "+",         "a|*",
        "a{3,2}", "[b-a]", "a{9}{9999999}", "[[:nope:]]", "\xff", "\xe7\x88+", "a**",
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < CHECK_COUNT(patterns); i++) {
        struct regex *r;
        if (compile(f, bytes_of(patterns[i]), false, &r) != ERR_SYNTAX)
            fail_msg("%s", patterns[i]);
        assert_true(f->message.size > sizeof("invalid regular expression: ") - 1);
    }
}

static void patterns_are_bounded_as_said_and_as_compiled(void **state)
{
    struct fixture *f = *state;
    struct regex *r;
    char text[REGEX_PATTERN_MAX + 1];
    memset(text, 'a', sizeof(text));
    assert_int_equal(compile(f, (struct bytes){text, REGEX_PATTERN_MAX}, false, &r), OK);
    assert_int_equal(compile(f, (struct bytes){text, REGEX_PATTERN_MAX + 1}, false, &r), ERR_LIMIT);
    assert_int_equal(compile(f, BYTES("(abc){1000}"), false, &r), ERR_LIMIT);
    assert_int_equal(compile(f, BYTES("((a{255}){255}){255}"), false, &r), ERR_SYNTAX);
    memset(text, '(', REGEX_PATTERN_MAX / 2);
    memset(text + REGEX_PATTERN_MAX / 2, ')', REGEX_PATTERN_MAX / 2);
    assert_int_equal(compile(f, (struct bytes){text, REGEX_PATTERN_MAX}, false, &r), ERR_SYNTAX);
}

static void texts_and_ways_are_bounded(void **state)
{
    struct fixture *f = *state;
    static char text[REGEX_TEXT_MAX + 1];
    struct regex *r;
    bool is_so = true;
    memset(text, 'a', sizeof(text));
    assert_int_equal(compile(f, BYTES("^a+b?$"), false, &r), OK);
    assert_int_equal(try(r, (struct bytes){text, REGEX_TEXT_MAX}, &is_so), OK);
    assert_true(is_so);
    assert_int_equal(try(r, (struct bytes){text, REGEX_TEXT_MAX + 1}, &is_so), ERR_LIMIT);
    assert_int_equal(compile(f, BYTES("(a{1,90}b?){1,90}z?$"), false, &r), OK);
    assert_int_equal(try(r, (struct bytes){text, REGEX_TEXT_MAX}, &is_so), ERR_LIMIT);
    assert_int_equal(try(r, BYTES("z"), &is_so), OK);
}

static void patterns_that_ruin_backtrackers_are_one_walk(void **state)
{
    static const char *const patterns[] = {"^(a+)+$", "(a|a)*b$", "^(a|aa)+$", "(a*)*[bc]",
                                           "^(([a-z])+.)+[A-Z]([a-z])+$"};
    static char text[REGEX_TEXT_MAX];
    struct fixture *f = *state;
    memset(text, 'a', sizeof(text));
    text[sizeof(text) - 1] = '!';
    for (size_t i = 0; i < CHECK_COUNT(patterns); i++) {
        struct regex *r;
        bool is_so = true;
        assert_int_equal(compile(f, bytes_of(patterns[i]), false, &r), OK);
        assert_int_equal(try(r, (struct bytes){text, sizeof(text)}, &is_so), OK);
        assert_false(is_so);
    }
}

static void text_that_is_not_utf8_is_told_apart(void **state)
{
    struct fixture *f = *state;
    struct regex *r;
    bool is_so;
    assert_int_equal(compile(f, BYTES("a"), false, &r), OK);
    assert_int_equal(try(r, BYTES("a\xc3"), &is_so), ERR_SYNTAX);
    assert_int_equal(try(r, BYTES("\xff"), &is_so), ERR_SYNTAX);
}

/* ---- against the matcher that backtracks ---- */

static void put_random(struct buf *out, struct rng *r, unsigned depth)
{
    static const char *const atoms[] = {"a",   "b", ".", "[ab]",     "[^a]",        "\\w", "\\d",
                                        "\\.", "^", "$", "\xc3\xb6", "[[:alpha:]]", "A"};
    static const char *const amounts[] = {"", "", "", "*", "+", "?", "{2}", "{1,3}", "{2,}", "+?"};
    size_t parts = 1 + rng_below(r, 3);
    for (size_t i = 0; i < parts; i++) {
        bool is_group = depth > 0 && rng_below(r, 3) == 0;
        const char *atom = atoms[rng_below(r, CHECK_COUNT(atoms))];
        if (is_group) {
            buf_put(out, rng_below(r, 2) ? BYTES("(") : BYTES("(?:"));
            put_random(out, r, depth - 1);
            buf_put_char(out, ')');
        } else {
            buf_put(out, bytes_of(atom));
        }
        if (is_group || (atom[0] != '^' && atom[0] != '$'))
            buf_put(out, bytes_of(amounts[rng_below(r, CHECK_COUNT(amounts))]));
        if (rng_below(r, 5) == 0)
            buf_put_char(out, '|');
    }
}

static struct bytes random_text(struct rng *r, struct buf *out)
{
    static const char *const pieces[] = {"a", "b", "A", "\xc3\xb6", "\xc3\x96", "1", ".", "\n"};
    buf_reset(out);
    for (size_t size = rng_below(r, 9); size-- > 0;)
        buf_put(out, bytes_of(pieces[rng_below(r, CHECK_COUNT(pieces))]));
    buf_put_char(out, '\0');
    return bytes_slice(buf_bytes(out), 0, out->size - 1);
}

static void other_matcher_of_pcre2_agrees(void **state)
{
    enum { PATTERNS = 2000, TEXTS = 10 };
    struct fixture *f = *state;
    struct rng r;
    struct buf pattern, text;
    int hits = 0, undecided = 0;
    rng_init(&r, 20260821);
    buf_init(&pattern, 1000);
    buf_init(&text, 1000);
    for (int i = 0; i < PATTERNS; i++) {
        bool is_nocase = rng_below(&r, 2), is_so;
        struct regex *ours;
        int code;
        size_t at;
        buf_reset(&pattern);
        put_random(&pattern, &r, 2);
        enum err e = compile(f, buf_bytes(&pattern), is_nocase, &ours);
        if (e == ERR_LIMIT)
            continue;
        assert_int_equal(e, OK);
        pcre2_code *theirs = pcre2_compile((PCRE2_SPTR)pattern.data, pattern.size,
                                           PCRE2_DOLLAR_ENDONLY | PCRE2_DOTALL | PCRE2_UTF |
                                               PCRE2_UCP | (is_nocase ? PCRE2_CASELESS : 0),
                                           &code, &at, NULL);
        assert_non_null(theirs);
        pcre2_match_data *data = pcre2_match_data_create(1, NULL);
        for (int j = 0; j < TEXTS; j++) {
            struct bytes t = random_text(&r, &text);
            e = try(ours, t, &is_so);
            undecided += e == ERR_LIMIT;
            if (e == ERR_LIMIT)
                continue;
            assert_int_equal(e, OK);
            code = pcre2_match(theirs, (PCRE2_SPTR)t.data, t.size, 0, 0, data, NULL);
            if (is_so != (code >= 0))
                fail_msg("%.*s over %s: %d, not %d", (int)pattern.size, pattern.data, t.data, is_so,
                         code);
            hits += is_so;
        }
        pcre2_match_data_free(data);
        pcre2_code_free(theirs);
    }
    assert_in_range(undecided, 0, PATTERNS * TEXTS / 100);
    assert_in_range(hits, PATTERNS * TEXTS / 10, PATTERNS * TEXTS * 9 / 10);
    buf_done(&pattern);
    buf_done(&text);
}

static void memory_may_end_at_any_point(void **state)
{
    struct fixture *f = *state;
    bool has_failed = true;
    for (uint64_t n = 1; has_failed; n++) {
        struct regex *r;
        bool is_so;
        arena_done(&f->arena);
        arena_init(&f->arena, 1 << 20);
        mem_fail_at(n);
        enum err e = regex_new(BYTES("^([a-z\xc3\xb6]+|x){3}$"), true, &f->arena, &f->message, &r);
        has_failed = mem_fail_hit();
        assert_int_equal(e, has_failed ? ERR_NOMEM : OK);
        mem_fail_at(1);
        if (!e)
            assert_int_equal(regex_matches(r, BYTES("abc"), &is_so), OK);
        mem_fail_at(0);
    }
}

static void arena_may_be_too_small(void **state)
{
    struct buf *message = &((struct fixture *)*state)->message;
    enum err e = ERR_NOMEM;
    for (size_t max = 0; e; max += 16) {
        struct arena arena;
        struct regex *r;
        arena_init(&arena, max);
        e = regex_new(BYTES("^(a|b)+[cd]$"), false, &arena, message, &r);
        assert_true(e == OK || e == ERR_NOMEM);
        arena_done(&arena);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(patterns_match_anywhere_unless_anchored),
        TEST(case_is_ignored_by_unicode_when_asked),
        TEST(what_looks_around_or_back_or_is_read_in_two_ways_is_refused),
        TEST(malformed_patterns_are_refused_with_a_sentence),
        TEST(patterns_are_bounded_as_said_and_as_compiled),
        TEST(texts_and_ways_are_bounded),
        TEST(patterns_that_ruin_backtrackers_are_one_walk),
        TEST(text_that_is_not_utf8_is_told_apart),
        TEST(other_matcher_of_pcre2_agrees),
        TEST(memory_may_end_at_any_point),
        TEST(arena_may_be_too_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
