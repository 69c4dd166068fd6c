#include "bakery.h"

#include <dirent.h>
#include <stdio.h>

#include "check.h"

enum { COLUMNS_MAX = 32, FILE_MAX = 65536, MESSAGE_MAX = 1000 };

static void add_column(struct table *t, struct bytes line)
{
    struct column *c = &t->columns[t->column_count];
    struct bytes text = bytes_trim(line);
    size_t space = bytes_find_char(text, ' ');
    struct bytes type = bytes_slice(text, space, text.size);
    c->name = bytes_slice(text, 0, space);
    c->index = t->column_count++;
    c->precision = column_precision_parse(type);
    assert_int_equal(column_type_parse(type, &c->type, &c->scale), OK);
}

/* The commas of numeric(12,2) have no space behind them. */
static void add_columns(struct table *t, struct bytes text)
{
    while (text.size) {
        size_t end = bytes_find(text, BYTES(", "));
        add_column(t, bytes_slice(text, 0, end));
        text = bytes_slice(text, end + 2, text.size);
    }
}

struct catalogue *bakery_catalogue_of(const struct bakery_table *tables, size_t count)
{
    struct catalogue *c;
    assert_int_equal(catalogue_new(&c), OK);
    c->tables = arena_array(&c->arena, count, sizeof(struct table));
    assert_non_null(c->tables);
    for (size_t i = 0; i < count; i++) {
        struct table *t = &c->tables[i];
        t->name = bytes_of(tables[i].name);
        t->index = c->table_count++;
        t->is_private = bytes_equal(t->name, BYTES("messages"));
        t->columns = arena_array(&c->arena, COLUMNS_MAX, sizeof(struct column));
        assert_non_null(t->columns);
        add_columns(t, bytes_of(tables[i].columns));
    }
    return c;
}

struct catalogue *bakery_catalogue(void)
{
    static const struct bakery_table tables[] = {
        {"users", "id uuid, name text, role text, is_active bool, created_at timestamptz, "
                  "updated_at timestamptz"},
        {"bread_types",
         "id uuid, name text, size text, unit_price numeric(12,2), low_threshold int4, "
         "is_active bool, created_by uuid, created_at timestamptz, updated_at timestamptz"},
        {"production_logs", "id uuid, bread_type_id uuid, quantity int4, shift text, note text, "
                            "recorded_by uuid, created_at timestamptz, updated_at timestamptz, "
                            "business_day date"},
        {"sales_logs", "id uuid, bread_type_id uuid, quantity int4, unit_price numeric(12,2), "
                       "discount numeric(12,2), returned bool, shift text, recorded_by uuid, "
                       "created_at timestamptz, updated_at timestamptz, business_day date, "
                       "revenue numeric(14,2)"},
        {"shift_feedback", "id uuid, user_id uuid, shift text, note text, created_at timestamptz, "
                           "updated_at timestamptz, business_day date"},
        {"stock",
         "bread_type_id uuid, baked int8, sold int8, remaining int8, updated_at timestamptz"},
        {"shift_totals",
         "business_day date, shift text, bread_type_id uuid, baked int8, sold int8, "
         "returned int8, sales int8, discount numeric(14,2), revenue numeric(14,2), "
         "updated_at timestamptz"},
        {"audit_trail", "id uuid, at timestamptz, actor uuid, verb text, table_name text, "
                        "old_row jsonb, new_row jsonb"},
        {"messages", "id uuid, topic text, extension text, event text, payload text, private bool, "
                     "sender uuid, inserted_at timestamptz, expires_at timestamptz"},
    };
    return bakery_catalogue_of(tables, CHECK_COUNT(tables));
}

static void add_text(struct policies *p, struct bytes file, struct bytes text)
{
    struct buf message;
    buf_init(&message, MESSAGE_MAX);
    if (policies_add(p, file, text, &message)) {
        print_error("%.*s\n", (int)message.size, message.data);
        fail();
    }
    buf_done(&message);
}

void bakery_add(struct policies *p, const char *text)
{
    add_text(p, BYTES("test.sql"), bytes_of(text));
}

static void add_file(struct policies *p, const char *name)
{
    char path[512], *text = test_malloc(FILE_MAX);
    int size = snprintf(path, sizeof(path), "%s/%s", POLICY_FOLDER, name);
    assert_true(size > 0 && (size_t)size < sizeof(path));
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t text_size = fread(text, 1, FILE_MAX, f);
    assert_true(text_size > 0 && text_size < FILE_MAX);
    fclose(f);
    add_text(p, bytes_of(name), (struct bytes){text, text_size});
    test_free(text);
}

struct policies *bakery_policies(const struct catalogue *c)
{
    struct policies *p;
    DIR *folder = opendir(POLICY_FOLDER);
    assert_non_null(folder);
    assert_int_equal(policies_new(c, &p), OK);
    for (struct dirent *d; (d = readdir(folder));)
        if (bytes_ends_with(bytes_of(d->d_name), BYTES(".sql")))
            add_file(p, d->d_name);
    closedir(folder);
    return p;
}

const struct table *bakery_find(const struct catalogue *c, const char *name)
{
    const struct table *t = catalogue_table(c, bytes_of(name));
    assert_non_null(t);
    return t;
}
