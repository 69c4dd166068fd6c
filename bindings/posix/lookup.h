/* lookup: the addresses of one name, looked up without blocking: getaddrinfo runs in a thread of
 * its own, of which a lookup has one at a time.  An address in figures needs none.
 * The owner's thread only; the helper touches nothing but its own task. */
#ifndef BINDINGS_POSIX_LOOKUP_H
#define BINDINGS_POSIX_LOOKUP_H

#include <sys/socket.h>

#include "base/err.h"

enum { LOOKUP_ADDRESSES_MAX = 8 };

struct lookup_address {
    struct sockaddr_storage addr;
    socklen_t size;
};

struct lookup_addresses {
    unsigned count; /* 0..LOOKUP_ADDRESSES_MAX, best first */
    struct lookup_address list[LOOKUP_ADDRESSES_MAX];
};

struct lookup {
    const char *host, *port;  /* borrowed */
    struct lookup_task *task; /* running; shared with the helper; else NULL */
    enum err err;             /* ERR_AGAIN while it runs */
    unsigned skipped;         /* how often lookup_skip was called */
    struct lookup_addresses found;
};

void lookup_init(struct lookup *l, const char *host, const char *port);
/* Does not wait for a helper that is still at it: it ends by itself, and frees what it has. */
void lookup_done(struct lookup *l);
/* Begins, unless it is at it already: then all who wait have what is found now. */
void lookup_start(struct lookup *l);
/* After lookup_start.  OK: they are in `out`.  ERR_AGAIN: not yet.  ERR_NOT_FOUND: no such name, or
 * no name server.  ERR_NOMEM: no memory, or no thread. */
MUST_USE enum err lookup_take(const struct lookup *l, struct lookup_addresses *out);
/* The first address does not answer, and says nothing of it: from now on the next one comes
 * first. */
void lookup_skip(struct lookup *l);
/* For poll; -1 when no helper runs.  When it can be read, and at any other time: lookup_turn, which
 * takes over what the helper has found. */
int lookup_fd(const struct lookup *l);
void lookup_turn(struct lookup *l);

#endif
