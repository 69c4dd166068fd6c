/* rights: what a channel may hear and say.  On a private channel the policies of messages decide
 * (auth/topic.h), once: when it is joined, and again when its token or the person's role changes.
 * On a public one everything is allowed.  Shard thread only. */
#ifndef HUB_RIGHTS_H
#define HUB_RIGHTS_H

#include "hub/state.h"

enum {
    RIGHT_HEAR = 1 << 0, /* broadcasts */
    RIGHT_SAY = 1 << 1,
    RIGHT_HEAR_PRESENCE = 1 << 2,
    RIGHT_SAY_PRESENCE = 1 << 3,
    RIGHT_ALL = (1 << 4) - 1
};

/* `name`: of the topic, behind "realtime:". */
uint8_t rights_decide(struct hub *h, const struct identity *who, bool is_private,
                      struct bytes name);
/* A channel that hears neither broadcasts nor presence cannot be joined. */
static inline bool rights_can_join(uint8_t rights)
{
    return (rights & (RIGHT_HEAR | RIGHT_HEAR_PRESENCE)) != 0;
}

#endif
