/* Presence while memory runs out. */
#include "track_support.h"

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
        TEST(the_end_of_a_window_waits_for_memory),
        TEST(who_misses_a_diff_for_want_of_memory_is_told_when_there_is_some),
        cmocka_unit_test(without_memory_all_who_stay_end_with_the_truth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
