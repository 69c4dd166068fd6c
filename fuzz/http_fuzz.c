/* http_fuzz: the request parser and the decoding of targets.  The first byte says into what pieces
 * the rest is cut; whole and in pieces the requests must be the same, and fail or not alike. */
#include <stdlib.h>

#include "base/utf8.h"
#include "proto/http.h"

#include "fuzz.h"

enum { HEADER_MAX = 600, BODY_MAX = 200 };

static void put_line(struct buf *log, struct bytes text)
{
    assert(text.data != NULL || text.size == 0);
    buf_put(log, text);
    buf_put_char(log, '\n');
}

static bool is_one_line(struct bytes text)
{
    return bytes_find_char(text, '\r') == text.size && bytes_find_char(text, '\n') == text.size &&
           bytes_find_char(text, 0) == text.size;
}

static void log_request(struct buf *log, const struct http_request *r)
{
    assert(r->target.size > 0 && r->path.size > 0 && is_one_line(r->target));
    assert(r->header_count <= HTTP_HEADERS_MAX && r->body.size <= BODY_MAX);
    buf_put_u64(log, (uint64_t)r->method);
    put_line(log, r->target);
    put_line(log, r->path);
    put_line(log, r->query);
    for (size_t i = 0; i < r->header_count; i++) {
        assert(r->headers[i].name.size > 0);
        assert(is_one_line(r->headers[i].name) && is_one_line(r->headers[i].value));
        put_line(log, r->headers[i].name);
        put_line(log, r->headers[i].value);
    }
    put_line(log, r->body);
    buf_put_u64(log, (uint64_t)(r->keep_alive + 2 * r->upgrade + 4 * r->expect_continue));
}

static void decode_target(const struct http_request *r)
{
    struct buf out;
    struct bytes rest = r->query, key, value;
    buf_init(&out, SIZE_MAX / 2);
    if (!http_decode_path(&out, r->path))
        assert(utf8_is_valid(buf_bytes(&out)) && bytes_find_char(buf_bytes(&out), 0) == out.size);
    while (http_query_next(&rest, &key, &value)) {
        buf_reset(&out);
        if (!http_decode_query(&out, value))
            assert(utf8_is_valid(buf_bytes(&out)));
    }
    buf_done(&out);
}

/* One piece, in memory of its own size.  ERR_CLOSED behind an upgrade. */
static enum err feed(struct http_parser *p, struct bytes piece, struct buf *log)
{
    char *copy = malloc(piece.size);
    assert(copy != NULL);
    memcpy(copy, piece.data, piece.size);
    struct bytes in = {copy, piece.size};
    enum err e = ERR_AGAIN;
    while (in.size) {
        e = http_parse(p, &in);
        if (e)
            break;
        const struct http_request *r = http_parser_request(p);
        log_request(log, r);
        decode_target(r);
        e = r->upgrade ? ERR_CLOSED : ERR_AGAIN;
        if (e == ERR_CLOSED)
            break;
        http_parser_reset(p);
    }
    assert(e != ERR_AGAIN || in.size == 0);
    free(copy);
    return e;
}

static enum err parse(struct bytes wire, size_t step, struct buf *log)
{
    struct http_parser *p;
    assert(!http_parser_new(HEADER_MAX, BODY_MAX, &p));
    enum err e = ERR_AGAIN;
    for (size_t at = 0; e == ERR_AGAIN && at < wire.size; at += step)
        e = feed(p, bytes_slice(wire, at, at + step), log);
    if (e != ERR_AGAIN && e != ERR_CLOSED)
        assert(http_parser_status(p) >= 400 && http_parser_status(p) < 600);
    http_parser_free(p);
    return e;
}

static bool goes_on(enum err e)
{
    return e == ERR_AGAIN || e == ERR_CLOSED;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    struct bytes wire = fuzz_input(data + 1, size - 1);
    struct buf whole, pieces;
    buf_init(&whole, SIZE_MAX / 2);
    buf_init(&pieces, SIZE_MAX / 2);
    enum err e = parse(wire, wire.size, &whole);
    enum err e_pieces = parse(wire, (size_t)data[0] % 32 + 1, &pieces);
    assert(goes_on(e) ? e == e_pieces : !goes_on(e_pieces));
    assert(bytes_equal(buf_bytes(&whole), buf_bytes(&pieces)));
    buf_done(&whole);
    buf_done(&pieces);
    return 0;
}
