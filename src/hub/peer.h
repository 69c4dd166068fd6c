/* peer: one connection as a WebSocket: its frames in, its frames out, control frames, idle limit,
 * close.  Shard thread only. */
#ifndef HUB_PEER_H
#define HUB_PEER_H

#include "hub/state.h"

/* The frame as this peer reads it: compressed where that was negotiated.  Borrowed from `f`. */
static inline struct frame *peer_form(struct hub *h, const struct conn *c, struct frame *f)
{
    if (c->window == DEFLATE_NONE)
        return f;
    return frame_deflated(f, (enum deflate_window)c->window, &h->deflater, h->limits.deflate_min);
}
/* Puts the connection before the shell. */
void peer_touch(struct hub *h, struct conn *c);
/* A message of its own frame for this peer alone.  What does not fit dooms the connection. */
void peer_send(struct hub *h, struct conn *c, enum ws_opcode opcode, struct bytes payload);
/* The text message in h->wire; its error dooms the connection. */
void peer_send_wire(struct hub *h, struct conn *c);
/* The same as peer_send, ahead of what has not begun to leave. */
void peer_send_urgent(struct hub *h, struct conn *c, enum ws_opcode opcode, struct bytes payload);
enum peer_end {
    END_POLITE, /* behind what is waiting; the peer may answer */
    END_FINAL,  /* behind what is waiting; nothing more is heard */
    END_SHORT   /* what is waiting is dropped; nothing more is heard */
};
/* Ends the conversation: channels go, a close frame is sent. */
void peer_close(struct hub *h, struct conn *c, enum ws_close_code code, enum peer_end how);
/* Bytes of the peer. */
void peer_recv(struct hub *h, struct conn *c, struct ws_input in);
/* Its timer has come: idle limit, end of patience, expired tokens. */
void peer_tick(struct hub *h, struct conn *c);
/* Looks at the tokens of its channels not later than `at_us`. */
void peer_watch_expiry(struct hub *h, struct conn *c, int64_t at_us);
/* Closes those that are doomed. */
void peer_reap(struct hub *h);
/* The end, without another word. */
void peer_free(struct hub *h, struct conn *c);

#endif
