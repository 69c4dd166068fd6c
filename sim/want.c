#include "want.h"

#include <stdio.h>

static const char *const op_names[] = {"eq",  "neq", "gt", "gte",        "lt",
                                       "lte", "in",  "is", "isdistinct", "like"};
static const char letters[NOTES_PLAIN + 1] = "aelty";

/* ---- making ---- */

static bool is_ordered(enum field field)
{
    return field == FIELD_NUMBER || field == FIELD_CENTS;
}

static int32_t random_value(struct rng *r, enum field field)
{
    switch (field) {
    case FIELD_CENTS:
        return (int32_t)rng_below(r, 1000);
    case FIELD_NOTE:
        return (int32_t)rng_below(r, NOTES_PLAIN);
    case FIELD_FLAG:
        return (int32_t)rng_below(r, 2);
    case FIELD_ROLE:
        return ROLE_OWNER + (int32_t)rng_below(r, 3);
    default:
        return (int32_t)rng_below(r, 10);
    }
}

static enum term_op random_op(struct rng *r, enum field field)
{
    static const enum term_op unordered[] = {TERM_EQ, TERM_EQ,      TERM_NEQ,
                                             TERM_IN, TERM_IS_NULL, TERM_DISTINCT};
    if (field == FIELD_NOTE && rng_below(r, 3) == 0)
        return TERM_LIKE;
    return is_ordered(field) ? (enum term_op)rng_below(r, TERM_DISTINCT + 1)
                             : unordered[rng_below(r, 6)];
}

static void make_term(struct term *t, struct rng *r, const struct sim_column *column)
{
    *t = (struct term){.field = column->field, .op = random_op(r, column->field)};
    t->is_not = rng_below(r, 5) == 0;
    if (t->op != TERM_IS_NULL)
        t->value_count = t->op == TERM_IN ? 1 + (int)rng_below(r, VALUES_MAX) : 1;
    for (int i = 0; i < t->value_count; i++)
        t->values[i] = random_value(r, t->field);
}

static void put_value(struct buf *out, enum field field, int table, int32_t value)
{
    char id[SIM_UUID];
    sim_uuid(field == FIELD_WHO ? TABLE_USERS : table, value, id);
    if (field == FIELD_ID || field == FIELD_WHO)
        buf_put(out, bytes_of(id));
    else if (field == FIELD_NOTE)
        buf_put(out, bytes_of(sim_notes[value]));
    else if (field == FIELD_FLAG)
        buf_put(out, value ? BYTES("true") : BYTES("false"));
    else if (field == FIELD_ROLE)
        buf_put(out, role_name((enum role)value));
    else if (field == FIELD_NUMBER)
        buf_put_i64(out, value);
    if (field != FIELD_CENTS)
        return;
    buf_put_i64(out, value / 100);
    buf_put_char(out, '.');
    buf_put_u64_padded(out, (uint64_t)(value % 100), 2);
}

static void put_term(struct buf *out, const struct term *t, int table, const char *column)
{
    buf_put(out, bytes_of(column));
    buf_put_char(out, '=');
    if (t->is_not)
        buf_put_literal(out, "not.");
    buf_put(out, bytes_of(op_names[t->op]));
    buf_put(out, t->op == TERM_IN ? BYTES(".(") : BYTES("."));
    if (t->op == TERM_IS_NULL)
        buf_put_literal(out, "null");
    for (int i = 0; i < t->value_count; i++) {
        if (i > 0)
            buf_put_char(out, ',');
        if (t->op != TERM_LIKE)
            put_value(out, t->field, table, t->values[i]);
    }
    if (t->op == TERM_LIKE) {
        buf_put_char(out, '%');
        buf_put_char(out, letters[t->values[0]]);
        buf_put_char(out, '%');
    }
    if (t->op == TERM_IN)
        buf_put_char(out, ')');
}

static void make_filter(struct wish *w, struct rng *r)
{
    const struct sim_table *t = &sim_tables[w->table];
    struct buf text;
    int columns = 0;
    while (columns < COLUMNS_MAX && t->columns[columns].name)
        columns++;
    buf_init(&text, FILTER_TEXT_MAX - 1);
    w->term_count = 1 + (int)rng_below(r, TERMS_MAX);
    for (int i = 0; i < w->term_count; i++) {
        const struct sim_column *c = &t->columns[rng_below(r, (uint64_t)columns)];
        make_term(&w->terms[i], r, c);
        if (i > 0)
            buf_put_char(&text, ',');
        put_term(&text, &w->terms[i], w->table, c->name);
    }
    snprintf(w->filter, sizeof(w->filter), "%.*s", (int)text.size, text.data);
    buf_done(&text);
}

static void make_wish(struct wish *w, struct rng *r)
{
    *w = (struct wish){.table = (int)rng_below(r, TABLE_COUNT + 1) - 1};
    if (rng_below(r, 3) == 0)
        w->verb = VERB_INSERT + (int)rng_below(r, 3);
    if (w->table >= 0 && rng_below(r, 2) == 0)
        make_filter(w, r);
}

void want_make(struct want *w, struct rng *r)
{
    w->count = rng_below(r, 2) ? 1 : 1 + (int)rng_below(r, WISHES_MAX);
    for (int i = 0; i < w->count; i++)
        make_wish(&w->wishes[i], r);
}

void want_put_json(const struct want *w, struct buf *out)
{
    buf_put_char(out, '[');
    for (int i = 0; i < w->count; i++) {
        const struct wish *wish = &w->wishes[i];
        buf_put(out, i > 0 ? BYTES(",{") : BYTES("{"));
        json_put_key(out, BYTES("event"));
        json_put_string(out, wish->verb ? verb_name((enum verb)wish->verb) : BYTES("*"));
        json_put_key(out, BYTES("schema"));
        json_put_string(out, BYTES("public"));
        json_put_key(out, BYTES("table"));
        json_put_string(out, bytes_of(wish->table < 0 ? "*" : sim_tables[wish->table].name));
        if (wish->term_count > 0) {
            json_put_key(out, BYTES("filter"));
            json_put_string(out, bytes_of(wish->filter));
        }
        buf_put_char(out, '}');
    }
    buf_put_char(out, ']');
}

bool want_is_plain(const struct want *w)
{
    return w->count == 1 && w->wishes[0].verb == 0 && w->wishes[0].term_count == 0;
}

/* ---- deciding ---- */

static bool compares(const struct term *t, int32_t value)
{
    bool is_in = false;
    for (int i = 0; i < t->value_count; i++)
        is_in |= value == t->values[i];
    switch (t->op) {
    case TERM_NEQ:
    case TERM_DISTINCT:
        return !is_in;
    case TERM_LIKE:
        return strchr(sim_notes[value], letters[t->values[0]]) != NULL;
    case TERM_GT:
        return value > t->values[0];
    case TERM_GTE:
        return value >= t->values[0];
    case TERM_LT:
        return value < t->values[0];
    case TERM_LTE:
        return value <= t->values[0];
    default:
        return is_in;
    }
}

/* As in SQL, what compares with null is unknown, and `not` leaves it so. */
static bool term_holds(const struct term *t, int slot, const struct sim_row *row)
{
    int32_t value = t->field == FIELD_ID ? slot : row->fields[t->field];
    bool is_null = t->field == FIELD_NOTE && value == NOTE_NULL;
    if (t->op == TERM_IS_NULL)
        return is_null != t->is_not;
    if (is_null)
        return t->op == TERM_DISTINCT && !t->is_not;
    return compares(t, value) != t->is_not;
}

static bool wish_has_row(const struct wish *w, int table, int slot, const struct sim_row *row)
{
    if (w->table >= 0 && w->table != table)
        return false;
    for (int i = 0; i < w->term_count; i++)
        if (!term_holds(&w->terms[i], slot, row))
            return false;
    return true;
}

struct hearing want_hear(const struct want *w, const uint32_t *ids, unsigned role, int person,
                         const struct entry *e)
{
    bool saw = bakery_sees(role, person, e->table, e->slot, &e->old_row);
    bool sees = bakery_sees(role, person, e->table, e->slot, &e->new_row);
    struct hearing h = {.verb = e->change->verb, .has_whole_old = saw};
    struct hearing nothing = {.verb = VERB_SELECT};
    if (!saw && !sees)
        return nothing;
    if (h.verb == VERB_UPDATE && !sees) /* out of view: gone, as far as this reader knows */
        h.verb = VERB_DELETE;
    for (int i = 0; i < w->count; i++) {
        const struct wish *wish = &w->wishes[i];
        if ((wish->verb == 0 || wish->verb == (int)h.verb) &&
            wish_has_row(wish, e->table, e->slot,
                         h.verb == VERB_DELETE ? &e->old_row : &e->new_row))
            h.ids[h.id_count++] = ids[i];
    }
    return h.id_count > 0 ? h : nothing;
}

bool want_has_row(const struct want *w, unsigned role, int person, int table, int slot,
                  const struct sim_row *row)
{
    if (!bakery_sees(role, person, table, slot, row))
        return false;
    for (int i = 0; i < w->count; i++)
        if (wish_has_row(&w->wishes[i], table, slot, row))
            return true;
    return false;
}
