#include "peer.h"

#include <arpa/inet.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/phx.h"
#include "proto/ws.h"

#define GOOD_CONFIG "HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n{\"anon_key\":\"k\"}"
#define GOOD_TOKEN                                                                                 \
    "HTTP/1.1 200 OK\r\n\r\n{\"access_token\":\"T\",\"refresh_token\":\"R\",\"expires_in\":3600}"

/* ---- one connection ---- */

bool line_put(struct line *l, struct bytes b)
{
    while (b.size > 0) {
        ssize_t sent = l->ssl ? SSL_write(l->ssl, b.data, (int)b.size)
                              : send(l->fd, b.data, b.size, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        b = bytes_slice(b, (size_t)sent, b.size);
    }
    return true;
}

bool line_put_text(struct line *l, const char *text)
{
    return line_put(l, bytes_of(text));
}

static size_t line_get(struct line *l, char *data, size_t size)
{
    ssize_t got = l->ssl ? SSL_read(l->ssl, data, (int)size) : recv(l->fd, data, size, 0);
    return got > 0 ? (size_t)got : 0;
}

void line_wait(struct line *l)
{
    char data[256];
    while (line_get(l, data, sizeof(data)) > 0)
        continue;
}

static bool line_get_request(struct line *l)
{
    size_t size = 0;
    while (!strstr(l->request, "\r\n\r\n")) {
        size_t got = line_get(l, l->request + size, sizeof(l->request) - 1 - size);
        if (got == 0)
            return false;
        size += got;
        l->request[size] = 0;
    }
    return true;
}

void line_upgrade(struct line *l)
{
    static const char name[] = "Sec-WebSocket-Key: ";
    char accept[WS_ACCEPT_SIZE], head[256];
    const char *key = strstr(l->request, name);
    assert_non_null(key);
    struct bytes value = bytes_slice(bytes_of(key), sizeof(name) - 1, sizeof(name) - 1 + 24);
    assert_int_equal(ws_accept(value, accept), OK);
    snprintf(head, sizeof(head),
             "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             "Sec-WebSocket-Accept: %.*s\r\n\r\n",
             WS_ACCEPT_SIZE, accept);
    line_put_text(l, head);
}

static void answer_beat(struct line *l, struct bytes message)
{
    struct phx_message m;
    struct buf scratch, frame;
    char reply[160];
    buf_init(&scratch, 4096);
    buf_init(&frame, 4096);
    assert_int_equal(phx_decode_text(PHX_V2, message, &scratch, &m), OK);
    snprintf(reply, sizeof(reply),
             "[null,\"%.*s\",\"phoenix\",\"phx_reply\",{\"status\":\"ok\",\"response\":{}}]",
             (int)m.ref.size, m.ref.data);
    ws_put_frame(&frame, WS_TEXT, bytes_of(reply));
    if (bytes_equal(m.event, BYTES("heartbeat")))
        line_put(l, buf_bytes(&frame));
    buf_done(&scratch);
    buf_done(&frame);
}

void line_beat(struct line *l)
{
    struct ws_decoder d;
    char data[4096];
    size_t got;
    ws_decoder_init(&d, sizeof(data));
    while ((got = line_get(l, data, sizeof(data))) > 0) {
        struct ws_input in = {data, got};
        struct ws_message m;
        while (ws_decode(&d, &in, &m) == OK) {
            if (m.opcode == WS_TEXT)
                answer_beat(l, m.payload);
        }
    }
    ws_decoder_done(&d);
}

/* ---- the script ---- */

static void play_socket(struct line *l, const struct peer_script *s)
{
    atomic_fetch_add(&l->peer->socket_count, 1);
    if (s->play_socket) {
        s->play_socket(l);
        return;
    }
    line_upgrade(l);
    line_beat(l);
}

static void play(struct line *l, const struct peer_script *s)
{
    if (strstr(l->request, " /auth/"))
        line_put_text(l, s->token ? s->token : GOOD_TOKEN);
    else if (strstr(l->request, "Upgrade: websocket"))
        play_socket(l, s);
    else if (s->play_config)
        s->play_config(l);
    else
        line_put_text(l, s->config ? s->config : GOOD_CONFIG);
}

static void *run_line(void *argument)
{
    struct line *l = argument;
    pthread_mutex_lock(&l->peer->lock);
    const struct peer_script *script = l->peer->script;
    l->ssl = l->peer->tls ? SSL_new(l->peer->tls) : NULL;
    pthread_mutex_unlock(&l->peer->lock);
    if (l->ssl)
        SSL_set_fd(l->ssl, l->fd);
    if (script->greeting)
        line_put_text(l, script->greeting);
    if ((!l->ssl || SSL_accept(l->ssl) == 1) && line_get_request(l)) {
        play(l, script);
        if (l->ssl)
            SSL_shutdown(l->ssl);
    }
    /* Not a reset, which would overtake what was said. */
    shutdown(l->fd, SHUT_WR);
    if (!l->ssl)
        line_wait(l);
    return NULL;
}

static void add_line(struct peer *p, int fd)
{
    struct timeval wait = {.tv_sec = PEER_WAIT_S};
    unsigned at = atomic_load(&p->line_count);
    struct line *l = calloc(1, sizeof(*l));
    assert_true(l && at < PEER_LINES_MAX);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
    l->peer = p;
    l->fd = fd;
    p->lines[at] = l;
    assert_int_equal(pthread_create(&l->thread, NULL, run_line, l), 0);
    atomic_store(&p->line_count, at + 1);
}

static void *run_peer(void *argument)
{
    struct peer *p = argument;
    int fd;
    while ((fd = accept(p->listener, NULL, NULL)) >= 0)
        add_line(p, fd);
    return NULL;
}

/* ---- life ---- */

void peer_start(struct peer *p, const struct peer_script *script, const struct peer_cert *cert)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(a);
    memset(p, 0, sizeof(*p));
    pthread_mutex_init(&p->lock, NULL);
    peer_change(p, script, cert);
    p->listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(p->listener, (struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(listen(p->listener, 16), 0);
    assert_int_equal(getsockname(p->listener, (struct sockaddr *)&a, &size), 0);
    snprintf(p->url, sizeof(p->url), "%s://127.0.0.1:%u", cert ? "https" : "http",
             ntohs(a.sin_port));
    assert_int_equal(pthread_create(&p->thread, NULL, run_peer, p), 0);
}

void peer_change(struct peer *p, const struct peer_script *script, const struct peer_cert *cert)
{
    pthread_mutex_lock(&p->lock);
    p->script = script;
    p->tls = cert ? cert->tls : NULL;
    pthread_mutex_unlock(&p->lock);
}

void peer_stop(struct peer *p)
{
    shutdown(p->listener, SHUT_RDWR);
    pthread_join(p->thread, NULL);
    close(p->listener);
    for (unsigned i = 0; i < atomic_load(&p->line_count); i++) {
        struct line *l = p->lines[i];
        shutdown(l->fd, SHUT_RDWR);
        pthread_join(l->thread, NULL);
        SSL_free(l->ssl);
        close(l->fd);
        free(l);
    }
    pthread_mutex_destroy(&p->lock);
}

/* ---- certificates ---- */

static void add_extension(X509 *x, int what, const char *value)
{
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, what, value);
    assert_non_null(e);
    X509_add_ext(x, e, -1);
    X509_EXTENSION_free(e);
}

void peer_cert_make(struct peer_cert *c, const char *alt_name)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x = X509_new();
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_gmtime_adj(X509_getm_notBefore(x), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_set_pubkey(x, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
                               (const unsigned char *)"peer", -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(x));
    add_extension(x, NID_subject_alt_name, alt_name);
    assert_true(X509_sign(x, key, EVP_sha256()) > 0);
    c->tls = SSL_CTX_new(TLS_server_method());
    assert_int_equal(SSL_CTX_use_certificate(c->tls, x), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(c->tls, key), 1);
    strcpy(c->path, "/tmp/homebake-peer-XXXXXX");
    FILE *file = fdopen(mkstemp(c->path), "w");
    assert_non_null(file);
    PEM_write_X509(file, x);
    fclose(file);
    X509_free(x);
    EVP_PKEY_free(key);
}

void peer_cert_done(struct peer_cert *c)
{
    unlink(c->path);
    SSL_CTX_free(c->tls);
}
