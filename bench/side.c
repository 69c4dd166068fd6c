#include "side.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "load.h"

enum { POLL_MS = 5000 };

/* ---- the process ---- */

/* False at the end of the pipe. */
static bool read_all(int fd, void *data, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t n = read(fd, (char *)data + done, size - done);
        if (n == 0 || (n < 0 && errno != EINTR))
            return false;
        done += n > 0 ? (size_t)n : 0;
    }
    return true;
}

static void write_all(int fd, const void *data, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t n = write(fd, (const char *)data + done, size - done);
        if (n < 0 && errno != EINTR)
            load_fail("write to the other process");
        done += n > 0 ? (size_t)n : 0;
    }
}

/* The next turn; what the subscribers must say meanwhile is said.  False at the end. */
static bool await_turn(struct drive *d, int from, struct turn *turn)
{
    struct pollfd p = {.fd = from, .events = POLLIN};
    while (poll(&p, 1, POLL_MS) == 0)
        drive_keep_alive(d);
    return read_all(from, turn, sizeof(*turn)) && turn->messages > 0;
}

static _Noreturn void serve_turns(const struct stack *stack, const struct stack_config *cfg,
                                  int from, int to)
{
    static struct drive d;
    static struct outcome out;
    struct turn turn;
    char ready = 1;
    load_raise_files();
    drive_start(&d, stack, cfg);
    write_all(to, &ready, 1);
    while (await_turn(&d, from, &turn)) {
        drive_turn(&d, &turn, &out);
        write_all(to, &out, sizeof(out));
    }
    drive_stop(&d);
    _exit(0);
}

void side_start(struct side *s, const struct stack *stack, const struct stack_config *cfg)
{
    int there[2], back[2];
    char ready;
    if (pipe2(there, O_CLOEXEC) != 0 || pipe2(back, O_CLOEXEC) != 0)
        load_fail("pipe");
    *s = (struct side){.stack = stack, .to = there[1], .from = back[0]};
    s->pid = process_fork();
    if (s->pid == 0) {
        close(s->to);
        close(s->from);
        serve_turns(stack, cfg, there[0], back[1]);
    }
    close(there[0]);
    close(back[1]);
    if (!read_all(s->from, &ready, 1))
        load_fail(stack->name);
}

void side_turn(struct side *s, const struct turn *turn, struct outcome *out)
{
    write_all(s->to, turn, sizeof(*turn));
    if (!read_all(s->from, out, sizeof(*out)))
        load_fail(s->stack->name);
}

size_t side_frame_size(struct side *s)
{
    static struct outcome out;
    struct turn turn = {.messages = 1, .rounds = 1};
    side_turn(s, &turn, &out);
    return (size_t)(out.bytes / out.deliveries);
}

void side_stop(struct side *s)
{
    /* Said, not shown by closing the pipe: sides that were started later hold its end too. */
    struct turn end = {.messages = 0};
    write_all(s->to, &end, sizeof(end));
    waitpid(s->pid, NULL, 0);
    close(s->to);
    close(s->from);
}

/* ---- the league ---- */

struct series {
    double cpu_ns[LEAGUE_CYCLES_MAX], per_second[LEAGUE_CYCLES_MAX], ratio[LEAGUE_CYCLES_MAX];
};

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, int count)
{
    qsort(values, (size_t)count, sizeof(*values), compare_doubles);
    return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

static void note(struct standing *s, struct series *series, int cycle, const struct outcome *o)
{
    double count = (double)o->deliveries;
    series->cpu_ns[cycle] = (double)o->cpu_ns / count;
    series->per_second[cycle] = count * 1e9 / (double)o->wall_ns;
    s->frame_size = (size_t)(o->bytes / o->deliveries);
    hist_merge(&s->each, &o->each);
    hist_merge(&s->last, &o->last);
    hist_merge(&s->commit, &o->commit);
}

static void settle(struct standing *s, struct series *series, int cycles)
{
    s->ratio = median(series->ratio, cycles);
    s->least = series->ratio[0];
    s->most = series->ratio[cycles - 1];
    s->cpu_ns = median(series->cpu_ns, cycles);
    s->per_second = median(series->per_second, cycles);
}

void league_run(struct side *sides, int count, const struct turn *turn, int cycles,
                struct standing *out)
{
    static struct outcome outcome;
    static struct series series[LEAGUE_MAX];
    for (int i = 0; i < count; i++)
        out[i] = (struct standing){.name = sides[i].stack->name};
    for (int cycle = 0; cycle < cycles; cycle++) {
        for (int k = 0; k < count; k++) {
            int i = cycle % 2 ? count - 1 - k : k;
            side_turn(&sides[i], turn, &outcome);
            note(&out[i], &series[i], cycle, &outcome);
        }
        for (int i = 0; i < count; i++)
            series[i].ratio[cycle] = series[i].cpu_ns[cycle] / series[0].cpu_ns[cycle];
    }
    for (int i = 0; i < count; i++)
        settle(&out[i], &series[i], cycles);
}
