/* select: the text of `select=` to a select list, checked against the catalogue (protocol rest-auth
 * 4):
 *
 *   item := [alias:]column | [alias:]target[!hint][!inner|!left](items) | * | count | count()
 *
 * A target is a related table, a foreign key's name, or the name of its column; a hint is one of
 * the latter two. Embeds go one level deep.  Casts, aggregates, spreads and JSON paths are refused
 * by name. */
#ifndef API_SELECT_H
#define API_SELECT_H

#include "api/parse.h"

enum { SELECT_ITEMS_MAX = 60 }; /* of each level */

/* `text` is decoded; size 0 means `*`.  Refuses with PGRST100, 42703, 42803, PGRST123, PGRST200,
 * PGRST201. */
MUST_USE enum err select_parse(struct parse *p, const struct table *t, struct bytes text,
                               struct query_select *out);

#endif
