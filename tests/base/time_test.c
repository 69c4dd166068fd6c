#include "base/time.h"

#include "check.h"

static void check_put(void (*put)(struct buf *, int64_t), int64_t value, const char *want)
{
    struct buf b;
    buf_init(&b, 100);
    put(&b, value);
    check_text(buf_bytes(&b), want);
    buf_done(&b);
}

static int64_t us_of(const char *text)
{
    int64_t us = 0;
    struct bytes boxed = check_boxed(bytes_of(text));
    enum err e = time_parse_timestamptz(boxed, &us);
    check_unbox(boxed);
    if (e)
        fail_msg("%s: %s", text, err_text(e));
    return us;
}

static void civil_days_match_known_dates(void **state)
{
    (void)state;
    assert_int_equal(time_days_from_civil(1970, 1, 1), 0);
    assert_int_equal(time_days_from_civil(1969, 12, 31), -1);
    assert_int_equal(time_days_from_civil(2000, 2, 29), 11016);
    assert_int_equal(time_days_from_civil(2000, 3, 1), 11017);
    assert_int_equal(time_days_from_civil(1, 1, 1), -719162);
    assert_int_equal(time_days_from_civil(9999, 12, 31), 2932896);
}

static unsigned month_length(int64_t year, unsigned month)
{
    if (month == 2)
        return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28;
    return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

static void every_day_of_a_thousand_years_follows_the_one_before(void **state)
{
    (void)state;
    int64_t days = time_days_from_civil(1599, 12, 31);
    for (int64_t year = 1600; year < 2600; year++) {
        for (unsigned month = 1; month <= 12; month++) {
            for (unsigned day = 1; day <= month_length(year, month); day++) {
                int64_t y;
                unsigned m, d;
                days++;
                time_civil_from_days(days, &y, &m, &d);
                if (time_days_from_civil(year, month, day) != days || y != year || m != month ||
                    d != day)
                    fail_msg("day %lld", (long long)days);
            }
        }
    }
}

static void days_before_year_one_turn_round_too(void **state)
{
    (void)state;
    for (int64_t days = -800000; days < -700000; days++) {
        int64_t y;
        unsigned m, d;
        time_civil_from_days(days, &y, &m, &d);
        assert_true(time_days_from_civil(y, m, d) == days);
    }
}

static void extreme_numbers_are_written_without_overflow(void **state)
{
    (void)state;
    static const int64_t extremes[] = {INT64_MIN, INT64_MAX, 0};
    for (size_t i = 0; i < CHECK_COUNT(extremes); i++) {
        struct buf b;
        buf_init(&b, 1000);
        time_put_timestamptz(&b, extremes[i]);
        time_put_millis_z(&b, extremes[i]);
        time_put_rfc3339(&b, extremes[i]);
        time_put_date(&b, extremes[i]);
        time_put_http_date(&b, extremes[i]);
        assert_int_equal(b.err, OK);
        buf_done(&b);
    }
    check_put(time_put_rfc3339, INT64_MAX, "294247-01-10T04:00:54.775807Z");
    check_put(time_put_rfc3339, INT64_MIN, "-290308-12-21T19:59:05.224192Z");
}

static void texts_are_those_of_the_formats(void **state)
{
    (void)state;
    int64_t us = us_of("2026-08-21T12:00:00.123456Z");
    check_put(time_put_timestamptz, us, "2026-08-21T12:00:00.123456+00:00");
    check_put(time_put_timestamptz, us - 456, "2026-08-21T12:00:00.123+00:00");
    check_put(time_put_timestamptz, us - 123456, "2026-08-21T12:00:00+00:00");
    check_put(time_put_timestamptz, us - 123455, "2026-08-21T12:00:00.000001+00:00");
    check_put(time_put_millis_z, us, "2026-08-21T12:00:00.123Z");
    check_put(time_put_millis_z, us - 123456, "2026-08-21T12:00:00.000Z");
    check_put(time_put_rfc3339, us, "2026-08-21T12:00:00.123456Z");
    check_put(time_put_rfc3339, us - 123456, "2026-08-21T12:00:00Z");
    check_put(time_put_rfc3339, us - 23456, "2026-08-21T12:00:00.1Z");
    check_put(time_put_millis_z, -1, "1969-12-31T23:59:59.999Z");
    check_put(time_put_date, 0, "1970-01-01");
    check_put(time_put_date, -719162, "0001-01-01");
    check_put(time_put_http_date, us_of("1994-11-06 08:49:37Z"), "Sun, 06 Nov 1994 08:49:37 GMT");
    check_put(time_put_http_date, -1, "Wed, 31 Dec 1969 23:59:59 GMT");
}

static void every_weekday_has_its_name(void **state)
{
    (void)state;
    static const char *const want[] = {
        "Mon, 05 Jan 2026 00:00:00 GMT", "Tue, 06 Jan 2026 00:00:00 GMT",
        "Wed, 07 Jan 2026 00:00:00 GMT", "Thu, 08 Jan 2026 00:00:00 GMT",
        "Fri, 09 Jan 2026 00:00:00 GMT", "Sat, 10 Jan 2026 00:00:00 GMT",
        "Sun, 11 Jan 2026 00:00:00 GMT"};
    int64_t us = us_of("2026-01-05");
    for (size_t i = 0; i < CHECK_COUNT(want); i++)
        check_put(time_put_http_date, us + (int64_t)i * TIME_US_PER_DAY, want[i]);
}

static void all_forms_of_a_timestamp_are_read(void **state)
{
    (void)state;
    int64_t noon = time_days_from_civil(2026, 8, 21) * TIME_US_PER_DAY + TIME_US_PER_DAY / 2;
    static const char *const same[] = {
        "2026-08-21T12:00:00Z",      "2026-08-21 12:00:00",
        "2026-08-21t12:00z",         "2026-08-21T12:00",
        "2026-08-21T13:00:00+01",    "2026-08-21T13:00:00+0100",
        "2026-08-21T13:00:00+01:00", "2026-08-21T08:30:00-03:30",
        "2026-08-21 12:00:00.0",     "2026-08-21T12:00:00.0000004",
        "2026-08-22T03:59+15:59",    "2026-08-21T12:00-00",
    };
    for (size_t i = 0; i < CHECK_COUNT(same); i++)
        assert_true(us_of(same[i]) == noon);
    assert_true(us_of("2026-08-21") == noon - TIME_US_PER_DAY / 2);
    assert_true(us_of("2026-08-21T12:00:00.5") == noon + 500000);
    assert_true(us_of("2026-08-21T12:00:00.000001") == noon + 1);
    assert_true(us_of("2026-08-21T12:00:00.0000005") == noon + 1);
    assert_true(us_of("2026-08-21T11:59:59.9999999999999") == noon);
    assert_true(us_of("2024-02-29T00:00:00Z") > 0);
}

static void check_refused(const char *text, enum err want)
{
    int64_t us = 42;
    struct bytes boxed = check_boxed(bytes_of(text));
    enum err e = time_parse_timestamptz(boxed, &us);
    check_unbox(boxed);
    if (e != want || us != 42)
        fail_msg("%s: %s", text, err_text(e));
}

static void malformed_timestamps_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "2026",
        "2026-8-21",
        "2026-08-21T",
        "2026-08-21T12",
        "2026-08-21T12:",
        "2026-08-21T12:00:",
        "2026-08-21T12:00:00.",
        "2026-08-21T12:00:00.Z",
        "2026-08-21T12:00:00,5",
        "2026-08-21T12:00:00+",
        "2026-08-21T12:00:00+1",
        "2026-08-21T12:00:00+01:",
        "2026-08-21T12:00:00+01:0",
        "2026-08-21T12:00:00+010",
        "2026-08-21T12:00:00+01000",
        "2026-08-21T12:00:00ZZ",
        "2026-08-21T12:00:00 Z",
        "2026-08-21x12:00:00",
        " 2026-08-21",
        "2026-08-21 ",
        "2026/08/21",
        "+2026-08-21",
        "20260821T120000Z",
        "2026-08-21T12:00:00Europe",
        "now",
    };
    for (size_t i = 0; i < CHECK_COUNT(bad); i++)
        check_refused(bad[i], ERR_SYNTAX);
}

static void times_that_do_not_exist_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "2026-02-29",           "2026-00-01",          "2026-13-01",
        "2026-01-00",           "2026-04-31",          "1900-02-29",
        "0000-01-01",           "2026-01-01T24:00:00", "2026-01-01T12:60:00",
        "2026-01-01T12:00:60Z", "2026-01-01T00:00+16", "2026-01-01T00:00+01:60",
        "0001-01-01T00:00+01",  "9999-12-31T23:59-01", "9999-12-31T23:59:59.9999999Z",
    };
    for (size_t i = 0; i < CHECK_COUNT(bad); i++)
        check_refused(bad[i], ERR_RANGE);
    assert_true(us_of("9999-12-31T23:59:59.999999Z") > us_of("0001-01-01T00:00:00Z"));
}

static void truncated_timestamp_never_reads_past_its_end(void **state)
{
    (void)state;
    struct bytes whole = BYTES("2026-08-21T12:00:00.123456+01:00");
    for (size_t size = 0; size < whole.size; size++) {
        struct bytes boxed = check_boxed(bytes_slice(whole, 0, size));
        int64_t us;
        bool complete =
            size == 10 || size == 16 || size == 19 || (size > 20 && size <= 26) || size == 29;
        assert_int_equal(time_parse_timestamptz(boxed, &us), complete ? OK : ERR_SYNTAX);
        check_unbox(boxed);
    }
}

static void written_timestamps_are_read_back(void **state)
{
    (void)state;
    struct rng r;
    rng_init(&r, 1);
    int64_t from = us_of("0001-01-01");
    uint64_t span = (uint64_t)(us_of("9999-12-31") - from);
    for (int i = 0; i < 2000; i++) {
        int64_t us = from + (int64_t)rng_below(&r, span);
        int64_t back = 0;
        struct buf b;
        buf_init(&b, 100);
        time_put_timestamptz(&b, us);
        assert_int_equal(time_parse_timestamptz(buf_bytes(&b), &back), OK);
        assert_true(back == us);
        buf_reset(&b);
        time_put_rfc3339(&b, us);
        assert_int_equal(time_parse_timestamptz(buf_bytes(&b), &back), OK);
        assert_true(back == us);
        buf_done(&b);
    }
}

static void dates_are_read_when_the_day_exists(void **state)
{
    (void)state;
    int64_t days = 42;
    assert_int_equal(time_parse_date(BYTES("2026-02-29"), &days), ERR_RANGE);
    assert_int_equal(time_parse_date(BYTES("2026-02-28T00:00"), &days), ERR_SYNTAX);
    assert_int_equal(time_parse_date(BYTES("2026-02-2"), &days), ERR_SYNTAX);
    assert_int_equal(time_parse_date(BYTES(""), &days), ERR_SYNTAX);
    assert_int_equal(days, 42);
    assert_int_equal(time_parse_date(BYTES("2028-02-29"), &days), OK);
    assert_true(days == time_days_from_civil(2028, 2, 29));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(civil_days_match_known_dates),
        cmocka_unit_test(every_day_of_a_thousand_years_follows_the_one_before),
        cmocka_unit_test(days_before_year_one_turn_round_too),
        cmocka_unit_test(extreme_numbers_are_written_without_overflow),
        cmocka_unit_test(texts_are_those_of_the_formats),
        cmocka_unit_test(every_weekday_has_its_name),
        cmocka_unit_test(all_forms_of_a_timestamp_are_read),
        cmocka_unit_test(malformed_timestamps_are_refused),
        cmocka_unit_test(times_that_do_not_exist_are_refused),
        cmocka_unit_test(truncated_timestamp_never_reads_past_its_end),
        cmocka_unit_test(written_timestamps_are_read_back),
        cmocka_unit_test(dates_are_read_when_the_day_exists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
