#include "support.h"

#include "hub/feed.h"

enum { CHANGES = 40 };

struct fixture {
    struct world world;
    struct conns conns;
    struct channels channels;
    struct groups groups;
    struct feed feed;
    struct channel *members[2]; /* version 1 and 2 */
    struct change *items[CHANGES];
};

static void add_member(struct fixture *f, int i)
{
    struct binding_spec spec = {.table = BYTES("sales_logs")};
    struct identity who = {.role = ROLE_OWNER};
    struct bindings *b;
    struct reader_class *class;
    struct conn *c;
    binding_make_ids(&spec, 1);
    spec.id = 7;
    assert_int_equal(bindings_get(&f->groups.sets, &spec, 1, &f->world.text, &b), OK);
    assert_int_equal(groups_class(&f->groups, b, &who, &class), OK);
    assert_int_equal(conns_add(&f->conns, i ? PHX_V2 : PHX_V1, 1000, &c), OK);
    assert_int_equal(
        channel_add(&f->channels, c, BYTES("realtime:\"q\""), BYTES("1"), &f->members[i]), OK);
    assert_int_equal(group_enter(&f->groups, f->members[i], b, class), OK);
    bindings_unref(&f->groups.sets, b);
    reader_class_unref(&f->groups.classes, class);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    world_init(&f->world);
    conns_init(&f->conns);
    channels_init(&f->channels, 1);
    assert_int_equal(groups_init(&f->groups, f->world.catalogue, f->world.policies, 1), OK);
    feed_init(&f->feed, &f->groups.classes);
    add_member(f, 0);
    add_member(f, 1);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 2; i++) {
        struct conn *c = f->members[i]->conn;
        group_leave(&f->groups, f->members[i]);
        channel_remove(&f->channels, f->members[i]);
        conns_remove(&f->conns, c);
    }
    for (int i = 0; i < CHANGES; i++)
        change_unref(f->items[i]);
    feed_done(&f->feed);
    groups_done(&f->groups);
    channels_done(&f->channels);
    conns_done(&f->conns);
    world_done(&f->world);
    free(f);
    return 0;
}

static void make_changes(struct fixture *f, int count, size_t row_size)
{
    char *row = test_calloc(1, row_size + 20);
    memset(row, 'x', row_size);
    memcpy(row, "{\"note\":\"", 9);
    memcpy(row + row_size - 2, "\"}", 2);
    for (int i = 0; i < count; i++)
        f->items[i] = world_change(&f->world, "sales_logs", VERB_INSERT, row, NULL);
    test_free(row);
}

/* The payload of the first frame, and takes it off. */
static struct bytes take_frame(struct bytes *wire)
{
    const unsigned char *p = (const unsigned char *)wire->data;
    size_t size = p[1], header = 2;
    if (size == 126) {
        size = (size_t)p[2] << 8 | p[3];
        header = 4;
    }
    assert_true(p[0] == 0x81 && size < 65536 && header + size <= wire->size);
    struct bytes payload = {wire->data + header, size};
    *wire = bytes_slice(*wire, header + size, wire->size);
    return payload;
}

static void messages_lie_back_to_back_and_each_is_json(void **state)
{
    struct fixture *f = *state;
    make_changes(f, 3, 100);
    for (int v = 0; v < 2; v++) {
        struct bytes wire;
        uint32_t messages;
        size_t at = 0;
        assert_int_equal(
            feed_encode(&f->feed, f->members[v]->group, f->items, 3, &at, &wire, &messages), OK);
        assert_int_equal(at, 3);
        assert_int_equal(messages, 3);
        for (int i = 0; i < 3; i++) {
            struct json_value json, data;
            assert_int_equal(json_parse(take_frame(&wire), &json), OK);
            assert_int_equal(json.type, v ? JSON_ARRAY : JSON_OBJECT);
            if (v == 0) {
                int64_t seq;
                assert_int_equal(json_get(json, BYTES("payload"), &data), OK);
                assert_int_equal(json_get(data, BYTES("data"), &data), OK);
                assert_int_equal(json_get(data, BYTES("seq"), &data), OK);
                assert_int_equal(json_to_i64(data, &seq), OK);
                assert_int_equal(seq, i + 1);
            }
        }
        assert_int_equal(wire.size, 0);
    }
}

static void rows_that_are_too_large_are_told_by_their_small_values(void **state)
{
    static const char cut[] = "\"record\":{\"id\":\"1\",\"quantity\":3},\"old_record\":{\"id\":"
                              "\"1\",\"note\":null},\"errors\":[\"Error 413: Payload Too "
                              "Large\"],\"seq\":2}}";
    struct fixture *f = *state;
    struct bytes wire, message;
    uint32_t messages;
    size_t at = 0;
    f->feed.record_max = 300;
    f->items[0] = world_change(&f->world, "sales_logs", VERB_INSERT,
                               "{\"id\":\"1\",\"note\":\"short enough\"}", NULL);
    char row[400] = "{\"id\":\"1\",\"note\":\"";
    memset(row + strlen(row), 'x', 300);
    strcat(row, "\",\"quantity\":3}");
    f->items[1] =
        world_change(&f->world, "sales_logs", VERB_UPDATE, row, "{\"id\":\"1\",\"note\":null}");
    assert_int_equal(
        feed_encode(&f->feed, f->members[0]->group, f->items, 2, &at, &wire, &messages), OK);
    assert_int_equal(messages, 2);
    message = take_frame(&wire);
    assert_true(bytes_find(message, BYTES("short enough")) < message.size);
    assert_true(bytes_find(message, BYTES("\"errors\":null")) < message.size);
    message = take_frame(&wire);
    if (bytes_find(message, bytes_of(cut)) == message.size)
        fail_msg("%.*s", (int)message.size, message.data);
    assert_int_equal(f->feed.oversized, 1);
}

static void frame_is_closed_when_it_is_big_enough(void **state)
{
    struct fixture *f = *state;
    struct bytes wire;
    uint32_t messages, total = 0;
    int frames = 0;
    make_changes(f, CHANGES, 10000);
    for (size_t at = 0; at < CHANGES; frames++) {
        assert_int_equal(
            feed_encode(&f->feed, f->members[1]->group, f->items, CHANGES, &at, &wire, &messages),
            OK);
        assert_true(wire.size < FEED_FRAME_SIZE + 20000);
        total += messages;
    }
    assert_int_equal(total, CHANGES);
    assert_int_equal(frames, 6);
}

static void remembered_parts_do_not_grow_without_bound(void **state)
{
    struct fixture *f = *state;
    struct bytes wire;
    uint32_t messages;
    make_changes(f, CHANGES, 100000);
    for (size_t at = 0; at < CHANGES;)
        assert_int_equal(
            feed_encode(&f->feed, f->members[1]->group, f->items, CHANGES, &at, &wire, &messages),
            OK);
    assert_true(f->feed.part_text.capacity < 4 << 20);
}

static void failure_leaves_the_cursor_where_it_was(void **state)
{
    struct fixture *f = *state;
    bool has_failed = true;
    make_changes(f, 10, 1000);
    for (uint64_t n = 1; has_failed; n++) {
        struct bytes wire;
        uint32_t messages = 0;
        size_t at = 2;
        feed_done(&f->feed);
        feed_init(&f->feed, &f->groups.classes);
        mem_fail_at(n);
        enum err e =
            feed_encode(&f->feed, f->members[1]->group, f->items, 10, &at, &wire, &messages);
        has_failed = mem_fail_hit();
        mem_fail_at(0);
        assert_int_equal(e, has_failed ? ERR_NOMEM : OK);
        assert_int_equal(at, e ? 2 : 10);
        at = 0;
        assert_int_equal(
            feed_encode(&f->feed, f->members[1]->group, f->items, 10, &at, &wire, &messages), OK);
        assert_int_equal(messages, 10);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(messages_lie_back_to_back_and_each_is_json),
        TEST(rows_that_are_too_large_are_told_by_their_small_values),
        TEST(frame_is_closed_when_it_is_big_enough),
        TEST(remembered_parts_do_not_grow_without_bound),
        TEST(failure_leaves_the_cursor_where_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
