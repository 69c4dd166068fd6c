/* drive: a stack with its subscribers and its publisher, all in the calling process, and the two
 * ways to load it.  Closed loop: the next round of messages is published when all subscribers have
 * all of the last, so that no socket is ever overfull and nothing is charged for that.  Open loop:
 * messages are due at a steady rate, and the time of each counts from when it was due, whether it
 * could be published then or not. */
#ifndef BENCH_DRIVE_H
#define BENCH_DRIVE_H

#include "crowd.h"
#include "hist.h"
#include "stack.h"

/* One piece of work. */
struct turn {
    int messages;         /* published at once: of a round, or of a request */
    int rounds;           /* closed loop; 0: open loop */
    int requests;         /* open loop: how many, */
    uint64_t interval_ns; /* and how far apart */
    unsigned pause_ms;    /* closed loop: between rounds, the generator's crowd idle */
    unsigned nap_ms;      /* closed loop: the generator reads no more often */
    size_t frame_size;    /* on the wire, where it can be chosen */
    bool reads_commit;    /* look at each change's commit_timestamp */
};

struct outcome {
    uint64_t deliveries, bytes;
    uint64_t cpu_ns; /* of all the server's threads */
    uint64_t wall_ns;
    struct hist each;   /* from publishing, or from when it was due, to receipt */
    struct hist last;   /* closed loop: the same to the last receipt of a round */
    struct hist commit; /* from commit_timestamp, which is in milliseconds, rounded down */
};

struct drive {
    struct target target;
    struct crowd crowd;
    int publisher;
    const struct turn *turn;
    struct outcome *outcome;
    uint64_t start_ns;           /* of the round; of the first request */
    uint64_t due, sent;          /* requests */
    uint64_t answered;           /* of them */
    size_t answer_at;            /* how much of the start of an answer has been seen */
    uint64_t kept_alive_ns;      /* when the subscribers last said that they are there */
    _Atomic bool *is_delivering; /* told while a round is on its way; NULL: nobody asks */
    char ask[STACK_ASK_MAX];
    size_t ask_size;
};

/* Starts the server and subscribes everybody. */
void drive_start(struct drive *d, const struct stack *stack, const struct stack_config *cfg);
void drive_stop(struct drive *d);
/* Says for all that they are there, when it is time; to be called every few seconds. */
void drive_keep_alive(struct drive *d);
/* Does the turn, after some rounds that warm up and do not count. */
void drive_turn(struct drive *d, const struct turn *turn, struct outcome *out);

#endif
