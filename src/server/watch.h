/* watch: what cmd_watch.c (options, lines of JSON) and cmd_watch_live.c (the table) share. */
#ifndef SERVER_WATCH_H
#define SERVER_WATCH_H

#include <signal.h>

#include "posix/posix.h"
#include "server/watched.h"

struct watch {
    struct hb_posix *posix;
    const char *what; /* as it was asked for */
    struct watched *watched;
    struct hb_query queries[WATCHED_QUERIES_MAX];
    uint32_t subscribers[WATCHED_QUERIES_MAX]; /* of them */
    size_t count;
    const volatile sig_atomic_t *is_over;
};

/* The query that the subscriber is for. */
size_t watch_query_of(const struct watch *w, uint32_t subscriber);
/* Keeps a table on the terminal until it is over; `keys` and `screen` are descriptors of it.  Returns
 * the exit code. */
int watch_live(struct watch *w, int keys, int screen);

#endif
