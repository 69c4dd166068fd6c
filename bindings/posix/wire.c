#include "posix/wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static bool copy(char *out, size_t max, struct bytes text)
{
    if (text.size == 0 || text.size >= max)
        return false;
    memcpy(out, text.data, text.size);
    out[text.size] = 0;
    return true;
}

static bool is_plain(struct bytes host)
{
    for (size_t i = 0; i < host.size; i++) {
        unsigned char c = (unsigned char)host.data[i];
        if (c <= ' ' || c >= 0x7f || strchr("/?#@\\", c))
            return false;
    }
    return true;
}

enum err wire_target_parse(struct wire_target *t, const char *url)
{
    struct bytes rest = bytes_of(url);
    t->is_tls = bytes_starts_with(rest, BYTES("https://"));
    if (!t->is_tls && !bytes_starts_with(rest, BYTES("http://")))
        return ERR_SYNTAX;
    rest = bytes_slice(rest, t->is_tls ? 8 : 7, rest.size);
    if (bytes_ends_with(rest, BYTES("/")))
        rest.size--;
    if (!is_plain(rest) || !copy(t->authority, sizeof(t->authority), rest))
        return ERR_SYNTAX;
    bool is_v6 = rest.data[0] == '[';
    size_t end = bytes_find_char(rest, is_v6 ? ']' : ':');
    struct bytes host = bytes_slice(rest, is_v6, end);
    struct bytes port = bytes_slice(rest, end + is_v6, rest.size);
    uint64_t number = t->is_tls ? 443 : 80;
    if (is_v6 && end == rest.size)
        return ERR_SYNTAX;
    if (port.size &&
        (port.data[0] != ':' || bytes_to_u64(bytes_slice(port, 1, port.size), &number)))
        return ERR_SYNTAX;
    if (number == 0 || number > UINT16_MAX || !copy(t->host, sizeof(t->host), host))
        return ERR_SYNTAX;
    snprintf(t->port, sizeof(t->port), "%u", (unsigned)(uint16_t)number);
    return OK;
}

static enum err prepare_tls(struct wire *w, const struct wire_target *t, SSL_CTX *tls)
{
    unsigned char address[sizeof(struct in6_addr)];
    w->ssl = SSL_new(tls);
    if (!w->ssl)
        return ERR_NOMEM;
    if (inet_pton(AF_INET, t->host, address) == 1 || inet_pton(AF_INET6, t->host, address) == 1)
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(w->ssl), t->host) == 1 ? OK : ERR_NOMEM;
    /* A certificate that names no host in its extension names none (RFC 9525, 6.1). */
    SSL_set_hostflags(w->ssl, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    return SSL_set1_host(w->ssl, t->host) == 1 && SSL_set_tlsext_host_name(w->ssl, t->host) == 1
               ? OK
               : ERR_NOMEM;
}

/* The next address that lets itself be dialed. */
static enum err dial(struct wire *w)
{
    while (w->at < w->addresses.count) {
        const struct lookup_address *a = &w->addresses.list[w->at++];
        if (w->fd >= 0)
            close(w->fd);
        w->fd = socket(a->addr.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (w->fd < 0)
            continue;
        int on = 1;
        (void)setsockopt(w->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        if (connect(w->fd, (const struct sockaddr *)&a->addr, a->size) == 0 || errno == EINPROGRESS)
            return OK;
    }
    return ERR_CLOSED;
}

static enum err look(struct wire *w)
{
    enum err e = lookup_take(w->lookup, &w->addresses);
    if (e)
        return e;
    w->state = WIRE_DIALING;
    return dial(w);
}

enum err wire_open(struct wire *w, const struct wire_target *t, SSL_CTX *tls, struct lookup *lookup)
{
    memset(w, 0, sizeof(*w));
    w->fd = -1;
    w->lookup = lookup;
    buf_init(&w->out, WIRE_OUT_MAX);
    enum err e = t->is_tls ? prepare_tls(w, t, tls) : OK;
    if (e)
        return e;
    lookup_start(lookup);
    e = look(w);
    return e == ERR_AGAIN ? OK : e;
}

static enum err ask_connected(struct wire *w)
{
    struct pollfd p = {w->fd, POLLOUT, 0};
    if (poll(&p, 1, 0) <= 0)
        return ERR_AGAIN;
    int code = 0;
    socklen_t size = sizeof(code);
    if (getsockopt(w->fd, SOL_SOCKET, SO_ERROR, &code, &size) != 0 || code != 0) {
        enum err e = dial(w);
        return e ? e : ERR_AGAIN;
    }
    if (w->ssl && SSL_set_fd(w->ssl, w->fd) != 1)
        return ERR_NOMEM;
    w->state = w->ssl ? WIRE_SHAKING : WIRE_OPEN;
    return OK;
}

/* Whether the other end has just gone away; before the error queue is cleared. */
static bool is_cut_off(int code)
{
    return code == SSL_ERROR_SYSCALL ||
           (code == SSL_ERROR_SSL &&
            ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING);
}

static enum err tls_result(struct wire *w, int result)
{
    int code = SSL_get_error(w->ssl, result);
    bool is_cut = is_cut_off(code);
    ERR_clear_error();
    w->wants_write = code == SSL_ERROR_WANT_WRITE;
    if (code == SSL_ERROR_WANT_READ || code == SSL_ERROR_WANT_WRITE)
        return ERR_AGAIN;
    if (code == SSL_ERROR_ZERO_RETURN)
        return ERR_CLOSED;
    if (is_cut || w->state != WIRE_SHAKING)
        return ERR_IO;
    return SSL_get_verify_result(w->ssl) == X509_V_OK ? ERR_SYNTAX : ERR_DENIED;
}

const char *wire_blame(const struct wire *w)
{
    return X509_verify_cert_error_string(w->ssl ? SSL_get_verify_result(w->ssl) : X509_V_OK);
}

static enum err shake(struct wire *w)
{
    ERR_clear_error();
    int result = SSL_connect(w->ssl);
    if (result != 1) {
        enum err e = tls_result(w, result);
        return e == ERR_IO ? ERR_CLOSED : e;
    }
    w->state = WIRE_OPEN;
    w->wants_write = false;
    return OK;
}

static enum err send_some(struct wire *w)
{
    ERR_clear_error();
    int size = w->out.size > INT_MAX ? INT_MAX : (int)w->out.size;
    ssize_t sent = w->ssl ? SSL_write(w->ssl, w->out.data, size)
                          : send(w->fd, w->out.data, (size_t)size, MSG_NOSIGNAL);
    if (sent <= 0 && w->ssl)
        return tls_result(w, (int)sent) == ERR_AGAIN ? ERR_AGAIN : ERR_CLOSED;
    if (sent <= 0)
        return errno == EAGAIN || errno == EINTR ? ERR_AGAIN : ERR_CLOSED;
    buf_shift(&w->out, (size_t)sent);
    return OK;
}

enum err wire_step(struct wire *w)
{
    enum err e = w->state == WIRE_LOOKING ? look(w) : OK;
    if (!e && w->state == WIRE_DIALING)
        e = ask_connected(w);
    if (!e && w->state == WIRE_SHAKING)
        e = shake(w);
    if (!e && w->out.err)
        e = w->out.err;
    while (!e && w->out.size > 0)
        e = send_some(w);
    return e;
}

enum err wire_recv(struct wire *w, void *data, size_t size, size_t *got)
{
    if (w->state != WIRE_OPEN)
        return ERR_AGAIN;
    ERR_clear_error();
    ssize_t count = w->ssl ? SSL_read(w->ssl, data, (int)size) : recv(w->fd, data, size, 0);
    if (count > 0) {
        *got = (size_t)count;
        return OK;
    }
    if (w->ssl)
        return tls_result(w, (int)count);
    if (count == 0)
        return ERR_CLOSED;
    return errno == EAGAIN || errno == EINTR ? ERR_AGAIN : ERR_IO;
}

short wire_events(const struct wire *w)
{
    bool is_writing =
        w->state == WIRE_DIALING || w->wants_write || (w->state == WIRE_OPEN && w->out.size > 0);
    return (short)(is_writing ? POLLIN | POLLOUT : POLLIN);
}

void wire_close(struct wire *w)
{
    /* Given up while it was being dialed: a machine that answers nothing, or a network without a
     * way there, would otherwise be tried again and again before the addresses behind it. */
    if (w->state == WIRE_DIALING && w->fd >= 0 && w->at == 1)
        lookup_skip(w->lookup);
    SSL_free(w->ssl);
    if (w->fd >= 0)
        close(w->fd);
    buf_done(&w->out);
    memset(w, 0, sizeof(*w));
    w->fd = -1;
}
