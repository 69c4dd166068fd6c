/* mailbox: what threads hand to one another.  Many senders, one receiver, bounded.  The lock is
 * held only to splice an intrusive list; the eventfd is written only when the box was empty.  Owns
 * no mail: what is in the box belongs to the receiver from then on. */
#ifndef IO_MAILBOX_H
#define IO_MAILBOX_H

#include <pthread.h>

#include "io/loop.h"

/* The first member of whatever is sent; one box at a time. */
struct mail {
    struct mail *next;
    int kind; /* the receiver's business */
};

struct mail_list {
    struct mail *first, *last;
    size_t count;
};

/* A list owned by one thread. */
void mail_list_push(struct mail_list *l, struct mail *m);
/* NULL when empty. */
struct mail *mail_list_pop(struct mail_list *l);

struct mailbox {
    pthread_mutex_t lock;
    struct mail_list list;
    size_t max;
    struct wake wake;
};

/* `max`: mails in the box at a time.  ERR_LIMIT: out of descriptors. */
MUST_USE enum err mailbox_init(struct mailbox *b, size_t max);
void mailbox_done(struct mailbox *b);
/* Any thread, never waits.  ERR_FULL: the mail is still the sender's. */
MUST_USE enum err mailbox_post(struct mailbox *b, struct mail *m);
/* The whole list in one splice, and then it is empty; ERR_FULL: none of it was taken. */
MUST_USE enum err mailbox_post_list(struct mailbox *b, struct mail_list *l);
/* Receiver only: all there is, oldest first, perhaps nothing. */
void mailbox_take(struct mailbox *b, struct mail_list *out);
/* Any thread: how many mails wait. */
size_t mailbox_count(struct mailbox *b);
/* Readable when there is mail: for the receiver's loop. */
int mailbox_fd(const struct mailbox *b);
/* For a receiver without a loop: waits until there is mail, and takes it. */
void mailbox_wait(struct mailbox *b, struct mail_list *out);

#endif
