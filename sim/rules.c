#include "rules.h"

#include <time.h>

enum { MORNING_MINUTE = 600, NIGHT_MINUTE = 1320, HOUR_S = 3600 };

/* Lagos is an hour ahead of Greenwich all year; the day begins with the morning shift. */
struct moment rules_moment(int64_t us)
{
    struct tm tm;
    time_t local = (time_t)(us / 1000000 + HOUR_S), start = local - MORNING_MINUTE * 60;
    struct moment m;
    gmtime_r(&local, &tm);
    int minute = tm.tm_hour * 60 + tm.tm_min;
    m.shift = minute < MORNING_MINUTE || minute >= NIGHT_MINUTE;
    gmtime_r(&start, &tm);
    m.day = (int64_t)(tm.tm_year + 1900) * 10000 + (tm.tm_mon + 1) * 100 + tm.tm_mday;
    return m;
}

static bool is_staff(unsigned role)
{
    return role == ROLE_OWNER || role == ROLE_MANAGER || role == ROLE_SALES_REP;
}

static bool is_chief(unsigned role)
{
    return role == ROLE_OWNER || role == ROLE_MANAGER;
}

bool rules_may(unsigned role, int table, enum verb verb)
{
    if (role == ROLE_SERVICE)
        return table < TABLE_STOCK || verb == VERB_SELECT;
    if (verb == VERB_SELECT)
        return table == TABLE_TOTALS
                   ? is_chief(role)
                   : is_staff(role) || (role == ROLE_ANON && table == TABLE_BREADS);
    switch (table) {
    case TABLE_USERS:
        return verb == VERB_UPDATE ? is_staff(role) : verb == VERB_DELETE && role == ROLE_OWNER;
    case TABLE_BREADS:
        return verb == VERB_DELETE ? role == ROLE_OWNER : is_chief(role);
    case TABLE_PRODUCTION:
        return verb == VERB_INSERT ? is_chief(role) : is_staff(role);
    case TABLE_SALES:
        return is_staff(role);
    case TABLE_FEEDBACK:
        return verb == VERB_DELETE ? role == ROLE_OWNER : is_staff(role);
    default:
        return false;
    }
}

static bool sees_person(unsigned role, int person, const struct sim_row *row)
{
    if (role == ROLE_MANAGER)
        return row->fields[USER_ROLE] == ROLE_MANAGER || row->fields[USER_ROLE] == ROLE_SALES_REP;
    return role == ROLE_OWNER || row->fields[0] == person;
}

bool rules_see(unsigned role, int person, int place, const struct sim_row *row)
{
    int table = sim_table_of_place(place);
    if (!row->exists || !rules_may(role, table, VERB_SELECT))
        return false;
    if (role == ROLE_SERVICE)
        return true;
    if (table == TABLE_USERS)
        return sees_person(role, person, row);
    if (table == TABLE_FEEDBACK)
        return is_chief(role) || row->fields[FEEDBACK_WHO] == person;
    /* The menu, which this world hangs out for everybody. */
    return role != ROLE_ANON || row->fields[BREAD_ACTIVE];
}

static bool is_now(const struct sim_row *row, struct moment now)
{
    return row->fields[ENTRY_SHIFT] == now.shift && row->fields[ENTRY_DAY] == now.day;
}

static bool touches_entry(unsigned role, int person, int table, enum verb verb,
                          const struct sim_row *row, struct moment now)
{
    bool is_own = row->fields[ENTRY_WHO] == person;
    bool is_keeper = table == TABLE_SALES ? is_chief(role) : role == ROLE_OWNER;
    if (is_keeper)
        return true;
    if (verb == VERB_UPDATE)
        return is_own || is_chief(role);
    return is_own && is_now(row, now);
}

bool rules_touch(unsigned role, int person, int place, enum verb verb, const struct sim_row *row,
                 struct moment now)
{
    int table = sim_table_of_place(place);
    if (!rules_may(role, table, verb))
        return false;
    if (role == ROLE_SERVICE)
        return true;
    switch (table) {
    case TABLE_USERS:
        return role == ROLE_OWNER || row->fields[0] == person;
    case TABLE_PRODUCTION:
    case TABLE_SALES:
        return touches_entry(role, person, table, verb, row, now);
    case TABLE_FEEDBACK:
        return verb == VERB_DELETE || row->fields[FEEDBACK_WHO] == person;
    default:
        return true;
    }
}

static bool accepts_entry(unsigned role, int person, int table, const struct sim_row *old,
                          const struct sim_row *row, struct moment now)
{
    if (!old)
        return row->fields[ENTRY_WHO] == person;
    if (row->fields[ENTRY_WHO] != old->fields[ENTRY_WHO])
        return false;
    if (table == TABLE_SALES ? is_chief(role) : role == ROLE_OWNER)
        return true;
    bool keeps_shift = row->fields[ENTRY_SHIFT] == old->fields[ENTRY_SHIFT];
    bool is_own = old->fields[ENTRY_WHO] == person;
    if (role == ROLE_MANAGER && !is_own)
        return true;
    return is_own && (keeps_shift || is_now(old, now));
}

bool rules_accept(unsigned role, int person, int place, const struct sim_row *old,
                  const struct sim_row *row, struct moment now)
{
    int table = sim_table_of_place(place);
    if (!rules_may(role, table, old ? VERB_UPDATE : VERB_INSERT))
        return false;
    if (role == ROLE_SERVICE)
        return true;
    switch (table) {
    case TABLE_USERS:
        return role == ROLE_OWNER || (row->fields[USER_ROLE] == old->fields[USER_ROLE] &&
                                      row->fields[USER_ACTIVE] == old->fields[USER_ACTIVE]);
    case TABLE_PRODUCTION:
    case TABLE_SALES:
        return accepts_entry(role, person, table, old, row, now);
    case TABLE_FEEDBACK:
        return row->fields[FEEDBACK_WHO] == person;
    default:
        return true;
    }
}
