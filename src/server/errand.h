/* errand: what a hub wants of the store: to keep a broadcast, or to look up old ones.  Owned by its shard; the writer
 * or a reader uses request and reply while it holds it, and sends it home.
 * stored_mail: a broadcast that was kept, on its way to one shard. */
#ifndef SERVER_ERRAND_H
#define SERVER_ERRAND_H

#include "hub/hub.h"
#include "io/mailbox.h"
#include "store/store.h"

struct errand {
    struct mail mail; /* first */
    struct mailbox *home;
    struct store_request request; /* its texts live in the letter or the wish */
    struct store_reply reply;
    struct letter *letter; /* STORE_MESSAGE_ADD: the hub's */
    struct wish *wish;     /* STORE_MESSAGE_LIST: the hub's */
};

struct stored_mail {
    struct mail mail;         /* first */
    struct hub_stored stored; /* its texts are in `data` */
    char data[];
};

/* `body_max`: of the reply, bytes.  NULL without memory. */
struct errand *errand_new(struct mailbox *home, size_t body_max);
/* Takes NULL; not the letter or the wish. */
void errand_free(struct errand *e);
/* Of a request that was carried out.  NULL without memory. */
struct stored_mail *stored_mail_new(const struct store_request *r, const struct store_reply *reply);
/* Takes NULL. */
void stored_mail_free(struct stored_mail *m);

#endif
