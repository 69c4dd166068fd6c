#include "io/tls.h"

#include <assert.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/mem.h"

struct tls {
    SSL *ssl;
    char *pending; /* a copy of what SSL_write must be given again; NULL: nothing */
    int pending_size;
    bool is_broken; /* after a fatal error close_notify must not be sent */
};

/* OpenSSL's context is counted and has locks of its own. */
struct tls_context {
    SSL_CTX *ctx;
};

static void put_reason(struct buf *message, const char *what, const char *file)
{
    char reason[256] = "unreadable";
    unsigned long code = ERR_peek_last_error();
    if (code)
        ERR_error_string_n(code, reason, sizeof(reason));
    ERR_clear_error();
    buf_put(message, bytes_of(what));
    buf_put_char(message, ' ');
    buf_put(message, bytes_of(file));
    buf_put_literal(message, ": ");
    buf_put(message, bytes_of(reason));
}

static enum err context_load(SSL_CTX *ctx, const char *cert, const char *key, struct buf *message)
{
    if (SSL_CTX_use_certificate_chain_file(ctx, cert) != 1) {
        put_reason(message, "the certificate", cert);
        return ERR_IO;
    }
    if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(ctx) != 1) {
        put_reason(message, "the private key", key);
        return ERR_IO;
    }
    return OK;
}

static void context_settle(SSL_CTX *ctx)
{
    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                 SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_ENABLE_KTLS);
    /* Tickets keep a session resumable without memory per client. */
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(ctx, 1);
}

enum err tls_context_new(const char *cert_file, const char *key_file, struct buf *message,
                         struct tls_context **out)
{
    struct tls_context *c = mem_zalloc(sizeof(*c));
    if (!c)
        return ERR_NOMEM;
    c->ctx = SSL_CTX_new(TLS_server_method());
    enum err e = c->ctx ? context_load(c->ctx, cert_file, key_file, message) : ERR_NOMEM;
    if (e) {
        tls_context_free(c);
        return e;
    }
    context_settle(c->ctx);
    *out = c;
    return OK;
}

void tls_context_free(struct tls_context *c)
{
    if (!c)
        return;
    SSL_CTX_free(c->ctx);
    mem_free(c);
}

enum err tls_new(struct tls_context *c, int fd, struct tls **out)
{
    struct tls *t = mem_zalloc(sizeof(*t));
    if (!t)
        return ERR_NOMEM;
    t->ssl = SSL_new(c->ctx);
    if (!t->ssl || SSL_set_fd(t->ssl, fd) != 1) {
        tls_free(t);
        return ERR_NOMEM;
    }
    SSL_set_accept_state(t->ssl);
    *out = t;
    return OK;
}

void tls_free(struct tls *t)
{
    if (!t)
        return;
    if (t->ssl && !t->is_broken && SSL_is_init_finished(t->ssl))
        (void)SSL_shutdown(t->ssl);
    ERR_clear_error();
    SSL_free(t->ssl);
    mem_free(t->pending);
    mem_free(t);
}

/* ERR_AGAIN, or the end of the session. */
static enum err failure_of(struct tls *t, int result)
{
    int why = SSL_get_error(t->ssl, result);
    if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE)
        return ERR_AGAIN;
    t->is_broken = why != SSL_ERROR_ZERO_RETURN;
    ERR_clear_error();
    return ERR_CLOSED;
}

enum err tls_recv(struct tls *t, void *data, size_t size, size_t *got)
{
    size_t total = 0;
    enum err e = OK;
    while (total < size) {
        size_t room = size - total;
        ERR_clear_error();
        int n = SSL_read(t->ssl, (char *)data + total, room > INT_MAX ? INT_MAX : (int)room);
        if (n <= 0) {
            e = failure_of(t, n);
            break;
        }
        total += (size_t)n;
        if (SSL_pending(t->ssl) == 0)
            break;
    }
    if (total == 0)
        return e;
    *got = total; /* an end that came behind the bytes is met again by the next call */
    return OK;
}

static size_t gather(char *to, const struct iovec *iov, int count)
{
    size_t size = 0;
    for (int i = 0; i < count && size < TLS_RECORD_MAX; i++) {
        size_t part = iov[i].iov_len;
        if (part > TLS_RECORD_MAX - size)
            part = TLS_RECORD_MAX - size;
        memcpy(to + size, iov[i].iov_base, part);
        size += part;
    }
    return size;
}

/* SSL_write wants the same bytes again later: they are kept, and count as sent. */
static enum err keep_pending(struct tls *t, const char *data, size_t size)
{
    t->pending = mem_alloc(size);
    if (!t->pending)
        return ERR_CLOSED; /* without them the session cannot go on */
    memcpy(t->pending, data, size);
    t->pending_size = (int)size;
    return OK;
}

enum err tls_send(struct tls *t, const struct iovec *iov, int count, size_t *sent)
{
    static _Thread_local char record[TLS_RECORD_MAX];
    enum err e = tls_flush(t);
    if (e)
        return e;
    size_t size = gather(record, iov, count);
    assert(size > 0);
    ERR_clear_error();
    int n = SSL_write(t->ssl, record, (int)size);
    if (n <= 0) {
        e = failure_of(t, n);
        if (e == ERR_AGAIN)
            e = keep_pending(t, record, size);
        if (e)
            return e;
    }
    *sent = size; /* without partial writes SSL_write takes all or nothing */
    return OK;
}

bool tls_has_pending(const struct tls *t)
{
    return t->pending != NULL;
}

enum err tls_flush(struct tls *t)
{
    if (!t->pending)
        return OK;
    ERR_clear_error();
    int n = SSL_write(t->ssl, t->pending, t->pending_size);
    if (n <= 0)
        return failure_of(t, n);
    mem_free(t->pending);
    t->pending = NULL;
    return OK;
}
