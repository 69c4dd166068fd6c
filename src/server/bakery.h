/* bakery: a data folder opened by a command: the lock, the store and a session, and the steps that
 * several commands share. What goes wrong is said on standard error.  One thread. */
#ifndef SERVER_BAKERY_H
#define SERVER_BAKERY_H

#include "auth/password.h"
#include "server/cmd.h"
#include "store/store.h"

struct bakery {
    const char *command; /* named in complaints */
    const char *folder;
    int lock_fd; /* -1: not locked */
    struct store *store;
    struct store_session *session;
};

/* Opens for reading, also beside a running server. */
MUST_USE enum err bakery_open(struct bakery *b, const char *command, const char *folder);
/* Locks and opens for writing.  ERR_BUSY, and nothing is said: another process, most likely a
 * server, has the folder. */
MUST_USE enum err bakery_open_writer(struct bakery *b, const char *command, const char *folder);
/* Makes folder and database, locks, and opens for writing. */
MUST_USE enum err bakery_create(struct bakery *b, const char *command, const char *folder);
/* Takes one that is all zero but for lock_fd -1, or opened half-way. */
void bakery_close(struct bakery *b);

struct bakery_person {
    const char *email, *name, *role, *password;
};
/* Appends the admin request that adds the person, the password hashed.  ERR_LIMIT: the password's
 * length is not allowed. */
MUST_USE enum err bakery_put_add(struct buf *request, const struct bakery_person *p);
/* Adds somebody on a session opened for writing. */
MUST_USE enum err bakery_add(struct bakery *b, const struct bakery_person *p);
/* Has an admin request carried out: here, or by the server that has the folder open.  ERR_DENIED:
 * it was refused, as has been said; otherwise `reply` holds the reply. */
MUST_USE enum err bakery_ask(const char *command, const char *folder, struct bytes request,
                             struct buf *reply);

/* One line of standard input, at most PASSWORD_MAX bytes, asked for without an echo when it is a
 * terminal; a zero behind it.  Says what is wrong with it: false. */
bool bakery_read_password(const char *command, char out[PASSWORD_MAX + 1]);

#endif
