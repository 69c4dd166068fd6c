#include "io/tls.h"

#include <signal.h>

#include "base/mem.h"
#include "tls_support.h"

struct fixture {
    struct tls_files files;
    struct tls_context *context;
    SSL_CTX *client_context;
    SSL *client;
    struct tls *server;
    int fds[2]; /* 0: server's end */
};

static struct fixture fx;

static int open_all(void **state)
{
    (void)state;
    struct buf message;
    buf_init(&message, 512);
    tls_files_make(&fx.files);
    assert_int_equal(tls_context_new(fx.files.cert, fx.files.key, &message, &fx.context), OK);
    fx.client_context = tls_client_context(0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fx.fds), 0);
    assert_int_equal(tls_new(fx.context, fx.fds[0], &fx.server), OK);
    fx.client = SSL_new(fx.client_context);
    SSL_set_fd(fx.client, fx.fds[1]);
    SSL_set_connect_state(fx.client);
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    tls_free(fx.server);
    SSL_free(fx.client);
    SSL_CTX_free(fx.client_context);
    tls_context_free(fx.context);
    tls_files_remove(&fx.files);
    close(fx.fds[0]);
    close(fx.fds[1]);
    return 0;
}

/* Both ends in turn, until the client is through. */
static void shake_hands(void)
{
    char byte;
    size_t n;
    for (int i = 0; i < 10 && !SSL_is_init_finished(fx.client); i++) {
        (void)SSL_do_handshake(fx.client);
        assert_int_equal(tls_recv(fx.server, &byte, 1, &n), ERR_AGAIN);
    }
    assert_true(SSL_is_init_finished(fx.client));
}

static void bytes_go_both_ways(void **state)
{
    (void)state;
    char text[64];
    size_t n;
    shake_hands();
    assert_int_equal(SSL_write(fx.client, "flour", 5), 5);
    assert_int_equal(tls_recv(fx.server, text, sizeof(text), &n), OK);
    assert_int_equal(n, 5);
    assert_memory_equal(text, "flour", 5);
    assert_int_equal(tls_recv(fx.server, text, sizeof(text), &n), ERR_AGAIN);
    struct iovec parts[3] = {{"ri", 2}, {"s", 1}, {"en", 2}};
    assert_int_equal(tls_send(fx.server, parts, 3, &n), OK);
    assert_int_equal(n, 5);
    assert_false(tls_has_pending(fx.server));
    assert_int_equal(SSL_read(fx.client, text, sizeof(text)), 5); /* one record */
    assert_memory_equal(text, "risen", 5);
}

/* What was deciphered must not stay behind in the session: the socket would not say so. */
static void a_record_is_given_out_wholly(void **state)
{
    (void)state;
    static char out[10000], in[20000];
    size_t n, total = 0;
    shake_hands();
    memset(out, 'b', sizeof(out));
    assert_int_equal(SSL_write(fx.client, out, sizeof(out)), sizeof(out));
    while (total < sizeof(out)) {
        assert_int_equal(tls_recv(fx.server, in + total, sizeof(in) - total, &n), OK);
        total += n;
    }
    assert_int_equal(total, sizeof(out));
    assert_memory_equal(in, out, sizeof(out));
}

static void slow_reader_gets_every_byte_once_and_in_order(void **state)
{
    (void)state;
    enum { TOTAL = 2000000 };
    char *all = malloc(TOTAL), *got = malloc(TOTAL);
    size_t given = 0, received = 0;
    bool was_full = false;
    shake_hands();
    for (size_t i = 0; i < TOTAL; i++)
        all[i] = (char)(i * 31 + i / 977);
    while (received < TOTAL) {
        /* The writer goes on until the socket is full, with other lengths each time. */
        enum err e = OK;
        while (!e && given < TOTAL) {
            size_t left = TOTAL - given, n;
            struct iovec iov[2] = {{all + given, left > 5000 ? 5000 : left}, {NULL, 0}};
            iov[1].iov_base = all + given + iov[0].iov_len;
            iov[1].iov_len = left - iov[0].iov_len;
            e = tls_send(fx.server, iov, iov[1].iov_len ? 2 : 1, &n);
            if (!e) {
                assert_true(n <= TLS_RECORD_MAX);
                given += n;
            }
        }
        assert_true(e == OK || e == ERR_AGAIN);
        was_full |= tls_has_pending(fx.server);
        int n = SSL_read(fx.client, got + received, TOTAL - (int)received);
        if (n > 0)
            received += (size_t)n;
        e = tls_flush(fx.server);
        assert_true(e == OK || e == ERR_AGAIN);
    }
    assert_true(was_full);
    assert_false(tls_has_pending(fx.server));
    assert_memory_equal(all, got, TOTAL);
    free(all);
    free(got);
}

static void an_end_is_told_behind_the_last_bytes(void **state)
{
    (void)state;
    char text[64];
    size_t n;
    shake_hands();
    assert_int_equal(SSL_write(fx.client, "last", 4), 4);
    SSL_shutdown(fx.client);
    assert_int_equal(tls_recv(fx.server, text, sizeof(text), &n), OK);
    assert_int_equal(n, 4);
    assert_int_equal(tls_recv(fx.server, text, sizeof(text), &n), ERR_CLOSED);
}

static void plain_http_is_no_handshake(void **state)
{
    (void)state;
    static const char text[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    char byte;
    size_t n;
    assert_int_equal(write(fx.fds[1], text, sizeof(text) - 1), sizeof(text) - 1);
    assert_int_equal(tls_recv(fx.server, &byte, 1, &n), ERR_CLOSED);
}

static void versions_before_1_2_are_refused(void **state)
{
    (void)state;
    char byte;
    size_t n;
    SSL_set_max_proto_version(fx.client, TLS1_1_VERSION);
    SSL_set_cipher_list(fx.client, "ALL:@SECLEVEL=0");
    (void)SSL_do_handshake(fx.client);
    assert_int_equal(tls_recv(fx.server, &byte, 1, &n), ERR_CLOSED);
}

static void files_that_do_not_fit_are_told(void **state)
{
    (void)state;
    struct buf message;
    struct tls_context *c;
    buf_init(&message, 512);
    assert_int_equal(tls_context_new("/nonexistent.pem", fx.files.key, &message, &c), ERR_IO);
    assert_true(bytes_find(buf_bytes(&message), BYTES("the certificate /nonexistent.pem")) <
                message.size);
    buf_reset(&message);
    assert_int_equal(tls_context_new(fx.files.cert, fx.files.cert, &message, &c), ERR_IO);
    assert_true(bytes_find(buf_bytes(&message), BYTES("the private key")) < message.size);
    buf_done(&message);
}

static void lack_of_memory_fails_the_session_only(void **state)
{
    (void)state;
    struct tls *t;
    mem_fail_at(1);
    enum err e = tls_new(fx.context, fx.fds[0], &t);
    mem_fail_at(0);
    assert_int_equal(e, ERR_NOMEM);
    shake_hands();
}

#define with_all(f) cmocka_unit_test_setup_teardown(f, open_all, close_all)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_all(bytes_go_both_ways),
        with_all(a_record_is_given_out_wholly),
        with_all(slow_reader_gets_every_byte_once_and_in_order),
        with_all(an_end_is_told_behind_the_last_bytes),
        with_all(plain_http_is_no_handshake),
        with_all(versions_before_1_2_are_refused),
        with_all(files_that_do_not_fit_are_told),
        with_all(lack_of_memory_fails_the_session_only),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
