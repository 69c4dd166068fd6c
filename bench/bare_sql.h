/* bare_sql: the INSERT of a sale as the server runs it, with the triggers that capture it and keep
 * stock and totals, on a plain SQLite handle on a fresh demo bakery: begin, rows, the derived
 * tables, commit (fsync), nothing else. */
#ifndef BENCH_BARE_SQL_H
#define BENCH_BARE_SQL_H

/* CPU nanoseconds of the calling thread per row, in transactions of `batch` rows, for `seconds`. */
double bare_sql_ns_per_row(double batch, double seconds);

#endif
