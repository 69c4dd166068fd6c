#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "proto/http.h"
#include "http_stream.h"

/* --- refusals --- */

static void requests_that_could_be_smuggled_are_refused(void **state)
{
    (void)state;
    static const struct bytes wires[] = {
        BYTES_INIT(POST "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        BYTES_INIT(POST "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n"),
        BYTES_INIT(POST "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc"),
        BYTES_INIT(POST "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc"),
        BYTES_INIT(POST "Content-Length: 3, 3\r\n\r\nabc"),
        BYTES_INIT(POST "Content-Length: +3\r\n\r\nabc"),
        BYTES_INIT(POST "Content-Length: -3\r\n\r\nabc"),
        BYTES_INIT(POST "Content-Length: 0x3\r\n\r\nabc"),
        BYTES_INIT(POST "Content-Length: 3 3\r\n\r\nabc"),
        BYTES_INIT(POST "Content-Length:\r\n\r\nabc"),
        BYTES_INIT(POST "Content-Length: 18446744073709551616\r\n\r\n"),
        BYTES_INIT(POST "Content-Length : 3\r\n\r\nabc"),
        BYTES_INIT(POST "Content-Length: \r\n 3\r\n\r\nabc"),
        BYTES_INIT("POST / HTTP/1.1\r\n Content-Length: 3\r\nHost: h\r\n\r\nabc"),
        BYTES_INIT(POST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
        BYTES_INIT(POST "Transfer-Encoding: identity\r\n\r\n0\r\n\r\n"),
        BYTES_INIT(POST "Transfer-Encoding:\r\n\r\n0\r\n\r\n"),
        BYTES_INIT(POST "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"),
        BYTES_INIT(POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n\r\n0\r\n\r\n"),
        BYTES_INIT(POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"),
        BYTES_INIT(POST "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n"),
        BYTES_INIT(POST "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n"),
        BYTES_INIT(POST "Transfer-Encoding:\x0b"
                        "chunked\r\n\r\n0\r\n\r\n"),
        BYTES_INIT("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        BYTES_INIT(CHUNKED "3\nabc\r\n0\r\n\r\n"),
        BYTES_INIT(CHUNKED "3\r\nabc0\r\n\r\n"),
        BYTES_INIT(CHUNKED "3\r\nabc\n0\r\n\r\n"),
        BYTES_INIT(CHUNKED "3\r\nabcd\r\n0\r\n\r\n"),
        BYTES_INIT(CHUNKED "3\rXabc\r\n0\r\n\r\n"),
        BYTES_INIT(CHUNKED "3 \r\nabc\r\n0\r\n\r\n"),
        BYTES_INIT(CHUNKED " 3\r\nabc\r\n0\r\n\r\n"),
        BYTES_INIT(CHUNKED "0x3\r\nabc\r\n0\r\n\r\n"),
        BYTES_INIT(CHUNKED "-3\r\nabc\r\n0\r\n\r\n"),
        BYTES_INIT(CHUNKED "10000000000000003\r\nabc\r\n0\r\n\r\n"),
        BYTES_INIT(CHUNKED "3;a\nabc\r\n0\r\n\r\n"),
        BYTES_INIT(CHUNKED "3;a\rXabc\r\n0\r\n\r\n"),
        BYTES_INIT(CHUNKED "3;a=\"\n\"\r\nabc\r\n0\r\n\r\n"),
        BYTES_INIT(CHUNKED "0\r\n\n"),
        BYTES_INIT(CHUNKED "0\r\nA: b\r\n\n"),
        BYTES_INIT(CHUNKED "0\r\nA: b\n\r\n"),
    };
    for (size_t i = 0; i < sizeof(wires) / sizeof(wires[0]); i++)
        assert_parses(wires[i], "400");
}

static void heads_with_wrong_lines_are_refused(void **state)
{
    (void)state;
    static const struct bytes wires[] = {
        BYTES_INIT("GET / HTTP/1.1\nHost: h\n\n"),
        BYTES_INIT("GET / HTTP/1.1\nHost: h\r\n\r\n"),
        BYTES_INIT("GET / HTTP/1.1\r\nHost: h\n\r\n"),
        BYTES_INIT("GET / HTTP/1.1\r\nHost: h\r\n\n"),
        BYTES_INIT("\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"),
        BYTES_INIT("\rGET / HTTP/1.1\r\nHost: h\r\n\r\n"),
        BYTES_INIT("GET / HTTP/1.1\r\nHost: h\r\nA: b\rC: d\r\n\r\n"),
        BYTES_INIT("GET / HTTP/1.1\r\nHost: h\r\nA:\rC: d\r\n\r\n"),
        BYTES_INIT("GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n folded\r\n\r\n"),
        BYTES_INIT("GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n\tfolded\r\n\r\n"),
        BYTES_INIT("GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n \r\n\r\n"),
        BYTES_INIT("GET / HTTP/1.1\r\nHost: h\r\nA:\r\n folded\r\n\r\n"),
        BYTES_INIT("GET / HTTP/1.1\r\nHost: h\r\nA:\r\n \r\n\r\n"),
        BYTES_INIT("GET / HTTP/1.1\r\nHost: h\r\n: no name\r\n\r\n"),
        BYTES_INIT("GET / HTTP/1.1\r\nHost: h\r\nno colon\r\n\r\n"),
        BYTES_INIT("GET / HTTP/1.1\r\nHost: h\r\nA B: c\r\n\r\n"),
        BYTES_INIT("GET / HTTP/1.1\r\nHost: h\r\nA\x80: c\r\n\r\n"),
        BYTES_INIT("GET / HTTP/1.1\r\nHost: h\r\nA: b\0c\r\n\r\n"),
        BYTES_INIT("GET / HTTP/1.1\r\nHost: h\r\nA: b\x01"
                   "c\r\n\r\n"),
        BYTES_INIT("GET / HTTP/1.1\r\nHost: h\r\nA: b\x7f"
                   "c\r\n\r\n"),
        BYTES_INIT("GET  / HTTP/1.1\r\nHost: h\r\n\r\n"),
        BYTES_INIT("GET /  HTTP/1.1\r\nHost: h\r\n\r\n"),
        BYTES_INIT("GET / x HTTP/1.1\r\nHost: h\r\n\r\n"),
        BYTES_INIT("GET\t/ HTTP/1.1\r\nHost: h\r\n\r\n"),
        BYTES_INIT("GET / RTSP/1.0\r\n\r\n"),
        BYTES_INIT("GET \xc3\xa4 HTTP/1.1\r\nHost: h\r\n\r\n"),
        BYTES_INIT("GET /\xc3\xa4 HTTP/1.1\r\nHost: h\r\n\r\n"),
        BYTES_INIT("GET /\x01 HTTP/1.1\r\nHost: h\r\n\r\n"),
        BYTES_INIT("GET nothing HTTP/1.1\r\nHost: h\r\n\r\n"),
        BYTES_INIT("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"), /* somebody speaks TLS */
        BYTES_INIT("(GET / HTTP/1.1\r\nHost: h\r\n\r\n"),
        BYTES_INIT(" GET / HTTP/1.1\r\nHost: h\r\n\r\n"),
    };
    for (size_t i = 0; i < sizeof(wires) / sizeof(wires[0]); i++)
        assert_parses(wires[i], "400");
}

static void a_host_is_named_once(void **state)
{
    (void)state;
    assert_parses(BYTES("GET / HTTP/1.1\r\n\r\n"), "400");
    assert_parses(BYTES("GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n"), "400");
    assert_parses(BYTES("GET / HTTP/1.1\r\nHost:\r\n\r\n"), "GET / / |Host=||K--\n");
}

static void unknown_methods_codings_and_versions_are_not_supported(void **state)
{
    (void)state;
    assert_parses(BYTES("BAKE / HTTP/1.1\r\nHost: h\r\n\r\n"), "501");
    assert_parses(BYTES("get / HTTP/1.1\r\nHost: h\r\n\r\n"), "501");
    assert_parses(BYTES("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"),
                  "501");
    assert_parses(BYTES("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n"
                        "Transfer-Encoding: chunked\r\n\r\n"),
                  "501");
    assert_parses(BYTES("GET / HTTP/2.0\r\nHost: h\r\n\r\n"), "505");
    assert_parses(BYTES("GET / HTTP/0.9\r\nHost: h\r\n\r\n"), "505");
    assert_parses(BYTES("GET / HTTP/1.2\r\nHost: h\r\n\r\n"), "505");
    assert_parses(BYTES("GET / HTTP/3.0\r\nHost: h\r\n\r\n"), "505");
    assert_parses(BYTES("GET /\r\n\r\n"), "505");
    assert_parses(BYTES("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), "505");
}

/* --- limits --- */

static void a_head_of_the_limit_passes_and_one_more_byte_does_not(void **state)
{
    (void)state;
    struct bytes wire = BYTES("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_parses_within(wire, wire.size, 0, "GET / / |Host=h||K--\n");
    assert_parses_within(wire, wire.size - 1, 0, "431");
    assert_parses_within(wire, 1, 0, "431");
    assert_parses_within(wire, 0, 0, "431");
    assert_parses_within(BYTES("\r\n\r\n\r\n\r\n"), 7, 0, "431");
}

static void an_endless_header_ends_at_the_limit(void **state)
{
    (void)state;
    struct http_parser *p;
    char part[100];
    enum err e = ERR_AGAIN;
    size_t size = 0;
    memset(part, 'a', sizeof(part));
    assert_int_equal(http_parser_new(HTTP_HEADER_BYTES_MAX, BODY_MAX, &p), OK);
    struct bytes start = BYTES("GET / HTTP/1.1\r\nHost: ");
    assert_int_equal(http_parse(p, &start), ERR_AGAIN);
    for (; e == ERR_AGAIN && size < 2 * HTTP_HEADER_BYTES_MAX; size += sizeof(part)) {
        struct bytes in = {part, sizeof(part)};
        e = http_parse(p, &in);
    }
    assert_int_equal(e, ERR_LIMIT);
    assert_int_equal(http_parser_status(p), 431);
    assert_in_range(size, HTTP_HEADER_BYTES_MAX - 200, HTTP_HEADER_BYTES_MAX + 200);
    http_parser_free(p);
}

static void put_request_with_headers(struct buf *wire, size_t count)
{
    buf_reset(wire);
    buf_put(wire, BYTES("GET / HTTP/1.1\r\nHost: h\r\n"));
    for (size_t i = 1; i < count; i++)
        buf_put(wire, BYTES("A: b\r\n"));
    buf_put(wire, BYTES("\r\n"));
}

static void as_many_headers_as_the_limit_pass_and_one_more_does_not(void **state)
{
    (void)state;
    struct buf wire;
    struct buf log;
    buf_init(&wire, STREAM_MAX);
    buf_init(&log, STREAM_MAX);
    put_request_with_headers(&wire, HTTP_HEADERS_MAX);
    buf_put(&log, BYTES("GET / / |Host=h"));
    for (size_t i = 1; i < HTTP_HEADERS_MAX; i++)
        buf_put(&log, BYTES("|A=b"));
    buf_put(&log, BYTES("||K--\n\0"));
    assert_parses(buf_bytes(&wire), log.data);
    put_request_with_headers(&wire, HTTP_HEADERS_MAX + 1);
    assert_parses(buf_bytes(&wire), "431");
    buf_done(&wire);
    buf_done(&log);
}

static void a_body_of_the_limit_passes_and_one_more_byte_does_not(void **state)
{
    (void)state;
    struct bytes fixed = BYTES(POST "Content-Length: 5\r\n\r\nhello");
    assert_parses_within(fixed, 1000, 5, "POST / / |Host=h|Content-Length=5|hello|K--\n");
    assert_parses_within(fixed, 1000, 4, "413");
    assert_parses_within(fixed, 1000, 0, "413");
    struct bytes chunked = BYTES(CHUNKED "3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n");
    assert_parses_within(chunked, 1000, 5,
                         "POST / / |Host=h|Transfer-Encoding=chunked|hello|K--\n");
    assert_parses_within(chunked, 1000, 4, "413");
    assert_parses_within(chunked, 1000, 0, "413");
}

static void a_body_over_the_limit_is_refused_when_it_is_announced(void **state)
{
    (void)state;
    assert_parses(BYTES(POST "Content-Length: 1001\r\n\r\n"), "413");
    assert_parses(BYTES(POST "Content-Length: 18446744073709551615\r\n\r\n"), "413");
    assert_parses(BYTES(POST "Expect: 100-continue\r\nContent-Length: 1001\r\n\r\n"), "413");
    assert_parses(BYTES(CHUNKED "3e9\r\n"), "413");
    assert_parses(BYTES(CHUNKED "1\r\na\r\n3e8\r\n"), "413");
    assert_parses(BYTES(CHUNKED "1\r\na\r\nffffffffffffffff\r\n"), "413");
}

static void tiny_chunks_pass_but_endless_framing_does_not(void **state)
{
    (void)state;
    struct buf wire;
    struct buf log;
    buf_init(&wire, STREAM_MAX);
    buf_init(&log, STREAM_MAX);
    buf_put(&wire, BYTES(CHUNKED));
    put_times(&wire, BYTES("1\r\nx\r\n"), 500);
    buf_put(&wire, BYTES("0\r\n\r\n"));
    buf_put(&log, BYTES("POST / / |Host=h|Transfer-Encoding=chunked|"));
    put_times(&log, BYTES("x"), 500);
    buf_put(&log, BYTES("|K--\n\0"));
    assert_parses_within(buf_bytes(&wire), 100, 500, log.data);

    buf_reset(&wire);
    buf_put(&wire, BYTES(CHUNKED "3;"));
    put_times(&wire, BYTES("a"), 200);
    assert_parses_within(buf_bytes(&wire), 100, 500, "413");
    buf_put(&wire, BYTES("\r\nabc\r\n100\r\n")); /* a body that comes later is no excuse */
    put_times(&wire, BYTES("x"), 256);
    assert_parses_within(buf_bytes(&wire), 100, 500, "413");

    buf_reset(&wire);
    buf_put(&wire, BYTES(CHUNKED "0\r\n"));
    put_times(&wire, BYTES("A: b\r\n"), 200);
    assert_parses_within(buf_bytes(&wire), 100, 500, "431");
    buf_done(&wire);
    buf_done(&log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_that_could_be_smuggled_are_refused),
        cmocka_unit_test(heads_with_wrong_lines_are_refused),
        cmocka_unit_test(a_host_is_named_once),
        cmocka_unit_test(unknown_methods_codings_and_versions_are_not_supported),
        cmocka_unit_test(a_head_of_the_limit_passes_and_one_more_byte_does_not),
        cmocka_unit_test(an_endless_header_ends_at_the_limit),
        cmocka_unit_test(as_many_headers_as_the_limit_pass_and_one_more_does_not),
        cmocka_unit_test(a_body_of_the_limit_passes_and_one_more_byte_does_not),
        cmocka_unit_test(a_body_over_the_limit_is_refused_when_it_is_announced),
        cmocka_unit_test(tiny_chunks_pass_but_endless_framing_does_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
