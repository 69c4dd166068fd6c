/* homebake-sim --seeds N [--from S] [--devices N] [--night S] [--known FILE] [--keep FILE]
 *              [--break FAULT] [--verbose]
 *
 * A file of known seeds has one at the start of each line; what follows is for people.  They are run
 * first.  --keep appends each failing seed to such a file. */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>

enum { NIGHT_MAX_S = 1000000 };

struct options {
    uint64_t seeds, from, devices, night_s;
    const char *known, *keep; /* NULL: none */
    enum sabotage sabotage;
    bool is_verbose;
};

static const char usage[] =
    "usage: homebake-sim --seeds N [--from S] [--known FILE] [--keep FILE] [--verbose]\n"
    "                    [--devices N] [--night S] [--break "
    "drop|repeat|leak|copy|lose|hush|deaf|blank]\n";

static bool parse_sabotage(const char *text, enum sabotage *out)
{
    static const char *const names[] = {"none", "drop", "repeat", "leak", "copy",
                                        "lose", "hush", "deaf",   "blank"};
    for (int i = 0; i < SABOTAGE_COUNT; i++) {
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
        else if (is_ok && strcmp(argv[i], "--devices") == 0)
            is_ok = !bytes_to_u64(bytes_of(argv[++i]), &o->devices) && o->devices <= DEVICES_MAX;
        else if (is_ok && strcmp(argv[i], "--night") == 0)
            is_ok = !bytes_to_u64(bytes_of(argv[++i]), &o->night_s) && o->night_s <= NIGHT_MAX_S;
        else if (is_ok && strcmp(argv[i], "--known") == 0)
            o->known = argv[++i];
        else if (is_ok && strcmp(argv[i], "--keep") == 0)
            o->keep = argv[++i];
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
    const struct world_counters *c = &w->counters;
    const struct {
        const char *name;
        uint64_t count;
    } facts[] = {{"shards", (uint64_t)w->server.shard_count},
                 {"readers", (uint64_t)w->reader_count},
                 {"changes", w->model.count},
                 {"writes", c->writes},
                 {"refused", c->refused},
                 {"groups", c->groups},
                 {"asked again", c->again},
                 {"heard", c->events},
                 {"coalesced", c->coalesced},
                 {"snapshots", c->snapshots},
                 {"resumes", c->resumes},
                 {"lost", c->losses},
                 {"disabled", c->closes},
                 {"expired", c->expiries},
                 {"restarts", c->restarts},
                 {"crashes", c->crashes},
                 {"relayed", c->relayed},
                 {"broadcasts", c->broadcasts},
                 {"fetched", c->hub.fetched},
                 {"trims", c->trims},
                 {"devices opened", c->tabs},
                 {"told to devices", c->told},
                 {"in new roles", c->reroles},
                 {"behind", c->hub.behind},
                 {"replayed", c->hub.replayed},
                 {"dropped idle", c->hub.dropped_idle},
                 {"dropped slow", c->hub.dropped_slow},
                 {"hub bytes", (uint64_t)c->hub_bytes_max}};
    for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++)
        printf(" %s %llu,", facts[i].name, (unsigned long long)facts[i].count);
    printf(" trace %016llx\n", (unsigned long long)w->trace);
}

struct totals {
    uint64_t seeds, faults, violations, trace;
    int64_t simulated_us;
};

/* False: the file cannot be written. */
static bool keep(const char *path, const struct world *w)
{
    FILE *f = fopen(path, "a");
    if (!f)
        return false;
    fprintf(f, "%llu  %s\n", (unsigned long long)w->seed, w->violation);
    return fclose(f) == 0;
}

static void add(struct totals *t, const struct world *w, const struct options *o)
{
    t->seeds++;
    t->faults += w->counters.faults;
    t->simulated_us += w->now_us - w->start_us;
    t->trace = (t->trace ^ w->trace) * UINT64_C(1099511628211);
    if (o->is_verbose)
        describe(w);
    if (!w->violation[0])
        return;
    t->violations++;
    printf("seed %llu, second %.3f: %s\n", (unsigned long long)w->seed,
           (double)(w->now_us - w->start_us) / 1e6, w->violation);
    if (o->keep && !keep(o->keep, w))
        fprintf(stderr, "cannot write %s\n", o->keep);
}

static void run(struct totals *t, struct world *w, uint64_t seed, const struct options *o)
{
    if (o->is_verbose) /* ahead, so that a crash has a name */
        printf("seed %llu:", (unsigned long long)seed);
    fflush(stdout);
    world_run(w, seed, o->sabotage, (int)o->devices, (int64_t)o->night_s);
    add(t, w, o);
}

static bool run_known(struct totals *t, struct world *w, const struct options *o)
{
    char line[1024];
    FILE *f = fopen(o->known, "r");
    if (!f)
        return false;
    while (fgets(line, sizeof(line), f)) {
        char *end;
        uint64_t seed = strtoull(line, &end, 10);
        if (end > line)
            run(t, w, seed, o);
    }
    fclose(f);
    return true;
}

int main(int argc, char **argv)
{
    struct options o = {.from = 1};
    struct totals t = {.trace = 1};
    if (!parse(argc, argv, &o)) {
        fputs(usage, stderr);
        return 2;
    }
    struct world *w = malloc(sizeof(*w));
    if (!w)
        return 2;
    if (o.known && !run_known(&t, w, &o)) {
        fprintf(stderr, "cannot read %s\n", o.known);
        free(w);
        return 2;
    }
    for (uint64_t i = 0; i < o.seeds; i++)
        run(&t, w, o.from + i, &o);
    free(w);
    printf("trace %016llx\n", (unsigned long long)t.trace);
    printf("seeds %llu, simulated %lld s, faults %llu, violations %llu\n",
           (unsigned long long)t.seeds, (long long)(t.simulated_us / 1000000),
           (unsigned long long)t.faults, (unsigned long long)t.violations);
    return t.violations > 0;
}
