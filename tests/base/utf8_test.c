#include "base/utf8.h"

#include "check.h"

static const struct bytes good[] = {
    BYTES_INIT(""),
    BYTES_INIT("plain"),
    BYTES_INIT("a\0b"),
    BYTES_INIT("\x7f"),
    BYTES_INIT("\xc2\x80 \xdf\xbf"),
    BYTES_INIT("\xe0\xa0\x80 \xed\x9f\xbf \xee\x80\x80 \xef\xbf\xbf"),
    BYTES_INIT("\xf0\x90\x80\x80 \xf1\x80\x80\x80 \xf4\x8f\xbf\xbf"),
    BYTES_INIT("eight plain bytes and more, then \xe2\x82\xa6 and more again"),
};

static const struct bytes bad[] = {
    BYTES_INIT("\x80"),     /* a tail without a lead */
    BYTES_INIT("\xc0\x80"), /* overlong */
    BYTES_INIT("\xc1\xbf"),
    BYTES_INIT("\xe0\x9f\xbf"),
    BYTES_INIT("\xf0\x8f\xbf\xbf"),
    BYTES_INIT("\xed\xa0\x80"), /* surrogates */
    BYTES_INIT("\xed\xbf\xbf"),
    BYTES_INIT("\xf4\x90\x80\x80"), /* past U+10FFFF */
    BYTES_INIT("\xf5\x80\x80\x80"),
    BYTES_INIT("\xff"),
    BYTES_INIT("\xc2 "), /* a lead without its tail */
    BYTES_INIT("\xe2\x82 "),
    BYTES_INIT("\xf0\x90\x80 "),
    BYTES_INIT("eight plain bytes and more, then \xfe and more again"),
};

static uint32_t feed_in_two(struct bytes b, size_t split)
{
    uint32_t state = utf8_feed(UTF8_ACCEPT, bytes_slice(b, 0, split));
    return utf8_feed(state, bytes_slice(b, split, b.size));
}

static void valid_text_is_accepted_at_every_split(void **state)
{
    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(good); i++) {
        struct bytes b = check_boxed(good[i]);
        assert_true(utf8_is_valid(b));
        for (size_t split = 0; split <= b.size; split++)
            assert_int_equal(feed_in_two(b, split), UTF8_ACCEPT);
        check_unbox(b);
    }
}

static void invalid_text_is_rejected_at_every_split(void **state)
{
    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(bad); i++) {
        struct bytes b = check_boxed(bad[i]);
        assert_false(utf8_is_valid(b));
        for (size_t split = 0; split <= b.size; split++)
            assert_int_equal(feed_in_two(b, split), UTF8_REJECT);
        check_unbox(b);
    }
}

static void rejected_stays_rejected(void **state)
{
    (void)state;
    assert_int_equal(utf8_feed(UTF8_REJECT, BYTES("fine")), UTF8_REJECT);
    assert_int_equal(utf8_feed(UTF8_REJECT, BYTES("")), UTF8_REJECT);
}

static void cut_sequence_is_not_complete_and_not_rejected(void **state)
{
    (void)state;
    struct bytes b = BYTES("\xf0\x9f\x8d\x9e");
    for (size_t size = 1; size < b.size; size++) {
        uint32_t s = utf8_feed(UTF8_ACCEPT, bytes_slice(b, 0, size));
        assert_int_not_equal(s, UTF8_ACCEPT);
        assert_int_not_equal(s, UTF8_REJECT);
        assert_false(utf8_is_valid(bytes_slice(b, 0, size)));
        assert_int_equal(utf8_first_size(bytes_slice(b, 0, size)), 0);
    }
}

static void every_code_point_is_encoded_as_valid_text(void **state)
{
    (void)state;
    for (uint32_t c = 0; c < 0x110000; c++) {
        char text[4];
        size_t size = utf8_encode(c, text);
        if (c >= 0xd800 && c <= 0xdfff) {
            assert_int_equal(size, 0);
            continue;
        }
        assert_int_equal(size, c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4);
        if (!utf8_is_valid((struct bytes){text, size}) ||
            utf8_first_size((struct bytes){text, size}) != size)
            fail_msg("U+%04X", c);
    }
    char text[4];
    assert_int_equal(utf8_encode(0x110000, text), 0);
    assert_int_equal(utf8_encode(UINT32_MAX, text), 0);
}

static void number_of_valid_sequences_is_that_of_the_code_points(void **state)
{
    (void)state;
    /* Every run of 1..3 bytes, counted: what is valid as one sequence must be exactly the code
     * points of that length. */
    size_t counts[4] = {0};
    for (uint32_t n = 0; n < 1 << 24; n++) {
        char text[3] = {(char)(n >> 16), (char)(n >> 8), (char)n};
        if ((n & 0xff) == 0 && (n >> 8 & 0xff) == 0)
            counts[1] += utf8_first_size((struct bytes){text, 1}) == 1;
        if ((n & 0xff) == 0)
            counts[2] += utf8_first_size((struct bytes){text, 2}) == 2;
        if ((n >> 16) >= 0xc0)
            counts[3] += utf8_first_size((struct bytes){text, 3}) == 3;
    }
    assert_int_equal(counts[1], 0x80);
    assert_int_equal(counts[2], 0x800 - 0x80);
    assert_int_equal(counts[3], 0x10000 - 0x800 - 0x800);
}

static void length_counts_code_points(void **state)
{
    (void)state;
    assert_int_equal(utf8_length(BYTES("")), 0);
    assert_int_equal(utf8_length(BYTES("abc")), 3);
    assert_int_equal(utf8_length(BYTES("\xe2\x82\xa6 12 \xf0\x9f\x8d\x9e\xc3\xa9")), 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(valid_text_is_accepted_at_every_split),
        cmocka_unit_test(invalid_text_is_rejected_at_every_split),
        cmocka_unit_test(rejected_stays_rejected),
        cmocka_unit_test(cut_sequence_is_not_complete_and_not_rejected),
        cmocka_unit_test(every_code_point_is_encoded_as_valid_text),
        cmocka_unit_test(number_of_valid_sequences_is_that_of_the_code_points),
        cmocka_unit_test(length_counts_code_points),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
