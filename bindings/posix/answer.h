/* answer: HTTP/1.1 answers (RFC 9112), read as they come, and the answer to the opening
 * handshake of a WebSocket (RFC 6455, 4.1).  Pure.  One thread at a time. */
#ifndef BINDINGS_POSIX_ANSWER_H
#define BINDINGS_POSIX_ANSWER_H

#include "base/buf.h"

enum {
    ANSWER_HEAD_MAX = 16 * 1024,
    ANSWER_LINE_MAX = 1024, /* of a chunk's size with its extensions, and of a trailer */
    ANSWER_TRAILERS_MAX = 64,
    ANSWER_INTERIM_MAX = 8 /* 1xx before the answer itself */
};

struct answer {
    unsigned status;   /* 100..599 */
    struct bytes head; /* the header lines, each with its CRLF */
    struct bytes body; /* without the chunks' frames */
};

/* Takes memory with the first byte: at most ANSWER_HEAD_MAX and `body_max`, and what a buf grows
 * by. */
struct answer_reader {
    struct buf text; /* head and body */
    size_t head_size;
    size_t body_max;
    uint64_t left; /* bytes of the body or chunk that are still to come */
    int part;
    unsigned interims, trailers;
    bool is_head_only;
    size_t line_size;
    char line[ANSWER_LINE_MAX];
};

/* `body_max`, bytes.  `is_head_only`: the answer ends with its head, as one to an upgrade does. */
void answer_reader_init(struct answer_reader *r, size_t body_max, bool is_head_only);
void answer_reader_done(struct answer_reader *r);
/* Advances `*in` past what belongs to the answer.
 *   OK         it is whole: `out` is borrowed from the reader until it is done
 *   ERR_AGAIN  all was consumed, more is to come
 *   ERR_SYNTAX no answer, or one whose end cannot be known for sure (6.3)
 *   ERR_LIMIT  more than was allowed     ERR_NOMEM
 * After OK or an error only answer_reader_done may follow. */
MUST_USE enum err answer_reader_feed(struct answer_reader *r, struct bytes *in, struct answer *out);
/* The server has ended the connection in good order.  OK when that is the end of this answer;
 * ERR_CLOSED when it is cut off. */
MUST_USE enum err answer_reader_end(struct answer_reader *r, struct answer *out);

/* The first header of that name, any case; size 0 and data NULL when absent. */
struct bytes answer_header(const struct answer *a, struct bytes name);
/* The answer opens a WebSocket without extensions to whoever computed `accept`. */
bool answer_is_upgrade(const struct answer *a, struct bytes accept);

#endif
