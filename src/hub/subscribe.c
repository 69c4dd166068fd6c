#include "hub/subscribe.h"

#include "base/time.h"
#include "hub/flood.h"
#include "hub/join.h"
#include "hub/member.h"
#include "hub/message.h"
#include "hub/replay.h"
#include "hub/rights.h"
#include "hub/stored.h"
#include "hub/track.h"

/* One join on its way. */
struct attempt {
    struct conn *conn;
    const struct phx_message *message;
    struct bytes join_ref;
    struct join_config config;
    struct bearer bearer;
    bool has_token; /* the join brought one */
    struct identity who;
    uint8_t rights;
    bool is_tokenless; /* it did not, and the socket may know better one day */
    bool can_resume;
    uint64_t live_seq; /* behind which everything is new */
    struct buf
        *system; /* the fault of the bindings, for the `system` message; empty when there is none */
};

static void refuse(struct hub *h, const struct attempt *a, struct bytes reason)
{
    h->counters.joins_refused++;
    message_refuse(h, a->conn, a->message, a->join_ref, reason);
}

/* ---- the token ---- */

void subscribe_put_fault(struct buf *out, enum token_fault fault, int64_t expired_s)
{
    switch (fault) {
    case TOKEN_EXPIRED:
        buf_put_literal(out, "Token has expired ");
        buf_put_i64(out, expired_s);
        buf_put_literal(out, " seconds ago");
        break;
    case TOKEN_NO_CLAIMS:
        buf_put_literal(out, "Fields `role` and `exp` are required in JWT");
        break;
    case TOKEN_BAD_SIGNATURE:
        buf_put_literal(out, "Failed to validate JWT signature");
        break;
    default:
        buf_put_literal(out, "The token provided is not a valid JWT");
        break;
    }
}

static struct bytes fault_code(enum token_fault fault)
{
    switch (fault) {
    case TOKEN_BAD_SIGNATURE:
        return BYTES("JwtSignatureError: ");
    case TOKEN_MALFORMED:
        return BYTES("MalformedJWT: ");
    default:
        return BYTES("InvalidJWTToken: ");
    }
}

static enum err refuse_token(struct hub *h, const struct attempt *a, enum token_fault fault,
                             int64_t expires_s)
{
    buf_reset(&h->text);
    buf_put(&h->text, fault_code(fault));
    subscribe_put_fault(&h->text, fault, h->now_us / TIME_US_PER_S - expires_s);
    refuse(h, a, buf_bytes(&h->text));
    return ERR_DENIED;
}

/* A version 2 client that knows of no token says so only by leaving it out (section 5.1). */
static void take_key(struct attempt *a, int64_t now_s)
{
    const struct conn *c = a->conn;
    a->is_tokenless = c->version == PHX_V2 && c->key.kind == TOKEN_ANON;
    bool is_known = a->is_tokenless && c->has_person && c->person.expires_s > now_s;
    a->bearer = is_known ? c->person : c->key;
}

static enum err authorise(struct hub *h, struct attempt *a)
{
    struct bytes topic = a->message->topic;
    struct bytes name = bytes_slice(topic, sizeof("realtime:") - 1, topic.size);
    a->rights = rights_decide(h, &a->who, a->config.is_private, name);
    if (rights_can_join(a->rights))
        return OK;
    buf_reset(&h->text);
    buf_put_literal(&h->text, "Unauthorized: You do not have permissions to read from this Channel "
                              "topic: ");
    buf_put(&h->text, name);
    refuse(h, a, buf_bytes(&h->text));
    return ERR_DENIED;
}

/* The client may have renewed its token on another channel since it wrote this join. */
static enum token_fault take_token(struct hub *h, struct attempt *a, int64_t now_s)
{
    const struct conn *c = a->conn;
    struct claims claims = {.expires_s = 0};
    enum token_fault fault = token_verify(h->secret, a->config.access_token, now_s, &claims);
    a->bearer = bearer_of(&claims);
    bool is_genuine = fault == TOKEN_OK || fault == TOKEN_EXPIRED;
    bool is_outdated = is_genuine && c->has_person &&
                       bearer_is_same_person(&c->person, &a->bearer) &&
                       c->person.expires_s > a->bearer.expires_s;
    if (!is_outdated)
        return fault;
    a->bearer = c->person;
    return a->bearer.expires_s > now_s ? TOKEN_OK : TOKEN_EXPIRED;
}

static enum err authenticate(struct hub *h, struct attempt *a)
{
    int64_t now_s = h->now_us / TIME_US_PER_S;
    enum token_fault fault = TOKEN_OK;
    a->has_token = a->config.access_token.size > 0;
    if (a->has_token) {
        fault = take_token(h, a, now_s);
    } else {
        take_key(a, now_s);
        if (a->bearer.expires_s <= now_s)
            fault = TOKEN_EXPIRED;
    }
    if (fault)
        return refuse_token(h, a, fault, a->bearer.expires_s);
    if (member_identity(h, &a->bearer, &a->who)) {
        refuse(h, a, BYTES("Unauthorized: unknown or disabled user"));
        return ERR_DENIED;
    }
    return authorise(h, a);
}

/* ---- the checks before ---- */

static struct bytes fault_of_topic(struct hub *h, const struct attempt *a)
{
    if (!bytes_starts_with(a->message->topic, BYTES("realtime:")))
        return BYTES("unmatched topic");
    if (a->message->topic.size == sizeof("realtime:") - 1)
        return BYTES("TopicNameRequired: You must provide a topic name");
    if (!flood_admits_join(h, a->conn))
        return BYTES("ClientJoinRateLimitReached: Too many joins per second");
    if (a->conn->channel_count >= h->limits.channels_max) {
        h->counters.channels_over++;
        return BYTES("ChannelRateLimitReached: Too many channels");
    }
    return BYTES("");
}

static struct bytes fault_of_config(struct hub *h, const struct attempt *a)
{
    if (a->config.is_over_limit) {
        h->counters.bindings_over++;
        return BYTES("TooManyBindings: Too many postgres_changes bindings");
    }
    if (a->config.presence_key.size > PRESENCE_KEY_MAX)
        return BYTES("UnknownErrorOnChannel: The presence key is too long");
    if (a->config.wants_replay && !a->config.is_private)
        return BYTES("UnableToReplayMessages: Replay is not allowed for public channels");
    if (a->config.wants_replay && !a->config.has_replay)
        return BYTES("UnableToReplayMessages: Replay params are not valid");
    return BYTES("");
}

/* ---- the subscription ---- */

static enum err subscribe(struct hub *h, struct attempt *a, struct channel *ch)
{
    struct bindings *b;
    const struct join_config *config = &a->config;
    if (config->binding_count == 0)
        return OK;
    enum err e =
        bindings_get(&h->groups.sets, config->bindings, config->binding_count, a->system, &b);
    if (e == ERR_NOMEM)
        return e;
    if (e) /* the channel is joined all the same, and told (section 4.3) */
        return OK;
    e = member_enter(h, ch, b);
    bindings_unref(&h->groups.sets, b);
    return e;
}

/* Something may still be due of the change at the cursor. */
static bool is_owed(const struct channel *ch, const struct told *told)
{
    return told && ch->group && bindings_owe(ch->group->bindings, told);
}

static enum err set_told(struct channel *ch, const struct told *told)
{
    size_t size = sizeof(*told) + told->count * sizeof(told->ids[0]);
    ch->told = mem_alloc(size);
    if (!ch->told)
        return ERR_NOMEM;
    memcpy(ch->told, told, size);
    return OK;
}

/* Has it been read as it would be now?  Whoever does not care gives the epoch alone. */
static bool is_epoch(struct hub *h, const struct attempt *a)
{
    struct bytes given = a->config.resume_epoch;
    buf_reset(&h->text);
    policy_put_epoch(&h->text, h->groups.classes.policies, h->epoch, &a->who);
    return !h->text.err &&
           (bytes_equal(given, h->epoch) || bytes_equal(given, buf_bytes(&h->text)));
}

/* Does the log, in memory or in the store, hold everything behind the cursor of the client?
 * ERR_NOMEM. */
static enum err resume(struct hub *h, struct attempt *a, struct channel *ch)
{
    uint64_t seq = a->config.resume_seq, head = changelog_head(h->log);
    bool owes = is_owed(ch, a->config.resume_told);
    uint64_t next_seq = owes ? seq : seq + 1;
    a->can_resume = is_epoch(h, a) && (seq <= head ? replay_reaches(h, next_seq)
                                                   : ch->group && replay_may_wait_for(h, seq));
    a->live_seq = a->can_resume && seq > head ? seq : head;
    if (!a->config.has_resume || !a->can_resume || !ch->group)
        return OK;
    enum err e = owes ? set_told(ch, a->config.resume_told) : OK;
    if (!e && (owes || seq != head))
        group_fall_behind(ch, next_seq);
    return e;
}

static enum err make_channel(struct hub *h, struct attempt *a, struct channel **out)
{
    struct channel *ch;
    enum err e = channel_add(&h->channels, a->conn, a->message->topic, a->join_ref, &ch);
    if (e)
        return e;
    ch->bearer = a->bearer;
    ch->is_tokenless = a->is_tokenless;
    ch->is_private = a->config.is_private;
    ch->rights = a->rights;
    ch->coalesce_ms = a->config.coalesce_ms;
    ch->wants_ack = a->config.wants_ack;
    ch->wants_self = a->config.wants_self;
    ch->wants_resume = a->config.has_resume;
    if (a->config.presence_key.size > 0)
        e = track_set_key(h, ch, a->config.presence_key);
    if (!e)
        e = subscribe(h, a, ch);
    if (!e && a->config.has_replay && (a->rights & RIGHT_HEAR))
        e = stored_wish(h, ch, &a->who, a->config.replay_since_us, a->config.replay_count);
    if (!e)
        e = resume(h, a, ch);
    if (e) {
        member_drop(h, ch);
        return e;
    }
    member_watch(h, ch);
    *out = ch;
    return OK;
}

/* ---- the answer ---- */

static void reply(struct hub *h, const struct attempt *a)
{
    struct buf *out = &h->response;
    buf_reset(out);
    buf_put_literal(out, "{\"postgres_changes\":");
    join_put_bindings(out, a->config.bindings, a->config.binding_count);
    if (a->config.coalesce_ms > 0) {
        buf_put_literal(out, ",\"coalesce_ms\":");
        buf_put_u64(out, a->config.coalesce_ms);
    }
    if (a->config.has_resume) {
        buf_put_char(out, ',');
        member_put_resume(h, &a->who, a->live_seq, a->can_resume, out);
    }
    buf_put_char(out, '}');
    message_reply(h, a->conn, a->message, a->join_ref, true);
}

static bool wants_presence(const struct attempt *a)
{
    /* Old clients never say it, and would never see presence (section 4.2). */
    return a->config.presence == JOIN_YES ||
           (a->config.presence == JOIN_UNSAID && a->conn->version == PHX_V1);
}

static void follow_up(struct hub *h, const struct attempt *a, struct channel *ch)
{
    if (wants_presence(a))
        track_join(h, ch);
    if (ch->group)
        member_system(h, ch, BYTES("postgres_changes"), true, BYTES("Subscribed to PostgreSQL"));
    else if (a->config.binding_count > 0)
        member_system(h, ch, BYTES("postgres_changes"), false, buf_bytes(a->system));
    if (a->config.wants_replication_ready)
        member_system(h, ch, BYTES("system"), true, BYTES("Replication connection established"));
}

static void join(struct hub *h, struct attempt *a)
{
    struct channel *ch;
    struct bytes fault = fault_of_topic(h, a);
    arena_reset(&h->scratch);
    if (fault.size == 0 &&
        join_parse(a->message->payload, h->limits.bindings_max, &h->scratch, &a->config))
        fault = BYTES("UnknownErrorOnChannel: out of memory");
    if (fault.size == 0)
        fault = fault_of_config(h, a);
    if (fault.size > 0) {
        refuse(h, a, fault);
        return;
    }
    if (authenticate(h, a))
        return;
    if (make_channel(h, a, &ch)) {
        refuse(h, a, BYTES("UnknownErrorOnChannel: out of memory"));
        return;
    }
    h->counters.joins++;
    reply(h, a);
    follow_up(h, a, ch);
    if (a->has_token)
        member_adopt(h, a->conn, &a->bearer);
    replay_pump(h, a->conn);
}

void subscribe_recv(struct hub *h, struct conn *c, struct channel *old, const struct phx_message *m)
{
    struct buf system;
    struct attempt a = {.conn = c, .message = m, .system = &system};
    a.join_ref = m->join_ref.data ? m->join_ref : m->ref;
    buf_init(&system, 4096);
    if (old)
        member_end(h, old, BYTES("phx_close"), BYTES(""), BYTES(""));
    join(h, &a);
    buf_done(&system);
}
