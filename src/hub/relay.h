/* relay: what one hub tells the hubs of all other shards, so that a topic has the same members on
 * every thread: broadcasts, and who is present.  Messages of one process to itself, so in its own
 * byte order.  A hub makes items; the shell carries their bytes, which do not change any more, and
 * frees them.  Shard thread only, but for the bytes, which other threads may read meanwhile. */
#ifndef HUB_RELAY_H
#define HUB_RELAY_H

#include "base/list.h"
#include "hub/presence.h"

enum relay_kind {
    RELAY_BROADCAST,
    RELAY_PRESENT, /* somebody is, by a new ref */
    RELAY_GONE,    /* the one of that ref is no longer */
    RELAY_KINDS
};

struct relay_message {
    enum relay_kind kind;
    struct hub_broadcast broadcast; /* BROADCAST */
    struct presence_entry presence; /* PRESENT; of GONE the ref alone */
    uint64_t previous;              /* PRESENT: the number that the ref replaces; 0: none */
};

struct relay_item {
    struct link link; /* of whoever holds it: the hub, then the shell */
    uint32_t uses;    /* the shell's */
    bool may_be_lost; /* under pressure; what may not is waited for */
    size_t size;
    char data[];
};

/* A copy of the message.  ERR_NOMEM. */
MUST_USE enum err relay_item_new(const struct relay_message *m, struct relay_item **out);
/* Takes NULL. */
void relay_item_free(struct relay_item *item);
struct bytes relay_item_bytes(const struct relay_item *item);
/* Its parts are borrowed from `bytes`.  ERR_SYNTAX. */
MUST_USE enum err relay_decode(struct bytes bytes, struct relay_message *out);

#endif
