/* rules: the product's policies, said again as functions of the model's rows.  `role` is one of
 * auth/identity.h, or ROLE_NOBODY; `person` is the place of the one who asks, -1 for none. */
#ifndef SIM_RULES_H
#define SIM_RULES_H

#include "model.h"

/* When somebody asks: the business day and the shift by the clock. */
struct moment {
    int64_t day, shift;
};
struct moment rules_moment(int64_t us);

/* Is there any row of the table for which that role may do this? */
bool rules_may(unsigned role, int table, enum verb verb);
bool rules_see(unsigned role, int person, int place, const struct sim_row *row);
/* May this row, which is seen, be changed or removed? */
bool rules_touch(unsigned role, int person, int place, enum verb verb, const struct sim_row *row,
                 struct moment now);
/* May it become this? `old` is NULL for an INSERT. */
bool rules_accept(unsigned role, int person, int place, const struct sim_row *old,
                  const struct sim_row *new_row, struct moment now);

#endif
