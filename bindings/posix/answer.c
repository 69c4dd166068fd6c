#include "answer.h"

static bool take_line(struct bytes *rest, struct bytes *line)
{
    size_t end = bytes_find(*rest, BYTES("\r\n"));
    if (end == rest->size)
        return false;
    *line = bytes_slice(*rest, 0, end);
    *rest = bytes_slice(*rest, end + 2, rest->size);
    return true;
}

enum err answer_head(struct bytes text, struct answer *out, size_t *size)
{
    size_t end = bytes_find(text, BYTES("\r\n\r\n"));
    if (end == text.size)
        return text.size > ANSWER_HEAD_MAX ? ERR_LIMIT : ERR_AGAIN;
    struct answer a = {.head = bytes_slice(text, 0, end + 2)};
    struct bytes line;
    uint64_t status;
    if (end > ANSWER_HEAD_MAX)
        return ERR_LIMIT;
    if (!take_line(&a.head, &line) || !bytes_starts_with(line, BYTES("HTTP/1.")) ||
        line.size < 12 || bytes_to_u64(bytes_slice(line, 9, 12), &status) || status < 100 ||
        status > 599)
        return ERR_SYNTAX;
    a.status = (unsigned)status;
    *size = end + 4;
    *out = a;
    return OK;
}

struct bytes answer_header(const struct answer *a, struct bytes name)
{
    struct bytes rest = a->head, line;
    while (take_line(&rest, &line)) {
        size_t colon = bytes_find_char(line, ':');
        if (colon < line.size && bytes_equal_nocase(bytes_slice(line, 0, colon), name))
            return bytes_trim(bytes_slice(line, colon + 1, line.size));
    }
    return (struct bytes){NULL, 0};
}

static enum err hex_size(struct bytes text, size_t *out)
{
    size_t size = 0;
    text = bytes_trim(bytes_slice(text, 0, bytes_find_char(text, ';')));
    if (text.size == 0 || text.size > 8)
        return ERR_SYNTAX;
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0)
            return ERR_SYNTAX;
        size = size * 16 + (size_t)digit;
    }
    *out = size;
    return OK;
}

/* 7.1: the chunks move together, towards the front of the body. */
static enum err join_chunks(char *body, size_t size, struct bytes *out)
{
    struct bytes rest = {body, size}, line;
    size_t joined = 0, chunk;
    while (take_line(&rest, &line)) {
        if (hex_size(line, &chunk))
            return ERR_SYNTAX;
        if (chunk == 0) {
            *out = (struct bytes){body, joined};
            return OK;
        }
        if (rest.size < 2 || chunk > rest.size - 2 || memcmp(rest.data + chunk, "\r\n", 2) != 0)
            return ERR_SYNTAX;
        memmove(body + joined, rest.data, chunk);
        joined += chunk;
        rest = bytes_slice(rest, chunk + 2, rest.size);
    }
    return ERR_SYNTAX;
}

enum err answer_parse(struct buf *text, struct answer *out)
{
    struct answer a;
    size_t head_size;
    uint64_t size = 0;
    if (answer_head(buf_bytes(text), &a, &head_size))
        return ERR_SYNTAX;
    a.body = bytes_slice(buf_bytes(text), head_size, text->size);
    struct bytes coding = answer_header(&a, BYTES("Transfer-Encoding"));
    struct bytes length = answer_header(&a, BYTES("Content-Length"));
    enum err e = OK;
    if (coding.size && !bytes_equal_nocase(coding, BYTES("chunked")))
        e = ERR_SYNTAX;
    else if (coding.size)
        e = join_chunks(text->data + head_size, a.body.size, &a.body);
    else if (bytes_to_u64(length, &size) || size > a.body.size)
        e = a.status == 204 || a.status == 304 ? OK : ERR_SYNTAX;
    if (e)
        return e;
    if (!coding.size)
        a.body.size = (size_t)size;
    *out = a;
    return OK;
}
