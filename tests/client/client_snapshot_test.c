#include "host.h"

#define BREADS "realtime:live:bread_types:*:"

/* Started with one subscription, while the connection is being made. */
static uint32_t ask_ahead(struct host *h)
{
    host_init(h);
    uint32_t id = host_subscribe(h, "bread_types", NULL, HB_LOW);
    host_forget(h);
    hb_client_start(h->c, h->now);
    host_run(h);
    host_says(h, "OPEN 1\nFETCH 1 /rest/v1/bread_types?select=*&order=id.asc&limit=10001\n");
    return id;
}

static void open_line(struct host *h)
{
    hb_client_opened(h->c, 1, h->now);
    host_run(h);
}

static void
the_first_rows_come_while_the_connection_is_made_and_the_join_goes_on_from_them(void **state)
{
    (void)state;
    struct host h;
    ask_ahead(&h);
    host_fetched(&h, 12, "[{\"id\":\"a\",\"n\":1}]");
    host_says(&h, "ROWS 1 whole +a {\"id\":\"a\",\"n\":1}\n");
    open_line(&h);
    host_says(&h, "BEAT 1\nJOIN 2 " BREADS " E1:12\nSTATE 1 joining\n");
    host_joined(&h, 2, "bread_types:*:", 14, true);
    host_change(&h, "bread_types:*:", 13, "UPDATE", "{\"id\":\"a\",\"n\":2}", "{\"id\":\"a\"}");
    host_says(&h, "STATE 1 live\nROWS 1 ~a {\"id\":\"a\",\"n\":2}\n");
    host_done(&h);
}

static void a_join_waits_for_the_snapshot_that_is_on_its_way_but_not_for_ever(void **state)
{
    (void)state;
    struct host h;
    uint32_t id = ask_ahead(&h);
    open_line(&h);
    host_says(&h, "BEAT 1\n");
    host_wait(&h, 4999);
    assert_int_equal(host_state(&h, id), HB_SUB_WAITING);
    host_forget(&h);
    host_wait(&h, 1);
    host_says(&h, "CANCEL 1\nJOIN 2 " BREADS " :0\nSTATE 1 joining\n");
    host_fetched(&h, 12, "[]");
    host_joined(&h, 2, "bread_types:*:", 14, false);
    host_says(&h,
              "FETCH 2 /rest/v1/bread_types?select=*&order=id.asc&limit=10001\nSTATE 1 loading\n");
    host_done(&h);
}

static void a_snapshot_that_fails_ahead_of_the_join_is_asked_for_behind_it(void **state)
{
    (void)state;
    static const uint32_t statuses[] = {0, 401, 413, 500, 200};
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        struct host h;
        ask_ahead(&h);
        hb_client_fetched(h.c, 1, statuses[i], 12, (struct hb_text){"E1", 2},
                          (struct hb_text){"[{", 2}, h.now);
        host_run(&h);
        host_says(&h, "");
        open_line(&h);
        host_says(&h, "BEAT 1\nJOIN 2 " BREADS " :0\nSTATE 1 joining\n");
        host_done(&h);
    }
}

static void a_connection_that_fails_keeps_the_rows_had_ahead_and_asks_for_none_again(void **state)
{
    (void)state;
    struct host h;
    ask_ahead(&h);
    host_fetched(&h, 12, "[{\"id\":\"a\"}]");
    host_lose_first(&h);
    host_says(&h, "OPEN 2\n");
    hb_client_opened(h.c, 2, h.now);
    host_run(&h);
    host_says(&h, "BEAT 1\nJOIN 2 " BREADS " E1:12\nSTATE 1 joining\n");
    host_done(&h);
}

static void rows_are_asked_for_ahead_once_however_often_the_connection_fails(void **state)
{
    (void)state;
    struct host h;
    ask_ahead(&h);
    host_lose_first(&h);
    host_says(&h, "OPEN 2\n");
    host_done(&h);
}

static void a_refresh_drops_what_was_asked_for_before_it(void **state)
{
    (void)state;
    struct host h;
    ask_ahead(&h);
    hb_client_refresh(h.c, h.now);
    host_run(&h);
    host_says(&h, "CANCEL 1\n");
    host_fetched(&h, 12, "[{\"id\":\"a\"}]");
    open_line(&h);
    host_says(&h, "BEAT 1\nJOIN 2 " BREADS " :0\nSTATE 1 joining\n");
    host_done(&h);
}

static void snapshots_are_asked_for_together_but_not_all_of_many(void **state)
{
    (void)state;
    struct host h;
    host_init(&h);
    host_start(&h);
    uint32_t first_ref = 0;
    for (int i = 0; i < 7; i++) {
        char table[] = "t0", topic[] = "t0:*:";
        table[1] = topic[1] = (char)('0' + i);
        host_subscribe(&h, table, NULL, HB_LOW);
        first_ref = first_ref ? first_ref : host_last_join(&h);
        host_joined(&h, first_ref + (uint32_t)i, topic, 10, false);
    }
    /* Numbered from 1 on: five without an answer, and no more. */
    assert_int_equal(h.request, 5);
    host_fetched(&h, 10, "[]");
    assert_int_equal(h.request, 6);
    host_done(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            the_first_rows_come_while_the_connection_is_made_and_the_join_goes_on_from_them),
        cmocka_unit_test(a_join_waits_for_the_snapshot_that_is_on_its_way_but_not_for_ever),
        cmocka_unit_test(a_snapshot_that_fails_ahead_of_the_join_is_asked_for_behind_it),
        cmocka_unit_test(a_connection_that_fails_keeps_the_rows_had_ahead_and_asks_for_none_again),
        cmocka_unit_test(rows_are_asked_for_ahead_once_however_often_the_connection_fails),
        cmocka_unit_test(a_refresh_drops_what_was_asked_for_before_it),
        cmocka_unit_test(snapshots_are_asked_for_together_but_not_all_of_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
