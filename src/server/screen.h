/* screen: a table and what stands around it, laid out for a terminal of some size.  Pure: what is
 * drawn follows from the arguments and LC_CTYPE alone (widths by wcwidth), and no byte of a row
 * reaches the terminal that it would obey. */
#ifndef SERVER_SCREEN_H
#define SERVER_SCREEN_H

#include "base/buf.h"

enum screen_style {
    SCREEN_PLAIN,
    SCREEN_DIM,
    SCREEN_STRONG,
    SCREEN_GOOD,
    SCREEN_WARN,
    SCREEN_BAD,
    SCREEN_STYLES
};

struct screen_cell {
    struct bytes text; /* UTF-8; what is not shows as U+FFFD */
    enum screen_style style;
};
struct screen_column {
    struct bytes title;
    bool is_right; /* numbers */
};
struct screen_table {
    const struct screen_column *columns;
    size_t column_count;
    const struct screen_cell *cells; /* row after row */
    const bool *is_fresh;            /* of each row: it has changed just now */
    size_t row_count;
};

struct screen {
    struct screen_cell status; /* the first line */
    struct bytes empty;        /* instead of a table without rows */
    struct bytes hint;         /* the last line */
    struct screen_table table;
};
struct screen_size {
    int width, height; /* columns and lines; at least 1 */
    bool has_colours;  /* else style is lost, and only words and marks tell */
};

/* The whole screen, from its top left corner on, in place of what was there.  Columns shrink to fit,
 * the widest first, and are left out at the right where they cannot; rows that have no room are
 * counted. */
void screen_put(struct buf *out, const struct screen *s, const struct screen_size *size);
/* Columns of the terminal that the text takes. */
int screen_width(struct bytes text);

#endif
