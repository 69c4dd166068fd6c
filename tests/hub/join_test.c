#include "check.h"

#include "hub/join.h"

struct fixture {
    struct arena arena;
    struct json_value payload;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    arena_init(&f->arena, 8 << 20);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    arena_done(&f->arena);
    free(f);
    return 0;
}

static struct join_config parse(struct fixture *f, const char *text)
{
    struct join_config config;
    assert_int_equal(json_parse(bytes_of(text), &f->payload), OK);
    assert_int_equal(join_parse(f->payload, 3, &f->arena, &config), OK);
    return config;
}

static void check_default(const struct join_config *c)
{
    assert_false(c->wants_ack || c->wants_self || c->is_private || c->has_resume);
    assert_int_equal(c->presence, JOIN_UNSAID);
    assert_int_equal(c->binding_count, 0);
}

static void whole_config_is_read(void **state)
{
    struct join_config c = parse(
        *state,
        "{\"access_token\":\"t\\u006fken\",\"config\":{\"broadcast\":{\"ack\":true,\"self\":"
        "\"true\",\"replication_ready\":true},\"presence\":{\"key\":\"k\\\"\",\"enabled\":true},"
        "\"private\":\"false\",\"resume\":{\"epoch\":\"e\",\"seq\":7},"
        "\"postgres_changes\":[{\"event\":\"*\",\"schema\":\"public\",\"table\":\"t\","
        "\"filter\":\"a=eq.\\\"b\\\"\"},{\"event\":\"INSERT\",\"schema\":\"public\","
        "\"table\":null,\"select\":[\"a\"]}]}}");
    assert_true(c.wants_ack && c.wants_self && c.wants_replication_ready && !c.is_private);
    assert_int_equal(c.presence, JOIN_YES);
    check_text(c.presence_key, "k\"");
    check_text(c.access_token, "token");
    assert_true(c.has_resume);
    check_text(c.resume_epoch, "e");
    assert_int_equal(c.resume_seq, 7);
    assert_int_equal(c.binding_count, 2);
    check_text(c.bindings[0].filter, "a=eq.\"b\"");
    assert_null(c.bindings[0].select.data);
    check_text(c.bindings[1].event, "INSERT");
    assert_null(c.bindings[1].table.data);
    check_text(c.bindings[1].select, "[\"a\"]");
}

static void every_part_may_be_missing(void **state)
{
    static const char *const texts[] = {
        "{}",
        "{\"config\":{}}",
        "{\"config\":null}",
        "[]",
        "7",
        ("{\"config\":{\"broadcast\":null,\"presence\":{},\"private\":null,"
         "\"postgres_changes\":null}}"),
    };
    for (size_t i = 0; i < CHECK_COUNT(texts); i++) {
        struct join_config c = parse(*state, texts[i]);
        check_default(&c);
        assert_int_equal(c.access_token.size, 0);
    }
}

static void structural_fault_gives_the_default_of_everything_but_the_token(void **state)
{
    static const char *const configs[] = {
        "7",
        "[]",
        "{\"broadcast\":[],\"postgres_changes\":[{}]}",
        "{\"broadcast\":{\"ack\":\"maybe\"}}",
        "{\"presence\":\"yes\"}",
        "{\"presence\":{\"enabled\":5}}",
        "{\"presence\":{\"key\":5}}",
        "{\"private\":{},\"broadcast\":{\"ack\":true}}",
        "{\"broadcast\":{\"ack\":true},\"postgres_changes\":{}}",
        "{\"broadcast\":{\"ack\":true},\"postgres_changes\":[7]}",
        "{\"broadcast\":{\"ack\":true},\"postgres_changes\":[{\"table\":7}]}",
        "{\"broadcast\":{\"ack\":true},\"postgres_changes\":[{\"filter\":{}}]}",
    };
    for (size_t i = 0; i < CHECK_COUNT(configs); i++) {
        char text[200];
        strcpy(text, "{\"access_token\":\"x\",\"config\":");
        strcat(strcat(text, configs[i]), "}");
        struct join_config c = parse(*state, text);
        check_default(&c);
        check_text(c.access_token, "x");
    }
}

static void a_replay_is_told_from_one_that_is_none(void **state)
{
    struct join_config c =
        parse(*state, "{\"config\":{\"broadcast\":{\"replay\":{\"since\":1500}}}}");
    assert_true(c.wants_replay && c.has_replay);
    assert_int_equal(c.replay_since_us, 1500000);
    assert_int_equal(c.replay_count, JOIN_REPLAY_MAX);
    c = parse(*state, "{\"config\":{\"broadcast\":{\"replay\":{\"since\":0,\"limit\":7}}}}");
    assert_int_equal(c.replay_count, 7);
    c = parse(*state, "{\"config\":{\"broadcast\":{\"ack\":true,\"replay\":[]}}}");
    assert_true(c.wants_replay && !c.has_replay && c.wants_ack);
    assert_false(parse(*state, "{\"config\":{\"broadcast\":{\"replay\":null}}}").wants_replay);
}

static void opaque_and_absent_tokens_do_not_count(void **state)
{
    static const char *const texts[] = {"{\"access_token\":\"sb_publishable_x\"}",
                                        "{\"access_token\":\"\"}", "{\"access_token\":null}",
                                        "{\"access_token\":7}"};
    for (size_t i = 0; i < CHECK_COUNT(texts); i++)
        assert_int_equal(parse(*state, texts[i]).access_token.size, 0);
    check_text(parse(*state, "{\"user_token\":\"u\"}").access_token, "u");
    check_text(parse(*state, "{\"user_token\":\"u\",\"access_token\":\"a\"}").access_token, "a");
}

static void number_of_bindings_is_bounded(void **state)
{
    struct join_config c = parse(*state, "{\"config\":{\"postgres_changes\":[{},{},{},{}]}}");
    assert_true(c.is_over_limit);
    assert_int_equal(c.binding_count, 0);
    c = parse(*state, "{\"config\":{\"postgres_changes\":[{},{},{}]}}");
    assert_false(c.is_over_limit);
    assert_int_equal(c.binding_count, 3);
}

static void malformed_resume_is_there_but_leads_nowhere(void **state)
{
    static const char *const texts[] = {
        "{\"config\":{\"resume\":7}}",
        "{\"config\":{\"resume\":{\"epoch\":\"e\"}}}",
        "{\"config\":{\"resume\":{\"epoch\":\"e\",\"seq\":-1}}}",
        "{\"config\":{\"resume\":{\"epoch\":\"e\",\"seq\":1.5}}}",
        "{\"config\":{\"resume\":{\"epoch\":7,\"seq\":1}}}",
    };
    for (size_t i = 0; i < CHECK_COUNT(texts); i++) {
        struct join_config c = parse(*state, texts[i]);
        assert_true(c.has_resume);
        assert_int_equal(c.resume_epoch.size, 0);
    }
}

static void windows_are_moved_into_their_bounds(void **state)
{
    static const struct {
        const char *text;
        int ms;
    } cases[] = {
        {"{\"config\":{\"coalesce_ms\":250}}", 250},
        {"{\"config\":{\"coalesce_ms\":1}}", 10},
        {"{\"config\":{\"coalesce_ms\":60001}}", 60000},
        {"{\"config\":{\"coalesce_ms\":9000000000000000000}}", 60000},
        {"{\"config\":{\"coalesce_ms\":0}}", 0},
        {"{\"config\":{\"coalesce_ms\":-250}}", 0},
        {"{\"config\":{\"coalesce_ms\":2.5}}", 0},
        {"{\"config\":{\"coalesce_ms\":null}}", 0},
        {"{\"config\":{\"coalesce_ms\":{}}}", 0},
        {"{\"config\":{}}", 0},
    };
    for (size_t i = 0; i < CHECK_COUNT(cases); i++)
        assert_int_equal(parse(*state, cases[i].text).coalesce_ms, cases[i].ms);
}

static void echo_is_what_was_sent_with_an_id_added(void **state)
{
    struct buf out;
    buf_init(&out, 1000);
    struct join_config c =
        parse(*state,
              "{\"config\":{\"postgres_changes\":[{ \"event\" : \"*\" ,\"x\":[1, 2]},{},{\"id\":5,"
              "\"id\":6}]}}");
    for (uint32_t i = 0; i < c.binding_count; i++)
        c.bindings[i].id = i + 1;
    join_put_bindings(&out, c.bindings, c.binding_count);
    check_text(buf_bytes(&out), "[{ \"event\" : \"*\" ,\"x\":[1, 2],\"id\":1},{\"id\":2},"
                                "{\"id\":5,\"id\":6,\"id\":3}]");
    buf_reset(&out);
    join_put_bindings(&out, NULL, 0);
    check_text(buf_bytes(&out), "[]");
    buf_done(&out);
}

static void memory_may_end_at_any_point(void **state)
{
    struct fixture *f = *state;
    bool has_failed = true;
    assert_int_equal(
        json_parse(BYTES("{\"access_token\":\"t\",\"config\":{\"resume\":{\"epoch\":"
                         "\"e\",\"seq\":1},\"postgres_changes\":[{\"table\":\"t\"}]}}"),
                   &f->payload),
        OK);
    for (uint64_t n = 1; has_failed; n++) {
        struct join_config c;
        arena_done(&f->arena);
        arena_init(&f->arena, 1 << 20);
        mem_fail_at(n);
        enum err e = join_parse(f->payload, 3, &f->arena, &c);
        has_failed = mem_fail_hit();
        mem_fail_at(0);
        assert_int_equal(e, has_failed ? ERR_NOMEM : OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(whole_config_is_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_part_may_be_missing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            structural_fault_gives_the_default_of_everything_but_the_token, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_replay_is_told_from_one_that_is_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(opaque_and_absent_tokens_do_not_count, set_up, tear_down),
        cmocka_unit_test_setup_teardown(number_of_bindings_is_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(windows_are_moved_into_their_bounds, set_up, tear_down),
        cmocka_unit_test_setup_teardown(malformed_resume_is_there_but_leads_nowhere, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(echo_is_what_was_sent_with_an_id_added, set_up, tear_down),
        cmocka_unit_test_setup_teardown(memory_may_end_at_any_point, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
