/* changelog: a window of the newest changes in memory, dense in seq.  One per shard, shard thread only.
 * A cursor that has fallen out of the window continues from the store, or takes a snapshot. */
#ifndef CHANGE_CHANGELOG_H
#define CHANGE_CHANGELOG_H

#include "change/change.h"

struct changelog; /* bounded by a number of changes and of row bytes */

/* `head`: the seq of the last change that happened before this window. */
MUST_USE enum err changelog_new(size_t count_max, size_t bytes_max, uint64_t head,
                                struct changelog **out);
void changelog_free(struct changelog *l);
/* Takes a reference of its own.  `c->seq` must be head + 1, else ERR_RANGE.  The oldest leave when a bound
 * is passed; the newest always stays. */
MUST_USE enum err changelog_push(struct changelog *l, struct change *c);
/* The newest seq. */
uint64_t changelog_head(const struct changelog *l);
/* The oldest seq held; head + 1 when empty. */
uint64_t changelog_tail(const struct changelog *l);
/* Borrowed; NULL when seq is not in the window. */
struct change *changelog_get(const struct changelog *l, uint64_t seq);

#endif
