/* clock: which business day and shift a time falls in.  The rules of the time zone are those of the
 * system's tz database, read once into the process by clock_open (TZ, tzset), before there are
 * threads; a process has one zone. Reads no clock.  Private to src/store/. */
#ifndef STORE_CLOCK_H
#define STORE_CLOCK_H

#include "store/store.h"

enum { DAY_SIZE_MAX = 24 };

/* The answer for the second last asked. */
struct day_cache {
    bool is_set;
    int64_t second;
    char day[DAY_SIZE_MAX]; /* with a zero */
    size_t day_size;
    struct bytes shift;
};

/* ERR_NOT_FOUND: the system does not know that zone; `message` says so. */
MUST_USE enum err clock_open(struct bytes time_zone, struct buf *message);
void clock_at(const struct store_settings *s, int64_t us, struct day_cache *c);

#endif
