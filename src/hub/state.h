/* state: what the modules of the hub share.  Only hub.c makes and frees it. */
#ifndef HUB_STATE_H
#define HUB_STATE_H

#include "hub/channel.h"
#include "hub/coalesce.h"
#include "hub/feed.h"
#include "hub/group.h"
#include "hub/presence.h"
#include "hub/replay.h"

struct hub {
    const struct catalogue *catalogue;
    const struct table *staff; /* `users`, or NULL */
    const unsigned char *secret;
    char *epoch_text; /* owned */
    struct bytes epoch;
    struct hub_limits limits;
    struct outbox_limit feed_limit;   /* changes and broadcasts leave room … */
    struct outbox_limit direct_limit; /* … for what is said to one peer … */
    struct outbox_limit urgent_limit; /* … and that for heartbeats and control frames */
    struct rate_limit join_rate, message_rate;
    struct changelog *log;
    struct directory *directory;
    struct conns conns;
    struct channels channels;
    struct groups groups;
    struct feed feed;
    struct coalesce coalesce;
    struct inflater inflater; /* of all connections: no message needs an earlier one */
    struct deflater deflater;
    struct heap timers;   /* struct conn.timer, Unix microseconds */
    struct replay replay; /* those that are behind */
    struct link doomed;   /* struct conn.doomed */
    uint64_t run;         /* counts the runs of changes, for group->mark */
    struct buf decoded;   /* strings of the message being handled */
    struct buf response;  /* the payload being written */
    struct buf text;      /* a text inside it */
    struct buf wire;      /* the message around it */
    struct arena scratch; /* of the message being handled */
    uint32_t shard;
    bool has_peers;     /* there are hubs of other shards */
    struct link relays; /* struct relay_item.link, for them */
    struct presence presence;
    struct rng rng;
    uint64_t last_ref; /* number of the newest presence of this shard */
    struct link quiet; /* struct tracker.quiet, in the order in which their windows close */
    size_t wishes;     /* how many of them have something to be done then */
    bool is_draining;  /* everybody goes: nobody need be told of it */
    struct {
        struct link letters, wishes; /* not given to the shell yet */
        size_t letter_bytes;         /* of all that are not back */
        uint32_t wishes_away;
        uint64_t last_wish;
    } stored;
    int64_t now_us;
    struct hub_counters counters;
};

#endif
