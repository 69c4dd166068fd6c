/* server: the whole of `homebake serve` but for signals and the command line: store, writer,
 * readers, upkeep and shards, started and stopped in the right order.  One thread. */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include "server/assets.h"
#include "server/limits.h"
#include "server/writer.h"

#define SERVER_VERSION "0.1.0"

struct server;

struct server_config {
    const char *folder;             /* initialised, and locked by the caller */
    const char *listen;             /* ADDR:PORT */
    unsigned shards;                /* 0: one per core */
    unsigned readers;               /* 0: 2 */
    const char *tls_cert, *tls_key; /* both NULL: plain */
    struct server_limits limits;
    const struct asset_set *assets;
};

/* Serves when it returns OK.  On failure `message` says what is wrong, for people. */
MUST_USE enum err server_start(const struct server_config *cfg, struct buf *message,
                               struct server **out);
/* "http://127.0.0.1:8080" */
void server_put_url(struct buf *out, const struct server *s);
/* For administrative work beside the service. */
struct writer *server_writer(struct server *s);
/* A control_answer: what is asked of the shards (inspect.h).  `server` is the struct server. */
bool server_answer(void *server, struct bytes request, struct buf *reply);
/* Ends every connection in good order, within limits.drain_us, and frees all.  Takes NULL. */
void server_stop(struct server *s);

#endif
