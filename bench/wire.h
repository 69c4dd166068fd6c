/* wire: the client's end of a connection on loopback: WebSocket by hand, blocking, and the cutting
 * of what comes in into frames. */
#ifndef BENCH_WIRE_H
#define BENCH_WIRE_H

#include "base/buf.h"

enum { WIRE_TEXT = 1, WIRE_BINARY = 2, WIRE_HEAD_MAX = 14 };

int wire_connect(uint16_t port);
/* -1 when nobody listens. */
int wire_try_connect(uint16_t port);
void wire_set_nonblocking(int fd);
/* Acknowledges each segment when it is read, as a client does that only listens, and not 40 ms later by
 * a timer: ten thousand of these timers on one machine end together and keep a processor from all
 * else for 10 to 30 ms. */
void wire_acknowledge_at_once(int fd);
/* All of it, on a socket of either kind. */
void wire_send(int fd, const void *data, size_t size);

/* The request that turns a connection into a WebSocket; `protocol` may be NULL. */
size_t wire_put_upgrade(char *out, size_t size, const char *path, const char *protocol);
/* Takes the head of the answer to an upgrade off the socket, and not a byte more.  ERR_AGAIN: it is
 * not all there; ERR_CLOSED; ERR_DENIED. */
enum err wire_take_head(int fd);
/* Connects and asks for the upgrade; … */
int wire_dial(uint16_t port, const char *path, const char *protocol);
/* … takes the answer. */
void wire_await_upgrade(int fd);
/* Both; what follows the answer is left unread. */
int wire_open(uint16_t port, const char *path, const char *protocol);
/* One masked frame (the mask is zero, which is legal and costs nothing); returns its size, at most
 * WIRE_HEAD_MAX more than the payload's. */
size_t wire_put_frame(char *out, int opcode, const void *payload, size_t size);
void wire_send_frame(int fd, int opcode, const void *payload, size_t size);
/* Reads until these bytes have come, together with what came before them, to `out` (may be NULL). */
void wire_await(int fd, const void *wanted, size_t size, struct buf *out);

/* Cuts a stream of unmasked frames, across reads.  A zeroed one is at the start. */
struct frames {
    struct buf rest; /* the begun frame, when a read did not end with one */
    bool is_open;    /* rest has been used */
};
/* One message's payload, borrowed for the call. */
typedef void frames_fn(void *context, struct bytes payload);
struct frames_seen {
    uint64_t frames, payload_bytes; /* text and binary only */
};
/* What was whole in this read; `fn` may be NULL. */
struct frames_seen frames_feed(struct frames *f, struct bytes data, frames_fn *fn, void *context);
void frames_done(struct frames *f);

#endif
