/* assets: the built pages, embedded in the program by tools/pack-assets.sh, each as it is and
 * compressed.  Immutable; any thread. */
#ifndef SERVER_ASSETS_H
#define SERVER_ASSETS_H

#include "proto/http.h"

struct asset {
    const char *path;                 /* "/index.html" */
    const char *type;                 /* Content-Type */
    const char *hash;                 /* of the contents; the ETag is made of it */
    bool is_hashed;                   /* the name changes with the contents: may be kept for ever */
    struct bytes plain, gzip, brotli; /* size 0: there is no such form */
};

struct asset_set {
    const struct asset *items; /* sorted by path */
    size_t count;
};
/* What web/dist held when the program was configured; perhaps nothing. */
extern const struct asset_set assets_embedded;

/* Answers a request for a page or a file: GET and HEAD with conditions (RFC 9110, 13.1.2) and
 * content coding.  A path without a dot that is no file gets /index.html when HTML is asked for:
 * the pages have routes of their own.  Header lines go to `headers`, without Content-Length;
 * `*body` is borrowed from the set or is a constant.  Returns the status. */
int assets_answer(const struct asset_set *set, const struct http_request *r, struct buf *headers,
                  struct bytes *body);

#endif
