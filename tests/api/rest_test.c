#include "base/json.h"
#include "shop.h"

static struct shop shop;

#define ROLLS "22222222-2222-4222-8222-222222222222"
#define SALE "33333333-3333-4333-8333-333333333333"

static void add_sale(const char *id, enum shop_person by, int quantity)
{
    char text[300];
    struct buf body = {.data = text, .capacity = sizeof(text), .max = sizeof(text)};
    buf_put_literal(&body, "{\"bread_type_id\":\"" SHOP_BREAD "\",\"quantity\":");
    buf_put_i64(&body, quantity);
    buf_put_literal(&body, ",\"id\":\"");
    buf_put(&body, bytes_of(id));
    buf_put_literal(&body, "\"}");
    buf_put_char(&body, '\0');
    shop_expect(&shop,
                &(struct shop_request){.method = HTTP_POST,
                                       .target = "/rest/v1/sales_logs",
                                       .body = text,
                                       .token = &shop.people[by]},
                201, NULL);
}

static int set_up(void **state)
{
    (void)state;
    shop_open(&shop);
    shop_insert(&shop, "/rest/v1/bread_types",
                "[{\"id\":\"" SHOP_BREAD "\",\"name\":\"Agege\",\"unit_price\":1500.5},"
                "{\"id\":\"" ROLLS "\",\"name\":\"Rolls\",\"unit_price\":\"200\"}]");
    add_sale("33333333-3333-4333-8333-333333333331", ADA, 1);
    add_sale("33333333-3333-4333-8333-333333333332", BEN, 2);
    add_sale("33333333-3333-4333-8333-333333333333", CID, 3);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    shop_close(&shop);
    return 0;
}

/* GET as Cid. */
static void get(const char *target, int status, const char *code)
{
    shop_expect(&shop, &(struct shop_request){.target = target, .token = &shop.people[CID]}, status,
                code);
}

static void get_text(const char *target, const char *want)
{
    get(target, 200, NULL);
    check_text(shop_body(&shop), want);
}

/* With one more header line, as Cid. */
static void get_with(const char *target, const char *name, const char *value, int status)
{
    struct shop_request r = {.target = target, .token = &shop.people[CID]};
    r.headers[0][0] = name;
    r.headers[0][1] = value;
    shop_expect(&shop, &r, status, NULL);
}

/* --- reading --- */

static void rows_come_as_an_array(void **state)
{
    (void)state;
    get_text("/rest/v1/bread_types?select=name,price:unit_price&order=name",
             "[{\"name\":\"Agege\",\"price\":1500.50},{\"name\":\"Rolls\",\"price\":200.00}]");
    check_text(shop_header(&shop, "Content-Type"), "application/json; charset=utf-8");
    check_text(shop_header(&shop, "Content-Range"), "0-1/*");
    check_text(shop_header(&shop, "Access-Control-Allow-Origin"), "*");
    assert_non_null(shop_header(&shop, "HomeBake-Seq").data);
    assert_true(bytes_starts_with(shop_header(&shop, "HomeBake-Epoch"), shop.api.epoch));
    assert_int_equal(shop.reads, 1);
    assert_int_equal(shop.writes, 0);
}

static void filters_and_limits_reach_the_store(void **state)
{
    (void)state;
    get_text("/rest/v1/sales_logs?select=quantity&quantity=gte.2&order=quantity.desc&limit=1",
             "[{\"quantity\":3}]");
    get_text("/rest/v1/sales_logs?select=quantity&order=quantity&offset=1&limit=5",
             "[{\"quantity\":2},{\"quantity\":3}]");
    check_text(shop_header(&shop, "Content-Range"), "1-2/*");
    get_text(
        "/rest/v1/sales_logs?select=quantity&quantity=in.(1,3)&returned=is.false&order=quantity",
        "[{\"quantity\":1},{\"quantity\":3}]");
    get_text("/rest/v1/sales_logs?quantity=in.()", "[]");
    check_text(shop_header(&shop, "Content-Range"), "*/*");
    get_text("/rest/v1/sales_logs?select=quantity&not.or=(quantity.eq.1,quantity.eq.2)",
             "[{\"quantity\":3}]");
}

static void related_rows_are_embedded(void **state)
{
    (void)state;
    get_text("/rest/v1/sales_logs?select=quantity,bread_type:bread_types!inner(name,unit_price)"
             "&quantity=eq.3",
             "[{\"quantity\":3,\"bread_type\":{\"name\":\"Agege\",\"unit_price\":1500.50}}]");
    get_text("/rest/v1/sales_logs?select=who:users!sales_logs_recorded_by_fkey(name)&quantity=eq.3",
             "[{\"who\":{\"name\":\"Cid\"}}]");
    get_text("/rest/v1/sales_logs?select=users:recorded_by(name)&quantity=eq.3",
             "[{\"users\":{\"name\":\"Cid\"}}]");
    get_text("/rest/v1/bread_types?select=name,sales_logs(quantity)&name=eq.Rolls",
             "[{\"name\":\"Rolls\",\"sales_logs\":[]}]");
}

static void single_object_is_one_or_an_error(void **state)
{
    static const char accept[] = "application/vnd.pgrst.object+json";
    (void)state;
    get_with("/rest/v1/bread_types?select=name&name=eq.Rolls", "Accept", accept, 200);
    check_text(shop_body(&shop), "{\"name\":\"Rolls\"}");
    check_text(shop_header(&shop, "Content-Type"),
               "application/vnd.pgrst.object+json; charset=utf-8");
    get_with("/rest/v1/bread_types?name=eq.Nothing", "Accept", accept, 406);
    check_text(shop_member(&shop, "code"), "PGRST116");
    check_text(shop_member(&shop, "message"), "Cannot coerce the result to a single JSON object");
    check_text(shop_member(&shop, "details"), "The result contains 0 rows");
    get_with("/rest/v1/bread_types", "Accept", accept, 406);
    check_text(shop_member(&shop, "details"), "The result contains 2 rows");
}

static void counts_say_whether_the_page_is_partial(void **state)
{
    (void)state;
    get_with("/rest/v1/sales_logs?select=id&limit=2", "Prefer", "count=exact", 206);
    check_text(shop_header(&shop, "Content-Range"), "0-1/3");
    get_with("/rest/v1/sales_logs?select=id", "Prefer", "count=exact", 200);
    check_text(shop_header(&shop, "Content-Range"), "0-2/3");
    get_with("/rest/v1/sales_logs?quantity=gt.9", "Prefer", "count=exact", 200);
    check_text(shop_header(&shop, "Content-Range"), "*/0");
    get_with("/rest/v1/sales_logs?offset=9", "Prefer", "count=exact", 416);
    check_text(shop_member(&shop, "code"), "PGRST103");
}

static void head_has_the_count_and_no_body(void **state)
{
    struct shop_request r = {.method = HTTP_HEAD,
                             .target = "/rest/v1/sales_logs?select=*",
                             .token = &shop.people[CID],
                             .headers = {{"Prefer", "count=exact"}}};
    (void)state;
    shop_expect(&shop, &r, 200, NULL);
    check_text(shop_header(&shop, "Content-Range"), "0-2/3");
    assert_int_equal(shop_body(&shop).size, 0);
    r.target = "/rest/v1/sales_logs?limit=1&offset=1";
    shop_expect(&shop, &r, 206, NULL);
    check_text(shop_header(&shop, "Content-Range"), "1-1/3");
    r.headers[0][0] = NULL;
    r.target = "/rest/v1/sales_logs?select=*";
    shop_expect(&shop, &r, 200, NULL);
    check_text(shop_header(&shop, "Content-Range"), "0-2/*");
    assert_int_equal(shop_body(&shop).size, 0);
    r.target = "/rest/v1/nothing";
    assert_int_equal(shop_send(&shop, &r), 404);
    assert_int_equal(shop_body(&shop).size, 0);
}

static void count_is_a_pseudo_column(void **state)
{
    (void)state;
    get_text("/rest/v1/sales_logs?select=count", "[{\"count\":3}]");
    get_text("/rest/v1/sales_logs?select=n:count()&quantity=gt.1", "[{\"n\":2}]");
}

static void range_header_is_a_limit(void **state)
{
    (void)state;
    get_with("/rest/v1/sales_logs?select=quantity&order=quantity", "Range", "1-1", 200);
    check_text(shop_body(&shop), "[{\"quantity\":2}]");
    check_text(shop_header(&shop, "Content-Range"), "1-1/*");
    get_with("/rest/v1/sales_logs", "Range", "5-1", 416);
    get_with("/rest/v1/sales_logs?select=quantity&order=quantity&limit=1", "Range", "1-1", 200);
    check_text(shop_body(&shop), "[{\"quantity\":1}]");
}

static void rows_are_bounded(void **state)
{
    (void)state;
    uint64_t before = shop.api.limits.rows_max;
    shop.api.limits.rows_max = 2;
    get_text("/rest/v1/sales_logs?select=quantity&order=quantity",
             "[{\"quantity\":1},{\"quantity\":2}]");
    shop.api.limits.rows_max = before;
}

/* --- refusals --- */

static void what_is_not_there_is_not_found(void **state)
{
    (void)state;
    get("/rest/v1/nothing", 404, "PGRST205");
    check_text(shop_member(&shop, "message"),
               "Could not find the table 'public.nothing' in the schema cache");
    get("/rest/v1/auth_people", 404, "PGRST205");
    get("/rest/v1/changes", 404, "PGRST205");
    get("/rest/v1/messages", 404, "PGRST205");
    get("/rest/v1/sales_logs/5", 404, "PGRST125");
    get("/rest/v1/sales_logs/", 404, "PGRST125");
    get("/rest/v1/rpc/x", 404, "PGRST202");
    get("/rest/v1/rpc/x/y", 404, "PGRST125");
    get("/rest/v1/%zz", 404, "PGRST125");
    get_text("/rest/v1/bread%5Ftypes?select=name&name=eq.Rolls", "[{\"name\":\"Rolls\"}]");
}

static void root_is_a_small_document(void **state)
{
    (void)state;
    get_text("/rest/v1/", "{\"swagger\":\"2.0\",\"paths\":{},\"definitions\":{}}");
    shop_expect(&shop,
                &(struct shop_request){
                    .method = HTTP_POST, .target = "/rest/v1/", .token = &shop.people[CID]},
                405, "PGRST117");
}

static void schema_is_public(void **state)
{
    struct shop_request r = {.method = HTTP_POST,
                             .target = "/rest/v1/sales_logs",
                             .token = &shop.people[CID],
                             .body = "{}",
                             .headers = {{"Content-Profile", "private"}}};
    (void)state;
    get_with("/rest/v1/bread_types", "Accept-Profile", "public", 200);
    get_with("/rest/v1/bread_types", "Accept-Profile", "auth", 406);
    check_text(shop_member(&shop, "code"), "PGRST106");
    shop_expect(&shop, &r, 406, "PGRST106");
}

static void shapes_we_cannot_make_are_not_acceptable(void **state)
{
    (void)state;
    get_with("/rest/v1/bread_types", "Accept", "text/csv", 406);
    check_text(shop_member(&shop, "code"), "PGRST107");
    get_with("/rest/v1/bread_types", "Prefer", "handling=strict,a=b", 400);
    check_text(shop_member(&shop, "code"), "PGRST122");
    check_text(shop_member(&shop, "details"), "Invalid preferences: a=b");
}

static void methods_are_four(void **state)
{
    struct shop_request r = {
        .method = HTTP_PUT, .target = "/rest/v1/sales_logs", .token = &shop.people[CID]};
    (void)state;
    shop_expect(&shop, &r, 405, "PGRST117");
    r.method = HTTP_OTHER;
    shop_expect(&shop, &r, 405, "PGRST117");
}

static void parsers_refusals_are_answered(void **state)
{
    (void)state;
    get("/rest/v1/bread_types?select=nothing", 400, "42703");
    get("/rest/v1/bread_types?nothing=eq.1", 400, "42703");
    get("/rest/v1/bread_types?id=eq.5", 400, "22P02");
    get("/rest/v1/bread_types?select=id::text", 400, "PGRST100");
    get("/rest/v1/sales_logs?select=stock(remaining)", 400, "PGRST200");
    get("/rest/v1/users?select=sales_logs(id),bread_types(id)", 200, NULL);
}

static void memory_of_a_request_is_bounded(void **state)
{
    struct buf body;
    struct shop small = {0};
    (void)state;
    shop_open(&small);
    small.call.arena.max = 4096;
    buf_init(&body, 1 << 20);
    buf_put_literal(&body, "[{\"quantity\":1}");
    for (int i = 0; i < 1000; i++)
        buf_put_literal(&body, ",{\"quantity\":1}");
    buf_put_literal(&body, "]");
    buf_put_char(&body, '\0');
    shop_expect(&small,
                &(struct shop_request){.method = HTTP_POST,
                                       .target = "/rest/v1/sales_logs",
                                       .body = body.data,
                                       .token = &small.people[CID]},
                413, "54000");
    buf_done(&body);
    shop_close(&small);
}

/* --- memory --- */

static void check_begin(const struct http_request *r, enum api_action want)
{
    for (uint64_t n = 1;; n++) {
        struct api_call c;
        api_call_init(&c, &shop.api);
        mem_fail_at(n);
        enum api_action action = api_begin(&c, r, shop.now_us);
        bool hit = mem_fail_hit();
        mem_fail_at(0);
        /* The token cache may go without memory, so a call can go on after a failure. */
        if (action == API_RESPOND)
            assert_true(hit && c.response.status == 503);
        else
            assert_int_equal(action, want);
        api_call_done(&c);
        if (!hit)
            break;
    }
}

static void memory_may_fail_anywhere(void **state)
{
    struct http_header lines[] = {{BYTES("apikey"), buf_bytes(&shop.people[CID])}};
    struct http_request r = {.path = BYTES("/rest/v1/sales_logs"),
                             .query = BYTES("select=*,bread_types(name)&shift=eq.%20a&order=id"),
                             .headers = lines,
                             .header_count = 1};
    (void)state;
    check_begin(&r, API_READ);
    r.method = HTTP_POST;
    r.body = BYTES("{\"sh\\u0069ft\":\"a\\nb\",\"quantity\":5}");
    r.query = BYTES("");
    check_begin(&r, API_WRITE);
}

/* The whole of it: begin, store, resume.  A failure gives a 5xx, never a crash or half an answer.
 */
static void memory_may_fail_in_a_whole_call(void **state)
{
    static const struct shop_request requests[] = {
        {.target = "/rest/v1/sales_logs?select=*,bread_types(name)&order=quantity"},
        {.method = HTTP_POST,
         .target = "/rest/v1/shift_feedback?select=note",
         .body = "{\"note\":\"n\\t\"}",
         .headers = {{"Prefer", "return=representation"}}},
    };
    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(requests); i++) {
        struct shop_request r = requests[i];
        int want = r.method == HTTP_POST ? 201 : 200;
        for (uint64_t n = 1;; n++) {
            struct http_header lines[] = {{BYTES("apikey"), buf_bytes(&shop.people[CID])},
                                          {BYTES("Prefer"), BYTES("return=representation")}};
            struct bytes target = bytes_of(r.target);
            size_t mark = bytes_find_char(target, '?');
            struct http_request http = {.method = r.method,
                                        .path = bytes_slice(target, 0, mark),
                                        .query = bytes_slice(target, mark + 1, target.size),
                                        .headers = lines,
                                        .header_count = 2,
                                        .body = bytes_of(r.body ? r.body : "")};
            struct store_write w = {&shop.call.request, &shop.call.reply};
            struct changes changes;
            changes_init(&changes);
            api_call_done(&shop.call);
            api_call_init(&shop.call, &shop.api);
            mem_fail_at(n);
            enum api_action action = api_begin(&shop.call, &http, shop.now_us);
            enum err e = OK;
            if (action == API_READ)
                e = store_read(shop.session, &shop.call.request, &shop.call.reply);
            else if (action == API_WRITE)
                e = store_write(shop.session, &w, 1, &changes);
            if (action != API_RESPOND)
                action = api_resume(&shop.call, shop.now_us);
            bool hit = mem_fail_hit();
            mem_fail_at(0);
            changes_done(&changes);
            assert_int_equal(action, API_RESPOND);
            int status = shop.call.response.status;
            assert_true(status == want || (hit && status >= 500));
            assert_true(!e || status >= 500);
            assert_int_equal(shop.call.response.headers.err, OK);
            if (!hit)
                break;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_come_as_an_array),
        cmocka_unit_test(filters_and_limits_reach_the_store),
        cmocka_unit_test(related_rows_are_embedded),
        cmocka_unit_test(single_object_is_one_or_an_error),
        cmocka_unit_test(counts_say_whether_the_page_is_partial),
        cmocka_unit_test(head_has_the_count_and_no_body),
        cmocka_unit_test(count_is_a_pseudo_column),
        cmocka_unit_test(range_header_is_a_limit),
        cmocka_unit_test(rows_are_bounded),
        cmocka_unit_test(what_is_not_there_is_not_found),
        cmocka_unit_test(root_is_a_small_document),
        cmocka_unit_test(schema_is_public),
        cmocka_unit_test(shapes_we_cannot_make_are_not_acceptable),
        cmocka_unit_test(methods_are_four),
        cmocka_unit_test(parsers_refusals_are_answered),
        cmocka_unit_test(memory_of_a_request_is_bounded),
        cmocka_unit_test(memory_may_fail_anywhere),
        cmocka_unit_test(memory_may_fail_in_a_whole_call),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
