#include "match.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "drive.h"
#include "load.h"
#include "report.h"

enum { CHANNELS_PER_CONN = 1000, AT_ONCE = 50, CONNS_MAX = 128, WS_PING = 9 };

/* Connections whose channels match nothing. */
struct others {
    int fds[CONNS_MAX];
    unsigned channels;
};

struct joins {
    unsigned wanted, done;
};

static void on_payload(void *context, struct bytes payload)
{
    static const char answer[] = "Subscribed to PostgreSQL";
    struct joins *j = context;
    j->done += memmem(payload.data, payload.size, answer, sizeof(answer) - 1) != NULL;
}

static void await_joins(int fd, struct joins *j)
{
    static char data[1 << 16];
    struct frames frames = {.is_open = false};
    while (j->done < j->wanted) {
        ssize_t n = recv(fd, data, sizeof(data), 0);
        if (n <= 0)
            load_fail("a join was not answered");
        frames_feed(&frames, (struct bytes){data, (size_t)n}, on_payload, j);
    }
    frames_done(&frames);
}

static void grow(struct others *o, const struct homebake *h, unsigned wanted)
{
    while (o->channels < wanted) {
        unsigned conn = o->channels / CHANNELS_PER_CONN;
        char text[6000];
        if (o->channels % CHANNELS_PER_CONN == 0) {
            homebake_put_path(h, text, sizeof(text));
            o->fds[conn] = wire_open(h->port, text, NULL);
        }
        struct joins j = {.wanted = wanted - o->channels, .done = 0};
        j.wanted = j.wanted < AT_ONCE ? j.wanted : AT_ONCE;
        for (unsigned i = 0; i < j.wanted; i++) {
            char topic[32], config[160];
            unsigned number = ++o->channels;
            snprintf(topic, sizeof(topic), "other-%u", number);
            snprintf(config, sizeof(config),
                     "{\"postgres_changes\":[{\"event\":\"*\",\"schema\":\"public\",\"table\":"
                     "\"sales_logs\",\"filter\":\"quantity=eq.%u\"}]}",
                     1000 + number);
            size_t n =
                homebake_put_join(h, (int)number, (int)number, topic, config, text, sizeof(text));
            wire_send_frame(o->fds[conn], WIRE_TEXT, text, n);
        }
        await_joins(o->fds[conn], &j);
        /* They say that they are there, as it takes a while until all have joined. */
        for (unsigned i = 0; i <= conn; i++)
            wire_send_frame(o->fds[i], WS_PING, "", 0);
    }
}

static double least_cost(struct drive *d, int rounds)
{
    enum { TURNS = 5 };
    static struct outcome out;
    const struct turn turn = {.messages = 1, .rounds = rounds};
    double least = 0;
    for (int i = 0; i < TURNS; i++) {
        drive_turn(d, &turn, &out);
        double ns = (double)out.cpu_ns / (double)out.deliveries;
        least = i == 0 || ns < least ? ns : least;
    }
    return least;
}

void match_server(const char *program, unsigned most, int rounds)
{
    static struct drive d;
    static struct others others;
    struct stack_config cfg = {
        .program = program, .subscribers = 1, .shards = 1, .server_cpu = 0, .client_cpu = 1};
    double first = 0;
    drive_start(&d, &stack_homebake, &cfg);
    report_line(
        "The server: one sale inserted by HTTP, committed, and delivered to one subscriber; "
        "the others want other values (`quantity=eq.N`):\n");
    REPORT_HEAD("other subscriptions", "server CPU a change", "ratio");
    for (unsigned count = 10; count <= most; count *= 10) {
        grow(&others, &d.target.home, count);
        double ns = least_cost(&d, rounds);
        first = count == 10 ? ns : first;
        report_row("%s | %s | %.2f", report_count(count).text, report_ns(ns).text, ns / first);
    }
    drive_stop(&d);
    for (unsigned i = 0; i < (others.channels + CHANNELS_PER_CONN - 1) / CHANNELS_PER_CONN; i++)
        close(others.fds[i]);
}
