/* deed: one write that somebody asks for over REST, and what must come of it: by the model's rows,
 * rules and constraints. */
#ifndef SIM_DEED_H
#define SIM_DEED_H

#include "rules.h"

enum { DEED_ROWS_MAX = 12 };

struct deed {
    struct sim_who who;
    enum verb verb;
    int table;
    bool wants_rows;                    /* Prefer: return=representation */
    unsigned set;                       /* bit n: column n is given; of UPDATE and INSERT */
    int row_count;                      /* INSERT */
    struct sim_row rows[DEED_ROWS_MAX]; /* INSERT: all; UPDATE: the first */
    int column;                         /* UPDATE, DELETE: which column must be … */
    int64_t value;                      /* … this */
};

/* What comes of it at this state of the tables. */
struct outcome {
    bool is_done; /* else it is refused, and nothing happens */
    int count;
    bool is_touched[PLACES];
    struct sim_row rows[PLACES]; /* what they become, where is_touched */
};

/* Something that somebody of this bakery may want to do, or should not. */
void deed_make(struct deed *d, const struct model *m, struct rng *r);
/* The first people and breads, by the service. */
void deed_make_first(struct deed *d, int table);
/* `target` and `body`: of the HTTP request. */
void deed_put(const struct deed *d, struct buf *target, struct buf *body);
/* `role`: what the server takes them for.  `now_us`: of the request. */
void deed_judge(const struct deed *d, const struct model *m, unsigned role, int64_t now_us,
                struct outcome *out);

#endif
