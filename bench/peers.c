/* peers: the same work by others: one publisher, N subscribers over WebSocket, messages of 300 bytes;
 * the CPU of each server's process per message that a subscriber received, at 1 and at 16 messages
 * published at once.  Each peer lives beside a bare epoll loop of its own, with which it takes turns
 * of a fraction of a second, as in fanout; the ratio is taken turn by turn.  A peer that loses
 * connections, or does not come to an end, is said to have, and the next has its turn.
 *
 * The others pass on what they are told.  HomeBake's row policy, SQL and commit to disk are in
 * its CPU and time, and its frames have the size that a sale has. */
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "load.h"
#include "options.h"
#include "report.h"
#include "side.h"

enum { STACKS = 5, FRAME_HEADER = 4, PATIENCE_S = 120 };

struct plan {
    const char *program;
    const char *only; /* the stacks whose name begins so */
    int subscribers, cycles, payload;
    uint64_t turn_ns;
};

static const struct stack *const stacks[STACKS] = {&stack_homebake, &stack_ws_shared,
                                                   &stack_ws_send, &stack_nats, &stack_mosquitto};

static struct turn make_turn(const struct plan *p, int messages)
{
    uint64_t rounds = p->turn_ns / ((uint64_t)p->subscribers * (6000 + 1000 * (uint64_t)messages));
    return (struct turn){.messages = messages,
                         .rounds = rounds < 3 ? 3 : (int)rounds,
                         .frame_size = (size_t)p->payload + FRAME_HEADER};
}

enum { BARE, PEER, SIDES };

static void print(const struct standing *one, const struct standing *many)
{
    report_row("%s | %s | **%.2f** (%.2f..%.2f) | %s | %s, %s | %s | **%.2f** (%.2f..%.2f) | %s",
               one->name, report_ns(one->cpu_ns).text, one->ratio, one->least, one->most,
               report_count(one->per_second).text, report_us(hist_percentile(&one->each, 0.5)).text,
               report_us(hist_percentile(&one->each, 0.99)).text, report_ns(many->cpu_ns).text,
               many->ratio, many->least, many->most, report_count(many->per_second).text);
}

static _Noreturn void compare(const struct plan *p, const struct stack *stack)
{
    static struct standing one[SIDES], many[SIDES];
    struct stack_config cfg = {.program = p->program,
                               .subscribers = p->subscribers,
                               .shards = 1,
                               .server_cpu = 0,
                               .client_cpu = 1,
                               .payload = (size_t)p->payload};
    struct side sides[SIDES];
    struct turn turn = make_turn(p, 1);
    alarm(PATIENCE_S);
    side_start(&sides[BARE], &stack_bare, &cfg);
    side_start(&sides[PEER], stack, &cfg);
    league_run(sides, SIDES, &turn, p->cycles, one);
    turn = make_turn(p, 16);
    league_run(sides, SIDES, &turn, p->cycles, many);
    print(&one[PEER], &many[PEER]);
    for (int i = 0; i < SIDES; i++)
        side_stop(&sides[i]);
    exit(0);
}

/* In a process of its own, so that a peer which fails ends nothing else. */
static void have_turn(const struct plan *p, const struct stack *stack)
{
    int status = 0;
    if (!stack->is_there()) {
        report_row("%s | not here: apt-get install %s | | | | | |", stack->name, stack->package);
        return;
    }
    pid_t pid = process_fork();
    if (pid == 0)
        compare(p, stack);
    waitpid(pid, &status, 0);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
        report_row("%s | had not ended after %d s | | | | | |", stack->name, PATIENCE_S);
    else if (status != 0)
        report_row("%s | failed, see above | | | | | |", stack->name);
}

int main(int argc, char **argv)
{
    struct plan p = {.program = "build/homebake",
                     .only = "",
                     .subscribers = 1000,
                     .cycles = 5,
                     .payload = 300,
                     .turn_ns = 200 * LOAD_NS_PER_MS};
    bool is_quick = false;
    const struct option options[] = {
        {.name = "--quick", .flag = &is_quick},
        {.name = "--subscribers", .number = &p.subscribers, .least = 1, .most = 15000},
        {.name = "--cycles", .number = &p.cycles, .least = 1, .most = LEAGUE_CYCLES_MAX},
        {.name = "--payload", .number = &p.payload, .least = 126, .most = 4000},
        {.name = "--only", .text = &p.only},
        {.name = "--program", .text = &p.program}};
    options_parse(argc, argv, options, sizeof(options) / sizeof(*options));
    if (is_quick) {
        p.cycles = 1;
        p.subscribers = 50;
        p.turn_ns = 10 * LOAD_NS_PER_MS;
    }
    report_line("%s subscribers, messages of %d bytes\n", report_count(p.subscribers).text,
                p.payload);
    REPORT_HEAD("stack", "CPU a delivery, 1 at once", "to bare (least..most)", "deliveries/s",
                "p50, p99", "16 at once", "to bare", "deliveries/s");
    for (int i = 0; i < STACKS; i++)
        if (bytes_starts_with(bytes_of(stacks[i]->name), bytes_of(p.only)))
            have_turn(&p, stacks[i]);
    return 0;
}
