/* big: one change for 10,000 subscribers, and what it does to others.
 *
 * A sale is inserted every so often and its receipt by all waited for; printed is how long the first
 * half, 99 % and the very last of the subscribers waited.  Meanwhile another process, with
 * connections of its own, sends a heartbeat every 2 ms and joins a channel every 10 ms, and notes
 * how long each answer took: those that began during a delivery to the 10,000 apart from those
 * between.  That process is put before the generator by the scheduler, since it is the watch: what
 * it shows is to be the server's delay.  All run on the same two processors, so the generator reads
 * once a millisecond: to be woken for each receipt would take a third of them.  A bare epoll loop
 * serves as many sockets in turns. */
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "load.h"
#include "options.h"
#include "report.h"
#include "side.h"

enum {
    CLIENTS = 20, /* connections of the watch, for each kind of probe */
    BEAT_MS = 2,
    BEATS_A_JOIN = 5,
    PAUSE_MS = 100, /* between deliveries */
    NAP_MS = 1,
    TARGET_LAST_MS = 100,
    TARGET_ANSWER_MS = 20, /* the worst, during a delivery */
};

enum kind { BEAT, JOIN, KINDS };
enum when { DURING, BETWEEN, TIMES };

/* What both processes see. */
struct watch {
    _Atomic bool is_delivering, is_over;
    struct hist answers[KINDS][TIMES];
    uint64_t left_out; /* probes that were due while all connections of their kind waited */
};

/* ---- the watch ---- */

struct client {
    bool is_delivering; /* when its probe was sent */
    uint64_t sent_ns;   /* 0: it waits for nothing */
};

struct prober {
    const struct homebake *home;
    struct watch *watch;
    struct crowd crowd;
    struct client clients[KINDS * CLIENTS]; /* of member i; all of a kind in a row */
    uint64_t beats;
};

static void on_payload(void *context, struct bytes payload)
{
    static const char reply[] = "\"phx_reply\"";
    struct prober *p = context;
    struct client *c = &p->clients[p->crowd.reading];
    enum kind kind = p->crowd.reading < CLIENTS ? BEAT : JOIN;
    if (c->sent_ns == 0 || !memmem(payload.data, payload.size, reply, sizeof(reply) - 1))
        return;
    enum when when = c->is_delivering || p->watch->is_delivering ? DURING : BETWEEN;
    hist_add(&p->watch->answers[kind][when], (load_now_ns() - c->sent_ns) / 1000, 1);
    c->sent_ns = 0;
}

static size_t put_probe(const struct prober *p, enum kind kind, char *out, size_t size)
{
    static const char beat[] = "[null,\"1\",\"phoenix\",\"heartbeat\",{}]";
    if (kind == JOIN) /* each time anew: the channel before is replaced */
        return homebake_put_join(p->home, 1, 1, "other", HOMEBAKE_WANTS("bread_types"), out, size);
    memcpy(out, beat, sizeof(beat) - 1);
    return sizeof(beat) - 1;
}

static void probe(struct prober *p, enum kind kind)
{
    char text[6000];
    int first = (int)kind * CLIENTS, i = first;
    while (i < first + CLIENTS && p->clients[i].sent_ns > 0)
        i++;
    if (i == first + CLIENTS) {
        p->watch->left_out++;
        return;
    }
    size_t size = put_probe(p, kind, text, sizeof(text));
    p->clients[i].is_delivering = p->watch->is_delivering;
    p->clients[i].sent_ns = load_now_ns();
    wire_send_frame(p->crowd.members[i].fd, WIRE_TEXT, text, size);
}

static void on_time(void *context, int fd)
{
    struct prober *p = context;
    uint64_t passed;
    if (read(fd, &passed, sizeof(passed)) != (ssize_t)sizeof(passed))
        return;
    probe(p, BEAT);
    if (++p->beats % BEATS_A_JOIN == 0)
        probe(p, JOIN);
}

static _Noreturn void keep_watch(const struct homebake *home, struct watch *watch)
{
    static struct prober p;
    const struct itimerspec beat = {{0, BEAT_MS * 1000000}, {0, BEAT_MS * 1000000}};
    char path[2048];
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    (void)setpriority(PRIO_PROCESS, 0, -20); /* where we may */
    p.home = home;
    p.watch = watch;
    homebake_put_path(home, path, sizeof(path));
    crowd_init(&p.crowd, KINDS * CLIENTS, 0);
    p.crowd.hooks = (struct crowd_hooks){.payload = on_payload, .other = on_time, .context = &p};
    for (int i = 0; i < KINDS * CLIENTS; i++)
        crowd_add(&p.crowd, i, wire_open(home->port, path, NULL));
    crowd_watch(&p.crowd, timer);
    if (timer < 0 || timerfd_settime(timer, 0, &beat, NULL) != 0)
        load_fail("timerfd");
    while (!watch->is_over)
        crowd_turn(&p.crowd, BEAT_MS);
    crowd_done(&p.crowd);
    _exit(0);
}

/* ---- the deliveries ---- */

struct plan {
    const char *program;
    int subscribers, shards, cycles, rounds;
};

struct total {
    double cpu_ns, deliveries;
    struct hist each, last;
};

static void add(struct total *t, const struct outcome *o)
{
    t->cpu_ns += (double)o->cpu_ns;
    t->deliveries += (double)o->deliveries;
    hist_merge(&t->each, &o->each);
    hist_merge(&t->last, &o->last);
}

static void print_deliveries(const char *name, const struct total *t, const char *target)
{
    report_row(
        "%s | %s | %s | %s | %s | %s | %s | %s", name, report_ns(t->cpu_ns / t->deliveries).text,
        report_us(hist_percentile(&t->each, 0.5)).text,
        report_us(hist_percentile(&t->each, 0.99)).text,
        report_us(hist_percentile(&t->last, 0.5)).text,
        report_us(hist_percentile(&t->last, 0.95)).text, report_us(t->last.max).text, target);
}

static double ratio_at(const struct hist *ours, const struct hist *bare, double share)
{
    uint64_t least = hist_percentile(bare, share);
    return least > 0 ? (double)hist_percentile(ours, share) / (double)least : 0;
}

static void print_answers(const char *what, const struct hist *h, const char *target)
{
    report_row("%s | %llu | %s | %s | %s | %s | %s", what, (unsigned long long)h->count,
               report_us(hist_percentile(h, 0.5)).text, report_us(hist_percentile(h, 0.95)).text,
               report_us(hist_percentile(h, 0.99)).text, report_us(h->max).text, target);
}

static void print(const struct plan *p, const struct total *ours, const struct total *bare,
                  const struct watch *w)
{
    char last[REPORT_CELL], answer[REPORT_CELL];
    snprintf(last, sizeof(last), "last within %d ms", TARGET_LAST_MS);
    snprintf(answer, sizeof(answer), "worst %d ms", TARGET_ANSWER_MS);
    report_line("one change to %s subscribers, %llu times; %d shards\n",
                report_count(p->subscribers).text, (unsigned long long)ours->last.count, p->shards);
    REPORT_HEAD("stack", "CPU a delivery", "half served", "99 % served", "last served, median",
                "95 % of the times", "worst", "target");
    print_deliveries("homebake", ours, last);
    print_deliveries("bare epoll", bare, "");
    report_row("ratio | **%.2f** | %.2f | %.2f | **%.2f** | %.2f | %.2f | ",
               ours->cpu_ns / ours->deliveries / (bare->cpu_ns / bare->deliveries),
               ratio_at(&ours->each, &bare->each, 0.5), ratio_at(&ours->each, &bare->each, 0.99),
               ratio_at(&ours->last, &bare->last, 0.5), ratio_at(&ours->last, &bare->last, 0.95),
               ratio_at(&ours->last, &bare->last, 1));
    report_line("\nOthers meanwhile (%llu probes left out):\n", (unsigned long long)w->left_out);
    REPORT_HEAD("answer to", "count", "p50", "p95", "p99", "worst", "target");
    print_answers("a heartbeat, during a delivery", &w->answers[BEAT][DURING], answer);
    print_answers("a join, during a delivery", &w->answers[JOIN][DURING], answer);
    print_answers("a heartbeat, between", &w->answers[BEAT][BETWEEN], "");
    print_answers("a join, between", &w->answers[JOIN][BETWEEN], "");
}

static void run(const struct plan *p, struct watch *watch)
{
    static struct drive d;
    static struct outcome out;
    static struct total ours, bare;
    struct stack_config cfg = {.program = p->program,
                               .subscribers = p->subscribers,
                               .shards = p->shards,
                               .server_cpu = -1,
                               .client_cpu = -1};
    struct turn turn = {.messages = 1, .rounds = p->rounds, .pause_ms = PAUSE_MS, .nap_ms = NAP_MS};
    struct side bare_side;
    side_start(&bare_side, &stack_bare, &cfg);
    drive_start(&d, &stack_homebake, &cfg);
    d.is_delivering = &watch->is_delivering;
    for (int i = 0; i < p->cycles; i++) {
        watch->is_over = false;
        pid_t prober = process_fork();
        if (prober == 0)
            keep_watch(&d.target.home, watch);
        drive_turn(&d, &turn, &out);
        watch->is_over = true;
        waitpid(prober, NULL, 0);
        turn.frame_size = (size_t)(out.bytes / out.deliveries);
        add(&ours, &out);
        side_turn(&bare_side, &turn, &out);
        add(&bare, &out);
    }
    print(p, &ours, &bare, watch);
    drive_stop(&d);
    side_stop(&bare_side);
}

int main(int argc, char **argv)
{
    struct plan p = {
        .program = "build/homebake", .subscribers = 10000, .shards = 2, .cycles = 5, .rounds = 8};
    bool is_quick = false;
    const struct option options[] = {
        {.name = "--quick", .flag = &is_quick},
        {.name = "--subscribers", .number = &p.subscribers, .least = 1, .most = 15000},
        {.name = "--shards", .number = &p.shards, .least = 1, .most = 64},
        {.name = "--program", .text = &p.program}};
    options_parse(argc, argv, options, sizeof(options) / sizeof(*options));
    if (is_quick)
        p = (struct plan){p.program, 300, p.shards, 1, 3};
    load_raise_files();
    struct watch *watch =
        mmap(NULL, sizeof(*watch), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (watch == MAP_FAILED)
        load_fail("mmap");
    run(&p, watch);
    munmap(watch, sizeof(*watch));
    return 0;
}
