#include "store/sql.h"

#include <stdio.h>

enum { VALUES_FIRST = 32, FUNCTION_ARGS_MAX = 126 };

static void put_inner_conditions(struct sql *q, const struct query_select *select,
                                 const char *outer);

void sql_begin(struct sql *q, struct store_session *s, enum role role)
{
    *q = (struct sql){.s = s, .role = role, .text = &s->sql};
    buf_reset(q->text);
}

int sql_prepare(struct sql *q, struct statement **out)
{
    if (q->err == ERR_NOMEM || q->text->err == ERR_NOMEM)
        return SQLITE_NOMEM;
    if (q->err || q->text->err)
        return SQLITE_TOOBIG;
    return session_prepare(q->s, buf_bytes(q->text), out);
}

int sql_bind(struct sql *q, const struct statement *st)
{
    return statement_bind(q->s, st, q->values, q->value_count);
}

int sql_start(struct sql *q, sqlite3_stmt **out)
{
    struct statement *st = NULL;
    int rc = sql_prepare(q, &st);
    if (!rc)
        rc = sql_bind(q, st);
    if (!rc)
        *out = st->stmt;
    return rc;
}

void sql_text(struct sql *q, const char *text)
{
    buf_put(q->text, bytes_of(text));
}

void sql_name(struct sql *q, struct bytes name)
{
    buf_put_char(q->text, '"');
    buf_put(q->text, name);
    buf_put_char(q->text, '"');
}

void sql_column(struct sql *q, const char *alias, const struct column *c)
{
    sql_text(q, alias);
    buf_put_char(q->text, '.');
    sql_name(q, c->name);
}

static bool grow_values(struct sql *q)
{
    size_t capacity = q->value_capacity ? q->value_capacity * 2 : VALUES_FIRST;
    const struct value **values = arena_array(&q->s->arena, capacity, sizeof(struct value *));
    if (!values) {
        q->err = ERR_NOMEM;
        return false;
    }
    if (q->value_count)
        memcpy(values, q->values, q->value_count * sizeof(struct value *));
    q->values = values;
    q->value_capacity = capacity;
    return true;
}

void sql_value(struct sql *q, const struct value *v)
{
    if (q->value_count == q->value_capacity && !grow_values(q))
        return;
    q->values[q->value_count++] = v;
    buf_put_char(q->text, '?');
}

static void put_number(struct sql *q, uint64_t n)
{
    struct value *v = arena_zalloc(&q->s->arena, sizeof(*v));
    if (!v) {
        q->err = ERR_NOMEM;
        return;
    }
    v->kind = VALUE_INT;
    v->number = n > INT64_MAX ? INT64_MAX : (int64_t)n;
    sql_value(q, v);
}

void sql_and(struct sql *q)
{
    sql_text(q, q->has_where ? " AND " : " WHERE ");
    q->has_where = true;
}

void sql_alias(struct sql *q, char out[ALIAS_SIZE])
{
    snprintf(out, ALIAS_SIZE, "t%u", q->alias_count++);
}

void sql_from(struct sql *q, const struct table *t, const char *alias)
{
    sql_text(q, " FROM ");
    sql_name(q, t->name);
    sql_text(q, " AS ");
    sql_text(q, alias);
}

/* ---- conditions ---- */

/* Against a value that no column can hold, since it is finer than the type: it lies between
 * `number` and the next one.  The comparisons stay null for null. */
static void put_between(struct sql *q, const struct query_filter *f, const char *alias)
{
    sql_column(q, alias, f->column);
    if (f->op == OP_EQ || f->op == OP_NEQ) {
        sql_text(q, f->op == OP_EQ ? " <> " : " = ");
        sql_column(q, alias, f->column);
        return;
    }
    sql_text(q, f->op == OP_GT || f->op == OP_GTE ? " > " : " <= ");
    sql_value(q, f->values);
}

static void put_comparison(struct sql *q, const struct query_filter *f, const char *alias)
{
    static const char *const operators[] = {
        [OP_EQ] = " = ",   [OP_NEQ] = " <> ", [OP_GT] = " > ",
        [OP_GTE] = " >= ", [OP_LT] = " < ",   [OP_LTE] = " <= "};
    if (f->values->is_between) {
        put_between(q, f, alias);
        return;
    }
    sql_column(q, alias, f->column);
    sql_text(q, operators[f->op]);
    sql_value(q, f->values);
}

static bool holds_only_between(const struct query_filter *f)
{
    for (size_t i = 0; i < f->value_count; i++)
        if (!f->values[i].is_between)
            return false;
    return f->value_count > 0;
}

/* The number of places is rounded up to a power of two, the last value repeated, so that lists of
 * many lengths share few statements. */
static void put_in(struct sql *q, const struct query_filter *f, const char *alias)
{
    size_t count = 0, places = 1;
    const struct value *last = NULL;
    sql_column(q, alias, f->column);
    if (holds_only_between(f)) { /* null stays null, as it does not in an empty list */
        sql_text(q, " <> ");
        sql_column(q, alias, f->column);
        return;
    }
    sql_text(q, " IN (");
    for (size_t i = 0; i < f->value_count; i++) {
        if (f->values[i].is_between)
            continue;
        sql_text(q, count++ ? "," : "");
        last = &f->values[i];
        sql_value(q, last);
    }
    while (places < count)
        places *= 2;
    for (; count && count < places; count++) {
        sql_text(q, ",");
        sql_value(q, last);
    }
    sql_text(q, ")");
}

static void put_is(struct sql *q, const struct query_filter *f, const char *alias)
{
    sql_column(q, alias, f->column);
    if (f->values->kind == VALUE_NULL)
        sql_text(q, " IS NULL");
    else
        sql_text(q, f->values->number ? " IS 1" : " IS 0");
}

/* A value that lies between two that the column can hold is distinct from all. */
static void put_isdistinct(struct sql *q, const struct query_filter *f, const char *alias)
{
    if (f->values->is_between) {
        sql_text(q, "1");
        return;
    }
    sql_column(q, alias, f->column);
    sql_text(q, " IS NOT ");
    sql_value(q, f->values);
}

/* The functions of functions_pattern.c: SQLite's own LIKE folds no letters but ASCII's. */
static void put_pattern(struct sql *q, const struct query_filter *f, const char *alias)
{
    static const char *const names[] = {[OP_LIKE] = "text_like(",
                                        [OP_ILIKE] = "text_ilike(",
                                        [OP_MATCH] = "text_match(",
                                        [OP_IMATCH] = "text_imatch("};
    sql_text(q, names[f->op]);
    sql_column(q, alias, f->column);
    sql_text(q, ",");
    sql_value(q, f->values);
    sql_text(q, ")");
}

static void put_filter(struct sql *q, const struct query_filter *f, const char *alias)
{
    sql_and(q);
    sql_text(q, f->is_negated ? "NOT (" : "(");
    if (f->op == OP_IN)
        put_in(q, f, alias);
    else if (f->op == OP_IS)
        put_is(q, f, alias);
    else if (f->op == OP_ISDISTINCT)
        put_isdistinct(q, f, alias);
    else if (f->op >= OP_LIKE)
        put_pattern(q, f, alias);
    else
        put_comparison(q, f, alias);
    sql_text(q, ")");
}

void sql_put_policy(struct sql *q, const struct table *t, enum verb verb, const char *alias)
{
    if (q->role == ROLE_SERVICE)
        sql_text(q, "1");
    else
        policy_put_sql(q->text, q->s->store->policies, t, verb, q->role, bytes_of(alias));
}

void sql_policy(struct sql *q, const struct table *t, enum verb verb, const char *alias)
{
    if (q->role == ROLE_SERVICE)
        return;
    sql_and(q);
    sql_text(q, "(");
    sql_put_policy(q, t, verb, alias);
    sql_text(q, ")");
}

/* As in PostgreSQL, who changes or removes a row must also see it. */
void sql_where(struct sql *q, const struct query *query, const char *alias)
{
    q->has_where = false;
    for (size_t i = 0; i < query->filter_count; i++)
        put_filter(q, &query->filters[i], alias);
    sql_policy(q, query->table, VERB_SELECT, alias);
    if (query->verb != VERB_SELECT)
        sql_policy(q, query->table, query->verb, alias);
    else
        put_inner_conditions(q, &query->select, alias);
}

/* ---- embedded rows ---- */

static const struct table *embedded_table(const struct query_item *item)
{
    return item->is_to_many ? item->key->from : item->key->to;
}

/* FROM the embedded table WHERE it belongs to the row of `outer`. */
static void put_embed_from(struct sql *q, const struct query_item *item, const char *outer,
                           const char *alias)
{
    const struct foreign_key *k = item->key;
    bool had_where = q->has_where;
    sql_from(q, embedded_table(item), alias);
    q->has_where = false;
    sql_and(q);
    sql_column(q, alias, item->is_to_many ? k->column : k->to_column);
    sql_text(q, " = ");
    sql_column(q, outer, item->is_to_many ? k->to_column : k->column);
    sql_policy(q, embedded_table(item), VERB_SELECT, alias);
    put_inner_conditions(q, item->embed, alias);
    q->has_where = had_where;
}

static void put_inner_conditions(struct sql *q, const struct query_select *select,
                                 const char *outer)
{
    for (size_t i = 0; i < select->item_count; i++) {
        char alias[ALIAS_SIZE];
        if (!select->items[i].embed || !select->items[i].is_inner)
            continue;
        sql_alias(q, alias);
        sql_and(q);
        sql_text(q, "EXISTS (SELECT 1");
        put_embed_from(q, &select->items[i], outer, alias);
        sql_text(q, ")");
    }
}

static bool is_only_count(const struct query_select *select)
{
    return select->item_count == 1 && select->items[0].is_count;
}

/* A text literal: the only text that is made of what the client says, its keys. */
static void put_spec(struct sql *q, const struct query_select *select)
{
    struct buf spec;
    buf_init(&spec, SQL_MAX);
    row_put_spec(&spec, select);
    if (spec.err)
        q->err = spec.err;
    buf_put_char(q->text, '\'');
    for (size_t i = 0; i < spec.size; i++) {
        if (spec.data[i] == '\'')
            buf_put_char(q->text, '\'');
        buf_put_char(q->text, spec.data[i]);
    }
    buf_put_char(q->text, '\'');
    buf_done(&spec);
}

static void put_row_json(struct sql *q, const struct query_select *select, const char *alias)
{
    if (select->item_count > FUNCTION_ARGS_MAX)
        q->err = ERR_LIMIT;
    sql_text(q, "row_json(");
    put_spec(q, select);
    sql_items(q, select, alias, ",");
    sql_text(q, ")");
}

/* `[{"count":n}]`, and without the brackets for a single row. */
static void put_count_json(struct sql *q, const struct query_item *item, bool is_array)
{
    struct buf key;
    buf_init(&key, SQL_MAX);
    json_put_string(&key, item->name);
    if (key.err)
        q->err = key.err;
    sql_text(q, is_array ? "'[{" : "'{");
    for (size_t i = 0; i < key.size; i++) {
        if (key.data[i] == '\'')
            buf_put_char(q->text, '\'');
        buf_put_char(q->text, key.data[i]);
    }
    sql_text(q, is_array ? ":' || count(*) || '}]'" : ":' || count(*) || '}'");
    buf_done(&key);
}

static void put_embed(struct sql *q, const struct query_item *item, const char *outer)
{
    char alias[ALIAS_SIZE];
    sql_alias(q, alias);
    sql_text(q, "(SELECT ");
    if (is_only_count(item->embed)) {
        put_count_json(q, &item->embed->items[0], item->is_to_many);
    } else {
        sql_text(q, item->is_to_many ? "json_rows(" : "");
        put_row_json(q, item->embed, alias);
        sql_text(q, item->is_to_many ? ")" : "");
    }
    put_embed_from(q, item, outer, alias);
    sql_text(q, ")");
}

/* Each item with the separator before it. */
void sql_items(struct sql *q, const struct query_select *select, const char *alias,
               const char *separator)
{
    for (size_t i = 0; i < select->item_count; i++) {
        const struct query_item *item = &select->items[i];
        sql_text(q, separator);
        separator = ",";
        if (item->column)
            sql_column(q, alias, item->column);
        else if (item->embed)
            put_embed(q, item, alias);
        else
            sql_text(q, "count(*)");
    }
}

/* ---- reading ---- */

void sql_order(struct sql *q, const struct query *query, const char *alias)
{
    for (size_t i = 0; i < query->order_count; i++) {
        const struct query_order *o = &query->orders[i];
        sql_text(q, i ? "," : " ORDER BY ");
        sql_column(q, alias, o->column);
        sql_text(q, o->is_descending ? " DESC" : " ASC");
        if (!o->column->not_null)
            sql_text(q, o->nulls_first ? " NULLS FIRST" : " NULLS LAST");
    }
    /* Pages must not overlap where the order leaves rows equal. */
    if (query->order_count) {
        const struct query_order *last = &query->orders[query->order_count - 1];
        sql_text(q, ",");
        sql_text(q, alias);
        sql_text(q, last->is_descending ? ".rowid DESC" : ".rowid");
    }
}

static void put_page(struct sql *q, const struct query *query)
{
    if (query->limit == UINT64_MAX && query->offset == 0)
        return;
    sql_text(q, " LIMIT ");
    put_number(q, query->limit);
    sql_text(q, " OFFSET ");
    put_number(q, query->offset);
}

void sql_put_rows(struct sql *q, const struct query *query)
{
    char alias[ALIAS_SIZE];
    sql_alias(q, alias);
    sql_text(q, query->select.item_count ? "SELECT" : "SELECT 1");
    if (is_only_count(&query->select)) {
        sql_text(q, " ");
        put_count_json(q, &query->select.items[0], false);
    } else {
        sql_items(q, &query->select, alias, " ");
    }
    sql_from(q, query->table, alias);
    sql_where(q, query, alias);
    if (!is_only_count(&query->select))
        sql_order(q, query, alias);
    put_page(q, query);
}

void sql_put_count(struct sql *q, const struct query *query)
{
    char alias[ALIAS_SIZE];
    sql_alias(q, alias);
    sql_text(q, "SELECT count(*)");
    sql_from(q, query->table, alias);
    sql_where(q, query, alias);
}

void sql_put_page_count(struct sql *q, const struct query *query)
{
    char alias[ALIAS_SIZE];
    sql_alias(q, alias);
    sql_text(q, "SELECT count(*) FROM (SELECT 1");
    sql_from(q, query->table, alias);
    sql_where(q, query, alias);
    put_page(q, query);
    sql_text(q, ")");
}

void sql_put_row(struct sql *q, const struct query *query, const struct value *rowid)
{
    char alias[ALIAS_SIZE];
    sql_alias(q, alias);
    sql_text(q, "SELECT");
    sql_items(q, &query->select, alias, " ");
    sql_from(q, query->table, alias);
    q->has_where = false;
    sql_and(q);
    sql_text(q, alias);
    sql_text(q, ".rowid = ");
    sql_value(q, rowid);
    sql_policy(q, query->table, VERB_SELECT, alias);
}

void sql_put_rowids(struct sql *q, const struct query *query)
{
    char alias[ALIAS_SIZE];
    sql_alias(q, alias);
    sql_text(q, "SELECT t0.rowid");
    sql_from(q, query->table, alias);
    sql_where(q, query, alias);
    sql_order(q, query, alias);
}
