#include "io/log.h"

#include <string.h>
#include <unistd.h>

#include "base/json.h"

#include "support.h"

static int pipe_fds[2];
static char text[64 * 1024];

static int open_pipe(void **state)
{
    (void)state;
    return pipe(pipe_fds);
}

static int close_pipe(void **state)
{
    (void)state;
    close(pipe_fds[0]);
    return 0;
}

/* All that was written; ends the pipe for writing. */
static const char *written(void)
{
    close(pipe_fds[1]);
    size_t size = 0;
    ssize_t n;
    while ((n = read(pipe_fds[0], text + size, sizeof(text) - 1 - size)) > 0)
        size += (size_t)n;
    text[size] = 0;
    return text;
}

static size_t count_lines(const char *s)
{
    size_t count = 0;
    for (; *s; s++)
        count += *s == '\n';
    return count;
}

static void a_line_has_time_level_event_and_detail(void **state)
{
    (void)state;
    log_setup(LOG_INFO, pipe_fds[1]);
    log_write(LOG_WARN, "test.event", "%d loaves", 40);
    const char *line = written();
    assert_non_null(strstr(line, "time=20"));
    assert_non_null(strstr(line, " level=warn event=test.event detail=\"40 loaves\"\n"));
}

static void lower_levels_are_left_out(void **state)
{
    (void)state;
    log_setup(LOG_WARN, pipe_fds[1]);
    log_write(LOG_INFO, "test.event", "no");
    log_write(LOG_ERROR, "test.event", "yes");
    const char *lines = written();
    assert_null(strstr(lines, "no"));
    assert_int_equal(count_lines(lines), 1);
}

static void line_ends_and_quotes_in_a_detail_are_harmless(void **state)
{
    (void)state;
    log_setup(LOG_INFO, pipe_fds[1]);
    log_write(LOG_INFO, "test.event", "%s", "a\nlevel=error \"b\"");
    const char *lines = written();
    assert_int_equal(count_lines(lines), 1);
    assert_non_null(strstr(lines, "detail=\"a level=error 'b'\""));
}

static void one_event_writes_no_more_than_its_share(void **state)
{
    (void)state;
    log_setup(LOG_INFO, pipe_fds[1]);
    for (int i = 0; i < 1000; i++)
        log_write(LOG_INFO, "test.flood", "%d", i);
    log_write(LOG_INFO, "test.other", "heard");
    const char *lines = written();
    /* The thousand may straddle the end of a second, hardly two of them. */
    assert_true(count_lines(lines) <= 3 * LOG_PER_SECOND + 1);
    assert_non_null(strstr(lines, "heard"));
}

static void an_endless_detail_is_cut(void **state)
{
    (void)state;
    static char detail[8 * LOG_LINE_MAX];
    memset(detail, 'x', sizeof(detail) - 1);
    log_setup(LOG_INFO, pipe_fds[1]);
    log_write(LOG_INFO, "test.event", "%s", detail);
    const char *lines = written();
    assert_int_equal(count_lines(lines), 1);
    assert_true(strlen(lines) < 2 * LOG_LINE_MAX);
}

static void fields_are_written_with_their_names(void **state)
{
    (void)state;
    log_setup(LOG_INFO, pipe_fds[1]);
    LOG_EVENT(LOG_INFO, "test.event", LOG_NUMBER("status", 401),
              LOG_TEXT("reason", BYTES("a \"b\"")));
    assert_non_null(
        strstr(written(), " level=info event=test.event status=401 reason=\"a 'b'\"\n"));
}

static void json_lines_are_json_whatever_is_in_them(void **state)
{
    (void)state;
    struct json_value v, member;
    struct bytes rest, line;
    log_setup(LOG_INFO, pipe_fds[1]);
    log_set_format(LOG_FORMAT_JSON);
    LOG_EVENT(LOG_INFO, "test.event", LOG_NUMBER("status", UINT64_MAX),
              LOG_TEXT("reason", BYTES("\"\n\x01\xff\\")));
    log_write(LOG_WARN, "test.other", "%s", "}\n{\"level\":\"error\"}");
    log_set_format(LOG_FORMAT_TEXT);
    rest = bytes_of(written());
    assert_true(bytes_split(&rest, '\n', &line));
    assert_int_equal(json_parse(line, &v), OK);
    assert_int_equal(json_get(v, BYTES("status"), &member), OK);
    assert_true(bytes_equal(member.raw, BYTES("18446744073709551615")));
    assert_int_equal(json_get(v, BYTES("reason"), &member), OK);
    assert_true(bytes_split(&rest, '\n', &line));
    assert_int_equal(json_parse(line, &v), OK);
    assert_int_equal(json_get(v, BYTES("level"), &member), OK);
    assert_true(bytes_equal(member.raw, BYTES("\"warn\"")));
    assert_int_equal(rest.size, 0);
}

static void formats_are_known_by_name(void **state)
{
    (void)state;
    enum log_format f;
    assert_int_equal(log_format_parse("json", &f), OK);
    assert_int_equal(f, LOG_FORMAT_JSON);
    assert_int_equal(log_format_parse("text", &f), OK);
    assert_int_equal(f, LOG_FORMAT_TEXT);
    assert_int_equal(log_format_parse("xml", &f), ERR_NOT_FOUND);
}

static void levels_are_known_by_name(void **state)
{
    (void)state;
    enum log_level l;
    assert_int_equal(log_level_parse("off", &l), OK);
    assert_int_equal(l, LOG_OFF);
    assert_int_equal(log_level_parse("loud", &l), ERR_NOT_FOUND);
}

#define with_pipe(f) cmocka_unit_test_setup_teardown(f, open_pipe, close_pipe)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_pipe(a_line_has_time_level_event_and_detail),
        with_pipe(lower_levels_are_left_out),
        with_pipe(line_ends_and_quotes_in_a_detail_are_harmless),
        with_pipe(one_event_writes_no_more_than_its_share),
        with_pipe(an_endless_detail_is_cut),
        with_pipe(fields_are_written_with_their_names),
        with_pipe(json_lines_are_json_whatever_is_in_them),
        cmocka_unit_test(formats_are_known_by_name),
        cmocka_unit_test(levels_are_known_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
