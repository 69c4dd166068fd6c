#include "check.h"

#include "proto/extension.h"

#define ANSWER                                                                                     \
    "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; "                   \
    "client_no_context_takeover"

/* Reads the fields one after the other, and gives the answer. */
static void expect_answer(const char *const *fields, size_t count, const char *want)
{
    struct extension_choice choice = {0};
    char space[EXTENSION_ANSWER_MAX];
    struct buf answer = {.data = space, .capacity = sizeof(space), .max = sizeof(space)};
    for (size_t i = 0; i < count; i++) {
        struct bytes boxed = check_boxed(bytes_of(fields[i]));
        if (extension_read(&choice, boxed))
            fail_msg("refused: %s", fields[i]);
        check_unbox(boxed);
    }
    extension_put_answer(&answer, &choice);
    assert_int_equal(answer.err, OK);
    check_text(buf_bytes(&answer), want);
}

static void expect(const char *field, const char *want)
{
    expect_answer(&field, 1, want);
}

static void an_offer_is_accepted_without_context_takeover(void **state)
{
    (void)state;
    expect("permessage-deflate", ANSWER "\r\n");
    expect("permessage-deflate; client_max_window_bits", ANSWER "\r\n");
    expect("permessage-deflate; server_no_context_takeover", ANSWER "\r\n");
    expect("permessage-deflate;client_no_context_takeover;server_no_context_takeover",
           ANSWER "\r\n");
    expect("PerMessage-Deflate; Client_Max_Window_Bits", ANSWER "\r\n");
}

static void a_limited_window_is_named_in_the_answer(void **state)
{
    (void)state;
    expect("permessage-deflate; server_max_window_bits=15",
           ANSWER "; server_max_window_bits=15\r\n");
    expect("permessage-deflate; server_max_window_bits=14",
           ANSWER "; server_max_window_bits=9\r\n");
    expect("permessage-deflate; server_max_window_bits=10; client_max_window_bits",
           ANSWER "; server_max_window_bits=9\r\n");
    expect("permessage-deflate; client_max_window_bits=8; server_max_window_bits=9",
           ANSWER "; server_max_window_bits=9\r\n");
}

static void a_window_that_cannot_be_kept_declines_the_offer(void **state)
{
    (void)state;
    expect("permessage-deflate; server_max_window_bits=8", "");
    expect("permessage-deflate; server_max_window_bits=8, permessage-deflate", ANSWER "\r\n");
}

static void every_client_window_can_be_read(void **state)
{
    (void)state;
    char field[64] = "permessage-deflate; client_max_window_bits=";
    size_t at = strlen(field);
    for (int bits = 8; bits <= 15; bits++) {
        field[at] = (char)(bits >= 10 ? '1' : '0' + bits);
        field[at + 1] = (char)(bits >= 10 ? '0' + bits - 10 : 0);
        field[at + 2] = 0;
        expect(field, ANSWER "\r\n");
    }
}

static void quoted_values_mean_the_same(void **state)
{
    (void)state;
    expect("permessage-deflate; server_max_window_bits=\"10\"",
           ANSWER "; server_max_window_bits=9\r\n");
    expect("permessage-deflate; client_max_window_bits=\"\\1\\5\"", ANSWER "\r\n");
    expect("x; a=\"b\", permessage-deflate; server_max_window_bits = \"15\"",
           ANSWER "; server_max_window_bits=15\r\n");
}

static void offers_with_parameters_that_mean_nothing_are_declined(void **state)
{
    (void)state;
    static const char *const offers[] = {
        "permessage-deflate; unknown",
        "permessage-deflate; unknown=1",
        "permessage-deflate; server_no_context_takeover=1",
        "permessage-deflate; client_no_context_takeover=\"true\"",
        "permessage-deflate; server_max_window_bits",
        "permessage-deflate; server_max_window_bits=7",
        "permessage-deflate; server_max_window_bits=16",
        "permessage-deflate; server_max_window_bits=09",
        "permessage-deflate; server_max_window_bits=+9",
        "permessage-deflate; server_max_window_bits=1x",
        "permessage-deflate; server_max_window_bits=155",
        "permessage-deflate; server_max_window_bits=4294967305",
        "permessage-deflate; client_max_window_bits=0",
        "permessage-deflate; client_max_window_bits=7",
        "permessage-deflate; client_max_window_bits=16",
        "permessage-deflate; client_max_window_bits=012",
        "permessage-deflate; client_max_window_bits=x",
        "permessage-deflate; client_no_context_takeover; client_no_context_takeover",
        "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
        "permessage-deflate; client_max_window_bits; client_max_window_bits",
        "permessage-deflate; server_max_window_bits=10; server_max_window_bits=10",
    };
    for (size_t i = 0; i < CHECK_COUNT(offers); i++) {
        expect(offers[i], "");
        char more[200] = "";
        strcat(strcat(more, offers[i]), ", permessage-deflate; client_max_window_bits");
        expect(more, ANSWER "\r\n");
    }
}

static void other_extensions_are_passed_over(void **state)
{
    (void)state;
    expect("x-webkit-deflate-frame", "");
    expect("permessage-bzip2; a=b; c, mux;max-channels=4;flow-control, deflate-stream", "");
    expect("mux; max-channels=4, permessage-deflate; client_max_window_bits", ANSWER "\r\n");
}

static void the_first_offer_that_fits_is_chosen(void **state)
{
    (void)state;
    expect("permessage-deflate; server_max_window_bits=10, permessage-deflate",
           ANSWER "; server_max_window_bits=9\r\n");
    expect("permessage-deflate, permessage-deflate; server_max_window_bits=10", ANSWER "\r\n");
}

static void several_fields_are_one_list(void **state)
{
    (void)state;
    static const char *const fields[] = {
        "permessage-deflate; nonsense, mux",
        "permessage-deflate; server_max_window_bits=15",
        "permessage-deflate",
    };
    expect_answer(fields, CHECK_COUNT(fields), ANSWER "; server_max_window_bits=15\r\n");
    expect_answer(fields, 1, "");
    expect_answer(fields, 0, "");
}

static void blanks_and_empty_members_do_not_matter(void **state)
{
    (void)state;
    expect(" permessage-deflate\t;\tclient_max_window_bits = 12 ", ANSWER "\r\n");
    expect(", ,permessage-deflate,,", ANSWER "\r\n");
}

static void what_is_not_the_grammar_is_an_error(void **state)
{
    (void)state;
    static const char *const fields[] = {
        "",
        " ",
        ",",
        ";",
        "permessage-deflate;",
        "permessage-deflate; ;client_max_window_bits",
        "permessage-deflate; =1",
        "permessage-deflate; client_max_window_bits=",
        "permessage-deflate; client_max_window_bits=\"\"",
        "permessage-deflate; client_max_window_bits=\"1",
        "permessage-deflate; client_max_window_bits=\"1\\",
        "permessage-deflate; client_max_window_bits=\"1 5\"",
        "permessage-deflate; client_max_window_bits=\"15\"5",
        "permessage-deflate; client_max_window_bits=15 15",
        "permessage-deflate client_max_window_bits",
        "permessage-deflate; a b",
        "permessage deflate",
        "permessage-deflate=1",
        "permessage-deflate, (comment)",
        "permessage-deflate; a=\xc3\xa9",
        "x, \"permessage-deflate\"",
    };
    for (size_t i = 0; i < CHECK_COUNT(fields); i++) {
        struct extension_choice choice = {0};
        struct bytes boxed = check_boxed(bytes_of(fields[i]));
        if (extension_read(&choice, boxed) != ERR_SYNTAX)
            fail_msg("accepted: %s", fields[i]);
        check_unbox(boxed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_offer_is_accepted_without_context_takeover),
        cmocka_unit_test(a_limited_window_is_named_in_the_answer),
        cmocka_unit_test(a_window_that_cannot_be_kept_declines_the_offer),
        cmocka_unit_test(every_client_window_can_be_read),
        cmocka_unit_test(quoted_values_mean_the_same),
        cmocka_unit_test(offers_with_parameters_that_mean_nothing_are_declined),
        cmocka_unit_test(other_extensions_are_passed_over),
        cmocka_unit_test(the_first_offer_that_fits_is_chosen),
        cmocka_unit_test(several_fields_are_one_list),
        cmocka_unit_test(blanks_and_empty_members_do_not_matter),
        cmocka_unit_test(what_is_not_the_grammar_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
