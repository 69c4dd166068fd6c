/* explain: why somebody gets, or does not get, one change, for people and as JSON.  It asks the
 * functions that the feed asks, of the policies, bindings and subscriptions as they are now.  Each
 * object has a member `words`: a sentence.  Out of memory is the buffer's error. */
#ifndef HUB_EXPLAIN_H
#define HUB_EXPLAIN_H

#include "hub/state.h"

enum { EXPLAIN_SCRATCH_MAX = 1 << 20 };

/* {"seq":…,"commit_timestamp":…,"table":…,"type":…,"key":{…},"words":…} */
void explain_put_change(struct buf *out, const struct change *c);
/* [{"name":…,"at":"file:line","to_role":…,"new":…,"old":…,"words":…}, …]: the SELECT policies of the
 * table; `new` and `old` say whether they let through the row as it is and as it was, null where
 * there is no such row. */
void explain_put_policies(struct buf *out, const struct policies *p, const struct identity *who,
                          const struct change *c);
/* {"sight":…,"told":…,"words":…}: what is told to this person, if they ask for it: `told` is the type
 * of the event, or null. */
void explain_put_verdict(struct buf *out, const struct policies *p, const struct identity *who,
                         const struct change *c);
/* {"told":…,"reason":…,"terms":[{"column":…,"operator":…,"value":…,"result":…,"words":…}],"words":…}:
 * of a binding of theirs. */
void explain_put_binding(struct buf *out, const struct policies *p, const struct identity *who,
                         const struct change *c, const struct binding *b);
/* The channels of that user's connections, as objects with commas between:
 * {"topic":…,"is_private":…,"is_behind":…,"next_seq":…,"bindings":[…],"words":…}.  `user`: an id, or
 * the name of a role that has none, "anon" or "service_role". */
void explain_put_channels(struct buf *out, const struct hub *h, struct bytes user,
                          const struct change *c);

#endif
