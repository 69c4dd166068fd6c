#include "io/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/time.h"
#include "io/clock.h"

enum { LOG_KINDS = 64 };

struct log_kind {
    const char *event;
    int64_t second;
    uint64_t count;      /* in this second */
    uint64_t suppressed; /* since the last line that left */
};

static struct {
    pthread_mutex_t lock;
    enum log_level level;
    int fd;
    struct log_kind kinds[LOG_KINDS];
} sink = {.lock = PTHREAD_MUTEX_INITIALIZER, .level = LOG_INFO, .fd = STDERR_FILENO};

static const char *const level_names[] = {"debug", "info", "warn", "error", "off"};

/* The place of the event; kinds that share one share the limit too, which only makes it stricter.
 */
static struct log_kind *kind_of(const char *event)
{
    struct log_kind *k = &sink.kinds[bytes_hash(bytes_of(event), 0) % LOG_KINDS];
    if (!k->event)
        k->event = event;
    return k;
}

/* May a line leave now?  `*suppressed` gets the number that were held back before it. */
static bool kind_admit(struct log_kind *k, int64_t second, uint64_t *suppressed)
{
    if (k->second != second) {
        k->second = second;
        k->count = 0;
    }
    if (k->count >= LOG_PER_SECOND) {
        k->suppressed++;
        return false;
    }
    k->count++;
    *suppressed = k->suppressed;
    k->suppressed = 0;
    return true;
}

static void put_detail(struct buf *line, const char *text)
{
    buf_put_literal(line, " detail=\"");
    for (; *text; text++) {
        char c = *text;
        if (c == '"')
            c = '\'';
        buf_put_char(line, (unsigned char)c < 0x20 || c == 0x7f ? ' ' : c);
    }
    buf_put_char(line, '"');
}

static void put_line(struct buf *line, enum log_level level, const char *event, const char *detail,
                     uint64_t suppressed)
{
    buf_put_literal(line, "time=");
    time_put_millis_z(line, clock_now_us());
    buf_put_literal(line, " level=");
    buf_put(line, bytes_of(level_names[level]));
    buf_put_literal(line, " event=");
    buf_put(line, bytes_of(event));
    if (*detail)
        put_detail(line, detail);
    if (suppressed) {
        buf_put_literal(line, " suppressed=");
        buf_put_u64(line, suppressed);
    }
    buf_put_char(line, '\n');
}

void log_setup(enum log_level level, int fd)
{
    pthread_mutex_lock(&sink.lock);
    sink.level = level;
    sink.fd = fd;
    memset(sink.kinds, 0, sizeof(sink.kinds));
    pthread_mutex_unlock(&sink.lock);
}

enum err log_level_parse(const char *name, enum log_level *out)
{
    for (enum log_level l = LOG_DEBUG; l <= LOG_OFF; l++) {
        if (strcmp(name, level_names[l]) == 0) {
            *out = l;
            return OK;
        }
    }
    return ERR_NOT_FOUND;
}

void log_write(enum log_level level, const char *event, const char *format, ...)
{
    char detail[LOG_LINE_MAX];
    va_list args;
    va_start(args, format);
    /* clang-tidy 14 forgets va_start when it reads several files. */
    // NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized)
    vsnprintf(detail, sizeof(detail), format, args);
    va_end(args);

    pthread_mutex_lock(&sink.lock);
    uint64_t suppressed;
    if (level < sink.level || level >= LOG_OFF ||
        !kind_admit(kind_of(event), clock_now_us() / TIME_US_PER_S, &suppressed)) {
        pthread_mutex_unlock(&sink.lock);
        return;
    }
    struct buf line;
    buf_init(&line, 2 * LOG_LINE_MAX);
    put_line(&line, level, event, detail, suppressed);
    ssize_t ignored = line.err ? 0 : write(sink.fd, line.data, line.size);
    (void)ignored; /* nowhere is left to complain to */
    buf_done(&line);
    pthread_mutex_unlock(&sink.lock);
}
