/* Devices: the real client of src/client, and the least of a host around it: a socket, requests, a
 * timer of its own clock, frames of its display.  They sleep, lose their clock, are hidden, offline,
 * and are closed and opened anew.  What each is told of rows is kept as hashes, and must be, after
 * every batch, what its user may see of the log as far as some change: never a state that never
 * was, never one from before the last.  In the calm it is the tables. */
#include "device.h"

#include <stdlib.h>

enum {
    TICKS_MAX = 4,
    TEXT_MAX = 64 << 20,
    SCRIPT_MAX = 16 << 20,
    MEMORY_MAX = 4 << 20,
    TOKEN_LIFE_S = 90
};
static const int64_t second_us = INT64_C(1000000);

/* Around each call of the client: whose memory it is, and in a poor world whether there is any. */
struct guard {
    int64_t before;
};

static struct guard enter(struct world *w, bool may_starve)
{
    struct guard g = {heap_live()};
    world_starve(w, may_starve);
    return g;
}

static void leave(struct world *w, struct device *d, struct guard g)
{
    (void)world_feed(w);
    d->bytes += heap_live() - g.before;
    if (d->bytes > MEMORY_MAX)
        world_fail(w, "device %d: its client holds %lld bytes", d->number, (long long)d->bytes);
}

static int64_t clock_of(const struct world *w, const struct device *d)
{
    return w->now_us / 1000 + d->skew_ms;
}

static struct hb_text text_of(struct bytes b)
{
    return (struct hb_text){b.data, b.size};
}

static struct bytes bytes_from(struct hb_text t)
{
    return (struct bytes){t.data, t.size};
}

/* ---- actions ---- */

static void tell_closed(struct world *w, struct device *d, uint32_t code)
{
    if (d->wire)
        wire_cut(w, d->wire);
    d->wire = NULL;
    d->is_opening = false;
    buf_reset(&d->in);
    struct guard g = enter(w, false);
    tape_closed(&d->tape, d->connection, code, clock_of(w, d));
    leave(w, d, g);
}

/* With the backoff as it is, what users do and clocks that jump included, no client connects so often. */
static void count_open(struct world *w, struct device *d)
{
    int64_t *at = &d->opens_us[d->open_count++ % OPENS_MAX];
    if (d->open_count > OPENS_MAX && w->now_us - *at < 60 * second_us)
        world_fail(w, "device %d: its client has connected %d times within a minute", d->number,
                   OPENS_MAX + 1);
    *at = w->now_us;
}

static void do_open(struct world *w, struct device *d, const struct hb_action *a)
{
    count_open(w, d);
    d->connection = a->id;
    d->wire = wire_open(w, PHX_V2, d->who.person < 0 && d->who.role == ROLE_SERVICE);
    d->is_opening = true;
    buf_reset(&d->in);
}

static void do_close(struct world *w, struct device *d, const struct hb_action *a)
{
    if (a->id != d->connection || !d->wire)
        return;
    wire_cut(w, d->wire);
    d->wire = NULL;
    d->is_opening = false;
}

static void do_send(struct world *w, struct device *d, const struct hb_action *a)
{
    if (a->id != d->connection || !d->wire)
        return;
    buf_reset(&w->text);
    frame_put(w, &w->text, 0x80 | WS_TEXT, bytes_from(a->text));
    world_must(!w->text.err);
    wire_say(w, d->wire, buf_bytes(&w->text));
}

static void tell_fetched(struct world *w, struct device *d, struct get *get,
                         const struct answer *answer)
{
    struct hb_text none = {NULL, 0};
    uint32_t request = get->request;
    get->request = 0;
    struct guard g = enter(w, true);
    if (answer)
        tape_fetched(&d->tape, request, (uint32_t)answer->status, answer->seq,
                     text_of(answer->epoch), text_of(answer->body), clock_of(w, d));
    else
        tape_fetched(&d->tape, request, 0, 0, none, none, clock_of(w, d));
    leave(w, d, g);
}

static void do_fetch(struct world *w, struct device *d, const struct hb_action *a)
{
    struct get *get = d->gets;
    while (get < d->gets + GETS_MAX && get->request)
        get++;
    if (get == d->gets + GETS_MAX) {
        world_fail(w, "device %d: more requests than may be", d->number);
        return;
    }
    get->request = a->id;
    if (!ask_start(w, &get->ask, d->who, "GET", bytes_from(a->text), BYTES(""), NULL))
        tell_fetched(w, d, get, NULL);
}

static void drop_get(struct world *w, struct get *get)
{
    if (get->ask.wire)
        wire_cut(w, get->ask.wire);
    get->ask.wire = NULL;
    get->request = 0;
}

static void do_cancel(struct world *w, struct device *d, uint32_t request)
{
    for (int i = 0; i < GETS_MAX; i++)
        if (d->gets[i].request == request)
            drop_get(w, &d->gets[i]);
}

static void give_token(struct world *w, struct device *d)
{
    int64_t life_s = w->is_calm ? 300 : 20 + (int64_t)rng_below(&w->rng, TOKEN_LIFE_S);
    buf_reset(&w->message);
    world_put_token(w, d->who, life_s, &w->message);
    struct guard g = enter(w, false);
    tape_set_token(&d->tape, text_of(buf_bytes(&w->message)), life_s * 1000, clock_of(w, d));
    leave(w, d, g);
}

static void act_on(struct world *w, struct device *d, const struct hb_action *a)
{
    world_trace(w, bytes_from(a->text));
    w->trace = w->trace * 31 + (uint64_t)a->type * 1000 + a->id;
    switch (a->type) {
    case HB_OPEN:
        do_open(w, d, a);
        break;
    case HB_CLOSE:
        do_close(w, d, a);
        break;
    case HB_SEND:
        do_send(w, d, a);
        break;
    case HB_FETCH:
        do_fetch(w, d, a);
        break;
    case HB_CANCEL:
        do_cancel(w, d, a->id);
        break;
    case HB_TOKEN:
        give_token(w, d);
        break;
    case HB_FRAME:
        d->frame_at_us = w->now_us + world_delay(w, second_us / 10);
        break;
    case HB_ROWS:
        device_take_rows(w, d, a);
        break;
    case HB_STATUS:
    case HB_STATE:
    case HB_TROUBLE:
        break;
    }
}

static void run(struct world *w, struct device *d)
{
    struct hb_action a;
    for (int i = 0; !w->violation[0]; i++) {
        struct guard g = enter(w, true);
        bool has_one = tape_next(&d->tape, &a);
        leave(w, d, g);
        if (!has_one)
            return;
        if (i > 10000)
            world_fail(w, "device %d: its client always wants something", d->number);
        act_on(w, d, &a);
    }
}

/* ---- opening and closing ---- */

static const char *key_of(int table)
{
    if (strcmp(sim_tables[table].name, "stock") == 0)
        return "bread_type_id";
    return strcmp(sim_tables[table].name, "shift_totals") == 0 ? "business_day,shift,bread_type_id"
                                                               : "id";
}

static void subscribe(struct world *w, struct device *d, struct view *v)
{
    const struct wish *wish = &v->want.wishes[0];
    struct hb_query q = {
        .table = text_of(bytes_of(sim_tables[wish->table].name)),
        .event = text_of(wish->verb ? verb_name((enum verb)wish->verb) : BYTES("*")),
        .filter = text_of(bytes_of(wish->filter)),
        .key = text_of(bytes_of(key_of(wish->table))),
        .priority = (enum hb_priority)rng_below(&w->rng, 3),
    };
    view_begin(v);
    struct guard g = enter(w, false);
    if (tape_subscribe(&d->tape, &q, clock_of(w, d), &v->number) != HB_OK)
        world_fail(w, "device %d: cannot subscribe to %s (%s)", d->number,
                   sim_tables[wish->table].name, wish->filter);
    leave(w, d, g);
}

static void open_device(struct world *w, struct device *d)
{
    struct hb_settings s;
    hb_settings_init(&s);
    s.apikey = text_of(BYTES("anon"));
    s.seed = rng_next(&w->rng);
    s.frame_wait_ms = world_chance(w, 2) ? 0 : 250;
    s.hidden = world_chance(w, 2) ? HB_HIDDEN_CLOSE : HB_HIDDEN_KEEP;
    s.hidden_close_ms = 5000;
    s.kept_max = world_chance(w, 4) ? 500 : 1 << 20;
    d->base = w->model.count;
    d->is_blind = d->is_hidden = d->is_offline = false;
    d->open_count = 0;
    d->skew_ms = (int64_t)rng_below(&w->rng, 1 << 20);
    w->counters.tabs++;
    struct guard g = enter(w, false);
    world_must(tape_new(&d->tape, &s, clock_of(w, d)) == HB_OK);
    leave(w, d, g);
    for (int i = 0; i < d->view_count; i++)
        subscribe(w, d, &d->views[i]);
    g = enter(w, false);
    tape_start(&d->tape, clock_of(w, d));
    leave(w, d, g);
}

/* What it did is part of the trace; a tape that became too long is not kept. */
static void keep_tape(struct world *w, struct device *d)
{
    struct bytes script = buf_bytes(&d->script);
    const uint64_t head[] = {d->tape.hash, script.size};
    w->trace ^= d->tape.hash;
    if (d->tape.script && !d->script.err)
        world_must(fwrite(head, sizeof(head), 1, w->plan.tapes) == 1 &&
                   fwrite(script.data, 1, script.size, w->plan.tapes) == script.size);
    buf_reset(&d->script);
}

static void close_device(struct world *w, struct device *d)
{
    if (!d->tape.client)
        return;
    struct guard g = enter(w, false);
    tape_free(&d->tape, clock_of(w, d));
    leave(w, d, g);
    keep_tape(w, d);
    if (d->bytes != 0)
        world_fail(w, "device %d: its client leaves %lld bytes behind", d->number,
                   (long long)d->bytes);
    if (d->wire)
        wire_cut(w, d->wire);
    d->wire = NULL;
    for (int i = 0; i < GETS_MAX; i++)
        drop_get(w, &d->gets[i]);
}

/* Half of them all events; now and then what another view of the device has as well. */
static void choose_want(struct world *w, struct device *d, struct view *v)
{
    bool is_copy = world_chance(w, 2);
    const struct view *other = &d->views[rng_below(&w->rng, (uint64_t)d->view_count)];
    if (other != v && other->want.count > 0 && world_chance(w, 4)) {
        v->want = other->want;
        return;
    }
    do
        want_make(&v->want, &w->rng);
    while (v->want.count != 1 || v->want.wishes[0].table < 0 ||
           (is_copy && v->want.wishes[0].verb));
}

static void init_device(struct world *w, struct device *d, int number)
{
    *d = (struct device){.number = number, .who = {.person = -1, .role = ROLE_ANON}};
    uint64_t kind = rng_below(&w->rng, 20);
    if (kind == 0)
        d->who.role = ROLE_SERVICE;
    else if (kind > 1)
        d->who.person = (int)rng_below(&w->rng, PEOPLE);
    d->view_count = 1 + (int)rng_below(&w->rng, SUBS_MAX);
    for (int i = 0; i < d->view_count; i++)
        choose_want(w, d, &d->views[i]);
    buf_init(&d->in, TEXT_MAX);
    buf_init(&d->script, SCRIPT_MAX);
    /* In a poor world the memory that is missing would have to be written down too. */
    if (w->plan.tapes && !w->is_poor) {
        world_must(buf_reserve(&d->script, SCRIPT_MAX)); /* not on the client's account */
        d->tape.script = &d->script;
    }
    for (int i = 0; i < GETS_MAX; i++)
        ask_init(&d->gets[i].ask);
    open_device(w, d);
}

void devices_init(struct world *w, int count)
{
    w->device_count = count;
    w->devices = calloc((size_t)count + 1, sizeof(struct device));
    world_must(w->devices != NULL);
    for (int i = 0; i < count; i++)
        init_device(w, &w->devices[i], i);
}

void devices_done(struct world *w)
{
    for (int i = 0; i < w->device_count; i++) {
        struct device *d = &w->devices[i];
        close_device(w, d);
        buf_done(&d->in);
        buf_done(&d->script);
        for (int k = 0; k < GETS_MAX; k++)
            ask_done(w, &d->gets[k].ask);
    }
    free(w->devices);
    w->devices = NULL;
    w->device_count = 0;
}

/* ---- acting ---- */

static void recv_message(struct world *w, struct device *d, struct bytes text)
{
    bool is_change = bytes_find(text, BYTES("\"postgres_changes\",{\"ids\"")) < text.size;
    if (w->plan.sabotage == SABOTAGE_DEAF && is_change && world_chance(w, 20))
        return;
    struct guard g = enter(w, true);
    tape_message(&d->tape, d->connection, text_of(text), clock_of(w, d));
    leave(w, d, g);
    run(w, d);
}

static uint32_t close_code(struct bytes payload)
{
    const unsigned char *p = (const unsigned char *)payload.data;
    return payload.size < 2 ? 1005 : (uint32_t)(p[0] << 8 | p[1]);
}

static void recv_frames(struct world *w, struct device *d)
{
    size_t at = 0, header, size;
    uint32_t connection = d->connection;
    struct bytes in = buf_bytes(&d->in);
    while (!w->violation[0] && d->wire && d->connection == connection &&
           frame_measure(bytes_slice(in, at, in.size), &header, &size)) {
        uint8_t first = (uint8_t)in.data[at];
        struct bytes payload = bytes_slice(in, at + header, at + header + size);
        at += header + size;
        if (first == (0x80 | WS_CLOSE)) {
            tell_closed(w, d, close_code(payload));
            return;
        }
        if (first == (0x80 | WS_TEXT))
            recv_message(w, d, payload);
    }
    if (d->wire && d->connection == connection)
        buf_shift(&d->in, at);
}

static void act_wire(struct world *w, struct device *d)
{
    if (d->is_opening && !d->wire) {
        tell_closed(w, d, 1006);
    } else if (d->is_opening) {
        d->is_opening = false;
        struct guard g = enter(w, false);
        tape_opened(&d->tape, d->connection, clock_of(w, d));
        leave(w, d, g);
    } else if (d->wire) {
        if (!wire_read(w, d->wire, &d->in))
            tell_closed(w, d, 1006);
        else
            recv_frames(w, d);
    }
}

static void act_gets(struct world *w, struct device *d)
{
    for (int i = 0; i < GETS_MAX; i++) {
        struct get *get = &d->gets[i];
        struct answer answer;
        enum ask_state state = get->ask.wire ? ask_poll(w, &get->ask, &answer) : ASK_WAITING;
        if (get->request && state != ASK_WAITING)
            tell_fetched(w, d, get, state == ASK_DONE ? &answer : NULL);
    }
}

static bool is_due(const struct world *w, const struct device *d)
{
    return hb_client_deadline(d->tape.client) <= clock_of(w, d);
}

static void act_time(struct world *w, struct device *d)
{
    int64_t now = clock_of(w, d);
    struct hb_status status;
    struct guard g = enter(w, true);
    if (is_due(w, d))
        tape_tick(&d->tape, now);
    if (d->frame_at_us && w->now_us >= d->frame_at_us) {
        d->frame_at_us = 0;
        tape_frame(&d->tape, now);
    }
    hb_client_status(d->tape.client, now, &status);
    if (w->plan.sabotage == SABOTAGE_STORM)
        tape_retry(&d->tape, 0, now);
    if (status.failed > 0 && w->now_us >= d->retry_at_us) {
        d->retry_at_us = w->now_us + 15 * second_us; /* the user tries again */
        tape_retry(&d->tape, 0, now);
    }
    leave(w, d, g);
}

static bool know_all(const struct world *w, uint64_t seq)
{
    for (int i = 0; i < w->server.shard_count; i++)
        if (!server_is_up(w) || w->server.shards[i].heard < seq)
            return false;
    return true;
}

/* Another role, other rows: the client finds that out by itself. */
static void look_at_role(struct world *w, struct device *d)
{
    if (!d->is_blind && device_role(w, d) < 0) {
        d->is_blind = true;
        d->known = w->model.count;
    } else if (d->is_blind && !device_may_stay(w, d) && know_all(w, d->known)) {
        close_device(w, d);
        open_device(w, d);
    }
}

static void act(struct world *w, struct device *d)
{
    look_at_role(w, d);
    if (w->now_us < d->asleep_until_us || w->violation[0])
        return;
    act_wire(w, d);
    run(w, d);
    act_gets(w, d);
    /* Where memory has come back, what was put off for want of it is due at once; but not for ever. */
    for (int i = 0; i == 0 || (i < TICKS_MAX && is_due(w, d)); i++) {
        act_time(w, d);
        run(w, d);
    }
    if (is_due(w, d) && !w->violation[0])
        world_fail(w, "device %d: its client wants to be called without a pause", d->number);
}

void devices_act(struct world *w)
{
    for (int i = 0; i < w->device_count && !w->violation[0]; i++)
        act(w, &w->devices[i]);
}

/* ---- faults ---- */

static void set_visible(struct world *w, struct device *d, bool is_visible)
{
    struct guard g = enter(w, false);
    d->is_hidden = !is_visible;
    tape_set_visible(&d->tape, is_visible, clock_of(w, d));
    leave(w, d, g);
}

static void set_online(struct world *w, struct device *d, bool is_online)
{
    struct guard g = enter(w, false);
    d->is_offline = !is_online;
    tape_set_online(&d->tape, is_online, clock_of(w, d));
    leave(w, d, g);
}

/* One of its subscribers goes, and another comes. */
static void change_view(struct world *w, struct device *d, struct view *v)
{
    struct guard g = enter(w, false);
    tape_unsubscribe(&d->tape, v->number, clock_of(w, d));
    leave(w, d, g);
    choose_want(w, d, v);
    subscribe(w, d, v);
}

void devices_stir(struct world *w)
{
    if (w->device_count == 0 || !world_chance(w, 5))
        return;
    struct device *d = &w->devices[rng_below(&w->rng, (uint64_t)w->device_count)];
    w->counters.faults++;
    switch (rng_below(&w->rng, 8)) {
    case 0:
        d->asleep_until_us = w->now_us + world_delay(w, (w->is_night ? 7200 : 90) * second_us);
        break;
    case 1:
        d->skew_ms += (int64_t)rng_below(&w->rng, 7200000) - 3600000;
        break;
    case 2:
        set_visible(w, d, d->is_hidden);
        break;
    case 3:
        set_online(w, d, d->is_offline);
        break;
    case 4:
        close_device(w, d);
        open_device(w, d);
        break;
    case 5:
        change_view(w, d, &d->views[rng_below(&w->rng, (uint64_t)d->view_count)]);
        break;
    default:
        if (d->wire)
            tell_closed(w, d, 1006);
    }
}

void devices_wake(struct world *w)
{
    for (int i = 0; i < w->device_count; i++) {
        w->devices[i].asleep_until_us = 0;
        set_visible(w, &w->devices[i], true);
        set_online(w, &w->devices[i], true);
    }
}
