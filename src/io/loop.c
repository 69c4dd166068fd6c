#include "io/loop.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

static enum err err_of_errno(int code)
{
    switch (code) {
    case EMFILE:
    case ENFILE:
    case ENOSPC:
        return ERR_LIMIT;
    case ENOMEM:
        return ERR_NOMEM;
    default:
        return ERR_IO;
    }
}

static struct epoll_event event_of(unsigned interest, uint64_t tag)
{
    struct epoll_event e = {.data.u64 = tag};
    if (interest & LOOP_READ)
        e.events |= EPOLLIN;
    if (interest & LOOP_WRITE)
        e.events |= EPOLLOUT;
    return e;
}

static unsigned ready_of(uint32_t events)
{
    unsigned ready = 0;
    if (events & EPOLLIN)
        ready |= LOOP_READ;
    if (events & EPOLLOUT)
        ready |= LOOP_WRITE;
    if (events & (EPOLLHUP | EPOLLERR))
        ready |= LOOP_HANGUP;
    return ready;
}

static int timeout_ms(int64_t timeout_us)
{
    if (timeout_us < 0)
        return -1;
    int64_t ms = timeout_us / 1000 + (timeout_us % 1000 != 0);
    return ms > INT_MAX ? INT_MAX : (int)ms;
}

enum err loop_init(struct loop *l)
{
    l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    return l->epoll_fd < 0 ? err_of_errno(errno) : OK;
}

void loop_done(struct loop *l)
{
    if (l->epoll_fd >= 0)
        close(l->epoll_fd);
    l->epoll_fd = -1;
}

enum err loop_add(struct loop *l, int fd, unsigned interest, uint64_t tag)
{
    struct epoll_event e = event_of(interest, tag);
    return epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &e) ? err_of_errno(errno) : OK;
}

enum err loop_change(struct loop *l, int fd, unsigned interest, uint64_t tag)
{
    struct epoll_event e = event_of(interest, tag);
    return epoll_ctl(l->epoll_fd, EPOLL_CTL_MOD, fd, &e) ? err_of_errno(errno) : OK;
}

void loop_remove(struct loop *l, int fd)
{
    (void)epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
}

size_t loop_wait(struct loop *l, int64_t timeout_us, struct loop_event *out, size_t max)
{
    assert(max > 0 && max <= LOOP_EVENTS_MAX);
    struct epoll_event events[LOOP_EVENTS_MAX];
    int count = epoll_wait(l->epoll_fd, events, (int)max, timeout_ms(timeout_us));
    if (count < 0) {
        assert(errno == EINTR);
        return 0;
    }
    for (int i = 0; i < count; i++)
        out[i] = (struct loop_event){events[i].data.u64, ready_of(events[i].events)};
    return (size_t)count;
}

enum err wake_init(struct wake *w)
{
    w->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return w->fd < 0 ? err_of_errno(errno) : OK;
}

void wake_done(struct wake *w)
{
    if (w->fd >= 0)
        close(w->fd);
    w->fd = -1;
}

void wake_signal(struct wake *w)
{
    uint64_t one = 1;
    ssize_t n = write(w->fd, &one, sizeof(one));
    assert(n == (ssize_t)sizeof(one) || errno == EAGAIN); /* EAGAIN: signalled 2^64 times over */
}

void wake_clear(struct wake *w)
{
    uint64_t count;
    ssize_t n = read(w->fd, &count, sizeof(count));
    assert(n == (ssize_t)sizeof(count) || errno == EAGAIN);
}
