/* Groups that coalesce: at most one message for each row and window, nothing lost on the way. */
#include "support.h"

#include <stdio.h>

#include "base/time.h"

enum { WINDOW_MS = 200, WINDOW_US = WINDOW_MS * 1000 };

#define SALES "\"postgres_changes\":[{\"event\":\"*\",\"table\":\"sales_logs\"}]"
#define SLOWLY SALES ",\"coalesce_ms\":200"
#define SLOWLY_FROM(seq) SLOWLY ",\"resume\":{\"epoch\":\"epoch-1\",\"seq\":" #seq "}"

static struct client *joined(struct world *w, const char *config)
{
    return client_joined(w, config, OWNER);
}

/* The row with that id has this quantity from now on. */
static struct change *change_of(struct world *w, unsigned id, int quantity)
{
    char was[120], is[120];
    snprintf(was, sizeof(was), "{\"id\":\"00000000-0000-4000-9000-%012u\",\"quantity\":%d}", id,
             quantity - 1);
    snprintf(is, sizeof(is), "{\"id\":\"00000000-0000-4000-9000-%012u\",\"quantity\":%d}", id,
             quantity);
    return world_change(w, "sales_logs", VERB_UPDATE, is, was);
}

static void set_quantity(struct world *w, unsigned id, int quantity)
{
    struct change *c = change_of(w, id, quantity);
    world_commit_all(w, &c, 1);
}

static void expect_update(struct client *c, unsigned seq, int was, int is)
{
    char part[80];
    struct bytes got = client_next(c, NULL);
    const struct bytes text = got;
    snprintf(part, sizeof(part), "\"seq\":%u}", seq);
    assert_true(bytes_find(text, bytes_of(part)) < text.size);
    snprintf(part, sizeof(part), "\"quantity\":%d},\"old_record\"", is);
    assert_true(bytes_find(text, bytes_of(part)) < text.size);
    snprintf(part, sizeof(part), "\"quantity\":%d},\"errors\"", was);
    assert_true(bytes_find(text, bytes_of(part)) < text.size);
}

static void expect_seqs(struct client *c, unsigned from, unsigned to)
{
    for (unsigned i = from; i <= to; i++) {
        char part[20];
        snprintf(part, sizeof(part), "\"seq\":%u}", i);
        expect_part(c, part);
    }
}

static void first_change_goes_at_once_and_the_others_as_one(void **state)
{
    struct world *w = *state;
    struct client *c = joined(w, SLOWLY), *each = joined(w, SALES);
    set_quantity(w, 1, 1);
    expect_update(c, 1, 0, 1);
    assert_int_equal(hub_deadline(w->hub) > w->now_us + WINDOW_US, true);
    for (int i = 2; i <= 10; i++)
        set_quantity(w, 1, i);
    expect_silence(c);
    expect_seqs(each, 1, 10);
    assert_int_equal(hub_deadline(w->hub), w->now_us + WINDOW_US);
    world_tick(w, WINDOW_US - 1);
    expect_silence(c);
    world_tick(w, 1);
    expect_update(c, 10, 1, 10);
    expect_silence(c);
    set_quantity(w, 1, 11); /* the next window has begun with that message */
    expect_silence(c);
    world_tick(w, WINDOW_US);
    expect_update(c, 11, 10, 11);
    world_tick(w, WINDOW_US);
    set_quantity(w, 1, 12); /* and passed in silence */
    expect_update(c, 12, 11, 12);
    assert_int_equal(hub_counters(w->hub).coalesced, 8);
}

static void rows_are_in_the_order_of_their_newest_change(void **state)
{
    struct world *w = *state;
    struct client *c = joined(w, SLOWLY);
    set_quantity(w, 9, 1);
    client_skip(c, 1);
    set_quantity(w, 1, 1);
    set_quantity(w, 2, 1);
    set_quantity(w, 3, 1);
    set_quantity(w, 1, 2);
    world_tick(w, WINDOW_US);
    expect_update(c, 3, 0, 1);
    expect_update(c, 4, 0, 1);
    expect_update(c, 5, 0, 2);
    expect_silence(c);
}

static void members_share_the_window_and_its_frame(void **state)
{
    struct world *w = *state;
    struct iovec at_a[2], at_b[2];
    struct client *a = joined(w, SLOWLY), *b = joined(w, SLOWLY);
    struct client *faster = joined(w, SALES ",\"coalesce_ms\":100");
    assert_int_equal(hub_counters(w->hub).groups, 2);
    set_quantity(w, 1, 1);
    client_skip(a, 1);
    client_skip(b, 1);
    client_skip(faster, 1);
    a->is_stalled = b->is_stalled = true;
    set_quantity(w, 1, 2);
    world_tick(w, WINDOW_US / 2);
    expect_update(faster, 2, 1, 2);
    world_tick(w, WINDOW_US / 2);
    assert_int_equal(hub_peek(w->hub, a->id, at_a, 2), 1);
    assert_int_equal(hub_peek(w->hub, b->id, at_b, 2), 1);
    assert_ptr_equal(at_a[0].iov_base, at_b[0].iov_base);
}

static void a_reply_says_how_long_the_windows_are(void **state)
{
    struct world *w = *state;
    static const char *const asked[] = {"1", "250", "99999999", "0", "-5", "\"x\"", "1.5"};
    static const char *const got[] = {"],\"coalesce_ms\":10}",
                                      "],\"coalesce_ms\":250}",
                                      "],\"coalesce_ms\":60000}",
                                      "]}}",
                                      "]}}",
                                      "]}}",
                                      "]}}"};
    for (size_t i = 0; i < CHECK_COUNT(asked); i++) {
        char config[100];
        struct client *c = client_open(w, PHX_V2);
        snprintf(config, sizeof(config), "\"coalesce_ms\":%s", asked[i]);
        client_join(w, c, "x", "1", config, NULL);
        expect_part(c, got[i]);
    }
}

static void more_than_a_frame_should_hold_goes_early(void **state)
{
    struct world *w = *state;
    struct client *c = joined(w, SLOWLY);
    unsigned seq = 0;
    set_quantity(w, 1, 1);
    client_skip(c, 1);
    seq++;
    for (unsigned id = 1; id <= 512; id++, seq++)
        set_quantity(w, id, 7);
    expect_silence(c);
    set_quantity(w, 600, 1);
    seq++;
    expect_seqs(c, 2, seq);
    expect_silence(c);
}

static void row_that_changes_often_stays_one_message(void **state)
{
    struct world *w = *state;
    struct client *c = joined(w, SLOWLY);
    set_quantity(w, 1, 1);
    client_skip(c, 1);
    for (int i = 2; i <= 5000; i++)
        set_quantity(w, (unsigned)(i % 3), i);
    expect_silence(c);
    world_tick(w, WINDOW_US);
    expect_seqs(c, 4998, 5000);
    expect_silence(c);
    assert_int_equal(hub_counters(w->hub).coalesced, 4999 - 3);
}

static void big_rows_go_early(void **state)
{
    struct world *w = *state;
    static char row[100000];
    struct client *c = joined(w, SLOWLY);
    set_quantity(w, 1, 1);
    client_skip(c, 1);
    for (int i = 0; i < 3; i++) {
        int size = snprintf(row, sizeof(row), "{\"id\":\"%d\",\"note\":\"", i);
        memset(row + size, 'x', sizeof(row) - (size_t)size - 3);
        memcpy(row + sizeof(row) - 3, "\"}", 3);
        expect_silence(c);
        world_commit(w, "sales_logs", VERB_INSERT, row, NULL);
    }
    expect_seqs(c, 2, 4);
}

static void who_joins_in_a_window_hears_only_what_came_later(void **state)
{
    struct world *w = *state;
    struct client *c = joined(w, SLOWLY);
    set_quantity(w, 1, 1);
    client_skip(c, 1);
    set_quantity(w, 1, 2);
    struct client *late = joined(w, SLOWLY);
    struct client *resumes = joined(w, SLOWLY_FROM(1));
    expect_update(resumes, 2, 1, 2); /* what was missed does not wait */
    set_quantity(w, 1, 3);
    set_quantity(w, 1, 4);
    expect_silence(late);
    world_tick(w, WINDOW_US);
    expect_update(c, 4, 1, 4);
    expect_update(late, 4, 2, 4);
    expect_update(resumes, 4, 2, 4);
    set_quantity(w, 1, 5);
    world_tick(w, WINDOW_US);
    expect_update(c, 5, 4, 5);
    expect_update(late, 5, 4, 5);
    expect_update(resumes, 5, 4, 5);
    expect_silence(late);
}

static void who_joins_a_quiet_group_is_live_at_once(void **state)
{
    struct world *w = *state;
    struct client *a = joined(w, SLOWLY);
    set_quantity(w, 1, 1);
    struct client *b = joined(w, SLOWLY);
    world_tick(w, WINDOW_US);
    set_quantity(w, 1, 2);
    expect_seqs(a, 1, 2);
    expect_update(b, 2, 1, 2);
}

static void group_may_lose_its_members_in_a_window(void **state)
{
    struct world *w = *state;
    struct client *a = joined(w, SLOWLY), *b = joined(w, SLOWLY);
    set_quantity(w, 1, 1);
    set_quantity(w, 1, 2);
    struct client *parked = joined(w, SLOWLY);
    client_gone(w, a);
    client_say(w, b, "[\"1\",\"2\",\"realtime:x\",\"phx_leave\",{}]");
    set_quantity(w, 1, 3);
    world_tick(w, WINDOW_US);
    expect_update(parked, 3, 2, 3);
    client_gone(w, parked);
    assert_int_equal(hub_counters(w->hub).groups, 0);
    set_quantity(w, 1, 4);
    world_tick(w, WINDOW_US);
}

static void role_that_changes_in_a_window_loses_nothing(void **state)
{
    struct world *w = *state;
    struct client *c = client_joined(w, SLOWLY, MANAGER), *other = joined(w, SLOWLY);
    set_quantity(w, 1, 1);
    client_skip(c, 1);
    set_quantity(w, 1, 2);
    world_commit(w, "users", VERB_UPDATE,
                 "{\"id\":\"" MANAGER
                 "\",\"name\":\"n\",\"role\":\"sales_rep\",\"is_active\":true}",
                 "{\"id\":\"" MANAGER "\",\"name\":\"n\",\"role\":\"manager\",\"is_active\":true}");
    world_tick(w, 0);
    expect_update(c, 2, 1, 2);
    set_quantity(w, 1, 3);
    world_tick(w, WINDOW_US);
    world_tick(w, WINDOW_US);
    expect_part(c, "\"seq\":4}");
    expect_silence(c);
    expect_update(other, 1, 0, 1);
    expect_update(other, 4, 1, 3);
}

static void slow_reader_falls_behind_and_gets_all_that_matters(void **state)
{
    struct world *w = *state;
    struct client *slow = joined(w, SLOWLY), *fast = joined(w, SLOWLY);
    slow->is_stalled = true;
    int last = 0;
    for (int round = 0; round < 40; round++) {
        for (unsigned id = 1; id <= 100; id++)
            set_quantity(w, id, ++last);
        world_tick(w, WINDOW_US);
    }
    world_tick(w, WINDOW_US);
    assert_true(hub_counters(w->hub).behind > 0);
    slow->is_stalled = false;
    client_take(w, slow, SIZE_MAX);
    for (int i = 0; i < 20; i++)
        world_tick(w, WINDOW_US);
    for (struct client *c = slow; c; c = c == slow ? fast : NULL) {
        unsigned seq = 0, rows = 0;
        for (struct bytes got; (got = client_next(c, NULL)).size > 0;) {
            size_t at = bytes_find(got, BYTES("\"seq\":")) + 6;
            unsigned next = (unsigned)strtoul(got.data + at, NULL, 10);
            assert_true(next > seq);
            rows += next > 3900; /* each row has its newest state in the end */
            seq = next;
        }
        assert_int_equal(seq, 4000);
        assert_int_equal(rows, 100);
    }
}

static void what_memory_no_longer_holds_goes_early(void **state)
{
    struct world w;
    struct hub_config cfg;
    (void)state;
    world_config(&w, &cfg);
    cfg.log_count_max = 50;
    world_start(&w, &cfg);
    struct client *c = joined(&w, SLOWLY);
    set_quantity(&w, 1, 1);
    client_skip(c, 1);
    for (int i = 2; i <= 51; i++)
        set_quantity(&w, 1, i);
    expect_silence(c);
    set_quantity(&w, 1, 52); /* the first of them leaves */
    expect_update(c, 52, 1, 52);
    world_done(&w);
}

static void drain_ends_windows_and_resume_brings_the_rest(void **state)
{
    struct world *w = *state;
    struct hub_in in = {.kind = HUB_IN_DRAIN};
    struct client *c = joined(w, SLOWLY);
    set_quantity(w, 1, 1);
    set_quantity(w, 1, 2);
    client_skip(c, 1);
    assert_int_equal(world_step(w, &in), OK);
    world_flush(w);
    assert_int_equal(client_next_close(c), 1012);
    world_tick(w, WINDOW_US);
    struct client *again = joined(w, SLOWLY_FROM(1));
    expect_update(again, 2, 1, 2);
}

static void nothing_is_lost_when_memory_ends(void **state)
{
    bool has_failed = true;
    (void)state;
    for (size_t step = 1; step <= 4; step++) {
        has_failed = true;
        for (uint64_t n = 1; has_failed; n++) {
            struct world w;
            world_init(&w);
            struct client *c = joined(&w, SLOWLY);
            w.fail_step = w.step_count + step;
            w.fail_at = n;
            for (int i = 1; i <= 3; i++)
                set_quantity(&w, (unsigned)(i % 2), i);
            world_tick(&w, WINDOW_US);
            for (int i = 0; i < 3; i++)
                world_tick(&w, WINDOW_US);
            has_failed = w.has_failed;
            unsigned seq = 0, count = 0;
            for (struct bytes got; (got = client_next(c, NULL)).size > 0; count++) {
                size_t at = bytes_find(got, BYTES("\"seq\":")) + 6;
                unsigned next = (unsigned)strtoul(got.data + at, NULL, 10);
                assert_true(next > seq);
                seq = next;
            }
            assert_int_equal(seq, 3);
            assert_in_range(count, 2, 3);
            world_done(&w);
        }
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(first_change_goes_at_once_and_the_others_as_one),
        TEST(rows_are_in_the_order_of_their_newest_change),
        TEST(members_share_the_window_and_its_frame),
        TEST(a_reply_says_how_long_the_windows_are),
        TEST(more_than_a_frame_should_hold_goes_early),
        TEST(row_that_changes_often_stays_one_message),
        TEST(big_rows_go_early),
        TEST(who_joins_in_a_window_hears_only_what_came_later),
        TEST(who_joins_a_quiet_group_is_live_at_once),
        TEST(group_may_lose_its_members_in_a_window),
        TEST(role_that_changes_in_a_window_loses_nothing),
        TEST(slow_reader_falls_behind_and_gets_all_that_matters),
        cmocka_unit_test(what_memory_no_longer_holds_goes_early),
        TEST(drain_ends_windows_and_resume_brings_the_rest),
        cmocka_unit_test(nothing_is_lost_when_memory_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
