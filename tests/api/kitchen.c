#include "kitchen.h"

enum { ARENA_MAX = 4 << 20, SCRATCH_MAX = 1 << 20 };

static struct column users_columns[] = {
    {.name = BYTES_INIT("id"), .type = TYPE_UUID, .is_key = true, .not_null = true},
    {.name = BYTES_INIT("name"), .type = TYPE_TEXT},
    {.name = BYTES_INIT("is_active"), .type = TYPE_BOOL},
    {.name = BYTES_INIT("secret"), .type = TYPE_TEXT, .is_private = true},
};

static struct column bread_columns[] = {
    {.name = BYTES_INIT("id"), .type = TYPE_UUID, .is_key = true, .not_null = true},
    {.name = BYTES_INIT("name"), .type = TYPE_TEXT},
    {.name = BYTES_INIT("unit_price"), .type = TYPE_NUMERIC, .scale = 2, .precision = 12},
    {.name = BYTES_INIT("created_by"), .type = TYPE_UUID},
    {.name = BYTES_INIT("count"), .type = TYPE_INT4},
};

static struct column sales_columns[] = {
    {.name = BYTES_INIT("id"), .type = TYPE_UUID, .is_key = true, .not_null = true},
    {.name = BYTES_INIT("bread_type_id"), .type = TYPE_UUID},
    {.name = BYTES_INIT("quantity"), .type = TYPE_INT4},
    {.name = BYTES_INIT("unit_price"), .type = TYPE_NUMERIC, .scale = 2, .precision = 12},
    {.name = BYTES_INIT("returned"), .type = TYPE_BOOL},
    {.name = BYTES_INIT("shift"), .type = TYPE_TEXT},
    {.name = BYTES_INIT("recorded_by"), .type = TYPE_UUID},
    {.name = BYTES_INIT("checked_by"), .type = TYPE_UUID},
    {.name = BYTES_INIT("created_at"), .type = TYPE_TIMESTAMPTZ, .is_server = true},
    {.name = BYTES_INIT("business_day"), .type = TYPE_DATE, .is_generated = true},
    {.name = BYTES_INIT("extra"), .type = TYPE_JSONB},
};

static struct column stock_columns[] = {
    {.name = BYTES_INIT("bread_type_id"), .type = TYPE_UUID, .is_key = true},
    {.name = BYTES_INIT("remaining"), .type = TYPE_INT8},
};

static const struct column *users_key[] = {&users_columns[0]};
static const struct column *bread_key[] = {&bread_columns[0]};
static const struct column *sales_key[] = {&sales_columns[0]};
static const struct column *stock_key[] = {&stock_columns[0]};

#define TABLE(text, at, list, keys)                                                                \
    {                                                                                              \
        .name = BYTES_INIT(text), .index = (at), .columns = (list),                                \
        .column_count = CHECK_COUNT(list), .key = (keys), .key_count = 1                           \
    }

enum { USERS, BREADS, SALES, STOCK, TABLE_COUNT };

static struct table tables[TABLE_COUNT] = {
    TABLE("users", USERS, users_columns, users_key),
    TABLE("bread_types", BREADS, bread_columns, bread_key),
    TABLE("sales_logs", SALES, sales_columns, sales_key),
    TABLE("stock", STOCK, stock_columns, stock_key),
};

#define KEY(text, from_table, from_column, to_table)                                               \
    {                                                                                              \
        .name = BYTES_INIT(text), .from = &tables[from_table], .column = &(from_column),           \
        .to = &tables[to_table], .to_column = tables_key_##to_table                                \
    }
#define tables_key_USERS &users_columns[0]
#define tables_key_BREADS &bread_columns[0]

static struct foreign_key keys[] = {
    KEY("bread_types_created_by_fkey", BREADS, bread_columns[3], USERS),
    KEY("sales_logs_bread_type_id_fkey", SALES, sales_columns[1], BREADS),
    KEY("sales_logs_recorded_by_fkey", SALES, sales_columns[6], USERS),
    KEY("sales_logs_checked_by_fkey", SALES, sales_columns[7], USERS),
    KEY("stock_bread_type_id_fkey", STOCK, stock_columns[0], BREADS),
};

static struct catalogue catalogue = {
    .tables = tables,
    .table_count = TABLE_COUNT,
    .foreign_keys = keys,
    .foreign_key_count = CHECK_COUNT(keys),
};

const struct catalogue *kitchen_catalogue(void)
{
    for (size_t i = 0; i < TABLE_COUNT; i++) {
        for (uint16_t k = 0; k < tables[i].column_count; k++)
            tables[i].columns[k].index = k;
    }
    tables[STOCK].is_server = true;
    return &catalogue;
}

const struct table *kitchen_table(const char *name)
{
    const struct table *t = catalogue_table(kitchen_catalogue(), bytes_of(name));
    assert_non_null(t);
    return t;
}

const struct column *kitchen_column(const char *table, const char *name)
{
    const struct column *c = table_column(kitchen_table(table), bytes_of(name));
    assert_non_null(c);
    return c;
}

void kitchen_init(struct kitchen *k)
{
    *k = (struct kitchen){0};
    arena_init(&k->arena, ARENA_MAX);
    buf_init(&k->scratch, SCRATCH_MAX);
    k->p = (struct parse){
        .arena = &k->arena, .scratch = &k->scratch, .catalogue = kitchen_catalogue()};
}

void kitchen_done(struct kitchen *k)
{
    arena_done(&k->arena);
    buf_done(&k->scratch);
}

void kitchen_reset(struct kitchen *k)
{
    kitchen_done(k);
    kitchen_init(k);
}

void kitchen_check_fault(const struct kitchen *k, int status, const char *code)
{
    if (k->p.fault.status != status || strcmp(k->p.fault.code, code) != 0) {
        print_error("got %d %s \"%.*s\", want %d %s\n", k->p.fault.status,
                    k->p.fault.code ? k->p.fault.code : "", (int)k->p.fault.message.size,
                    k->p.fault.message.data ? k->p.fault.message.data : "", status, code);
        fail();
    }
}
