/* host: a host and a server by script.  What the client wants done is written down, a line each; what
 * the server says is given by the test. */
#ifndef CLIENT_HOST_H
#define CLIENT_HOST_H

#include "homebake/client.h"
#include "check.h"

struct host {
    struct hb_client *c;
    int64_t now;
    struct buf log;
    uint32_t connection; /* of the last HB_OPEN */
    uint32_t request;    /* of the last HB_FETCH */
    uint32_t beat;       /* the ref of the last heartbeat */
    const char *epoch;   /* of what the server says: "E1" */
    bool answers_beats;  /* at once */
    bool shows_joins;    /* else "JOIN <ref> <topic> <epoch>:<seq>" */
};

/* Visible, online, with the token "T", not started; frames are not waited for. */
void host_init(struct host *h);
void host_init_with(struct host *h, const struct hb_settings *s);
void host_done(struct host *h);
/* Carries out all actions, and writes them down. */
void host_run(struct host *h);
/* What has been written down since the last call is this, line by line. */
#define host_says(h, want) host_check((h), (want), __FILE__, __LINE__)
void host_check(struct host *h, const char *want, const char *file, int line);
void host_forget(struct host *h);

/* Started, opened and the first heartbeat answered; nothing written down. */
void host_start(struct host *h);
/* The first connection is not made; what is written down begins with the second. */
void host_lose_first(struct host *h);
uint32_t host_subscribe(struct host *h, const char *table, const char *filter,
                        enum hb_priority priority);
/* Waits so long, in steps from deadline to deadline. */
void host_wait(struct host *h, int64_t ms);
void host_tell(struct host *h, const char *message);
/* The ref of the last join written down. */
uint32_t host_last_join(struct host *h);
/* phx_reply to the join with this ref. */
void host_joined(struct host *h, uint32_t ref, const char *topic, uint64_t seq, bool is_replayed);
void host_refused(struct host *h, uint32_t ref, const char *topic, const char *reason);
/* data: type, then record and old_record as JSON, NULL: none. */
void host_change(struct host *h, const char *topic, uint64_t seq, const char *type,
                 const char *record, const char *old_record);
void host_fetched(struct host *h, uint64_t seq, const char *rows);
/* Subscribed to `table`, joined at `seq` and loaded with these rows; nothing written down. */
uint32_t host_live(struct host *h, const char *table, uint64_t seq, const char *rows);
enum hb_subscription host_state(struct host *h, uint32_t subscriber);
struct hb_status host_status(struct host *h);

#endif
