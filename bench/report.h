/* report: results as Markdown, which reads well in a terminal too and goes into
 * docs/performance.md as it is. */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include "hist.h"

/* Prints `| a | b |` with a line under it. */
void report_head(const char *const *cells, size_t count);
#define REPORT_HEAD(...)                                                                           \
    report_head((const char *const[]){__VA_ARGS__},                                                \
                sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))
/* Prints a row; the format has the bars between its cells. */
__attribute__((format(printf, 1, 2))) void report_row(const char *format, ...);
__attribute__((format(printf, 1, 2))) void report_line(const char *format, ...);

/* Cells; each returns its argument. */
enum { REPORT_CELL = 64 };
struct report_cell {
    char text[REPORT_CELL];
};
/* 7.40 µs, 0.62 µs */
struct report_cell report_ns(double ns);
/* 1.2 ms, 85 µs */
struct report_cell report_us(uint64_t us);
/* 1,540,000: three digits that count */
struct report_cell report_count(double n);

#endif
