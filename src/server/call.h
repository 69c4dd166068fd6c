/* call: one API request on its way between the threads: a shard begins it, the writer or a reader
 * does what it asks for, and it comes back to its shard as mail.  Owned by its shard; the other
 * thread uses only request, reply, password and packed while it holds the call. */
#ifndef SERVER_CALL_H
#define SERVER_CALL_H

#include "api/api.h"
#include "base/list.h"
#include "io/mailbox.h"
#include "proto/http.h"

/* Of mail.kind, in any box of the server. */
enum mail_kind {
    MAIL_CALL,    /* struct call: to be done, or done */
    MAIL_CHANGES, /* struct changes_mail */
    MAIL_RELAY,   /* to a shard, of another one: what its hub says (shard_relay.c) … */
    MAIL_RELAYED, /* … and the same mail back: it has been taken */
    MAIL_FETCH,   /* struct fetch_mail: to be done, or done */
    MAIL_TAIL,    /* struct tail_mail */
    MAIL_ERRAND,  /* struct errand: to be done, or done */
    MAIL_STORED,  /* struct stored_mail */
    MAIL_INSPECT, /* struct inspection */
    MAIL_ADMIN,   /* struct admin_job, to the writer */
    MAIL_DRAIN,   /* to a shard: end all connections and yourself */
    MAIL_STOP     /* to the writer */
};

struct http_peer;

struct call {
    struct mail mail; /* first */
    struct mailbox *home;
    struct http_peer *peer;     /* NULL: it has gone while the call was away */
    struct http_parser *parser; /* owns the request that `api` borrows */
    enum api_action action;
    struct api_call api;
    bool accepts_gzip;
    struct buf packed; /* the reply's body as gzip; empty: it goes out as it is */
    struct call *next_free;
};

/* Committed changes for one shard, each with one reference that is the receiver's. */
struct changes_mail {
    struct mail mail; /* first */
    size_t count;
    struct change *items[];
};

/* A page of the log that a hub wants, on its way to a reader and home again. */
struct fetch_mail {
    struct mail mail; /* first */
    struct mailbox *home;
    uint64_t from;
    size_t change_max, bytes_max;
    enum err error; /* of the reader */
    uint64_t tail;
    struct changes changes;
};

/* The log was trimmed; the receiver's to be freed. */
struct tail_mail {
    struct mail mail; /* first */
    uint64_t tail;    /* the oldest seq that is left */
};

#endif
