#include "host.h"

#define BREADS "realtime:live:bread_types:*:"

#define NEW_SIGHT                                                                                  \
    "\"system\",{\"status\":\"ok\",\"extension\":\"postgres_changes\",\"message\":\"What may be "  \
    "read\","                                                                                      \
    "\"resume\":{\"epoch\":\"E2\",\"seq\":12,\"replayed\":false}}]"

static void who_may_see_other_rows_has_them_without_asking(void **state)
{
    (void)state;
    struct host h;
    host_init(&h);
    host_start(&h);
    uint32_t id = host_live(&h, "bread_types", 10, "[{\"id\":\"a\"},{\"id\":\"b\"}]");
    host_tell(&h, "[\"2\",null,\"" BREADS "\"," NEW_SIGHT);
    host_says(&h,
              "FETCH 2 /rest/v1/bread_types?select=*&order=id.asc&limit=10001\nSTATE 1 loading\n");
    host_change(&h, "bread_types:*:", 13, "INSERT", "{\"id\":\"c\"}", NULL);
    h.epoch = "E2";
    host_fetched(&h, 12, "[{\"id\":\"b\"}]");
    host_says(&h, "STATE 1 live\nROWS 1 -a {\"id\":\"a\"} +c {\"id\":\"c\"}\n");
    hb_client_closed(h.c, h.connection, 1006, h.now);
    host_wait(&h, 3000);
    hb_client_opened(h.c, h.connection, h.now);
    host_run(&h);
    assert_int_equal(host_state(&h, id), HB_SUB_JOINING);
    assert_true(bytes_find(buf_bytes(&h.log), BYTES(" E2:13\n")) < h.log.size);
    host_done(&h);
}

static void a_snapshot_seen_with_other_eyes_is_not_taken(void **state)
{
    (void)state;
    struct host h;
    host_init(&h);
    host_start(&h);
    uint32_t id = host_live(&h, "bread_types", 10, "[{\"id\":\"a\"}]");
    host_tell(&h, "[\"2\",null,\"" BREADS "\"," NEW_SIGHT);
    host_forget(&h);
    host_fetched(&h, 12,
                 "[{\"id\":\"a\"},{\"id\":\"b\"}]"); /* by a thread that had not heard yet */
    assert_int_equal(host_state(&h, id), HB_SUB_WAITING);
    assert_true(bytes_find(buf_bytes(&h.log), BYTES("ROWS")) == h.log.size);
    host_wait(&h, 2000);
    h.epoch = "E2";
    host_joined(&h, host_last_join(&h), "bread_types:*:", 12, false);
    host_forget(&h);
    host_fetched(&h, 12, "[]");
    host_says(&h, "STATE 1 live\nROWS 1 -a {\"id\":\"a\"}\n");
    host_done(&h);
}

static void single_events_go_on_with_other_eyes(void **state)
{
    (void)state;
    struct host h;
    host_init(&h);
    host_start(&h);
    struct hb_query q = {.table = {"bread_types", 11}, .event = {"INSERT", 6}};
    uint32_t id;
    assert_int_equal(hb_client_subscribe(h.c, &q, h.now, &id), HB_OK);
    host_run(&h);
    host_joined(&h, host_last_join(&h), "bread_types:INSERT:", 10, false);
    host_forget(&h);
    host_tell(&h, "[\"2\",null,\"realtime:live:bread_types:INSERT:\"," NEW_SIGHT);
    host_change(&h, "bread_types:INSERT:", 11, "INSERT", "{\"id\":\"c\"}", NULL);
    assert_int_equal(host_state(&h, id), HB_SUB_LIVE);
    host_says(&h, "ROWS 1 +c {\"id\":\"c\"}\n");
    host_done(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_may_see_other_rows_has_them_without_asking),
        cmocka_unit_test(a_snapshot_seen_with_other_eyes_is_not_taken),
        cmocka_unit_test(single_events_go_on_with_other_eyes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
