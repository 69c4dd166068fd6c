#include "hub/track.h"

#include "support.h"

#include <stdio.h>

enum { REFS_MAX = 64, WINDOW_US = 100000 };

/* Two shards; tests of one use `here`. */
struct fixture {
    struct world here, there;
    struct bytes refs[REFS_MAX]; /* in the order in which they were seen */
    size_t ref_count;
    struct buf told;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    world_init_pair(&f->here, &f->there);
    buf_init(&f->told, 4 << 20);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    world_done(&f->here);
    world_done(&f->there);
    for (size_t i = 0; i < f->ref_count; i++)
        check_unbox(f->refs[i]);
    buf_done(&f->told);
    free(f);
    return 0;
}

/* A ref's name: 1 for the first that the test sees, and so on. */
static size_t number_of(struct fixture *f, struct bytes ref)
{
    for (size_t i = 0; i < f->ref_count; i++)
        if (bytes_equal(f->refs[i], ref))
            return i + 1;
    assert_true(f->ref_count < REFS_MAX);
    f->refs[f->ref_count++] = check_boxed(ref);
    return f->ref_count;
}

/* The next message, with "#n" for refs. */
static struct bytes told(struct fixture *f, struct client *c)
{
    struct bytes rest = client_next(c, NULL);
    buf_reset(&f->told);
    for (size_t at; (at = bytes_find(rest, BYTES("\"phx_ref"))) < rest.size;) {
        at += bytes_find_char(bytes_slice(rest, at, rest.size), ':') + 2;
        buf_put(&f->told, bytes_slice(rest, 0, at));
        rest = bytes_slice(rest, at, rest.size);
        size_t end = bytes_find_char(rest, '"');
        buf_put_char(&f->told, '#');
        buf_put_u64(&f->told, number_of(f, bytes_slice(rest, 0, end)));
        rest = bytes_slice(rest, end, rest.size);
    }
    buf_put(&f->told, rest);
    return buf_bytes(&f->told);
}

#define STATE(ref, state) "[\"" ref "\",null,\"realtime:x\",\"presence_state\"," state "]"
#define DIFF(joins, leaves)                                                                        \
    "[null,null,\"realtime:x\",\"presence_diff\",{\"joins\":{" joins "},\"leaves\":{" leaves "}}]"
#define IS(key, metas) "\"" key "\":{\"metas\":[" metas "]}"
#define OK_REPLY "[\"1\",\"9\",\"realtime:x\",\"phx_reply\",{\"status\":\"ok\",\"response\":{}}]"

/* Of a join's config. */
static const char *config_of(bool hears, const char *key)
{
    static char text[400];
    snprintf(text, sizeof(text), "\"presence\":{\"enabled\":%s,\"key\":\"%s\"}",
             hears ? "true" : "false", key);
    return text;
}

/* Joined as version 2, its reply read away. */
static struct client *joined_as(struct world *w, bool hears, const char *key)
{
    struct client *c = client_open(w, PHX_V2);
    client_join(w, c, "x", "1", config_of(hears, key), NULL);
    client_skip(c, 1);
    return c;
}

static struct client *joined(struct world *w, const char *key)
{
    return joined_as(w, true, key);
}

static void say(struct world *w, struct client *c, const char *event, const char *payload)
{
    char text[1000];
    snprintf(
        text, sizeof(text),
        "[\"1\",\"9\",\"realtime:x\",\"presence\",{\"type\":\"presence\",\"event\":\"%s\"%s%s}]",
        event, payload ? ",\"payload\":" : "", payload ? payload : "");
    client_say(w, c, text);
}

/* Reads on to the reply, past what came before. */
static void expect_ok(struct client *c)
{
    struct bytes text;
    do
        text = client_next(c, NULL);
    while (text.data && !bytes_equal(text, BYTES(OK_REPLY)));
    check_text(text, OK_REPLY);
}

static void track(struct world *w, struct client *c, const char *payload)
{
    say(w, c, "track", payload);
    expect_ok(c);
}

static void untrack(struct world *w, struct client *c)
{
    say(w, c, "untrack", NULL);
    expect_ok(c);
}

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

/* ---- without memory ---- */

/* The next frame that holds this, past others. */
static void expect_sometime(struct client *c, const char *part)
{
    struct bytes text;
    do
        text = client_next(c, NULL);
    while (text.data && bytes_find(text, bytes_of(part)) == text.size);
    if (!text.data)
        fail_msg("never heard: %s", part);
}

static void the_end_of_a_window_waits_for_memory(void **state)
{
    struct fixture *f = *state;
    struct world *w = &f->here;
    struct client *a = joined(w, "ada");
    int failed = 0;
    for (int i = 0; !failed || w->has_failed; i++) {
        char payload[20], part[60];
        snprintf(payload, sizeof(payload), "{\"n\":%d}", -i);
        track(w, a, payload);
        snprintf(payload, sizeof(payload), "{\"n\":%d}", i + 1);
        track(w, a, payload);
        w->has_failed = false;
        w->fail_step = w->step_count + 1;
        w->fail_at = (uint64_t)i + 1;
        world_tick(w, WINDOW_US);
        failed += w->has_failed;
        world_tick(w, WINDOW_US);
        snprintf(part, sizeof(part), "\"joins\":{\"ada\":{\"metas\":[{\"n\":%d", i + 1);
        expect_sometime(a, part);
        world_tick(w, WINDOW_US);
    }
    assert_true(failed > 1);
}

/* Neither the diff nor, later, the state in its place: a third try. */
static void who_misses_a_diff_for_want_of_memory_is_told_when_there_is_some(void **state)
{
    struct fixture *f = *state;
    struct world *w = &f->here;
    struct client *a = joined(w, "ada"), *b = joined(w, "bob");
    client_skip(b, 1);
    w->fail_step = w->step_count + 2; /* behind the message, where diffs are made */
    w->fail_at = 1;
    track(w, a, "{}");
    assert_true(w->has_failed);
    expect_silence(b);
    w->has_failed = false;
    w->fail_step = w->step_count + 1;
    world_tick(w, WINDOW_US);
    assert_true(w->has_failed);
    expect_silence(b);
    world_tick(w, WINDOW_US);
    expect_part(b, "\"presence_state\",{\"ada\"");
}

/* The whole of a conversation, with the n-th block of memory refused in every step of it: whoever is
 * still connected ends with the truth. */
static void play(struct fixture *f, struct client *a, struct client *b)
{
    client_join(&f->here, a, "x", "1", "\"presence\":{\"enabled\":true,\"key\":\"ada\"}", NULL);
    client_join(&f->there, b, "x", "1", "\"presence\":{\"enabled\":true,\"key\":\"bob\"}", NULL);
    say(&f->here, a, "track", "{\"n\":1}");
    say(&f->there, b, "track", "{\"n\":1}");
    say(&f->here, a, "track", "{\"n\":2}");
    world_tick(&f->here, 2 * WINDOW_US);
    world_tick(&f->here, 2 * WINDOW_US);
    world_tick(&f->there, 4 * WINDOW_US);
    client_gone(&f->here, a);
}

/* The last thing that the client knows of `key`: present or not. */
static bool knows_of(struct client *c, const char *key)
{
    char quoted[40], left[60];
    struct bytes text;
    bool is_there = false;
    snprintf(quoted, sizeof(quoted), "\"%s\":{\"metas\"", key);
    snprintf(left, sizeof(left), "\"leaves\":{%s", quoted);
    while ((text = client_next(c, NULL)).data) {
        bool is_state = bytes_find(text, BYTES("presence_state")) < text.size;
        bool is_diff = bytes_find(text, BYTES("presence_diff")) < text.size;
        size_t leaves = bytes_find(text, BYTES("\"leaves\""));
        size_t at = bytes_find(text, bytes_of(quoted));
        if (is_state || (is_diff && at < leaves))
            is_there = at < text.size;
        else if (is_diff && bytes_find(text, bytes_of(left)) < text.size)
            is_there = false;
    }
    return is_there;
}

static void without_memory_all_who_stay_end_with_the_truth(void **state)
{
    (void)state;
    for (uint64_t at = 1, failed = 1; failed > 0; at++) {
        failed = 0;
        for (int side = 0; side < 2; side++) {
            bool is_over = false;
            for (size_t step = 1; !is_over; step++) {
                void *fresh = NULL;
                set_up(&fresh);
                struct fixture *f = fresh;
                struct world *w = side ? &f->there : &f->here;
                struct client *a = client_open(&f->here, PHX_V2);
                struct client *b = client_open(&f->there, PHX_V2);
                size_t start = w->step_count;
                w->fail_step = start + step;
                w->fail_at = at;
                play(f, a, b);
                is_over = w->step_count - start < step;
                failed += w->has_failed;
                if (!b->is_told_to_close && hub_counters(f->there.hub).connections) {
                    bool is_present = hub_counters(f->there.hub).present > 0;
                    bool has_joined = hub_counters(f->there.hub).channels > 0;
                    world_tick(&f->there, 10 * WINDOW_US);
                    assert_true(!has_joined || knows_of(b, "bob") == is_present);
                    b->read = 0;
                    assert_false(knows_of(b, "ada"));
                }
                tear_down(&fresh);
            }
        }
    }
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
        TEST(the_end_of_a_window_waits_for_memory),
        TEST(who_misses_a_diff_for_want_of_memory_is_told_when_there_is_some),
        cmocka_unit_test(without_memory_all_who_stay_end_with_the_truth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
