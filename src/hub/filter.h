/* filter: the row filter of one binding, `column=[not.]op.value` terms joined by commas, all of
 * which must hold (protocol, section 7.2).  Operators: eq neq gt gte lt lte in is isdistinct like
 * ilike; match and imatch are refused, for what a regular expression may cost has no bound.
 * Evaluated on the JSON of a row.  Immutable once parsed; its memory is the arena it was parsed
 * into. */
#ifndef HUB_FILTER_H
#define HUB_FILTER_H

#include "change/value.h"

enum { FILTER_TERMS_MAX = 32, FILTER_VALUES_MAX = 100 };

enum filter_op {
    FILTER_EQ,
    FILTER_NEQ,
    FILTER_GT,
    FILTER_GTE,
    FILTER_LT,
    FILTER_LTE,
    FILTER_IN,
    FILTER_IS, /* no value: null and unknown; one value: true or false */
    FILTER_ISDISTINCT,
    FILTER_LIKE, /* text columns only; the value is the pattern, see like.h */
    FILTER_ILIKE
};

struct filter_term {
    const struct column *column;
    enum filter_op op;
    bool is_not;
    uint32_t value_count;
    struct value *values;
};

struct filter {
    struct filter_term *terms;
    uint32_t count; /* 0: everything passes */
};

/* Blank text is no filter.  On failure `message` gets a sentence for the subscriber: ERR_SYNTAX;
 * ERR_NOT_FOUND (column); ERR_TYPE, ERR_RANGE (value); ERR_UNSUPPORTED (operator); ERR_LIMIT;
 * ERR_NOMEM (no sentence). */
MUST_USE enum err filter_parse(const struct table *t, struct bytes text, struct arena *arena,
                               struct buf *message, struct filter *out);
/* `row`: an object that the store made.  What compares with null, or is not there, does not pass;
 * neither does what cannot be read.  `scratch` is reset. */
bool filter_matches(const struct filter *f, struct bytes row, struct arena *scratch);

#endif
