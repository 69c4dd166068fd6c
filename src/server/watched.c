#include "server/watched.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"

enum { COLUMNS_MAX = 24, TEXT_MAX = 64 * 1024, FILTER_SIZE = 64 };

struct row {
    char *text; /* the key, then the row; owned */
    size_t key_size, size;
    int64_t fresh_until; /* ms; 0: it was there */
};

struct rows { /* by key */
    struct row *items;
    size_t count, capacity;
};

enum kind { TABLE, INVENTORY, REPORTS };

struct watched {
    enum kind kind;
    char *table, *filter, *key; /* owned; of a table */
    char since[FILTER_SIZE];    /* the filter of the reports */
    struct rows rows[WATCHED_QUERIES_MAX];
};

static const struct {
    const char *table, *key;
} known_keys[] = {
    {"stock", "bread_type_id"},
    {"shift_totals", "business_day,shift,bread_type_id"},
};

static char *copy_text(const char *text)
{
    return mem_copy(bytes_of(text ? text : ""));
}

static const char *key_of(const char *table, const char *given)
{
    for (size_t i = 0; !given && i < sizeof(known_keys) / sizeof(known_keys[0]); i++)
        if (strcmp(known_keys[i].table, table) == 0)
            return known_keys[i].key;
    return given ? given : "id";
}

enum err watched_new(const char *what, const char *filter, const char *key, const char *since,
                     struct watched **out)
{
    struct watched *w = mem_zalloc(sizeof(*w));
    if (!w)
        return ERR_NOMEM;
    w->kind = strcmp(what, "inventory") == 0 ? INVENTORY
              : strcmp(what, "reports") == 0 ? REPORTS
                                             : TABLE;
    snprintf(w->since, sizeof(w->since), "business_day=gte.%s", since);
    w->table = copy_text(what);
    w->filter = copy_text(filter);
    w->key = copy_text(key_of(what, key));
    if (!w->table || !w->filter || !w->key) {
        watched_free(w);
        return ERR_NOMEM;
    }
    *out = w;
    return OK;
}

void watched_free(struct watched *w)
{
    if (!w)
        return;
    for (size_t i = 0; i < WATCHED_QUERIES_MAX; i++) {
        watched_clear(w, i);
        mem_free(w->rows[i].items);
    }
    mem_free(w->table);
    mem_free(w->filter);
    mem_free(w->key);
    mem_free(w);
}

static struct hb_text text_of(const char *text)
{
    return (struct hb_text){text, strlen(text)};
}

size_t watched_queries(const struct watched *w, struct hb_query out[WATCHED_QUERIES_MAX])
{
    const struct hb_query breads = {.table = text_of("bread_types")};
    if (w->kind == TABLE) {
        out[0] = (struct hb_query){
            .table = text_of(w->table), .filter = text_of(w->filter), .key = text_of(w->key)};
        return 1;
    }
    const char *table = w->kind == INVENTORY ? "stock" : "shift_totals";
    out[0] = (struct hb_query){.table = text_of(table), .key = text_of(key_of(table, NULL))};
    if (w->kind == REPORTS)
        out[0].filter = text_of(w->since);
    out[1] = breads;
    return 2;
}

/* ---- rows ---- */

static struct bytes key_in(const struct row *r)
{
    return (struct bytes){r->text, r->key_size};
}

static struct json_value json_in(const struct row *r)
{
    return (struct json_value){JSON_OBJECT, {r->text + r->key_size, r->size - r->key_size}};
}

static size_t place_of(const struct rows *rows, struct bytes key, bool *is_there)
{
    size_t from = 0, to = rows->count;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        int order = bytes_compare(key_in(&rows->items[middle]), key);
        if (order == 0) {
            *is_there = true;
            return middle;
        }
        if (order < 0)
            from = middle + 1;
        else
            to = middle;
    }
    *is_there = false;
    return from;
}

static bool make_room(struct rows *rows)
{
    if (rows->count < rows->capacity)
        return true;
    size_t capacity = rows->capacity ? 2 * rows->capacity : 64;
    struct row *items = mem_array(capacity, sizeof(*items));
    if (!items)
        return false;
    if (rows->count)
        memcpy(items, rows->items, rows->count * sizeof(*items));
    mem_free(rows->items);
    rows->items = items;
    rows->capacity = capacity;
    return true;
}

void watched_clear(struct watched *w, size_t query)
{
    struct rows *rows = &w->rows[query];
    for (size_t i = 0; i < rows->count; i++)
        mem_free(rows->items[i].text);
    rows->count = 0;
}

static void remove_at(struct rows *rows, size_t at)
{
    mem_free(rows->items[at].text);
    rows->count--;
    memmove(rows->items + at, rows->items + at + 1, (rows->count - at) * sizeof(struct row));
}

enum err watched_take(struct watched *w, size_t query, const struct hb_row *row, bool is_news,
                      int64_t now_ms)
{
    struct rows *rows = &w->rows[query];
    bool is_there;
    size_t at = place_of(rows, (struct bytes){row->key.data, row->key.size}, &is_there);
    if (row->op == HB_DELETE) {
        if (is_there)
            remove_at(rows, at);
        return OK;
    }
    struct row fresh = {.key_size = row->key.size,
                        .size = row->key.size + row->row.size,
                        .fresh_until = is_news ? now_ms + WATCHED_FRESH_MS : 0};
    fresh.text = mem_alloc(fresh.size + 1);
    if (!fresh.text || !make_room(rows)) {
        mem_free(fresh.text);
        return ERR_NOMEM;
    }
    memcpy(fresh.text, row->key.data, row->key.size);
    memcpy(fresh.text + row->key.size, row->row.data, row->row.size);
    if (is_there)
        mem_free(rows->items[at].text);
    else
        memmove(rows->items + at + 1, rows->items + at, (rows->count++ - at) * sizeof(struct row));
    rows->items[at] = fresh;
    return OK;
}

/* ---- cells ---- */

/* A table that is being made; what there is no memory for is noted. */
struct making {
    struct arena *arena;
    int64_t now_ms;
    struct screen_cell *cells;
    bool *is_fresh;
    size_t columns, rows;
    enum err err;
};

static bool begin(struct making *m, struct arena *arena, int64_t now_ms, size_t columns,
                  size_t rows)
{
    *m = (struct making){.arena = arena, .now_ms = now_ms, .columns = columns};
    m->cells = arena_array(arena, columns * rows + 1, sizeof(struct screen_cell));
    m->is_fresh = arena_array(arena, rows + 1, sizeof(bool));
    return m->cells && m->is_fresh;
}

static void put(struct making *m, size_t column, struct bytes text, enum screen_style style)
{
    struct bytes kept = arena_copy(m->arena, text);
    if (!kept.data && text.size)
        m->err = ERR_NOMEM;
    m->cells[m->rows * m->columns + column] =
        (struct screen_cell){kept.data ? kept : BYTES(""), style};
}

/* Of a JSON value what a person reads. */
static void put_value(struct making *m, size_t column, struct json_value v)
{
    struct buf text;
    if (v.type != JSON_STRING) {
        put(m, column, v.type == JSON_NULL ? BYTES("") : v.raw, SCREEN_PLAIN);
        return;
    }
    buf_init(&text, TEXT_MAX);
    json_string_decode(&text, v.raw);
    put(m, column, text.err ? BYTES("…") : buf_bytes(&text), SCREEN_PLAIN);
    buf_done(&text);
}

static struct json_value member(const struct row *r, const char *name)
{
    struct json_value v;
    if (!r || json_get(json_in(r), bytes_of(name), &v))
        return (struct json_value){JSON_NULL, BYTES("null")};
    return v;
}

static int64_t number(const struct row *r, const char *name)
{
    int64_t n;
    return json_to_i64(member(r, name), &n) ? 0 : n;
}

static int64_t add(int64_t a, int64_t b)
{
    int64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

static int digit(struct bytes b, size_t at)
{
    return at < b.size && b.data[at] >= '0' && b.data[at] <= '9' ? b.data[at] - '0' : 0;
}

/* Hundredths of a number with at most two decimals; of one that is too long, as much as there is
 * room for. */
static int64_t money(const struct row *r, const char *name)
{
    struct bytes raw = member(r, name).raw;
    size_t point = bytes_find_char(raw, '.');
    int64_t whole = 0;
    bool is_negative = raw.size > 0 && raw.data[0] == '-';
    for (size_t i = is_negative; i < point && whole < INT64_MAX / 10000; i++)
        whole = whole * 10 + digit(raw, i);
    whole = whole * 100 + 10 * digit(raw, point + 1) + digit(raw, point + 2);
    return is_negative ? -whole : whole;
}

static void put_number(struct making *m, size_t column, int64_t n, enum screen_style style)
{
    char text[24];
    snprintf(text, sizeof(text), "%lld", (long long)n);
    put(m, column, bytes_of(text), style);
}

static void put_money(struct making *m, size_t column, int64_t hundredths, enum screen_style style)
{
    char text[32];
    long long n = hundredths < 0 ? -(long long)hundredths : hundredths;
    snprintf(text, sizeof(text), "%s%lld.%02lld", hundredths < 0 ? "-" : "", n / 100, n % 100);
    put(m, column, bytes_of(text), style);
}

static void end_row(struct making *m, const struct row *r)
{
    m->is_fresh[m->rows++] = r && r->fresh_until > m->now_ms;
}

static enum err finish(const struct making *m, const struct screen_column *columns,
                       struct screen_table *out)
{
    *out = (struct screen_table){.columns = columns,
                                 .column_count = m->columns,
                                 .cells = m->cells,
                                 .is_fresh = m->is_fresh,
                                 .row_count = m->rows};
    return m->err;
}

/* A row on its way to its place. */
struct listed {
    const struct row *row;
    struct bytes order; /* by this */
};

/* ---- any table ---- */

static struct bytes name_of(struct bytes raw_key)
{
    return bytes_slice(raw_key, 1, raw_key.size - 1);
}

static int by_news(const void *a, const void *b)
{
    const struct listed *left = a, *right = b;
    int64_t l = left->row->fresh_until, r = right->row->fresh_until;
    return l != r ? (l < r ? 1 : -1) : bytes_compare(left->order, right->order);
}

/* What has changed last stands first, so that it is seen; the others by key.  NULL: no memory. */
static struct listed *list_news(const struct rows *rows, struct arena *arena)
{
    struct listed *list = arena_array(arena, rows->count + 1, sizeof(struct listed));
    for (size_t i = 0; list && i < rows->count; i++)
        list[i] = (struct listed){&rows->items[i], key_in(&rows->items[i])};
    if (list)
        qsort(list, rows->count, sizeof(struct listed), by_news);
    return list;
}

/* The members of the first row are the columns of all. */
static enum err show_table(const struct watched *w, int64_t now_ms, struct arena *arena,
                           struct screen_table *out)
{
    const struct rows *rows = &w->rows[0];
    struct screen_column *columns = arena_array(arena, COLUMNS_MAX, sizeof(*columns));
    const struct listed *list = list_news(rows, arena);
    struct making m;
    struct json_value v;
    struct bytes key;
    size_t count = 0;
    if (!columns || !list)
        return ERR_NOMEM;
    if (rows->count == 0)
        return OK;
    struct json_iter it = json_iter(json_in(&rows->items[0]));
    while (count < COLUMNS_MAX && json_next(&it, &key, &v))
        columns[count++] = (struct screen_column){name_of(key), v.type == JSON_NUMBER};
    if (!begin(&m, arena, now_ms, count, rows->count))
        return ERR_NOMEM;
    for (size_t i = 0; i < rows->count; i++) {
        for (size_t k = 0; k < count; k++)
            if (json_get(json_in(list[i].row), columns[k].title, &v))
                put(&m, k, BYTES(""), SCREEN_PLAIN);
            else
                put_value(&m, k, v);
        end_row(&m, list[i].row);
    }
    return finish(&m, columns, out);
}

/* ---- breads ---- */

static const struct row *row_of(const struct rows *rows, struct bytes key)
{
    bool is_there;
    size_t at = place_of(rows, key, &is_there);
    return is_there ? &rows->items[at] : NULL;
}

static int by_name(const void *a, const void *b)
{
    const struct listed *left = a, *right = b;
    int order = bytes_compare(left->order, right->order);
    return order ? order : bytes_compare(key_in(left->row), key_in(right->row));
}

/* What is not sold any more counts as long as something is left of it. */
static bool is_listed(const struct row *bread, const struct row *stock)
{
    bool is_active = true;
    return json_to_bool(member(bread, "is_active"), &is_active) || is_active ||
           number(stock, "remaining") != 0;
}

static void put_level(struct making *m, size_t column, int64_t remaining, int64_t threshold)
{
    if (remaining <= 0)
        put(m, column, BYTES("out"), SCREEN_BAD);
    else if (remaining <= threshold)
        put(m, column, BYTES("low"), SCREEN_WARN);
    else
        put(m, column, BYTES("ok"), SCREEN_GOOD);
}

static enum err show_inventory(const struct watched *w, int64_t now_ms, struct arena *arena,
                               struct screen_table *out)
{
    static const struct screen_column columns[] = {
        {BYTES_INIT("Bread"), false}, {BYTES_INIT("Size"), false}, {BYTES_INIT("Baked"), true},
        {BYTES_INIT("Sold"), true},   {BYTES_INIT("Left"), true},  {BYTES_INIT("Level"), false}};
    const struct rows *stock = &w->rows[0], *breads = &w->rows[1];
    struct listed *sorted = arena_array(arena, breads->count + 1, sizeof(struct listed));
    struct making m;
    if (!sorted || !begin(&m, arena, now_ms, 6, breads->count))
        return ERR_NOMEM;
    for (size_t i = 0; i < breads->count; i++)
        sorted[i] = (struct listed){&breads->items[i], member(&breads->items[i], "name").raw};
    qsort(sorted, breads->count, sizeof(struct listed), by_name);
    for (size_t i = 0; i < breads->count; i++) {
        const struct row *bread = sorted[i].row, *s = row_of(stock, key_in(bread));
        if (!is_listed(bread, s))
            continue;
        put_value(&m, 0, member(bread, "name"));
        put_value(&m, 1, member(bread, "size"));
        put_number(&m, 2, number(s, "baked"), SCREEN_PLAIN);
        put_number(&m, 3, number(s, "sold"), SCREEN_PLAIN);
        put_number(&m, 4, number(s, "remaining"), SCREEN_PLAIN);
        put_level(&m, 5, number(s, "remaining"), number(bread, "low_threshold"));
        end_row(&m, s);
    }
    return finish(&m, columns, out);
}

/* ---- reports ---- */

static const char *const sums[] = {"baked", "sold", "returned", "sales"};
static const char *const monies[] = {"discount", "revenue"};
enum { SUMS = 4, MONIES = 2, SUMS_FROM = 3, MONEY_FROM = SUMS_FROM + SUMS };

static void put_total(struct making *m, struct bytes day, const int64_t amounts[SUMS + MONIES])
{
    put(m, 0, day, SCREEN_STRONG);
    put(m, 1, BYTES("all"), SCREEN_STRONG);
    put(m, 2, BYTES("all"), SCREEN_STRONG);
    for (size_t i = 0; i < SUMS; i++)
        put_number(m, SUMS_FROM + i, amounts[i], SCREEN_STRONG);
    for (size_t i = 0; i < MONIES; i++)
        put_money(m, MONEY_FROM + i, amounts[SUMS + i], SCREEN_STRONG);
    end_row(m, NULL);
}

static void put_report(struct making *m, const struct watched *w, const struct row *r,
                       int64_t amounts[SUMS + MONIES])
{
    struct buf id;
    buf_init(&id, TEXT_MAX);
    struct json_value bread = member(r, "bread_type_id");
    if (bread.type == JSON_STRING)
        json_string_decode(&id, bread.raw);
    put_value(m, 0, member(r, "business_day"));
    put_value(m, 1, member(r, "shift"));
    put_value(m, 2, member(row_of(&w->rows[1], buf_bytes(&id)), "name"));
    buf_done(&id);
    for (size_t i = 0; i < SUMS; i++) {
        put_number(m, SUMS_FROM + i, number(r, sums[i]), SCREEN_PLAIN);
        amounts[i] = add(amounts[i], number(r, sums[i]));
    }
    for (size_t i = 0; i < MONIES; i++) {
        put_money(m, MONEY_FROM + i, money(r, monies[i]), SCREEN_PLAIN);
        amounts[SUMS + i] = add(amounts[SUMS + i], money(r, monies[i]));
    }
    end_row(m, r);
}

/* The key begins with the day, so the newest one is last. */
static enum err show_reports(const struct watched *w, int64_t now_ms, struct arena *arena,
                             struct screen_table *out)
{
    static const struct screen_column columns[] = {
        {BYTES_INIT("Day"), false},  {BYTES_INIT("Shift"), false},   {BYTES_INIT("Bread"), false},
        {BYTES_INIT("Baked"), true}, {BYTES_INIT("Sold"), true},     {BYTES_INIT("Back"), true},
        {BYTES_INIT("Sales"), true}, {BYTES_INIT("Discount"), true}, {BYTES_INIT("Revenue"), true}};
    const struct rows *rows = &w->rows[0];
    int64_t amounts[SUMS + MONIES] = {0};
    struct making m;
    if (rows->count == 0)
        return OK;
    struct json_value day = member(&rows->items[rows->count - 1], "business_day");
    if (!begin(&m, arena, now_ms, 9, rows->count + 1))
        return ERR_NOMEM;
    for (size_t i = 0; i < rows->count; i++)
        if (bytes_equal(member(&rows->items[i], "business_day").raw, day.raw))
            put_report(&m, w, &rows->items[i], amounts);
    put_total(&m, name_of(day.raw), amounts);
    return finish(&m, columns, out);
}

enum err watched_show(const struct watched *w, int64_t now_ms, struct arena *arena,
                      struct screen_table *out)
{
    *out = (struct screen_table){.row_count = 0};
    switch (w->kind) {
    case INVENTORY:
        return show_inventory(w, now_ms, arena, out);
    case REPORTS:
        return show_reports(w, now_ms, arena, out);
    case TABLE:
        break;
    }
    return show_table(w, now_ms, arena, out);
}
