#include "io/mailbox.h"

#include <assert.h>
#include <poll.h>

void mail_list_push(struct mail_list *l, struct mail *m)
{
    m->next = NULL;
    if (l->last)
        l->last->next = m;
    else
        l->first = m;
    l->last = m;
    l->count++;
}

struct mail *mail_list_pop(struct mail_list *l)
{
    struct mail *m = l->first;
    if (!m)
        return NULL;
    l->first = m->next;
    if (!l->first)
        l->last = NULL;
    l->count--;
    m->next = NULL;
    return m;
}

static void append(struct mail_list *to, struct mail_list *from)
{
    if (to->last)
        to->last->next = from->first;
    else
        to->first = from->first;
    to->last = from->last;
    to->count += from->count;
    *from = (struct mail_list){0};
}

enum err mailbox_init(struct mailbox *b, size_t max)
{
    *b = (struct mailbox){.max = max};
    enum err e = wake_init(&b->wake);
    if (e)
        return e;
    int failed = pthread_mutex_init(&b->lock, NULL);
    assert(!failed);
    return OK;
}

void mailbox_done(struct mailbox *b)
{
    wake_done(&b->wake);
    pthread_mutex_destroy(&b->lock);
}

enum err mailbox_post(struct mailbox *b, struct mail *m)
{
    m->next = NULL;
    struct mail_list one = {m, m, 1};
    return mailbox_post_list(b, &one);
}

enum err mailbox_post_list(struct mailbox *b, struct mail_list *l)
{
    if (l->count == 0)
        return OK;
    pthread_mutex_lock(&b->lock);
    bool was_empty = b->list.count == 0;
    bool has_room = l->count <= b->max - b->list.count;
    if (has_room)
        append(&b->list, l);
    pthread_mutex_unlock(&b->lock);
    if (!has_room)
        return ERR_FULL;
    if (was_empty)
        wake_signal(&b->wake);
    return OK;
}

void mailbox_take(struct mailbox *b, struct mail_list *out)
{
    /* Cleared first: mail that arrives between the two lines is taken now, and wakes once for
     * nothing. */
    wake_clear(&b->wake);
    pthread_mutex_lock(&b->lock);
    *out = b->list;
    b->list = (struct mail_list){0};
    pthread_mutex_unlock(&b->lock);
}

size_t mailbox_count(struct mailbox *b)
{
    pthread_mutex_lock(&b->lock);
    size_t count = b->list.count;
    pthread_mutex_unlock(&b->lock);
    return count;
}

int mailbox_fd(const struct mailbox *b)
{
    return b->wake.fd;
}

void mailbox_wait(struct mailbox *b, struct mail_list *out)
{
    do {
        struct pollfd p = {.fd = b->wake.fd, .events = POLLIN};
        (void)poll(&p, 1, -1);
        mailbox_take(b, out);
    } while (out->count == 0);
}
