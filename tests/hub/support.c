#include "support.h"

#include <stdio.h>

#include "base/time.h"
#include "hub/letter.h"
#include "hub/relay.h"

enum { WIRE_MAX = 256 << 20, COLUMNS_MAX = 8 };

static const char policies_text[] =
    "CREATE POLICY self ON users FOR SELECT TO authenticated USING (id = auth.uid());\n"
    "CREATE POLICY owner ON users FOR SELECT TO owner USING (true);\n"
    "CREATE POLICY staff ON sales_logs FOR SELECT TO authenticated USING (true);\n"
    "CREATE POLICY chiefs ON shift_feedback FOR SELECT TO owner, manager USING (true);\n"
    "CREATE POLICY own ON shift_feedback FOR SELECT TO sales_rep USING (user_id = auth.uid());\n"
    "CREATE POLICY chiefs ON messages TO owner, manager USING (true);\n"
    "CREATE POLICY reps_hear ON messages FOR SELECT TO sales_rep USING (topic NOT LIKE 'k:%' AND\n"
    "    (extension = 'broadcast' OR topic NOT LIKE '%quiet'));\n"
    "CREATE POLICY reps_say ON messages FOR INSERT TO sales_rep WITH CHECK (topic LIKE 'open%' OR\n"
    "    topic = auth.uid());\n";

struct column_text {
    const char *name, *type;
};

struct table_text {
    const char *name;
    bool is_live;
    struct column_text columns[COLUMNS_MAX];
};

static const struct table_text tables[] = {
    {"users", true, {{"id", "uuid"}, {"name", "text"}, {"role", "text"}, {"is_active", "bool"}}},
    {"sales_logs",
     true,
     {{"id", "uuid"},
      {"quantity", "int4"},
      {"unit_price", "numeric(12,2)"},
      {"returned", "bool"},
      {"note", "text"},
      {"created_at", "timestamptz"},
      {"extra", "jsonb"}}},
    {"shift_feedback", true, {{"id", "uuid"}, {"user_id", "uuid"}, {"note", "text"}}},
    {"audit_trail", false, {{"id", "uuid"}}},
    {"messages", false, {{"topic", "text"}, {"extension", "text"}, {"private", "bool"}}},
};

static void add_table(struct catalogue *c, const struct table_text *text)
{
    struct table *t = &c->tables[c->table_count];
    t->index = c->table_count++;
    t->name = bytes_of(text->name);
    t->is_live = text->is_live;
    t->columns = arena_array(&c->arena, COLUMNS_MAX, sizeof(struct column));
    t->key = arena_array(&c->arena, 1, sizeof(struct column *));
    assert_non_null(t->columns);
    assert_non_null(t->key);
    for (int i = 0; i < COLUMNS_MAX && text->columns[i].name; i++) {
        struct column *col = &t->columns[t->column_count];
        col->name = bytes_of(text->columns[i].name);
        col->index = t->column_count++;
        struct bytes type = bytes_of(text->columns[i].type);
        assert_int_equal(column_type_parse(type, &col->type, &col->scale), OK);
        col->precision = column_precision_parse(type);
    }
    t->columns[0].is_key = true;
    t->key[t->key_count++] = &t->columns[0];
    assert_int_equal(table_make_columns_json(c, t), OK);
}

struct catalogue *support_catalogue(void)
{
    struct catalogue *c;
    assert_int_equal(catalogue_new(&c), OK);
    c->tables = arena_array(&c->arena, CHECK_COUNT(tables), sizeof(struct table));
    assert_non_null(c->tables);
    for (size_t i = 0; i < CHECK_COUNT(tables); i++)
        add_table(c, &tables[i]);
    return c;
}

/* ---- the world ---- */

void world_config(struct world *w, struct hub_config *cfg)
{
    struct buf message;
    *w = (struct world){.now_us = NOW_S * TIME_US_PER_S};
    buf_init(&w->text, WIRE_MAX);
    buf_init(&message, 1000);
    memset(w->secret, 7, sizeof(w->secret));
    w->catalogue = support_catalogue();
    assert_int_equal(policies_new(w->catalogue, &w->policies), OK);
    assert_int_equal(
        policies_add(w->policies, BYTES("test.sql"), bytes_of(policies_text), &message), OK);
    buf_done(&message);
    *cfg = (struct hub_config){.catalogue = w->catalogue,
                               .policies = w->policies,
                               .secret = w->secret,
                               .epoch = BYTES("epoch-1"),
                               .rng_seed = 1,
                               .log_count_max = 10000,
                               .log_bytes_max = 64 << 20,
                               .limits = hub_limits_default};
}

static void begin_step(struct world *w)
{
    if (++w->step_count == w->fail_step)
        mem_fail_at(w->fail_at);
}

static void end_step(struct world *w)
{
    w->has_failed |= mem_fail_hit();
    mem_fail_at(0);
}

enum err world_step(struct world *w, struct hub_in *in)
{
    begin_step(w);
    enum err e = hub_step(w->hub, in, w->now_us);
    end_step(w);
    return e;
}

static void put_staff(struct world *w, const char *id, const char *role)
{
    char row[200];
    int size =
        snprintf(row, sizeof(row),
                 "{\"id\":\"%s\",\"name\":\"n\",\"role\":\"%s\",\"is_active\":true}", id, role);
    struct hub_in in = {.kind = HUB_IN_STAFF, .staff_row = {row, (size_t)size}};
    assert_int_equal(world_step(w, &in), OK);
}

void world_start(struct world *w, const struct hub_config *cfg)
{
    assert_int_equal(hub_new(cfg, &w->hub), OK);
    w->seq = cfg->head;
    put_staff(w, OWNER, "owner");
    put_staff(w, MANAGER, "manager");
    put_staff(w, REP, "sales_rep");
    put_staff(w, OTHER_REP, "sales_rep");
}

void world_init(struct world *w)
{
    struct hub_config cfg;
    world_config(w, &cfg);
    world_start(w, &cfg);
}

void world_init_pair(struct world *a, struct world *b)
{
    struct world *both[2] = {a, b};
    for (uint32_t i = 0; i < 2; i++) {
        struct hub_config cfg;
        world_config(both[i], &cfg);
        cfg.rng_seed = i;
        cfg.shard = i;
        cfg.shard_count = 2;
        world_start(both[i], &cfg);
        both[i]->peer = both[1 - i];
    }
}

void world_done(struct world *w)
{
    hub_free(w->hub);
    policies_free(w->policies);
    catalogue_free(w->catalogue);
    for (size_t i = 0; i < w->client_count; i++) {
        buf_done(&w->clients[i].wire);
        buf_done(&w->clients[i].message);
        inflater_done(&w->clients[i].inflater);
    }
    changes_done(&w->log);
    for (size_t i = 0; i < w->letter_count; i++)
        letter_free(w->letters[i]);
    for (size_t i = 0; i < w->wish_count; i++)
        wish_free(w->wishes[i]);
    buf_done(&w->text);
}

int world_set_up(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    assert_non_null(w);
    world_init(w);
    *state = w;
    return 0;
}

int world_tear_down(void **state)
{
    world_done(*state);
    free(*state);
    return 0;
}

/* ---- the shell's side ---- */

static struct client *client_of(struct world *w, struct hub_conn_id id)
{
    for (size_t i = 0; i < w->client_count; i++)
        if (w->clients[i].id.index == id.index && w->clients[i].id.generation == id.generation)
            return &w->clients[i];
    return NULL;
}

size_t client_take(struct world *w, struct client *c, size_t max)
{
    struct iovec iov[4];
    size_t taken = 0;
    for (int n; taken < max && (n = hub_peek(w->hub, c->id, iov, 4)) > 0;) {
        size_t size = 0;
        for (int i = 0; i < n && taken + size < max; i++) {
            size_t part = iov[i].iov_len < max - taken - size ? iov[i].iov_len : max - taken - size;
            buf_put(&c->wire, (struct bytes){iov[i].iov_base, part});
            size += part;
        }
        begin_step(w);
        hub_sent(w->hub, c->id, size, w->now_us);
        end_step(w);
        taken += size;
    }
    assert_int_equal(c->wire.err, OK);
    return taken;
}

/* What the peer has no memory for is given to it again. */
static void relay(struct world *peer, struct relay_item *item)
{
    struct hub_in in = {.kind = HUB_IN_RELAY, .relay = check_boxed(relay_item_bytes(item))};
    enum err e;
    do
        e = world_step(peer, &in);
    while (e == ERR_NOMEM);
    assert_int_equal(e, OK);
    check_unbox(in.relay);
    relay_item_free(item);
}

static void take_errand(struct world *w, const struct hub_out *out)
{
    assert_true(w->letter_count < ERRANDS_MAX && w->wish_count < ERRANDS_MAX);
    if (out->kind == HUB_OUT_PERSIST)
        w->letters[w->letter_count++] = out->letter;
    else
        w->wishes[w->wish_count++] = out->wish;
}

static bool next_out(struct world *w, struct hub_out *out)
{
    begin_step(w);
    bool is_one = hub_next_out(w->hub, out);
    end_step(w);
    return is_one;
}

void world_flush(struct world *w)
{
    struct hub_out out;
    bool has_relayed = false;
    while (next_out(w, &out)) {
        if (out.kind == HUB_OUT_RELAY) {
            assert_non_null(w->peer);
            relay(w->peer, out.relay);
            has_relayed = true;
            continue;
        }
        if (out.kind == HUB_OUT_FETCH) {
            assert_true(w->fetch_count < FETCHES_MAX);
            w->fetches[w->fetch_count++] = out;
            continue;
        }
        if (out.kind == HUB_OUT_PERSIST || out.kind == HUB_OUT_MESSAGES) {
            take_errand(w, &out);
            continue;
        }
        struct client *c = client_of(w, out.conn);
        assert_non_null(c);
        if (out.kind == HUB_OUT_CLOSE)
            c->is_told_to_close = true;
        c->is_abrupt = out.is_abrupt;
        c->flushes++;
        if (!c->is_stalled)
            client_take(w, c, SIZE_MAX);
    }
    if (has_relayed)
        world_flush(w->peer);
}

/* What the store would give. */
static void find_page(const struct world *w, const struct hub_out *fetch, struct hub_in *in)
{
    uint64_t first = w->log.count ? w->log.items[0]->seq : w->seq + 1;
    uint64_t end = fetch->from + fetch->change_max;
    size_t bytes = 0;
    in->tail = first > w->log_tail ? first : w->log_tail;
    uint64_t from = fetch->from > in->tail ? fetch->from : in->tail;
    in->changes = w->log.items + (from - first);
    while (from + in->change_count < end && from + in->change_count <= w->seq &&
           bytes < fetch->bytes_max)
        bytes += change_size(in->changes[in->change_count++]);
}

void world_answer(struct world *w, size_t place, enum err error)
{
    struct hub_out fetch = w->fetches[place];
    struct hub_in in = {.kind = HUB_IN_FETCHED, .from = fetch.from, .error = error};
    assert_true(place < w->fetch_count);
    w->fetch_count--;
    for (size_t i = place; i < w->fetch_count; i++)
        w->fetches[i] = w->fetches[i + 1];
    if (!error)
        find_page(w, &fetch, &in);
    assert_int_equal(world_step(w, &in), OK);
    world_flush(w);
}

void world_answer_all(struct world *w)
{
    while (w->fetch_count > 0)
        world_answer(w, 0, OK);
}

void world_tick(struct world *w, int64_t after_us)
{
    struct hub_in in = {.kind = HUB_IN_TICK};
    w->now_us += after_us;
    assert_int_equal(world_step(w, &in), OK);
    world_flush(w);
}

/* ---- clients ---- */

static struct client *open_client(struct world *w, struct hub_in *in)
{
    struct client *c = &w->clients[w->client_count];
    assert_true(w->client_count < CLIENTS_MAX);
    in->kind = HUB_IN_OPEN;
    in->claims.expires_s = NOW_S + 1000000;
    assert_int_equal(world_step(w, in), OK);
    w->client_count++;
    *c = (struct client){.id = in->conn, .version = in->version, .window = in->window};
    buf_init(&c->wire, WIRE_MAX);
    buf_init(&c->message, WIRE_MAX);
    inflater_init(&c->inflater);
    return c;
}

struct client *client_open_as(struct world *w, enum phx_version version, enum token_kind kind,
                              const char *user_id)
{
    struct hub_in in = {.version = version, .claims = {.kind = kind}};
    if (user_id)
        memcpy(in.claims.user_id, user_id, UUID_SIZE);
    return open_client(w, &in);
}

struct client *client_open_deflating(struct world *w, enum phx_version version,
                                     enum deflate_window window)
{
    struct hub_in in = {.version = version, .window = window, .claims = {.kind = TOKEN_ANON}};
    return open_client(w, &in);
}

struct client *client_open(struct world *w, enum phx_version version)
{
    return client_open_as(w, version, TOKEN_ANON, NULL);
}

void client_feed(struct world *w, struct client *c, struct bytes wire)
{
    struct bytes copy = check_boxed(wire); /* unmasked in place */
    struct hub_in in = {
        .kind = HUB_IN_BYTES, .conn = c->id, .bytes = {(char *)(uintptr_t)copy.data, copy.size}};
    assert_int_equal(world_step(w, &in), OK);
    check_unbox(copy);
    world_flush(w);
}

static void put_size(struct buf *out, size_t size)
{
    if (size < 126) {
        buf_put_char(out, (char)(0x80 | size));
    } else if (size < 65536) {
        buf_put_char(out, (char)(0x80 | 126));
        buf_put_char(out, (char)(size >> 8));
        buf_put_char(out, (char)(size & 0xff));
    } else {
        buf_put_char(out, (char)(0x80 | 127));
        for (int shift = 56; shift >= 0; shift -= 8)
            buf_put_char(out, (char)(size >> shift & 0xff));
    }
}

void client_say_frame(struct world *w, struct client *c, uint8_t first_byte, struct bytes payload)
{
    static const char mask[4] = {0x12, 0x34, 0x56, 0x78};
    struct buf wire;
    buf_init(&wire, WIRE_MAX);
    buf_put_char(&wire, (char)first_byte);
    put_size(&wire, payload.size);
    buf_put(&wire, (struct bytes){mask, sizeof(mask)});
    for (size_t i = 0; i < payload.size; i++)
        buf_put_char(&wire, (char)(payload.data[i] ^ mask[i % 4]));
    client_feed(w, c, buf_bytes(&wire));
    buf_done(&wire);
}

void client_say(struct world *w, struct client *c, const char *text)
{
    client_say_frame(w, c, 0x81, bytes_of(text));
}

void client_gone(struct world *w, struct client *c)
{
    struct hub_in in = {.kind = HUB_IN_GONE, .conn = c->id};
    assert_int_equal(world_step(w, &in), OK);
    world_flush(w);
}

struct bytes world_token(struct world *w, const char *user_id, int64_t expires_s)
{
    struct claims claims = {.kind = TOKEN_USER, .issued_s = NOW_S, .expires_s = expires_s};
    if (strcmp(user_id, "anon") == 0)
        claims.kind = TOKEN_ANON;
    else if (strcmp(user_id, "service") == 0)
        claims.kind = TOKEN_SERVICE;
    else
        memcpy(claims.user_id, user_id, UUID_SIZE);
    buf_reset(&w->text);
    token_sign(&w->text, w->secret, &claims, NULL, BYTES("test"));
    assert_int_equal(w->text.err, OK);
    return buf_bytes(&w->text);
}

struct client *client_joined(struct world *w, const char *config, const char *user_id)
{
    struct client *c = client_open(w, PHX_V2);
    client_join(w, c, "x", "1", config, user_id);
    client_skip(c, 2);
    return c;
}

void client_push_token(struct world *w, struct client *c, const char *name, const char *ref,
                       const char *user_id, int64_t expires_s)
{
    struct buf message;
    buf_init(&message, WIRE_MAX);
    buf_put_literal(&message, "[\"");
    buf_put(&message, bytes_of(ref));
    buf_put_literal(&message, "\",\"5\",\"realtime:");
    buf_put(&message, bytes_of(name));
    buf_put_literal(&message, "\",\"access_token\",{\"access_token\":\"");
    buf_put(&message, world_token(w, user_id, expires_s));
    buf_put_literal(&message, "\"}]");
    client_say_frame(w, c, 0x81, buf_bytes(&message));
    buf_done(&message);
}

void client_join(struct world *w, struct client *c, const char *name, const char *ref,
                 const char *config, const char *user_id)
{
    struct buf message;
    buf_init(&message, WIRE_MAX);
    if (c->version == PHX_V2) {
        buf_put_literal(&message, "[\"");
        buf_put(&message, bytes_of(ref));
        buf_put_literal(&message, "\",\"");
        buf_put(&message, bytes_of(ref));
        buf_put_literal(&message, "\",\"realtime:");
        buf_put(&message, bytes_of(name));
        buf_put_literal(&message, "\",\"phx_join\",{\"config\":{");
    } else {
        buf_put_literal(&message, "{\"ref\":\"");
        buf_put(&message, bytes_of(ref));
        buf_put_literal(&message, "\",\"join_ref\":\"");
        buf_put(&message, bytes_of(ref));
        buf_put_literal(&message, "\",\"topic\":\"realtime:");
        buf_put(&message, bytes_of(name));
        buf_put_literal(&message, "\",\"event\":\"phx_join\",\"payload\":{\"config\":{");
    }
    buf_put(&message, bytes_of(config));
    buf_put_char(&message, '}');
    if (user_id) {
        buf_put_literal(&message, ",\"access_token\":\"");
        buf_put(&message, world_token(w, user_id, NOW_S + 3600));
        buf_put_char(&message, '"');
    }
    buf_put(&message, c->version == PHX_V2 ? BYTES("}]") : BYTES("}}"));
    client_say_frame(w, c, 0x81, buf_bytes(&message));
    buf_done(&message);
}

/* ---- reading ---- */

struct bytes client_next(struct client *c, uint8_t *opcode)
{
    size_t header = 2, left = c->wire.size - c->read;
    if (left < 2)
        return (struct bytes){NULL, 0};
    const unsigned char *p = (const unsigned char *)c->wire.data + c->read;
    size_t size = p[1];
    bool is_deflated = c->window && (p[0] & WS_DEFLATED);
    /* Whole, no extensions but what was negotiated, unmasked. */
    assert_true((p[0] & 0xf0) == (is_deflated ? 0xc0 : 0x80) && size < 128);
    if (size >= 126) {
        header = size == 126 ? 4 : 10;
        size = 0;
        for (size_t i = 2; i < header && i < left; i++)
            size = size << 8 | p[i];
    }
    if (left < header + size)
        return (struct bytes){NULL, 0};
    if (opcode)
        *opcode = p[0] & 0xf;
    struct bytes payload = {(const char *)p + header, size};
    if (is_deflated)
        assert_int_equal(inflater_run(&c->inflater, payload, WIRE_MAX, &payload), OK);
    buf_reset(&c->message);
    buf_put(&c->message, payload);
    c->read += header + size;
    return buf_bytes(&c->message);
}

void support_expect_part(struct client *c, const char *part, const char *file, int line)
{
    struct bytes got = client_next(c, NULL);
    if (bytes_find(got, bytes_of(part)) < got.size)
        return;
    print_error("%s:%d: \"%.*s\" lacks \"%s\"\n", file, line, (int)got.size,
                got.data ? got.data : "", part);
    _fail(file, line);
}

void client_skip(struct client *c, size_t count)
{
    while (count-- > 0)
        assert_true(client_next(c, NULL).size > 0);
}

int client_next_close(struct client *c)
{
    uint8_t opcode = 0;
    struct bytes b = client_next(c, &opcode);
    if (opcode != 8 || b.size < 2)
        return 0;
    return (unsigned char)b.data[0] << 8 | (unsigned char)b.data[1];
}

/* ---- changes ---- */

struct change *world_change(struct world *w, const char *table, enum verb verb, const char *new_row,
                            const char *old_row)
{
    struct change *c;
    struct bytes none = {NULL, 0};
    const struct table *t = catalogue_table(w->catalogue, bytes_of(table));
    assert_non_null(t);
    assert_int_equal(change_new(t, verb, w->seq + 1, w->now_us, new_row ? bytes_of(new_row) : none,
                                old_row ? bytes_of(old_row) : none, &c),
                     OK);
    w->seq++;
    return c;
}

void world_commit_all(struct world *w, struct change **items, size_t count)
{
    struct hub_in in = {.kind = HUB_IN_CHANGES, .changes = items, .change_count = count};
    assert_int_equal(world_step(w, &in), OK);
    for (size_t i = 0; i < count; i++) {
        if (w->keeps_log)
            assert_int_equal(changes_push(&w->log, items[i]), OK);
        else
            change_unref(items[i]);
    }
    world_flush(w);
}

void world_commit(struct world *w, const char *table, enum verb verb, const char *new_row,
                  const char *old_row)
{
    struct change *c = world_change(w, table, verb, new_row, old_row);
    world_commit_all(w, &c, 1);
}

void world_sell(struct world *w, unsigned id, int quantity)
{
    char row[200];
    snprintf(row, sizeof(row),
             "{\"id\":\"00000000-0000-4000-9000-%012u\",\"quantity\":%d,\"unit_price\":1500.50,"
             "\"returned\":false,\"note\":null}",
             id, quantity);
    world_commit(w, "sales_logs", VERB_INSERT, row, NULL);
}
