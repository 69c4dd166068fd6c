#include "api/answer.h"

#include "check.h"

static const struct api api = {.limits = {.arena_max = 1 << 20, .body_max = 1 << 20},
                               .epoch = BYTES_INIT("e")};

static bool has_line(const struct api_call *c, const char *line)
{
    struct bytes all = buf_bytes(&c->response.headers);
    return bytes_find(all, bytes_of(line)) < all.size;
}

static void every_answer_has_cors_and_is_not_stored(void **state)
{
    struct api_call c;
    (void)state;
    api_call_init(&c, &api);
    assert_int_equal(answer_empty(&c, 204), API_RESPOND);
    assert_int_equal(c.response.status, 204);
    assert_true(has_line(&c, "Access-Control-Allow-Origin: *\r\n"));
    assert_true(has_line(&c, "HomeBake-Seq, HomeBake-Epoch\r\n"));
    assert_true(has_line(&c, "Cache-Control: no-store\r\n"));
    assert_false(has_line(&c, "Content-Type:"));
    api_call_done(&c);
}

static void refusals_carry_what_their_status_asks_for(void **state)
{
    struct api_call c;
    (void)state;
    api_call_init(&c, &api);
    answer_error(&c, 401, "PGRST303", BYTES("JWT expired"));
    assert_true(has_line(&c, "WWW-Authenticate: Bearer error=\"invalid_token\", "
                             "error_description=\"JWT expired\"\r\n"));
    assert_true(has_line(&c, "Content-Type: application/json; charset=utf-8\r\n"));
    check_text(c.response.body,
               "{\"code\":\"PGRST303\",\"message\":\"JWT expired\",\"details\":null,"
               "\"hint\":null}");
    answer_error(&c, 401, "42501", BYTES("m"));
    assert_true(has_line(&c, "WWW-Authenticate: Bearer\r\n"));
    answer_error(&c, 503, "53200", BYTES("m"));
    assert_true(has_line(&c, "Retry-After: 1\r\n"));
    assert_false(has_line(&c, "WWW-Authenticate"));
    api_call_done(&c);
}

static void head_has_no_body(void **state)
{
    struct api_call c;
    (void)state;
    api_call_init(&c, &api);
    c.is_head = true;
    answer_error(&c, 404, "PGRST205", BYTES("m"));
    assert_int_equal(c.response.body.size, 0);
    assert_int_equal(c.response.status, 404);
    api_call_done(&c);
}

static void auth_errors_have_their_own_shape(void **state)
{
    struct api_call c;
    (void)state;
    api_call_init(&c, &api);
    c.is_auth = c.is_dated = true;
    answer_error(&c, 400, "bad_json", BYTES("m"));
    check_text(c.response.body, "{\"code\":\"bad_json\",\"message\":\"m\"}");
    assert_true(has_line(&c, "X-Supabase-Api-Version: 2024-01-01\r\n"));
    assert_true(has_line(&c, "X-Sb-Error-Code: bad_json\r\n"));
    api_call_done(&c);
}

static void answer_is_made_without_memory(void **state)
{
    (void)state;
    for (uint64_t n = 1;; n++) {
        struct api_call c;
        api_call_init(&c, &api);
        mem_fail_at(n);
        answer_error(&c, 400, "22P02", BYTES("m"));
        bool hit = mem_fail_hit();
        mem_fail_at(0);
        assert_int_equal(c.response.status, hit ? 503 : 400);
        assert_int_equal(c.response.headers.err, OK);
        assert_true(c.response.body.size > 0);
        api_call_done(&c);
        if (!hit)
            break;
    }
}

static void limit_and_lack_of_memory_differ(void **state)
{
    struct api_call c;
    (void)state;
    api_call_init(&c, &api);
    answer_no_memory(&c);
    assert_int_equal(c.response.status, 503);
    assert_non_null(arena_alloc(&c.arena, (1 << 20) - 100));
    answer_no_memory(&c);
    assert_int_equal(c.response.status, 413);
    api_call_done(&c);
}

static void preflight_allows_what_is_asked(void **state)
{
    struct api_call c;
    (void)state;
    api_call_init(&c, &api);
    answer_preflight(&c, BYTES("apikey,x-new"));
    assert_int_equal(c.response.status, 204);
    assert_true(has_line(&c, "Access-Control-Allow-Headers: apikey,x-new\r\n"));
    assert_true(has_line(&c, "Access-Control-Max-Age: 86400\r\n"));
    answer_preflight(&c, BYTES(""));
    assert_true(has_line(&c, "Access-Control-Allow-Headers: authorization, x-client-info, apikey"));
    api_call_done(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_answer_has_cors_and_is_not_stored),
        cmocka_unit_test(refusals_carry_what_their_status_asks_for),
        cmocka_unit_test(head_has_no_body),
        cmocka_unit_test(auth_errors_have_their_own_shape),
        cmocka_unit_test(answer_is_made_without_memory),
        cmocka_unit_test(limit_and_lack_of_memory_differ),
        cmocka_unit_test(preflight_allows_what_is_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
