#include "base/bytes.h"

struct bytes bytes_slice(struct bytes b, size_t from, size_t to)
{
    if (to > b.size)
        to = b.size;
    if (from > to)
        from = to;
    return (struct bytes){from ? b.data + from : b.data, to - from};
}

int bytes_compare(struct bytes a, struct bytes b)
{
    size_t common = a.size < b.size ? a.size : b.size;
    int order = common ? memcmp(a.data, b.data, common) : 0;
    if (order)
        return order;
    return (a.size > b.size) - (a.size < b.size);
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool bytes_equal_nocase(struct bytes a, struct bytes b)
{
    if (a.size != b.size)
        return false;
    for (size_t i = 0; i < a.size; i++) {
        if (lower(a.data[i]) != lower(b.data[i]))
            return false;
    }
    return true;
}

bool bytes_starts_with(struct bytes b, struct bytes prefix)
{
    return b.size >= prefix.size && bytes_equal(bytes_slice(b, 0, prefix.size), prefix);
}

bool bytes_ends_with(struct bytes b, struct bytes suffix)
{
    return b.size >= suffix.size &&
           bytes_equal(bytes_slice(b, b.size - suffix.size, b.size), suffix);
}

size_t bytes_find_char(struct bytes b, char c)
{
    const char *at = b.size ? memchr(b.data, c, b.size) : NULL;
    return at ? (size_t)(at - b.data) : b.size;
}

size_t bytes_find(struct bytes b, struct bytes needle)
{
    if (needle.size == 0)
        return 0;
    const char *at = b.size ? memmem(b.data, b.size, needle.data, needle.size) : NULL;
    return at ? (size_t)(at - b.data) : b.size;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

struct bytes bytes_trim(struct bytes b)
{
    size_t from = 0;
    size_t to = b.size;
    while (from < to && is_blank(b.data[from]))
        from++;
    while (to > from && is_blank(b.data[to - 1]))
        to--;
    return bytes_slice(b, from, to);
}

bool bytes_split(struct bytes *rest, char separator, struct bytes *out)
{
    if (!rest->data)
        return false;
    size_t at = bytes_find_char(*rest, separator);
    *out = bytes_slice(*rest, 0, at);
    *rest = at < rest->size ? bytes_slice(*rest, at + 1, rest->size) : (struct bytes){NULL, 0};
    return true;
}

uint64_t bytes_hash(struct bytes b, uint64_t seed)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325) ^ seed;
    for (size_t i = 0; i < b.size; i++)
        h = (h ^ (unsigned char)b.data[i]) * UINT64_C(0x100000001b3);
    /* The low bits of FNV are weak, and tables take the low bits. */
    h ^= h >> 32;
    h *= UINT64_C(0x9e3779b97f4a7c15);
    return h ^ (h >> 29);
}

enum err bytes_to_u64(struct bytes b, uint64_t *out)
{
    if (b.size == 0)
        return ERR_SYNTAX;
    uint64_t n = 0;
    bool over = false;
    for (size_t i = 0; i < b.size; i++) {
        unsigned digit = (unsigned)((unsigned char)b.data[i]) - '0';
        if (digit > 9)
            return ERR_SYNTAX;
        over |= __builtin_mul_overflow(n, UINT64_C(10), &n);
        over |= __builtin_add_overflow(n, (uint64_t)digit, &n);
    }
    if (over)
        return ERR_RANGE;
    *out = n;
    return OK;
}

enum err bytes_to_i64(struct bytes b, int64_t *out)
{
    bool negative = b.size > 0 && b.data[0] == '-';
    uint64_t n;
    enum err e = bytes_to_u64(bytes_slice(b, negative, b.size), &n);
    if (e)
        return e;
    if (n > (uint64_t)INT64_MAX + negative)
        return ERR_RANGE;
    *out = negative ? (int64_t)(0 - n) : (int64_t)n;
    return OK;
}
