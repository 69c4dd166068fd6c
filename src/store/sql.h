/* sql: a struct query as the text of SQL with bound parameters, in SQLite's dialect: the one place
 * that knows it. No value ever stands in the text; names come from the catalogue and are quoted.
 * Tables are t0, t1, …; the policy's predicate of each is added.  Private to src/store/. */
#ifndef STORE_SQL_H
#define STORE_SQL_H

#include "store/sqlite.h"

struct sql {
    struct store_session *s;
    enum role role;
    struct buf *text;            /* the session's */
    const struct value **values; /* of the `?`, in order; in the session's arena */
    size_t value_count, value_capacity;
    unsigned alias_count;
    bool has_where;
    enum err err;
};

void sql_begin(struct sql *q, struct store_session *s, enum role role);
/* The prepared statement, from the session's cache.  SQLite's result code. */
int sql_prepare(struct sql *q, struct statement **out);
int sql_bind(struct sql *q, const struct statement *st);
/* Both. */
int sql_start(struct sql *q, sqlite3_stmt **out);

/* The rows of a SELECT, each as the columns of its select list; with the conditions of the query's
 * verb for the representation of a DELETE. */
void sql_put_rows(struct sql *q, const struct query *query);
/* How many there are in all; or on the page that limit and offset say. */
void sql_put_count(struct sql *q, const struct query *query);
void sql_put_page_count(struct sql *q, const struct query *query);
/* One row, found by *rowid when the statement is bound, if the role may see it. */
void sql_put_row(struct sql *q, const struct query *query, const struct value *rowid);
/* The rowids of what an UPDATE will change. */
void sql_put_rowids(struct sql *q, const struct query *query);
/* INSERT of one row, with the defaults of the columns that it does not give. */
void sql_put_insert(struct sql *q, const struct query *query, size_t row);
void sql_put_update(struct sql *q, const struct query *query);
void sql_put_delete(struct sql *q, const struct query *query);
/* 1 when there is a row of `t` with that value. */
void sql_put_lookup(struct sql *q, const struct table *t, const struct column *c,
                    const struct value *v);
/* The key of a row that the query would touch and that `k` refers to without a cascade. */
void sql_put_referenced(struct sql *q, const struct query *query, const struct foreign_key *k);
/* The policy's predicate for reading `t`, or "1". */
void sql_put_policy(struct sql *q, const struct table *t, enum verb verb, const char *alias);

/* ---- the pieces, for sql.c and sql_write.c ---- */

enum { ALIAS_SIZE = 16 };

void sql_text(struct sql *q, const char *text);
void sql_name(struct sql *q, struct bytes name);
void sql_column(struct sql *q, const char *alias, const struct column *c);
/* A `?`, and the value that it stands for. */
void sql_value(struct sql *q, const struct value *v);
/* WHERE the first time, AND later. */
void sql_and(struct sql *q);
void sql_alias(struct sql *q, char out[ALIAS_SIZE]);
void sql_from(struct sql *q, const struct table *t, const char *alias);
/* Filters and policies of the query's verb. */
void sql_where(struct sql *q, const struct query *query, const char *alias);
void sql_order(struct sql *q, const struct query *query, const char *alias);
void sql_policy(struct sql *q, const struct table *t, enum verb verb, const char *alias);
/* The select list, each item with the separator before it. */
void sql_items(struct sql *q, const struct query_select *select, const char *alias,
               const char *separator);

#endif
