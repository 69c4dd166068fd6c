/* join: the payload of phx_join (protocol, section 4.2), and the parts of its reply.  Whatever a
 * peer sends gives a config: a part of the wrong shape makes the whole of it the default, and the
 * join goes on.  Pure. */
#ifndef HUB_JOIN_H
#define HUB_JOIN_H

#include "base/json.h"
#include "base/mem.h"
#include "hub/binding.h"

enum { JOIN_REPLAY_MAX = 25, JOIN_COALESCE_MIN_MS = 10, JOIN_COALESCE_MAX_MS = 60000 };

enum join_choice { JOIN_UNSAID, JOIN_NO, JOIN_YES };

struct join_config {
    bool wants_ack, wants_self; /* config.broadcast */
    bool wants_replay;          /* config.broadcast.replay is there … */
    bool has_replay;            /* … and sound: since then, and at most so many */
    int64_t replay_since_us;
    uint32_t replay_count;
    bool wants_replication_ready;
    enum join_choice presence;
    struct bytes presence_key; /* size 0: none */
    bool is_private;
    struct binding_spec *bindings; /* with their ids */
    uint32_t binding_count;
    bool is_over_limit;        /* more bindings than allowed; none are given */
    struct bytes access_token; /* size 0: none */
    uint16_t coalesce_ms;      /* 0: every change by itself */
    bool has_resume;
    struct bytes resume_epoch; /* size 0 when it was malformed */
    uint64_t resume_seq;
    struct told *resume_told; /* NULL: all messages of that change have come */
};

/* Texts and arrays are in `arena`, raw values in the payload.  ERR_NOMEM. */
MUST_USE enum err join_parse(struct json_value payload, uint32_t bindings_max, struct arena *arena,
                             struct join_config *out);
/* The token of a join or `access_token` payload; size 0 when there is none that counts (absent,
 * null, empty, not a string, an opaque `sb_…` key).  ERR_NOMEM. */
MUST_USE enum err join_token(struct json_value payload, struct arena *arena, struct bytes *out);
/* The bindings as they were sent, each with its "id" added: [{…,"id":1}, …]. */
void join_put_bindings(struct buf *out, const struct binding_spec *specs, uint32_t count);

#endif
