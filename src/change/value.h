/* value: one column value in the form in which it is stored and compared, and its way from and to JSON
 * and query text.  This is the column adaptor: REST, policies, filters and the store all use it, so that
 * a value means the same everywhere.  Pure. */
#ifndef CHANGE_VALUE_H
#define CHANGE_VALUE_H

#include "base/json.h"
#include "change/catalogue.h"

enum value_kind { VALUE_NULL, VALUE_INT, VALUE_TEXT };

struct value {
    enum value_kind kind;
    int64_t number; /* VALUE_INT: int4, int8, bool (0, 1), numeric × 10^scale, microseconds */
    struct bytes
        text; /* VALUE_TEXT: uuid in lower case, text, date, jsonb; borrowed, or in `scratch` */
    /* VALUE_INT made from a query text that is finer than the type: the true value lies strictly
     * between number and number + 1 (eq is then never true). */
    bool is_between;
};

/* From the text of a query (`eq.<text>`), by the column's type.  ERR_TYPE: 22P02; ERR_RANGE: 22003.
 * Decoded text is copied into the arena when it must change. */
MUST_USE enum err value_from_text(const struct column *c, struct bytes text, struct arena *scratch,
                                  struct value *out);
/* From a JSON value of a request body, or of a row that the store made.  Numbers and their strings are both
 * taken, as PostgreSQL does.  A numeric finer than its scale is rounded half away from zero. */
MUST_USE enum err value_from_json(const struct column *c, struct json_value v,
                                  struct arena *scratch, struct value *out);
/* As JSON, as PostgreSQL's to_jsonb shows the type. */
void value_put_json(struct buf *out, const struct column *c, struct value v);
/* As text (csv, error details, Content-Location). */
void value_put_text(struct buf *out, const struct column *c, struct value v);
/* <0, 0, >0; both not null, same column type; text by bytes.  With is_between on the right, never 0. */
int value_compare(struct value a, struct value b);
/* The message of PostgreSQL for a text that cannot be cast: `invalid input syntax for type uuid: "x"`. */
void value_put_cast_error(struct buf *out, const struct column *c, struct bytes text);

#endif
