/* coalesce: many changes of a row as one message: what has become of it in the end, for one group.
 *
 *   INSERT … UPDATE  an INSERT of the newest row      UPDATE … UPDATE  from the first old to the last new row
 *   INSERT … DELETE  a DELETE of the last old row     … DELETE         a DELETE of the first old row
 *   DELETE … INSERT  an UPDATE
 *
 * A row that came and went is told to have gone: a reader may hold it from a snapshot that it took in
 * between, or show it still because it left a filter unheard.
 *
 * Only what the group hears counts.  Changes that different bindings of it hear cannot be one
 * message: of these the newest is sent as it is.  Messages are in the order of their newest change,
 * whose seq they carry.  Shard thread only. */
#ifndef HUB_COALESCE_H
#define HUB_COALESCE_H

#include "hub/feed.h"

struct coalesce {
    uint64_t seed;
    struct arena arena;
    uint64_t saved; /* messages that were not sent, so far */
};

void coalesce_init(struct coalesce *c, uint64_t seed);
void coalesce_done(struct coalesce *c);
/* All messages for `g` out of these changes, which are in order, as feed_encode gives them, but in
 * one frame.  ERR_NOMEM. */
MUST_USE enum err coalesce_encode(struct coalesce *c, struct feed *f, const struct group *g,
                                  struct change *const *items, size_t count, struct bytes *wire,
                                  uint32_t *messages);
/* Drops the changes without which coalesce_encode says the same.  ERR_NOMEM: none was dropped. */
MUST_USE enum err coalesce_compact(struct coalesce *c, struct feed *f, const struct group *g,
                                   struct changes *items);

#endif
