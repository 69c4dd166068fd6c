/* Who is found by value gets what who is asked about everything gets. */
#include "support.h"

#include <stdio.h>

#include "base/rng.h"
#include "hub/state.h"

enum { PAIRS = 12, ROUNDS = 30, BATCH_MAX = 150, IDS = 6 };

/* Never matches, and no equality holds it: the group that has it stands in the plain lists. */
#define NEVER                                                                                      \
    ",{\"event\":\"*\",\"table\":\"sales_logs\",\"filter\":\"id=is.null\"}"                        \
    ",{\"event\":\"*\",\"table\":\"shift_feedback\",\"filter\":\"id=is.null\"}"

static const char *const users[] = {OWNER, MANAGER, REP, OTHER_REP, "anon", "service"};
static const char *const people[] = {OWNER, REP, OTHER_REP, STRANGER};

static const char *const entries[] = {
    "{\"event\":\"*\",\"table\":\"sales_logs\",\"filter\":\"id=eq.%u\"}",
    "{\"event\":\"UPDATE\",\"table\":\"sales_logs\",\"filter\":\"quantity=eq.%u\"}",
    "{\"event\":\"DELETE\",\"table\":\"sales_logs\",\"filter\":\"quantity=in.(%u,2,9)\"}",
    "{\"event\":\"*\",\"table\":\"sales_logs\",\"filter\":\"returned=eq.true,quantity=lt.%u\"}",
    "{\"event\":\"INSERT\",\"table\":\"sales_logs\",\"filter\":\"note=eq.n%u,quantity=gte.2\"}",
    "{\"event\":\"*\",\"table\":\"sales_logs\",\"filter\":\"quantity=not.eq.%u\"}",
    "{\"event\":\"*\",\"table\":\"shift_feedback\",\"filter\":\"note=eq.n%u\"}",
    "{\"event\":\"DELETE\",\"table\":\"shift_feedback\",\"filter\":\"note=eq.n%u\"}",
    "{\"event\":\"*\",\"table\":\"shift_feedback\",\"filter\":\"user_id=eq." REP "\"}",
    "{\"event\":\"UPDATE\",\"table\":\"sales_logs\",\"filter\":\"unit_price=eq.%u.5\"}",
};

static const char *one_of(struct rng *r, const char *const *list, size_t count)
{
    return list[rng_below(r, count)];
}

/* An entry whose ids are uuids of which the last digit is drawn. */
static void put_entry(struct rng *r, char *out, size_t size)
{
    const char *format = one_of(r, entries, CHECK_COUNT(entries));
    unsigned n = (unsigned)rng_below(r, IDS);
    const char *hole = strstr(format, "%u");
    int before = hole ? (int)(hole - format) : (int)strlen(format);
    const char *prefix = strstr(format, "id=eq.%u") && !strstr(format, "user_id")
                             ? "00000000-0000-4000-9000-00000000000"
                             : "";
    if (hole)
        snprintf(out, size, "%.*s%s%u%s", before, format, prefix, n, hole + 2);
    else
        snprintf(out, size, "%s", format);
}

static void put_row(struct rng *r, bool is_sale, char *out, size_t size)
{
    unsigned id = (unsigned)rng_below(r, IDS), n = (unsigned)rng_below(r, IDS);
    if (is_sale)
        snprintf(out, size,
                 "{\"id\":\"00000000-0000-4000-9000-00000000000%u\",\"quantity\":%u,"
                 "\"unit_price\":%u.50,\"returned\":%s,\"note\":\"n%u\"}",
                 id, n, n, n % 2 ? "true" : "false", id);
    else
        snprintf(out, size,
                 "{\"id\":\"00000000-0000-4000-9000-00000000000%u\",\"user_id\":\"%s\","
                 "\"note\":\"n%u\"}",
                 id, one_of(r, people, CHECK_COUNT(people)), n);
}

static struct change *draw_change(struct world *w, struct rng *r)
{
    enum verb verb = (enum verb)(VERB_INSERT + rng_below(r, 3));
    bool is_sale = rng_below(r, 2) == 0;
    char new_row[300], old_row[300];
    put_row(r, is_sale, new_row, sizeof(new_row));
    put_row(r, is_sale, old_row, sizeof(old_row));
    return world_change(w, is_sale ? "sales_logs" : "shift_feedback", verb,
                        verb == VERB_DELETE ? NULL : new_row, verb == VERB_INSERT ? NULL : old_row);
}

struct pair {
    struct client *routed, *plain;
};

/* Two clients of one person with the same entries, of which one is in the plain lists too. */
static struct pair join_pair(struct world *w, struct rng *r, size_t number)
{
    struct pair p = {client_open(w, PHX_V2), client_open(w, PHX_V2)};
    const char *user = users[number % CHECK_COUNT(users)];
    char list[1000] = "", config[1500];
    unsigned count = 1 + (unsigned)rng_below(r, 4);
    for (unsigned i = 0; i < count; i++) {
        char entry[200];
        put_entry(r, entry, sizeof(entry));
        if (strstr(list, entry))
            continue; /* the ids of equals depend on their places */
        snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s", *list ? "," : "", entry);
    }
    snprintf(config, sizeof(config), "\"postgres_changes\":[%s]", list);
    client_join(w, p.routed, "x", "1", config, user);
    snprintf(config, sizeof(config), "\"postgres_changes\":[%s" NEVER "]", list);
    client_join(w, p.plain, "x", "1", config, user);
    expect_part(p.routed, "\"status\":\"ok\"");
    expect_part(p.plain, "\"status\":\"ok\"");
    expect_part(p.routed, "\"status\":\"ok\"");
    expect_part(p.plain, "\"status\":\"ok\"");
    return p;
}

/* Returns the number of messages that both have got. */
static size_t compare(struct pair p, size_t *deletes)
{
    for (size_t count = 0;; count++) {
        struct bytes a = client_next(p.routed, NULL), b = client_next(p.plain, NULL);
        check_bytes(a, b, __FILE__, __LINE__);
        if (a.size == 0)
            return count;
        *deletes += bytes_find(a, BYTES("\"type\":\"DELETE\"")) < a.size;
    }
}

static void commit_some(struct world *w, struct rng *r)
{
    struct change *items[BATCH_MAX];
    size_t count = 1 + rng_below(r, BATCH_MAX);
    for (size_t i = 0; i < count; i++)
        items[i] = draw_change(w, r);
    world_commit_all(w, items, count);
}

static void run_world(uint64_t seed, size_t *messages, size_t *deletes)
{
    struct world w;
    struct rng r;
    struct hub_config cfg;
    struct pair pairs[PAIRS];
    world_config(&w, &cfg);
    cfg.limits.outbox_frames_max = 5; /* who does not read falls behind at once */
    world_start(&w, &cfg);
    rng_init(&r, seed);
    for (size_t i = 0; i < PAIRS; i++)
        pairs[i] = join_pair(&w, &r, i);
    for (int round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < PAIRS; i++)
            pairs[i].routed->is_stalled = rng_below(&r, 4) == 0;
        commit_some(&w, &r);
    }
    for (size_t i = 0; i < PAIRS; i++) {
        client_take(&w, pairs[i].routed, SIZE_MAX);
        *messages += compare(pairs[i], deletes);
    }
    assert_true(hub_counters(w.hub).replayed > 0);
    world_done(&w);
}

static void routed_and_plain_groups_get_the_same_messages(void **state)
{
    size_t messages = 0, deletes = 0;
    (void)state;
    for (uint64_t seed = 1; seed <= 8; seed++)
        run_world(seed, &messages, &deletes);
    assert_true(messages > 10000);
    assert_true(deletes > 1000 && deletes < messages);
}

/* ---- what a change touches ---- */

static struct client *filtered(struct world *w, const char *user, const char *table,
                               const char *filter)
{
    struct client *c = client_open(w, PHX_V2);
    char config[300];
    snprintf(config, sizeof(config),
             "\"postgres_changes\":[{\"event\":\"*\",\"table\":\"%s\",\"filter\":\"%s\"}]", table,
             filter);
    client_join(w, c, filter, "1", config, user);
    client_skip(c, 2);
    return c;
}

static bool is_touched(struct world *w, const struct client *c)
{
    const struct conn *conn = conns_find(&w->hub->conns, c->id);
    const struct channel *ch = container_of(conn->channels.next, struct channel, of_conn);
    return ch->group->mark == w->hub->run;
}

static void change_touches_only_groups_with_its_value(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    struct client *one = filtered(&w, OWNER, "sales_logs", "quantity=eq.1");
    struct client *two = filtered(&w, OWNER, "sales_logs", "quantity=eq.2");
    world_sell(&w, 1, 2);
    assert_false(is_touched(&w, one));
    assert_true(is_touched(&w, two));
    expect_silence(one);
    expect_part(two, "\"seq\":1}");
    world_done(&w);
}

/* A channel for each id: the equality stands among other terms, in two bindings, with a selection. */
static void join_many(struct world *w, struct client *c, unsigned first, unsigned count)
{
    for (unsigned id = first; id < first + count; id++) {
        char name[20], config[500];
        snprintf(name, sizeof(name), "%u", id);
        snprintf(config, sizeof(config),
                 "\"postgres_changes\":[{\"event\":\"*\",\"table\":\"sales_logs\",\"filter\":"
                 "\"quantity=gt.0,id=eq.00000000-0000-4000-9000-%012u,note=is.null\","
                 "\"select\":[\"quantity\"]},"
                 "{\"event\":\"DELETE\",\"table\":\"sales_logs\",\"filter\":"
                 "\"id=in.(00000000-0000-4000-9000-%012u,00000000-0000-4000-9000-%012u)\"}]",
                 id, id, id + 1);
        client_join(w, c, name, "1", config, id == first ? OWNER : NULL);
    }
}

static size_t count_touched(struct world *w)
{
    const struct map_entry *e = NULL;
    size_t count = 0;
    while ((e = map_next(&w->hub->groups.map, e)))
        count += container_of(e, struct group, entry)->mark == w->hub->run;
    return count;
}

static void change_touches_two_of_ten_thousand_channels(void **state)
{
    enum { CLIENTS = 10, CHANNELS = 1000 };
    struct world w;
    (void)state;
    world_init(&w);
    for (unsigned i = 0; i < CLIENTS; i++)
        join_many(&w, client_open(&w, PHX_V2), i * CHANNELS, CHANNELS);
    assert_int_equal(w.hub->groups.map.count, CLIENTS * CHANNELS);
    for (size_t i = 0; i < w.catalogue->table_count; i++)
        assert_true(list_is_empty(&w.hub->groups.routes.tables[i].plain));
    world_commit(&w, "sales_logs", VERB_INSERT,
                 "{\"id\":\"00000000-0000-4000-9000-000000004321\",\"quantity\":1,\"note\":null}",
                 NULL);
    assert_int_equal(count_touched(&w), 2); /* the second asks for the DELETEs of two ids */
    assert_int_equal(hub_counters(w.hub).deliveries, 1);
    world_done(&w);
}

static void row_that_leaves_the_view_is_found_by_its_old_value(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    struct client *rep = filtered(&w, REP, "shift_feedback", "note=eq.mine");
    world_commit(&w, "shift_feedback", VERB_UPDATE,
                 "{\"id\":\"1\",\"user_id\":\"" OTHER_REP "\",\"note\":\"theirs\"}",
                 "{\"id\":\"1\",\"user_id\":\"" REP "\",\"note\":\"mine\"}");
    expect_part(rep, "\"type\":\"DELETE\"");
    world_commit(&w, "shift_feedback", VERB_UPDATE,
                 "{\"id\":\"1\",\"user_id\":\"" REP "\",\"note\":\"other\"}",
                 "{\"id\":\"1\",\"user_id\":\"" REP "\",\"note\":\"mine\"}");
    expect_silence(rep); /* still in view: an UPDATE is matched by its new row */
    world_done(&w);
}

/* A note whose text takes memory to be read, found by value, in the plain list, and by pattern. */
static bool sell_without_memory(uint64_t n)
{
    static const char *const filters[] = {"note=eq.a\\\"b", "note=neq.x", "note=match.^a.b$"};
    struct client *clients[CHECK_COUNT(filters)];
    struct world w;
    world_init(&w);
    for (size_t i = 0; i < CHECK_COUNT(filters); i++)
        clients[i] = filtered(&w, OWNER, "sales_logs", filters[i]);
    w.fail_step = w.step_count + 1;
    w.fail_at = n;
    world_commit(&w, "sales_logs", VERB_INSERT, "{\"id\":\"1\",\"note\":\"a\\\"b\"}", NULL);
    world_tick(&w, 1000000);
    for (size_t i = 0; i < CHECK_COUNT(filters); i++) {
        expect_part(clients[i], "\"seq\":1}");
        expect_silence(clients[i]);
    }
    bool has_failed = w.has_failed;
    world_done(&w);
    return has_failed;
}

static void memory_that_ends_while_a_value_is_read_hides_no_change(void **state)
{
    uint64_t n = 1;
    (void)state;
    while (sell_without_memory(n))
        n++;
    assert_true(n > 5);
}

static void costly_expression_passes_nothing_and_is_counted(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    struct client *costly =
        filtered(&w, OWNER, "sales_logs", "note=match.\\\"(a{1,90}b?){1,90}z?$\\\"");
    struct client *not_costly =
        filtered(&w, OWNER, "sales_logs", "note=not.match.\\\"(a{1,90}b?){1,90}z?$\\\"");
    char row[600], note[501] = "";
    memset(note, 'a', sizeof(note) - 1);
    snprintf(row, sizeof(row), "{\"id\":\"1\",\"note\":\"%s\"}", note);
    world_commit(&w, "sales_logs", VERB_INSERT, row, NULL);
    expect_silence(costly);
    expect_silence(not_costly);
    assert_int_equal(hub_counters(w.hub).costly_filters, 2);
    world_done(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(routed_and_plain_groups_get_the_same_messages),
        cmocka_unit_test(change_touches_only_groups_with_its_value),
        cmocka_unit_test(change_touches_two_of_ten_thousand_channels),
        cmocka_unit_test(row_that_leaves_the_view_is_found_by_its_old_value),
        cmocka_unit_test(memory_that_ends_while_a_value_is_read_hides_no_change),
        cmocka_unit_test(costly_expression_passes_nothing_and_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
