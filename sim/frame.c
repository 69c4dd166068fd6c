/* Frames of the WebSocket protocol, from the client's side (RFC 6455, section 5). */
#include "world.h"

void frame_put(struct world *w, struct buf *out, uint8_t first, struct bytes payload)
{
    char mask[4];
    uint64_t random = rng_next(&w->rng);
    memcpy(mask, &random, sizeof(mask));
    buf_put_char(out, (char)first);
    if (payload.size < 126) {
        buf_put_char(out, (char)(0x80 | payload.size));
    } else {
        buf_put_char(out, (char)(0x80 | 126));
        buf_put_char(out, (char)(payload.size >> 8));
        buf_put_char(out, (char)(payload.size & 0xff));
    }
    buf_put(out, (struct bytes){mask, sizeof(mask)});
    for (size_t i = 0; i < payload.size; i++)
        buf_put_char(out, (char)(payload.data[i] ^ mask[i % 4]));
}

bool frame_measure(struct bytes in, size_t *header, size_t *size)
{
    const unsigned char *p = (const unsigned char *)in.data;
    if (in.size < 2)
        return false;
    *size = p[1];
    *header = p[1] < 126 ? 2 : p[1] == 126 ? 4 : 10;
    if (in.size < *header)
        return false;
    if (*header > 2)
        *size = 0;
    for (size_t i = 2; i < *header; i++)
        *size = *size << 8 | p[i];
    return in.size - *header >= *size;
}
