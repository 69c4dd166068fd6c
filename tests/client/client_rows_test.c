#include "host.h"

#include <stdio.h>

#include "base/mem.h"

static void init_with_frames(struct host *h)
{
    struct hb_settings s;
    hb_settings_init(&s);
    s.apikey = (struct hb_text){"anon", 4};
    host_init_with(h, &s);
}

static void a_burst_is_told_once_a_frame_with_its_last_state(void **state)
{
    (void)state;
    struct host h;
    init_with_frames(&h);
    host_start(&h);
    host_live(&h, "t", 10, "[]");
    hb_client_frame(h.c, h.now);
    host_run(&h);
    host_says(&h, "ROWS 1 whole\n");
    for (uint64_t i = 0; i < 100; i++)
        host_change(&h, "t:*:", 11 + i, i ? "UPDATE" : "INSERT",
                    i == 99 ? "{\"id\":\"a\",\"n\":9}" : "{\"id\":\"a\"}",
                    i ? "{\"id\":\"a\"}" : NULL);
    host_says(&h, "FRAME\n");
    hb_client_frame(h.c, h.now);
    host_run(&h);
    host_says(&h, "ROWS 1 +a {\"id\":\"a\",\"n\":9}\n");
    hb_client_frame(h.c, h.now);
    host_run(&h);
    host_says(&h, "");
    host_done(&h);
}

static void without_a_frame_rows_wait_no_longer_than_told(void **state)
{
    (void)state;
    struct host h;
    init_with_frames(&h);
    host_start(&h);
    host_live(&h, "t", 10, "[{\"id\":\"a\"}]");
    host_wait(&h, 249);
    host_says(&h, "");
    host_wait(&h, 1);
    host_says(&h, "ROWS 1 whole +a {\"id\":\"a\"}\n");
    host_done(&h);
}

static void a_hidden_page_is_told_nothing_until_it_is_seen(void **state)
{
    (void)state;
    struct host h;
    init_with_frames(&h);
    host_start(&h);
    host_live(&h, "t", 10, "[]");
    host_wait(&h, 250);
    hb_client_set_visible(h.c, false, h.now);
    host_forget(&h);
    host_change(&h, "t:*:", 11, "INSERT", "{\"id\":\"a\"}", NULL);
    host_wait(&h, 10000);
    host_says(&h, "");
    hb_client_set_visible(h.c, true, h.now);
    host_run(&h);
    host_says(&h, "BEAT 3\nFRAME\n");
    hb_client_frame(h.c, h.now);
    host_run(&h);
    host_says(&h, "ROWS 1 +a {\"id\":\"a\"}\n");
    host_done(&h);
}

static void who_comes_later_gets_all_rows_first_and_asks_the_server_nothing(void **state)
{
    (void)state;
    struct host h;
    host_init(&h);
    host_start(&h);
    host_live(&h, "t", 10, "[{\"id\":\"a\"},{\"id\":\"b\"}]");
    host_subscribe(&h, "t", NULL, HB_LOW);
    host_says(&h, "STATE 2 live\nROWS 2 whole +a {\"id\":\"a\"} +b {\"id\":\"b\"}\n");
    host_change(&h, "t:*:", 11, "DELETE", NULL, "{\"id\":\"a\"}");
    host_says(&h, "ROWS 1 -a {\"id\":\"a\"}\nROWS 2 -a {\"id\":\"a\"}\n");
    host_done(&h);
}

static void who_comes_while_changes_wait_gets_them_with_the_rest(void **state)
{
    (void)state;
    struct host h;
    init_with_frames(&h);
    host_start(&h);
    host_live(&h, "t", 10, "[{\"id\":\"a\"}]");
    hb_client_frame(h.c, h.now);
    host_run(&h);
    host_change(&h, "t:*:", 11, "INSERT", "{\"id\":\"b\"}", NULL);
    host_subscribe(&h, "t", NULL, HB_LOW);
    host_forget(&h);
    hb_client_frame(h.c, h.now);
    host_run(&h);
    host_says(&h, "ROWS 1 +b {\"id\":\"b\"}\n"
                  "ROWS 2 whole +a {\"id\":\"a\"} +b {\"id\":\"b\"}\n");
    host_done(&h);
}

static void a_change_between_two_receivers_of_a_batch_does_not_touch_it(void **state)
{
    (void)state;
    struct host h;
    struct hb_action a;
    struct hb_row row;
    host_init(&h);
    host_start(&h);
    host_live(&h, "t", 10, "[]");
    host_subscribe(&h, "t", NULL, HB_LOW);
    static const char text[] =
        "[null,null,\"realtime:live:t:*:\",\"postgres_changes\",{\"ids\":[7],\"data\":{\"type\":"
        "\"UPDATE\","
        "\"seq\":%d,\"record\":{\"id\":\"a\",\"n\":%d},\"old_record\":{\"id\":\"a\"}}}]";
    for (int i = 1; i <= 2; i++) {
        char message[256];
        snprintf(message, sizeof(message), text, 10 + i, i);
        hb_client_message(h.c, 1, (struct hb_text){message, strlen(message)}, h.now);
        assert_true(hb_client_next(h.c, &a));
        assert_int_equal(a.type, HB_ROWS);
        hb_client_row(h.c, 0, &row);
        struct bytes got = {row.row.data, row.row.size};
        check_text(got, "{\"id\":\"a\",\"n\":1}");
        assert_int_equal(a.id, i);
        assert_int_equal(a.seq, 11);
    }
    host_forget(&h);
    host_run(&h);
    host_says(&h, "ROWS 1 ~a {\"id\":\"a\",\"n\":2}\nROWS 2 ~a {\"id\":\"a\",\"n\":2}\n");
    hb_client_row(h.c, 7, &row);
    assert_int_equal(row.row.size, 0);
    host_done(&h);
}

static void nobody_who_has_left_is_told_anything(void **state)
{
    (void)state;
    struct host h;
    struct hb_action a;
    host_init(&h);
    host_start(&h);
    host_live(&h, "t", 10, "[]");
    host_subscribe(&h, "t", NULL, HB_LOW);
    host_forget(&h);
    static const char text[] = "[null,null,\"realtime:live:t:*:\",\"postgres_changes\",{\"ids\":[7]"
                               ",\"data\":{\"type\":\"INSERT\","
                               "\"seq\":11,\"record\":{\"id\":\"a\"}}}]";
    hb_client_message(h.c, 1, (struct hb_text){text, sizeof(text) - 1}, h.now);
    assert_true(hb_client_next(h.c, &a));
    assert_int_equal(a.id, 1);
    hb_client_unsubscribe(h.c, 2, h.now);
    hb_client_unsubscribe(h.c, 1, h.now);
    hb_client_unsubscribe(h.c, 99, h.now);
    host_run(&h);
    host_says(&h, "SEND [\"2\",\"3\",\"realtime:live:t:*:\",\"phx_leave\",{}]\n");
    assert_int_equal(host_status(&h).subscriptions, 0);
    host_done(&h);
}

static void mounting_twice_in_one_turn_keeps_the_channel(void **state)
{
    (void)state;
    struct host h;
    host_init(&h);
    host_start(&h);
    host_live(&h, "t", 10, "[{\"id\":\"a\"}]");
    hb_client_unsubscribe(h.c, 1, h.now);
    host_subscribe(&h, "t", NULL, HB_HIGH);
    host_says(&h, "STATE 2 live\nROWS 2 whole +a {\"id\":\"a\"}\n");
    host_done(&h);
}

static void leaving_while_it_loads_cancels_what_was_asked_for(void **state)
{
    (void)state;
    struct host h;
    host_init(&h);
    host_start(&h);
    uint32_t id = host_subscribe(&h, "t", NULL, HB_HIGH);
    host_joined(&h, 2, "t:*:", 10, false);
    host_forget(&h);
    hb_client_unsubscribe(h.c, id, h.now);
    host_run(&h);
    host_says(&h, "CANCEL 1\nSEND [\"2\",\"3\",\"realtime:live:t:*:\",\"phx_leave\",{}]\n");
    host_fetched(&h, 10, "[]");
    host_says(&h, "");
    id = host_subscribe(&h, "t", NULL, HB_HIGH);
    host_says(&h, "JOIN 4 realtime:live:t:*: :0\nSTATE 2 joining\n");
    host_done(&h);
}

/* A life with everything in it, in which each allocation fails in turn: afterwards, with memory, the
 * rows are right. */
static void live_through(struct host *h)
{
    struct hb_query q = {.table = {"t", 1}};
    uint32_t id;
    if (hb_client_subscribe(h->c, &q, h->now, &id) != HB_OK)
        return;
    hb_client_start(h->c, h->now);
    for (int i = 0; i < 3; i++) {
        host_run(h);
        hb_client_opened(h->c, h->connection, h->now);
        host_run(h);
        host_joined(h, 2, "t:*:", 10, i > 0);
        host_change(h, "t:*:", 11, "INSERT", "{\"id\":\"b\"}", NULL);
        host_fetched(h, 10, "[{\"id\":\"a\"}]");
        host_change(h, "t:*:", 12, "UPDATE", "{\"id\":\"a\",\"n\":1}", "{\"id\":\"a\"}");
        hb_client_set_token(h->c, (struct hb_text){"T", 1}, -1, h->now);
        h->now += 1000;
        hb_client_tick(h->c, h->now);
    }
}

static void heal(struct host *h)
{
    hb_client_start(h->c, h->now);
    for (int i = 0; i < 100; i++) {
        enum hb_subscription state;
        uint32_t id;
        struct hb_query q = {.table = {"t", 1}};
        assert_int_equal(hb_client_subscribe(h->c, &q, h->now, &id), HB_OK);
        if (!hb_client_subscription(h->c, id, &state) && state == HB_SUB_LIVE)
            return;
        hb_client_retry(h->c, 0, h->now);
        host_wait(h, 3000);
        hb_client_opened(h->c, h->connection, h->now);
        host_run(h);
        uint32_t ref = host_last_join(h);
        if (ref) {
            struct bytes log = buf_bytes(&h->log);
            bool is_resumed = bytes_find(log, BYTES("E1:1")) < log.size;
            host_forget(h);
            host_joined(h, ref, "t:*:", 12, is_resumed);
            host_change(h, "t:*:", 11, "INSERT", "{\"id\":\"b\"}", NULL);
            host_change(h, "t:*:", 12, "UPDATE", "{\"id\":\"a\",\"n\":1}", "{\"id\":\"a\"}");
        }
        host_fetched(h, 12, "[{\"id\":\"a\",\"n\":1},{\"id\":\"b\"}]");
    }
    fail_msg("it did not heal");
}

static void every_allocation_may_fail_and_the_rows_are_right_in_the_end(void **state)
{
    (void)state;
    bool has_passed = false;
    for (uint64_t n = 1; !has_passed; n++) {
        struct host h;
        host_init(&h);
        buf_put(&h.log, (struct bytes){(char[65536]){0}, 65536}); /* room of its own */
        host_forget(&h);
        mem_fail_at(n);
        live_through(&h);
        has_passed = !mem_fail_hit();
        mem_fail_at(0);
        buf_reset(&h.log);
        heal(&h);
        host_run(&h);
        host_forget(&h);
        uint32_t id = host_subscribe(&h, "t", NULL, HB_LOW);
        char want[128];
        snprintf(want, sizeof(want),
                 "STATE %u live\nROWS %u whole +a {\"id\":\"a\",\"n\":1} +b {\"id\":\"b\"}\n", id,
                 id);
        host_says(&h, want);
        host_done(&h);
    }
}

static void any_message_cut_anywhere_is_survived(void **state)
{
    (void)state;
    static const char joined[] =
        "[\"2\",\"2\",\"realtime:live:t:*:\",\"phx_reply\",{\"status\":\"ok\",\"response\":{"
        "\"postgres_changes\":[{\"id\":7}],\"resume\":{\"epoch\":\"E\",\"seq\":1,\"replayed\":"
        "false}}}]";
    static const char change[] =
        "[null,null,\"realtime:live:t:*:\",\"postgres_changes\",{\"ids\":[7],\"data\":{\"type\":"
        "\"UPDATE\",\"record\":{\"id\":\"a\"},\"old_record\":{\"id\":\"b\"},\"seq\":11}}]";
    static const char system[] =
        "[\"2\",\"2\",\"realtime:live:t:*:\",\"system\",{\"status\":\"error\",\"message\":\"x\"}]";
    static const char *const messages[] = {joined, change, system};
    for (size_t i = 0; i < CHECK_COUNT(messages); i++) {
        for (size_t size = 0; size < strlen(messages[i]); size++) {
            struct host h;
            host_init(&h);
            host_start(&h);
            host_live(&h, "t", 10, "[]");
            struct bytes boxed = check_boxed((struct bytes){messages[i], size});
            hb_client_message(h.c, 1, (struct hb_text){boxed.data, boxed.size}, h.now);
            check_unbox(boxed);
            host_run(&h);
            assert_int_equal(host_status(&h).error, HB_ERR_PROTOCOL);
            host_done(&h);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_burst_is_told_once_a_frame_with_its_last_state),
        cmocka_unit_test(without_a_frame_rows_wait_no_longer_than_told),
        cmocka_unit_test(a_hidden_page_is_told_nothing_until_it_is_seen),
        cmocka_unit_test(who_comes_later_gets_all_rows_first_and_asks_the_server_nothing),
        cmocka_unit_test(who_comes_while_changes_wait_gets_them_with_the_rest),
        cmocka_unit_test(a_change_between_two_receivers_of_a_batch_does_not_touch_it),
        cmocka_unit_test(nobody_who_has_left_is_told_anything),
        cmocka_unit_test(mounting_twice_in_one_turn_keeps_the_channel),
        cmocka_unit_test(leaving_while_it_loads_cancels_what_was_asked_for),
        cmocka_unit_test(every_allocation_may_fail_and_the_rows_are_right_in_the_end),
        cmocka_unit_test(any_message_cut_anywhere_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
