#include "want.h"

#include <stdio.h>

static const char *const op_names[] = {"eq",  "neq", "gt", "gte",        "lt",
                                       "lte", "in",  "is", "isdistinct", "like"};
static const char letters[WORDS_PLAIN + 1] = "aelty";

/* ---- making ---- */

static int64_t random_value(struct rng *r, int table, enum kind kind)
{
    switch (kind) {
    case KIND_CENTS:
        return (int64_t)rng_below(r, 1000);
    case KIND_WORD:
        return (int64_t)rng_below(r, WORDS_PLAIN);
    case KIND_FLAG:
    case KIND_SHIFT:
        return (int64_t)rng_below(r, 2);
    case KIND_ROLE:
        return ROLE_OWNER + (int64_t)rng_below(r, 3);
    case KIND_DAY:
        return 20270114 + (int64_t)rng_below(r, 3);
    case KIND_OWN:
        return (int64_t)rng_below(r, (uint64_t)sim_tables[table].count);
    default:
        return (int64_t)rng_below(r, BREADS);
    }
}

static enum term_op random_op(struct rng *r, enum kind kind)
{
    static const enum term_op unordered[] = {TERM_EQ, TERM_EQ,      TERM_NEQ,
                                             TERM_IN, TERM_IS_NULL, TERM_DISTINCT};
    if (kind == KIND_WORD && rng_below(r, 3) == 0)
        return TERM_LIKE;
    return kind == KIND_NUMBER || kind == KIND_CENTS ? (enum term_op)rng_below(r, TERM_DISTINCT + 1)
                                                     : unordered[rng_below(r, 6)];
}

static void make_term(struct term *t, struct rng *r, int table, int column)
{
    enum kind kind = sim_tables[table].columns[column].kind;
    *t = (struct term){.column = column, .op = random_op(r, kind)};
    t->is_not = rng_below(r, 5) == 0;
    if (t->op != TERM_IS_NULL)
        t->value_count = t->op == TERM_IN ? 1 + (int)rng_below(r, VALUES_MAX) : 1;
    for (int i = 0; i < t->value_count; i++)
        t->values[i] = random_value(r, table, kind);
}

static void put_term(struct buf *out, const struct term *t, int table)
{
    buf_put(out, bytes_of(sim_tables[table].columns[t->column].name));
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
            sim_put_text(out, table, t->column, t->values[i]);
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
        make_term(&w->terms[i], r, w->table, (int)rng_below(r, (uint64_t)columns));
        if (i > 0)
            buf_put_char(&text, ',');
        put_term(&text, &w->terms[i], w->table);
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

static bool compares(const struct term *t, int64_t value)
{
    bool is_in = false;
    for (int i = 0; i < t->value_count; i++)
        is_in |= value == t->values[i];
    switch (t->op) {
    case TERM_NEQ:
    case TERM_DISTINCT:
        return !is_in;
    case TERM_LIKE:
        return strchr(sim_words[value], letters[t->values[0]]) != NULL;
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
static bool term_holds(const struct term *t, const struct sim_row *row)
{
    int64_t value = row->fields[t->column];
    bool is_null = value == FIELD_NULL;
    if (t->op == TERM_IS_NULL)
        return is_null != t->is_not;
    if (is_null)
        return t->op == TERM_DISTINCT && !t->is_not;
    return compares(t, value) != t->is_not;
}

static bool terms_hold(const struct wish *w, const struct sim_row *row)
{
    for (int i = 0; i < w->term_count; i++)
        if (!term_holds(&w->terms[i], row))
            return false;
    return true;
}

static bool wish_has_row(const struct wish *w, int place, const struct sim_row *row)
{
    return (w->table < 0 || w->table == sim_table_of_place(place)) && terms_hold(w, row);
}

struct hearing want_hear(const struct want *w, const uint32_t *ids, unsigned role, int person,
                         const struct entry *e)
{
    bool saw = rules_see(role, person, e->place, &e->old_row);
    bool sees = rules_see(role, person, e->place, &e->new_row);
    struct hearing h = {.verb = e->change->verb, .has_whole_old = saw};
    struct hearing nothing = {.verb = VERB_SELECT};
    if (!saw && !sees)
        return nothing;
    if (h.verb == VERB_UPDATE && !sees) /* out of view: gone, as far as this reader knows */
        h.verb = VERB_DELETE;
    for (int i = 0; i < w->count; i++) {
        const struct wish *wish = &w->wishes[i];
        if ((wish->verb == 0 || wish->verb == (int)h.verb) &&
            wish_has_row(wish, e->place, h.verb == VERB_DELETE ? &e->old_row : &e->new_row))
            h.ids[h.id_count++] = ids[i];
    }
    return h.id_count > 0 ? h : nothing;
}

bool want_has_row(const struct want *w, unsigned role, int person, int place,
                  const struct sim_row *row)
{
    if (!rules_see(role, person, place, row))
        return false;
    for (int i = 0; i < w->count; i++)
        if (wish_has_row(&w->wishes[i], place, row))
            return true;
    return false;
}

/* ---- asking for the rows themselves ---- */

bool want_has_table(const struct want *w, int table)
{
    for (int i = 0; i < w->count; i++)
        if (w->wishes[i].table < 0 || w->wishes[i].table == table)
            return true;
    return false;
}

/* The wish whose filter the answer is to have. */
static const struct wish *only_wish(const struct want *w, int table)
{
    const struct wish *only = NULL;
    for (int i = 0; i < w->count; i++) {
        const struct wish *wish = &w->wishes[i];
        if (wish->table >= 0 && wish->table != table)
            continue;
        if (only || wish->table < 0)
            return NULL;
        only = wish;
    }
    for (int i = 0; only && i < only->term_count; i++)
        if (only->terms[i].op >= TERM_DISTINCT)
            return NULL;
    return only;
}

static void put_escaped(struct buf *out, struct bytes text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == ' ')
            buf_put_literal(out, "%20");
        else
            buf_put_char(out, text.data[i]);
    }
}

void want_put_target(const struct want *w, int table, struct buf *out)
{
    const struct wish *wish = only_wish(w, table);
    struct buf term;
    buf_put_literal(out, "/rest/v1/");
    buf_put(out, bytes_of(sim_tables[table].name));
    buf_put_literal(out, "?select=*");
    buf_init(&term, FILTER_TEXT_MAX);
    for (int i = 0; wish && i < wish->term_count; i++) {
        buf_reset(&term);
        put_term(&term, &wish->terms[i], table);
        buf_put_char(out, '&');
        put_escaped(out, buf_bytes(&term));
    }
    buf_done(&term);
}

bool want_gets_row(const struct want *w, unsigned role, int person, int place,
                   const struct sim_row *row)
{
    const struct wish *wish = only_wish(w, sim_table_of_place(place));
    return rules_see(role, person, place, row) && (!wish || terms_hold(wish, row));
}
