/* Sign-in, sessions, and the rotation of refresh tokens. */
#include "kit.h"

#include <string.h>

enum { SECOND = 1000000, REUSE_S = 10 };

static void write_request(struct kit *k, struct store_request *r)
{
    struct store_write w = {r, &k->reply};
    r->who.role = ROLE_ANON;
    r->now_us = k->now_us;
    r->reuse_interval_us = INT64_C(10) * SECOND;
    changes_truncate(&k->changes, 0);
    assert_int_equal(store_write(k->writer, &w, 1, &k->changes), OK);
    kit_assert_error(k, 0, NULL);
}

static void sign_in(struct kit *k, const struct identity *who, char token)
{
    struct store_request r = {.kind = STORE_SESSION_NEW, .user_id = bytes_of(who->user_id)};
    memset(r.new_token_hash, token, sizeof(r.new_token_hash));
    write_request(k, &r);
}

static enum err rotate(struct kit *k, char from, char to)
{
    struct store_request r = {.kind = STORE_SESSION_ROTATE};
    memset(r.token_hash, from, sizeof(r.token_hash));
    memset(r.new_token_hash, to, sizeof(r.new_token_hash));
    write_request(k, &r);
    return k->reply.auth;
}

static void person(struct kit *k, const struct identity *who, const char *session)
{
    struct store_request r = {.kind = STORE_PERSON, .user_id = bytes_of(who->user_id)};
    if (session)
        r.session_id = bytes_of(session);
    assert_int_equal(store_read(k->reader, &r, &k->reply), OK);
}

static void a_person_is_found_by_email_of_any_case(void **state)
{
    struct kit *k = *state;
    struct store_request r = {.kind = STORE_PERSON, .email = BYTES("MARY@Example.org")};
    assert_int_equal(store_read(k->reader, &r, &k->reply), OK);
    assert_true(k->reply.has_person);
    const struct store_person *p = &k->reply.person;
    assert_string_equal(p->id, k->manager.user_id);
    assert_true(bytes_equal(p->email, BYTES("mary@example.org")));
    assert_true(bytes_equal(p->name, BYTES("mary")));
    assert_true(bytes_equal(p->role, BYTES("manager")));
    assert_true(bytes_equal(p->password_hash, BYTES("hash")));
    assert_string_equal(p->password_hash.data, "hash");
    assert_true(p->is_active);
    assert_int_equal(p->created_us, KIT_T0 + 1);
    assert_int_equal(p->last_sign_in_us, 0);
}

static void nobody_is_found_by_an_unknown_email(void **state)
{
    struct kit *k = *state;
    struct store_request r = {.kind = STORE_PERSON, .email = BYTES("x@example.org")};
    assert_int_equal(store_read(k->reader, &r, &k->reply), OK);
    assert_false(k->reply.has_person);
    assert_int_equal(k->reply.error.status, 0);
}

static void a_session_lives_from_sign_in_to_its_end(void **state)
{
    struct kit *k = *state;
    char session[UUID_SIZE + 1];
    sign_in(k, &k->rep, 'a');
    assert_true(k->reply.has_person);
    assert_int_equal(k->reply.person.last_sign_in_us, k->now_us);
    assert_int_equal(k->changes.count, 0); /* no table of the feed */
    memcpy(session, k->reply.session_id, sizeof(session));
    person(k, &k->rep, session);
    assert_true(k->reply.session_is_alive);
    assert_int_equal(k->reply.person.last_sign_in_us, k->now_us);
    person(k, &k->other_rep, session); /* somebody else's */
    assert_false(k->reply.session_is_alive);
    struct store_request end = {.kind = STORE_SESSION_END,
                                .user_id = bytes_of(k->rep.user_id),
                                .session_id = bytes_of(session),
                                .scope = SCOPE_LOCAL};
    write_request(k, &end);
    assert_int_equal(k->reply.row_count, 1);
    person(k, &k->rep, session);
    assert_false(k->reply.session_is_alive);
    assert_int_equal(rotate(k, 'a', 'b'), ERR_EXPIRED);
}

static void ends_have_scopes(void **state)
{
    struct kit *k = *state;
    char session[UUID_SIZE + 1];
    sign_in(k, &k->rep, 'a');
    sign_in(k, &k->rep, 'b');
    sign_in(k, &k->other_rep, 'c');
    sign_in(k, &k->rep, 'd');
    memcpy(session, k->reply.session_id, sizeof(session));
    struct store_request end = {.kind = STORE_SESSION_END,
                                .user_id = bytes_of(k->rep.user_id),
                                .session_id = bytes_of(session),
                                .scope = SCOPE_OTHERS};
    write_request(k, &end);
    assert_int_equal(k->reply.row_count, 2);
    assert_int_equal(rotate(k, 'a', '1'), ERR_EXPIRED);
    assert_int_equal(rotate(k, 'd', '2'), OK);
    end.scope = SCOPE_GLOBAL;
    write_request(k, &end);
    assert_int_equal(k->reply.row_count, 1);
    assert_int_equal(rotate(k, '2', '3'), ERR_EXPIRED);
    assert_int_equal(rotate(k, 'c', '4'), OK);
}

static void each_use_of_a_token_gives_a_new_one(void **state)
{
    struct kit *k = *state;
    sign_in(k, &k->rep, 'a');
    for (char t = 'a'; t < 'k'; t++) {
        k->now_us += INT64_C(3600) * SECOND;
        assert_int_equal(rotate(k, t, (char)(t + 1)), OK);
        assert_string_equal(k->reply.person.id, k->rep.user_id);
        assert_int_equal(strlen(k->reply.session_id), UUID_SIZE);
    }
    assert_int_equal(rotate(k, '?', 'x'), ERR_NOT_FOUND);
}

static void a_used_token_is_taken_again_within_the_reuse_interval(void **state)
{
    struct kit *k = *state;
    sign_in(k, &k->rep, 'a');
    assert_int_equal(rotate(k, 'a', 'b'), OK);
    assert_int_equal(rotate(k, 'b', 'c'),
                     OK); /* b has been used: a is no parent of an active one */
    k->now_us += REUSE_S * SECOND;
    assert_int_equal(rotate(k, 'a', 'd'), OK);
    assert_int_equal(rotate(k, 'd', 'e'), OK);
    assert_int_equal(rotate(k, 'c', 'f'), OK);
}

static void the_parent_of_the_active_token_is_taken_at_any_time(void **state)
{
    struct kit *k = *state;
    sign_in(k, &k->rep, 'a');
    assert_int_equal(rotate(k, 'a', 'b'), OK); /* whose answer was lost */
    k->now_us += INT64_C(86400) * SECOND;
    assert_int_equal(rotate(k, 'a', 'c'), OK);
    k->now_us += INT64_C(86400) * SECOND;
    assert_int_equal(rotate(k, 'c', 'd'), OK);
    assert_int_equal(rotate(k, 'a', 'e'), ERR_EXISTS); /* a child of it has been used since */
}

static void a_late_reuse_revokes_the_family_only(void **state)
{
    struct kit *k = *state;
    sign_in(k, &k->rep, 'a');
    sign_in(k, &k->rep, 'z');
    assert_int_equal(rotate(k, 'a', 'b'), OK);
    assert_int_equal(rotate(k, 'b', 'c'), OK);
    k->now_us += REUSE_S * SECOND + 1;
    assert_int_equal(rotate(k, 'a', 'd'), ERR_EXISTS);
    assert_false(k->reply.has_person);
    assert_int_equal(rotate(k, 'c', 'e'), ERR_EXPIRED);
    assert_int_equal(rotate(k, 'z', 'y'), OK);
}

static void a_disabled_person_gets_neither_session_nor_token(void **state)
{
    struct kit *k = *state;
    sign_in(k, &k->rep, 'a');
    kit_update(k, &k->owner, "users", k->rep.user_id, "[{\"is_active\":false}]");
    kit_assert_error(k, 0, NULL);
    assert_int_equal(rotate(k, 'a', 'b'), ERR_DENIED);
    sign_in(k, &k->rep, 'c');
    assert_int_equal(k->reply.auth, ERR_DENIED);
    assert_int_equal(rotate(k, 'c', 'd'), ERR_NOT_FOUND);
}

static void an_unknown_person_gets_no_session(void **state)
{
    struct kit *k = *state;
    struct identity nobody = {.user_id = "00000000-0000-7000-8000-000000000000"};
    sign_in(k, &nobody, 'a');
    assert_int_equal(k->reply.auth, ERR_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KIT_TEST(a_person_is_found_by_email_of_any_case),
        KIT_TEST(nobody_is_found_by_an_unknown_email),
        KIT_TEST(a_session_lives_from_sign_in_to_its_end),
        KIT_TEST(ends_have_scopes),
        KIT_TEST(each_use_of_a_token_gives_a_new_one),
        KIT_TEST(a_used_token_is_taken_again_within_the_reuse_interval),
        KIT_TEST(the_parent_of_the_active_token_is_taken_at_any_time),
        KIT_TEST(a_late_reuse_revokes_the_family_only),
        KIT_TEST(a_disabled_person_gets_neither_session_nor_token),
        KIT_TEST(an_unknown_person_gets_no_session),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
