#include "hub/presence.h"

#include "check.h"

#include "base/mem.h"

struct fixture {
    struct presence p;
    struct buf text;
    uint64_t last;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    presence_init(&f->p, 1);
    buf_init(&f->text, 1 << 20);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    presence_done(&f->p);
    buf_done(&f->text);
    free(f);
    return 0;
}

/* The next ref of shard 7, under `key` of the public topic. */
static struct presence_entry entry(struct fixture *f, const char *key, const char *payload)
{
    return (struct presence_entry){.ref = {.number = ++f->last, .shard = 7},
                                   .topic = BYTES("realtime:x"),
                                   .key = bytes_of(key),
                                   .payload = bytes_of(payload)};
}

static struct presence_meta *put(struct fixture *f, const char *key, const char *payload,
                                 struct presence_meta *old)
{
    struct presence_entry e = entry(f, key, payload);
    struct presence_meta *m = old;
    assert_int_equal(presence_put(&f->p, &e, &m), OK);
    return m;
}

static struct presence_room *room(struct fixture *f)
{
    return presence_room(&f->p, BYTES("realtime:x"), false);
}

static struct bytes state_of(struct fixture *f)
{
    buf_reset(&f->text);
    presence_put_state(&f->text, room(f));
    return buf_bytes(&f->text);
}

/* Says the diff, which is then forgotten. */
static struct bytes diff_of(struct fixture *f)
{
    buf_reset(&f->text);
    presence_put_diff(&f->text, room(f));
    presence_forget_news(&f->p, room(f));
    return buf_bytes(&f->text);
}

static void who_comes_is_in_the_state_and_the_diff(void **state)
{
    struct fixture *f = *state;
    check_text(state_of(f), "{}");
    put(f, "ada", "{\"at\":\"till\"}", NULL);
    put(f, "b\"b", "{ }", NULL);
    const char *both = "{\"ada\":{\"metas\":[{\"at\":\"till\",\"phx_ref\":\"7.1\"}]},"
                       "\"b\\\"b\":{\"metas\":[{\"phx_ref\":\"7.2\"}]}}";
    check_text(state_of(f), both);
    assert_ptr_equal(presence_changed(&f->p), room(f));
    check_text(diff_of(f),
               "{\"joins\":{\"ada\":{\"metas\":[{\"at\":\"till\",\"phx_ref\":\"7.1\"}]},"
               "\"b\\\"b\":{\"metas\":[{\"phx_ref\":\"7.2\"}]}},\"leaves\":{}}");
    assert_null(presence_changed(&f->p));
    check_text(state_of(f), both);
}

static void several_metas_stand_under_one_key(void **state)
{
    struct fixture *f = *state;
    struct presence_meta *first = put(f, "ada", "{\"n\":1}", NULL);
    diff_of(f);
    put(f, "ada", "{\"n\":2}", NULL);
    check_text(state_of(f), "{\"ada\":{\"metas\":[{\"n\":1,\"phx_ref\":\"7.1\"},"
                            "{\"n\":2,\"phx_ref\":\"7.2\"}]}}");
    check_text(diff_of(f), "{\"joins\":{\"ada\":{\"metas\":[{\"n\":2,\"phx_ref\":\"7.2\"}]}},"
                           "\"leaves\":{}}");
    presence_remove(&f->p, first);
    check_text(diff_of(f), "{\"joins\":{},\"leaves\":{\"ada\":{\"metas\":[{\"n\":1,\"phx_ref\":"
                           "\"7.1\"}]}}}");
    check_text(state_of(f), "{\"ada\":{\"metas\":[{\"n\":2,\"phx_ref\":\"7.2\"}]}}");
}

static void who_takes_another_meta_joins_and_leaves_in_one_diff(void **state)
{
    struct fixture *f = *state;
    struct presence_meta *m = put(f, "ada", "{\"n\":1}", NULL);
    diff_of(f);
    put(f, "ada", "{\"n\":2}", m);
    check_text(diff_of(f), "{\"joins\":{\"ada\":{\"metas\":[{\"n\":2,\"phx_ref\":\"7.2\","
                           "\"phx_ref_prev\":\"7.1\"}]}},"
                           "\"leaves\":{\"ada\":{\"metas\":[{\"n\":1,\"phx_ref\":\"7.1\"}]}}}");
    check_text(state_of(f), "{\"ada\":{\"metas\":[{\"n\":2,\"phx_ref\":\"7.2\"}]}}");
}

/* What nobody was told of needs no taking back, and `phx_ref_prev` names what they know. */
static void steps_between_two_diffs_are_left_out(void **state)
{
    struct fixture *f = *state;
    struct presence_meta *m = put(f, "ada", "{\"n\":1}", NULL);
    diff_of(f);
    m = put(f, "ada", "{\"n\":2}", m);
    m = put(f, "ada", "{\"n\":3}", m);
    check_text(diff_of(f), "{\"joins\":{\"ada\":{\"metas\":[{\"n\":3,\"phx_ref\":\"7.3\","
                           "\"phx_ref_prev\":\"7.1\"}]}},"
                           "\"leaves\":{\"ada\":{\"metas\":[{\"n\":1,\"phx_ref\":\"7.1\"}]}}}");
    m = put(f, "ada", "{\"n\":4}", m);
    presence_remove(&f->p, m);
    check_text(diff_of(f), "{\"joins\":{},\"leaves\":{\"ada\":{\"metas\":[{\"n\":3,\"phx_ref\":"
                           "\"7.3\"}]}}}");
}

static void who_came_and_went_between_two_diffs_is_no_news(void **state)
{
    struct fixture *f = *state;
    presence_remove(&f->p, put(f, "ada", "{}", NULL));
    assert_non_null(room(f));
    assert_false(presence_has_diff(room(f)));
    presence_forget_news(&f->p, room(f));
    assert_null(room(f));
    assert_int_equal(f->p.keys.count + f->p.metas.count + f->p.rooms.count + f->p.size, 0);
}

static void a_room_lives_until_its_last_goodbye_is_said(void **state)
{
    struct fixture *f = *state;
    struct presence_meta *m = put(f, "ada", "{}", NULL);
    diff_of(f);
    presence_remove(&f->p, m);
    check_text(state_of(f), "{}");
    assert_true(presence_has_diff(room(f)));
    check_text(diff_of(f),
               "{\"joins\":{},\"leaves\":{\"ada\":{\"metas\":[{\"phx_ref\":\"7.1\"}]}}}");
    assert_null(room(f));
    assert_int_equal(f->p.keys.count + f->p.metas.count + f->p.size, 0);
}

static void private_and_public_rooms_of_a_name_are_two(void **state)
{
    struct fixture *f = *state;
    struct presence_entry e = entry(f, "ada", "{}");
    struct presence_meta *m = NULL;
    e.is_private = true;
    assert_int_equal(presence_put(&f->p, &e, &m), OK);
    assert_null(room(f));
    struct presence_room *r = presence_room(&f->p, BYTES("realtime:x"), true);
    assert_true(presence_is_private(r));
    check_text(presence_topic(r), "realtime:x");
    put(f, "ada", "{}", NULL);
    assert_ptr_not_equal(room(f), r);
    assert_false(presence_is_private(room(f)));
}

static void metas_are_found_by_their_refs(void **state)
{
    struct fixture *f = *state;
    struct presence_meta *m = put(f, "ada", "{\"a\":1}", NULL);
    assert_ptr_equal(presence_find(&f->p, (struct presence_ref){.number = 1, .shard = 7}), m);
    assert_null(presence_find(&f->p, (struct presence_ref){.number = 1, .shard = 8}));
    check_text(presence_payload(m), "{\"a\":1}");
    put(f, "ada", "{}", m);
    assert_null(presence_find(&f->p, (struct presence_ref){.number = 1, .shard = 7}));
}

/* A payload that brings its own is not believed: readers take the last of two equal names. */
static void the_ref_stands_behind_the_payload(void **state)
{
    struct fixture *f = *state;
    put(f, "ada", "{\"phx_ref\":\"7.9\"}", NULL);
    check_text(state_of(f), "{\"ada\":{\"metas\":[{\"phx_ref\":\"7.9\",\"phx_ref\":\"7.1\"}]}}");
}

static void check_fault(struct fixture *f, const struct hub_limits *l, const char *key,
                        struct presence_meta *old, const char *want)
{
    struct presence_entry e = entry(f, key, "{\"a\":12345}");
    struct bytes got = presence_fault(&f->p, l, &e, old);
    if (*want == 0)
        check_text(got, "");
    else
        assert_true(bytes_find(got, bytes_of(want)) < got.size);
}

static void every_bound_is_named_and_let_be_by_who_only_changes(void **state)
{
    struct fixture *f = *state;
    struct hub_limits l = hub_limits_default;
    l.presence_keys_max = 2;
    l.presence_metas_max = 1;
    check_fault(f, &l, "ada", NULL, "");
    struct presence_meta *m = put(f, "ada", "{\"a\":12345}", NULL);
    check_fault(f, &l, "ada", NULL, "under this key");
    check_fault(f, &l, "ada", m, "");
    put(f, "bob", "{}", NULL);
    check_fault(f, &l, "eve", NULL, "keys");
    check_fault(f, &l, "ada", m, "");
    l = hub_limits_default;
    l.presence_topic_max = room(f)->size;
    check_fault(f, &l, "eve", NULL, "this topic is too large");
    check_fault(f, &l, "ada", m, "");
    l = hub_limits_default;
    l.presence_bytes_max = f->p.size;
    check_fault(f, &l, "eve", NULL, "all topics");
    check_fault(f, &l, "ada", m, "");
}

static void without_memory_nothing_has_changed(void **state)
{
    struct fixture *f = *state;
    struct presence_meta *m = put(f, "ada", "{\"n\":1}", NULL);
    diff_of(f);
    for (int round = 0; round < 2; round++) {
        enum err e = ERR_NOMEM;
        for (uint64_t n = 1; e == ERR_NOMEM; n++) {
            struct presence_entry next = entry(f, round ? "ada" : "bob", "{\"n\":2}");
            struct presence_meta *out = round ? m : NULL;
            mem_fail_at(n);
            e = presence_put(&f->p, &next, &out);
            mem_fail_at(0);
            assert_true(e == OK || !presence_has_diff(room(f)));
        }
        assert_int_equal(e, OK);
        diff_of(f);
    }
    assert_int_equal(f->p.metas.count, 2);
    assert_int_equal(f->p.keys.count, 2);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(who_comes_is_in_the_state_and_the_diff),
        TEST(several_metas_stand_under_one_key),
        TEST(who_takes_another_meta_joins_and_leaves_in_one_diff),
        TEST(steps_between_two_diffs_are_left_out),
        TEST(who_came_and_went_between_two_diffs_is_no_news),
        TEST(a_room_lives_until_its_last_goodbye_is_said),
        TEST(private_and_public_rooms_of_a_name_are_two),
        TEST(metas_are_found_by_their_refs),
        TEST(the_ref_stands_behind_the_payload),
        TEST(every_bound_is_named_and_let_be_by_who_only_changes),
        TEST(without_memory_nothing_has_changed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
