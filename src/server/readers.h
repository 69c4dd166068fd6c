/* readers: a few threads, each with a read-only store session, that do what must not hold up a
 * shard: reads, pages of the change log among them, and the slow check of passwords.  Both queues
 * are bounded, and passwords never take the last thread from reads. */
#ifndef SERVER_READERS_H
#define SERVER_READERS_H

#include "server/call.h"
#include "server/errand.h"
#include "server/limits.h"

struct readers;

/* Opens `count` sessions and starts as many threads. */
MUST_USE enum err readers_start(struct store *s, size_t count, const struct server_limits *l,
                                struct readers **out);
/* Ends the threads after the calls that wait now.  Takes NULL. */
void readers_stop(struct readers *r);
/* Any thread, never waits.  ERR_FULL: the call is still yours; answer 503.  It comes home when it
 * is done. */
MUST_USE enum err readers_post(struct readers *r, struct call *c);
/* The same for a page of the log, which has some room that calls have not. */
MUST_USE enum err readers_post_fetch(struct readers *r, struct fetch_mail *f);
/* The same for an errand that reads. */
MUST_USE enum err readers_post_errand(struct readers *r, struct errand *e);

struct readers_counters {
    uint64_t reads_queued, passwords_queued; /* now */
    uint64_t reads, passwords;               /* done or being done */
};
/* Any thread. */
struct readers_counters readers_counters(struct readers *r);

#endif
