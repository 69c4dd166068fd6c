#include "deed.h"

enum { QUANTITY_MAX = 9, STINTS_KEPT = 8 };

static bool has(const struct deed *d, int column)
{
    return d->set >> column & 1;
}

static int column_count(int table)
{
    int n = 0;
    while (n < COLUMNS_MAX && sim_tables[table].columns[n].name)
        n++;
    return n;
}

static int first_of(int table)
{
    return sim_tables[table].first;
}

static bool is_entry(int table)
{
    return table == TABLE_PRODUCTION || table == TABLE_SALES;
}

/* ---- making ---- */

static int64_t random_value(struct rng *r, enum kind kind)
{
    switch (kind) {
    case KIND_PERSON:
        return (int64_t)rng_below(r, PEOPLE);
    case KIND_BREAD:
        return (int64_t)rng_below(r, BREADS);
    case KIND_NUMBER:
        return (int64_t)rng_below(r, QUANTITY_MAX + 1) + (rng_below(r, 12) > 0);
    case KIND_CENTS:
        return (int64_t)rng_below(r, 1000);
    case KIND_FLAG:
        return rng_below(r, 3) > 0;
    case KIND_WORD:
        return rng_below(r, 6) == 0 ? FIELD_NULL : (int64_t)rng_below(r, WORDS);
    case KIND_NAME:
        return (int64_t)rng_below(r, UINT64_C(3) * BREADS);
    case KIND_ROLE:
        return ROLE_OWNER + (int64_t)rng_below(r, 3);
    case KIND_SHIFT:
        return (int64_t)rng_below(r, 2);
    default:
        return 0;
    }
}

/* What the server sets, or what is made of other columns. */
static bool is_settable(int table, int column)
{
    enum kind kind = sim_tables[table].columns[column].kind;
    return kind != KIND_OWN && kind != KIND_DAY &&
           !(table == TABLE_SALES && column == SALE_REVENUE);
}

static void fill(struct deed *d, struct rng *r, struct sim_row *row)
{
    for (int i = 1; i < column_count(d->table); i++)
        if (has(d, i))
            row->fields[i] = random_value(r, sim_tables[d->table].columns[i].kind);
    if (d->table == TABLE_SALES && has(d, SALE_RETURNED))
        row->fields[SALE_RETURNED] = rng_below(r, 4) == 0;
}

/* Mostly a place that is free. */
static int64_t random_place(const struct model *m, struct rng *r, int table)
{
    int64_t place = 0;
    for (int tries = 0; tries < 4; tries++) {
        place = (int64_t)rng_below(r, (uint64_t)sim_tables[table].count);
        if (!m->rows[first_of(table) + place].exists)
            break;
    }
    return place;
}

static void choose_columns(struct deed *d, struct rng *r)
{
    for (int i = 1; i < column_count(d->table); i++) {
        bool is_author =
            is_entry(d->table) ? i == ENTRY_WHO : d->table == TABLE_FEEDBACK && i == FEEDBACK_WHO;
        uint64_t one_in = is_author && d->who.role != ROLE_SERVICE ? 12 : 2;
        if (is_settable(d->table, i) && rng_below(r, one_in) == 0)
            d->set |= 1U << i;
    }
}

static unsigned something(int table)
{
    static const int columns[TABLE_COUNT] = {
        [TABLE_USERS] = USER_NAME,           [TABLE_BREADS] = BREAD_PRICE,
        [TABLE_PRODUCTION] = ENTRY_QUANTITY, [TABLE_SALES] = ENTRY_QUANTITY,
        [TABLE_FEEDBACK] = FEEDBACK_NOTE,
    };
    return 1U << columns[table];
}

/* What an INSERT cannot do without. */
static unsigned needed(const struct deed *d)
{
    static const unsigned columns[TABLE_COUNT] = {
        [TABLE_USERS] = 1U << USER_NAME | 1U << USER_ROLE,
        [TABLE_BREADS] = 1U << BREAD_NAME | 1U << BREAD_PRICE,
        [TABLE_PRODUCTION] = 1U << ENTRY_BREAD | 1U << ENTRY_QUANTITY,
        [TABLE_SALES] = 1U << ENTRY_BREAD | 1U << ENTRY_QUANTITY,
        [TABLE_FEEDBACK] = 1U << FEEDBACK_NOTE,
    };
    unsigned author = 0;
    if (d->who.person < 0)
        author = is_entry(d->table)           ? 1U << ENTRY_WHO
                 : d->table == TABLE_FEEDBACK ? 1U << FEEDBACK_WHO
                                              : 0;
    return columns[d->table] | author;
}

static void make_insert(struct deed *d, const struct model *m, struct rng *r)
{
    d->set |= 1U;
    if (rng_below(r, 20) > 0)
        d->set |= needed(d);
    d->row_count = 1;
    if (is_entry(d->table) && rng_below(r, 3) == 0)
        d->row_count += (int)rng_below(r, DEED_ROWS_MAX);
    for (int i = 0; i < d->row_count; i++) {
        fill(d, r, &d->rows[i]);
        d->rows[i].fields[0] = random_place(m, r, d->table);
    }
}

static void make_aim(struct deed *d, struct rng *r)
{
    d->column = 0;
    d->value = (int64_t)rng_below(r, (uint64_t)sim_tables[d->table].count);
    if (!is_entry(d->table) || d->verb == VERB_DELETE || rng_below(r, 5) > 0)
        return;
    d->column = rng_below(r, 2) ? ENTRY_BREAD : ENTRY_SHIFT;
    d->value = (int64_t)rng_below(r, d->column == ENTRY_BREAD ? BREADS : SHIFTS);
}

static struct sim_who random_who(struct rng *r)
{
    uint64_t kind = rng_below(r, 20);
    if (kind < 4)
        return (struct sim_who){-1, ROLE_SERVICE};
    if (kind == 4)
        return (struct sim_who){-1, ROLE_ANON};
    return (struct sim_who){(int)rng_below(r, PEOPLE), ROLE_ANON};
}

static int random_table(struct rng *r)
{
    uint64_t n = rng_below(r, 40);
    return n < 22   ? TABLE_SALES
           : n < 29 ? TABLE_PRODUCTION
           : n < 34 ? TABLE_FEEDBACK
           : n < 38 ? TABLE_BREADS
                    : TABLE_USERS;
}

/* Not the last owner, and nobody too often: the model remembers a bounded number of roles. */
static bool is_spared(const struct deed *d, const struct model *m)
{
    return d->table == TABLE_USERS && d->verb != VERB_INSERT &&
           (d->value == 0 || m->stint_count[d->value] + STINTS_KEPT >= STINTS_MAX);
}

void deed_make(struct deed *d, const struct model *m, struct rng *r)
{
    uint64_t verb = rng_below(r, 10);
    *d = (struct deed){.who = random_who(r), .table = random_table(r)};
    d->verb = verb < 6 ? VERB_INSERT : verb < 9 ? VERB_UPDATE : VERB_DELETE;
    d->wants_rows = rng_below(r, 2);
    if (d->verb != VERB_DELETE)
        choose_columns(d, r);
    if (d->verb == VERB_INSERT) {
        make_insert(d, m, r);
        return;
    }
    make_aim(d, r);
    if (d->verb == VERB_UPDATE && !d->set)
        d->set = something(d->table);
    fill(d, r, &d->rows[0]);
    if (is_spared(d, m))
        d->value = PEOPLE - 1;
}

void deed_make_first(struct deed *d, int table)
{
    *d = (struct deed){.who = {-1, ROLE_SERVICE}, .verb = VERB_INSERT, .table = table};
    d->row_count = table == TABLE_USERS ? 9 : BREADS - 2;
    d->set = table == TABLE_USERS ? 1U | 1U << USER_NAME | 1U << USER_ROLE
                                  : 1U | 1U << BREAD_NAME | 1U << BREAD_PRICE;
    for (int i = 0; i < d->row_count; i++) {
        struct sim_row *row = &d->rows[i];
        row->fields[0] = i;
        row->fields[1] = table == TABLE_USERS ? i % WORDS_PLAIN : i;
        if (table == TABLE_USERS)
            row->fields[USER_ROLE] = ROLE_OWNER + i % 3;
        else
            row->fields[BREAD_PRICE] = 100 * (i + 1);
    }
}

/* ---- the request ---- */

static void put_row(const struct deed *d, const struct sim_row *row, struct buf *out)
{
    buf_put_char(out, '{');
    for (int i = 0; i < column_count(d->table); i++) {
        if (!has(d, i))
            continue;
        json_put_key(out, bytes_of(sim_tables[d->table].columns[i].name));
        sim_put_json(out, d->table, i, row->fields[i]);
    }
    buf_put_char(out, '}');
}

void deed_put(const struct deed *d, struct buf *target, struct buf *body)
{
    buf_put_literal(target, "/rest/v1/");
    buf_put(target, bytes_of(sim_tables[d->table].name));
    if (d->verb != VERB_INSERT) {
        buf_put_char(target, '?');
        buf_put(target, bytes_of(sim_tables[d->table].columns[d->column].name));
        buf_put_literal(target, "=eq.");
        sim_put_text(target, d->table, d->column, d->value);
    }
    if (d->verb == VERB_UPDATE)
        put_row(d, &d->rows[0], body);
    if (d->verb != VERB_INSERT)
        return;
    for (int i = 0; i < d->row_count; i++) {
        buf_put_char(body, i > 0 ? ',' : '[');
        put_row(d, &d->rows[i], body);
    }
    buf_put_char(body, ']');
}

/* ---- what comes of it ---- */

struct judging {
    const struct deed *deed;
    const struct model *model;
    unsigned role;
    struct moment now;
    struct outcome *out;
};

static const struct sim_row *row_at(const struct judging *j, int place)
{
    return j->out->is_touched[place] ? &j->out->rows[place] : &j->model->rows[place];
}

static bool refers(const struct judging *j, int table, int64_t place)
{
    return place >= 0 && place < sim_tables[table].count &&
           j->model->rows[first_of(table) + place].exists;
}

static bool is_name_free(const struct judging *j, int64_t name, int place)
{
    for (int i = 0; i < BREADS; i++) {
        int other = first_of(TABLE_BREADS) + i;
        const struct sim_row *row = row_at(j, other);
        if (other != place && row->exists && row->fields[BREAD_NAME] == name)
            return false;
    }
    return true;
}

static bool is_short(int64_t word)
{
    return word == FIELD_NULL || word < WORDS - 1;
}

static bool is_sound_bread(const struct judging *j, int place, const struct sim_row *row)
{
    return is_name_free(j, row->fields[BREAD_NAME], place) && is_short(row->fields[BREAD_SIZE]) &&
           row->fields[BREAD_NAME] != FIELD_NULL && row->fields[BREAD_PRICE] > 0 &&
           row->fields[BREAD_THRESHOLD] >= 0 &&
           (row->fields[BREAD_CREATOR] == FIELD_NULL ||
            refers(j, TABLE_USERS, row->fields[BREAD_CREATOR]));
}

static bool is_sound_entry(const struct judging *j, const struct sim_row *row)
{
    return refers(j, TABLE_BREADS, row->fields[ENTRY_BREAD]) &&
           refers(j, TABLE_USERS, row->fields[ENTRY_WHO]) && row->fields[ENTRY_QUANTITY] > 0;
}

/* The constraints of the schema. */
static bool is_sound(const struct judging *j, int place, const struct sim_row *row)
{
    switch (j->deed->table) {
    case TABLE_USERS:
        return row->fields[USER_NAME] != FIELD_NULL && is_short(row->fields[USER_NAME]) &&
               row->fields[USER_ROLE] != FIELD_NULL;
    case TABLE_BREADS:
        return is_sound_bread(j, place, row);
    case TABLE_FEEDBACK:
        return row->fields[FEEDBACK_NOTE] != FIELD_NULL &&
               refers(j, TABLE_USERS, row->fields[FEEDBACK_WHO]);
    default:
        return is_sound_entry(j, row);
    }
}

static void compute(int table, struct sim_row *row)
{
    int64_t *f = row->fields;
    if (table != TABLE_SALES)
        return;
    int64_t value = f[ENTRY_QUANTITY] * f[SALE_PRICE] - f[SALE_DISCOUNT];
    f[SALE_REVENUE] = f[SALE_RETURNED] || value < 0 ? 0 : value;
}

static int64_t price_of(const struct judging *j, int64_t bread)
{
    return refers(j, TABLE_BREADS, bread)
               ? j->model->rows[first_of(TABLE_BREADS) + bread].fields[BREAD_PRICE]
               : FIELD_NULL;
}

static int64_t default_of(const struct judging *j, const struct sim_row *row, int column)
{
    int table = j->deed->table;
    int64_t me = j->deed->who.person < 0 ? FIELD_NULL : j->deed->who.person;
    switch (sim_tables[table].columns[column].kind) {
    case KIND_PERSON:
        return me;
    case KIND_SHIFT:
        return j->now.shift;
    case KIND_DAY:
        return j->now.day;
    case KIND_FLAG:
        return table != TABLE_SALES;
    case KIND_NUMBER:
        return table == TABLE_BREADS ? 5 : FIELD_NULL;
    case KIND_CENTS:
        return table == TABLE_SALES && column == SALE_PRICE ? price_of(j, row->fields[ENTRY_BREAD])
               : table == TABLE_SALES                       ? 0
                                                            : FIELD_NULL;
    default:
        return FIELD_NULL;
    }
}

static bool insert_one(const struct judging *j, const struct sim_row *given)
{
    const struct deed *d = j->deed;
    struct sim_row row = {.exists = true};
    int place = first_of(d->table) + (int)given->fields[0];
    for (int i = 0; i < column_count(d->table); i++)
        row.fields[i] = has(d, i) ? given->fields[i] : FIELD_NULL;
    for (int i = 1; i < column_count(d->table); i++)
        if (!has(d, i))
            row.fields[i] = default_of(j, &row, i);
    if (row_at(j, place)->exists || !is_sound(j, place, &row) ||
        !rules_accept(j->role, d->who.person, place, NULL, &row, j->now))
        return false;
    compute(d->table, &row);
    j->out->is_touched[place] = true;
    j->out->rows[place] = row;
    j->out->count++;
    return !d->wants_rows || rules_see(j->role, d->who.person, place, &row);
}

static bool is_aimed_at(const struct judging *j, int place)
{
    const struct deed *d = j->deed;
    const struct sim_row *row = &j->model->rows[place];
    return row->exists && row->fields[d->column] == d->value &&
           rules_see(j->role, d->who.person, place, row) &&
           rules_touch(j->role, d->who.person, place, d->verb, row, j->now);
}

static bool update_one(const struct judging *j, int place)
{
    const struct deed *d = j->deed;
    const struct sim_row *old = &j->model->rows[place];
    struct sim_row row = *old;
    for (int i = 1; i < column_count(d->table); i++)
        if (has(d, i))
            row.fields[i] = d->rows[0].fields[i];
    if (!is_sound(j, place, &row) ||
        !rules_accept(j->role, d->who.person, place, old, &row, j->now))
        return false;
    compute(d->table, &row);
    j->out->is_touched[place] = true;
    j->out->rows[place] = row;
    j->out->count++;
    return !d->wants_rows || rules_see(j->role, d->who.person, place, &row);
}

static bool is_referred_to(const struct judging *j, int64_t place)
{
    int table = j->deed->table;
    for (int p = 0; p < PLACES; p++) {
        int t = sim_table_of_place(p);
        const struct sim_row *row = &j->model->rows[p];
        if (!row->exists || t >= TABLE_STOCK)
            continue;
        for (int i = 1; i < column_count(t); i++) {
            enum kind kind = sim_tables[t].columns[i].kind;
            if (row->fields[i] == place && ((kind == KIND_PERSON && table == TABLE_USERS) ||
                                            (kind == KIND_BREAD && table == TABLE_BREADS)))
                return true;
        }
    }
    return false;
}

static bool delete_one(const struct judging *j, int place)
{
    if (is_referred_to(j, place - first_of(j->deed->table)))
        return false;
    j->out->is_touched[place] = true;
    j->out->rows[place] = (struct sim_row){.exists = false};
    j->out->count++;
    return true;
}

static bool change_all(const struct judging *j)
{
    const struct sim_table *t = &sim_tables[j->deed->table];
    for (int place = t->first; place < t->first + t->count; place++) {
        if (!is_aimed_at(j, place))
            continue;
        if (!(j->deed->verb == VERB_UPDATE ? update_one(j, place) : delete_one(j, place)))
            return false;
    }
    return true;
}

void deed_judge(const struct deed *d, const struct model *m, unsigned role, int64_t now_us,
                struct outcome *out)
{
    struct judging j = {d, m, role, rules_moment(now_us), out};
    memset(out->is_touched, 0, sizeof(out->is_touched));
    out->count = 0;
    out->is_done = rules_may(role, d->table, d->verb) &&
                   (!d->wants_rows || rules_may(role, d->table, VERB_SELECT));
    if (d->verb != VERB_INSERT)
        out->is_done = out->is_done && change_all(&j);
    for (int i = 0; i < d->row_count && out->is_done; i++)
        out->is_done = insert_one(&j, &d->rows[i]);
}
