/* channel: one topic as joined by one connection.  topic: a name, and the channels that have joined
 * it.  Shard thread only. */
#ifndef HUB_CHANNEL_H
#define HUB_CHANNEL_H

#include "base/map.h"
#include "hub/conn.h"
#include "hub/held.h"

struct group;
struct told;
struct tracker;

enum { TOPIC_SIZE_MAX = PHX_TOPIC_MAX, JOIN_REF_MAX = PHX_REF_MAX, CHANNEL_KEY_SIZE = 12 };

struct topic {
    struct map_entry entry; /* by name */
    struct link members;    /* struct channel.of_topic, in order of their joins */
    uint64_t number;        /* unique as long as the hub lives */
    char name[];
};

struct channel {
    struct map_entry entry; /* by connection and topic */
    struct link of_conn, of_topic;
    struct link behind; /* in conn->behind while `is_behind` */
    struct conn *conn;
    struct topic *topic;
    struct group *group;     /* NULL: no changes wanted */
    struct tracker *tracker; /* see track.c; NULL: has never been present */
    uint64_t next_seq;       /* while behind: the first change not delivered yet … */
    struct told *told;       /* … of which this much was; NULL: nothing */
    uint32_t place;          /* in the group */
    bool is_behind;
    bool is_private;
    bool is_tokenless; /* joined without a token: takes the socket's newest user token */
    bool wants_ack, wants_self;
    bool wants_resume;   /* it keeps what it has read, and is told when that is out of date */
    bool hears_presence; /* it was asked for */
    bool has_missed;     /* a diff, or has had no state yet: it is due the state */
    struct held *held;   /* NULL: broadcasts are given at once */
    uint8_t rights;      /* see rights.h */
    uint8_t join_ref_size;
    uint16_t coalesce_ms; /* 0: every change by itself */
    struct bearer bearer;
    char key[CHANNEL_KEY_SIZE];
    char join_ref[];
};

struct channels {
    struct map topics, map;
    uint64_t last_number;
};

void channels_init(struct channels *t, uint64_t seed);
/* All channels must have been removed. */
void channels_done(struct channels *t);
/* NULL when nobody has joined it. */
struct topic *channels_topic(const struct channels *t, struct bytes name);
/* NULL when the connection has not joined that topic. */
struct channel *channel_find(const struct channels *t, const struct conn *c, struct bytes name);
/* A channel that is in its connection and its topic, and in no group.  The topic must not be joined
 * yet. ERR_LIMIT for a topic or join ref that is too long; ERR_NOMEM. */
MUST_USE enum err channel_add(struct channels *t, struct conn *c, struct bytes topic,
                              struct bytes join_ref, struct channel **out);
/* Frees it; it must have left its group. */
void channel_remove(struct channels *t, struct channel *ch);

struct bytes channel_topic(const struct channel *ch);
/* What stands behind "realtime:". */
struct bytes channel_name(const struct channel *ch);
/* data NULL when there is none. */
struct bytes channel_join_ref(const struct channel *ch);

#endif
