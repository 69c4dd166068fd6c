/* peer: a server without manners, by script, on loopback.  Threads of its own take the
 * connections and play the script to each; none waits longer than PEER_WAIT_S for anything. */
#ifndef TESTS_BINDINGS_POSIX_PEER_H
#define TESTS_BINDINGS_POSIX_PEER_H

#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>

#include "check.h"

enum { PEER_LINES_MAX = 64, PEER_WAIT_S = 30, PEER_REQUEST_MAX = 16 * 1024 };

/* One connection. */
struct line {
    struct peer *peer;
    pthread_t thread;
    int fd;
    SSL *ssl;
    char request[PEER_REQUEST_MAX]; /* its head, and what came with it */
};

/* What is said to a request, byte by byte; then the connection is closed. */
struct peer_script {
    const char *greeting;               /* before any request; NULL: none */
    const char *config, *token;         /* NULL: as a good server */
    void (*play_config)(struct line *); /* NULL: what is above */
    void (*play_socket)(struct line *); /* NULL: a good handshake, and answered heartbeats */
};

struct peer {
    int listener;
    char url[64];
    pthread_t thread;
    pthread_mutex_t lock; /* for the three below */
    const struct peer_script *script;
    SSL_CTX *tls;
    bool is_over;
    atomic_uint line_count, socket_count;
    struct line *lines[PEER_LINES_MAX];
};

/* A certificate for that name, signed by itself, in a file of its own. */
struct peer_cert {
    char path[48];
    SSL_CTX *tls;
};
void peer_cert_make(struct peer_cert *c, const char *alt_name);
void peer_cert_done(struct peer_cert *c);

/* `cert` NULL: without TLS. */
void peer_start(struct peer *p, const struct peer_script *script, const struct peer_cert *cert);
/* For the connections to come. */
void peer_change(struct peer *p, const struct peer_script *script, const struct peer_cert *cert);
void peer_stop(struct peer *p);

/* False: the other end takes no more. */
bool line_put(struct line *l, struct bytes b);
bool line_put_text(struct line *l, const char *text);
/* Until the other end closes. */
void line_wait(struct line *l);
/* 101 and the right Sec-WebSocket-Accept. */
void line_upgrade(struct line *l);
/* Answers heartbeats until the other end closes. */
void line_beat(struct line *l);

#endif
