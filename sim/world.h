/* world: one simulated bakery with one hub, a bad network and its readers, all driven by one seed
 * and a virtual clock.  Everything random comes from `rng`, in one order, so that a seed is a
 * complete bug report. */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include "hub/hub.h"
#include "want.h"

enum {
    READERS_MAX = 50,
    CHANNELS_MAX = 3,
    WANTS = 12,
    WIRES_MAX = 256,
    JOIN_REF_SIZE = 16,
    DOWN_MAX = 8 * 1024 /* bytes that the kernel and the network hold for a reader */
};

/* What is broken on purpose, to see that it is noticed. */
enum sabotage {
    SABOTAGE_NONE,
    SABOTAGE_DROP,   /* a change is lost on its way */
    SABOTAGE_REPEAT, /* a change is heard twice */
    SABOTAGE_LEAK,   /* the policies show too much */
    SABOTAGE_COPY    /* a reader forgets to take a row out */
};

/* One TCP connection, as both ends see it. */
struct wire {
    bool is_used;
    bool is_served;   /* the hub knows it */
    bool is_read;     /* a reader holds its end */
    bool is_flushing; /* the hub may have bytes */
    bool is_closing, is_abrupt;
    struct hub_conn_id id;
    struct buf up, down;
    int64_t up_at_us, down_at_us; /* when the first waiting byte gets through */
    int64_t gone_at_us;           /* cut: when the server notices */
};

enum channel_state { CHANNEL_OUT, CHANNEL_JOINING, CHANNEL_IN, CHANNEL_LEAVING };

typedef uint64_t sim_copy[TABLE_COUNT][SLOTS]; /* hash of the row's text; 0: no such row */

struct sim_channel {
    enum channel_state state;
    int want, topic;
    char join_ref[JOIN_REF_SIZE];
    int64_t retry_at_us, patience_us;
    uint64_t asked_seq;  /* the head of the hub when the join left, as the oracle knows it */
    uint64_t resume_seq; /* what the join asked to resume from */
    bool asks_resume;
    uint32_t ids[WISHES_MAX];
    /* What the reader knows. */
    bool has_copy;
    uint64_t cursor; /* its copy is true up to here */
    sim_copy copy;
    /* What the oracle knows. */
    bool is_live;     /* a subscription whose answer was read and whose end was not */
    uint64_t last;    /* seq heard last in this subscription */
    uint64_t checked; /* nothing is missing up to here */
    uint64_t base_seq;
    sim_copy base; /* what the copy was at base_seq */
    bool is_whole; /* base was a snapshot, and the copy can be compared with the tables */
};

struct reader {
    int number;
    struct sim_who who;
    enum phx_version version;
    struct wire *wire; /* NULL: not connected */
    struct buf in;     /* bytes of an incomplete frame */
    int64_t retry_at_us, stalled_until_us, beat_at_us;
    bool is_beat_pending;
    uint32_t last_ref, beat_ref;
    int channel_count;
    struct sim_channel channels[CHANNELS_MAX];
};

struct world {
    uint64_t seed;
    struct rng rng;
    enum sabotage sabotage;
    int64_t start_us, now_us;
    int64_t up_at_us; /* no hub until then */
    bool is_calm;     /* no more faults and changes */
    bool is_poor;     /* the hub runs out of memory now and then */
    struct bakery bakery;
    unsigned char secret[TOKEN_SECRET_SIZE];
    struct hub_config config;
    struct hub *hub; /* NULL: down */
    uint64_t heard;  /* the head that readers can know of: that of the present or last hub */
    struct want wants[WANTS];
    int reader_count;
    struct reader readers[READERS_MAX];
    struct wire wires[WIRES_MAX];
    struct buf text, message, decoded;
    uint64_t faults, trace, events, resumes, snapshots, restarts, losses, closes;
    struct hub_counters counters; /* of all hubs: behind, replayed, dropped_idle, dropped_slow */
    char violation[400];          /* the first one; empty: none */
};

/* Runs one seed to its end. */
void world_run(struct world *w, uint64_t seed, enum sabotage sabotage);
/* For the parts. */
void world_fail(struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
void world_trace(struct world *w, struct bytes b);
void world_step(struct world *w, struct hub_in *in);
/* Around a call of the hub: in a poor world it may run out of memory.  world_feed: it did. */
void world_starve(struct world *w, bool is_allowed);
bool world_feed(struct world *w);
bool world_chance(struct world *w, uint64_t one_in);
int64_t world_delay(struct world *w, int64_t max_us);
void world_must(bool is_so);

/* ---- wire.c: the network and the shell ---- */

/* NULL: refused. */
struct wire *wire_open(struct world *w, const struct reader *r);
/* Bytes of the reader. */
void wire_say(struct world *w, struct wire *wire, struct bytes frame);
/* Takes what has arrived for the reader into `out`.  False: the connection has ended. */
bool wire_read(struct world *w, struct wire *wire, struct buf *out);
/* The reader's end is gone; the server may take its time to notice. */
void wire_cut(struct world *w, struct wire *wire);
/* Moves bytes on all wires, and takes what the hub gives out. */
void wires_move(struct world *w);
/* The hub is no more. */
void wires_lose_hub(struct world *w);
void wires_done(struct world *w);

/* ---- reader.c: the protocol ---- */

void reader_init(struct world *w, struct reader *r, int number);
void reader_done(struct reader *r);
void reader_act(struct world *w, struct reader *r);
/* The connection has ended. */
void reader_disconnect(struct world *w, struct reader *r);

/* ---- oracle.c ---- */

/* The rows a query gives now; stands in for REST. */
void oracle_snapshot(struct world *w, const struct reader *r, struct sim_channel *ch);
/* One `postgres_changes` message; false when it was wrong. */
bool oracle_hear(struct world *w, const struct reader *r, struct sim_channel *ch,
                 struct json_value payload);
/* May `who` be refused, or accepted, for what happened since then? */
void oracle_check_answer(struct world *w, const struct reader *r, const struct sim_channel *ch,
                         bool is_ok);
/* Has everybody who may heard everything?  `*late`: who has not; -1: the hub itself. */
bool oracle_all_caught_up(struct world *w, int *late);
/* At a quiet moment: is every copy what it must be? */
void oracle_check_copies(struct world *w);

#endif
