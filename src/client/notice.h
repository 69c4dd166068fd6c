/* notice: one postgres_changes message of the server, as far as the client needs it (docs/protocol.md,
 * Live).  Pure; spans are borrowed from the message. */
#ifndef CLIENT_NOTICE_H
#define CLIENT_NOTICE_H

#include "base/json.h"
#include "homebake/client.h"

struct notice {
    uint64_t seq;
    enum hb_op op;
    struct json_value row; /* the new row, of HB_DELETE the old one */
    struct json_value old; /* raw.data NULL: none */
    bool is_outside;       /* of a row that the binding does not ask for, or not any more */
    bool is_cut;           /* the row was too large to be told: only a part of it is here */
};

/* `payload` of the message, which json_parse has accepted; `binding` is the id of what was asked
 * for.  ERR_SYNTAX. */
MUST_USE enum err notice_read(struct json_value payload, int64_t binding, struct notice *out);

#endif
