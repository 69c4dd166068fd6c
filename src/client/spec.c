#include "client/spec.h"

#include "base/utf8.h"

enum { TOPIC_PLAIN_MAX = 200 };

static bool is_name_char(char c, bool is_first)
{
    bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    return is_letter || (!is_first && c >= '0' && c <= '9');
}

static enum err check_name(struct bytes name)
{
    if (name.size > SPEC_NAME_MAX)
        return ERR_LIMIT;
    for (size_t i = 0; i < name.size; i++) {
        if (!is_name_char(name.data[i], i == 0))
            return ERR_SYNTAX;
    }
    return name.size > 0 ? OK : ERR_SYNTAX;
}

static enum err check_key(struct bytes key)
{
    struct bytes name;
    enum err e = OK;
    size_t count = 0;
    while (!e && bytes_split(&key, ',', &name))
        e = ++count > SPEC_KEYS_MAX ? ERR_LIMIT : check_name(name);
    return e;
}

/* ---- filters ---- */

/* The first term of `rest` and what stands behind its comma: commas in brackets and quotes do not
 * part terms (docs/protocol.md).  False at the end. */
static bool next_term(struct bytes *rest, struct bytes *out)
{
    if (!rest->data)
        return false;
    bool is_quoted = false;
    unsigned depth = 0;
    size_t i = 0;
    for (; i < rest->size; i++) {
        char c = rest->data[i];
        if (is_quoted) {
            i += c == '\\';
            is_quoted = c != '"';
        } else if (c == '"' && i > 0 && strchr(".(,", rest->data[i - 1])) {
            is_quoted = true;
        } else if (c == '(') {
            depth++;
        } else if (c == ')' && depth > 0) {
            depth--;
        } else if (c == ',' && depth == 0) {
            break;
        }
    }
    *out = bytes_slice(*rest, 0, i);
    *rest = i < rest->size ? bytes_slice(*rest, i + 1, rest->size) : (struct bytes){NULL, 0};
    return true;
}

static enum err check_term(struct bytes term)
{
    size_t equals = bytes_find_char(term, '=');
    struct bytes condition = bytes_slice(term, equals + 1, term.size);
    enum err e = check_name(bytes_slice(term, 0, equals));
    if (e || bytes_find_char(condition, '.') == condition.size)
        return e ? e : ERR_SYNTAX;
    if (bytes_starts_with(condition, BYTES("not.")))
        condition = bytes_slice(condition, 4, condition.size);
    bool is_like = bytes_starts_with(condition, BYTES("like.")) ||
                   bytes_starts_with(condition, BYTES("ilike."));
    /* In a REST filter a star of `like` stands for any text, in the feed for itself. */
    return is_like && bytes_find_char(condition, '*') < condition.size ? ERR_UNSUPPORTED : OK;
}

static enum err check_filter(struct bytes filter)
{
    struct bytes rest = filter, term;
    enum err e = OK;
    if (filter.size > SPEC_FILTER_MAX)
        return ERR_LIMIT;
    if (filter.size > 0 && !utf8_is_valid(filter))
        return ERR_SYNTAX;
    while (!e && filter.size > 0 && next_term(&rest, &term))
        e = check_term(term);
    return e;
}

static struct bytes text_or(struct hb_text t, struct bytes otherwise)
{
    return t.size > 0 ? (struct bytes){t.data, t.size} : otherwise;
}

enum err spec_read(const struct hb_query *q, struct spec *out)
{
    struct spec s = {
        .table = text_or(q->table, BYTES("")),
        .event = text_or(q->event, BYTES("*")),
        .filter = bytes_trim(text_or(q->filter, BYTES(""))),
        .key = text_or(q->key, BYTES("id")),
    };
    enum err e = check_name(s.table);
    if (!e)
        e = check_key(s.key);
    if (!e)
        e = check_filter(s.filter);
    if (!e && !spec_feed(&s) && !bytes_equal(s.event, BYTES("*")))
        e = ERR_SYNTAX;
    if (!e)
        *out = s;
    return e;
}

enum hb_op spec_feed(const struct spec *s)
{
    if (bytes_equal(s->event, BYTES("INSERT")))
        return HB_INSERT;
    if (bytes_equal(s->event, BYTES("UPDATE")))
        return HB_UPDATE;
    return bytes_equal(s->event, BYTES("DELETE")) ? HB_DELETE : 0;
}

/* ---- on the wire ---- */

static void put_hex(struct buf *out, uint64_t n, unsigned digits)
{
    for (unsigned i = digits; i-- > 0;)
        buf_put_char(out, "0123456789ABCDEF"[(n >> (4 * i)) & 15]);
}

void spec_put_topic(const struct spec *s, struct buf *out)
{
    buf_put_literal(out, "realtime:live:");
    buf_put(out, s->table);
    buf_put_char(out, ':');
    buf_put(out, s->event);
    buf_put_char(out, ':');
    if (s->filter.size <= TOPIC_PLAIN_MAX) {
        buf_put(out, s->filter);
        return;
    }
    /* The head of a long one, and a hash of 128 bits, which nobody hits by accident. */
    put_hex(out, bytes_hash(s->filter, 1), 16);
    put_hex(out, bytes_hash(s->filter, 2), 16);
}

static void put_member(struct buf *out, struct bytes name, struct bytes value)
{
    json_put_key(out, name);
    json_put_string(out, value);
}

static void put_binding(const struct spec *s, struct bytes event, struct bytes filter,
                        struct buf *out)
{
    buf_put_char(out, '{');
    put_member(out, BYTES("event"), event);
    put_member(out, BYTES("schema"), BYTES("public"));
    put_member(out, BYTES("table"), s->table);
    if (filter.size > 0)
        put_member(out, BYTES("filter"), filter);
    buf_put_char(out, '}');
}

/* `sign`: what stands between the column and the condition. */
static void put_update(const struct spec *s, struct bytes term, struct bytes sign,
                       struct bytes condition, struct buf *out)
{
    char text[SPEC_FILTER_MAX + 16];
    /* Over a piece of the stack that is large enough, so that it never grows. */
    struct buf filter = {.data = text, .capacity = sizeof(text), .max = sizeof(text)};
    buf_put(&filter, bytes_slice(term, 0, bytes_find_char(term, '=')));
    buf_put(&filter, sign);
    buf_put(&filter, condition);
    buf_put_char(out, ',');
    put_binding(s, BYTES("UPDATE"), buf_bytes(&filter), out);
}

static bool is_never_null(struct bytes condition)
{
    return bytes_starts_with(condition, BYTES("is.")) ||
           bytes_starts_with(condition, BYTES("isdistinct."));
}

/* An update that takes a row out of the filter is not told to those who ask for the filter alone
 * (protocol, section 7.1).  A copy wants to know: so it asks for the updates to rows of which a term
 * does not hold, be it false or unknown, which is it for null. */
static void put_outside(const struct spec *s, struct buf *out)
{
    struct bytes rest = s->filter, term;
    while (next_term(&rest, &term)) {
        struct bytes condition = bytes_slice(term, bytes_find_char(term, '=') + 1, term.size);
        bool is_negated = bytes_starts_with(condition, BYTES("not."));
        if (is_negated)
            condition = bytes_slice(condition, 4, condition.size);
        put_update(s, term, is_negated ? BYTES("=") : BYTES("=not."), condition, out);
        if (!is_never_null(condition))
            put_update(s, term, BYTES("=is.null"), BYTES(""), out);
    }
}

void spec_put_join(const struct spec *s, const struct cursor *from, struct bytes token,
                   struct buf *out)
{
    buf_put_literal(out, "{\"config\":{\"presence\":{\"enabled\":false},\"postgres_changes\":[");
    put_binding(s, s->event, s->filter, out);
    if (s->filter.size > 0 && !spec_feed(s))
        put_outside(s, out);
    buf_put_literal(out, "],\"resume\":{");
    put_member(out, BYTES("epoch"),
               (struct bytes){from->epoch, from->is_set ? from->epoch_size : 0});
    json_put_key(out, BYTES("seq"));
    buf_put_u64(out, from->is_set ? from->seq : 0);
    buf_put_literal(out, "}}");
    put_member(out, BYTES("access_token"), token);
    buf_put_char(out, '}');
}

void spec_put_encoded(struct buf *out, struct bytes text)
{
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];
        if (is_name_char(c, false) || c == '-' || c == '.' || c == '~') {
            buf_put_char(out, c);
        } else {
            buf_put_char(out, '%');
            put_hex(out, (unsigned char)c, 2);
        }
    }
}

/* As members of and=(…), where values keep their quotes, as in the feed. */
static void put_terms(struct bytes filter, struct buf *out)
{
    struct bytes term;
    buf_put_literal(out, "&and=(");
    for (bool is_first = true; next_term(&filter, &term); is_first = false) {
        size_t equals = bytes_find_char(term, '=');
        if (!is_first)
            buf_put_char(out, ',');
        buf_put(out, bytes_slice(term, 0, equals));
        buf_put_char(out, '.');
        spec_put_encoded(out, bytes_slice(term, equals + 1, term.size));
    }
    buf_put_char(out, ')');
}

void spec_put_path(const struct spec *s, size_t limit, struct buf *out)
{
    struct bytes key = s->key, name;
    buf_put_literal(out, "/rest/v1/");
    buf_put(out, s->table);
    buf_put_literal(out, "?select=*");
    if (s->filter.size > 0)
        put_terms(s->filter, out);
    buf_put_literal(out, "&order=");
    for (bool is_first = true; bytes_split(&key, ',', &name); is_first = false) {
        if (!is_first)
            buf_put_char(out, ',');
        buf_put(out, name);
        buf_put_literal(out, ".asc");
    }
    buf_put_literal(out, "&limit=");
    buf_put_u64(out, limit);
}

enum err spec_put_key(const struct spec *s, struct json_value row, struct buf *out)
{
    struct bytes key = s->key, name;
    struct json_value v;
    for (bool is_first = true; bytes_split(&key, ',', &name); is_first = false) {
        if (json_get(row, name, &v) || v.type == JSON_NULL)
            return ERR_SYNTAX;
        if (!is_first)
            buf_put_char(out, '\x1f');
        if (v.type == JSON_STRING)
            json_string_decode(out, v.raw);
        else
            buf_put(out, v.raw);
    }
    return out->err;
}
