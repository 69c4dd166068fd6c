/* member: what the server does with a channel by itself: system messages, its end, whom it reads
 * for, and in which group that puts it.  Shard thread only. */
#ifndef HUB_MEMBER_H
#define HUB_MEMBER_H

#include "hub/state.h"

/* Frees the channel without a word. */
void member_drop(struct hub *h, struct channel *ch);
/* Pushes [join_ref, null, topic, event, payload] to its connection; the payload is h->response. */
void member_push(struct hub *h, struct channel *ch, struct bytes event);
/* A `system` message (protocol, section 7.7). */
void member_system(struct hub *h, struct channel *ch, struct bytes extension, bool is_ok,
                   struct bytes text);
/* The member "resume" (docs/protocol.md): where the log is, with the epoch as `who` has it. */
void member_put_resume(const struct hub *h, const struct identity *who, uint64_t seq,
                       bool is_replayed, struct buf *out);
/* `phx_close` (the client stays away) or `phx_error` (it joins again) with the join ref, and the
 * channel is freed. A `text` of some size goes before it as a `system` error of `extension`. */
void member_end(struct hub *h, struct channel *ch, struct bytes event, struct bytes extension,
                struct bytes text);

/* ERR_NOT_FOUND: a user who is unknown or disabled. */
MUST_USE enum err member_identity(const struct hub *h, const struct bearer *b,
                                  struct identity *out);
/* Into the group of its bearer, at the head.  ERR_NOT_FOUND; ERR_NOMEM. */
MUST_USE enum err member_enter(struct hub *h, struct channel *ch, struct bindings *b);
/* Reads for this bearer from now on; an older token of the same person changes nothing.  The channel
 * is freed when that fails. */
void member_set_bearer(struct hub *h, struct channel *ch, const struct bearer *b);
/* Sees to it that the end of its token is noticed. */
void member_watch(struct hub *h, struct channel *ch);
/* A token that the peer has shown: for the socket, for its channels that were joined without one
 * (section 5.1), and for those of the same user whose token ends sooner. */
void member_adopt(struct hub *h, struct conn *c, const struct bearer *b);
/* Ends the channels whose token has expired, the grace included; watches the others. */
void member_expire(struct hub *h, struct conn *c);
/* The directory has changed for that user: ends or moves all channels that read for them. */
void member_reclass(struct hub *h, struct bytes user_id);

#endif
