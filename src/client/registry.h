/* registry: the logical subscriptions and who uses them: the one truth that every connection is
 * rebuilt from.  Handler (the subscriber's number), filter, cursor, rows and retry counter
 * live here and outlive any connection.  Owns all of them.  One thread. */
#ifndef CLIENT_REGISTRY_H
#define CLIENT_REGISTRY_H

#include "base/map.h"
#include "client/replica.h"
#include "client/spec.h"

struct user {
    uint32_t number;
    struct sub *sub;
    struct link link; /* of sub->users, by number */
    struct map_entry by_number;
    enum hb_priority priority;
    bool is_fed;           /* it has had its whole */
    uint8_t told_state;    /* enum hb_subscription + 1; 0: nothing */
    uint32_t told_trouble; /* sub->trouble.number */
};

enum { TROUBLE_TEXT_MAX = 160 };

/* What went wrong last, cut where it is long.  Each has a number, so that it is told once. */
struct trouble {
    uint32_t number;
    enum hb_error error;
    char text[TROUBLE_TEXT_MAX];
    size_t size;
};
void trouble_set(struct trouble *t, enum hb_error error, struct bytes text);

struct sub {
    struct link link; /* of registry->subs, oldest first */
    struct map_entry by_topic;
    struct link users; /* none: it only waits to say goodbye */
    uint32_t unfed;    /* users that have not had their whole */
    char *strings;     /* what spec and topic point into */
    struct bytes topic;
    struct spec spec;
    enum hb_priority priority; /* the highest of its users */

    enum hb_subscription state;
    bool is_joined;       /* the server has it, or may have it: to be left */
    bool must_leave;      /* before anything else on this topic */
    bool must_push_token; /* the server has it with an older token */
    uint32_t join_ref;
    int64_t binding;    /* its id in what the server tells */
    uint32_t push_ref;  /* of the last token pushed; 0: none */
    int64_t wait_end;   /* WAITING, LOADING without a request: not before; JOINING: not longer */
    int64_t calm_since; /* of LIVE */
    uint32_t retries;
    bool is_own_fault; /* FAILED: a new connection would not help */
    bool is_denied;    /* it waits for a better token */
    struct trouble trouble;

    struct cursor cursor;
    struct cursor head; /* where the server had joined it: no snapshot may be older */
    struct replica replica;
    bool is_loaded;       /* the rows are those of the cursor; users may be fed */
    uint32_t request;     /* the snapshot under way; 0: none */
    bool has_asked_ahead; /* … for one, be it before the join: only the first may be */
    uint32_t cancel;      /* a request that is not wanted any more; 0: none */
    int64_t request_end;
    struct buf kept;    /* changes that came meanwhile: a length and the payload, each */
    bool has_lost_kept; /* … and not all of them were kept: they are replayed */
};

struct registry {
    struct link subs;
    size_t sub_count;
    struct map by_topic;
    struct map by_number;
    uint32_t last_number;
};

struct registry_limits {
    size_t subs_max, users_max, rows_max, bytes_max, kept_max;
};

void registry_init(struct registry *r, uint64_t seed);
void registry_done(struct registry *r);
/* Finds or makes the subscription, and the user.  ERR_EXISTS: there is one with another key,
 * ERR_LIMIT, ERR_NOMEM: nothing has changed. */
MUST_USE enum err registry_add(struct registry *r, const struct spec *spec,
                               enum hb_priority priority, const struct registry_limits *limits,
                               struct user **out);
/* NULL when there is none. */
struct user *registry_user(const struct registry *r, uint32_t number);
struct sub *registry_sub(const struct registry *r, struct bytes topic);
/* The user is freed; its subscription stays, maybe without users. */
void registry_remove_user(struct registry *r, struct user *u);
/* Frees a subscription and its users. */
void registry_remove_sub(struct registry *r, struct sub *s);
/* The first user with a number above `number`, or NULL. */
struct user *sub_user_after(const struct sub *s, uint32_t number);
/* Walks the subscriptions, oldest first: start with NULL; ends with NULL. */
struct sub *registry_next(const struct registry *r, const struct sub *s);

#endif
