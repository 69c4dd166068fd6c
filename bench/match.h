/* match: what a change costs as subscriptions grow that do not match it. */
#ifndef BENCH_MATCH_H
#define BENCH_MATCH_H

#include "base/bytes.h"

enum match_kind {
    MATCH_EQUAL, /* found by value: all but one want another value of the same column */
    MATCH_IDS,   /* found by value: each wants another row */
    MATCH_ASKED, /* not found by value: all must be asked */
};

/* The hub in this process, without sockets: 10 to `most` others; `budget`: changes a run. */
void match_hub(enum match_kind kind, unsigned most, unsigned budget);
/* The whole server: a sale is inserted, and one subscriber of it is served, while 10 to `most`
 * channels of other connections want other values; `rounds`: changes a run. */
void match_server(const char *program, unsigned most, int rounds);

#endif
