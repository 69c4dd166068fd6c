#include "posix/lookup.h"

#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/mem.h"

enum { HOST_SIZE = 256, PORT_SIZE = 8 };

/* Two hold it, the lookup and the helper; the last one frees it. */
struct lookup_task {
    atomic_int holders;
    atomic_bool is_over; /* from then on the rest belongs to the lookup */
    int fd;              /* readable when it is over */
    enum err err;
    char host[HOST_SIZE], port[PORT_SIZE];
    struct lookup_addresses found;
};

static void release(struct lookup_task *t)
{
    if (atomic_fetch_sub(&t->holders, 1) > 1)
        return;
    close(t->fd);
    mem_free(t);
}

static enum err resolve(const char *host, const char *port, int flags, struct lookup_addresses *out)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = flags}, *list;
    if (getaddrinfo(host, port, &hints, &list) != 0)
        return ERR_NOT_FOUND;
    out->count = 0;
    for (struct addrinfo *a = list; a && out->count < LOOKUP_ADDRESSES_MAX; a = a->ai_next) {
        struct lookup_address *to = &out->list[out->count];
        if (a->ai_addrlen > sizeof(to->addr))
            continue;
        memcpy(&to->addr, a->ai_addr, a->ai_addrlen);
        to->size = a->ai_addrlen;
        out->count++;
    }
    freeaddrinfo(list);
    return out->count ? OK : ERR_NOT_FOUND;
}

static void *help(void *argument)
{
    struct lookup_task *t = argument;
    t->err = resolve(t->host, t->port, 0, &t->found);
    atomic_store(&t->is_over, true);
    (void)eventfd_write(t->fd, 1);
    release(t);
    return NULL;
}

/* Signals are the program's, and find its own threads. */
static bool start_helper(struct lookup_task *t)
{
    pthread_attr_t attr;
    pthread_t thread;
    sigset_t all, old;
    if (pthread_attr_init(&attr) != 0)
        return false;
    (void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int code = pthread_create(&thread, &attr, help, t);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attr);
    return code == 0;
}

static struct lookup_task *task_new(const char *host, const char *port)
{
    struct lookup_task *t = mem_zalloc(sizeof(*t));
    if (!t)
        return NULL;
    t->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    snprintf(t->host, sizeof(t->host), "%s", host);
    snprintf(t->port, sizeof(t->port), "%s", port);
    atomic_store(&t->holders, 2);
    if (t->fd >= 0 && start_helper(t))
        return t;
    if (t->fd >= 0)
        close(t->fd);
    mem_free(t);
    return NULL;
}

void lookup_init(struct lookup *l, const char *host, const char *port)
{
    *l = (struct lookup){.host = host, .port = port, .err = ERR_NOT_FOUND};
}

void lookup_done(struct lookup *l)
{
    if (l->task)
        release(l->task);
    l->task = NULL;
}

void lookup_start(struct lookup *l)
{
    if (l->task)
        return;
    l->err = resolve(l->host, l->port, AI_NUMERICHOST | AI_NUMERICSERV, &l->found);
    if (!l->err)
        return;
    l->task = task_new(l->host, l->port);
    l->err = l->task ? ERR_AGAIN : ERR_NOMEM;
}

enum err lookup_take(const struct lookup *l, struct lookup_addresses *out)
{
    if (l->err)
        return l->err;
    out->count = l->found.count;
    for (unsigned i = 0; i < out->count; i++)
        out->list[i] = l->found.list[(l->skipped + i) % out->count];
    return OK;
}

void lookup_skip(struct lookup *l)
{
    l->skipped++;
}

int lookup_fd(const struct lookup *l)
{
    return l->task ? l->task->fd : -1;
}

void lookup_turn(struct lookup *l)
{
    struct lookup_task *t = l->task;
    if (!t || !atomic_load(&t->is_over))
        return;
    l->err = t->err;
    l->found = t->found;
    lookup_done(l);
}
