/* route: from a change to the groups that may want it.  A group stands in the plain list of a table
 * when it asks for any rows of it; when each of its entries for the table is held by an equality
 * (`eq`, `in`), it stands under those values only, so that a change costs the groups whose value it
 * has, and not all that are subscribed.  What is found may want the change; filter and policy
 * decide.  Shard thread only. */
#ifndef HUB_ROUTE_H
#define HUB_ROUTE_H

#include "hub/binding.h"

enum { ROUTE_VALUES_MAX = 256 }; /* a group that asks for more values of a table is in its list */

struct group;

/* The groups under one value of one column. */
struct route_value {
    struct map_entry entry; /* by the value as it is stored, see change/value.h */
    struct map *map;
    struct link links; /* struct route_link.link, in order of the groups' making */
    char key[];
};

struct route_link {
    struct link link;
    struct group *group;
    struct route_value *value; /* NULL: in the plain list */
};

struct route_table {
    struct link plain;  /* struct route_link.link, in order of the groups' making */
    struct map *values; /* by column->index; struct route_value */
    uint64_t mark;      /* the last run of changes that was given to the plain list */
};

struct routes {
    const struct catalogue *catalogue;
    struct route_table *tables; /* by table->index */
};

/* ERR_NOMEM; routes_done may follow in any case. */
MUST_USE enum err routes_init(struct routes *r, const struct catalogue *c, uint64_t seed);
/* Takes a zeroed struct.  All links must have been removed. */
void routes_done(struct routes *r);
/* How many links a group with these bindings needs for the table. */
uint32_t route_count(const struct bindings *b, const struct table *t);
/* Makes them from items[*count] on; `*count` goes up by as many as were made, on ERR_NOMEM too. */
MUST_USE enum err route_add(struct routes *r, const struct bindings *b, const struct table *t,
                            struct group *group, struct route_link *items, uint32_t *count);
void route_remove(struct route_link *l);
/* The head of the list of those under the value that the column has in the row (an object that the
 * store made); NULL when there are none.  ERR_NOMEM: the value cannot be read, so all that
 * route_next gives may want it.  `scratch` is reset. */
MUST_USE enum err route_find(const struct routes *r, const struct table *t, const struct column *c,
                             struct bytes row, struct arena *scratch, struct link **out);
/* Walks the lists under all values of the column: start with NULL; ends with NULL. */
struct link *route_next(const struct routes *r, const struct table *t, const struct column *c,
                        struct link *links);

#endif
