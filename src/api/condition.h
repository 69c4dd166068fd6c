/* condition: one filter: a column and the text behind its `=`, e.g. `not.in.(a,"b,c")` (protocol
 * rest-auth 3). */
#ifndef API_CONDITION_H
#define API_CONDITION_H

#include "api/parse.h"

/* `text` is decoded and outlives the query.  is_negated turns the meaning round once more. */
MUST_USE enum err condition_parse(struct parse *p, const struct column *c, struct bytes text,
                                  bool is_negated, struct query_filter *out);
/* The element at the start of `*rest`, a list inside brackets: up to a comma, or quoted, with \"
 * and \\ undone.  False at the end (rest->data NULL).  data NULL in `out`: no memory. */
bool condition_element_next(struct parse *p, struct bytes *rest, struct bytes *out);

#endif
