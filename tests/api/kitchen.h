/* kitchen: a catalogue of four tables built by hand, and what the parsers of api/ work with, for
 * tests. */
#ifndef TESTS_API_KITCHEN_H
#define TESTS_API_KITCHEN_H

#include "api/parse.h"
#include "check.h"

/* users; bread_types (created_by -> users); sales_logs (bread_type_id -> bread_types, recorded_by
 * and checked_by -> users); stock (server's, bread_type_id -> bread_types).  users.secret is
 * private. */
const struct catalogue *kitchen_catalogue(void);
const struct table *kitchen_table(const char *name);
const struct column *kitchen_column(const char *table, const char *name);

struct kitchen {
    struct arena arena;
    struct buf scratch;
    struct parse p;
};
void kitchen_init(struct kitchen *k);
void kitchen_done(struct kitchen *k);
/* Ready for the next text; memory is given back, so that the address sanitizer sees all. */
void kitchen_reset(struct kitchen *k);
/* The refusal that the last parser left. */
void kitchen_check_fault(const struct kitchen *k, int status, const char *code);

#endif
