#include "model.h"

#include <stdio.h>
#include <stdlib.h>

enum { AFTER_USERS = PEOPLE, AFTER_BREADS = AFTER_USERS + BREADS };
enum { AFTER_MADE = AFTER_BREADS + ENTRIES, AFTER_SALES = AFTER_MADE + SALES };
enum { AFTER_FEEDBACK = AFTER_SALES + ENTRIES, AFTER_STOCK = AFTER_FEEDBACK + BREADS };

#define LONG_20 "quite a long remark "
#define LONG_100 LONG_20 LONG_20 LONG_20 LONG_20 LONG_20
const char *const sim_words[WORDS] = {"plain",
                                      "salt",
                                      "sweet",
                                      "rye",
                                      "later",
                                      "two, \"three\"",
                                      "d\xc3\xa9j\xc3\xa0 (vu)",
                                      LONG_100 LONG_100 LONG_100 LONG_100 LONG_100};

#define ENTRY_COLUMNS                                                                              \
    {"id", KIND_OWN}, {"bread_type_id", KIND_BREAD}, {"quantity", KIND_NUMBER},                    \
        {"shift", KIND_SHIFT}, {"recorded_by", KIND_PERSON},                                       \
    {                                                                                              \
        "business_day", KIND_DAY                                                                   \
    }

const struct sim_table sim_tables[TABLE_COUNT] = {
    {"users",
     0,
     PEOPLE,
     {{"id", KIND_OWN}, {"name", KIND_WORD}, {"role", KIND_ROLE}, {"is_active", KIND_FLAG}}},
    {"bread_types",
     AFTER_USERS,
     BREADS,
     {{"id", KIND_OWN},
      {"name", KIND_NAME},
      {"size", KIND_WORD},
      {"unit_price", KIND_CENTS},
      {"low_threshold", KIND_NUMBER},
      {"is_active", KIND_FLAG},
      {"created_by", KIND_PERSON}}},
    {"production_logs", AFTER_BREADS, ENTRIES, {ENTRY_COLUMNS, {"note", KIND_WORD}}},
    {"sales_logs",
     AFTER_MADE,
     SALES,
     {ENTRY_COLUMNS,
      {"unit_price", KIND_CENTS},
      {"discount", KIND_CENTS},
      {"returned", KIND_FLAG},
      {"revenue", KIND_CENTS}}},
    {"shift_feedback",
     AFTER_SALES,
     ENTRIES,
     {{"id", KIND_OWN},
      {"user_id", KIND_PERSON},
      {"shift", KIND_SHIFT},
      {"note", KIND_WORD},
      {"business_day", KIND_DAY}}},
    {"stock",
     AFTER_FEEDBACK,
     BREADS,
     {{"bread_type_id", KIND_BREAD},
      {"baked", KIND_NUMBER},
      {"sold", KIND_NUMBER},
      {"remaining", KIND_NUMBER}}},
    {"shift_totals",
     AFTER_STOCK,
     TOTALS,
     {{"bread_type_id", KIND_BREAD},
      {"business_day", KIND_DAY},
      {"shift", KIND_SHIFT},
      {"baked", KIND_NUMBER},
      {"sold", KIND_NUMBER},
      {"returned", KIND_NUMBER},
      {"sales", KIND_NUMBER},
      {"discount", KIND_CENTS},
      {"revenue", KIND_CENTS}}},
};

/* ---- names ---- */

int sim_table_of_place(int place)
{
    int table = 0;
    while (place >= sim_tables[table].first + sim_tables[table].count)
        table++;
    return table;
}

enum err sim_table_find(struct bytes name, int *out)
{
    for (int t = 0; t < TABLE_COUNT; t++) {
        if (bytes_equal(name, bytes_of(sim_tables[t].name))) {
            *out = t;
            return OK;
        }
    }
    return ERR_NOT_FOUND;
}

/* The last twelve digits are the place, those before them the table. */
void sim_uuid(int table, int place_in_table, char out[SIM_UUID])
{
    snprintf(out, SIM_UUID, "00000000-0000-4000-8%03u-%012u", (unsigned)table % 1000,
             (unsigned)place_in_table);
}

static int table_of_kind(int table, enum kind kind)
{
    return kind == KIND_PERSON ? TABLE_USERS : kind == KIND_BREAD ? TABLE_BREADS : table;
}

void sim_put_text(struct buf *out, int table, int column, int64_t value)
{
    enum kind kind = sim_tables[table].columns[column].kind;
    char id[SIM_UUID];
    switch (kind) {
    case KIND_OWN:
    case KIND_PERSON:
    case KIND_BREAD:
        sim_uuid(table_of_kind(table, kind), (int)value, id);
        buf_put(out, bytes_of(id));
        break;
    case KIND_NUMBER:
        buf_put_i64(out, value);
        break;
    case KIND_CENTS:
        buf_put_i64(out, value / 100);
        buf_put_char(out, '.');
        buf_put_u64_padded(out, (uint64_t)(value % 100), 2);
        break;
    case KIND_FLAG:
        buf_put(out, value ? BYTES("true") : BYTES("false"));
        break;
    case KIND_WORD:
        buf_put(out, bytes_of(sim_words[value]));
        break;
    case KIND_NAME:
        buf_put_literal(out, "loaf ");
        buf_put_i64(out, value);
        break;
    case KIND_ROLE:
        buf_put(out, role_name((enum role)value));
        break;
    case KIND_SHIFT:
        buf_put(out, value ? BYTES("night") : BYTES("morning"));
        break;
    case KIND_DAY:
        buf_put_u64_padded(out, (uint64_t)value / 10000, 4);
        buf_put_char(out, '-');
        buf_put_u64_padded(out, (uint64_t)value / 100 % 100, 2);
        buf_put_char(out, '-');
        buf_put_u64_padded(out, (uint64_t)value % 100, 2);
        break;
    }
}

static bool is_bare(enum kind kind)
{
    return kind == KIND_NUMBER || kind == KIND_CENTS || kind == KIND_FLAG;
}

void sim_put_json(struct buf *out, int table, int column, int64_t value)
{
    struct buf text;
    if (value == FIELD_NULL) {
        buf_put_literal(out, "null");
        return;
    }
    buf_init(&text, 4096);
    sim_put_text(&text, table, column, value);
    if (is_bare(sim_tables[table].columns[column].kind))
        buf_put(out, buf_bytes(&text));
    else
        json_put_string(out, buf_bytes(&text));
    buf_done(&text);
}

/* ---- reading rows ---- */

static struct bytes unquoted(struct bytes raw)
{
    return raw.size < 2 ? raw : bytes_slice(raw, 1, raw.size - 1);
}

static bool read_place(struct bytes id, int table, int64_t *out)
{
    char text[SIM_UUID];
    uint64_t place = 0;
    if (id.size != UUID_SIZE || bytes_to_u64(bytes_slice(id, 24, UUID_SIZE), &place) ||
        place >= (uint64_t)sim_tables[table].count)
        return false;
    sim_uuid(table, (int)place, text);
    *out = (int64_t)place;
    return bytes_equal(id, bytes_of(text));
}

/* Two digits behind the point, as `numeric(…,2)` is shown. */
static bool read_cents(struct bytes raw, int64_t *out)
{
    int64_t whole, part;
    size_t dot = bytes_find_char(raw, '.');
    if (dot + 3 != raw.size || bytes_to_i64(bytes_slice(raw, 0, dot), &whole) ||
        bytes_to_i64(bytes_slice(raw, dot + 1, raw.size), &part))
        return false;
    *out = whole * 100 + part;
    return whole >= 0;
}

static bool read_day(struct bytes text, int64_t *out)
{
    int64_t year, month, day;
    if (text.size != 10 || bytes_to_i64(bytes_slice(text, 0, 4), &year) ||
        bytes_to_i64(bytes_slice(text, 5, 7), &month) ||
        bytes_to_i64(bytes_slice(text, 8, 10), &day))
        return false;
    *out = year * 10000 + month * 100 + day;
    return true;
}

static bool read_word(struct bytes raw, int64_t *out)
{
    for (int i = 0; i < WORDS; i++) {
        if (json_string_equals(raw, bytes_of(sim_words[i]))) {
            *out = i;
            return true;
        }
    }
    return false;
}

static bool read_role(struct bytes text, int64_t *out)
{
    enum role role;
    if (role_parse(text, &role))
        return false;
    *out = role;
    return true;
}

static bool read_field(int table, enum kind kind, struct json_value v, int64_t *out)
{
    struct bytes text = unquoted(v.raw);
    if (v.type == JSON_NULL) {
        *out = FIELD_NULL;
        return true;
    }
    if (is_bare(kind) == (v.type == JSON_STRING))
        return false;
    switch (kind) {
    case KIND_OWN:
    case KIND_PERSON:
    case KIND_BREAD:
        return read_place(text, table_of_kind(table, kind), out);
    case KIND_NUMBER:
        return !bytes_to_i64(v.raw, out);
    case KIND_CENTS:
        return read_cents(v.raw, out);
    case KIND_FLAG:
        *out = v.type == JSON_TRUE;
        return v.type == JSON_TRUE || v.type == JSON_FALSE;
    case KIND_WORD:
        return read_word(v.raw, out);
    case KIND_NAME:
        return bytes_starts_with(text, BYTES("loaf ")) &&
               !bytes_to_i64(bytes_slice(text, 5, text.size), out);
    case KIND_ROLE:
        return read_role(text, out);
    case KIND_SHIFT:
        *out = bytes_equal(text, BYTES("night"));
        return *out || bytes_equal(text, BYTES("morning"));
    case KIND_DAY:
        return read_day(text, out);
    }
    return false;
}

static int day_index(struct model *m, int64_t day)
{
    int i = 0;
    while (i < DAYS && m->days[i] && m->days[i] != day)
        i++;
    if (i < DAYS)
        m->days[i] = day;
    return i;
}

static bool find_place(struct model *m, int table, const struct sim_row *row, int *out)
{
    int64_t place = row->fields[0];
    if (table == TABLE_TOTALS) {
        int64_t day = day_index(m, row->fields[TOTAL_DAY]);
        place += (day * SHIFTS + row->fields[TOTAL_SHIFT]) * BREADS;
    }
    *out = sim_tables[table].first + (int)place;
    return place < sim_tables[table].count;
}

static bool read_columns(int table, struct json_value json, int count, struct sim_row *out)
{
    *out = (struct sim_row){.exists = true};
    for (int i = 0; i < count && sim_tables[table].columns[i].name; i++) {
        const struct sim_column *c = &sim_tables[table].columns[i];
        struct json_value v;
        if (json_get(json, bytes_of(c->name), &v) ||
            !read_field(table, c->kind, v, &out->fields[i]))
            return false;
    }
    return true;
}

bool model_read_place(struct model *m, int table, struct json_value json, int *place)
{
    struct sim_row key;
    int columns = table == TABLE_TOTALS ? TOTAL_SHIFT + 1 : 1;
    return json.type == JSON_OBJECT && read_columns(table, json, columns, &key) &&
           find_place(m, table, &key, place);
}

bool model_read_row(struct model *m, int table, struct json_value json, struct sim_row *out,
                    int *place)
{
    return read_columns(table, json, COLUMNS_MAX, out) && find_place(m, table, out, place);
}

uint64_t model_hash(struct bytes row)
{
    return row.size > 0 ? bytes_hash(row, 7) | 1 : 0;
}

/* ---- the log ---- */

static void note_role(struct model *m, const struct entry *e)
{
    const struct sim_row *row = &e->new_row;
    bool is_there = row->exists && row->fields[USER_ACTIVE];
    unsigned role = is_there ? (unsigned)row->fields[USER_ROLE] : ROLE_NOBODY;
    uint32_t n = m->stint_count[e->place];
    if (n > 0 && m->stints[e->place][n - 1].role == role)
        return;
    if (n == STINTS_MAX)
        abort(); /* whoever makes changes is to stop before that */
    m->stints[e->place][n] = (struct stint){m->count, role};
    m->stint_count[e->place]++;
}

static bool read_rows(struct model *m, struct entry *e)
{
    const struct change *c = e->change;
    struct json_value json;
    int old_place = -1;
    bool is_good = true;
    if (c->old_row.size > 0)
        is_good = !json_parse(c->old_row, &json) &&
                  model_read_row(m, e->table, json, &e->old_row, &old_place);
    e->place = old_place;
    if (is_good && c->new_row.size > 0)
        is_good = !json_parse(c->new_row, &json) &&
                  model_read_row(m, e->table, json, &e->new_row, &e->place);
    return is_good && (old_place < 0 || old_place == e->place);
}

static const char *check_entry(const struct model *m, const struct entry *e)
{
    const struct change *c = e->change;
    if (m->count > 0 && c->commit_us < m->entries[m->count - 1].change->commit_us)
        return "a change is older than the one before it";
    if ((c->verb == VERB_INSERT) == e->old_row.exists ||
        (c->verb == VERB_DELETE) == e->new_row.exists)
        return "a change has rows that do not belong to its verb";
    if (model_hash(c->old_row) != m->hashes[e->place])
        return "the old row of a change is not what the row was";
    return NULL;
}

const char *model_take(struct model *m, struct change *c)
{
    struct entry e = {.change = c, .hash = model_hash(c->new_row)};
    if (c->seq != m->count + 1)
        return "the log has a hole, or a change twice";
    if (sim_table_find(c->table->name, &e.table) || !read_rows(m, &e))
        return "a change has a row that cannot be read";
    const char *fault = check_entry(m, &e);
    if (fault)
        return fault;
    if (m->count == m->capacity) {
        m->capacity = m->capacity ? m->capacity * 2 : 1024;
        m->entries = realloc(m->entries, m->capacity * sizeof(e));
        if (!m->entries)
            abort();
    }
    change_ref(c);
    m->entries[m->count++] = e;
    m->rows[e.place] = e.new_row;
    m->hashes[e.place] = e.hash;
    if (e.table == TABLE_USERS)
        note_role(m, &e);
    return NULL;
}

const struct entry *model_entry(const struct model *m, uint64_t seq)
{
    return &m->entries[seq - 1];
}

void model_tables_at(const struct model *m, uint64_t seq, struct sim_row rows[PLACES],
                     sim_copy hashes)
{
    memcpy(rows, m->rows, sizeof(m->rows));
    memcpy(hashes, m->hashes, sizeof(m->hashes));
    for (uint64_t s = m->count; s > seq; s--) {
        const struct entry *e = model_entry(m, s);
        rows[e->place] = e->old_row;
        hashes[e->place] = model_hash(e->change->old_row);
    }
}

unsigned model_roles(const struct model *m, struct sim_who who, uint64_t from, uint64_t to)
{
    unsigned mask = 0, role = ROLE_NOBODY;
    if (who.person < 0)
        return 1U << who.role;
    for (uint32_t i = 0; i < m->stint_count[who.person]; i++) {
        const struct stint *s = &m->stints[who.person][i];
        if (s->seq > to)
            break;
        if (s->seq > from)
            mask |= 1U << role;
        role = s->role;
    }
    return mask | 1U << role;
}

int model_only_role(unsigned mask)
{
    int role = 0;
    if (mask & (mask - 1))
        return -1;
    while (!(mask >> role & 1))
        role++;
    return role;
}

/* ---- what follows from the entries ---- */

static struct sim_row *total_of(struct model *m, struct sim_row totals[TOTALS],
                                const struct sim_row *entry)
{
    int64_t day = day_index(m, entry->fields[ENTRY_DAY]), shift = entry->fields[ENTRY_SHIFT];
    int64_t bread = entry->fields[ENTRY_BREAD];
    struct sim_row *t = &totals[(day * SHIFTS + shift) * BREADS + bread];
    t->exists = true;
    t->fields[TOTAL_BREAD] = bread;
    t->fields[TOTAL_DAY] = entry->fields[ENTRY_DAY];
    t->fields[TOTAL_SHIFT] = shift;
    return t;
}

static void add_sale(struct sim_row *t, const struct sim_row *sale)
{
    int64_t quantity = sale->fields[ENTRY_QUANTITY];
    if (sale->fields[SALE_RETURNED]) {
        t->fields[TOTAL_RETURNED] += quantity;
        return;
    }
    t->fields[TOTAL_SOLD] += quantity;
    t->fields[TOTAL_SALES]++;
    t->fields[TOTAL_DISCOUNT] += sale->fields[SALE_DISCOUNT];
    t->fields[TOTAL_REVENUE] += sale->fields[SALE_REVENUE];
}

static void add_up(struct model *m, struct sim_row totals[TOTALS])
{
    memset(totals, 0, TOTALS * sizeof(*totals));
    for (int i = 0; i < ENTRIES; i++) {
        const struct sim_row *row = &m->rows[AFTER_BREADS + i];
        if (row->exists)
            total_of(m, totals, row)->fields[TOTAL_BAKED] += row->fields[ENTRY_QUANTITY];
    }
    for (int i = 0; i < SALES; i++) {
        const struct sim_row *row = &m->rows[AFTER_MADE + i];
        if (row->exists)
            add_sale(total_of(m, totals, row), row);
    }
}

static bool is_same_row(const struct sim_row *a, const struct sim_row *b)
{
    return a->exists == b->exists &&
           (!a->exists || memcmp(a->fields, b->fields, sizeof(a->fields)) == 0);
}

static bool is_stock_right(const struct model *m, const struct sim_row totals[TOTALS], int bread)
{
    struct sim_row want = {.exists = m->rows[AFTER_USERS + bread].exists, .fields = {bread}};
    for (int i = bread; i < TOTALS; i += BREADS) {
        want.fields[STOCK_BAKED] += totals[i].fields[TOTAL_BAKED];
        want.fields[STOCK_SOLD] += totals[i].fields[TOTAL_SOLD];
    }
    want.fields[STOCK_REMAINING] = want.fields[STOCK_BAKED] - want.fields[STOCK_SOLD];
    return is_same_row(&want, &m->rows[AFTER_FEEDBACK + bread]);
}

const char *model_check_derived(struct model *m)
{
    struct sim_row totals[TOTALS];
    add_up(m, totals);
    for (int i = 0; i < TOTALS; i++)
        if (!is_same_row(&totals[i], &m->rows[AFTER_STOCK + i]))
            return "a row of shift_totals is not what the entries say";
    for (int i = 0; i < BREADS; i++)
        if (!is_stock_right(m, totals, i))
            return "a row of stock is not what the entries say";
    return NULL;
}

/* ---- init, done ---- */

void model_init(struct model *m)
{
    *m = (struct model){.count = 0};
}

void model_done(struct model *m)
{
    for (uint64_t i = 0; i < m->count; i++)
        change_unref(m->entries[i].change);
    free(m->entries);
}
