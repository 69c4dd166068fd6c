/* sock: TCP and Unix sockets without blocking; errno is translated here.  Any thread. */
#ifndef IO_SOCK_H
#define IO_SOCK_H

#include <sys/socket.h>
#include <sys/uio.h>

#include "base/buf.h"

struct sock_address {
    struct sockaddr_storage addr;
    socklen_t size;
};

/* "ADDR:PORT", "[v6]:PORT", "name:PORT" or ":PORT" (every address).  ERR_SYNTAX: the form or the
 * port; ERR_NOT_FOUND: no such name. */
MUST_USE enum err sock_address_parse(const char *text, struct sock_address *out);
/* "127.0.0.1:4000", "[::1]:4000". */
void sock_address_put(struct buf *out, const struct sock_address *a);
bool sock_address_is_loopback(const struct sock_address *a);

/* Listens.  With `is_shared` several sockets of this program may listen on one port (SO_REUSEPORT)
 * and the kernel spreads the connections.  ERR_EXISTS: the address is in use; ERR_DENIED;
 * ERR_NOT_FOUND: not an address of this machine; ERR_LIMIT. */
MUST_USE enum err sock_listen(const struct sock_address *a, bool is_shared, int *fd);
/* Is somebody listening there already, be it with SO_REUSEPORT?  ERR_EXISTS when so. */
MUST_USE enum err sock_probe(const struct sock_address *a);
/* Where a listening socket listens (for port 0). */
MUST_USE enum err sock_local_address(int fd, struct sock_address *out);
/* The next connection, without blocking, TCP_NODELAY.  ERR_AGAIN: none now; ERR_LIMIT: out of
 * descriptors or memory, it waits in the queue; ERR_IO: this one is gone, try the next. */
MUST_USE enum err sock_accept(int listen_fd, int *fd, bool *is_loopback);

/* Unix stream sockets, mode 0600; a stale socket file is replaced.  These block. */
MUST_USE enum err sock_unix_listen(const char *path, int *fd);
/* ERR_NOT_FOUND: nobody listens there. */
MUST_USE enum err sock_unix_connect(const char *path, int *fd);

/* OK with *got > 0; ERR_AGAIN; ERR_CLOSED: the peer has ended its side, or is gone. */
MUST_USE enum err sock_recv(int fd, void *data, size_t size, size_t *got);
/* One system call.  OK with *sent > 0, perhaps less than all; ERR_AGAIN; ERR_CLOSED. */
MUST_USE enum err sock_send(int fd, const struct iovec *iov, int count, size_t *sent);
/* What errno says of a send: ERR_AGAIN or ERR_CLOSED. */
enum err sock_send_error(int code);

#endif
