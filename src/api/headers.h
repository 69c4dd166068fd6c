/* headers: what api reads of a request's header, gathered in one pass (protocol rest-auth 1, 2, 5,
 * 10). */
#ifndef API_HEADERS_H
#define API_HEADERS_H

#include "proto/http.h"
#include "store/query.h"

enum answer_shape {
    SHAPE_ROWS,
    SHAPE_OBJECT,
    SHAPE_NONE
}; /* NONE: nothing we can make is acceptable */

/* Prefer (RFC 7240), all of its lines together. */
struct preferences {
    bool wants_rows;  /* return=representation */
    bool wants_count; /* count=exact, planned or estimated */
    bool has_resolution;
    enum query_conflict resolution; /* resolution=merge-duplicates or ignore-duplicates */
    bool has_defaults;              /* missing=default */
    bool is_strict;                 /* handling=strict */
    uint64_t affected_max;          /* max-affected=n; UINT64_MAX: none */
    struct bytes unknown;           /* the first that means nothing here; size 0: none */
};

/* Values are borrowed from the request; data NULL: absent.  Of a repeated line the first counts. */
struct request_headers {
    struct bytes apikey, authorization, accept, accept_profile, content_profile, content_type;
    struct bytes range, range_unit, api_version;
    struct preferences prefer;
};

void headers_read(const struct http_request *r, struct request_headers *out);
/* What the token is in `Bearer <token>`; data NULL: there is no such header, or of another scheme.
 */
struct bytes headers_bearer(const struct request_headers *h);
/* The first acceptable shape of the list; rows when there is none. */
enum answer_shape headers_shape(struct bytes accept);
/* Is the body JSON, by its Content-Type (or of no type)? */
bool headers_is_json(struct bytes content_type);
/* `Range: from-to` in items; false when absent or of another form.  `*to` is UINT64_MAX when open.
 */
bool headers_range(const struct request_headers *h, uint64_t *from, uint64_t *to);

#endif
