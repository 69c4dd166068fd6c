/* map: a hash table of intrusive entries, chained, keyed by bytes.  The entry's key must stay valid
 * and unchanged while it is in the map.  Owns its table, not the entries. */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include "base/bytes.h"

struct map_entry {
    struct map_entry *next;
    uint64_t hash;
    struct bytes key;
};

struct map {
    struct map_entry **slots;
    size_t slot_count; /* a power of two, or 0 before the first put */
    size_t count;
    uint64_t seed; /* from the owner's rng, so that peers cannot choose collisions */
};

void map_init(struct map *m, uint64_t seed);
void map_done(struct map *m);
/* NULL when there is none. */
struct map_entry *map_get(const struct map *m, struct bytes key);
/* The caller has set `e->key`, and sees to it that the key is not in yet.  ERR_NOMEM. */
MUST_USE enum err map_put(struct map *m, struct map_entry *e);
/* NULL when there was none. */
struct map_entry *map_remove(struct map *m, struct bytes key);
/* Walks all entries in no order: start with NULL; ends with NULL.  The entry returned last may be
 * removed between two calls only if the walk is started anew. */
struct map_entry *map_next(const struct map *m, const struct map_entry *e);

#endif
