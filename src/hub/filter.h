/* filter: the row filter of one binding, `column=[not.]op.value` terms joined by commas, all of
 * which must hold (protocol, section 7.2).  Operators: eq neq gt gte lt lte in is isdistinct like
 * ilike match imatch.  Evaluated on the JSON of a row.  Does not change once parsed, but belongs to
 * one thread at a time; its memory is the arena it was parsed into. */
#ifndef HUB_FILTER_H
#define HUB_FILTER_H

#include "base/regex.h"
#include "change/value.h"

enum {
    FILTER_TERMS_MAX = 32,
    FILTER_VALUES_MAX = 100, /* of one in-list */
    FILTER_REGEXES_MAX = 4   /* terms with match or imatch */
};

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
    FILTER_LIKE, /* text columns only, these four; the value is the pattern, see base/like.h */
    FILTER_ILIKE,
    FILTER_MATCH, /* no value, but `regex` */
    FILTER_IMATCH
};

struct filter_term {
    const struct column *column;
    enum filter_op op;
    bool is_not;
    uint32_t value_count;
    struct value *values;
    struct regex *regex;
};

struct filter {
    struct filter_term *terms;
    uint32_t count; /* 0: everything passes */
};

/* SQL's three truth values; `not` turns the outer two round. */
enum filter_truth { FILTER_FALSE = -1, FILTER_UNKNOWN = 0, FILTER_TRUE = 1 };

/* Blank text is no filter.  On failure `message` gets a sentence for the subscriber: ERR_SYNTAX;
 * ERR_NOT_FOUND (column); ERR_TYPE, ERR_RANGE (value); ERR_UNSUPPORTED (operator); ERR_LIMIT;
 * ERR_NOMEM (no sentence). */
MUST_USE enum err filter_parse(const struct table *t, struct bytes text, struct arena *arena,
                               struct buf *message, struct filter *out);
/* `row`: an object that the store made.  What compares with null, or is not there, does not pass;
 * neither does what cannot be read.  ERR_LIMIT: a regular expression would cost too much over this
 * row, which therefore does not pass; ERR_NOMEM: it cannot be told.  `scratch` is reset. */
MUST_USE enum err filter_matches(const struct filter *f, struct bytes row, struct arena *scratch,
                                 bool *out);
/* The truth of one term alone, its `not` included.  Errors as above. */
MUST_USE enum err filter_term_truth(const struct filter_term *t, struct bytes row,
                                    struct arena *scratch, enum filter_truth *out);
/* "eq" … */
struct bytes filter_op_name(enum filter_op op);

#endif
