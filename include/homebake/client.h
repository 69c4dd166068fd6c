/* homebake/client.h: live tables of a HomeBake server, for programs and pages.
 *
 * One `hb_client` keeps one connection and all subscriptions of a program.  It is a state machine
 * without input and output: the host tells it what happened and what time it is, and asks it what
 * is to be done.  The host owns the WebSocket, TLS, HTTP, timers, the frames of the display.
 *
 *     hb_client_new ─▶ hb_client_subscribe … hb_client_set_token, hb_client_start
 *     after every call that tells it something, and after every hb_client_tick:
 *         while (hb_client_next(c, &a))       do what `a` says
 *         set one timer to hb_client_deadline(c)
 *     when the timer rings:  hb_client_tick(c, now)
 *
 * Texts are UTF-8, given by pointer and size, without a zero behind them.  What the host passes is
 * copied; what the client gives is lent: until the next hb_client_next, or the end of the client.
 * Times are milliseconds of any clock of the host's that mostly runs forward; jumps, sleep and a
 * clock set back are expected.  Not thread-safe: one client belongs to one thread.  The client calls
 * nobody back, makes no system calls and asks for memory only; where it gets none, it goes on and
 * tries again later (HB_ERR_NOMEM in the status).
 *
 * All that is promised about rows: per subscription the host's copy goes from one committed state
 * to a later one, no change is missed and none is told twice, whatever the network, the
 * server or the host did meanwhile.  Only changes of a row are told, never a whole table anew. */
#ifndef HOMEBAKE_CLIENT_H
#define HOMEBAKE_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct hb_client;

/* Borrowed text; size 0 (data may be NULL): none. */
struct hb_text {
    const char *data;
    size_t size; /* bytes */
};

enum hb_error {
    HB_OK = 0,
    HB_ERR_NOMEM = 1,     /* no memory; what could be postponed is tried again */
    HB_ERR_INVALID = 2,   /* an argument, or a filter that cannot be read; permanent */
    HB_ERR_LIMIT = 3,     /* more rows, bytes or subscriptions than the settings allow; permanent */
    HB_ERR_NOT_FOUND = 4, /* no such subscriber */
    HB_ERR_NETWORK = 5,   /* the connection could not be made or was lost */
    HB_ERR_SILENT = 6,    /* the server did not answer in time */
    HB_ERR_REFUSED = 7,   /* the server refused a subscription; permanent when it is for good */
    HB_ERR_DENIED = 8,    /* the token is not accepted, or there is none */
    HB_ERR_PROTOCOL = 9,  /* the server sent what cannot be understood */
    HB_ERR_SERVER = 10    /* the server failed (HTTP 5xx, channel crash), or is being restarted */
};
/* A short text in English; never NULL. */
const char *hb_error_text(enum hb_error e);

/* ---- settings ---- */

enum hb_hidden {
    HB_HIDDEN_KEEP, /* a hidden page keeps its connection */
    HB_HIDDEN_CLOSE /* it gives it up after `hidden_close_ms`, and resumes when it is visible */
};

/* hb_settings_init fills in the defaults; all times are milliseconds. */
struct hb_settings {
    struct hb_text apikey;      /* the public key of the server (required) */
    uint64_t seed;              /* for jitter: any number that differs from client to client */
    bool no_auto_reconnect;     /* a lost connection stays lost until hb_client_retry or `online` */
    enum hb_hidden hidden;      /* default HB_HIDDEN_KEEP */
    uint32_t hidden_close_ms;   /* 60,000 */
    uint32_t heartbeat_ms;      /* 25,000 */
    uint32_t answer_ms;         /* 10,000: a heartbeat without an answer for so long is stale */
    uint32_t stale_ms;          /* 5,000: … and for so long after that it is replaced */
    uint32_t connect_ms;        /* 15,000: for `opened` after HB_OPEN */
    uint32_t join_ms;           /* 10,000: for the answer to a join */
    uint32_t fetch_ms;          /* 30,000: for hb_client_fetched after HB_FETCH */
    uint32_t backoff_min_ms;    /* 1,000 */
    uint32_t backoff_max_ms;    /* 30,000 */
    uint32_t stable_ms;         /* 60,000: retries are forgotten after so long without trouble */
    uint32_t health_ms;         /* 60,000: between two health checks */
    uint32_t frame_wait_ms;     /* 250: deltas wait at most so long for hb_client_frame; 0: not */
    uint32_t retries[3];        /* 10, 5, 3: by priority */
    uint32_t subscriptions_max; /* 100 logical subscriptions */
    uint32_t subscribers_max;   /* 1,000 in all */
    uint32_t rows_max;          /* 10,000 of one subscription */
    uint32_t bytes_max;         /* 8 MiB of one subscription's rows */
    uint32_t kept_max;          /* 1 MiB of changes kept while a snapshot is on its way */
    uint32_t message_max;       /* 4 MiB: what is longer is refused, and the connection replaced */
};
void hb_settings_init(struct hb_settings *s);

/* ---- life ---- */

/* `now_ms` begins the client's time.  HB_ERR_NOMEM; HB_ERR_INVALID for a setting out of range. */
enum hb_error hb_client_new(const struct hb_settings *s, int64_t now_ms, struct hb_client **out);
/* Frees everything, whatever state it is in; takes NULL.  To say goodbye to the server, stop first
 * and carry out the actions. */
void hb_client_free(struct hb_client *c);
/* Connect, and stay connected. */
void hb_client_start(struct hb_client *c, int64_t now_ms);
/* Close the connection.  Subscriptions, rows and cursors stay, and resume with the next start. */
void hb_client_stop(struct hb_client *c, int64_t now_ms);

/* ---- subscriptions ---- */

enum hb_priority { HB_HIGH = 0, HB_MEDIUM = 1, HB_LOW = 2 };

/* Same table, event and filter: one logical subscription, shared and counted, with the highest
 * priority of its subscribers. */
struct hb_query {
    struct hb_text table;  /* of schema public */
    struct hb_text event;  /* none or "*": a copy of the table, kept live.  "INSERT", "UPDATE" or
                            * "DELETE": such changes from now on, in their order, without a copy; of
                            * several of one row that are handed out together, the last */
    struct hb_text filter; /* none, or e.g. "shift=eq.night,quantity=gt.3" (docs/protocol.md) */
    struct hb_text key;    /* the primary key's columns, with commas between them; none: "id" */
    enum hb_priority priority;
};
/* `*out` is the subscriber, never 0 and not used again.  Its first HB_ROWS has all rows.
 * HB_ERR_INVALID (a malformed name, filter or event, or another key for the same table, event
 * and filter), HB_ERR_LIMIT, HB_ERR_NOMEM. */
enum hb_error hb_client_subscribe(struct hb_client *c, const struct hb_query *q, int64_t now_ms,
                                  uint32_t *out);
/* No action names this subscriber afterwards.  The last one of a logical subscription ends it, and
 * its rows are freed.  Unknown numbers are passed over. */
void hb_client_unsubscribe(struct hb_client *c, uint32_t subscriber, int64_t now_ms);
/* The user's "try again": of what has failed, of this subscriber or (0) of all and the connection.
 * Retries are counted anew; a waiting connection is tried at once, a live one asked for a sign of
 * life. */
void hb_client_retry(struct hb_client *c, uint32_t subscriber, int64_t now_ms);
/* Compare all copies with the server's tables by fresh snapshots, for a user who asks for it; what
 * follows from another role is done without.  Differences come as HB_ROWS. */
void hb_client_refresh(struct hb_client *c, int64_t now_ms);

/* ---- what the host tells ---- */

/* `connection` is the number of the HB_OPEN; news of an earlier one is passed over. */
void hb_client_opened(struct hb_client *c, uint32_t connection, int64_t now_ms);
/* One whole text message.  Whatever is in it, the client survives it. */
void hb_client_message(struct hb_client *c, uint32_t connection, struct hb_text message,
                       int64_t now_ms);
/* The connection is gone or was never made; `code` as WebSocket has it: the server's, or the host's
 * own finding: 1015 the certificate is not accepted, 1002 no WebSocket is spoken there, 1007 or 1009
 * what comes cannot be read or is too long, 0 or 1006 anything else.  To be told once for each
 * HB_OPEN, also after HB_CLOSE, or not at all after HB_CLOSE. */
void hb_client_closed(struct hb_client *c, uint32_t connection, uint32_t code, int64_t now_ms);
/* The answer to HB_FETCH: status as HTTP has it, 0 when there was none; `seq` and `epoch` from the
 * headers HomeBake-Seq and HomeBake-Epoch (0 and none when absent). */
void hb_client_fetched(struct hb_client *c, uint32_t request, uint32_t status, uint64_t seq,
                       struct hb_text epoch, struct hb_text body, int64_t now_ms);
/* The signed-in user's token (or the apikey, for nobody), and how long it is good from now on; a
 * negative time: for ever.  Nothing is joined before there is one.  For another user make another
 * client: the rows are those that this user may see. */
void hb_client_set_token(struct hb_client *c, struct hb_text token, int64_t expires_in_ms,
                         int64_t now_ms);
/* The network of this machine; it is online at first. */
void hb_client_set_online(struct hb_client *c, bool is_online, int64_t now_ms);
/* Whether anybody can see the page; it is visible at first. */
void hb_client_set_visible(struct hb_client *c, bool is_visible, int64_t now_ms);
/* A frame of the display is being made: what has been collected is handed out as HB_ROWS by
 * the hb_client_next that follow. */
void hb_client_frame(struct hb_client *c, int64_t now_ms);
/* Time has passed.  May be called at any time; must be called at hb_client_deadline. */
void hb_client_tick(struct hb_client *c, int64_t now_ms);

/* ---- what the host asks ---- */

enum hb_action_type {
    /* Connect a WebSocket to `text` (path and query, behind ws://host), and tell opened or closed
     * with `id`, the connection. */
    HB_OPEN = 1,
    /* Close the connection `id` with `code`, and forget it. */
    HB_CLOSE = 2,
    /* Send `text` as one text message on the connection `id`. */
    HB_SEND = 3,
    /* GET `text` (path and query, behind http://host) with the headers apikey and Authorization:
     * Bearer `token`, and tell fetched with `id`, the request.  A body of more than `code` bytes
     * need not be read: tell 413. */
    HB_FETCH = 4,
    /* The answer to the request `id` is not wanted any more. */
    HB_CANCEL = 5,
    /* Get a new token and tell it by hb_client_set_token. */
    HB_TOKEN = 6,
    /* hb_client_status says something new. */
    HB_STATUS = 7,
    /* Rows wait: ask for a frame of the display and call hb_client_frame in it. */
    HB_FRAME = 8,
    /* `count` changes of rows for the subscriber `id`: hb_client_row gives each. */
    HB_ROWS = 9,
    /* The subscriber `id` is now in the state `code` (enum hb_subscription). */
    HB_STATE = 10,
    /* The subscriber `id` has the trouble `error`, explained in `text`; HB_STATE says what follows:
     * HB_SUB_FAILED is not tried again by itself. */
    HB_TROUBLE = 11
};

struct hb_action {
    enum hb_action_type type;
    uint32_t id;
    uint32_t code;
    uint32_t count;
    bool is_whole; /* HB_ROWS: forget the rows had before, if any; these are all there are.  So
                    * begins what each subscriber gets, also with count 0.  Of a subscription to one
                    * event: what happened before may have been missed */
    uint64_t seq;  /* HB_ROWS: the change of the server's log that the rows are now true for */
    enum hb_error error;
    struct hb_text text;
    struct hb_text token;
};
/* False when there is nothing to be done now. */
bool hb_client_next(struct hb_client *c, struct hb_action *out);
/* When to call hb_client_tick at the latest, in the host's time; INT64_MAX: never.  It may lie in
 * the past.  Changes with every call that tells something. */
int64_t hb_client_deadline(const struct hb_client *c);

enum hb_op { HB_INSERT = 1, HB_UPDATE = 2, HB_DELETE = 3 };

struct hb_row {
    enum hb_op op;      /* against what this subscriber has had before */
    struct hb_text key; /* the values of the key as text, with U+001F between several */
    struct hb_text row; /* a JSON object: the new row, of HB_DELETE the last one known */
};
/* Of the HB_ROWS just given, `index` < count.  All rows of a whole come in the order of their keys
 * (of the keys' bytes). */
void hb_client_row(const struct hb_client *c, uint32_t index, struct hb_row *out);

/* ---- status ---- */

/*            start                opened and a heartbeat answered
 *  OFFLINE ────────▶ CONNECTING ───────────────────────────────▶ LIVE ──no answer──▶ STALE
 *     ▲                ▲   │ not made                    lost │  ▲ answered   │      │ still none
 *     │ offline, stop  │   ▼                                  ▼  └────────────┘◀─────┤
 *     └─────────────── WAITING ◀──────────────────────────────┴──────────────────────┘ */
enum hb_state {
    HB_OFFLINE = 0,    /* not trying; `reason` says why */
    HB_CONNECTING = 1, /* being made, or made and not proven yet */
    HB_LIVE = 2,       /* proven by an answered heartbeat */
    HB_STALE = 3,      /* the last heartbeat is not answered in time */
    HB_WAITING = 4     /* lost or not made; the next try is at `retry_in_ms` */
};

enum hb_reason {
    HB_REASON_NONE = 0,
    HB_REASON_STOPPED = 1, /* not started, or stopped */
    HB_REASON_NETWORK = 2, /* the machine is offline */
    HB_REASON_HIDDEN = 3,  /* given up while hidden */
    HB_REASON_LOST = 4     /* lost, and not to be reconnected by itself */
};

enum hb_subscription {
    HB_SUB_WAITING = 0, /* for the connection, its turn, or its next retry; rows may be old, and
                         * the first ones may come */
    HB_SUB_JOINING = 1,
    HB_SUB_LOADING = 2, /* joined; a snapshot is on its way; rows may be old */
    HB_SUB_LIVE = 3,
    HB_SUB_FAILED = 4 /* until hb_client_retry, the next `online`, or, where the trouble was not of
                       * its own, the next connection */
};

struct hb_status {
    enum hb_state state;
    enum hb_reason reason;
    int64_t contact_age_ms; /* since the server last answered or told something; -1: never */
    int32_t latency_ms;     /* the round trip of the last answered heartbeat; -1: none yet */
    uint32_t retries;       /* connections tried in vain since the last stable one */
    int64_t retry_in_ms;    /* HB_WAITING: until the next try; else -1 */
    uint32_t subscriptions; /* logical ones … */
    uint32_t live;          /* … of which so many are live */
    uint32_t failed;        /* … and so many failed */
    enum hb_error error;    /* the last trouble; HB_OK after a stable time */
    struct hb_text error_text;
};
/* `error_text` is lent until the next call that tells something. */
void hb_client_status(const struct hb_client *c, int64_t now_ms, struct hb_status *out);
/* The state of one subscriber's subscription; HB_ERR_NOT_FOUND. */
enum hb_error hb_client_subscription(const struct hb_client *c, uint32_t subscriber,
                                     enum hb_subscription *out);

#ifdef __cplusplus
}
#endif

#endif
