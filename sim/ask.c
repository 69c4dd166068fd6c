/* HTTP from the client's side: one request on one connection, and its answer. */
#include "world.h"

enum { ANSWER_MAX = 64 << 20 };
static const int64_t patience_us = INT64_C(20000000);

void ask_init(struct ask *a)
{
    *a = (struct ask){.wire = NULL};
    buf_init(&a->in, ANSWER_MAX);
}

void ask_done(struct world *w, struct ask *a)
{
    if (a->wire)
        wire_cut(w, a->wire);
    buf_done(&a->in);
}

static void put_line(struct buf *out, const char *name, struct bytes value)
{
    buf_put(out, bytes_of(name));
    buf_put_literal(out, ": ");
    buf_put(out, value);
    buf_put_literal(out, "\r\n");
}

static void put_head(struct world *w, struct sim_who who, const char *method, struct bytes target,
                     const struct deed *deed)
{
    struct buf *out = &w->text;
    buf_reset(out);
    buf_put(out, bytes_of(method));
    buf_put_char(out, ' ');
    buf_put(out, target);
    buf_put_literal(out, " HTTP/1.1\r\nHost: sim\r\napikey: ");
    world_put_token(w, (struct sim_who){-1, who.person < 0 ? who.role : ROLE_ANON}, LONG_LIFE_S,
                    out);
    buf_put_literal(out, "\r\nAuthorization: Bearer ");
    world_put_token(w, who, LONG_LIFE_S, out);
    buf_put_literal(out, "\r\n");
    if (deed && deed->wants_rows)
        put_line(out, "Prefer", BYTES("return=representation"));
}

bool ask_start(struct world *w, struct ask *a, struct sim_who who, const char *method,
               struct bytes target, struct bytes body, const struct deed *deed)
{
    a->wire = wire_open_http(w, who, deed);
    if (!a->wire)
        return false;
    buf_reset(&a->in);
    a->patience_us = w->now_us + patience_us;
    put_head(w, who, method, target, deed);
    if (body.size > 0) {
        put_line(&w->text, "Content-Type", BYTES("application/json"));
        http_put_header_u64(&w->text, BYTES("Content-Length"), body.size);
    }
    buf_put_literal(&w->text, "\r\n");
    buf_put(&w->text, body);
    world_must(!w->text.err);
    wire_say(w, a->wire, buf_bytes(&w->text));
    return true;
}

static struct bytes header(struct bytes head, const char *name)
{
    struct bytes line, label;
    while (bytes_split(&head, '\n', &line))
        if (bytes_split(&line, ':', &label) && bytes_equal_nocase(label, bytes_of(name)))
            return bytes_trim(bytes_slice(line, 0, bytes_find_char(line, '\r')));
    return (struct bytes){NULL, 0};
}

/* False: it is not whole yet. */
static bool parse(struct world *w, struct bytes in, struct answer *out)
{
    uint64_t size = 0, status;
    size_t end = bytes_find(in, BYTES("\r\n\r\n"));
    if (end == in.size)
        return false;
    struct bytes head = bytes_slice(in, 0, end + 2);
    out->body = bytes_slice(in, end + 4, in.size);
    if (bytes_to_u64(header(head, "Content-Length"), &size) ||
        bytes_to_u64(bytes_slice(head, 9, 12), &status)) {
        world_fail(w, "an answer that cannot be read: %.*s", (int)head.size, head.data);
        return false;
    }
    out->status = (int)status;
    out->seq = 0;
    if (bytes_to_u64(header(head, "HomeBake-Seq"), &out->seq))
        out->seq = 0;
    out->epoch = header(head, "HomeBake-Epoch");
    return out->body.size == size;
}

static void finish(struct world *w, struct ask *a)
{
    wire_cut(w, a->wire);
    a->wire = NULL;
}

enum ask_state ask_poll(struct world *w, struct ask *a, struct answer *out)
{
    bool goes_on = wire_read(w, a->wire, &a->in);
    if (parse(w, buf_bytes(&a->in), out)) {
        finish(w, a);
        return ASK_DONE;
    }
    if (goes_on && w->now_us < a->patience_us)
        return ASK_WAITING;
    finish(w, a);
    return ASK_LOST;
}
