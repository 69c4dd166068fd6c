#include "auth/topic.h"

#include "bakery.h"
#include "check.h"

#include <stdio.h>

#define ADA "0190c2f4-5b6a-7c3d-8e9f-00000000000a"

enum { TOPIC_LONGEST = 1024 };

static struct catalogue *catalogue;
static struct policies *policies;

static int setup(void **state)
{
    (void)state;
    catalogue = bakery_catalogue();
    policies = bakery_policies(catalogue);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    policies_free(policies);
    catalogue_free(catalogue);
    return 0;
}

static bool may(const struct policies *p, enum role role, enum verb verb, const char *topic,
                const char *extension)
{
    struct identity who = {.role = role};
    struct bytes boxed = check_boxed(bytes_of(topic));
    if (role_is_staff(role))
        memcpy(who.user_id, ADA, sizeof(ADA));
    bool is_so = topic_may(p, catalogue, &who, verb, boxed, bytes_of(extension));
    check_unbox(boxed);
    return is_so;
}

static void the_staff_talks_and_some_topics_are_kept_from_some(void **state)
{
    (void)state;
    /* For anon, owner, manager, sales_rep, service. */
    static const struct {
        const char *topic, *roles;
    } lines[] = {
        {"room", "-aaaa"},         {"owner:books", "-a--a"},    {"owner:", "-a--a"},
        {"keepers:rota", "-aa-a"}, {"owner", "-aaaa"},          {"OWNER:x", "-aaaa"},
        {"x owner:x", "-aaaa"},    {"\"\\\n\xc3\xb6", "-aaaa"},
    };
    static const char *const extensions[] = {"broadcast", "presence"};
    for (size_t i = 0; i < CHECK_COUNT(lines); i++)
        for (int role = 0; role < ROLE_COUNT; role++)
            for (size_t k = 0; k < CHECK_COUNT(extensions); k++) {
                bool want = lines[i].roles[role] == 'a';
                assert_int_equal(
                    may(policies, (enum role)role, VERB_SELECT, lines[i].topic, extensions[k]),
                    want);
                assert_int_equal(
                    may(policies, (enum role)role, VERB_INSERT, lines[i].topic, extensions[k]),
                    want);
            }
}

static void hearing_and_saying_are_ruled_apart(void **state)
{
    (void)state;
    struct policies *p;
    assert_int_equal(policies_new(catalogue, &p), OK);
    bakery_add(p, "create policy a on messages for select to authenticated"
                  " using (extension = 'broadcast' and private and topic like 'board_%');"
                  "create policy b on messages for insert to owner"
                  " with check (extension = 'presence');");
    assert_true(may(p, ROLE_SALES_REP, VERB_SELECT, "board1", "broadcast"));
    assert_false(may(p, ROLE_SALES_REP, VERB_SELECT, "board", "broadcast"));
    assert_false(may(p, ROLE_SALES_REP, VERB_SELECT, "board1", "presence"));
    assert_false(may(p, ROLE_SALES_REP, VERB_INSERT, "board1", "broadcast"));
    assert_false(may(p, ROLE_OWNER, VERB_INSERT, "board1", "broadcast"));
    assert_true(may(p, ROLE_OWNER, VERB_INSERT, "board1", "presence"));
    policies_free(p);
}

static void a_policy_can_name_the_person(void **state)
{
    (void)state;
    struct policies *p;
    struct identity ben = {.role = ROLE_OWNER, .user_id = "0190c2f4-5b6a-7c3d-8e9f-00000000000b"};
    assert_int_equal(policies_new(catalogue, &p), OK);
    bakery_add(p, "create policy a on messages for select using (topic = auth.uid());");
    assert_true(may(p, ROLE_OWNER, VERB_SELECT, ADA, "broadcast"));
    assert_false(topic_may(p, catalogue, &ben, VERB_SELECT, BYTES(ADA), BYTES("broadcast")));
    policies_free(p);
}

/* Else it would be a silent no. */
static void a_policy_that_no_channel_can_answer_is_a_fault(void **state)
{
    static const char *const rest[] = {
        "using (topic = 'x' and\n event = 'x');",
        "for insert with check (\nsender = auth.uid());",
        "for select using (inserted_at\n is null or id is null);",
        "using (topic = 'x'\n or current_shift() = 'morning');",
        "for insert with check (\ncurrent_business_day() = '2026-08-21');",
    };
    static const char *const messages[] = {
        "p.sql:2: a channel is asked about before there is a row, so not about \"event\"",
        "p.sql:2: a channel is asked about before there is a row, so not about \"sender\"",
        "p.sql:1: a channel is asked about before there is a row, so not about \"inserted_at\"",
        "p.sql:2: what may be seen or said cannot depend on the clock: \"current_shift\"",
        "p.sql:2: what may be seen or said cannot depend on the clock: \"current_business_day\"",
    };
    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(rest); i++) {
        char text[200];
        struct buf message;
        struct policies *p;
        buf_init(&message, 1000);
        assert_int_equal(policies_new(catalogue, &p), OK);
        snprintf(text, sizeof(text), "create policy a on messages %s", rest[i]);
        assert_int_equal(policies_add(p, BYTES("p.sql"), bytes_of(text), &message),
                         ERR_UNSUPPORTED);
        check_text(buf_bytes(&message), messages[i]);
        policies_free(p);
        buf_done(&message);
    }
}

static void it_is_closed_by_default(void **state)
{
    (void)state;
    static const struct bakery_table tables[] = {{"other", "id uuid"}};
    struct policies *none;
    struct catalogue *small = bakery_catalogue_of(tables, 1);
    struct identity service = {.role = ROLE_SERVICE};
    assert_int_equal(policies_new(catalogue, &none), OK);
    assert_false(may(none, ROLE_OWNER, VERB_SELECT, "room", "broadcast"));
    assert_false(may(none, ROLE_OWNER, VERB_INSERT, "room", "broadcast"));
    assert_true(may(none, ROLE_SERVICE, VERB_INSERT, "room", "broadcast"));
    assert_false(topic_may(none, small, &service, VERB_SELECT, BYTES("room"), BYTES("broadcast")));
    policies_free(none);
    catalogue_free(small);
}

/* Nothing else that is done to rows can be done to a channel. */
static void only_hearing_and_saying_are_asked_about(void **state)
{
    (void)state;
    assert_false(may(policies, ROLE_OWNER, VERB_UPDATE, "room", "broadcast"));
    assert_false(may(policies, ROLE_SERVICE, VERB_DELETE, "room", "broadcast"));
}

static void a_plain_topic_is_asked_about_without_memory(void **state)
{
    char longest[TOPIC_LONGEST + 1];
    (void)state;
    memset(longest, '\1', TOPIC_LONGEST); /* each takes six bytes in JSON */
    longest[TOPIC_LONGEST] = '\0';
    mem_fail_at(1);
    bool is_so = may(policies, ROLE_SALES_REP, VERB_SELECT, "room", "broadcast");
    bool is_owners = may(policies, ROLE_SALES_REP, VERB_INSERT, "owner:desk", "presence");
    assert_false(mem_fail_hit());
    mem_fail_at(0);
    assert_true(is_so);
    assert_false(is_owners);
    assert_true(may(policies, ROLE_SALES_REP, VERB_SELECT, longest, "broadcast"));
}

static void without_memory_for_an_escaped_topic_nobody_may(void **state)
{
    (void)state;
    mem_fail_at(1);
    bool is_so = may(policies, ROLE_SALES_REP, VERB_SELECT, "\"room", "broadcast");
    assert_true(mem_fail_hit());
    mem_fail_at(0);
    assert_false(is_so);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_staff_talks_and_some_topics_are_kept_from_some, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(hearing_and_saying_are_ruled_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(a_policy_can_name_the_person, setup, teardown),
        cmocka_unit_test_setup_teardown(a_policy_that_no_channel_can_answer_is_a_fault, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(it_is_closed_by_default, setup, teardown),
        cmocka_unit_test_setup_teardown(only_hearing_and_saying_are_asked_about, setup, teardown),
        cmocka_unit_test_setup_teardown(a_plain_topic_is_asked_about_without_memory, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(without_memory_for_an_escaped_topic_nobody_may, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
