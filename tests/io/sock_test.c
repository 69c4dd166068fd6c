#include "io/sock.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support.h"

static void wait_for(int fd, short events)
{
    struct pollfd p = {.fd = fd, .events = events};
    assert_int_equal(poll(&p, 1, 5000), 1);
}

static int connect_to(const struct sock_address *a)
{
    int fd = socket(a->addr.ss_family, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&a->addr, a->size), 0);
    return fd;
}

static void listen_somewhere(struct sock_address *a, int *fd)
{
    assert_int_equal(sock_address_parse("127.0.0.1:0", a), OK);
    assert_int_equal(sock_listen(a, false, fd), OK);
    assert_int_equal(sock_local_address(*fd, a), OK);
}

static void assert_address(const char *text, const char *expected)
{
    struct sock_address a;
    struct buf b;
    buf_init(&b, 256);
    assert_int_equal(sock_address_parse(text, &a), OK);
    sock_address_put(&b, &a);
    assert_int_equal(b.err, OK);
    assert_int_equal(b.size, strlen(expected));
    assert_memory_equal(b.data, expected, b.size);
    buf_done(&b);
}

static void addresses_are_read_and_written(void **state)
{
    (void)state;
    assert_address("127.0.0.1:8080", "127.0.0.1:8080");
    assert_address("[::1]:443", "[::1]:443");
    assert_address("0.0.0.0:0", "0.0.0.0:0");
}

static void malformed_addresses_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "8080",
                                      "127.0.0.1",
                                      "127.0.0.1:",
                                      "::1:80",
                                      "a:65536",
                                      "a:-1",
                                      "a:1x",
                                      "a:000001",
                                      "[::1]",
                                      "a:99999999999999999999"};
    struct sock_address a;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(sock_address_parse(bad[i], &a), ERR_SYNTAX);
    char host[400];
    memset(host, 'a', sizeof(host));
    snprintf(host + 300, sizeof(host) - 300, ":80");
    assert_int_equal(sock_address_parse(host, &a), ERR_SYNTAX);
    assert_int_equal(sock_address_parse("256.1.1.1.1:80", &a), ERR_NOT_FOUND);
}

static void loopback_is_told_from_the_world(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is_loopback;
    } cases[] = {{"127.0.0.1:1", true},
                 {"127.9.9.9:1", true},
                 {"128.0.0.1:1", false},
                 {"10.0.0.127:1", false},
                 {"[::1]:1", true},
                 {"[::2]:1", false},
                 {"[::ffff:127.0.0.1]:1", true},
                 {"[::ffff:10.0.0.1]:1", false}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sock_address a;
        assert_int_equal(sock_address_parse(cases[i].text, &a), OK);
        assert_int_equal(sock_address_is_loopback(&a), cases[i].is_loopback);
    }
}

static void bytes_go_both_ways_and_the_end_is_told(void **state)
{
    (void)state;
    struct sock_address a;
    int listener, server;
    bool is_loopback = false;
    char text[16];
    size_t n;
    listen_somewhere(&a, &listener);
    assert_int_equal(sock_accept(listener, &server, &is_loopback), ERR_AGAIN);
    int client = connect_to(&a);
    wait_for(listener, POLLIN);
    assert_int_equal(sock_accept(listener, &server, &is_loopback), OK);
    assert_true(is_loopback);
    assert_true(fcntl(server, F_GETFL) & O_NONBLOCK);
    assert_int_equal(sock_recv(server, text, sizeof(text), &n), ERR_AGAIN);
    struct iovec parts[2] = {{"br", 2}, {"ead", 3}};
    assert_int_equal(sock_send(client, parts, 2, &n), OK);
    assert_int_equal(n, 5);
    wait_for(server, POLLIN);
    assert_int_equal(sock_recv(server, text, sizeof(text), &n), OK);
    assert_int_equal(n, 5);
    assert_memory_equal(text, "bread", 5);
    close(client);
    wait_for(server, POLLIN);
    assert_int_equal(sock_recv(server, text, sizeof(text), &n), ERR_CLOSED);
    close(server);
    close(listener);
}

static void full_socket_says_again_and_a_dead_one_closed(void **state)
{
    (void)state;
    static char block[65536];
    int fds[2];
    size_t n;
    struct iovec iov = {block, sizeof(block)};
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    enum err e;
    while ((e = sock_send(fds[0], &iov, 1, &n)) == OK)
        assert_true(n > 0 && n <= sizeof(block));
    assert_int_equal(e, ERR_AGAIN);
    close(fds[1]);
    assert_int_equal(sock_send(fds[0], &iov, 1, &n), ERR_CLOSED); /* and no SIGPIPE */
    close(fds[0]);
}

static void shared_port_is_shared_and_a_taken_one_is_found_out(void **state)
{
    (void)state;
    struct sock_address a;
    int first, second, third;
    assert_int_equal(sock_address_parse("127.0.0.1:0", &a), OK);
    assert_int_equal(sock_listen(&a, true, &first), OK);
    assert_int_equal(sock_local_address(first, &a), OK);
    assert_int_equal(sock_listen(&a, true, &second), OK);
    assert_int_equal(sock_listen(&a, false, &third), ERR_EXISTS);
    assert_int_equal(sock_probe(&a), ERR_EXISTS);
    close(first);
    close(second);
    assert_int_equal(sock_probe(&a), OK);
}

static void unix_socket_is_private_and_replaces_a_stale_one(void **state)
{
    (void)state;
    char folder[] = "/tmp/homebake-sock-XXXXXX";
    char path[64], name[200];
    int listener, client;
    struct stat st;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/s", folder);
    assert_int_equal(sock_unix_connect(path, &client), ERR_NOT_FOUND);
    for (int i = 0; i < 2; i++) { /* the second finds the file of the first */
        assert_int_equal(sock_unix_listen(path, &listener), OK);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
        assert_int_equal(sock_unix_connect(path, &client), OK);
        close(client);
        close(listener);
    }
    assert_int_equal(sock_unix_connect(path, &client), ERR_NOT_FOUND);
    memset(name, 'x', sizeof(name) - 1);
    name[sizeof(name) - 1] = 0;
    assert_int_equal(sock_unix_listen(name, &listener), ERR_LIMIT);
    unlink(path);
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_read_and_written),
        cmocka_unit_test(malformed_addresses_are_refused),
        cmocka_unit_test(loopback_is_told_from_the_world),
        cmocka_unit_test(bytes_go_both_ways_and_the_end_is_told),
        cmocka_unit_test(full_socket_says_again_and_a_dead_one_closed),
        cmocka_unit_test(shared_port_is_shared_and_a_taken_one_is_found_out),
        cmocka_unit_test(unix_socket_is_private_and_replaces_a_stale_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
