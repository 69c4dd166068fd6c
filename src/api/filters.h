/* filters: the query string of a REST request to the filters, orders and limits of a query
 * (protocol rest-auth 3).
 *
 * Done here: eq neq gt gte lt lte in is isdistinct like ilike match imatch, not.<op>, and=(…) of
 * these (also nested, and not.or, which is the same), order, limit, offset.  `or`, JSON paths and
 * filters on embeds are refused with PGRST100. */
#ifndef API_FILTERS_H
#define API_FILTERS_H

#include "api/parse.h"

enum {
    FILTERS_MAX = 100,
    LIST_VALUES_MAX = 1000, /* of one in-list */
    ORDERS_MAX = 32,
    FILTER_DEPTH_MAX = 8,
    QUERY_STRING_MAX = 16 * 1024
};

/* The reserved keys that others read; decoded.  data NULL: not given. */
struct query_texts {
    struct bytes select, columns, on_conflict;
};

/* Fills filters, orders, limit and offset of `q`, whose table and verb are set, and `texts`.
 * `query` is still encoded: it is split first.  Refuses with PGRST100, PGRST103, PGRST108, 42703,
 * 42804 and cast errors. */
MUST_USE enum err filters_parse(struct parse *p, struct bytes query, struct query *q,
                                struct query_texts *texts);

#endif
