#include "api/auth_json.h"

#include "base/json.h"
#include "base/time.h"
#include "check.h"

static const unsigned char secret[TOKEN_SECRET_SIZE] = "a secret of thirty-two bytes....";

static const struct store_person person = {
    .id = "11111111-1111-4111-8111-111111111111",
    .email = BYTES_INIT("ada@example.org"),
    .name = BYTES_INIT("Ada \"A\""),
    .role = BYTES_INIT("owner"),
    .password_hash = BYTES_INIT("$argon2id$never shown"),
    .is_active = true,
    .created_us = 1000000 * TIME_US_PER_S,
    .updated_us = 2000000 * TIME_US_PER_S,
    .confirmed_us = 1000000 * TIME_US_PER_S,
};

static void user_object_has_all_members(void **state)
{
    struct buf out;
    (void)state;
    buf_init(&out, 4096);
    auth_put_user(&out, &person);
    check_text(
        buf_bytes(&out),
        "{\"id\":\"11111111-1111-4111-8111-111111111111\",\"aud\":\"authenticated\","
        "\"role\":\"authenticated\",\"email\":\"ada@example.org\","
        "\"email_confirmed_at\":\"1970-01-12T13:46:40Z\",\"phone\":\"\","
        "\"confirmed_at\":\"1970-01-12T13:46:40Z\",\"app_metadata\":{\"provider\":\"email\","
        "\"providers\":[\"email\"],\"role\":\"owner\"},\"user_metadata\":{\"name\":\"Ada "
        "\\\"A\\\"\",\"role\":\"owner\"},\"identities\":[{\"identity_id\":"
        "\"11111111-1111-4111-8111-111111111111\",\"id\":\"11111111-1111-4111-8111-111111111111\","
        "\"user_id\":\"11111111-1111-4111-8111-111111111111\",\"identity_data\":{\"email\":"
        "\"ada@example.org\",\"sub\":\"11111111-1111-4111-8111-111111111111\",\"email_verified\":"
        "true,\"phone_verified\":false},\"provider\":\"email\",\"created_at\":"
        "\"1970-01-12T13:46:40Z\",\"updated_at\":\"1970-01-24T03:33:20Z\",\"email\":"
        "\"ada@example.org\"}],\"created_at\":\"1970-01-12T13:46:40Z\",\"updated_at\":"
        "\"1970-01-24T03:33:20Z\",\"is_anonymous\":false}");
    buf_done(&out);
}

static struct bytes text_of(struct json_value object, const char *name)
{
    struct json_value v;
    assert_int_equal(json_get(object, bytes_of(name), &v), OK);
    return v.type == JSON_STRING ? bytes_slice(v.raw, 1, v.raw.size - 1) : v.raw;
}

static void session_expires_with_its_token(void **state)
{
    struct auth_session session = {.person = &person,
                                   .session_id = "22222222-2222-4222-8222-222222222222",
                                   .refresh_token = BYTES("refresh"),
                                   .now_s = 5000,
                                   .life_s = 3600};
    struct json_value v, user;
    struct claims claims;
    struct buf out;
    (void)state;
    buf_init(&out, 8192);
    auth_put_session(&out, secret, &session);
    assert_int_equal(json_parse(buf_bytes(&out), &v), OK);
    check_text(text_of(v, "token_type"), "bearer");
    check_text(text_of(v, "expires_in"), "3600");
    check_text(text_of(v, "expires_at"), "8600");
    check_text(text_of(v, "refresh_token"), "refresh");
    assert_int_equal(json_get(v, BYTES("user"), &user), OK);
    check_text(text_of(user, "id"), person.id);
    assert_int_equal(token_verify(secret, text_of(v, "access_token"), 8599, &claims), TOKEN_OK);
    assert_int_equal(claims.expires_s, 8600);
    assert_string_equal(claims.user_id, person.id);
    assert_string_equal(claims.session_id, session.session_id);
    assert_true(bytes_find(buf_bytes(&out), BYTES("argon2")) == out.size);
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(user_object_has_all_members),
        cmocka_unit_test(session_expires_with_its_token),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
