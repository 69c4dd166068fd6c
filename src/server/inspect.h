/* inspect: what the live half knows of one person.  The question goes to every shard by mail, and
 * each answers in its turn. */
#ifndef SERVER_INSPECT_H
#define SERVER_INSPECT_H

#include <semaphore.h>

#include "server/writer.h"

/* To a shard, which answers with inspect_answer. */
struct inspection {
    struct mail mail; /* first */
    struct bytes user;
    const struct change *change; /* these two live until it is answered */
    struct buf out;
    sem_t *answered;
};

/* The shard's thread; the inspection is the asker's again. */
void inspect_answer(struct inspection *i, const struct hub *h);
/* Appends the channels of that user on all shards as a JSON array (hub/explain.h).  Waits for the
 * shards, so not for one of their threads; they must be running.  ERR_BUSY: a box is full. */
MUST_USE enum err inspect_channels(struct mailbox *const *boxes, size_t count, struct bytes user,
                                   const struct change *change, struct buf *out);
/* {"do":"explain","user":…,"seq":…} as it comes over the control socket -> {"ok":[…]} or
 * {"error":…}.  False: it is another request, and nothing was done. */
bool inspect_request(struct writer *w, struct mailbox *const *boxes, size_t count,
                     struct bytes request, struct buf *reply);

#endif
