#include "base/base64.h"

#include "base/mem.h"
#include "check.h"

struct pair {
    const char *bytes, *text;
};

/* RFC 4648, section 10. */
static const struct pair known[] = {
    {"", ""},
    {"f", "Zg=="},
    {"fo", "Zm8="},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="},
    {"fooba", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
};

static void known_answers_are_given(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 100);
    for (size_t i = 0; i < CHECK_COUNT(known); i++) {
        buf_reset(&b);
        base64_encode(&b, bytes_of(known[i].bytes));
        check_text(buf_bytes(&b), known[i].text);
        buf_reset(&b);
        assert_int_equal(base64_decode(&b, bytes_of(known[i].text)), OK);
        check_text(buf_bytes(&b), known[i].bytes);
    }
    buf_done(&b);
}

static void url_form_has_its_own_digits_and_no_padding(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 100);
    base64_encode(&b, BYTES("\xfb\xff\xfe\xff"));
    check_text(buf_bytes(&b), "+//+/w==");
    buf_reset(&b);
    base64url_encode(&b, BYTES("\xfb\xff\xfe\xff"));
    check_text(buf_bytes(&b), "-__-_w");
    buf_reset(&b);
    assert_int_equal(base64url_decode(&b, BYTES("-__-_w")), OK);
    check_text(buf_bytes(&b), "\xfb\xff\xfe\xff");
    buf_done(&b);
}

static void malformed_text_is_refused_and_nothing_is_appended(void **state)
{
    (void)state;
    static const char *const plain[] = {
        "Z",        "Zg",   "Zg=",    "Zh==",     "Zm9=", "====", "Z===", "=",
        "Zg==Zg==", "Zm 9", "Zm9v\n", "Zm9v====", "-_-_", "Zg=a", "Z=g=", "Zm9v=",
    };
    static const char *const url[] = {"Z", "Zg==", "Zh", "Zm9", "+/+/", "Zm9v!", "Zm8=", "Zm9vY"};
    struct buf b;
    buf_init(&b, 100);
    buf_put(&b, BYTES("kept"));
    for (size_t i = 0; i < CHECK_COUNT(plain); i++)
        assert_int_equal(base64_decode(&b, bytes_of(plain[i])), ERR_SYNTAX);
    for (size_t i = 0; i < CHECK_COUNT(url); i++)
        assert_int_equal(base64url_decode(&b, bytes_of(url[i])), ERR_SYNTAX);
    check_text(buf_bytes(&b), "kept");
    buf_done(&b);
}

static void every_byte_but_the_digits_is_refused(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 10000);
    size_t plain = 0;
    size_t url = 0;
    for (int c = 0; c < 256; c++) {
        char text[4] = {'A', (char)c, 'A', 'A'};
        plain += base64_decode(&b, (struct bytes){text, 4}) == OK;
        url += base64url_decode(&b, (struct bytes){text, 4}) == OK;
    }
    assert_int_equal(plain, 64);
    assert_int_equal(url, 64);
    buf_done(&b);
}

static void check_round(struct rng *r, size_t size, void (*encode)(struct buf *, struct bytes),
                        enum err (*decode)(struct buf *, struct bytes))
{
    char in[100];
    struct buf text, out;
    buf_init(&text, 1000);
    buf_init(&out, 1000);
    check_fill(r, in, size);
    encode(&text, (struct bytes){in, size});
    struct bytes boxed = check_boxed(buf_bytes(&text));
    assert_int_equal(decode(&out, boxed), OK);
    assert_true(bytes_equal(buf_bytes(&out), (struct bytes){in, size}));
    check_unbox(boxed);
    buf_done(&text);
    buf_done(&out);
}

static void decoding_gives_back_what_was_encoded(void **state)
{
    (void)state;
    struct rng r;
    rng_init(&r, 1);
    for (size_t size = 0; size < 100; size++) {
        check_round(&r, size, base64_encode, base64_decode);
        check_round(&r, size, base64url_encode, base64url_decode);
    }
}

static void one_text_stands_for_one_run_of_bytes(void **state)
{
    (void)state;
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    struct buf b;
    buf_init(&b, 100000);
    size_t accepted = 0;
    for (size_t i = 0; i < 64; i++) {
        char text[2] = {'A', digits[i]};
        accepted += base64url_decode(&b, (struct bytes){text, 2}) == OK;
    }
    assert_int_equal(accepted, 4);
    buf_done(&b);
}

static void text_needs_no_more_room_than_it_has_bytes(void **state)
{
    (void)state;
    for (size_t size = 0; size < 10; size++) {
        struct buf b;
        buf_init(&b, (size + 2) / 3 * 4);
        base64_encode(&b, (struct bytes){"0123456789", size});
        assert_int_equal(b.err, OK);
        assert_int_equal(b.size, b.max);
        buf_done(&b);
        buf_init(&b, (size * 4 + 2) / 3);
        base64url_encode(&b, (struct bytes){"0123456789", size});
        assert_int_equal(b.err, OK);
        assert_int_equal(b.size, b.max);
        buf_done(&b);
    }
}

static void buffer_errors_are_passed_on(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 2);
    assert_int_equal(base64_decode(&b, BYTES("Zm9v")), ERR_LIMIT);
    buf_reset(&b);
    base64_encode(&b, BYTES("foo"));
    assert_int_equal(b.err, ERR_LIMIT);
    buf_done(&b);
    buf_init(&b, 100);
    mem_fail_at(1);
    assert_int_equal(base64url_decode(&b, BYTES("Zm9v")), ERR_NOMEM);
    mem_fail_at(0);
    buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answers_are_given),
        cmocka_unit_test(url_form_has_its_own_digits_and_no_padding),
        cmocka_unit_test(malformed_text_is_refused_and_nothing_is_appended),
        cmocka_unit_test(every_byte_but_the_digits_is_refused),
        cmocka_unit_test(decoding_gives_back_what_was_encoded),
        cmocka_unit_test(one_text_stands_for_one_run_of_bytes),
        cmocka_unit_test(text_needs_no_more_room_than_it_has_bytes),
        cmocka_unit_test(buffer_errors_are_passed_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
