/* tape: one client, and all that it was told and asked, so that another build of it can be shown to
 * do the same.  Each function is the one of include/homebake/client.h, written down when there is a
 * script; what the client wants goes into the hash.  Pure: it is compiled to WebAssembly as well. */
#ifndef SIM_TAPE_H
#define SIM_TAPE_H

#include "base/buf.h"
#include "homebake/client.h"

struct tape {
    struct hb_client *client; /* for what changes nothing: rows, status, deadline */
    struct buf *script;       /* NULL: nothing is written down */
    uint64_t hash;
};

/* Of the settings: apikey, seed, frame_wait_ms, hidden, hidden_close_ms and kept_max; the others are
 * the defaults. */
enum hb_error tape_new(struct tape *t, const struct hb_settings *s, int64_t now);
void tape_free(struct tape *t, int64_t now);
enum hb_error tape_subscribe(struct tape *t, const struct hb_query *q, int64_t now, uint32_t *out);
void tape_unsubscribe(struct tape *t, uint32_t subscriber, int64_t now);
void tape_start(struct tape *t, int64_t now);
void tape_retry(struct tape *t, uint32_t subscriber, int64_t now);
void tape_opened(struct tape *t, uint32_t connection, int64_t now);
void tape_message(struct tape *t, uint32_t connection, struct hb_text message, int64_t now);
void tape_closed(struct tape *t, uint32_t connection, uint32_t code, int64_t now);
void tape_fetched(struct tape *t, uint32_t request, uint32_t status, uint64_t seq,
                  struct hb_text epoch, struct hb_text body, int64_t now);
void tape_set_token(struct tape *t, struct hb_text token, int64_t expires_in_ms, int64_t now);
void tape_set_online(struct tape *t, bool is_online, int64_t now);
void tape_set_visible(struct tape *t, bool is_visible, int64_t now);
void tape_frame(struct tape *t, int64_t now);
void tape_tick(struct tape *t, int64_t now);
bool tape_next(struct tape *t, struct hb_action *out);

/* Does again what the script says, and gives the hash of it.  ERR_SYNTAX: no script; ERR_NOMEM. */
MUST_USE enum err tape_play(struct bytes script, uint64_t *hash);

#endif
