/* answer: a whole HTTP/1.1 answer (RFC 9112) to a request that said Connection: close.  Pure. */
#ifndef BINDINGS_POSIX_ANSWER_H
#define BINDINGS_POSIX_ANSWER_H

#include "base/buf.h"

enum { ANSWER_HEAD_MAX = 16 * 1024 };

struct answer {
    unsigned status;
    struct bytes head; /* the header lines, borrowed from the text */
    struct bytes body; /* borrowed from it as well; chunks are joined in place */
};

/* `text` is all that the server sent, and is changed where it is chunked.  ERR_SYNTAX: not an
 * answer, or one cut off. */
MUST_USE enum err answer_parse(struct buf *text, struct answer *out);
/* The head alone: *size is where the body begins.  ERR_AGAIN: not all of it is there. */
MUST_USE enum err answer_head(struct bytes text, struct answer *out, size_t *size);
/* The first header of that name, any case; size 0 and data NULL when absent. */
struct bytes answer_header(const struct answer *a, struct bytes name);

#endif
