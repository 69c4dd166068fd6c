#include "bakery.h"

#include <stdio.h>
#include <stdlib.h>

enum { TEXT_MAX = 1 << 20, PERSONS_AT_START = 8 };

static const char policies_text[] =
    "CREATE POLICY self ON users FOR SELECT TO authenticated USING (id = auth.uid());\n"
    "CREATE POLICY owner ON users FOR SELECT TO owner USING (true);\n"
    "CREATE POLICY menu ON bread_types FOR SELECT TO anon, sales_rep USING (is_active);\n"
    "CREATE POLICY chiefs ON bread_types FOR SELECT TO owner, manager USING (true);\n"
    "CREATE POLICY staff ON sales_logs FOR SELECT TO authenticated USING (true);\n"
    "CREATE POLICY chiefs ON shift_feedback FOR SELECT TO owner, manager USING (true);\n"
    "CREATE POLICY own ON shift_feedback FOR SELECT TO sales_rep USING (user_id = auth.uid());\n";

static const char leak_text[] =
    "CREATE POLICY leak ON shift_feedback FOR SELECT TO sales_rep USING (note = 'salt');\n";

#define LONG_20 "quite a long remark "
#define LONG_100 LONG_20 LONG_20 LONG_20 LONG_20 LONG_20
const char *const sim_notes[NOTES] = {"plain",
                                      "salt",
                                      "sweet",
                                      "rye",
                                      "later",
                                      "two, three",
                                      "d\xc3\xa9j\xc3\xa0 (vu)",
                                      LONG_100 LONG_100 LONG_100 LONG_100 LONG_100};

const struct sim_table sim_tables[TABLE_COUNT] = {
    {"users",
     {{"id", "uuid", FIELD_ID},
      {"name", "text", FIELD_NOTE},
      {"role", "text", FIELD_ROLE},
      {"is_active", "bool", FIELD_FLAG}}},
    {"bread_types",
     {{"id", "uuid", FIELD_ID},
      {"name", "text", FIELD_NOTE},
      {"price", "numeric(12,2)", FIELD_CENTS},
      {"is_active", "bool", FIELD_FLAG}}},
    {"sales_logs",
     {{"id", "uuid", FIELD_ID},
      {"quantity", "int4", FIELD_NUMBER},
      {"unit_price", "numeric(12,2)", FIELD_CENTS},
      {"returned", "bool", FIELD_FLAG},
      {"note", "text", FIELD_NOTE}}},
    {"shift_feedback",
     {{"id", "uuid", FIELD_ID}, {"user_id", "uuid", FIELD_WHO}, {"note", "text", FIELD_NOTE}}},
};

/* The world around the hub does not run out of memory. */
static void must(bool is_so)
{
    if (!is_so)
        abort();
}

/* ---- the catalogue ---- */

static void add_table(struct catalogue *c, const struct sim_table *from)
{
    struct table *t = &c->tables[c->table_count];
    t->index = c->table_count++;
    t->name = bytes_of(from->name);
    t->is_live = true;
    t->columns = arena_array(&c->arena, COLUMNS_MAX, sizeof(struct column));
    t->key = arena_array(&c->arena, 1, sizeof(struct column *));
    must(t->columns && t->key);
    for (int i = 0; i < COLUMNS_MAX && from->columns[i].name; i++) {
        struct column *col = &t->columns[t->column_count];
        struct bytes type = bytes_of(from->columns[i].type);
        col->name = bytes_of(from->columns[i].name);
        col->index = t->column_count++;
        must(!column_type_parse(type, &col->type, &col->scale));
        col->precision = column_precision_parse(type);
    }
    t->columns[0].is_key = true;
    t->key[t->key_count++] = &t->columns[0];
    must(!table_make_columns_json(c, t));
}

static struct catalogue *make_catalogue(void)
{
    struct catalogue *c;
    must(!catalogue_new(&c));
    c->tables = arena_array(&c->arena, TABLE_COUNT, sizeof(struct table));
    must(c->tables);
    for (int i = 0; i < TABLE_COUNT; i++)
        add_table(c, &sim_tables[i]);
    return c;
}

static void add_policies(struct bakery *b, const char *text)
{
    struct buf message;
    buf_init(&message, TEXT_MAX);
    must(!policies_add(b->policies, BYTES("sim.sql"), bytes_of(text), &message));
    buf_done(&message);
}

/* ---- rows as JSON ---- */

void sim_uuid(int table, int slot, char out[SIM_UUID])
{
    snprintf(out, SIM_UUID, "00000000-0000-4000-8000-%06u%06u", (unsigned)table % 1000000,
             (unsigned)slot % 1000000);
}

static void put_uuid(struct buf *out, int table, int slot)
{
    char id[SIM_UUID];
    sim_uuid(table, slot, id);
    json_put_string(out, bytes_of(id));
}

static void put_field(struct buf *out, enum field field, int table, int slot, int32_t value)
{
    switch (field) {
    case FIELD_ID:
        put_uuid(out, table, slot);
        break;
    case FIELD_NUMBER:
        buf_put_i64(out, value);
        break;
    case FIELD_CENTS:
        buf_put_i64(out, value / 100);
        buf_put_char(out, '.');
        buf_put_u64_padded(out, (uint64_t)(value % 100), 2);
        break;
    case FIELD_FLAG:
        buf_put(out, value ? BYTES("true") : BYTES("false"));
        break;
    case FIELD_NOTE:
        if (value == NOTE_NULL)
            buf_put_literal(out, "null");
        else
            json_put_string(out, bytes_of(sim_notes[value]));
        break;
    case FIELD_WHO:
        put_uuid(out, TABLE_USERS, value);
        break;
    case FIELD_ROLE:
        json_put_string(out, role_name((enum role)value));
        break;
    }
}

static void put_row(struct buf *out, int table, int slot, const struct sim_row *row)
{
    if (!row->exists)
        return;
    buf_put_char(out, '{');
    for (int i = 0; i < COLUMNS_MAX && sim_tables[table].columns[i].name; i++) {
        const struct sim_column *c = &sim_tables[table].columns[i];
        json_put_key(out, bytes_of(c->name));
        put_field(out, c->field, table, slot, row->fields[c->field]);
    }
    buf_put_char(out, '}');
}

void bakery_put_person(const struct bakery *b, int person, struct buf *out)
{
    put_row(out, TABLE_USERS, person, &b->rows[TABLE_USERS][person]);
}

/* ---- the log ---- */

static void note_role(struct bakery *b, const struct entry *e)
{
    const struct sim_row *row = &e->new_row;
    bool is_there = row->exists && row->fields[FIELD_FLAG];
    unsigned role = is_there ? (unsigned)row->fields[FIELD_ROLE] : ROLE_NOBODY;
    uint32_t n = b->stint_count[e->slot];
    if (n > 0 && b->stints[e->slot][n - 1].role == role)
        return;
    b->stints[e->slot][n] = (struct stint){b->count, role};
    b->stint_count[e->slot]++;
}

static enum verb verb_of(const struct entry *e)
{
    if (!e->old_row.exists)
        return VERB_INSERT;
    return e->new_row.exists ? VERB_UPDATE : VERB_DELETE;
}

static void commit(struct bakery *b, int table, int slot, const struct sim_row *row, int64_t now_us)
{
    struct entry e = {NULL, table, slot, 0, b->rows[table][slot], *row};
    struct buf old_text, new_text;
    if (b->count == b->capacity) {
        b->capacity = b->capacity ? b->capacity * 2 : 1024;
        b->entries = mem_realloc(b->entries, b->capacity * sizeof(e));
        must(b->entries);
    }
    buf_init(&old_text, TEXT_MAX);
    buf_init(&new_text, TEXT_MAX);
    put_row(&old_text, table, slot, &e.old_row);
    put_row(&new_text, table, slot, row);
    must(!change_new(&b->catalogue->tables[table], verb_of(&e), b->count + 1, now_us,
                     buf_bytes(&new_text), buf_bytes(&old_text), &e.change));
    if (row->exists)
        e.hash = bytes_hash(buf_bytes(&new_text), 7) | 1;
    buf_done(&old_text);
    buf_done(&new_text);
    b->entries[b->count++] = e;
    b->rows[table][slot] = *row;
    b->hashes[table][slot] = e.hash;
    if (table == TABLE_USERS)
        note_role(b, &e);
}

const struct entry *bakery_entry(const struct bakery *b, uint64_t seq)
{
    return &b->entries[seq - 1];
}

static int32_t random_field(struct rng *r, int table, enum field field)
{
    switch (field) {
    case FIELD_NOTE:
        return (int32_t)rng_below(r, NOTES) -
               (table != TABLE_USERS && table != TABLE_BREADS && rng_below(r, 6) == 0 ? NOTES : 0);
    case FIELD_FLAG:
        return rng_below(r, 3) > 0;
    case FIELD_CENTS:
        return (int32_t)rng_below(r, 1000);
    case FIELD_WHO:
        return (int32_t)rng_below(r, PERSONS_AT_START);
    case FIELD_ROLE:
        return ROLE_OWNER + (int32_t)rng_below(r, 3);
    default:
        return (int32_t)rng_below(r, 10);
    }
}

static void randomise(struct rng *r, int table, struct sim_row *row)
{
    bool is_new = !row->exists;
    row->exists = true;
    for (int i = 0; i < COLUMNS_MAX && sim_tables[table].columns[i].name; i++) {
        enum field field = sim_tables[table].columns[i].field;
        if (!is_new && rng_below(r, 3) > 0)
            continue;
        int32_t value = random_field(r, table, field);
        row->fields[field] = value < 0 ? NOTE_NULL : value;
    }
}

void bakery_change(struct bakery *b, struct rng *r, int64_t now_us)
{
    int table =
        rng_below(r, 40) == 0 ? TABLE_USERS : TABLE_BREADS + (int)rng_below(r, TABLE_COUNT - 1);
    int slot = (int)rng_below(r, SLOTS);
    struct sim_row row = b->rows[table][slot];
    if (table == TABLE_USERS && b->stint_count[slot] + 1 >= STINTS_MAX)
        table = TABLE_SALES, row = b->rows[table][slot];
    if (row.exists && rng_below(r, 4) == 0)
        row = (struct sim_row){.exists = false};
    else
        randomise(r, table, &row);
    commit(b, table, slot, &row, now_us);
}

/* ---- who may see what ---- */

unsigned bakery_roles(const struct bakery *b, struct sim_who who, uint64_t from, uint64_t to)
{
    unsigned mask = 0, role = ROLE_NOBODY;
    if (who.person < 0)
        return 1U << who.role;
    for (uint32_t i = 0; i < b->stint_count[who.person]; i++) {
        const struct stint *s = &b->stints[who.person][i];
        if (s->seq > to)
            break;
        if (s->seq > from)
            mask |= 1U << role;
        role = s->role;
    }
    return mask | 1U << role;
}

bool bakery_sees(unsigned role, int person, int table, int slot, const struct sim_row *row)
{
    bool is_chief = role == ROLE_OWNER || role == ROLE_MANAGER;
    if (!row->exists || role == ROLE_NOBODY)
        return false;
    if (role == ROLE_SERVICE)
        return true;
    switch (table) {
    case TABLE_USERS:
        return role == ROLE_OWNER || (role != ROLE_ANON && slot == person);
    case TABLE_BREADS:
        return is_chief || row->fields[FIELD_FLAG];
    case TABLE_SALES:
        return role != ROLE_ANON;
    default:
        return is_chief || (role == ROLE_SALES_REP && row->fields[FIELD_WHO] == person);
    }
}

/* ---- init, done ---- */

void bakery_init(struct bakery *b, bool leaks)
{
    struct sim_row row = {.exists = true};
    *b = (struct bakery){.count = 0};
    b->catalogue = make_catalogue();
    must(!policies_new(b->catalogue, &b->policies));
    add_policies(b, policies_text);
    if (leaks)
        add_policies(b, leak_text);
    row.fields[FIELD_FLAG] = true;
    for (int i = 0; i < PERSONS_AT_START; i++) {
        row.fields[FIELD_ROLE] = ROLE_OWNER + i % 3;
        commit(b, TABLE_USERS, i, &row, 0);
    }
}

void bakery_done(struct bakery *b)
{
    for (uint64_t i = 0; i < b->count; i++)
        change_unref(b->entries[i].change);
    mem_free(b->entries);
    policies_free(b->policies);
    catalogue_free(b->catalogue);
}
