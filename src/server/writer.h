/* writer: the thread that owns the writing store session.  It takes all jobs that wait, up to
 * WRITER_GROUP_MAX, as one group into one transaction; when the commit is on disk, every shard gets
 * the changes, the broadcasts that were stored, and its own calls back, in one splice of its mailbox, in
 * this order: a broadcast before the call that brought it. */
#ifndef SERVER_WRITER_H
#define SERVER_WRITER_H

#include <semaphore.h>

#include "base/histogram.h"
#include "server/call.h"
#include "server/errand.h"

enum { WRITER_GROUP_MAX = 256 };

struct writer;

struct writer_config {
    struct store_session *session; /* used by the writer's thread alone from writer_start on */
    uint64_t head;                 /* the last seq that the shards know */
    size_t queue_max;
    struct mailbox *const *boxes; /* of the shards; outlive the writer */
    size_t box_count;
    /* Told after each group that changed the database, on the writer's thread; NULL: nobody. */
    void (*committed)(void *context);
    void *context;
};
MUST_USE enum err writer_start(const struct writer_config *cfg, struct writer **out);
/* Ends the thread after the jobs that wait now.  Takes NULL. */
void writer_stop(struct writer *w);

/* Any thread, never waits.  ERR_FULL: the call is still yours; answer 503. */
MUST_USE enum err writer_post(struct writer *w, struct call *c);
/* The same for an errand that writes. */
MUST_USE enum err writer_post_errand(struct writer *w, struct errand *e);

/* Anything else that must be done on the writing session, between two groups.  What it changes is
 * fed to the shards. Waits until it is done; not for a shard's thread.  ERR_BUSY: the queue is
 * full. */
typedef enum err (*admin_run)(struct store_session *s, void *context);
MUST_USE enum err writer_run(struct writer *w, admin_run run, void *context);

/* What keeps the last group, or the last probe since, from the disk; OK: nothing.  Any thread. */
enum err writer_fault(struct writer *w);
/* Tries whether writing goes again.  Waits as writer_run does. */
void writer_probe(struct writer *w);

struct writer_counters {
    uint64_t groups, requests, changes, group_max;
    uint64_t failed;                 /* groups that the store could not write */
    uint64_t waits;                  /* for a shard whose box was full */
    uint64_t queued;                 /* now */
    struct histogram group_requests; /* sizes of the groups */
    struct histogram group_us;       /* a group from its first statement to the disk … */
    struct histogram commit_us;      /* … and the commit of it alone */
};
/* Any thread. */
struct writer_counters writer_counters(struct writer *w);

#endif
