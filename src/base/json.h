/* json: a small validating reader (RFC 8259) and the pieces to write JSON.  It builds no trees: it
 * gives spans of the text.  Pure, any thread.  Depth is bounded by JSON_DEPTH_MAX. */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "base/buf.h"

enum { JSON_DEPTH_MAX = 64 };

enum json_type {
    JSON_NULL,
    JSON_FALSE,
    JSON_TRUE,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT,
};

/* One value, as the span of its text (quotes and brackets included). */
struct json_value {
    enum json_type type;
    struct bytes raw;
};

/* Checks the whole text to be one JSON value and nothing else but white space.  ERR_SYNTAX,
 * ERR_LIMIT when it is too deep. */
MUST_USE enum err json_parse(struct bytes text, struct json_value *out);

/* Walks the members of a value that json_parse has accepted (or a part of it); they do not check
 * again. */
struct json_iter {
    const char *at, *end;
};
struct json_iter json_iter(struct json_value array_or_object);
/* The next member, false at the end.  `key` is the raw key with its quotes, and empty in arrays. */
bool json_next(struct json_iter *it, struct bytes *key, struct json_value *out);

/* The member `name` (plain text, compared with the decoded key; the last one of that name wins, as
 * in PostgreSQL's jsonb).  ERR_NOT_FOUND, also when `object` is none. */
MUST_USE enum err json_get(struct json_value object, struct bytes name, struct json_value *out);
/* True when the raw key or string (with quotes) says `text`. */
bool json_string_equals(struct bytes raw, struct bytes text);
/* Appends the text of a string value, escapes undone; lone surrogates become U+FFFD. */
void json_string_decode(struct buf *out, struct bytes raw);
/* Convenience: ERR_TYPE when the value is not what is asked; ERR_RANGE for a number that is not a
 * whole int64 written without fraction and exponent. */
MUST_USE enum err json_to_i64(struct json_value v, int64_t *out);
/* true, false, and the strings "true" and "false". */
MUST_USE enum err json_to_bool(struct json_value v, bool *out);

/* Writes `text` with quotes and escapes; what is not UTF-8 becomes U+FFFD. */
void json_put_string(struct buf *out, struct bytes text);
/* `"name":` with a comma before it unless the last byte written is '{' or '['. */
void json_put_key(struct buf *out, struct bytes name);

#endif
