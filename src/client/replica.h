/* replica: the rows of one subscription, in the order of their keys, and what the host has not been
 * told of them yet.  Two texts a row at most: the newest, and the one the host has; so what waits is
 * bounded however long nobody asks, and the last state wins.  Owns its rows.  One thread. */
#ifndef CLIENT_REPLICA_H
#define CLIENT_REPLICA_H

#include "base/bytes.h"
#include "base/list.h"
#include "homebake/client.h"

/* A key and a row as JSON, immutable and counted. */
struct text {
    uint32_t refs;
    size_t key_size;
    size_t size; /* of both */
    char data[]; /* the key, then the row */
};
/* One reference, the caller's; NULL when there is no memory. */
struct text *text_new(struct bytes key, struct bytes row);
struct text *text_ref(struct text *t);
/* Takes NULL. */
void text_unref(struct text *t);
struct bytes text_key(const struct text *t);
struct bytes text_row(const struct text *t);

struct row {
    struct text *now;   /* NULL: it is gone, and the host is to be told */
    struct text *shown; /* what the host has; NULL: nothing */
    struct link waiting;
};

struct replica {
    struct row **rows; /* by key */
    size_t count, capacity;
    size_t live; /* rows that are there … */
    size_t size; /* … and their bytes */
    struct link waiting;
    size_t waiting_count;
    size_t rows_max, bytes_max;
    enum hb_op feed; /* 0: a copy; else rows are only passed on, each as this */
};

struct delta {
    enum hb_op op;
    struct text *text; /* of HB_DELETE: the last row the host had */
};
struct batch {
    struct delta *deltas; /* by age; a whole by key */
    size_t count;
};

void replica_init(struct replica *r, enum hb_op feed, size_t rows_max, size_t bytes_max);
void replica_done(struct replica *r);
/* A change, in the order of the log.  ERR_LIMIT, ERR_NOMEM: nothing has changed. */
MUST_USE enum err replica_put(struct replica *r, struct bytes key, struct bytes row);
/* Fine when there is none. */
void replica_remove(struct replica *r, struct bytes key);
/* A snapshot: these rows and no others, with different keys.  Takes over the references in any
 * case.  ERR_LIMIT, ERR_SYNTAX (two of one key), ERR_NOMEM: nothing has changed. */
MUST_USE enum err replica_load(struct replica *r, struct text **texts, size_t count);
/* Of a feed: what has not been told is forgotten. */
void replica_clear_feed(struct replica *r);
/* What the host has not been told, which it now is.  ERR_NOMEM: nothing has changed. */
MUST_USE enum err replica_take(struct replica *r, struct batch *out);
/* All that the host has been told, as insertions, for one who comes later.  ERR_NOMEM. */
MUST_USE enum err replica_all(const struct replica *r, struct batch *out);
void batch_done(struct batch *b);

#endif
