/* directory: who is on the staff right now: user id -> role, as of one seq.  Seeded from the store and kept
 * by the feed itself (changes of `users`).  One per shard, shard thread only. */
#ifndef AUTH_DIRECTORY_H
#define AUTH_DIRECTORY_H

#include "auth/identity.h"
#include "change/change.h"

struct directory;

MUST_USE enum err directory_new(uint64_t seed, struct directory **out);
void directory_free(struct directory *d);
/* A row of `users` as JSON (id, role, is_active).  Replaces what was known. */
MUST_USE enum err directory_put(struct directory *d, struct bytes user_row);
/* Does nothing for changes of other tables.  `*touched` is set when somebody's role or activity changed, and
 * `user_id` then says whose. */
MUST_USE enum err directory_apply(struct directory *d, const struct change *c, bool *touched,
                                  char user_id[UUID_SIZE + 1]);
/* The role of an active person.  ERR_NOT_FOUND: unknown, or disabled. */
MUST_USE enum err directory_find(const struct directory *d, struct bytes user_id, enum role *out);

#endif
