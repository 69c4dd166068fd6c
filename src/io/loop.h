/* loop: which of many descriptors are ready (epoll, level-triggered), and the wake-up of a thread
 * by another one (eventfd).  Events are pulled.  A loop belongs to one thread; a wake may be
 * signalled by any.
 *
 * There are no timers here: the owner knows its earliest deadline and waits no longer than that. */
#ifndef IO_LOOP_H
#define IO_LOOP_H

#include "base/bytes.h"

enum {
    LOOP_READ = 1,
    LOOP_WRITE = 2,
    LOOP_HANGUP =
        4 /* reported without being asked for: the connection is dead in both directions */
};

struct loop {
    int epoll_fd;
};

struct loop_event {
    uint64_t tag;   /* as given to loop_add */
    unsigned ready; /* LOOP_… */
};

enum { LOOP_EVENTS_MAX = 256 };

/* ERR_LIMIT: out of descriptors; ERR_NOMEM. */
MUST_USE enum err loop_init(struct loop *l);
/* Takes a loop whose init failed (epoll_fd < 0) or that is all zero but for that. */
void loop_done(struct loop *l);
/* `tag` comes back with every event: let it name a generation too, for an event of a descriptor
 * that was closed earlier in the same turn may still be in the list. */
MUST_USE enum err loop_add(struct loop *l, int fd, unsigned interest, uint64_t tag);
MUST_USE enum err loop_change(struct loop *l, int fd, unsigned interest, uint64_t tag);
/* Not needed before close(). */
void loop_remove(struct loop *l, int fd);
/* Waits for at least one event, at most `timeout_us` (rounded up to milliseconds; 0: only looks;
 * negative: for ever). Returns how many events were written to `out`, 0..max (max <=
 * LOOP_EVENTS_MAX). */
size_t loop_wait(struct loop *l, int64_t timeout_us, struct loop_event *out, size_t max);

/* wake: a descriptor that is readable after wake_signal, until wake_clear. */
struct wake {
    int fd;
};
MUST_USE enum err wake_init(struct wake *w);
void wake_done(struct wake *w);
void wake_signal(struct wake *w);
void wake_clear(struct wake *w);

#endif
