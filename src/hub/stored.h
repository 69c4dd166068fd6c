/* stored: broadcasts of private channels that are kept, and heard again by who joins later (protocol,
 * section 7.5).
 *
 * Such a broadcast is said to the store first.  When it is committed, every shard hears of it, all in the
 * same order, its members get it, and who said it gets the acknowledgement: what was heard is kept.
 * A channel that wants a replay is joined at once; until the store has answered, the broadcasts of its
 * topic wait (held.h).  Then it is given the old ones and the new ones in their order, each once.
 * Shard thread only. */
#ifndef HUB_STORED_H
#define HUB_STORED_H

#include "hub/letter.h"
#include "hub/state.h"

enum persist {
    PERSIST_NO,
    PERSIST_YES,
    PERSIST_BAD /* it is something, but no sound option */
};
/* Of a message's `persist` option: true, false, null or {"ttl":seconds}.  `*ttl_us` 0: none was given. */
enum persist stored_option(const struct phx_message *m, int64_t *ttl_us);

/* A broadcast that its peer wants to be kept: `m` is sound, and the channel may say it. */
void stored_recv(struct hub *h, struct channel *ch, const struct phx_message *m,
                 enum persist option, int64_t ttl_us);
/* One that is committed. */
void stored_heard(struct hub *h, const struct hub_stored *s);
/* The end of a letter's way; `fault` says why it was not kept, size 0: it was.  Frees it. */
void stored_kept(struct hub *h, struct letter *l, struct bytes fault);

/* Wants what is stored of the channel's topic; from now on its broadcasts are held.  ERR_NOMEM. */
MUST_USE enum err stored_wish(struct hub *h, struct channel *ch, const struct identity *who,
                              int64_t since_us, uint32_t count_max);
/* The answer, oldest first; or that there is none.  Frees the wish. */
void stored_answered(struct hub *h, struct wish *w, const struct hub_stored *items, size_t count,
                     enum err error);

/* The next letter or wish for the shell, NULL: none. */
struct letter *stored_next_letter(struct hub *h);
struct wish *stored_next_wish(struct hub *h);
/* Frees what has not been given to the shell. */
void stored_done(struct hub *h);

#endif
