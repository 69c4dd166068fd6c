#include "api/errors.h"

#include "check.h"

static const struct fault full = {.status = 409,
                                  .code = "23505",
                                  .message = BYTES_INIT("duplicate \"x\""),
                                  .details = BYTES_INIT("Key"),
                                  .hint = BYTES_INIT("Look")};

static void rest_body_has_all_four_members(void **state)
{
    struct buf out;
    (void)state;
    buf_init(&out, 1000);
    fault_put_json(&out, &full);
    check_text(buf_bytes(&out),
               "{\"code\":\"23505\",\"message\":\"duplicate \\\"x\\\"\",\"details\":"
               "\"Key\",\"hint\":\"Look\"}");
    buf_done(&out);
}

static void absent_texts_are_null(void **state)
{
    struct buf out;
    struct fault f = {.status = 400, .code = "PGRST100", .message = BYTES_INIT("m")};
    (void)state;
    buf_init(&out, 1000);
    fault_put_json(&out, &f);
    check_text(buf_bytes(&out),
               "{\"code\":\"PGRST100\",\"message\":\"m\",\"details\":null,\"hint\":null}");
    buf_done(&out);
}

static void details_may_be_json(void **state)
{
    struct buf out;
    struct fault f = {.code = "PGRST201",
                      .message = BYTES_INIT("m"),
                      .details = BYTES_INIT("[{}]"),
                      .details_is_json = true};
    (void)state;
    buf_init(&out, 1000);
    fault_put_json(&out, &f);
    check_text(buf_bytes(&out),
               "{\"code\":\"PGRST201\",\"message\":\"m\",\"details\":[{}],\"hint\":null}");
    buf_done(&out);
}

static void auth_body_has_two_shapes(void **state)
{
    struct buf out;
    struct fault f = {.status = 400, .code = "bad_json", .message = BYTES_INIT("m")};
    (void)state;
    buf_init(&out, 1000);
    fault_put_auth_json(&out, &f, true);
    check_text(buf_bytes(&out), "{\"code\":\"bad_json\",\"message\":\"m\"}");
    buf_reset(&out);
    fault_put_auth_json(&out, &f, false);
    check_text(buf_bytes(&out), "{\"code\":400,\"error_code\":\"bad_json\",\"msg\":\"m\"}");
    buf_done(&out);
}

static void store_errors_keep_their_words(void **state)
{
    struct store_error e = {
        .status = 409, .code = "23503", .message = BYTES_INIT("m"), .details = BYTES_INIT("d")};
    struct fault f = fault_of_store(&e);
    (void)state;
    assert_int_equal(f.status, 409);
    assert_string_equal(f.code, "23503");
    check_text(f.message, "m");
    check_text(f.details, "d");
    assert_null(f.hint.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rest_body_has_all_four_members),
        cmocka_unit_test(absent_texts_are_null),
        cmocka_unit_test(details_may_be_json),
        cmocka_unit_test(auth_body_has_two_shapes),
        cmocka_unit_test(store_errors_keep_their_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
