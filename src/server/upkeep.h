/* upkeep: the thread that looks after the database file: moves the write-ahead log into it a second
 * after a commit, and drops old change-log entries.  Sleeps without a wake-up while nothing is
 * written. */
#ifndef SERVER_UPKEEP_H
#define SERVER_UPKEEP_H

#include "server/limits.h"
#include "server/writer.h"

struct upkeep;

/* `session` is used by the upkeep's thread alone; trimming is done by the writer, in small bites.
 */
MUST_USE enum err upkeep_start(struct store_session *session, const struct server_limits *limits,
                               struct upkeep **out);
/* Before the first commit.  `boxes`, of the shards, are told how far the log reaches back after it
 * was trimmed; they outlive the upkeep. */
void upkeep_set_writer(struct upkeep *u, struct writer *w, struct mailbox *const *boxes,
                       size_t box_count);
/* Something was committed.  Any thread; cheap. */
void upkeep_poke(struct upkeep *u);
/* Ends the thread; upkeep_poke is still allowed.  Takes NULL. */
void upkeep_stop(struct upkeep *u);
void upkeep_free(struct upkeep *u);

#endif
