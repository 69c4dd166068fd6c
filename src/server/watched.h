/* watched: what `homebake watch` shows as a table: copies of the tables it subscribes to, and the
 * lines made of them.  Pure; one thread. */
#ifndef SERVER_WATCHED_H
#define SERVER_WATCHED_H

#include "base/mem.h"
#include "homebake/client.h"
#include "server/screen.h"

enum { WATCHED_QUERIES_MAX = 2, WATCHED_FRESH_MS = 3000 };

struct watched;

/* "inventory": each bread with its stock; "reports": the totals of the newest business day (not
 * before `since`, YYYY-MM-DD), by bread and shift; else a table, what has changed last first, then by
 * key.  `filter` and `key` (NULL: none, as known) are for tables.  All texts are kept.  ERR_NOMEM. */
MUST_USE enum err watched_new(const char *what, const char *filter, const char *key,
                              const char *since, struct watched **out);
void watched_free(struct watched *w);
/* What to subscribe to, lent; returns how many. */
size_t watched_queries(const struct watched *w, struct hb_query out[WATCHED_QUERIES_MAX]);
/* The query begins anew. */
void watched_clear(struct watched *w, size_t query);
/* One row of HB_ROWS.  `is_news`: it is marked for a while.  ERR_NOMEM: nothing has changed. */
MUST_USE enum err watched_take(struct watched *w, size_t query, const struct hb_row *row,
                               bool is_news, int64_t now_ms);
/* The table, made in `arena`.  ERR_NOMEM; ERR_LIMIT when the arena is too small. */
MUST_USE enum err watched_show(const struct watched *w, int64_t now_ms, struct arena *arena,
                               struct screen_table *out);

#endif
