/* reader: the classes of people for whom the same rows are visible: a role, or one user where a
 * policy names the user.  A change is decided once per class and remembered, however many groups
 * and sockets ask.  Shard thread only. */
#ifndef HUB_READER_H
#define HUB_READER_H

#include "auth/policy.h"
#include "base/list.h"
#include "base/map.h"

/* What a class gets of one change. */
enum sight {
    SIGHT_NONE,
    SIGHT_WHOLE,
    SIGHT_LEAVES, /* an UPDATE took the row out of view: a DELETE of the old row */
    SIGHT_ENTERS  /* an UPDATE brought it into view: the old row stays hidden but for its key */
};

/* By the policies; each question asked of them is counted.  ERR_NOMEM. */
MUST_USE enum err reader_decide(const struct policies *p, const struct identity *who,
                                const struct change *change, uint64_t *decisions, enum sight *out);

enum { READER_MEMO = 64 }; /* changes, aligned by seq */

struct reader_class {
    struct map_entry entry;
    uint32_t refs;
    struct identity who; /* user_id is empty unless the class is one user */
    uint64_t number;     /* unique as long as the hub lives */
    uint64_t memo_block; /* which run of READER_MEMO seqs the memo is about */
    uint64_t memo_known;
    uint64_t memo_low, memo_high; /* the two bits of enum sight */
    char key[UUID_SIZE + 1];
};

struct reader_classes {
    const struct policies *policies;
    struct map map;
    uint64_t last_number;
    uint64_t decisions; /* policy questions asked so far */
};

void reader_classes_init(struct reader_classes *r, const struct policies *p, uint64_t seed);
void reader_classes_done(struct reader_classes *r);
/* The class of `who`, as one user when `is_personal`; one reference is the caller's.  ERR_NOMEM. */
MUST_USE enum err reader_class_get(struct reader_classes *r, const struct identity *who,
                                   bool is_personal, struct reader_class **out);
/* Takes NULL. */
void reader_class_unref(struct reader_classes *r, struct reader_class *c);
/* Decided the first time.  ERR_NOMEM: it can be asked again. */
MUST_USE enum err reader_sight(struct reader_classes *r, struct reader_class *c,
                               const struct change *change, enum sight *out);

#endif
