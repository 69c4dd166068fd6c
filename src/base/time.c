#include "base/time.h"

#include <assert.h>

enum {
    DAYS_PER_ERA = 146097,  /* 400 years: the calendar repeats */
    DAYS_TO_EPOCH = 719468, /* from 0000-03-01 to 1970-01-01 */
    DAYS_PER_CENTURY = 36524,
    DAYS_PER_4_YEARS = 1461,
};

/* Further than any int64 of microseconds, and far from overflow. */
#define DAYS_MAX INT64_C(100000000000)
#define YEAR_MAX INT64_C(200000000)

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static int64_t floor_mod(int64_t a, int64_t b)
{
    return a % b + (a % b < 0 ? b : 0);
}

/* Years are counted from March, so that the leap day is the last of its year and the months before
 * it have lengths that repeat: 153 days in five. */
int64_t time_days_from_civil(int64_t year, unsigned month, unsigned day)
{
    assert(year >= -YEAR_MAX && year <= YEAR_MAX);
    assert(month >= 1 && month <= 12 && day >= 1 && day <= 31);
    int64_t y = year - (month <= 2);
    int64_t era = floor_div(y, 400);
    int64_t year_of_era = y - era * 400;
    int64_t month_from_march = (month + 9) % 12;
    int64_t day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * DAYS_PER_ERA + day_of_era - DAYS_TO_EPOCH;
}

static int64_t clamp(int64_t n, int64_t bound)
{
    return n < -bound ? -bound : n > bound ? bound : n;
}

void time_civil_from_days(int64_t days, int64_t *year, unsigned *month, unsigned *day)
{
    int64_t shifted = clamp(days, DAYS_MAX) + DAYS_TO_EPOCH;
    int64_t era = floor_div(shifted, DAYS_PER_ERA);
    int64_t d = shifted - era * DAYS_PER_ERA;
    /* Leap days gone by are taken out, so that all years have 365 days; the last day of a cycle is
     * a leap day and belongs to the year before it. */
    int64_t y =
        (d - d / (DAYS_PER_4_YEARS - 1) + d / DAYS_PER_CENTURY - d / (DAYS_PER_ERA - 1)) / 365;
    int64_t day_of_year = d - (y * 365 + y / 4 - y / 100);
    int64_t month_from_march = (5 * day_of_year + 2) / 153;
    *day = (unsigned)(day_of_year - (153 * month_from_march + 2) / 5 + 1);
    *month = (unsigned)((month_from_march + 2) % 12 + 1);
    *year = era * 400 + y + (*month <= 2);
}

/* --- writing --- */

static void put_civil(struct buf *out, int64_t days)
{
    int64_t year;
    unsigned month, day;
    time_civil_from_days(days, &year, &month, &day);
    if (year < 0)
        buf_put_char(out, '-');
    buf_put_u64_padded(out, (uint64_t)(year < 0 ? -year : year), 4);
    buf_put_char(out, '-');
    buf_put_u64_padded(out, month, 2);
    buf_put_char(out, '-');
    buf_put_u64_padded(out, day, 2);
}

static void put_clock(struct buf *out, int64_t second_of_day)
{
    uint64_t s = (uint64_t)second_of_day;
    buf_put_u64_padded(out, s / 3600, 2);
    buf_put_char(out, ':');
    buf_put_u64_padded(out, s / 60 % 60, 2);
    buf_put_char(out, ':');
    buf_put_u64_padded(out, s % 60, 2);
}

/* Date, T and time; returns the microseconds that are left. */
static uint64_t put_seconds(struct buf *out, int64_t us)
{
    int64_t us_of_day = floor_mod(us, TIME_US_PER_DAY);
    put_civil(out, floor_div(us, TIME_US_PER_DAY));
    buf_put_char(out, 'T');
    put_clock(out, us_of_day / TIME_US_PER_S);
    return (uint64_t)(us_of_day % TIME_US_PER_S);
}

static void put_fraction(struct buf *out, uint64_t us)
{
    if (us == 0)
        return;
    unsigned width = 6;
    for (; us % 10 == 0; us /= 10)
        width--;
    buf_put_char(out, '.');
    buf_put_u64_padded(out, us, width);
}

void time_put_timestamptz(struct buf *out, int64_t us)
{
    put_fraction(out, put_seconds(out, us));
    buf_put_literal(out, "+00:00");
}

void time_put_millis_z(struct buf *out, int64_t us)
{
    uint64_t rest_us = put_seconds(out, us);
    buf_put_char(out, '.');
    buf_put_u64_padded(out, rest_us / 1000, 3);
    buf_put_char(out, 'Z');
}

void time_put_rfc3339(struct buf *out, int64_t us)
{
    put_fraction(out, put_seconds(out, us));
    buf_put_char(out, 'Z');
}

void time_put_date(struct buf *out, int64_t days)
{
    put_civil(out, days);
}

void time_put_http_date(struct buf *out, int64_t us)
{
    static const char weekdays[] = "ThuFriSatSunMonTueWed"; /* 1970-01-01 was a Thursday */
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    int64_t days = floor_div(us, TIME_US_PER_DAY);
    int64_t year;
    unsigned month, day;
    time_civil_from_days(days, &year, &month, &day);
    buf_put(out, (struct bytes){weekdays + floor_mod(days, 7) * 3, 3});
    buf_put_literal(out, ", ");
    buf_put_u64_padded(out, day, 2);
    buf_put_char(out, ' ');
    buf_put(out, (struct bytes){months + (month - 1) * (size_t)3, 3});
    buf_put_char(out, ' ');
    buf_put_u64_padded(out, (uint64_t)(year < 0 ? 0 : year), 4);
    buf_put_char(out, ' ');
    put_clock(out, floor_mod(us, TIME_US_PER_DAY) / TIME_US_PER_S);
    buf_put_literal(out, " GMT");
}

/* --- reading --- */

static bool take_char(struct bytes *rest, char c)
{
    if (rest->size == 0 || rest->data[0] != c)
        return false;
    *rest = bytes_slice(*rest, 1, rest->size);
    return true;
}

static bool is_digit_next(struct bytes rest)
{
    return rest.size > 0 && rest.data[0] >= '0' && rest.data[0] <= '9';
}

/* Exactly `count` digits. */
static bool take_digits(struct bytes *rest, size_t count, int64_t *out)
{
    int64_t n = 0;
    for (size_t i = 0; i < count; i++) {
        if (!is_digit_next(*rest))
            return false;
        n = n * 10 + (rest->data[0] - '0');
        *rest = bytes_slice(*rest, 1, rest->size);
    }
    *out = n;
    return true;
}

static bool day_exists(int64_t year, int64_t month, int64_t day)
{
    static const unsigned char lengths[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (year < 1 || month < 1 || month > 12 || day < 1)
        return false;
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return day <= lengths[month - 1] + (leap && month == 2);
}

static enum err take_date(struct bytes *rest, int64_t *days)
{
    int64_t year, month, day;
    if (!take_digits(rest, 4, &year) || !take_char(rest, '-') || !take_digits(rest, 2, &month) ||
        !take_char(rest, '-') || !take_digits(rest, 2, &day))
        return ERR_SYNTAX;
    if (!day_exists(year, month, day))
        return ERR_RANGE;
    *days = time_days_from_civil(year, (unsigned)month, (unsigned)day);
    return OK;
}

/* Behind the dot: at least one digit, the seventh rounds. */
static enum err take_fraction(struct bytes *rest, int64_t *us)
{
    int64_t unit = TIME_US_PER_S / 10;
    int64_t sum = 0;
    if (!is_digit_next(*rest))
        return ERR_SYNTAX;
    for (size_t i = 0; is_digit_next(*rest); i++, unit /= 10) {
        int64_t digit = rest->data[0] - '0';
        sum += i < 6 ? digit * unit : i == 6 && digit >= 5;
        *rest = bytes_slice(*rest, 1, rest->size);
    }
    *us = sum;
    return OK;
}

/* hh:mm[:ss[.fraction]] as microseconds of the day. */
static enum err take_clock(struct bytes *rest, int64_t *us)
{
    int64_t hour, minute, second = 0, fraction = 0;
    if (!take_digits(rest, 2, &hour) || !take_char(rest, ':') || !take_digits(rest, 2, &minute))
        return ERR_SYNTAX;
    if (take_char(rest, ':')) {
        if (!take_digits(rest, 2, &second))
            return ERR_SYNTAX;
        enum err e = take_char(rest, '.') ? take_fraction(rest, &fraction) : OK;
        if (e)
            return e;
    }
    if (hour > 23 || minute > 59 || second > 59)
        return ERR_RANGE;
    *us = ((hour * 60 + minute) * 60 + second) * TIME_US_PER_S + fraction;
    return OK;
}

/* Z, +hh, +hhmm, +hh:mm or nothing. */
static enum err take_offset(struct bytes *rest, int64_t *us)
{
    int64_t hour, minute = 0;
    *us = 0;
    if (rest->size == 0 || take_char(rest, 'Z') || take_char(rest, 'z'))
        return OK;
    bool negative = take_char(rest, '-');
    if (!negative && !take_char(rest, '+'))
        return ERR_SYNTAX;
    if (!take_digits(rest, 2, &hour))
        return ERR_SYNTAX;
    bool has_colon = take_char(rest, ':');
    if ((has_colon || rest->size > 0) && !take_digits(rest, 2, &minute))
        return ERR_SYNTAX;
    if (hour > 15 || minute > 59)
        return ERR_RANGE;
    *us = (hour * 60 + minute) * 60 * TIME_US_PER_S * (negative ? -1 : 1);
    return OK;
}

static enum err take_time(struct bytes *rest, int64_t *us)
{
    int64_t offset_us;
    if (!take_char(rest, 'T') && !take_char(rest, 't') && !take_char(rest, ' '))
        return ERR_SYNTAX;
    enum err e = take_clock(rest, us);
    if (!e)
        e = take_offset(rest, &offset_us);
    if (!e)
        *us -= offset_us;
    return e;
}

static bool year_has_four_digits(int64_t us)
{
    int64_t from = time_days_from_civil(1, 1, 1) * TIME_US_PER_DAY;
    int64_t to = time_days_from_civil(10000, 1, 1) * TIME_US_PER_DAY;
    return us >= from && us < to;
}

enum err time_parse_timestamptz(struct bytes b, int64_t *us)
{
    int64_t days;
    int64_t us_of_day = 0;
    enum err e = take_date(&b, &days);
    if (!e && b.size > 0)
        e = take_time(&b, &us_of_day);
    if (e)
        return e;
    if (b.size > 0)
        return ERR_SYNTAX;
    int64_t sum = days * TIME_US_PER_DAY + us_of_day;
    if (!year_has_four_digits(sum))
        return ERR_RANGE;
    *us = sum;
    return OK;
}

enum err time_parse_date(struct bytes b, int64_t *days)
{
    int64_t found;
    enum err e = take_date(&b, &found);
    if (e)
        return e;
    if (b.size > 0)
        return ERR_SYNTAX;
    *days = found;
    return OK;
}
