/* hub: the live half: connections, channels, subscriptions, and who gets which change.  Takes
 * bytes, changes and time in; gives bytes and events out.  No file descriptors, no clock, no locks.
 * One per shard, shard thread only.
 *
 * A subscription is a cursor over the change log.  Subscriptions with the same topic, wire version,
 * bindings and class of reader form a group: a change is decided and encoded once per group, into
 * one frame that all its members share.  A member whose outbox is full falls behind: it is no
 * longer pushed, remembers its next seq, and replays from the change log when its outbox has
 * drained: from the window in memory, or from pages of the store's log that the shell fetches. */
#ifndef HUB_HUB_H
#define HUB_HUB_H

#include <sys/uio.h> /* struct iovec: data only */

#include "auth/directory.h"
#include "auth/policy.h"
#include "auth/token.h"
#include "change/changelog.h"
#include "proto/phx.h"
#include "proto/ws.h"

struct hub;

struct hub_limits {
    size_t message_max;          /* bytes in one incoming message (4 MiB) */
    size_t broadcast_max;        /* bytes of the payload of one broadcast (3,000 KB + 500) */
    size_t persist_bytes_max;    /* bytes of broadcasts on their way to the store (8 MiB) */
    size_t outbox_bytes_max;     /* bytes waiting per connection (1 MiB) */
    uint32_t outbox_frames_max;  /* frames waiting per connection (1024) */
    size_t deflate_min;          /* bytes of a message from which on it is compressed for those who
                                    negotiated that (1 KiB); 0: it is not to be negotiated */
    size_t inflate_max;          /* bytes that come out of what is received in one step (8 MiB) */
    uint32_t channels_max;       /* per connection (1,000) */
    uint32_t bindings_max;       /* per channel (100) */
    int64_t idle_us;             /* without any inbound frame (60 s) */
    uint32_t presence_keys_max;  /* present on a topic (10,000) */
    uint32_t presence_metas_max; /* connections present under a key (100) */
    size_t presence_payload_max; /* bytes of one track payload (64 KiB) */
    size_t presence_topic_max;   /* bytes of all that is present on a topic (1 MiB) … */
    size_t presence_bytes_max;   /* … and on all topics (64 MiB) */
    int64_t presence_window_us;  /* from a channel's diff to its next one (100 ms) */
    int64_t close_us;            /* from our close frame to the end of the connection (5 s) */

    size_t record_max; /* bytes of the rows of one change, else only small values are told: 1 MiB */
    /* Rates of a connection. */
    uint32_t joins_burst, joins_per_s;       /* 2,000, then 200 a second */
    uint32_t messages_burst, messages_per_s; /* all but joins and heartbeats: 4,000, then 1,000 */
    uint32_t refused_max; /* over these rates without a pause, then it is closed: 2,000 */
};
extern const struct hub_limits hub_limits_default;

struct hub_config {
    const struct catalogue *catalogue; /* these four outlive the hub */
    const struct policies *policies;
    const unsigned char *secret;
    struct bytes epoch;
    uint64_t head; /* the seq the hub starts at */
    uint64_t tail; /* the oldest seq that the shell can fetch; 0: it cannot fetch */
    uint64_t rng_seed;
    uint32_t shard, shard_count;         /* which of how many; with one, nothing is relayed */
    size_t log_count_max, log_bytes_max; /* window of changes kept in memory */
    struct hub_limits limits;
};
MUST_USE enum err hub_new(const struct hub_config *cfg, struct hub **out);
void hub_free(struct hub *h);

/* Names a connection; a stale name is recognised and ignored. */
struct hub_conn_id {
    uint32_t index;
    uint32_t generation;
};

enum broadcast_form {
    BROADCAST_TEXT, /* the payload is the whole object {"type":"broadcast","event":…,"payload":…} */
    BROADCAST_JSON, /* the payload is JSON text */
    BROADCAST_RAW,  /* the payload is any bytes; peers of version 1 do not get it */
    BROADCAST_FORMS
};

struct hub_broadcast {
    struct bytes topic; /* "realtime:…" */
    struct bytes event; /* of JSON and RAW */
    struct bytes payload;
    enum broadcast_form form;
    bool is_private;   /* to the private members of the topic, else to the public ones */
    struct bytes meta; /* of a stored one, in JSON: its members, as clients show them */
    int64_t number;    /* of a stored one: its place in the order */
};

struct letter; /* hub/letter.h */
struct wish;

/* A broadcast that is committed to the store. */
struct hub_stored {
    struct hub_broadcast broadcast; /* JSON or RAW */
    int64_t number;                 /* rises from one to the next, and is unique */
    char id[UUID_SIZE + 1];
    const struct letter *letter; /* it is this hub's own; else NULL */
};

enum hub_in_kind {
    HUB_IN_OPEN, /* an upgraded WebSocket; the new name is written to in->conn.  ERR_NOMEM, ERR_FULL
                  */
    HUB_IN_BYTES,     /* bytes of the peer, unmasked in place */
    HUB_IN_GONE,      /* the peer is gone */
    HUB_IN_CHANGES,   /* committed changes; the first seq is head + 1 */
    HUB_IN_STAFF,     /* a row of `users` for the directory, at the start */
    HUB_IN_RELAY,     /* what another shard's hub has given out as HUB_OUT_RELAY, in its order.
                       ERR_NOMEM: give it again; ERR_SYNTAX */
    HUB_IN_BROADCAST, /* one that came over HTTP, and may be said */
    HUB_IN_STORED,    /* a broadcast was committed; every hub is told of each, in the same order */
    HUB_IN_PERSISTED, /* a letter is back, after the STORED of it; `fault` says why there was none.
                       * The hub takes the letter */
    HUB_IN_MESSAGES,  /* a wish is back, with what was found, oldest first, or `error`.  The hub
                       * takes the wish */
    HUB_IN_FETCHED,   /* the answer to HUB_OUT_FETCH, some time */
    HUB_IN_TRIMMED,   /* the store's log was trimmed, and begins at `tail` */
    HUB_IN_DRAIN,     /* close every connection with 1012 */
    HUB_IN_TICK       /* the deadline has come */
};

struct hub_in {
    enum hub_in_kind kind;
    struct hub_conn_id conn;
    enum phx_version version;      /* OPEN */
    enum deflate_window window;    /* OPEN: of permessage-deflate, as negotiated */
    uint64_t tag;                  /* OPEN: the shell's own name for the connection */
    struct claims claims;          /* OPEN: of the apikey, verified */
    struct ws_input bytes;         /* BYTES */
    struct change *const *changes; /* CHANGES, FETCHED: borrowed; the hub takes references of its
                                    * own */
    size_t change_count;
    struct bytes staff_row;          /* STAFF */
    struct bytes relay;              /* RELAY */
    struct hub_broadcast broadcast;  /* BROADCAST */
    const struct hub_stored *stored; /* STORED: one; MESSAGES: `stored_count` */
    size_t stored_count;
    struct letter *letter; /* PERSISTED */
    struct bytes fault;    /* PERSISTED: size 0: it was kept */
    struct wish *wish;     /* MESSAGES */
    uint64_t from;         /* FETCHED: as it was asked */
    enum err error;        /* MESSAGES; FETCHED: could not be read, and is to be asked for again a
                            * little later */
    uint64_t tail;         /* FETCHED, TRIMMED: the oldest seq in the store's log; 0: not known */
};
/* `now_us`: Unix time, read once per loop turn; never goes back by more than the peers' patience.
 */
MUST_USE enum err hub_step(struct hub *h, struct hub_in *in, int64_t now_us);

struct relay_item; /* hub/relay.h */

enum hub_out_kind {
    HUB_OUT_RELAY,    /* for the hubs of all other shards: `relay` is the caller's to free; before
                    * everything else, in order */
    HUB_OUT_PERSIST,  /* store `letter`, which is the caller's until HUB_IN_PERSISTED */
    HUB_OUT_MESSAGES, /* look `wish` up in the store; it is the caller's until HUB_IN_MESSAGES */
    HUB_OUT_FLUSH,    /* the connection has bytes to send: hub_peek, send, hub_sent */
    HUB_OUT_FETCH, /* older changes are wanted: read those of the seqs from .. from + change_max - 1
                    * that the store still has, dense, and none more once they have bytes_max bytes
                    * of rows; give them with HUB_IN_FETCHED.  Few are asked for at a time */
    HUB_OUT_CLOSE /* close the socket after what hub_peek still gives (or at once: `is_abrupt`); the
                   * name is void after HUB_IN_GONE, which the shell sends in any case */
};
struct hub_out {
    enum hub_out_kind kind;
    struct hub_conn_id conn;
    uint64_t tag;
    bool is_abrupt;
    enum ws_close_code close_code; /* CLOSE: why; WS_CLOSE_NORMAL: the peer closed */
    struct relay_item *relay;      /* RELAY */
    struct letter *letter;         /* PERSIST */
    struct wish *wish;             /* MESSAGES */
    uint64_t from;                 /* FETCH */
    size_t change_max, bytes_max;
};
/* One entry per touched connection and turn.  False when there is none.  The caller may stop
 * half-way (slices) and go on later. */
bool hub_next_out(struct hub *h, struct hub_out *out);

/* The next bytes of a connection as iovecs, borrowed until hub_step or hub_next_out, or
 * hub_peek or hub_sent of this connection.  Returns how many (0: nothing).  A subscription that is behind replays into the room
 * there is. */
int hub_peek(struct hub *h, struct hub_conn_id conn, struct iovec *iov, int iov_max);
/* `size` of these bytes have left.  True: hub_peek may have more. */
bool hub_sent(struct hub *h, struct hub_conn_id conn, size_t size, int64_t now_us);

/* When HUB_IN_TICK is due, Unix microseconds; INT64_MAX: never. */
int64_t hub_deadline(const struct hub *h);
/* For the REST half of the shard. */
const struct directory *hub_directory(const struct hub *h);
uint64_t hub_head(const struct hub *h);

/* What that change was, or would be, to the channels of one user: see explain_put_channels. */
void hub_explain(const struct hub *h, struct bytes user, const struct change *c, struct buf *out);

struct hub_counters {
    uint64_t connections, channels, subscriptions, groups; /* now */
    uint64_t messages_in, malformed, changes, deliveries, delivered_bytes, encoded_frames;
    uint64_t behind, replayed, joins, joins_refused, policy_decisions;
    uint64_t broadcasts, relayed, dropped_broadcasts, denied_broadcasts;
    uint64_t stored_broadcasts, unstored_broadcasts, replayed_broadcasts;
    uint64_t costly_filters; /* matches that a regular expression was too costly for */
    uint64_t behind_now;     /* channels that wait for room */
    /* closed by us: did not read, did not speak, broke the rules, sent too much at once */
    uint64_t dropped_slow, dropped_idle, violations, messages_too_big;
    uint64_t dropped_flood;
    uint64_t records_over;                             /* changes told with small values only */
    uint64_t channels_over, bindings_over, joins_over; /* joins refused by these limits … */
    uint64_t messages_over;                            /* … and messages */
    uint64_t fetches, fetched; /* pages asked of the store, changes that came */
    uint64_t archive_hits;     /* runs of changes found in a page that was fetched before */
    uint64_t coalesced;        /* messages that were saved by others about the same row */
    uint64_t lost;             /* channels ended because not even the store reached back */
    uint64_t present;          /* now: channels of this shard */
    uint64_t presence_diffs, presence_states, presence_refused;
    /* Compressed messages, and their bytes before and after. */
    uint64_t inflated, inflated_from_bytes, inflated_to_bytes, inflated_over;
    uint64_t deflated, deflated_from_bytes, deflated_to_bytes;
};
struct hub_counters hub_counters(const struct hub *h);

#endif
