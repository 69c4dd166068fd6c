/* tls: TLS 1.2 and later on a non-blocking socket, server side, by OpenSSL (RFC 8446).  The context
 * is shared by all threads; a session belongs to one. */
#ifndef IO_TLS_H
#define IO_TLS_H

#include <sys/uio.h>

#include "base/buf.h"

struct tls_context;
struct tls;

enum { TLS_RECORD_MAX = 16 * 1024 };

/* PEM files: the certificate with its chain, and the key.  On failure `message` says what is wrong.
 */
MUST_USE enum err tls_context_new(const char *cert_file, const char *key_file, struct buf *message,
                                  struct tls_context **out);
void tls_context_free(struct tls_context *c);

/* For an accepted socket, which stays the caller's.  The handshake is done by the first calls of
 * recv and send. */
MUST_USE enum err tls_new(struct tls_context *c, int fd, struct tls **out);
/* Says close_notify when it can at once. */
void tls_free(struct tls *t);
/* As sock_recv; gives all that has been deciphered, so that readiness of the socket is the whole
 * truth. */
MUST_USE enum err tls_recv(struct tls *t, void *data, size_t size, size_t *got);
/* One SSL_write of the first TLS_RECORD_MAX bytes.  What is taken (*sent) is the session's and need
 * not be given again; while tls_has_pending, some of it waits for the socket and tls_send gives
 * ERR_AGAIN unless it can leave now. */
MUST_USE enum err tls_send(struct tls *t, const struct iovec *iov, int count, size_t *sent);
bool tls_has_pending(const struct tls *t);
/* Tries to get rid of the pending bytes: OK when none are left. */
MUST_USE enum err tls_flush(struct tls *t);

#endif
