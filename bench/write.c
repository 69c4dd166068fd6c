/* write: what one acknowledged sale costs the server, beside the sum of its two parts measured
 * bare: an empty HTTP answer through the same loop, and the same SQL by bare SQLite at the batch
 * size seen.
 *
 * Method: 64 keep-alive connections of a signed-in sales rep insert sales in a closed loop (each
 * sends its next when it has its 201, which comes after the fsync).  Then the same connections ask
 * for /livez.  Then the INSERT that the server ran, with its triggers (capture, ledger) and the
 * statements that settle stock and totals, is run on a plain SQLite handle in transactions of the
 * mean batch size, same pragmas, same disk.  CPU: all the server's threads (schedstat), or the one
 * thread of bare SQLite. Nothing is pinned: the generator shares the machine's cores, as it says.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bare_sql.h"
#include "homebake.h"
#include "load.h"
#include "options.h"
#include "report.h"
#include "hist.h"
#include "wire.h"

enum { CONNECTIONS_MAX = 1024, ANSWER_MAX = 4096, REPETITIONS_MAX = 5 };

struct options {
    const char *program;
    int connections, shards;
    double seconds;
    int repetitions;
};

struct lane {
    int fd;
    size_t size; /* of the answer so far */
    uint64_t sent_ns;
    char answer[ANSWER_MAX];
};

struct result {
    uint64_t count;
    double cpu_ns, per_second;
    uint64_t p50_us, p99_us;
};

/* True when a whole answer is there; it must be of the expected status. */
static bool is_answered(struct lane *l, const char *status)
{
    l->answer[l->size] = 0;
    const char *end = strstr(l->answer, "\r\n\r\n");
    if (!end)
        return false;
    const char *length = strcasestr(l->answer, "content-length:");
    size_t body = length && length < end ? strtoul(length + 15, NULL, 10) : 0;
    if (l->size < (size_t)(end + 4 - l->answer) + body)
        return false;
    if (memcmp(l->answer + 9, status, 3) != 0)
        load_fail(l->answer);
    return true;
}

struct drive {
    const struct options *o;
    const char *request;
    size_t request_size;
    const char *status;
    struct lane *lanes;
    int poll;
    struct hist latency;
};

static void ask(const struct drive *d, struct lane *l)
{
    l->size = 0;
    l->sent_ns = load_now_ns();
    wire_send(l->fd, d->request, d->request_size);
}

/* One turn; returns how many answers came, and asks again on those lanes while `go`. */
static uint64_t turn(struct drive *d, bool go)
{
    struct epoll_event events[CONNECTIONS_MAX];
    uint64_t count = 0;
    int n = epoll_wait(d->poll, events, CONNECTIONS_MAX, 10000);
    if (n <= 0)
        load_fail("no answer within 10 s");
    for (int i = 0; i < n; i++) {
        struct lane *l = &d->lanes[events[i].data.u32];
        ssize_t got = recv(l->fd, l->answer + l->size, ANSWER_MAX - 1 - l->size, MSG_DONTWAIT);
        if (got == 0 || (got < 0 && errno != EAGAIN))
            load_fail("a connection was lost");
        l->size += got > 0 ? (size_t)got : 0;
        if (!is_answered(l, d->status))
            continue;
        hist_add(&d->latency, (load_now_ns() - l->sent_ns) / 1000, 1);
        count++;
        if (go)
            ask(d, l);
    }
    return count;
}

static struct result drive(const struct options *o, const struct homebake *h, const char *request,
                           const char *status)
{
    struct drive d = {
        .o = o, .request = request, .request_size = strlen(request), .status = status};
    d.lanes = load_array((size_t)o->connections, sizeof(*d.lanes));
    d.poll = epoll_create1(EPOLL_CLOEXEC);
    if (d.poll < 0)
        load_fail("epoll_create1");
    for (int i = 0; i < o->connections; i++) {
        struct epoll_event e = {.events = EPOLLIN, .data.u32 = (uint32_t)i};
        d.lanes[i].fd = wire_connect(h->port);
        if (epoll_ctl(d.poll, EPOLL_CTL_ADD, d.lanes[i].fd, &e) != 0)
            load_fail("epoll_ctl");
        ask(&d, &d.lanes[i]);
    }
    uint64_t warm = load_now_ns() + 300 * 1000 * 1000;
    while (load_now_ns() < warm)
        turn(&d, true);
    d.latency = (struct hist){.count = 0};
    struct result r = {0};
    uint64_t cpu = load_cpu_ns(h->pid), start = load_now_ns(),
             end = start + (uint64_t)(o->seconds * 1e9);
    while (load_now_ns() < end)
        r.count += turn(&d, true);
    r.cpu_ns = (double)(load_cpu_ns(h->pid) - cpu) / (double)r.count;
    r.per_second = (double)r.count / ((double)(load_now_ns() - start) / 1e9);
    for (int left = o->connections; left > 0;)
        left -= (int)turn(&d, false);
    r.p50_us = hist_percentile(&d.latency, 0.5);
    r.p99_us = hist_percentile(&d.latency, 0.99);
    for (int i = 0; i < o->connections; i++)
        close(d.lanes[i].fd);
    close(d.poll);
    free(d.lanes);
    return r;
}

struct round {
    struct result write, empty;
    double batch, sql_ns, ratio;
};

static struct round run_round(const struct options *o)
{
    struct homebake h;
    static char request[8192];
    struct round r;
    struct homebake_config cfg = {o->program, o->shards, -1};
    homebake_start(&h, &cfg);
    homebake_put_sales(&h, 1, request, sizeof(request));
    double groups = homebake_metric(&h, "homebake_write_groups_total");
    double requests = homebake_metric(&h, "homebake_write_requests_total");
    r.write = drive(o, &h, request, "201");
    groups = homebake_metric(&h, "homebake_write_groups_total") - groups;
    requests = homebake_metric(&h, "homebake_write_requests_total") - requests;
    r.batch = groups > 0 ? requests / groups : 0;
    r.empty = drive(o, &h, "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n", "200");
    homebake_stop(&h);
    r.sql_ns = bare_sql_ns_per_row(r.batch, o->seconds);
    r.ratio = r.write.cpu_ns / (r.empty.cpu_ns + r.sql_ns);
    return r;
}

static int compare_rounds(const void *a, const void *b)
{
    double x = ((const struct round *)a)->ratio, y = ((const struct round *)b)->ratio;
    return (x > y) - (x < y);
}

static void print(const struct options *o, const struct round *r, double least, double most)
{
    REPORT_HEAD("what", "server CPU", "rate", "p50, p99");
    report_row("an acknowledged sale, %d connections, %.0f a commit | %s | %s/s | %s, %s",
               o->connections, r->batch, report_ns(r->write.cpu_ns).text,
               report_count(r->write.per_second).text, report_us(r->write.p50_us).text,
               report_us(r->write.p99_us).text);
    report_row("an empty HTTP answer (`/livez`) by the same loop | %s | %s/s | %s, %s",
               report_ns(r->empty.cpu_ns).text, report_count(r->empty.per_second).text,
               report_us(r->empty.p50_us).text, report_us(r->empty.p99_us).text);
    report_row("the same SQL by bare SQLite, %.0f a transaction | %s | | ", r->batch,
               report_ns(r->sql_ns).text);
    report_row("ratio to the sum of the two (least..most of %d) | **%.2f** (%.2f..%.2f) | | ",
               o->repetitions, r->ratio, least, most);
}

int main(int argc, char **argv)
{
    struct options o = {.program = "build/homebake",
                        .connections = 64,
                        .shards = 2,
                        .seconds = 3,
                        .repetitions = 5};
    bool is_quick = false;
    const struct option options[] = {
        {.name = "--quick", .flag = &is_quick},
        {.name = "--connections", .number = &o.connections, .least = 1, .most = CONNECTIONS_MAX},
        {.name = "--shards", .number = &o.shards, .least = 1, .most = 64},
        {.name = "--program", .text = &o.program}};
    options_parse(argc, argv, options, sizeof(options) / sizeof(*options));
    if (is_quick) {
        o.seconds = 0.5;
        o.repetitions = 1;
    }
    struct round rounds[REPETITIONS_MAX] = {0};
    for (int i = 0; i < o.repetitions; i++)
        rounds[i] = run_round(&o);
    qsort(rounds, (size_t)o.repetitions, sizeof(*rounds), compare_rounds);
    print(&o, &rounds[o.repetitions / 2], rounds[0].ratio, rounds[o.repetitions - 1].ratio);
    return 0;
}
