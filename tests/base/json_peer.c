#include "json_peer.h"

#include <jansson.h>

static json_t *load(struct bytes text, json_error_t *error)
{
    return json_loadb(text.data ? text.data : "", text.size, JSON_DECODE_ANY | JSON_ALLOW_NUL,
                      error);
}

static bool is_out_of_scope(const json_error_t *error)
{
    enum json_error_code code = json_error_code(error);
    return code == json_error_numeric_overflow || code == json_error_null_byte_in_key ||
           strncmp(error->text, "invalid Unicode", 15) == 0;
}

enum peer_answer peer_read(struct bytes text)
{
    json_error_t error;
    json_t *v = load(text, &error);
    if (!v)
        return is_out_of_scope(&error) ? PEER_OUT_OF_SCOPE : PEER_REFUSED;
    json_decref(v);
    return PEER_ACCEPTED;
}

bool peer_is_equal(struct bytes a, struct bytes b)
{
    json_error_t error;
    json_t *first = load(a, &error);
    json_t *second = load(b, &error);
    bool equal = first && second && json_equal(first, second);
    json_decref(first);
    json_decref(second);
    return equal;
}
