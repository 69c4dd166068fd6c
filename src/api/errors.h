/* errors: a refusal, and the JSON bodies that say it: {"code","message","details","hint"} of
 * PostgREST (protocol rest-auth 6), and the two shapes of GoTrue (10).  Pure, any thread. */
#ifndef API_ERRORS_H
#define API_ERRORS_H

#include "base/buf.h"
#include "store/store.h"

struct fault {
    int status;                          /* HTTP's; 0: none */
    const char *code;                    /* PostgreSQL's, PostgREST's or GoTrue's; borrowed */
    struct bytes message, details, hint; /* borrowed; data NULL: null */
    unsigned retry_after_s;              /* 0: not said */
    bool details_is_json;                /* details is JSON text already (PGRST201) */
};

/* What the store refused; the texts stay the store reply's. */
struct fault fault_of_store(const struct store_error *e);
/* {"code":…,"message":…,"details":…,"hint":…}, nulls present. */
void fault_put_json(struct buf *out, const struct fault *f);
/* GoTrue's: {"code":"<code>","message":…} when the client named an API version (is_dated), else
 * {"code":<status>,"error_code":"<code>","msg":…}. */
void fault_put_auth_json(struct buf *out, const struct fault *f, bool is_dated);

#endif
