#include "base/json.h"

#include <assert.h>

#include "base/utf8.h"

/* What the text is read with.  The checking functions return false at the first fault; err then
 * says which. */
struct scan {
    const char *at, *end;
    unsigned depth;
    enum err err;
};

#define EACH_BYTE(c) (UINT64_C(0x0101010101010101) * (uint64_t)(c))

/* The first byte is the lowest on every machine. */
static uint64_t load_word(const char *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof(word));
    return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? word : __builtin_bswap64(word);
}

/* The high bit of each zero byte; bits above the lowest one set may be wrong. */
static uint64_t zero_bytes(uint64_t word)
{
    return (word - EACH_BYTE(0x01)) & ~word & EACH_BYTE(0x80);
}

static uint64_t string_ends(uint64_t word)
{
    return zero_bytes(word ^ EACH_BYTE('"')) | zero_bytes(word ^ EACH_BYTE('\\'));
}

/* Like string_ends, and bytes below 0x20 and above 0x7f. */
static uint64_t not_plain(uint64_t word)
{
    uint64_t control = (word - EACH_BYTE(0x20)) & ~word & EACH_BYTE(0x80);
    return string_ends(word) | control | (word & EACH_BYTE(0x80));
}

static bool is_plain(char c)
{
    return (unsigned char)c >= 0x20 && (unsigned char)c < 0x80 && c != '"' && c != '\\';
}

/* The first byte of p..end that cannot be copied as it is. */
static const char *skip_plain(const char *p, const char *end)
{
    for (; end - p >= 8; p += 8) {
        uint64_t found = not_plain(load_word(p));
        if (found)
            return p + __builtin_ctzll(found) / 8;
    }
    while (p < end && is_plain(*p))
        p++;
    return p;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static const char *skip_space(const char *p, const char *end)
{
    while (p < end && is_space(*p))
        p++;
    return p;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* 0..15, or 16 for what is no hex digit. */
static uint32_t hex_value(char c)
{
    if (is_digit(c))
        return (uint32_t)(c - '0');
    if (c >= 'a' && c <= 'f')
        return (uint32_t)(c - 'a') + 10;
    if (c >= 'A' && c <= 'F')
        return (uint32_t)(c - 'A') + 10;
    return 16;
}

/* --- checking --- */

static bool fail(struct scan *s, enum err e)
{
    s->err = e;
    return false;
}

static bool is_next(const struct scan *s, char c)
{
    return s->at < s->end && *s->at == c;
}

static bool take(struct scan *s, char c)
{
    if (!is_next(s, c))
        return false;
    s->at++;
    return true;
}

static void space(struct scan *s)
{
    s->at = skip_space(s->at, s->end);
}

/* At the backslash. */
static bool check_escape(struct scan *s)
{
    const char *p = s->at + 1;
    if (p == s->end || *p == '\0' || !strchr("\"\\/bfnrtu", *p))
        return fail(s, ERR_SYNTAX);
    if (*p++ == 'u') {
        if (s->end - p < 4)
            return fail(s, ERR_SYNTAX);
        for (int i = 0; i < 4; i++) {
            if (hex_value(*p++) > 15)
                return fail(s, ERR_SYNTAX);
        }
    }
    s->at = p;
    return true;
}

static bool check_string(struct scan *s)
{
    s->at++;
    for (;;) {
        s->at = skip_plain(s->at, s->end);
        if (take(s, '"'))
            return true;
        if (is_next(s, '\\')) {
            if (!check_escape(s))
                return false;
            continue;
        }
        size_t size = 0;
        if (s->at < s->end && (unsigned char)*s->at >= 0x80)
            size = utf8_first_size((struct bytes){s->at, (size_t)(s->end - s->at)});
        if (size == 0)
            return fail(s, ERR_SYNTAX);
        s->at += size;
    }
}

static bool check_digits(struct scan *s)
{
    const char *from = s->at;
    while (s->at < s->end && is_digit(*s->at))
        s->at++;
    return s->at > from || fail(s, ERR_SYNTAX);
}

static bool check_number(struct scan *s)
{
    take(s, '-');
    if (!take(s, '0') && !check_digits(s))
        return false;
    if (take(s, '.') && !check_digits(s))
        return false;
    if (!take(s, 'e') && !take(s, 'E'))
        return true;
    if (!take(s, '+'))
        take(s, '-');
    return check_digits(s);
}

static bool check_word(struct scan *s, struct bytes word)
{
    struct bytes rest = {s->at, (size_t)(s->end - s->at)};
    if (!bytes_starts_with(rest, word))
        return fail(s, ERR_SYNTAX);
    s->at += word.size;
    return true;
}

static bool check_value(struct scan *s);

static bool check_key(struct scan *s)
{
    space(s);
    if (!is_next(s, '"'))
        return fail(s, ERR_SYNTAX);
    if (!check_string(s))
        return false;
    space(s);
    return take(s, ':') || fail(s, ERR_SYNTAX);
}

/* An array or an object: at the bracket that opens it. */
static bool check_members(struct scan *s, bool has_keys, char closing)
{
    s->at++;
    space(s);
    if (take(s, closing))
        return true;
    do {
        if (has_keys && !check_key(s))
            return false;
        space(s);
        if (!check_value(s))
            return false;
        space(s);
    } while (take(s, ','));
    return take(s, closing) || fail(s, ERR_SYNTAX);
}

static bool check_container(struct scan *s)
{
    if (s->depth == JSON_DEPTH_MAX)
        return fail(s, ERR_LIMIT);
    s->depth++;
    bool is_object = *s->at == '{';
    bool ok = check_members(s, is_object, is_object ? '}' : ']');
    s->depth--;
    return ok;
}

/* Recursion is bounded by JSON_DEPTH_MAX. */
static bool check_value(struct scan *s)
{
    switch (s->at < s->end ? *s->at : '\0') {
    case '{':
    case '[':
        return check_container(s);
    case '"':
        return check_string(s);
    case 't':
        return check_word(s, BYTES("true"));
    case 'f':
        return check_word(s, BYTES("false"));
    case 'n':
        return check_word(s, BYTES("null"));
    default:
        return check_number(s);
    }
}

static enum json_type type_of(char first)
{
    switch (first) {
    case '{':
        return JSON_OBJECT;
    case '[':
        return JSON_ARRAY;
    case '"':
        return JSON_STRING;
    case 't':
        return JSON_TRUE;
    case 'f':
        return JSON_FALSE;
    case 'n':
        return JSON_NULL;
    default:
        return JSON_NUMBER;
    }
}

enum err json_parse(struct bytes text, struct json_value *out)
{
    if (text.size == 0)
        return ERR_SYNTAX;
    struct scan s = {.at = text.data, .end = text.data + text.size};
    space(&s);
    const char *from = s.at;
    if (!check_value(&s))
        return s.err;
    struct bytes raw = {from, (size_t)(s.at - from)};
    space(&s);
    if (s.at < s.end)
        return ERR_SYNTAX;
    *out = (struct json_value){type_of(*from), raw};
    return OK;
}

/* --- walking over text that has been checked --- */

/* From behind the opening quote to behind the closing one. */
static const char *skip_string(const char *p, const char *end)
{
    for (;;) {
        uint64_t found = 0;
        while (end - p >= 8 && !(found = string_ends(load_word(p))))
            p += 8;
        if (found)
            p += __builtin_ctzll(found) / 8;
        else
            while (*p != '"' && *p != '\\')
                p++;
        if (*p == '"')
            return p + 1;
        p += 2;
    }
}

/* From behind the opening bracket to behind its closing one. */
static const char *skip_container(const char *p, const char *end)
{
    for (unsigned depth = 1; depth > 0;) {
        switch (*p++) {
        case '"':
            p = skip_string(p, end);
            break;
        case '{':
        case '[':
            depth++;
            break;
        case '}':
        case ']':
            depth--;
            break;
        default:
            break;
        }
    }
    return p;
}

/* To `end` at most, which is where the container around it closes. */
static const char *skip_value(const char *p, const char *end)
{
    if (*p == '"')
        return skip_string(p + 1, end);
    if (*p == '{' || *p == '[')
        return skip_container(p + 1, end);
    while (p < end && *p != ',' && !is_space(*p))
        p++;
    return p;
}

struct json_iter json_iter(struct json_value array_or_object)
{
    if (array_or_object.type != JSON_ARRAY && array_or_object.type != JSON_OBJECT)
        return (struct json_iter){NULL, NULL};
    const char *from = array_or_object.raw.data;
    return (struct json_iter){from + 1, from + array_or_object.raw.size - 1};
}

/* `end` stands at the closing bracket, which tells whether there are keys. */
bool json_next(struct json_iter *it, struct bytes *key, struct json_value *out)
{
    const char *p = skip_space(it->at, it->end);
    if (p < it->end && *p == ',')
        p = skip_space(p + 1, it->end);
    if (p == it->end)
        return false;
    *key = (struct bytes){p, 0};
    if (*it->end == '}') {
        const char *behind = skip_string(p + 1, it->end);
        key->size = (size_t)(behind - p);
        p = skip_space(skip_space(behind, it->end) + 1, it->end);
    }
    it->at = skip_value(p, it->end);
    *out = (struct json_value){type_of(*p), {p, (size_t)(it->at - p)}};
    return true;
}

enum err json_get(struct json_value object, struct bytes name, struct json_value *out)
{
    if (object.type != JSON_OBJECT)
        return ERR_NOT_FOUND;
    enum err e = ERR_NOT_FOUND;
    struct json_iter it = json_iter(object);
    struct bytes key;
    struct json_value value;
    while (json_next(&it, &key, &value)) {
        if (json_string_equals(key, name)) {
            *out = value;
            e = OK;
        }
    }
    return e;
}

/* --- strings --- */

static struct bytes inside(struct bytes raw)
{
    assert(raw.size >= 2 && raw.data[0] == '"');
    return (struct bytes){raw.data + 1, raw.size - 2};
}

static uint32_t hex4(const char *p)
{
    uint32_t n = 0;
    for (int i = 0; i < 4; i++)
        n = n << 4 | hex_value(p[i]);
    return n;
}

/* `*at` is behind a checked `\u`, and is left behind what was taken. */
static uint32_t decode_unicode(const char **at, const char *end)
{
    uint32_t high = hex4(*at);
    *at += 4;
    if (high < 0xd800 || high > 0xdfff)
        return high;
    if (high > 0xdbff || end - *at < 6 || (*at)[0] != '\\' || (*at)[1] != 'u')
        return 0xfffd;
    uint32_t low = hex4(*at + 2);
    if (low < 0xdc00 || low > 0xdfff)
        return 0xfffd;
    *at += 6;
    return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
}

/* `*at` is at the backslash of a checked escape.  Returns the number of bytes in `out`. */
static size_t decode_escape(const char **at, const char *end, char out[4])
{
    static const char from[] = "bfnrt";
    static const char to[] = "\b\f\n\r\t";
    char c = (*at)[1];
    *at += 2;
    if (c == 'u')
        return utf8_encode(decode_unicode(at, end), out);
    const char *found = strchr(from, c);
    out[0] = found ? to[found - from] : c;
    return 1;
}

/* The slow way, for strings with escapes. */
static bool decoded_equals(struct bytes in, struct bytes text)
{
    const char *p = in.data;
    const char *end = in.data + in.size;
    size_t done = 0;
    while (p < end) {
        char unit[4] = {*p};
        size_t size = 1;
        if (*p == '\\')
            size = decode_escape(&p, end, unit);
        else
            p++;
        if (text.size - done < size || memcmp(text.data + done, unit, size) != 0)
            return false;
        done += size;
    }
    return done == text.size;
}

bool json_string_equals(struct bytes raw, struct bytes text)
{
    struct bytes in = inside(raw);
    /* An escape is always longer than what it stands for. */
    if (in.size < text.size)
        return false;
    if (in.size > text.size)
        return decoded_equals(in, text);
    return bytes_equal(in, text) && bytes_find_char(in, '\\') == in.size;
}

void json_string_decode(struct buf *out, struct bytes raw)
{
    struct bytes in = inside(raw);
    const char *p = in.data;
    const char *end = in.data + in.size;
    while (p < end) {
        size_t size = bytes_find_char((struct bytes){p, (size_t)(end - p)}, '\\');
        buf_put(out, (struct bytes){p, size});
        p += size;
        if (p == end)
            break;
        char unit[4];
        size = decode_escape(&p, end, unit);
        buf_put(out, (struct bytes){unit, size});
    }
}

enum err json_to_i64(struct json_value v, int64_t *out)
{
    if (v.type != JSON_NUMBER)
        return ERR_TYPE;
    return bytes_to_i64(v.raw, out) ? ERR_RANGE : OK;
}

enum err json_to_bool(struct json_value v, bool *out)
{
    if (v.type == JSON_TRUE || v.type == JSON_FALSE)
        *out = v.type == JSON_TRUE;
    else if (v.type == JSON_STRING && json_string_equals(v.raw, BYTES("true")))
        *out = true;
    else if (v.type == JSON_STRING && json_string_equals(v.raw, BYTES("false")))
        *out = false;
    else
        return ERR_TYPE;
    return OK;
}

/* --- writing --- */

static void put_ascii_escape(struct buf *out, char c)
{
    static const char digits[] = "0123456789abcdef";
    static const char from[] = "\"\\\b\f\n\r\t";
    static const char to[] = "\"\\bfnrt";
    const char *found = c ? strchr(from, c) : NULL;
    if (found) {
        char pair[2] = {'\\', to[found - from]};
        buf_put(out, (struct bytes){pair, sizeof(pair)});
        return;
    }
    buf_put_literal(out, "\\u00");
    buf_put_char(out, digits[(unsigned char)c >> 4]);
    buf_put_char(out, digits[(unsigned char)c & 15]);
}

/* Writes what is at `p`, which is not plain; returns what is behind it. */
static const char *put_special(struct buf *out, const char *p, const char *end)
{
    if ((unsigned char)*p < 0x80) {
        put_ascii_escape(out, *p);
        return p + 1;
    }
    size_t size = utf8_first_size((struct bytes){p, (size_t)(end - p)});
    if (size == 0) {
        buf_put_literal(out, "\xef\xbf\xbd");
        return p + 1;
    }
    buf_put(out, (struct bytes){p, size});
    return p + size;
}

void json_put_string(struct buf *out, struct bytes text)
{
    buf_put_char(out, '"');
    const char *p = text.data;
    const char *end = text.size ? text.data + text.size : text.data;
    while (p < end) {
        const char *from = p;
        p = skip_plain(p, end);
        buf_put(out, (struct bytes){from, (size_t)(p - from)});
        if (p < end)
            p = put_special(out, p, end);
    }
    buf_put_char(out, '"');
}

void json_put_key(struct buf *out, struct bytes name)
{
    char last = out->size ? out->data[out->size - 1] : '{';
    if (last != '{' && last != '[')
        buf_put_char(out, ',');
    json_put_string(out, name);
    buf_put_char(out, ':');
}
