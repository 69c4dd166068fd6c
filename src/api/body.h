/* body: the JSON body of an INSERT or UPDATE to typed values (protocol rest-auth 2, 6).
 *
 * The columns are those of `columns=`, or the keys of the first row; without `columns=` all rows
 * must have the same keys.  A column that a row leaves out is null, or its default with
 * missing=default. */
#ifndef API_BODY_H
#define API_BODY_H

#include "api/parse.h"

enum { BODY_ROWS_MAX = 10000 };

struct body_form {
    struct bytes columns; /* of `columns=`, decoded; data NULL: not given */
    bool has_defaults;    /* Prefer: missing=default */
};

/* Fills set, values, is_absent and row_count of `q`, whose table and verb are set; texts are
 * borrowed from `body`. Refuses with PGRST102, PGRST204, 428C9, 42501, 54000 and cast errors. */
MUST_USE enum err body_parse(struct parse *p, const struct body_form *form, struct bytes body,
                             struct query *q);
/* The columns named by a list (on_conflict).  Refuses with 42703. */
MUST_USE enum err body_parse_columns(struct parse *p, const struct table *t, struct bytes names,
                                     const struct column ***out, size_t *count);

#endif
