/* The checker is a machine over bytes.  A lead byte goes to the state that says which range the
 * next byte must be in, and how many plain continuations (80..BF) follow that:
 *
 *     lead      state     next byte   then
 *     00..7F    ACCEPT
 *     C2..DF    TAIL1     80..BF      ACCEPT
 *     E0        AFTER_E0  A0..BF      TAIL1      (less would be overlong)
 *     ED        AFTER_ED  80..9F      TAIL1      (more would be a surrogate)
 *     other Ex  TAIL2     80..BF      TAIL1
 *     F0        AFTER_F0  90..BF      TAIL2      (less would be overlong)
 *     F4        AFTER_F4  80..8F      TAIL2      (more would be past U+10FFFF)
 *     F1..F3    TAIL3     80..BF      TAIL2
 *     others    REJECT
 */
#include "base/utf8.h"

enum {
    TAIL1 = 2,
    TAIL2,
    TAIL3,
    AFTER_E0,
    AFTER_ED,
    AFTER_F0,
    AFTER_F4,
};

struct range {
    unsigned char from, to, then;
};

static const struct range next_of[] = {
    [UTF8_ACCEPT] = {1, 0, UTF8_REJECT}, [UTF8_REJECT] = {1, 0, UTF8_REJECT},
    [TAIL1] = {0x80, 0xbf, UTF8_ACCEPT}, [TAIL2] = {0x80, 0xbf, TAIL1},
    [TAIL3] = {0x80, 0xbf, TAIL2},       [AFTER_E0] = {0xa0, 0xbf, TAIL1},
    [AFTER_ED] = {0x80, 0x9f, TAIL1},    [AFTER_F0] = {0x90, 0xbf, TAIL2},
    [AFTER_F4] = {0x80, 0x8f, TAIL2},
};

static uint32_t after_lead(unsigned char c)
{
    if (c < 0x80)
        return UTF8_ACCEPT;
    if (c < 0xc2 || c > 0xf4)
        return UTF8_REJECT;
    if (c < 0xe0)
        return TAIL1;
    if (c < 0xf0)
        return c == 0xe0 ? AFTER_E0 : c == 0xed ? AFTER_ED : TAIL2;
    return c == 0xf0 ? AFTER_F0 : c == 0xf4 ? AFTER_F4 : TAIL3;
}

static uint32_t step(uint32_t state, unsigned char c)
{
    if (state == UTF8_ACCEPT)
        return after_lead(c);
    const struct range *r = &next_of[state];
    return c >= r->from && c <= r->to ? r->then : UTF8_REJECT;
}

static size_t skip_ascii(struct bytes b, size_t from)
{
    uint64_t word;
    while (b.size - from >= sizeof(word)) {
        memcpy(&word, b.data + from, sizeof(word));
        if (word & UINT64_C(0x8080808080808080))
            break;
        from += sizeof(word);
    }
    return from;
}

uint32_t utf8_feed(uint32_t state, struct bytes piece)
{
    for (size_t i = 0; i < piece.size && state != UTF8_REJECT; i++) {
        if (state == UTF8_ACCEPT) {
            i = skip_ascii(piece, i);
            if (i == piece.size)
                break;
        }
        state = step(state, (unsigned char)piece.data[i]);
    }
    return state;
}

bool utf8_is_valid(struct bytes b)
{
    return utf8_feed(UTF8_ACCEPT, b) == UTF8_ACCEPT;
}

size_t utf8_first_size(struct bytes b)
{
    uint32_t state = UTF8_ACCEPT;
    for (size_t i = 0; i < b.size; i++) {
        state = step(state, (unsigned char)b.data[i]);
        if (state == UTF8_ACCEPT)
            return i + 1;
        if (state == UTF8_REJECT)
            break;
    }
    return 0;
}

static char tail(uint32_t code_point, unsigned shift)
{
    return (char)(0x80 | ((code_point >> shift) & 0x3f));
}

size_t utf8_encode(uint32_t code_point, char out[4])
{
    if (code_point < 0x80) {
        out[0] = (char)code_point;
        return 1;
    }
    if (code_point < 0x800) {
        out[0] = (char)(0xc0 | (code_point >> 6));
        out[1] = tail(code_point, 0);
        return 2;
    }
    if (code_point > 0x10ffff || (code_point >= 0xd800 && code_point <= 0xdfff))
        return 0;
    if (code_point < 0x10000) {
        out[0] = (char)(0xe0 | (code_point >> 12));
        out[1] = tail(code_point, 6);
        out[2] = tail(code_point, 0);
        return 3;
    }
    out[0] = (char)(0xf0 | (code_point >> 18));
    out[1] = tail(code_point, 12);
    out[2] = tail(code_point, 6);
    out[3] = tail(code_point, 0);
    return 4;
}

size_t utf8_length(struct bytes b)
{
    size_t count = 0;
    for (size_t i = 0; i < b.size; i++)
        count += ((unsigned char)b.data[i] & 0xc0) != 0x80;
    return count;
}
