#include "tape.h"

enum what {
    NEW,
    FREE,
    SUBSCRIBE,
    UNSUBSCRIBE,
    START,
    RETRY,
    OPENED,
    MESSAGE,
    CLOSED,
    FETCHED,
    TOKEN,
    ONLINE,
    VISIBLE,
    FRAME,
    TICK,
    NEXT,
    WHATS
};

enum { NUMBERS = 4, TEXTS = 4 };

struct call {
    enum what what;
    int64_t now;
    uint64_t n[NUMBERS];
    struct hb_text texts[TEXTS];
};

/* What a call gives back. */
struct answer {
    enum hb_error error;
    uint32_t subscriber;
    bool has_action;
    struct hb_action action;
};

/* ---- the hash ---- */

static void add_text(struct tape *t, struct hb_text x)
{
    t->hash = bytes_hash((struct bytes){x.data, x.size}, t->hash);
}

static void add_number(struct tape *t, uint64_t n)
{
    char digits[8];
    for (int i = 0; i < 8; i++)
        digits[i] = (char)(n >> (8 * i) & 255);
    add_text(t, (struct hb_text){digits, sizeof(digits)});
}

static void add_action(struct tape *t, const struct hb_action *a)
{
    const uint64_t numbers[] = {a->type, a->id, a->code, a->count, a->is_whole, a->error, a->seq};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        add_number(t, numbers[i]);
    add_text(t, a->text);
    add_text(t, a->token);
    for (uint32_t i = 0; a->type == HB_ROWS && i < a->count; i++) {
        struct hb_row row;
        hb_client_row(t->client, i, &row);
        add_number(t, row.op);
        add_text(t, row.key);
        add_text(t, row.row);
    }
}

/* ---- the script ---- */

static void put_number(struct buf *out, uint64_t n)
{
    for (int i = 0; i < 8; i++)
        buf_put_char(out, (char)(n >> (8 * i) & 255));
}

static void write_down(struct buf *out, const struct call *c)
{
    put_number(out, c->what);
    put_number(out, (uint64_t)c->now);
    for (int i = 0; i < NUMBERS; i++)
        put_number(out, c->n[i]);
    for (int i = 0; i < TEXTS; i++) {
        put_number(out, c->texts[i].size);
        buf_put(out, (struct bytes){c->texts[i].data, c->texts[i].size});
    }
}

/* False: there is less. */
static bool take(struct bytes *from, size_t size, struct bytes *out)
{
    if (size > from->size)
        return false;
    *out = bytes_slice(*from, 0, size);
    *from = bytes_slice(*from, size, from->size);
    return true;
}

static bool take_number(struct bytes *from, uint64_t *out)
{
    struct bytes b;
    if (!take(from, 8, &b))
        return false;
    *out = 0;
    for (int i = 0; i < 8; i++)
        *out |= (uint64_t)(unsigned char)b.data[i] << (8 * i);
    return true;
}

static bool read_back(struct bytes *from, struct call *out)
{
    uint64_t what, now, size;
    struct bytes text;
    if (!take_number(from, &what) || what >= WHATS || !take_number(from, &now))
        return false;
    *out = (struct call){.what = (enum what)what, .now = (int64_t)now};
    for (int i = 0; i < NUMBERS; i++)
        if (!take_number(from, &out->n[i]))
            return false;
    for (int i = 0; i < TEXTS; i++) {
        if (!take_number(from, &size) || size > from->size || !take(from, (size_t)size, &text))
            return false;
        out->texts[i] = (struct hb_text){text.data, text.size};
    }
    return true;
}

/* ---- the calls ---- */

static void make(struct tape *t, const struct call *c, struct answer *a)
{
    struct hb_settings s;
    hb_settings_init(&s);
    s.apikey = c->texts[0];
    s.seed = c->n[0];
    s.frame_wait_ms = (uint32_t)c->n[1];
    if (c->n[2] > 0) {
        s.hidden = HB_HIDDEN_CLOSE;
        s.hidden_close_ms = (uint32_t)c->n[2];
    }
    s.kept_max = (uint32_t)c->n[3];
    a->error = hb_client_new(&s, c->now, &t->client);
    t->hash = 0;
}

static void subscribe(struct tape *t, const struct call *c, struct answer *a)
{
    const struct hb_query q = {.table = c->texts[0],
                               .event = c->texts[1],
                               .filter = c->texts[2],
                               .key = c->texts[3],
                               .priority = (enum hb_priority)c->n[0]};
    a->error = hb_client_subscribe(t->client, &q, c->now, &a->subscriber);
    add_number(t, a->error);
    add_number(t, a->subscriber);
}

static void next(struct tape *t, struct answer *a)
{
    a->has_action = hb_client_next(t->client, &a->action);
    if (a->has_action)
        add_action(t, &a->action);
    else
        add_number(t, (uint64_t)hb_client_deadline(t->client));
}

static void tell(struct hb_client *client, const struct call *c)
{
    uint32_t id = (uint32_t)c->n[0], code = (uint32_t)c->n[1];
    switch (c->what) {
    case UNSUBSCRIBE:
        hb_client_unsubscribe(client, id, c->now);
        break;
    case START:
        hb_client_start(client, c->now);
        break;
    case RETRY:
        hb_client_retry(client, id, c->now);
        break;
    case OPENED:
        hb_client_opened(client, id, c->now);
        break;
    case MESSAGE:
        hb_client_message(client, id, c->texts[0], c->now);
        break;
    case CLOSED:
        hb_client_closed(client, id, code, c->now);
        break;
    case FETCHED:
        hb_client_fetched(client, id, code, c->n[2], c->texts[0], c->texts[1], c->now);
        break;
    case TOKEN:
        hb_client_set_token(client, c->texts[0], (int64_t)c->n[0], c->now);
        break;
    case ONLINE:
        hb_client_set_online(client, id, c->now);
        break;
    case VISIBLE:
        hb_client_set_visible(client, id, c->now);
        break;
    case FRAME:
        hb_client_frame(client, c->now);
        break;
    default:
        hb_client_tick(client, c->now);
    }
}

static struct answer perform(struct tape *t, const struct call *c)
{
    struct answer a = {.error = HB_OK};
    if (t->script)
        write_down(t->script, c);
    if (c->what == NEW) {
        make(t, c, &a);
    } else if (c->what == FREE) {
        hb_client_free(t->client);
        t->client = NULL;
    } else if (c->what == SUBSCRIBE) {
        subscribe(t, c, &a);
    } else if (c->what == NEXT) {
        next(t, &a);
    } else {
        tell(t->client, c);
    }
    return a;
}

enum err tape_play(struct bytes script, uint64_t *hash)
{
    struct tape t = {.client = NULL};
    struct call c;
    while (script.size > 0) {
        bool is_sound = read_back(&script, &c) && (c.what == NEW) == !t.client;
        if (!is_sound) {
            hb_client_free(t.client);
            return ERR_SYNTAX;
        }
        if (perform(&t, &c).error == HB_ERR_NOMEM) {
            hb_client_free(t.client);
            return ERR_NOMEM;
        }
    }
    hb_client_free(t.client);
    *hash = t.hash;
    return OK;
}

/* ---- as the client has them ---- */

enum hb_error tape_new(struct tape *t, const struct hb_settings *s, int64_t now)
{
    uint64_t hidden = s->hidden == HB_HIDDEN_CLOSE ? s->hidden_close_ms : 0;
    const struct call c = {NEW, now, {s->seed, s->frame_wait_ms, hidden, s->kept_max}, {s->apikey}};
    return perform(t, &c).error;
}

void tape_free(struct tape *t, int64_t now)
{
    perform(t, &(struct call){.what = FREE, .now = now});
}

enum hb_error tape_subscribe(struct tape *t, const struct hb_query *q, int64_t now, uint32_t *out)
{
    const struct call c = {SUBSCRIBE, now, {q->priority}, {q->table, q->event, q->filter, q->key}};
    struct answer a = perform(t, &c);
    *out = a.subscriber;
    return a.error;
}

void tape_unsubscribe(struct tape *t, uint32_t subscriber, int64_t now)
{
    perform(t, &(struct call){UNSUBSCRIBE, now, .n = {subscriber}});
}

void tape_start(struct tape *t, int64_t now)
{
    perform(t, &(struct call){.what = START, .now = now});
}

void tape_retry(struct tape *t, uint32_t subscriber, int64_t now)
{
    perform(t, &(struct call){RETRY, now, .n = {subscriber}});
}

void tape_opened(struct tape *t, uint32_t connection, int64_t now)
{
    perform(t, &(struct call){OPENED, now, .n = {connection}});
}

void tape_message(struct tape *t, uint32_t connection, struct hb_text message, int64_t now)
{
    perform(t, &(struct call){MESSAGE, now, .n = {connection}, .texts = {message}});
}

void tape_closed(struct tape *t, uint32_t connection, uint32_t code, int64_t now)
{
    perform(t, &(struct call){CLOSED, now, .n = {connection, code}});
}

void tape_fetched(struct tape *t, uint32_t request, uint32_t status, uint64_t seq,
                  struct hb_text epoch, struct hb_text body, int64_t now)
{
    perform(t, &(struct call){FETCHED, now, {request, status, seq}, {epoch, body}});
}

void tape_set_token(struct tape *t, struct hb_text token, int64_t expires_in_ms, int64_t now)
{
    perform(t, &(struct call){TOKEN, now, .n = {(uint64_t)expires_in_ms}, .texts = {token}});
}

void tape_set_online(struct tape *t, bool is_online, int64_t now)
{
    perform(t, &(struct call){ONLINE, now, .n = {is_online}});
}

void tape_set_visible(struct tape *t, bool is_visible, int64_t now)
{
    perform(t, &(struct call){VISIBLE, now, .n = {is_visible}});
}

void tape_frame(struct tape *t, int64_t now)
{
    perform(t, &(struct call){.what = FRAME, .now = now});
}

void tape_tick(struct tape *t, int64_t now)
{
    perform(t, &(struct call){.what = TICK, .now = now});
}

bool tape_next(struct tape *t, struct hb_action *out)
{
    struct answer a = perform(t, &(struct call){.what = NEXT});
    if (a.has_action)
        *out = a.action;
    return a.has_action;
}
