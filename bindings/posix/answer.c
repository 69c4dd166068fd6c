#include "posix/answer.h"

enum part { HEAD, LENGTH, TO_CLOSE, CHUNK_SIZE, CHUNK, CHUNK_END, TRAILERS };

static bool take_line(struct bytes *rest, struct bytes *line)
{
    size_t end = bytes_find(*rest, BYTES("\r\n"));
    if (end == rest->size)
        return false;
    *line = bytes_slice(*rest, 0, end);
    *rest = bytes_slice(*rest, end + 2, rest->size);
    return true;
}

/* ---- the head ---- */

static bool is_text(struct bytes value)
{
    for (size_t i = 0; i < value.size; i++) {
        unsigned char c = (unsigned char)value.data[i];
        if ((c < ' ' && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

/* 5.1: no blank in or behind the name; lines are not folded any more. */
static bool is_field(struct bytes line)
{
    size_t colon = bytes_find_char(line, ':');
    struct bytes name = bytes_slice(line, 0, colon);
    return colon > 0 && colon < line.size && is_text(line) &&
           bytes_find_char(name, ' ') == name.size && bytes_find_char(name, '\t') == name.size;
}

static enum err parse_status(struct bytes line, unsigned *out)
{
    uint64_t status;
    if (!bytes_starts_with(line, BYTES("HTTP/1.")) || line.size < 12 || line.data[8] != ' ' ||
        (line.size > 12 && line.data[12] != ' ') || !is_text(line) ||
        bytes_to_u64(bytes_slice(line, 9, 12), &status) || status < 100 || status > 599)
        return ERR_SYNTAX;
    *out = (unsigned)status;
    return OK;
}

/* `text` ends with the empty line. */
static enum err parse_head(struct bytes text, struct answer *out)
{
    struct answer a = {.head = bytes_slice(text, 0, text.size - 2)};
    struct bytes line;
    if (!take_line(&a.head, &line) || parse_status(line, &a.status))
        return ERR_SYNTAX;
    for (struct bytes rest = a.head; take_line(&rest, &line);) {
        if (!is_field(line))
            return ERR_SYNTAX;
    }
    *out = a;
    return OK;
}

/* How many headers of that name there are; *out is the first. */
static unsigned count_headers(struct bytes head, struct bytes name, struct bytes *out)
{
    struct bytes line;
    unsigned count = 0;
    *out = (struct bytes){NULL, 0};
    while (take_line(&head, &line)) {
        size_t colon = bytes_find_char(line, ':');
        if (!bytes_equal_nocase(bytes_slice(line, 0, colon), name))
            continue;
        if (count++ == 0)
            *out = bytes_trim(bytes_slice(line, colon + 1, line.size));
    }
    return count;
}

struct bytes answer_header(const struct answer *a, struct bytes name)
{
    struct bytes value;
    (void)count_headers(a->head, name, &value);
    return value;
}

/* A list with commas between its members has this one. */
static bool has_token(struct bytes list, struct bytes token)
{
    while (list.size > 0) {
        size_t end = bytes_find_char(list, ',');
        if (bytes_equal_nocase(bytes_trim(bytes_slice(list, 0, end)), token))
            return true;
        list = bytes_slice(list, end + 1, list.size);
    }
    return false;
}

bool answer_is_upgrade(const struct answer *a, struct bytes accept)
{
    return a->status == 101 &&
           bytes_equal_nocase(answer_header(a, BYTES("Upgrade")), BYTES("websocket")) &&
           has_token(answer_header(a, BYTES("Connection")), BYTES("upgrade")) &&
           bytes_equal(answer_header(a, BYTES("Sec-WebSocket-Accept")), accept) &&
           answer_header(a, BYTES("Sec-WebSocket-Extensions")).size == 0 &&
           answer_header(a, BYTES("Sec-WebSocket-Protocol")).size == 0;
}

/* ---- the body ---- */

/* 6.3.  OK: there is no body. */
static enum err begin_body(struct answer_reader *r, const struct answer *a)
{
    struct bytes coding, length;
    unsigned codings = count_headers(a->head, BYTES("Transfer-Encoding"), &coding);
    unsigned lengths = count_headers(a->head, BYTES("Content-Length"), &length);
    if (r->is_head_only || a->status == 101 || a->status == 204 || a->status == 304)
        return OK;
    /* Two opinions about the end of an answer are an attack, or the work of one. */
    if (codings + lengths > 1)
        return ERR_SYNTAX;
    if (codings) {
        r->part = CHUNK_SIZE;
        return bytes_equal_nocase(coding, BYTES("chunked")) ? ERR_AGAIN : ERR_SYNTAX;
    }
    r->part = lengths ? LENGTH : TO_CLOSE;
    if (!lengths)
        return ERR_AGAIN;
    if (bytes_to_u64(length, &r->left))
        return ERR_SYNTAX;
    if (r->left > r->body_max)
        return ERR_LIMIT;
    return r->left == 0 ? OK : ERR_AGAIN;
}

static enum err take_head(struct answer_reader *r, struct bytes *in)
{
    size_t old = r->text.size, before = old < 3 ? 0 : old - 3;
    struct bytes some = bytes_slice(*in, 0, ANSWER_HEAD_MAX - old);
    buf_put(&r->text, some);
    if (r->text.err)
        return r->text.err;
    struct bytes text = buf_bytes(&r->text);
    struct bytes fresh = bytes_slice(text, before, text.size);
    size_t end = bytes_find(fresh, BYTES("\r\n\r\n"));
    if (end == fresh.size) {
        *in = bytes_slice(*in, some.size, in->size);
        return text.size == ANSWER_HEAD_MAX ? ERR_LIMIT : ERR_AGAIN;
    }
    r->head_size = r->text.size = before + end + 4;
    *in = bytes_slice(*in, r->head_size - old, in->size);
    struct answer a;
    if (parse_head(buf_bytes(&r->text), &a))
        return ERR_SYNTAX;
    if (a.status >= 200 || a.status == 101)
        return begin_body(r, &a);
    buf_reset(&r->text);
    return ++r->interims > ANSWER_INTERIM_MAX ? ERR_LIMIT : ERR_AGAIN;
}

static enum err put_body(struct answer_reader *r, struct bytes *in, uint64_t max)
{
    struct bytes some = bytes_slice(*in, 0, max < in->size ? (size_t)max : in->size);
    if (some.size > r->body_max - (r->text.size - r->head_size))
        return ERR_LIMIT;
    buf_put(&r->text, some);
    *in = bytes_slice(*in, some.size, in->size);
    r->left -= some.size;
    return r->text.err;
}

static enum err take_length(struct answer_reader *r, struct bytes *in)
{
    enum err e = put_body(r, in, r->left);
    return e ? e : r->left == 0 ? OK : ERR_AGAIN;
}

static enum err take_to_close(struct answer_reader *r, struct bytes *in)
{
    r->left = in->size;
    enum err e = put_body(r, in, in->size);
    return e ? e : ERR_AGAIN;
}

/* OK: `line` is a whole one without its end, borrowed until the next byte. */
static enum err collect_line(struct answer_reader *r, struct bytes *in, struct bytes *line)
{
    while (in->size > 0) {
        char c = in->data[0];
        *in = bytes_slice(*in, 1, in->size);
        bool is_behind_cr = r->line_size > 0 && r->line[r->line_size - 1] == '\r';
        if (is_behind_cr != (c == '\n'))
            return ERR_SYNTAX;
        if (c == '\n') {
            *line = (struct bytes){r->line, r->line_size - 1};
            r->line_size = 0;
            return OK;
        }
        if (r->line_size == sizeof(r->line))
            return ERR_LIMIT;
        r->line[r->line_size++] = c;
    }
    return ERR_AGAIN;
}

static enum err hex_size(struct bytes text, uint64_t *out)
{
    uint64_t size = 0;
    text = bytes_trim(bytes_slice(text, 0, bytes_find_char(text, ';')));
    if (text.size == 0 || text.size > 15)
        return ERR_SYNTAX;
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0)
            return ERR_SYNTAX;
        size = size * 16 + (uint64_t)digit;
    }
    *out = size;
    return OK;
}

/* 7.1 */
static enum err take_chunk_size(struct answer_reader *r, struct bytes *in)
{
    struct bytes line;
    enum err e = collect_line(r, in, &line);
    if (e)
        return e;
    if (hex_size(line, &r->left))
        return ERR_SYNTAX;
    r->part = r->left == 0 ? TRAILERS : CHUNK;
    return ERR_AGAIN;
}

static enum err take_chunk(struct answer_reader *r, struct bytes *in)
{
    enum err e = put_body(r, in, r->left);
    if (!e && r->left == 0)
        r->part = CHUNK_END;
    return e ? e : ERR_AGAIN;
}

static enum err take_chunk_end(struct answer_reader *r, struct bytes *in)
{
    struct bytes line;
    enum err e = collect_line(r, in, &line);
    if (e)
        return e;
    r->part = CHUNK_SIZE;
    return line.size == 0 ? ERR_AGAIN : ERR_SYNTAX;
}

/* 7.1.2: they are read past. */
static enum err take_trailer(struct answer_reader *r, struct bytes *in)
{
    struct bytes line;
    enum err e = collect_line(r, in, &line);
    if (e || line.size == 0)
        return e;
    return ++r->trailers > ANSWER_TRAILERS_MAX ? ERR_LIMIT : ERR_AGAIN;
}

static enum err take_part(struct answer_reader *r, struct bytes *in)
{
    switch ((enum part)r->part) {
    case HEAD:
        return take_head(r, in);
    case LENGTH:
        return take_length(r, in);
    case TO_CLOSE:
        return take_to_close(r, in);
    case CHUNK_SIZE:
        return take_chunk_size(r, in);
    case CHUNK:
        return take_chunk(r, in);
    case CHUNK_END:
        return take_chunk_end(r, in);
    case TRAILERS:
        break;
    }
    return take_trailer(r, in);
}

/* ---- the reader ---- */

void answer_reader_init(struct answer_reader *r, size_t body_max, bool is_head_only)
{
    memset(r, 0, offsetof(struct answer_reader, line));
    r->body_max = body_max;
    r->is_head_only = is_head_only;
    buf_init(&r->text, body_max + ANSWER_HEAD_MAX);
}

void answer_reader_done(struct answer_reader *r)
{
    buf_done(&r->text);
}

static enum err give(const struct answer_reader *r, struct answer *out)
{
    struct bytes text = buf_bytes(&r->text);
    enum err e = parse_head(bytes_slice(text, 0, r->head_size), out);
    if (!e)
        out->body = bytes_slice(text, r->head_size, text.size);
    return e;
}

enum err answer_reader_feed(struct answer_reader *r, struct bytes *in, struct answer *out)
{
    enum err e = ERR_AGAIN;
    while (e == ERR_AGAIN && in->size > 0)
        e = take_part(r, in);
    return e ? e : give(r, out);
}

enum err answer_reader_end(struct answer_reader *r, struct answer *out)
{
    return r->part == TO_CLOSE ? give(r, out) : ERR_CLOSED;
}
