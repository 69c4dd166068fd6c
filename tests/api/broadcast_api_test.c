#include <stdio.h>

#include "base/mem.h"
#include "shop.h"

#define BATCH "/realtime/v1/api/broadcast"

static struct shop shop;

static int set_up(void **state)
{
    (void)state;
    shop_open(&shop);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    shop_close(&shop);
    return 0;
}

/* The answer is 202 without a body, and this is what the hub was given. */
static void expect_said(struct shop_request r, const char *said)
{
    r.method = HTTP_POST;
    shop_expect(&shop, &r, 202, NULL);
    check_text(shop_body(&shop), "");
    check_text(shop_header(&shop, "Access-Control-Allow-Origin"), "*");
    check_text(buf_bytes(&shop.said), said);
}

static void expect_refused(struct shop_request r, int status, const char *body)
{
    r.method = r.method ? r.method : HTTP_POST;
    shop_expect(&shop, &r, status, NULL);
    check_text(shop_body(&shop), body);
    check_text(buf_bytes(&shop.said), "");
}

static void a_batch_is_said_in_its_order_on_both_paths(void **state)
{
    static const char *const paths[] = {BATCH, "/api/broadcast"};
    (void)state;
    for (size_t i = 0; i < 2; i++)
        expect_said((struct shop_request){.target = paths[i],
                                          .body =
                                              "{\"messages\":[{\"topic\":\"a\\u0062\",\"event\":"
                                              "\"e\",\"payload\":{\"n\":1}},{\"topic\":\"c\","
                                              "\"event\":\"f\",\"payload\":{},\"private\":false,"
                                              "\"id\":7}]}"},
                    "realtime:ab|e|{\"n\":1}\nrealtime:c|f|{}\n");
    expect_said((struct shop_request){.target = BATCH, .body = "{\"messages\":[]}"}, "");
}

static void a_single_message_is_named_by_its_path(void **state)
{
    static const char *const json[][2] = {{"Content-Type", "application/json; charset=utf-8"}};
    (void)state;
    struct shop_request r = {.target = BATCH "/room%2F%C3%A9/events/my%20event",
                             .body = "{\"n\":1}"};
    memcpy(r.headers, json, sizeof(json));
    expect_said(r, "realtime:room/\xc3\xa9|my event|{\"n\":1}\n");
    r.target = "/api/broadcast/x/events/e?private=false&other=true";
    r.body = "[1]";
    expect_said(r, "realtime:x|e|[1]\n");
}

static void raw_bytes_are_passed_on_as_they_are(void **state)
{
    struct shop_request r = {.target = BATCH "/x/events/e", .body = "\xff{"};
    (void)state;
    r.headers[0][0] = "Content-Type";
    r.headers[0][1] = "application/octet-stream";
    expect_said(r, "raw|realtime:x|e|\xff{\n");
    r.body = NULL;
    expect_said(r, "raw|realtime:x|e|\n");
}

static void what_a_person_may_not_say_in_private_is_left_out(void **state)
{
    struct shop_request r = {.target = BATCH,
                             .body =
                                 "{\"messages\":[{\"topic\":\"owner:plans\",\"event\":\"e\","
                                 "\"payload\":{},\"private\":true},{\"topic\":\"floor\",\"event\":"
                                 "\"e\",\"payload\":{},\"private\":true},{\"topic\":\"floor\","
                                 "\"event\":\"e\",\"payload\":{}}]}"};
    (void)state;
    expect_said(r, "realtime:floor|e|{}\n");
    r.token = &shop.people[CID];
    expect_said(r, "private|realtime:floor|e|{}\nrealtime:floor|e|{}\n");
    r.token = &shop.people[ADA];
    expect_said(r, "private|realtime:owner:plans|e|{}\nprivate|realtime:floor|e|{}\n"
                   "realtime:floor|e|{}\n");
    r = (struct shop_request){.target = BATCH "/owner%3Aplans/events/e?private=true", .body = "{}"};
    expect_said(r, "");
    r.token = &shop.people[BEN];
    expect_said(r, "");
    r.token = &shop.people[ADA];
    expect_said(r, "private|realtime:owner:plans|e|{}\n");
}

/* The answer is this, and so many broadcasts are stored. */
static void expect_stored(const char *topic, const char *query, const struct buf *token, int status,
                          uint64_t count, const char *body)
{
    char target[200];
    snprintf(target, sizeof(target), BATCH "/%s/events/e?%s", topic, query);
    struct shop_request r = {
        .method = HTTP_POST, .target = target, .body = "{\"n\":1}", .token = token};
    struct store_request list = {.kind = STORE_MESSAGE_LIST,
                                 .who = {.role = ROLE_SERVICE},
                                 .now_us = shop.now_us,
                                 .message = {.topic = bytes_of(topic)},
                                 .messages_max = 100,
                                 .messages_bytes_max = 100000};
    struct store_reply reply;
    shop_expect(&shop, &r, status, NULL);
    check_text(shop_body(&shop), body);
    check_text(buf_bytes(&shop.said), ""); /* the writer hands it to the hubs */
    store_reply_init(&reply, 1000000);
    assert_int_equal(store_read(shop.session, &list, &reply), OK);
    assert_int_equal(reply.row_count, count);
    store_reply_done(&reply);
}

static void a_private_message_can_be_stored(void **state)
{
    int64_t now_us = shop.now_us;
    (void)state;
    expect_stored("a", "private=true&persist=true", &shop.people[CID], 202, 1, "");
    assert_int_equal(shop.writes, 1);
    expect_stored("a", "persist%5Bttl%5D=60&private=true", &shop.service, 202, 2, "");
    expect_stored("a", "persist[ttl]=9223372036854775807&private=true", &shop.service, 202, 3, "");
    shop.now_us += INT64_C(61000000);
    expect_stored("a", "private=true&persist=true", &shop.service, 202, 3, "");
    shop.now_us = now_us;
}

static void what_may_not_be_said_is_not_stored_either(void **state)
{
    (void)state;
    expect_stored("b", "private=true&persist=true", NULL, 202, 0, "");
    expect_stored("owner:b", "private=true&persist=true", &shop.people[CID], 202, 0, "");
    assert_int_equal(shop.writes, 0);
}

static void options_of_storing_are_checked(void **state)
{
    static const char *const bad[] = {"persist=yes", "persist", "persist[ttl]=0", "persist[ttl]=x",
                                      "persist[ttl]=-1"};
    size_t payload_max = shop.api.limits.messages.payload_max;
    char query[100];
    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(bad); i++) {
        snprintf(query, sizeof(query), "private=true&%s", bad[i]);
        expect_stored("c", query, &shop.service, 422, 0,
                      "{\"errors\":{\"persist\":[\"is invalid\"]}}");
    }
    expect_stored("c", "persist=true", &shop.service, 422, 0,
                  "{\"errors\":{\"persist\":[\"is for private messages only\"]}}");
    shop.api.limits.messages.payload_max = 6;
    expect_stored("c", "private=true&persist=true", &shop.service, 413, 0,
                  "{\"message\":\"the message is too big to be stored\"}");
    shop.api.limits.messages.payload_max = payload_max;
    expect_said(
        (struct shop_request){.target = BATCH "/c/events/e?private=true&persist=false&%zz=1",
                              .body = "{}",
                              .token = &shop.service},
        "private|realtime:c|e|{}\n");
}

static void the_token_counts_else_the_key(void **state)
{
    struct shop_request r = {.target = BATCH "/x/events/e?private=true", .body = "{}"};
    struct buf bad = {.data = (char[]){"a.b.c"}, .size = 5};
    (void)state;
    r.key = &shop.service;
    expect_said(r, "private|realtime:x|e|{}\n");
    r.headers[0][0] = "Authorization";
    r.headers[0][1] = "";
    expect_said(r, "private|realtime:x|e|{}\n");
    r.headers[0][0] = NULL;
    r.token = &shop.anon;
    expect_said(r, "");
    r.has_no_key = true;
    r.token = &shop.people[CID];
    expect_said(r, "private|realtime:x|e|{}\n");
    r.token = &bad;
    expect_refused(r, 401, "{\"message\":\"Unauthorized\"}");
    r.token = NULL;
    expect_refused(r, 401, "{\"message\":\"Unauthorized\"}");
    r.token = &shop.people[DAN];
    expect_refused(r, 403, "{\"message\":\"Forbidden\"}");
}

static void messages_at_fault_are_named_in_their_places(void **state)
{
    static const char *const cases[][2] = {
        {"{}", "{\"messages\":[\"can't be blank\"]}"},
        {"[]", "{\"messages\":[\"can't be blank\"]}"},
        {"{\"messages\":{}}", "{\"messages\":[\"is invalid\"]}"},
        {"{\"messages\":[{\"topic\":\"a\",\"event\":\"e\",\"payload\":{}},{}]}",
         "{\"messages\":[{},{\"topic\":[\"can't be blank\"],\"event\":[\"can't be blank\"],"
         "\"payload\":[\"can't be blank\"]}]}"},
        {"{\"messages\":[{\"topic\":\"\",\"event\":42,\"payload\":5,\"private\":\"x\"}]}",
         "{\"messages\":[{\"topic\":[\"can't be blank\"],\"event\":[\"is invalid\"],"
         "\"payload\":[\"is invalid\"],\"private\":[\"is invalid\"]}]}"},
        {"{\"messages\":[7]}",
         "{\"messages\":[{\"topic\":[\"can't be blank\"],\"event\":[\"can't be blank\"],"
         "\"payload\":[\"can't be blank\"]}]}"},
    };
    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(cases); i++) {
        char want[400] = "{\"errors\":";
        strcat(strcat(want, cases[i][1]), "}");
        expect_refused((struct shop_request){.target = BATCH, .body = cases[i][0]}, 422, want);
    }
}

static void names_and_payloads_have_bounds(void **state)
{
    struct buf body;
    (void)state;
    buf_init(&body, 1 << 20);
    buf_put_literal(&body, "{\"messages\":[{\"topic\":\"");
    for (int i = 0; i < 1016; i++)
        buf_put_char(&body, 't');
    buf_put_literal(&body, "\",\"event\":\"");
    for (int i = 0; i < 256; i++)
        buf_put_char(&body, 'e');
    buf_put_literal(&body, "\",\"payload\":{\"a\":\"");
    for (int i = 0; i < 100000; i++)
        buf_put_char(&body, 'p');
    buf_put_literal(&body, "\"}}]}");
    buf_put_char(&body, 0);
    expect_refused((struct shop_request){.target = BATCH, .body = body.data}, 422,
                   "{\"errors\":{\"messages\":[{\"topic\":[\"is too long\"],\"event\":[\"is too "
                   "long\"],\"payload\":[\"Payload size exceeds the limit\"]}]}}");
    body.data[body.size - 4] = 0; /* the payload alone, to its brace */
    expect_refused(
        (struct shop_request){.target = BATCH "/x/events/e", .body = strstr(body.data, "{\"a\"")},
        422, "{\"errors\":{\"payload\":[\"Payload size exceeds the limit\"]}}");
    buf_done(&body);
}

static void a_batch_has_a_bound(void **state)
{
    struct buf body;
    (void)state;
    buf_init(&body, 1 << 20);
    buf_put_literal(&body, "{\"messages\":[0");
    for (uint32_t i = 0; i < shop.api.limits.broadcasts_max; i++)
        buf_put_literal(&body, ",0");
    buf_put_literal(&body, "]}");
    buf_put_char(&body, 0);
    expect_refused(
        (struct shop_request){.target = BATCH, .body = body.data}, 429,
        "{\"message\":\"Too many messages to broadcast, please reduce the batch size\"}");
    buf_done(&body);
}

static void what_cannot_be_read_is_refused(void **state)
{
    struct shop_request r = {.target = BATCH, .body = "{"};
    (void)state;
    expect_refused(r, 400, "{\"error\":\"The body is not JSON\"}");
    r.target = BATCH "/x/events/e";
    expect_refused(r, 400, "{\"error\":\"The body is not JSON\"}");
    r.body = NULL;
    expect_refused(r, 422, "{\"errors\":{\"payload\":[\"can't be blank\"]}}");
    r.target = BATCH "/%zz/events/e";
    expect_refused(r, 400, "{\"error\":\"The path is malformed\"}");
    r.headers[0][0] = "Content-Type";
    r.headers[0][1] = "text/plain";
    r.target = BATCH "/x/events/e";
    expect_refused(r, 415, "{\"error\":\"Unsupported Media Type\"}");
    r.target = BATCH;
    expect_refused(r, 415, "{\"error\":\"Unsupported Media Type\"}");
    r.headers[0][1] = "application/octet-stream";
    expect_refused(r, 415, "{\"error\":\"Unsupported Media Type\"}");
    r = (struct shop_request){.target = BATCH, .method = HTTP_PUT};
    expect_refused(r, 405, "{\"message\":\"Method Not Allowed\"}");
}

static void other_paths_are_nobodys(void **state)
{
    static const char *const paths[] = {"/x",         "/x/events",     "/x/events/", "//events/e",
                                        "/x/event/e", "/x/events/e/f", "/"};
    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(paths); i++) {
        char target[100] = BATCH;
        expect_refused((struct shop_request){.target = strcat(target, paths[i]), .body = "{}"}, 404,
                       "{\"message\":\"Not Found\"}");
    }
    expect_refused((struct shop_request){.target = "/realtime/v1/api/config", .body = "{}"}, 404,
                   "{\"message\":\"Not Found\"}");
}

static void browsers_may_ask_first(void **state)
{
    struct shop_request r = {
        .method = HTTP_OPTIONS, .target = BATCH "/x/events/e", .has_no_key = true};
    (void)state;
    shop_expect(&shop, &r, 204, NULL);
    check_text(shop_header(&shop, "Access-Control-Allow-Origin"), "*");
}

static void without_memory_it_is_an_honest_503_or_done(void **state)
{
    static const char *const targets[] = {BATCH, BATCH "/x/events/e?private=true"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct shop_request r = {.method = HTTP_POST, .target = targets[i], .key = &shop.service};
        r.body = "{\"messages\":[{\"topic\":\"x\",\"event\":\"e\",\"payload\":{}}]}";
        bool has_failed = true;
        for (uint64_t n = 1; has_failed; n++) {
            api_call_done(&shop.call);
            api_call_init(&shop.call, &shop.api);
            shop.fail_at = n;
            int status = shop_send(&shop, &r);
            has_failed = shop.has_failed;
            assert_true(status == 202 || (has_failed && (status == 503 || status == 401)));
        }
        shop.fail_at = 0;
        assert_true(shop.said.size > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_batch_is_said_in_its_order_on_both_paths),
        cmocka_unit_test(a_single_message_is_named_by_its_path),
        cmocka_unit_test(raw_bytes_are_passed_on_as_they_are),
        cmocka_unit_test(what_a_person_may_not_say_in_private_is_left_out),
        cmocka_unit_test(a_private_message_can_be_stored),
        cmocka_unit_test(what_may_not_be_said_is_not_stored_either),
        cmocka_unit_test(options_of_storing_are_checked),
        cmocka_unit_test(the_token_counts_else_the_key),
        cmocka_unit_test(messages_at_fault_are_named_in_their_places),
        cmocka_unit_test(names_and_payloads_have_bounds),
        cmocka_unit_test(a_batch_has_a_bound),
        cmocka_unit_test(what_cannot_be_read_is_refused),
        cmocka_unit_test(other_paths_are_nobodys),
        cmocka_unit_test(browsers_may_ask_first),
        cmocka_unit_test(without_memory_it_is_an_honest_503_or_done),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
