/* group: the channels that get the same bytes: one topic, wire version, set of bindings and class
 * of reader.  A change is decided and encoded once per group.  Groups are found by table and by the
 * values that their filters name (route.h), so that a change costs only those that may want it.
 * Shard thread only. */
#ifndef HUB_GROUP_H
#define HUB_GROUP_H

#include "hub/binding.h"
#include "hub/channel.h"
#include "hub/reader.h"
#include "hub/route.h"

struct group_member {
    struct conn *conn; /* here, so that a delivery touches nothing else */
    struct channel *channel;
};

enum { GROUP_KEY_SIZE = 27 };

/* What a group that coalesces keeps for a while (window.h). */
struct window {
    struct group *group;
    int64_t length_us;
    int64_t quiet_us; /* until then nothing more is sent; past: the next change goes at once */
    struct link open; /* in groups->open_windows, while something is kept */
    struct heap_node timer; /* in groups->windows likewise, at quiet_us */
    uint64_t since;         /* the first change that those at the head have not been given */
    struct changes kept;
    size_t bytes;       /* of them */
    struct link parked; /* struct channel.behind: go on when it is over */
};

struct group {
    struct map_entry entry;
    struct groups *home;
    const struct topic *topic;
    struct bindings *bindings;
    struct reader_class *class;
    struct window *window;        /* NULL: every change is sent by itself, at once */
    struct group_member *members; /* first those at the head, then those behind */
    uint32_t live_count, count, capacity;
    enum phx_version version;
    uint64_t number; /* unique as long as the hub lives */
    uint64_t mark;   /* the last run of changes that holds one for this group */
    uint64_t wanted; /* bit n: it may want change n of that run */
    struct link due; /* in deliver's list, while that run is delivered */
    char key[GROUP_KEY_SIZE];
    uint32_t link_count;
    struct route_link links[];
};

struct groups {
    const struct catalogue *catalogue;
    struct map map;
    struct routes routes;
    struct binding_sets sets;
    struct reader_classes classes;
    uint64_t subscriptions; /* bindings of all channels */
    uint64_t behind;        /* channels */
    uint64_t last_number;
    struct heap windows;      /* struct window.timer: those that are open … */
    struct link open_windows; /* … and by age */
};

MUST_USE enum err groups_init(struct groups *g, const struct catalogue *c, const struct policies *p,
                              uint64_t seed);
/* Takes a zeroed struct.  All groups must be empty. */
void groups_done(struct groups *g);
/* The class for reading what `b` asks for. */
MUST_USE enum err groups_class(struct groups *g, const struct bindings *b,
                               const struct identity *who, struct reader_class **out);
/* Puts a channel in no group into the one that fits, made if need be, at the head.  References stay
 * the caller's.  ERR_NOMEM. */
MUST_USE enum err group_enter(struct groups *g, struct channel *ch, struct bindings *b,
                              struct reader_class *class);
/* Out of its group, which goes with its last member.  Does nothing when there is none. */
void group_leave(struct groups *g, struct channel *ch);
/* Out of the push path, or to another place behind: ch->is_behind and ch->next_seq are set.  The last live member takes its
 * place. */
void group_fall_behind(struct channel *ch, uint64_t next_seq);
/* Back at the head. */
void group_catch_up(struct channel *ch);

#endif
