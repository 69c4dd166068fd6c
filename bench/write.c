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
#include "load.h"

enum { CONNECTIONS_MAX = 1024, ANSWER_MAX = 4096 };

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
    uint64_t *latency;
    size_t latency_max, latency_count;
};

static void ask(const struct drive *d, struct lane *l)
{
    l->size = 0;
    l->sent_ns = load_now_ns();
    load_send(l->fd, d->request, d->request_size);
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
        if (d->latency_count < d->latency_max)
            d->latency[d->latency_count++] = (load_now_ns() - l->sent_ns) / 1000;
        count++;
        if (go)
            ask(d, l);
    }
    return count;
}

static struct result drive(const struct options *o, const struct load_server *s,
                           const char *request, const char *status)
{
    struct drive d = {
        .o = o, .request = request, .request_size = strlen(request), .status = status};
    d.latency_max = 4 * 1000 * 1000;
    d.latency = calloc(d.latency_max, sizeof(*d.latency));
    d.lanes = calloc((size_t)o->connections, sizeof(*d.lanes));
    d.poll = epoll_create1(EPOLL_CLOEXEC);
    if (!d.latency || !d.lanes || d.poll < 0)
        load_fail("memory");
    for (int i = 0; i < o->connections; i++) {
        struct epoll_event e = {.events = EPOLLIN, .data.u32 = (uint32_t)i};
        d.lanes[i].fd = load_connect(s->port);
        if (epoll_ctl(d.poll, EPOLL_CTL_ADD, d.lanes[i].fd, &e) != 0)
            load_fail("epoll_ctl");
        ask(&d, &d.lanes[i]);
    }
    uint64_t warm = load_now_ns() + 300 * 1000 * 1000;
    while (load_now_ns() < warm)
        turn(&d, true);
    d.latency_count = 0;
    struct result r = {0};
    uint64_t cpu = load_cpu_ns(s->pid), start = load_now_ns(),
             end = start + (uint64_t)(o->seconds * 1e9);
    while (load_now_ns() < end)
        r.count += turn(&d, true);
    r.cpu_ns = (double)(load_cpu_ns(s->pid) - cpu) / (double)r.count;
    r.per_second = (double)r.count / ((double)(load_now_ns() - start) / 1e9);
    for (int left = o->connections; left > 0;)
        left -= (int)turn(&d, false);
    qsort(d.latency, d.latency_count, sizeof(*d.latency), load_compare_u64);
    r.p50_us = load_percentile(d.latency, d.latency_count, 0.5);
    r.p99_us = load_percentile(d.latency, d.latency_count, 0.99);
    for (int i = 0; i < o->connections; i++)
        close(d.lanes[i].fd);
    close(d.poll);
    free(d.lanes);
    free(d.latency);
    return r;
}

struct round {
    struct result write, empty;
    double batch, sql_ns, ratio;
};

static struct round run_round(const struct options *o)
{
    struct load_server s;
    static char request[8192];
    struct round r;
    load_server_start(&s, o->program, o->shards, -1);
    char json[256];
    int size =
        snprintf(json, sizeof(json), "{\"bread_type_id\":\"%s\",\"quantity\":1}", s.bread_id);
    snprintf(request, sizeof(request),
             "POST /rest/v1/sales_logs HTTP/1.1\r\nHost: localhost\r\napikey: %s\r\nAuthorization: "
             "Bearer %s\r\n"
             "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
             s.anon, s.user_token, size, json);
    double groups = load_metric(&s, "homebake_write_groups_total");
    double requests = load_metric(&s, "homebake_write_requests_total");
    r.write = drive(o, &s, request, "201");
    groups = load_metric(&s, "homebake_write_groups_total") - groups;
    requests = load_metric(&s, "homebake_write_requests_total") - requests;
    r.batch = groups > 0 ? requests / groups : 0;
    r.empty = drive(o, &s, "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n", "200");
    load_server_stop(&s);
    r.sql_ns = bare_sql_ns_per_row(r.batch, o->seconds);
    r.ratio = r.write.cpu_ns / (r.empty.cpu_ns + r.sql_ns);
    return r;
}

static int compare_rounds(const void *a, const void *b)
{
    double x = ((const struct round *)a)->ratio, y = ((const struct round *)b)->ratio;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    struct options o = {.program = "build/homebake",
                        .connections = 64,
                        .shards = 2,
                        .seconds = 3,
                        .repetitions = 5};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--quick") == 0) {
            o.seconds = 0.5;
            o.repetitions = 1;
        } else if (strcmp(argv[i], "--connections") == 0 && i + 1 < argc) {
            o.connections = atoi(argv[++i]);
        } else if (strcmp(argv[i], "--shards") == 0 && i + 1 < argc) {
            o.shards = atoi(argv[++i]);
        } else if (strcmp(argv[i], "--program") == 0 && i + 1 < argc) {
            o.program = argv[++i];
        } else {
            fprintf(stderr, "Usage: write [--quick] [--connections N] [--shards N] [--program "
                            "build/homebake]\n");
            return 2;
        }
    }
    if (o.connections < 1 || o.connections > CONNECTIONS_MAX)
        return fprintf(stderr, "write: 1 to %d connections\n", CONNECTIONS_MAX), 2;
    setvbuf(stdout, NULL, _IOLBF, 0);
    struct round rounds[9];
    for (int i = 0; i < o.repetitions; i++)
        rounds[i] = run_round(&o);
    qsort(rounds, (size_t)o.repetitions, sizeof(*rounds), compare_rounds);
    const struct round *r = &rounds[o.repetitions / 2];
    printf("write: %d keep-alive connections inserting sales, fsync before each answer; median of "
           "%d\n\n",
           o.connections, o.repetitions);
    printf("acknowledged sale  %8.0f ns of server CPU   %8.0f/s  p50 %llu us, p99 %llu us, %.1f "
           "sales a commit\n",
           r->write.cpu_ns, r->write.per_second, (unsigned long long)r->write.p50_us,
           (unsigned long long)r->write.p99_us, r->batch);
    printf("empty HTTP answer  %8.0f ns of server CPU   %8.0f/s\n", r->empty.cpu_ns,
           r->empty.per_second);
    printf("bare SQLite        %8.0f ns per sale, with capture and derived tables, %.0f a "
           "transaction\n",
           r->sql_ns, r->batch < 1 ? 1 : r->batch);
    printf("ratio to the sum   %8.2f\n", r->ratio);
    return 0;
}
