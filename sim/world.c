#include "world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    TEXT_MAX = 64 << 20,
    ROUNDS = 2,
    ROUND_STEPS = 350,
    QUIET_STEPS = 20,
    NIGHT_STRIDE_US = 4000000
};
static const int64_t second_us = INT64_C(1000000);

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
    w->counters.faults += was_starved;
    mem_fail_at(0);
    return was_starved;
}

struct json_value sim_member(struct json_value object, const char *name)
{
    struct json_value v;
    if (json_get(object, bytes_of(name), &v))
        return (struct json_value){JSON_NULL, {NULL, 0}};
    return v;
}

void world_put_token(struct world *w, struct sim_who who, int64_t life_s, struct buf *out)
{
    struct claims claims = {.kind = who.role == ROLE_SERVICE ? TOKEN_SERVICE : TOKEN_ANON,
                            .issued_s = w->start_us / second_us,
                            .expires_s = w->now_us / second_us + life_s};
    if (who.person >= 0) {
        claims.kind = TOKEN_USER;
        sim_uuid(TABLE_USERS, who.person, claims.user_id);
    }
    token_sign(out, store_secret(w->server.store), &claims, NULL, BYTES("sim"));
}

/* ---- faults ---- */

static void hurt_something(struct world *w)
{
    struct wire *wire = &w->wires[rng_below(&w->rng, WIRES_MAX)];
    if (!wire->is_served || !wire->is_read)
        return;
    wire_hurt(w, wire);
    w->counters.faults++;
}

static void stir(struct world *w)
{
    struct reader *r = &w->readers[rng_below(&w->rng, (uint64_t)w->reader_count)];
    uint64_t what = rng_below(&w->rng, 500);
    hurt_something(w);
    devices_stir(w);
    if (world_chance(w, 60))
        w->rush_until_us = w->now_us + world_delay(w, 6 * second_us);
    if (what == 2)
        server_fill_disk(w);
    if (what < 2 && server_is_up(w))
        what == 0 ? server_crash(w) : server_drain(w);
    else if (r->wire && world_chance(w, 20))
        reader_disconnect(w, r);
    else if (world_chance(w, 15))
        r->stalled_until_us = w->now_us + world_delay(w, 40 * second_us);
    else
        return;
    w->counters.faults++;
}

/* ---- time ---- */

static void step(struct world *w)
{
    w->now_us += 1000 + world_delay(w, w->stride_us);
    bool is_still = w->is_night && !world_chance(w, 20);
    if (!w->is_calm && !is_still)
        stir(w);
    server_run(w);
    wires_move(w);
    for (int i = 0; i < CLERKS && !w->violation[0] && !is_still; i++)
        clerk_act(w, &w->clerks[i]);
    for (int i = 0; i < w->reader_count && !w->violation[0] && !w->is_night; i++)
        reader_act(w, &w->readers[i]);
    devices_act(w);
    oracle_check_step(w);
}

static void end_faults(struct world *w)
{
    w->is_calm = true;
    devices_wake(w);
    for (int i = 0; i < w->reader_count; i++)
        w->readers[i].stalled_until_us = 0;
    for (int i = 0; i < WIRES_MAX; i++) {
        struct wire *wire = &w->wires[i];
        wire->is_reset |= wire->is_dead;
        if (!wire->is_read || wire->is_reset)
            wire->gone_at_us = w->now_us; /* who has gone is known to have gone */
    }
}

/* A connection may still end from what happened to it before: then they are called once more. */
static void settle_rooms(struct world *w)
{
    int64_t end_us = w->now_us + 60 * second_us;
    uint64_t called = UINT64_MAX;
    for (int who = -1; !w->violation[0];) {
        if (called != w->partings && oracle_all_caught_up(w, &who)) {
            called = w->partings;
            rooms_call(w);
        }
        if (called == w->partings && rooms_agree(w, &who))
            return;
        if (w->now_us > end_us)
            world_fail(w, "reader %d has not seen all who are there, or somebody has not heard all",
                       who);
        step(w);
    }
}

static void settle_devices(struct world *w)
{
    int64_t end_us = w->now_us + 120 * second_us;
    for (int late; !w->violation[0] && !devices_all_caught_up(w, &late);) {
        if (w->now_us > end_us)
            world_fail(w, "device %d has not caught up", late);
        step(w);
    }
}

/* No faults, no changes: everybody must come to hear everything, and then nothing more.  On a slow
 * line, 50 kB a second, a reader that was behind with all of its channels takes minutes. */
static void settle(struct world *w)
{
    int64_t end_us = w->now_us + 600 * second_us;
    end_faults(w);
    for (int late; !w->violation[0] && !oracle_all_caught_up(w, &late);) {
        if (w->now_us > end_us)
            world_fail(w, "reader %d has not caught up", late);
        step(w);
    }
    for (int i = 0; i < QUIET_STEPS && !w->violation[0]; i++)
        step(w); /* whoever is on the way out has gone */
    settle_devices(w);
    settle_rooms(w);
    for (int i = 0; i < QUIET_STEPS && !w->violation[0]; i++)
        step(w);
    if (!w->violation[0])
        oracle_check_quiet(w);
    devices_settled(w);
    w->is_calm = false;
}

static void close_readers(struct world *w)
{
    for (int i = 0; i < w->reader_count; i++)
        if (w->readers[i].wire)
            reader_disconnect(w, &w->readers[i]);
}

/* Heartbeats, tokens, health, sleep: what goes by the clock, for hours.  The readers, which keep no
 * hours, come back in the morning; the devices are there. */
static void pass_night(struct world *w, int64_t seconds)
{
    int64_t end_us = w->now_us + seconds * second_us, stride_us = w->stride_us;
    if (seconds == 0)
        return;
    close_readers(w);
    w->is_night = true;
    w->stride_us = NIGHT_STRIDE_US;
    while (w->now_us < end_us && !w->violation[0])
        step(w);
    w->is_night = false;
    w->stride_us = stride_us;
    settle(w);
}

/* Everybody goes: what the hubs keep then does not depend on what has been. */
static void part(struct world *w)
{
    w->is_calm = true;
    close_readers(w);
    for (int i = 0; i < WIRES_MAX; i++)
        w->wires[i].gone_at_us = w->now_us;
    server_run(w);
    wires_move(w);
    w->now_us += 60 * second_us; /* what was kept for others to come is forgotten */
    server_run(w);
    int64_t each = w->server.hub_bytes / w->server.shard_count;
    if (each > HUB_REST_MAX)
        world_fail(w, "a hub without connections keeps %lld bytes", (long long)each);
}

/* ---- one seed ---- */

/* Mostly so that the shift, or the shift and the day, change on the way. */
static int64_t random_start(struct world *w)
{
    static const int64_t turns_s[] = {1800003600, 1800046800, 1800020000};
    return (turns_s[rng_below(&w->rng, 3)] - (int64_t)rng_below(&w->rng, 100)) * second_us;
}

static void init(struct world *w, uint64_t seed, const struct world_plan *plan)
{
    *w = (struct world){.seed = seed, .plan = *plan, .trace = seed};
    rng_init(&w->rng, seed);
    w->start_us = w->now_us = random_start(w);
    buf_init(&w->text, TEXT_MAX);
    buf_init(&w->message, TEXT_MAX);
    buf_init(&w->decoded, TEXT_MAX);
    buf_init(&w->body, TEXT_MAX);
    model_init(&w->model);
    server_init(w);
    w->is_poor = world_chance(w, 4);
    w->stride_us = world_chance(w, 4) ? 600000 : 200000;
    for (int i = 0; i < WANTS; i++)
        want_make(&w->wants[i], &w->rng);
    for (int i = 0; i < CLERKS; i++)
        clerk_init(w, &w->clerks[i]);
    w->reader_count = 5 + (int)rng_below(&w->rng, 1 + rng_below(&w->rng, READERS_MAX - 4));
    for (int i = 0; i < w->reader_count; i++)
        reader_init(w, &w->readers[i], i);
    devices_init(w, plan->devices);
}

static void done(struct world *w)
{
    for (int i = 0; i < CLERKS; i++)
        ask_done(w, &w->clerks[i].ask);
    for (int i = 0; i < w->reader_count; i++)
        reader_done(w, &w->readers[i]);
    devices_done(w);
    server_done(w);
    wires_done(w);
    model_done(&w->model);
    buf_done(&w->text);
    buf_done(&w->message);
    buf_done(&w->decoded);
    buf_done(&w->body);
}

void world_run(struct world *w, uint64_t seed, const struct world_plan *plan)
{
    init(w, seed, plan);
    for (int round = 0; round < ROUNDS && !w->violation[0]; round++) {
        for (int i = 0; i < ROUND_STEPS && !w->violation[0]; i++)
            step(w);
        settle(w);
    }
    if (!w->violation[0])
        pass_night(w, plan->night_s);
    devices_done(w);
    if (!w->violation[0])
        part(w);
    done(w);
}
