/* Business days and shifts. */
#include "kit.h"

#include <string.h>

#include "base/time.h"
#include "store/clock.h"

static void assert_clock(const struct store_settings *s, const char *utc, const char *day,
                         const char *shift)
{
    struct day_cache c = {0};
    int64_t us = 0;
    assert_int_equal(time_parse_timestamptz(bytes_of(utc), &us), OK);
    clock_at(s, us, &c);
    assert_string_equal(c.day, day);
    assert_int_equal(c.day_size, strlen(day));
    assert_true(bytes_equal(c.shift, bytes_of(shift)));
}

static struct store_settings open_zone(const char *zone)
{
    struct buf message;
    buf_init(&message, 4096);
    assert_int_equal(clock_open(bytes_of(zone), &message), OK);
    buf_done(&message);
    return (struct store_settings){.morning_minute = 600, .night_minute = 1320};
}

static void a_night_belongs_to_the_day_on_which_it_began(void **state)
{
    (void)state;
    struct store_settings s = open_zone("Africa/Lagos"); /* UTC+1 */
    assert_clock(&s, "2026-11-22T08:59:59.999999Z", "2026-11-21", "night");
    assert_clock(&s, "2026-11-22T09:00:00Z", "2026-11-22", "morning");
    assert_clock(&s, "2026-11-22T20:59:59Z", "2026-11-22", "morning");
    assert_clock(&s, "2026-11-22T21:00:00Z", "2026-11-22", "night");
    assert_clock(&s, "2026-11-22T23:30:00Z", "2026-11-22", "night");
    assert_clock(&s, "2027-01-01T00:00:00Z", "2026-12-31", "night");
}

static void summer_time_moves_the_bounds(void **state)
{
    (void)state;
    struct store_settings s = open_zone("Europe/Berlin");
    assert_clock(&s, "2026-01-15T08:59:00Z", "2026-01-14", "night"); /* 9:59 */
    assert_clock(&s, "2026-01-15T09:00:00Z", "2026-01-15", "morning");
    assert_clock(&s, "2026-07-15T08:00:00Z", "2026-07-15", "morning"); /* 10:00 in summer */
    assert_clock(&s, "2026-07-15T07:59:00Z", "2026-07-14", "night");
}

static void a_night_may_be_the_daytime(void **state)
{
    (void)state;
    struct store_settings s = open_zone("UTC");
    s.morning_minute = 22 * 60; /* "morning" 22:00 to 06:00 */
    s.night_minute = 6 * 60;
    assert_clock(&s, "2026-11-22T23:00:00Z", "2026-11-22", "morning");
    assert_clock(&s, "2026-11-23T05:59:00Z", "2026-11-22", "morning");
    assert_clock(&s, "2026-11-23T06:00:00Z", "2026-11-22", "night");
    assert_clock(&s, "2026-11-23T22:00:00Z", "2026-11-23", "morning");
}

static void times_far_away_have_days_too(void **state)
{
    (void)state;
    struct store_settings s = open_zone("UTC");
    struct day_cache c = {0};
    assert_clock(&s, "0001-01-01T12:00:00Z", "0001-01-01", "morning");
    assert_clock(&s, "9999-12-31T23:59:59.999999Z", "9999-12-31", "night");
    clock_at(&s, -1, &c);
    assert_string_equal(c.day, "1969-12-31");
    clock_at(&s, INT64_MIN, &c);
    assert_true(c.day_size < DAY_SIZE_MAX);
    clock_at(&s, INT64_MAX, &c);
    assert_true(c.day_size < DAY_SIZE_MAX);
}

static void names_outside_the_database_of_zones_are_not_found(void **state)
{
    static const char *const names[] = {"", "/etc/passwd", "../zoneinfo/UTC", "Nowhere",
                                        "Africa/Atlantis"};
    struct buf message;
    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        buf_init(&message, 4096);
        assert_int_equal(clock_open(bytes_of(names[i]), &message), ERR_NOT_FOUND);
        assert_true(message.size > 0);
        buf_done(&message);
    }
}

static void the_store_tells_shift_and_day(void **state)
{
    struct kit *k = *state;
    struct policy_context ctx = {0};
    store_clock(k->store, KIT_T0, &ctx);
    assert_true(bytes_equal(ctx.shift, BYTES("morning")));
    assert_true(bytes_equal(ctx.business_day, BYTES("2026-11-22")));
    store_clock(k->store, KIT_T0 - 1, &ctx);
    assert_true(bytes_equal(ctx.shift, BYTES("night")));
    assert_true(bytes_equal(ctx.business_day, BYTES("2026-11-21")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_night_belongs_to_the_day_on_which_it_began),
        cmocka_unit_test(summer_time_moves_the_bounds),
        cmocka_unit_test(a_night_may_be_the_daytime),
        cmocka_unit_test(times_far_away_have_days_too),
        cmocka_unit_test(names_outside_the_database_of_zones_are_not_found),
        KIT_TEST(the_store_tells_shift_and_day),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
