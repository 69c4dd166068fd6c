/* The parts of proto/http.h that need no parser: the response head, percent-encoding, and lists of
 * what is accepted. */
#include "base/utf8.h"
#include "proto/http.h"

struct reason {
    int status;
    struct bytes text;
};

/* The IANA registry's, as far as a server of ours may say them. */
static const struct reason REASONS[] = {
    {100, BYTES_INIT("Continue")},
    {101, BYTES_INIT("Switching Protocols")},
    {200, BYTES_INIT("OK")},
    {201, BYTES_INIT("Created")},
    {202, BYTES_INIT("Accepted")},
    {204, BYTES_INIT("No Content")},
    {206, BYTES_INIT("Partial Content")},
    {301, BYTES_INIT("Moved Permanently")},
    {302, BYTES_INIT("Found")},
    {303, BYTES_INIT("See Other")},
    {304, BYTES_INIT("Not Modified")},
    {307, BYTES_INIT("Temporary Redirect")},
    {308, BYTES_INIT("Permanent Redirect")},
    {400, BYTES_INIT("Bad Request")},
    {401, BYTES_INIT("Unauthorized")},
    {402, BYTES_INIT("Payment Required")},
    {403, BYTES_INIT("Forbidden")},
    {404, BYTES_INIT("Not Found")},
    {405, BYTES_INIT("Method Not Allowed")},
    {406, BYTES_INIT("Not Acceptable")},
    {408, BYTES_INIT("Request Timeout")},
    {409, BYTES_INIT("Conflict")},
    {410, BYTES_INIT("Gone")},
    {411, BYTES_INIT("Length Required")},
    {412, BYTES_INIT("Precondition Failed")},
    {413, BYTES_INIT("Content Too Large")},
    {414, BYTES_INIT("URI Too Long")},
    {415, BYTES_INIT("Unsupported Media Type")},
    {416, BYTES_INIT("Range Not Satisfiable")},
    {417, BYTES_INIT("Expectation Failed")},
    {421, BYTES_INIT("Misdirected Request")},
    {422, BYTES_INIT("Unprocessable Content")},
    {426, BYTES_INIT("Upgrade Required")},
    {428, BYTES_INIT("Precondition Required")},
    {429, BYTES_INIT("Too Many Requests")},
    {431, BYTES_INIT("Request Header Fields Too Large")},
    {500, BYTES_INIT("Internal Server Error")},
    {501, BYTES_INIT("Not Implemented")},
    {502, BYTES_INIT("Bad Gateway")},
    {503, BYTES_INIT("Service Unavailable")},
    {504, BYTES_INIT("Gateway Timeout")},
    {505, BYTES_INIT("HTTP Version Not Supported")},
    {507, BYTES_INIT("Insufficient Storage")},
};

/* Empty for a status that is not in the list, which RFC 9112, 4 allows. */
static struct bytes reason_of(int status)
{
    for (size_t i = 0; i < sizeof(REASONS) / sizeof(REASONS[0]); i++)
        if (REASONS[i].status == status)
            return REASONS[i].text;
    return BYTES("");
}

void http_put_status(struct buf *out, int status)
{
    buf_put_literal(out, "HTTP/1.1 ");
    buf_put_i64(out, status);
    buf_put_char(out, ' ');
    buf_put(out, reason_of(status));
    buf_put_literal(out, "\r\n");
}

static bool breaks_header(char c)
{
    return c == '\r' || c == '\n' || c == 0;
}

static void put_value(struct buf *out, struct bytes value)
{
    size_t from = 0;
    for (size_t i = 0; i < value.size; i++) {
        if (!breaks_header(value.data[i]))
            continue;
        buf_put(out, bytes_slice(value, from, i));
        from = i + 1;
    }
    buf_put(out, bytes_slice(value, from, value.size));
}

void http_put_header(struct buf *out, struct bytes name, struct bytes value)
{
    buf_put(out, name);
    buf_put_literal(out, ": ");
    put_value(out, value);
    buf_put_literal(out, "\r\n");
}

void http_put_header_u64(struct buf *out, struct bytes name, uint64_t value)
{
    buf_put(out, name);
    buf_put_literal(out, ": ");
    buf_put_u64(out, value);
    buf_put_literal(out, "\r\n");
}

/* 0..15, or -1. */
static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* The byte that the `%XX` at `at` stands for, or -1. */
static int escaped_byte(struct bytes in, size_t at)
{
    if (in.size - at < 3)
        return -1;
    int high = hex_digit(in.data[at + 1]);
    int low = hex_digit(in.data[at + 2]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

static enum err decode_into(char *room, size_t *size, struct bytes in, bool plus_is_space)
{
    size_t count = 0;
    for (size_t at = 0; at < in.size; at++) {
        int c = (uint8_t)in.data[at];
        if (c == '%') {
            c = escaped_byte(in, at);
            at += 2;
        } else if (c == '+' && plus_is_space) {
            c = ' ';
        }
        if (c <= 0)
            return ERR_SYNTAX;
        room[count++] = (char)(uint8_t)c;
    }
    *size = count;
    return utf8_is_valid((struct bytes){room, count}) ? OK : ERR_SYNTAX;
}

static enum err decode(struct buf *out, struct bytes encoded, bool plus_is_space)
{
    if (out->err || encoded.size == 0)
        return out->err;
    char *room = buf_reserve(out, encoded.size); /* decoded it is never longer */
    if (!room)
        return out->err;
    size_t size = 0;
    enum err e = decode_into(room, &size, encoded, plus_is_space);
    if (!e)
        buf_advance(out, size);
    return e;
}

enum err http_decode_query(struct buf *out, struct bytes encoded)
{
    return decode(out, encoded, true);
}

enum err http_decode_path(struct buf *out, struct bytes encoded)
{
    return decode(out, encoded, false);
}

bool http_query_next(struct bytes *rest, struct bytes *key, struct bytes *value)
{
    struct bytes pair;
    do {
        if (!bytes_split(rest, '&', &pair))
            return false;
    } while (pair.size == 0);
    size_t equals = bytes_find_char(pair, '=');
    *key = bytes_slice(pair, 0, equals);
    *value = bytes_slice(pair, equals + 1, pair.size);
    return true;
}

/* ---- what is accepted ---- */

/* The q value of a member: false for q=0. */
static bool is_wanted(struct bytes parameters)
{
    struct bytes part;
    while (bytes_split(&parameters, ';', &part)) {
        part = bytes_trim(part);
        if (part.size < 3 || (part.data[0] != 'q' && part.data[0] != 'Q') || part.data[1] != '=')
            continue;
        for (size_t i = 2; i < part.size; i++) {
            if (part.data[i] >= '1' && part.data[i] <= '9')
                return true;
        }
        return false;
    }
    return true;
}

bool http_list_accepts(struct bytes list, struct bytes token)
{
    struct bytes member;
    while (bytes_split(&list, ',', &member)) {
        size_t semicolon = bytes_find_char(member, ';');
        struct bytes name = bytes_trim(bytes_slice(member, 0, semicolon));
        if (bytes_equal_nocase(name, token))
            return is_wanted(bytes_slice(member, semicolon + 1, member.size));
    }
    return false;
}
