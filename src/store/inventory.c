/* The document of GET /api/inventory/current.  What is sold and baked by day and shift comes from
 * shift_totals, so that its size does not depend on the length of the ledger. */
#include "base/time.h"
#include "store/sql.h"
#include "store/work.h"

enum { ENTRIES_MAX = 5000, BREAD_COLUMNS = 4 };

/* The columns of put_items' statement. */
enum item_column {
    ITEM_ID,
    ITEM_NAME,
    ITEM_SIZE,
    ITEM_PRICE,
    ITEM_THRESHOLD,
    ITEM_ACTIVE,
    ITEM_BAKED,
    ITEM_SOLD,
    ITEM_REMAINING,
    ITEM_DAY_BAKED,
    ITEM_DAY_SOLD,
    ITEM_SHIFT_BAKED,
    ITEM_SHIFT_SOLD
};

static const char *const bread_columns[] = {"id",         "name",          "size",
                                            "unit_price", "low_threshold", "is_active"};

static const char *level(sqlite3_stmt *stmt)
{
    int64_t remaining = sqlite3_column_int64(stmt, ITEM_REMAINING);
    int64_t baked = sqlite3_column_int64(stmt, ITEM_DAY_BAKED);
    if (remaining <= 0)
        return "out";
    if (remaining <= sqlite3_column_int64(stmt, ITEM_THRESHOLD))
        return "low";
    return remaining > baked / 2 ? "high" : "normal";
}

static void put_number(struct buf *out, const char *name, sqlite3_stmt *stmt, int place)
{
    json_put_key(out, bytes_of(name));
    buf_put_i64(out, sqlite3_column_int64(stmt, place));
}

static void put_pair(struct buf *out, const char *name, sqlite3_stmt *stmt, int place)
{
    json_put_key(out, bytes_of(name));
    buf_put_char(out, '{');
    put_number(out, "produced", stmt, place);
    put_number(out, "sold", stmt, place + 1);
    buf_put_char(out, '}');
}

static void put_item(struct buf *out, const struct table *bread, sqlite3_stmt *stmt)
{
    buf_put_char(out, '{');
    for (int i = ITEM_ID; i <= ITEM_ACTIVE; i++) {
        const struct column *c = table_column(bread, bytes_of(bread_columns[i]));
        json_put_key(out, c->name);
        value_put_json(out, c, row_value(sqlite3_column_value(stmt, i)));
    }
    put_number(out, "produced", stmt, ITEM_BAKED);
    put_number(out, "sold", stmt, ITEM_SOLD);
    put_number(out, "remaining", stmt, ITEM_REMAINING);
    json_put_key(out, BYTES("level"));
    json_put_string(out, bytes_of(level(stmt)));
    put_pair(out, "day", stmt, ITEM_DAY_BAKED);
    put_pair(out, "shift", stmt, ITEM_SHIFT_BAKED);
    buf_put_char(out, '}');
}

static int start_items(struct work *w, const struct table *bread, const struct table *stock,
                       sqlite3_stmt **out)
{
    struct sql q;
    sql_begin(&q, w->s, w->request->who.role);
    sql_text(&q, "SELECT b.id, b.name, b.size, b.unit_price, b.low_threshold, b.is_active,"
                 " s.baked, s.sold, s.remaining, coalesce(d.baked, 0), coalesce(d.sold, 0),"
                 " coalesce(d.shift_baked, 0), coalesce(d.shift_sold, 0)"
                 " FROM bread_types AS b JOIN stock AS s ON s.bread_type_id = b.id LEFT JOIN"
                 " (SELECT bread_type_id AS id, sum(baked) AS baked, sum(sold) AS sold,"
                 "  sum(baked * (shift = :shift)) AS shift_baked,"
                 "  sum(sold * (shift = :shift)) AS shift_sold FROM shift_totals"
                 "  WHERE business_day = :business_day GROUP BY bread_type_id) AS d ON d.id = b.id"
                 " WHERE (b.is_active OR s.remaining <> 0) AND (");
    sql_put_policy(&q, bread, VERB_SELECT, "b");
    sql_text(&q, ") AND (");
    sql_put_policy(&q, stock, VERB_SELECT, "s");
    sql_text(&q, ") ORDER BY b.name, b.id");
    return sql_start(&q, out);
}

static enum err put_items(struct work *w, const struct table *bread, const struct table *stock)
{
    struct buf *out = &w->reply->body;
    sqlite3_stmt *stmt;
    int rc = start_items(w, bread, stock, &stmt);
    if (rc)
        return work_failed(w, rc);
    json_put_key(out, BYTES("items"));
    buf_put_char(out, '[');
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW && !out->err) {
        if (w->reply->row_count++)
            buf_put_char(out, ',');
        put_item(out, bread, stmt);
    }
    sqlite3_reset(stmt);
    buf_put_char(out, ']');
    return rc == SQLITE_DONE ? OK : work_failed(w, rc == SQLITE_ROW ? body_error(out) : rc);
}

/* ---- the day's entries, as a query like any other ---- */

struct entries {
    struct query query;
    struct query_select bread;
    struct query_item bread_items[BREAD_COLUMNS];
    struct query_filter filter;
    struct query_order order;
    struct value day;
};

static const struct foreign_key *bread_key(const struct catalogue *c, const struct table *t)
{
    for (size_t i = 0; i < c->foreign_key_count; i++)
        if (c->foreign_keys[i].from == t &&
            bytes_equal(c->foreign_keys[i].column->name, BYTES("bread_type_id")))
            return &c->foreign_keys[i];
    return NULL;
}

static enum err make_items(struct work *w, struct entries *e, const struct table *t)
{
    const struct foreign_key *key = bread_key(w->s->store->catalogue, t);
    struct query_item *items =
        arena_array(&w->s->arena, t->column_count + (size_t)1, sizeof(*items));
    if (!items)
        return ERR_NOMEM;
    for (size_t i = 0; i < t->column_count; i++)
        items[i] = (struct query_item){.name = t->columns[i].name, .column = &t->columns[i]};
    for (size_t i = 0; i < BREAD_COLUMNS; i++) {
        const struct column *c = table_column(key->to, bytes_of(bread_columns[i]));
        e->bread_items[i] = (struct query_item){.name = c->name, .column = c};
    }
    e->bread = (struct query_select){key->to, e->bread_items, BREAD_COLUMNS};
    items[t->column_count] =
        (struct query_item){.name = BYTES("bread_type"), .key = key, .embed = &e->bread};
    e->query.select = (struct query_select){t, items, t->column_count + (size_t)1};
    return OK;
}

static enum err make_entries(struct work *w, struct entries *e, const struct table *t)
{
    const struct day_cache *days = &w->s->days;
    *e = (struct entries){0};
    e->day =
        (struct value){.kind = VALUE_TEXT,
                       .text = arena_copy(&w->s->arena, (struct bytes){days->day, days->day_size})};
    if (!e->day.text.data)
        return ERR_NOMEM;
    e->filter = (struct query_filter){
        .column = table_column(t, BYTES("business_day")), .values = &e->day, .value_count = 1};
    e->order =
        (struct query_order){.column = table_column(t, BYTES("created_at")), .is_descending = true};
    e->query = (struct query){.table = t,
                              .filters = &e->filter,
                              .filter_count = 1,
                              .orders = &e->order,
                              .order_count = 1,
                              .limit = ENTRIES_MAX + 1};
    return make_items(w, e, t);
}

static enum err put_entries(struct work *w, const char *name, const struct table *t,
                            bool *is_complete)
{
    struct entries entries;
    struct row_shape shape = {0};
    struct sql q;
    sqlite3_stmt *stmt;
    struct buf *out = &w->reply->body;
    enum err e = make_entries(w, &entries, t);
    if (!e)
        e = row_shape_of_select(&entries.query.select, &w->s->arena, &shape);
    if (e)
        return e;
    sql_begin(&q, w->s, w->request->who.role);
    sql_put_rows(&q, &entries.query);
    int rc = sql_start(&q, &stmt);
    if (rc)
        return work_failed(w, rc);
    json_put_key(out, bytes_of(name));
    buf_put_char(out, '[');
    size_t count = 0;
    for (; (rc = sqlite3_step(stmt)) == SQLITE_ROW && count < ENTRIES_MAX && !out->err; count++) {
        if (count)
            buf_put_char(out, ',');
        row_put_result(out, &shape, stmt, 0);
    }
    sqlite3_reset(stmt);
    buf_put_char(out, ']');
    if (rc == SQLITE_ROW && !out->err)
        *is_complete = false;
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? OK : work_failed(w, rc);
}

/* ---- all of it ---- */

static void put_head(struct work *w)
{
    struct buf *out = &w->reply->body;
    struct store_session *s = w->s;
    clock_at(&s->store->settings, s->now_us, &s->days);
    buf_put_char(out, '{');
    json_put_key(out, BYTES("timestamp"));
    buf_put_char(out, '"');
    time_put_timestamptz(out, s->now_us);
    buf_put_char(out, '"');
    json_put_key(out, BYTES("seq"));
    buf_put_u64(out, w->reply->seq);
    json_put_key(out, BYTES("epoch"));
    json_put_string(out, store_epoch(s->store));
    json_put_key(out, BYTES("business_day"));
    json_put_string(out, (struct bytes){s->days.day, s->days.day_size});
    json_put_key(out, BYTES("shift"));
    json_put_string(out, s->days.shift);
}

static enum err put_document(struct work *w, const struct table *const tables[4])
{
    bool is_complete = true;
    struct buf *out = &w->reply->body;
    put_head(w);
    enum err e = put_items(w, tables[0], tables[1]);
    if (!e)
        e = put_entries(w, "production", tables[2], &is_complete);
    if (!e)
        e = put_entries(w, "sales", tables[3], &is_complete);
    if (e)
        return e;
    json_put_key(out, BYTES("is_complete"));
    buf_put(out, is_complete ? BYTES("true}") : BYTES("false}"));
    return out->err ? work_failed(w, body_error(out)) : OK;
}

enum err work_inventory(struct work *w)
{
    static const char *const names[] = {"bread_types", "stock", "production_logs", "sales_logs"};
    const struct table *tables[4];
    for (int i = 0; i < 4; i++) {
        tables[i] = catalogue_table(w->s->store->catalogue, bytes_of(names[i]));
        enum err e = work_check_table(w, tables[i], VERB_SELECT);
        if (e)
            return e;
    }
    return put_document(w, tables);
}
