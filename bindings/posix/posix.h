/* homebake/posix: carries out what an hb_client asks for, by sockets and poll(): its WebSocket, its
 * snapshots, and the session.  docs/client.md has examples.
 *
 *     hb_posix_new ─▶ hb_client_subscribe (of hb_posix_client) …
 *     for (;; hb_posix_wait(p))
 *         while (hb_posix_next(p, &a))       show what `a` says
 *
 * Ownership: what is passed is copied; what is given is lent, as homebake/client.h says.  One
 * thread at a time; several of them share nothing.  Names are looked up by a thread of the
 * library's own, one at a time, which takes no signals.  Only hb_posix_new and hb_posix_wait wait;
 * no server can make the others wait.
 *
 * Everything a server says is bounded: the head of an answer 16 KiB, a message 4 MiB, a snapshot as
 * the client allows; an answer about the session `session_ms`, a snapshot 60 s, a connection as
 * struct hb_settings has it.  A connection that is lost, or a server that says what cannot be read,
 * is tried again by the rules of the client; a session that has ended is renewed by its refresh
 * token, else by the password, every 5 s until it works.  The status has the kind of the trouble,
 * hb_posix_trouble a sentence.
 *
 * TLS is 1.2 or later, and the certificate must be trusted and for the name in the address.
 * Redirects are not followed, nothing is compressed.  The program ignores SIGPIPE. */
#ifndef BINDINGS_POSIX_POSIX_H
#define BINDINGS_POSIX_POSIX_H

#include <poll.h>

#include "homebake/client.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { HB_POSIX_FDS_MAX = 10, HB_POSIX_ERROR_SIZE = 256 };

struct hb_posix;

/* Texts that end with a zero. */
struct hb_posix_options {
    const char *url;      /* http://name:port or https://name:port; without a port 80 or 443 */
    const char *ca_file;  /* PEM; NULL: the authorities this machine trusts */
    const char *email;    /* who signs in; at most 1,024 bytes, as the password */
    const char *password; /* kept until the end, for when the session cannot be refreshed */
    uint32_t session_ms;  /* for each answer about key and session; 0: 15,000 */
};

/* Asks the server for its public key and signs in, which takes at most twice session_ms; then the
 * client is started.  On failure `error` is a sentence that says what went wrong, and nothing is
 * left behind:
 *   HB_ERR_INVALID   the address, the file of authorities, or a text too long
 *   HB_ERR_NETWORK   no such name, or nobody answers   HB_ERR_SILENT  not in time
 *   HB_ERR_DENIED    email, password or certificate    HB_ERR_SERVER  it fails (5xx)
 *   HB_ERR_PROTOCOL  no HomeBake, no TLS, or what cannot be read      HB_ERR_NOMEM */
enum hb_error hb_posix_new(const struct hb_posix_options *o, char error[HB_POSIX_ERROR_SIZE],
                           struct hb_posix **out);
/* Closes and frees everything at once; takes NULL. */
void hb_posix_free(struct hb_posix *p);
/* For hb_client_subscribe, hb_client_status and their like; `now_ms` by hb_posix_now.  Borrowed. */
struct hb_client *hb_posix_client(struct hb_posix *p);
/* Milliseconds since the machine was started, its sleep included.  Any thread. */
int64_t hb_posix_now(void);
/* What went wrong last with the connection, a snapshot's request or the session, in a sentence;
 * empty when nothing has.  Printable UTF-8 on one line.  Lent until the next hb_posix_turn,
 * hb_posix_next or hb_posix_wait. */
const char *hb_posix_trouble(const struct hb_posix *p);

/* The next action that is for the program: HB_STATUS, HB_FRAME, HB_ROWS, HB_STATE or HB_TROUBLE.
 * False when there is nothing to be done now. */
bool hb_posix_next(struct hb_posix *p, struct hb_action *out);
/* For a poll() of the program's own: at most HB_POSIX_FDS_MAX descriptors, good until the next
 * hb_posix_turn or hb_posix_next, and how long it may wait (milliseconds, -1: for ever).  Then
 * hb_posix_turn, whatever poll said, and hb_posix_next until it is false. */
size_t hb_posix_fds(struct hb_posix *p, struct pollfd fds[HB_POSIX_FDS_MAX]);
int hb_posix_timeout(struct hb_posix *p);
void hb_posix_turn(struct hb_posix *p);
/* Both in one, for programs that wait for nothing else; a signal ends the wait. */
void hb_posix_wait(struct hb_posix *p);

#ifdef __cplusplus
}
#endif

#endif
