#include "posix/posix_state.h"

enum { FETCH_MS = 60000 };

void request_put_line(struct hb_posix *p, struct buf *out, struct bytes method, struct bytes path)
{
    buf_put(out, method);
    buf_put_char(out, ' ');
    buf_put(out, path);
    buf_put_literal(out, " HTTP/1.1\r\nHost: ");
    buf_put(out, bytes_of(p->target.authority));
    buf_put_literal(out, "\r\n");
}

void request_put_headers(struct hb_posix *p, struct buf *out, struct bytes token)
{
    buf_put_literal(out, "Connection: close\r\n");
    if (p->apikey.size) {
        buf_put_literal(out, "apikey: ");
        buf_put(out, buf_bytes(&p->apikey));
        buf_put_literal(out, "\r\n");
    }
    if (token.size) {
        buf_put_literal(out, "Authorization: Bearer ");
        buf_put(out, token);
        buf_put_literal(out, "\r\n");
    }
}

void request_end(struct request *r)
{
    if (r->purpose == UNUSED)
        return;
    wire_close(&r->wire);
    answer_reader_done(&r->reader);
    r->purpose = UNUSED;
}

bool request_is_any(const struct hb_posix *p, enum purpose purpose)
{
    for (size_t i = 0; i < REQUESTS_MAX; i++) {
        if (p->requests[i].purpose == purpose)
            return true;
    }
    return false;
}

struct request *request_begin(struct hb_posix *p, enum purpose purpose, size_t body_max,
                              enum err *e)
{
    size_t i = 0;
    while (i < REQUESTS_MAX && p->requests[i].purpose != UNUSED)
        i++;
    *e = ERR_FULL;
    if (i == REQUESTS_MAX)
        return NULL;
    struct request *r = &p->requests[i];
    r->purpose = purpose;
    r->deadline = hb_posix_now() + (purpose == FETCH ? FETCH_MS : p->session_ms);
    answer_reader_init(&r->reader, body_max, false);
    *e = wire_open(&r->wire, &p->target, p->tls, &p->lookup);
    if (!*e)
        return r;
    posix_wire_trouble(p, &r->wire, *e);
    request_end(r);
    return NULL;
}

/* ---- snapshots ---- */

static void tell_fetched(struct hb_posix *p, uint32_t id, unsigned status, const struct answer *a)
{
    uint64_t seq = 0;
    struct bytes epoch = {NULL, 0}, body = {NULL, 0};
    if (a) {
        epoch = answer_header(a, BYTES("HomeBake-Epoch"));
        body = a->body;
        if (bytes_to_u64(answer_header(a, BYTES("HomeBake-Seq")), &seq))
            seq = 0;
    }
    hb_client_fetched(p->client, id, status, seq, (struct hb_text){epoch.data, epoch.size},
                      (struct hb_text){body.data, body.size}, hb_posix_now());
}

void request_fetch(struct hb_posix *p, const struct hb_action *a)
{
    enum err e;
    struct request *r = request_begin(p, FETCH, a->code, &e);
    if (!r) {
        tell_fetched(p, a->id, 0, NULL);
        return;
    }
    struct buf *out = &r->wire.out;
    r->id = a->id;
    request_put_line(p, out, BYTES("GET"), (struct bytes){a->text.data, a->text.size});
    request_put_headers(p, out, (struct bytes){a->token.data, a->token.size});
    buf_put_literal(out, "\r\n");
}

void request_cancel(struct hb_posix *p, uint32_t id)
{
    for (size_t i = 0; i < REQUESTS_MAX; i++) {
        if (p->requests[i].purpose == FETCH && p->requests[i].id == id)
            request_end(&p->requests[i]);
    }
}

/* ---- answers ---- */

/* OK: `out` is the whole answer.  ERR_AGAIN: it is not there yet. */
static enum err receive(struct request *r, struct answer *out)
{
    char data[READ_SIZE];
    for (int i = 0; i < TURN_READS_MAX; i++) {
        size_t got;
        enum err e = wire_recv(&r->wire, data, sizeof(data), &got);
        if (e)
            return e == ERR_CLOSED ? answer_reader_end(&r->reader, out) : e;
        struct bytes in = {data, got};
        e = answer_reader_feed(&r->reader, &in, out);
        if (e != ERR_AGAIN)
            return e;
    }
    return ERR_AGAIN;
}

static enum hb_error explain(struct hb_posix *p, const struct request *r, enum err e)
{
    if (e == ERR_AGAIN) {
        posix_trouble(p, "%s does not answer in time", p->target.authority);
        return HB_ERR_SILENT;
    }
    if (r->wire.state == WIRE_OPEN && (e == ERR_SYNTAX || e == ERR_LIMIT)) {
        posix_trouble(p, "%s: the answer %s", p->target.authority,
                      e == ERR_LIMIT ? "is too long" : "cannot be read");
        return HB_ERR_PROTOCOL;
    }
    posix_wire_trouble(p, &r->wire, e);
    return e == ERR_DENIED   ? HB_ERR_DENIED
           : e == ERR_NOMEM  ? HB_ERR_NOMEM
           : e == ERR_SYNTAX ? HB_ERR_PROTOCOL
                             : HB_ERR_NETWORK;
}

static void lose(struct hb_posix *p, const struct request *r, enum err e)
{
    enum hb_error error = explain(p, r, e);
    if (r->purpose != FETCH)
        session_lose(p, r->purpose, error);
    else
        tell_fetched(p, r->id, e == ERR_LIMIT ? 413 : 0, NULL);
}

void request_turn(struct hb_posix *p, struct request *r)
{
    if (r->purpose == UNUSED)
        return;
    struct answer a;
    enum err sent = wire_step(&r->wire);
    bool is_lost = sent && sent != ERR_AGAIN;
    /* Who takes no more may have answered before. */
    enum err e = receive(r, &a);
    if (e == ERR_AGAIN && is_lost)
        e = sent;
    if (e == ERR_AGAIN && hb_posix_now() < r->deadline)
        return;
    if (e)
        lose(p, r, e);
    else if (r->purpose == FETCH)
        tell_fetched(p, r->id, a.status, &a);
    else
        session_take(p, r->purpose, &a);
    request_end(r);
}
