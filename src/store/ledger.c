/*   stock         per bread type: everything baked; everything sold and not returned
 *   shift_totals  per business day, shift and bread type: baked, sold (pieces kept), returned
 * (pieces brought back), sales (number), discount and revenue of the sales that were kept
 *
 * A row of shift_totals lives as long as it has entries: every entry counts at least one piece as
 * baked, sold or returned, so the row goes when all three come to nothing. */
#include "store/ledger.h"

#include <stdlib.h>

#include "store/sqlite.h"

void ledger_done(struct ledger *l)
{
    mem_free(l->items);
    *l = (struct ledger){0};
}

void ledger_truncate(struct ledger *l, size_t count)
{
    l->count = count;
}

static enum err push(struct ledger *l, const struct ledger_delta *d)
{
    if (l->count == l->capacity) {
        size_t capacity = l->capacity ? 2 * l->capacity : 64;
        struct ledger_delta *items = mem_realloc(l->items, capacity * sizeof(*items));
        if (!items)
            return ERR_NOMEM;
        l->items = items;
        l->capacity = capacity;
    }
    l->items[l->count++] = *d;
    return OK;
}

/* ---- reports ---- */

/* The first four arguments; false when they are not what the tables' constraints promise. */
static bool take_key(sqlite3_value **argv, struct ledger_delta *out)
{
    struct value bread = row_value(argv[1]), day = row_value(argv[2]), shift = row_value(argv[3]);
    if (bread.kind != VALUE_TEXT || bread.text.size != sizeof(out->bread) ||
        day.kind != VALUE_TEXT || day.text.size != sizeof(out->day) || shift.kind != VALUE_TEXT ||
        shift.text.size == 0)
        return false;
    memcpy(out->bread, bread.text.data, sizeof(out->bread));
    memcpy(out->day, day.text.data, sizeof(out->day));
    out->shift = shift.text.data[0];
    return true;
}

static void report(sqlite3_context *ctx, const struct ledger_delta *d)
{
    struct store_session *s = sqlite3_user_data(ctx);
    if (push(&s->ledger, d))
        sqlite3_result_error_nomem(ctx);
}

static void fn_ledger_baked(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
    struct ledger_delta d = {0};
    (void)argc;
    if (!take_key(argv, &d)) {
        sqlite3_result_error(ctx, "malformed entry", -1);
        return;
    }
    d.baked = sqlite3_value_int64(argv[0]) * sqlite3_value_int64(argv[4]);
    report(ctx, &d);
}

static void fn_ledger_sold(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
    struct ledger_delta d = {0};
    int64_t sign = sqlite3_value_int64(argv[0]), pieces = sign * sqlite3_value_int64(argv[4]);
    bool is_returned = sqlite3_value_int64(argv[5]) != 0;
    (void)argc;
    if (!take_key(argv, &d)) {
        sqlite3_result_error(ctx, "malformed entry", -1);
        return;
    }
    if (is_returned) {
        d.returned = pieces;
    } else {
        d.sold = pieces;
        d.sales = sign;
        d.discount = sign * sqlite3_value_int64(argv[6]);
        d.revenue = sign * sqlite3_value_int64(argv[7]);
    }
    report(ctx, &d);
}

int ledger_add_functions(struct store_session *s)
{
    int flags = SQLITE_UTF8 | SQLITE_INNOCUOUS;
    int rc = sqlite3_create_function_v2(s->db, "ledger_baked", 5, flags, s, fn_ledger_baked, NULL,
                                        NULL, NULL);
    return rc ? rc
              : sqlite3_create_function_v2(s->db, "ledger_sold", 8, flags, s, fn_ledger_sold, NULL,
                                           NULL, NULL);
}

/* ---- settling ---- */

static int compare_bread(const struct ledger_delta *a, const struct ledger_delta *b)
{
    return memcmp(a->bread, b->bread, sizeof(a->bread));
}

static int compare_key(const void *pa, const void *pb)
{
    const struct ledger_delta *a = pa, *b = pb;
    int order = compare_bread(a, b);
    order = order ? order : memcmp(a->day, b->day, sizeof(a->day));
    return order ? order : a->shift - b->shift;
}

static void add(struct ledger_delta *to, const struct ledger_delta *d)
{
    to->baked += d->baked;
    to->sold += d->sold;
    to->returned += d->returned;
    to->sales += d->sales;
    to->discount += d->discount;
    to->revenue += d->revenue;
}

static bool is_nothing(const struct ledger_delta *d)
{
    return !d->baked && !d->sold && !d->returned && !d->sales && !d->discount && !d->revenue;
}

/* One delta for each key, sorted. */
static void sum_up(struct ledger *l)
{
    size_t kept = 0;
    qsort(l->items, l->count, sizeof(*l->items), compare_key);
    for (size_t i = 1; i < l->count; i++) {
        if (compare_key(&l->items[kept], &l->items[i]) == 0)
            add(&l->items[kept], &l->items[i]);
        else
            l->items[++kept] = l->items[i];
    }
    l->count = kept + 1;
}

static int bind_numbers(sqlite3_stmt *stmt, int place, const int64_t *numbers, int count)
{
    int rc = SQLITE_OK;
    for (int i = 0; i < count && !rc; i++)
        rc = sqlite3_bind_int64(stmt, place + i, numbers[i]);
    return rc;
}

static int run(sqlite3_stmt *stmt)
{
    int rc = sqlite3_step(stmt);
    sqlite3_reset(stmt);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int add_to_stock(struct store_session *s, const struct ledger_delta *d)
{
    struct statement *st;
    if (!d->baked && !d->sold)
        return SQLITE_OK;
    int rc = session_prepare(
        s,
        BYTES("UPDATE stock SET baked = baked + ?2, sold = sold + ?3, updated_at = commit_us()"
              " WHERE bread_type_id = ?1"),
        &st);
    rc = rc ? rc : bind_text(st->stmt, 1, (struct bytes){d->bread, sizeof(d->bread)});
    rc = rc ? rc : bind_numbers(st->stmt, 2, (const int64_t[]){d->baked, d->sold}, 2);
    return rc ? rc : run(st->stmt);
}

static int bind_delta(sqlite3_stmt *stmt, const struct ledger_delta *d, int count)
{
    const int64_t numbers[] = {d->baked, d->sold, d->returned, d->sales, d->discount, d->revenue};
    int rc = bind_text(stmt, 1, (struct bytes){d->day, sizeof(d->day)});
    rc = rc ? rc : bind_text(stmt, 2, d->shift == 'n' ? BYTES("night") : BYTES("morning"));
    rc = rc ? rc : bind_text(stmt, 3, (struct bytes){d->bread, sizeof(d->bread)});
    return rc ? rc : bind_numbers(stmt, 4, numbers, count);
}

/* Takes the row away when these were its last entries. */
static int remove_total(struct store_session *s, const struct ledger_delta *d, bool *is_gone)
{
    struct statement *st;
    int rc = session_prepare(
        s,
        BYTES("DELETE FROM shift_totals WHERE business_day = ?1 AND shift = ?2 AND"
              " bread_type_id = ?3 AND baked = -?4 AND sold = -?5 AND returned = -?6"),
        &st);
    rc = rc ? rc : bind_delta(st->stmt, d, 3);
    rc = rc ? rc : run(st->stmt);
    *is_gone = !rc && sqlite3_changes64(s->db) > 0;
    return rc;
}

static int add_to_total(struct store_session *s, const struct ledger_delta *d)
{
    struct statement *st;
    bool is_gone = false;
    int rc = SQLITE_OK;
    if (d->baked < 0 || d->sold < 0 || d->returned < 0)
        rc = remove_total(s, d, &is_gone);
    if (rc || is_gone || is_nothing(d))
        return rc;
    rc = session_prepare(
        s,
        BYTES("INSERT INTO shift_totals (business_day, shift, bread_type_id, baked, sold, "
              "returned, sales,"
              " discount, revenue, updated_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, "
              "commit_us())"
              " ON CONFLICT (business_day, shift, bread_type_id) DO UPDATE SET baked = baked + "
              "excluded.baked,"
              " sold = sold + excluded.sold, returned = returned + excluded.returned,"
              " sales = sales + excluded.sales, discount = discount + excluded.discount,"
              " revenue = revenue + excluded.revenue, updated_at = excluded.updated_at"),
        &st);
    rc = rc ? rc : bind_delta(st->stmt, d, 6);
    return rc ? rc : run(st->stmt);
}

enum err ledger_settle(struct store_session *s)
{
    struct ledger *l = &s->ledger;
    int rc = SQLITE_OK;
    if (l->count == 0)
        return OK;
    s->steps_left = -1;
    sum_up(l);
    for (size_t i = 0, next; i < l->count && !rc; i = next) {
        struct ledger_delta bread = l->items[i];
        for (next = i + 1; next < l->count && compare_bread(&l->items[i], &l->items[next]) == 0;
             next++)
            add(&bread, &l->items[next]);
        rc = add_to_stock(s, &bread);
    }
    for (size_t i = 0; i < l->count && !rc; i++)
        rc = add_to_total(s, &l->items[i]);
    l->count = 0;
    return err_of_sqlite(rc);
}
