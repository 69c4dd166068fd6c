/* limits: every bound of the server in one place, and the table by which they are set from outside:
 * `homebake serve --limit NAME=VALUE`, shown by `homebake serve --limits`.  A limit that is not in
 * the table cannot be set. */
#ifndef SERVER_LIMITS_H
#define SERVER_LIMITS_H

#include "api/api.h"
#include "hub/hub.h"

struct server_limits {
    uint32_t connections_max; /* of the whole program, all kinds */
    size_t header_max;        /* bytes of a request head */
    size_t request_body_max;  /* bytes */
    size_t pipeline_max;      /* bytes that may wait behind a request that is being answered */
    int64_t slow_us;   /* for a whole request to arrive, from its first byte (or the connection's
                          start) */
    int64_t idle_us;   /* between two requests of a connection */
    int64_t stall_us;  /* without progress in taking an answer */
    int64_t linger_us; /* for the peer to read a last answer before the connection is torn down */
    int64_t drain_us;  /* for everything to end after a signal */
    size_t gzip_min;   /* bytes of the body of an answer; 0: none is compressed */
    size_t writes_queued_max;    /* jobs waiting for the writer */
    size_t reads_queued_max;     /* jobs waiting for the readers */
    size_t passwords_queued_max; /* sign-ins whose password waits to be checked */
    size_t mail_queued_max;      /* batches and answers waiting for one shard */
    uint32_t burst_max;     /* live connections that one system call sends to; at most BURST_MAX */
    size_t log_count_max;   /* changes kept in memory for replay, shared by all shards */
    size_t log_bytes_max;   /* of them */
    size_t relay_bytes_max; /* of what a shard keeps for others that are slow to take it */
    size_t restore_count;   /* changes read from the store at the start, so that a restart can be
                                 resumed over */
    int64_t checkpoint_after_us; /* from a commit to the checkpoint of it and what followed */
    int64_t log_keep_us;         /* changes kept in the store */
    uint64_t log_keep_count;
    uint64_t trim_every; /* new changes after which the old ones are looked at */
    struct hub_limits hub;
    struct api_limits api;
};

/* The defaults. */
void server_limits_init(struct server_limits *l);

enum limit_unit { LIMIT_COUNT, LIMIT_BYTES, LIMIT_TIME };

/* One row of the table; `min`, `max` and values are items, bytes, or microseconds. */
struct limit {
    const char *name; /* "outbox-bytes" */
    enum limit_unit unit;
    uint16_t offset, size; /* of its member in struct server_limits */
    uint64_t min, max;
    const char *help;
};

/* Row `i`; NULL past the end. */
const struct limit *limits_at(size_t i);
uint64_t limits_get(const struct server_limits *l, const struct limit *limit);
/* As people write it: 1000, 64KiB, 1500ms, 10s. */
void limits_put_value(struct buf *out, const struct limit *limit, uint64_t value);
/* `text` is NAME=VALUE; sizes may end in KiB, MiB or GiB, durations must end in ms, s, min, h or d.
 * On failure nothing is changed and `message` says what is wrong: ERR_SYNTAX; ERR_NOT_FOUND (the
 * name); ERR_RANGE. */
MUST_USE enum err limits_set(struct server_limits *l, struct bytes text, struct buf *message);
/* The table with the values of `l`, for people. */
void limits_print(struct buf *out, const struct server_limits *l);

#endif
