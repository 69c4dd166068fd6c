#include "server/limits.h"

#include "check.h"

static void defaults_are_those_of_the_documents(void **state)
{
    (void)state;
    struct server_limits l;
    server_limits_init(&l);
    assert_int_equal(l.header_max, 16 * 1024);
    assert_int_equal(l.request_body_max, 1024 * 1024);
    assert_int_equal(l.slow_us, 10000000);
    assert_int_equal(l.idle_us, 60000000);
    assert_int_equal(l.log_keep_count, 1000000);
    assert_int_equal(l.log_keep_us, INT64_C(7) * 86400 * 1000000);
    assert_int_equal(l.hub.outbox_bytes_max, 1024 * 1024);
    assert_int_equal(l.hub.channels_max, 1000);
    assert_int_equal(l.api.token_life_s, 3600);
}

/* Sets `limit` to `value`, as it would be written. */
static enum err set(struct server_limits *l, const struct limit *limit, uint64_t value,
                    struct buf *message)
{
    struct buf text;
    buf_init(&text, 256);
    buf_put(&text, bytes_of(limit->name));
    buf_put_char(&text, '=');
    limits_put_value(&text, limit, value);
    buf_reset(message);
    enum err e = limits_set(l, buf_bytes(&text), message);
    buf_done(&text);
    return e;
}

/* The smallest step in which a value can be written. */
static uint64_t step(const struct limit *limit)
{
    return limit->unit == LIMIT_TIME ? 1000 : 1;
}

static void every_limit_can_be_set_to_its_bounds_and_to_nothing_beyond(void **state)
{
    (void)state;
    struct buf message;
    buf_init(&message, 4096);
    const struct limit *limit;
    for (size_t i = 0; (limit = limits_at(i)); i++) {
        struct server_limits l;
        server_limits_init(&l);
        uint64_t first = limits_get(&l, limit);
        assert_true(first >= limit->min && first <= limit->max);
        assert_int_equal(set(&l, limit, limit->min, &message), OK);
        assert_int_equal(limits_get(&l, limit), limit->min);
        assert_int_equal(set(&l, limit, limit->max, &message), OK);
        assert_int_equal(limits_get(&l, limit), limit->max);
        assert_int_equal(message.size, 0);
        assert_int_equal(set(&l, limit, limit->max + step(limit), &message), ERR_RANGE);
        assert_true(bytes_starts_with(buf_bytes(&message), bytes_of(limit->name)));
        assert_true(bytes_find(buf_bytes(&message), BYTES("must be from")) < message.size);
        if (limit->min)
            assert_int_equal(set(&l, limit, limit->min - step(limit), &message), ERR_RANGE);
        assert_int_equal(limits_get(&l, limit), limit->max);
    }
    buf_done(&message);
}

static void setting_one_limit_leaves_the_others_alone(void **state)
{
    (void)state;
    struct buf message;
    buf_init(&message, 4096);
    struct server_limits defaults;
    server_limits_init(&defaults);
    for (size_t i = 0; limits_at(i); i++) {
        struct server_limits l = defaults;
        assert_int_equal(set(&l, limits_at(i), limits_at(i)->max, &message), OK);
        for (size_t k = 0; limits_at(k); k++) {
            if (k != i)
                assert_int_equal(limits_get(&l, limits_at(k)), limits_get(&defaults, limits_at(k)));
            assert_true(k == i || strcmp(limits_at(k)->name, limits_at(i)->name) != 0);
        }
    }
    buf_done(&message);
}

static void values_are_read_as_people_write_them(void **state)
{
    (void)state;
    struct server_limits l;
    struct buf message;
    buf_init(&message, 4096);
    server_limits_init(&l);
    assert_int_equal(limits_set(&l, BYTES("outbox-bytes=65536"), &message), OK);
    assert_int_equal(l.hub.outbox_bytes_max, 65536);
    assert_int_equal(limits_set(&l, BYTES("outbox-bytes=2MiB"), &message), OK);
    assert_int_equal(l.hub.outbox_bytes_max, 2 << 20);
    assert_int_equal(limits_set(&l, BYTES("idle-time=1500ms"), &message), OK);
    assert_int_equal(l.hub.idle_us, 1500000);
    assert_int_equal(limits_set(&l, BYTES("idle-time=2min"), &message), OK);
    assert_int_equal(l.hub.idle_us, 120000000);
    assert_int_equal(limits_set(&l, BYTES("channels=5"), &message), OK);
    assert_int_equal(l.hub.channels_max, 5);
    assert_int_equal(message.size, 0);
    buf_done(&message);
}

static void what_is_no_setting_is_refused_with_words(void **state)
{
    static const struct {
        const char *text;
        enum err e;
        const char *words;
    } cases[] = {
        {"", ERR_NOT_FOUND, "there is no limit ''; see 'homebake serve --limits'"},
        {"nonsense=1", ERR_NOT_FOUND,
         "there is no limit 'nonsense'; see 'homebake serve --limits'"},
        {"channels", ERR_SYNTAX, "channels must be a number"},
        {"channels=", ERR_SYNTAX, "channels must be a number"},
        {"channels=1KiB", ERR_SYNTAX, "channels must be a number"},
        {"channels=-1", ERR_SYNTAX, "channels must be a number"},
        {"channels= 5", ERR_SYNTAX, "channels must be a number"},
        {"channels=99999999999999999999", ERR_RANGE, "channels must be from 1 to 1000000"},
        {"idle-time=10", ERR_SYNTAX, "idle-time must be a number with ms, s, min, h or d"},
        {"idle-time=1s5", ERR_SYNTAX, "idle-time must be a number with ms, s, min, h or d"},
        {"idle-time=999999999999999d", ERR_RANGE, "idle-time must be from 100ms to 1d"},
        {"message-bytes=1mib", ERR_SYNTAX,
         "message-bytes must be a number of bytes, or one with KiB, MiB or GiB"},
        {"message-bytes=18446744073709551615GiB", ERR_RANGE,
         "message-bytes must be from 1KiB to 16MiB"},
    };
    (void)state;
    struct server_limits l, before;
    struct buf message;
    buf_init(&message, 4096);
    server_limits_init(&l);
    before = l;
    for (size_t i = 0; i < CHECK_COUNT(cases); i++) {
        buf_reset(&message);
        assert_int_equal(limits_set(&l, bytes_of(cases[i].text), &message), cases[i].e);
        check_text(buf_bytes(&message), cases[i].words);
    }
    for (size_t k = 0; limits_at(k); k++)
        assert_int_equal(limits_get(&l, limits_at(k)), limits_get(&before, limits_at(k)));
    buf_done(&message);
}

static void the_table_names_each_limit_with_value_and_bounds(void **state)
{
    (void)state;
    struct server_limits l;
    struct buf out;
    buf_init(&out, 1 << 20);
    server_limits_init(&l);
    limits_print(&out, &l);
    struct bytes rest = buf_bytes(&out), line;
    assert_true(bytes_split(&rest, '\n', &line));
    for (size_t i = 0; limits_at(i); i++) {
        assert_true(bytes_split(&rest, '\n', &line));
        assert_true(bytes_starts_with(line, bytes_of(limits_at(i)->name)));
        assert_true(bytes_ends_with(line, bytes_of(limits_at(i)->help)));
    }
    assert_true(bytes_find(buf_bytes(&out), BYTES("outbox-bytes        1MiB        16KiB to "
                                                  "1GiB           waiting for")) < out.size);
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_those_of_the_documents),
        cmocka_unit_test(every_limit_can_be_set_to_its_bounds_and_to_nothing_beyond),
        cmocka_unit_test(setting_one_limit_leaves_the_others_alone),
        cmocka_unit_test(values_are_read_as_people_write_them),
        cmocka_unit_test(what_is_no_setting_is_refused_with_words),
        cmocka_unit_test(the_table_names_each_limit_with_value_and_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
