#include "base/buf.h"

#include <assert.h>

#include "base/mem.h"

enum { BUF_FIRST = 64, U64_DIGITS = 20 };

void buf_init(struct buf *b, size_t max)
{
    *b = (struct buf){.max = max};
}

void buf_done(struct buf *b)
{
    mem_free(b->data);
    *b = (struct buf){.max = b->max};
}

void buf_reset(struct buf *b)
{
    b->size = 0;
    b->err = OK;
}

/* Twice what there is, or what is needed, but never past max; needed <= max. */
static size_t grown(const struct buf *b, size_t needed)
{
    size_t size = b->capacity ? b->capacity : BUF_FIRST / 2;
    size = size <= b->max / 2 ? size * 2 : b->max;
    return size > needed ? size : needed;
}

static enum err grow(struct buf *b, size_t more)
{
    if (more > b->max - b->size)
        return ERR_LIMIT;
    size_t capacity = grown(b, b->size + more);
    char *data = mem_realloc(b->data, capacity);
    if (!data)
        return ERR_NOMEM;
    b->data = data;
    b->capacity = capacity;
    return OK;
}

char *buf_reserve(struct buf *b, size_t size)
{
    if (b->err)
        return NULL;
    if (size > b->capacity - b->size || !b->data) {
        b->err = grow(b, size);
        if (b->err)
            return NULL;
    }
    return b->data + b->size;
}

void buf_advance(struct buf *b, size_t size)
{
    assert(size <= b->capacity - b->size);
    b->size += size;
}

void buf_put(struct buf *b, struct bytes bytes)
{
    if (bytes.size == 0)
        return;
    char *room = buf_reserve(b, bytes.size);
    if (!room)
        return;
    memcpy(room, bytes.data, bytes.size);
    b->size += bytes.size;
}

void buf_put_char(struct buf *b, char c)
{
    char *room = buf_reserve(b, 1);
    if (!room)
        return;
    *room = c;
    b->size++;
}

void buf_put_u64(struct buf *b, uint64_t n)
{
    buf_put_u64_padded(b, n, 1);
}

void buf_put_i64(struct buf *b, int64_t n)
{
    if (n < 0)
        buf_put_char(b, '-');
    buf_put_u64(b, n < 0 ? 0 - (uint64_t)n : (uint64_t)n);
}

void buf_put_u64_padded(struct buf *b, uint64_t n, unsigned width)
{
    char digits[U64_DIGITS];
    size_t at = sizeof(digits);
    do {
        digits[--at] = (char)('0' + n % 10);
        n /= 10;
    } while (n);
    for (size_t i = sizeof(digits) - at; i < width; i++)
        buf_put_char(b, '0');
    buf_put(b, (struct bytes){digits + at, sizeof(digits) - at});
}

void buf_shift(struct buf *b, size_t count)
{
    assert(count <= b->size);
    b->size -= count;
    if (b->size && count)
        memmove(b->data, b->data + count, b->size);
}

struct bytes buf_bytes(const struct buf *b)
{
    return (struct bytes){b->data, b->size};
}
