#include "io/sock.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { LISTEN_BACKLOG = 4096 };

static enum err err_of_errno(int code)
{
    switch (code) {
    case EAGAIN:
    case EINTR:
        return ERR_AGAIN;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
        return ERR_LIMIT;
    case EADDRINUSE:
        return ERR_EXISTS;
    case EACCES:
    case EPERM:
        return ERR_DENIED;
    case EADDRNOTAVAIL:
    case ECONNREFUSED:
    case ENOENT:
        return ERR_NOT_FOUND;
    default:
        return ERR_IO;
    }
}

/* Splits at the last colon; brackets around the host are taken off. */
static enum err split_host_port(const char *text, char host[256], char port[6])
{
    const char *colon = strrchr(text, ':');
    if (!colon || !colon[1] || strlen(colon + 1) > 5 || colon - text >= 256)
        return ERR_SYNTAX;
    uint64_t number;
    if (bytes_to_u64(bytes_of(colon + 1), &number) || number > 65535)
        return ERR_SYNTAX;
    struct bytes h = {text, (size_t)(colon - text)};
    bool has_brackets = h.size > 1 && h.data[0] == '[' && h.data[h.size - 1] == ']';
    if (has_brackets)
        h = bytes_slice(h, 1, h.size - 1);
    else if (bytes_find_char(h, ':') != h.size)
        return ERR_SYNTAX;
    memcpy(host, h.data, h.size);
    host[h.size] = 0;
    snprintf(port, 6, "%u", (unsigned)number);
    return OK;
}

enum err sock_address_parse(const char *text, struct sock_address *out)
{
    char host[256];
    char port[6];
    enum err e = split_host_port(text, host, port);
    if (e)
        return e;
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
    struct addrinfo *found;
    if (getaddrinfo(*host ? host : NULL, port, &hints, &found))
        return ERR_NOT_FOUND;
    *out = (struct sock_address){.size = found->ai_addrlen};
    memcpy(&out->addr, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    return OK;
}

void sock_address_put(struct buf *out, const struct sock_address *a)
{
    char host[INET6_ADDRSTRLEN] = "?";
    unsigned port = 0;
    if (a->addr.ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const void *)&a->addr;
        inet_ntop(AF_INET, &v4->sin_addr, host, sizeof(host));
        port = ntohs(v4->sin_port);
        buf_put(out, bytes_of(host));
    } else {
        const struct sockaddr_in6 *v6 = (const void *)&a->addr;
        inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof(host));
        port = ntohs(v6->sin6_port);
        buf_put_char(out, '[');
        buf_put(out, bytes_of(host));
        buf_put_char(out, ']');
    }
    buf_put_char(out, ':');
    buf_put_u64(out, port);
}

bool sock_address_is_loopback(const struct sock_address *a)
{
    if (a->addr.ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const void *)&a->addr;
        return (ntohl(v4->sin_addr.s_addr) >> 24) == 127;
    }
    if (a->addr.ss_family != AF_INET6)
        return false;
    const struct sockaddr_in6 *v6 = (const void *)&a->addr;
    if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
        return v6->sin6_addr.s6_addr[12] == 127;
    return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}

static enum err bind_tcp(const struct sock_address *a, bool is_shared, int *out)
{
    int fd = socket(a->addr.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return err_of_errno(errno);
    int one = 1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if ((is_shared && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one))) ||
        bind(fd, (const struct sockaddr *)&a->addr, a->size)) {
        enum err e = err_of_errno(errno);
        close(fd);
        return e;
    }
    *out = fd;
    return OK;
}

enum err sock_listen(const struct sock_address *a, bool is_shared, int *out)
{
    int fd = -1;
    enum err e = bind_tcp(a, is_shared, &fd);
    if (e)
        return e;
    if (listen(fd, LISTEN_BACKLOG)) {
        e = err_of_errno(errno);
        close(fd);
        return e;
    }
    *out = fd;
    return OK;
}

enum err sock_probe(const struct sock_address *a)
{
    int fd = -1;
    enum err e = sock_listen(a, false, &fd);
    if (!e)
        close(fd);
    return e;
}

enum err sock_local_address(int fd, struct sock_address *out)
{
    struct sock_address a = {.size = sizeof(a.addr)};
    if (getsockname(fd, (struct sockaddr *)&a.addr, &a.size))
        return err_of_errno(errno);
    *out = a;
    return OK;
}

enum err sock_accept(int listen_fd, int *out, bool *is_loopback)
{
    struct sock_address a = {.size = sizeof(a.addr)};
    int fd = accept4(listen_fd, (struct sockaddr *)&a.addr, &a.size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return errno == EINTR || errno == ECONNABORTED ? ERR_IO : err_of_errno(errno);
    int one = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    *is_loopback = sock_address_is_loopback(&a);
    *out = fd;
    return OK;
}

static enum err unix_socket(const char *path, struct sockaddr_un *a, int *out)
{
    *a = (struct sockaddr_un){.sun_family = AF_UNIX};
    size_t size = strlen(path) + 1;
    if (size > sizeof(a->sun_path))
        return ERR_LIMIT;
    memcpy(a->sun_path, path, size);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return err_of_errno(errno);
    *out = fd;
    return OK;
}

enum err sock_unix_listen(const char *path, int *out)
{
    struct sockaddr_un a;
    int fd = -1;
    enum err e = unix_socket(path, &a, &fd);
    if (e)
        return e;
    (void)unlink(path);
    /* The mode is taken from the descriptor: there is no moment in which others could connect. */
    if (fchmod(fd, 0600) || bind(fd, (struct sockaddr *)&a, sizeof(a)) || chmod(path, 0600) ||
        listen(fd, 16)) {
        e = err_of_errno(errno);
        close(fd);
        return e;
    }
    *out = fd;
    return OK;
}

enum err sock_unix_connect(const char *path, int *out)
{
    struct sockaddr_un a;
    int fd = -1;
    enum err e = unix_socket(path, &a, &fd);
    if (e)
        return e;
    if (connect(fd, (struct sockaddr *)&a, sizeof(a))) {
        e = err_of_errno(errno);
        close(fd);
        return e;
    }
    *out = fd;
    return OK;
}

enum err sock_recv(int fd, void *data, size_t size, size_t *got)
{
    ssize_t n = recv(fd, data, size, 0);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? ERR_AGAIN : ERR_CLOSED;
    if (n == 0)
        return ERR_CLOSED;
    *got = (size_t)n;
    return OK;
}

enum err sock_send_error(int code)
{
    return code == EAGAIN || code == EINTR ? ERR_AGAIN : ERR_CLOSED;
}

enum err sock_send(int fd, const struct iovec *iov, int count, size_t *sent)
{
    assert(count > 0);
    struct msghdr m = {.msg_iov = (struct iovec *)iov, .msg_iovlen = (size_t)count};
    ssize_t n = count == 1 ? send(fd, iov->iov_base, iov->iov_len, MSG_NOSIGNAL)
                           : sendmsg(fd, &m, MSG_NOSIGNAL);
    if (n < 0)
        return sock_send_error(errno);
    *sent = (size_t)n;
    return OK;
}
