#include "world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { TEXT_MAX = 64 << 20, ROUNDS = 2, ROUND_STEPS = 350, BURST_MAX = 150, RUN_MAX = 256 };
static const int64_t start_us = INT64_C(1800000000000000), second_us = INT64_C(1000000);

void world_must(bool is_so)
{
    if (!is_so)
        abort();
}

void world_fail(struct world *w, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (!w->violation[0])
        vsnprintf(w->violation, sizeof(w->violation), format, args);
    va_end(args);
}

void world_trace(struct world *w, struct bytes b)
{
    w->trace = bytes_hash(b, w->trace);
}

bool world_chance(struct world *w, uint64_t one_in)
{
    return rng_below(&w->rng, one_in) == 0;
}

int64_t world_delay(struct world *w, int64_t max_us)
{
    return (int64_t)rng_below(&w->rng, (uint64_t)(w->is_calm ? max_us / 4 : max_us) + 1);
}

void world_starve(struct world *w, bool is_allowed)
{
    if (is_allowed && w->is_poor && !w->is_calm && world_chance(w, 20))
        mem_fail_at(1 + rng_below(&w->rng, 12));
}

bool world_feed(struct world *w)
{
    bool was_starved = mem_fail_hit();
    w->faults += was_starved;
    mem_fail_at(0);
    return was_starved;
}

static bool may_starve(const struct hub_in *in)
{
    return in->kind == HUB_IN_CHANGES || in->kind == HUB_IN_BYTES || in->kind == HUB_IN_TICK;
}

void world_step(struct world *w, struct hub_in *in)
{
    world_starve(w, may_starve(in));
    enum err e = hub_step(w->hub, in, w->now_us);
    bool was_starved = world_feed(w);
    if (e && !(was_starved && in->kind == HUB_IN_CHANGES))
        world_fail(w, "hub_step of kind %d gave error %d", (int)in->kind, (int)e);
    w->trace = w->trace * 31 + (uint64_t)in->kind;
}

/* ---- the hub's life ---- */

static void feed(struct world *w, uint64_t count)
{
    struct change *run[RUN_MAX];
    while (count > 0) {
        uint64_t size = count < RUN_MAX ? count : RUN_MAX, head = hub_head(w->hub);
        for (uint64_t i = 0; i < size; i++)
            run[i] = bakery_entry(&w->bakery, head + 1 + i)->change;
        struct hub_in in = {.kind = HUB_IN_CHANGES, .changes = run, .change_count = size};
        world_step(w, &in);
        if (hub_head(w->hub) < head + size) /* for want of memory; another time */
            return;
        count -= size;
    }
}

static void feed_staff(struct world *w)
{
    for (int i = 0; i < PEOPLE; i++) {
        buf_reset(&w->text);
        bakery_put_person(&w->bakery, i, &w->text);
        struct hub_in in = {.kind = HUB_IN_STAFF, .staff_row = buf_bytes(&w->text)};
        if (in.staff_row.size > 0)
            world_step(w, &in);
    }
}

/* As the server does: the recent changes for those who resume, then the staff as it is. */
static void start_hub(struct world *w)
{
    uint64_t count = w->bakery.count, recent = w->config.log_count_max;
    bool was_calm = w->is_calm;
    if (recent > count)
        recent = count;
    w->config.head = count - recent;
    w->config.rng_seed = rng_next(&w->rng);
    world_must(!hub_new(&w->config, &w->hub));
    w->is_calm = true; /* a server that has no memory to start does not */
    feed(w, recent);
    feed_staff(w);
    w->is_calm = was_calm;
    w->heard = count;
}

static void free_hub(struct world *w)
{
    if (!w->hub)
        return;
    struct hub_counters c = hub_counters(w->hub);
    w->counters.behind += c.behind;
    w->counters.replayed += c.replayed;
    w->counters.dropped_idle += c.dropped_idle;
    w->counters.dropped_slow += c.dropped_slow;
    hub_free(w->hub);
    w->hub = NULL;
}

static void stop_hub(struct world *w)
{
    w->restarts++;
    free_hub(w);
    w->up_at_us = w->now_us + world_delay(w, 3 * second_us);
    wires_lose_hub(w);
}

static void run_hub(struct world *w)
{
    struct hub_in in = {.kind = HUB_IN_TICK};
    if (!w->hub && w->now_us >= w->up_at_us)
        start_hub(w);
    if (!w->hub)
        return;
    uint64_t waiting = w->bakery.count - hub_head(w->hub);
    if (waiting > 0 && (w->is_calm || world_chance(w, 2)))
        feed(w, w->is_calm ? waiting : 1 + rng_below(&w->rng, waiting));
    w->heard = hub_head(w->hub);
    if (hub_deadline(w->hub) <= w->now_us)
        world_step(w, &in);
}

/* ---- faults ---- */

static void stir(struct world *w)
{
    struct reader *r = &w->readers[rng_below(&w->rng, (uint64_t)w->reader_count)];
    struct hub_in drain = {.kind = HUB_IN_DRAIN};
    switch (rng_below(&w->rng, 400)) {
    case 0:
        if (!w->hub)
            return;
        stop_hub(w);
        break;
    case 1:
        if (!w->hub)
            return;
        world_step(w, &drain);
        break;
    default:
        if (r->wire && world_chance(w, 20))
            reader_disconnect(w, r);
        else if (world_chance(w, 15))
            r->stalled_until_us = w->now_us + world_delay(w, 40 * second_us);
        else
            return;
    }
    w->faults++;
}

static void change_things(struct world *w)
{
    uint64_t count = rng_below(&w->rng, 3);
    if (world_chance(w, 50))
        count = rng_below(&w->rng, BURST_MAX);
    for (uint64_t i = 0; i < count; i++)
        bakery_change(&w->bakery, &w->rng, w->now_us);
}

/* ---- time ---- */

static void step(struct world *w)
{
    w->now_us += 1000 + world_delay(w, 200000);
    if (!w->is_calm) {
        stir(w);
        change_things(w);
    }
    run_hub(w);
    wires_move(w);
    for (int i = 0; i < w->reader_count && !w->violation[0]; i++)
        reader_act(w, &w->readers[i]);
}

/* No faults, no changes: everybody must come to hear everything, and then nothing more. */
static void settle(struct world *w)
{
    int64_t end_us = w->now_us + 60 * second_us;
    w->is_calm = true;
    for (int i = 0; i < w->reader_count; i++)
        w->readers[i].stalled_until_us = 0;
    for (int late; !w->violation[0] && !oracle_all_caught_up(w, &late);) {
        if (w->now_us > end_us)
            world_fail(w, "reader %d has not caught up", late);
        step(w);
    }
    for (int i = 0; i < 20 && !w->violation[0]; i++)
        step(w);
    if (!w->violation[0])
        oracle_check_copies(w);
    w->is_calm = false;
}

/* ---- one seed ---- */

static void configure(struct world *w)
{
    static const uint32_t frames[] = {8, 32, 256}, bytes[] = {16384, 65536, 262144};
    static const size_t windows[] = {64, 300, 2000};
    w->config = (struct hub_config){.catalogue = w->bakery.catalogue,
                                    .policies = w->bakery.policies,
                                    .secret = w->secret,
                                    .epoch = BYTES("sim"),
                                    .log_count_max = windows[rng_below(&w->rng, 3)],
                                    .log_bytes_max = 64 << 20,
                                    .limits = hub_limits_default};
    w->config.limits.outbox_frames_max = frames[rng_below(&w->rng, 3)];
    w->config.limits.outbox_bytes_max = bytes[rng_below(&w->rng, 3)];
    w->config.limits.idle_us = (world_chance(w, 2) ? 30 : 60) * second_us;
}

static void init(struct world *w, uint64_t seed, enum sabotage sabotage)
{
    *w = (struct world){.seed = seed, .sabotage = sabotage, .trace = seed};
    w->start_us = w->now_us = start_us;
    rng_init(&w->rng, seed);
    memset(w->secret, 7, sizeof(w->secret));
    buf_init(&w->text, TEXT_MAX);
    buf_init(&w->message, TEXT_MAX);
    buf_init(&w->decoded, TEXT_MAX);
    bakery_init(&w->bakery, sabotage == SABOTAGE_LEAK);
    configure(w);
    w->is_poor = world_chance(w, 4);
    for (int i = 0; i < WANTS; i++)
        want_make(&w->wants[i], &w->rng);
    w->reader_count = 5 + (int)rng_below(&w->rng, 1 + rng_below(&w->rng, READERS_MAX - 4));
    for (int i = 0; i < w->reader_count; i++)
        reader_init(w, &w->readers[i], i);
    start_hub(w);
}

static void done(struct world *w)
{
    wires_done(w);
    free_hub(w);
    for (int i = 0; i < w->reader_count; i++)
        reader_done(&w->readers[i]);
    bakery_done(&w->bakery);
    buf_done(&w->text);
    buf_done(&w->message);
    buf_done(&w->decoded);
}

void world_run(struct world *w, uint64_t seed, enum sabotage sabotage)
{
    init(w, seed, sabotage);
    for (int round = 0; round < ROUNDS && !w->violation[0]; round++) {
        for (int i = 0; i < ROUND_STEPS && !w->violation[0]; i++)
            step(w);
        settle(w);
    }
    done(w);
}
