/* side: a drive in a process of its own, so that several stacks are alive at once and take turns on
 * the same processors, within seconds of each other, and so that each has its own descriptors. */
#ifndef BENCH_SIDE_H
#define BENCH_SIDE_H

#include "drive.h"

struct side {
    const struct stack *stack;
    pid_t pid;
    int to, from;
};

/* Returns when all its subscribers are there. */
void side_start(struct side *s, const struct stack *stack, const struct stack_config *cfg);
void side_turn(struct side *s, const struct turn *turn, struct outcome *out);
/* The bytes of a frame of this stack, learnt by sending some. */
size_t side_frame_size(struct side *s);
void side_stop(struct side *s);

/* How a stack did, and how it compares with the first of the league. */
struct standing {
    const char *name;
    double cpu_ns;     /* of the server per delivery: the median of the cycles */
    double per_second; /* deliveries: the median */
    size_t frame_size; /* bytes per delivery */
    struct hist each, last, commit;
    double ratio, least, most; /* of the CPU to the first's in the same cycle: median and spread */
};

enum { LEAGUE_MAX = 8, LEAGUE_CYCLES_MAX = 64 };

/* Every side does the turn once a cycle, in alternating order; one standing per side. */
void league_run(struct side *sides, int count, const struct turn *turn, int cycles,
                struct standing *out);

#endif
