/* identity: who is asking. */
#ifndef AUTH_IDENTITY_H
#define AUTH_IDENTITY_H

#include "base/bytes.h"
#include "base/rng.h"

enum role { ROLE_ANON, ROLE_OWNER, ROLE_MANAGER, ROLE_SALES_REP, ROLE_SERVICE, ROLE_COUNT };

/* ROLE_ANON and ROLE_SERVICE have no user.  A staff role is looked up by user id, never believed from
 * a token: a person who was disabled, or is unknown, is nobody (directory_find fails). */
struct identity {
    enum role role;
    char user_id[UUID_SIZE + 1]; /* empty, or a uuid and a zero */
};

/* "anon", "owner", "manager", "sales_rep", "service_role". */
struct bytes role_name(enum role r);
/* ERR_NOT_FOUND. */
MUST_USE enum err role_parse(struct bytes name, enum role *out);
static inline bool role_is_staff(enum role r)
{
    return r == ROLE_OWNER || r == ROLE_MANAGER || r == ROLE_SALES_REP;
}

#endif
