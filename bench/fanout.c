/* fanout: what one delivery of a change costs the server, beside a bare epoll loop that sends the
 * same bytes to as many sockets with the same coalescing.
 *
 * Method: N subscribers of `sales_logs`, one signed-in sales rep each (row policy on).  Closed
 * loop: K sales are inserted as one request, and the next follows when all subscribers have all K
 * frames.  The server is pinned to CPU 0 with one shard, the subscribers to CPU 1.  CPU is that of
 * all the server's threads (schedstat), the commit included.  The bare loop then does the same
 * rounds with the bytes that were seen.  The two take turns; medians. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "load.h"

enum { REPETITIONS_MAX = 9, WARM_UP = 3 };

struct options {
    const char *program;
    int subscribers;
    int changes; /* per round */
    int rounds;
    int repetitions;
};

struct readers {
    int poll;
    int count;
    int *fds;
    struct load_frames *frames;
    uint64_t bytes, seen;
};

struct result {
    double cpu_ns; /* of the server, per delivery */
    double per_second;
    uint64_t p50_us, p99_us;
    uint64_t bytes_per_delivery;
};

static void readers_init(struct readers *r, int count)
{
    *r = (struct readers){.poll = epoll_create1(EPOLL_CLOEXEC), .count = count};
    r->fds = calloc((size_t)count, sizeof(*r->fds));
    r->frames = calloc((size_t)count, sizeof(*r->frames));
    if (r->poll < 0 || !r->fds || !r->frames)
        load_fail("readers");
}

static void readers_add(struct readers *r, int i, int fd)
{
    struct epoll_event e = {.events = EPOLLIN, .data.u32 = (uint32_t)i};
    r->fds[i] = fd;
    load_set_nonblocking(fd);
    if (epoll_ctl(r->poll, EPOLL_CTL_ADD, fd, &e) != 0)
        load_fail("epoll_ctl");
}

static void readers_done(struct readers *r)
{
    for (int i = 0; i < r->count; i++)
        close(r->fds[i]);
    close(r->poll);
    free(r->fds);
    free(r->frames);
}

/* Reads until `want` more frames have come; at most 20 s. */
static void readers_wait(struct readers *r, uint64_t want)
{
    static char data[1 << 18];
    struct epoll_event events[256];
    uint64_t end = r->seen + want;
    while (r->seen < end) {
        int n = epoll_wait(r->poll, events, 256, 20000);
        if (n <= 0)
            load_fail("a frame did not come within 20 s");
        for (int i = 0; i < n; i++) {
            uint32_t k = events[i].data.u32;
            ssize_t got = recv(r->fds[k], data, sizeof(data), 0);
            if (got == 0 || (got < 0 && errno != EAGAIN))
                load_fail("a subscriber lost its connection");
            if (got > 0) {
                r->seen += load_count_frames(&r->frames[k], data, (size_t)got);
                r->bytes += (uint64_t)got;
            }
        }
    }
}

/* What starts a round: a request to homebake, or a nudge for the bare loop. */
struct publisher {
    int fd;
    const char *data;
    size_t size;
};

static void publish(const struct publisher *p)
{
    char answer[4096];
    load_send(p->fd, p->data, p->size);
    if (p->size > 1 && recv(p->fd, answer, sizeof(answer), 0) <= 0)
        load_fail("no answer to the insert");
    if (p->size > 1 && memcmp(answer, "HTTP/1.1 201", 12) != 0)
        load_fail(answer);
}

static struct result measure(const struct options *o, struct readers *r, const struct publisher *p,
                             pid_t server)
{
    uint64_t *latency = calloc((size_t)o->rounds, sizeof(*latency));
    uint64_t per_round = (uint64_t)o->subscribers * (uint64_t)o->changes;
    if (!latency)
        load_fail("memory");
    for (int i = 0; i < WARM_UP; i++) {
        publish(p);
        readers_wait(r, per_round);
    }
    r->bytes = 0;
    uint64_t cpu = load_cpu_ns(server), start = load_now_ns();
    for (int i = 0; i < o->rounds; i++) {
        uint64_t sent = load_now_ns();
        publish(p);
        readers_wait(r, per_round);
        latency[i] = (load_now_ns() - sent) / 1000;
    }
    double seconds = (double)(load_now_ns() - start) / 1e9, count = (double)per_round * o->rounds;
    struct result out = {.cpu_ns = (double)(load_cpu_ns(server) - cpu) / count,
                         .per_second = count / seconds};
    out.bytes_per_delivery = r->bytes / (per_round * (uint64_t)o->rounds);
    qsort(latency, (size_t)o->rounds, sizeof(*latency), load_compare_u64);
    out.p50_us = load_percentile(latency, (size_t)o->rounds, 0.5);
    out.p99_us = load_percentile(latency, (size_t)o->rounds, 0.99);
    free(latency);
    return out;
}

static struct result run_homebake(const struct options *o)
{
    struct load_server s;
    struct readers r;
    static char json[64 * 1024], request[80 * 1024];
    load_server_start(&s, o->program, 1, 0);
    load_pin(1);
    readers_init(&r, o->subscribers);
    for (int i = 0; i < o->subscribers; i++)
        readers_add(&r, i,
                    load_join(&s, "bench",
                              "{\"postgres_changes\":[{\"event\":\"*\",\"schema\":\"public\","
                              "\"table\":\"sales_logs\"}],\"presence\":{\"enabled\":false}}"));
    size_t n = 0;
    for (int i = 0; i < o->changes; i++)
        n += (size_t)snprintf(json + n, sizeof(json) - n,
                              "%c{\"bread_type_id\":\"%s\",\"quantity\":1}", i ? ',' : '[',
                              s.bread_id);
    json[n++] = ']';
    int head = snprintf(
        request, sizeof(request),
        "POST /rest/v1/sales_logs HTTP/1.1\r\nHost: localhost\r\napikey: %s\r\n"
        "Authorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
        s.anon, s.user_token, n);
    memcpy(request + head, json, n);
    struct publisher p = {load_connect(s.port), request, (size_t)head + n};
    struct result out = measure(o, &r, &p, s.pid);
    close(p.fd);
    readers_done(&r);
    load_server_stop(&s);
    return out;
}

/* The limit: accepts N sockets and a publisher, and sends the same bytes to all whenever a byte
 * comes. */
static _Noreturn void bare_loop(int listener, const struct options *o, size_t size)
{
    load_pin(0);
    int poll = epoll_create1(0), on = 1, *fds = calloc((size_t)o->subscribers, sizeof(*fds));
    char *bytes = calloc(1, size), nudge[64];
    if (poll < 0 || !fds || !bytes)
        load_fail("bare loop");
    size_t payload = size / (size_t)o->changes;
    for (int i = 0; i < o->changes; i++) { /* whole frames, as the counter expects */
        char *f = bytes + (size_t)i * payload;
        f[0] = (char)0x81;
        f[1] = 126;
        f[2] = (char)((payload - 4) >> 8);
        f[3] = (char)((payload - 4) & 0xff);
    }
    for (int i = 0; i <= o->subscribers; i++) {
        int fd = accept(listener, NULL, NULL);
        struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
        if (fd < 0 || epoll_ctl(poll, EPOLL_CTL_ADD, fd, &e) != 0)
            load_fail("bare accept");
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        if (i < o->subscribers)
            fds[i] = fd;
    }
    for (;;) {
        struct epoll_event e;
        if (epoll_wait(poll, &e, 1, -1) != 1 || recv(e.data.fd, nudge, sizeof(nudge), 0) <= 0)
            _exit(0);
        for (int i = 0; i < o->subscribers; i++)
            if (send(fds[i], bytes, payload * (size_t)o->changes, MSG_NOSIGNAL) < 0)
                load_fail("bare send");
    }
}

static struct result run_bare(const struct options *o, size_t size)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t at_size = sizeof(at);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&at, at_size) != 0 ||
        listen(listener, 4096) != 0 || getsockname(listener, (struct sockaddr *)&at, &at_size) != 0)
        load_fail("listen");
    pid_t pid = fork();
    if (pid == 0)
        bare_loop(listener, o, size);
    close(listener);
    load_pin(1);
    struct readers r;
    readers_init(&r, o->subscribers);
    for (int i = 0; i < o->subscribers; i++)
        readers_add(&r, i, load_connect(ntohs(at.sin_port)));
    struct publisher p = {load_connect(ntohs(at.sin_port)), "x", 1};
    struct result out = measure(o, &r, &p, pid);
    close(p.fd);
    readers_done(&r);
    kill(pid, SIGTERM);
    waitpid(pid, NULL, 0);
    return out;
}

static int compare_results(const void *a, const void *b)
{
    double x = ((const struct result *)a)->cpu_ns, y = ((const struct result *)b)->cpu_ns;
    return (x > y) - (x < y);
}

static void print(const char *name, const struct result *r)
{
    printf("%-10s %8.0f ns of CPU per delivery  %9.0f deliveries/s  round p50 %6llu us, p99 %6llu "
           "us\n",
           name, r->cpu_ns, r->per_second, (unsigned long long)r->p50_us,
           (unsigned long long)r->p99_us);
}

static void compare(struct options o, int changes)
{
    struct result ours[REPETITIONS_MAX], bare[REPETITIONS_MAX];
    o.changes = changes;
    for (int i = 0; i < o.repetitions; i++) {
        ours[i] = run_homebake(&o);
        bare[i] = run_bare(&o, (size_t)ours[i].bytes_per_delivery * (size_t)changes);
    }
    qsort(ours, (size_t)o.repetitions, sizeof(*ours), compare_results);
    qsort(bare, (size_t)o.repetitions, sizeof(*bare), compare_results);
    const struct result *a = &ours[o.repetitions / 2], *b = &bare[o.repetitions / 2];
    printf("%d subscribers, %d change%s a wake-up, %llu bytes a frame, median of %d\n",
           o.subscribers, changes, changes > 1 ? "s" : "",
           (unsigned long long)a->bytes_per_delivery, o.repetitions);
    print("homebake", a);
    print("bare epoll", b);
    printf("ratio      %8.2f\n\n", a->cpu_ns / b->cpu_ns);
}

int main(int argc, char **argv)
{
    struct options o = {
        .program = "build/homebake", .subscribers = 1000, .rounds = 200, .repetitions = 5};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--quick") == 0) {
            o.rounds = 20;
            o.repetitions = 1;
            o.subscribers = 200;
        } else if (strcmp(argv[i], "--subscribers") == 0 && i + 1 < argc) {
            o.subscribers = atoi(argv[++i]);
        } else if (strcmp(argv[i], "--program") == 0 && i + 1 < argc) {
            o.program = argv[++i];
        } else {
            fprintf(stderr,
                    "Usage: fanout [--quick] [--subscribers N] [--program build/homebake]\n");
            return 2;
        }
    }
    if (o.subscribers < 1 || o.subscribers > 15000) {
        fprintf(stderr, "fanout: 1 to 15000 subscribers\n");
        return 2;
    }
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("fanout: server CPU per policed delivery beside a bare epoll loop that sends the same "
           "bytes\n\n");
    compare(o, 1);
    compare(o, 16);
    return 0;
}
