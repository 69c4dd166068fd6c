/* frame: the wire bytes of one or more WebSocket messages, encoded once and shared by every
 * receiver. Immutable once made; plain count, so a frame never leaves its shard. */
#ifndef HUB_FRAME_H
#define HUB_FRAME_H

#include "base/bytes.h"

struct frame {
    uint32_t refs;
    uint32_t message_count;
    size_t size;
    char data[];
};

/* A copy of `head` and `body`, which are `message_count` messages together; one reference is the
 * caller's. ERR_NOMEM. */
MUST_USE enum err frame_new(struct bytes head, struct bytes body, uint32_t message_count,
                            struct frame **out);
struct frame *frame_ref(struct frame *f);
/* Takes NULL. */
void frame_unref(struct frame *f);

#endif
