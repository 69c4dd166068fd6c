/* fanout: what one policed delivery costs the server, beside the least it could cost.
 *
 * One table, N subscribers from all of the staff with row policy on; K sales are inserted by one
 * request and so leave in one turn of the server's loop.  Beside it stands a bare epoll loop
 * that sends the same number of bytes to as many sockets, one send() of the turn's buffer each: no
 * server on this kernel can do with less.
 *
 * Measured is CPU of all the server's threads (/proc/PID/task/x/schedstat) per frame that
 * the subscribers received, in a closed loop.  Nothing is taken off: HTTP, policy, SQL, commit to
 * disk and fan-out are ours.  The servers are on processor 0, the clients on 1.
 *
 * Machines are noisy and drift, so both servers live at the same time and take turns of a fraction
 * of a second (the order changes each time), each after some rounds that bring its memory
 * back into the caches.  The ratio is taken turn by turn; printed are its median, least and most. */
#include <stdio.h>

#include "load.h"
#include "options.h"
#include "report.h"
#include "side.h"

struct plan {
    const char *program;
    int cycles;
    uint64_t turn_ns; /* about how long one turn is */
};

enum { BARE, OURS, SIDES };

/* What the ratio is to be at most, at one change a wake-up and at many. */
static const double target_one = 1.10, target_many = 1.25;

/* As many rounds as fit, by what a delivery costs here by experience. */
static int rounds_that_fit(const struct plan *p, int subscribers, int messages)
{
    uint64_t round_ns = (uint64_t)subscribers * (6000 + 600 * (uint64_t)messages);
    uint64_t rounds = p->turn_ns / round_ns;
    return rounds < 3 ? 3 : (int)rounds;
}

static void compare(const struct plan *p, struct side sides[SIDES], int subscribers, int messages)
{
    static struct standing s[SIDES];
    struct turn turn = {.messages = messages, .rounds = rounds_that_fit(p, subscribers, messages)};
    turn.frame_size = side_frame_size(&sides[OURS]);
    league_run(sides, SIDES, &turn, p->cycles, s);
    report_row("%s | %d | %zu | %s | %s | **%.2f** (%.2f..%.2f) | %.2f | %s | %s | %s, %s",
               report_count(subscribers).text, messages, s[OURS].frame_size,
               report_ns(s[OURS].cpu_ns).text, report_ns(s[BARE].cpu_ns).text, s[OURS].ratio,
               s[OURS].least, s[OURS].most, messages == 1 ? target_one : target_many,
               report_count(s[OURS].per_second).text, report_count(s[BARE].per_second).text,
               report_us(hist_percentile(&s[OURS].each, 0.5)).text,
               report_us(hist_percentile(&s[OURS].each, 0.99)).text);
}

static void run(const struct plan *p, int subscribers)
{
    static const struct stack *const stacks[SIDES] = {&stack_bare, &stack_homebake};
    struct side sides[SIDES];
    struct stack_config cfg = {.program = p->program,
                               .subscribers = subscribers,
                               .shards = 1,
                               .server_cpu = 0,
                               .client_cpu = 1};
    for (int i = 0; i < SIDES; i++)
        side_start(&sides[i], stacks[i], &cfg);
    compare(p, sides, subscribers, 1);
    compare(p, sides, subscribers, 16);
    for (int i = 0; i < SIDES; i++)
        side_stop(&sides[i]);
}

int main(int argc, char **argv)
{
    struct plan p = {.program = "build/homebake", .cycles = 21, .turn_ns = 200 * LOAD_NS_PER_MS};
    bool is_quick = false;
    int subscribers = 0;
    const struct option options[] = {
        {.name = "--quick", .flag = &is_quick},
        {.name = "--subscribers", .number = &subscribers, .least = 1, .most = 15000},
        {.name = "--cycles", .number = &p.cycles, .least = 1, .most = LEAGUE_CYCLES_MAX},
        {.name = "--program", .text = &p.program}};
    options_parse(argc, argv, options, sizeof(options) / sizeof(*options));
    if (is_quick)
        p = (struct plan){.program = p.program, .cycles = 5, .turn_ns = 20 * LOAD_NS_PER_MS};
    REPORT_HEAD("subscribers", "changes a wake-up", "bytes a frame", "HomeBake, CPU a delivery",
                "bare epoll", "ratio (least..most)", "target", "deliveries/s", "bare", "p50, p99");
    if (subscribers > 0 || is_quick) {
        run(&p, subscribers > 0 ? subscribers : 200);
    } else {
        run(&p, 1000);
        run(&p, 10000);
    }
    return 0;
}
