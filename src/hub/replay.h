/* replay: moves the cursors of those that are behind, out of the window of memory or, where that no
 * longer reaches back, out of the store's log, until they are at the head.  Bounded work at a time.
 * Channels of one group that come by the same place share its frames.  Shard thread only. */
#ifndef HUB_REPLAY_H
#define HUB_REPLAY_H

#include "hub/archive.h"
#include "hub/group.h"

enum { REPLAY_FRAMES = 64 /* remembered */ };

/* What one run of changes is for one group. */
struct replay_frame {
    uint64_t group;      /* its number; 0: none */
    uint64_t seq;        /* of the first change */
    size_t count;        /* changes in the run */
    size_t taken;        /* changes behind which the frame ends */
    struct frame *frame; /* NULL: it holds nothing for the group */
};

struct replay {
    struct link pumping; /* struct conn.pumping: those that go on without being asked */
    int64_t pump_at_us;  /* when they are due; INT64_MAX: there are none */
    int64_t
        forget_at_us; /* when pages and frames go, unless they are used; INT64_MAX: none are kept */
    struct link ahead; /* struct channel.behind: those that wait for changes we have not heard of */
    uint64_t
        absent; /* a seq behind the head that the store does not have either; UINT64_MAX: none */
    struct archive archive;
    struct replay_frame frames[REPLAY_FRAMES];
};

/* `tail`: the oldest seq that the shell can fetch; 0: it cannot. */
void replay_init(struct replay *r, uint64_t tail, uint64_t seed);
/* There must be no channels any more. */
void replay_done(struct replay *r);
/* Is everything from `seq` on still to be had, as far as is known? */
bool replay_reaches(const struct hub *h, uint64_t seq);
/* May a client that says it knows `seq`, which is behind the head, be right? */
bool replay_may_wait_for(const struct hub *h, uint64_t seq);
/* The head has moved. */
void replay_heard(struct hub *h);
/* Replays what fits for the channels of this connection that are behind, and tells who is present to
 * those that have missed it; goes on by itself if need be. */
void replay_pump(struct hub *h, struct conn *c);
/* The same, but after so long, at the next tick. */
void replay_later(struct hub *h, struct conn *c, int64_t delay_us);
/* The answer to HUB_OUT_FETCH. */
void replay_fetched(struct hub *h, const struct hub_in *in);
/* Pumps those that are due. */
void replay_tick(struct hub *h);
/* When that is next; INT64_MAX: never. */
int64_t replay_deadline(const struct hub *h);

#endif
