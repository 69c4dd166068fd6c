#include "server/watched.h"

#include <stdio.h>

#include "check.h"

static struct hb_text text(const char *s)
{
    return (struct hb_text){s, strlen(s)};
}

static void expect_text(struct hb_text got, const char *want)
{
    check_text(((struct bytes){got.data, got.size}), want);
}

static void take(struct watched *w, size_t query, enum hb_op op, const char *key, const char *row,
                 bool is_news)
{
    const struct hb_row r = {op, text(key), text(row)};
    assert_int_equal(watched_take(w, query, &r, is_news, 1000), OK);
}

/* Cells with | between them, a * before what is fresh, lines with \n. */
static void expect(const struct watched *w, int64_t now_ms, const char *want)
{
    struct arena arena;
    struct screen_table t;
    struct buf got;
    arena_init(&arena, 1 << 20);
    buf_init(&got, 1 << 16);
    assert_int_equal(watched_show(w, now_ms, &arena, &t), OK);
    for (size_t row = 0; row < t.row_count; row++) {
        buf_put(&got, bytes_of(t.is_fresh[row] ? "*" : ""));
        for (size_t i = 0; i < t.column_count; i++) {
            buf_put(&got, t.cells[row * t.column_count + i].text);
            buf_put_char(&got, i + 1 < t.column_count ? '|' : '\n');
        }
    }
    check_text(buf_bytes(&got), want);
    buf_done(&got);
    arena_done(&arena);
}

static struct watched *make(const char *what)
{
    struct watched *w;
    assert_int_equal(watched_new(what, NULL, NULL, "2026-01-01", &w), OK);
    return w;
}

static void a_table_has_the_columns_of_its_rows(void **state)
{
    (void)state;
    struct watched *w = make("notes");
    expect(w, 0, "");
    take(w, 0, HB_INSERT, "b", "{\"id\":\"b\",\"n\":1.5,\"t\":null}", false);
    take(w, 0, HB_INSERT, "a", "{\"id\":\"a\",\"n\":2,\"t\":\"x\\ny\"}", true);
    expect(w, 1000, "*a|2|x\ny\nb|1.5|\n");
    take(w, 0, HB_INSERT, "c", "{\"id\":\"c\"}", true);
    expect(w, 9000, "a|2|x\ny\nc||\nb|1.5|\n"); /* news first, also when they are old */
    take(w, 0, HB_DELETE, "c", "{}", true);
    take(w, 0, HB_UPDATE, "b", "{\"id\":\"b\",\"n\":7}", false);
    take(w, 0, HB_DELETE, "a", "{}", true);
    take(w, 0, HB_DELETE, "never", "{}", true);
    expect(w, 1000 + WATCHED_FRESH_MS, "b|7\n");
    watched_clear(w, 0);
    expect(w, 0, "");
    watched_free(w);
}

static void the_inventory_joins_breads_and_stock(void **state)
{
    (void)state;
    struct watched *w = make("inventory");
    struct hb_query q[WATCHED_QUERIES_MAX];
    assert_int_equal(watched_queries(w, q), 2);
    expect_text(q[0].key, "bread_type_id");
    take(w, 1, HB_INSERT, "1",
         "{\"id\":\"1\",\"name\":\"Rye\",\"size\":\"s\",\"low_threshold\":4,\"is_active\":true}",
         false);
    take(w, 1, HB_INSERT, "2",
         "{\"id\":\"2\",\"name\":\"Bun\",\"size\":null,\"low_threshold\":4,\"is_active\":true}",
         false);
    take(w, 1, HB_INSERT, "3",
         "{\"id\":\"3\",\"name\":\"Old\",\"size\":null,\"low_threshold\":4,\"is_active\":false}",
         false);
    take(w, 0, HB_INSERT, "1", "{\"bread_type_id\":\"1\",\"baked\":10,\"sold\":7,\"remaining\":3}",
         true);
    expect(w, 1000, "Bun||0|0|0|out\n*Rye|s|10|7|3|low\n");
    take(w, 0, HB_INSERT, "3", "{\"bread_type_id\":\"3\",\"baked\":9,\"sold\":1,\"remaining\":8}",
         false);
    expect(w, 9000, "Bun||0|0|0|out\nOld||9|1|8|ok\nRye|s|10|7|3|low\n");
    watched_free(w);
}

static void reports_are_of_the_newest_day_and_have_sums(void **state)
{
    (void)state;
    struct watched *w = make("reports");
    struct hb_query q[WATCHED_QUERIES_MAX];
    watched_queries(w, q);
    expect_text(q[0].filter, "business_day=gte.2026-01-01");
    expect(w, 0, "");
    take(w, 1, HB_INSERT, "1", "{\"id\":\"1\",\"name\":\"Rye\"}", false);
#define TOTALS(day, shift, numbers)                                                                \
    "{\"business_day\":\"" day "\",\"shift\":\"" shift "\",\"bread_type_id\":\"1\"," numbers "}"
    take(w, 0, HB_INSERT,
         "2026-01-01\x1fnight\x1f"
         "1",
         TOTALS("2026-01-01", "night", "\"baked\":99"), false);
    take(w, 0, HB_INSERT,
         "2026-01-02\x1fmorning\x1f"
         "1",
         TOTALS("2026-01-02", "morning",
                "\"baked\":5,\"sold\":2,\"returned\":1,\"sales\":2,\"discount\":0.5,\"revenue\":"
                "1234.50"),
         false);
    take(w, 0, HB_INSERT,
         "2026-01-02\x1fnight\x1f"
         "1",
         TOTALS(
             "2026-01-02", "night",
             "\"baked\":1,\"sold\":1,\"returned\":0,\"sales\":1,\"discount\":0,\"revenue\":-0.25"),
         false);
    expect(w, 0,
           "2026-01-02|morning|Rye|5|2|1|2|0.50|1234.50\n"
           "2026-01-02|night|Rye|1|1|0|1|0.00|-0.25\n"
           "2026-01-02|all|all|6|3|1|3|0.50|1234.25\n");
    watched_free(w);
}

static void nothing_is_lost_when_memory_ends_anywhere(void **state)
{
    (void)state;
    for (unsigned n = 1; n < 30; n++) {
        struct watched *w = NULL;
        mem_fail_at(n);
        enum err e = watched_new("inventory", NULL, NULL, "2026-01-01", &w);
        const struct hb_row row = {HB_INSERT, text("1"), text("{\"id\":\"1\",\"name\":\"Rye\"}")};
        if (!e)
            e = watched_take(w, 1, &row, true, 0);
        mem_fail_at(0);
        assert_true(e == OK || e == ERR_NOMEM);
        if (w) {
            take(w, 1, HB_INSERT, "1", "{\"id\":\"1\",\"name\":\"Rye\"}", false);
            expect(w, 0, "Rye||0|0|0|out\n");
        }
        watched_free(w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_has_the_columns_of_its_rows),
        cmocka_unit_test(the_inventory_joins_breads_and_stock),
        cmocka_unit_test(reports_are_of_the_newest_day_and_have_sums),
        cmocka_unit_test(nothing_is_lost_when_memory_ends_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
