#include "base/base64.h"

static const char plain_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static uint32_t octet(struct bytes in, size_t i)
{
    return i < in.size ? (unsigned char)in.data[i] : 0;
}

/* Writes the digits of the up to three bytes at `i`, without padding; returns how many. */
static size_t encode_group(char *out, struct bytes in, size_t i, const char *digits)
{
    uint32_t bits = octet(in, i) << 16 | octet(in, i + 1) << 8 | octet(in, i + 2);
    size_t count = in.size - i >= 3 ? 4 : in.size - i + 1;
    for (unsigned k = 0; k < count; k++)
        out[k] = digits[(bits >> (18 - 6 * k)) & 63];
    return count;
}

static void encode(struct buf *out, struct bytes in, const char *digits, bool padded)
{
    size_t digits_size = in.size / 3 * 4 + (in.size % 3 ? in.size % 3 + 1 : 0);
    char *at = buf_reserve(out, padded ? (digits_size + 3) / 4 * 4 : digits_size);
    if (!at)
        return;
    size_t size = 0;
    for (size_t i = 0; i < in.size; i += 3)
        size += encode_group(at + size, in, i, digits);
    while (padded && size % 4)
        at[size++] = '=';
    buf_advance(out, size);
}

void base64_encode(struct buf *out, struct bytes in)
{
    encode(out, in, plain_digits, true);
}

void base64url_encode(struct buf *out, struct bytes in)
{
    encode(out, in, url_digits, false);
}

/* 0..63, or 64 for what is no digit. */
static uint32_t value_of(char c, const char *digits)
{
    if (c >= 'A' && c <= 'Z')
        return (uint32_t)(c - 'A');
    if (c >= 'a' && c <= 'z')
        return (uint32_t)(c - 'a') + 26;
    if (c >= '0' && c <= '9')
        return (uint32_t)(c - '0') + 52;
    return c == digits[62] ? 62 : c == digits[63] ? 63 : 64;
}

/* Decodes 2..4 digits to 1..3 bytes. */
static enum err decode_group(char *out, struct bytes digits, const char *alphabet)
{
    uint32_t bits = 0;
    for (size_t k = 0; k < 4; k++) {
        uint32_t value = k < digits.size ? value_of(digits.data[k], alphabet) : 0;
        if (value == 64)
            return ERR_SYNTAX;
        bits = bits << 6 | value;
    }
    /* The bits that no byte takes must be zero: one text for one run of bytes. */
    uint32_t stray = digits.size == 2 ? 0xffff : digits.size == 3 ? 0xff : 0;
    if (bits & stray)
        return ERR_SYNTAX;
    for (unsigned k = 0; k + 1 < digits.size; k++)
        out[k] = (char)(bits >> (16 - 8 * k) & 0xff);
    return OK;
}

static enum err decode(struct buf *out, struct bytes in, const char *alphabet)
{
    if (in.size % 4 == 1)
        return ERR_SYNTAX;
    size_t size = in.size / 4 * 3 + (in.size % 4 ? in.size % 4 - 1 : 0);
    char *at = buf_reserve(out, size);
    if (!at)
        return out->err;
    for (size_t i = 0; i < in.size; i += 4, at += 3) {
        enum err e = decode_group(at, bytes_slice(in, i, i + 4), alphabet);
        if (e)
            return e;
    }
    buf_advance(out, size);
    return OK;
}

enum err base64_decode(struct buf *out, struct bytes in)
{
    if (in.size % 4)
        return ERR_SYNTAX;
    for (int i = 0; i < 2 && in.size && in.data[in.size - 1] == '='; i++)
        in.size--;
    return decode(out, in, plain_digits);
}

enum err base64url_decode(struct buf *out, struct bytes in)
{
    return decode(out, in, url_digits);
}
