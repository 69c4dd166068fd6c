/* The grammar (RFC 6455, 9.1), with blanks allowed between all parts and empty members in lists:
 *
 *   extensions = 1#( token *( ";" parameter ) )
 *   parameter  = token [ "=" ( token | quoted-string that holds a token ) ] */
#include "proto/extension.h"

enum {
    VALUE_KEPT = 3, /* the longest that means anything is two digits */
    BITS_MIN = 8,
    BITS_MAX = 15
};

struct value {
    size_t size; /* 0: none was given; of more than VALUE_KEPT bytes the first are kept */
    char text[VALUE_KEPT];
};

enum parameter {
    SERVER_NO_CONTEXT_TAKEOVER,
    CLIENT_NO_CONTEXT_TAKEOVER,
    SERVER_MAX_WINDOW_BITS,
    CLIENT_MAX_WINDOW_BITS,
    PARAMETERS
};

static const struct bytes NAMES[PARAMETERS] = {
    [SERVER_NO_CONTEXT_TAKEOVER] = BYTES_INIT("server_no_context_takeover"),
    [CLIENT_NO_CONTEXT_TAKEOVER] = BYTES_INIT("client_no_context_takeover"),
    [SERVER_MAX_WINDOW_BITS] = BYTES_INIT("server_max_window_bits"),
    [CLIENT_MAX_WINDOW_BITS] = BYTES_INIT("client_max_window_bits"),
};

struct offer {
    bool is_fit;
    bool has[PARAMETERS];
    unsigned server_bits; /* 0: no limit */
};

/* ---- text ---- */

static bool is_token_char(char c)
{
    if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'))
        return true;
    return c != 0 && strchr("!#$%&'*+-.^_`|~", c) != NULL;
}

static void skip_blanks(struct bytes *rest)
{
    while (rest->size && (rest->data[0] == ' ' || rest->data[0] == '\t'))
        *rest = bytes_slice(*rest, 1, rest->size);
}

static bool take_char(struct bytes *rest, char c)
{
    skip_blanks(rest);
    if (rest->size == 0 || rest->data[0] != c)
        return false;
    *rest = bytes_slice(*rest, 1, rest->size);
    return true;
}

static enum err take_token(struct bytes *rest, struct bytes *out)
{
    size_t size = 0;
    skip_blanks(rest);
    while (size < rest->size && is_token_char(rest->data[size]))
        size++;
    *out = bytes_slice(*rest, 0, size);
    *rest = bytes_slice(*rest, size, rest->size);
    return size ? OK : ERR_SYNTAX;
}

static void put_value(struct value *v, char c)
{
    if (v->size < VALUE_KEPT)
        v->text[v->size] = c;
    v->size++;
}

/* Behind the opening quote; what it holds must be a token once the escapes are undone. */
static enum err take_quoted(struct bytes *rest, struct value *v)
{
    for (size_t i = 0; i < rest->size; i++) {
        char c = rest->data[i];
        if (c == '"') {
            *rest = bytes_slice(*rest, i + 1, rest->size);
            return v->size ? OK : ERR_SYNTAX;
        }
        if (c == '\\' && ++i < rest->size)
            c = rest->data[i];
        if (!is_token_char(c))
            return ERR_SYNTAX;
        put_value(v, c);
    }
    return ERR_SYNTAX;
}

static enum err take_value(struct bytes *rest, struct value *v)
{
    struct bytes token;
    *v = (struct value){0};
    if (!take_char(rest, '='))
        return OK;
    if (take_char(rest, '"'))
        return take_quoted(rest, v);
    enum err e = take_token(rest, &token);
    for (size_t i = 0; i < token.size; i++)
        put_value(v, token.data[i]);
    return e;
}

/* ---- meaning ---- */

/* 7.1.2: decimal, without leading zeros; 0: it is not. */
static unsigned window_bits(const struct value *v)
{
    uint64_t bits;
    if (v->size > 2 || v->text[0] == '0' || bytes_to_u64((struct bytes){v->text, v->size}, &bits))
        return 0;
    return bits >= BITS_MIN && bits <= BITS_MAX ? (unsigned)bits : 0;
}

static bool is_meant(struct offer *o, enum parameter p, const struct value *v)
{
    switch (p) {
    case SERVER_MAX_WINDOW_BITS:
        /* zlib makes no raw stream for a window of 2^8 bytes. */
        o->server_bits = window_bits(v);
        return o->server_bits >= DEFLATE_SMALL_BITS;
    case CLIENT_MAX_WINDOW_BITS:
        return v->size == 0 || window_bits(v); /* a hint; we read every window */
    default:
        return v->size == 0;
    }
}

static bool accept_parameter(struct offer *o, struct bytes name, const struct value *v)
{
    for (int p = 0; p < PARAMETERS; p++) {
        if (!bytes_equal_nocase(name, NAMES[p]))
            continue;
        bool is_first = !o->has[p];
        o->has[p] = true;
        return is_first && is_meant(o, (enum parameter)p, v);
    }
    return false;
}

static enum err read_offer(struct bytes *rest, struct offer *o)
{
    struct bytes name;
    enum err e = take_token(rest, &name);
    o->is_fit = bytes_equal_nocase(name, BYTES("permessage-deflate"));
    while (!e && take_char(rest, ';')) {
        struct value v;
        e = take_token(rest, &name);
        if (!e)
            e = take_value(rest, &v);
        if (!e && !accept_parameter(o, name, &v))
            o->is_fit = false;
    }
    return e;
}

static struct extension_choice choice_of(const struct offer *o)
{
    bool is_small = o->has[SERVER_MAX_WINDOW_BITS] && o->server_bits < DEFLATE_WHOLE_BITS;
    return (struct extension_choice){is_small ? DEFLATE_SMALL : DEFLATE_WHOLE,
                                     o->has[SERVER_MAX_WINDOW_BITS]};
}

enum err extension_read(struct extension_choice *c, struct bytes value)
{
    bool is_separated = true, is_any = false;
    while (skip_blanks(&value), value.size) {
        if (take_char(&value, ',')) {
            is_separated = true;
            continue;
        }
        struct offer o = {0};
        if (!is_separated || read_offer(&value, &o))
            return ERR_SYNTAX;
        if (o.is_fit && c->window == DEFLATE_NONE)
            *c = choice_of(&o);
        is_separated = false;
        is_any = true;
    }
    return is_any ? OK : ERR_SYNTAX;
}

void extension_put_answer(struct buf *out, const struct extension_choice *c)
{
    if (c->window == DEFLATE_NONE)
        return;
    buf_put_literal(out, "Sec-WebSocket-Extensions: permessage-deflate; "
                         "server_no_context_takeover; client_no_context_takeover");
    if (c->is_window_asked) {
        buf_put_literal(out, "; server_max_window_bits=");
        buf_put_u64(out, c->window == DEFLATE_SMALL ? DEFLATE_SMALL_BITS : DEFLATE_WHOLE_BITS);
    }
    buf_put_literal(out, "\r\n");
}
