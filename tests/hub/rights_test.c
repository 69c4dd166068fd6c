/* What may be heard and said on private channels, from the join to the end of the right. */
#include "hub/rights.h"

#include "support.h"

#include <stdio.h>

#define PRIVATE "\"private\":true"
#define ACK "\"private\":true,\"broadcast\":{\"ack\":true}"
#define PERSON(id, role, active)                                                                   \
    "{\"id\":\"" id "\",\"name\":\"n\",\"role\":\"" role "\",\"is_active\":" active "}"

static struct client *joined(struct world *w, const char *name, const char *config,
                             const char *user_id)
{
    struct client *c = client_open(w, PHX_V2);
    client_join(w, c, name, "1", config, user_id);
    expect_part(c, "\"status\":\"ok\"");
    return c;
}

static void say(struct world *w, struct client *c, const char *name)
{
    struct buf message;
    buf_init(&message, 10000);
    buf_put_literal(&message, "[\"1\",\"2\",\"realtime:");
    buf_put(&message, bytes_of(name));
    buf_put_literal(&message,
                    "\",\"broadcast\",{\"type\":\"broadcast\",\"event\":\"e\",\"payload\":{}}]");
    client_say_frame(w, c, 0x81, buf_bytes(&message));
    buf_done(&message);
}

static void expect_denied(struct client *c, const char *name)
{
    char want[200];
    snprintf(want, sizeof(want),
             "{\"reason\":\"Unauthorized: You do not have permissions to read from this Channel "
             "topic: %s\"}",
             name);
    expect_part(c, want);
}

static void expect_revoked(struct client *c, const char *name)
{
    char want[300];
    snprintf(want, sizeof(want),
             "[\"1\",null,\"realtime:%s\",\"system\",{\"channel\":\"%s\",\"extension\":\"system\","
             "\"status\":\"error\",\"message\":\"You no longer have permission to read from this "
             "Channel topic: %s\"}]",
             name, name, name);
    expect_text(c, want);
    snprintf(want, sizeof(want), "[\"1\",\"1\",\"realtime:%s\",\"phx_close\",{}]", name);
    expect_text(c, want);
}

static void policies_decide_who_may_join(void **state)
{
    struct world *w = *state;
    struct client *c = client_open(w, PHX_V2);
    client_join(w, c, "k:x", "1", PRIVATE, REP);
    expect_denied(c, "k:x");
    client_join(w, c, "open", "1", PRIVATE, "anon");
    expect_denied(c, "open");
    client_join(w, c, "k:x", "1", PRIVATE, OWNER);
    expect_part(c, "\"status\":\"ok\"");
    client_join(w, c, "open", "1", PRIVATE, REP);
    expect_part(c, "\"status\":\"ok\"");
    client_join(w, c, "any", "1", PRIVATE, "service");
    expect_part(c, "\"status\":\"ok\"");
    client_join(w, c, "k:x", "1", "", "anon"); /* a public channel is everybody's */
    client_skip(c, 1);
    expect_part(c, "\"status\":\"ok\"");
    assert_int_equal(hub_counters(w->hub).policy_decisions, 5 * 4);
}

static void who_may_not_say_is_told_when_an_answer_is_wanted(void **state)
{
    struct world *w = *state;
    struct client *ears = joined(w, "room", PRIVATE, OWNER);
    struct client *rep = joined(w, "room", ACK, REP), *mute = joined(w, "room", PRIVATE, OTHER_REP);
    say(w, rep, "room");
    expect_text(rep, "[\"1\",\"2\",\"realtime:room\",\"phx_reply\",{\"status\":\"error\","
                     "\"response\":{\"reason\":\"Unauthorized: You do not have permissions to "
                     "write to this Channel topic: room\"}}]");
    say(w, mute, "room");
    expect_silence(mute);
    expect_silence(ears);
    assert_int_equal(hub_counters(w->hub).denied_broadcasts, 2);
    say(w, ears, "room");
    expect_part(rep, "\"broadcast\"");
    expect_part(mute, "\"broadcast\"");
}

static void a_policy_that_names_the_person_holds_for_that_person(void **state)
{
    struct world *w = *state;
    struct client *own = joined(w, REP, ACK, REP), *other = joined(w, REP, ACK, OTHER_REP);
    say(w, own, REP);
    expect_part(own, "\"status\":\"ok\"");
    expect_part(other, "\"broadcast\"");
    say(w, other, REP);
    expect_part(other, "\"status\":\"error\"");
    expect_silence(own);
}

static void hearing_is_asked_for_broadcasts_and_presence_apart(void **state)
{
    struct world *w = *state;
    struct identity rep = {.role = ROLE_SALES_REP, .user_id = REP};
    (void)joined(w, "quiet", PRIVATE, REP);
    assert_int_equal(rights_decide(w->hub, &rep, true, BYTES("quiet")), RIGHT_HEAR);
    assert_int_equal(rights_decide(w->hub, &rep, true, BYTES("room")),
                     RIGHT_HEAR | RIGHT_HEAR_PRESENCE);
    assert_int_equal(rights_decide(w->hub, &rep, true, BYTES("open")), RIGHT_ALL);
    assert_int_equal(rights_decide(w->hub, &rep, true, BYTES("k:")), 0);
    assert_int_equal(rights_decide(w->hub, &rep, false, BYTES("k:")), RIGHT_ALL);
}

static void a_lost_role_ends_the_channels_it_opened(void **state)
{
    struct world *w = *state;
    struct client *c = joined(w, "k:x", PRIVATE, MANAGER),
                  *owner = joined(w, "k:x", PRIVATE, OWNER);
    struct client *open = joined(w, "open", PRIVATE, MANAGER);
    world_commit(w, "users", VERB_UPDATE, PERSON(MANAGER, "sales_rep", "true"),
                 PERSON(MANAGER, "manager", "true"));
    expect_revoked(c, "k:x");
    say(w, owner, "k:x");
    expect_silence(c);
    expect_silence(open);
    assert_int_equal(hub_counters(w->hub).channels, 2);
}

static void a_new_role_may_say_at_once(void **state)
{
    struct world *w = *state;
    struct client *c = joined(w, "room", ACK, REP), *owner = joined(w, "room", PRIVATE, OWNER);
    world_commit(w, "users", VERB_UPDATE, PERSON(REP, "manager", "true"),
                 PERSON(REP, "sales_rep", "true"));
    say(w, c, "room");
    expect_part(c, "\"status\":\"ok\"");
    expect_part(owner, "\"broadcast\"");
}

static void a_disabled_person_hears_nothing_more(void **state)
{
    struct world *w = *state;
    struct client *c = joined(w, "room", PRIVATE, REP), *owner = joined(w, "room", PRIVATE, OWNER);
    world_commit(w, "users", VERB_UPDATE, PERSON(REP, "sales_rep", "false"),
                 PERSON(REP, "sales_rep", "true"));
    expect_part(c, "Unauthorized: unknown or disabled user");
    expect_text(c, "[\"1\",\"1\",\"realtime:room\",\"phx_close\",{}]");
    say(w, owner, "room");
    expect_silence(c);
}

static void the_token_of_another_person_is_judged_anew(void **state)
{
    struct world *w = *state;
    struct client *c = joined(w, "k:x", ACK, OWNER);
    client_push_token(w, c, "k:x", "1", MANAGER, NOW_S + 100);
    say(w, c, "k:x");
    expect_part(c, "\"status\":\"ok\"");
    client_push_token(w, c, "k:x", "1", REP, NOW_S + 100);
    expect_revoked(c, "k:x");
    c = joined(w, "room", ACK, OWNER);
    client_push_token(w, c, "room", "1", REP, NOW_S + 100);
    say(w, c, "room");
    expect_part(c, "\"status\":\"error\"");
    client_push_token(w, c, "room", "1", "anon", NOW_S + 100);
    expect_revoked(c, "room");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(policies_decide_who_may_join),
        TEST(who_may_not_say_is_told_when_an_answer_is_wanted),
        TEST(a_policy_that_names_the_person_holds_for_that_person),
        TEST(hearing_is_asked_for_broadcasts_and_presence_apart),
        TEST(a_lost_role_ends_the_channels_it_opened),
        TEST(a_new_role_may_say_at_once),
        TEST(a_disabled_person_hears_nothing_more),
        TEST(the_token_of_another_person_is_judged_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
