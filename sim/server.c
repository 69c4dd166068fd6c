/* The server, as server/ puts it together: hubs, api, one writer, readers, and the mail between them.
 * The store is a real one, in memory, and outlives the server. */
#include "world.h"

#include <stdlib.h>

#include "api/token_cache.h"
#include "store/schema.h"
#include "store/sqlite.h"

enum { RUN_MAX = 256, GROUP_MAX = 16, STAFF_MAX = 1 << 20, TEXT_MAX = 1 << 20 };
enum { HEADER_MAX = 16 * 1024, BODY_MAX = 1 << 20 };
static const int64_t second_us = INT64_C(1000000);

static const char menu_text[] =
    "CREATE POLICY menu ON bread_types FOR SELECT TO anon USING (is_active);\n";
static const char leak_text[] =
    "CREATE POLICY leak ON shift_feedback FOR SELECT TO sales_rep USING (note = 'salt');\n";

/* The store and the api ask for randomness without a context of their own. */
static struct rng *entropy_source;

static void api_entropy(void *out, size_t size)
{
    for (size_t i = 0; i < size; i++)
        ((char *)out)[i] = (char)rng_next(entropy_source);
}

static bool store_entropy(void *out, size_t size)
{
    api_entropy(out, size);
    return true;
}

/* ---- the hubs ---- */

static bool may_starve(enum hub_in_kind kind)
{
    return kind == HUB_IN_CHANGES || kind == HUB_IN_BYTES || kind == HUB_IN_TICK ||
           kind == HUB_IN_RELAY || kind == HUB_IN_FETCHED;
}

enum err server_step_hub(struct world *w, int shard, struct hub_in *in)
{
    int64_t before = heap_live();
    world_starve(w, may_starve(in->kind));
    enum err e = hub_step(w->server.shards[shard].hub, in, w->now_us);
    bool was_starved = world_feed(w);
    w->server.hub_bytes += heap_live() - before;
    bool is_allowed = was_starved && (in->kind == HUB_IN_CHANGES || in->kind == HUB_IN_RELAY ||
                                      in->kind == HUB_IN_FETCHED);
    if (e && !is_allowed)
        world_fail(w, "hub_step of kind %d gave error %d", (int)in->kind, (int)e);
    w->trace = w->trace * 31 + (uint64_t)in->kind;
    return e;
}

static void feed(struct world *w, int shard, uint64_t count)
{
    struct shard *s = &w->server.shards[shard];
    struct change *run[RUN_MAX];
    while (count > 0) {
        uint64_t size = count < RUN_MAX ? count : RUN_MAX, head = hub_head(s->hub);
        for (uint64_t i = 0; i < size; i++)
            run[i] = model_entry(&w->model, head + 1 + i)->change;
        struct hub_in in = {.kind = HUB_IN_CHANGES, .changes = run, .change_count = size};
        (void)server_step_hub(w, shard, &in);
        if (hub_head(s->hub) < head + size) /* for want of memory; another time */
            return;
        count -= size;
    }
}

static void feed_staff(struct world *w, int shard, struct bytes rows)
{
    struct json_value array, row;
    struct bytes key;
    world_must(!json_parse(rows, &array));
    struct json_iter it = json_iter(array);
    while (json_next(&it, &key, &row)) {
        struct hub_in in = {.kind = HUB_IN_STAFF, .staff_row = row.raw};
        (void)server_step_hub(w, shard, &in);
    }
}

static void start_hub(struct world *w, int shard, uint64_t head, struct bytes staff)
{
    struct server *v = &w->server;
    struct shard *s = &v->shards[shard];
    int64_t before = heap_live();
    s->config = (struct hub_config){
        .catalogue = store_catalogue(v->store),
        .policies = v->leaky ? v->leaky : store_policies(v->store),
        .secret = store_secret(v->store),
        .epoch = store_epoch(v->store),
        .head = head - v->recent.count,
        .tail = v->can_fetch ? v->tail : 0,
        .rng_seed = rng_next(&w->rng),
        .shard = (uint32_t)shard,
        .shard_count = (uint32_t)v->shard_count,
        .log_count_max = v->window,
        .log_bytes_max = 64 << 20,
        .limits = v->limits,
    };
    world_must(!hub_new(&s->config, &s->hub));
    v->hub_bytes += heap_live() - before;
    struct hub_in in = {
        .kind = HUB_IN_CHANGES, .changes = v->recent.items, .change_count = v->recent.count};
    (void)server_step_hub(w, shard, &in);
    feed_staff(w, shard, staff);
    s->heard = hub_head(s->hub);
}

static void start_api(struct world *w, int shard)
{
    struct server *v = &w->server;
    struct shard *s = &v->shards[shard];
    s->api = (struct api){
        .catalogue = store_catalogue(v->store),
        .policies = store_policies(v->store),
        .directory = hub_directory(s->hub),
        .secret = store_secret(v->store),
        .settings = store_settings(v->store),
        .epoch = store_epoch(v->store),
        .limits = api_limits_default,
        .version = "sim",
        .entropy = api_entropy,
    };
    world_must(!token_cache_new(rng_next(&w->rng), &s->api.token_cache));
}

/* ---- its life ---- */

bool server_is_same_change(const struct change *a, const struct change *b)
{
    return a->seq == b->seq && a->verb == b->verb && a->table == b->table &&
           a->commit_us == b->commit_us && bytes_equal(a->new_row, b->new_row) &&
           bytes_equal(a->old_row, b->old_row);
}

/* What the store has of the log is what it gave out. */
static void check_recent(struct world *w, uint64_t head)
{
    const struct changes *l = &w->server.recent;
    if (head != w->model.count)
        world_fail(w, "the store has lost what it had committed");
    for (size_t i = 0; i < l->count && !w->violation[0]; i++) {
        const struct change *a = l->items[i];
        if (a->seq != head - l->count + 1 + i ||
            !server_is_same_change(a, model_entry(&w->model, a->seq)->change))
            world_fail(w, "change %zu is not what it was in the log", (size_t)a->seq);
    }
}

/* As much as fits into the window, if the log reaches back as far. */
static void load_recent(struct world *w, uint64_t head)
{
    struct server *v = &w->server;
    struct changes none;
    changes_init(&none);
    world_must(!store_changes_page(v->session, 0, 0, 0, &none, &v->tail));
    uint64_t count = head < v->window ? head : v->window;
    if (head + 1 - v->tail < count)
        count = head + 1 - v->tail;
    if (count > 0)
        world_must(!store_changes_since(v->session, head - count + 1, count, &v->recent));
    changes_done(&none);
}

static void start(struct world *w)
{
    struct server *v = &w->server;
    struct buf staff;
    uint64_t head;
    bool was_calm = w->is_calm;
    w->is_calm = true; /* a server that has no memory to start does not */
    buf_init(&staff, STAFF_MAX);
    changes_init(&v->recent);
    world_must(!store_session_open(v->store, STORE_WRITER, &v->session));
    world_must(!store_staff(v->session, &staff, &head));
    load_recent(w, head);
    check_recent(w, head);
    for (int i = 0; i < v->shard_count; i++) {
        start_hub(w, i, head, buf_bytes(&staff));
        start_api(w, i);
    }
    v->stop_at_us = INT64_MAX;
    buf_done(&staff);
    w->is_calm = was_calm;
}

static void count_hub(struct world *w, const struct hub *h)
{
    struct hub_counters c = hub_counters(h);
    w->counters.hub.behind += c.behind;
    w->counters.hub.replayed += c.replayed;
    w->counters.hub.fetched += c.fetched;
    w->counters.hub.dropped_idle += c.dropped_idle;
    w->counters.hub.dropped_slow += c.dropped_slow;
}

static void free_call(struct sim_call *c)
{
    api_call_done(&c->api);
    http_parser_free(c->parser);
    *c = (struct sim_call){.state = CALL_FREE};
}

static void stop(struct world *w)
{
    struct server *v = &w->server;
    for (int i = 0; i < CALLS_MAX; i++)
        if (v->calls[i].state != CALL_FREE)
            free_call(&v->calls[i]);
    for (int i = 0; i < v->shard_count; i++) {
        struct shard *s = &v->shards[i];
        count_hub(w, s->hub);
        int64_t before = heap_live();
        hub_free(s->hub);
        v->hub_bytes += heap_live() - before;
        token_cache_free(s->api.token_cache);
        s->hub = NULL;
    }
    if (v->hub_bytes != 0)
        world_fail(w, "the hubs have left %lld bytes", (long long)v->hub_bytes);
    mail_lose(w);
    changes_done(&v->recent);
    store_session_close(v->session);
    v->session = NULL;
    v->up_at_us = w->now_us + world_delay(w, 3 * second_us);
    w->counters.restarts++;
    wires_lose_server(w);
}

void server_crash(struct world *w)
{
    w->counters.crashes++;
    stop(w);
}

void server_drain(struct world *w)
{
    struct hub_in in = {.kind = HUB_IN_DRAIN};
    for (int i = 0; i < w->server.shard_count; i++)
        (void)server_step_hub(w, i, &in);
    w->server.stop_at_us = w->now_us + second_us;
}

/* ---- calls ---- */

static void respond(struct world *w, struct sim_call *c)
{
    if (c->wire)
        wire_respond(w, c->wire, &c->api.response);
    free_call(c);
}

/* Hands the call to whoever can do what it asks for. */
static void go(struct world *w, struct sim_call *c, enum api_action action)
{
    world_must(action != API_PASSWORD);
    if (action == API_RESPOND) {
        respond(w, c);
        return;
    }
    c->state = action == API_WRITE ? CALL_WRITING : CALL_READING;
    c->due_us = w->now_us + world_delay(w, second_us / 5);
}

/* The roles that people have by the shard's directory. */
static void check_begin(struct world *w, const struct sim_call *c, struct sim_who who,
                        enum api_action action, bool was_starved)
{
    uint64_t heard = w->server.shards[c->shard].heard;
    int role = model_only_role(model_roles(&w->model, who, heard, heard));
    if (action == API_RESPOND && role != ROLE_NOBODY && !was_starved)
        world_fail(w, "a request was refused at the door, with %d", c->api.response.status);
    if (action != API_RESPOND && (int)c->api.request.who.role != role)
        world_fail(w, "somebody of role %d was taken for one of %d", role,
                   (int)c->api.request.who.role);
}

static struct sim_call *find_free(struct world *w)
{
    for (int i = 0; i < CALLS_MAX; i++)
        if (w->server.calls[i].state == CALL_FREE)
            return &w->server.calls[i];
    abort(); /* the clients of this world have less under way */
}

static void begin(struct world *w, struct wire *wire)
{
    struct sim_call *c = find_free(w);
    *c = (struct sim_call){.number = w->server.call_count++,
                           .parser = wire->parser,
                           .wire = wire,
                           .deed = wire->deed,
                           .shard = wire->shard};
    wire->parser = NULL;
    api_call_init(&c->api, &w->server.shards[c->shard].api);
    world_starve(w, true);
    enum api_action action = api_begin(&c->api, http_parser_request(c->parser), w->now_us);
    check_begin(w, c, wire->who, action, world_feed(w));
    go(w, c, action);
}

void server_recv(struct world *w, struct wire *wire, struct bytes in)
{
    if (!wire->parser)
        world_must(!http_parser_new(HEADER_MAX, BODY_MAX, &wire->parser));
    enum err e = http_parse(wire->parser, &in);
    if (!e)
        begin(w, wire);
    else if (e != ERR_AGAIN)
        world_fail(w, "a request was not understood: error %d", (int)e);
}

void server_forget(struct world *w, const struct wire *wire)
{
    for (int i = 0; i < CALLS_MAX; i++)
        if (w->server.calls[i].wire == wire)
            w->server.calls[i].wire = NULL;
}

/* ---- the writer and the readers ---- */

static struct sim_call *oldest(struct world *w, enum call_state state)
{
    struct sim_call *found = NULL;
    for (int i = 0; i < CALLS_MAX; i++) {
        struct sim_call *c = &w->server.calls[i];
        if (c->state == state && (!found || c->number < found->number))
            found = c;
    }
    return found;
}

static void write_group(struct world *w, struct sim_call **calls, size_t count)
{
    struct store_write writes[GROUP_MAX];
    struct changes changes;
    for (size_t i = 0; i < count; i++)
        writes[i] = (struct store_write){&calls[i]->api.request, &calls[i]->api.reply};
    changes_init(&changes);
    world_starve(w, true);
    enum err e = store_write(w->server.session, writes, count, &changes);
    bool was_starved = world_feed(w) || w->server.is_full;
    if (e && !was_starved)
        world_fail(w, "the store could not write: error %d", (int)e);
    if (w->plan.sabotage == SABOTAGE_LOSE && changes.count > 0 && world_chance(w, 20))
        changes_truncate(&changes, changes.count - 1);
    judge_group(w, calls, count, &changes, was_starved);
    changes_done(&changes);
}

static void run_writer(struct world *w)
{
    struct sim_call *calls[GROUP_MAX], *c;
    size_t count = 0, max = 1 + (size_t)rng_below(&w->rng, GROUP_MAX);
    if (!w->is_calm && world_chance(w, 2))
        return;
    while (count < max && (c = oldest(w, CALL_WRITING))) {
        c->state = CALL_BACK;
        calls[count++] = c;
    }
    if (count == 0)
        return;
    write_group(w, calls, count);
    for (size_t i = 0; i < count; i++)
        calls[i]->after_seq = w->model.count;
}

static void run_readers(struct world *w)
{
    for (int i = 0; i < CALLS_MAX; i++) {
        struct sim_call *c = &w->server.calls[i];
        if (c->state != CALL_READING || c->due_us > w->now_us)
            continue;
        enum err e = store_read(w->server.session, &c->api.request, &c->api.reply);
        if (e)
            world_fail(w, "the store could not read: error %d", (int)e);
        c->state = CALL_BACK;
    }
}

/* ---- a turn ---- */

/* Changes before calls: who gets an answer finds the hub as new as the answer. */
static void take_mail(struct world *w, int shard)
{
    struct shard *s = &w->server.shards[shard];
    uint64_t waiting = w->model.count - hub_head(s->hub);
    if (waiting > 0 && (w->is_calm || world_chance(w, 2)))
        feed(w, shard, w->is_calm ? waiting : 1 + rng_below(&w->rng, waiting));
    s->heard = hub_head(s->hub);
    for (int i = 0; i < CALLS_MAX; i++) {
        struct sim_call *c = &w->server.calls[i];
        if (c->state == CALL_BACK && c->shard == shard && c->after_seq <= s->heard)
            go(w, c, api_resume(&c->api, w->now_us));
    }
}

/* ---- the disk ---- */

/* What the file has now is all there is room for; and then there is room again. */
static void set_full(struct world *w, bool is_full)
{
    w->server.is_full = is_full;
    world_must(!session_exec(w->server.session, is_full ? "PRAGMA max_page_count = 1"
                                                        : "PRAGMA max_page_count = 1000000000"));
}

void server_fill_disk(struct world *w)
{
    if (!server_is_up(w) || w->server.is_full)
        return;
    w->server.full_until_us = w->now_us + world_delay(w, 10 * second_us);
    w->counters.full++;
    set_full(w, true);
}

static void look_at_disk(struct world *w)
{
    struct server *v = &w->server;
    if (v->is_full && server_is_up(w) && (w->is_calm || w->now_us >= v->full_until_us))
        set_full(w, false);
}

/* The old part of the log goes, now and then. */
static void trim(struct world *w)
{
    struct server *v = &w->server;
    struct changes none;
    if (w->is_calm || v->is_full || !world_chance(w, 150))
        return;
    changes_init(&none);
    world_must(!store_trim_log(v->session, w->now_us, 3600 * second_us,
                               20 + rng_below(&w->rng, 1000), 1000000));
    world_must(!store_changes_page(v->session, 0, 0, 0, &none, &v->tail));
    for (int i = 0; i < v->shard_count; i++) {
        struct hub_in in = {.kind = HUB_IN_TRIMMED, .tail = v->tail};
        (void)server_step_hub(w, i, &in);
    }
    w->counters.trims++;
    changes_done(&none);
}

static void check_memory(struct world *w)
{
    const struct server *v = &w->server;
    int64_t open = 0, bytes = v->hub_bytes;
    for (int i = 0; i < WIRES_MAX; i++)
        open += w->wires[i].is_served && !w->wires[i].is_http;
    int64_t each = (int64_t)v->limits.outbox_bytes_max + HUB_CONN_MAX;
    if (bytes > w->counters.hub_bytes_max)
        w->counters.hub_bytes_max = bytes;
    if (bytes > v->shard_count * (int64_t)(HUB_REST_MAX + HUB_FRAMES_MAX) + open * each)
        world_fail(w, "the hubs hold %lld bytes for %lld connections", (long long)bytes,
                   (long long)open);
}

void server_run(struct world *w)
{
    struct server *v = &w->server;
    struct hub_in tick = {.kind = HUB_IN_TICK};
    if (!v->session && w->now_us >= v->up_at_us)
        start(w);
    else if (v->session && w->now_us >= v->stop_at_us)
        stop(w);
    if (!v->session)
        return;
    look_at_disk(w);
    run_writer(w);
    run_readers(w);
    trim(w);
    mail_bring(w);
    for (int i = 0; i < v->shard_count; i++) {
        take_mail(w, i);
        if (hub_deadline(v->shards[i].hub) <= w->now_us)
            (void)server_step_hub(w, i, &tick);
    }
    check_memory(w);
}

/* ---- beside the network ---- */

void server_ask(struct world *w, struct sim_who who, const char *target, const struct deed *deed,
                struct sim_call *c)
{
    struct buf token, path, body;
    buf_init(&token, TEXT_MAX);
    buf_init(&path, TEXT_MAX);
    buf_init(&body, TEXT_MAX);
    if (deed)
        deed_put(deed, &path, &body);
    else
        buf_put(&path, bytes_of(target));
    buf_put_literal(&token, "Bearer ");
    world_put_token(w, who, LONG_LIFE_S, &token);
    size_t cut = bytes_find_char(buf_bytes(&path), '?');
    struct http_header headers[] = {
        {BYTES("apikey"), bytes_slice(buf_bytes(&token), 7, token.size)},
        {BYTES("Authorization"), buf_bytes(&token)},
        {BYTES("Content-Type"), BYTES("application/json")},
    };
    struct http_request r = {.method = deed ? HTTP_POST : HTTP_GET,
                             .target = buf_bytes(&path),
                             .path = bytes_slice(buf_bytes(&path), 0, cut),
                             .query = bytes_slice(buf_bytes(&path), cut + 1, path.size),
                             .headers = headers,
                             .header_count = 3,
                             .body = buf_bytes(&body)};
    *c = (struct sim_call){.state = CALL_BACK};
    if (deed)
        c->deed = *deed;
    api_call_init(&c->api, &w->server.shards[0].api);
    enum api_action action = api_begin(&c->api, &r, w->now_us);
    if (action == API_WRITE)
        write_group(w, &c, 1);
    else if (action == API_READ)
        world_must(!store_read(w->server.session, &c->api.request, &c->api.reply));
    if (action != API_RESPOND)
        world_must(api_resume(&c->api, w->now_us) == API_RESPOND);
    buf_done(&token);
    buf_done(&path);
    buf_done(&body);
}

/* ---- init, done ---- */

static void make_leaky(struct world *w)
{
    struct policies **p = &w->server.leaky;
    world_must(!policies_new(store_catalogue(w->server.store), p));
    for (const struct embedded_file *f = embedded_policies; f->name; f++)
        world_must(
            !policies_add(*p, bytes_of(f->name), (struct bytes){f->text, f->size}, &w->text));
    world_must(!policies_add(*p, BYTES("menu"), bytes_of(menu_text), &w->text));
    world_must(!policies_add(*p, BYTES("leak"), bytes_of(leak_text), &w->text));
}

static void open_store(struct world *w)
{
    const struct store_config cfg = {.is_in_memory = true, .entropy = store_entropy};
    struct server *v = &w->server;
    entropy_source = &w->rng;
    world_must(!store_open(&cfg, &w->text, &v->store));
    /* Something for those without a name to see: nobody has asked the store for anything yet. */
    struct policies *p = (struct policies *)(uintptr_t)store_policies(v->store);
    world_must(!policies_add(p, BYTES("menu"), bytes_of(menu_text), &w->text));
}

static void add_first(struct world *w, int table)
{
    struct sim_call call;
    struct deed d;
    deed_make_first(&d, table);
    server_ask(w, d.who, NULL, &d, &call);
    if (call.api.response.status != 201)
        world_fail(w, "the first rows were refused with %d", call.api.response.status);
    free_call(&call);
}

void server_init(struct world *w)
{
    static const uint32_t frames[] = {8, 32, 256}, bytes[] = {16384, 65536, 262144};
    static const size_t windows[] = {40, 300, 2000};
    struct server *v = &w->server;
    v->shard_count = 1 + (int)rng_below(&w->rng, SHARDS_MAX);
    v->can_fetch = !world_chance(w, 5);
    v->window = windows[rng_below(&w->rng, 3)];
    v->limits = hub_limits_default;
    v->limits.outbox_frames_max = frames[rng_below(&w->rng, 3)];
    v->limits.outbox_bytes_max = bytes[rng_below(&w->rng, 3)];
    v->limits.idle_us = (world_chance(w, 2) ? 30 : 60) * second_us;
    open_store(w);
    if (w->plan.sabotage == SABOTAGE_LEAK)
        make_leaky(w);
    start(w);
    add_first(w, TABLE_USERS);
    add_first(w, TABLE_BREADS);
}

void server_done(struct world *w)
{
    struct server *v = &w->server;
    if (v->session)
        stop(w);
    policies_free(v->leaky);
    store_close(v->store);
}
