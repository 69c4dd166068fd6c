#include "io/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "base/json.h"
#include "base/time.h"
#include "io/clock.h"

enum { LOG_KINDS = 64, LINE_SIZE_MAX = 16 * 1024 };

struct log_kind {
    const char *event;
    int64_t second;
    uint64_t count;      /* in this second */
    uint64_t suppressed; /* since the last line that left */
};

static struct {
    pthread_mutex_t lock;
    atomic_int level; /* looked at without the lock */
    enum log_format format;
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

/* Quotes and control characters are made harmless, so that a line stays one line. */
static void put_text(struct buf *line, struct bytes text)
{
    buf_put_char(line, '"');
    for (size_t i = 0; i < text.size && i < LOG_LINE_MAX; i++) {
        unsigned char c = (unsigned char)text.data[i];
        buf_put_char(line, c == '"' ? '\'' : c < 0x20 || c == 0x7f ? ' ' : (char)c);
    }
    buf_put_char(line, '"');
}

static void put_name(struct buf *line, const char *name)
{
    if (sink.format == LOG_FORMAT_JSON) {
        json_put_key(line, bytes_of(name));
        return;
    }
    if (line->size)
        buf_put_char(line, ' ');
    buf_put(line, bytes_of(name));
    buf_put_char(line, '=');
}

static void put_field(struct buf *line, const struct log_field *f)
{
    put_name(line, f->name);
    if (!f->text.data)
        buf_put_u64(line, f->number);
    else if (sink.format == LOG_FORMAT_JSON)
        json_put_string(line, bytes_slice(f->text, 0, LOG_LINE_MAX));
    else
        put_text(line, f->text);
}

/* A word of our own: without quotes where that can be. */
static void put_word(struct buf *line, const char *name, struct bytes word)
{
    put_name(line, name);
    if (sink.format == LOG_FORMAT_JSON)
        json_put_string(line, word);
    else
        buf_put(line, word);
}

static void put_line(struct buf *line, enum log_level level, const char *event,
                     const struct log_field *fields, size_t count, uint64_t suppressed)
{
    char space[40];
    struct buf time = {.data = space, .capacity = sizeof(space), .max = sizeof(space)};
    time_put_millis_z(&time, clock_now_us());
    if (sink.format == LOG_FORMAT_JSON)
        buf_put_char(line, '{');
    put_word(line, "time", buf_bytes(&time));
    put_word(line, "level", bytes_of(level_names[level]));
    put_word(line, "event", bytes_of(event));
    for (size_t i = 0; i < count; i++)
        put_field(line, &fields[i]);
    if (suppressed)
        put_field(line, &LOG_NUMBER("suppressed", suppressed));
    if (sink.format == LOG_FORMAT_JSON)
        buf_put_char(line, '}');
    buf_put_char(line, '\n');
}

void log_setup(enum log_level level, int fd)
{
    pthread_mutex_lock(&sink.lock);
    atomic_store_explicit(&sink.level, (int)level, memory_order_relaxed);
    sink.fd = fd;
    memset(sink.kinds, 0, sizeof(sink.kinds));
    pthread_mutex_unlock(&sink.lock);
}

void log_set_format(enum log_format format)
{
    pthread_mutex_lock(&sink.lock);
    sink.format = format;
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

enum err log_format_parse(const char *name, enum log_format *out)
{
    bool is_json = strcmp(name, "json") == 0;
    if (!is_json && strcmp(name, "text") != 0)
        return ERR_NOT_FOUND;
    *out = is_json ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT;
    return OK;
}

void log_fields(enum log_level level, const char *event, const struct log_field *fields,
                size_t count)
{
    if ((int)level < atomic_load_explicit(&sink.level, memory_order_relaxed) || level >= LOG_OFF)
        return;
    pthread_mutex_lock(&sink.lock);
    uint64_t suppressed;
    if (kind_admit(kind_of(event), clock_now_us() / TIME_US_PER_S, &suppressed)) {
        struct buf line;
        buf_init(&line, LINE_SIZE_MAX);
        put_line(&line, level, event, fields, count, suppressed);
        ssize_t ignored = line.err ? 0 : write(sink.fd, line.data, line.size);
        (void)ignored; /* nowhere is left to complain to */
        buf_done(&line);
    }
    pthread_mutex_unlock(&sink.lock);
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
    struct log_field field = LOG_TEXT("detail", bytes_of(detail));
    log_fields(level, event, &field, *detail != 0);
}
