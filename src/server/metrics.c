#include "server/metrics.h"

#include "base/time.h"

static const char *const type_names[] = {
    [METRIC_COUNTER] = "counter",
    [METRIC_GAUGE] = "gauge",
    [METRIC_TIMES] = "histogram",
    [METRIC_SIZES] = "histogram",
};

static void put_text(struct buf *out, const char *text)
{
    buf_put(out, bytes_of(text));
}

static void put_head(struct buf *out, const struct metric *m)
{
    buf_put_literal(out, "# HELP homebake_");
    put_text(out, m->name);
    buf_put_char(out, ' ');
    put_text(out, m->help);
    buf_put_literal(out, "\n# TYPE homebake_");
    put_text(out, m->name);
    buf_put_char(out, ' ');
    put_text(out, type_names[m->kind]);
    buf_put_char(out, '\n');
}

static void put_number(struct buf *out, const struct metric *m, uint64_t value)
{
    buf_put_literal(out, "homebake_");
    put_text(out, m->name);
    if (m->labels) {
        buf_put_char(out, '{');
        put_text(out, m->labels);
        buf_put_char(out, '}');
    }
    buf_put_char(out, ' ');
    buf_put_u64(out, value);
    buf_put_char(out, '\n');
}

/* Microseconds as seconds, without zeros at the end. */
static void put_seconds(struct buf *out, uint64_t us)
{
    uint64_t fraction = us % (uint64_t)TIME_US_PER_S;
    unsigned digits = 6;
    buf_put_u64(out, us / (uint64_t)TIME_US_PER_S);
    if (fraction == 0)
        return;
    while (fraction % 10 == 0) {
        fraction /= 10;
        digits--;
    }
    buf_put_char(out, '.');
    buf_put_u64_padded(out, fraction, digits);
}

static void put_value(struct buf *out, enum metric_kind kind, uint64_t value)
{
    if (kind == METRIC_TIMES)
        put_seconds(out, value);
    else
        buf_put_u64(out, value);
}

static void put_series(struct buf *out, const struct metric *m, const char *suffix)
{
    buf_put_literal(out, "homebake_");
    put_text(out, m->name);
    put_text(out, suffix);
}

static void put_histogram(struct buf *out, const struct metric *m, const struct histogram *h)
{
    const uint64_t *bounds = m->kind == METRIC_TIMES ? histogram_times : histogram_sizes;
    uint64_t count = 0;
    for (int i = 0; i <= HISTOGRAM_BOUNDS; i++) {
        count += h->counts[i];
        put_series(out, m, "_bucket{le=\"");
        if (i < HISTOGRAM_BOUNDS)
            put_value(out, m->kind, bounds[i]);
        else
            buf_put_literal(out, "+Inf");
        buf_put_literal(out, "\"} ");
        buf_put_u64(out, count);
        buf_put_char(out, '\n');
    }
    put_series(out, m, "_sum ");
    put_value(out, m->kind, h->sum);
    buf_put_char(out, '\n');
    put_series(out, m, "_count ");
    buf_put_u64(out, count);
    buf_put_char(out, '\n');
}

void metrics_put(struct buf *out, const struct metric *rows, size_t count, const void *values)
{
    for (size_t i = 0; i < count; i++) {
        const void *at = (const char *)values + rows[i].offset;
        if (rows[i].help)
            put_head(out, &rows[i]);
        if (rows[i].kind == METRIC_COUNTER || rows[i].kind == METRIC_GAUGE)
            put_number(out, &rows[i], *(const uint64_t *)at);
        else
            put_histogram(out, &rows[i], at);
    }
}
