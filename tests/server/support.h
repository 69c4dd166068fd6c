/* What the tests of the server share: a bakery in a folder of its own, and a blocking client.
 * Nothing here waits without an end: sockets give up after a while, and that fails the test. */
#ifndef TESTS_SERVER_SUPPORT_H
#define TESTS_SERVER_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "auth/token.h"
#include "base/base64.h"
#include "io/log.h"
#include "io/sock.h"
#include "server/bakery.h"
#include "server/server.h"

#define OWNER_EMAIL "owner@bakery.example"
#define OWNER_PASSWORD "four and twenty"

struct bakery_folder {
    char path[48];
    char anon[512], service[512]; /* keys; empty until make_bakery */
};

static inline void make_folder(struct bakery_folder *f)
{
    strcpy(f->path, "/tmp/homebake-test-XXXXXX");
    assert_non_null(mkdtemp(f->path));
}

static inline void remove_folder(struct bakery_folder *f)
{
    DIR *d = opendir(f->path);
    struct dirent *entry;
    while (d && (entry = readdir(d))) {
        char path[400];
        snprintf(path, sizeof(path), "%s/%s", f->path, entry->d_name);
        (void)unlink(path);
    }
    closedir(d);
    assert_int_equal(rmdir(f->path), 0);
}

static inline void sign_key(struct bakery *b, enum token_kind kind, char out[512])
{
    struct claims c = {.kind = kind, .issued_s = 1767225600, .expires_s = 4102444800};
    struct buf key;
    buf_init(&key, 511);
    token_sign(&key, store_secret(b->store), &c, NULL, BYTES("homebake"));
    assert_int_equal(key.err, OK);
    memcpy(out, key.data, key.size);
    out[key.size] = 0;
    buf_done(&key);
}

/* A bakery with an owner and nothing else. */
static inline void make_bakery(struct bakery_folder *f)
{
    struct bakery b;
    const struct bakery_person owner = {OWNER_EMAIL, "Ada", "owner", OWNER_PASSWORD};
    make_folder(f);
    assert_int_equal(bakery_create(&b, "test", f->path), OK);
    assert_int_equal(bakery_add(&b, &owner), OK);
    sign_key(&b, TOKEN_ANON, f->anon);
    sign_key(&b, TOKEN_SERVICE, f->service);
    bakery_close(&b);
}

extern const struct asset_set assets_fixture;

static inline struct server_config test_config(const struct bakery_folder *f)
{
    struct server_config c = {
        .folder = f->path, .listen = "127.0.0.1:0", .shards = 2, .assets = &assets_fixture};
    server_limits_init(&c.limits);
    log_setup(LOG_OFF, STDERR_FILENO);
    return c;
}

static inline struct server *start_server(const struct server_config *c)
{
    struct buf message;
    struct server *s = NULL;
    buf_init(&message, 4096);
    enum err e = server_start(c, &message, &s);
    if (e)
        fail_msg("server_start: %.*s", (int)message.size, message.data);
    buf_done(&message);
    return s;
}

static inline struct sock_address address_of(const struct server *s)
{
    struct buf url;
    struct sock_address a;
    buf_init(&url, 256);
    server_put_url(&url, s);
    buf_put_char(&url, 0);
    assert_int_equal(sock_address_parse(strrchr(url.data, '/') + 1, &a), OK);
    buf_done(&url);
    return a;
}

static inline int dial(const struct server *s)
{
    struct sock_address a = address_of(s);
    struct timeval patience = {.tv_sec = 20};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    assert_int_equal(connect(fd, (const struct sockaddr *)&a.addr, a.size), 0);
    return fd;
}

static inline void say_bytes(int fd, const void *data, size_t size)
{
    const char *at = data;
    while (size > 0) {
        ssize_t n = send(fd, at, size, MSG_NOSIGNAL);
        assert_true(n > 0);
        at += n;
        size -= (size_t)n;
    }
}

static inline void say(int fd, const char *text)
{
    say_bytes(fd, text, strlen(text));
}

/* One byte, or -1 at the end of the connection. */
static inline int hear_byte(int fd)
{
    unsigned char byte;
    ssize_t n = recv(fd, &byte, 1, 0);
    if (n < 0)
        return -1;
    return n == 1 ? byte : -1;
}

static inline void hear_bytes(int fd, char *out, size_t size)
{
    for (size_t at = 0; at < size;) {
        ssize_t n = recv(fd, out + at, size - at, 0);
        assert_true(n > 0);
        at += (size_t)n;
    }
}

static inline bool is_ended(int fd)
{
    return hear_byte(fd) == -1;
}

struct answer {
    int status;
    char head[16384];
    char body[65536];
    size_t body_size;
};

/* The value of a header, in a place of its own; NULL when absent. */
static inline const char *answer_header(const struct answer *a, const char *name)
{
    static char value[2048];
    size_t size = strlen(name);
    for (const char *line = strstr(a->head, "\r\n"); line; line = strstr(line, "\r\n")) {
        line += 2;
        if (strncasecmp(line, name, size) == 0 && line[size] == ':') {
            const char *start = line + size + 2;
            snprintf(value, sizeof(value), "%.*s", (int)strcspn(start, "\r"), start);
            return value;
        }
    }
    return NULL;
}

/* One answer; the body is read by its Content-Length. */
static inline void hear(int fd, struct answer *a)
{
    size_t size = 0;
    *a = (struct answer){0};
    while (size < 4 || memcmp(a->head + size - 4, "\r\n\r\n", 4) != 0) {
        int c = hear_byte(fd);
        assert_true(c >= 0 && size < sizeof(a->head) - 1);
        a->head[size++] = (char)c;
    }
    assert_int_equal(sscanf(a->head, "HTTP/1.1 %d ", &a->status), 1);
    const char *length = answer_header(a, "Content-Length");
    size_t expected = length ? (size_t)atoi(length) : 0;
    assert_true(expected < sizeof(a->body));
    hear_bytes(fd, a->body, expected);
    a->body_size = expected;
}

/* Asks on a connection of its own. */
static inline void ask_once(const struct server *s, const char *request, struct answer *a)
{
    int fd = dial(s);
    say(fd, request);
    hear(fd, a);
    close(fd);
}

#endif
