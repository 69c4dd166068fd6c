#include "api/errors.h"

struct fault fault_of_store(const struct store_error *e)
{
    return (struct fault){.status = e->status,
                          .code = e->code,
                          .message = e->message,
                          .details = e->details,
                          .hint = e->hint};
}

static void put_text(struct buf *out, struct bytes name, struct bytes text)
{
    json_put_key(out, name);
    if (text.data)
        json_put_string(out, text);
    else
        buf_put_literal(out, "null");
}

void fault_put_json(struct buf *out, const struct fault *f)
{
    buf_put_char(out, '{');
    put_text(out, BYTES("code"), bytes_of(f->code));
    put_text(out, BYTES("message"), f->message);
    if (f->details_is_json) {
        json_put_key(out, BYTES("details"));
        buf_put(out, f->details);
    } else {
        put_text(out, BYTES("details"), f->details);
    }
    put_text(out, BYTES("hint"), f->hint);
    buf_put_char(out, '}');
}

void fault_put_auth_json(struct buf *out, const struct fault *f, bool is_dated)
{
    buf_put_char(out, '{');
    if (is_dated) {
        put_text(out, BYTES("code"), bytes_of(f->code));
        put_text(out, BYTES("message"), f->message);
    } else {
        json_put_key(out, BYTES("code"));
        buf_put_i64(out, f->status);
        put_text(out, BYTES("error_code"), bytes_of(f->code));
        put_text(out, BYTES("msg"), f->message);
    }
    buf_put_char(out, '}');
}
