/* letter: a broadcast on its way to the store, and what is owed to who said it.
 * wish: what a channel wants to hear of the broadcasts that were stored before it was joined.
 * The hub makes both; the shell holds them while the store is at work, and brings them back with the answer.
 * Immutable; texts are their own. */
#ifndef HUB_LETTER_H
#define HUB_LETTER_H

#include "base/list.h"
#include "hub/hub.h"

struct letter {
    struct link link; /* while the hub holds it */
    struct hub_conn_id conn;
    struct identity who;
    struct hub_broadcast broadcast; /* JSON or RAW */
    struct bytes ref, join_ref;
    int64_t ttl_us; /* 0: as long as can be */
    bool wants_ack;
    size_t size; /* of its texts */
    char data[];
};

struct wish {
    struct link link; /* while the hub holds it */
    struct hub_conn_id conn;
    struct identity who;
    struct bytes topic; /* "realtime:…" */
    uint64_t number;    /* of this wish, as long as the hub lives */
    int64_t since_us;
    uint32_t count_max;
    size_t bytes_max;
    char data[];
};

/* Copies of the struct with texts of their own.  ERR_NOMEM. */
MUST_USE enum err letter_new(const struct letter *from, struct letter **out);
MUST_USE enum err wish_new(const struct wish *from, struct wish **out);
/* Take NULL. */
void letter_free(struct letter *l);
void wish_free(struct wish *w);
/* What stands behind "realtime:", as the store knows the topic. */
struct bytes letter_topic(const struct letter *l);
struct bytes wish_topic(const struct wish *w);

#endif
