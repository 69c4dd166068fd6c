/* call: one API request on its way between the threads: a shard begins it, the writer or a reader
 * does what it asks for, and it comes back to its shard as mail.  Owned by its shard; the other
 * thread uses only request, reply and password while it holds the call. */
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
    struct call *next_free;
};

/* Committed changes for one shard, each with one reference that is the receiver's. */
struct changes_mail {
    struct mail mail; /* first */
    size_t count;
    struct change *items[];
};

#endif
