/* Derives what the triggers keep once more from the ledger, and compares.  Each check is a query
 * that gives one line of text for each difference. */
#include "store/work.h"

/* What shift_totals ought to be. */
#define EXPECTED                                                                                   \
    "WITH e AS (SELECT business_day AS d, shift AS h, bread_type_id AS b, sum(baked) AS baked,"    \
    " sum(sold) AS sold, sum(returned) AS returned, sum(sales) AS sales, sum(discount) AS "        \
    "discount,"                                                                                    \
    " sum(revenue) AS revenue FROM (SELECT business_day, shift, bread_type_id, quantity AS baked," \
    " 0 AS sold, 0 AS returned, 0 AS sales, 0 AS discount, 0 AS revenue FROM production_logs"      \
    " UNION ALL SELECT business_day, shift, bread_type_id, 0, quantity * (1 - returned),"          \
    " quantity * returned, 1 - returned, discount * (1 - returned), revenue FROM sales_logs)"      \
    " GROUP BY 1, 2, 3) "

#define SOLD                                                                                       \
    "(SELECT coalesce(sum(quantity * (1 - returned)), 0) FROM sales_logs WHERE bread_type_id = "   \
    "b.id)"
#define BAKED "(SELECT coalesce(sum(quantity), 0) FROM production_logs WHERE bread_type_id = b.id)"

static const char *const checks[] = {
    ("SELECT 'stock of ' || name || ': ' || coalesce('baked ' || baked || ', sold ' || sold, 'no "
     "row')"
     " || '; the ledger says baked ' || real_baked || ', sold ' || real_sold"
     " FROM (SELECT b.name, s.baked, s.sold, " BAKED " AS real_baked, " SOLD " AS real_sold"
     " FROM bread_types AS b LEFT JOIN stock AS s ON s.bread_type_id = b.id)"
     " WHERE baked IS NOT real_baked OR sold IS NOT real_sold"),

    (EXPECTED
     "SELECT 'shift_totals of ' || e.d || ' ' || e.h || ' ' || e.b || ': '"
     " || coalesce(format('%d %d %d %d %d %d', t.baked, t.sold, t.returned, t.sales, t.discount,"
     "    t.revenue), 'no row')"
     " || '; the ledger says ' || format('%d %d %d %d %d %d', e.baked, e.sold, e.returned, e.sales,"
     "    e.discount, e.revenue)"
     " FROM e LEFT JOIN shift_totals AS t"
     " ON t.business_day = e.d AND t.shift = e.h AND t.bread_type_id = e.b"
     " WHERE t.baked IS NOT e.baked OR t.sold IS NOT e.sold OR t.returned IS NOT e.returned"
     " OR t.sales IS NOT e.sales OR t.discount IS NOT e.discount OR t.revenue IS NOT e.revenue"),

    (EXPECTED "SELECT 'shift_totals of ' || business_day || ' ' || shift || ' ' || bread_type_id"
              " || ': there are no such entries' FROM shift_totals"
              " WHERE NOT EXISTS (SELECT 1 FROM e WHERE d = business_day AND h = shift AND b = "
              "bread_type_id)"),

    ("SELECT 'the change log holds ' || count(*) || ' changes from ' || min(seq) || ' to ' || "
     "max(seq)"
     " FROM changes HAVING count(*) <> max(seq) - min(seq) + 1"),

    ("WITH real AS (SELECT topic, count(*), sum(length(CAST(payload AS blob))) FROM messages GROUP "
     "BY topic"
     " UNION ALL SELECT '', count(*), sum(length(CAST(payload AS blob))) FROM messages HAVING "
     "count(*) > 0),"
     " kept AS (SELECT topic, count, bytes FROM message_sums WHERE count > 0)"
     " SELECT DISTINCT 'message_sums of \"' || topic || '\" are not those of its messages'"
     " FROM (SELECT * FROM (SELECT * FROM real EXCEPT SELECT * FROM kept)"
     " UNION ALL SELECT * FROM (SELECT * FROM kept EXCEPT SELECT * FROM real))"),

    ("SELECT 'the row ' || rowid || ' of ' || \"table\" || ' refers to a row of ' || parent"
     " || ' that is not there' FROM pragma_foreign_key_check"),

    ("SELECT quick_check FROM pragma_quick_check WHERE quick_check <> 'ok'"),
};

static int check(struct store_session *s, const char *sql, struct buf *report)
{
    struct statement *st;
    int rc = session_prepare(s, bytes_of(sql), &st);
    if (rc)
        return rc;
    while ((rc = sqlite3_step(st->stmt)) == SQLITE_ROW) {
        buf_put(report, column_text(st->stmt, 0));
        buf_put_char(report, '\n');
    }
    sqlite3_reset(st->stmt);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

enum err store_verify(struct store_session *s, struct buf *report)
{
    size_t before = report->size;
    s->steps_left = -1;
    int rc = session_run(s, FIXED_BEGIN);
    for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]) && !rc; i++)
        rc = check(s, checks[i], report);
    if (!sqlite3_get_autocommit(s->db) && session_run(s, FIXED_COMMIT))
        session_run(s, FIXED_ROLLBACK);
    if (rc) {
        buf_put(report, bytes_of(sqlite3_errmsg(s->db)));
        buf_put_char(report, '\n');
        return err_of_sqlite(rc);
    }
    if (report->err)
        return report->err;
    return report->size > before ? ERR_CORRUPT : OK;
}
