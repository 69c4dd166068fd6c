/* policy_lex: the words of a policy's text, and the first fault found in it.  Private to policy*.c.
 * The fault sticks, with its message; after it nothing is taken any more. */
#ifndef AUTH_POLICY_LEX_H
#define AUTH_POLICY_LEX_H

#include "base/buf.h"
#include "base/mem.h"

enum lexeme_kind {
    LEX_END,
    LEX_WORD,    /* plain name or keyword */
    LEX_QUOTED,  /* "name" */
    LEX_STRING,  /* 'text' */
    LEX_NUMBER,  /* with its sign; not checked further */
    LEX_SYMBOL,  /* one character, or <> != <= >= */
    LEX_UNCLOSED /* a quote without its end */
};

struct lexeme {
    enum lexeme_kind kind;
    struct bytes text; /* with its quotes */
    unsigned line;     /* 1, 2, … where it begins */
};

struct lex {
    struct bytes file;
    const char *at, *end;
    unsigned line;
    struct lexeme now; /* the one looked at */
    struct arena *arena;
    struct buf *message;
    enum err err;
};

#define LEX_NONE ((struct bytes){NULL, 0})

/* Before the first lexeme: lex_advance comes next. */
void lex_init(struct lex *l, struct bytes file, struct bytes text, struct arena *arena,
              struct buf *message);
/* Skips blanks and -- comments.  LEX_END again and again at the end. */
void lex_advance(struct lex *l);
/* The first character of the lexeme behind the present one; zero at the end. */
char lex_peek(struct lex *l);

/* `file:line: what "detail"`.  The first fault counts.  Always false. */
bool lex_fail_at(struct lex *l, unsigned line, enum err e, struct bytes what, struct bytes detail);
bool lex_fail(struct lex *l, enum err e, struct bytes what, struct bytes detail);
/* ERR_SYNTAX, with the present lexeme as detail. */
bool lex_fail_here(struct lex *l, struct bytes what);
/* Zeroed, in the arena; NULL after a fault. */
void *lex_alloc(struct lex *l, size_t size);

/* Keywords in any case; the take functions advance when they give true. */
bool lex_is_word(const struct lex *l, struct bytes word);
bool lex_take_word(struct lex *l, struct bytes word);
bool lex_take_symbol(struct lex *l, struct bytes symbol);
bool lex_expect_word(struct lex *l, struct bytes word, struct bytes what);
bool lex_expect_symbol(struct lex *l, struct bytes symbol, struct bytes what);
/* A plain name, in lower case, or a quoted one as it stands. */
struct bytes lex_take_name(struct lex *l, struct bytes what);
/* The text between the quotes, doubled ones made single. */
struct bytes lex_unquote(struct lex *l, struct bytes quoted);

#endif
