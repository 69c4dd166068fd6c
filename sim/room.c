/* What readers say to each other: broadcasts and presence, on public and private channels.
 *
 * A broadcast says who it is from, which connection of theirs that was, its number there, and the
 * head of the slowest shard when it was sent: so who hears it can tell whether it is in order, and
 * whether it may be heard.  Presence is kept by each member as the protocol tells it. */
#include "world.h"

#include <stdio.h>

enum { TOPIC_MAX = 24, KEYS = 5, REF_MAX = 24 };
static const int64_t second_us = INT64_C(1000000);

static const struct {
    const char *topic;
    bool is_private;
} rooms[] = {{"realtime:lobby", false},
             {"realtime:hall", true},
             {"realtime:keepers:oven", true},
             {"realtime:owner:desk", true}};
enum { ROOMS = sizeof(rooms) / sizeof(rooms[0]), LOBBY = 0, KEEPERS = 2, OWNERS = 3 };

/* The policies of `messages`, said again; hearing and saying are the same. */
static bool may(unsigned role, int room)
{
    if (role == ROLE_NOBODY)
        return false;
    if (room == LOBBY || role == ROLE_SERVICE || role == ROLE_OWNER)
        return true;
    if (role == ROLE_MANAGER)
        return room != OWNERS;
    return role == ROLE_SALES_REP && room != OWNERS && room != KEEPERS;
}

static bool may_at_some_time(const struct world *w, struct sim_who who, int room, uint64_t from)
{
    unsigned roles = model_roles(&w->model, who, from, w->model.count);
    for (unsigned role = 0; role <= ROLE_NOBODY; role++)
        if ((roles >> role & 1) && may(role, room))
            return true;
    return false;
}

static bool may_always(const struct world *w, struct sim_who who, int room, uint64_t from)
{
    unsigned roles = model_roles(&w->model, who, from, w->model.count);
    for (unsigned role = 0; role <= ROLE_NOBODY; role++)
        if ((roles >> role & 1) && !may(role, room))
            return false;
    return true;
}

static bool may_now(const struct world *w, const struct reader *r)
{
    return may_always(w, r->who, r->room.room, w->model.count);
}

static uint64_t slowest(const struct world *w)
{
    uint64_t seq = w->model.count;
    for (int i = 0; i < w->server.shard_count; i++)
        if (w->server.shards[i].heard < seq)
            seq = w->server.shards[i].heard;
    return seq;
}

/* ---- saying ---- */

static void send(struct world *w, struct reader *r, const char *event, struct bytes payload)
{
    char ref[JOIN_REF_SIZE];
    reader_make_ref(r, ref);
    reader_send(w, r, r->room.join_ref, ref, rooms[r->room.room].topic, event, payload);
}

static void join(struct world *w, struct reader *r)
{
    struct sim_room *room = &r->room;
    struct buf *out = &w->message;
    char key[JOIN_REF_SIZE];
    reader_make_ref(r, room->join_ref);
    snprintf(key, sizeof(key), "k%d", r->number % KEYS);
    room->state = CHANNEL_JOINING;
    room->asked_seq = slowest(w);
    room->patience_us = w->now_us + 15 * second_us;
    buf_reset(out);
    buf_put_literal(out, "{\"config\":{\"broadcast\":{\"self\":");
    buf_put(out, room->wants_self ? BYTES("true") : BYTES("false"));
    buf_put_literal(out, "},\"presence\":{\"enabled\":true,\"key\":");
    json_put_string(out, bytes_of(key));
    buf_put_literal(out, "},\"private\":");
    buf_put(out, rooms[room->room].is_private ? BYTES("true}") : BYTES("false}"));
    reader_put_token(w, r, out);
    buf_put_char(out, '}');
    reader_send(w, r, room->join_ref, room->join_ref, rooms[room->room].topic, "phx_join",
                buf_bytes(out));
}

static void say(struct world *w, struct reader *r)
{
    struct sim_room *room = &r->room;
    char text[200];
    room->said++;
    snprintf(text, sizeof(text),
             "{\"type\":\"broadcast\",\"event\":\"say\",\"payload\":{\"from\":%d,\"life\":%u,"
             "\"n\":%u,\"room\":%d,\"seq\":%llu}}",
             r->number, room->life, room->said, room->room, (unsigned long long)slowest(w));
    send(w, r, "broadcast", bytes_of(text));
}

static void track(struct world *w, struct reader *r)
{
    char text[120];
    r->room.shown++;
    snprintf(text, sizeof(text),
             "{\"type\":\"presence\",\"event\":\"track\",\"payload\":{\"who\":%d,\"v\":%u}}",
             r->number, r->room.shown);
    send(w, r, "presence", bytes_of(text));
}

static void untrack(struct world *w, struct reader *r)
{
    send(w, r, "presence", BYTES("{\"type\":\"presence\",\"event\":\"untrack\"}"));
}

/* ---- presence, as a member keeps it ---- */

static struct sim_meta *find_meta(struct sim_room *room, struct bytes ref)
{
    for (int i = 0; i < room->meta_count; i++)
        if (bytes_equal(bytes_of(room->metas[i].ref), ref))
            return &room->metas[i];
    return NULL;
}

static int64_t number(struct json_value object, const char *name)
{
    int64_t n;
    return json_to_i64(sim_member(object, name), &n) ? -1 : n;
}

static void add_meta(struct world *w, const struct reader *r, struct sim_room *room,
                     struct json_value meta)
{
    struct bytes ref = sim_member(meta, "phx_ref").raw;
    if (ref.size < 3 || ref.size > REF_MAX || number(meta, "who") < 0) {
        world_fail(w, "reader %d: no presence: %.*s", r->number, (int)meta.raw.size, meta.raw.data);
    } else if (find_meta(room, ref)) {
        world_fail(w, "reader %d: %.*s is present twice", r->number, (int)ref.size, ref.data);
    } else if (room->meta_count == METAS_MAX) {
        world_fail(w, "reader %d: more are present than there are", r->number);
    } else {
        struct sim_meta *m = &room->metas[room->meta_count++];
        snprintf(m->ref, sizeof(m->ref), "%.*s", (int)ref.size, ref.data);
        m->who = (int)number(meta, "who");
        m->value = (unsigned)number(meta, "v");
    }
}

static void remove_meta(struct world *w, const struct reader *r, struct sim_room *room,
                        struct json_value meta)
{
    struct bytes ref = sim_member(meta, "phx_ref").raw;
    struct sim_meta *m = find_meta(room, ref);
    if (!m)
        world_fail(w, "reader %d: %.*s leaves and was not present", r->number, (int)ref.size,
                   ref.data);
    else
        *m = room->metas[--room->meta_count];
}

/* {key:{"metas":[…]}} */
static void each_meta(struct world *w, struct reader *r, struct json_value state,
                      void (*take)(struct world *, const struct reader *, struct sim_room *,
                                   struct json_value))
{
    struct json_iter keys = json_iter(state);
    struct json_value entry, meta;
    struct bytes key, none;
    while (json_next(&keys, &key, &entry) && !w->violation[0]) {
        struct json_iter metas = json_iter(sim_member(entry, "metas"));
        while (json_next(&metas, &none, &meta) && !w->violation[0])
            take(w, r, &r->room, meta);
    }
}

static void recv_state(struct world *w, struct reader *r, struct json_value state)
{
    r->room.meta_count = 0;
    r->room.has_state = true;
    each_meta(w, r, state, add_meta);
}

/* Who is replaced is among the leaves, by the old ref. */
static void recv_diff(struct world *w, struct reader *r, struct json_value diff)
{
    if (!r->room.has_state) {
        world_fail(w, "reader %d: a diff before the state", r->number);
        return;
    }
    each_meta(w, r, sim_member(diff, "leaves"), remove_meta);
    each_meta(w, r, sim_member(diff, "joins"), add_meta);
}

/* ---- broadcasts ---- */

static void hear(struct world *w, struct reader *r, struct json_value said)
{
    int64_t from = number(said, "from"), life = number(said, "life"), n = number(said, "n");
    int64_t room = number(said, "room"), seq = number(said, "seq");
    if (from < 0 || from >= w->reader_count || life < 0 || n < 1 || seq < 0) {
        world_fail(w, "reader %d: no broadcast: %.*s", r->number, (int)said.raw.size,
                   said.raw.data);
        return;
    }
    const struct reader *sender = &w->readers[from];
    struct sim_heard_from *h = &r->room.heard[from];
    if (room != r->room.room)
        world_fail(w, "reader %d: heard what was said in another room", r->number);
    else if (!may_at_some_time(w, r->who, r->room.room, (uint64_t)seq))
        world_fail(w, "reader %d: heard what it may not hear", r->number);
    else if (!may_at_some_time(w, sender->who, r->room.room, (uint64_t)seq))
        world_fail(w, "reader %d: heard somebody who may not speak", r->number);
    else if (sender == r && (unsigned)life == r->room.life && !r->room.wants_self)
        world_fail(w, "reader %d: heard itself", r->number);
    else if ((unsigned)life == h->life && (unsigned)n <= h->n)
        world_fail(w, "reader %d: heard %d of reader %d after %u", r->number, (int)n, (int)from,
                   h->n);
    w->counters.broadcasts++;
    if ((unsigned)life >= h->life)
        *h = (struct sim_heard_from){(unsigned)life, (unsigned)n};
}

/* ---- messages ---- */

static void recv_reply(struct world *w, struct reader *r, const struct phx_message *m)
{
    struct sim_room *room = &r->room;
    bool is_ok = json_string_equals(sim_member(m->payload, "status").raw, BYTES("ok"));
    if (room->state != CHANNEL_JOINING || !reader_is_ref(m->ref, room->join_ref))
        return;
    if (is_ok && !may_at_some_time(w, r->who, room->room, room->asked_seq))
        world_fail(w, "reader %d: was let into a room that it may not enter", r->number);
    if (!is_ok && may_always(w, r->who, room->room, room->asked_seq) && !w->is_poor &&
        !oracle_is_token_old(w, r))
        world_fail(w, "reader %d: was not let into a room", r->number);
    room->state = is_ok ? CHANNEL_IN : CHANNEL_OUT;
    room->retry_at_us = w->now_us + world_delay(w, 5 * second_us);
    room->has_state = false;
    room->meta_count = 0;
    memset(room->heard, 0, sizeof(room->heard));
    if (is_ok)
        track(w, r);
}

static void recv_end(struct world *w, struct reader *r)
{
    w->partings++;
    r->room.state = CHANNEL_OUT;
    r->room.retry_at_us = w->now_us + world_delay(w, 5 * second_us);
}

bool room_recv(struct world *w, struct reader *r, const struct phx_message *m)
{
    struct sim_room *room = &r->room;
    if (room->room < 0 || !bytes_equal(m->topic, bytes_of(rooms[room->room].topic)))
        return false;
    if (bytes_equal(m->event, BYTES("phx_reply")))
        recv_reply(w, r, m);
    else if (room->state != CHANNEL_IN)
        return true;
    else if (bytes_equal(m->event, BYTES("phx_close")) || bytes_equal(m->event, BYTES("phx_error")))
        recv_end(w, r);
    else if (bytes_equal(m->event, BYTES("presence_state")))
        recv_state(w, r, m->payload);
    else if (bytes_equal(m->event, BYTES("presence_diff")))
        recv_diff(w, r, m->payload);
    else if (bytes_equal(m->event, BYTES("broadcast")))
        hear(w, r, sim_member(m->payload, "payload"));
    return true;
}

/* ---- acting ---- */

void room_init(struct world *w, struct reader *r)
{
    r->room = (struct sim_room){.room = -1};
    if (!world_chance(w, 4)) /* most in the first two */
        r->room.room = (int)rng_below(&w->rng, 1 + rng_below(&w->rng, ROOMS));
    r->room.wants_self = world_chance(w, 3);
}

void room_disconnect(struct world *w, struct reader *r)
{
    w->partings += r->room.state == CHANNEL_IN;
    r->room.state = CHANNEL_OUT;
    r->room.life++;
    r->room.said = 0;
}

static void chat(struct world *w, struct reader *r)
{
    if (w->is_calm)
        return;
    if (world_chance(w, 15))
        say(w, r);
    if (world_chance(w, 40))
        track(w, r);
    if (world_chance(w, 150))
        untrack(w, r);
}

/* True: an answer is overdue; without memory a message may have been lost. */
bool room_act(struct world *w, struct reader *r)
{
    struct sim_room *room = &r->room;
    if (room->room < 0)
        return false;
    if (room->state == CHANNEL_OUT && w->now_us >= room->retry_at_us)
        join(w, r);
    else if (room->state == CHANNEL_IN)
        chat(w, r);
    return room->state == CHANNEL_JOINING && w->is_poor && w->now_us >= room->patience_us;
}

/* ---- at a quiet moment ---- */

bool room_is_quiet(const struct world *w, const struct reader *r)
{
    return r->room.room < 0 || !may_now(w, r) || r->room.state == CHANNEL_IN;
}

static bool is_member(const struct world *w, const struct reader *r, int room)
{
    return r->wire && r->room.room == room && r->room.state == CHANNEL_IN && may_now(w, r);
}

/* By the hubs, for want of room in an outbox. */
static uint64_t dropped(const struct world *w)
{
    uint64_t count = 0;
    for (int i = 0; i < w->server.shard_count; i++)
        count += hub_counters(w->server.shards[i].hub).dropped_broadcasts;
    return count;
}

void rooms_call(struct world *w)
{
    w->dropped_before = dropped(w);
    for (int i = 0; i < w->reader_count; i++) {
        struct reader *r = &w->readers[i];
        if (r->room.room < 0 || !is_member(w, r, r->room.room))
            continue;
        track(w, r);
        say(w, r);
    }
}

static bool sees(const struct reader *r, const struct reader *other)
{
    for (int i = 0; i < r->room.meta_count; i++)
        if (r->room.metas[i].who == other->number && r->room.metas[i].value == other->room.shown)
            return true;
    return false;
}

static bool has_heard(const struct reader *r, const struct reader *other)
{
    const struct sim_heard_from *h = &r->room.heard[other->number];
    return (r == other && !r->room.wants_self) ||
           (h->life == other->room.life && h->n == other->room.said);
}

/* Everybody who is there is seen by the reader, and nobody else.  Counts those it has not heard. */
static bool agrees(const struct world *w, const struct reader *r, uint64_t *missing)
{
    int count = 0;
    for (int i = 0; i < w->reader_count; i++) {
        const struct reader *other = &w->readers[i];
        if (!is_member(w, other, r->room.room))
            continue;
        count++;
        *missing += !has_heard(r, other);
        if (!sees(r, other))
            return false;
    }
    return count == r->room.meta_count;
}

bool rooms_agree(const struct world *w, int *who)
{
    uint64_t missing = 0;
    for (int i = 0; i < w->reader_count; i++) {
        const struct reader *r = &w->readers[i];
        *who = i;
        if (r->room.room >= 0 && is_member(w, r, r->room.room) && !agrees(w, r, &missing))
            return false;
    }
    *who = -1;
    return missing <= dropped(w) - w->dropped_before;
}
