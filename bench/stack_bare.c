/* The limit: a process that accepts the subscribers and then the publisher, and does nothing but
 * epoll_wait(), recv() and, for what the publisher has asked for since the last turn, one send() of
 * one ready buffer to each subscriber.  A request is four bytes: the number of frames, and their
 * size. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "load.h"
#include "stack.h"
#include "wire.h"

enum { FRAMES_MAX = 1024, FRAME_MAX = 4096, BACKLOG = 4096 };

struct request {
    uint16_t count, size;
};

struct loop {
    int poll, count;
    int *fds;
    char *frames; /* FRAMES_MAX of them, of `size` bytes each */
    size_t size;
};

static void loop_accept(struct loop *l, int listener)
{
    int on = 1;
    for (int i = 0; i <= l->count; i++) {
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
        if (fd < 0 || epoll_ctl(l->poll, EPOLL_CTL_ADD, fd, &e) != 0)
            load_fail("bare accept");
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        if (i < l->count)
            l->fds[i] = fd;
    }
}

/* Whole frames, as who reads them expects. */
static void loop_fill(struct loop *l, size_t size)
{
    if (size == l->size)
        return;
    l->size = size;
    for (size_t i = 0; i < FRAMES_MAX; i++) {
        char *f = l->frames + i * size;
        f[0] = (char)(0x80 | WIRE_BINARY);
        f[1] = 126;
        f[2] = (char)((size - 4) >> 8);
        f[3] = (char)((size - 4) & 0xff);
    }
}

/* What has been asked for since the last turn; ends with the publisher. */
static size_t loop_recv(struct loop *l, int fd)
{
    struct request asked[64];
    ssize_t n = recv(fd, asked, sizeof(asked), 0);
    if (n <= 0)
        _exit(0);
    size_t more = (sizeof(*asked) - (size_t)n % sizeof(*asked)) % sizeof(*asked), count = 0;
    if (more && recv(fd, (char *)asked + n, more, MSG_WAITALL) != (ssize_t)more)
        _exit(0);
    loop_fill(l, asked[0].size);
    for (size_t i = 0; i < ((size_t)n + more) / sizeof(*asked); i++)
        count += asked[i].count;
    return count;
}

static _Noreturn void loop_run(struct loop *l)
{
    for (;;) {
        struct epoll_event e;
        if (epoll_wait(l->poll, &e, 1, -1) != 1)
            continue;
        size_t count = loop_recv(l, e.data.fd);
        while (count > 0) {
            size_t now = count < FRAMES_MAX ? count : FRAMES_MAX;
            for (int i = 0; i < l->count; i++)
                if (send(l->fds[i], l->frames, now * l->size, MSG_NOSIGNAL) < 0)
                    _exit(0); /* the bench has ended */
            count -= now;
        }
    }
}

static bool is_there(void)
{
    return true;
}

static int listen_somewhere(uint16_t *port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, size) != 0 || listen(fd, BACKLOG) != 0 ||
        getsockname(fd, (struct sockaddr *)&at, &size) != 0)
        load_fail("listen");
    *port = ntohs(at.sin_port);
    return fd;
}

static void start(struct target *t)
{
    int listener = listen_somewhere(&t->port);
    t->pid = process_fork();
    if (t->pid == 0) {
        struct loop l = {.poll = epoll_create1(EPOLL_CLOEXEC), .count = t->cfg.subscribers};
        load_pin(t->cfg.server_cpu);
        l.fds = load_array((size_t)l.count, sizeof(*l.fds));
        l.frames = load_array(FRAMES_MAX, FRAME_MAX);
        loop_accept(&l, listener);
        loop_run(&l);
    }
    close(listener);
}

static void stop(struct target *t)
{
    process_kill(t->pid);
}

static int subscribe(struct target *t, int number)
{
    (void)number;
    return wire_connect(t->port);
}

static int open_publisher(struct target *t)
{
    return wire_connect(t->port);
}

static size_t put_messages(const struct target *t, int count, size_t frame_size, char *out)
{
    (void)t;
    struct request r = {(uint16_t)count, (uint16_t)frame_size};
    if (frame_size < 130 || frame_size > FRAME_MAX)
        load_fail("a frame of that size is not for the bare loop");
    memcpy(out, &r, sizeof(r));
    return sizeof(r);
}

const struct stack stack_bare = {
    .name = "bare epoll",
    .is_there = is_there,
    .start = start,
    .stop = stop,
    .subscribe = subscribe,
    .open_publisher = open_publisher,
    .put_messages = put_messages,
};
