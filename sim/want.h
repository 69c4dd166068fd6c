/* want: what a channel asks for, as JSON for the hub and as a predicate of our own; and what it is
 * to hear of a change. */
#ifndef SIM_WANT_H
#define SIM_WANT_H

#include "rules.h"

enum { WISHES_MAX = 3, TERMS_MAX = 2, VALUES_MAX = 3, FILTER_TEXT_MAX = 400 };

enum term_op {
    TERM_EQ,
    TERM_NEQ,
    TERM_GT,
    TERM_GTE,
    TERM_LT,
    TERM_LTE,
    TERM_IN,
    TERM_IS_NULL,
    TERM_DISTINCT,
    TERM_LIKE /* the value is a letter that the text has */
};

struct term {
    int column;
    enum term_op op;
    bool is_not;
    int value_count;
    int64_t values[VALUES_MAX];
};

/* One binding. */
struct wish {
    int table; /* -1: all */
    int verb;  /* 0: all */
    int term_count;
    struct term terms[TERMS_MAX];
    char filter[FILTER_TEXT_MAX];
};

struct want {
    int count;
    struct wish wishes[WISHES_MAX];
};

/* What is heard of one change. */
struct hearing {
    enum verb verb;     /* VERB_SELECT: nothing */
    bool has_whole_old; /* else its key only */
    int id_count;
    uint32_t ids[WISHES_MAX];
};

void want_make(struct want *w, struct rng *r);
/* The array for `postgres_changes`. */
void want_put_json(const struct want *w, struct buf *out);
/* `ids`: of the wishes, as the hub has given them. */
struct hearing want_hear(const struct want *w, const uint32_t *ids, unsigned role, int person,
                         const struct entry *e);
/* Is the row in what a reader of this role is shown of it? */
bool want_has_row(const struct want *w, unsigned role, int person, int place,
                  const struct sim_row *row);
/* All changes of its tables: folding them keeps a true copy. */
bool want_is_plain(const struct want *w);

/* ---- asking for the rows themselves ---- */

bool want_has_table(const struct want *w, int table);
/* The target of a GET for the rows of the table; with the filter of its only wish, if REST has such
 * filters. */
void want_put_target(const struct want *w, int table, struct buf *out);
/* Is the row in the answer? */
bool want_gets_row(const struct want *w, unsigned role, int person, int place,
                   const struct sim_row *row);

#endif
