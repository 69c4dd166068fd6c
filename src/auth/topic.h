/* topic: who may hear and say what on private channels.  The policies of the table `messages` rule it
 * (schema/policies/messages.sql), as if each message were a row of it: SELECT is to hear, INSERT to say.  Pure; any
 * thread. */
#ifndef AUTH_TOPIC_H
#define AUTH_TOPIC_H

#include "auth/policy.h"

/* `verb`: VERB_SELECT or VERB_INSERT; `topic`: behind "realtime:"; `extension`: "broadcast" or "presence".  The row
 * asked about has topic, extension and private.  Closed when there is no such table or policy, when the topic is longer than 1,024 bytes, and
 * when there is no memory to undo the escapes of one that has quotes, backslashes or control characters. */
bool topic_may(const struct policies *p, const struct catalogue *c, const struct identity *who,
               enum verb verb, struct bytes topic, struct bytes extension);

/* Has the row asked about that column?  A policy that asks for another cannot be evaluated, nor one that asks for the
 * clock, and is an error. */
bool topic_has_column(struct bytes name);

#endif
