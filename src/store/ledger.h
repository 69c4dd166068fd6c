/* ledger: what entries mean for stock and shift_totals.  The triggers of production_logs and
 * sales_logs report each entry that comes or goes (ledger_baked, ledger_sold); before the commit
 * ledger_settle brings both tables up to date, each row of them once, however many entries of the
 * group it sums up.  Private to src/store/; the session's thread. */
#ifndef STORE_LEDGER_H
#define STORE_LEDGER_H

#include <sqlite3.h>

#include "base/rng.h"

struct store_session;

/* What is to be added to the row of one business day, shift and bread type. */
struct ledger_delta {
    char bread[UUID_SIZE];
    char day[10]; /* YYYY-MM-DD */
    char shift;   /* 'm' or 'n' */
    int64_t baked, sold, returned, sales, discount, revenue;
};

/* In the order of the reports; a request that is undone takes its own back by ledger_truncate. */
struct ledger {
    struct ledger_delta *items; /* owned */
    size_t count, capacity;
};

void ledger_done(struct ledger *l);
void ledger_truncate(struct ledger *l, size_t count);
/* Registers the SQL functions of the triggers:
 *   ledger_baked(sign, bread, day, shift, quantity)
 *   ledger_sold(sign, bread, day, shift, quantity, returned, discount, revenue)
 * sign is 1 for an entry that comes, -1 for one that goes.  SQLite's result code. */
int ledger_add_functions(struct store_session *s);
/* Writes what was reported since the last time, within the transaction, at its commit time. */
MUST_USE enum err ledger_settle(struct store_session *s);

#endif
