/* err: the one list of results that a function of this program can have.  OK is 0; everything else
 * is something the outside world did.  Foreign codes (errno, SQLite, OpenSSL) are translated to one
 * of these where they arrive. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#define ERR_LIST(X)                                                                                \
    X(OK, "ok")                                                                                    \
    X(ERR_NOMEM, "out of memory")                                                                  \
    X(ERR_FULL, "full")                                                                            \
    X(ERR_AGAIN, "more input is needed")                                                           \
    X(ERR_CLOSED, "closed")                                                                        \
    X(ERR_SYNTAX, "malformed input")                                                               \
    X(ERR_RANGE, "value out of range")                                                             \
    X(ERR_TYPE, "value of another type")                                                           \
    X(ERR_LIMIT, "over a limit")                                                                   \
    X(ERR_NOT_FOUND, "not found")                                                                  \
    X(ERR_EXISTS, "exists already")                                                                \
    X(ERR_DENIED, "not allowed")                                                                   \
    X(ERR_EXPIRED, "expired")                                                                      \
    X(ERR_SIGNATURE, "bad signature")                                                              \
    X(ERR_UNSUPPORTED, "not supported")                                                            \
    X(ERR_BUSY, "busy")                                                                            \
    X(ERR_IO, "input or output failed")                                                            \
    X(ERR_CORRUPT, "stored data is damaged")

enum err {
#define X(name, text) name,
    ERR_LIST(X)
#undef X
};

/* The text of the list above; never NULL. */
const char *err_text(enum err e);

#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))

#endif
