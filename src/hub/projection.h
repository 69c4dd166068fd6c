/* projection: the columns of a table that a binding selects (protocol, section 7.1), the primary key
 * always among them.  Whoever selects the same shares one, with what was made of the newest changes
 * for it: that is made once, not once per group.  Counted; shard thread only. */
#ifndef HUB_PROJECTION_H
#define HUB_PROJECTION_H

#include "base/json.h"
#include "base/list.h"
#include "base/map.h"
#include "change/change.h"

enum { FEED_PARTS = 64 }; /* changes whose part of a message is remembered, by seq % FEED_PARTS */

/* Where the part of one change stands in the feed's text. */
struct feed_part {
    uint64_t seq;  /* 0: none */
    uint64_t text; /* which text, as the feed counts them */
    size_t at, size;
};

struct projection {
    struct map_entry entry;
    uint32_t refs;
    const struct table *table;
    struct buf columns_json; /* as table->columns_json has them */
    struct feed_part parts[FEED_PARTS];
    char is_in[]; /* by column->index: 0 or 1; and the table's index behind it */
};

struct projections {
    struct map map;
};

void projections_init(struct projections *p, uint64_t seed);
/* All must have been unreferenced. */
void projections_done(struct projections *p);
/* The one of the columns named by `names`, a JSON array of strings; one reference is the caller's.
 * NULL: they are all that the table has.  ERR_TYPE: no such array; ERR_LIMIT: too many names;
 * ERR_NOT_FOUND: no such column, whose raw name goes to `missing`; ERR_NOMEM. */
MUST_USE enum err projection_get(struct projections *p, const struct table *t,
                                 struct json_value names, struct bytes *missing,
                                 struct projection **out);
/* Takes NULL. */
void projection_unref(struct projections *p, struct projection *v);
/* The row (an object that the store made) with these columns only. */
void projection_put_row(struct buf *out, const struct projection *v, struct bytes row);

#endif
