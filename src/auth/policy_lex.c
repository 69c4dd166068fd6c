#include "auth/policy_lex.h"

enum { NAME_SIZE_MAX = 63 };

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_word_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || is_digit(c);
}

static void skip_blanks(struct lex *l)
{
    while (l->at < l->end) {
        if (*l->at == '\n')
            l->line++;
        if (*l->at == ' ' || *l->at == '\t' || *l->at == '\r' || *l->at == '\n') {
            l->at++;
        } else if (l->end - l->at >= 2 && l->at[0] == '-' && l->at[1] == '-') {
            while (l->at < l->end && *l->at != '\n')
                l->at++;
        } else {
            return;
        }
    }
}

/* 'text' or "name"; the quote is doubled inside.  NULL: it has no end. */
static const char *scan_quoted(struct lex *l)
{
    char quote = *l->at;
    for (const char *at = l->at + 1; at < l->end; at++) {
        if (*at == '\n')
            l->line++;
        if (*at != quote)
            continue;
        if (at + 1 == l->end || at[1] != quote)
            return at + 1;
        at++;
    }
    return NULL;
}

/* Takes too much rather than too little: the cast will say so. */
static const char *scan_number(const struct lex *l)
{
    const char *at = l->at + (*l->at == '-');
    while (at < l->end && (is_digit(*at) || *at == '.'))
        at++;
    if (at < l->end && (*at == 'e' || *at == 'E')) {
        at++;
        if (at < l->end && (*at == '+' || *at == '-'))
            at++;
    }
    while (at < l->end && is_word_char(*at))
        at++;
    return at;
}

static const char *scan_symbol(const struct lex *l)
{
    static const char pairs[][3] = {"<>", "!=", "<=", ">="};
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
        if (l->end - l->at >= 2 && memcmp(l->at, pairs[i], 2) == 0)
            return l->at + 2;
    return l->at + 1;
}

static const char *scan_word(const struct lex *l)
{
    const char *at = l->at;
    while (at < l->end && is_word_char(*at))
        at++;
    return at;
}

static bool begins_number(const struct lex *l)
{
    char c = *l->at, next = l->at + 1 < l->end ? l->at[1] : '\0';
    return is_digit(c) || (c == '.' && is_digit(next)) ||
           (c == '-' && (is_digit(next) || next == '.'));
}

static const char *scan_lexeme(struct lex *l, enum lexeme_kind *kind)
{
    if (*l->at == '\'' || *l->at == '"') {
        const char *end;
        *kind = *l->at == '"' ? LEX_QUOTED : LEX_STRING;
        end = scan_quoted(l);
        *kind = end ? *kind : LEX_UNCLOSED;
        return end ? end : l->end;
    }
    if (begins_number(l)) {
        *kind = LEX_NUMBER;
        return scan_number(l);
    }
    if (is_word_char(*l->at)) {
        *kind = LEX_WORD;
        return scan_word(l);
    }
    *kind = LEX_SYMBOL;
    return scan_symbol(l);
}

static struct lexeme next_lexeme(struct lex *l)
{
    skip_blanks(l);
    struct lexeme out = {.kind = LEX_END, .text = {l->at, 0}, .line = l->line};
    if (l->at == l->end)
        return out;
    const char *from = l->at;
    l->at = scan_lexeme(l, &out.kind);
    out.text = (struct bytes){from, (size_t)(l->at - from)};
    return out;
}

void lex_init(struct lex *l, struct bytes file, struct bytes text, struct arena *arena,
              struct buf *message)
{
    const char *from = text.size ? text.data : "";
    *l = (struct lex){.file = file, .arena = arena, .message = message};
    l->at = from;
    l->end = from + text.size;
    l->line = l->now.line = 1;
}

bool lex_fail_at(struct lex *l, unsigned line, enum err e, struct bytes what, struct bytes detail)
{
    if (l->err)
        return false;
    l->err = e;
    buf_put(l->message, l->file);
    buf_put_char(l->message, ':');
    buf_put_u64(l->message, line);
    buf_put_literal(l->message, ": ");
    buf_put(l->message, what);
    if (detail.size) {
        buf_put_literal(l->message, " \"");
        buf_put(l->message, bytes_slice(detail, 0, NAME_SIZE_MAX));
        buf_put_char(l->message, '"');
    }
    return false;
}

bool lex_fail(struct lex *l, enum err e, struct bytes what, struct bytes detail)
{
    return lex_fail_at(l, l->now.line, e, what, detail);
}

bool lex_fail_here(struct lex *l, struct bytes what)
{
    struct bytes at = l->now.kind == LEX_END ? BYTES("end of file") : l->now.text;
    return lex_fail(l, ERR_SYNTAX, what, at);
}

void *lex_alloc(struct lex *l, size_t size)
{
    void *block = l->err ? NULL : arena_zalloc(l->arena, size);
    if (!block)
        lex_fail(l, ERR_NOMEM, BYTES("out of memory"), LEX_NONE);
    return block;
}

void lex_advance(struct lex *l)
{
    l->now = next_lexeme(l);
    if (l->now.kind == LEX_UNCLOSED)
        lex_fail(l, ERR_SYNTAX, BYTES("a quote is not closed"), LEX_NONE);
}

bool lex_is_word(const struct lex *l, struct bytes word)
{
    return !l->err && l->now.kind == LEX_WORD && bytes_equal_nocase(l->now.text, word);
}

static bool is_symbol(const struct lex *l, struct bytes symbol)
{
    return !l->err && l->now.kind == LEX_SYMBOL && bytes_equal(l->now.text, symbol);
}

bool lex_take_word(struct lex *l, struct bytes word)
{
    if (!lex_is_word(l, word))
        return false;
    lex_advance(l);
    return true;
}

bool lex_take_symbol(struct lex *l, struct bytes symbol)
{
    if (!is_symbol(l, symbol))
        return false;
    lex_advance(l);
    return true;
}

bool lex_expect_word(struct lex *l, struct bytes word, struct bytes what)
{
    return lex_take_word(l, word) || lex_fail_here(l, what);
}

bool lex_expect_symbol(struct lex *l, struct bytes symbol, struct bytes what)
{
    return lex_take_symbol(l, symbol) || lex_fail_here(l, what);
}

struct bytes lex_unquote(struct lex *l, struct bytes quoted)
{
    char *text = lex_alloc(l, quoted.size), quote = quoted.data[0];
    size_t size = 0;
    if (!text)
        return (struct bytes){"", 0};
    for (size_t i = 1; i + 1 < quoted.size; i++) {
        text[size++] = quoted.data[i];
        i += quoted.data[i] == quote;
    }
    return (struct bytes){text, size};
}

static struct bytes fold(struct lex *l, struct bytes word)
{
    char *text = lex_alloc(l, word.size);
    if (!text)
        return (struct bytes){"", 0};
    for (size_t i = 0; i < word.size; i++)
        text[i] = (char)(word.data[i] | (word.data[i] >= 'A' && word.data[i] <= 'Z' ? 0x20 : 0));
    return (struct bytes){text, word.size};
}

struct bytes lex_take_name(struct lex *l, struct bytes what)
{
    struct bytes name = {"", 0};
    bool is_name = l->now.kind == LEX_WORD || l->now.kind == LEX_QUOTED;
    if (!is_name || l->now.text.size > NAME_SIZE_MAX) {
        lex_fail_here(l, what);
        return name;
    }
    name = l->now.kind == LEX_WORD ? fold(l, l->now.text) : lex_unquote(l, l->now.text);
    lex_advance(l);
    return name;
}

char lex_peek(struct lex *l)
{
    skip_blanks(l);
    return l->at < l->end ? *l->at : '\0';
}
