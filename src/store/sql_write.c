#include "store/sql.h"

static bool is_given(const struct query *query, size_t row, size_t i)
{
    return !query->is_absent || !query->is_absent[row * query->set_count + i];
}

static const struct value *given_value(const struct query *query, size_t row, struct bytes column)
{
    for (size_t i = 0; i < query->set_count; i++)
        if (bytes_equal(query->set[i]->name, column) && is_given(query, row, i))
            return &query->values[row * query->set_count + i];
    return NULL;
}

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* A default's SQL; what it says of the given row, `i.column`, becomes that value, or NULL. */
static void put_default(struct sql *q, const struct query *query, size_t row, struct bytes sql)
{
    for (size_t i = 0; i < sql.size;) {
        bool is_reference = sql.data[i] == 'i' && i + 1 < sql.size && sql.data[i + 1] == '.' &&
                            (i == 0 || !is_word(sql.data[i - 1]));
        if (!is_reference) {
            buf_put_char(q->text, sql.data[i++]);
            continue;
        }
        size_t end = i += 2;
        while (end < sql.size && is_word(sql.data[end]))
            end++;
        const struct value *v = given_value(query, row, bytes_slice(sql, i, end));
        if (v)
            sql_value(q, v);
        else
            sql_text(q, "NULL");
        i = end;
    }
}

static bool has_default(const struct query *query, size_t row, const struct column *c)
{
    return c->default_sql.size > 0 && !given_value(query, row, c->name);
}

static void put_insert_columns(struct sql *q, const struct query *query, size_t row)
{
    const char *separator = " (";
    for (size_t i = 0; i < query->set_count; i++) {
        if (!is_given(query, row, i))
            continue;
        sql_text(q, separator);
        sql_name(q, query->set[i]->name);
        separator = ",";
    }
    for (size_t i = 0; i < query->table->column_count; i++) {
        const struct column *c = &query->table->columns[i];
        if (!has_default(query, row, c))
            continue;
        sql_text(q, separator);
        sql_name(q, c->name);
        separator = ",";
    }
}

static void put_insert_values(struct sql *q, const struct query *query, size_t row)
{
    const char *separator = ") VALUES (";
    for (size_t i = 0; i < query->set_count; i++) {
        if (!is_given(query, row, i))
            continue;
        sql_text(q, separator);
        sql_value(q, &query->values[row * query->set_count + i]);
        separator = ",";
    }
    for (size_t i = 0; i < query->table->column_count; i++) {
        const struct column *c = &query->table->columns[i];
        if (!has_default(query, row, c))
            continue;
        sql_text(q, separator);
        put_default(q, query, row, c->default_sql);
        separator = ",";
    }
    sql_text(q, ")");
}

static bool is_conflict_column(const struct query *query, const struct column *c)
{
    if (query->conflict_column_count == 0)
        return c->is_key;
    for (size_t i = 0; i < query->conflict_column_count; i++)
        if (query->conflict_columns[i] == c)
            return true;
    return false;
}

static void put_conflict_target(struct sql *q, const struct query *query)
{
    const struct column **columns = query->conflict_columns;
    size_t count = query->conflict_column_count;
    if (count == 0) {
        columns = query->table->key;
        count = query->table->key_count;
    }
    sql_text(q, " ON CONFLICT");
    for (size_t i = 0; i < count; i++) {
        sql_text(q, i ? "," : " (");
        sql_name(q, columns[i]->name);
    }
    sql_text(q, ") DO ");
}

static const struct column *stamp_column(const struct query *query)
{
    const struct column *c = table_column(query->table, BYTES("updated_at"));
    for (size_t i = 0; i < query->set_count; i++)
        if (query->set[i] == c)
            return NULL;
    return c;
}

static void put_stamp(struct sql *q, const struct query *query, const char *separator)
{
    const struct column *c = stamp_column(query);
    if (!c)
        return;
    sql_text(q, separator);
    sql_name(q, c->name);
    sql_text(q, " = :now");
}

static void put_excluded(struct sql *q, const struct column *c, const char *separator)
{
    sql_text(q, separator);
    sql_name(q, c->name);
    sql_text(q, " = excluded.");
    sql_name(q, c->name);
}

/* What was given replaces what there is; the columns that found the row stay as they are. */
static void put_merge(struct sql *q, const struct query *query, size_t row)
{
    const char *separator = "UPDATE SET ";
    for (size_t i = 0; i < query->set_count; i++) {
        if (is_conflict_column(query, query->set[i]) || !is_given(query, row, i))
            continue;
        put_excluded(q, query->set[i], separator);
        separator = ", ";
    }
    if (separator[0] == 'U') { /* nothing but the conflict's columns */
        put_excluded(
            q, query->conflict_column_count ? query->conflict_columns[0] : query->table->key[0],
            separator);
        separator = ", ";
    }
    put_stamp(q, query, separator);
}

void sql_put_insert(struct sql *q, const struct query *query, size_t row)
{
    sql_text(q, "INSERT INTO ");
    sql_name(q, query->table->name);
    size_t before = q->text->size;
    put_insert_columns(q, query, row);
    if (q->text->size == before) {
        sql_text(q, " DEFAULT VALUES");
        return;
    }
    put_insert_values(q, query, row);
    if (query->conflict == CONFLICT_ERROR)
        return;
    put_conflict_target(q, query);
    if (query->conflict == CONFLICT_IGNORE)
        sql_text(q, "NOTHING");
    else
        put_merge(q, query, row);
    sql_text(q, " RETURNING rowid");
}

void sql_put_update(struct sql *q, const struct query *query)
{
    char alias[ALIAS_SIZE];
    sql_alias(q, alias);
    sql_text(q, "UPDATE ");
    sql_name(q, query->table->name);
    sql_text(q, " AS t0");
    for (size_t i = 0; i < query->set_count; i++) {
        sql_text(q, i ? ", " : " SET ");
        sql_name(q, query->set[i]->name);
        sql_text(q, " = ");
        sql_value(q, &query->values[i]);
    }
    put_stamp(q, query, ", ");
    sql_where(q, query, alias);
}

void sql_put_delete(struct sql *q, const struct query *query)
{
    char alias[ALIAS_SIZE];
    sql_alias(q, alias);
    sql_text(q, "DELETE");
    sql_from(q, query->table, alias);
    sql_where(q, query, alias);
}

void sql_put_lookup(struct sql *q, const struct table *t, const struct column *c,
                    const struct value *v)
{
    sql_text(q, "SELECT 1");
    sql_from(q, t, "t0");
    sql_and(q);
    sql_column(q, "t0", c);
    sql_text(q, " = ");
    sql_value(q, v);
}

void sql_put_referenced(struct sql *q, const struct query *query, const struct foreign_key *k)
{
    char alias[ALIAS_SIZE];
    sql_alias(q, alias);
    sql_text(q, "SELECT ");
    sql_column(q, alias, k->to_column);
    sql_from(q, query->table, alias);
    sql_where(q, query, alias);
    sql_and(q);
    sql_text(q, "EXISTS (SELECT 1");
    sql_from(q, k->from, "r");
    sql_text(q, " WHERE ");
    sql_column(q, "r", k->column);
    sql_text(q, " = ");
    sql_column(q, alias, k->to_column);
    sql_text(q, ") AND EXISTS (SELECT 1 FROM pragma_foreign_key_list('");
    buf_put(q->text, k->from->name);
    sql_text(q, "') AS f WHERE f.\"from\" = '");
    buf_put(q->text, k->column->name);
    sql_text(q, "' AND f.on_delete <> 'CASCADE') LIMIT 1");
}
