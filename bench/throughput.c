/* throughput: how many policed deliveries a second the server makes before they come late.
 *
 * 1,000 subscribers from all of the staff; sales are inserted 16 to a request at a steady rate that
 * rises step by step.  A step holds when 99 % of its deliveries come within 50 ms of when their
 * request was due (open loop: a server that cannot keep up falls behind that more and more).  The generator and all its readers run on the same two processors, and HTTP, policy,
 * SQL and the commit to disk are in the time and the CPU.  A bare epoll loop takes the same steps
 * in turns. */
#include "load.h"
#include "options.h"
#include "report.h"
#include "side.h"

enum { BARE, OURS, SIDES, GROUP = 16, LATE_US = 50000, TARGET = 500000 };

struct plan {
    const char *program;
    int subscribers, shards, cycles, milliseconds;
};

static const int rates[] = {125000, 250000, 500000, 750000, 1000000, 1500000, 2000000, 3000000};

static struct turn turn_at(const struct plan *p, int rate, size_t frame_size)
{
    uint64_t per_request = (uint64_t)p->subscribers * GROUP;
    uint64_t interval_ns = LOAD_NS_PER_S * per_request / (uint64_t)rate;
    uint64_t requests = (uint64_t)p->milliseconds * LOAD_NS_PER_MS / interval_ns;
    return (struct turn){.messages = GROUP,
                         .requests = requests > 0 ? (int)requests : 1,
                         .interval_ns = interval_ns,
                         .frame_size = frame_size};
}

/* Does the server keep up, and in time? */
static bool step(const struct plan *p, struct side sides[SIDES], int rate, size_t frame_size)
{
    static struct standing s[SIDES];
    struct turn turn = turn_at(p, rate, frame_size);
    league_run(sides, SIDES, &turn, p->cycles, s);
    uint64_t p99 = hist_percentile(&s[OURS].each, 0.99);
    report_row("%s | %s | %s | %s | %s | %s | %s | %.2f (%.2f..%.2f) | %s", report_count(rate).text,
               report_count(s[OURS].per_second).text,
               report_us(hist_percentile(&s[OURS].each, 0.5)).text,
               report_us(hist_percentile(&s[OURS].each, 0.95)).text, report_us(p99).text,
               report_ns(s[OURS].cpu_ns).text, report_ns(s[BARE].cpu_ns).text, s[OURS].ratio,
               s[OURS].least, s[OURS].most, report_us(hist_percentile(&s[BARE].each, 0.99)).text);
    return p99 < LATE_US;
}

static int rise(const struct plan *p, struct side sides[SIDES])
{
    size_t frame_size = side_frame_size(&sides[OURS]);
    int held = 0;
    for (size_t i = 0; i < sizeof(rates) / sizeof(*rates); i++) {
        if (!step(p, sides, rates[i], frame_size))
            break;
        held = rates[i];
    }
    return held;
}

int main(int argc, char **argv)
{
    struct plan p = {.program = "build/homebake",
                     .subscribers = 1000,
                     .shards = 2,
                     .cycles = 3,
                     .milliseconds = 2000};
    bool is_quick = false;
    const struct option options[] = {
        {.name = "--quick", .flag = &is_quick},
        {.name = "--subscribers", .number = &p.subscribers, .least = 1, .most = 9000},
        {.name = "--shards", .number = &p.shards, .least = 1, .most = 64},
        {.name = "--program", .text = &p.program}};
    options_parse(argc, argv, options, sizeof(options) / sizeof(*options));
    if (is_quick)
        p = (struct plan){p.program, 200, p.shards, 1, 100};
    struct stack_config cfg = {.program = p.program,
                               .subscribers = p.subscribers,
                               .shards = p.shards,
                               .server_cpu = -1,
                               .client_cpu = -1};
    struct side sides[SIDES];
    side_start(&sides[BARE], &stack_bare, &cfg);
    side_start(&sides[OURS], &stack_homebake, &cfg);
    REPORT_HEAD("offered/s", "delivered/s", "p50", "p95", "p99", "HomeBake, CPU a delivery",
                "bare epoll", "ratio (least..most)", "bare p99");
    int held = rise(&p, sides);
    report_line("\n%s policed deliveries/s (target %s) to %d subscribers with p99 under %d ms, %d "
                "sales a commit, %d shards",
                report_count(held).text, report_count(TARGET).text, p.subscribers, LATE_US / 1000,
                GROUP, p.shards);
    for (int i = 0; i < SIDES; i++)
        side_stop(&sides[i]);
    return 0;
}
