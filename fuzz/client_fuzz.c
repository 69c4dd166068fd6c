/* client_fuzz: a server, a network and a user without manners.  Each line of the input is a verb of
 * homebake/client.h, its first byte which one; in messages and answers `%t` stands for the topic and
 * `%r` for the ref of the last join, `%b` for the ref of the last heartbeat.  Whatever happens, every
 * subscriber's copy must stay one: a row is inserted that was not there, and updated or deleted that
 * was. */
#include <stdio.h>
#include <stdlib.h>

#include "homebake/client.h"
#include "proto/phx.h"

#include "fuzz.h"

enum { ACTIONS_MAX = 4096, SUBSCRIBERS_MAX = 16, ROWS_MAX = 64, NAME_MAX = 128, STEP_MS = 997 };

struct copy {
    uint32_t subscriber;
    bool is_feed; /* of single events: there is no copy */
    uint32_t count;
    struct bytes keys[ROWS_MAX]; /* on the heap */
};

struct host {
    struct hb_client *c;
    int64_t now;
    uint32_t connection, request;
    bool is_online, is_visible, is_started;
    char topic[NAME_MAX], join_ref[NAME_MAX], beat_ref[NAME_MAX];
    struct copy copies[SUBSCRIBERS_MAX];
    uint32_t copy_count;
};

static struct hb_text text(struct bytes b)
{
    return (struct hb_text){b.data, b.size};
}

/* ---- copies ---- */

/* Rows are for somebody. */
static struct copy *copy_of(struct host *h, uint32_t subscriber)
{
    uint32_t i = 0;
    while (i < h->copy_count && h->copies[i].subscriber != subscriber)
        i++;
    assert(i < h->copy_count);
    return &h->copies[i];
}

static void forget(struct copy *k)
{
    while (k->count > 0)
        free((char *)k->keys[--k->count].data);
}

static uint32_t find(const struct copy *k, struct hb_text key)
{
    uint32_t i = 0;
    while (i < k->count && !bytes_equal(k->keys[i], (struct bytes){key.data, key.size}))
        i++;
    return i;
}

static void take_row(struct copy *k, const struct hb_row *row)
{
    uint32_t at = find(k, row->key);
    bool is_there = at < k->count;
    assert(row->op == HB_INSERT || row->op == HB_UPDATE || row->op == HB_DELETE);
    assert(row->row.size >= 2 && row->row.data[0] == '{');
    if (k->is_feed)
        return;
    assert(is_there == (row->op != HB_INSERT));
    if (row->op == HB_DELETE) {
        free((char *)k->keys[at].data);
        k->keys[at] = k->keys[--k->count];
    } else if (row->op == HB_INSERT) {
        assert(k->count < ROWS_MAX);
        char *key = malloc(row->key.size + 1);
        assert(key);
        memcpy(key, row->key.data, row->key.size);
        k->keys[k->count++] = (struct bytes){key, row->key.size};
    }
}

static void take_rows(struct host *h, const struct hb_action *a)
{
    struct copy *k = copy_of(h, a->id);
    if (a->is_whole)
        forget(k);
    for (uint32_t i = 0; i < a->count; i++) {
        struct hb_row row;
        hb_client_row(h->c, i, &row);
        take_row(k, &row);
    }
}

/* ---- actions ---- */

static void keep(char out[NAME_MAX], struct bytes value)
{
    snprintf(out, NAME_MAX, "%.*s", (int)value.size, value.data ? value.data : "");
}

static void take_send(struct host *h, const struct hb_action *a)
{
    struct buf scratch;
    struct phx_message m;
    buf_init(&scratch, 1 << 20);
    assert(!phx_decode_text(PHX_V2, (struct bytes){a->text.data, a->text.size}, &scratch, &m));
    if (bytes_equal(m.event, BYTES("phx_join"))) {
        keep(h->topic, m.topic);
        keep(h->join_ref, m.ref);
    } else if (bytes_equal(m.event, BYTES("heartbeat"))) {
        keep(h->beat_ref, m.ref);
    }
    buf_done(&scratch);
}

static void run_actions(struct host *h)
{
    struct hb_action a;
    unsigned count = 0;
    while (hb_client_next(h->c, &a)) {
        assert(++count < ACTIONS_MAX); /* it comes to rest */
        if (a.type == HB_OPEN)
            h->connection = a.id;
        else if (a.type == HB_FETCH)
            h->request = a.id;
        else if (a.type == HB_SEND)
            take_send(h, &a);
        else if (a.type == HB_ROWS)
            take_rows(h, &a);
    }
    struct hb_status s;
    hb_client_status(h->c, h->now, &s);
    assert(s.live + s.failed <= s.subscriptions && s.state <= HB_WAITING);
}

/* ---- verbs ---- */

static void expand(const struct host *h, struct bytes line, struct buf *out)
{
    buf_init(out, 1 << 20);
    for (size_t i = 0; i < line.size; i++) {
        char next = i + 1 < line.size ? line.data[i + 1] : 0;
        const char *value = next == 't'   ? h->topic
                            : next == 'r' ? h->join_ref
                            : next == 'b' ? h->beat_ref
                                          : NULL;
        if (line.data[i] != '%' || !value) {
            buf_put_char(out, line.data[i]);
            continue;
        }
        buf_put(out, bytes_of(value));
        i++;
    }
}

static void say_message(struct host *h, struct bytes line)
{
    struct buf message;
    expand(h, line, &message);
    hb_client_message(h->c, h->connection, text(buf_bytes(&message)), h->now);
    buf_done(&message);
}

/* The first byte says which status, the second of which seq. */
static void answer(struct host *h, struct bytes line)
{
    static const uint32_t statuses[] = {200, 200, 200, 206, 0, 401, 403, 404, 413, 500, 503};
    uint32_t status = line.size > 0 ? (uint8_t)line.data[0] % 11 : 4;
    uint64_t seq = line.size > 1 ? (uint8_t)line.data[1] % 32 : 0;
    struct bytes body = bytes_slice(line, 2, line.size);
    hb_client_fetched(h->c, h->request, statuses[status], seq, text(BYTES("E")), text(body),
                      h->now);
}

/* "table event filter key", with spaces between. */
static void subscribe(struct host *h, struct bytes line)
{
    struct bytes parts[4] = {{NULL, 0}};
    struct hb_query q = {.priority = (enum hb_priority)(line.size % 3)};
    uint32_t subscriber;
    for (int i = 0; i < 4; i++) {
        size_t end = i < 3 ? bytes_find_char(line, ' ') : line.size;
        parts[i] = bytes_slice(line, 0, end);
        line = bytes_slice(line, end + 1, line.size);
    }
    q.table = text(parts[0]);
    q.event = text(parts[1]);
    q.filter = text(parts[2]);
    q.key = text(parts[3]);
    if (h->copy_count == SUBSCRIBERS_MAX || hb_client_subscribe(h->c, &q, h->now, &subscriber))
        return;
    bool is_feed = parts[1].size > 0 && !bytes_equal(parts[1], BYTES("*"));
    h->copies[h->copy_count++] = (struct copy){.subscriber = subscriber, .is_feed = is_feed};
}

static void unsubscribe(struct host *h, struct bytes line)
{
    if (h->copy_count == 0)
        return;
    uint32_t at = (line.size > 0 ? (uint8_t)line.data[0] : 0U) % h->copy_count;
    struct copy *k = &h->copies[at];
    hb_client_unsubscribe(h->c, k->subscriber, h->now);
    forget(k);
    *k = h->copies[--h->copy_count];
}

static void pass_time(struct host *h, struct bytes line)
{
    int64_t steps = line.size > 0 ? (int8_t)line.data[0] : 1; /* clocks are set back, too */
    h->now += steps * STEP_MS;
    hb_client_tick(h->c, h->now);
}

static void to_deadline(struct host *h)
{
    int64_t due = hb_client_deadline(h->c);
    if (due != INT64_MAX && due > h->now)
        h->now = due;
    hb_client_tick(h->c, h->now);
}

static void switch_something(struct host *h, char what)
{
    if (what == 'n')
        hb_client_set_online(h->c, h->is_online = !h->is_online, h->now);
    else if (what == 'v')
        hb_client_set_visible(h->c, h->is_visible = !h->is_visible, h->now);
    else if ((h->is_started = !h->is_started))
        hb_client_start(h->c, h->now);
    else
        hb_client_stop(h->c, h->now);
}

static void play(struct host *h, char verb, struct bytes line)
{
    switch (verb) {
    case 'm':
        say_message(h, line);
        break;
    case 'a':
        answer(h, line);
        break;
    case 's':
        subscribe(h, line);
        break;
    case 'u':
        unsubscribe(h, line);
        break;
    case 'o':
        hb_client_opened(h->c, h->connection, h->now);
        break;
    case 'c':
        hb_client_closed(h->c, h->connection, (uint32_t)line.size * 500, h->now);
        break;
    case 't':
        pass_time(h, line);
        break;
    case 'd':
        to_deadline(h);
        break;
    case 'k':
        hb_client_set_token(h->c, text(line), (int64_t)line.size * STEP_MS, h->now);
        break;
    case 'f':
        hb_client_frame(h->c, h->now);
        break;
    case 'r':
        hb_client_retry(h->c, 0, h->now);
        break;
    case 'e':
        hb_client_refresh(h->c, h->now);
        break;
    default:
        switch_something(h, verb);
    }
    run_actions(h);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct host h = {.now = 1000, .is_online = true, .is_visible = true};
    struct bytes rest = fuzz_input(data, size);
    struct hb_settings s;
    hb_settings_init(&s);
    s.apikey = text(BYTES("anon"));
    s.rows_max = 8;
    s.bytes_max = 600;
    s.kept_max = 400;
    assert(!hb_client_new(&s, h.now, &h.c));
    hb_client_set_token(h.c, text(BYTES("T")), -1, h.now);
    while (rest.size > 0) {
        size_t end = bytes_find_char(rest, '\n');
        struct bytes line = bytes_slice(rest, 0, end);
        rest = bytes_slice(rest, end + 1, rest.size);
        if (line.size > 0)
            play(&h, line.data[0], bytes_slice(line, 1, line.size));
    }
    for (uint32_t i = 0; i < h.copy_count; i++)
        forget(&h.copies[i]);
    hb_client_free(h.c);
    return 0;
}
