/* auth_json: the user object and the session object of GoTrue (protocol rest-auth 11).  Errors
 * stick to the buffer. */
#ifndef API_AUTH_JSON_H
#define API_AUTH_JSON_H

#include "auth/token.h"
#include "store/store.h"

#define AUTH_ISSUER BYTES("homebake")

struct auth_session {
    const struct store_person *person;
    const char *session_id;
    struct bytes refresh_token;
    int64_t now_s, life_s;
};

void auth_put_user(struct buf *out, const struct store_person *p);
/* {"access_token",…,"user"}; `expires_at` agrees with the token's `exp`. */
void auth_put_session(struct buf *out, const unsigned char secret[TOKEN_SECRET_SIZE],
                      const struct auth_session *s);

#endif
