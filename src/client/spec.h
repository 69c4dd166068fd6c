/* spec: what a logical subscription asks for, and how that is said on the wire: topic, join and
 * snapshot (docs/protocol.md, Live and REST).  Pure; spans are borrowed from their owner. */
#ifndef CLIENT_SPEC_H
#define CLIENT_SPEC_H

#include "base/json.h"
#include "homebake/client.h"

enum { SPEC_NAME_MAX = 63, SPEC_FILTER_MAX = 2048, SPEC_KEYS_MAX = 8, SPEC_EPOCH_MAX = 64 };

struct spec {
    struct bytes table;
    struct bytes event;  /* "*", "INSERT", "UPDATE", "DELETE" */
    struct bytes filter; /* size 0: none */
    struct bytes key;    /* columns, with commas between them */
};

/* From where a subscription goes on. */
struct cursor {
    bool is_set;
    uint64_t seq;
    char epoch[SPEC_EPOCH_MAX];
    size_t epoch_size;
};

/* Checks and fills in what is left out.  ERR_SYNTAX: a name, event or filter that cannot be, ERR_LIMIT
 * when it is too long, ERR_UNSUPPORTED for a filter that a snapshot could not ask for. */
MUST_USE enum err spec_read(const struct hb_query *q, struct spec *out);
/* 0 for a copy, else the one event. */
enum hb_op spec_feed(const struct spec *s);
/* The same for the same table, event and filter in every client, so that the server makes one frame
 * for all of them; different for different ones of one client. */
void spec_put_topic(const struct spec *s, struct buf *out);
/* The payload of phx_join.  Its first binding is what is asked for; of a copy with a filter, others
 * follow that tell which rows leave it.  A cursor that is not set asks where the log is. */
void spec_put_join(const struct spec *s, const struct cursor *from, struct bytes token,
                   struct buf *out);
/* Path and query of the snapshot, at most `limit` rows. */
void spec_put_path(const struct spec *s, size_t limit, struct buf *out);
/* Appends the row's key.  ERR_SYNTAX when the row lacks a part of it. */
MUST_USE enum err spec_put_key(const struct spec *s, struct json_value row, struct buf *out);

/* `%XX` for all but letters, digits and "-._~". */
void spec_put_encoded(struct buf *out, struct bytes text);

#endif
