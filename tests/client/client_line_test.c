/* The connection: heartbeats, what is stale, sleep, the network, who looks. */
#include "host.h"

#include <stdio.h>

#define BREADS "realtime:live:bread_types:*:"

static void a_heartbeat_without_an_answer_makes_it_stale_and_then_replaces_it(void **state)
{
    (void)state;
    struct host h;
    host_init(&h);
    host_start(&h);
    host_live(&h, "bread_types", 10, "[]");
    h.answers_beats = false;
    host_wait(&h, 25000);
    host_says(&h, "BEAT 3\n");
    host_wait(&h, 9999);
    assert_int_equal(host_status(&h).state, HB_LIVE);
    host_wait(&h, 1);
    assert_int_equal(host_status(&h).state, HB_STALE);
    host_says(&h, "");
    host_wait(&h, 5000);
    host_says(&h, "CLOSE 1 4000\nSTATE 1 waiting\n");
    assert_int_equal(host_status(&h).error, HB_ERR_SILENT);
    host_wait(&h, 2000);
    host_says(&h, "OPEN 2\n");
    host_done(&h);
}

static void a_late_answer_makes_it_live_again(void **state)
{
    (void)state;
    struct host h;
    host_init(&h);
    host_start(&h);
    h.answers_beats = false;
    host_wait(&h, 25000 + 12000);
    assert_int_equal(host_status(&h).state, HB_STALE);
    host_tell(&h, "[null,\"2\",\"phoenix\",\"phx_reply\",{\"status\":\"ok\",\"response\":{}}]");
    assert_int_equal(host_status(&h).state, HB_LIVE);
    assert_int_equal(host_status(&h).latency_ms, 12000);
    assert_int_equal(host_status(&h).contact_age_ms, 0);
    host_done(&h);
}

static void an_answer_may_come_behind_a_flood_but_not_for_ever(void **state)
{
    (void)state;
    struct host h;
    host_init(&h);
    host_start(&h);
    host_live(&h, "bread_types", 10, "[]");
    h.answers_beats = false;
    host_wait(&h, 25000);
    host_forget(&h);
    for (uint64_t i = 0; i < 7; i++) {
        host_wait(&h, 8000);
        host_change(&h, "bread_types:*:", 11 + i, "INSERT", "{\"id\":\"a\"}", NULL);
        assert_int_equal(host_status(&h).state, HB_LIVE);
    }
    host_wait(&h, 24000);
    assert_int_not_equal(host_status(&h).state, HB_LIVE);
    host_done(&h);
}

static void an_idle_client_sends_heartbeats_and_nothing_else(void **state)
{
    (void)state;
    struct host h;
    host_init(&h);
    host_start(&h);
    host_live(&h, "bread_types", 10, "[]");
    host_wait(&h, 100000);
    host_says(&h, "BEAT 3\nBEAT 4\nBEAT 5\nBEAT 6\n");
    host_done(&h);
}

static void who_wakes_up_asks_at_once_and_judges_nobody(void **state)
{
    (void)state;
    struct host h;
    host_init(&h);
    host_start(&h);
    host_live(&h, "bread_types", 10, "[]");
    h.answers_beats = false;
    h.now += 3600 * 1000;
    hb_client_tick(h.c, h.now);
    host_run(&h);
    host_says(&h, "BEAT 3\n");
    assert_int_equal(host_status(&h).state, HB_LIVE);
    host_wait(&h, 10000);
    host_says(&h, "CLOSE 1 4000\nSTATE 1 waiting\n");
    host_done(&h);
}

static void a_clock_set_back_changes_nothing(void **state)
{
    (void)state;
    struct host h;
    host_init(&h);
    host_start(&h);
    host_live(&h, "bread_types", 10, "[]");
    host_wait(&h, 20000);
    h.now -= 365 * INT64_C(86400000);
    hb_client_tick(h.c, h.now);
    host_run(&h);
    host_says(&h, "");
    host_wait(&h, 5000);
    host_says(&h, "BEAT 3\n");
    host_done(&h);
}

static void a_server_that_is_restarted_is_waited_for(void **state)
{
    (void)state;
    struct host h;
    host_init(&h);
    host_start(&h);
    hb_client_closed(h.c, 1, 1012, h.now);
    host_run(&h);
    assert_int_equal(host_status(&h).error, HB_ERR_SERVER);
    for (uint32_t tried = 1; tried < 9; tried++) {
        assert_int_equal(host_status(&h).state, HB_WAITING);
        assert_int_equal(host_status(&h).retries, tried);
        assert_in_range(host_status(&h).retry_in_ms, 1000, 30000);
        host_wait(&h, host_status(&h).retry_in_ms);
        assert_int_equal(h.connection, tried + 1);
        hb_client_closed(h.c, h.connection, 1006, h.now);
        host_run(&h);
    }
    host_wait(&h, host_status(&h).retry_in_ms);
    hb_client_opened(h.c, h.connection, h.now);
    host_run(&h);
    assert_int_equal(host_status(&h).state, HB_LIVE);
    assert_int_equal(host_status(&h).retries, 9);
    host_wait(&h, 60000);
    assert_int_equal(host_status(&h).retries, 0);
    assert_int_equal(host_status(&h).error, HB_OK);
    host_done(&h);
}

static void the_code_of_a_close_says_what_the_trouble_was(void **state)
{
    (void)state;
    static const struct {
        uint32_t code;
        enum hb_error error;
    } cases[] = {{0, HB_ERR_NETWORK},     {1000, HB_ERR_NETWORK},  {1006, HB_ERR_NETWORK},
                 {1001, HB_ERR_SERVER},   {1011, HB_ERR_SERVER},   {1012, HB_ERR_SERVER},
                 {1013, HB_ERR_SERVER},   {1002, HB_ERR_PROTOCOL}, {1003, HB_ERR_PROTOCOL},
                 {1007, HB_ERR_PROTOCOL}, {1009, HB_ERR_PROTOCOL}, {1015, HB_ERR_DENIED}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct host h;
        host_init(&h);
        host_start(&h);
        hb_client_closed(h.c, h.connection, cases[i].code, h.now);
        host_run(&h);
        assert_int_equal(host_status(&h).state, HB_WAITING);
        assert_int_equal(host_status(&h).error, cases[i].error);
        host_done(&h);
    }
}

static void a_connection_that_is_not_made_in_time_is_given_up(void **state)
{
    (void)state;
    struct host h;
    host_init(&h);
    hb_client_start(h.c, h.now);
    host_run(&h);
    host_wait(&h, 15000);
    host_says(&h, "OPEN 1\nCLOSE 1 4000\n");
    hb_client_opened(h.c, 1, h.now);
    host_run(&h);
    host_says(&h, "");
    host_done(&h);
}

static void coming_online_tries_at_once_and_revives_what_failed(void **state)
{
    (void)state;
    struct host h;
    host_init(&h);
    host_start(&h);
    uint32_t id = host_live(&h, "bread_types", 10, "[]");
    hb_client_set_online(h.c, false, h.now);
    host_run(&h);
    host_says(&h, "CLOSE 1 1000\nSTATE 1 waiting\n");
    assert_int_equal(host_status(&h).state, HB_OFFLINE);
    assert_int_equal(host_status(&h).reason, HB_REASON_NETWORK);
    host_wait(&h, 3600 * 1000);
    host_says(&h, "");
    hb_client_set_online(h.c, true, h.now);
    host_run(&h);
    host_says(&h, "OPEN 2\n");
    hb_client_opened(h.c, 2, h.now);
    host_run(&h);
    host_joined(&h, 2, "bread_types:*:", 10, true);
    assert_int_equal(host_state(&h, id), HB_SUB_LIVE);
    host_done(&h);
}

static void without_auto_reconnect_the_user_decides(void **state)
{
    (void)state;
    struct host h;
    struct hb_settings s;
    hb_settings_init(&s);
    s.apikey = (struct hb_text){"anon", 4};
    s.no_auto_reconnect = true;
    host_init_with(&h, &s);
    host_start(&h);
    hb_client_closed(h.c, 1, 1006, h.now);
    host_wait(&h, 3600 * 1000);
    host_says(&h, "");
    assert_int_equal(host_status(&h).reason, HB_REASON_LOST);
    hb_client_retry(h.c, 0, h.now);
    host_run(&h);
    host_says(&h, "OPEN 2\n");
    host_done(&h);
}

static void a_user_who_does_not_believe_it_makes_a_live_connection_prove_itself(void **state)
{
    (void)state;
    struct host h;
    host_init(&h);
    host_start(&h);
    hb_client_retry(h.c, 0, h.now);
    host_run(&h);
    host_says(&h, "BEAT 2\n");
    assert_int_equal(host_status(&h).state, HB_LIVE);
    h.answers_beats = false;
    hb_client_retry(h.c, 0, h.now);
    host_run(&h);
    host_wait(&h, 3000);
    hb_client_retry(h.c, 0, h.now); /* asking again and again gives it no more time */
    host_run(&h);
    host_says(&h, "BEAT 3\n");
    host_wait(&h, 7000);
    host_says(&h, "CLOSE 1 4000\n");
    assert_int_equal(host_status(&h).state, HB_WAITING);
    host_done(&h);
}

static void a_hidden_page_gives_up_its_connection_when_it_is_told_to(void **state)
{
    (void)state;
    struct host h;
    struct hb_settings s;
    hb_settings_init(&s);
    s.apikey = (struct hb_text){"anon", 4};
    s.hidden = HB_HIDDEN_CLOSE;
    host_init_with(&h, &s);
    host_start(&h);
    host_live(&h, "bread_types", 10, "[]");
    hb_client_set_visible(h.c, false, h.now);
    host_wait(&h, 60000);
    host_says(&h, "BEAT 3\nBEAT 4\nCLOSE 1 1000\nSTATE 1 waiting\n");
    assert_int_equal(host_status(&h).reason, HB_REASON_HIDDEN);
    host_wait(&h, 3600 * 1000);
    hb_client_set_visible(h.c, true, h.now);
    host_run(&h);
    host_says(&h, "OPEN 2\nFRAME\n");
    hb_client_opened(h.c, 2, h.now);
    host_run(&h);
    host_says(&h, "BEAT 1\nJOIN 2 " BREADS " E1:10\nSTATE 1 joining\n");
    host_done(&h);
}

static void a_page_that_is_shown_again_asks_whether_it_is_still_live(void **state)
{
    (void)state;
    struct host h;
    host_init(&h);
    host_start(&h);
    hb_client_set_visible(h.c, false, h.now);
    host_wait(&h, 10000);
    host_says(&h, "");
    hb_client_set_visible(h.c, true, h.now);
    host_run(&h);
    host_says(&h, "BEAT 2\n");
    host_done(&h);
}

static void stopping_closes_and_starting_resumes(void **state)
{
    (void)state;
    struct host h;
    host_init(&h);
    host_start(&h);
    host_live(&h, "bread_types", 10, "[]");
    hb_client_stop(h.c, h.now);
    host_run(&h);
    host_says(&h, "CLOSE 1 1000\nSTATE 1 waiting\n");
    hb_client_start(h.c, h.now);
    host_run(&h);
    hb_client_opened(h.c, 2, h.now);
    host_run(&h);
    host_says(&h, "OPEN 2\nBEAT 1\nJOIN 2 " BREADS " E1:10\nSTATE 1 joining\n");
    host_done(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_heartbeat_without_an_answer_makes_it_stale_and_then_replaces_it),
        cmocka_unit_test(a_late_answer_makes_it_live_again),
        cmocka_unit_test(an_answer_may_come_behind_a_flood_but_not_for_ever),
        cmocka_unit_test(an_idle_client_sends_heartbeats_and_nothing_else),
        cmocka_unit_test(who_wakes_up_asks_at_once_and_judges_nobody),
        cmocka_unit_test(a_clock_set_back_changes_nothing),
        cmocka_unit_test(a_server_that_is_restarted_is_waited_for),
        cmocka_unit_test(the_code_of_a_close_says_what_the_trouble_was),
        cmocka_unit_test(a_connection_that_is_not_made_in_time_is_given_up),
        cmocka_unit_test(coming_online_tries_at_once_and_revives_what_failed),
        cmocka_unit_test(without_auto_reconnect_the_user_decides),
        cmocka_unit_test(a_user_who_does_not_believe_it_makes_a_live_connection_prove_itself),
        cmocka_unit_test(a_hidden_page_gives_up_its_connection_when_it_is_told_to),
        cmocka_unit_test(a_page_that_is_shown_again_asks_whether_it_is_still_live),
        cmocka_unit_test(stopping_closes_and_starting_resumes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
