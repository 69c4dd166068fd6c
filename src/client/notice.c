#include "client/notice.h"

static enum err read_op(struct json_value data, enum hb_op *out)
{
    struct json_value type;
    if (json_get(data, BYTES("type"), &type) || type.type != JSON_STRING)
        return ERR_SYNTAX;
    if (json_string_equals(type.raw, BYTES("INSERT")))
        *out = HB_INSERT;
    else if (json_string_equals(type.raw, BYTES("UPDATE")))
        *out = HB_UPDATE;
    else if (json_string_equals(type.raw, BYTES("DELETE")))
        *out = HB_DELETE;
    else
        return ERR_SYNTAX;
    return OK;
}

static bool read_row(struct json_value data, struct bytes name, struct json_value *out)
{
    return !json_get(data, name, out) && out->type == JSON_OBJECT;
}

static enum err read_ids(struct json_value payload, int64_t binding, bool *is_in)
{
    struct json_value ids, v;
    struct bytes key;
    int64_t id;
    *is_in = false;
    if (json_get(payload, BYTES("ids"), &ids) || ids.type != JSON_ARRAY)
        return ERR_SYNTAX;
    for (struct json_iter it = json_iter(ids); !*is_in && json_next(&it, &key, &v);) {
        if (json_to_i64(v, &id))
            return ERR_SYNTAX;
        *is_in = id == binding;
    }
    return OK;
}

enum err notice_read(struct json_value payload, int64_t binding, struct notice *out)
{
    bool is_in;
    struct notice n = {0};
    struct json_value data, v;
    int64_t seq;
    if (json_get(payload, BYTES("data"), &data) || read_op(data, &n.op) ||
        read_ids(payload, binding, &is_in))
        return ERR_SYNTAX;
    if (json_get(data, BYTES("seq"), &v) || json_to_i64(v, &seq) || seq <= 0)
        return ERR_SYNTAX;
    n.seq = (uint64_t)seq;
    n.is_outside = !is_in;
    n.is_cut = !json_get(data, BYTES("errors"), &v) && v.type != JSON_NULL;
    if (!read_row(data, BYTES("old_record"), &n.old))
        n.old = (struct json_value){0};
    if (n.op == HB_DELETE)
        n.row = n.old;
    else if (!read_row(data, BYTES("record"), &n.row))
        return ERR_SYNTAX;
    if (!n.row.raw.data)
        return ERR_SYNTAX;
    *out = n;
    return OK;
}
