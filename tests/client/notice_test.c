#include "check.h"

#include <stdio.h>

#include "client/notice.h"

static enum err read(const char *text, struct notice *out)
{
    struct json_value payload;
    assert_int_equal(json_parse(bytes_of(text), &payload), OK);
    return notice_read(payload, 1, out);
}

static void an_update_has_both_rows(void **state)
{
    (void)state;
    struct notice n;
    assert_int_equal(read("{\"ids\":[1],\"data\":{\"type\":\"UPDATE\",\"record\":{\"a\":2},"
                          "\"old_record\":{\"a\":1},\"errors\":null,\"seq\":5}}",
                          &n),
                     OK);
    assert_int_equal(n.op, HB_UPDATE);
    assert_int_equal(n.seq, 5);
    assert_false(n.is_cut);
    check_text(n.row.raw, "{\"a\":2}");
    check_text(n.old.raw, "{\"a\":1}");
}

static void an_insertion_has_no_old_row_and_a_deletion_only_that(void **state)
{
    (void)state;
    struct notice n;
    assert_int_equal(
        read("{\"ids\":[1],\"data\":{\"type\":\"INSERT\",\"record\":{},\"seq\":5}}", &n), OK);
    assert_int_equal(n.op, HB_INSERT);
    assert_null(n.old.raw.data);
    assert_int_equal(
        read("{\"ids\":[1],\"data\":{\"type\":\"DELETE\",\"old_record\":{\"a\":1},\"seq\":5}}", &n),
        OK);
    assert_int_equal(n.op, HB_DELETE);
    check_text(n.row.raw, "{\"a\":1}");
}

static void errors_say_that_the_row_was_cut(void **state)
{
    (void)state;
    struct notice n;
    assert_int_equal(read("{\"ids\":[1],\"data\":{\"type\":\"INSERT\",\"record\":{},\"seq\":5,"
                          "\"errors\":[\"Error "
                          "413: Payload Too Large\"]}}",
                          &n),
                     OK);
    assert_true(n.is_cut);
}

static void a_row_that_another_binding_asks_for_is_outside(void **state)
{
    (void)state;
    struct notice n;
    static const char *const ids[] = {"[1]", "[5,1]", "[5]", "[]"};
    for (size_t i = 0; i < CHECK_COUNT(ids); i++) {
        char text[128];
        snprintf(text, sizeof(text),
                 "{\"ids\":%s,\"data\":{\"type\":\"UPDATE\",\"record\":{},\"seq\":5}}", ids[i]);
        assert_int_equal(read(text, &n), OK);
        assert_int_equal(n.is_outside, i >= 2);
    }
}

static void what_lacks_a_part_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "null",
        "[]",
        "{}",
        "{\"ids\":[1],\"data\":7}",
        "{\"ids\":[1],\"data\":{\"type\":\"INSERT\",\"record\":{}}}",
        "{\"ids\":[1],\"data\":{\"type\":\"INSERT\",\"record\":{},\"seq\":0}}",
        "{\"ids\":[1],\"data\":{\"type\":\"INSERT\",\"record\":{},\"seq\":-1}}",
        "{\"ids\":[1],\"data\":{\"type\":\"INSERT\",\"record\":{},\"seq\":\"5\"}}",
        "{\"ids\":[1],\"data\":{\"type\":\"INSERT\",\"record\":{},\"seq\":1e3}}",
        "{\"ids\":[1],\"data\":{\"type\":\"INSERT\",\"record\":[],\"seq\":5}}",
        "{\"ids\":[1],\"data\":{\"type\":\"UPDATE\",\"old_record\":{},\"seq\":5}}",
        "{\"ids\":[1],\"data\":{\"type\":\"DELETE\",\"record\":{},\"seq\":5}}",
        "{\"ids\":[1],\"data\":{\"type\":\"TRUNCATE\",\"record\":{},\"seq\":5}}",
        "{\"ids\":[1],\"data\":{\"type\":7,\"record\":{},\"seq\":5}}",
        "{\"ids\":[1],\"data\":{\"record\":{},\"seq\":5}}",
        "{\"data\":{\"type\":\"INSERT\",\"record\":{},\"seq\":5}}",
        "{\"ids\":[\"1\"],\"data\":{\"type\":\"INSERT\",\"record\":{},\"seq\":5}}",
    };
    struct notice n;
    for (size_t i = 0; i < CHECK_COUNT(texts); i++)
        assert_int_equal(read(texts[i], &n), ERR_SYNTAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_update_has_both_rows),
        cmocka_unit_test(an_insertion_has_no_old_row_and_a_deletion_only_that),
        cmocka_unit_test(errors_say_that_the_row_was_cut),
        cmocka_unit_test(a_row_that_another_binding_asks_for_is_outside),
        cmocka_unit_test(what_lacks_a_part_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
