/* What the hub wants of the store, and what comes of it. */
#include "server/shard_parts.h"

#include "hub/letter.h"
#include "io/log.h"

enum { RECORDS_SIZE = 64 * 1024, MESSAGES_MAX = 64 };

static void tell(struct shard *s, struct hub_in *in)
{
    if (hub_step(s->hub, in, s->now_us))
        log_write(LOG_WARN, "hub.stored", "no memory");
}

/* ---- broadcasts to be kept ---- */

static void letter_back(struct shard *s, struct letter *l, struct bytes fault)
{
    struct hub_in in = {.kind = HUB_IN_PERSISTED, .letter = l, .fault = fault};
    tell(s, &in);
}

void errand_send_letter(struct shard *s, struct letter *l)
{
    const struct hub_broadcast *b = &l->broadcast;
    struct errand *e = errand_new(&s->inbox, 0);
    if (!e) {
        letter_back(s, l, BYTES("out of memory"));
        return;
    }
    e->letter = l;
    e->request = (struct store_request){.kind = STORE_MESSAGE_ADD,
                                        .who = l->who,
                                        .now_us = s->now_us,
                                        .message_limits = s->cfg.limits->api.messages,
                                        .message = {.topic = letter_topic(l),
                                                    .event = b->event,
                                                    .payload = b->payload,
                                                    .is_raw = b->form == BROADCAST_RAW,
                                                    .ttl_us = l->ttl_us}};
    if (writer_post_errand(s->writer, e)) {
        s->counters.writes_over++;
        errand_free(e);
        letter_back(s, l, BYTES("the writer is busy"));
        return;
    }
    s->counters.calls_in_flight++;
}

void errand_stored(struct shard *s, struct stored_mail *m)
{
    struct hub_in in = {.kind = HUB_IN_STORED, .stored = &m->stored};
    tell(s, &in);
    stored_mail_free(m);
}

/* ---- old broadcasts ---- */

static void wish_back(struct shard *s, struct wish *w, const struct hub_stored *items, size_t count,
                      enum err error)
{
    struct hub_in in = {
        .kind = HUB_IN_MESSAGES, .wish = w, .stored = items, .stored_count = count, .error = error};
    tell(s, &in);
}

void errand_send_wish(struct shard *s, struct wish *w)
{
    struct errand *e = errand_new(&s->inbox, w->bytes_max + RECORDS_SIZE);
    if (!e) {
        wish_back(s, w, NULL, 0, ERR_NOMEM);
        return;
    }
    e->wish = w;
    e->request = (struct store_request){.kind = STORE_MESSAGE_LIST,
                                        .who = w->who,
                                        .now_us = s->now_us,
                                        .message = {.topic = wish_topic(w)},
                                        .messages_since_us = w->since_us,
                                        .messages_max = w->count_max < MESSAGES_MAX ? w->count_max
                                                                                    : MESSAGES_MAX,
                                        .messages_bytes_max = w->bytes_max};
    if (readers_post_errand(s->readers, e)) {
        s->counters.reads_over++;
        errand_free(e);
        wish_back(s, w, NULL, 0, ERR_BUSY);
        return;
    }
    s->counters.calls_in_flight++;
}

static void bring_messages(struct shard *s, const struct errand *e)
{
    struct hub_stored items[MESSAGES_MAX];
    struct store_message m;
    size_t count = 0, at = 0;
    if (e->reply.error.status) {
        wish_back(s, e->wish, NULL, 0, ERR_IO);
        return;
    }
    while (count < MESSAGES_MAX && store_next_message(&e->reply, &at, &m)) {
        struct hub_stored *item = &items[count++];
        *item =
            (struct hub_stored){.number = m.inserted_us,
                                .broadcast = {.event = m.event,
                                              .payload = m.payload,
                                              .form = m.is_raw ? BROADCAST_RAW : BROADCAST_JSON}};
        memcpy(item->id, m.id, sizeof(item->id));
    }
    wish_back(s, e->wish, items, count, OK);
}

/* ---- back ---- */

void errand_returned(struct shard *s, struct errand *e)
{
    const struct store_error *error = &e->reply.error;
    s->counters.calls_in_flight--;
    if (e->wish)
        bring_messages(s, e);
    else
        letter_back(s, e->letter, error->status ? error->message : BYTES(""));
    errand_free(e);
}
