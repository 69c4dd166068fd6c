/* metrics: numbers as Prometheus reads them (text format 0.0.4).  A table says which member of a
 * struct of counters has which name and meaning; this writes it out.  Any thread. */
#ifndef SERVER_METRICS_H
#define SERVER_METRICS_H

#include "base/buf.h"
#include "base/histogram.h"

enum metric_kind {
    METRIC_COUNTER,
    METRIC_GAUGE,
    METRIC_TIMES, /* struct histogram of histogram_times, shown in seconds */
    METRIC_SIZES  /* struct histogram of histogram_sizes */
};

struct metric {
    enum metric_kind kind;
    uint16_t offset;    /* of a uint64_t, or of the struct histogram */
    const char *name;   /* without "homebake_" */
    const char *labels; /* `reason="slow"`; NULL: none */
    const char *help;   /* NULL: one more of the metric before, with another label */
};

/* `values`: the struct that the offsets are of. */
void metrics_put(struct buf *out, const struct metric *rows, size_t count, const void *values);

#endif
