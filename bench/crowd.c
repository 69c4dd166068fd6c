#include "crowd.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "load.h"

enum { EVENTS = 4096, READ_SIZE = 1 << 18 };

/* Tells members, by number, from other descriptors in an event's data. */
#define OTHER (UINT64_C(1) << 32)

void crowd_init(struct crowd *c, int count, size_t message_size)
{
    *c = (struct crowd){.poll = epoll_create1(EPOLL_CLOEXEC),
                        .count = count,
                        .message_size = message_size,
                        .members = load_array((size_t)count, sizeof(*c->members))};
    if (c->poll < 0)
        load_fail("epoll_create1");
}

void crowd_done(struct crowd *c)
{
    for (int i = 0; i < c->count; i++) {
        close(c->members[i].fd);
        frames_done(&c->members[i].frames);
    }
    close(c->poll);
    free(c->members);
}

static void watch(struct crowd *c, int fd, uint64_t data)
{
    struct epoll_event e = {.events = EPOLLIN, .data.u64 = data};
    if (epoll_ctl(c->poll, EPOLL_CTL_ADD, fd, &e) != 0)
        load_fail("epoll_ctl");
}

void crowd_add(struct crowd *c, int i, int fd)
{
    c->members[i].fd = fd;
    wire_set_nonblocking(fd);
    wire_acknowledge_at_once(fd);
    watch(c, fd, (uint64_t)i);
}

void crowd_watch(struct crowd *c, int fd)
{
    watch(c, fd, OTHER | (uint64_t)fd);
}

void crowd_reset(struct crowd *c)
{
    for (int i = 0; i < c->count; i++)
        c->members[i].messages = c->members[i].payload_bytes = 0;
    c->messages = c->bytes = 0;
}

static void read_member(struct crowd *c, int i)
{
    struct crowd_member *m = &c->members[i];
    static char data[READ_SIZE];
    ssize_t got = recv(m->fd, data, sizeof(data), MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0)
        load_fail("a subscriber lost its connection");
    c->reading = i;
    c->bytes += (uint64_t)got;
    struct frames_seen seen = frames_feed(&m->frames, (struct bytes){data, (size_t)got},
                                          c->hooks.payload, c->hooks.context);
    m->payload_bytes += seen.payload_bytes;
    uint64_t first = m->messages;
    m->messages = c->message_size ? m->payload_bytes / c->message_size : first + seen.frames;
    c->messages += m->messages - first;
    if (m->messages > first && c->hooks.messages)
        c->hooks.messages(c->hooks.context, first, m->messages - first);
}

bool crowd_turn(struct crowd *c, int timeout_ms)
{
    static struct epoll_event events[EVENTS];
    int n = epoll_wait(c->poll, events, EVENTS, timeout_ms);
    if (n < 0 && errno != EINTR)
        load_fail("epoll_wait");
    for (int i = 0; i < n; i++) {
        if (events[i].data.u64 & OTHER)
            c->hooks.other(c->hooks.context, (int)(events[i].data.u64 & ~OTHER));
        else
            read_member(c, (int)events[i].data.u64);
    }
    return n > 0;
}
