/* bakery: the catalogue of the bakery's tables and the policies of schema/policies/, for tests. */
#ifndef TESTS_AUTH_BAKERY_H
#define TESTS_AUTH_BAKERY_H

#include "auth/policy.h"

/* A table from lines "name type [private]". */
struct bakery_table {
    const char *name;
    const char *columns; /* "id uuid, name text, unit_price numeric(12,2)" */
};

struct catalogue *bakery_catalogue_of(const struct bakery_table *tables, size_t count);
/* The tables of schema/sqlite/ that are exposed. */
struct catalogue *bakery_catalogue(void);
/* All files of schema/policies/. */
struct policies *bakery_policies(const struct catalogue *c);
/* Adds `text`, and sees that it is taken. */
void bakery_add(struct policies *p, const char *text);
const struct table *bakery_find(const struct catalogue *c, const char *name);

#endif
