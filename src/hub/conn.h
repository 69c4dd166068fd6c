/* conn: the protocol state of one peer, and the table that names connections.  No file descriptor,
 * no buffers but what is really waiting.  Shard thread only. */
#ifndef HUB_CONN_H
#define HUB_CONN_H

#include "auth/token.h"
#include "base/heap.h"
#include "base/list.h"
#include "base/rate.h"
#include "base/mem.h"
#include "hub/hub.h"
#include "hub/outbox.h"

/* Who a token speaks for.  The role of a user is the directory's business. */
struct bearer {
    enum token_kind kind;
    char user_id[UUID_SIZE + 1];
    int64_t expires_s;
};

enum conn_state {
    CONN_OPEN,
    CONN_CLOSING, /* our close frame is on its way; only the peer's is still heard */
    CONN_CLOSED   /* nothing is heard; the shell is told to close */
};

struct conn {
    /* First what every delivery uses: conn_prefetch. */
    struct outbox outbox;
    struct hub_conn_id id;
    uint64_t tag;             /* the shell's name for it */
    struct conn_queue *queue; /* in which it waits for the shell; NULL: it has nothing */
    uint32_t queued_at;       /* its place there */
    enum conn_state state;
    bool is_abrupt;  /* CONN_CLOSED: do not wait for what is left */
    bool has_missed; /* one of its channels has, see channel.h */
    bool has_person; /* `person` holds the newest user token of this socket */
    uint8_t window;  /* enum deflate_window: what is sent may be compressed within it */
    enum phx_version version;
    uint32_t channel_count;
    struct link channels; /* struct channel.of_conn, in order of their joins */
    struct link behind;   /* struct channel.behind: those that must replay */
    struct link pumping;  /* in the hub's list, while it replays without being asked */
    struct link doomed;   /* likewise: a message did not fit, it is closed at the end of the step */
    struct heap_node timer;
    int64_t heard_us;  /* the last whole inbound message */
    int64_t expiry_us; /* the first channel to be looked at for its token; INT64_MAX: none */
    int64_t close_us;  /* not CONN_OPEN: when patience ends */
    enum ws_close_code close_code; /* not CONN_OPEN: why; WS_CLOSE_NORMAL: the peer closed */
    struct rate joins, messages;   /* how much may be said: flood.h */
    uint32_t refused;              /* over these rates, since the peer last paused */
    struct bearer key, person;
    struct ws_decoder decoder;
};

struct conn_slot {
    struct conn *conn;   /* NULL: free */
    uint32_t generation; /* of the present or next holder */
    uint32_t next_free;  /* index + 1; 0: none */
};

/* Connections that have something for the shell, in order: a ring with a place for every connection,
 * so that touching one takes no memory, and a walk over many can ask for the next ones' memory ahead
 * of time. */
struct conn_queue {
    struct conn **ring; /* NULL: it has gone meanwhile */
    uint32_t head, count;
};

struct conns {
    struct conn_slot *slots;
    uint32_t count;    /* slots ever used */
    uint32_t capacity; /* of slots and of the rings, a power of two, or 0 */
    uint32_t free;     /* index + 1; 0: none */
    uint32_t open;
    struct conn_queue asking;  /* who was answered in person; they take turns with … */
    struct conn_queue touched; /* … all others */
    bool is_turn_of_touched;
};

/* Asks for the memory that a delivery to `c` uses.  Takes NULL. */
static inline void conn_prefetch(const struct conn *c)
{
    if (!c)
        return;
    PREFETCH(c);
    PREFETCH((const char *)c + CACHE_LINE);
}

struct bearer bearer_of(const struct claims *c);
bool bearer_is_same_person(const struct bearer *a, const struct bearer *b);

void conns_init(struct conns *t);
void conns_done(struct conns *t);
/* A connection in CONN_OPEN that is in no list and no heap.  ERR_NOMEM, ERR_FULL. */
MUST_USE enum err conns_add(struct conns *t, enum phx_version version, size_t message_max,
                            struct conn **out);
/* NULL for a stale name. */
struct conn *conns_find(const struct conns *t, struct hub_conn_id id);
/* The connection in that slot, or NULL. */
struct conn *conns_at(const struct conns *t, uint32_t index);
/* Frees a connection without channels; takes it out of the lists of the hub, not of the heap. */
void conns_remove(struct conns *t, struct conn *c);
/* Puts it at the end of those that have something for the shell, unless it is there already. */
void conns_touch(struct conns *t, struct conn *c);
/* The same for one that has asked, and shall not wait behind a delivery to thousands. */
void conns_hurry(struct conns *t, struct conn *c);
/* The first of them, which leaves its queue; NULL when there is none. */
struct conn *conns_next_touched(struct conns *t);

#endif
