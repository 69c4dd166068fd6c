/* wire: one outgoing TCP connection that never blocks once its name is looked up, with TLS by
 * OpenSSL where the address says https.  One thread.  The program ignores SIGPIPE. */
#ifndef BINDINGS_POSIX_WIRE_H
#define BINDINGS_POSIX_WIRE_H

#include <netdb.h>
#include <openssl/ssl.h>

#include "base/buf.h"

enum { WIRE_NAME_MAX = 255, WIRE_OUT_MAX = 1024 * 1024 };

/* Where to: "http://name:port" or "https://name:port". */
struct wire_target {
    char host[WIRE_NAME_MAX + 1];
    char port[6];
    char authority[WIRE_NAME_MAX + 9]; /* as the header Host has it */
    bool is_tls;
};
/* ERR_SYNTAX: not such an address, or one with a path, a user or blanks. */
MUST_USE enum err wire_target_parse(struct wire_target *t, const char *url);

enum wire_state { WIRE_DIALING, WIRE_SHAKING, WIRE_OPEN };

struct wire {
    struct addrinfo *addresses, *at; /* tried in turn */
    SSL *ssl;                        /* NULL: without TLS */
    struct buf out;                  /* what waits to be sent; append to it at any time */
    int fd;
    enum wire_state state;
    bool wants_write;
};

/* Looks the name up (this blocks) and begins to connect.  `tls` is kept referenced; NULL without
 * TLS.  After an error only wire_close is needed. */
MUST_USE enum err wire_open(struct wire *w, const struct wire_target *t, SSL_CTX *tls);
/* Goes on as far as it can: OK when connected and all is sent, ERR_AGAIN until then.  ERR_CLOSED:
 * not made, or lost; ERR_DENIED: the certificate is not accepted, or no TLS is spoken. */
MUST_USE enum err wire_step(struct wire *w);
/* OK with *got > 0, ERR_AGAIN, ERR_CLOSED at the end. */
MUST_USE enum err wire_recv(struct wire *w, void *data, size_t size, size_t *got);
/* What poll should wait for. */
short wire_events(const struct wire *w);
void wire_close(struct wire *w);

#endif
