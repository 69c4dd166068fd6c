/* ws_stream: what a WebSocket client sends, and what the decoder makes of it, for the tests of ws.
 */
#ifndef TESTS_PROTO_WS_STREAM_H
#define TESTS_PROTO_WS_STREAM_H

#include "proto/ws.h"

enum { STREAM_MAX = 1 << 20, FIN = 0x80 };

/* A test's state is an empty struct buf. */
int stream_setup(void **state);
int stream_teardown(void **state);

/* A masked frame.  `first` is its first byte: bits and opcode. */
void stream_put_frame(struct buf *wire, int first, struct bytes payload);
void stream_put_close(struct buf *wire, uint64_t code, struct bytes reason);

/* One line a message: "text Hello\n", "close 1000 why\n"; of payloads over 64 bytes size and hash.
 */
void stream_log(struct buf *log, const struct ws_message *m);

/* Decodes whole, byte by byte, and in two pieces, cut everywhere (in long input: near its ends and
 * here and there).  The log of each must be as expected; an error ends it with its text. */
void assert_decodes_within(const struct buf *wire, size_t max, const char *expected);
/* The same with STREAM_MAX; empties `wire`. */
void assert_decodes(struct buf *wire, const char *expected);
/* Both, with compression negotiated. */
void assert_inflates_within(const struct buf *wire, size_t max, const char *expected);
void assert_inflates(struct buf *wire, const char *expected);

#endif
