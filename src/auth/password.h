/* password: Argon2id by libsodium (RFC 9106), 19 MiB, 2 passes.  Takes tens of milliseconds: never on a
 * shard thread. */
#ifndef AUTH_PASSWORD_H
#define AUTH_PASSWORD_H

#include "base/bytes.h"

enum { PASSWORD_HASH_SIZE = 128, PASSWORD_MIN = 8, PASSWORD_MAX = 128 };

/* The encoded hash with its zero.  ERR_NOMEM; ERR_RANGE: shorter than PASSWORD_MIN or longer than PASSWORD_MAX bytes. */
MUST_USE enum err password_hash(struct bytes password, char out[PASSWORD_HASH_SIZE]);
/* OK, or ERR_DENIED.  `hash` NULL does the same work and denies: the time tells nobody whether an account exists. */
MUST_USE enum err password_verify(const char *hash, struct bytes password);

#endif
