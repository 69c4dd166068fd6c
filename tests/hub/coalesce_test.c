#include "support.h"

#include <stdio.h>

#include "base/json.h"
#include "hub/coalesce.h"

enum { BATCH_MAX = 60, ROWS = 4, ROUNDS = 3000 };

#define ID(n) "00000000-0000-4000-9000-00000000000" #n

struct fixture {
    struct world world;
    struct conns conns;
    struct channels channels;
    struct groups groups;
    struct feed feed;
    struct coalesce coalesce;
    struct channel *channel;
    struct changes items;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    world_init(&f->world);
    conns_init(&f->conns);
    channels_init(&f->channels, 1);
    assert_int_equal(groups_init(&f->groups, f->world.catalogue, f->world.policies, 1), OK);
    feed_init(&f->feed, &f->groups.classes);
    coalesce_init(&f->coalesce, 1);
    changes_init(&f->items);
    *state = f;
    return 0;
}

static void leave(struct fixture *f)
{
    struct conn *c = f->channel->conn;
    group_leave(&f->groups, f->channel);
    channel_remove(&f->channels, f->channel);
    conns_remove(&f->conns, c);
    f->channel = NULL;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    if (f->channel)
        leave(f);
    changes_done(&f->items);
    coalesce_done(&f->coalesce);
    feed_done(&f->feed);
    groups_done(&f->groups);
    channels_done(&f->channels);
    conns_done(&f->conns);
    world_done(&f->world);
    free(f);
    return 0;
}

/* A group of that role with these bindings. */
static void enter(struct fixture *f, enum role role, struct binding_spec *specs, uint32_t count)
{
    struct identity who = {.role = role, .user_id = REP};
    struct bindings *b;
    struct reader_class *class;
    struct conn *c;
    binding_make_ids(specs, count);
    for (uint32_t i = 0; i < count; i++)
        specs[i].id = i + 1;
    assert_int_equal(bindings_get(&f->groups.sets, specs, count, &f->world.text, &b), OK);
    assert_int_equal(groups_class(&f->groups, b, &who, &class), OK);
    assert_int_equal(conns_add(&f->conns, PHX_V2, 1000, &c), OK);
    assert_int_equal(channel_add(&f->channels, c, BYTES("realtime:x"), BYTES("1"), &f->channel),
                     OK);
    assert_int_equal(group_enter(&f->groups, f->channel, b, class), OK);
    bindings_unref(&f->groups.sets, b);
    reader_class_unref(&f->groups.classes, class);
}

static void enter_sales(struct fixture *f)
{
    struct binding_spec spec = {.table = BYTES("sales_logs")};
    enter(f, ROLE_OWNER, &spec, 1);
}

static void add(struct fixture *f, const char *table, enum verb verb, const char *new_row,
                const char *old_row)
{
    assert_int_equal(
        changes_push(&f->items, world_change(&f->world, table, verb, new_row, old_row)), OK);
}

/* One letter a change of one row: its quantity is 1, 2, 3, … */
static void play(struct fixture *f, const char *verbs)
{
    char was[100], is[100];
    changes_truncate(&f->items, 0);
    for (int i = 0; verbs[i]; i++) {
        snprintf(was, sizeof(was), "{\"id\":\"" ID(1) "\",\"quantity\":%d}", i);
        snprintf(is, sizeof(is), "{\"id\":\"" ID(1) "\",\"quantity\":%d}", i + 1);
        if (verbs[i] == 'I')
            add(f, "sales_logs", VERB_INSERT, is, NULL);
        else if (verbs[i] == 'U')
            add(f, "sales_logs", VERB_UPDATE, is, was);
        else
            add(f, "sales_logs", VERB_DELETE, NULL, was);
    }
}

static struct bytes member(struct json_value object, const char *name)
{
    struct json_value v;
    return json_get(object, bytes_of(name), &v) ? (struct bytes){NULL, 0} : v.raw;
}

/* The data of the first message of the wire, which is taken off; its ids go to `ids`. */
static struct json_value take_data(struct bytes *wire, struct bytes *ids)
{
    const unsigned char *p = (const unsigned char *)wire->data;
    size_t size = p[1], header = 2;
    struct json_value message, v, data;
    struct bytes key;
    if (size == 126) {
        size = (size_t)p[2] << 8 | p[3];
        header = 4;
    }
    assert_int_equal(json_parse((struct bytes){wire->data + header, size}, &message), OK);
    *wire = bytes_slice(*wire, header + size, wire->size);
    struct json_iter it = json_iter(message);
    for (int i = 0; i < 5; i++)
        assert_true(json_next(&it, &key, &v));
    *ids = member(v, "ids");
    assert_int_equal(json_get(v, BYTES("data"), &data), OK);
    return data;
}

static int number_of(struct json_value object, const char *name)
{
    struct json_value v;
    int64_t n = 0;
    assert_int_equal(json_get(object, bytes_of(name), &v), OK);
    assert_int_equal(json_to_i64(v, &n), OK);
    return (int)n;
}

static struct bytes encode(struct fixture *f, uint32_t *messages)
{
    struct bytes wire = {NULL, 0};
    *messages = 0;
    assert_int_equal(coalesce_encode(&f->coalesce, &f->feed, f->channel->group, f->items.items,
                                     f->items.count, &wire, messages),
                     OK);
    return wire;
}

/* What comes of it: "TYPE old>new place", or nothing. */
static void expect(struct fixture *f, const char *verbs, const char *want)
{
    uint32_t messages;
    struct bytes ids;
    char got[100] = "";
    play(f, verbs);
    struct bytes wire = encode(f, &messages);
    if (messages > 0) {
        struct json_value data = take_data(&wire, &ids), row = {JSON_NULL, {NULL, 0}};
        struct bytes old = {NULL, 0}, new = {NULL, 0}, type = member(data, "type");
        if (json_get(data, BYTES("old_record"), &row) == OK)
            old = member(row, "quantity");
        if (json_get(data, BYTES("record"), &row) == OK)
            new = member(row, "quantity");
        int place = number_of(data, "seq") - (int)f->items.items[0]->seq + 1;
        snprintf(got, sizeof(got), "%.*s %.*s>%.*s %d", (int)type.size - 2, type.data + 1,
                 (int)old.size, old.data ? old.data : "", (int)new.size, new.data ? new.data : "",
                 place);
    }
    assert_int_equal(wire.size, 0);
    check_text(bytes_of(got), want);
}

static void changes_of_a_row_become_one_message(void **state)
{
    struct fixture *f = *state;
    enter_sales(f);
    expect(f, "I", "INSERT >1 1");
    expect(f, "U", "UPDATE 0>1 1");
    expect(f, "D", "DELETE 0> 1");
    expect(f, "IUU", "INSERT >3 3");
    expect(f, "ID", "DELETE 1> 2");
    expect(f, "IUD", "DELETE 2> 3");
    expect(f, "UUU", "UPDATE 0>3 3");
    expect(f, "UUD", "DELETE 0> 3");
    expect(f, "DI", "UPDATE 0>2 2");
    expect(f, "DIU", "UPDATE 0>3 3");
    expect(f, "DID", "DELETE 0> 3");
    expect(f, "IDI", "UPDATE 1>3 3");
    expect(f, "IDIUDI", "UPDATE 1>6 6");
    expect(f, "UDIUUD", "DELETE 0> 6");
}

/* Whoever took a snapshot between two of the changes, and skips what that knew, ends with the same. */
static void snapshot_within_the_window_comes_to_the_same(void **state)
{
    static const char *const all[] = {"ID", "IUD", "IUUD", "IDI", "IDID", "DID", "UUD", "DIU"};
    struct fixture *f = *state;
    enter_sales(f);
    for (size_t k = 0; k < CHECK_COUNT(all); k++) {
        uint32_t messages;
        struct bytes ids;
        play(f, all[k]);
        bool is_there = all[k][strlen(all[k]) - 1] != 'D';
        struct bytes wire = encode(f, &messages);
        assert_int_equal(messages, 1);
        struct json_value data = take_data(&wire, &ids);
        assert_int_equal(json_string_equals(member(data, "type"), BYTES("DELETE")), !is_there);
        assert_int_equal(number_of(data, "seq"), (int)f->items.items[f->items.count - 1]->seq);
    }
}

static void what_is_not_heard_does_not_count(void **state)
{
    struct fixture *f = *state;
    struct binding_spec spec = {.table = BYTES("sales_logs"), .event = BYTES("INSERT")};
    enter(f, ROLE_OWNER, &spec, 1);
    expect(f, "IUU", "INSERT >1 1");
    expect(f, "UUD", "");
    expect(f, "ID", "INSERT >1 1");
}

static void what_other_bindings_hear_is_sent_as_it_is(void **state)
{
    struct fixture *f = *state;
    struct binding_spec specs[] = {{.table = BYTES("sales_logs"), .event = BYTES("INSERT")},
                                   {.table = BYTES("sales_logs"), .event = BYTES("UPDATE")},
                                   {.table = BYTES("sales_logs"), .event = BYTES("DELETE")}};
    enter(f, ROLE_OWNER, specs, 3);
    expect(f, "IU", "UPDATE 1>2 2");
    expect(f, "IUUU", "UPDATE 1>4 4");
    expect(f, "ID", "DELETE 1> 2");
    expect(f, "UUD", "DELETE 2> 3");
    expect(f, "DI", "INSERT >2 2");
}

static void filtered_group_hears_of_the_end_of_a_row(void **state)
{
    struct fixture *f = *state;
    struct binding_spec spec = {.table = BYTES("sales_logs"), .filter = BYTES("quantity=gt.2")};
    enter(f, ROLE_OWNER, &spec, 1);
    expect(f, "UUI", "INSERT >3 3");
    expect(f, "UUID", "DELETE 3> 4");
    expect(f, "UUIDI", "UPDATE 3>5 5");
    expect(f, "IU", "");
}

static void row_that_came_into_view_is_not_shown_as_it_was(void **state)
{
    static const char mine[] = "{\"id\":\"" ID(1) "\",\"user_id\":\"" REP "\",\"note\":\"m\"}";
    static const char theirs[] =
        "{\"id\":\"" ID(1) "\",\"user_id\":\"" OTHER_REP "\",\"note\":\"t\"}";
    struct fixture *f = *state;
    struct binding_spec spec = {.table = BYTES("shift_feedback")};
    uint32_t messages;
    struct bytes ids;
    enter(f, ROLE_SALES_REP, &spec, 1);
    add(f, "shift_feedback", VERB_UPDATE, mine, theirs);
    add(f, "shift_feedback", VERB_UPDATE, mine, mine);
    struct bytes wire = encode(f, &messages);
    struct json_value data = take_data(&wire, &ids);
    check_text(member(data, "type"), "\"UPDATE\"");
    check_text(member(data, "old_record"), "{\"id\":\"" ID(1) "\"}");
    check_text(member(data, "record"), mine);
    add(f, "shift_feedback", VERB_UPDATE, theirs, mine);
    wire = encode(f, &messages);
    data = take_data(&wire, &ids);
    check_text(member(data, "type"), "\"DELETE\"");
    check_text(member(data, "old_record"), "{\"id\":\"" ID(1) "\"}");
    assert_int_equal(messages, 1);
}

static void each_selection_of_columns_is_a_message(void **state)
{
    struct fixture *f = *state;
    struct binding_spec specs[] = {
        {.table = BYTES("sales_logs")},
        {.table = BYTES("sales_logs"), .select = BYTES("[\"quantity\"]")},
        {.table = BYTES("sales_logs"), .select = BYTES("[\"note\"]"), .event = BYTES("DELETE")}};
    uint32_t messages;
    struct bytes ids;
    enter(f, ROLE_OWNER, specs, 3);
    play(f, "UUD");
    struct bytes wire = encode(f, &messages);
    assert_int_equal(messages, 3);
    assert_int_equal(f->coalesce.saved, 4);
    for (int i = 0; i < 3; i++) {
        char id[8];
        struct json_value data = take_data(&wire, &ids);
        snprintf(id, sizeof(id), "[%d]", i + 1);
        check_text(ids, id);
        check_text(member(data, "type"), "\"DELETE\"");
    }
    play(f, "UI");
    wire = encode(f, &messages);
    assert_int_equal(messages, 2);
    take_data(&wire, &ids);
    struct json_value data = take_data(&wire, &ids);
    check_text(member(data, "record"), "{\"id\":\"" ID(1) "\",\"quantity\":2}");
}

static void row_that_gets_another_key_leaves_all_as_it_is(void **state)
{
    struct fixture *f = *state;
    uint32_t messages;
    enter_sales(f);
    play(f, "UU");
    add(f, "sales_logs", VERB_UPDATE, "{\"id\":\"" ID(2) "\"}", "{\"id\":\"" ID(1) "\"}");
    encode(f, &messages);
    assert_int_equal(messages, 3);
}

/* ---- at random ---- */

struct copy {
    int quantity[ROWS]; /* 0: the row is not there */
    int64_t seq;
};

static int row_of(struct json_value record)
{
    struct bytes id = member(record, "id");
    return id.data[id.size - 2] - '0';
}

/* A reader applies every message; returns how many there were of the row that had most. */
static int apply(struct copy *copy, struct bytes wire)
{
    int messages[ROWS] = {0}, most = 0;
    while (wire.size > 0) {
        struct bytes ids;
        struct json_value data = take_data(&wire, &ids), record;
        int seq = number_of(data, "seq");
        assert_true(seq > copy->seq);
        copy->seq = seq;
        bool is_there = json_get(data, BYTES("record"), &record) == OK;
        if (!is_there)
            assert_int_equal(json_get(data, BYTES("old_record"), &record), OK);
        int row = row_of(record);
        copy->quantity[row] = is_there ? number_of(record, "quantity") : 0;
        if (++messages[row] > most)
            most = messages[row];
    }
    return most;
}

static void add_random(struct fixture *f, struct rng *r, int quantity[ROWS])
{
    int row = (int)rng_below(r, ROWS), was = quantity[row], is = 1 + (int)rng_below(r, 9);
    char old[100], new[100];
    snprintf(old, sizeof(old), "{\"id\":\"00000000-0000-4000-9000-00000000000%d\",\"quantity\":%d}",
             row, was);
    snprintf(new, sizeof(new), "{\"id\":\"00000000-0000-4000-9000-00000000000%d\",\"quantity\":%d}",
             row, is);
    if (was == 0)
        add(f, "sales_logs", VERB_INSERT, new, NULL);
    else if (rng_below(r, 3) == 0)
        add(f, "sales_logs", VERB_DELETE, NULL, old);
    else
        add(f, "sales_logs", VERB_UPDATE, new, old);
    quantity[row] = change_row(f->items.items[f->items.count - 1]).data ==
                            f->items.items[f->items.count - 1]->new_row.data
                        ? is
                        : 0;
}

/* Who gets all and who gets the net effect hold the same, and compacting changes nothing. */
static void copies_are_the_same_in_the_end(void **state)
{
    struct fixture *f = *state;
    struct rng r;
    rng_init(&r, 4711);
    for (int round = 0; round < ROUNDS; round++) {
        struct binding_spec spec = {.table = BYTES("sales_logs"),
                                    .filter = round % 2 ? BYTES("quantity=gt.3") : BYTES("")};
        struct copy all = {.seq = 0}, net = {.seq = 0};
        int quantity[ROWS] = {0, 2, 5, 9};
        uint32_t messages;
        struct bytes wire;
        size_t at = 0, count = 1 + rng_below(&r, BATCH_MAX);
        memcpy(all.quantity, quantity, sizeof(quantity));
        memcpy(net.quantity, quantity, sizeof(quantity));
        enter(f, ROLE_OWNER, &spec, 1);
        changes_truncate(&f->items, 0);
        for (size_t i = 0; i < count; i++)
            add_random(f, &r, quantity);
        assert_int_equal(
            feed_encode(&f->feed, f->channel->group, f->items.items, count, &at, &wire, &messages),
            OK);
        apply(&all, wire);
        wire = encode(f, &messages);
        assert_true(apply(&net, wire) <= 1);
        assert_memory_equal(all.quantity, net.quantity, sizeof(net.quantity));
        struct buf before;
        buf_init(&before, 1 << 20);
        buf_put(&before, wire);
        assert_int_equal(coalesce_compact(&f->coalesce, &f->feed, f->channel->group, &f->items),
                         OK);
        assert_true(f->items.count <= 2 * ROWS);
        wire = encode(f, &messages);
        assert_true(bytes_equal(wire, buf_bytes(&before)));
        buf_done(&before);
        leave(f);
    }
}

static void without_memory_nothing_is_dropped(void **state)
{
    struct fixture *f = *state;
    enum err e = ERR_NOMEM;
    uint32_t messages;
    struct bytes wire;
    enter_sales(f);
    play(f, "IUUUU");
    for (uint64_t n = 1; e; n++) {
        mem_fail_at(n);
        e = coalesce_encode(&f->coalesce, &f->feed, f->channel->group, f->items.items,
                            f->items.count, &wire, &messages);
        mem_fail_at(0);
    }
    assert_int_equal(messages, 1);
    e = ERR_NOMEM;
    coalesce_done(&f->coalesce);
    coalesce_init(&f->coalesce, 1);
    for (uint64_t n = 1; e; n++) {
        mem_fail_at(n);
        e = coalesce_compact(&f->coalesce, &f->feed, f->channel->group, &f->items);
        mem_fail_at(0);
        assert_int_equal(f->items.count, e ? 5 : 2);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(changes_of_a_row_become_one_message),
        TEST(snapshot_within_the_window_comes_to_the_same),
        TEST(what_is_not_heard_does_not_count),
        TEST(what_other_bindings_hear_is_sent_as_it_is),
        TEST(filtered_group_hears_of_the_end_of_a_row),
        TEST(row_that_came_into_view_is_not_shown_as_it_was),
        TEST(each_selection_of_columns_is_a_message),
        TEST(row_that_gets_another_key_leaves_all_as_it_is),
        TEST(copies_are_the_same_in_the_end),
        TEST(without_memory_nothing_is_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
