/* peers: the connections of one shard.  A slab of small records with stable addresses; a tag names
 * one and is not taken for its successor.  An upgraded, idle peer is such a record and nothing
 * else: no parser, no buffers. */
#ifndef SERVER_PEERS_H
#define SERVER_PEERS_H

#include "hub/hub.h"
#include "io/stream.h"

struct http_peer;

struct peer {
    struct stream stream;   /* fd -1: the record is free */
    struct http_peer *http; /* NULL once upgraded */
    struct hub_conn_id hub; /* is_live: its name there */
    uint32_t index, generation;
    uint32_t next_free;
    bool is_loopback;
    bool wants_write; /* what the loop has been asked for */
    bool is_deaf;     /* not asked for LOOP_READ */
    bool is_live;     /* a connection of the hub */
    bool is_closing;  /* a WebSocket peer that ends when its last bytes have left */
};

struct peers {
    struct peer **chunks;
    uint32_t chunk_count;
    uint32_t first_free;
    uint32_t count; /* in use */
    uint32_t max;
};

void peers_init(struct peers *p, uint32_t max);
/* All peers must have been put back. */
void peers_done(struct peers *p);
/* ERR_FULL: `max` are in use; ERR_NOMEM. */
MUST_USE enum err peers_get(struct peers *p, struct peer **out);
void peers_put(struct peers *p, struct peer *peer);

uint64_t peer_tag(const struct peer *peer);
/* NULL when that peer is gone. */
struct peer *peers_find(const struct peers *p, uint64_t tag);
/* The record at a place, in use or not; NULL past the end.  For walking over all. */
struct peer *peers_at(const struct peers *p, uint32_t index);

#endif
