/* feed: from committed changes to the wire bytes of one group.  The part of a message that is the
 * same for all (schema, table, rows, …) is made once per change, and once per projection where
 * columns are selected; whole rows are JSON text and are spliced in, never parsed, but for filters.
 * A group whose bindings select different columns gets a message for each selection, with the ids
 * that want it.  Shape: protocol, section 7.1, with `data.seq`.  Shard thread only. */
#ifndef HUB_FEED_H
#define HUB_FEED_H

#include "hub/group.h"

enum { FEED_FRAME_SIZE = 64 * 1024 }; /* a frame is closed once it is this big, bytes */

struct feed {
    struct reader_classes *classes;
    struct feed_part parts[FEED_PARTS]; /* of whole rows; those of projections stand there */
    struct buf part_text;
    uint64_t text;       /* the number of that text: parts of an older one are forgotten */
    struct buf own_text; /* the part of a change of which a class sees half */
    struct buf head, tail;
    struct buf wire;
    struct arena scratch; /* for filters */
    uint64_t costly;      /* filters that a regular expression was too costly for */
    uint64_t oversized;   /* changes whose rows were cut */
    size_t record_max;    /* bytes of the rows of one change; none by default.  Over it only values
                             of 64 bytes are told, and `errors` says so (protocol, section 7.1) */
};

/* A change as a group hears it. */
struct heard {
    struct change *change;
    enum sight sight;
    struct projection *view; /* the columns selected; NULL: all */
    struct bytes
        ids; /* of the bindings that it matches, as they are sent; size 0: it is not heard */
};

void feed_init(struct feed *f, struct reader_classes *classes);
void feed_done(struct feed *f);

/* The messages for `g` out of items[*at .. count), back to back as WebSocket frames, until one of
 * the bounds is reached; `*at` goes behind the last change looked at.  The wire bytes are borrowed
 * until the next call; there are none when `*messages` is 0.  ERR_NOMEM: `*at` is unchanged. */
MUST_USE enum err feed_encode(struct feed *f, const struct group *g, struct change *const *items,
                              size_t count, size_t *at, struct bytes *wire, uint32_t *messages);

/* The messages of one change but those that have been told of already. */
MUST_USE enum err feed_encode_rest(struct feed *f, const struct group *g, struct change *c,
                                   const struct told *told, struct bytes *wire, uint32_t *messages);

/* The next message of a change, for the bindings from *at on: one for each selection of columns.
 * There is none when out->ids is empty.  The ids are in `arena`.  ERR_NOMEM. */
MUST_USE enum err feed_hear(struct feed *f, const struct group *g, struct change *c, uint32_t *at,
                            struct arena *arena, struct heard *out);
/* For frames that are put together: from here on into f->wire … */
void feed_begin(struct feed *f);
/* … one message about a row: `first` says how it was before, `last` what it is now.  ERR_NOMEM. */
MUST_USE enum err feed_put(struct feed *f, const struct group *g, const struct heard *first,
                           const struct heard *last);

#endif
