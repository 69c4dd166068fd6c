/* homebake-sim --seeds N [--from S] [--break drop|repeat|leak|copy] [--verbose] */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>

struct options {
    uint64_t seeds, from;
    enum sabotage sabotage;
    bool is_verbose;
};

static bool parse_sabotage(const char *text, enum sabotage *out)
{
    static const char *const names[] = {"none", "drop", "repeat", "leak", "copy"};
    for (int i = 0; i <= SABOTAGE_COPY; i++) {
        if (strcmp(text, names[i]) == 0) {
            *out = (enum sabotage)i;
            return true;
        }
    }
    return false;
}

static bool parse(int argc, char **argv, struct options *o)
{
    for (int i = 1; i < argc; i++) {
        bool is_ok = i + 1 < argc;
        if (strcmp(argv[i], "--verbose") == 0)
            o->is_verbose = is_ok = true;
        else if (is_ok && strcmp(argv[i], "--seeds") == 0)
            is_ok = !bytes_to_u64(bytes_of(argv[++i]), &o->seeds);
        else if (is_ok && strcmp(argv[i], "--from") == 0)
            is_ok = !bytes_to_u64(bytes_of(argv[++i]), &o->from);
        else if (is_ok && strcmp(argv[i], "--break") == 0)
            is_ok = parse_sabotage(argv[++i], &o->sabotage);
        else
            is_ok = false;
        if (!is_ok)
            return false;
    }
    return o->seeds > 0;
}

static void describe(const struct world *w)
{
    const struct {
        const char *name;
        uint64_t count;
    } facts[] = {{"readers", (uint64_t)w->reader_count},
                 {"changes", w->heard},
                 {"heard", w->events},
                 {"snapshots", w->snapshots},
                 {"resumes", w->resumes},
                 {"lost", w->losses},
                 {"disabled", w->closes},
                 {"restarts", w->restarts},
                 {"behind", w->counters.behind},
                 {"replayed", w->counters.replayed},
                 {"dropped idle", w->counters.dropped_idle},
                 {"dropped slow", w->counters.dropped_slow}};
    for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++)
        printf(" %s %llu,", facts[i].name, (unsigned long long)facts[i].count);
    printf(" trace %016llx\n", (unsigned long long)w->trace);
}

struct totals {
    uint64_t faults, violations, trace;
    int64_t simulated_us;
};

static void add(struct totals *t, const struct world *w, bool is_verbose)
{
    t->faults += w->faults;
    t->simulated_us += w->now_us - w->start_us;
    t->trace = (t->trace ^ w->trace) * UINT64_C(1099511628211);
    if (is_verbose)
        describe(w);
    if (w->violation[0]) {
        t->violations++;
        printf("seed %llu, second %.3f: %s\n", (unsigned long long)w->seed,
               (double)(w->now_us - w->start_us) / 1e6, w->violation);
    }
}

int main(int argc, char **argv)
{
    struct options o = {.from = 1};
    struct totals t = {.trace = 1};
    if (!parse(argc, argv, &o)) {
        fprintf(stderr, "usage: homebake-sim --seeds N [--from S] [--verbose] "
                        "[--break drop|repeat|leak|copy]\n");
        return 2;
    }
    struct world *w = malloc(sizeof(*w));
    if (!w)
        return 2;
    for (uint64_t i = 0; i < o.seeds; i++) {
        uint64_t seed = o.from + i;
        if (o.is_verbose) /* ahead, so that a crash has a name */
            printf("seed %llu:", (unsigned long long)seed);
        fflush(stdout);
        world_run(w, seed, o.sabotage);
        add(&t, w, o.is_verbose);
    }
    free(w);
    printf("trace %016llx\n", (unsigned long long)t.trace);
    printf("seeds %llu, simulated %lld s, faults %llu, violations %llu\n",
           (unsigned long long)o.seeds, (long long)(t.simulated_us / 1000000),
           (unsigned long long)t.faults, (unsigned long long)t.violations);
    return t.violations > 0;
}
