/* token: JSON Web Tokens with HS256 (RFC 7519, 7515), with the claims of GoTrue.  Pure but for libsodium's
 * HMAC.  Any thread. */
#ifndef AUTH_TOKEN_H
#define AUTH_TOKEN_H

#include "auth/identity.h"
#include "base/buf.h"

enum { TOKEN_SECRET_SIZE = 32 };

enum token_kind { TOKEN_ANON, TOKEN_SERVICE, TOKEN_USER };

struct claims {
    enum token_kind kind;           /* by the claim `role`: anon, service_role, authenticated */
    char user_id[UUID_SIZE + 1];    /* `sub`, TOKEN_USER only */
    char session_id[UUID_SIZE + 1]; /* `session_id`, TOKEN_USER only */
    int64_t issued_s, expires_s;    /* Unix seconds */
};

/* Why a token was refused, as the answers word it. */
enum token_fault {
    TOKEN_OK,
    TOKEN_MALFORMED, /* not three parts, base64, JSON, or not HS256 */
    TOKEN_BAD_SIGNATURE,
    TOKEN_NO_CLAIMS, /* `role` or `exp` missing, unknown role, or a user token without a uuid in `sub` */
    TOKEN_EXPIRED
};

/* Constant-time signature check first, then claims.  `out` is written when TOKEN_OK or TOKEN_EXPIRED. */
MUST_USE enum token_fault token_verify(const unsigned char secret[TOKEN_SECRET_SIZE],
                                       struct bytes token, int64_t now_s, struct claims *out);

/* What a user token says beside the claims. */
struct token_person {
    struct bytes email, name, role; /* role: owner, …; put in app_metadata and user_metadata */
};
/* The members `app_metadata` and `user_metadata` of a JSON object, the same in tokens and answers. */
void token_put_metadata(struct buf *out, const struct token_person *p);
/* Appends a signed token; `person` may be NULL (anon and service keys).  Errors stick to the buffer. */
void token_sign(struct buf *out, const unsigned char secret[TOKEN_SECRET_SIZE],
                const struct claims *c, const struct token_person *person, struct bytes issuer);

#endif
