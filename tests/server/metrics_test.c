#include "server/metrics.h"

#include "check.h"

struct numbers {
    uint64_t now, sum, slow, idle;
    struct histogram took, held;
};

#define AT(member) offsetof(struct numbers, member)

static void counters_and_gauges_have_help_type_and_value(void **state)
{
    static const struct metric rows[] = {
        {METRIC_GAUGE, AT(now), "ovens", NULL, "Ovens that are hot."},
        {METRIC_COUNTER, AT(sum), "loaves_total", NULL, "Loaves baked."},
    };
    (void)state;
    struct numbers n = {.now = 3, .sum = 18446744073709551615U};
    struct buf out;
    buf_init(&out, 65536);
    metrics_put(&out, rows, 2, &n);
    check_text(buf_bytes(&out), "# HELP homebake_ovens Ovens that are hot.\n"
                                "# TYPE homebake_ovens gauge\n"
                                "homebake_ovens 3\n"
                                "# HELP homebake_loaves_total Loaves baked.\n"
                                "# TYPE homebake_loaves_total counter\n"
                                "homebake_loaves_total 18446744073709551615\n");
    buf_done(&out);
}

static void labels_share_one_head(void **state)
{
    static const struct metric rows[] = {
        {METRIC_COUNTER, AT(slow), "closed_total", "reason=\"slow\"", "Closed by us."},
        {METRIC_COUNTER, AT(idle), "closed_total", "reason=\"idle\"", NULL},
    };
    (void)state;
    struct numbers n = {.slow = 1, .idle = 2};
    struct buf out;
    buf_init(&out, 65536);
    metrics_put(&out, rows, 2, &n);
    check_text(buf_bytes(&out), "# HELP homebake_closed_total Closed by us.\n"
                                "# TYPE homebake_closed_total counter\n"
                                "homebake_closed_total{reason=\"slow\"} 1\n"
                                "homebake_closed_total{reason=\"idle\"} 2\n");
    buf_done(&out);
}

static bool has(const struct buf *out, const char *text)
{
    return bytes_find(buf_bytes(out), bytes_of(text)) < out->size;
}

static void buckets_count_what_is_in_those_below_too(void **state)
{
    static const struct metric rows[] = {
        {METRIC_TIMES, AT(took), "took_seconds", NULL, "How long it took."},
        {METRIC_SIZES, AT(held), "held", NULL, "How many there were."},
    };
    (void)state;
    struct numbers n = {0};
    struct buf out;
    buf_init(&out, 65536);
    histogram_add(&n.took, histogram_times, 40, 2);
    histogram_add(&n.took, histogram_times, 2400, 1);
    histogram_add(&n.took, histogram_times, 99000000, 1);
    histogram_add(&n.held, histogram_sizes, 2, 5);
    metrics_put(&out, rows, 2, &n);
    assert_int_equal(out.err, OK);
    assert_true(has(&out, "# TYPE homebake_took_seconds histogram\n"
                          "homebake_took_seconds_bucket{le=\"0.00005\"} 2\n"
                          "homebake_took_seconds_bucket{le=\"0.0001\"} 2\n"));
    assert_true(has(&out, "\nhomebake_took_seconds_bucket{le=\"0.0025\"} 3\n"));
    assert_true(has(&out, "\nhomebake_took_seconds_bucket{le=\"10\"} 3\n"
                          "homebake_took_seconds_bucket{le=\"+Inf\"} 4\n"
                          "homebake_took_seconds_sum 99.00248\n"
                          "homebake_took_seconds_count 4\n"));
    assert_true(has(&out, "\nhomebake_held_bucket{le=\"1\"} 0\n"
                          "homebake_held_bucket{le=\"2\"} 5\n"));
    assert_true(has(&out, "\nhomebake_held_sum 10\nhomebake_held_count 5\n"));
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counters_and_gauges_have_help_type_and_value),
        cmocka_unit_test(labels_share_one_head),
        cmocka_unit_test(buckets_count_what_is_in_those_below_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
