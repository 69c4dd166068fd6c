/* presence: who is present on which topic, on this shard and on all others: a tree of rooms, keys
 * and metas (protocol, section 7.6), the same on every shard once all has been relayed.  What has
 * changed in a room since its last diff stands in the room, so that a diff says it once however
 * often it changed.  Knows no channels.  Shard thread only. */
#ifndef HUB_PRESENCE_H
#define HUB_PRESENCE_H

#include "base/buf.h"
#include "base/list.h"
#include "base/map.h"
#include "hub/hub.h"

/* Names one meta in the whole program; as text it is the `phx_ref`. */
struct presence_ref {
    uint64_t number; /* of that shard, never used again; 0: none */
    uint32_t shard;  /* whose channel it is */
};

enum { PRESENCE_REF_SIZE = 12, PRESENCE_KEY_MAX = 255 /* bytes */ };

/* The private or the public members of a topic; lives while somebody is present or has just left. */
struct presence_room {
    struct map_entry entry; /* by privacy and topic */
    struct link keys;       /* struct presence_key.of_room, in order of arrival */
    struct link news;       /* struct presence_key.news: those that have changed */
    struct link changed;    /* in presence.changed, while it has news */
    uint64_t number;
    uint32_t key_count; /* that somebody is present under */
    size_t size;        /* of keys and payloads present, bytes */
    char name[];
};

struct presence_key {
    struct map_entry entry; /* by room number and key */
    struct presence_room *room;
    struct link of_room, news;
    struct link present; /* struct presence_meta.of_key, in order of arrival */
    struct link left;    /* the same, since the last diff */
    uint32_t count;      /* present */
    char name[];
};

/* What one channel says of itself. */
struct presence_meta {
    struct map_entry entry; /* by ref */
    struct link of_key;
    struct presence_key *key;
    struct presence_ref ref;
    uint64_t previous; /* the number of the meta that this one replaces in the next diff; 0: none */
    bool is_new;       /* since the last diff */
    char name[PRESENCE_REF_SIZE];
    size_t size;
    char payload[]; /* a JSON object */
};

struct presence {
    struct map rooms, keys, metas;
    struct link changed; /* struct presence_room.changed */
    uint64_t last_room;
    size_t size; /* of all rooms */
};

void presence_init(struct presence *p, uint64_t seed);
void presence_done(struct presence *p);

/* NULL when nobody is present there. */
struct presence_room *presence_room(const struct presence *p, struct bytes topic, bool is_private);
struct presence_meta *presence_find(const struct presence *p, struct presence_ref ref);
struct bytes presence_payload(const struct presence_meta *m);
struct bytes presence_topic(const struct presence_room *r);
bool presence_is_private(const struct presence_room *r);

struct presence_entry {
    struct presence_ref ref;
    bool is_private;
    struct bytes topic, key;
    struct bytes payload; /* a JSON object */
};
/* Why it would be over a limit, for people; size 0: it would not.  `old`: what it replaces, or NULL.
 */
struct bytes presence_fault(const struct presence *p, const struct hub_limits *l,
                            const struct presence_entry *e, const struct presence_meta *old);
/* `*out` may be what it replaces, which is then gone; else NULL.  ERR_NOMEM: nothing has changed. */
MUST_USE enum err presence_put(struct presence *p, const struct presence_entry *e,
                               struct presence_meta **out);
void presence_remove(struct presence *p, struct presence_meta *m);

/* {key:{"metas":[{…,"phx_ref":…}]}}; `r` may be NULL. */
void presence_put_state(struct buf *out, const struct presence_room *r);
/* {"joins":{…},"leaves":{…}} since the last diff. */
void presence_put_diff(struct buf *out, const struct presence_room *r);
/* False: what has come since has gone again. */
bool presence_has_diff(const struct presence_room *r);
/* A room with news, or NULL. */
struct presence_room *presence_changed(const struct presence *p);
/* The diff has been said.  The room may be gone. */
void presence_forget_news(struct presence *p, struct presence_room *r);

#endif
