/* parse: what the readers of a REST request share: where their results live, how they refuse, and
 * the small texts (names, lists, percent escapes) that all of them meet.
 *
 * All of them return OK; ERR_NOMEM when the arena gives no more; or ERR_SYNTAX with `fault` set. */
#ifndef API_PARSE_H
#define API_PARSE_H

#include "api/errors.h"

struct parse {
    struct arena *arena; /* what is made lives here */
    struct buf *scratch; /* of use within one step only */
    const struct catalogue *catalogue;
    bool is_service; /* the service role may set what only the server sets */
    struct fault fault;
};

/* Sets the fault and returns ERR_SYNTAX; a message with data NULL (no memory to make it) gives
 * ERR_NOMEM. */
MUST_USE enum err parse_refuse(struct parse *p, int status, const char *code, struct bytes message);
/* PGRST100: "failed to parse <what> (<text>)", with details. */
MUST_USE enum err parse_refuse_syntax(struct parse *p, struct bytes what, struct bytes text,
                                      struct bytes details);
/* 42703: column t.name does not exist. */
MUST_USE enum err parse_refuse_column(struct parse *p, const struct table *t, struct bytes name);
/* By what value_from_text and value_from_json returned: 22P02, 22003, 22007, 22008, 22P05;
 * ERR_NOMEM as it is. */
MUST_USE enum err parse_refuse_value(struct parse *p, const struct column *c, struct bytes text,
                                     enum err e);

/* The parts in one run, in the arena; data NULL when there is no memory. */
struct bytes parse_join(struct parse *p, size_t count, const struct bytes *parts);
#define PARSE_TEXT(p, ...)                                                                         \
    parse_join((p), sizeof((struct bytes[]){__VA_ARGS__}) / sizeof(struct bytes),                  \
               (const struct bytes[]){__VA_ARGS__})
/* At most `max` bytes, cut between characters: what a message quotes of a request. */
struct bytes parse_excerpt(struct bytes text, size_t max);

/* Percent escapes and '+' undone.  Text without any is not copied. */
MUST_USE enum err parse_decode(struct parse *p, struct bytes encoded, struct bytes *out);
/* The shown column of that name; NULL when there is none. */
const struct column *parse_column(const struct table *t, struct bytes name);
/* The next name of `a,"b c",d`, without its quotes.  False at the end. */
bool parse_name_next(struct bytes *rest, struct bytes *out);
/* Without the quotes around the whole. */
struct bytes parse_unquoted(struct bytes name);

#endif
