#include "hub/stored.h"

#include "base/time.h"
#include "hub/broadcast.h"
#include "hub/deliver.h"
#include "hub/member.h"
#include "hub/message.h"
#include "hub/rights.h"

enum { WISHES_AWAY_MAX = 32 };

/* ---- saying ---- */

static enum persist option_of(struct json_value v, int64_t *ttl_us)
{
    bool is_wanted = false;
    struct json_value ttl;
    int64_t s;
    if (v.type == JSON_NULL)
        return PERSIST_NO;
    if (v.type != JSON_OBJECT)
        return json_to_bool(v, &is_wanted) ? PERSIST_BAD : is_wanted ? PERSIST_YES : PERSIST_NO;
    if (json_get(v, BYTES("ttl"), &ttl) || ttl.type == JSON_NULL)
        return PERSIST_YES;
    if (json_to_i64(ttl, &s) || s <= 0)
        return PERSIST_BAD;
    *ttl_us = s < INT64_MAX / TIME_US_PER_S ? s * TIME_US_PER_S : INT64_MAX;
    return PERSIST_YES;
}

enum persist stored_option(const struct phx_message *m, int64_t *ttl_us)
{
    struct json_value object = m->payload, v;
    *ttl_us = 0;
    if (m->is_user_broadcast &&
        (m->broadcast_meta.size == 0 || json_parse(m->broadcast_meta, &object)))
        return PERSIST_NO;
    return json_get(object, BYTES("persist"), &v) ? PERSIST_NO : option_of(v, ttl_us);
}

/* The client gives the text of `error` to who called send(). */
static void refuse(struct hub *h, struct conn *c, const struct phx_message *m,
                   struct bytes join_ref, struct bytes why)
{
    buf_reset(&h->response);
    buf_put_literal(&h->response, "{\"error\":");
    buf_reset(&h->text);
    buf_put_literal(&h->text, "UnableToPersistMessage: ");
    buf_put(&h->text, why);
    json_put_string(&h->response, buf_bytes(&h->text));
    buf_put_char(&h->response, '}');
    message_reply(h, c, m, join_ref, false);
}

/* A text message is stored by its parts. */
static void take_text(struct hub *h, struct json_value payload, struct hub_broadcast *b)
{
    struct json_value v;
    buf_reset(&h->text);
    if (!json_get(payload, BYTES("event"), &v) && v.type == JSON_STRING)
        json_string_decode(&h->text, v.raw);
    b->event = buf_bytes(&h->text);
    b->payload = json_get(payload, BYTES("payload"), &v) ? BYTES("{}") : v.raw;
    b->form = BROADCAST_JSON;
}

static enum err send_letter(struct hub *h, struct channel *ch, const struct phx_message *m,
                            int64_t ttl_us)
{
    struct letter *l, from = {.conn = ch->conn->id,
                              .broadcast = {.topic = channel_topic(ch), .is_private = true},
                              .ref = m->ref,
                              .join_ref = channel_join_ref(ch),
                              .ttl_us = ttl_us,
                              .wants_ack = ch->wants_ack};
    struct hub_broadcast *b = &from.broadcast;
    enum err e = member_identity(h, &ch->bearer, &from.who);
    if (e)
        return e;
    if (m->is_user_broadcast) {
        b->event = m->broadcast_event;
        b->payload = m->broadcast_payload;
        b->form = m->broadcast_encoding == 1 ? BROADCAST_JSON : BROADCAST_RAW;
    } else {
        take_text(h, m->payload, b);
        e = h->text.err;
    }
    if (!e)
        e = letter_new(&from, &l);
    if (e)
        return e;
    h->stored.letter_bytes += l->size;
    list_push_back(&h->stored.letters, &l->link);
    return OK;
}

static struct bytes fault_of(const struct hub *h, const struct channel *ch, enum persist option)
{
    if (!ch->is_private)
        return BYTES("Only messages of private channels are stored");
    if (option == PERSIST_BAD)
        return BYTES("Persist params are not valid");
    if (h->stored.letter_bytes >= h->limits.persist_bytes_max)
        return BYTES("Too many messages are waiting to be stored");
    return BYTES("");
}

void stored_recv(struct hub *h, struct channel *ch, const struct phx_message *m,
                 enum persist option, int64_t ttl_us)
{
    struct bytes fault = fault_of(h, ch, option);
    if (fault.size == 0 && send_letter(h, ch, m, ttl_us))
        fault = BYTES("out of memory");
    if (fault.size == 0)
        return;
    h->counters.unstored_broadcasts++;
    if (ch->wants_ack)
        refuse(h, ch->conn, m, channel_join_ref(ch), fault);
}

void stored_kept(struct hub *h, struct letter *l, struct bytes fault)
{
    struct conn *c = conns_find(&h->conns, l->conn);
    struct phx_message m = {.ref = l->ref, .topic = l->broadcast.topic};
    h->stored.letter_bytes -= l->size;
    h->counters.unstored_broadcasts += fault.size > 0;
    if (c && l->wants_ack && fault.size > 0)
        refuse(h, c, &m, l->join_ref, fault);
    else if (c && l->wants_ack)
        message_acknowledge(h, c, &m, l->join_ref);
    letter_free(l);
}

/* ---- hearing ---- */

static struct channel *find_channel(struct hub *h, struct hub_conn_id id, struct bytes topic)
{
    struct conn *c = conns_find(&h->conns, id);
    return c ? channel_find(&h->channels, c, topic) : NULL;
}

static struct hub_broadcast broadcast_of(struct hub *h, const struct hub_stored *s,
                                         struct bytes meta)
{
    struct hub_broadcast b = s->broadcast;
    buf_reset(&h->text);
    buf_put(&h->text, meta);
    buf_put_literal(&h->text, "\"id\":\"");
    buf_put(&h->text, bytes_of(s->id));
    buf_put_literal(&h->text, "\"}");
    b.meta = buf_bytes(&h->text);
    b.number = s->number;
    return b;
}

void stored_heard(struct hub *h, const struct hub_stored *s)
{
    const struct letter *l = s->letter;
    const struct channel *from = l ? find_channel(h, l->conn, s->broadcast.topic) : NULL;
    struct hub_broadcast b = broadcast_of(h, s, BYTES("{"));
    h->counters.stored_broadcasts++;
    if (!h->text.err)
        broadcast_here(h, &b, from);
}

/* ---- hearing again ---- */

enum err stored_wish(struct hub *h, struct channel *ch, const struct identity *who,
                     int64_t since_us, uint32_t count_max)
{
    struct wish *w = NULL, from = {.conn = ch->conn->id,
                                   .who = *who,
                                   .topic = channel_topic(ch),
                                   .number = ++h->stored.last_wish,
                                   .since_us = since_us,
                                   .count_max = count_max,
                                   .bytes_max = h->limits.outbox_bytes_max / 2};
    enum err e = wish_new(&from, &w);
    if (!e)
        e = held_new(w->number, &ch->held);
    if (e) {
        wish_free(w);
        return e;
    }
    list_push_back(&h->stored.wishes, &w->link);
    return OK;
}

static void give(struct hub *h, struct channel *ch, struct frame *f)
{
    if (!f || !deliver_frame(h, ch->conn, f))
        h->counters.dropped_broadcasts++;
}

static void replay(struct hub *h, struct channel *ch, const struct hub_stored *s)
{
    struct hub_broadcast b = broadcast_of(h, s, BYTES("{\"replayed\":true,"));
    struct frame *f = NULL;
    b.topic = channel_topic(ch);
    b.is_private = true;
    if (!h->text.err && broadcast_encode(h, &b, ch->conn->version, &f) == OK && !f)
        return; /* raw bytes are nothing to version 1 */
    h->counters.replayed_broadcasts++;
    give(h, ch, f);
    frame_unref(f);
}

/* Both are in their order.  What is in both was committed between the join and the answer. */
static void merge(struct hub *h, struct channel *ch, const struct held *held,
                  const struct hub_stored *items, size_t count)
{
    size_t next = 0;
    for (uint32_t i = 0; i <= held->count; i++) {
        uint32_t at = held_find_stored(held, i);
        int64_t end = at < held->count ? held->items[at].number : INT64_MAX;
        while (next < count && items[next].number < end)
            replay(h, ch, &items[next++]);
        if (i == held->count)
            return;
        if (i == at && next < count && items[next].number == end)
            replay(h, ch, &items[next++]);
        else
            give(h, ch, held->items[i].frame);
    }
}

void stored_answered(struct hub *h, struct wish *w, const struct hub_stored *items, size_t count,
                     enum err error)
{
    struct channel *ch = find_channel(h, w->conn, w->topic);
    bool is_awaited = ch && ch->held && ch->held->wish == w->number;
    h->stored.wishes_away--;
    wish_free(w);
    if (!is_awaited)
        return;
    if (error) {
        member_end(h, ch, BYTES("phx_error"), BYTES("system"),
                   BYTES("UnableToReplayMessages: the store did not answer"));
        return;
    }
    struct held *held = ch->held;
    ch->held = NULL;
    if (ch->rights & RIGHT_HEAR)
        merge(h, ch, held, items, count);
    held_free(held);
}

/* ---- the shell's side ---- */

struct letter *stored_next_letter(struct hub *h)
{
    struct link *l = list_pop_front(&h->stored.letters);
    return l ? container_of(l, struct letter, link) : NULL;
}

struct wish *stored_next_wish(struct hub *h)
{
    if (h->stored.wishes_away == WISHES_AWAY_MAX)
        return NULL;
    struct link *l = list_pop_front(&h->stored.wishes);
    if (!l)
        return NULL;
    h->stored.wishes_away++;
    return container_of(l, struct wish, link);
}

void stored_done(struct hub *h)
{
    for (struct link *l; (l = list_pop_front(&h->stored.letters));)
        letter_free(container_of(l, struct letter, link));
    for (struct link *l; (l = list_pop_front(&h->stored.wishes));)
        wish_free(container_of(l, struct wish, link));
}
