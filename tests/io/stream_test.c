#include "io/stream.h"

#include "tls_support.h"

static void plain_stream_sends_receives_and_finishes(void **state)
{
    (void)state;
    int fds[2];
    char text[8];
    size_t n;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    struct stream s = {.fd = fds[0]};
    struct iovec iov = {"rye", 3};
    assert_int_equal(stream_send(&s, &iov, 1, &n), OK);
    assert_int_equal(stream_flush(&s), OK);
    assert_false(stream_has_pending(&s));
    assert_int_equal(read(fds[1], text, sizeof(text)), 3);
    stream_finish(&s);
    assert_int_equal(read(fds[1], text, sizeof(text)), 0);
    assert_int_equal(write(fds[1], "late", 4), 4); /* its other half is still open */
    assert_int_equal(stream_recv(&s, text, sizeof(text), &n), OK);
    assert_int_equal(n, 4);
    stream_close(&s);
    assert_int_equal(s.fd, -1);
    stream_close(&s);
    close(fds[1]);
}

static void tls_stream_speaks_through_its_session(void **state)
{
    (void)state;
    int fds[2];
    char text[8];
    size_t n;
    struct tls_files files;
    struct tls_context *context;
    struct buf message;
    buf_init(&message, 512);
    tls_files_make(&files);
    assert_int_equal(tls_context_new(files.cert, files.key, &message, &context), OK);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    struct stream s = {.fd = fds[0]};
    assert_int_equal(tls_new(context, fds[0], &s.tls), OK);
    SSL_CTX *ctx = tls_client_context(0);
    SSL *client = SSL_new(ctx);
    SSL_set_fd(client, fds[1]);
    SSL_set_connect_state(client);
    for (int i = 0; i < 10 && !SSL_is_init_finished(client); i++) {
        (void)SSL_do_handshake(client);
        assert_int_equal(stream_recv(&s, text, sizeof(text), &n), ERR_AGAIN);
    }
    struct iovec iov = {"rye", 3};
    assert_int_equal(stream_send(&s, &iov, 1, &n), OK);
    assert_int_equal(SSL_read(client, text, sizeof(text)), 3);
    stream_finish(&s); /* close_notify, then the end */
    assert_int_equal(SSL_read(client, text, sizeof(text)), 0);
    assert_int_equal(SSL_get_error(client, 0), SSL_ERROR_ZERO_RETURN);
    stream_close(&s);
    SSL_free(client);
    SSL_CTX_free(ctx);
    tls_context_free(context);
    tls_files_remove(&files);
    close(fds[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_stream_sends_receives_and_finishes),
        cmocka_unit_test(tls_stream_speaks_through_its_session),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
