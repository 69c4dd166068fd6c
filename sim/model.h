/* model: the bakery as the simulation knows it: its tables, their rows, the whole change log, and
 * who had which role when.  The real store makes the log; everything that it and the hub say is
 * compared with what is computed here, a second time and in another way: rows are small integers
 * and not JSON, policies are functions and not text. */
#ifndef SIM_MODEL_H
#define SIM_MODEL_H

#include "auth/policy.h"
#include "base/json.h"

enum {
    TABLE_USERS,
    TABLE_BREADS,
    TABLE_PRODUCTION,
    TABLE_SALES,
    TABLE_FEEDBACK,
    TABLE_STOCK,
    TABLE_TOTALS,
    TABLE_COUNT
};

/* Rows have places: in their table, and (with the tables before it) among all rows. */
enum {
    PEOPLE = 14,
    BREADS = 8,
    ENTRIES = 40,
    SALES = 120,
    DAYS = 2,
    SHIFTS = 2,
    TOTALS = DAYS * SHIFTS * BREADS,
    PLACES = PEOPLE + BREADS + ENTRIES + SALES + ENTRIES + BREADS + TOTALS,
    COLUMNS_MAX = 10,
    STINTS_MAX = 64,
    SIM_UUID = UUID_SIZE + 1
};

/* Somebody who is unknown or disabled; a role beside those of auth/identity.h. */
enum { ROLE_NOBODY = ROLE_COUNT };

/* How a column's value is kept in a row's field. */
enum kind {
    KIND_OWN,    /* the id: its place in the table */
    KIND_PERSON, /* the place of a row of users; or null */
    KIND_BREAD,  /* … of bread_types */
    KIND_NUMBER,
    KIND_CENTS,
    KIND_FLAG,
    KIND_WORD, /* of sim_words, or null */
    KIND_NAME, /* "loaf <n>" */
    KIND_ROLE,
    KIND_SHIFT, /* 1: night */
    KIND_DAY    /* the year, month and day as one number */
};
#define FIELD_NULL INT64_MIN

/* Where the columns that have a meaning of their own stand; the id is always the first. */
enum { USER_NAME = 1, USER_ROLE, USER_ACTIVE };
enum { BREAD_NAME = 1, BREAD_SIZE, BREAD_PRICE, BREAD_THRESHOLD, BREAD_ACTIVE, BREAD_CREATOR };
/* production_logs and sales_logs begin alike. */
enum { ENTRY_BREAD = 1, ENTRY_QUANTITY, ENTRY_SHIFT, ENTRY_WHO, ENTRY_DAY };
enum { MADE_NOTE = ENTRY_DAY + 1 };
enum { SALE_PRICE = ENTRY_DAY + 1, SALE_DISCOUNT, SALE_RETURNED, SALE_REVENUE };
enum { FEEDBACK_WHO = 1, FEEDBACK_SHIFT, FEEDBACK_NOTE, FEEDBACK_DAY };
enum { STOCK_BAKED = 1, STOCK_SOLD, STOCK_REMAINING };
enum { TOTAL_BREAD, TOTAL_DAY, TOTAL_SHIFT, TOTAL_BAKED, TOTAL_SOLD, TOTAL_RETURNED };
enum { TOTAL_SALES = TOTAL_RETURNED + 1, TOTAL_DISCOUNT, TOTAL_REVENUE };

struct sim_column {
    const char *name;
    enum kind kind;
};
struct sim_table {
    const char *name;
    int first, count; /* places among all rows */
    struct sim_column columns[COLUMNS_MAX];
};
extern const struct sim_table sim_tables[TABLE_COUNT];

struct sim_row {
    bool exists;
    int64_t fields[COLUMNS_MAX];
};

struct entry {
    struct change *change;
    int table, place; /* place among all rows */
    uint64_t hash;    /* of the new row's text; 0: no row */
    struct sim_row old_row, new_row;
};

/* From this change on a person had this role. */
struct stint {
    uint64_t seq;
    unsigned role;
};

/* Who asks: a person of the staff, or a role that no person has. */
struct sim_who {
    int person; /* -1: none */
    enum role role;
};

typedef uint64_t sim_copy[PLACES]; /* hash of each row's text; 0: no such row */

struct model {
    struct sim_row rows[PLACES];
    sim_copy hashes;
    struct entry *entries; /* entries[seq - 1] */
    uint64_t count, capacity;
    struct stint stints[PEOPLE][STINTS_MAX];
    uint32_t stint_count[PEOPLE];
    int64_t days[DAYS]; /* of the ledger, as they came */
};

void model_init(struct model *m);
void model_done(struct model *m);
/* The next change of the log; takes a reference of its own.  NULL, or what is wrong with it. */
const char *model_take(struct model *m, struct change *c);
const struct entry *model_entry(const struct model *m, uint64_t seq);
/* A row of the table as JSON.  False: it cannot be read.  `*place` is among all rows. */
bool model_read_row(struct model *m, int table, struct json_value json, struct sim_row *out,
                    int *place);
/* Only its place, of a row or of a key alone. */
bool model_read_place(struct model *m, int table, struct json_value json, int *place);
uint64_t model_hash(struct bytes row);
/* What the tables were at `seq`, which is not far back. */
void model_tables_at(const struct model *m, uint64_t seq, struct sim_row rows[PLACES],
                     sim_copy hashes);
/* Bit n: `who` had role n at some moment between the two changes. */
unsigned model_roles(const struct model *m, struct sim_who who, uint64_t from, uint64_t to);
/* The only role of such a mask, or -1. */
int model_only_role(unsigned mask);
/* Is everything derived what the entries say?  NULL, or what is not. */
const char *model_check_derived(struct model *m);

/* ---- names ---- */

int sim_table_of_place(int place);
/* ERR_NOT_FOUND. */
MUST_USE enum err sim_table_find(struct bytes name, int *out);
void sim_uuid(int table, int place_in_table, char out[SIM_UUID]);
enum { WORDS = 8, WORDS_PLAIN = 5 /* the others would need quotes in a filter */ };
extern const char *const sim_words[WORDS];
/* A field's value as JSON, and as the plain text that filters are made of. */
void sim_put_json(struct buf *out, int table, int column, int64_t value);
void sim_put_text(struct buf *out, int table, int column, int64_t value);

#endif
