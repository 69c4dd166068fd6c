/* shard_parts: what the files of a shard share with one another and with nobody else: shard.c (the
 * loop) and all shard_*.c.  Shard thread only, but for the inbox and what `lock` guards. */
#ifndef SERVER_SHARD_PARTS_H
#define SERVER_SHARD_PARTS_H

#include "base/heap.h"
#include "io/burst.h"
#include "proto/extension.h"
#include "server/peers.h"
#include "server/shard.h"

enum {
    RECEIVE_SIZE = 64 * 1024,
    /* Of a live connection in one turn: so much can be asked for that the answers fit into its
     * outbox, and no neighbour waits for more.  A TLS record at least, or its rest would be
     * forgotten. */
    LIVE_RECEIVE_SIZE = 16 * 1024,
    SEND_IOV_MAX = 64,
    SEND_BUDGET = 256 * 1024, /* bytes to one connection in one turn */
    /* Live connections between two looks at the other I/O: half a millisecond of sends, behind which
     * those who ask wait.  Four times as many save 2 %. */
    FLUSH_SLICE = 64,
    FLUSH_IOV_MAX = 4, /* frames of one of them in it; more follow by themselves */
    POOL_MAX = 32      /* unused calls, HTTP peers and parsers that are kept */
};

#define TAG_LISTEN UINT64_MAX /* of the listening socket in the loop */

/* What is kept of one kind for reuse. */
struct pool {
    void *items[POOL_MAX];
    size_t count;
};

struct relay_link;

/* What goes to the other shards, and what came from them. */
struct shard_relay {
    struct link log;          /* struct relay_item.link: not yet taken by all */
    size_t bytes;             /* of them */
    struct relay_link *links; /* one for each other shard */
    size_t link_count;
    struct mail_list arrived;   /* not yet taken by the hub */
    struct mail_list returning; /* taken; to go back */
    bool is_held_up;            /* a box was full, or memory ran out: to be tried again */
};

struct shard {
    struct shard_config cfg;
    struct loop loop;
    struct mailbox inbox;
    struct mail drain_mail;
    int listen_fd;
    int spare_fd; /* given up for a moment when descriptors run out, to refuse a connection in good
                     order */
    bool is_draining, is_done;
    bool has_unflushed; /* live connections are left of the last slice */
    pthread_t thread;

    struct hub *hub;
    struct api api;
    struct changes changes; /* committed and not yet taken by the hub */
    struct writer *writer;
    struct readers *readers;
    struct shard *const *all;
    size_t all_count;
    struct shard_relay relay;

    struct peers peers;
    struct burst *burst;
    struct heap timers;  /* of HTTP peers and of closing ones */
    struct link answers; /* HTTP peers with something to send */
    struct pool calls, http_peers, parsers;

    int64_t now_us;
    int64_t fed_us; /* commit time of the oldest changes that not all have been sent; 0: none */
    int64_t drain_end_us;
    int64_t accept_again_us; /* 0: the listening socket is asked for */
    int64_t date_s;
    char date[32];
    struct shard_counters counters; /* this thread's own */
    pthread_mutex_t lock;
    struct shard_counters published; /* guarded by `lock` */
    char receive[RECEIVE_SIZE];
};

enum http_state {
    HTTP_READING,   /* waits for a request, or for the rest of one */
    HTTP_WAITING,   /* its call is being carried out */
    HTTP_SENDING,   /* its answer leaves */
    HTTP_LINGERING, /* the last answer has left; what still comes in is thrown away */
    HTTP_WS_CLOSING /* no HTTP at all: only the timer of a WebSocket peer that is being closed */
};

/* The HTTP half of a connection, from its start to its upgrade or end. */
struct http_peer {
    struct peer *peer;
    enum http_state state;
    struct heap_node timer; /* fires at its deadline or before; `due_us` is the truth */
    int64_t due_us;
    struct link ready;          /* in shard.answers */
    struct http_parser *parser; /* NULL between requests; moves into the call */
    struct call *call;
    struct buf input; /* came in behind the request that is being answered */
    struct buf head;  /* of the answer, and small bodies */
    struct buf text;  /* a body made for this answer */
    struct bytes body;
    size_t sent;              /* of head and body */
    bool is_eof;              /* the peer sends no more */
    bool is_last;             /* close after this answer */
    bool is_head;             /* HEAD: no body */
    bool is_upgrade;          /* the answer is a 101 */
    enum phx_version version; /* of the upgrade */
    struct claims claims;     /* of the upgrade */
    /* Of the upgrade: what was negotiated. */
    struct extension_choice extension;
};

/* pool: NULL when nothing is kept; false when the pool is full. */
void *pool_get(struct pool *p);
bool pool_put(struct pool *p, void *item);

/* shard.c */
/* The only way for a connection to end.  The record is free afterwards. */
void shard_close_peer(struct shard *s, struct peer *peer);
/* Asks the loop for what the peer waits for; does nothing when that is so already. */
void shard_want(struct shard *s, struct peer *peer, bool wants_write, bool is_deaf);
void shard_set_timer(struct shard *s, struct http_peer *p, int64_t due_us);
void shard_count_send(struct shard *s, size_t size);

/* shard_accept.c */
/* Takes some of the connections that wait. */
void accept_some(struct shard *s);
/* Asks for the listening socket again. */
void accept_resume(struct shard *s);

/* shard_http.c */
MUST_USE enum err http_peer_open(struct shard *s, struct peer *peer);
/* Gives back everything; a call that is away finds `peer` NULL when it returns. */
void http_peer_free(struct shard *s, struct http_peer *p);
void http_peer_recv(struct shard *s, struct http_peer *p, struct bytes in);
void http_peer_eof(struct shard *s, struct http_peer *p);
/* Sends what there is to send; the peer may be gone, upgraded, or have its next answer ready
 * afterwards. */
void http_peer_flush(struct shard *s, struct http_peer *p);
void http_peer_timeout(struct shard *s, struct http_peer *p);
/* A call has come back. */
void http_call_returned(struct shard *s, struct call *c);
/* Starts the answer: `headers` are lines; `body` must live until it has left.  Copied when it is
 * small. */
void http_respond(struct shard *s, struct http_peer *p, int status, struct bytes headers,
                  struct bytes body);
/* The same with a JSON object of one text member. */
void http_respond_error(struct shard *s, struct http_peer *p, int status, struct bytes key,
                        struct bytes text);
void call_free(struct call *c);
void http_peer_destroy(struct http_peer *p);

/* shard_upgrade.c */
bool upgrade_owns(struct bytes path);
/* Answers the handshake with 101 or a refusal. */
void upgrade_begin(struct shard *s, struct http_peer *p, const struct http_request *r);

/* shard_live.c */
/* After the 101: the connection becomes the hub's.  `rest` came behind the request. */
void ws_peer_open(struct shard *s, struct peer *peer, const struct http_peer *from,
                  struct bytes rest);
void ws_peer_recv(struct shard *s, struct peer *peer, struct bytes in);
/* Sends to this peer what the hub has for it. */
void ws_peer_send(struct shard *s, struct peer *peer);
void ws_tell_gone(struct shard *s, struct hub_conn_id id);
/* Sends to at most FLUSH_SLICE touched connections.  True when there are more. */
bool ws_flush(struct shard *s);

/* shard_relay.c */
void relay_init(struct shard *s);
/* Also after a relay_connect that failed. */
void relay_done(struct shard *s);
MUST_USE enum err relay_connect(struct shard *s, struct shard *const *all, size_t count);
/* Takes the item over. */
void relay_add(struct shard *s, struct relay_item *item);
/* MAIL_RELAY and MAIL_RELAYED. */
void relay_arrived(struct shard *s, struct mail *m);
void relay_returned(struct shard *s, struct mail *m);
void relay_free_mail(struct mail *m);
/* Gives the hub what has arrived. */
void relay_take(struct shard *s);
/* Posts what there is to post; never waits. */
void relay_flush(struct shard *s);

/* shard_fetch.c */
/* The hub wants a page of the log; it is told at once if that cannot be asked for. */
void fetch_begin(struct shard *s, const struct hub_out *out);
/* The page has come; it goes to the hub and is freed. */
void fetch_returned(struct shard *s, struct fetch_mail *f);
void fetch_free(struct fetch_mail *f);
/* The log was trimmed: the hub is told, the mail is freed. */
void fetch_trimmed(struct shard *s, struct tail_mail *m);

/* shard_errand.c */
/* Take what the hub gives out; it gets it back with the answer, some time. */
void errand_send_letter(struct shard *s, struct letter *l);
void errand_send_wish(struct shard *s, struct wish *w);
void errand_stored(struct shard *s, struct stored_mail *m);
void errand_returned(struct shard *s, struct errand *e);

/* shard_metrics.c */
void metrics_answer(struct shard *s, struct http_peer *p, const struct http_request *r);

#endif
