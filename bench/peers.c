/* peers: the same work by others: one publisher, N subscribers over WebSocket, messages of 300 bytes;
 * the CPU of each server's process per message that a subscriber received, at 1 and at 16 messages
 * published at once.  All servers that are installed live at the same time and take turns
 * of a fraction of a second, as in fanout; the ratio to the bare loop is taken turn by turn.
 *
 * The others pass on what they are told.  HomeBake's row policy, SQL and commit to disk are in
 * its CPU and time, and its frames have the size that a sale has. */
#include <stdio.h>

#include "load.h"
#include "options.h"
#include "report.h"
#include "side.h"

enum { FRAME_HEADER = 4 };

struct plan {
    const char *program;
    int subscribers, cycles, payload;
    uint64_t turn_ns;
};

static const struct stack *const stacks[] = {&stack_bare,    &stack_homebake, &stack_ws_shared,
                                             &stack_ws_send, &stack_nats,     &stack_mosquitto};
enum { STACKS = sizeof(stacks) / sizeof(*stacks) };

static int start_all(const struct plan *p, struct side sides[STACKS])
{
    struct stack_config cfg = {.program = p->program,
                               .subscribers = p->subscribers,
                               .shards = 1,
                               .server_cpu = 0,
                               .client_cpu = 1,
                               .payload = (size_t)p->payload};
    int count = 0;
    for (int i = 0; i < STACKS; i++) {
        if (stacks[i]->is_there())
            side_start(&sides[count++], stacks[i], &cfg);
        else
            report_line("%s is not here: apt-get install %s\n", stacks[i]->name,
                        stacks[i]->package);
    }
    return count;
}

static struct turn make_turn(const struct plan *p, int messages)
{
    uint64_t rounds = p->turn_ns / ((uint64_t)p->subscribers * (6000 + 1000 * (uint64_t)messages));
    return (struct turn){.messages = messages,
                         .rounds = rounds < 3 ? 3 : (int)rounds,
                         .frame_size = (size_t)p->payload + FRAME_HEADER};
}

static void compare(const struct plan *p, struct side *sides, int count)
{
    static struct standing one[STACKS], many[STACKS];
    struct turn turn = make_turn(p, 1);
    league_run(sides, count, &turn, p->cycles, one);
    turn = make_turn(p, 16);
    league_run(sides, count, &turn, p->cycles, many);
    report_line("%s subscribers, messages of %d bytes\n", report_count(p->subscribers).text,
                p->payload);
    REPORT_HEAD("stack", "CPU a delivery, 1 at once", "to bare (least..most)", "deliveries/s",
                "p50, p99", "16 at once", "to bare", "deliveries/s");
    for (int i = 0; i < count; i++)
        report_row(
            "%s | %s | **%.2f** (%.2f..%.2f) | %s | %s, %s | %s | **%.2f** (%.2f..%.2f) | %s",
            one[i].name, report_ns(one[i].cpu_ns).text, one[i].ratio, one[i].least, one[i].most,
            report_count(one[i].per_second).text,
            report_us(hist_percentile(&one[i].each, 0.5)).text,
            report_us(hist_percentile(&one[i].each, 0.99)).text, report_ns(many[i].cpu_ns).text,
            many[i].ratio, many[i].least, many[i].most, report_count(many[i].per_second).text);
}

int main(int argc, char **argv)
{
    struct plan p = {.program = "build/homebake",
                     .subscribers = 1000,
                     .cycles = 11,
                     .payload = 300,
                     .turn_ns = 200 * LOAD_NS_PER_MS};
    struct side sides[STACKS];
    bool is_quick = false;
    const struct option options[] = {
        {.name = "--quick", .flag = &is_quick},
        {.name = "--subscribers", .number = &p.subscribers, .least = 1, .most = 15000},
        {.name = "--cycles", .number = &p.cycles, .least = 1, .most = LEAGUE_CYCLES_MAX},
        {.name = "--payload", .number = &p.payload, .least = 126, .most = 4000},
        {.name = "--program", .text = &p.program}};
    options_parse(argc, argv, options, sizeof(options) / sizeof(*options));
    if (is_quick) {
        p.cycles = 1;
        p.subscribers = 50;
        p.turn_ns = 10 * LOAD_NS_PER_MS;
    }
    int count = start_all(&p, sides);
    compare(&p, sides, count);
    for (int i = 0; i < count; i++)
        side_stop(&sides[i]);
    return 0;
}
