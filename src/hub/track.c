#include "hub/track.h"

#include "hub/deliver.h"
#include "hub/member.h"
#include "hub/message.h"
#include "hub/rights.h"

static const struct bytes null_ref = {NULL, 0};

enum { RETRY_US = 100 * 1000 /* until the next try after memory ran out */ };

enum track_wish { WISH_NONE, WISH_TRACK, WISH_UNTRACK };

struct tracker {
    struct channel *channel;
    struct presence_meta *meta;  /* NULL: not present */
    struct relay_item *farewell; /* made with the meta, so that its end needs no memory */
    struct link quiet;           /* in h->quiet, while its window is open */
    int64_t quiet_until_us;
    enum track_wish wish; /* at the end of the window */
    char *payload;        /* of WISH_TRACK; owned */
    size_t payload_size;
    size_t key_size;
    char key[];
};

/* ---- trackers ---- */

enum err track_set_key(struct hub *h, struct channel *ch, struct bytes key)
{
    char uuid[UUID_SIZE];
    if (key.size == 0) {
        rng_uuid4(&h->rng, uuid);
        key = (struct bytes){uuid, sizeof(uuid)};
    }
    struct tracker *t = mem_zalloc(sizeof(*t) + key.size);
    if (!t)
        return ERR_NOMEM;
    t->channel = ch;
    t->key_size = key.size;
    memcpy(t->key, key.data, key.size);
    list_init(&t->quiet);
    ch->tracker = t;
    return OK;
}

static void set_wish(struct hub *h, struct tracker *t, enum track_wish wish)
{
    h->wishes -= t->wish != WISH_NONE;
    h->wishes += wish != WISH_NONE;
    t->wish = wish;
    if (wish != WISH_TRACK) {
        mem_free(t->payload);
        t->payload = NULL;
    }
}

static void open_window(struct hub *h, struct tracker *t)
{
    t->quiet_until_us = h->now_us + h->limits.presence_window_us;
    list_remove(&t->quiet);
    list_push_back(&h->quiet, &t->quiet);
}

static bool is_quiet(const struct hub *h, const struct tracker *t)
{
    return list_is_linked(&t->quiet) && h->now_us < t->quiet_until_us;
}

/* ---- coming and going ---- */

/* What the other shards will be told when it goes. */
static enum err make_farewell(const struct hub *h, struct presence_ref ref, struct relay_item **out)
{
    struct relay_message m = {.kind = RELAY_GONE, .presence = {.ref = ref}};
    *out = NULL;
    return h->has_peers ? relay_item_new(&m, out) : OK;
}

static enum err make_news(const struct hub *h, const struct presence_entry *e,
                          const struct presence_meta *old, struct relay_item **out)
{
    struct relay_message m = {.kind = RELAY_PRESENT, .presence = *e};
    m.previous = old ? old->ref.number : 0;
    *out = NULL;
    return h->has_peers ? relay_item_new(&m, out) : OK;
}

static void relay(struct hub *h, struct relay_item *item)
{
    if (!item)
        return;
    h->counters.relayed++;
    list_push_back(&h->relays, &item->link);
}

static struct presence_entry entry_of(const struct tracker *t, struct bytes payload)
{
    return (struct presence_entry){.topic = channel_topic(t->channel),
                                   .is_private = t->channel->is_private,
                                   .key = {t->key, t->key_size},
                                   .payload = payload};
}

/* Present with this payload from now on.  ERR_NOMEM: all is as before. */
static enum err appear(struct hub *h, struct tracker *t, struct bytes payload)
{
    struct presence_entry entry = entry_of(t, payload);
    struct relay_item *farewell, *news = NULL;
    bool was_present = t->meta != NULL;
    if (was_present && bytes_equal(presence_payload(t->meta), payload))
        return OK;
    entry.ref = (struct presence_ref){.shard = h->shard, .number = h->last_ref + 1};
    enum err e = make_farewell(h, entry.ref, &farewell);
    if (!e)
        e = make_news(h, &entry, t->meta, &news);
    if (!e)
        e = presence_put(&h->presence, &entry, &t->meta);
    if (e) {
        relay_item_free(farewell);
        relay_item_free(news);
        return e;
    }
    h->last_ref++;
    h->counters.present += !was_present;
    relay_item_free(t->farewell);
    t->farewell = farewell;
    relay(h, news);
    open_window(h, t);
    return OK;
}

static void disappear(struct hub *h, struct tracker *t)
{
    if (!t->meta)
        return;
    presence_remove(&h->presence, t->meta);
    t->meta = NULL;
    h->counters.present--;
    relay(h, t->farewell);
    t->farewell = NULL;
    open_window(h, t);
}

void track_leave(struct hub *h, struct channel *ch)
{
    struct tracker *t = ch->tracker;
    if (!t)
        return;
    disappear(h, t);
    set_wish(h, t, WISH_NONE);
    list_remove(&t->quiet);
    mem_free(t);
    ch->tracker = NULL;
}

enum err track_relayed(struct hub *h, const struct relay_message *m)
{
    struct presence_ref previous = {.shard = m->presence.ref.shard, .number = m->previous};
    struct presence_meta *meta;
    if (m->kind == RELAY_PRESENT) {
        meta = m->previous ? presence_find(&h->presence, previous) : NULL;
        return presence_put(&h->presence, &m->presence, &meta);
    }
    meta = presence_find(&h->presence, m->presence.ref);
    if (meta)
        presence_remove(&h->presence, meta);
    return OK;
}

/* ---- what peers ask for ---- */

static const struct bytes out_of_memory = BYTES_INIT("out of memory");

/* Size 0: it has been done, or will be at the end of the window. */
static struct bytes track(struct hub *h, struct channel *ch, struct bytes payload)
{
    if (payload.size > h->limits.presence_payload_max)
        return BYTES("Track message size exceeded");
    if (!ch->tracker && track_set_key(h, ch, BYTES("")))
        return out_of_memory;
    struct tracker *t = ch->tracker;
    struct presence_entry entry = entry_of(t, payload);
    struct bytes fault = presence_fault(&h->presence, &h->limits, &entry, t->meta);
    if (fault.size > 0)
        return fault;
    if (t->meta && is_quiet(h, t)) {
        char *copy = mem_copy(payload);
        if (!copy)
            return out_of_memory;
        set_wish(h, t, WISH_NONE);
        set_wish(h, t, WISH_TRACK);
        t->payload = copy;
        t->payload_size = payload.size;
        return BYTES("");
    }
    set_wish(h, t, WISH_NONE);
    return appear(h, t, payload) ? out_of_memory : BYTES("");
}

static void untrack(struct hub *h, struct channel *ch)
{
    struct tracker *t = ch->tracker;
    if (!t || !t->meta)
        return;
    bool is_later = is_quiet(h, t);
    set_wish(h, t, is_later ? WISH_UNTRACK : WISH_NONE);
    if (!is_later)
        disappear(h, t);
}

/* The payload of a track; absent is empty. */
static struct bytes recv_track(struct hub *h, struct channel *ch, struct json_value message)
{
    struct json_value payload = {JSON_OBJECT, BYTES("{}")};
    enum err e = json_get(message, BYTES("payload"), &payload);
    if (!e && payload.type != JSON_OBJECT)
        return BYTES("Presence track payload must be a map");
    return track(h, ch, payload.raw);
}

static bool says(struct json_value message, struct bytes want)
{
    struct json_value event;
    return !json_get(message, BYTES("event"), &event) && event.type == JSON_STRING &&
           bytes_equal_nocase(bytes_slice(event.raw, 1, event.raw.size - 1), want);
}

static struct bytes carry_out(struct hub *h, struct channel *ch, struct json_value message)
{
    if (!(ch->rights & RIGHT_SAY_PRESENCE))
        return BYTES("Unauthorized: You do not have permissions to be present on this topic");
    if (says(message, BYTES("track")))
        return recv_track(h, ch, message);
    if (!says(message, BYTES("untrack")))
        return BYTES("Presence event must be track or untrack");
    untrack(h, ch);
    return BYTES("");
}

void track_recv(struct hub *h, struct channel *ch, const struct phx_message *m)
{
    struct bytes fault = carry_out(h, ch, m->payload);
    if (fault.size == 0) {
        message_acknowledge(h, ch->conn, m, channel_join_ref(ch));
        return;
    }
    h->counters.presence_refused++;
    message_refuse(h, ch->conn, m, channel_join_ref(ch), fault);
}

/* ---- the end of windows ---- */

/* Others may have taken the room meanwhile: then it stays present with what it has. */
static enum err reappear(struct hub *h, struct tracker *t)
{
    struct presence_entry entry = entry_of(t, (struct bytes){t->payload, t->payload_size});
    if (presence_fault(&h->presence, &h->limits, &entry, t->meta).size == 0)
        return appear(h, t, entry.payload);
    h->counters.presence_refused++;
    return OK;
}

/* False: no memory; the wish stays. */
static bool fulfil(struct hub *h, struct tracker *t)
{
    if (t->wish == WISH_TRACK && reappear(h, t))
        return false;
    if (t->wish == WISH_UNTRACK)
        disappear(h, t);
    set_wish(h, t, WISH_NONE);
    return true;
}

void track_tick(struct hub *h)
{
    while (!list_is_empty(&h->quiet)) {
        struct tracker *t = container_of(h->quiet.next, struct tracker, quiet);
        if (t->quiet_until_us > h->now_us)
            return;
        list_remove(&t->quiet);
        if (t->wish != WISH_NONE && !fulfil(h, t))
            open_window(h, t);
    }
}

int64_t track_deadline(const struct hub *h)
{
    if (h->wishes == 0)
        return INT64_MAX;
    return container_of(h->quiet.next, struct tracker, quiet)->quiet_until_us;
}

/* ---- what members are told ---- */

static bool hears(const struct channel *ch)
{
    return ch->hears_presence && (ch->rights & RIGHT_HEAR_PRESENCE);
}

static void miss(struct channel *ch)
{
    ch->has_missed = true;
    ch->conn->has_missed = true;
}

/* NULL: no memory. */
static struct frame *frame_of(struct hub *h, enum phx_version v, struct bytes join_ref,
                              struct bytes topic, struct bytes event)
{
    char header[WS_HEADER_MAX];
    struct frame *f;
    buf_reset(&h->wire);
    h->wire.err = h->response.err;
    phx_put(&h->wire, v, join_ref, null_ref, topic, event, buf_bytes(&h->response));
    if (h->wire.err)
        return NULL;
    struct bytes head = {header, ws_put_header(header, WS_TEXT, h->wire.size)};
    if (frame_new(head, buf_bytes(&h->wire), 1, &f))
        return NULL;
    h->counters.encoded_frames++;
    return f;
}

/* The frames of one diff, made for the first member of each wire version. */
struct diff {
    struct bytes topic;
    struct frame *frames[2]; /* by enum phx_version; NULL though made: no memory */
    bool is_made[2];
};

static void tell_member(struct hub *h, struct channel *to, struct diff *d)
{
    enum phx_version v = to->conn->version;
    if (!d->is_made[v])
        d->frames[v] = frame_of(h, v, null_ref, d->topic, BYTES("presence_diff"));
    d->is_made[v] = true;
    if (!d->frames[v])
        replay_later(h, to->conn, RETRY_US);
    if (!d->frames[v] || !deliver_frame(h, to->conn, d->frames[v]))
        miss(to);
}

static void tell_members(struct hub *h, const struct presence_room *r)
{
    struct diff d = {.topic = presence_topic(r)};
    const struct topic *topic = channels_topic(&h->channels, d.topic);
    if (!topic || !presence_has_diff(r))
        return;
    buf_reset(&h->response);
    presence_put_diff(&h->response, r);
    h->counters.presence_diffs++;
    list_each(l, &topic->members)
    {
        struct channel *to = container_of(l, struct channel, of_topic);
        if (hears(to) && !to->has_missed && to->is_private == presence_is_private(r))
            tell_member(h, to, &d);
    }
    frame_unref(d.frames[PHX_V1]);
    frame_unref(d.frames[PHX_V2]);
}

void track_flush(struct hub *h)
{
    for (struct presence_room *r; (r = presence_changed(&h->presence));) {
        if (!h->is_draining)
            tell_members(h, r);
        presence_forget_news(&h->presence, r);
    }
}

/* ---- the whole state ---- */

/* False: there is no room or no memory yet. */
static bool tell_state(struct hub *h, struct channel *ch)
{
    buf_reset(&h->response);
    presence_put_state(&h->response,
                       presence_room(&h->presence, channel_topic(ch), ch->is_private));
    struct frame *f = frame_of(h, ch->conn->version, channel_join_ref(ch), channel_topic(ch),
                               BYTES("presence_state"));
    if (!f) {
        replay_later(h, ch->conn, RETRY_US);
        return false;
    }
    bool is_told = deliver_frame(h, ch->conn, f);
    frame_unref(f);
    h->counters.presence_states += is_told;
    return is_told;
}

void track_refresh(struct hub *h, struct conn *c)
{
    if (!c->has_missed)
        return;
    /* What it is told next must not be said to it again. */
    track_flush(h);
    list_each(l, &c->channels)
    {
        struct channel *ch = container_of(l, struct channel, of_conn);
        if (!ch->has_missed)
            continue;
        if (!tell_state(h, ch))
            return;
        ch->has_missed = false;
    }
    c->has_missed = false;
}

void track_join(struct hub *h, struct channel *ch)
{
    ch->hears_presence = true;
    if (!hears(ch))
        return;
    miss(ch);
    track_refresh(h, ch->conn);
}

void track_set_rights(struct hub *h, struct channel *ch, uint8_t before)
{
    if (ch->tracker && !(ch->rights & RIGHT_SAY_PRESENCE)) {
        set_wish(h, ch->tracker, WISH_NONE);
        disappear(h, ch->tracker);
    }
    if (hears(ch) && !(before & RIGHT_HEAR_PRESENCE)) {
        miss(ch);
        track_refresh(h, ch->conn);
    }
}
