/* deflate: message payloads of permessage-deflate (RFC 7692, 7.2), without context takeover: no
 * message needs what an earlier one left behind, so one state serves all connections of a thread.
 * And whole bodies as gzip (RFC 1952).
 * Pure (zlib computes).  Memory is taken at the first use and kept for the next.  One thread at a
 * time. */
#ifndef PROTO_DEFLATE_H
#define PROTO_DEFLATE_H

#include "base/buf.h"

/* How far back what we send may refer.  Peers that ask for less than 2^15 bytes share the small
 * one. */
enum deflate_window {
    DEFLATE_NONE, /* not negotiated */
    DEFLATE_SMALL,
    DEFLATE_WHOLE
};
enum { DEFLATE_SMALL_BITS = 9, DEFLATE_WHOLE_BITS = 15, DEFLATE_WINDOWS = 2 };

struct z_stream_s;

struct inflater {
    struct z_stream_s *stream; /* owned; NULL before the first message */
    struct buf text;
    uint64_t messages, from_bytes, to_bytes; /* that were whole, since the start */
};

void inflater_init(struct inflater *z);
void inflater_done(struct inflater *z);
/* The text of a message whose payload this is; borrowed until the next call.  ERR_LIMIT: it would
 * be more than `max` bytes, of which no more than one too many was made; ERR_TYPE: not whole blocks;
 * ERR_NOMEM. */
MUST_USE enum err inflater_run(struct inflater *z, struct bytes payload, size_t max,
                               struct bytes *out);

struct deflater {
    struct z_stream_s *streams[DEFLATE_WINDOWS]; /* owned; NULL before the first message */
    struct buf payload;
    uint64_t messages, from_bytes, to_bytes; /* that got smaller, since the start */
};

void deflater_init(struct deflater *z);
void deflater_done(struct deflater *z);
/* The payload that stands for `text`, under 1 GiB; borrowed until the next call.  ERR_LIMIT: it
 * would not be smaller than the text; ERR_NOMEM. */
MUST_USE enum err deflater_run(struct deflater *z, enum deflate_window window, struct bytes text,
                               struct bytes *out);

struct gzipper {
    struct z_stream_s *stream; /* owned; NULL before the first body */
};

void gzipper_init(struct gzipper *z);
void gzipper_done(struct gzipper *z);
/* Appends what stands for `text`, under 1 GiB.  ERR_LIMIT: it would not be smaller than the text, or
 * is more than `out` may hold; ERR_NOMEM.  On failure `out` holds what it held. */
MUST_USE enum err gzipper_run(struct gzipper *z, struct bytes text, struct buf *out);

#endif
