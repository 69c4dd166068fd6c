/* log: one line per event on standard error, for people or for machines:
 *
 *   time=2026-11-22T09:00:00.123Z level=info event=live.closed reason="slow" code=1013 suppressed=12
 *   {"time":"2026-11-22T09:00:00.123Z","level":"info","event":"live.closed","reason":"slow", …}
 *
 * Any thread; a line is written with one write(2).  At most LOG_PER_SECOND lines of one event leave
 * in a second; the next line of that event says how many were held back.  Tokens, passwords and what
 * people have written are never logged; a person is named by their id. */
#ifndef IO_LOG_H
#define IO_LOG_H

#include "base/bytes.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_OFF };
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

enum { LOG_PER_SECOND = 10, LOG_LINE_MAX = 1024 };

/* Lines below `level` are not written.  Before this is called: LOG_INFO, to descriptor 2. */
void log_setup(enum log_level level, int fd);
/* Text, unless this is called. */
void log_set_format(enum log_format format);
/* "debug", "info", "warn", "error", "off".  ERR_NOT_FOUND. */
MUST_USE enum err log_level_parse(const char *name, enum log_level *out);
/* "text", "json".  ERR_NOT_FOUND. */
MUST_USE enum err log_format_parse(const char *name, enum log_format *out);
/* `event` is a string literal: its address names the kind for the rate limit.  The rest is
 * printf's, and becomes the field `detail`; what passes the line's length is left out. */
void log_write(enum log_level level, const char *event, const char *format, ...) PRINTF_LIKE(3, 4);

struct log_field {
    const char *name;
    struct bytes text; /* data NULL: it is a number */
    uint64_t number;
};
#define LOG_TEXT(name, bytes) ((struct log_field){name, bytes, 0})
#define LOG_NUMBER(name, number) ((struct log_field){name, {NULL, 0}, number})

/* The same with fields of its own. */
void log_fields(enum log_level level, const char *event, const struct log_field *fields,
                size_t count);
#define LOG_EVENT(level, event, ...)                                                               \
    log_fields(level, event, (const struct log_field[]){__VA_ARGS__},                              \
               sizeof((const struct log_field[]){__VA_ARGS__}) / sizeof(struct log_field))

#endif
