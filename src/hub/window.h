/* window: the windows of time of the groups that coalesce (config.coalesce_ms): at most one message
 * for each row and window, the newest.
 *
 * The first change after a quiet window goes out at once; what follows it is kept until the window
 * is over, and then leaves as one frame (coalesce.h).  Too much for one frame, or older than the
 * window of memory, leaves early; so what is kept is bounded.
 *
 * Those at the head of such a group have been given everything before window->since.  Who comes by
 * while a window is open is parked, behind, until it is over.  Shard thread only. */
#ifndef HUB_WINDOW_H
#define HUB_WINDOW_H

#include "hub/state.h"

enum {
    WINDOW_CHANGES = 512,      /* kept for one group … */
    WINDOW_BYTES = 256 * 1024, /* … and their rows; passed by one run of changes at most */
};

/* Changes that the group may want. */
void window_add(struct hub *h, struct group *g, struct change *const *items, size_t count);
/* Has a channel that is behind, and has read the log to the head, wait for the end of the window.
 * False: none is open. */
bool window_park(struct channel *ch);
bool window_is_open(const struct group *g);
/* The first change that a channel has not been given yet, behind or not. */
uint64_t window_cursor(const struct hub *h, const struct channel *ch);
/* Ends what has become older than the window of memory. */
void window_limit(struct hub *h);
/* Ends what is due. */
void window_tick(struct hub *h);
/* When that is next; INT64_MAX: never. */
int64_t window_deadline(const struct hub *h);

#endif
