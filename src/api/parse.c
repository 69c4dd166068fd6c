#include "api/parse.h"

#include "base/utf8.h"
#include "proto/http.h"

enum { EXCERPT_MAX = 200 };

enum err parse_refuse(struct parse *p, int status, const char *code, struct bytes message)
{
    if (!message.data)
        return ERR_NOMEM;
    p->fault = (struct fault){.status = status, .code = code, .message = message};
    return ERR_SYNTAX;
}

enum err parse_refuse_syntax(struct parse *p, struct bytes what, struct bytes text,
                             struct bytes details)
{
    text = parse_excerpt(text, EXCERPT_MAX);
    enum err e =
        parse_refuse(p, 400, "PGRST100",
                     PARSE_TEXT(p, BYTES("failed to parse "), what, BYTES(" ("), text, BYTES(")")));
    p->fault.details = details;
    return e;
}

enum err parse_refuse_column(struct parse *p, const struct table *t, struct bytes name)
{
    name = parse_excerpt(name, EXCERPT_MAX);
    return parse_refuse(
        p, 400, "42703",
        PARSE_TEXT(p, BYTES("column "), t->name, BYTES("."), name, BYTES(" does not exist")));
}

static const char *cast_code(const struct column *c, enum err e)
{
    bool is_time = c->type == TYPE_TIMESTAMPTZ || c->type == TYPE_DATE;
    if (e == ERR_RANGE)
        return is_time ? "22008" : "22003";
    return is_time ? "22007" : "22P02";
}

enum err parse_refuse_value(struct parse *p, const struct column *c, struct bytes text, enum err e)
{
    if (e == ERR_NOMEM)
        return e;
    if (e == ERR_SYNTAX) {
        e = parse_refuse(p, 400, "22P05", BYTES("unsupported Unicode escape sequence"));
        p->fault.details = BYTES("\\u0000 cannot be converted to text.");
        return e;
    }
    const char *code = cast_code(c, e);
    buf_reset(p->scratch);
    value_put_cast_error(p->scratch, c, parse_excerpt(text, EXCERPT_MAX));
    if (p->scratch->err)
        return ERR_NOMEM;
    return parse_refuse(p, 400, code, arena_copy(p->arena, buf_bytes(p->scratch)));
}

struct bytes parse_join(struct parse *p, size_t count, const struct bytes *parts)
{
    size_t size = 0;
    for (size_t i = 0; i < count; i++)
        size += parts[i].size;
    char *text = arena_alloc(p->arena, size);
    if (!text)
        return (struct bytes){NULL, 0};
    char *at = text;
    for (size_t i = 0; i < count; i++) {
        if (parts[i].size)
            memcpy(at, parts[i].data, parts[i].size);
        at += parts[i].size;
    }
    return (struct bytes){text, size};
}

struct bytes parse_excerpt(struct bytes text, size_t max)
{
    if (text.size <= max)
        return text;
    while (max > 0 && ((unsigned char)text.data[max] & 0xc0) == 0x80)
        max--;
    return bytes_slice(text, 0, max);
}

/* Escapes, spaces, and what is no ASCII (which http_decode_query checks). */
static bool needs_decoding(struct bytes b)
{
    for (size_t i = 0; i < b.size; i++) {
        unsigned char c = (unsigned char)b.data[i];
        if (c == '%' || c == '+' || c >= 0x80 || c == 0)
            return true;
    }
    return false;
}

enum err parse_decode(struct parse *p, struct bytes encoded, struct bytes *out)
{
    if (!needs_decoding(encoded)) {
        *out = encoded;
        return OK;
    }
    buf_reset(p->scratch);
    enum err e = http_decode_query(p->scratch, encoded);
    if (e == ERR_SYNTAX)
        return parse_refuse(p, 400, "PGRST100",
                            BYTES("The query string holds a broken escape, or is not UTF-8"));
    if (e)
        return ERR_NOMEM;
    struct bytes text = arena_copy(p->arena, buf_bytes(p->scratch));
    if (!text.data)
        return ERR_NOMEM;
    *out = text;
    return OK;
}

const struct column *parse_column(const struct table *t, struct bytes name)
{
    const struct column *c = table_column(t, name);
    return c && !c->is_private ? c : NULL;
}

struct bytes parse_unquoted(struct bytes name)
{
    if (name.size >= 2 && name.data[0] == '"' && name.data[name.size - 1] == '"')
        return bytes_slice(name, 1, name.size - 1);
    return name;
}

bool parse_name_next(struct bytes *rest, struct bytes *out)
{
    if (!rest->data)
        return false;
    size_t end = 0;
    if (rest->size && rest->data[0] == '"')
        end = 1 + bytes_find_char(bytes_slice(*rest, 1, rest->size), '"');
    end += bytes_find_char(bytes_slice(*rest, end, rest->size), ',');
    *out = parse_unquoted(bytes_trim(bytes_slice(*rest, 0, end)));
    *rest = end < rest->size ? bytes_slice(*rest, end + 1, rest->size) : (struct bytes){NULL, 0};
    return true;
}
