/* log: one line per event on standard error, for people and for machines:
 *
 *   time=2026-11-22T09:00:00.123Z level=warn event=peer.slow detail="outbox full" suppressed=12
 *
 * Any thread; a line is written with one write(2).  At most LOG_PER_SECOND lines of one event leave
 * in a second; the next line of that event says how many were held back. */
#ifndef IO_LOG_H
#define IO_LOG_H

#include "base/bytes.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_OFF };

enum { LOG_PER_SECOND = 10, LOG_LINE_MAX = 1024 };

/* Lines below `level` are not written.  Before this is called: LOG_INFO, to descriptor 2. */
void log_setup(enum log_level level, int fd);
/* "debug", "info", "warn", "error", "off".  ERR_NOT_FOUND. */
MUST_USE enum err log_level_parse(const char *name, enum log_level *out);
/* `event` is a string literal: its address names the kind for the rate limit.  The rest is
 * printf's; quotes, control characters and what passes the line's length are made harmless. */
void log_write(enum log_level level, const char *event, const char *format, ...) PRINTF_LIKE(3, 4);

#endif
