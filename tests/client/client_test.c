#include "host.h"

#include <stdio.h>

#define BREADS "realtime:live:bread_types:*:"

static void nothing_happens_before_it_is_started(void **state)
{
    (void)state;
    struct host h;
    host_init(&h);
    host_subscribe(&h, "bread_types", NULL, HB_LOW);
    host_says(&h, "STATE 1 waiting\n");
    assert_int_equal(host_status(&h).state, HB_OFFLINE);
    assert_int_equal(host_status(&h).reason, HB_REASON_STOPPED);
    assert_true(hb_client_deadline(h.c) == INT64_MAX);
    host_done(&h);
}

static void a_subscription_is_joined_loaded_and_live(void **state)
{
    (void)state;
    struct host h;
    host_init(&h);
    hb_client_start(h.c, h.now);
    host_run(&h);
    host_says(&h, "OPEN 1\n");
    hb_client_opened(h.c, 1, h.now);
    host_run(&h);
    host_says(&h, "BEAT 1\n");
    host_subscribe(&h, "bread_types", NULL, HB_LOW);
    host_says(&h, "JOIN 2 " BREADS " :0\nSTATE 1 joining\n");
    assert_int_equal(host_status(&h).state, HB_LIVE);
    host_joined(&h, 2, "bread_types:*:", 10, false);
    host_says(&h,
              "FETCH 1 /rest/v1/bread_types?select=*&order=id.asc&limit=10001\nSTATE 1 loading\n");
    host_fetched(&h, 12, "[{\"id\":\"a\",\"n\":1},{\"id\":\"b\",\"n\":2}]");
    host_says(&h, "STATE 1 live\n"
                  "ROWS 1 whole +a {\"id\":\"a\",\"n\":1} +b {\"id\":\"b\",\"n\":2}\n");
    host_done(&h);
}

static void changes_come_once_and_in_order(void **state)
{
    (void)state;
    struct host h;
    host_init(&h);
    host_start(&h);
    host_live(&h, "bread_types", 10, "[{\"id\":\"a\",\"n\":1}]");
    host_change(&h, "bread_types:*:", 11, "INSERT", "{\"id\":\"b\"}", NULL);
    host_change(&h, "bread_types:*:", 11, "INSERT", "{\"id\":\"b\"}", NULL);
    host_change(&h, "bread_types:*:", 9, "DELETE", NULL, "{\"id\":\"a\"}");
    host_change(&h, "bread_types:*:", 12, "UPDATE", "{\"id\":\"a\",\"n\":2}", "{\"id\":\"a\"}");
    host_change(&h, "bread_types:*:", 14, "DELETE", NULL, "{\"id\":\"b\"}");
    host_says(&h, "ROWS 1 +b {\"id\":\"b\"}\nROWS 1 ~a {\"id\":\"a\",\"n\":2}\n"
                  "ROWS 1 -b {\"id\":\"b\"}\n");
    host_done(&h);
}

static void a_row_whose_key_changes_leaves_its_old_place(void **state)
{
    (void)state;
    struct host h;
    host_init(&h);
    host_start(&h);
    host_live(&h, "bread_types", 10, "[{\"id\":\"a\"}]");
    host_change(&h, "bread_types:*:", 11, "UPDATE", "{\"id\":\"z\"}", "{\"id\":\"a\"}");
    host_says(&h, "ROWS 1 +z {\"id\":\"z\"} -a {\"id\":\"a\"}\n");
    host_done(&h);
}

static void a_row_that_leaves_the_filter_is_gone(void **state)
{
    (void)state;
    struct host h;
    host_init(&h);
    host_start(&h);
    host_subscribe(&h, "t", "a=eq.1", HB_HIGH);
    host_joined(&h, 2, "t:*:a=eq.1", 10, false);
    host_fetched(&h, 10, "[{\"id\":\"x\",\"a\":1}]");
    host_forget(&h);
    static const char update[] =
        "[null,null,\"realtime:live:t:*:a=eq.1\",\"postgres_changes\",{\"ids\":[8],\"data\":{"
        "\"type\":\"UPDATE\",\"record\":{\"id\":\"%c\",\"a\":2},\"old_record\":{\"id\":\"%c\"},"
        "\"seq\":%d}}]";
    char text[512];
    snprintf(text, sizeof(text), update, 'y', 'y', 11);
    host_tell(&h, text); /* it was never in */
    snprintf(text, sizeof(text), update, 'x', 'x', 12);
    host_tell(&h, text);
    host_says(&h, "ROWS 1 -x {\"id\":\"x\",\"a\":1}\n");
    host_done(&h);
}

static void what_comes_before_the_snapshot_is_kept_and_passed_over_when_it_is_in_it(void **state)
{
    (void)state;
    struct host h;
    host_init(&h);
    host_start(&h);
    host_subscribe(&h, "bread_types", NULL, HB_HIGH);
    host_joined(&h, 2, "bread_types:*:", 10, false);
    host_change(&h, "bread_types:*:", 11, "DELETE", NULL, "{\"id\":\"a\"}");
    host_change(&h, "bread_types:*:", 12, "INSERT", "{\"id\":\"b\"}", NULL);
    host_change(&h, "bread_types:*:", 13, "INSERT", "{\"id\":\"c\"}", NULL);
    host_forget(&h);
    /* As of 12: a came back by another way, which only a snapshot can know. */
    host_fetched(&h, 12, "[{\"id\":\"a\"},{\"id\":\"b\"}]");
    host_says(&h, "STATE 1 live\n"
                  "ROWS 1 whole +a {\"id\":\"a\"} +b {\"id\":\"b\"} +c {\"id\":\"c\"}\n");
    host_done(&h);
}

static void too_much_to_keep_is_replayed_instead(void **state)
{
    (void)state;
    struct host h;
    struct hb_settings s;
    hb_settings_init(&s);
    s.apikey = (struct hb_text){"anon", 4};
    s.frame_wait_ms = 0;
    s.kept_max = 100;
    host_init_with(&h, &s);
    host_start(&h);
    host_subscribe(&h, "bread_types", NULL, HB_HIGH);
    host_joined(&h, 2, "bread_types:*:", 10, false);
    host_change(&h, "bread_types:*:", 11, "INSERT", "{\"id\":\"b\"}", NULL);
    host_forget(&h);
    host_fetched(&h, 10, "[]");
    host_says(&h, "JOIN 3 " BREADS " E1:10\nSTATE 1 joining\nROWS 1 whole\n");
    /* What the old channel is still told is not taken: it will come again. */
    host_change(&h, "bread_types:*:", 12, "INSERT", "{\"id\":\"c\"}", NULL);
    host_joined(&h, 3, "bread_types:*:", 12, true);
    host_change(&h, "bread_types:*:", 11, "INSERT", "{\"id\":\"b\"}", NULL);
    host_change(&h, "bread_types:*:", 12, "INSERT", "{\"id\":\"c\"}", NULL);
    host_says(&h, "STATE 1 live\nROWS 1 +b {\"id\":\"b\"}\nROWS 1 +c {\"id\":\"c\"}\n");
    host_done(&h);
}

static void a_lost_connection_is_resumed_from_the_cursor(void **state)
{
    (void)state;
    struct host h;
    host_init(&h);
    host_start(&h);
    host_live(&h, "bread_types", 10, "[{\"id\":\"a\"}]");
    hb_client_closed(h.c, 1, 1006, h.now);
    host_run(&h);
    host_says(&h, "STATE 1 waiting\n");
    assert_int_equal(host_status(&h).state, HB_WAITING);
    assert_in_range(host_status(&h).retry_in_ms, 1000, 2000);
    host_wait(&h, 2000);
    host_says(&h, "OPEN 2\n");
    hb_client_opened(h.c, 2, h.now);
    host_run(&h);
    host_says(&h, "BEAT 1\nJOIN 2 " BREADS " E1:10\nSTATE 1 joining\n");
    host_joined(&h, 2, "bread_types:*:", 11, true);
    host_change(&h, "bread_types:*:", 11, "INSERT", "{\"id\":\"b\"}", NULL);
    host_says(&h, "STATE 1 live\nROWS 1 +b {\"id\":\"b\"}\n");
    host_done(&h);
}

static void a_gap_is_closed_by_a_snapshot_and_only_differences_are_told(void **state)
{
    (void)state;
    struct host h;
    host_init(&h);
    host_start(&h);
    host_live(&h, "bread_types", 10, "[{\"id\":\"a\"},{\"id\":\"b\"},{\"id\":\"c\",\"n\":1}]");
    hb_client_closed(h.c, 1, 1006, h.now);
    host_wait(&h, 2000);
    hb_client_opened(h.c, 2, h.now);
    host_run(&h);
    host_joined(&h, 2, "bread_types:*:", 900, false);
    host_forget(&h);
    host_fetched(&h, 901, "[{\"id\":\"a\"},{\"id\":\"c\",\"n\":2},{\"id\":\"d\"}]");
    host_says(&h, "STATE 1 live\nROWS 1 -b {\"id\":\"b\"} ~c {\"id\":\"c\",\"n\":2} "
                  "+d {\"id\":\"d\"}\n");
    host_done(&h);
}

static void a_snapshot_older_than_the_join_is_not_taken(void **state)
{
    (void)state;
    struct host h;
    host_init(&h);
    host_start(&h);
    uint32_t id = host_subscribe(&h, "bread_types", NULL, HB_HIGH);
    host_joined(&h, 2, "bread_types:*:", 10, false);
    host_forget(&h);
    host_fetched(&h, 9, "[{\"id\":\"a\"}]");
    host_says(&h, "TROUBLE 1 a snapshot from before the subscription\nSTATE 1 loading\n");
    host_wait(&h, 2000);
    host_says(&h, "FETCH 2 /rest/v1/bread_types?select=*&order=id.asc&limit=10001\n");
    host_fetched(&h, 10, "[]");
    assert_int_equal(host_state(&h, id), HB_SUB_LIVE);
    host_done(&h);
}

static void joins_come_by_priority_and_within_a_budget(void **state)
{
    (void)state;
    struct host h;
    host_init(&h);
    host_subscribe(&h, "low", NULL, HB_LOW);
    host_subscribe(&h, "medium", NULL, HB_MEDIUM);
    host_subscribe(&h, "high", NULL, HB_HIGH);
    char filter[32];
    for (int i = 0; i < 60; i++) {
        snprintf(filter, sizeof(filter), "n=eq.%d", i);
        host_subscribe(&h, "many", filter, HB_LOW);
    }
    hb_client_start(h.c, h.now);
    host_run(&h);
    host_lose_first(&h); /* so that nothing is asked for ahead */
    hb_client_opened(h.c, 2, h.now);
    host_run(&h);
    struct bytes log = buf_bytes(&h.log);
    size_t high = bytes_find(log, BYTES("realtime:live:high"));
    size_t medium = bytes_find(log, BYTES("realtime:live:medium"));
    size_t low = bytes_find(log, BYTES("realtime:live:low"));
    assert_true(high < medium && medium < low && low < log.size);
    /* Eight without an answer, and no more. */
    assert_true(bytes_find(log, BYTES("n=eq.4")) < log.size);
    assert_true(bytes_find(log, BYTES("n=eq.5")) == log.size);
    host_done(&h);
}

static void what_is_refused_is_tried_again_later_and_then_has_failed(void **state)
{
    (void)state;
    struct host h;
    host_init(&h);
    host_start(&h);
    uint32_t id = host_subscribe(&h, "bread_types", NULL, HB_LOW);
    for (int i = 0; i < 3; i++) {
        host_refused(&h, host_last_join(&h), "bread_types:*:", "DatabaseLackOfConnections: busy");
        assert_int_equal(host_state(&h, id), HB_SUB_WAITING);
        while (host_state(&h, id) == HB_SUB_WAITING)
            host_wait(&h, 1000);
    }
    uint32_t ref = host_last_join(&h);
    host_forget(&h);
    host_refused(&h, ref, "bread_types:*:", "DatabaseLackOfConnections: busy");
    host_says(&h, "TROUBLE 1 DatabaseLackOfConnections: busy\nSTATE 1 failed\n");
    host_wait(&h, 100000);
    assert_int_equal(host_state(&h, id), HB_SUB_FAILED);
    host_forget(&h);
    hb_client_retry(h.c, id, h.now);
    host_run(&h);
    assert_int_equal(host_state(&h, id), HB_SUB_JOINING);
    host_done(&h);
}

static void retries_are_forgotten_after_a_calm_minute_and_no_earlier(void **state)
{
    (void)state;
    struct host h;
    host_init(&h);
    host_start(&h);
    uint32_t id = host_live(&h, "bread_types", 10, "[]");
    static const char *const end = "[null,null,\"realtime:live:bread_types:*:\",\"phx_error\",{}]";
    for (int i = 0; i < 12; i++) {
        host_forget(&h);
        host_tell(&h, end);
        assert_int_equal(host_state(&h, id), HB_SUB_WAITING);
        while (host_state(&h, id) == HB_SUB_WAITING)
            host_wait(&h, 500);
        host_joined(&h, host_last_join(&h), "bread_types:*:", 10, true);
        host_wait(&h, i == 0 ? 59000 : 60000);
    }
    host_done(&h);
}

static void a_filter_the_server_cannot_read_has_failed_for_good(void **state)
{
    (void)state;
    struct host h;
    host_init(&h);
    host_start(&h);
    uint32_t id = host_subscribe(&h, "bread_types", "nope=eq.1", HB_HIGH);
    host_joined(&h, 2, "bread_types:*:nope=eq.1", 10, false);
    host_forget(&h);
    host_tell(&h, "[\"2\",null,\"realtime:live:bread_types:*:nope=eq.1\",\"system\",{\"status\":"
                  "\"error\",\"extension\":\"postgres_changes\",\"message\":\"Error parsing "
                  "`filter` params: no column nope\"}]");
    host_says(&h, "CANCEL 1\n"
                  "SEND [\"2\",\"3\",\"realtime:live:bread_types:*:nope=eq.1\",\"phx_leave\",{}]\n"
                  "TROUBLE 1 Error parsing `filter` params: no column nope\nSTATE 1 failed\n");
    hb_client_closed(h.c, 1, 1006, h.now);
    host_wait(&h, 2000);
    hb_client_opened(h.c, 2, h.now);
    host_run(&h);
    assert_int_equal(host_state(&h, id), HB_SUB_FAILED);
    host_says(&h, "OPEN 2\nBEAT 1\n");
    host_done(&h);
}

static void a_new_token_is_told_to_every_channel(void **state)
{
    (void)state;
    struct host h;
    host_init(&h);
    host_start(&h);
    host_live(&h, "bread_types", 10, "[]");
    hb_client_set_token(h.c, (struct hb_text){"U", 1}, 3600 * 1000, h.now);
    host_run(&h);
    host_says(&h, "SEND [\"2\",\"3\",\"" BREADS "\",\"access_token\",{\"access_token\":\"U\"}]\n");
    host_tell(&h, "[null,\"3\",\"" BREADS "\",\"phx_reply\",{\"status\":\"error\",\"response\":{"
                  "\"reason\":\"unmatched topic\"}}]");
    host_says(&h, "TROUBLE 1 the server lost the subscription\nSTATE 1 waiting\n");
    host_wait(&h, 2000);
    host_says(&h, "JOIN 4 " BREADS " E1:10\nSTATE 1 joining\n");
    host_done(&h);
}

static void a_token_is_asked_for_before_it_ends_and_again_until_there_is_one(void **state)
{
    (void)state;
    struct host h;
    host_init(&h);
    host_start(&h);
    hb_client_set_token(h.c, (struct hb_text){"T", 1}, 600 * 1000, h.now);
    h.answers_beats = true;
    host_wait(&h, 539 * 1000);
    assert_true(bytes_find(buf_bytes(&h.log), BYTES("TOKEN")) == h.log.size);
    host_forget(&h);
    host_wait(&h, 21 * 1000);
    struct bytes log = buf_bytes(&h.log);
    size_t first = bytes_find(log, BYTES("TOKEN\n"));
    assert_true(first < log.size);
    log = bytes_slice(log, first + 6, log.size);
    assert_true(bytes_find(log, BYTES("TOKEN\n")) < log.size);
    host_done(&h);
}

static void a_channel_that_ends_for_its_token_comes_back_with_a_new_one(void **state)
{
    (void)state;
    struct host h;
    host_init(&h);
    host_start(&h);
    uint32_t id = host_live(&h, "bread_types", 10, "[]");
    host_tell(&h, "[\"2\",null,\"" BREADS "\",\"system\",{\"status\":\"error\",\"extension\":"
                  "\"system\",\"message\":\"Token has expired 60 seconds ago\"}]");
    host_tell(&h, "[\"2\",\"2\",\"" BREADS "\",\"phx_error\",{}]");
    host_forget(&h);
    h.now += 1000;
    hb_client_tick(h.c, h.now);
    host_run(&h);
    hb_client_set_token(h.c, (struct hb_text){"T2", 2}, -1, h.now);
    h.shows_joins = true;
    host_run(&h);
    assert_int_equal(host_state(&h, id), HB_SUB_JOINING);
    assert_true(bytes_find(buf_bytes(&h.log), BYTES("\"access_token\":\"T2\"")) < h.log.size);
    host_done(&h);
}

static void a_token_that_comes_during_a_join_does_not_end_it(void **state)
{
    (void)state;
    struct host h;
    host_init(&h);
    host_start(&h);
    uint32_t id = host_subscribe(&h, "bread_types", NULL, HB_HIGH);
    host_refused(&h, 2, "bread_types:*:", "InvalidJWTToken: Token has expired 1 seconds ago");
    host_wait(&h, 2000);
    assert_int_equal(host_state(&h, id), HB_SUB_JOINING);
    hb_client_set_token(h.c, (struct hb_text){"U", 1}, -1, h.now);
    hb_client_tick(h.c, h.now);
    host_run(&h);
    assert_int_equal(host_state(&h, id), HB_SUB_JOINING);
    assert_true(hb_client_deadline(h.c) > h.now);
    host_done(&h);
}

static void what_cannot_be_understood_replaces_the_connection_and_loses_nothing(void **state)
{
    (void)state;
    static const char *const messages[] = {
        "", "[", "{}", "[null,null,1,2,3]", "[null,null,\"a\",\"b\"]", "\xff",
    };
    for (size_t i = 0; i < CHECK_COUNT(messages); i++) {
        struct host h;
        host_init(&h);
        host_start(&h);
        host_live(&h, "bread_types", 10, "[]");
        host_tell(&h, messages[i]);
        host_says(&h, "CLOSE 1 4000\nSTATE 1 waiting\n");
        assert_int_equal(host_status(&h).error, HB_ERR_PROTOCOL);
        host_done(&h);
    }
}

static void a_change_that_cannot_be_understood_is_asked_for_again(void **state)
{
    (void)state;
    struct host h;
    host_init(&h);
    host_start(&h);
    host_live(&h, "bread_types", 10, "[]");
    host_change(&h, "bread_types:*:", 11, "INSERT", "{\"no\":\"key\"}", NULL);
    host_says(&h, "TROUBLE 1 a change that cannot be understood\nSTATE 1 waiting\n");
    host_change(&h, "bread_types:*:", 12, "INSERT", "{\"id\":\"b\"}", NULL);
    host_says(&h, "");
    host_wait(&h, 2000);
    host_says(&h, "JOIN 3 " BREADS " E1:10\nSTATE 1 joining\n");
    host_done(&h);
}

static void a_row_that_was_cut_is_had_by_a_snapshot(void **state)
{
    (void)state;
    struct host h;
    host_init(&h);
    host_start(&h);
    host_live(&h, "bread_types", 10, "[]");
    host_tell(&h, "[null,null,\"" BREADS "\",\"postgres_changes\",{\"ids\":[7],\"data\":{\"type\":"
                  "\"INSERT\",\"record\":{\"id\":\"a\"},\"errors\":[\"Error 413: Payload Too "
                  "Large\"],\"seq\":11}}]");
    host_says(&h,
              "FETCH 2 /rest/v1/bread_types?select=*&order=id.asc&limit=10001\nSTATE 1 loading\n");
    host_fetched(&h, 11, "[{\"id\":\"a\",\"long\":true}]");
    host_says(&h, "STATE 1 live\nROWS 1 +a {\"id\":\"a\",\"long\":true}\n");
    host_done(&h);
}

static void a_refresh_tells_the_differences(void **state)
{
    (void)state;
    struct host h;
    host_init(&h);
    host_start(&h);
    host_live(&h, "bread_types", 10, "[{\"id\":\"a\"},{\"id\":\"b\"}]");
    hb_client_refresh(h.c, h.now);
    host_run(&h);
    host_forget(&h);
    host_fetched(&h, 10, "[{\"id\":\"b\"}]");
    host_says(&h, "STATE 1 live\nROWS 1 -a {\"id\":\"a\"}\n");
    host_done(&h);
}

static void more_rows_than_may_be_is_a_clear_failure(void **state)
{
    (void)state;
    struct host h;
    struct hb_settings s;
    hb_settings_init(&s);
    s.apikey = (struct hb_text){"anon", 4};
    s.rows_max = 2;
    s.frame_wait_ms = 0;
    host_init_with(&h, &s);
    host_start(&h);
    host_live(&h, "bread_types", 10, "[{\"id\":\"a\"},{\"id\":\"b\"}]");
    host_change(&h, "bread_types:*:", 11, "INSERT", "{\"id\":\"c\"}", NULL);
    host_says(&h, "SEND [\"2\",\"3\",\"" BREADS "\",\"phx_leave\",{}]\n"
                  "TROUBLE 1 more rows than a subscription may have\nSTATE 1 failed\n");
    host_done(&h);
}

static void one_event_is_passed_on_and_a_hole_is_told(void **state)
{
    (void)state;
    struct host h;
    host_init(&h);
    host_start(&h);
    struct hb_query q = {.table = {"sales_logs", 10}, .event = {"INSERT", 6}};
    uint32_t id;
    assert_int_equal(hb_client_subscribe(h.c, &q, h.now, &id), HB_OK);
    host_run(&h);
    host_forget(&h);
    host_joined(&h, 2, "sales_logs:INSERT:", 10, false);
    host_says(&h, "STATE 1 live\nROWS 1 whole\n");
    host_change(&h, "sales_logs:INSERT:", 11, "INSERT", "{\"id\":\"a\"}", NULL);
    host_says(&h, "ROWS 1 +a {\"id\":\"a\"}\n");
    hb_client_closed(h.c, 1, 1006, h.now);
    host_wait(&h, 2000);
    hb_client_opened(h.c, 2, h.now);
    host_run(&h);
    host_forget(&h);
    host_joined(&h, 2, "sales_logs:INSERT:", 99, false);
    host_says(&h, "STATE 1 live\nROWS 1 whole\n");
    host_done(&h);
}

static void settings_out_of_range_are_refused(void **state)
{
    (void)state;
    struct hb_settings s;
    struct hb_client *c = NULL;
    hb_settings_init(&s);
    assert_int_equal(hb_client_new(&s, 0, &c), HB_ERR_INVALID);
    s.apikey = (struct hb_text){"a", 1};
    s.heartbeat_ms = 0;
    assert_int_equal(hb_client_new(&s, 0, &c), HB_ERR_INVALID);
    assert_null(c);
    hb_client_free(NULL);
    assert_string_equal(hb_error_text(HB_OK), "ok");
    assert_string_equal(hb_error_text((enum hb_error)99), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_happens_before_it_is_started),
        cmocka_unit_test(a_subscription_is_joined_loaded_and_live),
        cmocka_unit_test(changes_come_once_and_in_order),
        cmocka_unit_test(a_row_whose_key_changes_leaves_its_old_place),
        cmocka_unit_test(a_row_that_leaves_the_filter_is_gone),
        cmocka_unit_test(what_comes_before_the_snapshot_is_kept_and_passed_over_when_it_is_in_it),
        cmocka_unit_test(too_much_to_keep_is_replayed_instead),
        cmocka_unit_test(a_lost_connection_is_resumed_from_the_cursor),
        cmocka_unit_test(a_gap_is_closed_by_a_snapshot_and_only_differences_are_told),
        cmocka_unit_test(a_snapshot_older_than_the_join_is_not_taken),
        cmocka_unit_test(joins_come_by_priority_and_within_a_budget),
        cmocka_unit_test(what_is_refused_is_tried_again_later_and_then_has_failed),
        cmocka_unit_test(retries_are_forgotten_after_a_calm_minute_and_no_earlier),
        cmocka_unit_test(a_filter_the_server_cannot_read_has_failed_for_good),
        cmocka_unit_test(a_new_token_is_told_to_every_channel),
        cmocka_unit_test(a_token_is_asked_for_before_it_ends_and_again_until_there_is_one),
        cmocka_unit_test(a_channel_that_ends_for_its_token_comes_back_with_a_new_one),
        cmocka_unit_test(a_token_that_comes_during_a_join_does_not_end_it),
        cmocka_unit_test(what_cannot_be_understood_replaces_the_connection_and_loses_nothing),
        cmocka_unit_test(a_change_that_cannot_be_understood_is_asked_for_again),
        cmocka_unit_test(a_row_that_was_cut_is_had_by_a_snapshot),
        cmocka_unit_test(a_refresh_tells_the_differences),
        cmocka_unit_test(more_rows_than_may_be_is_a_clear_failure),
        cmocka_unit_test(one_event_is_passed_on_and_a_hole_is_told),
        cmocka_unit_test(settings_out_of_range_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
