#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "proto/http.h"
#include "http_stream.h"

/* --- requests --- */

static void a_get_is_taken_apart(void **state)
{
    (void)state;
    assert_parses(BYTES("GET /rest/v1/sales_logs?select=*&shift=eq.night HTTP/1.1\r\n"
                        "Host: bakery.example\r\napikey:abc\r\nX-Empty:\r\nX-Blank: \t \r\n"
                        "Accept: \t a, b \t\r\n\r\n"),
                  "GET /rest/v1/sales_logs?select=*&shift=eq.night /rest/v1/sales_logs "
                  "select=*&shift=eq.night|Host=bakery.example|apikey=abc|X-Empty=|X-Blank=|"
                  "Accept=a, b||K--\n");
}

static void a_body_of_announced_length_is_gathered(void **state)
{
    (void)state;
    assert_parses(BYTES("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\nhello\r\nGET "),
                  "POST /a /a |Host=h|Content-Length=11|hello\r\nGET |K--\n");
    assert_parses(BYTES("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"),
                  "POST /a /a |Host=h|Content-Length=0||K--\n");
}

static void headers_without_a_value_are_headers(void **state)
{
    (void)state;
    assert_parses(BYTES("GET / HTTP/1.1\r\nHost:\r\nConnection:\r\nUpgrade:\r\nExpect:\r\nA:\r\n"
                        "Proxy-Connection: \r\nB:\r\n\r\n"),
                  "GET / / |Host=|Connection=|Upgrade=|Expect=|A=|Proxy-Connection=|B=||K--\n");
}

static void chunks_are_joined_and_trailers_forgotten(void **state)
{
    (void)state;
    assert_parses(BYTES("PATCH /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n"
                        "5\r\nhello\r\n001\r\n \r\n5;x;z=\"a b\"\r\nworld\r\n0\r\n"
                        "Trailer: x\r\nOther: y\r\n\r\n"),
                  "PATCH /a /a |Host=h|Transfer-Encoding=Chunked|hello world|K--\n");
    assert_parses(BYTES("PUT /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                        "0\r\n\r\n"),
                  "PUT /a /a |Host=h|Transfer-Encoding=chunked||K--\n");
}

static void pipelined_requests_come_one_by_one(void **state)
{
    (void)state;
    assert_parses(BYTES("GET /1 HTTP/1.1\r\nHost: h\r\n\r\n"
                        "POST /2 HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"
                        "DELETE /3 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                        "2\r\nxy\r\n0\r\n\r\n"
                        "\r\nHEAD /4 HTTP/1.0\r\n\r\n"
                        "GET /5 HTTP/1.1\r\nHost: h\r\n\r\n"),
                  "GET /1 /1 |Host=h||K--\n"
                  "POST /2 /2 |Host=h|Content-Length=3|abc|K--\n"
                  "DELETE /3 /3 |Host=h|Transfer-Encoding=chunked|xy|K--\n"
                  "HEAD /4 /4 ||---\n"
                  "GET /5 /5 |Host=h||K--\n");
}

static void every_method_has_its_name(void **state)
{
    (void)state;
    assert_parses(BYTES("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n"), "OPTIONS * * |Host=h||K--\n");
    assert_parses(BYTES("PUT / HTTP/1.1\r\nHost: h\r\n\r\n"), "PUT / / |Host=h||K--\n");
    assert_parses(BYTES("TRACE / HTTP/1.1\r\nHost: h\r\n\r\n"), "OTHER / / |Host=h||K--\n");
    assert_parses(BYTES("PROPFIND / HTTP/1.1\r\nHost: h\r\n\r\n"), "OTHER / / |Host=h||K--\n");
    assert_parses(BYTES("CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n"),
                  "OTHER h:80 h:80 |Host=h||---\n");
}

static void targets_are_split_in_every_form(void **state)
{
    (void)state;
    assert_parses(BYTES("GET http://h:8/a/b?c?d HTTP/1.1\r\nHost: h\r\n\r\n"),
                  "GET http://h:8/a/b?c?d /a/b c?d|Host=h||K--\n");
    assert_parses(BYTES("GET http://h?c HTTP/1.1\r\nHost: h\r\n\r\n"),
                  "GET http://h?c / c|Host=h||K--\n");
    assert_parses(BYTES("GET http://h HTTP/1.1\r\nHost: h\r\n\r\n"),
                  "GET http://h / |Host=h||K--\n");
    assert_parses(BYTES("GET /a?u=http://x/y HTTP/1.1\r\nHost: h\r\n\r\n"),
                  "GET /a?u=http://x/y /a u=http://x/y|Host=h||K--\n");
    assert_parses(BYTES("GET /? HTTP/1.1\r\nHost: h\r\n\r\n"), "GET /? / |Host=h||K--\n");
}

static void keep_alive_is_by_version_and_connection(void **state)
{
    (void)state;
    assert_parses(BYTES("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"),
                  "GET / / |Host=h|Connection=close||---\n");
    assert_parses(BYTES("GET / HTTP/1.0\r\n\r\n"), "GET / / ||---\n");
    assert_parses(BYTES("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"),
                  "GET / / |Connection=Keep-Alive||K--\n");
}

static void an_upgrade_leaves_what_follows_in_the_input(void **state)
{
    (void)state;
    struct bytes wire = BYTES("GET /realtime/v1/websocket?vsn=2.0.0 HTTP/1.1\r\nHost: h\r\n"
                              "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n"
                              "\x81\x80\x01\x02\x03\x04");
    const size_t max[2] = {HTTP_HEADER_BYTES_MAX, BODY_MAX};
    assert_log(wire, wire.size, 1, max,
               "GET /realtime/v1/websocket?vsn=2.0.0 /realtime/v1/websocket vsn=2.0.0|Host=h|"
               "Connection=keep-alive, Upgrade|Upgrade=websocket||KU-\n"
               "rest \x81\x80\x01\x02\x03\x04");
    for (size_t cut = 1; cut < wire.size - 6; cut++)
        assert_log(wire, cut, wire.size, max,
                   "GET /realtime/v1/websocket?vsn=2.0.0 /realtime/v1/websocket vsn=2.0.0|Host=h|"
                   "Connection=keep-alive, Upgrade|Upgrade=websocket||KU-\n"
                   "rest \x81\x80\x01\x02\x03\x04");
}

static void an_upgrade_needs_both_headers_and_the_newer_version(void **state)
{
    (void)state;
    assert_parses(BYTES("GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n\r\n"),
                  "GET / / |Host=h|Upgrade=websocket||K--\n");
    assert_parses(BYTES("GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\n\r\n"),
                  "GET / / |Host=h|Connection=Upgrade||K--\n");
    assert_parses(BYTES("GET / HTTP/1.0\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n"),
                  "GET / / |Connection=Upgrade|Upgrade=x||---\n");
}

static void an_upgrade_may_have_a_body(void **state)
{
    (void)state;
    assert_parses(BYTES("POST / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: x\r\n"
                        "Content-Length: 2\r\n\r\nab"),
                  "POST / / |Host=h|Connection=Upgrade|Upgrade=x|Content-Length=2|ab|KU-\nrest ");
}

static void header_names_are_found_in_any_case(void **state)
{
    (void)state;
    struct http_parser *p;
    struct bytes in = BYTES("GET / HTTP/1.1\r\nHOST: h\r\nA: 1\r\na: 2\r\nB:\r\n\r\n");
    assert_int_equal(http_parser_new(HTTP_HEADER_BYTES_MAX, 0, &p), OK);
    assert_int_equal(http_parse(p, &in), OK);
    const struct http_request *r = http_parser_request(p);
    assert_true(bytes_equal(http_header(r, BYTES("host")), BYTES("h")));
    assert_true(bytes_equal(http_header(r, BYTES("a")), BYTES("1")));
    assert_non_null(http_header(r, BYTES("b")).data);
    assert_int_equal(http_header(r, BYTES("b")).size, 0);
    assert_null(http_header(r, BYTES("c")).data);
    http_parser_free(p);
}

/* --- the life of a parser --- */

static struct http_parser *new_parser(void)
{
    struct http_parser *p;
    assert_int_equal(http_parser_new(HTTP_HEADER_BYTES_MAX, BODY_MAX, &p), OK);
    return p;
}

static void a_parser_is_inside_from_the_first_byte_to_the_last(void **state)
{
    (void)state;
    struct http_parser *p = new_parser();
    struct bytes parts[] = {BYTES("\r\n"),
                            BYTES("G"),
                            BYTES("ET / HTTP/1.1\r\nHost: h\r\n"),
                            BYTES("Content-Length: 2\r\n\r\n"),
                            BYTES("a"),
                            BYTES("b")};
    assert_false(http_parser_is_inside(p));
    assert_int_equal(http_parse(p, &parts[0]), ERR_AGAIN);
    assert_false(http_parser_is_inside(p));
    for (size_t i = 1; i < 5; i++) {
        assert_int_equal(http_parse(p, &parts[i]), ERR_AGAIN);
        assert_true(http_parser_is_inside(p));
    }
    assert_int_equal(http_parse(p, &parts[5]), OK);
    assert_false(http_parser_is_inside(p));
    http_parser_reset(p);
    assert_false(http_parser_is_inside(p));
    http_parser_free(p);
}

static void a_continue_is_wanted_once_between_head_and_body(void **state)
{
    (void)state;
    struct http_parser *p = new_parser();
    struct bytes head = BYTES(POST "Expect: 100-Continue\r\nContent-Length: 2\r\n\r");
    struct bytes end = BYTES("\n");
    struct bytes body = BYTES("ab");
    assert_int_equal(http_parse(p, &head), ERR_AGAIN);
    assert_false(http_parser_wants_continue(p));
    assert_int_equal(http_parse(p, &end), ERR_AGAIN);
    assert_true(http_parser_wants_continue(p));
    assert_false(http_parser_wants_continue(p));
    assert_int_equal(http_parse(p, &body), OK);
    assert_true(http_parser_request(p)->expect_continue);
    assert_false(http_parser_wants_continue(p));
    http_parser_free(p);
}

static void assert_no_continue(struct bytes wire, enum err expected)
{
    struct http_parser *p = new_parser();
    assert_int_equal(http_parse(p, &wire), expected);
    assert_false(http_parser_wants_continue(p));
    http_parser_free(p);
}

static void a_continue_is_not_wanted_without_need(void **state)
{
    (void)state;
    assert_no_continue(BYTES(POST "Content-Length: 2\r\n\r\n"), ERR_AGAIN);
    assert_no_continue(BYTES(POST "Expect: 200-ok\r\nContent-Length: 2\r\n\r\n"), ERR_AGAIN);
    assert_no_continue(BYTES(POST "Expect: 100-continue\r\nContent-Length: 2\r\n\r\nab"), OK);
    assert_no_continue(BYTES(POST "Expect: 100-continue\r\n\r\n"), OK);
    assert_no_continue(BYTES(POST "Expect: 100-continue\r\nContent-Length: 9999\r\n\r\n"),
                       ERR_LIMIT);
    assert_no_continue(
        BYTES("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"), ERR_AGAIN);
}

static void a_second_request_takes_no_memory(void **state)
{
    (void)state;
    struct http_parser *p = new_parser();
    struct bytes first = BYTES(POST "Content-Length: 5\r\n\r\nhello");
    struct bytes second = BYTES(POST "Content-Length: 5\r\n\r\nworld");
    assert_int_equal(http_parse(p, &first), OK);
    http_parser_reset(p);
    mem_fail_at(1);
    enum err e = http_parse(p, &second);
    bool hit = mem_fail_hit();
    mem_fail_at(0);
    assert_int_equal(e, OK);
    assert_false(hit);
    assert_true(bytes_equal(http_parser_request(p)->body, BYTES("world")));
    http_parser_free(p);
}

static void a_big_body_is_given_back_at_the_reset(void **state)
{
    (void)state;
    enum { BIG = 100 * 1024 };
    struct http_parser *p;
    struct buf wire;
    buf_init(&wire, STREAM_MAX);
    buf_put(&wire, BYTES(POST "Content-Length: 102400\r\n\r\n"));
    put_times(&wire, BYTES("x"), BIG);
    assert_int_equal(http_parser_new(HTTP_HEADER_BYTES_MAX, BIG, &p), OK);
    struct bytes first = buf_bytes(&wire);
    struct bytes second = buf_bytes(&wire);
    assert_int_equal(http_parse(p, &first), OK);
    assert_int_equal(http_parser_request(p)->body.size, BIG);
    http_parser_reset(p);
    mem_fail_at(1);
    enum err e = http_parse(p, &second); /* must ask for memory again */
    mem_fail_at(0);
    assert_int_equal(e, ERR_NOMEM);
    assert_int_equal(http_parser_status(p), 503);
    http_parser_free(p);
    buf_done(&wire);
}

static enum err parse_by_bytes(struct bytes wire)
{
    struct http_parser *p;
    enum err e = http_parser_new(HTTP_HEADER_BYTES_MAX, BODY_MAX, &p);
    if (e)
        return e;
    e = ERR_AGAIN;
    for (size_t i = 0; e == ERR_AGAIN && i < wire.size; i++) {
        struct bytes in = bytes_slice(wire, i, i + 1);
        e = http_parse(p, &in);
    }
    http_parser_free(p);
    return e;
}

static void a_request_without_memory_fails(void **state)
{
    (void)state;
    struct buf wire;
    buf_init(&wire, STREAM_MAX);
    buf_put(&wire, BYTES(CHUNKED));
    put_times(&wire, BYTES("1\r\nx\r\n"), 500);
    buf_put(&wire, BYTES("0\r\n\r\n"));
    bool hit = true;
    uint64_t n = 1;
    for (; hit; n++) {
        mem_fail_at(n);
        enum err e = parse_by_bytes(buf_bytes(&wire));
        hit = mem_fail_hit();
        mem_fail_at(0);
        assert_int_equal(e, hit ? ERR_NOMEM : OK);
        assert_true(n < 100);
    }
    assert_true(n > 4); /* parser, head, body at least */
    buf_done(&wire);
}

static void a_parser_that_was_never_made_may_be_freed(void **state)
{
    (void)state;
    http_parser_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_get_is_taken_apart),
        cmocka_unit_test(a_body_of_announced_length_is_gathered),
        cmocka_unit_test(headers_without_a_value_are_headers),
        cmocka_unit_test(chunks_are_joined_and_trailers_forgotten),
        cmocka_unit_test(pipelined_requests_come_one_by_one),
        cmocka_unit_test(every_method_has_its_name),
        cmocka_unit_test(targets_are_split_in_every_form),
        cmocka_unit_test(keep_alive_is_by_version_and_connection),
        cmocka_unit_test(an_upgrade_leaves_what_follows_in_the_input),
        cmocka_unit_test(an_upgrade_needs_both_headers_and_the_newer_version),
        cmocka_unit_test(an_upgrade_may_have_a_body),
        cmocka_unit_test(header_names_are_found_in_any_case),
        cmocka_unit_test(a_parser_is_inside_from_the_first_byte_to_the_last),
        cmocka_unit_test(a_continue_is_wanted_once_between_head_and_body),
        cmocka_unit_test(a_continue_is_not_wanted_without_need),
        cmocka_unit_test(a_second_request_takes_no_memory),
        cmocka_unit_test(a_big_body_is_given_back_at_the_reset),
        cmocka_unit_test(a_request_without_memory_fails),
        cmocka_unit_test(a_parser_that_was_never_made_may_be_freed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
