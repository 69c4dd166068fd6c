#include "auth/password.h"

#include <sodium.h>

enum { OPERATIONS = 2, MEMORY_SIZE = 19 * 1024 * 1024, KEY_SIZE = 32 };

_Static_assert(crypto_pwhash_argon2id_STRBYTES <= PASSWORD_HASH_SIZE, "the encoded hash fits");

enum err password_hash(struct bytes password, char out[PASSWORD_HASH_SIZE])
{
    if (password.size < PASSWORD_MIN || password.size > PASSWORD_MAX)
        return ERR_RANGE;
    char hash[crypto_pwhash_argon2id_STRBYTES];
    if (sodium_init() < 0 ||
        crypto_pwhash_argon2id_str(hash, password.data, password.size, OPERATIONS, MEMORY_SIZE))
        return ERR_NOMEM;
    memset(out, 0, PASSWORD_HASH_SIZE);
    memcpy(out, hash, sizeof(hash));
    return OK;
}

/* As much work as a real check, for an account that is none. */
static void work_in_vain(struct bytes password)
{
    static const unsigned char salt[crypto_pwhash_argon2id_SALTBYTES] = "no such account";
    unsigned char key[KEY_SIZE];
    int rc = crypto_pwhash_argon2id(key, sizeof(key), password.data, password.size, salt,
                                    OPERATIONS, MEMORY_SIZE, crypto_pwhash_argon2id_ALG_ARGON2ID13);
    (void)rc;
    sodium_memzero(key, sizeof(key));
}

enum err password_verify(const char *hash, struct bytes password)
{
    if (password.size > PASSWORD_MAX || sodium_init() < 0)
        return ERR_DENIED;
    if (!hash) {
        work_in_vain(password);
        return ERR_DENIED;
    }
    return crypto_pwhash_argon2id_str_verify(hash, password.data, password.size) ? ERR_DENIED : OK;
}
