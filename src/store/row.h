/* row: the one writer of rows as JSON.  Captured changes, REST answers, embedded rows and the
 * inventory all go through it, so that the same row always gives the same bytes.  Private to
 * src/store/. */
#ifndef STORE_ROW_H
#define STORE_ROW_H

#include <sqlite3.h>

#include "change/value.h"
#include "store/query.h"

struct row_field {
    struct bytes key;            /* `{"id":` of the first, `,"name":` of the others */
    const struct column *column; /* NULL: the value is JSON text (an embedded row) */
};

struct row_shape {
    struct row_field *fields;
    size_t count;
};

/* All shown columns of a table, in the arena.  ERR_NOMEM. */
MUST_USE enum err row_shape_of_table(const struct table *t, struct arena *arena,
                                     struct row_shape *out);
/* What a select list asks for, in the arena.  ERR_NOMEM. */
MUST_USE enum err row_shape_of_select(const struct query_select *s, struct arena *arena,
                                      struct row_shape *out);
/* The form in which a shape stands in SQL text, as the first argument of row_json(): for each field
 * `<table>.<column>"key"` with the indices of the catalogue, or `*"key"` for JSON text. */
void row_put_spec(struct buf *out, const struct query_select *s);
/* The way back.  The keys live in the arena.  ERR_SYNTAX, ERR_NOMEM. */
MUST_USE enum err row_shape_of_spec(struct bytes spec, const struct catalogue *c,
                                    struct arena *arena, struct row_shape *out);

struct value row_value(sqlite3_value *v);
void row_put(struct buf *out, const struct row_shape *shape, sqlite3_value **values);
/* From the result columns `first` … of a statement. */
void row_put_result(struct buf *out, const struct row_shape *shape, sqlite3_stmt *stmt, int first);

#endif
