/* idle: what the server costs while nothing happens: time from exec to "listening", resident
 * memory, and how often its threads woke up in a few seconds; first without connections, then with
 * many that are signed in, joined and subscribed; at last what one heartbeat of each of them costs.
 *
 * Memory of a connection is the growth of the whole process's resident memory, divided: tables,
 * allocator and all, but not the kernel's socket.  The limit that all this is compared with is
 * zero. */
#include "crowd.h"
#include "homebake.h"
#include "load.h"
#include "options.h"
#include "report.h"

enum { ANSWER_MS = 30000, TARGET_READY_MS = 100, TARGET_MB = 20, TARGET_BYTES = 1024 };

static void measure(pid_t pid, const char *state, unsigned watch_ms)
{
    uint64_t switches = load_switches(pid), cpu = load_cpu_ns(pid);
    load_pause_ms(watch_ms);
    report_row("%s | %.1f MB | %llu | %.2f ms", state, (double)load_resident_bytes(pid) / 1e6,
               (unsigned long long)(load_switches(pid) - switches),
               (double)(load_cpu_ns(pid) - cpu) / 1e6);
}

/* Every member says once that it is there, and is answered. */
static void beat(struct crowd *c, pid_t pid)
{
    static const char text[] = "[null,\"h\",\"phoenix\",\"heartbeat\",{}]";
    uint64_t cpu = load_cpu_ns(pid), wanted = c->messages + (uint64_t)c->count;
    for (int i = 0; i < c->count; i++)
        wire_send_frame(c->members[i].fd, WIRE_TEXT, text, sizeof(text) - 1);
    while (c->messages < wanted)
        if (!crowd_turn(c, ANSWER_MS))
            load_fail("a heartbeat was not answered");
    report_line("%s of server CPU a heartbeat (one is due every 25 s)",
                report_ns((double)(load_cpu_ns(pid) - cpu) / c->count).text);
}

static void run(const struct homebake_config *cfg, int subscribers, unsigned watch_ms)
{
    struct homebake h;
    struct crowd c;
    homebake_start(&h, cfg);
    report_line("ready %.1f ms after exec (target %d); each state watched for %u ms; without "
                "connections at most %d MB are to be resident\n",
                (double)h.ready_ns / 1e6, TARGET_READY_MS, watch_ms, TARGET_MB);
    REPORT_HEAD("state", "resident", "wake-ups", "CPU");
    load_pause_ms(watch_ms / 2); /* what a sign-in took is given back */
    measure(h.pid, "no connection", watch_ms);
    size_t before = load_resident_bytes(h.pid);
    crowd_init(&c, subscribers, 0);
    for (int i = 0; i < subscribers; i++)
        crowd_add(&c, i, homebake_join(&h, i, "bench", HOMEBAKE_WANTS("sales_logs")));
    load_pause_ms(watch_ms / 2);
    measure(h.pid, "all subscribed", watch_ms);
    report_line("\n%s subscribers: %.0f bytes of user memory each (target %d)",
                report_count(subscribers).text,
                ((double)load_resident_bytes(h.pid) - (double)before) / subscribers, TARGET_BYTES);
    beat(&c, h.pid);
    crowd_done(&c);
    homebake_stop(&h);
}

int main(int argc, char **argv)
{
    struct homebake_config cfg = {"build/homebake", 2, -1};
    int subscribers = 10000, watch_ms = 5000;
    bool is_quick = false;
    const struct option options[] = {
        {.name = "--quick", .flag = &is_quick},
        {.name = "--subscribers", .number = &subscribers, .least = 1, .most = 15000},
        {.name = "--shards", .number = &cfg.shards, .least = 1, .most = 64},
        {.name = "--program", .text = &cfg.program}};
    options_parse(argc, argv, options, sizeof(options) / sizeof(*options));
    load_raise_files();
    if (is_quick) {
        subscribers = 500;
        watch_ms = 500;
    }
    run(&cfg, subscribers, (unsigned)watch_ms);
    return 0;
}
