#include "base/bytes.h"

#include "check.h"

static void slice_is_clamped(void **state)
{
    (void)state;
    struct bytes b = BYTES("bread");
    check_text(bytes_slice(b, 1, 3), "re");
    check_text(bytes_slice(b, 1, 99), "read");
    check_text(bytes_slice(b, 4, 2), "");
    check_text(bytes_slice(b, 9, 12), "");
    assert_null(bytes_slice((struct bytes){NULL, 0}, 0, 5).data);
}

static void compare_is_by_byte_and_the_shorter_is_first(void **state)
{
    (void)state;
    assert_true(bytes_compare(BYTES("a"), BYTES("b")) < 0);
    assert_true(bytes_compare(BYTES("b"), BYTES("abc")) > 0);
    assert_true(bytes_compare(BYTES("ab"), BYTES("abc")) < 0);
    assert_true(bytes_compare(BYTES("abc"), BYTES("ab")) > 0);
    assert_true(bytes_compare(BYTES("\xff"), BYTES("\x01")) > 0);
    assert_int_equal(bytes_compare(BYTES("abc"), BYTES("abc")), 0);
    assert_int_equal(bytes_compare(BYTES(""), (struct bytes){NULL, 0}), 0);
}

static void equality_looks_at_size_and_content(void **state)
{
    (void)state;
    assert_true(bytes_equal(BYTES(""), (struct bytes){NULL, 0}));
    assert_true(bytes_equal(BYTES("a\0b"), BYTES("a\0b")));
    assert_false(bytes_equal(BYTES("a\0b"), BYTES("a\0c")));
    assert_false(bytes_equal(BYTES("a"), BYTES("ab")));
}

static void nocase_ignores_the_case_of_ascii_letters_only(void **state)
{
    (void)state;
    assert_true(bytes_equal_nocase(BYTES("Sec-WebSocket-Key"), BYTES("sec-websocket-kEY")));
    assert_true(bytes_equal_nocase(BYTES("AZ"), BYTES("az")));
    assert_false(bytes_equal_nocase(BYTES("a"), BYTES("ab")));
    assert_false(bytes_equal_nocase(BYTES("@"), BYTES("`")));
    assert_false(bytes_equal_nocase(BYTES("["), BYTES("{")));
    assert_false(bytes_equal_nocase(BYTES("\xc4"), BYTES("\xe4")));
}

static void comparing_stays_within_the_sizes(void **state)
{
    (void)state;
    struct bytes a = check_boxed(BYTES("Upgrade"));
    struct bytes b = check_boxed(BYTES("upgrade"));
    assert_true(bytes_equal_nocase(a, b));
    assert_false(bytes_equal(a, b));
    assert_true(bytes_compare(a, b) < 0);
    check_unbox(a);
    check_unbox(b);
}

static void starts_and_ends_are_found(void **state)
{
    (void)state;
    struct bytes b = BYTES("realtime:sales");
    assert_true(bytes_starts_with(b, BYTES("realtime:")));
    assert_true(bytes_starts_with(b, BYTES("")));
    assert_true(bytes_starts_with(b, b));
    assert_false(bytes_starts_with(b, BYTES("sales")));
    assert_false(bytes_starts_with(BYTES("real"), b));
    assert_true(bytes_ends_with(b, BYTES(":sales")));
    assert_true(bytes_ends_with(b, b));
    assert_false(bytes_ends_with(b, BYTES("realtime")));
    assert_false(bytes_ends_with(BYTES("sales"), b));
}

static void find_gives_the_first_place_or_the_size(void **state)
{
    (void)state;
    struct bytes b = BYTES("banana");
    assert_int_equal(bytes_find_char(b, 'n'), 2);
    assert_int_equal(bytes_find_char(b, 'x'), 6);
    assert_int_equal(bytes_find_char((struct bytes){NULL, 0}, 'x'), 0);
    assert_int_equal(bytes_find(b, BYTES("ana")), 1);
    assert_int_equal(bytes_find(b, BYTES("")), 0);
    assert_int_equal(bytes_find(b, BYTES("nab")), 6);
    assert_int_equal(bytes_find(BYTES("an"), b), 2);
    assert_int_equal(bytes_find((struct bytes){NULL, 0}, b), 0);
}

static void trim_takes_spaces_and_tabs_from_both_ends(void **state)
{
    (void)state;
    check_text(bytes_trim(BYTES(" \t a b\t ")), "a b");
    check_text(bytes_trim(BYTES(" \t ")), "");
    check_text(bytes_trim(BYTES("\na")), "\na");
    check_text(bytes_trim((struct bytes){NULL, 0}), "");
}

static void split_gives_every_piece_the_empty_ones_too(void **state)
{
    (void)state;
    static const char *const want[] = {"a", "", "bc", ""};
    struct bytes rest = BYTES("a,,bc,");
    struct bytes piece;
    for (size_t i = 0; i < CHECK_COUNT(want); i++) {
        assert_true(bytes_split(&rest, ',', &piece));
        check_text(piece, want[i]);
    }
    piece = BYTES("untouched");
    assert_false(bytes_split(&rest, ',', &piece));
    check_text(piece, "untouched");
}

static void empty_text_splits_into_one_empty_piece(void **state)
{
    (void)state;
    struct bytes rest = BYTES("");
    struct bytes piece = BYTES("x");
    assert_true(bytes_split(&rest, ',', &piece));
    assert_int_equal(piece.size, 0);
    assert_false(bytes_split(&rest, ',', &piece));
}

static void hash_depends_on_every_byte_and_on_the_seed(void **state)
{
    (void)state;
    char text[32] = {0};
    uint64_t plain = bytes_hash((struct bytes){text, sizeof(text)}, 1);
    assert_true(plain != bytes_hash((struct bytes){text, sizeof(text)}, 2));
    assert_true(plain != bytes_hash((struct bytes){text, sizeof(text) - 1}, 1));
    for (size_t i = 0; i < sizeof(text); i++) {
        text[i] = 1;
        assert_true(plain != bytes_hash((struct bytes){text, sizeof(text)}, 1));
        text[i] = 0;
    }
    assert_true(plain == bytes_hash((struct bytes){text, sizeof(text)}, 1));
}

static void low_bits_of_the_hash_are_spread(void **state)
{
    (void)state;
    enum { SLOTS = 256, KEYS = 8 * SLOTS };
    unsigned filled[SLOTS] = {0};
    for (unsigned i = 0; i < KEYS; i++) {
        char key[4] = {(char)('0' + i / 1000), (char)('0' + i / 100 % 10),
                       (char)('0' + i / 10 % 10), (char)('0' + i % 10)};
        filled[bytes_hash((struct bytes){key, sizeof(key)}, 7) % SLOTS]++;
    }
    for (size_t i = 0; i < SLOTS; i++)
        assert_in_range(filled[i], 0, 32);
}

struct number {
    const char *text;
    enum err err;
    int64_t value;
};

static void unsigned_numbers_are_read(void **state)
{
    (void)state;
    static const struct number cases[] = {
        {"0", OK, 0},
        {"007", OK, 7},
        {"9223372036854775807", OK, INT64_MAX},
        {"18446744073709551616", ERR_RANGE, 0},
        {"99999999999999999999999999", ERR_RANGE, 0},
        {"99999999999999999999999999x", ERR_SYNTAX, 0},
        {"", ERR_SYNTAX, 0},
        {"-1", ERR_SYNTAX, 0},
        {"+1", ERR_SYNTAX, 0},
        {" 1", ERR_SYNTAX, 0},
        {"1 ", ERR_SYNTAX, 0},
        {"0x10", ERR_SYNTAX, 0},
    };
    for (size_t i = 0; i < CHECK_COUNT(cases); i++) {
        uint64_t n = 42;
        assert_int_equal(bytes_to_u64(bytes_of(cases[i].text), &n), cases[i].err);
        assert_int_equal(n, cases[i].err ? 42 : (uint64_t)cases[i].value);
    }
    uint64_t n = 0;
    assert_int_equal(bytes_to_u64(BYTES("18446744073709551615"), &n), OK);
    assert_true(n == UINT64_MAX);
}

static void signed_numbers_are_read(void **state)
{
    (void)state;
    static const struct number cases[] = {
        {"0", OK, 0},
        {"-0", OK, 0},
        {"-17", OK, -17},
        {"9223372036854775807", OK, INT64_MAX},
        {"9223372036854775808", ERR_RANGE, 0},
        {"-9223372036854775808", OK, INT64_MIN},
        {"-9223372036854775809", ERR_RANGE, 0},
        {"-99999999999999999999", ERR_RANGE, 0},
        {"-", ERR_SYNTAX, 0},
        {"--1", ERR_SYNTAX, 0},
        {"", ERR_SYNTAX, 0},
    };
    for (size_t i = 0; i < CHECK_COUNT(cases); i++) {
        int64_t n = 42;
        assert_int_equal(bytes_to_i64((struct bytes){NULL, 0}, &n), ERR_SYNTAX);
        assert_int_equal(bytes_to_i64(bytes_of(cases[i].text), &n), cases[i].err);
        assert_true(n == (cases[i].err ? 42 : cases[i].value));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slice_is_clamped),
        cmocka_unit_test(compare_is_by_byte_and_the_shorter_is_first),
        cmocka_unit_test(equality_looks_at_size_and_content),
        cmocka_unit_test(nocase_ignores_the_case_of_ascii_letters_only),
        cmocka_unit_test(comparing_stays_within_the_sizes),
        cmocka_unit_test(starts_and_ends_are_found),
        cmocka_unit_test(find_gives_the_first_place_or_the_size),
        cmocka_unit_test(trim_takes_spaces_and_tabs_from_both_ends),
        cmocka_unit_test(split_gives_every_piece_the_empty_ones_too),
        cmocka_unit_test(empty_text_splits_into_one_empty_piece),
        cmocka_unit_test(hash_depends_on_every_byte_and_on_the_seed),
        cmocka_unit_test(low_bits_of_the_hash_are_spread),
        cmocka_unit_test(unsigned_numbers_are_read),
        cmocka_unit_test(signed_numbers_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
