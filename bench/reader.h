/* reader: a subscriber that outlives its connections: it connects, upgrades and joins, counts what it
 * receives, and when it is cut off comes back with the seq of the last change it had
 * (`config.resume`).  All on non-blocking sockets in one epoll loop.
 *
 *   OFFLINE -> CONNECTING -> UPGRADING -> JOINING -> LIVE      and from each back to OFFLINE
 */
#ifndef BENCH_READER_H
#define BENCH_READER_H

#include "homebake.h"
#include "wire.h"

enum reader_state {
    READER_OFFLINE,
    READER_CONNECTING,
    READER_UPGRADING,
    READER_JOINING,
    READER_LIVE
};

/* A run of seqs, in the order in which they came. */
struct reader_sum {
    uint64_t count, hash;
};
void reader_sum_add(struct reader_sum *s, uint64_t seq);

struct reader {
    enum reader_state state;
    int fd;
    struct frames frames;
    uint64_t first;  /* the seq after which its first subscription began */
    uint64_t cursor; /* the last seq it has had */
    bool has_begun;
    char epoch[64]; /* as the server tells this reader: others have others */
    struct reader_sum seen;
    uint64_t live_ns; /* when it became live last */
};

struct readers {
    const struct homebake *home;
    int poll, count;
    struct reader *items;
    struct reader *reading;
    /* What went wrong: changes again or out of order, joins that could not be resumed, and
     * connections that failed before they were live. */
    uint64_t doubled, not_resumed, retries;
};

void readers_init(struct readers *r, const struct homebake *home, int count);
void readers_done(struct readers *r);
/* Sends all that are offline on their way; those that fail later are sent again by readers_turn. */
void readers_connect(struct readers *r);
/* Waits once for something to do, at most so long. */
void readers_turn(struct readers *r, int timeout_ms);
/* Cuts all connections at once, without a word (RST). */
void readers_cut(struct readers *r);
int readers_live(const struct readers *r);

#endif
