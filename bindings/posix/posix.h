/* homebake/posix: carries out what an hb_client asks for, by sockets and poll(): its WebSocket, its
 * snapshots, and signing in.  One thread.  Everything the server says is bounded in size and time.
 * The program ignores SIGPIPE.  Looking up the server's name is the one thing that blocks. */
#ifndef BINDINGS_POSIX_POSIX_H
#define BINDINGS_POSIX_POSIX_H

#include <poll.h>

#include "homebake/client.h"

enum { HB_POSIX_FDS_MAX = 9, HB_POSIX_ERROR_SIZE = 256 };

struct hb_posix;

struct hb_posix_options {
    const char *url;      /* http://name:port or https://name:port */
    const char *ca_file;  /* PEM; NULL: the authorities this machine trusts */
    const char *email;    /* who signs in */
    const char *password; /* kept until the end, for when the session cannot be refreshed */
};

/* Asks the server for its public key and signs in, which takes at most 30 s; then the client is
 * started.  `error` says what went wrong.  HB_ERR_INVALID, HB_ERR_NETWORK, HB_ERR_DENIED (email,
 * password or certificate), HB_ERR_SERVER, HB_ERR_PROTOCOL, HB_ERR_NOMEM. */
enum hb_error hb_posix_new(const struct hb_posix_options *o, char error[HB_POSIX_ERROR_SIZE],
                           struct hb_posix **out);
/* Takes NULL. */
void hb_posix_free(struct hb_posix *p);
/* For hb_client_subscribe, hb_client_status and their like; `now_ms` by hb_posix_now. */
struct hb_client *hb_posix_client(struct hb_posix *p);
int64_t hb_posix_now(void);

/* The next action that is for the program: HB_STATUS, HB_FRAME, HB_ROWS, HB_STATE or HB_TROUBLE. */
bool hb_posix_next(struct hb_posix *p, struct hb_action *out);
/* For a poll() of the program's own: at most HB_POSIX_FDS_MAX descriptors and, in milliseconds, how
 * long it may wait.  Then hb_posix_turn, whatever poll said, and hb_posix_next until it is false. */
size_t hb_posix_fds(struct hb_posix *p, struct pollfd fds[HB_POSIX_FDS_MAX]);
int hb_posix_timeout(struct hb_posix *p);
void hb_posix_turn(struct hb_posix *p);
/* Both in one, for programs that wait for nothing else; a signal ends the wait. */
void hb_posix_wait(struct hb_posix *p);

#endif
