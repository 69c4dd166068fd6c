/* time: calendar arithmetic in UTC (proleptic Gregorian), and the texts of times.  Knows no clock
 * and no time zone; the unit is microseconds since 1970-01-01T00:00:00Z. */
#ifndef BASE_TIME_H
#define BASE_TIME_H

#include "base/buf.h"

#define TIME_US_PER_MS INT64_C(1000)
#define TIME_US_PER_S INT64_C(1000000)
#define TIME_US_PER_DAY (INT64_C(86400) * TIME_US_PER_S)

/* Days since 1970-01-01 and back.  month 1..12, day 1..31. */
int64_t time_days_from_civil(int64_t year, unsigned month, unsigned day);
void time_civil_from_days(int64_t days, int64_t *year, unsigned *month, unsigned *day);

/* As PostgreSQL writes timestamptz in JSON: 2026-08-21T12:00:00.123456+00:00, zeros at the end of
 * the fraction left off, and the dot too when it is zero. */
void time_put_timestamptz(struct buf *out, int64_t us);
/* 2026-08-21T12:00:00.123Z, always three digits (commit_timestamp of the live protocol). */
void time_put_millis_z(struct buf *out, int64_t us);
/* 2026-08-21T12:00:00Z or with a fraction of up to 6 digits, zeros left off (RFC 3339, auth
 * answers). */
void time_put_rfc3339(struct buf *out, int64_t us);
/* 2026-08-21, from days. */
void time_put_date(struct buf *out, int64_t days);
/* Sun, 06 Nov 1994 08:49:37 GMT (RFC 9110, 5.6.7). */
void time_put_http_date(struct buf *out, int64_t us);

/* ISO 8601: a date; or a date, `T` or space, hh:mm[:ss[.fraction]] and Z, +hh, +hhmm, +hh:mm or
 * nothing (UTC). A fraction finer than a microsecond is rounded.  ERR_SYNTAX, ERR_RANGE (year
 * 0001..9999). */
MUST_USE enum err time_parse_timestamptz(struct bytes b, int64_t *us);
/* YYYY-MM-DD, a day that exists. */
MUST_USE enum err time_parse_date(struct bytes b, int64_t *days);

#endif
