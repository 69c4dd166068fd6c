#include "server/limits.h"

#include "base/time.h"
#include "io/burst.h"

#define KIB UINT64_C(1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)
#define MS ((uint64_t)TIME_US_PER_MS)
#define S ((uint64_t)TIME_US_PER_S)
#define DAY ((uint64_t)TIME_US_PER_DAY)
#define OF(member)                                                                                 \
    offsetof(struct server_limits, member), sizeof(((struct server_limits *)NULL)->member)

void server_limits_init(struct server_limits *l)
{
    *l = (struct server_limits){
        .connections_max = 100000,
        .header_max = 16 * KIB,
        .request_body_max = MIB,
        .pipeline_max = 16 * KIB,
        .slow_us = 10 * TIME_US_PER_S,
        .idle_us = 60 * TIME_US_PER_S,
        .stall_us = 30 * TIME_US_PER_S,
        .linger_us = 2 * TIME_US_PER_S,
        .drain_us = 5 * TIME_US_PER_S,
        .gzip_min = KIB,
        .writes_queued_max = 4096,
        .reads_queued_max = 1024,
        .passwords_queued_max = 64,
        .mail_queued_max = 65536,
        .burst_max = BURST_MAX,
        .log_count_max = 65536,
        .log_bytes_max = 64 * MIB,
        .relay_bytes_max = 64 * MIB,
        .restore_count = 4096,
        .checkpoint_after_us = TIME_US_PER_S,
        .log_keep_us = 7 * TIME_US_PER_DAY,
        .log_keep_count = 1000000,
        .trim_every = 2000,
        .hub = hub_limits_default,
        .api = api_limits_default,
    };
}

static const struct limit table[] = {
    /* connections and requests */
    {"connections", LIMIT_COUNT, OF(connections_max), 1, 10000000,
     "connections at a time, of all kinds"},
    {"header-bytes", LIMIT_BYTES, OF(header_max), KIB, MIB, "head of a request"},
    {"body-bytes", LIMIT_BYTES, OF(request_body_max), KIB, GIB, "body of a request"},
    {"pipeline-bytes", LIMIT_BYTES, OF(pipeline_max), KIB, 64 * MIB,
     "read ahead behind a request that is being answered"},
    {"request-time", LIMIT_TIME, OF(slow_us), 10 * MS, DAY, "for a request to arrive as a whole"},
    {"keep-alive", LIMIT_TIME, OF(idle_us), 10 * MS, DAY, "between two requests of a connection"},
    {"stall-time", LIMIT_TIME, OF(stall_us), 10 * MS, DAY,
     "without progress while an answer is taken"},
    {"linger-time", LIMIT_TIME, OF(linger_us), 10 * MS, 60 * S,
     "for a last answer to be read before the connection ends"},
    {"drain-time", LIMIT_TIME, OF(drain_us), 0, 3600 * S, "for everything to end after a signal"},
    {"request-memory", LIMIT_BYTES, OF(api.arena_max), 64 * KIB, 4 * GIB,
     "memory for carrying out one request"},
    {"answer-bytes", LIMIT_BYTES, OF(api.body_max), 64 * KIB, 4 * GIB, "body of an answer"},
    {"answer-rows", LIMIT_COUNT, OF(api.rows_max), 1, UINT32_MAX, "rows of an answer"},
    {"gzip-from", LIMIT_BYTES, OF(gzip_min), 0, GIB,
     "an answer of rows from this size on is compressed for those who accept it; 0: none is"},
    /* sign-in */
    {"sign-in-burst", LIMIT_COUNT, OF(api.sign_in_burst), 1, 1000000,
     "tries to sign in with one email address at once …"},
    {"sign-in-period", LIMIT_TIME, OF(api.sign_in_period_us), 0, DAY,
     "… and the time after which there is another"},
    {"token-life", LIMIT_COUNT, OF(api.token_life_s), 10, 7 * 86400, "seconds, of an access token"},
    {"token-reuse", LIMIT_TIME, OF(api.reuse_interval_us), 0, 3600 * S,
     "in which a refresh token that was used may be used again"},
    /* queues */
    {"writes-queued", LIMIT_COUNT, OF(writes_queued_max), 1, 10000000,
     "requests waiting for the writer"},
    {"reads-queued", LIMIT_COUNT, OF(reads_queued_max), 1, 10000000,
     "requests waiting for the readers"},
    {"passwords-queued", LIMIT_COUNT, OF(passwords_queued_max), 1, 1000000,
     "sign-ins whose password waits to be checked"},
    {"mail-queued", LIMIT_COUNT, OF(mail_queued_max), 16, 10000000,
     "batches of changes and answers waiting for one shard"},
    /* the change log */
    {"log-window", LIMIT_COUNT, OF(log_count_max), 1, 100000000,
     "changes kept in memory for replays, of each shard …"},
    {"log-window-bytes", LIMIT_BYTES, OF(log_bytes_max), 64 * KIB, 64 * GIB, "… and their rows"},
    {"log-restore", LIMIT_COUNT, OF(restore_count), 0, 10000000,
     "changes read back at the start, for replays over a restart"},
    {"log-keep", LIMIT_COUNT, OF(log_keep_count), 1, UINT64_C(1000000000000),
     "changes kept in the database …"},
    {"log-keep-time", LIMIT_TIME, OF(log_keep_us), 60 * S, 3650 * DAY, "… and for how long"},
    {"log-trim", LIMIT_COUNT, OF(trim_every), 1, 1000000000,
     "new changes after which old ones are deleted"},
    {"checkpoint-time", LIMIT_TIME, OF(checkpoint_after_us), MS, 3600 * S,
     "from a commit until it is moved into the database file"},
    /* live connections */
    {"burst", LIMIT_COUNT, OF(burst_max), 1, BURST_MAX,
     "connections sent to by one system call (io_uring); 1: each by its own"},
    {"message-bytes", LIMIT_BYTES, OF(hub.message_max), KIB, 16 * MIB, "one incoming message"},
    {"deflate-from", LIMIT_BYTES, OF(hub.deflate_min), 0, GIB,
     "a message from this size on is compressed for those who offer it; 0: none is"},
    {"inflate-bytes", LIMIT_BYTES, OF(hub.inflate_max), KIB, GIB,
     "what one receive of at most 64 KiB may hold once it is inflated"},
    {"broadcast-bytes", LIMIT_BYTES, OF(hub.broadcast_max), 1, 16 * MIB,
     "payload of a broadcast, which must fit into a message"},
    {"persist-bytes", LIMIT_BYTES, OF(hub.persist_bytes_max), KIB, GIB,
     "broadcasts of a shard that wait to be stored"},
    {"stored-bytes", LIMIT_BYTES, OF(api.messages.payload_max), 1, 16 * MIB,
     "payload of a broadcast that is stored"},
    {"stored-count", LIMIT_COUNT, OF(api.messages.per_topic_max), 1, 1000000,
     "stored broadcasts of a topic; over it the oldest go"},
    {"stored-total-bytes", LIMIT_BYTES, OF(api.messages.bytes_max), KIB, 64 * GIB,
     "all stored broadcasts; over it the oldest go"},
    {"stored-time", LIMIT_TIME, OF(api.messages.keep_us), S, 3650 * DAY,
     "for which a broadcast is stored"},
    {"broadcasts", LIMIT_COUNT, OF(api.broadcasts_max), 1, 1000000, "broadcasts of one request"},
    {"relay-bytes", LIMIT_BYTES, OF(relay_bytes_max), 64 * KIB, 64 * GIB,
     "broadcasts that wait to be taken by other shards"},
    {"presence-keys", LIMIT_COUNT, OF(hub.presence_keys_max), 1, 1000000,
     "keys present on a topic"},
    {"presence-metas", LIMIT_COUNT, OF(hub.presence_metas_max), 1, 1000000,
     "connections present under one key"},
    {"presence-payload", LIMIT_BYTES, OF(hub.presence_payload_max), 2, MIB,
     "what a connection says of itself …"},
    {"presence-topic", LIMIT_BYTES, OF(hub.presence_topic_max), KIB, 8 * MIB,
     "… all who are present on a topic …"},
    {"presence-bytes", LIMIT_BYTES, OF(hub.presence_bytes_max), KIB, 64 * GIB,
     "… and on all topics"},
    {"presence-window", LIMIT_TIME, OF(hub.presence_window_us), MS, 60 * S,
     "from one change of a connection's presence to the next that is told"},
    {"outbox-bytes", LIMIT_BYTES, OF(hub.outbox_bytes_max), 16 * KIB, GIB,
     "waiting for one connection before it falls behind …"},
    {"outbox-frames", LIMIT_COUNT, OF(hub.outbox_frames_max), 16, 1048576, "… and frames"},
    {"channels", LIMIT_COUNT, OF(hub.channels_max), 1, 1000000, "channels of a connection"},
    {"bindings", LIMIT_COUNT, OF(hub.bindings_max), 1, 10000, "bindings of a channel"},
    {"record-bytes", LIMIT_BYTES, OF(hub.record_max), KIB, 64 * MIB,
     "rows of one change; over it only their values of at most 64 bytes are told"},
    {"joins-burst", LIMIT_COUNT, OF(hub.joins_burst), 1, 10000000,
     "joins of a connection at once …"},
    {"joins-per-second", LIMIT_COUNT, OF(hub.joins_per_s), 1, 1000000, "… and after them"},
    {"messages-burst", LIMIT_COUNT, OF(hub.messages_burst), 1, 10000000,
     "other messages of a connection at once, heartbeats not counted …"},
    {"messages-per-second", LIMIT_COUNT, OF(hub.messages_per_s), 1, 1000000, "… and after them"},
    {"refusals", LIMIT_COUNT, OF(hub.refused_max), 1, 1000000000,
     "messages and joins over these rates, without a pause, before the connection is closed"},
    {"idle-time", LIMIT_TIME, OF(hub.idle_us), 100 * MS, DAY,
     "without any message of a live connection's peer"},
    {"close-time", LIMIT_TIME, OF(hub.close_us), 10 * MS, 3600 * S,
     "for the peer to answer a close frame"},
};

enum { LIMITS = sizeof(table) / sizeof(table[0]) };

const struct limit *limits_at(size_t i)
{
    return i < LIMITS ? &table[i] : NULL;
}

/* ---- members ---- */

/* Every member is an integer of four or eight bytes, and no value has the sign bit. */
uint64_t limits_get(const struct server_limits *l, const struct limit *limit)
{
    const char *at = (const char *)l + limit->offset;
    uint32_t narrow;
    uint64_t wide;
    if (limit->size == sizeof(narrow)) {
        memcpy(&narrow, at, sizeof(narrow));
        return narrow;
    }
    memcpy(&wide, at, sizeof(wide));
    return wide;
}

static void set(struct server_limits *l, const struct limit *limit, uint64_t value)
{
    char *at = (char *)l + limit->offset;
    uint32_t narrow = (uint32_t)value;
    if (limit->size == sizeof(narrow))
        memcpy(at, &narrow, sizeof(narrow));
    else
        memcpy(at, &value, sizeof(value));
}

/* ---- values ---- */

struct suffix {
    struct bytes text;
    uint64_t factor;
};

/* The largest first; the last one is what a value without any is taken for, if that is allowed. */
static const struct suffix sizes[] = {
    {BYTES_INIT("GiB"), GIB}, {BYTES_INIT("MiB"), MIB}, {BYTES_INIT("KiB"), KIB}, {{"", 0}, 1}};
static const struct suffix times[] = {{BYTES_INIT("d"), DAY},
                                      {BYTES_INIT("h"), 3600 * S},
                                      {BYTES_INIT("min"), 60 * S},
                                      {BYTES_INIT("s"), S},
                                      {BYTES_INIT("ms"), MS}};
static const struct suffix counts[] = {{{"", 0}, 1}};

static const struct suffix *suffixes(enum limit_unit unit, size_t *count)
{
    *count = unit == LIMIT_BYTES  ? sizeof(sizes) / sizeof(sizes[0])
             : unit == LIMIT_TIME ? sizeof(times) / sizeof(times[0])
                                  : 1;
    return unit == LIMIT_BYTES ? sizes : unit == LIMIT_TIME ? times : counts;
}

void limits_put_value(struct buf *out, const struct limit *limit, uint64_t value)
{
    size_t count, i = 0;
    const struct suffix *list = suffixes(limit->unit, &count);
    while (i + 1 < count && (value == 0 || value % list[i].factor != 0))
        i++;
    buf_put_u64(out, value / list[i].factor);
    buf_put(out, list[i].text);
}

static enum err parse_value(enum limit_unit unit, struct bytes text, uint64_t *out)
{
    size_t count, digits = 0;
    const struct suffix *list = suffixes(unit, &count);
    while (digits < text.size && text.data[digits] >= '0' && text.data[digits] <= '9')
        digits++;
    uint64_t number;
    enum err e = bytes_to_u64(bytes_slice(text, 0, digits), &number);
    if (e)
        return e;
    struct bytes suffix = bytes_slice(text, digits, text.size);
    for (size_t i = 0; i < count; i++) {
        if (bytes_equal(suffix, list[i].text))
            return __builtin_mul_overflow(number, list[i].factor, out) ? ERR_RANGE : OK;
    }
    return ERR_SYNTAX;
}

static const struct limit *find(struct bytes name)
{
    for (size_t i = 0; i < LIMITS; i++) {
        if (bytes_equal(bytes_of(table[i].name), name))
            return &table[i];
    }
    return NULL;
}

static void put_fault(struct buf *message, const struct limit *limit, enum err e)
{
    static const char *const forms[] = {
        [LIMIT_COUNT] = "a number",
        [LIMIT_BYTES] = "a number of bytes, or one with KiB, MiB or GiB",
        [LIMIT_TIME] = "a number with ms, s, min, h or d",
    };
    buf_put(message, bytes_of(limit->name));
    buf_put_literal(message, " must be ");
    if (e == ERR_SYNTAX) {
        buf_put(message, bytes_of(forms[limit->unit]));
        return;
    }
    buf_put_literal(message, "from ");
    limits_put_value(message, limit, limit->min);
    buf_put_literal(message, " to ");
    limits_put_value(message, limit, limit->max);
}

enum err limits_set(struct server_limits *l, struct bytes text, struct buf *message)
{
    size_t equals = bytes_find_char(text, '=');
    const struct limit *limit = find(bytes_slice(text, 0, equals));
    if (!limit) {
        buf_put_literal(message, "there is no limit '");
        buf_put(message, bytes_slice(text, 0, equals));
        buf_put_literal(message, "'; see 'homebake serve --limits'");
        return ERR_NOT_FOUND;
    }
    uint64_t value = 0;
    enum err e = parse_value(limit->unit, bytes_slice(text, equals + 1, text.size), &value);
    if (!e && (value < limit->min || value > limit->max))
        e = ERR_RANGE;
    if (e)
        put_fault(message, limit, e);
    else
        set(l, limit, value);
    return e;
}

/* ---- the table ---- */

enum { NAME_WIDTH = 20, VALUE_WIDTH = 12, RANGE_WIDTH = 24 };

static void pad(struct buf *out, size_t start, size_t width)
{
    while (out->size - start < width && !out->err)
        buf_put_char(out, ' ');
}

static void print_limit(struct buf *out, const struct limit *limit, uint64_t value)
{
    size_t start = out->size;
    buf_put(out, bytes_of(limit->name));
    pad(out, start, NAME_WIDTH);
    limits_put_value(out, limit, value);
    pad(out, start, NAME_WIDTH + VALUE_WIDTH);
    limits_put_value(out, limit, limit->min);
    buf_put_literal(out, " to ");
    limits_put_value(out, limit, limit->max);
    pad(out, start, NAME_WIDTH + VALUE_WIDTH + RANGE_WIDTH);
    buf_put(out, bytes_of(limit->help));
    buf_put_char(out, '\n');
}

void limits_print(struct buf *out, const struct server_limits *l)
{
    size_t start = out->size;
    buf_put_literal(out, "limit");
    pad(out, start, NAME_WIDTH);
    buf_put_literal(out, "value");
    pad(out, start, NAME_WIDTH + VALUE_WIDTH);
    buf_put_literal(out, "from … to");
    pad(out, start, NAME_WIDTH + VALUE_WIDTH + RANGE_WIDTH + sizeof("…") - 2);
    buf_put_literal(out, "what it bounds\n");
    for (size_t i = 0; i < LIMITS; i++)
        print_limit(out, &table[i], limits_get(l, &table[i]));
}
