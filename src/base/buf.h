/* buf: a growing run of bytes with a sticky error: writers need no check, the reader asks once.
 * Owns its memory.  One thread at a time. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/bytes.h"

struct buf {
    char *data;
    size_t size;
    size_t capacity;
    size_t max;   /* never grows past this */
    enum err err; /* the first: ERR_NOMEM, or ERR_LIMIT past max; later puts do nothing */
};

/* No memory is taken before the first put. */
void buf_init(struct buf *b, size_t max);
void buf_done(struct buf *b);
/* Empty again, error cleared, memory kept. */
void buf_reset(struct buf *b);
void buf_put(struct buf *b, struct bytes bytes);
void buf_put_char(struct buf *b, char c);
void buf_put_u64(struct buf *b, uint64_t n);
void buf_put_i64(struct buf *b, int64_t n);
/* `width` digits at least, filled with zeros (for times). */
void buf_put_u64_padded(struct buf *b, uint64_t n, unsigned width);
/* Room for `size` more bytes, which buf_advance commits; NULL with the error set when there is
 * none. */
char *buf_reserve(struct buf *b, size_t size);
void buf_advance(struct buf *b, size_t size);
/* Drops the first `count` bytes. */
void buf_shift(struct buf *b, size_t count);
/* What has been written; borrowed until the next put. */
struct bytes buf_bytes(const struct buf *b);

#define buf_put_literal(b, literal) buf_put((b), BYTES(literal))

#endif
