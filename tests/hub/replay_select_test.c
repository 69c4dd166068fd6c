/* Channels whose bindings select different columns: cut off anywhere, also between two messages of
 * one change, they resume without a gap and without a repeat. */
#include "support.h"

#include <stdio.h>

#include "hub/state.h"

enum { WINDOW = 100, VIEWS = 3 };

/* The second hears of each change, the others of INSERTs; so a change has three messages, or one. */
#define ENTRIES                                                                                    \
    "\"postgres_changes\":["                                                                       \
    "{\"event\":\"INSERT\",\"table\":\"sales_logs\",\"select\":[\"quantity\"]},"                   \
    "{\"event\":\"*\",\"table\":\"sales_logs\"},"                                                  \
    "{\"event\":\"INSERT\",\"table\":\"sales_logs\",\"select\":[]}]"
#define SALE "{\"id\":\"00000000-0000-4000-9000-000000000001\",\"quantity\":2}"

static int set_up(void **state)
{
    struct hub_config cfg;
    struct world *w = calloc(1, sizeof(*w));
    assert_non_null(w);
    world_config(w, &cfg);
    cfg.log_count_max = WINDOW;
    cfg.tail = 1;
    world_start(w, &cfg);
    w->keeps_log = true;
    *state = w;
    return 0;
}

static struct client *joined(struct world *w, const char *rest, unsigned head, const char *replayed)
{
    char config[1000], part[100];
    struct client *c = client_open(w, PHX_V2);
    snprintf(config, sizeof(config), "%s%s", ENTRIES, rest);
    client_join(w, c, "x", "1", config, OWNER);
    snprintf(part, sizeof(part), "\"seq\":%u,\"replayed\":%s}", head, replayed);
    expect_part(c, *rest ? part : "phx_reply");
    expect_part(c, "Subscribed to PostgreSQL");
    return c;
}

static void ids_of(struct world *w, struct client *c, uint32_t ids[VIEWS])
{
    const struct channel *ch =
        container_of(conns_find(&w->hub->conns, c->id)->channels.next, struct channel, of_conn);
    for (int i = 0; i < VIEWS; i++)
        ids[i] = ch->group->bindings->items[i].id;
}

/* The message of that change for one binding. */
static void expect_message(struct client *c, uint32_t id, unsigned seq)
{
    char start[40], end[40];
    struct bytes got = client_next(c, NULL);
    snprintf(start, sizeof(start), "{\"ids\":[%u],", id);
    snprintf(end, sizeof(end), "\"seq\":%u}", seq);
    if (bytes_find(got, bytes_of(start)) == got.size || bytes_find(got, bytes_of(end)) == got.size)
        fail_msg("%s … %s is not %.*s", start, end, (int)got.size, got.data);
}

/* Those of the INSERT `seq` from the one of ids[from] on, and then all up to `last`. */
static void expect_rest(struct client *c, const uint32_t ids[VIEWS], unsigned seq, int from,
                        unsigned last)
{
    for (int i = from; i < VIEWS; i++)
        expect_message(c, ids[i], seq);
    while (++seq <= last)
        for (int i = 0; i < VIEWS; i++)
            expect_message(c, ids[i], seq);
    expect_silence(c);
}

static void put_resume(char *out, size_t size, unsigned seq, const uint32_t *ids, int count)
{
    int at = snprintf(out, size, ",\"resume\":{\"epoch\":\"epoch-1\",\"seq\":%u,\"ids\":[", seq);
    for (int i = 0; i < count; i++)
        at += snprintf(out + at, size - (size_t)at, "%s%u", i ? "," : "", ids[i]);
    snprintf(out + at, size - (size_t)at, "]}");
}

/* One that has had the first `count` messages of that change. */
static struct client *resumed(struct world *w, unsigned seq, const uint32_t *ids, int count,
                              unsigned head)
{
    char resume[200];
    put_resume(resume, sizeof(resume), seq, ids, count);
    return joined(w, resume, head, "true");
}

static void sell_many(struct world *w, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        world_sell(w, i, 1);
}

static void what_is_left_of_a_change_comes_before_all_that_is_newer(void **state)
{
    struct world *w = *state;
    uint32_t ids[VIEWS];
    ids_of(w, joined(w, "", 0, ""), ids);
    sell_many(w, 90);
    for (unsigned seq = 80; seq <= 90; seq++)
        for (int count = 1; count <= VIEWS; count++)
            expect_rest(resumed(w, seq, ids, count, 90), ids, seq, count, 90);
}

static void that_holds_for_changes_that_only_the_store_has(void **state)
{
    struct world *w = *state;
    uint32_t ids[VIEWS];
    ids_of(w, joined(w, "", 0, ""), ids);
    sell_many(w, 150);
    for (int count = 1; count <= VIEWS; count++) {
        struct client *c = resumed(w, 20, ids, count, 150);
        while (w->fetch_count > 0) {
            world_answer_all(w);
            world_tick(w, 0);
        }
        expect_rest(c, ids, 20, count, 150);
    }
}

static void that_holds_for_a_change_that_is_yet_to_be_heard_of(void **state)
{
    struct world *w = *state;
    struct change *late[3];
    struct client *clients[3];
    uint32_t ids[VIEWS];
    ids_of(w, joined(w, "", 0, ""), ids);
    sell_many(w, 10);
    for (unsigned i = 0; i < 3; i++) {
        late[i] = world_change(w, "sales_logs", VERB_INSERT, SALE, NULL);
        assert_int_equal(changes_push(&w->log, change_ref(late[i])), OK);
    }
    w->keeps_log = false;
    for (unsigned i = 0; i < 3; i++)
        clients[i] = resumed(w, 11 + i, ids, 1, 11 + i);
    world_answer_all(w);
    for (unsigned i = 0; i < 3; i++) {
        expect_silence(clients[i]);
        world_commit_all(w, late + i, 1);
        world_tick(w, 0);
        expect_message(clients[i], ids[1], 11 + i);
        expect_message(clients[i], ids[2], 11 + i);
    }
    expect_silence(clients[2]);
    expect_rest(clients[0], ids, 12, 0, 13);
}

static void only_what_matches_is_owed(void **state)
{
    struct world *w = *state;
    uint32_t ids[VIEWS];
    ids_of(w, joined(w, "", 0, ""), ids);
    world_commit(w, "sales_logs", VERB_UPDATE, SALE, SALE); /* the second binding's alone */
    world_sell(w, 2, 1);
    struct client *c = resumed(w, 1, ids + 1, 1, 2);
    expect_rest(c, ids, 2, 0, 2);
    c = resumed(w, 1, ids, 1, 2); /* it says that it has had what it has not */
    expect_message(c, ids[1], 1);
    expect_rest(c, ids, 2, 0, 2);
}

static void ids_that_are_none_cannot_be_resumed_from(void **state)
{
    struct world *w = *state;
    const char *const bad[] = {"[]",   "7",     "{}",           "[\"1\"]",
                               "[-1]", "[1.5]", "[4294967296]", "[null]"};
    sell_many(w, 3);
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        char resume[200];
        snprintf(resume, sizeof(resume), ",\"resume\":{\"epoch\":\"epoch-1\",\"seq\":2,\"ids\":%s}",
                 bad[i]);
        struct client *c = joined(w, resume, 3 + (unsigned)i, "false");
        expect_silence(c);
        world_sell(w, 9, 1);
        client_skip(c, VIEWS);
        expect_silence(c);
    }
}

static void a_change_out_of_reach_cannot_be_resumed_in_the_middle(void **state)
{
    struct world *w = *state;
    uint32_t ids[VIEWS];
    char resume[200];
    ids_of(w, joined(w, "", 0, ""), ids);
    sell_many(w, 3);
    put_resume(resume, sizeof(resume), 0, ids, 1);
    struct client *c = joined(w, resume, 3, "false");
    world_sell(w, 9, 1);
    expect_rest(c, ids, 4, 0, 4); /* nothing of it is left to trouble what comes */
}

static void the_rest_comes_though_memory_ends_anywhere(void **state)
{
    (void)state;
    bool has_failed = true;
    for (uint64_t n = 1; has_failed; n++) {
        struct world w = {.now_us = 0};
        uint32_t ids[VIEWS];
        char resume[300];
        world_init(&w);
        ids_of(&w, joined(&w, "", 0, ""), ids);
        sell_many(&w, 5);
        struct client *c = client_open(&w, PHX_V2);
        size_t size = (size_t)snprintf(resume, sizeof(resume), "%s", ENTRIES);
        put_resume(resume + size, sizeof(resume) - size, 3, ids, 1);
        w.fail_step = w.step_count + 1;
        w.fail_at = n;
        client_join(&w, c, "x", "1", resume, OWNER);
        has_failed = w.has_failed;
        struct bytes reply = client_next(c, NULL);
        if (bytes_find(reply, BYTES("\"replayed\":true")) < reply.size) {
            client_skip(c, 1);
            world_tick(&w, 200 * 1000);
            expect_rest(c, ids, 3, 1, 5);
        } else {
            assert_true(has_failed);
        }
        world_done(&w);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, world_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_is_left_of_a_change_comes_before_all_that_is_newer),
        TEST(that_holds_for_changes_that_only_the_store_has),
        TEST(that_holds_for_a_change_that_is_yet_to_be_heard_of),
        TEST(only_what_matches_is_owed),
        TEST(ids_that_are_none_cannot_be_resumed_from),
        TEST(a_change_out_of_reach_cannot_be_resumed_in_the_middle),
        cmocka_unit_test(the_rest_comes_though_memory_ends_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
