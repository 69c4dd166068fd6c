#include "posix/answer.h"

#include "base/mem.h"
#include "check.h"

enum { BODY_MAX = 64 };

/* What came of it: "200 body", or the name of the error. */
static void put_result(struct buf *log, enum err e, const struct answer *a)
{
    if (e) {
        buf_put(log, bytes_of(err_text(e)));
        return;
    }
    buf_put_u64(log, a->status);
    buf_put_char(log, ' ');
    buf_put(log, a->body);
}

/* `wire` in pieces of `first`, and of `step` from then on; then the other end closes. */
static void read_in_pieces(struct bytes wire, size_t first, size_t step, struct buf *log)
{
    struct answer_reader r;
    struct answer a;
    enum err e = ERR_AGAIN;
    answer_reader_init(&r, BODY_MAX, false);
    for (size_t at = 0, end = first; e == ERR_AGAIN && at < wire.size; at = end, end += step) {
        struct bytes boxed = check_boxed(bytes_slice(wire, at, end)), in = boxed;
        e = answer_reader_feed(&r, &in, &a);
        assert_true(e != ERR_AGAIN || in.size == 0);
        check_unbox(boxed);
    }
    if (e == ERR_AGAIN)
        e = answer_reader_end(&r, &a);
    put_result(log, e, &a);
    answer_reader_done(&r);
}

static void check_piece(struct bytes wire, size_t first, size_t step, const char *want)
{
    struct buf log;
    buf_init(&log, 4096);
    read_in_pieces(wire, first, step, &log);
    check_text(buf_bytes(&log), want);
    buf_done(&log);
}

/* Whole, byte by byte, and in two pieces, cut everywhere. */
static void check_answer(const char *text, const char *want)
{
    struct bytes wire = bytes_of(text);
    check_piece(wire, 1, 1, want);
    for (size_t cut = 1; cut <= wire.size; cut++)
        check_piece(wire, cut, wire.size, want);
}

static void an_answer_of_a_known_length_ends_without_the_connection(void **state)
{
    (void)state;
    check_answer("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nbread", "200 bread");
    check_answer("HTTP/1.1 200 OK\r\ncontent-length:  5 \r\nX:\r\n\r\nbread and more", "200 bread");
    check_answer("HTTP/1.1 404 \r\nContent-Length: 0\r\n\r\n", "404 ");
    check_answer("HTTP/1.0 500\r\nContent-Length: 2\r\n\r\nno", "500 no");
}

static void an_answer_without_a_length_ends_with_the_connection(void **state)
{
    (void)state;
    check_answer("HTTP/1.1 200 OK\r\nServer: s\r\n\r\nbread", "200 bread");
    check_answer("HTTP/1.1 200 OK\r\n\r\n", "200 ");
}

static void chunks_are_joined_and_trailers_read_past(void **state)
{
    (void)state;
    check_answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                 "3\r\nbre\r\n0002;a=b\r\nad\r\n0\r\n\r\n",
                 "200 bread");
    check_answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n"
                 "a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\nX: y\r\nZ: 1\r\n\r\nmore",
                 "200 01234567890123456789");
}

static void answers_that_have_no_body_end_with_their_head(void **state)
{
    (void)state;
    check_answer("HTTP/1.1 204 No Content\r\n\r\n", "204 ");
    check_answer("HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", "304 ");
    check_answer("HTTP/1.1 101 Switching Protocols\r\n\r\n\x81\x01x", "101 ");
}

static void what_comes_before_the_answer_itself_is_passed_over(void **state)
{
    (void)state;
    check_answer("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
                 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
                 "200 ok");
    struct buf wire;
    buf_init(&wire, 4096);
    for (int i = 0; i <= ANSWER_INTERIM_MAX; i++)
        buf_put_literal(&wire, "HTTP/1.1 102 Processing\r\n\r\n");
    check_piece(buf_bytes(&wire), wire.size, 1, err_text(ERR_LIMIT));
    buf_done(&wire);
}

static void an_answer_that_is_cut_off_is_none(void **state)
{
    (void)state;
    static const char *const cut[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nbrea",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbread\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbread\r\n0\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbr",
        "H",
    };
    for (size_t i = 0; i < CHECK_COUNT(cut); i++)
        check_answer(cut[i], err_text(ERR_CLOSED));
}

static void what_is_no_answer_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "garbage\r\n\r\n",
        "HTTP/2 200 OK\r\n\r\n",
        "HTTP/1.1 99 Low\r\n\r\n",
        "HTTP/1.1 600 High\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1-200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        "HTTP/1.1 200 OK\r\n: nameless\r\n\r\n",
        "HTTP/1.1 200 OK\r\nName : blank\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: b\r\n folded: c\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: \x01\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: b\nC: d\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\nbread",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\nb\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nbb\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1000000000000000\r\n",
    };
    for (size_t i = 0; i < CHECK_COUNT(bad); i++)
        check_answer(bad[i], err_text(ERR_SYNTAX));
}

static void two_opinions_about_the_end_are_refused(void **state)
{
    (void)state;
    check_answer("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 3\r\n\r\nbread",
                 err_text(ERR_SYNTAX));
    check_answer(
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        err_text(ERR_SYNTAX));
}

/* `head`, then `piece` again and again: how it ends; more than `bytes_max` is never kept. */
static void check_endless(const char *head, const char *piece, size_t bytes_max)
{
    struct answer_reader r;
    struct answer a;
    struct bytes in = bytes_of(head);
    answer_reader_init(&r, BODY_MAX, false);
    enum err e = answer_reader_feed(&r, &in, &a);
    for (int i = 0; e == ERR_AGAIN; i++) {
        assert_true(i < 100000 && r.text.size <= bytes_max);
        in = bytes_of(piece);
        e = answer_reader_feed(&r, &in, &a);
    }
    assert_int_equal(e, ERR_LIMIT);
    answer_reader_done(&r);
}

static void nothing_is_endless(void **state)
{
    (void)state;
    check_endless("HTTP/1.1 200 OK\r\n", "X-Header: more of the same\r\n", ANSWER_HEAD_MAX);
    check_endless("HTTP/1.1 200 OK\r\nX: ", "yyyyyyyyyyyyyyyy", ANSWER_HEAD_MAX);
    check_endless("HTTP/1.1 200 OK\r\n\r\n", "body", ANSWER_HEAD_MAX + BODY_MAX);
    check_endless("HTTP/1.1 200 OK\r\nContent-Length: 65\r\n\r\n", "", BODY_MAX);
    check_endless("HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\n", "", BODY_MAX);
    check_endless("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n",
                  ANSWER_HEAD_MAX + BODY_MAX);
    check_endless("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;", "extension", 128);
    check_endless("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffff\r\n",
                  "body", ANSWER_HEAD_MAX + BODY_MAX);
    check_endless("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", "T: t\r\n", 128);
}

static void a_reader_without_memory_fails(void **state)
{
    (void)state;
    static const char text[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                               "1\r\nx\r\n0\r\n\r\n";
    enum err e = ERR_NOMEM;
    for (uint64_t n = 1; e; n++) {
        struct answer_reader r;
        struct answer a;
        struct bytes in = bytes_of(text);
        answer_reader_init(&r, BODY_MAX, false);
        mem_fail_at(n);
        e = answer_reader_feed(&r, &in, &a);
        bool is_hit = mem_fail_hit();
        mem_fail_at(0);
        assert_int_equal(e, is_hit ? ERR_NOMEM : OK);
        answer_reader_done(&r);
        assert_true(n < 10);
    }
}

static void headers_are_found_in_any_case(void **state)
{
    (void)state;
    struct answer a = {.head = BYTES("HomeBake-Seq: 12\r\nA:  b \r\na: c\r\nEmpty:\r\n")};
    check_text(answer_header(&a, BYTES("homebake-seq")), "12");
    check_text(answer_header(&a, BYTES("A")), "b");
    check_text(answer_header(&a, BYTES("Empty")), "");
    assert_null(answer_header(&a, BYTES("Home")).data);
    assert_null(answer_header(&a, BYTES("Seq")).data);
}

/* ---- the opening handshake ---- */

#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

static bool is_upgrade(const char *text)
{
    struct answer_reader r;
    struct answer a;
    struct bytes in = bytes_of(text);
    answer_reader_init(&r, 0, true);
    assert_int_equal(answer_reader_feed(&r, &in, &a), OK);
    bool is = answer_is_upgrade(&a, BYTES(ACCEPT));
    answer_reader_done(&r);
    return is;
}

static void the_handshake_of_the_rfc_opens_a_websocket(void **state)
{
    (void)state;
    assert_true(is_upgrade("HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\n"
                           "Connection: keep-alive, upgrade\r\n"
                           "Sec-WebSocket-Accept: " ACCEPT "\r\n\r\n"));
}

static void a_handshake_that_falls_short_opens_none(void **state)
{
    (void)state;
#define UP "Upgrade: websocket\r\n"
#define CO "Connection: Upgrade\r\n"
#define AC "Sec-WebSocket-Accept: " ACCEPT "\r\n"
    static const char *const bad[] = {
        "HTTP/1.1 200 OK\r\n" UP CO AC "\r\n",
        "HTTP/1.1 404 Not Found\r\nContent-Length: 999999\r\n\r\n",
        "HTTP/1.1 101 S\r\n" CO AC "\r\n",
        "HTTP/1.1 101 S\r\n" UP AC "\r\n",
        "HTTP/1.1 101 S\r\n" UP CO "\r\n",
        "HTTP/1.1 101 S\r\nUpgrade: h2c\r\n" CO AC "\r\n",
        "HTTP/1.1 101 S\r\n" UP "Connection: upgraded\r\n" AC "\r\n",
        "HTTP/1.1 101 S\r\n" UP CO "Sec-WebSocket-Accept: S3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
        "HTTP/1.1 101 S\r\n" UP CO "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo\r\n\r\n",
        "HTTP/1.1 101 S\r\n" UP CO AC "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
        "HTTP/1.1 101 S\r\n" UP CO AC "Sec-WebSocket-Protocol: chat\r\n\r\n",
    };
    for (size_t i = 0; i < CHECK_COUNT(bad); i++)
        assert_false(is_upgrade(bad[i]));
}

static void what_follows_the_handshake_is_left_for_the_frames(void **state)
{
    (void)state;
    struct answer_reader r;
    struct answer a;
    struct bytes in = BYTES("HTTP/1.1 101 S\r\n\r\nframes");
    answer_reader_init(&r, 0, true);
    assert_int_equal(answer_reader_feed(&r, &in, &a), OK);
    check_text(in, "frames");
    answer_reader_done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_of_a_known_length_ends_without_the_connection),
        cmocka_unit_test(an_answer_without_a_length_ends_with_the_connection),
        cmocka_unit_test(chunks_are_joined_and_trailers_read_past),
        cmocka_unit_test(answers_that_have_no_body_end_with_their_head),
        cmocka_unit_test(what_comes_before_the_answer_itself_is_passed_over),
        cmocka_unit_test(an_answer_that_is_cut_off_is_none),
        cmocka_unit_test(what_is_no_answer_is_refused),
        cmocka_unit_test(two_opinions_about_the_end_are_refused),
        cmocka_unit_test(nothing_is_endless),
        cmocka_unit_test(a_reader_without_memory_fails),
        cmocka_unit_test(headers_are_found_in_any_case),
        cmocka_unit_test(the_handshake_of_the_rfc_opens_a_websocket),
        cmocka_unit_test(a_handshake_that_falls_short_opens_none),
        cmocka_unit_test(what_follows_the_handshake_is_left_for_the_frames),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
