/* The triggers, one for each table and verb, made from the catalogue:
 *
 *   capture   a row of `changes`, for live tables: new and old row as JSON
 *   derived   entries are reported to the ledger (derived.c, ledger.h)
 *   audit     updates and deletes of what people write are kept for ever
 *
 * One trigger with all statements, since SQLite does not say in which order several would run. */
#include "store/schema.h"

void capture_put_trigger_name(struct buf *out, const struct table *t, enum verb verb)
{
    static const char *const suffixes[] = {[VERB_SELECT] = "",
                                           [VERB_INSERT] = "_after_insert",
                                           [VERB_UPDATE] = "_after_update",
                                           [VERB_DELETE] = "_after_delete"};
    buf_put(out, t->name);
    buf_put(out, bytes_of(suffixes[verb]));
}

/* table_json('sales_logs', NEW."id", …), or NULL. */
static void put_row(struct buf *out, const struct table *t, const char *row)
{
    if (!row) {
        buf_put_literal(out, "NULL");
        return;
    }
    buf_put_literal(out, "table_json('");
    buf_put(out, t->name);
    buf_put_char(out, '\'');
    for (size_t i = 0; i < t->column_count; i++) {
        if (t->columns[i].is_private)
            continue;
        buf_put_literal(out, ", ");
        buf_put(out, bytes_of(row));
        buf_put_literal(out, ".\"");
        buf_put(out, t->columns[i].name);
        buf_put_char(out, '"');
    }
    buf_put_char(out, ')');
}

static void put_capture(struct buf *out, const struct table *t, enum verb verb)
{
    buf_put_literal(
        out, "INSERT INTO changes (commit_us, tbl, verb, new_row, old_row) VALUES (commit_us(), '");
    buf_put(out, t->name);
    buf_put_literal(out, "', ");
    buf_put_u64(out, verb);
    buf_put_literal(out, ", ");
    put_row(out, t, verb == VERB_DELETE ? NULL : "NEW");
    buf_put_literal(out, ", ");
    put_row(out, t, verb == VERB_INSERT ? NULL : "OLD");
    buf_put_literal(out, ");\n");
}

static void put_audit(struct buf *out, const struct table *t, enum verb verb)
{
    buf_put_literal(out,
                    "INSERT INTO audit_trail (id, at, actor, verb, table_name, old_row, new_row)"
                    " VALUES (uuid7(), now_us(), actor(), '");
    buf_put(out, verb_name(verb));
    buf_put_literal(out, "', '");
    buf_put(out, t->name);
    buf_put_literal(out, "', ");
    put_row(out, t, "OLD");
    buf_put_literal(out, ", ");
    put_row(out, t, verb == VERB_DELETE ? NULL : "NEW");
    buf_put_literal(out, ");\n");
}

void capture_put_trigger(struct buf *out, const struct table *t, enum verb verb)
{
    bool is_audited = !t->is_server && verb != VERB_INSERT;
    struct bytes derived = derived_statements(t->name, verb);
    if (!t->is_live && !is_audited && derived.size == 0)
        return;
    buf_put_literal(out, "CREATE TRIGGER ");
    capture_put_trigger_name(out, t, verb);
    buf_put_literal(out, " AFTER ");
    buf_put(out, verb_name(verb));
    buf_put_literal(out, " ON ");
    buf_put(out, t->name);
    buf_put_literal(out, " BEGIN\n");
    if (t->is_live)
        put_capture(out, t, verb);
    buf_put(out, derived);
    if (is_audited)
        put_audit(out, t, verb);
    buf_put_literal(out, "END");
}
