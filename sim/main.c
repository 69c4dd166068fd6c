/* homebake-sim: seeds of the simulated world, one after another.  A file of known seeds has one at the
 * start of each line; what follows is for people. */
#include "world.h"

#include <stdlib.h>
#include <time.h>

enum { NIGHT_MAX_S = 1000000 };

struct options {
    uint64_t seeds, from, devices, night_s, for_s;
    const char *known, *keep, *tapes; /* NULL: none */
    enum sabotage sabotage;
    bool is_verbose;
    struct world_plan plan; /* of them */
};

static const char usage[] =
    "Usage: homebake-sim --seeds N [OPTION]…\n"
    "\n"
    "  --seeds N        so many seeds, each a world of its own …\n"
    "  --from S         … from this one on (1)\n"
    "  --for SECONDS    no further seed after so long by the clock of this machine\n"
    "  --devices N      devices with the real client in each world (0)\n"
    "  --night SECONDS  simulated, in the end of each world: little happens, for hours\n"
    "  --known FILE     first the seeds at the starts of its lines\n"
    "  --keep FILE      append each seed that fails\n"
    "  --tapes FILE     write down what each device's client was told, for `trace`\n"
    "  --break FAULT    an oracle must notice: drop repeat leak copy lose hush deaf blank storm\n"
    "  --verbose        a line for each seed\n"
    "\n"
    "The last line sums up; the exit status is 1 when an oracle was violated.\n";

static bool parse_sabotage(const char *text, enum sabotage *out)
{
    static const char *const names[] = {"none", "drop", "repeat", "leak",  "copy",
                                        "lose", "hush", "deaf",   "blank", "storm"};
    for (int i = 0; i < SABOTAGE_COUNT; i++) {
        if (strcmp(text, names[i]) == 0) {
            *out = (enum sabotage)i;
            return true;
        }
    }
    return false;
}

/* Where an option's number, or text, is to go. */
static bool parse_value(struct options *o, const char *name, const char *value)
{
    const struct {
        const char *name;
        uint64_t *number, most;
    } numbers[] = {
        {"--seeds", &o->seeds, UINT64_MAX},    {"--from", &o->from, UINT64_MAX},
        {"--for", &o->for_s, UINT32_MAX},      {"--devices", &o->devices, DEVICES_MAX},
        {"--night", &o->night_s, NIGHT_MAX_S},
    };
    const struct {
        const char *name, **text;
    } texts[] = {{"--known", &o->known}, {"--keep", &o->keep}, {"--tapes", &o->tapes}};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        if (strcmp(name, numbers[i].name) == 0)
            return !bytes_to_u64(bytes_of(value), numbers[i].number) &&
                   *numbers[i].number <= numbers[i].most;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (strcmp(name, texts[i].name) == 0) {
            *texts[i].text = value;
            return true;
        }
    return strcmp(name, "--break") == 0 && parse_sabotage(value, &o->sabotage);
}

static bool parse(int argc, char **argv, struct options *o)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--verbose") == 0)
            o->is_verbose = true;
        else if (i + 1 == argc || !parse_value(o, argv[i], argv[i + 1]))
            return false;
        else
            i++;
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
                 {"disks full", c->full},
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
    world_run(w, seed, &o->plan);
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

static bool make_plan(struct options *o)
{
    o->plan = (struct world_plan){.sabotage = o->sabotage,
                                  .devices = (int)o->devices,
                                  .night_s = (int64_t)o->night_s,
                                  .tapes = o->tapes ? fopen(o->tapes, "wb") : NULL};
    return !o->tapes || o->plan.tapes;
}

static bool run_all(struct totals *t, struct world *w, const struct options *o)
{
    time_t end = time(NULL) + (time_t)o->for_s;
    if (o->known && !run_known(t, w, o))
        return false;
    for (uint64_t i = 0; i < o->seeds && (!o->for_s || time(NULL) < end); i++)
        run(t, w, o->from + i, o);
    return true;
}

int main(int argc, char **argv)
{
    struct options o = {.from = 1};
    struct totals t = {.trace = 1};
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return fputs(usage, stdout) < 0;
    if (!parse(argc, argv, &o)) {
        fputs(usage, stderr);
        return 2;
    }
    struct world *w = malloc(sizeof(*w));
    if (!w || !make_plan(&o) || !run_all(&t, w, &o)) {
        fputs("homebake-sim: no memory, or a file that cannot be opened\n", stderr);
        free(w);
        return 2;
    }
    free(w);
    if (o.plan.tapes && fclose(o.plan.tapes)) {
        fprintf(stderr, "cannot write %s\n", o.tapes);
        return 2;
    }
    printf("trace %016llx\n", (unsigned long long)t.trace);
    printf("seeds %llu, simulated %lld s, faults %llu, violations %llu\n",
           (unsigned long long)t.seeds, (long long)(t.simulated_us / 1000000),
           (unsigned long long)t.faults, (unsigned long long)t.violations);
    return t.violations > 0;
}
