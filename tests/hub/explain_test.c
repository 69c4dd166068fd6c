/* Why somebody gets a change or not; and that the explanation is what the feed does. */
#include "hub/explain.h"

#include "support.h"

#include <stdio.h>

#define FEEDBACK "{\"id\":\"1\",\"user_id\":\"" REP "\",\"note\":\"dry\"}"
#define OTHERS "{\"id\":\"1\",\"user_id\":\"" OTHER_REP "\",\"note\":\"dry\"}"

static struct world world;
static struct buf out;

static int set_up(void **state)
{
    (void)state;
    world_init(&world);
    buf_init(&out, 1 << 20);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    world_done(&world);
    buf_done(&out);
    return 0;
}

static struct identity rep(void)
{
    struct identity who = {.role = ROLE_SALES_REP};
    memcpy(who.user_id, REP, sizeof(REP));
    return who;
}

static void expect_has(const char *part)
{
    if (bytes_find(buf_bytes(&out), bytes_of(part)) == out.size)
        fail_msg("%.*s lacks %s", (int)out.size, out.data, part);
}

static void the_change_is_named_by_seq_time_table_verb_and_key(void **state)
{
    (void)state;
    struct change *c = world_change(&world, "shift_feedback", VERB_INSERT, FEEDBACK, NULL);
    explain_put_change(&out, c);
    check_text(buf_bytes(&out),
               "{\"seq\":1,\"commit_timestamp\":\"2027-01-15T08:00:00.000Z\",\"table\":"
               "\"shift_feedback\",\"type\":\"INSERT\",\"key\":{\"id\":\"1\"},\"words\":"
               "\"change 1, 2027-01-15T08:00:00.000Z: INSERT of shift_feedback "
               "{\\\"id\\\":\\\"1\\\"}\"}");
    change_unref(c);
}

static void policies_are_named_with_their_place_and_what_they_say(void **state)
{
    (void)state;
    struct identity who = rep();
    struct change *c = world_change(&world, "shift_feedback", VERB_UPDATE, OTHERS, FEEDBACK);
    explain_put_policies(&out, world.policies, &who, c);
    check_text(buf_bytes(&out),
               "[{\"name\":\"chiefs\",\"at\":\"test.sql:4\",\"to_role\":false,\"new\":false,"
               "\"old\":false,\"words\":\"is not for this role\"},"
               "{\"name\":\"own\",\"at\":\"test.sql:5\",\"to_role\":true,\"new\":false,\"old\":"
               "true,\"words\":\"lets them see the row as it was, not as it is\"}]");
    change_unref(c);
}

static void every_verdict_has_its_words(void **state)
{
    static const struct {
        enum verb verb;
        const char *now, *was, *want;
    } cases[] = {
        {VERB_INSERT, FEEDBACK, NULL, "{\"sight\":\"whole\",\"told\":\"INSERT\",\"words\":"},
        {VERB_INSERT, OTHERS, NULL, "{\"sight\":\"none\",\"told\":null,\"words\":\"they may not"},
        {VERB_DELETE, NULL, FEEDBACK, "{\"sight\":\"whole\",\"told\":\"DELETE\""},
        {VERB_DELETE, NULL, OTHERS, "{\"sight\":\"none\",\"told\":null"},
        {VERB_UPDATE, FEEDBACK, FEEDBACK, "{\"sight\":\"whole\",\"told\":\"UPDATE\""},
        {VERB_UPDATE, OTHERS, FEEDBACK, "{\"sight\":\"leaves\",\"told\":\"DELETE\""},
        {VERB_UPDATE, FEEDBACK, OTHERS, "{\"sight\":\"enters\",\"told\":\"UPDATE\""},
        {VERB_UPDATE, OTHERS, OTHERS, "{\"sight\":\"none\",\"told\":null"},
    };
    (void)state;
    struct identity who = rep(), service = {.role = ROLE_SERVICE};
    for (size_t i = 0; i < CHECK_COUNT(cases); i++) {
        struct change *c =
            world_change(&world, "shift_feedback", cases[i].verb, cases[i].now, cases[i].was);
        buf_reset(&out);
        explain_put_verdict(&out, world.policies, &who, c);
        expect_has(cases[i].want);
        buf_reset(&out);
        explain_put_verdict(&out, world.policies, &service, c);
        expect_has("passes by all policies");
        change_unref(c);
    }
}

static void a_binding_says_what_keeps_the_change_from_it(void **state)
{
    static const struct {
        const char *table, *event, *filter, *want;
    } cases[] = {
        {"shift_feedback", "*", "note=eq.dry",
         "{\"told\":true,\"reason\":\"told\",\"terms\":"
         "[{\"column\":\"note\",\"operator\":\"eq\","
         "\"value\":\"\\\"dry\\\"\",\"result\":\"true\""},
        {"shift_feedback", "*", "note=not.eq.dry",
         "\"reason\":\"filter\",\"terms\":[{\"column\":\"note\",\"operator\":\"not.eq\",\"value\":"
         "\"\\\"dry\\\"\",\"result\":\"false\",\"words\":\"note not.eq is false: the row has "
         "\\\"dry\\\"\"}]"},
        {"shift_feedback", "*", "id=eq.9,note=eq.dry", "\"result\":\"true\""},
        {"shift_feedback", "DELETE", "",
         "\"reason\":\"event\",\"terms\":[],\"words\":\"it is not "
         "told: the binding is for other events\""},
        {"sales_logs", "*", "", "{\"told\":false,\"reason\":\"table\",\"terms\":[]"},
    };
    (void)state;
    struct identity who = rep();
    struct buf message;
    buf_init(&message, 4096);
    for (size_t i = 0; i < CHECK_COUNT(cases); i++) {
        struct change *c = world_change(
            &world, "shift_feedback", VERB_INSERT,
            "{\"id\":\"" STRANGER "\",\"user_id\":\"" REP "\",\"note\":\"dry\"}", NULL);
        struct binding_sets sets;
        struct binding_spec spec = {.event = bytes_of(cases[i].event),
                                    .table = bytes_of(cases[i].table),
                                    .filter = bytes_of(cases[i].filter)};
        struct bindings *b;
        if (bytes_starts_with(spec.filter, BYTES("id=")))
            spec.filter = BYTES("id=eq." STRANGER ",note=eq.dry");
        binding_sets_init(&sets, world.catalogue, 1);
        assert_int_equal(bindings_get(&sets, &spec, 1, &message, &b), OK);
        buf_reset(&out);
        explain_put_binding(&out, world.policies, &who, c, &b->items[0]);
        expect_has(cases[i].want);
        bindings_unref(&sets, b);
        binding_sets_done(&sets);
        change_unref(c);
    }
    buf_done(&message);
}

/* Whoever is told something by the feed is so by the explanation, and nobody else. */
static void the_explanation_is_what_the_feed_does(void **state)
{
    static const char *const users[] = {OWNER, MANAGER, REP, OTHER_REP};
    static const char *const events[] = {"*", "INSERT", "UPDATE", "DELETE"};
    static const char *const filters[] = {"", "note=eq.dry", "note=neq.dry", "note=is.null"};
    static const char *const rows[] = {NULL, FEEDBACK, OTHERS,
                                       "{\"id\":\"1\",\"user_id\":\"" REP "\",\"note\":null}"};
    (void)state;
    size_t told = 0, untold = 0;
    for (size_t i = 0; i < 4 * 4 * 4; i++) {
        char config[200];
        const char *user = users[i / 16];
        struct client *c = client_open(&world, PHX_V2);
        snprintf(config, sizeof(config),
                 "\"postgres_changes\":[{\"event\":\"%s\",\"table\":\"shift_feedback\",\"filter\":"
                 "\"%s\"}]",
                 events[i / 4 % 4], filters[i % 4]);
        client_join(&world, c, "x", "1", config, user);
        client_skip(c, 2);
        for (size_t k = 1; k < 16; k++) {
            const char *now = rows[k / 4], *was = rows[k % 4];
            enum verb verb = !was ? VERB_INSERT : !now ? VERB_DELETE : VERB_UPDATE;
            struct change *change = world_change(&world, "shift_feedback", verb, now, was);
            buf_reset(&out);
            hub_explain(world.hub, bytes_of(user), change, &out);
            bool is_told = bytes_find(buf_bytes(&out), BYTES("\"told\":true")) < out.size;
            world_commit_all(&world, &change, 1);
            assert_int_equal(client_next(c, NULL).size > 0, is_told);
            expect_silence(c);
            told += is_told;
            untold += !is_told;
        }
        client_gone(&world, c);
    }
    assert_true(told > 100 && untold > 100);
}

static void channels_are_shown_with_their_place_in_the_log(void **state)
{
    (void)state;
    struct client *c = client_open(&world, PHX_V2);
    client_join(&world, c, "mine", "1",
                "\"postgres_changes\":[{\"event\":\"*\",\"table\":\"sales_logs\"}]", REP);
    client_join(&world, c, "talk", "2", "", REP);
    struct change *change =
        world_change(&world, "sales_logs", VERB_INSERT, "{\"id\":\"1\",\"quantity\":3}", NULL);
    world.seq--;
    hub_explain(world.hub, BYTES(REP), change, &out);
    expect_has("{\"topic\":\"realtime:mine\",\"is_private\":false,\"is_behind\":false,\"next_seq\":"
               "1,\"bindings\":[{\"told\":true,");
    expect_has(
        "\"topic\":\"realtime:talk\",\"is_private\":false,\"is_behind\":false,\"next_seq\":1,"
        "\"bindings\":[],\"words\":\"asks for no changes\"}");
    buf_reset(&out);
    hub_explain(world.hub, BYTES(OWNER), change, &out);
    assert_int_equal(out.size, 0);
    c->is_stalled = true;
    for (unsigned i = 1; i <= 3000; i++)
        world_sell(&world, i, 1);
    change_unref(change);
    change = world_change(&world, "sales_logs", VERB_INSERT, "{\"id\":\"1\"}", NULL);
    hub_explain(world.hub, BYTES(REP), change, &out);
    expect_has("\"is_behind\":true");
    expect_has("is behind, and will be told when it has caught up");
    change_unref(change);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(the_change_is_named_by_seq_time_table_verb_and_key),
        TEST(policies_are_named_with_their_place_and_what_they_say),
        TEST(every_verdict_has_its_words),
        TEST(a_binding_says_what_keeps_the_change_from_it),
        TEST(the_explanation_is_what_the_feed_does),
        TEST(channels_are_shown_with_their_place_in_the_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
