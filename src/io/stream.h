/* stream: one accepted connection, plain or TLS, behind the same four verbs.  Owns the descriptor
 * and the session. */
#ifndef IO_STREAM_H
#define IO_STREAM_H

#include "io/sock.h"
#include "io/tls.h"

struct stream {
    int fd;
    struct tls *tls; /* NULL: plain */
};

/* As sock_recv and sock_send. */
static inline enum err stream_recv(struct stream *s, void *data, size_t size, size_t *got)
{
    return s->tls ? tls_recv(s->tls, data, size, got) : sock_recv(s->fd, data, size, got);
}

static inline enum err stream_send(struct stream *s, const struct iovec *iov, int count,
                                   size_t *sent)
{
    return s->tls ? tls_send(s->tls, iov, count, sent) : sock_send(s->fd, iov, count, sent);
}

/* Bytes that count as sent but wait for the socket: ask for LOOP_WRITE and call stream_flush. */
static inline bool stream_has_pending(const struct stream *s)
{
    return s->tls && tls_has_pending(s->tls);
}

/* OK: nothing is pending; ERR_AGAIN; ERR_CLOSED. */
MUST_USE static inline enum err stream_flush(struct stream *s)
{
    return s->tls ? tls_flush(s->tls) : OK;
}

/* Ends our side: what was sent arrives, and the peer reads an end. */
void stream_finish(struct stream *s);
void stream_close(struct stream *s);

#endif
