/* http: HTTP/1.1 (RFC 9112), server side: an incremental request parser on llhttp, and the response
 * head. Pure.  One thread at a time.  The memory of a request is the parser's and ends with
 * http_reset. */
#ifndef PROTO_HTTP_H
#define PROTO_HTTP_H

#include "base/buf.h"

enum http_method {
    HTTP_GET,
    HTTP_HEAD,
    HTTP_POST,
    HTTP_PUT,
    HTTP_PATCH,
    HTTP_DELETE,
    HTTP_OPTIONS,
    HTTP_OTHER
};

enum { HTTP_HEADERS_MAX = 64, HTTP_HEADER_BYTES_MAX = 16 * 1024 };

struct http_header {
    struct bytes name; /* as sent */
    struct bytes value;
};

struct http_request {
    enum http_method method;
    struct bytes target; /* as sent: path and query */
    struct bytes path;   /* before the '?', still percent-encoded */
    struct bytes query;  /* behind the '?', still encoded */
    struct http_header *headers;
    size_t header_count;
    struct bytes body;
    bool keep_alive;
    bool upgrade;         /* Connection: upgrade with an Upgrade header */
    bool expect_continue; /* Expect: 100-continue */
};

/* The value of the first header of that name (any case); size 0 and data NULL when absent. */
struct bytes http_header(const struct http_request *r, struct bytes name);

struct http_parser; /* about 16 KiB and the body while a request comes in; free it when the peer
                       upgrades */

/* Limits in bytes. */
MUST_USE enum err http_parser_new(size_t header_bytes_max, size_t body_max,
                                  struct http_parser **out);
void http_parser_free(struct http_parser *p);
/* Feeds bytes and advances `*in` past what was consumed; never past the end of one request.
 *   OK          a whole request: http_parser_request gives it (borrowed until http_parser_reset)
 *   ERR_AGAIN   all consumed, more is needed
 *   ERR_SYNTAX  400     ERR_LIMIT  413 for the body, 431 for the header (see http_parser_status)
 *   ERR_UNSUPPORTED 501/505     ERR_NOMEM 503
 * After an error: answer with http_parser_status, then close. */
MUST_USE enum err http_parse(struct http_parser *p, struct bytes *in);
const struct http_request *http_parser_request(const struct http_parser *p);
/* The status code that fits the error. */
int http_parser_status(const struct http_parser *p);
/* True between the first byte of a request and its end (for the slow-peer deadline). */
bool http_parser_is_inside(const struct http_parser *p);
/* True once when the head is complete, says Expect: 100-continue, and the body is within its limit.
 */
bool http_parser_wants_continue(struct http_parser *p);
/* Ready for the next request of the connection. */
void http_parser_reset(struct http_parser *p);

/* "HTTP/1.1 200 OK\r\n"; the reason phrase by the registry. */
void http_put_status(struct buf *out, int status);
/* "name: value\r\n"; CR, LF and NUL in the value are left out. */
void http_put_header(struct buf *out, struct bytes name, struct bytes value);
void http_put_header_u64(struct buf *out, struct bytes name, uint64_t value);

/* Query strings and paths: %XX undone; '+' is a space in queries.  ERR_SYNTAX on a broken escape or
 * what is not UTF-8, or holds a NUL. */
MUST_USE enum err http_decode_query(struct buf *out, struct bytes encoded);
MUST_USE enum err http_decode_path(struct buf *out, struct bytes encoded);
/* The next `key=value` of a query, both still encoded.  False at the end. */
bool http_query_next(struct bytes *rest, struct bytes *key, struct bytes *value);
/* Does the value of Accept or Accept-Encoding name `token`, without q=0 (RFC 9110, 12.4.2)?  Stars
 * are not looked at. */
bool http_list_accepts(struct bytes list, struct bytes token);

#endif
