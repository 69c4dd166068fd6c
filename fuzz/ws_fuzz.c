/* ws_fuzz: the WebSocket decoder.  The first byte says into what pieces the rest is cut, and its
 * highest bit whether compression was negotiated; whole and in pieces the messages and the end must
 * be the same. */
#include <stdlib.h>

#include "base/utf8.h"
#include "proto/ws.h"

#include "fuzz.h"

enum { MESSAGE_MAX = 300, GATHERED_MAX = MESSAGE_MAX + 64, DEFLATES = 0x80 };

static struct inflater inflater;

static void log_message(struct buf *log, const struct ws_message *m)
{
    assert(m->payload.data != NULL);
    assert(m->payload.size <= MESSAGE_MAX);
    if (m->opcode == WS_TEXT || m->opcode == WS_CLOSE)
        assert(utf8_is_valid(m->payload));
    buf_put_u64(log, (uint64_t)m->opcode);
    buf_put_char(log, ' ');
    buf_put_u64(log, (uint64_t)m->close_code);
    buf_put_char(log, ' ');
    buf_put(log, m->payload);
    buf_put_char(log, '\n');
}

/* One piece, in memory of its own size. */
static enum err feed(struct ws_decoder *d, struct bytes piece, struct buf *log)
{
    char *copy = malloc(piece.size);
    assert(copy != NULL);
    memcpy(copy, piece.data, piece.size);
    struct ws_input in = {copy, piece.size};
    struct ws_message m;
    enum err e = ws_decode(d, &in, &m);
    while (!e) {
        log_message(log, &m);
        e = ws_decode(d, &in, &m);
    }
    assert(e == ERR_AGAIN ? in.size == 0 : ws_decode(d, &in, &m) == e);
    free(copy);
    return e;
}

static enum err decode(struct bytes wire, uint8_t how, size_t step, struct buf *log)
{
    struct ws_decoder d;
    enum err e = ERR_AGAIN;
    ws_decoder_init(&d, MESSAGE_MAX);
    if (how & DEFLATES)
        ws_decoder_inflate_with(&d, &inflater);
    for (size_t at = 0; e == ERR_AGAIN && at < wire.size; at += step)
        e = feed(&d, bytes_slice(wire, at, at + step), log);
    assert(d.partial.capacity <= GATHERED_MAX);
    assert(inflater.text.capacity <= MESSAGE_MAX + 1);
    ws_decoder_done(&d);
    return e;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    struct bytes wire = fuzz_input(data + 1, size - 1);
    struct buf whole, pieces;
    buf_init(&whole, SIZE_MAX / 2);
    buf_init(&pieces, SIZE_MAX / 2);
    enum err e = decode(wire, data[0], wire.size, &whole);
    assert(e == decode(wire, data[0], (size_t)data[0] % 32 + 1, &pieces));
    assert(bytes_equal(buf_bytes(&whole), buf_bytes(&pieces)));
    buf_done(&whole);
    buf_done(&pieces);
    return 0;
}
