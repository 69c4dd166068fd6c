/* match: what a change costs as subscriptions grow that do not match it: the hub alone, in process,
 * without sockets.  Each subscription is a channel with a filter of its own; each change matches
 * just one of them, whose frame is taken.  Once with filters that are found by value (`eq`), once
 * with filters that must be asked one by one (`gte`). */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/time.h"
#include "hub/hub.h"
#include "load.h"

#define NOW_US (INT64_C(1800000000) * TIME_US_PER_S)

enum { CHANNELS_PER_CONN = 1000, STEPS = 9, BATCH = 64 };

static unsigned char secret[TOKEN_SECRET_SIZE];

struct setting {
    struct catalogue *catalogue;
    struct policies *policies;
    struct hub *hub;
    struct hub_conn_id conn; /* the one that joins now */
    uint64_t seq;
    struct buf message;
    char token[1024];
};

static void check(enum err e, const char *what)
{
    if (e)
        load_fail(what);
}

/* sales(id uuid primary key, quantity int8) */
static void make_catalogue(struct setting *s)
{
    static const struct column columns[] = {
        {.name = BYTES_INIT("id"), .type = TYPE_UUID, .is_key = true},
        {.name = BYTES_INIT("quantity"), .type = TYPE_INT8, .index = 1}};
    check(catalogue_new(&s->catalogue), "catalogue");
    struct arena *a = &s->catalogue->arena;
    struct table *t = arena_zalloc(a, sizeof(*t));
    struct column *copy = arena_array(a, 2, sizeof(*copy));
    const struct column **key = arena_array(a, 1, sizeof(*key));
    if (!t || !copy || !key)
        load_fail("memory");
    memcpy(copy, columns, sizeof(columns));
    key[0] = copy;
    *t = (struct table){.name = BYTES("sales"),
                        .columns = copy,
                        .column_count = 2,
                        .key = key,
                        .key_count = 1,
                        .is_live = true};
    s->catalogue->tables = t;
    s->catalogue->table_count = 1;
    check(table_make_columns_json(s->catalogue, t), "columns");
}

static void setting_init(struct setting *s)
{
    *s = (struct setting){.seq = 0};
    buf_init(&s->message, 1 << 20);
    make_catalogue(s);
    check(policies_new(s->catalogue, &s->policies), "policies");
    struct hub_config cfg = {.catalogue = s->catalogue,
                             .policies = s->policies,
                             .secret = secret,
                             .epoch = BYTES("bench"),
                             .rng_seed = 1,
                             .log_count_max = 1000,
                             .log_bytes_max = 1 << 20,
                             .limits = hub_limits_default};
    check(hub_new(&cfg, &s->hub), "hub");
    struct claims service = {.kind = TOKEN_SERVICE, .expires_s = INT64_C(1900000000)};
    token_sign(&s->message, secret, &service, NULL, BYTES("bench"));
    check(s->message.err, "token");
    snprintf(s->token, sizeof(s->token), "%.*s", (int)s->message.size, s->message.data);
}

static void setting_done(struct setting *s)
{
    hub_free(s->hub);
    policies_free(s->policies);
    catalogue_free(s->catalogue);
    buf_done(&s->message);
}

static size_t take_all(struct setting *s)
{
    struct hub_out out;
    struct iovec iov[16];
    size_t taken = 0;
    while (hub_next_out(s->hub, &out)) {
        for (int n; (n = hub_peek(s->hub, out.conn, iov, 16)) > 0;) {
            size_t size = 0;
            for (int i = 0; i < n; i++)
                size += iov[i].iov_len;
            hub_sent(s->hub, out.conn, size, NOW_US);
            taken += size;
        }
    }
    return taken;
}

static void open_conn(struct setting *s)
{
    struct hub_in in = {.kind = HUB_IN_OPEN,
                        .version = PHX_V2,
                        .claims = {.kind = TOKEN_SERVICE, .expires_s = INT64_C(1900000000)}};
    check(hub_step(s->hub, &in, NOW_US), "open");
    s->conn = in.conn;
}

/* One masked text frame; the mask is zero. */
static void say(struct setting *s, const char *text)
{
    size_t size = strlen(text);
    char head[8] = {(char)0x81, (char)(0x80 | 126), (char)(size >> 8), (char)(size & 0xff)};
    buf_reset(&s->message);
    buf_put(&s->message, (struct bytes){head, sizeof(head)});
    buf_put(&s->message, bytes_of(text));
    struct hub_in in = {
        .kind = HUB_IN_BYTES, .conn = s->conn, .bytes = {s->message.data, s->message.size}};
    check(hub_step(s->hub, &in, NOW_US), "bytes");
    take_all(s);
}

static void join(struct setting *s, unsigned number, const char *filter)
{
    char text[2000];
    snprintf(text, sizeof(text),
             "[\"1\",\"1\",\"realtime:t%u\",\"phx_join\",{\"config\":{\"postgres_changes\":[{"
             "\"event\":\"*\",\"table\":\"sales\",\"filter\":\"%s\"}]},\"access_token\":\"%s\"}]",
             number, filter, s->token);
    say(s, text);
}

/* The first matches every change, the others none. */
static void subscribe(struct setting *s, unsigned others, bool is_eq)
{
    open_conn(s);
    join(s, 0, is_eq ? "quantity=eq.7" : "quantity=gte.7");
    for (unsigned i = 0; i < others; i++) {
        char filter[80];
        if (i % CHANNELS_PER_CONN == 0)
            open_conn(s);
        snprintf(filter, sizeof(filter), "quantity=%s.%u", is_eq ? "eq" : "gte", 1000 + i);
        join(s, 1 + i, filter);
    }
    if (hub_counters(s->hub).subscriptions != others + 1)
        load_fail("not all have joined");
}

static void commit(struct setting *s, size_t count)
{
    struct change *items[BATCH];
    for (size_t i = 0; i < count; i++)
        check(change_new(s->catalogue->tables, VERB_INSERT, ++s->seq, NOW_US,
                         BYTES("{\"id\":\"00000000-0000-4000-8000-000000000001\",\"quantity\":7}"),
                         (struct bytes){NULL, 0}, &items[i]),
              "change");
    struct hub_in in = {.kind = HUB_IN_CHANGES, .changes = items, .change_count = count};
    check(hub_step(s->hub, &in, NOW_US), "changes");
    for (size_t i = 0; i < count; i++)
        change_unref(items[i]);
    if (take_all(s) == 0)
        load_fail("nothing was delivered");
}

/* Nanoseconds per change, the least of some runs. */
static double measure(struct setting *s, size_t batch, unsigned budget)
{
    double best = 0;
    for (int run = 0; run < STEPS; run++) {
        uint64_t start = load_now_ns();
        unsigned done = 0;
        for (; done < budget; done += (unsigned)batch)
            commit(s, batch);
        double ns = (double)(load_now_ns() - start) / done;
        best = run == 0 || ns < best ? ns : best;
    }
    return best;
}

struct cost {
    double alone, batched; /* ns per change: one in a group, and 64 */
};

static struct cost run(unsigned others, bool is_eq)
{
    struct setting s;
    struct cost c;
    setting_init(&s);
    subscribe(&s, others, is_eq);
    unsigned budget = is_eq ? 20000 : 20000 / (1 + others / 10) + 2;
    c.alone = measure(&s, 1, budget);
    c.batched = measure(&s, BATCH, budget);
    setting_done(&s);
    return c;
}

static void table(const char *title, bool is_eq, unsigned max)
{
    struct cost first = {0, 0};
    printf("%s\n%14s %22s %8s %22s %8s\n", title, "not matching", "one change a turn", "ratio",
           "64 changes a turn", "ratio");
    for (unsigned others = 10; others <= max; others *= 10) {
        struct cost c = run(others, is_eq);
        if (others == 10)
            first = c;
        printf("%14u %19.0f ns %8.2f %19.0f ns %8.2f\n", others, c.alone, c.alone / first.alone,
               c.batched, c.batched / first.batched);
    }
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    table("found by value (eq): cost of a change, hub only, one delivery", true, 100000);
    table("asked one by one (gte)", false, 10000);
    return 0;
}
