/* posix_state: what the parts of posix share.  posix.c: life, and the program's side;
 * posix_request.c: HTTP requests, each on a connection of its own; posix_session.c: signing in,
 * and renewing the session; posix_socket.c: the WebSocket. */
#ifndef BINDINGS_POSIX_POSIX_STATE_H
#define BINDINGS_POSIX_POSIX_STATE_H

#include "posix/answer.h"
#include "homebake/client.h"
#include "posix/posix.h"
#include "proto/ws.h"
#include "posix/wire.h"

enum {
    REQUESTS_MAX = HB_POSIX_FDS_MAX - 2, /* beside the WebSocket and the lookup */
    SESSION_BODY_MAX = 64 * 1024,
    READ_SIZE = 16 * 1024,
    TURN_READS_MAX = 64 /* of one connection in one turn, so that none starves the others */
};

enum purpose { UNUSED = 0, FETCH, CONFIG, TOKEN };

struct request {
    enum purpose purpose;
    uint32_t id;      /* of FETCH: the client's number */
    int64_t deadline; /* for the whole answer */
    struct wire wire;
    struct answer_reader reader;
};

struct socket {
    bool is_used, is_upgraded;
    uint32_t id;
    struct wire wire;
    struct answer_reader reader; /* of the answer to the opening handshake */
    struct ws_decoder decoder;
    char accept[WS_ACCEPT_SIZE];
};

struct hb_posix {
    struct hb_client *client;
    struct wire_target target;
    struct lookup lookup;
    SSL_CTX *tls;
    struct socket socket;
    struct request requests[REQUESTS_MAX];
    struct buf email, password, apikey, refresh;
    uint32_t session_ms;
    int64_t token_at;    /* when to ask for a token again; INT64_MAX: not */
    enum hb_error error; /* of the last request of the session */
    char trouble[HB_POSIX_ERROR_SIZE];
};

void PRINTF_LIKE(2, 3) posix_trouble(struct hb_posix *p, const char *format, ...);
/* In words, why `w` was not made, or was lost. */
void posix_wire_trouble(struct hb_posix *p, const struct wire *w, enum err e);

/* ---- requests ---- */

/* "METHOD path HTTP/1.1" and Host, without the empty line. */
void request_put_line(struct hb_posix *p, struct buf *out, struct bytes method, struct bytes path);
/* What all requests but the opening handshake say of themselves; `token` may be empty. */
void request_put_headers(struct hb_posix *p, struct buf *out, struct bytes token);
/* A free one, being connected; append to its wire.out.  NULL: none is free, or *e. */
struct request *request_begin(struct hb_posix *p, enum purpose purpose, size_t body_max,
                              enum err *e);
/* Frees it; takes one that is not used. */
void request_end(struct request *r);
bool request_is_any(const struct hb_posix *p, enum purpose purpose);
/* HB_FETCH and HB_CANCEL. */
void request_fetch(struct hb_posix *p, const struct hb_action *a);
void request_cancel(struct hb_posix *p, uint32_t id);
void request_turn(struct hb_posix *p, struct request *r);

/* ---- the session ---- */

/* The server's public key. */
MUST_USE enum err session_ask_config(struct hb_posix *p);
/* By the refresh token, else by the password. */
MUST_USE enum err session_ask_token(struct hb_posix *p);
/* HB_TOKEN: at once, or when the next try is due. */
void session_renew(struct hb_posix *p);
/* Asks again when it is time to. */
void session_turn(struct hb_posix *p);
void session_take(struct hb_posix *p, enum purpose purpose, const struct answer *a);
/* There was no answer; the trouble is said. */
void session_lose(struct hb_posix *p, enum purpose purpose, enum hb_error e);

/* ---- the WebSocket ---- */

/* HB_OPEN, HB_SEND and HB_CLOSE; news of another connection than the present one is passed over. */
void socket_open(struct hb_posix *p, const struct hb_action *a);
void socket_send(struct hb_posix *p, const struct hb_action *a);
void socket_close(struct hb_posix *p, const struct hb_action *a);
void socket_turn(struct hb_posix *p);
/* Frees it; takes one that is not used. */
void socket_end(struct socket *s);

#endif
