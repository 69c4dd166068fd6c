/* binding: what one `postgres_changes` entry of a join asks for, checked against the catalogue.
 * bindings: the entries of one channel; immutable, counted, and shared by every group that asks for
 * the same, under a key that says it all.  Shard thread only. */
#ifndef HUB_BINDING_H
#define HUB_BINDING_H

#include "base/list.h"
#include "base/map.h"
#include "change/change.h"
#include "hub/filter.h"
#include "hub/projection.h"

/* As the join has it; absent and null texts have data NULL. */
struct binding_spec {
    struct bytes raw; /* the JSON object as sent */
    struct bytes event, schema, table, filter;
    struct bytes select; /* raw JSON */
    uint32_t id;         /* by binding_make_ids */
};

struct binding {
    uint32_t id;
    uint8_t verbs;             /* bit n: enum verb n */
    const struct table *table; /* NULL: every live table */
    struct filter filter;
    struct projection *projection; /* NULL: all columns */
    bool is_first;                 /* of the set's entries with this projection */
};

struct bindings {
    struct map_entry entry;
    uint32_t refs;
    uint32_t count;
    struct binding *items;
    struct arena arena; /* of all the above but this struct */
};

/* The ids that have reached a client of one change, whose other messages have not. */
struct told {
    uint32_t count;
    uint32_t ids[];
};

struct binding_sets {
    const struct catalogue *catalogue;
    struct map map;
    struct projections projections;
};

void binding_sets_init(struct binding_sets *s, const struct catalogue *c, uint64_t seed);
/* All sets must have been unreferenced. */
void binding_sets_done(struct binding_sets *s);

/* A stable, non-zero id of 27 bits for each entry, unique among them. */
void binding_make_ids(struct binding_spec *specs, uint32_t count);
/* The set of these entries; one reference is the caller's.  On failure `message` gets the text of
 * the `system` error (protocol, section 4.3), unless ERR_NOMEM. */
MUST_USE enum err bindings_get(struct binding_sets *s, const struct binding_spec *specs,
                               uint32_t count, struct buf *message, struct bindings **out);
struct bindings *bindings_ref(struct bindings *b);
/* Takes NULL. */
void bindings_unref(struct binding_sets *s, struct bindings *b);
/* Do the ids name an entry with this projection: has the message for it come? */
bool bindings_is_told(const struct bindings *b, const struct projection *view,
                      const struct told *told);
/* Do they leave out a projection, for which a message may still be due? */
bool bindings_owe(const struct bindings *b, const struct told *told);
/* Does the entry ask for this verb of this table? */
bool binding_concerns(const struct binding *b, const struct table *t, enum verb verb);
/* Does the entry, or any entry, concern this table? */
bool binding_has_table(const struct binding *b, const struct table *t);
bool bindings_has_table(const struct bindings *b, const struct table *t);

#endif
