/* For whom a channel reads: tokens, their end, and the staff directory. */
#include "support.h"

#include <stdio.h>

#include "base/time.h"

#define FEEDBACK "\"postgres_changes\":[{\"event\":\"*\",\"table\":\"shift_feedback\"}]"
#define SALES "\"postgres_changes\":[{\"event\":\"*\",\"table\":\"sales_logs\"}]"
#define NOTE(user) "{\"id\":\"1\",\"user_id\":\"" user "\",\"note\":\"n\"}"
#define PERSON(id, role, active)                                                                   \
    "{\"id\":\"" id "\",\"name\":\"n\",\"role\":\"" role "\",\"is_active\":" active "}"

static void rep_sees_own_feedback_and_chiefs_see_all(void **state)
{
    struct world *w = *state;
    struct client *rep = client_joined(w, FEEDBACK, REP),
                  *other = client_joined(w, FEEDBACK, OTHER_REP);
    struct client *manager = client_joined(w, FEEDBACK, MANAGER),
                  *anon = client_joined(w, FEEDBACK, "anon");
    world_commit(w, "shift_feedback", VERB_INSERT, NOTE(REP), NULL);
    expect_part(rep, "\"record\":" NOTE(REP));
    expect_part(manager, "\"record\":" NOTE(REP));
    expect_silence(other);
    expect_silence(anon);
    world_commit(w, "shift_feedback", VERB_DELETE, NULL, NOTE(OTHER_REP));
    expect_part(other, "\"old_record\":" NOTE(OTHER_REP));
    expect_part(manager, "\"type\":\"DELETE\"");
    expect_silence(rep);
    expect_silence(anon);
}

static void row_that_leaves_the_view_is_deleted_and_one_that_enters_hides_its_past(void **state)
{
    struct world *w = *state;
    struct client *rep = client_joined(w, FEEDBACK, REP),
                  *other = client_joined(w, FEEDBACK, OTHER_REP);
    world_commit(w, "shift_feedback", VERB_UPDATE, NOTE(OTHER_REP), NOTE(REP));
    struct bytes left = client_next(rep, NULL);
    assert_true(bytes_find(left, BYTES("\"type\":\"DELETE\"")) < left.size);
    assert_true(bytes_find(left, BYTES("\"old_record\":" NOTE(REP))) < left.size);
    assert_true(bytes_find(left, BYTES(OTHER_REP)) == left.size);
    struct bytes entered = client_next(other, NULL);
    assert_true(bytes_find(entered, BYTES("\"type\":\"UPDATE\"")) < entered.size);
    assert_true(bytes_find(entered, BYTES("\"record\":" NOTE(OTHER_REP))) < entered.size);
    assert_true(bytes_find(entered, BYTES("\"old_record\":{\"id\":\"1\"},")) < entered.size);
    assert_true(bytes_find(entered, BYTES(REP)) == entered.size);
}

static void disabled_user_is_cut_off_before_the_next_change_of_the_same_batch(void **state)
{
    struct world *w = *state;
    struct client *rep = client_joined(w, SALES, REP), *owner = client_joined(w, SALES, OWNER);
    struct change *items[3] = {
        world_change(w, "sales_logs", VERB_INSERT, "{\"quantity\":1}", NULL),
        world_change(w, "users", VERB_UPDATE, PERSON(REP, "sales_rep", "false"),
                     PERSON(REP, "sales_rep", "true")),
        world_change(w, "sales_logs", VERB_INSERT, "{\"quantity\":2}", NULL),
    };
    world_commit_all(w, items, 3);
    expect_part(rep, "\"quantity\":1");
    expect_part(rep, "\"status\":\"error\",\"message\":\"Unauthorized: ");
    expect_text(rep, "[\"1\",\"1\",\"realtime:x\",\"phx_close\",{}]");
    expect_silence(rep);
    expect_part(owner, "\"quantity\":1");
    expect_part(owner, "\"quantity\":2");
    client_join(w, rep, "x", "2", SALES, REP);
    expect_part(rep, "Unauthorized: ");
    world_commit(w, "users", VERB_UPDATE, PERSON(REP, "sales_rep", "true"),
                 PERSON(REP, "sales_rep", "false"));
    client_join(w, rep, "x", "3", SALES, REP);
    expect_part(rep, "\"ok\"");
}

static void new_role_counts_from_its_place_in_the_order(void **state)
{
    struct world *w = *state;
    struct client *rep = client_joined(w, FEEDBACK, REP);
    struct change *items[3] = {
        world_change(w, "shift_feedback", VERB_INSERT, NOTE(OTHER_REP), NULL),
        world_change(w, "users", VERB_UPDATE, PERSON(REP, "manager", "true"),
                     PERSON(REP, "sales_rep", "true")),
        world_change(w, "shift_feedback", VERB_INSERT, NOTE(OTHER_REP), NULL),
    };
    world_commit_all(w, items, 3);
    expect_part(rep, "\"seq\":3}");
    expect_silence(rep);
}

/* The text behind "epoch":" of what the peer is told next. */
static void take_epoch(struct client *c, char out[80])
{
    struct bytes told = client_next(c, NULL), mark = BYTES("\"epoch\":\"");
    size_t at = bytes_find(told, mark);
    assert_true(at < told.size);
    struct bytes rest = bytes_slice(told, at + mark.size, told.size);
    snprintf(out, 80, "%.*s", (int)bytes_find_char(rest, '"'), rest.data);
}

static void who_resumes_is_told_of_a_new_role_and_cannot_go_on_with_the_old_rows(void **state)
{
    struct world *w = *state;
    char before[80], after[80], config[300];
    struct client *c = client_open(w, PHX_V2), *stock = client_joined(w, FEEDBACK, REP);
    client_join(w, c, "x", "1", FEEDBACK ",\"resume\":{}", REP);
    take_epoch(c, before);
    client_skip(c, 1);
    world_commit(w, "users", VERB_UPDATE, PERSON(REP, "manager", "true"),
                 PERSON(REP, "sales_rep", "true"));
    take_epoch(c, after);
    expect_silence(c);
    expect_silence(stock);
    assert_string_not_equal(before, after);
    const char *const epochs[] = {before, after};
    for (int i = 0; i < 2; i++) {
        snprintf(config, sizeof(config), FEEDBACK ",\"resume\":{\"epoch\":\"%s\",\"seq\":1}",
                 epochs[i]);
        client_join(w, c, "x", "2", config, REP);
        client_skip(c, 1);
        expect_part(c, i ? "\"seq\":1,\"replayed\":true}" : "\"seq\":1,\"replayed\":false}");
        client_skip(c, 1);
    }
}

static void new_role_keeps_the_cursor_of_who_is_behind(void **state)
{
    struct world *w = *state;
    struct client *rep = client_joined(w, SALES, REP);
    rep->is_stalled = true;
    for (unsigned i = 1; i <= 2000; i++)
        world_sell(w, i, 1);
    assert_int_equal(hub_counters(w->hub).behind, 1);
    world_commit(w, "users", VERB_UPDATE, PERSON(REP, "manager", "true"),
                 PERSON(REP, "sales_rep", "true"));
    rep->is_stalled = false;
    client_take(w, rep, SIZE_MAX);
    world_sell(w, 2002, 1);
    for (unsigned i = 1; i <= 2002; i++) {
        char part[20];
        snprintf(part, sizeof(part), "\"seq\":%u}", i);
        if (i != 2001)
            expect_part(rep, part);
    }
    expect_silence(rep);
}

static void tokenless_join_takes_the_token_of_another_join(void **state)
{
    struct world *w = *state;
    struct client *c = client_open(w, PHX_V2);
    client_join(w, c, "a", "1", SALES, NULL);
    client_skip(c, 2);
    world_sell(w, 1, 1);
    expect_silence(c);
    client_join(w, c, "b", "2", "", OWNER);
    client_skip(c, 1);
    world_sell(w, 2, 1);
    expect_part(c, "realtime:a");
    client_join(w, c, "c", "3", SALES, NULL); /* and the other way round */
    client_skip(c, 2);
    world_sell(w, 3, 1);
    expect_part(c, "realtime:a");
    expect_part(c, "realtime:c");
}

static void token_of_a_stranger_does_not_harm_the_tokenless(void **state)
{
    struct world *w = *state;
    struct client *c = client_open(w, PHX_V2);
    client_join(w, c, "a", "1", "", NULL);
    client_join(w, c, "b", "2", "", "anon");
    client_skip(c, 2);
    struct buf message;
    buf_init(&message, 10000);
    buf_put_literal(&message, "[\"2\",\"5\",\"realtime:b\",\"access_token\",{\"access_token\":\"");
    buf_put(&message, world_token(w, STRANGER, NOW_S + 100));
    buf_put_literal(&message, "\"}]");
    client_say_frame(w, c, 0x81, buf_bytes(&message));
    buf_done(&message);
    expect_part(c, "Unauthorized: ");
    expect_text(c, "[\"2\",\"2\",\"realtime:b\",\"phx_close\",{}]");
    expect_silence(c);
    assert_int_equal(hub_counters(w->hub).channels, 1);
}

static void explicit_anon_is_not_promoted_nor_a_version_1_join(void **state)
{
    struct world *w = *state;
    struct client *v2 = client_open(w, PHX_V2), *v1 = client_open(w, PHX_V1);
    client_join(w, v2, "a", "1", SALES, "anon");
    client_join(w, v2, "b", "2", "", OWNER);
    client_skip(v2, 3);
    client_join(w, v1, "a", "1", SALES, NULL);
    client_join(w, v1, "b", "2", "", OWNER);
    client_skip(v1, 5);
    world_sell(w, 1, 1);
    expect_silence(v2);
    expect_silence(v1);
}

static void signing_out_is_not_undone_by_a_tokenless_join(void **state)
{
    struct world *w = *state;
    struct client *c = client_joined(w, SALES, OWNER);
    struct buf message;
    buf_init(&message, 10000);
    buf_put_literal(&message, "[\"1\",\"5\",\"realtime:x\",\"access_token\",{\"access_token\":\"");
    buf_put(&message, world_token(w, "anon", NOW_S + 100));
    buf_put_literal(&message, "\"}]");
    client_say_frame(w, c, 0x81, buf_bytes(&message));
    buf_done(&message);
    client_join(w, c, "y", "2", SALES, NULL);
    client_skip(c, 2);
    world_sell(w, 1, 1);
    expect_silence(c);
}

static void expired_token_gets_a_grace_and_then_an_error(void **state)
{
    struct world *w = *state;
    struct client *c = client_joined(w, SALES, OWNER); /* an hour */
    for (int i = 0; i < 60; i++) {
        world_tick(w, 60 * TIME_US_PER_S - 1);
        client_say(w, c, "[null,\"1\",\"phoenix\",\"heartbeat\",{}]");
        client_skip(c, 1);
    }
    world_tick(w, 60);
    world_sell(w, 1, 1);
    expect_part(c, "\"seq\":1}");
    assert_int_equal(hub_deadline(w->hub), (NOW_S + 3660) * TIME_US_PER_S - 60);
    client_say(w, c, "[null,\"1\",\"phoenix\",\"heartbeat\",{}]");
    client_skip(c, 1);
    assert_int_equal(hub_deadline(w->hub), (NOW_S + 3660) * TIME_US_PER_S - 60);
    world_tick(w, 60 * TIME_US_PER_S - 60);
    client_say(w, c, "[null,\"1\",\"phoenix\",\"heartbeat\",{}]");
    client_skip(c, 1);
    world_tick(w, 60);
    expect_part(c, "\"message\":\"Token has expired 60 seconds ago\"");
    expect_text(c, "[\"1\",\"1\",\"realtime:x\",\"phx_error\",{}]");
    assert_int_equal(hub_counters(w->hub).connections, 1);
    world_sell(w, 2, 1);
    expect_silence(c);
}

static void renewed_token_moves_the_end(void **state)
{
    struct world *w = *state;
    struct client *c = client_joined(w, SALES, OWNER);
    struct buf message;
    buf_init(&message, 10000);
    buf_put_literal(&message, "[\"1\",\"5\",\"realtime:x\",\"access_token\",{\"access_token\":\"");
    buf_put(&message, world_token(w, OWNER, NOW_S + 100000));
    buf_put_literal(&message, "\"}]");
    client_say_frame(w, c, 0x81, buf_bytes(&message));
    buf_done(&message);
    for (int i = 0; i < 80; i++) {
        world_tick(w, 50 * TIME_US_PER_S);
        client_say(w, c, "[null,\"1\",\"phoenix\",\"heartbeat\",{}]");
        client_skip(c, 1);
    }
    world_sell(w, 1, 1);
    expect_part(c, "\"seq\":1}");
    expect_silence(c);
}

static void heartbeats_for(struct world *w, struct client *c, int64_t s)
{
    for (; s > 0; s -= 25) {
        world_tick(w, 25 * TIME_US_PER_S);
        client_say(w, c, "[null,\"1\",\"phoenix\",\"heartbeat\",{}]");
        client_skip(c, 1);
    }
}

static void a_fresh_token_on_one_channel_is_good_for_all_of_that_person(void **state)
{
    struct world *w = *state;
    struct client *c = client_joined(w, SALES, OWNER); /* an hour */
    client_join(w, c, "y", "2", SALES, OWNER);
    client_join(w, c, "z", "3", SALES, REP);
    client_skip(c, 4);
    client_push_token(w, c, "y", "2", OWNER, NOW_S + 100000);
    heartbeats_for(w, c, 3650);
    client_push_token(w, c, "y", "2", OWNER, NOW_S + 3700); /* an older one changes nothing */
    world_tick(w, 10 * TIME_US_PER_S);
    expect_part(c, "realtime:z");
    expect_text(c, "[\"3\",\"3\",\"realtime:z\",\"phx_error\",{}]");
    heartbeats_for(w, c, 400);
    world_sell(w, 1, 1);
    expect_part(c, "realtime:x");
    expect_part(c, "realtime:y");
    expect_silence(c);
}

static void a_join_brings_the_fresh_token_too_and_may_bring_one_that_is_over(void **state)
{
    struct world *w = *state;
    struct client *c = client_joined(w, SALES, OWNER); /* an hour */
    w->now_us += 3590 * TIME_US_PER_S;
    client_say(w, c, "[null,\"1\",\"phoenix\",\"heartbeat\",{}]");
    client_push_token(w, c, "x", "1", OWNER, NOW_S + 7200);
    w->now_us += 20 * TIME_US_PER_S;
    client_skip(c, 1);
    client_join(w, c, "y", "2", SALES, OWNER); /* with the token of the first hour */
    expect_part(c, "\"status\":\"ok\"");
    client_skip(c, 1);
    heartbeats_for(w, c, 100);
    expect_silence(c);
    client_join(w, c, "z", "3", SALES, REP); /* nobody has vouched for that one */
    expect_part(c, "Token has expired");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(rep_sees_own_feedback_and_chiefs_see_all),
        TEST(row_that_leaves_the_view_is_deleted_and_one_that_enters_hides_its_past),
        TEST(disabled_user_is_cut_off_before_the_next_change_of_the_same_batch),
        TEST(new_role_counts_from_its_place_in_the_order),
        TEST(who_resumes_is_told_of_a_new_role_and_cannot_go_on_with_the_old_rows),
        TEST(new_role_keeps_the_cursor_of_who_is_behind),
        TEST(tokenless_join_takes_the_token_of_another_join),
        TEST(token_of_a_stranger_does_not_harm_the_tokenless),
        TEST(explicit_anon_is_not_promoted_nor_a_version_1_join),
        TEST(signing_out_is_not_undone_by_a_tokenless_join),
        TEST(expired_token_gets_a_grace_and_then_an_error),
        TEST(renewed_token_moves_the_end),
        TEST(a_fresh_token_on_one_channel_is_good_for_all_of_that_person),
        TEST(a_join_brings_the_fresh_token_too_and_may_bring_one_that_is_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
