/* burst: sends on many sockets in one system call, by io_uring, or in one each where the kernel
 * does not offer that.  What each of them does and says is the same either way: nothing waits, and
 * nothing is under way afterwards.  One thread: that of its first burst_send. */
#ifndef IO_BURST_H
#define IO_BURST_H

#include "io/sock.h"

enum { BURST_MAX = 64 }; /* sends in one burst */

struct burst;

struct burst_item {
    int fd;
    int count;               /* of iov, at least 1 */
    const struct iovec *iov; /* lent until burst_send returns */
    enum err result;         /* as of sock_send */
    size_t sent;             /* OK: bytes */
};

/* `is_plain`: without io_uring.  ERR_NOMEM. */
MUST_USE enum err burst_new(bool is_plain, struct burst **out);
/* Takes NULL. */
void burst_free(struct burst *b);
/* At most BURST_MAX sends, on sockets that are all different. */
void burst_send(struct burst *b, struct burst_item *items, size_t count);
/* Whether bursts leave by io_uring; known after the first burst of several. */
bool burst_has_ring(const struct burst *b);

#endif
