/* query: a REST request as a small syntax tree, checked against the catalogue by api/, executed by
 * a store backend.  Everything lives in the request's arena.  Pure data. */
#ifndef STORE_QUERY_H
#define STORE_QUERY_H

#include "auth/identity.h"
#include "change/value.h"
#include "change/change.h"

enum query_op {
    OP_EQ,
    OP_NEQ,
    OP_GT,
    OP_GTE,
    OP_LT,
    OP_LTE,
    OP_IN,
    OP_IS,
    OP_ISDISTINCT,
    OP_LIKE, /* of text columns, these four; the value is the pattern, checked (base/like.h, regex.h) */
    OP_ILIKE,
    OP_MATCH,
    OP_IMATCH
};

struct query_filter {
    const struct column *column;
    enum query_op op;
    bool is_negated;
    struct value *values; /* one; several for OP_IN; for OP_IS: VALUE_NULL, or 0/1 for false/true */
    size_t value_count;
};

struct query_select;

/* One thing in a select list: a column, or an embedded row of a related table. */
struct query_item {
    struct bytes name;             /* the key in the answer */
    const struct column *column;   /* NULL for an embed and for count */
    bool is_count;                 /* the pseudo column count() */
    const struct foreign_key *key; /* of an embed */
    bool is_to_many;               /* the key points at us: an array; else an object or null */
    bool is_inner;                 /* !inner: rows without a match are left out */
    struct query_select *embed;
};

struct query_select {
    const struct table *table;
    struct query_item *items;
    size_t item_count;
};

struct query_order {
    const struct column *column;
    bool is_descending;
    bool nulls_first;
};

enum query_conflict { CONFLICT_ERROR, CONFLICT_IGNORE, CONFLICT_MERGE };

struct query {
    enum verb verb;
    const struct table *table;
    struct query_select select;   /* item_count 0: nothing to be returned (return=minimal) */
    struct query_filter *filters; /* all must hold */
    size_t filter_count;
    struct query_order *orders;
    size_t order_count;
    uint64_t limit, offset; /* limit UINT64_MAX: none */
    bool wants_count;       /* the number of rows without limit and offset */
    bool is_single;         /* exactly one row, else PGRST116 (and a mutation is undone) */
    bool is_head;           /* only the count matters */
    /* INSERT and UPDATE */
    const struct column **set; /* the columns given */
    size_t set_count;
    struct value *values; /* row after row, set_count each */
    bool *is_absent;      /* parallel to values: take the default (missing=default); NULL: none */
    size_t row_count;
    enum query_conflict conflict;
    const struct column **conflict_columns;
    size_t conflict_column_count;
    uint64_t affected_max; /* max-affected; UINT64_MAX: none */
};

#endif
