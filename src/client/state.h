/* state: the whole of a client, for its parts: client.c (the verbs), client_line.c (the one
 * connection), client_channel.c (subscriptions on it), client_snapshot.c, client_next.c (what is to
 * be done), client_rows.c (what the host is told of rows).  Internal. */
#ifndef CLIENT_STATE_H
#define CLIENT_STATE_H

#include "base/json.h"
#include "client/backoff.h"
#include "client/registry.h"
#include "proto/phx.h"

enum {
    LINE_CODE_DONE = 1000,
    LINE_CODE_REPLACED = 4000, /* RFC 6455, 7.4.2: free for programs */
    LINE_FLOOD_MS = 60000,     /* a heartbeat waits at most so long behind other messages */
    SLEEP_MS = 10000,          /* so late at a deadline: the machine slept, nobody was silent */
    TOKEN_LEAD_MS = 60000,     /* a new token is wanted so long before the old one ends … */
    TOKEN_ASK_MS = 10000,      /* … and asked for so often */
    JOINS_OUT_MAX = 8,         /* joins without an answer */
    JOINS_WINDOW_MAX = 20,     /* joins a window: half of what the server allows */
    JOINS_WINDOW_MS = 200,
    FETCHES_OUT_MAX = 5, /* a browser has six connections to one server */
    AHEAD_MS = 5000,     /* a join waits at most so long for a snapshot asked for ahead of it */
    HUNGER_MS = 500,     /* after an allocation failed in hb_client_next */
};

enum line_is { LINE_NONE, LINE_OPENING, LINE_OPEN };

struct line {
    enum line_is is;
    enum hb_state state;
    enum hb_reason reason;
    uint32_t number; /* of the newest HB_OPEN */
    bool must_open;
    uint32_t close_number; /* 0: none to close */
    uint32_t close_code;
    int64_t end; /* OPENING: not longer; waiting: the next try */
    uint32_t tried;
    int64_t live_since;
    uint32_t last_ref;

    bool must_beat;
    bool is_beat_out;
    bool is_probe; /* the next heartbeat is to find out soon */
    uint32_t beat_ref;
    int64_t beat_at; /* the next */
    int64_t beat_sent;
    int64_t beat_end; /* without an answer: stale, and once more: replaced */
    int32_t latency_ms;
    bool has_contact;
    int64_t contact;
};

struct token {
    char *text; /* owned; NULL: none yet */
    size_t size;
    int64_t renew_at; /* INT64_MAX: never */
    bool is_wanted;   /* the server did not like this one */
    int64_t ask_at;   /* not before */
};

/* What HB_STATUS has told. */
struct told {
    enum hb_state state;
    enum hb_reason reason;
    uint32_t retries, subs, live, failed, trouble;
};

/* The rows that are being handed out. */
struct handing {
    bool is_on;    /* the host asked, or they have waited long enough */
    bool is_asked; /* HB_FRAME was said */
    int64_t end;   /* of the wait for the frame */
    struct batch batch;
    struct sub *sub; /* whose; NULL: nobody's any more */
    bool is_whole;
    uint64_t seq;   /* of the sub's cursor when the batch was made */
    uint32_t after; /* the last user that has had it */
};

struct hb_client {
    struct hb_settings s;
    char *apikey;
    struct registry_limits limits;
    struct backoff backoff;
    struct rng rng;
    int64_t now;   /* never runs back */
    int64_t shift; /* now less the host's time */

    bool is_started, is_online, is_visible;
    bool is_given_up; /* lost, and not to be reconnected */
    bool is_parked;   /* given up while hidden */
    int64_t hidden_end;
    int64_t health_at;

    struct line line;
    struct token token;
    struct registry registry;
    int64_t joins_window;
    uint32_t joins_in_window;
    uint32_t last_request;
    struct trouble trouble; /* the last one of any kind */
    int64_t trouble_at;
    bool has_news; /* a user may not know a state or a trouble */
    struct told told;
    struct handing handing;
    int64_t hunger_end;
    struct buf out;     /* the texts of the action given last */
    struct buf scratch; /* of a message that is read */
    struct buf key;
};

/* ---- client_line.c ---- */
/* What is wished (started, online, seen) has changed. */
void line_review(struct hb_client *c);
void line_open_now(struct hb_client *c);
/* For the status: what went wrong last. */
void line_trouble(struct hb_client *c, enum hb_error e, struct bytes text);
/* `text` says what happened. */
void line_lost(struct hb_client *c, enum hb_error e, struct bytes text);
/* Closes it, too. */
void line_replace(struct hb_client *c, enum hb_error e, struct bytes text);
void line_opened(struct hb_client *c);
void line_answered(struct hb_client *c);
/* Something may have happened to it that nobody told. */
void line_probe(struct hb_client *c);
void line_woke(struct hb_client *c);
void line_tend(struct hb_client *c);
int64_t line_deadline(const struct hb_client *c);

/* ---- client_channel.c ---- */
void channel_set_state(struct hb_client *c, struct sub *s, enum hb_subscription state);
void channel_trouble(struct hb_client *c, struct sub *s, enum hb_error e, struct bytes text);
/* Tries again later, or has failed when it has been tried often enough. */
void channel_rest(struct hb_client *c, struct sub *s, enum hb_error e, struct bytes text);
/* For good. */
void channel_fail(struct hb_client *c, struct sub *s, enum hb_error e, struct bytes text);
/* The connection is gone; HB_OK: on purpose. */
void channels_lost(struct hb_client *c, enum hb_error e, struct bytes text);
/* What failed may be tried again: of one, or of all; `with_own`: also what failed by itself. */
void channel_revive(struct hb_client *c, struct sub *s);
void channels_revive(struct hb_client *c, bool with_own);
void channels_woke(struct hb_client *c);
void channels_have_token(struct hb_client *c);
/* The server does not take the token. */
void channel_denied(struct hb_client *c, struct sub *s);
void channel_recv(struct hb_client *c, struct sub *s, const struct phx_message *m);
/* Frees it, when nothing is left to be said. */
void channel_release(struct hb_client *c, struct sub *s);
void channels_tend(struct hb_client *c);
void channels_check(struct hb_client *c);
int64_t channels_deadline(const struct hb_client *c);

/* ---- client_snapshot.c ---- */
/* Rows anew, on a channel that is joined: what comes meanwhile is kept. */
void snapshot_begin(struct hb_client *c, struct sub *s, const struct cursor *head);
void snapshot_drop(struct sub *s);
void snapshot_keep(struct sub *s, struct bytes payload);
void snapshot_recv(struct hb_client *c, struct sub *s, uint32_t status, const struct cursor *at,
                   struct bytes body);
void snapshot_late(struct hb_client *c, struct sub *s);
/* One change, in order. */
void change_apply(struct hb_client *c, struct sub *s, struct json_value payload);

/* ---- client_rows.c ---- */
bool rows_next(struct hb_client *c, struct hb_action *out);
void rows_tend(struct hb_client *c);
void rows_drop(struct hb_client *c);
/* All users of a feed hear that there may be a hole. */
void rows_restart(struct sub *s);

static inline int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static inline bool is_connected(const struct hb_client *c)
{
    return c->line.is == LINE_OPEN;
}

#endif
