/* bakery: the data of a simulated world: four tables, their rows, the whole change log, and who had
 * which role when.  What a policy or a filter says is computed here a second time, from the rows
 * themselves and not from their JSON, so that the hub has somebody to be compared with. */
#ifndef SIM_BAKERY_H
#define SIM_BAKERY_H

#include "auth/policy.h"
#include "base/rng.h"

enum { TABLE_USERS, TABLE_BREADS, TABLE_SALES, TABLE_FEEDBACK, TABLE_COUNT };
enum { SLOTS = 16, PEOPLE = SLOTS, COLUMNS_MAX = 5, STINTS_MAX = 64, SIM_UUID = UUID_SIZE + 1 };
/* Somebody who is unknown or disabled; a role beside those of auth/identity.h. */
enum { ROLE_NOBODY = ROLE_COUNT };

enum field { FIELD_ID, FIELD_NUMBER, FIELD_CENTS, FIELD_FLAG, FIELD_NOTE, FIELD_WHO, FIELD_ROLE };
enum { FIELD_COUNT = FIELD_ROLE + 1, NOTE_NULL = -1 };

struct sim_column {
    const char *name, *type;
    enum field field;
};
struct sim_table {
    const char *name;
    struct sim_column columns[COLUMNS_MAX];
};
extern const struct sim_table sim_tables[TABLE_COUNT];

/* A row is its fields; what a table has no column for stays 0. */
struct sim_row {
    bool exists;
    int32_t fields[FIELD_COUNT];
};

struct entry {
    struct change *change;
    int table, slot;
    uint64_t hash; /* of the new row's text; 0: no row */
    struct sim_row old_row, new_row;
};

/* From this change on a person had this role. */
struct stint {
    uint64_t seq;
    unsigned role;
};

/* Who reads: a person of the staff, or a role that no person has. */
struct sim_who {
    int person; /* -1: none */
    enum role role;
};

struct bakery {
    struct catalogue *catalogue;
    struct policies *policies;
    struct sim_row rows[TABLE_COUNT][SLOTS];
    uint64_t hashes[TABLE_COUNT][SLOTS];
    struct entry *entries; /* entries[seq - 1] */
    uint64_t count, capacity;
    struct stint stints[PEOPLE][STINTS_MAX];
    uint32_t stint_count[PEOPLE];
};

/* `leaks`: the policies show more than the model knows of, to see that this is noticed. */
void bakery_init(struct bakery *b, bool leaks);
void bakery_done(struct bakery *b);
/* One random change of one row. */
void bakery_change(struct bakery *b, struct rng *r, int64_t now_us);
const struct entry *bakery_entry(const struct bakery *b, uint64_t seq);
/* The row of `users` as the store has it, in `out`; size 0 when there is none. */
void bakery_put_person(const struct bakery *b, int person, struct buf *out);
/* Bit n: `who` had role n at some moment between the two changes. */
unsigned bakery_roles(const struct bakery *b, struct sim_who who, uint64_t from, uint64_t to);
/* The policies, said again. */
bool bakery_sees(unsigned role, int person, int table, int slot, const struct sim_row *row);
void sim_uuid(int table, int slot, char out[SIM_UUID]);
/* The words that notes are made of; those from NOTES_PLAIN on would need quotes in a filter. */
enum { NOTES = 8, NOTES_PLAIN = 5 };
extern const char *const sim_notes[NOTES];

#endif
