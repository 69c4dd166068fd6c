#include "server/bakery.h"

#include "auth/token.h"
#include "base/json.h"

/* The keys never change while the secret is the same: fixed times, 2026 to 2100. */
enum { KEYS_ISSUED_S = 1767225600 };
#define KEYS_EXPIRE_S INT64_C(4102444800)

static void put_key(struct buf *out, const struct store *s, enum token_kind kind)
{
    struct claims c = {.kind = kind, .issued_s = KEYS_ISSUED_S, .expires_s = KEYS_EXPIRE_S};
    buf_put_char(out, '"');
    token_sign(out, store_secret(s), &c, NULL, BYTES("homebake"));
    buf_put_char(out, '"');
}

int cmd_keys(int argc, char **argv)
{
    const char *folder = NULL;
    const struct option options[] = {{"--data", &folder, NULL, NULL, true}};
    if (!cmd_parse("keys", argc, argv, options, 1))
        return EXIT_USAGE;
    struct bakery b;
    if (bakery_open(&b, "keys", folder))
        return EXIT_FAILED;
    struct buf out;
    buf_init(&out, 4096);
    buf_put_literal(&out, "{\"anon\": ");
    put_key(&out, b.store, TOKEN_ANON);
    buf_put_literal(&out, ", \"service_role\": ");
    put_key(&out, b.store, TOKEN_SERVICE);
    buf_put_literal(&out, "}\n");
    bakery_close(&b);
    int code = out.err ? EXIT_FAILED : cmd_print(buf_bytes(&out));
    buf_done(&out);
    return code;
}
