#include "store/clock.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/time.h"

enum { MINUTES_PER_DAY = 1440, ZONE_MAX = 64 };

static const char zones[] = "/usr/share/zoneinfo/";

/* A plain name below the folder of zones. */
static bool is_zone_name(struct bytes name)
{
    return name.size > 0 && name.size < ZONE_MAX && name.data[0] != '/' &&
           bytes_find(name, BYTES("..")) == name.size && bytes_find_char(name, '\0') == name.size;
}

/* The C library takes an unknown zone for UTC without a word, so it is looked for first. */
static bool is_known(struct bytes name)
{
    char path[sizeof(zones) + ZONE_MAX];
    if (!is_zone_name(name))
        return false;
    snprintf(path, sizeof(path), "%s%.*s", zones, (int)name.size, name.data);
    return bytes_equal(name, BYTES("UTC")) || access(path, R_OK) == 0;
}

enum err clock_open(struct bytes time_zone, struct buf *message)
{
    char name[ZONE_MAX + 1];
    if (!is_known(time_zone)) {
        buf_put_literal(message, "the time zone ");
        buf_put(message, time_zone);
        buf_put_literal(message, " is not in the tz database of this system");
        return ERR_NOT_FOUND;
    }
    snprintf(name, sizeof(name), "%.*s", (int)time_zone.size, time_zone.data);
    if (setenv("TZ", name, 1))
        return ERR_NOMEM;
    tzset();
    return OK;
}

static bool is_morning(const struct store_settings *s, int32_t minute)
{
    if (s->morning_minute <= s->night_minute)
        return s->morning_minute <= minute && minute < s->night_minute;
    return minute >= s->morning_minute || minute < s->night_minute;
}

static void set_day(struct day_cache *c, int64_t days)
{
    int64_t year;
    unsigned month, day;
    time_civil_from_days(days, &year, &month, &day);
    int size = snprintf(c->day, sizeof(c->day), "%04lld-%02u-%02u", (long long)year, month, day);
    c->day_size = size > 0 ? (size_t)size : 0;
}

static int64_t floor_seconds(int64_t us)
{
    return us / TIME_US_PER_S - (us % TIME_US_PER_S < 0);
}

void clock_at(const struct store_settings *s, int64_t us, struct day_cache *c)
{
    struct tm tm = {0};
    time_t second = (time_t)floor_seconds(us);
    if (c->is_set && c->second == second)
        return;
    localtime_r(&second, &tm); /* no 64-bit count of microseconds is out of its range */
    int32_t minute = tm.tm_hour * 60 + tm.tm_min;
    int64_t days = time_days_from_civil(tm.tm_year + INT64_C(1900), (unsigned)tm.tm_mon + 1,
                                        (unsigned)tm.tm_mday);
    set_day(c, days - (minute < s->morning_minute));
    c->shift = is_morning(s, minute) ? BYTES("morning") : BYTES("night");
    c->second = second;
    c->is_set = true;
}
