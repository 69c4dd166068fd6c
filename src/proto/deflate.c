#include "proto/deflate.h"

#define ZLIB_CONST
#include <assert.h>
#include <zlib.h>

#include "base/mem.h"

enum {
    LEVEL = 1, /* the other connections wait while we compress */
    MEMORY_LEVEL = 8,
    GZIP_BITS = DEFLATE_WHOLE_BITS + 16, /* zlib's sign for a gzip header */
    FIRST_ROOM = 1024,
    TEXT_MAX = 1 << 30,
    AT_BLOCK_END =
        128 /* of z_stream.data_type: no bit is left over, the last block was not final */
};

/* The end of every compressed message, which is not sent (7.2.1). */
static const struct bytes TAIL = BYTES_INIT("\x00\x00\xff\xff");

static void *take_memory(void *context, unsigned count, unsigned size)
{
    (void)context;
    return mem_array(count, size);
}

static void give_memory(void *context, void *memory)
{
    (void)context;
    mem_free(memory);
}

static z_stream *new_stream(void)
{
    z_stream *s = mem_zalloc(sizeof(*s));
    if (s) {
        s->zalloc = take_memory;
        s->zfree = give_memory;
    }
    return s;
}

/* ---- in ---- */

void inflater_init(struct inflater *z)
{
    *z = (struct inflater){.stream = NULL};
}

void inflater_done(struct inflater *z)
{
    if (z->stream)
        inflateEnd(z->stream);
    mem_free(z->stream);
    buf_done(&z->text);
    inflater_init(z);
}

static enum err begin_inflate(struct inflater *z)
{
    if (z->stream)
        return inflateReset(z->stream) == Z_OK ? OK : ERR_NOMEM;
    z_stream *s = new_stream();
    if (!s || inflateInit2(s, -DEFLATE_WHOLE_BITS) != Z_OK) {
        mem_free(s);
        return ERR_NOMEM;
    }
    z->stream = s;
    return OK;
}

static int inflate_some(struct inflater *z)
{
    z_stream *s = z->stream;
    size_t room = z->text.capacity - z->text.size;
    s->next_out = (Bytef *)z->text.data + z->text.size;
    s->avail_out = (uInt)room;
    int status = inflate(s, Z_SYNC_FLUSH);
    buf_advance(&z->text, room - s->avail_out);
    return status;
}

/* All of the piece.  `*is_final`: it ends with a final block (7.2.3.4); what stands behind an
 * earlier one is read as a new stream. */
static enum err inflate_piece(struct inflater *z, struct bytes piece, bool *is_final)
{
    z_stream *s = z->stream;
    s->next_in = (const Bytef *)piece.data;
    s->avail_in = (uInt)piece.size;
    for (;;) {
        if (!buf_reserve(&z->text, 1))
            return z->text.err;
        int status = inflate_some(z);
        *is_final = status == Z_STREAM_END;
        if (status == Z_MEM_ERROR)
            return ERR_NOMEM;
        if (status != Z_OK && status != Z_BUF_ERROR && status != Z_STREAM_END)
            return ERR_TYPE;
        if (s->avail_in == 0 && (*is_final || s->avail_out > 0))
            return OK;
        if (*is_final && inflateReset(s) != Z_OK)
            return ERR_NOMEM;
    }
}

static enum err inflate_message(struct inflater *z, struct bytes payload)
{
    bool is_final = false;
    enum err e = OK;
    if (payload.size)
        e = inflate_piece(z, payload, &is_final);
    if (e || is_final)
        return e;
    e = inflate_piece(z, TAIL, &is_final);
    return !e && z->stream->data_type != AT_BLOCK_END ? ERR_TYPE : e;
}

enum err inflater_run(struct inflater *z, struct bytes payload, size_t max, struct bytes *out)
{
    assert(max < TEXT_MAX && payload.size < TEXT_MAX);
    enum err e = begin_inflate(z);
    if (e)
        return e;
    buf_reset(&z->text);
    z->text.max = max + 1; /* the byte too many tells that there is more */
    (void)buf_reserve(&z->text, max < FIRST_ROOM ? max + 1 : FIRST_ROOM);
    e = inflate_message(z, payload);
    if (!e && z->text.size > max)
        e = ERR_LIMIT;
    if (e)
        return e;
    z->messages++;
    z->from_bytes += payload.size;
    z->to_bytes += z->text.size;
    *out = buf_bytes(&z->text);
    return OK;
}

/* ---- out ---- */

void deflater_init(struct deflater *z)
{
    *z = (struct deflater){.payload = {.max = TEXT_MAX}};
}

void deflater_done(struct deflater *z)
{
    for (int i = 0; i < DEFLATE_WINDOWS; i++) {
        if (z->streams[i])
            deflateEnd(z->streams[i]);
        mem_free(z->streams[i]);
    }
    buf_done(&z->payload);
    deflater_init(z);
}

/* `bits`: of the window, negative without a header. */
static enum err begin_deflate(z_stream **stream, int bits)
{
    if (*stream)
        return deflateReset(*stream) == Z_OK ? OK : ERR_NOMEM;
    z_stream *s = new_stream();
    if (!s || deflateInit2(s, LEVEL, Z_DEFLATED, bits, MEMORY_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK) {
        mem_free(s);
        return ERR_NOMEM;
    }
    *stream = s;
    return OK;
}

enum err deflater_run(struct deflater *z, enum deflate_window window, struct bytes text,
                      struct bytes *out)
{
    assert(window != DEFLATE_NONE && text.size < TEXT_MAX - TAIL.size);
    z_stream **stream = &z->streams[window - DEFLATE_SMALL];
    enum err e =
        begin_deflate(stream, window == DEFLATE_SMALL ? -DEFLATE_SMALL_BITS : -DEFLATE_WHOLE_BITS);
    if (e)
        return e;
    buf_reset(&z->payload);
    size_t room = text.size + TAIL.size;
    char *at = buf_reserve(&z->payload, room);
    if (!at)
        return z->payload.err;
    z_stream *s = *stream;
    s->next_in = (const Bytef *)text.data;
    s->avail_in = (uInt)text.size;
    s->next_out = (Bytef *)at;
    s->avail_out = (uInt)room;
    if (deflate(s, Z_SYNC_FLUSH) != Z_OK || s->avail_out == 0)
        return ERR_LIMIT;
    size_t size = room - s->avail_out - TAIL.size;
    z->messages++;
    z->from_bytes += text.size;
    z->to_bytes += size;
    *out = (struct bytes){at, size};
    return OK;
}

/* ---- bodies ---- */

void gzipper_init(struct gzipper *z)
{
    *z = (struct gzipper){.stream = NULL};
}

void gzipper_done(struct gzipper *z)
{
    if (z->stream)
        deflateEnd(z->stream);
    mem_free(z->stream);
    gzipper_init(z);
}

enum err gzipper_run(struct gzipper *z, struct bytes text, struct buf *out)
{
    assert(text.size < TEXT_MAX);
    enum err e = begin_deflate(&z->stream, GZIP_BITS);
    if (e)
        return e;
    char *at = buf_reserve(out, text.size);
    if (!at)
        return out->err;
    z_stream *s = z->stream;
    s->next_in = (const Bytef *)text.data;
    s->avail_in = (uInt)text.size;
    s->next_out = (Bytef *)at;
    s->avail_out = (uInt)text.size;
    if (deflate(s, Z_FINISH) != Z_STREAM_END || s->avail_out == 0)
        return ERR_LIMIT;
    buf_advance(out, text.size - s->avail_out);
    return OK;
}
