/* A request goes through these states:
 *
 *   HEAD --(empty line)--> BODY --(last byte)--> DONE --(reset)--> HEAD
 *     \                      \
 *      +----------------------+--(any error)--> FAILED, for good
 *
 * The head is copied into one buffer, a slice at a time, and llhttp reads it there; so the spans it
 * gives stay where they are, and one that goes on in the next slice just gets longer.  llhttp is
 * stopped behind the head and behind the body, which is how we know where they end.  The body is
 * read from the input.
 *
 * llhttp's strict mode refuses most of what is used to smuggle requests.  What it lets pass is
 * refused here: lines that do not end in CR LF, folded fields, fields without a name, more than one
 * space in the request line, other protocols than HTTP/1.x, codings other than chunked, chunked in
 * HTTP/1.0, and a wrong number of Host fields (RFC 9112, 2.2, 3, 3.2, 5.2, 6.1). */
#include "proto/http.h"

#include <assert.h>

#include "base/mem.h"
#include "proto/http_llhttp.h"

enum {
    SLICE_SIZE = 2048,        /* of a head: bytes behind the head are copied in vain */
    KEPT_MAX = 64 * 1024,     /* a bigger buffer is given back between requests */
    BODY_FIRST = 64 * 1024,   /* taken at once for an announced body, at most */
    FRAMING_PER_BODY_BYTE = 8 /* bytes of chunk heads that one body byte may cost */
};

enum http_state { STATE_HEAD, STATE_BODY, STATE_DONE, STATE_FAILED };
enum http_part { PART_OTHER, PART_NAME, PART_VALUE };

struct http_parser {
    llhttp_t machine;
    enum http_state state;
    enum http_part part; /* of the head: what the last span was */
    enum err err;
    int status;
    size_t header_bytes_max;
    size_t body_max;
    char *head; /* header_bytes_max, from the first byte on; NULL before */
    size_t head_size;
    struct buf body;
    size_t framing_size;      /* chunk heads and trailers so far */
    const char *counted_upto; /* in the piece being read: framing or body up to here is counted */
    char last;                /* byte of the piece before, for the line end of the message */
    bool is_inside;
    bool wants_continue;
    struct http_request request;
    struct http_header headers[HTTP_HEADERS_MAX];
};

static enum err parser_fail(struct http_parser *p, enum err e, int status)
{
    if (p->state != STATE_FAILED) {
        p->state = STATE_FAILED;
        p->err = e;
        p->status = status;
        p->is_inside = false;
    }
    return p->err;
}

/* In callbacks of llhttp, which want -1 for an error. */
static int callback_fail(struct http_parser *p, enum err e, int status)
{
    (void)parser_fail(p, e, status);
    return -1;
}

static int on_message_begin(llhttp_t *machine)
{
    struct http_parser *p = machine->data;
    p->is_inside = true;
    return 0;
}

static int on_url(llhttp_t *machine, const char *at, size_t size)
{
    struct http_parser *p = machine->data;
    struct bytes *target = &p->request.target;
    if (!target->data)
        target->data = at;
    target->size = (size_t)(at + size - target->data);
    return 0;
}

static int on_header_field(llhttp_t *machine, const char *at, size_t size)
{
    struct http_parser *p = machine->data;
    if (p->state == STATE_BODY)
        return 0; /* trailers are read and forgotten */
    struct http_request *r = &p->request;
    if (p->part != PART_NAME) {
        if (r->header_count == HTTP_HEADERS_MAX)
            return callback_fail(p, ERR_LIMIT, 431);
        p->headers[r->header_count++] = (struct http_header){{at, 0}, {NULL, 0}};
        p->part = PART_NAME;
    }
    struct bytes *name = &p->headers[r->header_count - 1].name;
    name->size = (size_t)(at + size - name->data);
    return 0;
}

/* A folded value gets too long here, and is refused when the head is complete. */
static int on_header_value(llhttp_t *machine, const char *at, size_t size)
{
    struct http_parser *p = machine->data;
    if (p->state == STATE_BODY)
        return 0;
    struct bytes *value = &p->headers[p->request.header_count - 1].value;
    if (p->part == PART_NAME)
        value->data = at;
    value->size = (size_t)(at + size - value->data);
    p->part = PART_VALUE;
    return 0;
}

static int on_headers_complete(llhttp_t *machine)
{
    (void)machine;
    return HPE_PAUSED;
}

static int on_chunk_header(llhttp_t *machine)
{
    struct http_parser *p = machine->data;
    if (machine->content_length > p->body_max - p->body.size)
        return callback_fail(p, ERR_LIMIT, 413);
    return 0;
}

/* A request of many tiny chunks, long chunk extensions or long trailers is cut off.  Counted before
 * each piece of body, so that it does not matter how the input was cut. */
static bool is_framing_in_bounds(struct http_parser *p, const char *upto)
{
    p->framing_size += (size_t)(upto - p->counted_upto);
    p->counted_upto = upto;
    return p->framing_size <= p->header_bytes_max + FRAMING_PER_BODY_BYTE * p->body.size;
}

static int on_body(llhttp_t *machine, const char *at, size_t size)
{
    struct http_parser *p = machine->data;
    if (!is_framing_in_bounds(p, at))
        return callback_fail(p, ERR_LIMIT, 413);
    buf_put(&p->body, (struct bytes){at, size});
    if (p->body.err)
        return callback_fail(p, p->body.err, p->body.err == ERR_LIMIT ? 413 : 503);
    p->counted_upto = at + size;
    return 0;
}

static int on_message_complete(llhttp_t *machine)
{
    struct http_parser *p = machine->data;
    p->state = STATE_DONE;
    return HPE_PAUSED;
}

static const llhttp_settings_t SETTINGS = {
    .on_message_begin = on_message_begin,
    .on_url = on_url,
    .on_header_field = on_header_field,
    .on_header_value = on_header_value,
    .on_headers_complete = on_headers_complete,
    .on_chunk_header = on_chunk_header,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

static bool is_token_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != 0 && strchr("!#$%&'*+-.^_`|~", c));
}

/* Our own reason, if a callback had one, or llhttp's.  `end` is behind what it was given. */
static enum err machine_failed(struct http_parser *p, llhttp_errno_t e, const char *end)
{
    const char *at = llhttp_get_error_pos(&p->machine);
    if (e == HPE_INVALID_METHOD && at < end && is_token_char(*at))
        return parser_fail(p, ERR_UNSUPPORTED, 501);
    if (e == HPE_INVALID_VERSION || e == HPE_PAUSED_H2_UPGRADE)
        return parser_fail(p, ERR_UNSUPPORTED, 505);
    return parser_fail(p, ERR_SYNTAX, 400);
}

/* Every line ends in CR LF, and none begins with a blank.  Written so that compilers make vectors
 * of it. */
static bool are_lines_clean(const char *head, size_t size)
{
    unsigned bad = head[0] == '\n' || head[size - 1] == '\r';
    for (size_t i = 1; i < size; i++) {
        unsigned is_behind_cr = head[i - 1] == '\r';
        unsigned is_behind_lf = head[i - 1] == '\n';
        unsigned is_lf = head[i] == '\n';
        unsigned is_blank = (head[i] == ' ') | (head[i] == '\t');
        bad |= (is_lf ^ is_behind_cr) | (is_behind_lf & is_blank);
    }
    return !bad;
}

/* The version is the machine's: this is about the bytes around it (RFC 9112, 3). */
static bool is_request_line_clean(const struct http_parser *p)
{
    struct bytes target = p->request.target;
    const char *behind = target.data + target.size;
    size_t left = (size_t)(p->head + p->head_size - behind);
    return target.size > 0 && target.data - p->head >= 2 && target.data[-1] == ' ' &&
           target.data[-2] != ' ' && left >= 6 && memcmp(behind, " HTTP/", 6) == 0;
}

static enum http_method method_of(uint8_t method)
{
    switch (method) {
    case LLHTTP_GET:
        return HTTP_GET;
    case LLHTTP_HEAD:
        return HTTP_HEAD;
    case LLHTTP_POST:
        return HTTP_POST;
    case LLHTTP_PUT:
        return HTTP_PUT;
    case LLHTTP_PATCH:
        return HTTP_PATCH;
    case LLHTTP_DELETE:
        return HTTP_DELETE;
    case LLHTTP_OPTIONS:
        return HTTP_OPTIONS;
    default:
        return HTTP_OTHER;
    }
}

/* Origin form, absolute form (whose authority is left out), `*`, or an authority (RFC 9112, 3.2).
 */
static void split_target(struct http_request *r)
{
    struct bytes rest = r->target;
    size_t scheme_end = rest.data[0] == '/' ? rest.size : bytes_find(rest, BYTES("://"));
    if (scheme_end < bytes_find_char(rest, '?')) {
        rest = bytes_slice(rest, scheme_end + 3, rest.size);
        size_t slash = bytes_find_char(rest, '/');
        size_t question = bytes_find_char(rest, '?');
        rest = bytes_slice(rest, slash < question ? slash : question, rest.size);
    }
    size_t question = bytes_find_char(rest, '?');
    r->path = bytes_slice(rest, 0, question);
    r->query = bytes_slice(rest, question + 1, rest.size);
    if (r->path.size == 0)
        r->path = BYTES("/");
}

struct known_headers {
    size_t host_count;
    size_t coding_count;
    struct bytes coding;
    bool expects_continue;
};

static void note_header(struct known_headers *known, const struct http_header *h)
{
    if (h->name.size == 4 && bytes_equal_nocase(h->name, BYTES("host"))) {
        known->host_count++;
    } else if (h->name.size == 6 && bytes_equal_nocase(h->name, BYTES("expect"))) {
        known->expects_continue = bytes_equal_nocase(h->value, BYTES("100-continue"));
    } else if (h->name.size == 17 && bytes_equal_nocase(h->name, BYTES("transfer-encoding"))) {
        known->coding_count++;
        known->coding = h->value;
    }
}

/* Values lose the blanks behind them here.  False when a field has no name or begins on another
 * line. */
static bool finish_headers(struct http_parser *p, struct known_headers *known)
{
    for (size_t i = 0; i < p->request.header_count; i++) {
        struct http_header *h = &p->headers[i];
        if (h->name.size == 0)
            return false;
        h->value = bytes_trim(h->value);
        if (!h->value.data)
            h->value.data = "";
        note_header(known, h);
    }
    return true;
}

/* RFC 9112, 6: how the body is framed, and its limit. */
static enum err check_framing(struct http_parser *p, const struct known_headers *known)
{
    const llhttp_t *m = &p->machine;
    if (known->coding_count) {
        if (m->http_minor == 0 || !(m->flags & F_CHUNKED) || (m->flags & F_CONTENT_LENGTH))
            return parser_fail(p, ERR_SYNTAX, 400);
        if (known->coding_count > 1 || !bytes_equal_nocase(known->coding, BYTES("chunked")))
            return parser_fail(p, ERR_UNSUPPORTED, 501);
        return OK;
    }
    if (m->content_length > p->body_max)
        return parser_fail(p, ERR_LIMIT, 413);
    size_t first = m->content_length < BODY_FIRST ? (size_t)m->content_length : BODY_FIRST;
    if (first && !buf_reserve(&p->body, first))
        return parser_fail(p, ERR_NOMEM, 503);
    return OK;
}

static void fill_request(struct http_parser *p, const struct known_headers *known)
{
    struct http_request *r = &p->request;
    const llhttp_t *m = &p->machine;
    bool is_tunnel = m->method == HTTP_CONNECT; /* never granted, and nothing behind it is read */
    unsigned upgrade_flags = F_CONNECTION_UPGRADE | F_UPGRADE;
    r->method = method_of(m->method);
    r->headers = p->headers;
    r->keep_alive = llhttp_should_keep_alive(m) && !is_tunnel;
    r->upgrade = m->http_minor > 0 && !is_tunnel && (m->flags & upgrade_flags) == upgrade_flags;
    r->expect_continue = m->http_minor > 0 && known->expects_continue;
    p->wants_continue = r->expect_continue && ((m->flags & F_CHUNKED) || m->content_length > 0);
    split_target(r);
}

static enum err head_complete(struct http_parser *p)
{
    struct known_headers known = {0};
    if (p->machine.http_major != 1 || p->machine.http_minor > 1)
        return parser_fail(p, ERR_UNSUPPORTED, 505);
    if (!are_lines_clean(p->head, p->head_size) || !is_request_line_clean(p) ||
        !finish_headers(p, &known))
        return parser_fail(p, ERR_SYNTAX, 400);
    if (known.host_count > 1 || (known.host_count == 0 && p->machine.http_minor > 0))
        return parser_fail(p, ERR_SYNTAX, 400);
    enum err e = check_framing(p, &known);
    if (e)
        return e;
    fill_request(p, &known);
    p->state = STATE_BODY;
    return OK;
}

static void skip(struct bytes *in, size_t size)
{
    in->data += size;
    in->size -= size;
}

/* Copies and reads one slice of the head. */
static enum err parse_slice(struct http_parser *p, struct bytes *in)
{
    size_t room = p->header_bytes_max - p->head_size;
    size_t size = in->size < SLICE_SIZE ? in->size : SLICE_SIZE;
    size = size < room ? size : room;
    if (size == 0)
        return parser_fail(p, ERR_LIMIT, 431);
    char *at = p->head + p->head_size;
    memcpy(at, in->data, size);
    llhttp_errno_t e = llhttp_execute(&p->machine, at, size);
    if (e == HPE_OK) {
        p->head_size += size;
        skip(in, size);
        return OK;
    }
    if (e != HPE_PAUSED)
        return machine_failed(p, e, at + size);
    size_t used = (size_t)(llhttp_get_error_pos(&p->machine) - at);
    p->head_size += used;
    skip(in, used);
    return head_complete(p);
}

static enum err parse_head(struct http_parser *p, struct bytes *in)
{
    if (!p->head)
        p->head = mem_alloc(p->header_bytes_max);
    if (!p->head)
        return parser_fail(p, ERR_NOMEM, 503);
    while (p->state == STATE_HEAD && in->size) {
        enum err e = parse_slice(p, in);
        if (e)
            return e;
    }
    return p->state == STATE_HEAD ? ERR_AGAIN : OK;
}

/* The empty line behind the last chunk ends in CR LF too: llhttp would take LF alone. */
static bool is_end_clean(const struct http_parser *p, const char *data, size_t size,
                         bool is_chunked)
{
    return !is_chunked || (size > 1 ? data[size - 2] : p->last) == '\r';
}

static enum err parse_body(struct http_parser *p, struct bytes *in)
{
    const char *data = in->data;
    bool is_chunked = (p->machine.flags & F_CHUNKED) != 0;
    p->counted_upto = data;
    llhttp_resume(&p->machine); /* from behind the head */
    llhttp_errno_t e = llhttp_execute(&p->machine, data, in->size);
    if (e != HPE_OK && p->state != STATE_DONE)
        return machine_failed(p, e, data + in->size);
    size_t used = e ? (size_t)(llhttp_get_error_pos(&p->machine) - data) : in->size;
    skip(in, used);
    if (!is_framing_in_bounds(p, data + used))
        return parser_fail(p, ERR_LIMIT, (p->machine.flags & F_TRAILING) ? 431 : 413);
    if (p->state == STATE_DONE && !is_end_clean(p, data, used, is_chunked))
        return parser_fail(p, ERR_SYNTAX, 400);
    if (used)
        p->last = data[used - 1];
    return p->state == STATE_DONE ? OK : ERR_AGAIN;
}

enum err http_parser_new(size_t header_bytes_max, size_t body_max, struct http_parser **out)
{
    struct http_parser *p = mem_zalloc(sizeof(*p));
    if (!p)
        return ERR_NOMEM;
    p->header_bytes_max = header_bytes_max;
    p->body_max = body_max;
    buf_init(&p->body, body_max);
    llhttp_init(&p->machine, HTTP_REQUEST, &SETTINGS);
    p->machine.data = p;
    *out = p;
    return OK;
}

void http_parser_free(struct http_parser *p)
{
    if (!p)
        return;
    buf_done(&p->body);
    mem_free(p->head);
    mem_free(p);
}

enum err http_parse(struct http_parser *p, struct bytes *in)
{
    assert(p->state != STATE_DONE);
    if (p->state == STATE_FAILED)
        return p->err;
    if (p->state == STATE_HEAD) {
        enum err e = parse_head(p, in);
        if (e)
            return e;
    }
    enum err e = parse_body(p, in);
    if (!e) {
        p->request.body = buf_bytes(&p->body);
        p->is_inside = false;
    }
    return e;
}

const struct http_request *http_parser_request(const struct http_parser *p)
{
    return &p->request;
}

int http_parser_status(const struct http_parser *p)
{
    return p->status;
}

bool http_parser_is_inside(const struct http_parser *p)
{
    return p->is_inside;
}

bool http_parser_wants_continue(struct http_parser *p)
{
    bool wants = p->wants_continue && p->state == STATE_BODY;
    p->wants_continue = false;
    return wants;
}

void http_parser_reset(struct http_parser *p)
{
    llhttp_reset(&p->machine);
    buf_reset(&p->body);
    if (p->body.capacity > KEPT_MAX)
        buf_done(&p->body);
    if (p->header_bytes_max > KEPT_MAX) {
        mem_free(p->head);
        p->head = NULL;
    }
    p->state = STATE_HEAD;
    p->part = PART_OTHER;
    p->err = OK;
    p->status = 0;
    p->head_size = 0;
    p->framing_size = 0;
    p->last = 0;
    p->is_inside = false;
    p->wants_continue = false;
    p->request = (struct http_request){0};
}

struct bytes http_header(const struct http_request *r, struct bytes name)
{
    for (size_t i = 0; i < r->header_count; i++)
        if (bytes_equal_nocase(r->headers[i].name, name))
            return r->headers[i].value;
    return (struct bytes){NULL, 0};
}
