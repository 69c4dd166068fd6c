/* answer_fuzz: what a server says to a client: answers in all their forms, the opening
 * handshake, and the frames behind it.  The first byte says into what pieces the rest is cut,
 * and whether it answers an upgrade; whole and in pieces the same must come of it. */
#include <stdlib.h>

#include "posix/answer.h"
#include "proto/ws.h"

#include "fuzz.h"

enum { BODY_MAX = 200, MESSAGE_MAX = 300, UPGRADE = 0x80 };

static const char accept[] = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

struct run {
    struct answer_reader reader;
    struct ws_decoder decoder;
    bool is_open; /* frames follow */
    struct buf *log;
};

static void put_line(struct buf *log, struct bytes text)
{
    assert(text.data != NULL || text.size == 0);
    buf_put(log, text);
    buf_put_char(log, '\n');
}

static void log_answer(struct run *r, const struct answer *a)
{
    assert(a->status >= 100 && a->status <= 599);
    assert(a->head.size < ANSWER_HEAD_MAX && a->body.size <= r->reader.body_max);
    struct bytes value = answer_header(a, BYTES("HomeBake-Epoch"));
    assert(bytes_find_char(value, '\n') == value.size && bytes_find_char(value, 0) == value.size);
    buf_put_u64(r->log, a->status);
    put_line(r->log, value);
    put_line(r->log, a->body);
}

static enum err take_frames(struct run *r, struct bytes in)
{
    struct ws_input frames = {(char *)(uintptr_t)in.data, in.size};
    struct ws_message m;
    enum err e;
    while ((e = ws_decode(&r->decoder, &frames, &m)) == OK) {
        assert(m.payload.size <= MESSAGE_MAX);
        buf_put_u64(r->log, m.opcode);
        put_line(r->log, m.payload);
    }
    assert(e != ERR_AGAIN || frames.size == 0);
    return e;
}

/* One piece, in memory of its own size.  ERR_CLOSED: the answer is whole, and nothing follows. */
static enum err feed(struct run *r, struct bytes piece)
{
    char *copy = malloc(piece.size);
    assert(copy != NULL);
    memcpy(copy, piece.data, piece.size);
    struct bytes in = {copy, piece.size};
    struct answer a;
    enum err e = r->is_open ? take_frames(r, in) : answer_reader_feed(&r->reader, &in, &a);
    assert(e != ERR_AGAIN || r->is_open || in.size == 0);
    if (e == OK) {
        log_answer(r, &a);
        r->is_open = r->reader.is_head_only && answer_is_upgrade(&a, bytes_of(accept));
        e = r->is_open ? take_frames(r, in) : ERR_CLOSED;
    }
    free(copy);
    return e;
}

static enum err run(struct bytes wire, size_t step, bool is_upgrade, struct buf *log)
{
    struct run r = {.log = log};
    struct answer a;
    enum err e = ERR_AGAIN;
    answer_reader_init(&r.reader, is_upgrade ? 0 : BODY_MAX, is_upgrade);
    ws_decoder_init(&r.decoder, MESSAGE_MAX);
    ws_decoder_of_client(&r.decoder);
    for (size_t at = 0; e == ERR_AGAIN && at < wire.size; at += step)
        e = feed(&r, bytes_slice(wire, at, at + step));
    if (e == ERR_AGAIN && !r.is_open && answer_reader_end(&r.reader, &a) == OK)
        log_answer(&r, &a);
    answer_reader_done(&r.reader);
    ws_decoder_done(&r.decoder);
    return e;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    struct bytes wire = fuzz_input(data + 1, size - 1);
    bool is_upgrade = data[0] & UPGRADE;
    struct buf whole, pieces;
    buf_init(&whole, SIZE_MAX / 2);
    buf_init(&pieces, SIZE_MAX / 2);
    enum err e = run(wire, wire.size, is_upgrade, &whole);
    assert(e == run(wire, (size_t)data[0] % 32 + 1, is_upgrade, &pieces));
    assert(bytes_equal(buf_bytes(&whole), buf_bytes(&pieces)));
    buf_done(&whole);
    buf_done(&pieces);
    return 0;
}
