/* One reader: connects, joins, beats, reads, comes back.  It knows only what it is told. */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>

enum { TEXT_MAX = 64 << 20, TOPIC_MAX = 24, CALM_LIFE_S = 300 };
static const int64_t second_us = INT64_C(1000000);

void reader_init(struct world *w, struct reader *r, int number)
{
    *r = (struct reader){.number = number, .who = {.person = -1, .role = ROLE_ANON}};
    r->version = world_chance(w, 2) ? PHX_V1 : PHX_V2;
    r->is_forgetful = world_chance(w, 3);
    uint64_t kind = rng_below(&w->rng, 20);
    if (kind == 0)
        r->who.role = ROLE_SERVICE;
    else if (kind > 2)
        r->who.person = (int)rng_below(&w->rng, PEOPLE);
    r->channel_count = 1 + (int)rng_below(&w->rng, CHANNELS_MAX);
    for (int i = 0; i < r->channel_count; i++) {
        r->channels[i].topic = i + (number & 1) * CHANNELS_MAX;
        r->channels[i].want = (int)rng_below(&w->rng, WANTS);
    }
    r->retry_at_us = w->now_us + world_delay(w, 5 * second_us);
    room_init(w, r);
    buf_init(&r->in, TEXT_MAX);
    ask_init(&r->ask);
}

void reader_done(struct world *w, struct reader *r)
{
    ask_done(w, &r->ask);
    buf_done(&r->in);
    for (int i = 0; i < r->channel_count; i++)
        free(r->channels[i].early);
}

/* ---- out ---- */

/* Now and then in two fragments, with a ping between them. */
static void send_text(struct world *w, struct reader *r, struct bytes text)
{
    buf_reset(&w->text);
    if (world_chance(w, 5)) {
        size_t cut = (size_t)rng_below(&w->rng, text.size + 1);
        frame_put(w, &w->text, WS_TEXT, bytes_slice(text, 0, cut));
        frame_put(w, &w->text, 0x80 | WS_PING, BYTES("?"));
        frame_put(w, &w->text, 0x80 | WS_CONTINUATION, bytes_slice(text, cut, text.size));
    } else {
        frame_put(w, &w->text, 0x80 | WS_TEXT, text);
    }
    world_must(!w->text.err);
    wire_say(w, r->wire, buf_bytes(&w->text));
}

void reader_make_ref(struct reader *r, char out[JOIN_REF_SIZE])
{
    snprintf(out, JOIN_REF_SIZE, "%u", (unsigned)++r->last_ref);
}

void reader_send(struct world *w, struct reader *r, const char *join_ref, const char *ref,
                 const char *topic, const char *event, struct bytes payload)
{
    struct buf text;
    struct bytes join = {NULL, 0};
    if (join_ref)
        join = bytes_of(join_ref);
    buf_init(&text, TEXT_MAX);
    phx_put(&text, r->version, join, bytes_of(ref), bytes_of(topic), bytes_of(event), payload);
    send_text(w, r, buf_bytes(&text));
    buf_done(&text);
}

static void put_topic(const struct sim_channel *ch, char out[TOPIC_MAX])
{
    snprintf(out, TOPIC_MAX, "realtime:c%d", ch->topic);
}

/* Short-lived, so that it may expire while it is in use. */
static void put_fresh_token(struct world *w, struct reader *r, struct buf *out)
{
    int64_t life_s = w->is_calm ? CALM_LIFE_S : 2 + (int64_t)rng_below(&w->rng, 20);
    int64_t end_s = w->now_us / second_us + life_s;
    world_put_token(w, r->who, life_s, out);
    if (r->token_first_s == 0 || end_s < r->token_first_s)
        r->token_first_s = end_s;
    if (end_s > r->token_last_s)
        r->token_last_s = end_s;
}

void reader_put_token(struct world *w, struct reader *r, struct buf *out)
{
    if (r->who.person < 0)
        return;
    json_put_key(out, BYTES("access_token"));
    buf_put_char(out, '"');
    put_fresh_token(w, r, out);
    buf_put_char(out, '"');
}

/* Before the token expires, on one channel for all. */
static void renew(struct world *w, struct reader *r, const struct sim_channel *ch)
{
    char topic[TOPIC_MAX], ref[JOIN_REF_SIZE];
    put_topic(ch, topic);
    reader_make_ref(r, ref);
    buf_reset(&w->message);
    buf_put_literal(&w->message, "{\"access_token\":\"");
    put_fresh_token(w, r, &w->message);
    buf_put_literal(&w->message, "\"}");
    r->has_renewed = true;
    reader_send(w, r, ch->join_ref, ref, topic, "access_token", buf_bytes(&w->message));
}

static void tend_token(struct world *w, struct reader *r)
{
    int64_t left_s = r->token_last_s - w->now_us / second_us;
    bool is_due = w->is_calm ? left_s < CALM_LIFE_S / 2 : !r->is_forgetful && left_s < 3;
    if (r->who.person < 0 || r->token_last_s == 0 || !is_due)
        return;
    for (int i = 0; i < r->channel_count; i++) {
        if (r->channels[i].state != CHANNEL_IN)
            continue;
        renew(w, r, &r->channels[i]);
        return;
    }
}

static const struct shard *shard_of(const struct world *w, const struct reader *r)
{
    return &w->server.shards[r->wire->shard];
}

static void join(struct world *w, struct reader *r, struct sim_channel *ch)
{
    struct buf *out = &w->message;
    char topic[TOPIC_MAX];
    put_topic(ch, topic);
    reader_make_ref(r, ch->join_ref);
    ch->state = CHANNEL_JOINING;
    ch->asked_seq = shard_of(w, r)->heard;
    ch->patience_us = w->now_us + 15 * second_us;
    ch->asks_resume = copy_has_any(ch) && copy_is_whole(ch) && !world_chance(w, 6);
    ch->resume_seq = ch->asks_resume ? copy_cursor(ch) : 0;
    buf_reset(out);
    buf_put_literal(out, "{\"config\":{\"postgres_changes\":");
    want_put_json(&w->wants[ch->want], out);
    if (ch->asks_resume || world_chance(w, 2)) {
        buf_put_literal(out, ",\"resume\":{\"epoch\":");
        json_put_string(out, ch->asks_resume ? store_epoch(w->server.store) : BYTES(""));
        buf_put_literal(out, ",\"seq\":");
        buf_put_u64(out, ch->resume_seq);
        buf_put_char(out, '}');
    }
    if (world_chance(w, 4)) {
        buf_put_literal(out, ",\"coalesce_ms\":");
        buf_put_u64(out, 1 + rng_below(&w->rng, 3000));
    }
    buf_put_char(out, '}');
    reader_put_token(w, r, out);
    buf_put_char(out, '}');
    world_must(!out->err);
    reader_send(w, r, ch->join_ref, ch->join_ref, topic, "phx_join", buf_bytes(out));
}

static void leave(struct world *w, struct reader *r, struct sim_channel *ch)
{
    char topic[TOPIC_MAX], ref[JOIN_REF_SIZE];
    put_topic(ch, topic);
    reader_make_ref(r, ref);
    ch->state = CHANNEL_LEAVING;
    ch->patience_us = w->now_us + 15 * second_us;
    reader_send(w, r, ch->join_ref, ref, topic, "phx_leave", BYTES("{}"));
}

static void beat(struct world *w, struct reader *r)
{
    char ref[JOIN_REF_SIZE];
    reader_make_ref(r, ref);
    r->beat_ref = r->last_ref;
    r->is_beat_pending = true;
    r->beat_at_us = w->now_us + 25 * second_us;
    reader_send(w, r, NULL, ref, "phoenix", "heartbeat", BYTES("{}"));
}

/* ---- in ---- */

static void take_ids(struct world *w, const struct reader *r, struct sim_channel *ch,
                     struct json_value bindings)
{
    struct json_iter it = json_iter(bindings);
    struct json_value v;
    struct bytes key;
    int count = 0;
    for (int64_t id; count < w->wants[ch->want].count && json_next(&it, &key, &v); count++) {
        if (json_to_i64(sim_member(v, "id"), &id))
            break;
        ch->ids[count] = (uint32_t)id;
    }
    if (count != w->wants[ch->want].count)
        world_fail(w, "reader %d: its bindings did not come back", r->number);
}

/* From when on nothing may be missing: the head at which the hub has joined it, or one behind it. */
static uint64_t begin_of(struct world *w, const struct reader *r, struct json_value resume)
{
    int64_t seq;
    uint64_t heard = shard_of(w, r)->heard;
    if (resume.type != JSON_OBJECT)
        return heard;
    if (json_to_i64(sim_member(resume, "seq"), &seq) || seq < 0 || (uint64_t)seq > heard) {
        world_fail(w, "reader %d: an answer without a proper seq", r->number);
        return heard;
    }
    return (uint64_t)seq;
}

static void joined(struct world *w, struct reader *r, struct sim_channel *ch,
                   struct json_value response)
{
    bool is_replayed = false;
    struct json_value resume = sim_member(response, "resume");
    if (resume.type == JSON_OBJECT && json_to_bool(sim_member(resume, "replayed"), &is_replayed))
        world_fail(w, "reader %d: an answer without replayed", r->number);
    take_ids(w, r, ch, sim_member(response, "postgres_changes"));
    ch->is_coalescing = sim_member(response, "coalesce_ms").type == JSON_NUMBER;
    ch->state = CHANNEL_IN;
    ch->is_live = true;
    is_replayed &= ch->asks_resume;
    oracle_check_resume(w, r, ch, is_replayed);
    w->counters.resumes += is_replayed;
    if (!is_replayed)
        copy_begin(w, r, ch);
    ch->last = is_replayed ? ch->resume_seq : 0;
    ch->checked = is_replayed ? ch->resume_seq : begin_of(w, r, resume);
}

bool reader_is_ref(struct bytes ref, const char *text)
{
    return ref.data && bytes_equal(ref, bytes_of(text));
}

static void recv_reply(struct world *w, struct reader *r, struct sim_channel *ch,
                       const struct phx_message *m)
{
    if (ch->state != CHANNEL_JOINING || !reader_is_ref(m->ref, ch->join_ref))
        return;
    bool is_ok = json_string_equals(sim_member(m->payload, "status").raw, BYTES("ok"));
    oracle_check_answer(w, r, ch, is_ok);
    if (is_ok) {
        joined(w, r, ch, sim_member(m->payload, "response"));
        return;
    }
    ch->state = CHANNEL_OUT;
    ch->retry_at_us = w->now_us + world_delay(w, 5 * second_us);
}

static void recv_change(struct world *w, struct reader *r, struct sim_channel *ch,
                        const struct phx_message *m)
{
    w->counters.events++;
    if (!ch->is_live)
        world_fail(w, "reader %d: a change on a channel that is not joined", r->number);
    else if (!(w->plan.sabotage == SABOTAGE_DROP && world_chance(w, 50)))
        (void)oracle_hear(w, r, ch, m->payload);
    if (w->plan.sabotage == SABOTAGE_REPEAT && !w->violation[0] && world_chance(w, 50))
        (void)oracle_hear(w, r, ch, m->payload);
}

/* Of this subscription, or of the one before a join that is on its way. */
static void recv_end(struct world *w, struct sim_channel *ch, const struct phx_message *m)
{
    ch->is_live = false;
    if (!reader_is_ref(m->ref, ch->join_ref))
        return;
    ch->state = CHANNEL_OUT;
    ch->retry_at_us = w->now_us + world_delay(w, 5 * second_us);
}

/* It was over for longer than the grace, or when it came to be renewed. */
static bool may_be_outdated(const struct world *w, const struct reader *r)
{
    int64_t grace_s = r->has_renewed ? 0 : TOKEN_GRACE_S;
    return r->token_first_s > 0 && w->now_us / second_us >= r->token_first_s + grace_s;
}

static void recv_system(struct world *w, const struct reader *r, const struct phx_message *m)
{
    struct bytes text = sim_member(m->payload, "message").raw;
    bool is_lost = bytes_starts_with(text, BYTES("\"Too far behind"));
    bool is_nobody = bytes_starts_with(text, BYTES("\"Unauthorized"));
    bool is_expired = bytes_starts_with(text, BYTES("\"Token has expired"));
    bool is_poor = w->is_poor && bytes_starts_with(text, BYTES("\"out of memory"));
    w->counters.losses += is_lost;
    w->counters.closes += is_nobody;
    w->counters.expiries += is_expired;
    if (json_string_equals(sim_member(m->payload, "status").raw, BYTES("error")) && !is_lost &&
        !is_nobody && !is_poor && !(is_expired && may_be_outdated(w, r)))
        world_fail(w, "reader %d: was told %.*s", r->number, (int)text.size, text.data);
}

static struct sim_channel *find_channel(struct reader *r, struct bytes topic)
{
    char name[TOPIC_MAX];
    for (int i = 0; i < r->channel_count; i++) {
        put_topic(&r->channels[i], name);
        if (bytes_equal(topic, bytes_of(name)))
            return &r->channels[i];
    }
    return NULL;
}

static void recv_message(struct world *w, struct reader *r, struct bytes text)
{
    struct phx_message m;
    if (phx_decode_text(r->version, text, &w->decoded, &m)) {
        world_fail(w, "reader %d: no message: %.*s", r->number, (int)text.size, text.data);
        return;
    }
    struct sim_channel *ch = find_channel(r, m.topic);
    char ref[JOIN_REF_SIZE];
    snprintf(ref, sizeof(ref), "%u", (unsigned)r->beat_ref);
    if (!ch && bytes_equal(m.topic, BYTES("phoenix")) && reader_is_ref(m.ref, ref))
        r->is_beat_pending = false;
    else if (!ch && room_recv(w, r, &m))
        return;
    else if (!ch)
        world_fail(w, "reader %d: a strange topic", r->number);
    else if (bytes_equal(m.event, BYTES("phx_reply")))
        recv_reply(w, r, ch, &m);
    else if (bytes_equal(m.event, BYTES("postgres_changes")))
        recv_change(w, r, ch, &m);
    else if (bytes_equal(m.event, BYTES("phx_close")) || bytes_equal(m.event, BYTES("phx_error")))
        recv_end(w, ch, &m);
    else if (bytes_equal(m.event, BYTES("system")))
        recv_system(w, r, &m);
}

void reader_disconnect(struct world *w, struct reader *r)
{
    wire_cut(w, r->wire);
    r->wire = NULL;
    r->retry_at_us = w->now_us + world_delay(w, 5 * second_us);
    r->is_beat_pending = false;
    room_disconnect(w, r);
    buf_reset(&r->in);
    for (int i = 0; i < r->channel_count; i++) {
        r->channels[i].state = CHANNEL_OUT;
        r->channels[i].is_live = false;
    }
}

static void recv_close(struct world *w, struct reader *r)
{
    if (world_chance(w, 2)) {
        reader_disconnect(w, r);
        return;
    }
    buf_reset(&w->text); /* the polite way: answers, and waits for the end */
    frame_put(w, &w->text, 0x80 | WS_CLOSE, BYTES("\x03\xe8"));
    wire_say(w, r->wire, buf_bytes(&w->text));
}

static void recv_frames(struct world *w, struct reader *r)
{
    size_t at = 0, header, size;
    struct bytes in = buf_bytes(&r->in);
    while (!w->violation[0] && r->wire &&
           frame_measure(bytes_slice(in, at, in.size), &header, &size)) {
        uint8_t first = (uint8_t)in.data[at];
        struct bytes payload = bytes_slice(in, at + header, at + header + size);
        if (first == (0x80 | WS_TEXT))
            recv_message(w, r, payload);
        else if (first == (0x80 | WS_CLOSE))
            recv_close(w, r);
        else if (first != (0x80 | WS_PONG))
            world_fail(w, "reader %d: a strange frame", r->number);
        at += header + size;
    }
    if (r->wire)
        buf_shift(&r->in, at);
}

/* ---- acting ---- */

static void connect(struct world *w, struct reader *r)
{
    if (w->now_us < r->retry_at_us)
        return;
    r->wire = wire_open(w, r->version, r->who.person < 0 && r->who.role == ROLE_SERVICE);
    r->retry_at_us = w->now_us + world_delay(w, 2 * second_us);
    r->beat_at_us = w->now_us + world_delay(w, 25 * second_us);
    r->token_first_s = r->token_last_s = 0;
    r->has_renewed = false;
    for (int i = 0; i < r->channel_count; i++)
        r->channels[i].retry_at_us = w->now_us + world_delay(w, second_us);
}

/* Joins again over a living subscription, leaves, or asks for something else from now on. */
static void change_mind(struct world *w, struct reader *r, struct sim_channel *ch)
{
    if (w->is_calm || ch->state != CHANNEL_IN || !world_chance(w, 300))
        return;
    if (world_chance(w, 3)) {
        join(w, r, ch);
        return;
    }
    leave(w, r, ch);
}

/* A message for which there was no memory is lost: whoever waits too long for its answer gives the
 * socket up. */
static bool is_forgotten(const struct world *w, const struct sim_channel *ch)
{
    bool is_waiting = ch->state == CHANNEL_JOINING || ch->state == CHANNEL_LEAVING;
    return w->is_poor && is_waiting && w->now_us >= ch->patience_us;
}

/* Some take their snapshot first and resume from there, the others when they have joined. */
static void begin(struct world *w, struct reader *r, struct sim_channel *ch)
{
    if (!w->is_calm && world_chance(w, 8)) {
        ch->want = (int)rng_below(&w->rng, WANTS);
        copy_forget(w, r, ch);
    }
    if ((copy_has_any(ch) && copy_is_whole(ch)) || world_chance(w, 2)) {
        join(w, r, ch);
        return;
    }
    copy_begin(w, r, ch);
    ch->state = CHANNEL_FETCHING;
    ch->patience_us = w->now_us + 15 * second_us;
}

static void tend_channel(struct world *w, struct reader *r, struct sim_channel *ch)
{
    if (is_forgotten(w, ch))
        reader_disconnect(w, r);
    else if (ch->state == CHANNEL_OUT && w->now_us >= ch->retry_at_us)
        begin(w, r, ch);
    else if (ch->state == CHANNEL_FETCHING && (copy_is_whole(ch) || w->now_us >= ch->patience_us))
        join(w, r, ch);
    else
        change_mind(w, r, ch);
}

void reader_act(struct world *w, struct reader *r)
{
    if (!r->wire) {
        connect(w, r);
        return;
    }
    if (w->now_us >= r->stalled_until_us) {
        if (!wire_read(w, r->wire, &r->in)) {
            reader_disconnect(w, r);
            return;
        }
        recv_frames(w, r);
    }
    if (r->wire && w->now_us >= r->beat_at_us) {
        if (r->is_beat_pending)
            reader_disconnect(w, r);
        else
            beat(w, r);
    }
    for (int i = 0; i < r->channel_count && r->wire; i++)
        tend_channel(w, r, &r->channels[i]);
    if (r->wire)
        tend_token(w, r);
    if (r->wire && room_act(w, r))
        reader_disconnect(w, r);
    if (w->now_us >= r->stalled_until_us)
        copy_fetch(w, r);
}
