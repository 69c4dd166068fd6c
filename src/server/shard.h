/* shard: one thread with a listening socket, an event loop, a hub, and the connections that the
 * kernel gave it.  Shards share nothing; the writer, the readers and the main thread talk to them
 * by mail.
 *
 * A turn: what is ready is read; the mail is taken, all change batches in it merged into one hub
 * step; timers; then everything that was touched is sent, once per connection, HTTP answers first,
 * live messages in slices with a look at the other I/O between them. */
#ifndef SERVER_SHARD_H
#define SERVER_SHARD_H

#include "base/histogram.h"
#include "io/tls.h"
#include "server/assets.h"
#include "server/limits.h"
#include "server/readers.h"
#include "server/writer.h"

struct shard;
struct shards;

/* What all shards are given; everything outlives them. */
struct shard_config {
    const struct server_limits *limits;
    struct store *store;
    struct tls_context *tls; /* NULL: plain */
    const struct asset_set *assets;
    struct bytes staff; /* JSON array of the rows of `users` … */
    uint64_t head;      /* … true for this seq */
    uint64_t tail;      /* the oldest seq of the store's log */
    const struct changes
        *recent; /* changes up to head, dense, for resumes across a restart; may be empty */
    uint32_t connections_max; /* of this shard */
    uint32_t index, count;    /* which of how many shards; a count of 0 is 1 */
    const char *version;
};

/* Takes over `listen_fd`, also on failure. */
MUST_USE enum err shard_new(const struct shard_config *cfg, int listen_fd, struct shard **out);
/* After shard_join, or if it was never started.  Takes NULL. */
void shard_free(struct shard *s);
struct mailbox *shard_inbox(struct shard *s);
/* The threads that do its calls, and all shards, to be told what its hub relays, and for /metrics:
 * set before the start.  ERR_NOMEM. */
MUST_USE enum err shard_connect(struct shard *s, struct writer *w, struct readers *r,
                                struct shard *const *all, size_t count);
MUST_USE enum err shard_start(struct shard *s);
/* Any thread, once: ends all connections in good order, then the thread. */
void shard_drain(struct shard *s);
void shard_join(struct shard *s);

struct shard_counters {
    struct hub_counters hub;
    uint64_t connections;     /* now, all kinds */
    uint64_t calls_in_flight; /* now */
    uint64_t accepted, refused_full, refused_descriptors;
    uint64_t requests, responses[6]; /* by the first digit of the status */
    uint64_t upgrades, upgrades_refused;
    uint64_t timeouts, stalled, malformed, header_over, body_over;
    uint64_t writes_over, reads_over, passwords_over; /* 503: the queue was full */
    uint64_t sends, sent_bytes, receives, received_bytes, turns;
    uint64_t change_mails, relay_mails, relay_dropped;
    /* From the wake-up of a turn until all it had to send was handed to the kernel. */
    struct histogram turn_us;
    /* From the commit time of a batch of changes until it was taken here; and until the slice of
     * sends it left in was handed to the kernel, once per send. */
    struct histogram commit_to_shard_us, commit_to_socket_us;
};
/* Any thread: as of the shard's last turn. */
struct shard_counters shard_counters(struct shard *s);

#endif
