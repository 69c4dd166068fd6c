#include "base/like.h"

#include "base/utf8.h"

enum err like_check(struct bytes pattern)
{
    bool is_escape = false;
    if (pattern.size > LIKE_PATTERN_MAX)
        return ERR_LIMIT;
    for (size_t i = 0; i < pattern.size; i++)
        is_escape = !is_escape && pattern.data[i] == '\\';
    return is_escape ? ERR_SYNTAX : OK;
}

/* ---- characters ---- */

/* The code point that `b`, which is not empty, begins with; a stray byte counts as a character past
 * all of Unicode. */
static uint32_t first_char(struct bytes b, size_t *size)
{
    size_t n = utf8_first_size(b);
    uint32_t first = (unsigned char)b.data[0], c;
    *size = n ? n : 1;
    if (n == 0)
        return 0x110000 + first;
    if (n == 1)
        return first;
    c = first & (0x7fU >> n);
    for (size_t i = 1; i < n; i++)
        c = c << 6 | ((unsigned char)b.data[i] & 0x3fU);
    return c;
}

static bool is_within(uint32_t c, uint32_t first, uint32_t last)
{
    return c >= first && c <= last;
}

/* Blocks in which the small letter stands a fixed way behind the capital. */
static uint32_t fold_shifted(uint32_t c)
{
    if (is_within(c, 'A', 'Z') || (is_within(c, 0xc0, 0xde) && c != 0xd7))
        return c + 0x20;
    if (is_within(c, 0x391, 0x3a9) || is_within(c, 0x410, 0x42f))
        return c + 0x20;
    return is_within(c, 0x400, 0x40f) ? c + 0x50 : c;
}

/* The small letter of a capital one. */
static uint32_t fold(uint32_t c)
{
    /* Latin Extended-A and Additional: pairs, the capital first; on odd places in two stretches. */
    bool is_odd_first = is_within(c, 0x139, 0x148) || is_within(c, 0x179, 0x17e);
    bool is_even_first = is_within(c, 0x100, 0x12f) || is_within(c, 0x132, 0x137) ||
                         is_within(c, 0x14a, 0x177) || is_within(c, 0x1e00, 0x1e95) ||
                         is_within(c, 0x1ea0, 0x1eff);
    if (c == 0x178)
        return 0xff;
    if (is_odd_first)
        return c + (c & 1);
    return is_even_first ? c | 1 : fold_shifted(c);
}

/* ---- matching ---- */

static uint32_t take(struct bytes *left)
{
    size_t size;
    uint32_t c = first_char(*left, &size);
    *left = bytes_slice(*left, size, left->size);
    return c;
}

/* Does the pattern's first element, which is no `%`, match the text's first character?  Then both
 * move on. */
static bool step(struct bytes *pattern, struct bytes *text, bool is_nocase)
{
    struct bytes p = *pattern, t = *text;
    uint32_t want = take(&p), got = take(&t);
    bool is_any = want == '_';
    if (want == '\\' && p.size > 0)
        want = take(&p);
    bool is_same = want == got || (is_nocase && fold(want) == fold(got));
    if (!is_any && !is_same)
        return false;
    *pattern = p;
    *text = t;
    return true;
}

static bool begins_with_any(struct bytes pattern)
{
    return pattern.size > 0 && pattern.data[0] == '%';
}

/* Only the last `%` seen is ever widened: what an earlier one could take, it can take too. */
bool like_matches(struct bytes pattern, struct bytes text, bool is_nocase)
{
    struct bytes after = {NULL, 0}, retry = text;
    bool has_any = false;
    while (text.size > 0) {
        if (begins_with_any(pattern)) {
            pattern = bytes_slice(pattern, 1, pattern.size);
            after = pattern;
            retry = text;
            has_any = true;
        } else if (pattern.size == 0 || !step(&pattern, &text, is_nocase)) {
            if (!has_any)
                return false;
            take(&retry);
            text = retry;
            pattern = after;
        }
    }
    while (begins_with_any(pattern))
        pattern = bytes_slice(pattern, 1, pattern.size);
    return pattern.size == 0;
}
