#include "load.h"

#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

_Noreturn void load_fail(const char *what)
{
    fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
    exit(1);
}

void *load_array(size_t count, size_t size)
{
    void *p = calloc(count ? count : 1, size);
    if (!p)
        load_fail("memory");
    return p;
}

static uint64_t read_clock(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * LOAD_NS_PER_S + (uint64_t)t.tv_nsec;
}

uint64_t load_now_ns(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

int64_t load_wall_us(void)
{
    return (int64_t)(read_clock(CLOCK_REALTIME) / 1000);
}

void load_pause_ms(unsigned ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    while (nanosleep(&t, &t) != 0)
        if (errno != EINTR)
            load_fail("nanosleep");
}

void load_pin(int cpu)
{
    cpu_set_t set;
    if (cpu < 0)
        return;
    CPU_ZERO(&set);
    CPU_SET((size_t)cpu, &set);
    if (sched_setaffinity(0, sizeof(set), &set) != 0)
        load_fail("sched_setaffinity");
}

void load_raise_files(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0)
        load_fail("getrlimit");
    files.rlim_cur = files.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &files) != 0)
        load_fail("setrlimit");
}

/* The number behind `name` in a file of /proc; the first number of the file when name is NULL. */
static uint64_t read_number(const char *path, const char *name)
{
    char line[256];
    unsigned long long n = 0;
    FILE *f = fopen(path, "re");
    while (f && fgets(line, sizeof(line), f)) {
        if (name && strncmp(line, name, strlen(name)) != 0)
            continue;
        n = strtoull(line + (name ? strlen(name) : 0), NULL, 10);
        break;
    }
    if (f)
        fclose(f); /* a thread may have ended meanwhile: then it counts for nothing */
    return n;
}

static uint64_t sum_over_threads(pid_t pid, const char *file, const char *name)
{
    char path[320];
    snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
    DIR *tasks = opendir(path);
    if (!tasks)
        load_fail(path);
    uint64_t sum = 0;
    for (struct dirent *e; (e = readdir(tasks));) {
        snprintf(path, sizeof(path), "/proc/%d/task/%s/%s", (int)pid, e->d_name, file);
        sum += e->d_name[0] == '.' ? 0 : read_number(path, name);
    }
    closedir(tasks);
    return sum;
}

uint64_t load_cpu_ns(pid_t pid)
{
    return sum_over_threads(pid, "schedstat", NULL);
}

uint64_t load_switches(pid_t pid)
{
    return sum_over_threads(pid, "status", "voluntary_ctxt_switches:");
}

size_t load_resident_bytes(pid_t pid)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    return read_number(path, "VmRSS:") * 1024;
}
