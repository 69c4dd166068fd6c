/* api: HTTP requests of /rest/v1, /auth/v1, /api and /realtime/v1/api, as state machines without I/O.
 *
 *   api_begin(call, request) -> action
 *   while the action asks for something: do it, api_resume(call) -> action
 *   API_RESPOND: the answer is in call->response
 *
 * Shard thread only, but for the store request, reply and password, which the thread that does the
 * action uses while the call waits. */
#ifndef API_API_H
#define API_API_H

#include "auth/directory.h"
#include "auth/password.h"
#include "auth/token.h"
#include "proto/http.h"
#include "store/store.h"

struct token_cache;   /* api/token_cache.h */
struct sign_in_limit; /* api/sign_in_limit.h */

struct api_limits {
    size_t arena_max;     /* memory of one request (4 MiB) */
    size_t body_max;      /* of an answer (16 MiB) */
    uint64_t rows_max;    /* of one answer (1,000,000) */
    int64_t token_life_s; /* 3600 */
    struct store_message_limits messages;
    int64_t reuse_interval_us; /* refresh tokens: 10 s */
    uint32_t sign_in_burst;    /* tries for one email address at once (10), */
    int64_t sign_in_period_us; /* then one per period (5 s) */
    uint32_t broadcasts_max;   /* of one request (1,000) */
};
extern const struct api_limits api_limits_default;

/* What all calls of a shard share; owned by the shard, outlives them. */
struct api {
    const struct catalogue *catalogue;
    const struct policies *policies;
    const struct directory *directory;
    const unsigned char *secret;
    const struct store_settings *settings;
    struct bytes epoch;
    struct api_limits limits;
    size_t broadcast_max; /* bytes of the payload of one, as on the socket */
    const char *version;
    /* Fills with secret random bytes (io/entropy); the only side effect that api may ask for
     * directly. */
    void (*entropy)(void *out, size_t size);
    struct token_cache *token_cache;     /* NULL: every token is verified anew */
    struct sign_in_limit *sign_in_limit; /* NULL: sign-ins are not limited */
};

enum api_action {
    API_RESPOND,
    API_READ,      /* store_read(call->request) into call->reply, on a reader */
    API_WRITE,     /* store_write, on the writer */
    API_BROADCAST, /* give the hub call->broadcasts, in order */
    API_PASSWORD /* call->password_result = password_verify(call->password_hash, call->password), on
                    a reader */
};

/* A message to the members of a topic; its parts live as long as the call. */
struct api_broadcast {
    struct bytes topic; /* "realtime:…" */
    struct bytes event;
    struct bytes payload; /* JSON text */
    bool is_raw;          /* … or any bytes */
    bool is_private;
};

struct api_response {
    int status;
    struct buf headers; /* "name: value\r\n" lines, without Content-Length and Date */
    struct bytes body;  /* borrowed from the call */
};

struct api_call {
    const struct api *api;
    struct arena arena;
    struct store_request request;
    struct store_reply reply;
    struct bytes password;
    const char *password_hash; /* NULL when there is no such person */
    enum err password_result;
    struct api_broadcast *broadcasts; /* those that may be said; in the arena */
    size_t broadcast_count;
    struct api_response response;
    struct buf scratch; /* bodies that api itself makes */
    /* private to api/ */
    int step;
    void *state;
    bool is_head;  /* no body */
    bool is_auth;  /* errors in GoTrue's shape */
    bool is_dated; /* … of the API version 2024-01-01 */
};

/* A call may be used again after api_call_reset; memory is kept for the next one. */
void api_call_init(struct api_call *c, const struct api *a);
void api_call_reset(struct api_call *c);
void api_call_done(struct api_call *c);

/* True for paths that api answers: /rest/v1…, /auth/v1…, /api…, /realtime/v1/api…. */
bool api_owns(struct bytes path);
/* `r` is borrowed until the call ends. */
enum api_action api_begin(struct api_call *c, const struct http_request *r, int64_t now_us);
enum api_action api_resume(struct api_call *c, int64_t now_us);
/* Makes the answer for a call that could not be carried out: the writer or the readers are busy
 * (503, with Retry-After). */
void api_refuse_busy(struct api_call *c);

#endif
