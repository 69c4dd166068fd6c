/* change: one committed change of one row.  Immutable once made; the only object that two threads hold
 * at once, so its count is atomic.  changes: a run of them, as one transaction group made them. */
#ifndef CHANGE_CHANGE_H
#define CHANGE_CHANGE_H

#include <stdatomic.h>

#include "change/catalogue.h"

enum verb { VERB_SELECT, VERB_INSERT, VERB_UPDATE, VERB_DELETE };

/* "INSERT" …, as the wire says it. */
struct bytes verb_name(enum verb v);

struct change {
    atomic_uint refs;
    enum verb verb; /* never VERB_SELECT */
    const struct table *table;
    uint64_t seq; /* 1, 2, 3, … without a hole */
    int64_t commit_us;
    struct bytes new_row; /* JSON object of all shown columns; size 0 for DELETE */
    struct bytes old_row; /* size 0 for INSERT */
};

/* Copies the rows into one block behind the change; one reference is the caller's.  ERR_NOMEM. */
MUST_USE enum err change_new(const struct table *t, enum verb verb, uint64_t seq, int64_t commit_us,
                             struct bytes new_row, struct bytes old_row, struct change **out);
struct change *change_ref(struct change *c);
/* Takes NULL. */
void change_unref(struct change *c);
/* The row that filters and policies look at: the new one, or the old one of a DELETE (protocol 7.2). */
struct bytes change_row(const struct change *c);
/* Bytes of its rows. */
size_t change_size(const struct change *c);

/* A growing list that holds one reference to each change, in order of seq. */
struct changes {
    struct change **items;
    size_t count;
    size_t capacity;
};
void changes_init(struct changes *l);
void changes_done(struct changes *l);
/* Takes over one reference, only when OK. */
MUST_USE enum err changes_push(struct changes *l, struct change *c);
/* Unrefs all from `count` on: a request of the group was rolled back. */
void changes_truncate(struct changes *l, size_t count);

#endif
