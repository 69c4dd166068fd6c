/* The writing half of src/api/rest.c. */
#include "base/json.h"
#include "shop.h"

static struct shop shop;

#define MISSING "22222222-2222-4222-8222-222222222222"
#define SALE "33333333-3333-4333-8333-333333333333"
#define ROLLS "44444444-4444-4444-8444-444444444444"

static const char breads[] = "/rest/v1/bread_types";
static const char sales[] = "/rest/v1/sales_logs";

/* Each test has a shop of its own. */
static int set_up(void **state)
{
    (void)state;
    shop_open(&shop);
    shop_insert(&shop, breads,
                "{\"id\":\"" SHOP_BREAD "\",\"name\":\"Agege\",\"unit_price\":1500.5}");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    shop_close(&shop);
    return 0;
}

static struct shop_request request(enum http_method method, enum shop_person by, const char *target,
                                   const char *body, const char *prefer)
{
    struct shop_request r = {
        .method = method, .target = target, .body = body, .token = &shop.people[by]};
    if (prefer) {
        r.headers[0][0] = "Prefer";
        r.headers[0][1] = prefer;
    }
    return r;
}

static void expect(struct shop_request r, int status, const char *code)
{
    shop_expect(&shop, &r, status, code);
}

static void add_sale(enum shop_person by)
{
    expect(request(HTTP_POST, by, sales,
                   "{\"id\":\"" SALE "\",\"bread_type_id\":\"" SHOP_BREAD "\",\"quantity\":3}",
                   NULL),
           201, NULL);
}

static void expect_count(const char *target, const char *want)
{
    expect((struct shop_request){.target = target, .token = &shop.people[ADA]}, 200, NULL);
    check_text(shop_body(&shop), want);
}

/* --- insert --- */

static void insert_is_silent_unless_asked(void **state)
{
    (void)state;
    add_sale(CID);
    assert_int_equal(shop_body(&shop).size, 0);
    assert_null(shop_header(&shop, "Content-Type").data);
    check_text(shop_header(&shop, "Content-Range"), "*/*");
    assert_non_null(shop_header(&shop, "HomeBake-Seq").data);
    assert_int_equal(shop.writes, 1);
    expect_count("/rest/v1/sales_logs?select=count", "[{\"count\":1}]");
}

static void insert_shows_the_row_with_its_defaults(void **state)
{
    (void)state;
    expect(request(HTTP_POST, CID,
                   "/rest/v1/sales_logs?select=quantity,unit_price,revenue,shift,"
                   "business_day,who:recorded_by(name),bread_types(name)",
                   "{\"bread_type_id\":\"" SHOP_BREAD "\",\"quantity\":\"2\",\"discount\":1}",
                   "return=representation"),
           201, NULL);
    check_text(
        shop_body(&shop),
        "[{\"quantity\":2,\"unit_price\":1500.50,\"revenue\":3000.00,\"shift\":\"morning\","
        "\"business_day\":\"2026-11-22\",\"who\":{\"name\":\"Cid\"},\"bread_types\":{\"name\":"
        "\"Agege\"}}]");
}

static void insert_takes_many_rows(void **state)
{
    (void)state;
    expect(request(HTTP_POST, BEN, "/rest/v1/bread_types?columns=%22name%22,%22unit_price%22",
                   "[{\"name\":\"Rolls\",\"unit_price\":1},{\"unit_price\":2,\"name\":\"Buns\"}]",
                   "return=minimal,count=exact"),
           201, NULL);
    check_text(shop_header(&shop, "Content-Range"), "*/2");
    expect_count("/rest/v1/bread_types?select=count", "[{\"count\":3}]");
    expect(request(HTTP_POST, BEN, breads, "[]", "return=representation"), 201, NULL);
    check_text(shop_body(&shop), "[]");
}

static void absent_columns_take_defaults_when_asked(void **state)
{
    static const char target[] =
        "/rest/v1/bread_types?columns=name,unit_price,low_threshold&select=low_threshold";
    static const char body[] = "[{\"name\":\"Rolls\",\"unit_price\":1}]";
    (void)state;
    expect(request(HTTP_POST, BEN, target, body, "return=representation"), 400, "23502");
    expect(request(HTTP_POST, BEN, target, body, "return=representation,missing=default"), 201,
           NULL);
    check_text(shop_body(&shop), "[{\"low_threshold\":5}]");
}

static void single_insert_is_an_object(void **state)
{
    struct shop_request r =
        request(HTTP_POST, BEN, "/rest/v1/bread_types?select=name",
                "{\"name\":\"Rolls\",\"unit_price\":1}", "return=representation");
    (void)state;
    r.headers[1][0] = "Accept";
    r.headers[1][1] = "application/vnd.pgrst.object+json";
    expect(r, 201, NULL);
    check_text(shop_body(&shop), "{\"name\":\"Rolls\"}");
    r.body = "[{\"name\":\"Buns\",\"unit_price\":1},{\"name\":\"Scones\",\"unit_price\":1}]";
    expect(r, 406, "PGRST116");
    expect_count("/rest/v1/bread_types?select=count", "[{\"count\":2}]");
}

static void bad_bodies_are_refused(void **state)
{
    static const struct {
        const char *body;
        int status;
        const char *code;
    } cases[] = {
        {"", 400, "PGRST102"},
        {"{\"nothing\":1}", 400, "PGRST204"},
        {"{\"quantity\":\"x\"}", 400, "22P02"},
        {"{\"revenue\":5}", 400, "428C9"},
        {"{\"created_at\":\"2026-01-01T00:00:00Z\"}", 403, "42501"},
        {"{\"bread_type_id\":\"" MISSING "\",\"quantity\":1,\"unit_price\":1}", 409, "23503"},
        {"{\"bread_type_id\":\"" SHOP_BREAD "\"}", 400, "23502"},
        {"{\"bread_type_id\":\"" SHOP_BREAD "\",\"quantity\":0}", 400, "23514"},
    };
    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(cases); i++)
        expect(request(HTTP_POST, CID, sales, cases[i].body, NULL), cases[i].status, cases[i].code);
    struct shop_request r = request(HTTP_POST, CID, sales, "a=b", NULL);
    r.headers[0][0] = "Content-Type";
    r.headers[0][1] = "application/x-www-form-urlencoded";
    expect(r, 400, "PGRST102");
    expect_count("/rest/v1/sales_logs?select=count", "[{\"count\":0}]");
}

static void duplicates_conflict(void **state)
{
    (void)state;
    expect(request(HTTP_POST, BEN, breads, "{\"name\":\"Agege\",\"unit_price\":1}", NULL), 409,
           "23505");
    assert_true(bytes_starts_with(shop_member(&shop, "message"),
                                  BYTES("duplicate key value violates unique constraint")));
    check_text(shop_member(&shop, "details"), "Key (name)=(Agege) already exists.");
}

static void upsert_merges_or_ignores(void **state)
{
    static const char by_name[] = "/rest/v1/bread_types?on_conflict=name";
    (void)state;
    expect(request(HTTP_POST, BEN, by_name,
                   "[{\"name\":\"Agege\",\"unit_price\":7},{\"name\":\"Rolls\",\"unit_price\":8}]",
                   "resolution=merge-duplicates"),
           201, NULL);
    expect_count(
        "/rest/v1/bread_types?select=name,unit_price&order=name",
        "[{\"name\":\"Agege\",\"unit_price\":7.00},{\"name\":\"Rolls\",\"unit_price\":8.00}]");
    expect(request(HTTP_POST, BEN, by_name, "{\"name\":\"Agege\",\"unit_price\":9}",
                   "resolution=merge-duplicates"),
           200, NULL);
    expect(request(HTTP_POST, BEN, by_name, "{\"name\":\"Agege\",\"unit_price\":1}",
                   "resolution=ignore-duplicates,return=representation"),
           201, NULL);
    check_text(shop_body(&shop), "[]");
    expect_count("/rest/v1/bread_types?select=unit_price&name=eq.Agege", "[{\"unit_price\":9.00}]");
    expect(request(HTTP_POST, BEN, "/rest/v1/bread_types?on_conflict=nothing",
                   "{\"name\":\"Agege\"}", "resolution=merge-duplicates"),
           400, "42703");
    expect(request(HTTP_POST, BEN, breads,
                   "{\"id\":\"" SHOP_BREAD "\",\"name\":\"Agege\",\"unit_price\":3}",
                   "resolution=merge-duplicates"),
           200, NULL);
}

/* --- who may --- */

static void policies_rule_writes(void **state)
{
    (void)state;
    expect(request(HTTP_POST, CID, breads, "{\"name\":\"Rolls\",\"unit_price\":1}", NULL), 403,
           "42501");
    expect((struct shop_request){.method = HTTP_POST,
                                 .target = breads,
                                 .body = "{\"name\":\"Rolls\",\"unit_price\":1}"},
           401, "42501");
    check_text(shop_header(&shop, "WWW-Authenticate"), "Bearer");
    struct buf body;
    buf_init(&body, 1000);
    buf_put_literal(&body,
                    "{\"bread_type_id\":\"" SHOP_BREAD "\",\"quantity\":1,\"recorded_by\":\"");
    buf_put(&body, bytes_of(shop.ids[ADA]));
    buf_put_literal(&body, "\"}");
    buf_put_char(&body, '\0');
    expect(request(HTTP_POST, CID, sales, body.data, NULL), 403, "42501");
    check_text(shop_member(&shop, "message"),
               "new row violates row-level security policy for table \\\"sales_logs\\\"");
    buf_done(&body);
}

static void derived_tables_are_the_servers(void **state)
{
    static const char *const targets[] = {"/rest/v1/stock", "/rest/v1/shift_totals",
                                          "/rest/v1/audit_trail"};
    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(targets); i++) {
        expect(request(HTTP_POST, ADA, targets[i], "{}", NULL), 403, "42501");
        expect(request(HTTP_DELETE, ADA, targets[i], NULL, NULL), 403, "42501");
        struct shop_request r = request(HTTP_PATCH, ADA, targets[i], "{}", NULL);
        expect(r, 403, "42501");
        assert_int_equal(shop.writes, 0);
        r.token = &shop.service;
        expect(r, 403, "42501");
        r.token = NULL;
        expect(r, 401, "42501");
    }
    expect_count("/rest/v1/stock?select=remaining", "[{\"remaining\":0}]");
}

/* --- update and delete --- */

static void update_changes_what_is_filtered(void **state)
{
    (void)state;
    add_sale(CID);
    expect(request(HTTP_PATCH, CID, "/rest/v1/sales_logs?id=eq." SALE, "{\"quantity\":5}", NULL),
           204, NULL);
    assert_int_equal(shop_body(&shop).size, 0);
    check_text(shop_header(&shop, "Content-Range"), "*/*");
    expect(request(HTTP_PATCH, CID, "/rest/v1/sales_logs?id=eq." SALE "&select=quantity,returned",
                   "{\"returned\":true}", "return=representation,count=exact"),
           200, NULL);
    check_text(shop_body(&shop), "[{\"quantity\":5,\"returned\":true}]");
    check_text(shop_header(&shop, "Content-Range"), "*/1");
    expect(request(HTTP_PATCH, CID, "/rest/v1/sales_logs?quantity=gt.100&select=id",
                   "{\"quantity\":1}", "return=representation"),
           200, NULL);
    check_text(shop_body(&shop), "[]");
    expect(request(HTTP_PATCH, CID, "/rest/v1/sales_logs?id=eq." SALE, "{}", NULL), 204, NULL);
}

static void hidden_rows_are_not_changed(void **state)
{
    (void)state;
    add_sale(BEN);
    expect(request(HTTP_PATCH, CID, "/rest/v1/sales_logs?id=eq." SALE, "{\"quantity\":5}",
                   "count=exact"),
           204, NULL);
    check_text(shop_header(&shop, "Content-Range"), "*/0");
    expect_count("/rest/v1/sales_logs?select=quantity", "[{\"quantity\":3}]");
}

static void single_that_is_none_is_undone(void **state)
{
    struct shop_request r = request(HTTP_PATCH, BEN, "/rest/v1/bread_types?select=id",
                                    "{\"unit_price\":5}", "return=representation");
    (void)state;
    shop_insert(&shop, breads, "{\"id\":\"" ROLLS "\",\"name\":\"Rolls\",\"unit_price\":1}");
    r.headers[1][0] = "Accept";
    r.headers[1][1] = "application/vnd.pgrst.object+json";
    expect(r, 406, "PGRST116");
    expect_count("/rest/v1/bread_types?select=unit_price&order=unit_price",
                 "[{\"unit_price\":1.00},{\"unit_price\":1500.50}]");
}

static void max_affected_is_kept(void **state)
{
    (void)state;
    shop_insert(&shop, breads, "{\"id\":\"" ROLLS "\",\"name\":\"Rolls\",\"unit_price\":1}");
    expect(request(HTTP_PATCH, BEN, breads, "{\"unit_price\":5}", "handling=strict,max-affected=1"),
           400, "PGRST124");
    expect_count("/rest/v1/bread_types?select=count&unit_price=eq.5", "[{\"count\":0}]");
    expect(request(HTTP_PATCH, BEN, breads, "{\"unit_price\":5}", "handling=strict,max-affected=2"),
           204, NULL);
}

static void delete_removes_what_is_filtered(void **state)
{
    (void)state;
    add_sale(CID);
    expect(request(HTTP_DELETE, ADA, "/rest/v1/bread_types?id=eq." SHOP_BREAD, NULL, NULL), 409,
           "23503");
    expect(request(HTTP_DELETE, BEN, "/rest/v1/sales_logs?id=eq." SALE "&select=quantity", NULL,
                   "return=representation"),
           200, NULL);
    check_text(shop_body(&shop), "[{\"quantity\":3}]");
    expect(request(HTTP_DELETE, ADA, "/rest/v1/bread_types?id=eq." SHOP_BREAD, NULL, "count=exact"),
           204, NULL);
    check_text(shop_header(&shop, "Content-Range"), "*/1");
    expect(request(HTTP_DELETE, ADA, "/rest/v1/bread_types?limit=1", NULL, NULL), 400, "PGRST100");
}

static void answer_is_true_for_its_own_write(void **state)
{
    uint64_t before, after;
    (void)state;
    assert_int_equal(bytes_to_u64(shop_header(&shop, "HomeBake-Seq"), &before), OK);
    add_sale(CID);
    assert_int_equal(bytes_to_u64(shop_header(&shop, "HomeBake-Seq"), &after), OK);
    assert_true(after > before);
}

#define WRITE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WRITE_TEST(insert_is_silent_unless_asked),
        WRITE_TEST(insert_shows_the_row_with_its_defaults),
        WRITE_TEST(insert_takes_many_rows),
        WRITE_TEST(absent_columns_take_defaults_when_asked),
        WRITE_TEST(single_insert_is_an_object),
        WRITE_TEST(bad_bodies_are_refused),
        WRITE_TEST(duplicates_conflict),
        WRITE_TEST(upsert_merges_or_ignores),
        WRITE_TEST(policies_rule_writes),
        WRITE_TEST(derived_tables_are_the_servers),
        WRITE_TEST(update_changes_what_is_filtered),
        WRITE_TEST(hidden_rows_are_not_changed),
        WRITE_TEST(single_that_is_none_is_undone),
        WRITE_TEST(max_affected_is_kept),
        WRITE_TEST(delete_removes_what_is_filtered),
        WRITE_TEST(answer_is_true_for_its_own_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
