/* idle: what the server costs while nothing happens: time from exec to "listening", resident memory, and how often its
 * threads woke up in a few seconds; first without connections, then with many that have joined a channel.  No limit to
 * compare with but zero; the targets stand beside the numbers. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "load.h"

static void sleep_s(unsigned seconds)
{
    while (seconds > 0)
        seconds = sleep(seconds);
}

static void measure(const struct load_server *s, const char *state, unsigned seconds)
{
    uint64_t switches = load_switches(s->pid), cpu = load_cpu_ns(s->pid);
    sleep_s(seconds);
    printf("%-28s %6.1f MB resident   %llu wake-ups and %.2f ms of CPU in %u s\n", state,
           (double)load_resident_bytes(s->pid) / 1e6,
           (unsigned long long)(load_switches(s->pid) - switches),
           (double)(load_cpu_ns(s->pid) - cpu) / 1e6, seconds);
}

int main(int argc, char **argv)
{
    const char *program = "build/homebake";
    int subscribers = 5000;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--program") == 0 && i + 1 < argc) {
            program = argv[++i];
        } else if (strcmp(argv[i], "--subscribers") == 0 && i + 1 < argc) {
            subscribers = atoi(argv[++i]);
        } else {
            fprintf(stderr, "Usage: idle [--subscribers N] [--program build/homebake]\n");
            return 2;
        }
    }
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    int *fds = calloc((size_t)(subscribers < 1 ? 1 : subscribers), sizeof(*fds));
    if (!fds || subscribers < 1 || subscribers > 15000) {
        fprintf(stderr, "idle: 1 to 15000 subscribers\n");
        return 2;
    }
    struct load_server s;
    load_server_start(&s, program, 2, -1);
    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("ready in                     %6.1f ms   (target: under 100)\n",
           (double)s.ready_ns / 1e6);
    sleep_s(3); /* what a sign-in took is given back */
    measure(&s, "no connection", 5);
    size_t before = load_resident_bytes(s.pid);
    for (int i = 0; i < subscribers; i++)
        fds[i] = load_join(&s, "bench",
                           "{\"postgres_changes\":[{\"event\":\"*\",\"schema\":\"public\","
                           "\"table\":\"sales_logs\"}],"
                           "\"presence\":{\"enabled\":false}}");
    char state[64];
    snprintf(state, sizeof(state), "%d joined subscribers", subscribers);
    sleep_s(3);
    measure(&s, state, 5);
    printf("per joined subscriber        %6.0f bytes of user memory\n",
           ((double)load_resident_bytes(s.pid) - (double)before) / subscribers);
    for (int i = 0; i < subscribers; i++)
        close(fds[i]);
    free(fds);
    load_server_stop(&s);
    return 0;
}
