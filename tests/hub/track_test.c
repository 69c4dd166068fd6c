#include "track_support.h"

static void those_present_are_told_to_all_and_to_who_comes_later(void **state)
{
    struct fixture *f = *state;
    struct world *w = &f->here;
    struct client *a = joined(w, "ada"), *b = joined(w, "bob");
    check_text(told(f, a), STATE("1", "{}"));
    check_text(told(f, b), STATE("1", "{}"));
    track(w, a, "{\"at\":\"till\"}");
    const char *diff = DIFF(IS("ada", "{\"at\":\"till\",\"phx_ref\":\"#1\"}"), "");
    check_text(told(f, a), diff);
    check_text(told(f, b), diff);
    struct client *c = joined(w, "eve");
    check_text(told(f, c), STATE("1", "{" IS("ada", "{\"at\":\"till\",\"phx_ref\":\"#1\"}") "}"));
    expect_silence(a);
    expect_silence(c);
    assert_int_equal(hub_counters(w->hub).present, 1);
}

static void another_track_joins_and_leaves_in_one_diff(void **state)
{
    struct fixture *f = *state;
    struct world *w = &f->here;
    struct client *a = joined(w, "ada");
    track(w, a, "{\"n\":1}");
    check_text(told(f, a), DIFF(IS("ada", "{\"n\":1,\"phx_ref\":\"#1\"}"), ""));
    w->now_us += WINDOW_US;
    track(w, a, "{\"n\":2}");
    check_text(told(f, a), DIFF(IS("ada", "{\"n\":2,\"phx_ref\":\"#2\",\"phx_ref_prev\":\"#1\"}"),
                                IS("ada", "{\"n\":1,\"phx_ref\":\"#1\"}")));
    w->now_us += WINDOW_US;
    track(w, a, "{\"n\":2}");
    expect_silence(a);
}

static void untrack_leave_and_disconnect_are_leaves(void **state)
{
    struct fixture *f = *state;
    struct world *w = &f->here;
    struct client *a = joined(w, "ada"), *b = joined(w, "bob");
    client_skip(a, 1);
    client_skip(b, 1);
    for (int i = 0; i < 2; i++) {
        track(w, a, "{}");
        client_skip(a, 1);
        client_skip(b, 1);
        w->now_us += WINDOW_US;
        if (i == 0)
            untrack(w, a);
        else
            client_say(w, a, "[\"1\",\"2\",\"realtime:x\",\"phx_leave\",{}]");
        expect_part(b, "\"joins\":{},\"leaves\":{\"ada\":{\"metas\":[{\"phx_ref\":");
    }
    struct client *c = joined(w, "eve");
    client_skip(c, 1);
    track(w, c, "{}");
    expect_part(b, "\"joins\":{\"eve\"");
    client_gone(w, c);
    expect_part(b, "\"leaves\":{\"eve\"");
    untrack(w, b);
    expect_silence(b);
    assert_int_equal(hub_counters(w->hub).present, 0);
}

static void several_connections_of_one_key_are_metas_of_it(void **state)
{
    struct fixture *f = *state;
    struct world *w = &f->here;
    struct client *phone = joined(w, "ada"), *till = joined(&f->there, "ada");
    client_skip(phone, 1);
    client_skip(till, 1);
    track(w, phone, "{\"on\":\"phone\"}");
    check_text(told(f, phone), DIFF(IS("ada", "{\"on\":\"phone\",\"phx_ref\":\"#1\"}"), ""));
    track(&f->there, till, "{\"on\":\"till\"}");
    check_text(told(f, phone), DIFF(IS("ada", "{\"on\":\"till\",\"phx_ref\":\"#2\"}"), ""));
    client_skip(till, 1); /* its own */
    client_gone(w, phone);
    check_text(told(f, till), DIFF("", IS("ada", "{\"on\":\"phone\",\"phx_ref\":\"#1\"}")));
}

static void without_a_key_each_connection_has_its_own(void **state)
{
    struct fixture *f = *state;
    struct world *w = &f->here;
    struct client *a = joined(w, ""), *b = joined(&f->there, "");
    client_skip(a, 1);
    track(w, a, "{}");
    track(&f->there, b, "{}");
    struct client *c = joined(w, "");
    struct bytes text = client_next(c, NULL);
    struct json_value message, all, v;
    struct bytes key;
    assert_int_equal(json_parse(text, &message), OK);
    struct json_iter it = json_iter(message);
    while (json_next(&it, &key, &all))
        continue; /* the last is the payload */
    it = json_iter(all);
    for (int i = 0; i < 2; i++) {
        assert_true(json_next(&it, &key, &v));
        assert_true(uuid_is_valid(bytes_slice(key, 1, key.size - 1)));
    }
    assert_false(json_next(&it, &key, &v));
}

static void whoever_did_not_ask_is_present_but_hears_nothing(void **state)
{
    struct fixture *f = *state;
    struct world *w = &f->here;
    struct client *a = joined_as(w, false, "ada"), *b = joined(w, "bob");
    client_skip(b, 1);
    track(w, a, "{}");
    expect_silence(a);
    expect_part(b, "\"joins\":{\"ada\"");
}

static void version_1_is_told_in_its_own_form(void **state)
{
    struct fixture *f = *state;
    struct world *w = &f->here;
    struct client *a = client_open(w, PHX_V1);
    client_join(w, a, "x", "1", "\"presence\":{\"key\":\"ada\"}", NULL);
    client_skip(a, 1);
    expect_text(a, "{\"topic\":\"realtime:x\",\"event\":\"presence_state\",\"payload\":{},"
                   "\"ref\":null}");
    client_say(w, a,
               "{\"topic\":\"realtime:x\",\"event\":\"presence\",\"ref\":\"9\",\"payload\":"
               "{\"type\":\"presence\",\"event\":\"TRACK\",\"payload\":{\"n\":1}}}");
    client_skip(a, 1);
    check_text(told(f, a), "{\"topic\":\"realtime:x\",\"event\":\"presence_diff\",\"payload\":"
                           "{\"joins\":{\"ada\":{\"metas\":[{\"n\":1,\"phx_ref\":\"#1\"}]}},"
                           "\"leaves\":{}},\"ref\":null}");
}

static void what_cannot_be_tracked_is_refused_with_a_reason(void **state)
{
    static const struct {
        const char *event, *payload, *reason;
    } cases[] = {
        {"track", "5", "Presence track payload must be a map"},
        {"track", "null", "Presence track payload must be a map"},
        {"track", "[]", "Presence track payload must be a map"},
        {"dance", "{}", "Presence event must be track or untrack"},
        {"", "{}", "Presence event must be track or untrack"},
    };
    struct fixture *f = *state;
    struct client *a = joined(&f->here, "ada");
    client_skip(a, 1);
    for (size_t i = 0; i < CHECK_COUNT(cases); i++) {
        char want[200];
        say(&f->here, a, cases[i].event, cases[i].payload);
        snprintf(want, sizeof(want), "{\"status\":\"error\",\"response\":{\"reason\":\"%s\"}}",
                 cases[i].reason);
        expect_part(a, want);
        expect_silence(a);
    }
    client_say(&f->here, a, "[\"1\",\"9\",\"realtime:x\",\"presence\",7]");
    expect_part(a, "\"error\"");
    assert_int_equal(hub_counters(f->here.hub).presence_refused, CHECK_COUNT(cases) + 1);
}

static void a_track_without_payload_is_an_empty_one(void **state)
{
    struct fixture *f = *state;
    struct client *a = joined(&f->here, "ada");
    client_skip(a, 1);
    track(&f->here, a, NULL);
    check_text(told(f, a), DIFF(IS("ada", "{\"phx_ref\":\"#1\"}"), ""));
}

static void a_payload_too_big_is_refused(void **state)
{
    struct fixture *f = *state;
    struct client *a = joined(&f->here, "ada");
    struct buf text;
    buf_init(&text, 1 << 20);
    client_skip(a, 1);
    buf_put_literal(&text, "[\"1\",\"9\",\"realtime:x\",\"presence\",{\"type\":\"presence\","
                           "\"event\":\"track\",\"payload\":{\"a\":\"");
    while (text.size < hub_limits_default.presence_payload_max + 100)
        buf_put_char(&text, 'x');
    buf_put_literal(&text, "\"}}]");
    client_say_frame(&f->here, a, 0x81, buf_bytes(&text));
    expect_part(a, "Track message size exceeded");
    expect_silence(a);
    buf_done(&text);
}

static void a_key_too_long_refuses_the_join(void **state)
{
    struct fixture *f = *state;
    char key[PRESENCE_KEY_MAX + 2];
    memset(key, 'k', sizeof(key));
    key[PRESENCE_KEY_MAX + 1] = 0;
    struct client *a = client_open(&f->here, PHX_V2);
    client_join(&f->here, a, "x", "1", config_of(true, key), NULL);
    expect_part(a, "The presence key is too long");
    client_join(&f->here, a, "x", "1", config_of(true, key + 1), NULL);
    expect_part(a, "\"ok\"");
}

/* ---- floods ---- */

static void a_flood_of_tracks_is_told_once_a_window_and_its_end_is_right(void **state)
{
    struct fixture *f = *state;
    struct world *w = &f->here;
    struct client *a = joined(w, "ada"), *b = joined(&f->there, "bob");
    client_skip(a, 1);
    client_skip(b, 1);
    for (int i = 1; i <= 100; i++) {
        char payload[20];
        snprintf(payload, sizeof(payload), "{\"n\":%d}", i);
        track(w, a, payload);
        if (i == 1)
            client_skip(a, 1);
    }
    check_text(told(f, b), DIFF(IS("ada", "{\"n\":1,\"phx_ref\":\"#1\"}"), ""));
    expect_silence(b);
    assert_int_equal(hub_deadline(w->hub), w->now_us + WINDOW_US);
    world_tick(w, WINDOW_US);
    check_text(told(f, b), DIFF(IS("ada", "{\"n\":100,\"phx_ref\":\"#2\",\"phx_ref_prev\":\"#1\"}"),
                                IS("ada", "{\"n\":1,\"phx_ref\":\"#1\"}")));
    world_tick(w, WINDOW_US);
    expect_silence(b);
    assert_true(hub_deadline(w->hub) > w->now_us + WINDOW_US);
}

static void who_untracks_and_tracks_in_one_window_stays(void **state)
{
    struct fixture *f = *state;
    struct world *w = &f->here;
    struct client *a = joined(w, "ada");
    client_skip(a, 1);
    track(w, a, "{}");
    client_skip(a, 1);
    untrack(w, a);
    track(w, a, "{}");
    world_tick(w, WINDOW_US);
    expect_silence(a);
    track(w, a, "{\"n\":1}");
    client_skip(a, 1);
    untrack(w, a);
    expect_silence(a);
    world_tick(w, WINDOW_US);
    expect_part(a, "\"joins\":{},\"leaves\":{\"ada\"");
    assert_int_equal(hub_counters(w->hub).present, 0);
}

static void who_goes_in_the_middle_of_a_window_is_gone_at_once(void **state)
{
    struct fixture *f = *state;
    struct world *w = &f->here;
    struct client *a = joined(w, "ada"), *b = joined(w, "bob");
    client_skip(b, 1);
    track(w, a, "{}");
    track(w, a, "{\"n\":1}");
    client_skip(b, 1);
    client_gone(w, a);
    expect_part(b, "\"joins\":{},\"leaves\":{\"ada\"");
    world_tick(w, WINDOW_US);
    expect_silence(b);
}

/* ---- slow readers ---- */

static void a_reader_that_missed_diffs_gets_the_whole_state(void **state)
{
    struct fixture *f = *state;
    struct world *w = &f->here;
    struct client *a = joined(w, "ada"), *b = joined(w, "bob");
    client_skip(a, 1);
    client_skip(b, 1);
    b->is_stalled = true;
    for (int i = 0; i < 1000; i++) {
        char payload[20];
        snprintf(payload, sizeof(payload), "{\"n\":%d}", i);
        w->now_us += WINDOW_US / 1000 * 1000;
        track(w, a, payload);
        client_skip(a, 1);
    }
    assert_false(b->is_told_to_close);
    b->is_stalled = false;
    client_take(w, b, SIZE_MAX);
    struct bytes text, last = {NULL, 0};
    while ((text = told(f, b)).size > 0) {
        if (f->ref_count > REFS_MAX / 2) /* the names do not matter here */
            while (f->ref_count > 0)
                check_unbox(f->refs[--f->ref_count]);
        last = text;
        if (bytes_find(text, BYTES("presence_state")) < text.size)
            break;
    }
    assert_true(bytes_find(last, BYTES("\"presence_state\",{\"ada\":{\"metas\":[{\"n\":999,")) <
                last.size);
    expect_silence(b);
    w->now_us += WINDOW_US;
    untrack(w, a);
    expect_part(b, "\"leaves\":{\"ada\"");
}

/* ---- two shards ---- */

static void members_of_another_shard_are_present_here(void **state)
{
    struct fixture *f = *state;
    struct client *a = joined(&f->here, "ada"), *b = joined(&f->there, "bob");
    client_skip(a, 1);
    client_skip(b, 1);
    track(&f->here, a, "{\"n\":1}");
    check_text(told(f, b), DIFF(IS("ada", "{\"n\":1,\"phx_ref\":\"#1\"}"), ""));
    f->here.now_us += WINDOW_US;
    track(&f->here, a, "{\"n\":2}");
    check_text(told(f, b), DIFF(IS("ada", "{\"n\":2,\"phx_ref\":\"#2\",\"phx_ref_prev\":\"#1\"}"),
                                IS("ada", "{\"n\":1,\"phx_ref\":\"#1\"}")));
    struct client *c = joined(&f->there, "eve");
    check_text(told(f, c), STATE("1", "{" IS("ada", "{\"n\":2,\"phx_ref\":\"#2\"}") "}"));
    client_gone(&f->here, a);
    check_text(told(f, b), DIFF("", IS("ada", "{\"n\":2,\"phx_ref\":\"#2\"}")));
}

/* Nobody was there to be told, and who comes later knows all the same. */
static void a_shard_without_members_keeps_the_state_for_those_who_come(void **state)
{
    struct fixture *f = *state;
    struct client *a = joined(&f->here, "ada");
    track(&f->here, a, "{}");
    struct client *b = joined(&f->there, "bob");
    check_text(told(f, b), STATE("1", "{" IS("ada", "{\"phx_ref\":\"#1\"}") "}"));
    client_gone(&f->there, b);
    client_gone(&f->here, a);
    b = joined(&f->there, "bob");
    check_text(told(f, b), STATE("1", "{}"));
}

static void private_and_public_members_do_not_see_one_another(void **state)
{
    struct fixture *f = *state;
    struct client *open = joined(&f->here, "ada");
    struct client *secret = client_open(&f->there, PHX_V2);
    client_join(&f->there, secret, "x", "1",
                "\"private\":true,\"presence\":{\"enabled\":true,\"key\":\"bob\"}", OWNER);
    client_skip(secret, 1);
    check_text(told(f, secret), STATE("1", "{}"));
    client_skip(open, 1);
    track(&f->here, open, "{}");
    client_skip(open, 1);
    expect_silence(secret);
    track(&f->there, secret, "{}");
    expect_part(secret, "\"joins\":{\"bob\"");
    expect_silence(open);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(those_present_are_told_to_all_and_to_who_comes_later),
        TEST(another_track_joins_and_leaves_in_one_diff),
        TEST(untrack_leave_and_disconnect_are_leaves),
        TEST(several_connections_of_one_key_are_metas_of_it),
        TEST(without_a_key_each_connection_has_its_own),
        TEST(whoever_did_not_ask_is_present_but_hears_nothing),
        TEST(version_1_is_told_in_its_own_form),
        TEST(what_cannot_be_tracked_is_refused_with_a_reason),
        TEST(a_track_without_payload_is_an_empty_one),
        TEST(a_payload_too_big_is_refused),
        TEST(a_key_too_long_refuses_the_join),
        TEST(a_flood_of_tracks_is_told_once_a_window_and_its_end_is_right),
        TEST(who_untracks_and_tracks_in_one_window_stays),
        TEST(who_goes_in_the_middle_of_a_window_is_gone_at_once),
        TEST(a_reader_that_missed_diffs_gets_the_whole_state),
        TEST(members_of_another_shard_are_present_here),
        TEST(a_shard_without_members_keeps_the_state_for_those_who_come),
        TEST(private_and_public_members_do_not_see_one_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
