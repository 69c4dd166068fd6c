/* like: the patterns of SQL's LIKE and ILIKE: `%` is any text, `_` one character, a backslash takes
 * the next one as it is.  Pure. */
#ifndef BASE_LIKE_H
#define BASE_LIKE_H

#include "base/bytes.h"

/* Bytes.  A match takes at most this many steps for each character of the text. */
enum { LIKE_PATTERN_MAX = 100 };

/* ERR_LIMIT: too long; ERR_SYNTAX: ends with a backslash that takes nothing. */
MUST_USE enum err like_check(struct bytes pattern);
/* `pattern` has been checked.  `is_nocase`: capital and small letters are the same, in ASCII and in
 * the Latin, Greek and Cyrillic blocks of Unicode where each has one counterpart. */
bool like_matches(struct bytes pattern, struct bytes text, bool is_nocase);

#endif
