/* relation: which foreign key an embed means (protocol rest-auth 4). */
#ifndef API_RELATION_H
#define API_RELATION_H

#include "api/parse.h"

struct relation {
    const struct foreign_key *key;
    bool is_to_many; /* the key points at the table asked from */
};

/* From `t` to `target`, which is a table, a foreign key of `t`, or its column.  `hint` (size 0:
 * none) is the name of the key, or of its column.  Refuses with PGRST200 (none) and PGRST201
 * (several). */
MUST_USE enum err relation_find(struct parse *p, const struct table *t, struct bytes target,
                                struct bytes hint, struct relation *out);

#endif
