/* frame: the wire bytes of one or more WebSocket messages, encoded once and shared by every
 * receiver. Immutable once made; plain count, so a frame never leaves its shard. */
#ifndef HUB_FRAME_H
#define HUB_FRAME_H

#include "proto/deflate.h"

struct frame {
    uint32_t refs;
    uint32_t message_count;
    size_t size;
    /* By window; made when first asked for, and owned, but where it is the frame itself. */
    struct frame *deflated[DEFLATE_WINDOWS];
    char data[];
};

/* A copy of `head` and `body`, which are `message_count` messages together; one reference is the
 * caller's. ERR_NOMEM. */
MUST_USE enum err frame_new(struct bytes head, struct bytes body, uint32_t message_count,
                            struct frame **out);
/* The same messages for those who negotiated this window, the ones of `message_min` bytes and more
 * compressed: made once for all of them.  `f` itself where nothing gets smaller, or memory is
 * short.  Borrowed from `f`. */
struct frame *frame_deflated(struct frame *f, enum deflate_window window, struct deflater *z,
                             size_t message_min);
struct frame *frame_ref(struct frame *f);
/* Takes NULL. */
void frame_unref(struct frame *f);

#endif
