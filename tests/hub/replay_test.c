/* Behind the window: the store's log, fetched by the shell late, never, or out of order. */
#include "support.h"

#include <stdio.h>

#include "base/time.h"

enum { WINDOW = 100, PAGE = 512 };

#define SALES "\"postgres_changes\":[{\"event\":\"*\",\"table\":\"sales_logs\"}]"
#define FROM(seq) SALES ",\"resume\":{\"epoch\":\"epoch-1\",\"seq\":" #seq "}"
#define NOTES                                                                                      \
    "\"postgres_changes\":[{\"event\":\"*\",\"table\":\"shift_feedback\"}],"                       \
    "\"resume\":{\"epoch\":\"epoch-1\",\"seq\":0}"

static void start(struct world *w)
{
    struct hub_config cfg;
    world_config(w, &cfg);
    cfg.log_count_max = WINDOW;
    cfg.tail = 1;
    world_start(w, &cfg);
    w->keeps_log = true;
}

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    assert_non_null(w);
    start(w);
    *state = w;
    return 0;
}

static void sell_many(struct world *w, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        world_sell(w, i, 1);
}

static struct client *joined_as(struct world *w, const char *config, const char *user_id)
{
    struct client *c = client_open(w, PHX_V2);
    client_join(w, c, "x", "1", config, user_id);
    return c;
}

static struct client *joined(struct world *w, const char *config)
{
    return joined_as(w, config, OWNER);
}

static void expect_seqs(struct client *c, unsigned from, unsigned to)
{
    for (unsigned i = from; i <= to; i++) {
        char part[20];
        snprintf(part, sizeof(part), "\"seq\":%u}", i);
        expect_part(c, part);
    }
}

/* Until nobody waits for anything. */
static void answer_and_tick(struct world *w)
{
    while (w->fetch_count > 0 || hub_deadline(w->hub) <= w->now_us) {
        world_answer_all(w);
        world_tick(w, 0);
    }
}

/* Changes that are in the store, and not yet here. */
static void commit_elsewhere(struct world *w, struct change **late, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        late[i] = world_change(w, "sales_logs", VERB_INSERT, "{\"id\":\"1\"}", NULL);
        assert_int_equal(changes_push(&w->log, change_ref(late[i])), OK);
    }
    w->keeps_log = false;
}

static void reader_behind_the_window_replays_from_the_store(void **state)
{
    struct world *w = *state;
    struct client *slow = joined(w, SALES), *fast = joined(w, SALES);
    slow->is_stalled = true;
    sell_many(w, 2500);
    client_skip(fast, 2);
    expect_seqs(fast, 1, 2500);
    assert_int_equal(w->fetch_count, 0); /* nobody has room for it yet */
    slow->is_stalled = false;
    client_take(w, slow, SIZE_MAX);
    world_flush(w);
    assert_int_equal(w->fetch_count, 1);
    assert_int_equal(w->fetches[0].from, PAGE);
    sell_many(w, 10);
    world_answer_all(w);
    client_skip(slow, 2);
    expect_seqs(slow, 1, 2510);
    expect_silence(slow);
    sell_many(w, 1);
    expect_seqs(slow, 2511, 2511);
    assert_int_equal(hub_counters(w->hub).lost, 0);
}

static void a_join_resumes_from_anywhere_in_the_store(void **state)
{
    struct world *w = *state;
    sell_many(w, 1200);
    struct client *c = joined(w, FROM(3));
    expect_part(c, "\"seq\":1200,\"replayed\":true}");
    client_skip(c, 1);
    sell_many(w, 50); /* it must not come before what is older */
    expect_silence(c);
    world_answer_all(w);
    expect_seqs(c, 4, 1250);
    expect_silence(c);
    struct hub_counters n = hub_counters(w->hub);
    assert_int_equal(n.fetches, 3);
    assert_int_equal(n.fetched, 3 * PAGE - 1 - (3 * PAGE - 1251));
}

static void many_that_resume_cost_a_fetch_a_page(void **state)
{
    struct world *w = *state;
    enum { CROWD = 40 };
    struct client *crowd[CROWD];
    sell_many(w, 1100);
    for (int i = 0; i < CROWD; i++)
        crowd[i] = joined(w, i % 2 ? FROM(200) : FROM(40));
    answer_and_tick(w);
    for (int i = 0; i < CROWD; i++) {
        client_skip(crowd[i], 2);
        expect_seqs(crowd[i], i % 2 ? 201 : 41, 1100);
        expect_silence(crowd[i]);
    }
    assert_int_equal(hub_counters(w->hub).fetches, 2); /* the third page reaches into the window */
}

static void those_of_one_group_share_the_frames_of_a_replay(void **state)
{
    struct world *w = *state;
    struct iovec at_a[8], at_b[8];
    sell_many(w, 400);
    struct client *a = joined(w, FROM(64)), *b = joined(w, FROM(64));
    a->is_stalled = b->is_stalled = true;
    world_answer_all(w);
    int count = hub_peek(w->hub, a->id, at_a, 8);
    assert_int_equal(hub_peek(w->hub, b->id, at_b, 8), count);
    assert_int_equal(count, 6); /* 65..127, 128..191, …, 384..400 */
    for (int i = 0; i < count; i++)
        assert_ptr_equal(at_a[i].iov_base, at_b[i].iov_base);
    client_take(w, a, SIZE_MAX);
    client_take(w, b, SIZE_MAX);
    client_skip(b, 2);
    expect_seqs(b, 65, 400);
}

static void another_eyes_get_their_own_frames(void **state)
{
    struct world *w = *state;
    char row[200];
    for (int i = 0; i < 300; i++) {
        snprintf(row, sizeof(row), "{\"id\":\"1\",\"user_id\":\"%s\",\"note\":\"n\"}",
                 i % 3 ? OTHER_REP : REP);
        world_commit(w, "shift_feedback", VERB_INSERT, row, NULL);
    }
    struct client *rep = joined_as(w, NOTES, REP), *owner = joined_as(w, NOTES, OWNER);
    world_answer_all(w);
    client_skip(rep, 2);
    client_skip(owner, 2);
    expect_seqs(owner, 1, 300);
    for (unsigned i = 1; i <= 300; i += 3)
        expect_seqs(rep, i, i);
    expect_silence(rep);
}

static void who_waits_for_a_page_holds_nobody_up(void **state)
{
    struct world *w = *state;
    sell_many(w, 700);
    struct client *c = joined(w, FROM(0)), *other = joined(w, SALES);
    client_skip(c, 2);
    client_skip(other, 2);
    client_join(w, c, "y", "2", SALES, OWNER);
    client_say(w, c, "[null,\"9\",\"phoenix\",\"heartbeat\",{}]");
    sell_many(w, 1);
    client_skip(c, 2);
    expect_text(c, "[null,\"9\",\"phoenix\",\"phx_reply\",{\"status\":\"ok\",\"response\":{}}]");
    expect_part(c, "realtime:y");
    expect_seqs(other, 701, 701);
    assert_true(hub_deadline(w->hub) > w->now_us); /* no busy loop */
    world_answer_all(w);
    expect_seqs(c, 1, 701);
    expect_silence(c);
}

static void answers_may_come_in_any_order(void **state)
{
    struct world *w = *state;
    sell_many(w, 3000);
    struct client *a = joined(w, FROM(10)), *b = joined(w, FROM(1600)), *c = joined(w, FROM(2050));
    assert_int_equal(w->fetch_count, 3);
    while (w->fetch_count > 0)
        world_answer(w, w->fetch_count - 1, OK);
    client_skip(a, 2);
    client_skip(b, 2);
    client_skip(c, 2);
    expect_seqs(a, 11, 3000);
    expect_seqs(b, 1601, 3000);
    expect_seqs(c, 2051, 3000);
}

static void a_fetch_that_failed_is_tried_again_later(void **state)
{
    struct world *w = *state;
    sell_many(w, 300);
    struct client *c = joined(w, FROM(0));
    client_skip(c, 2);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(w->fetch_count, 1);
        world_answer(w, 0, i ? ERR_FULL : ERR_IO);
        assert_int_equal(w->fetch_count, 0);
        assert_int_equal(hub_deadline(w->hub), w->now_us + 100000);
        world_tick(w, 100000);
    }
    world_answer_all(w);
    expect_seqs(c, 1, 300);
    assert_int_equal(hub_counters(w->hub).fetches, 4);
}

static void channel_may_leave_before_its_page_comes(void **state)
{
    struct world *w = *state;
    sell_many(w, 300);
    struct client *left = joined(w, FROM(0)), *gone = joined(w, FROM(0)),
                  *stays = joined(w, FROM(0));
    client_say(w, left, "[\"1\",\"2\",\"realtime:x\",\"phx_leave\",{}]");
    client_gone(w, gone);
    world_answer_all(w);
    client_skip(left, 4);
    expect_silence(left);
    client_skip(stays, 2);
    expect_seqs(stays, 1, 300);
    client_join(w, left, "x", "3", FROM(299), OWNER);
    client_skip(left, 2);
    expect_seqs(left, 300, 300);
}

static void role_changes_while_a_page_is_on_its_way(void **state)
{
    struct world *w = *state;
    sell_many(w, 300);
    struct client *c = joined_as(w, FROM(0), MANAGER), *out = joined_as(w, FROM(0), REP);
    client_skip(c, 2);
    client_skip(out, 2);
    world_commit(w, "users", VERB_UPDATE,
                 "{\"id\":\"" MANAGER
                 "\",\"name\":\"n\",\"role\":\"sales_rep\",\"is_active\":true}",
                 "{\"id\":\"" MANAGER "\",\"name\":\"n\",\"role\":\"manager\",\"is_active\":true}");
    world_commit(w, "users", VERB_UPDATE,
                 "{\"id\":\"" REP "\",\"name\":\"n\",\"role\":\"sales_rep\",\"is_active\":false}",
                 "{\"id\":\"" REP "\",\"name\":\"n\",\"role\":\"sales_rep\",\"is_active\":true}");
    expect_part(out, "unknown or disabled user");
    expect_part(out, "phx_close");
    expect_part(c, "What may be read has changed");
    world_tick(w, 0);
    world_answer_all(w);
    expect_seqs(c, 1, 300);
    expect_silence(c);
    expect_silence(out);
}

static void what_the_store_no_longer_has_ends_the_channel(void **state)
{
    struct world *w = *state;
    sell_many(w, 1500);
    struct client *c = joined(w, FROM(3));
    expect_part(c, "\"replayed\":true");
    client_skip(c, 1);
    w->log_tail = 1000; /* trimmed meanwhile */
    world_answer_all(w);
    expect_part(c, "Too far behind");
    expect_text(c, "[\"1\",\"1\",\"realtime:x\",\"phx_error\",{}]");
    client_join(w, c, "x", "2", FROM(3), OWNER);
    expect_part(c, "\"seq\":1500,\"replayed\":false}");
    client_skip(c, 1);
    sell_many(w, 1);
    expect_seqs(c, 1501, 1501);
    client_join(w, c, "y", "3", FROM(999), OWNER);
    expect_part(c, "\"replayed\":true");
    client_skip(c, 1);
    world_answer_all(w);
    expect_seqs(c, 1000, 1501);
    assert_int_equal(hub_counters(w->hub).lost, 1);
}

static void a_trimmed_log_is_known_before_it_is_asked(void **state)
{
    struct world *w = *state;
    struct hub_in in = {.kind = HUB_IN_TRIMMED, .tail = 50};
    sell_many(w, 300);
    assert_int_equal(world_step(w, &in), OK);
    expect_part(joined(w, FROM(48)), "\"seq\":300,\"replayed\":false");
    expect_part(joined(w, FROM(49)), "\"seq\":300,\"replayed\":true");
    in.tail =
        1000; /* as the store is ahead of the hub: what memory holds is replayed all the same */
    assert_int_equal(world_step(w, &in), OK);
    expect_part(joined(w, FROM(199)), "\"seq\":300,\"replayed\":false");
    struct client *c = joined(w, FROM(200));
    expect_part(c, "\"seq\":300,\"replayed\":true");
    client_skip(c, 1);
    expect_seqs(c, 201, 300);
}

static void what_the_hub_has_not_heard_is_not_shown_early(void **state)
{
    struct world *w = *state;
    struct change *late[50];
    sell_many(w, 300);
    struct client *c = joined(w, FROM(100)), *other = joined(w, SALES);
    client_skip(c, 2);
    client_skip(other, 2);
    commit_elsewhere(w, late, 50);
    world_answer_all(w);
    expect_seqs(c, 101, 300);
    expect_silence(c);
    world_commit_all(w, late, 50);
    expect_seqs(c, 301, 350);
    expect_seqs(other, 301, 350);
    expect_silence(c);
}

static void a_page_that_is_not_there_is_not_asked_for_for_ever(void **state)
{
    struct world *w = *state;
    struct hub_in in = {.kind = HUB_IN_FETCHED};
    sell_many(w, 1500);
    struct client *c = joined(w, FROM(3));
    client_skip(c, 2);
    /* A store that has lost it, and does not say where its log begins. */
    assert_int_equal(w->fetch_count, 1);
    in.from = w->fetches[0].from;
    w->fetch_count = 0;
    assert_int_equal(world_step(w, &in), OK);
    world_flush(w);
    assert_int_equal(w->fetch_count, 0);
    expect_part(c, "Too far behind");
    expect_part(c, "phx_error");
}

static void client_may_know_what_the_hub_has_yet_to_hear(void **state)
{
    struct world *w = *state;
    struct change *late[10];
    sell_many(w, 300);
    commit_elsewhere(w, late, 10);
    struct client *a = joined(w, FROM(305)), *b = joined(w, FROM(310)),
                  *gone = joined(w, FROM(307));
    expect_part(a, "\"seq\":305,\"replayed\":true}");
    client_skip(a, 1);
    client_skip(b, 2);
    assert_int_equal(w->fetch_count, 1);
    world_answer_all(w);
    assert_int_equal(w->fetch_count, 0);
    client_gone(w, gone);
    world_commit_all(w, late, 3);
    expect_silence(a);
    world_commit_all(w, late + 3, 6);
    world_tick(w, 0);
    expect_seqs(a, 306, 309);
    expect_silence(b);
    world_commit_all(w, late + 9, 1);
    world_tick(w, 0);
    expect_seqs(a, 310, 310);
    expect_silence(b);
    sell_many(w, 1);
    expect_seqs(a, 311, 311);
    expect_seqs(b, 311, 311);
}

static void client_of_a_database_that_is_no_more_takes_a_snapshot(void **state)
{
    struct world *w = *state;
    sell_many(w, 300);
    struct client *c = joined(w, FROM(900));
    expect_part(c, "\"seq\":900,\"replayed\":true");
    client_skip(c, 1);
    world_answer_all(w); /* the store has not heard of it either */
    expect_part(c, "Too far behind");
    expect_text(c, "[\"1\",\"1\",\"realtime:x\",\"phx_error\",{}]");
    client_join(w, c, "x", "2", FROM(900), OWNER);
    expect_part(c, "\"seq\":300,\"replayed\":false");
    client_skip(c, 1);
    sell_many(w, 1);
    expect_seqs(c, 301, 301);
    client_join(w, c, "y", "3", FROM(299), OWNER); /* what is older is not lost by that */
    expect_part(c, "\"seq\":301,\"replayed\":true");
    client_skip(c, 1);
    expect_seqs(c, 300, 301);
    client_join(w, c, "z", "4", FROM(10), OWNER);
    client_skip(c, 2);
    world_answer_all(w);
    expect_seqs(c, 11, 301);
    assert_int_equal(hub_counters(w->hub).lost, 1);
}

static void a_crowd_is_pumped_in_bounded_steps(void **state)
{
    struct world *w = *state;
    enum { CROWD = 50, CHANGES = 480 };
    struct client *crowd[CROWD];
    sell_many(w, CHANGES);
    for (int i = 0; i < CROWD; i++)
        crowd[i] = joined(w, FROM(0));
    world_answer(w, 0, OK); /* 50 times 480 changes are more than one go takes */
    assert_int_equal(hub_deadline(w->hub), w->now_us);
    int ticks = 0;
    for (; hub_deadline(w->hub) <= w->now_us; ticks++)
        world_tick(w, 0);
    assert_true(ticks >= 1);
    assert_int_equal(w->fetch_count, 0);
    for (int i = 0; i < CROWD; i++) {
        client_skip(crowd[i], 2);
        expect_seqs(crowd[i], 1, CHANGES);
    }
}

static void pages_and_frames_go_when_nobody_uses_them(void **state)
{
    struct world *w = *state;
    sell_many(w, 300);
    struct client *c = joined(w, FROM(0));
    world_answer_all(w);
    assert_int_equal(hub_deadline(w->hub), w->now_us + 10 * TIME_US_PER_S);
    world_tick(w, 10 * TIME_US_PER_S);
    assert_true(hub_deadline(w->hub) >
                w->now_us + 10 * TIME_US_PER_S); /* the peer's own patience */
    client_join(w, c, "y", "2", FROM(0), OWNER);
    assert_int_equal(w->fetch_count, 1);
}

static void nothing_is_lost_when_memory_ends_anywhere(void **state)
{
    bool has_failed = true;
    (void)state;
    for (size_t step = 1; step <= 2; step++) {
        has_failed = true;
        for (uint64_t n = 1; has_failed; n++) {
            struct world w;
            start(&w);
            sell_many(&w, 300);
            struct client *c = joined(&w, FROM(10));
            client_skip(c, 2);
            w.fail_step = w.step_count + step;
            w.fail_at = n;
            world_answer(&w, 0, OK);
            for (int i = 0; i < 3; i++) {
                world_tick(&w, 100000);
                world_answer_all(&w);
            }
            has_failed = w.has_failed;
            expect_seqs(c, 11, 300);
            expect_silence(c);
            world_done(&w);
        }
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, world_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(reader_behind_the_window_replays_from_the_store),
        TEST(a_join_resumes_from_anywhere_in_the_store),
        TEST(many_that_resume_cost_a_fetch_a_page),
        TEST(those_of_one_group_share_the_frames_of_a_replay),
        TEST(another_eyes_get_their_own_frames),
        TEST(who_waits_for_a_page_holds_nobody_up),
        TEST(answers_may_come_in_any_order),
        TEST(a_fetch_that_failed_is_tried_again_later),
        TEST(channel_may_leave_before_its_page_comes),
        TEST(role_changes_while_a_page_is_on_its_way),
        TEST(what_the_store_no_longer_has_ends_the_channel),
        TEST(a_trimmed_log_is_known_before_it_is_asked),
        TEST(what_the_hub_has_not_heard_is_not_shown_early),
        TEST(a_page_that_is_not_there_is_not_asked_for_for_ever),
        TEST(client_may_know_what_the_hub_has_yet_to_hear),
        TEST(client_of_a_database_that_is_no_more_takes_a_snapshot),
        TEST(a_crowd_is_pumped_in_bounded_steps),
        TEST(pages_and_frames_go_when_nobody_uses_them),
        cmocka_unit_test(nothing_is_lost_when_memory_ends_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
