/* catalogue: what tables there are, their columns, types and foreign keys, as the store read them from
 * the database at its start.  Immutable afterwards; shared by all threads. */
#ifndef CHANGE_CATALOGUE_H
#define CHANGE_CATALOGUE_H

#include "base/buf.h"
#include "base/mem.h"

/* The types on the wire, as PostgreSQL names and shows them. */
enum column_type {
    TYPE_UUID,
    TYPE_TEXT,
    TYPE_INT4,
    TYPE_INT8,
    TYPE_NUMERIC, /* exact; stored as an integer of 10^-scale */
    TYPE_BOOL,
    TYPE_TIMESTAMPTZ, /* stored as microseconds since 1970 UTC */
    TYPE_DATE,        /* stored as its text YYYY-MM-DD */
    TYPE_JSONB
};

struct column {
    struct bytes name;
    enum column_type type;
    uint8_t scale;     /* TYPE_NUMERIC */
    uint8_t precision; /* TYPE_NUMERIC: digits in all (22003 beyond); 0: as many as 64 bits hold */
    uint16_t index;    /* in its table */
    bool not_null;
    bool is_key;       /* part of the primary key */
    bool is_generated; /* computed by the database: nobody may write it (428C9) */
    bool is_server;    /* set by the server: only the service role may write it (42501) */
    bool is_private;   /* never shown on the wire */
    struct bytes
        default_sql; /* SQL for an absent value, see schema/; size 0: NULL or the database's */
};

struct foreign_key {
    struct bytes name; /* table_column_fkey */
    const struct table *from;
    const struct column *column;
    const struct table *to;
    const struct column *to_column;
};

struct table {
    struct bytes name;
    uint16_t index; /* in the catalogue */
    struct column *columns;
    uint16_t column_count;
    const struct column **key; /* primary key columns */
    uint16_t key_count;
    bool is_server; /* derived or kept by the server: only the store's triggers write it */
    bool is_live;   /* its changes are captured and fed */
    bool
        is_private; /* for policies to name and the store to keep: REST and the feed do not know it */
    struct bytes columns_json; /* [{"name":"id","type":"uuid"},…], for live events */
};

struct catalogue {
    struct arena arena; /* owns all of it */
    struct table *tables;
    uint16_t table_count;
    struct foreign_key *foreign_keys;
    uint16_t foreign_key_count;
};

/* An empty one on the heap, its arena ready.  ERR_NOMEM. */
MUST_USE enum err catalogue_new(struct catalogue **out);
/* NULL when there is none. */
const struct table *catalogue_table(const struct catalogue *c, struct bytes name);
const struct column *table_column(const struct table *t, struct bytes name);
/* "uuid", "int4", "numeric", … as pg_type.typname has them. */
struct bytes column_type_name(enum column_type t);
/* Of a declared SQL type: "numeric(12,2)" gives TYPE_NUMERIC and scale 2.  ERR_NOT_FOUND. */
MUST_USE enum err column_type_parse(struct bytes declared, enum column_type *type, uint8_t *scale);
/* The 12 of "numeric(12,2)"; 0 for every other type. */
uint8_t column_precision_parse(struct bytes declared);
/* Fills t->columns_json in the catalogue's arena.  ERR_NOMEM. */
MUST_USE enum err table_make_columns_json(struct catalogue *c, struct table *t);
/* Frees the arena and the catalogue itself.  Takes NULL. */
void catalogue_free(struct catalogue *c);

#endif
