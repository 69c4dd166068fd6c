#include "match.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/time.h"
#include "hub/hub.h"
#include "load.h"
#include "report.h"

#define NOW_US (INT64_C(1800000000) * TIME_US_PER_S)

enum { CHANNELS_PER_CONN = 1000, STEPS = 9, BATCH = 64 };

static unsigned char secret[TOKEN_SECRET_SIZE];

struct setting {
    struct catalogue *catalogue;
    struct policies *policies;
    struct hub *hub;
    struct hub_conn_id conn; /* the one that joins now */
    uint64_t seq;
    uint64_t ids; /* that changes have in turn */
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
    static struct column columns[] = {
        {.name = BYTES_INIT("id"), .type = TYPE_UUID, .is_key = true},
        {.name = BYTES_INIT("quantity"), .type = TYPE_INT8, .index = 1}};
    static const struct column *key[] = {&columns[0]};
    static struct table t;
    t = (struct table){.name = BYTES("sales"),
                       .columns = columns,
                       .column_count = 2,
                       .key = key,
                       .key_count = 1,
                       .is_live = true};
    check(catalogue_new(&s->catalogue), "catalogue");
    s->catalogue->tables = &t;
    s->catalogue->table_count = 1;
    check(table_make_columns_json(s->catalogue, &t), "columns");
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

static void put_id(char out[UUID_SIZE + 1], unsigned number)
{
    snprintf(out, UUID_SIZE + 1, "00000000-0000-4000-8000-%012u", number);
}

static void put_filter(enum match_kind kind, unsigned number, char out[80])
{
    char id[UUID_SIZE + 1];
    put_id(id, number);
    if (kind == MATCH_IDS)
        snprintf(out, 80, "id=eq.%s", id);
    else
        snprintf(out, 80, "quantity=%s.%u", kind == MATCH_EQUAL ? "eq" : "gte",
                 number ? 1000 + number : 7);
}

/* The first matches every change, the others none; by id, each matches those of its own. */
static void subscribe(struct setting *s, unsigned others, enum match_kind kind)
{
    char filter[80];
    for (unsigned i = 0; i <= others; i++) {
        if (i % CHANNELS_PER_CONN == 0)
            open_conn(s);
        put_filter(kind, i, filter);
        join(s, i, filter);
    }
    if (hub_counters(s->hub).subscriptions != others + 1)
        load_fail("not all have joined");
    s->ids = kind == MATCH_IDS ? others + 1 : 1;
}

static void commit(struct setting *s, size_t count)
{
    struct change *items[BATCH];
    for (size_t i = 0; i < count; i++) {
        char id[UUID_SIZE + 1], row[100];
        put_id(id, (unsigned)(++s->seq % s->ids));
        snprintf(row, sizeof(row), "{\"id\":\"%s\",\"quantity\":7}", id);
        check(change_new(s->catalogue->tables, VERB_INSERT, s->seq, NOW_US, bytes_of(row),
                         (struct bytes){NULL, 0}, &items[i]),
              "change");
    }
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
    double deliveries;     /* per change */
};

static struct cost run(unsigned others, enum match_kind kind, unsigned budget)
{
    struct setting s;
    struct cost c;
    setting_init(&s);
    subscribe(&s, others, kind);
    if (kind == MATCH_ASKED)
        budget = budget / (1 + others / 10) + 2;
    struct hub_counters before = hub_counters(s.hub);
    c.alone = measure(&s, 1, budget);
    c.batched = measure(&s, BATCH, budget);
    struct hub_counters after = hub_counters(s.hub);
    double changes = (double)(after.changes - before.changes);
    c.deliveries = (double)(after.deliveries - before.deliveries) / changes;
    setting_done(&s);
    return c;
}

void match_hub(enum match_kind kind, unsigned most, unsigned budget)
{
    static const char *const titles[] = {
        [MATCH_EQUAL] = "the others want other values (`quantity=eq.N`)",
        [MATCH_IDS] = "every channel wants another id (`id=eq.UUID`), changes of all in turn",
        [MATCH_ASKED] = "asked one by one (`quantity=gte.N`)"};
    struct cost first = {0, 0, 0};
    report_line("\nThe hub alone, %s:\n", titles[kind]);
    REPORT_HEAD("other subscriptions", "a change alone", "ratio", "one of 64", "ratio",
                "deliveries a change");
    for (unsigned others = 10; others <= most; others *= 10) {
        struct cost c = run(others, kind, budget);
        first = others == 10 ? c : first;
        report_row("%u | %.0f ns | %.2f | %.0f ns | %.2f | %.2f", others, c.alone,
                   c.alone / first.alone, c.batched, c.batched / first.batched, c.deliveries);
    }
}
