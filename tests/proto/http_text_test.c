#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "proto/http.h"

static void assert_text(struct buf *out, const char *expected)
{
    assert_int_equal(out->err, OK);
    buf_put_char(out, 0);
    assert_string_equal(out->data, expected);
    buf_reset(out);
}

static int setup(void **state)
{
    struct buf *out = mem_alloc(sizeof(*out));
    assert_non_null(out);
    buf_init(out, 10000);
    *state = out;
    return 0;
}

static int teardown(void **state)
{
    buf_done(*state);
    mem_free(*state);
    return 0;
}

static void a_status_line_has_the_registered_reason(void **state)
{
    struct buf *out = *state;
    http_put_status(out, 101);
    http_put_status(out, 200);
    http_put_status(out, 413);
    http_put_status(out, 505);
    assert_text(out, "HTTP/1.1 101 Switching Protocols\r\n"
                     "HTTP/1.1 200 OK\r\n"
                     "HTTP/1.1 413 Content Too Large\r\n"
                     "HTTP/1.1 505 HTTP Version Not Supported\r\n");
}

static void a_status_that_nobody_registered_has_an_empty_reason(void **state)
{
    struct buf *out = *state;
    http_put_status(out, 299);
    assert_text(out, "HTTP/1.1 299 \r\n");
}

static void every_status_the_parser_answers_with_has_a_reason(void **state)
{
    struct buf *out = *state;
    static const int statuses[] = {400, 413, 431, 501, 503, 505};
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        http_put_status(out, statuses[i]);
        assert_true(out->size > sizeof("HTTP/1.1 400 \r\n"));
        buf_reset(out);
    }
}

static void a_header_cannot_be_broken_into_two(void **state)
{
    struct buf *out = *state;
    http_put_header(out, BYTES("Location"), BYTES("/a\r\nSet-Cookie: x\0y\n"));
    http_put_header(out, BYTES("Vary"), BYTES("Origin"));
    http_put_header(out, BYTES("Empty"), (struct bytes){NULL, 0});
    http_put_header(out, BYTES("Only-Breaks"), BYTES("\r\n\r\n"));
    assert_text(out, "Location: /aSet-Cookie: xy\r\nVary: Origin\r\nEmpty: \r\nOnly-Breaks: \r\n");
}

static void a_number_is_written_in_full(void **state)
{
    struct buf *out = *state;
    http_put_header_u64(out, BYTES("Content-Length"), 0);
    http_put_header_u64(out, BYTES("HomeBake-Seq"), UINT64_MAX);
    assert_text(out, "Content-Length: 0\r\nHomeBake-Seq: 18446744073709551615\r\n");
}

static void assert_decoded(struct buf *out, const char *encoded, const char *query,
                           const char *path)
{
    assert_int_equal(http_decode_query(out, bytes_of(encoded)), OK);
    assert_text(out, query);
    assert_int_equal(http_decode_path(out, bytes_of(encoded)), OK);
    assert_text(out, path);
}

static void escapes_are_undone(void **state)
{
    struct buf *out = *state;
    assert_decoded(out, "", "", "");
    assert_decoded(out, "plain", "plain", "plain");
    assert_decoded(out, "a+b%2Bc%20d", "a b+c d", "a+b+c d");
    assert_decoded(out, "%41%5a%5A%7e", "AZZ~", "AZZ~");
    assert_decoded(out, "%C3%A4%e2%82%ac", "\xc3\xa4\xe2\x82\xac", "\xc3\xa4\xe2\x82\xac");
    assert_decoded(out, "\xc3\xa4", "\xc3\xa4", "\xc3\xa4");
    assert_decoded(out, "%C3\xa4", "\xc3\xa4", "\xc3\xa4");
    assert_decoded(out, "%2541", "%41", "%41");
}

static void broken_escapes_are_refused_and_leave_nothing(void **state)
{
    struct buf *out = *state;
    static const char *const broken[] = {
        "%",   "a%4",    "%4",  "%%41", "%G1",    "%1g",       "%-1",          "%00",  "a%00b",
        "%C3", "%C3%28", "%ff", "\xff", "%c0%af", "%ed%a0%80", "%f4%90%80%80", "% 41", "good%"};
    buf_put_literal(out, "before");
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        assert_int_equal(http_decode_query(out, bytes_of(broken[i])), ERR_SYNTAX);
        assert_int_equal(http_decode_path(out, bytes_of(broken[i])), ERR_SYNTAX);
    }
    assert_int_equal(http_decode_path(out, BYTES("a\0b")), ERR_SYNTAX);
    assert_text(out, "before");
}

/* In memory of its own size, so that a read past the end is seen. */
static void an_escape_cut_anywhere_is_refused(void **state)
{
    struct buf *out = *state;
    struct bytes whole = BYTES("%e2%82%ac");
    for (size_t size = 1; size < whole.size; size++) {
        char *copy = mem_copy(bytes_slice(whole, 0, size));
        assert_non_null(copy);
        copy = mem_realloc(copy, size);
        assert_int_equal(http_decode_query(out, (struct bytes){copy, size}), ERR_SYNTAX);
        mem_free(copy);
    }
    assert_int_equal(http_decode_query(out, whole), OK);
    assert_text(out, "\xe2\x82\xac");
}

static void decoding_gives_the_error_of_the_buffer(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 3);
    assert_int_equal(http_decode_query(&out, BYTES("abcd")), ERR_LIMIT);
    assert_int_equal(http_decode_query(&out, BYTES("a")), ERR_LIMIT);
    buf_done(&out);
    buf_init(&out, 100);
    mem_fail_at(1);
    enum err e = http_decode_path(&out, BYTES("abcd"));
    mem_fail_at(0);
    assert_int_equal(e, ERR_NOMEM);
    buf_done(&out);
}

static void assert_pairs(struct buf *out, struct bytes query, const char *expected)
{
    struct bytes key, value;
    while (http_query_next(&query, &key, &value)) {
        buf_put_char(out, '[');
        buf_put(out, key);
        buf_put_char(out, '|');
        buf_put(out, value);
        buf_put_char(out, ']');
    }
    assert_text(out, expected);
}

static void a_query_is_walked_pair_by_pair(void **state)
{
    struct buf *out = *state;
    assert_pairs(out, BYTES("select=*&id=eq.1&order=a.desc"), "[select|*][id|eq.1][order|a.desc]");
    assert_pairs(out, BYTES("a=b=c&d&=e&f="), "[a|b=c][d|][|e][f|]");
    assert_pairs(out, BYTES("&&a=1&&b=2&"), "[a|1][b|2]");
    assert_pairs(out, BYTES("a%3Db=%26"), "[a%3Db|%26]");
    assert_pairs(out, BYTES(""), "");
    assert_pairs(out, BYTES("&"), "");
    assert_pairs(out, (struct bytes){NULL, 0}, "");
}

static void what_is_named_without_q_0_is_accepted(void **state)
{
    static const struct {
        struct bytes list;
        bool is_accepted;
    } cases[] = {
        {BYTES_INIT("gzip"), true},
        {BYTES_INIT("br, GZIP;q=0.5"), true},
        {BYTES_INIT("deflate , gzip ; q=1"), true},
        {BYTES_INIT("gzip;q=0.001"), true},
        {BYTES_INIT("gzip;q=0"), false},
        {BYTES_INIT("gzip; Q=0.000, br"), false},
        {BYTES_INIT("x-gzip, br"), false},
        {BYTES_INIT("*"), false},
        {BYTES_INIT(""), false},
        {BYTES_INIT(",;,"), false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(http_list_accepts(cases[i].list, BYTES("gzip")), cases[i].is_accepted);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_status_line_has_the_registered_reason),
        TEST(a_status_that_nobody_registered_has_an_empty_reason),
        TEST(every_status_the_parser_answers_with_has_a_reason),
        TEST(a_header_cannot_be_broken_into_two),
        TEST(a_number_is_written_in_full),
        TEST(escapes_are_undone),
        TEST(broken_escapes_are_refused_and_leave_nothing),
        TEST(an_escape_cut_anywhere_is_refused),
        TEST(decoding_gives_the_error_of_the_buffer),
        TEST(a_query_is_walked_pair_by_pair),
        TEST(what_is_named_without_q_0_is_accepted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
