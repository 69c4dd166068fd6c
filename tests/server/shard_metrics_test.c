/* What a server says of itself, read as Prometheus reads it. */
#include "server/shard.h"

#include "check.h"
#include "whole_server.h"

static int open_small(void **state)
{
    (void)state;
    make_bakery(&folder);
    struct server_config c = test_config(&folder);
    c.shards = 1;
    c.limits.request_body_max = 4096;
    server = start_server(&c);
    return 0;
}

static struct bytes scrape(void)
{
    ask_once(server, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", &got);
    assert_int_equal(got.status, 200);
    return (struct bytes){got.body, got.body_size};
}

/* The name of the family that a `# HELP` or `# TYPE` line is about. */
static struct bytes family_of(struct bytes line)
{
    struct bytes rest = bytes_slice(line, 7, line.size);
    return bytes_slice(rest, 0, bytes_find_char(rest, ' '));
}

static bool is_of(struct bytes sample, struct bytes family)
{
    static const char *const suffixes[] = {"", "_bucket", "_sum", "_count"};
    if (!bytes_starts_with(sample, family))
        return false;
    struct bytes rest = bytes_slice(sample, family.size, sample.size);
    for (size_t i = 0; i < CHECK_COUNT(suffixes); i++)
        if (bytes_equal(rest, bytes_of(suffixes[i])))
            return true;
    return false;
}

static void every_number_has_one_help_and_one_type_right_before_it(void **state)
{
    (void)state;
    struct bytes rest = scrape(), line, family = BYTES("");
    struct bytes families[128];
    size_t count = 0, samples = 0;
    while (bytes_split(&rest, '\n', &line) && line.size) {
        if (bytes_starts_with(line, BYTES("# HELP "))) {
            family = family_of(line);
            for (size_t i = 0; i < count; i++)
                assert_false(bytes_equal(families[i], family));
            assert_true(count < CHECK_COUNT(families));
            families[count++] = family;
            assert_true(line.size > 7 + family.size + 5);
            assert_true(bytes_split(&rest, '\n', &line));
            assert_true(bytes_starts_with(line, BYTES("# TYPE ")));
            check_bytes(family_of(line), family, __FILE__, __LINE__);
            continue;
        }
        size_t end = bytes_find_char(line, '{'), space = bytes_find_char(line, ' ');
        assert_true(is_of(bytes_slice(line, 0, end < space ? end : space), family));
        assert_true(space + 1 < line.size);
        for (size_t i = space + 1; i < line.size; i++)
            assert_non_null(strchr("0123456789.", line.data[i]));
        samples++;
    }
    assert_int_equal(rest.size, 0);
    assert_true(count > 40 && samples > count);
}

static unsigned long value(const char *name)
{
    struct bytes text = scrape();
    size_t at = bytes_find(text, bytes_of(name));
    assert_true(at < text.size);
    return strtoul(text.data + at + strlen(name), NULL, 10);
}

static void limits_that_are_reached_are_counted_by_their_name(void **state)
{
    static char large[8192];
    (void)state;
    assert_int_equal(value("\nhomebake_limit_reached_total{limit=\"body-bytes\"} "), 0);
    ask_once(server, "POST /rest/v1/stock HTTP/1.1\r\nHost: x\r\nContent-Length: 4097\r\n\r\n",
             &got);
    assert_int_equal(got.status, 413);
    assert_int_equal(value("\nhomebake_limit_reached_total{limit=\"body-bytes\"} "), 1);
    memset(large, 'a', sizeof(large) - 1);
    static char request[32768];
    int size = snprintf(request, sizeof(request), "GET / HTTP/1.1\r\nHost: x\r\nA: %s%s%s\r\n\r\n",
                        large, large, large);
    assert_true(size > 16384);
    ask_once(server, request, &got);
    assert_int_equal(got.status, 431);
    assert_int_equal(value("\nhomebake_limit_reached_total{limit=\"header-bytes\"} "), 1);
}

/* A limit that is counted under a name that cannot be set would lead people astray. */
static void limits_are_counted_by_the_names_of_the_table(void **state)
{
    (void)state;
    struct bytes rest = scrape(), line, prefix = BYTES("homebake_limit_reached_total{limit=\"");
    size_t found = 0;
    while (bytes_split(&rest, '\n', &line)) {
        if (!bytes_starts_with(line, prefix))
            continue;
        struct bytes name = bytes_slice(line, prefix.size, line.size);
        name.size = bytes_find_char(name, '"');
        bool is_known = false;
        for (size_t i = 0; limits_at(i); i++)
            is_known |= bytes_equal(bytes_of(limits_at(i)->name), name);
        assert_true(is_known);
        found++;
    }
    assert_true(found >= 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_number_has_one_help_and_one_type_right_before_it),
        cmocka_unit_test(limits_that_are_reached_are_counted_by_their_name),
        cmocka_unit_test(limits_are_counted_by_the_names_of_the_table),
    };
    return cmocka_run_group_tests(tests, open_small, close_all);
}
