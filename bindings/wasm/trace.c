/* trace: one run of the client by script, and the hash of all it wanted done: the same from every
 * compiler and on every machine.  Natively a program that prints it; in WebAssembly an export. */
#include <string.h>

#include "base/bytes.h"
#include "base/rng.h"
#include "homebake/client.h"

enum { LINE_MAX = 256, ANSWERS_MAX = 8 };

struct trace {
    struct hb_client *c;
    struct rng rng;
    uint64_t hash;
    int64_t now;
    uint32_t connection; /* of the last HB_OPEN */
    uint32_t request;    /* of the last HB_FETCH */
    uint32_t seq;
    uint32_t answered; /* of the messages sent: the rest waits in the ring, the newest eight */
    uint32_t sent;
    char answers[ANSWERS_MAX][LINE_MAX];
};

static struct hb_text text(const char *s)
{
    return (struct hb_text){s, strlen(s)};
}

/* FNV-1a. */
static void add(struct trace *t, const void *data, size_t size)
{
    for (size_t i = 0; i < size; i++)
        t->hash = (t->hash ^ ((const uint8_t *)data)[i]) * 0x100000001b3u;
}

static void add_number(struct trace *t, int64_t n)
{
    uint8_t bytes[8];
    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)((uint64_t)n >> (8 * i));
    add(t, bytes, sizeof(bytes));
}

static void add_text(struct trace *t, struct hb_text x)
{
    add_number(t, (int64_t)x.size);
    add(t, x.data, x.size);
}

/* ["<join>","<ref>","<topic>",…: the head of the message and the server's yes behind it. */
static void answer(struct trace *t, struct hb_text sent)
{
    static const char yes[] =
        ",\"phx_reply\",{\"status\":\"ok\",\"response\":{\"postgres_changes\":"
        "[{\"id\":7}],\"resume\":{\"epoch\":\"E1\",\"seq\":1,"
        "\"replayed\":false}}}]";
    char *to = t->answers[t->sent % ANSWERS_MAX];
    size_t commas = 0, size = 0;
    while (size < sent.size && commas < 3)
        commas += sent.data[size++] == ',';
    if (commas < 3 || size + sizeof(yes) > LINE_MAX)
        return;
    memcpy(to, sent.data, size - 1);
    memcpy(to + size - 1, yes, sizeof(yes));
    t->sent++;
}

static void hear(struct trace *t)
{
    if (t->sent - t->answered > ANSWERS_MAX)
        t->answered = t->sent - ANSWERS_MAX;
    if (t->answered < t->sent)
        hb_client_message(t->c, t->connection, text(t->answers[t->answered++ % ANSWERS_MAX]),
                          t->now);
}

static void carry_out(struct trace *t)
{
    struct hb_action a;
    while (hb_client_next(t->c, &a)) {
        const uint32_t words[] = {a.type, a.id, a.code, a.count, a.is_whole, a.error};
        for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
            add_number(t, words[i]);
        add_text(t, a.text);
        add_text(t, a.token);
        for (uint32_t i = 0; a.type == HB_ROWS && i < a.count; i++) {
            struct hb_row row;
            hb_client_row(t->c, i, &row);
            add_number(t, row.op);
            add_text(t, row.key);
            add_text(t, row.row);
        }
        if (a.type == HB_OPEN)
            t->connection = a.id;
        else if (a.type == HB_FETCH)
            t->request = a.id;
        else if (a.type == HB_SEND)
            answer(t, a.text);
    }
    add_number(t, hb_client_deadline(t->c));
}

static void fetched(struct trace *t)
{
    static const char *const rows[] = {"[]", "[{\"id\":1,\"n\":2}]",
                                       "[{\"id\":1},{\"id\":2,\"n\":0.5}]", "[{\"id\":"};
    uint32_t status = rng_below(&t->rng, 8) ? 200 : 503;
    uint64_t choice = rng_below(&t->rng, 4);
    hb_client_fetched(t->c, t->request, status, ++t->seq, text("E1"), text(rows[choice]), t->now);
}

static void step(struct trace *t)
{
    switch (rng_below(&t->rng, 12)) {
    case 0:
    case 1:
        hb_client_opened(t->c, t->connection, t->now);
        break;
    case 2:
    case 3:
    case 4:
        hear(t);
        break;
    case 5:
    case 6:
        fetched(t);
        break;
    case 7:
        if (rng_below(&t->rng, 32) == 0)
            hb_client_closed(t->c, t->connection, 1006, t->now);
        break;
    case 8:
        hb_client_set_online(t->c, rng_below(&t->rng, 32) != 0, t->now);
        break;
    case 9:
        hb_client_set_visible(t->c, rng_below(&t->rng, 2) != 0, t->now);
        break;
    case 10:
        hb_client_frame(t->c, t->now);
        break;
    default:
        t->now += (int64_t)rng_below(&t->rng, 2000);
        hb_client_tick(t->c, t->now);
    }
    carry_out(t);
}

/* 0: no memory. */
uint64_t trace_run(uint32_t seed, uint32_t steps);
uint64_t trace_run(uint32_t seed, uint32_t steps)
{
    static const char *const tables[] = {"stock", "bread_types", "sales_logs"};
    struct trace t = {.hash = 0xcbf29ce484222325u, .now = 1000000};
    struct hb_settings s;
    uint32_t subscriber;
    rng_init(&t.rng, seed);
    hb_settings_init(&s);
    s.apikey = text("K");
    s.seed = seed;
    if (hb_client_new(&s, t.now, &t.c))
        return 0;
    hb_client_set_token(t.c, text("T"), 3600000, t.now);
    hb_client_start(t.c, t.now);
    for (uint32_t i = 0; i < 3; i++) {
        const struct hb_query q = {.table = text(tables[i]), .priority = (enum hb_priority)i};
        add_number(&t, hb_client_subscribe(t.c, &q, t.now, &subscriber));
    }
    carry_out(&t);
    for (uint32_t i = 0; i < steps; i++)
        step(&t);
    hb_client_free(t.c);
    return t.hash;
}

#ifdef __wasm__
__attribute__((export_name("trace"))) uint64_t trace_export(uint32_t seed, uint32_t steps);
uint64_t trace_export(uint32_t seed, uint32_t steps)
{
    return trace_run(seed, steps);
}
#else
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    uint32_t seeds = (uint32_t)atoi(argv[1]), steps = (uint32_t)atoi(argv[2]);
    for (uint32_t seed = 1; seed <= seeds; seed++)
        printf("%016" PRIx64 "\n", trace_run(seed, steps));
    return 0;
}
#endif
