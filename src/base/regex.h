/* regex: regular expressions whose cost is bounded, for texts and patterns that others have
 * written.  What is spoken is what PostgreSQL's `~` and PCRE2 read alike: alternatives, groups,
 * classes, bounds, anchors, and the escapes of the classes.  What looks back or around (\1, (?=…))
 * is refused, for only without it one walk through the text is enough; so is what the two read
 * differently (\b, \y, a++).  A regex belongs to one thread at a time.  Pure. */
#ifndef BASE_REGEX_H
#define BASE_REGEX_H

#include "base/buf.h"
#include "base/mem.h"

enum {
    REGEX_PATTERN_MAX = 200, /* bytes */
    REGEX_CODE_MAX = 4096,   /* bytes of a compiled pattern: its bounds may say it over and over */
    REGEX_TEXT_MAX = 8192,   /* bytes */
    REGEX_STATES_MAX = 100   /* ways of reading on that a match may have open at one character */
};

struct regex;

/* All memory comes from `arena`, and ends with it.  Matches anywhere in a text unless anchored; `.`
 * and negated classes take line ends too, `$` is the end of the text.  `is_nocase`: capital and
 * small letters are the same, by Unicode.  On failure `message` gets a sentence: ERR_SYNTAX;
 * ERR_UNSUPPORTED; ERR_LIMIT (too long, or too big once compiled); ERR_NOMEM (no sentence). */
MUST_USE enum err regex_new(struct bytes pattern, bool is_nocase, struct arena *arena,
                            struct buf *message, struct regex **out);
/* A walk over the characters of `text`, each at most REGEX_STATES_MAX steps.  ERR_LIMIT: the text
 * is too long, or there are more ways than that; ERR_SYNTAX: it is not UTF-8; ERR_NOMEM. */
MUST_USE enum err regex_matches(struct regex *r, struct bytes text, bool *out);

#endif
