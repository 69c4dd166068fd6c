/* wire: one outgoing TCP connection that never blocks, with TLS by OpenSSL where the address says
 * https.  One thread.  The program ignores SIGPIPE. */
#ifndef BINDINGS_POSIX_WIRE_H
#define BINDINGS_POSIX_WIRE_H

#include <openssl/ssl.h>

#include "base/buf.h"
#include "posix/lookup.h"

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

enum wire_state { WIRE_LOOKING, WIRE_DIALING, WIRE_SHAKING, WIRE_OPEN };

struct wire {
    struct lookup *lookup;             /* borrowed */
    struct lookup_addresses addresses; /* tried in turn */
    unsigned at;                       /* the next of them */
    SSL *ssl;                          /* NULL: without TLS */
    struct buf out;                    /* what waits to be sent; append to it at any time */
    int fd;                            /* -1 while looking */
    enum wire_state state;
    bool wants_write;
};

/* Begins to look up the name of `t`, whose `lookup` is shared by all wires to it, and to connect.
 * `tls` is kept referenced; NULL without TLS.  After an error only wire_close is needed. */
MUST_USE enum err wire_open(struct wire *w, const struct wire_target *t, SSL_CTX *tls,
                            struct lookup *lookup);
/* Goes on as far as it can: OK when connected and all is sent, ERR_AGAIN until then.
 *   ERR_NOT_FOUND  the name is not known    ERR_CLOSED  not made, or lost
 *   ERR_DENIED     the certificate is not accepted (wire_blame says why)
 *   ERR_SYNTAX     no TLS is spoken there, or none that both can
 *   ERR_LIMIT      more than WIRE_OUT_MAX waits to be sent    ERR_NOMEM */
MUST_USE enum err wire_step(struct wire *w);
/* OK with *got > 0, ERR_AGAIN; ERR_CLOSED: the other end has said all it has to say; ERR_IO: it was
 * broken off.  `size` at most INT_MAX. */
MUST_USE enum err wire_recv(struct wire *w, void *data, size_t size, size_t *got);
/* Why the certificate is not accepted, in English; never NULL. */
const char *wire_blame(const struct wire *w);
/* What poll should wait for. */
short wire_events(const struct wire *w);
/* Given up while its first address was being dialed, the next wire begins with the second one. */
void wire_close(struct wire *w);

#endif
