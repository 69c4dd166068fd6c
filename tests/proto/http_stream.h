/* http_stream: what the request parser makes of a stream, for the tests of http. */
#ifndef TESTS_PROTO_HTTP_STREAM_H
#define TESTS_PROTO_HTTP_STREAM_H

#include "proto/http.h"

enum { BODY_MAX = 1000, STREAM_MAX = 1 << 20 };

/* How requests with a body begin. */
#define POST "POST / HTTP/1.1\r\nHost: h\r\n"
#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n"

void put_times(struct buf *wire, struct bytes part, size_t count);

/* Parses in pieces of `step` bytes, the first of `first` bytes, with the limits {header, body}. The
 * log has a line a request:
 *   METHOD target path query|name=value|body|KUE
 * (keep-alive, upgrade, expect; `-` for no), and ends with the status of an error, or with "rest "
 * and what follows an upgrade. */
void assert_log(struct bytes wire, size_t first, size_t step, const size_t max[2],
                const char *expected);
/* Whole, byte by byte, and in two pieces, cut everywhere. */
void assert_parses_within(struct bytes wire, size_t header_max, size_t body_max,
                          const char *expected);
/* The same with HTTP_HEADER_BYTES_MAX and BODY_MAX. */
void assert_parses(struct bytes wire, const char *expected);

#endif
