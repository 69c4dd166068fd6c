/* herd: 10,000 subscribers are cut off at once and come back, each with the seq of the last change it
 * has had, while sales go on being inserted.  Twice: once their connections are torn down, and
 * once the server is killed and started again on the same folder.
 *
 * They all connect in the same instant, without the pauses that kind clients make.  Printed is how
 * long it took until the half, 99 % and the last of them were live again.  At the end each
 * reader's changes are compared with the log that the server wrote to its disk: their number, and
 * a checksum over their seqs in the order in which they came. */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hist.h"
#include "load.h"
#include "options.h"
#include "reader.h"
#include "report.h"

enum {
    ROWS = 5, /* of an insert */
    EVERY_MS = 250,
    TURN_MS = 50,
    PATIENCE_MS = 60000,
    TARGET_S = 10, /* until all are live again */
};

/* What the publisher sees of us, and we of it. */
struct shared {
    _Atomic bool has_begun, is_over;
    _Atomic uint64_t acknowledged; /* sales */
};

struct plan {
    const char *program;
    int subscribers, shards;
    unsigned calm_ms; /* before and after a cut */
};

/* ---- the publisher ---- */

/* False when the connection broke before the answer: whether those sales exist, the log says. */
static bool insert(const char *request, size_t size, int fd)
{
    char answer[4096];
    if (fd < 0 || send(fd, request, size, MSG_NOSIGNAL) != (ssize_t)size)
        return false;
    ssize_t n = recv(fd, answer, sizeof(answer), 0);
    return n > 12 && memcmp(answer, "HTTP/1.1 201", 12) == 0;
}

static _Noreturn void publish(const struct homebake *h, struct shared *shared)
{
    static char request[16384];
    size_t size = homebake_put_sales(h, ROWS, request, sizeof(request));
    while (!shared->has_begun)
        load_pause_ms(EVERY_MS);
    while (!shared->is_over) {
        int fd = wire_try_connect(h->port);
        if (insert(request, size, fd))
            shared->acknowledged += ROWS;
        if (fd >= 0)
            close(fd);
        load_pause_ms(EVERY_MS);
    }
    _exit(0);
}

/* ---- the log ---- */

struct truth {
    uint64_t *seqs; /* of all sales' changes, rising */
    size_t count;
};

/* From the file, beside the running server. */
static void read_truth(const struct homebake *h, struct truth *t)
{
    static const char sql[] = "SELECT seq FROM changes WHERE tbl = 'sales_logs' ORDER BY seq";
    char path[PROCESS_FOLDER_MAX + 32];
    sqlite3 *db = NULL;
    sqlite3_stmt *st = NULL;
    size_t room = 1 << 20;
    snprintf(path, sizeof(path), "%s/homebake.db", h->folder);
    t->seqs = load_array(room, sizeof(*t->seqs));
    t->count = 0;
    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK ||
        sqlite3_prepare_v2(db, sql, -1, &st, NULL) != SQLITE_OK)
        load_fail(path);
    while (t->count < room && sqlite3_step(st) == SQLITE_ROW)
        t->seqs[t->count++] = (uint64_t)sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    sqlite3_close(db);
}

static struct reader_sum sum_after(const struct truth *t, uint64_t first)
{
    struct reader_sum sum = {0, 0};
    for (size_t i = 0; i < t->count; i++)
        if (t->seqs[i] > first)
            reader_sum_add(&sum, t->seqs[i]);
    return sum;
}

/* ---- the readers ---- */

static void read_for(struct readers *r, unsigned ms)
{
    uint64_t end_ns = load_now_ns() + ms * LOAD_NS_PER_MS;
    while (load_now_ns() < end_ns)
        readers_turn(r, TURN_MS);
}

/* Until all are live; who failed is sent again. */
static void bring_back(struct readers *r)
{
    uint64_t end_ns = load_now_ns() + PATIENCE_MS * LOAD_NS_PER_MS, next_ns = 0;
    while (readers_live(r) < r->count) {
        uint64_t now_ns = load_now_ns();
        if (now_ns > end_ns)
            load_fail("not all came back");
        if (now_ns > next_ns) {
            readers_connect(r);
            next_ns = now_ns + TURN_MS * LOAD_NS_PER_MS;
        }
        readers_turn(r, TURN_MS);
    }
}

static void print_return(const struct readers *r, const char *what, uint64_t cut_ns,
                         uint64_t retries, double cpu_ns)
{
    static struct hist live;
    live = (struct hist){.count = 0};
    for (int i = 0; i < r->count; i++)
        hist_add(&live, (r->items[i].live_ns - cut_ns) / 1000, 1);
    report_row("%s | %s | %s | %s | %d s | %s | %llu", what,
               report_us(hist_percentile(&live, 0.5)).text,
               report_us(hist_percentile(&live, 0.99)).text, report_us(live.max).text, TARGET_S,
               report_ns(cpu_ns / r->count).text, (unsigned long long)(r->retries - retries));
}

static void cut(const struct plan *p, struct readers *r, struct homebake *h, bool kills)
{
    uint64_t retries = r->retries, cut_ns = load_now_ns();
    if (kills)
        homebake_kill(h);
    readers_cut(r);
    if (kills)
        homebake_serve(h);
    uint64_t cpu_ns = kills ? 0 : load_cpu_ns(h->pid);
    bring_back(r);
    print_return(r, kills ? "the server killed and started again" : "connections torn down", cut_ns,
                 retries, (double)(load_cpu_ns(h->pid) - cpu_ns));
    read_for(r, p->calm_ms);
}

/* Everybody has had the last change of the log. */
static bool has_all(const struct readers *r, const struct truth *t)
{
    for (int i = 0; i < r->count; i++)
        if (t->count > 0 && r->items[i].cursor < t->seqs[t->count - 1])
            return false;
    return true;
}

static int judge(struct readers *r, const struct homebake *h, const struct shared *shared)
{
    struct truth t;
    int wrong = 0;
    uint64_t end_ns = load_now_ns() + PATIENCE_MS * LOAD_NS_PER_MS;
    read_truth(h, &t);
    while (!has_all(r, &t) && load_now_ns() < end_ns)
        readers_turn(r, TURN_MS);
    struct reader_sum wanted = {0, 0};
    uint64_t first = UINT64_MAX;
    for (int i = 0; i < r->count; i++) {
        const struct reader *m = &r->items[i];
        if (m->first != first)
            wanted = sum_after(&t, m->first);
        first = m->first;
        wrong += m->seen.count != wanted.count || m->seen.hash != wanted.hash;
    }
    report_line("\n%llu sales acknowledged, %llu changes each; %d of %d readers differ from the "
                "log; %llu changes came twice or out of order; %llu joins could not be resumed",
                (unsigned long long)shared->acknowledged, (unsigned long long)wanted.count, wrong,
                r->count, (unsigned long long)r->doubled, (unsigned long long)r->not_resumed);
    free(t.seqs);
    return wrong > 0 || r->doubled > 0 || r->not_resumed > 0;
}

static int run(const struct plan *p, struct shared *shared)
{
    struct homebake_config cfg = {p->program, p->shards, -1};
    struct homebake h;
    struct readers r;
    homebake_start(&h, &cfg);
    /* Before there are readers: it would inherit their sockets, which then could not be cut. */
    pid_t publisher = process_fork();
    if (publisher == 0)
        publish(&h, shared);
    readers_init(&r, &h, p->subscribers);
    bring_back(&r);
    shared->has_begun = true;
    report_line("%s subscribers of the sales, %d sales inserted every %d ms, %d shards\n",
                report_count(p->subscribers).text, ROWS, EVERY_MS, p->shards);
    REPORT_HEAD("cut by", "half live again", "99 %", "all", "target", "server CPU each", "retries");
    read_for(&r, p->calm_ms);
    cut(p, &r, &h, false);
    cut(p, &r, &h, true);
    shared->is_over = true;
    waitpid(publisher, NULL, 0);
    int status = judge(&r, &h, shared);
    readers_done(&r);
    homebake_stop(&h);
    return status;
}

int main(int argc, char **argv)
{
    struct plan p = {
        .program = "build/homebake", .subscribers = 10000, .shards = 2, .calm_ms = 3000};
    bool is_quick = false;
    const struct option options[] = {
        {.name = "--quick", .flag = &is_quick},
        {.name = "--subscribers", .number = &p.subscribers, .least = 1, .most = 15000},
        {.name = "--shards", .number = &p.shards, .least = 1, .most = 64},
        {.name = "--program", .text = &p.program}};
    options_parse(argc, argv, options, sizeof(options) / sizeof(*options));
    if (is_quick)
        p = (struct plan){p.program, 300, p.shards, 500};
    load_raise_files();
    struct shared *shared =
        mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        load_fail("mmap");
    int status = run(&p, shared);
    munmap(shared, sizeof(*shared));
    return status;
}
