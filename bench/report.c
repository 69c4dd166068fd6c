#include "report.h"

#include <stdarg.h>
#include <stdio.h>

void report_head(const char *const *cells, size_t count)
{
    printf("|");
    for (size_t i = 0; i < count; i++)
        printf(" %s |", cells[i]);
    printf("\n|");
    for (size_t i = 0; i < count; i++)
        printf("---|");
    printf("\n");
    fflush(stdout);
}

void report_row(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    printf("| ");
    /* clang-tidy 14 forgets va_start when it reads several files. */
    // NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized)
    vprintf(format, args);
    printf(" |\n");
    va_end(args);
    fflush(stdout);
}

void report_line(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    /* clang-tidy 14 forgets va_start when it reads several files. */
    // NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized)
    vprintf(format, args);
    printf("\n");
    va_end(args);
    fflush(stdout);
}

struct report_cell report_ns(double ns)
{
    struct report_cell c;
    snprintf(c.text, sizeof(c.text), "%.2f µs", ns / 1000);
    return c;
}

struct report_cell report_us(uint64_t us)
{
    struct report_cell c;
    if (us < 1000)
        snprintf(c.text, sizeof(c.text), "%llu µs", (unsigned long long)us);
    else
        snprintf(c.text, sizeof(c.text), "%.1f ms", (double)us / 1000);
    return c;
}

struct report_cell report_count(double n)
{
    struct report_cell c;
    char digits[32];
    double unit = 1;
    while (n / unit >= 1000)
        unit *= 10;
    int size = snprintf(digits, sizeof(digits), "%.0f", (double)(uint64_t)(n / unit + 0.5) * unit);
    size_t at = 0;
    for (int i = 0; i < size; i++) {
        if (i > 0 && (size - i) % 3 == 0)
            c.text[at++] = ',';
        c.text[at++] = digits[i];
    }
    c.text[at] = 0;
    return c;
}
