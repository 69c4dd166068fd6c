/* latency: from the commit of a change to its receipt, at a load that the hosted original publishes
 * its figures for: 500 subscribers, each signed in, row policy on, 40 changes a second.
 *
 * Open loop: a sale is due every 25 ms, on one connection, whatever became of those before.  Two
 * times are taken of each of the 20,000 deliveries a second: from when the request was due to
 * receipt, which includes HTTP, policy and the commit to disk; and from the change's
 * commit_timestamp, which is taken before the commit and given in milliseconds, rounded down, so
 * that what is printed is up to a millisecond too much.  The generator runs on the same two
 * processors.  A bare epoll loop does the same in turns; its time has no commit in it. */
#include "load.h"
#include "options.h"
#include "report.h"
#include "side.h"

enum { BARE, OURS, SIDES };

struct plan {
    const char *program;
    int subscribers, rate, seconds, shards, cycles;
};

static void print_times(const char *what, const struct hist *h, const char *target)
{
    report_row("%s | %s | %s | %s | %s | %s", what, report_us(hist_percentile(h, 0.5)).text,
               report_us(hist_percentile(h, 0.95)).text, report_us(hist_percentile(h, 0.99)).text,
               report_us(h->max).text, target);
}

static void print(const struct plan *p, const struct standing s[SIDES])
{
    report_line("%d subscribers, %d changes/s: %s deliveries/s, row policy on, frames of %zu bytes",
                p->subscribers, p->rate, report_count((double)p->subscribers * p->rate).text,
                s[OURS].frame_size);
    report_line("%s of server CPU a delivery, commit included; bare epoll %s; ratio %.2f "
                "(%.2f..%.2f)\n",
                report_ns(s[OURS].cpu_ns).text, report_ns(s[BARE].cpu_ns).text, s[OURS].ratio,
                s[OURS].least, s[OURS].most);
    REPORT_HEAD("time", "p50", "p95", "p99", "most", "target");
    print_times("from the commit to receipt", &s[OURS].commit, "p95 under 10 ms");
    print_times("from the request to receipt", &s[OURS].each, "");
    print_times("bare epoll, request to receipt", &s[BARE].each, "");
}

int main(int argc, char **argv)
{
    static struct standing s[SIDES];
    struct plan p = {.program = "build/homebake",
                     .subscribers = 500,
                     .rate = 40,
                     .seconds = 5,
                     .shards = 2,
                     .cycles = 5};
    bool is_quick = false;
    const struct option options[] = {
        {.name = "--quick", .flag = &is_quick},
        {.name = "--subscribers", .number = &p.subscribers, .least = 1, .most = 15000},
        {.name = "--rate", .number = &p.rate, .least = 1, .most = 10000},
        {.name = "--seconds", .number = &p.seconds, .least = 1, .most = 30},
        {.name = "--shards", .number = &p.shards, .least = 1, .most = 64},
        {.name = "--program", .text = &p.program}};
    options_parse(argc, argv, options, sizeof(options) / sizeof(*options));
    if (is_quick)
        p.seconds = p.cycles = 1;
    struct stack_config cfg = {.program = p.program,
                               .subscribers = p.subscribers,
                               .shards = p.shards,
                               .server_cpu = -1,
                               .client_cpu = -1};
    struct turn turn = {.messages = 1,
                        .requests = p.rate * p.seconds,
                        .interval_ns = LOAD_NS_PER_S / (uint64_t)p.rate,
                        .reads_commit = true};
    struct side sides[SIDES];
    side_start(&sides[BARE], &stack_bare, &cfg);
    side_start(&sides[OURS], &stack_homebake, &cfg);
    turn.frame_size = side_frame_size(&sides[OURS]);
    league_run(sides, SIDES, &turn, p.cycles, s);
    print(&p, s);
    for (int i = 0; i < SIDES; i++)
        side_stop(&sides[i]);
    return 0;
}
