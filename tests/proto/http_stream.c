#include "http_stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"

/* --- what the parser makes of a stream, as text --- */

static const char *name_of(enum http_method m)
{
    static const char *const names[] = {"GET",   "HEAD",   "POST",    "PUT",
                                        "PATCH", "DELETE", "OPTIONS", "OTHER"};
    return names[m];
}

static void put_field(struct buf *log, const char *label, struct bytes value)
{
    buf_put(log, bytes_of(label));
    buf_put(log, value);
}

static void log_request(struct buf *log, const struct http_request *r)
{
    put_field(log, "", bytes_of(name_of(r->method)));
    put_field(log, " ", r->target);
    put_field(log, " ", r->path);
    put_field(log, " ", r->query);
    for (size_t i = 0; i < r->header_count; i++) {
        put_field(log, "|", r->headers[i].name);
        put_field(log, "=", r->headers[i].value);
    }
    put_field(log, "|", r->body);
    put_field(log, "|", r->keep_alive ? BYTES("K") : BYTES("-"));
    put_field(log, "", r->upgrade ? BYTES("U") : BYTES("-"));
    put_field(log, "", r->expect_continue ? BYTES("E\n") : BYTES("-\n"));
}

static enum err expected_of(int status)
{
    switch (status) {
    case 400:
        return ERR_SYNTAX;
    case 413:
    case 431:
        return ERR_LIMIT;
    case 501:
    case 505:
        return ERR_UNSUPPORTED;
    default:
        return ERR_NOMEM;
    }
}

/* Logs what comes of one piece, in memory of its own size.  False once the stream is over: after an
 * error, or an upgrade, behind which the rest of the piece is logged. */
static bool feed(struct http_parser *p, struct bytes piece, struct buf *log)
{
    char *copy = mem_copy(piece);
    assert_non_null(copy);
    copy = mem_realloc(copy, piece.size ? piece.size : 1);
    struct bytes in = {copy, piece.size};
    bool goes_on = true;
    while (goes_on && in.size) {
        enum err e = http_parse(p, &in);
        if (e == ERR_AGAIN) {
            assert_int_equal(in.size, 0);
        } else if (e) {
            assert_int_equal(e, expected_of(http_parser_status(p)));
            assert_int_equal(http_parse(p, &in), e);
            buf_put_u64(log, (uint64_t)http_parser_status(p));
            goes_on = false;
        } else {
            log_request(log, http_parser_request(p));
            goes_on = !http_parser_request(p)->upgrade;
            if (goes_on)
                http_parser_reset(p);
            else
                put_field(log, "rest ", in);
        }
    }
    mem_free(copy);
    return goes_on;
}

/* In pieces of `step` bytes, the first of `first` bytes. */
static void parse(struct bytes wire, size_t first, size_t step, size_t header_max, size_t body_max,
                  struct buf *log)
{
    struct http_parser *p;
    assert_int_equal(http_parser_new(header_max, body_max, &p), OK);
    size_t at = 0;
    bool goes_on = true;
    while (goes_on && at < wire.size) {
        size_t end = at == 0 ? first : at + step;
        goes_on = feed(p, bytes_slice(wire, at, end), log);
        at = end;
    }
    http_parser_free(p);
}

void assert_log(struct bytes wire, size_t first, size_t step, const size_t max[2],
                const char *expected)
{
    struct buf log;
    buf_init(&log, STREAM_MAX);
    parse(wire, first, step, max[0], max[1], &log);
    buf_put_char(&log, 0);
    assert_string_equal(log.data, expected);
    buf_done(&log);
}

void assert_parses_within(struct bytes wire, size_t header_max, size_t body_max,
                          const char *expected)
{
    const size_t max[2] = {header_max, body_max};
    assert_log(wire, wire.size, 1, max, expected);
    assert_log(wire, 1, 1, max, expected);
    for (size_t cut = 1; cut < wire.size; cut++)
        assert_log(wire, cut, wire.size, max, expected);
}

void assert_parses(struct bytes wire, const char *expected)
{
    assert_parses_within(wire, HTTP_HEADER_BYTES_MAX, BODY_MAX, expected);
}

void put_times(struct buf *wire, struct bytes part, size_t count)
{
    for (size_t i = 0; i < count; i++)
        buf_put(wire, part);
}
