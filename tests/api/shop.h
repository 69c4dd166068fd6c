/* shop: the API over a real store in memory, and a pump that does what calls ask for.  Ada is the
 * owner, Ben the manager, Cid a sales rep, Dan a sales rep who is disabled. */
#ifndef TESTS_API_SHOP_H
#define TESTS_API_SHOP_H

#include "api/api.h"
#include "api/sign_in_limit.h"
#include "api/token_cache.h"
#include "check.h"

#define SHOP_PASSWORD "correct horse"
#define SHOP_NOW_US                                                                                \
    INT64_C(1795338000000000) /* 2026-11-22T09:00:00Z: 10:00 in Lagos, the morning shift */
#define SHOP_BREAD "11111111-1111-4111-8111-111111111111"

enum shop_person { ADA, BEN, CID, DAN, SHOP_PEOPLE };

struct shop {
    struct store *store;
    struct store_session *session;
    struct directory *directory;
    struct api api;
    struct api_call call;
    int64_t now_us;
    char ids[SHOP_PEOPLE][UUID_SIZE + 1];
    struct buf anon, service, people[SHOP_PEOPLE]; /* tokens */
    unsigned reads, writes, passwords;             /* actions of the last call */
    struct buf said; /* broadcasts of the last call, a line each: topic|event|payload, "private|" or
                        "raw|" before it */
    uint64_t fail_at; /* api_begin finds memory for this many blocks less one; 0: for all */
    bool has_failed;  /* it asked for more */
    bool is_busy;     /* every action is refused as busy */
};

struct shop_request {
    enum http_method method;
    const char *target;      /* path and query */
    const char *body;        /* NULL: none */
    const struct buf *key;   /* NULL: the anon key */
    const struct buf *token; /* NULL: no Authorization */
    bool has_no_key;
    const char *headers[8][2]; /* more lines */
};

void shop_open(struct shop *s);
void shop_close(struct shop *s);
/* Runs the call to its end and returns the status.  The answer is in s->call.response until the
 * next. */
int shop_send(struct shop *s, const struct shop_request *r);
/* The same, and sees that the status, and the code of the error (NULL: none), are these. */
void shop_expect(struct shop *s, const struct shop_request *r, int status, const char *code);
/* A row of the table as the service, so that tests can begin with it. */
void shop_insert(struct shop *s, const char *target, const char *body);
struct bytes shop_body(const struct shop *s);
/* The value of a header line of the answer; data NULL: there is none. */
struct bytes shop_header(const struct shop *s, const char *name);
/* A member of the body, an object; strings without their quotes. */
struct bytes shop_member(const struct shop *s, const char *name);

#endif
