/* Administration of people. */
#include "kit.h"

#include <stdio.h>
#include <string.h>

static void a_person_is_added_once_per_email(void **state)
{
    struct kit *k = *state;
    char id[UUID_SIZE + 1];
    const struct store_new_person p = {BYTES("RITA@example.org"), BYTES("Rita Two"), BYTES("owner"),
                                       BYTES("hash")};
    assert_int_equal(store_person_add(k->writer, &p, k->now_us, id), ERR_EXISTS);
    assert_int_equal(store_write(k->writer, NULL, 0, &k->changes), OK);
    kit_select(k, &k->owner, "users", "name", "name", "Rita Two");
    kit_assert_body(k, "[]");
}

static void a_person_of_no_known_role_is_refused(void **state)
{
    struct kit *k = *state;
    char id[UUID_SIZE + 1];
    const struct store_new_person p = {BYTES("x@example.org"), BYTES("X"), BYTES("king"),
                                       BYTES("hash")};
    assert_int_equal(store_person_add(k->writer, &p, k->now_us, id), ERR_DENIED);
}

static void to_disable_a_person_ends_the_sessions_and_is_a_change(void **state)
{
    struct kit *k = *state;
    struct store_request r = {.kind = STORE_SESSION_NEW, .user_id = bytes_of(k->rep.user_id)};
    struct store_write w = {&r, &k->reply};
    changes_truncate(&k->changes, 0);
    assert_int_equal(store_write(k->writer, &w, 1, &k->changes), OK);
    char session[UUID_SIZE + 1];
    memcpy(session, k->reply.session_id, sizeof(session));
    assert_int_equal(store_person_set_active(k->writer, BYTES("rita@example.org"), false), OK);
    assert_int_equal(store_write(k->writer, NULL, 0, &k->changes), OK);
    assert_int_equal(k->changes.count, 1);
    assert_int_equal(k->changes.items[0]->verb, VERB_UPDATE);
    struct bytes row = k->changes.items[0]->new_row;
    assert_true(bytes_find(row, BYTES("\"is_active\":false")) < row.size);
    struct store_request q = {
        .kind = STORE_PERSON, .user_id = bytes_of(k->rep.user_id), .session_id = bytes_of(session)};
    assert_int_equal(store_read(k->reader, &q, &k->reply), OK);
    assert_false(k->reply.person.is_active);
    assert_false(k->reply.session_is_alive);
}

static void an_unknown_email_is_not_found(void **state)
{
    struct kit *k = *state;
    assert_int_equal(store_person_set_active(k->writer, BYTES("x@example.org"), true),
                     ERR_NOT_FOUND);
}

static void the_list_shows_everybody(void **state)
{
    struct kit *k = *state;
    struct buf out;
    char first[256];
    buf_init(&out, 1 << 16);
    assert_int_equal(store_person_list(k->writer, &out), OK);
    snprintf(
        first, sizeof(first),
        "[{\"id\":\"%s\",\"email\":\"mary@example.org\",\"name\":\"mary\",\"role\":\"manager\","
        "\"is_active\":true,\"created_at\":\"2026-11-22T09:00:00.000001+00:00\","
        "\"last_sign_in_at\":null},{",
        k->manager.user_id);
    assert_true(bytes_starts_with(buf_bytes(&out), bytes_of(first)));
    buf_done(&out);
}

static void a_reader_administers_nothing(void **state)
{
    struct kit *k = *state;
    assert_int_equal(store_person_set_active(k->reader, BYTES("rita@example.org"), true),
                     ERR_UNSUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KIT_TEST(a_person_is_added_once_per_email),
        KIT_TEST(a_person_of_no_known_role_is_refused),
        KIT_TEST(to_disable_a_person_ends_the_sessions_and_is_a_change),
        KIT_TEST(an_unknown_email_is_not_found),
        KIT_TEST(the_list_shows_everybody),
        KIT_TEST_FOLDER(a_reader_administers_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
