#include "auth/password.h"

#include "check.h"

static void the_right_password_opens_and_others_do_not(void **state)
{
    (void)state;
    char hash[PASSWORD_HASH_SIZE], other[PASSWORD_HASH_SIZE];
    assert_int_equal(password_hash(BYTES("forty loaves"), hash), OK);
    assert_true(bytes_starts_with(bytes_of(hash), BYTES("$argon2id$v=19$m=19456,t=2,p=1$")));
    assert_int_equal(password_verify(hash, BYTES("forty loaves")), OK);
    assert_int_equal(password_verify(hash, BYTES("forty loaveS")), ERR_DENIED);
    assert_int_equal(password_verify(hash, BYTES("")), ERR_DENIED);
    assert_int_equal(password_hash(BYTES("forty loaves"), other), OK);
    assert_string_not_equal(hash, other);
}

static void no_account_and_damaged_hashes_are_denied(void **state)
{
    (void)state;
    assert_int_equal(password_verify(NULL, BYTES("forty loaves")), ERR_DENIED);
    assert_int_equal(password_verify("", BYTES("forty loaves")), ERR_DENIED);
    assert_int_equal(password_verify("forty loaves", BYTES("forty loaves")), ERR_DENIED);
}

static void length_is_bounded(void **state)
{
    (void)state;
    char hash[PASSWORD_HASH_SIZE] = "before", text[PASSWORD_MAX + 1];
    memset(text, 'x', sizeof(text));
    assert_int_equal(password_hash((struct bytes){text, PASSWORD_MIN - 1}, hash), ERR_RANGE);
    assert_int_equal(password_hash((struct bytes){text, PASSWORD_MAX + 1}, hash), ERR_RANGE);
    assert_string_equal(hash, "before");
    assert_int_equal(password_hash((struct bytes){text, PASSWORD_MAX}, hash), OK);
    assert_int_equal(password_verify(hash, (struct bytes){text, PASSWORD_MAX}), OK);
    assert_int_equal(password_verify(hash, (struct bytes){text, PASSWORD_MAX + 1}), ERR_DENIED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_right_password_opens_and_others_do_not),
        cmocka_unit_test(no_account_and_damaged_hashes_are_denied),
        cmocka_unit_test(length_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
