/* exports: the client for a host that has linear memory and numbers only.
 *
 * Texts come in by pointer and size, in memory of hb_wasm_alloc.  Times are doubles, as JavaScript
 * has them; a deadline that never comes is infinite.  Actions, rows and the status are read through
 * a table of words (hb_wasm_out), whose layout the host knows by the numbers below; it is good until
 * the next call.  One thread, any number of clients. */
#include <math.h>
#include <stdlib.h>

#include "homebake/client.h"

#define EXPORT(name) __attribute__((export_name(#name)))

/* Words of 32 bits of the table, of what was asked last. */
enum {
    OUT_TYPE = 0,
    OUT_ID = 1,
    OUT_CODE = 2,
    OUT_COUNT = 3,
    OUT_IS_WHOLE = 4,
    OUT_ERROR = 5,
    OUT_TEXT = 6, /* and its size behind it */
    OUT_TOKEN = 8,
    OUT_SEQ = 10, /* its lower half, and the upper one behind it */
    OUT_WORDS = 16
};

static uint32_t out[OUT_WORDS];

static struct hb_text text_of(const char *data, uint32_t size)
{
    return (struct hb_text){data, size};
}

static void put_text(uint32_t at, struct hb_text t)
{
    out[at] = (uint32_t)(uintptr_t)t.data;
    out[at + 1] = (uint32_t)t.size;
}

/* Of a time or a span that is too long for a number: the longest. */
static uint32_t word_of(int64_t ms)
{
    if (ms < 0)
        return UINT32_MAX;
    return ms < INT32_MAX ? (uint32_t)ms : INT32_MAX;
}

EXPORT(hb_out) uint32_t *hb_wasm_out(void);
uint32_t *hb_wasm_out(void)
{
    return out;
}

EXPORT(hb_alloc) void *hb_wasm_alloc(uint32_t size);
void *hb_wasm_alloc(uint32_t size)
{
    return malloc(size ? size : 1);
}

EXPORT(hb_free) void hb_wasm_free(void *p);
void hb_wasm_free(void *p)
{
    free(p);
}

/* `flags`: 1 no_auto_reconnect, 2 HB_HIDDEN_CLOSE.  Gives 0 for no memory, or settings out of range. */
EXPORT(hb_new)
struct hb_client *hb_wasm_new(const char *key, uint32_t key_size, uint32_t seed, uint32_t flags,
                              uint32_t hidden_close_ms, double now_ms);
struct hb_client *hb_wasm_new(const char *key, uint32_t key_size, uint32_t seed, uint32_t flags,
                              uint32_t hidden_close_ms, double now_ms)
{
    struct hb_settings s;
    struct hb_client *c = NULL;
    hb_settings_init(&s);
    s.apikey = text_of(key, key_size);
    s.seed = seed;
    s.no_auto_reconnect = flags & 1;
    s.hidden = flags & 2 ? HB_HIDDEN_CLOSE : HB_HIDDEN_KEEP;
    if (hidden_close_ms)
        s.hidden_close_ms = hidden_close_ms;
    return hb_client_new(&s, (int64_t)now_ms, &c) == HB_OK ? c : NULL;
}

EXPORT(hb_end) void hb_wasm_end(struct hb_client *c);
void hb_wasm_end(struct hb_client *c)
{
    hb_client_free(c);
}

EXPORT(hb_start) void hb_wasm_start(struct hb_client *c, double now_ms);
void hb_wasm_start(struct hb_client *c, double now_ms)
{
    hb_client_start(c, (int64_t)now_ms);
}

EXPORT(hb_stop) void hb_wasm_stop(struct hb_client *c, double now_ms);
void hb_wasm_stop(struct hb_client *c, double now_ms)
{
    hb_client_stop(c, (int64_t)now_ms);
}

/* `texts`: pointer and size of table, event, filter and key.  The subscriber's number is in the
 * table's first word. */
EXPORT(hb_subscribe)
uint32_t hb_wasm_subscribe(struct hb_client *c, const uint32_t texts[8], uint32_t priority,
                           double now_ms);
uint32_t hb_wasm_subscribe(struct hb_client *c, const uint32_t texts[8], uint32_t priority,
                           double now_ms)
{
    struct hb_text t[4];
    for (uint32_t i = 0; i < 4; i++)
        t[i] = text_of((const char *)(uintptr_t)texts[2 * i], texts[2 * i + 1]);
    const struct hb_query q = {.table = t[0],
                               .event = t[1],
                               .filter = t[2],
                               .key = t[3],
                               .priority = (enum hb_priority)priority};
    out[OUT_TYPE] = 0;
    return hb_client_subscribe(c, &q, (int64_t)now_ms, &out[OUT_TYPE]);
}

EXPORT(hb_unsubscribe)
void hb_wasm_unsubscribe(struct hb_client *c, uint32_t subscriber, double now_ms);
void hb_wasm_unsubscribe(struct hb_client *c, uint32_t subscriber, double now_ms)
{
    hb_client_unsubscribe(c, subscriber, (int64_t)now_ms);
}

EXPORT(hb_retry) void hb_wasm_retry(struct hb_client *c, uint32_t subscriber, double now_ms);
void hb_wasm_retry(struct hb_client *c, uint32_t subscriber, double now_ms)
{
    hb_client_retry(c, subscriber, (int64_t)now_ms);
}

EXPORT(hb_refresh) void hb_wasm_refresh(struct hb_client *c, double now_ms);
void hb_wasm_refresh(struct hb_client *c, double now_ms)
{
    hb_client_refresh(c, (int64_t)now_ms);
}

EXPORT(hb_opened) void hb_wasm_opened(struct hb_client *c, uint32_t connection, double now_ms);
void hb_wasm_opened(struct hb_client *c, uint32_t connection, double now_ms)
{
    hb_client_opened(c, connection, (int64_t)now_ms);
}

EXPORT(hb_message)
void hb_wasm_message(struct hb_client *c, uint32_t connection, const char *data, uint32_t size,
                     double now_ms);
void hb_wasm_message(struct hb_client *c, uint32_t connection, const char *data, uint32_t size,
                     double now_ms)
{
    hb_client_message(c, connection, text_of(data, size), (int64_t)now_ms);
}

EXPORT(hb_closed)
void hb_wasm_closed(struct hb_client *c, uint32_t connection, uint32_t code, double now_ms);
void hb_wasm_closed(struct hb_client *c, uint32_t connection, uint32_t code, double now_ms)
{
    hb_client_closed(c, connection, code, (int64_t)now_ms);
}

/* `seq` is exact up to 2^53; `texts`: pointer and size of epoch and body. */
EXPORT(hb_fetched)
void hb_wasm_fetched(struct hb_client *c, uint32_t request, uint32_t status, double seq,
                     const uint32_t texts[4], double now_ms);
void hb_wasm_fetched(struct hb_client *c, uint32_t request, uint32_t status, double seq,
                     const uint32_t texts[4], double now_ms)
{
    hb_client_fetched(c, request, status, seq > 0 ? (uint64_t)seq : 0,
                      text_of((const char *)(uintptr_t)texts[0], texts[1]),
                      text_of((const char *)(uintptr_t)texts[2], texts[3]), (int64_t)now_ms);
}

EXPORT(hb_set_token)
void hb_wasm_set_token(struct hb_client *c, const char *data, uint32_t size, double expires_in_ms,
                       double now_ms);
void hb_wasm_set_token(struct hb_client *c, const char *data, uint32_t size, double expires_in_ms,
                       double now_ms)
{
    hb_client_set_token(c, text_of(data, size), (int64_t)expires_in_ms, (int64_t)now_ms);
}

EXPORT(hb_set_online) void hb_wasm_set_online(struct hb_client *c, uint32_t is, double now_ms);
void hb_wasm_set_online(struct hb_client *c, uint32_t is, double now_ms)
{
    hb_client_set_online(c, is != 0, (int64_t)now_ms);
}

EXPORT(hb_set_visible) void hb_wasm_set_visible(struct hb_client *c, uint32_t is, double now_ms);
void hb_wasm_set_visible(struct hb_client *c, uint32_t is, double now_ms)
{
    hb_client_set_visible(c, is != 0, (int64_t)now_ms);
}

EXPORT(hb_frame) void hb_wasm_frame(struct hb_client *c, double now_ms);
void hb_wasm_frame(struct hb_client *c, double now_ms)
{
    hb_client_frame(c, (int64_t)now_ms);
}

EXPORT(hb_tick) void hb_wasm_tick(struct hb_client *c, double now_ms);
void hb_wasm_tick(struct hb_client *c, double now_ms)
{
    hb_client_tick(c, (int64_t)now_ms);
}

/* The action's type (0: none); the rest is in the table. */
EXPORT(hb_next) uint32_t hb_wasm_next(struct hb_client *c);
uint32_t hb_wasm_next(struct hb_client *c)
{
    struct hb_action a;
    if (!hb_client_next(c, &a))
        return 0;
    out[OUT_TYPE] = a.type;
    out[OUT_ID] = a.id;
    out[OUT_CODE] = a.code;
    out[OUT_COUNT] = a.count;
    out[OUT_IS_WHOLE] = a.is_whole;
    out[OUT_ERROR] = a.error;
    put_text(OUT_TEXT, a.text);
    put_text(OUT_TOKEN, a.token);
    out[OUT_SEQ] = (uint32_t)a.seq;
    out[OUT_SEQ + 1] = (uint32_t)(a.seq >> 32);
    return a.type;
}

EXPORT(hb_deadline) double hb_wasm_deadline(const struct hb_client *c);
double hb_wasm_deadline(const struct hb_client *c)
{
    int64_t at = hb_client_deadline(c);
    return at == INT64_MAX ? (double)INFINITY : (double)at;
}

/* The operation; the table has key and row, each with its size. */
EXPORT(hb_row) uint32_t hb_wasm_row(const struct hb_client *c, uint32_t index);
uint32_t hb_wasm_row(const struct hb_client *c, uint32_t index)
{
    struct hb_row r;
    hb_client_row(c, index, &r);
    put_text(0, r.key);
    put_text(2, r.row);
    return r.op;
}

/* In the table: state, reason, age of contact, latency, retries, retry in, subscriptions, live,
 * failed, error, its text and size.  Times there are none of are 2^32 - 1. */
EXPORT(hb_status_of) void hb_wasm_status(const struct hb_client *c, double now_ms);
void hb_wasm_status(const struct hb_client *c, double now_ms)
{
    struct hb_status s;
    hb_client_status(c, (int64_t)now_ms, &s);
    const uint32_t words[] = {s.state,
                              s.reason,
                              word_of(s.contact_age_ms),
                              word_of(s.latency_ms),
                              s.retries,
                              word_of(s.retry_in_ms),
                              s.subscriptions,
                              s.live,
                              s.failed,
                              s.error};
    for (uint32_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        out[i] = words[i];
    put_text(sizeof(words) / sizeof(words[0]), s.error_text);
}
