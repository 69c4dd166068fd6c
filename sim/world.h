/* world: one simulated bakery: a server of the real store, api and hubs, a bad network, readers who
 * keep copies and clerks who write, all driven by one seed and a virtual clock.  Everything random
 * comes from `rng`, in one order, so that a seed is a complete bug report. */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include <stdio.h>

#include "api/api.h"
#include "deed.h"
#include "hub/hub.h"
#include "store/store.h"
#include "want.h"

enum {
    SHARDS_MAX = 2,
    CALLS_MAX = 128,
    MAILS_MAX = 4096, /* from hub to hub, under way */
    FETCHES_MAX = 16,
    PAGE_MAX = 1024, /* changes */
    CLERKS = 24,
    READERS_MAX = 40,
    CHANNELS_MAX = 3,
    WANTS = 12,
    WIRES_MAX = 400,
    JOIN_REF_SIZE = 16,
    /* What a hub holds without connections: texts of changes that it remembers (1 MiB, in a buffer
     * that grows by doubling), its window, and small things; and for a while, frames that others
     * may want to replay (64, each of a run of changes). */
    HUB_REST_MAX = 3 << 20,
    HUB_FRAMES_MAX = 6 << 20,
    HUB_CONN_MAX = 96 * 1024, /* what it holds for one, beside its outbox */
    DOWN_MAX = 8 * 1024       /* bytes that the kernel and the network hold for a reader */
};

/* What is broken on purpose, to see that it is noticed. */
enum sabotage {
    SABOTAGE_NONE,
    SABOTAGE_DROP,   /* a change is lost on its way */
    SABOTAGE_REPEAT, /* a change is heard twice */
    SABOTAGE_LEAK,   /* the hub's policies show too much */
    SABOTAGE_COPY,   /* a reader forgets to take a row out */
    SABOTAGE_LOSE,   /* the store answers a write and keeps its change to itself */
    SABOTAGE_HUSH,   /* what one hub tells another is lost without a word */
    SABOTAGE_DEAF,   /* a device's client is not given a change */
    SABOTAGE_BLANK,  /* a device forgets a row that its client has told it */
    SABOTAGE_STORM,  /* a device lets its client wait for nothing */
    SABOTAGE_COUNT
};

/* ---- the network ---- */

/* One TCP connection, as both ends see it. */
struct wire {
    bool is_used;
    bool is_served; /* the server has its end */
    bool is_read;   /* the client has its end */
    bool is_http;   /* carries one request; else a WebSocket of the hub */
    bool is_flushing, is_closing, is_abrupt;
    bool is_dead;  /* swallows everything, and neither end knows */
    bool is_reset; /* the client is told that it has ended, whatever is still in it */
    int shard;
    struct hub_conn_id id;
    struct http_parser *parser;
    struct sim_who who; /* HTTP: who asks … */
    struct deed deed;   /* … and for which write; of verb VERB_SELECT: none */
    struct buf up, down;
    int64_t up_at_us, down_at_us; /* when the first waiting byte gets through */
    int64_t gone_at_us;           /* cut: when the server notices */
};

/* ---- the server ---- */

enum call_state { CALL_FREE, CALL_WRITING, CALL_READING, CALL_BACK };

/* One HTTP request that is being answered. */
struct sim_call {
    enum call_state state;
    uint64_t number; /* in the order in which they came */
    struct api_call api;
    struct http_parser *parser; /* lends the request */
    struct wire *wire;          /* NULL: nobody waits any more */
    struct deed deed;
    int shard;
    int64_t due_us;     /* CALL_READING: when a reader has time */
    uint64_t after_seq; /* CALL_BACK: the shard has these changes in its mail before it */
};

struct shard {
    struct hub *hub;
    struct hub_config config;
    struct api api;
    uint64_t heard; /* its head: what its readers can know of */
};

/* Something that one hub tells another. */
struct relay_post {
    int64_t due_us;
    size_t size;
    char *data;
};
struct mail_box {
    struct relay_post posts[MAILS_MAX]; /* a ring */
    int first, count;
    int64_t last_us;
};

/* A page of the log that a hub wants. */
struct page_fetch {
    bool is_used;
    int shard;
    uint64_t from;
    size_t change_max, bytes_max;
    int64_t due_us;
};

struct server {
    struct store *store;
    struct store_session *session; /* NULL: the server is down */
    struct policies *leaky;        /* SABOTAGE_LEAK */
    struct changes recent;         /* that the hubs began with */
    int64_t up_at_us;              /* down until then */
    int64_t stop_at_us;            /* draining until then; INT64_MAX: not */
    int shard_count;
    struct shard shards[SHARDS_MAX];
    size_t window; /* changes that a hub keeps */
    struct hub_limits limits;
    struct sim_call calls[CALLS_MAX];
    uint64_t call_count;
    struct mail_box boxes[SHARDS_MAX];
    struct page_fetch fetches[FETCHES_MAX];
    bool can_fetch; /* the hubs may ask for pages */
    bool is_full;   /* the disk */
    int64_t full_until_us;
    uint64_t tail;     /* of the store's log */
    int64_t hub_bytes; /* memory of the hubs */
};

/* ---- who uses it ---- */

/* An HTTP request on its way, as the client sees it. */
struct ask {
    struct wire *wire; /* NULL: none */
    struct buf in;
    int64_t patience_us;
};
enum ask_state { ASK_WAITING, ASK_LOST, ASK_DONE };
struct answer {
    int status;
    uint64_t seq;             /* HomeBake-Seq; 0: not said */
    struct bytes epoch, body; /* borrowed from the ask */
};

/* Somebody who writes, one thing after the other. */
struct clerk {
    struct deed deed; /* of verb VERB_SELECT: none */
    struct ask ask;
    int64_t next_at_us;
};

enum channel_state { CHANNEL_OUT, CHANNEL_FETCHING, CHANNEL_JOINING, CHANNEL_IN, CHANNEL_LEAVING };
/* Of one table in a channel's copy. */
enum part_state {
    PART_NONE,   /* not asked for */
    PART_WANTED, /* a snapshot is to be fetched */
    PART_HELD,   /* there was one, and changes follow it */
    PART_REFUSED /* there is none to be had */
};

/* A change that was heard while snapshots were on their way. */
struct sim_heard {
    uint64_t seq, hash, truth; /* what the reader makes of the row, and what it must be */
    int place;
    bool is_forgotten; /* SABOTAGE_COPY */
};

struct sim_channel {
    enum channel_state state;
    int want, topic;
    char join_ref[JOIN_REF_SIZE];
    int64_t retry_at_us, patience_us;
    uint64_t asked_seq;  /* the head of the hub when the join left, as the oracle knows it */
    uint64_t resume_seq; /* what the join asked to resume from */
    bool asks_resume;
    bool is_coalescing; /* at most one message for a row and window of time */
    uint32_t ids[WISHES_MAX];
    /* What the reader knows. */
    enum part_state parts[TABLE_COUNT];
    uint64_t part_seqs[TABLE_COUNT]; /* of the snapshots */
    sim_copy copy;
    uint64_t last; /* seq heard last */
    struct sim_heard *early;
    size_t early_count, early_capacity;
    /* What the oracle knows. */
    bool is_live;      /* a subscription whose answer was read and whose end was not */
    bool is_dirty;     /* heard something in this step */
    uint64_t checked;  /* nothing is missing up to here */
    uint64_t base_seq; /* of the oldest snapshot */
    sim_copy truth;    /* the log folded as far as `last`, over the same snapshots */
};

/* Somebody present, as a member of a room knows it. */
enum { METAS_MAX = 4 * READERS_MAX, SIM_REF = 32 };
struct sim_meta {
    char ref[SIM_REF];
    int who;
    unsigned value;
};
struct sim_heard_from {
    unsigned life, n;
};

/* The channel on which a reader talks to others, if it does. */
struct sim_room {
    int room; /* -1: none */
    enum channel_state state;
    char join_ref[JOIN_REF_SIZE];
    int64_t retry_at_us, patience_us;
    uint64_t asked_seq;
    bool wants_self;
    unsigned life, said; /* which connection; broadcasts on it */
    unsigned shown;      /* what it has said of itself last */
    bool has_state;
    int meta_count;
    struct sim_meta metas[METAS_MAX];
    struct sim_heard_from heard[READERS_MAX]; /* what was heard last of each */
};

struct reader {
    int number;
    struct sim_who who;
    enum phx_version version;
    struct wire *wire; /* NULL: not connected */
    struct buf in;     /* bytes of an incomplete frame */
    int64_t retry_at_us, stalled_until_us, beat_at_us;
    bool is_beat_pending;
    bool has_renewed;
    bool is_forgetful;                   /* lets its tokens expire */
    int64_t token_first_s, token_last_s; /* expiry of those sent on this connection: first, last */
    uint32_t last_ref, beat_ref;
    int channel_count;
    struct sim_channel channels[CHANNELS_MAX];
    struct sim_room room;
    struct ask ask; /* for a snapshot … */
    int ask_channel, ask_table;
    int64_t ask_again_us;
    uint64_t ask_seq,
        ask_heard; /* … the heads of the log, and of the slowest shard, when it left */
};

/* ---- all of it ---- */

struct world_counters {
    uint64_t faults, events, resumes, snapshots, reroles, full, restarts, crashes, losses, closes,
        expiries;
    uint64_t told, tabs; /* batches of rows to devices; devices that were opened */
    uint64_t coalesced, writes, refused, groups, again, relayed, trims, broadcasts;
    struct hub_counters hub; /* behind, replayed, dropped_idle, dropped_slow of all hubs */
    int64_t hub_bytes_max;
};

struct world_plan {
    enum sabotage sabotage;
    int devices;
    int64_t night_s; /* in the end; 0: none */
    FILE *
        tapes; /* what each device's client was told (tape.h), as hash, size and script; NULL: not kept */
};

struct world {
    uint64_t seed;
    struct rng rng;
    struct world_plan plan;
    int64_t start_us, now_us;
    bool is_night;         /* little happens, in long steps */
    bool is_calm;          /* no more faults and changes */
    bool is_poor;          /* the server runs out of memory now and then */
    int64_t stride_us;     /* the longest step */
    int64_t rush_until_us; /* everybody writes without a pause */
    struct model model;
    struct server server;
    struct want wants[WANTS];
    struct clerk clerks[CLERKS];
    int reader_count;
    struct reader readers[READERS_MAX];
    int device_count;
    struct device *devices;
    struct wire wires[WIRES_MAX];
    struct buf text, message, decoded, body;
    struct outcome outcome;
    uint64_t partings;       /* of members from rooms */
    uint64_t dropped_before; /* broadcasts, when the rooms were called */
    uint64_t trace;
    struct world_counters counters;
    char violation[600]; /* the first one; empty: none */
};

/* Runs one seed to its end. */
void world_run(struct world *w, uint64_t seed, const struct world_plan *plan);

/* For the parts. */
void world_fail(struct world *w, const char *format, ...) PRINTF_LIKE(2, 3);
void world_trace(struct world *w, struct bytes b);
/* Around a call of the server's own code: in a poor world it may run out of memory.  world_feed: it
 * did. */
void world_starve(struct world *w, bool is_allowed);
bool world_feed(struct world *w);
bool world_chance(struct world *w, uint64_t one_in);
int64_t world_delay(struct world *w, int64_t max_us);
void world_must(bool is_so);
/* The member of a JSON object; null when there is none. */
struct json_value sim_member(struct json_value object, const char *name);
/* A token for `who` of so many seconds, or the key of a role without a person. */
void world_put_token(struct world *w, struct sim_who who, int64_t life_s, struct buf *out);
enum { LONG_LIFE_S = 36000, TOKEN_GRACE_S = 60 /* a channel's, after its token */ };

/* ---- server.c, judge.c ---- */

void server_init(struct world *w);
void server_done(struct world *w);
/* One turn: mail, calls, timers, and the server's coming and going. */
void server_run(struct world *w);
void server_crash(struct world *w);
void server_drain(struct world *w);
/* For some seconds there is no room for what is new. */
void server_fill_disk(struct world *w);
static inline bool server_is_up(const struct world *w)
{
    return w->server.session != NULL;
}
/* ERR_NOMEM in a poor world only, for what may be given again; else OK. */
enum err server_step_hub(struct world *w, int shard, struct hub_in *in);
bool server_is_same_change(const struct change *a, const struct change *b);
/* Bytes of a request. */
void server_recv(struct world *w, struct wire *wire, struct bytes in);
/* The client of this wire is gone. */
void server_forget(struct world *w, const struct wire *wire);
/* Carries a request out at once, beside the network: a GET of `target`, or a deed.  The answer is in
 * `c->api.response` until the caller's api_call_done. */
void server_ask(struct world *w, struct sim_who who, const char *target, const struct deed *deed,
                struct sim_call *c);
/* Has a group of calls done what it should?  Takes its changes into the model. */
void judge_group(struct world *w, struct sim_call *const *calls, size_t count,
                 const struct changes *changes, bool was_starved);

/* ---- mail.c ---- */

/* What a hub gives out that is not for a connection. */
void mail_take(struct world *w, int shard, struct hub_out *out);
/* Brings what is due. */
void mail_bring(struct world *w);
void mail_lose(struct world *w);

/* ---- wire.c: the network and the shell ---- */

/* NULL: refused. */
struct wire *wire_open(struct world *w, enum phx_version version, bool is_service);
struct wire *wire_open_http(struct world *w, struct sim_who who, const struct deed *deed);
/* Bytes of the client. */
void wire_say(struct world *w, struct wire *wire, struct bytes bytes);
/* Takes what has arrived for the client into `out`.  False: the connection has ended. */
bool wire_read(struct world *w, struct wire *wire, struct buf *out);
/* The client's end is gone; the server may take its time to notice. */
void wire_cut(struct world *w, struct wire *wire);
/* An HTTP answer; the server's end is closed behind it. */
void wire_respond(struct world *w, struct wire *wire, const struct api_response *r);
/* Something happens to the connection. */
void wire_hurt(struct world *w, struct wire *wire);
/* Moves bytes on all wires, and takes what the hubs give out. */
void wires_move(struct world *w);
/* The server is no more. */
void wires_lose_server(struct world *w);
void wires_done(struct world *w);

/* ---- ask.c: HTTP, from the client's side ---- */

void ask_init(struct ask *a);
void ask_done(struct world *w, struct ask *a);
/* False: the server cannot be reached.  `deed`: what a write means, else NULL. */
bool ask_start(struct world *w, struct ask *a, struct sim_who who, const char *method,
               struct bytes target, struct bytes body, const struct deed *deed);
/* After ASK_LOST and ASK_DONE it is free again; the answer lives until the next start. */
enum ask_state ask_poll(struct world *w, struct ask *a, struct answer *out);

/* ---- frame.c ---- */

/* Masked. */
void frame_put(struct world *w, struct buf *out, uint8_t first, struct bytes payload);
/* The size of the first frame's header and payload; false: not there yet. */
bool frame_measure(struct bytes in, size_t *header, size_t *size);

/* ---- clerk.c ---- */

void clerk_init(struct world *w, struct clerk *c);
void clerk_act(struct world *w, struct clerk *c);
bool clerk_is_idle(const struct clerk *c);

/* ---- reader.c: the protocol ---- */

void reader_init(struct world *w, struct reader *r, int number);
void reader_done(struct world *w, struct reader *r);
void reader_act(struct world *w, struct reader *r);
/* The connection has ended. */
void reader_disconnect(struct world *w, struct reader *r);
void reader_make_ref(struct reader *r, char out[JOIN_REF_SIZE]);
void reader_send(struct world *w, struct reader *r, const char *join_ref, const char *ref,
                 const char *topic, const char *event, struct bytes payload);
void reader_put_token(struct world *w, struct reader *r, struct buf *out);
bool reader_is_ref(struct bytes ref, const char *text);

/* ---- device.c: the real client, on devices ---- */

enum { DEVICES_MAX = 24 };
void devices_init(struct world *w, int count);
void devices_done(struct world *w);
void devices_act(struct world *w);
/* Something happens to one of them. */
void devices_stir(struct world *w);
/* Nobody sleeps any more. */
void devices_wake(struct world *w);
/* Is every one that may be live live, and its copy the tables?  `*late`: the first that is not. */
bool devices_all_caught_up(struct world *w, int *late);
/* All are quiet and right: who had another role before is judged by this one from now on. */
void devices_settled(struct world *w);

/* ---- room.c ---- */

void room_init(struct world *w, struct reader *r);
/* False: it is of another channel. */
bool room_recv(struct world *w, struct reader *r, const struct phx_message *m);
/* True: the connection is to be given up. */
bool room_act(struct world *w, struct reader *r);
void room_disconnect(struct world *w, struct reader *r);
/* Is it where it may be? */
bool room_is_quiet(const struct world *w, const struct reader *r);
/* Everybody says who they are, and something; then, in time, all have seen all, and heard what the
 * hubs have not counted as dropped.  `*who`: who has not seen all; -1: something was not heard. */
void rooms_call(struct world *w);
bool rooms_agree(const struct world *w, int *who);

/* ---- copy.c ---- */

/* All snapshots are to be fetched anew. */
void copy_begin(struct world *w, struct reader *r, struct sim_channel *ch);
void copy_forget(struct world *w, struct reader *r, struct sim_channel *ch);
bool copy_is_whole(const struct sim_channel *ch);
bool copy_has_any(const struct sim_channel *ch);
/* How far it is true: a subscription may resume from there. */
uint64_t copy_cursor(const struct sim_channel *ch);
/* Fetches what is wanted, one table after the other. */
void copy_fetch(struct world *w, struct reader *r);
/* A change that was heard; `truth`: what it makes of the row, as the oracle knows it. */
void copy_hear(struct world *w, struct sim_channel *ch, uint64_t seq, struct json_value data,
               uint64_t truth);
/* The rows of an answer; false when they cannot be read. */
bool copy_read_rows(struct world *w, int table, struct bytes body, sim_copy out);

/* ---- oracle.c ---- */

/* One `postgres_changes` message; false when it was wrong. */
bool oracle_hear(struct world *w, const struct reader *r, struct sim_channel *ch,
                 struct json_value payload);
/* A snapshot of one table, as a copy of hashes. */
void oracle_check_snapshot(struct world *w, const struct reader *r, struct sim_channel *ch,
                           int table, uint64_t seq, const sim_copy rows);
/* No snapshot: may that be? */
void oracle_check_refusal(struct world *w, const struct reader *r, int table, int status);
/* May `who` be refused, or accepted, for what happened since then? */
void oracle_check_answer(struct world *w, const struct reader *r, const struct sim_channel *ch,
                         bool is_ok);
/* May one of its tokens have expired on the way? */
bool oracle_is_token_old(const struct world *w, const struct reader *r);
/* Was it refused a replay that could be had? */
void oracle_check_resume(struct world *w, const struct reader *r, const struct sim_channel *ch,
                         bool is_replayed);
/* After each step: is every copy that heard something the log as far as it goes? */
void oracle_check_step(struct world *w);
/* Has everybody who may heard everything?  `*late`: who has not; -1: the server, or a clerk. */
bool oracle_all_caught_up(struct world *w, int *late);
/* At a quiet moment: is every copy what it must be? */
void oracle_check_quiet(struct world *w);

/* ---- heap.c ---- */

/* Bytes that are allocated now, by this program's own code. */
int64_t heap_live(void);

#endif
