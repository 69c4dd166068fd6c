#include "auth/identity.h"

static const struct bytes names[ROLE_COUNT] = {
    [ROLE_ANON] = BYTES_INIT("anon"),
    [ROLE_OWNER] = BYTES_INIT("owner"),
    [ROLE_MANAGER] = BYTES_INIT("manager"),
    [ROLE_SALES_REP] = BYTES_INIT("sales_rep"),
    [ROLE_SERVICE] = BYTES_INIT("service_role"),
};

struct bytes role_name(enum role r)
{
    return names[r];
}

enum err role_parse(struct bytes name, enum role *out)
{
    for (int i = 0; i < ROLE_COUNT; i++) {
        if (bytes_equal(names[i], name)) {
            *out = (enum role)i;
            return OK;
        }
    }
    return ERR_NOT_FOUND;
}
