/* support: a hub with some tables of the bakery, short policies and a clock that stands still; and
 * clients that speak to it in both wire versions, with masked frames, and read what they are sent
 * from the wire. */
#ifndef TESTS_HUB_SUPPORT_H
#define TESTS_HUB_SUPPORT_H

#include "check.h"

#include "hub/hub.h"

enum { CLIENTS_MAX = 64, FETCHES_MAX = 16, ERRANDS_MAX = 64 };

#define OWNER "00000000-0000-4000-8000-000000000001"
#define MANAGER "00000000-0000-4000-8000-000000000002"
#define REP "00000000-0000-4000-8000-000000000003"
#define OTHER_REP "00000000-0000-4000-8000-000000000004"
#define STRANGER "00000000-0000-4000-8000-00000000000f"
#define NOW_S INT64_C(1800000000)

struct client {
    struct hub_conn_id id;
    enum phx_version version;
    struct buf wire;          /* received */
    size_t read;              /* bytes of it that client_next has given */
    struct buf message;       /* the payload of the frame read last */
    struct inflater inflater; /* of what came compressed, where that was negotiated */
    enum deflate_window window;
    bool is_stalled;                  /* does not read its socket */
    bool is_told_to_close, is_abrupt; /* by the hub */
    size_t flushes;
};

struct world {
    struct world *peer; /* on another shard, or NULL */
    struct catalogue *catalogue;
    struct policies *policies;
    unsigned char secret[TOKEN_SECRET_SIZE];
    struct hub *hub;
    int64_t now_us;
    uint64_t seq;
    struct client clients[CLIENTS_MAX];
    size_t client_count;
    struct letter *letters[ERRANDS_MAX]; /* given out and not brought back */
    struct wish *wishes[ERRANDS_MAX];
    size_t letter_count, wish_count;
    struct buf text; /* of a token, or of a message being made */
    /* Of all calls of the hub since the start, this one finds memory for `fail_at` - 1 blocks; 0:
     * off. */
    size_t step_count, fail_step;
    uint64_t fail_at;
    bool has_failed; /* it did ask for more */
    bool keeps_log;  /* of all changes from now on: the store's log, for fetches */
    struct changes log;
    uint64_t log_tail;                   /* the log was trimmed below this seq */
    struct hub_out fetches[FETCHES_MAX]; /* asked for by the hub and not yet answered */
    size_t fetch_count;
};

struct catalogue *support_catalogue(void);
/* Owner, manager and two sales reps are on the staff.  `cfg` may be changed between config and
 * start. */
void world_config(struct world *w, struct hub_config *cfg);
void world_start(struct world *w, const struct hub_config *cfg);
/* Both of the above. */
void world_init(struct world *w);
/* Two shards, whose hubs hear one another at the end of each turn. */
void world_init_pair(struct world *a, struct world *b);
void world_done(struct world *w);
/* For cmocka: world_init in new memory, and world_done. */
int world_set_up(void **state);
int world_tear_down(void **state);

/* hub_step, with the failure above. */
enum err world_step(struct world *w, struct hub_in *in);

/* By the apikey of anon. */
struct client *client_open(struct world *w, enum phx_version version);
struct client *client_open_as(struct world *w, enum phx_version version, enum token_kind kind,
                              const char *user_id);
/* One that negotiated compression. */
struct client *client_open_deflating(struct world *w, enum phx_version version,
                                     enum deflate_window window);
/* One masked text frame; what the hub wants to send is taken at once. */
void client_say(struct world *w, struct client *c, const char *text);
void client_say_frame(struct world *w, struct client *c, uint8_t first_byte, struct bytes payload);
/* Raw bytes. */
void client_feed(struct world *w, struct client *c, struct bytes wire);
void client_gone(struct world *w, struct client *c);
/* A version 2 join of "realtime:<name>" with this text as the content of "config", as this user
 * (NULL: no token; "anon", "service": that key).  Ref and join ref are `ref`. */
void client_join(struct world *w, struct client *c, const char *name, const char *ref,
                 const char *config, const char *user_id);
/* A new client of version 2 that has joined "x" so, and has read the reply and the word of the
 * subscription. */
struct client *client_joined(struct world *w, const char *config, const char *user_id);
/* An `access_token` message of that channel, joined with `ref`, with such a token. */
void client_push_token(struct world *w, struct client *c, const char *name, const char *ref,
                       const char *user_id, int64_t expires_s);
/* A signed token; the text is valid until the next one. */
struct bytes world_token(struct world *w, const char *user_id, int64_t expires_s);

/* The payload of the next frame, inflated, whose opcode is written when `opcode` is not NULL.  Size
 * 0 and data NULL: none. */
struct bytes client_next(struct client *c, uint8_t *opcode);
/* The next frame is this text. */
#define expect_text(c, want) check_text(client_next((c), NULL), (want))
#define expect_silence(c) check_text(client_next((c), NULL), "")
/* The next frame holds this. */
#define expect_part(c, part) support_expect_part((c), (part), __FILE__, __LINE__)
void support_expect_part(struct client *c, const char *part, const char *file, int line);
/* Reads `count` frames away. */
void client_skip(struct client *c, size_t count);
/* The close code of the next frame; 0 when it is none. */
int client_next_close(struct client *c);

/* Gives the shell's turn: takes what all but stalled clients have waiting. */
void world_flush(struct world *w);
/* The shell sends at most `max` bytes of this client's; returns how many. */
size_t client_take(struct world *w, struct client *c, size_t max);
/* Answers the fetch in that place from the log, or with an error. */
void world_answer(struct world *w, size_t place, enum err error);
/* Answers, oldest first, until none is left. */
void world_answer_all(struct world *w);
void world_tick(struct world *w, int64_t after_us);
/* One committed change (rows may be NULL), given to the hub at once. */
void world_commit(struct world *w, const char *table, enum verb verb, const char *new_row,
                  const char *old_row);
/* The same for many at once: the rows are made by the hub's caller. */
void world_commit_all(struct world *w, struct change **items, size_t count);
struct change *world_change(struct world *w, const char *table, enum verb verb, const char *new_row,
                            const char *old_row);
/* A sale with that id (12 digits) and quantity. */
void world_sell(struct world *w, unsigned id, int quantity);

#endif
