/* store: the data, behind one interface; backends: sqlite.c (PostgreSQL and an in-memory one may
 * follow).
 *
 * A store is opened once; each thread that uses it opens a session of its own: one writer session
 * in the process, and any number of readers, which see committed snapshots.  Requests and replies
 * are plain data that may be handed between threads, used by one at a time. */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "auth/policy.h"
#include "change/catalogue.h"
#include "store/query.h"

enum { STORE_EPOCH_SIZE = 36, STORE_TOKEN_HASH_SIZE = 32 };

struct store;
struct store_session;

/* Settings kept with the data. */
struct store_settings {
    struct bytes currency;  /* "NGN" */
    struct bytes locale;    /* "en-NG" */
    struct bytes time_zone; /* "Africa/Lagos", of the system's tz database */
    int32_t morning_minute; /* start of the morning shift and of the business day, minutes after
                               midnight */
    int32_t night_minute;   /* start of the night shift */
    struct bytes bakery_name;
};

enum store_kind {
    STORE_QUERY,          /* REST; SELECT is a read, the others are writes */
    STORE_INVENTORY,      /* read: the document of GET /api/inventory/current */
    STORE_PERSON,         /* read: by email or by id, with hash, for sign-in and /auth/v1/user */
    STORE_SESSION_NEW,    /* write: a session and its first refresh token; last_sign_in */
    STORE_SESSION_ROTATE, /* write: a refresh token for a new one */
    STORE_SESSION_END,    /* write: logout of one session, the others, or all of a person */
    STORE_MESSAGE_ADD,    /* write: a broadcast of a private channel, to be replayed */
    STORE_MESSAGE_LIST    /* read: the newest ones of a topic, for store_next_message */
};

enum store_scope { SCOPE_LOCAL, SCOPE_OTHERS, SCOPE_GLOBAL };

/* A stored broadcast.  Its time is its place in the order: unique in its process, and rising. */
struct store_message {
    struct bytes topic; /* behind "realtime:" */
    struct bytes event, payload;
    bool is_raw;    /* the payload is bytes; else JSON text */
    int64_t ttl_us; /* ADD: kept so long, but not longer than keep_us; 0: as long as can be */
    int64_t inserted_us;
    char id[UUID_SIZE + 1];
};

/* Over the sums, the oldest go. */
struct store_message_limits {
    size_t payload_max;     /* bytes (256 KiB); over it: 54000 */
    uint64_t per_topic_max; /* messages (1,000) */
    uint64_t bytes_max;     /* of all payloads (64 MiB) */
    int64_t keep_us;        /* (72 h) */
};

struct store_request {
    enum store_kind kind;
    struct identity
        who; /* checked again in the transaction: a person disabled or changed since gets ERR_DENIED
              * with PGRST301-like code; ROLE_SERVICE bypasses policies */
    int64_t now_us;
    const struct query *query; /* STORE_QUERY */
    /* the auth kinds; texts are borrowed from the request's arena */
    struct bytes email;
    struct bytes user_id;
    struct bytes session_id;
    enum store_scope scope;
    unsigned char token_hash[STORE_TOKEN_HASH_SIZE];     /* SHA-256 of the refresh token given */
    unsigned char new_token_hash[STORE_TOKEN_HASH_SIZE]; /* of the token to be handed out */
    int64_t reuse_interval_us;                           /* STORE_SESSION_ROTATE */
    struct store_message message;                        /* STORE_MESSAGE_ADD; of LIST the topic */
    struct store_message_limits message_limits;          /* STORE_MESSAGE_ADD */
    /* STORE_MESSAGE_LIST: the newest, not older than that, together not over so many bytes */
    int64_t messages_since_us;
    uint32_t messages_max;
    size_t messages_bytes_max;
};

/* A person, as the auth answers show one.  Texts live in the reply's buffer `text`. */
struct store_person {
    char id[UUID_SIZE + 1];
    struct bytes email, name, role, password_hash;
    bool is_active;
    int64_t created_us, updated_us, last_sign_in_us, confirmed_us; /* 0: never */
};

/* What went wrong, in PostgreSQL's and PostgREST's terms: status is HTTP's; all texts in the
 * reply's buffer. */
struct store_error {
    int status; /* 0: no error */
    char code[12];
    struct bytes message, details, hint; /* data NULL: null */
};

struct store_reply {
    struct buf body; /* JSON text: the array (or the object, is_single); empty when nothing was
                        asked for */
    struct buf text; /* owns the texts below */
    uint64_t
        seq; /* the snapshot is true for this seq (reads), or the seq after this write's group */
    uint64_t row_count;      /* rows in body, or rows affected */
    uint64_t total_count;    /* with wants_count */
    uint64_t inserted_count; /* INSERT: rows that are new (with CONFLICT_MERGE the others were
                                changed) */
    struct store_error error;
    struct store_person person; /* STORE_PERSON, STORE_SESSION_NEW, STORE_SESSION_ROTATE */
    bool has_person;
    bool session_is_alive; /* STORE_PERSON with session_id */
    char session_id[UUID_SIZE + 1];
    enum err
        auth; /* STORE_SESSION_ROTATE: OK, ERR_NOT_FOUND (unknown), ERR_EXISTS (already used: the
               * family is revoked), ERR_EXPIRED (session over), ERR_DENIED (person disabled) */
    char message_id[UUID_SIZE + 1]; /* STORE_MESSAGE_ADD */
    int64_t message_us;
};
void store_reply_init(struct store_reply *r, size_t body_max);
void store_reply_done(struct store_reply *r);

struct store_config {
    const char *folder; /* holds homebake.db; created by store_create */
    bool is_in_memory;  /* tests and benches: no file; one session only */
    /* Fills with secret random bytes, at any time of the store's life, in the thread that opens a
     * store or a session.  NULL: the system's; anything else is for simulations. */
    bool (*entropy)(void *out, size_t size);
};

struct store_counters {
    uint64_t groups, requests, changes; /* committed groups, requests in them, changes */
    int64_t commit_us;                  /* how long the last commit took to be on disk */
};

/* Makes a new database with its schema, epoch, secret and settings.  ERR_EXISTS when there is one.
 * In memory there is nothing to be made: store_open does it. */
MUST_USE enum err store_create(const struct store_config *cfg, struct buf *message);
/* Opens and migrates forward, reads the catalogue, parses the policies.  `message` says what
 * failed. */
MUST_USE enum err store_open(const struct store_config *cfg, struct buf *message,
                             struct store **out);
void store_close(struct store *s);

const struct catalogue *store_catalogue(const struct store *s);
const struct policies *store_policies(const struct store *s);
const struct store_settings *store_settings(const struct store *s);
/* 36 characters; another one when the log begins anew, or goes on from a copy. */
struct bytes store_epoch(const struct store *s);
const unsigned char *store_secret(const struct store *s); /* TOKEN_SECRET_SIZE bytes */
/* The shift and the business day that `us` falls in, by the settings: pure arithmetic on the zone's
 * rules. `business_day` is borrowed until the next call of this thread; `who` is left alone.  The
 * rules come from the system's tz database: store_open sets TZ for the whole process, so all its
 * stores must be of one zone, and be opened before there are threads. */
void store_clock(const struct store *s, int64_t us, struct policy_context *out_shift_and_day);

enum store_access { STORE_READER, STORE_WRITER };
MUST_USE enum err store_session_open(struct store *s, enum store_access access,
                                     struct store_session **out);
void store_session_close(struct store_session *s);

/* Executes one reading request in a snapshot of its own.  Request errors go to reply->error and
 * give OK; an err is trouble of the store itself (the reply then carries a 503 error as well). */
MUST_USE enum err store_read(struct store_session *s, const struct store_request *r,
                             struct store_reply *out);
/* Executes writing requests in order as one transaction, each in a savepoint of its own: a failing
 * one undoes itself only.  Reading ones are taken too.  Changes that other processes committed
 * since the session was opened, or since its last store_write, come first in `out`, so that seq has
 * no hole; a call with a count of 0 asks for these alone.  Returns after the commit is on disk.
 * `out` gets the changes of the whole group, in order, each with one reference that is the
 * caller's.  When the commit fails, every reply carries a 503 and `out` is empty. */
struct store_write {
    const struct store_request *request;
    struct store_reply *reply;
};
MUST_USE enum err store_write(struct store_session *s, struct store_write *writes, size_t count,
                              struct changes *out);
/* Committed changes with from <= seq, at most `max`, for a cursor that fell out of memory.
 * ERR_NOT_FOUND: the log no longer reaches back. */
MUST_USE enum err store_changes_since(struct store_session *s, uint64_t from, size_t max,
                                      struct changes *out);
/* A page of the log: those of the seqs from .. from + max - 1 that it still has, dense, and none more
 * once they have `bytes_max` bytes of rows.  `tail` is the oldest seq it has in that same snapshot
 * (head + 1: it is empty). */
MUST_USE enum err store_changes_page(struct store_session *s, uint64_t from, size_t max,
                                     size_t bytes_max, struct changes *out, uint64_t *tail);
MUST_USE enum err store_head(struct store_session *s, uint64_t *seq);
/* All rows of `users` as a JSON array, and the seq it is true for. */
MUST_USE enum err store_staff(struct store_session *s, struct buf *out, uint64_t *seq);
/* Moves the write-ahead log into the database file; call from a thread of its own, off the commit
 * path. */
MUST_USE enum err store_checkpoint(struct store_session *s);
/* Can it be written to?  Leaves everything as it was; on a writing session, between two groups. */
MUST_USE enum err store_probe(struct store_session *s);
/* Deletes log entries older than `keep_us` or beyond `keep_count`, at most `max` a call; the newest
 * always stays. */
MUST_USE enum err store_trim_log(struct store_session *s, int64_t now_us, int64_t keep_us,
                                 uint64_t keep_count, size_t max);
/* The messages that STORE_MESSAGE_LIST has put into the reply, oldest first; `*at` begins at 0.
 * Texts are borrowed from the reply.  False at the end. */
bool store_next_message(const struct store_reply *reply, size_t *at, struct store_message *out);
/* How many messages are past their time; counts to `max`. */
MUST_USE enum err store_count_expired(struct store_session *s, int64_t now_us, size_t max,
                                      uint64_t *count);
/* Deletes them, at most `max` a call. */
MUST_USE enum err store_trim_messages(struct store_session *s, int64_t now_us, size_t max);
struct store_counters store_counters(const struct store_session *writer);

/* Administration, on a writer session (commands of the program, before or beside `serve`).  What it
 * changes is handed out by the next store_write, of this session or of the serving process.
 * ERR_DENIED: a value that the database refuses; ERR_NOT_FOUND: no such person. */
struct store_new_person {
    struct bytes email, name, role, password_hash;
};
MUST_USE enum err store_person_add(struct store_session *s, const struct store_new_person *p,
                                   int64_t now_us,
                                   char id_out[UUID_SIZE + 1]); /* ERR_EXISTS: that email */
MUST_USE enum err store_person_set_active(struct store_session *s, struct bytes email,
                                          bool is_active);
/* JSON array of {id,email,name,role,is_active,created_at,last_sign_in_at}. */
MUST_USE enum err store_person_list(struct store_session *s, struct buf *out);
/* The demo bakery: eight breads, a week of production and sales by the given people up to `now_us`;
 * deterministic by `seed`.  ERR_EXISTS when there are breads already. */
MUST_USE enum err store_demo(struct store_session *s, int64_t now_us, uint64_t seed);
/* Recounts stock and shift_totals from the ledger and checks that the log is dense.  ERR_CORRUPT:
 * `report` lists the differences, a line each. */
MUST_USE enum err store_verify(struct store_session *s, struct buf *report);

struct store_backup {
    const char *to; /* the folder to be made; the one above it is there */
    /* Told of the pages copied so far; false stops it.  May be NULL. */
    bool (*progress)(void *context, uint64_t copied, uint64_t count);
    void *context;
};
/* Copies the whole database, as it is at one instant, into a new folder (mode 0700), beside which
 * others go on reading and writing.  `seq` is the newest change in it.  It is on disk on return;
 * nothing is left of a copy that failed, and `message` says why.  What is done to the copy later is
 * another history with the same seqs, so it has no epoch until it is served: store_begin_epoch.
 * ERR_EXISTS: there is something of that name; ERR_CLOSED: it was stopped; ERR_FULL: the disk. */
MUST_USE enum err store_backup(struct store_session *s, const struct store_backup *how,
                               uint64_t *seq, struct buf *message);
/* Gives a copy that is served for the first time its epoch; on a writer session, before anybody is
 * told store_epoch. */
MUST_USE enum err store_begin_epoch(struct store_session *writer);

#endif
