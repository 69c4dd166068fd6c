/* access: who is asking, by `apikey` and `Authorization` (protocol rest-auth 1, 6). */
#ifndef API_ACCESS_H
#define API_ACCESS_H

#include "api/answer.h"
#include "api/headers.h"

/* Is the gateway's key there and good?  False: the answer (401) is made. */
bool access_key(struct api_call *c, const struct request_headers *h, int64_t now_us);
/* For REST: the key, then the identity of the bearer token; without one, of the key itself.  False:
 * the answer (401) is made. */
bool access_rest(struct api_call *c, const struct request_headers *h, int64_t now_us,
                 struct identity *who);
/* For /api: the identity of a bearer token that must be a person's or the service's.  False: the
 * answer is made. */
bool access_person(struct api_call *c, const struct request_headers *h, int64_t now_us,
                   struct identity *who);
/* For broadcasts: the identity of the bearer token; without one, of the key.  Returns 0, or the
 * status of the refusal, whose answer is not made: 401, or 403 for an account that is disabled. */
int access_speaker(struct api_call *c, const struct request_headers *h, int64_t now_us,
                   struct identity *who);
/* For /auth: the claims of a person's bearer token.  False: the answer (401 no_authorization, 403
 * bad_jwt) is made. */
bool access_claims(struct api_call *c, const struct request_headers *h, int64_t now_us,
                   struct claims *out);

#endif
