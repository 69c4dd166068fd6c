/* Two shards, and clients that are present: who says what, and what they are told. */
#ifndef TESTS_HUB_TRACK_SUPPORT_H
#define TESTS_HUB_TRACK_SUPPORT_H

#include "hub/track.h"

#include "support.h"

#include <stdio.h>

enum { REFS_MAX = 64, WINDOW_US = 100000 };

/* Two shards; tests of one use `here`. */
struct fixture {
    struct world here, there;
    struct bytes refs[REFS_MAX]; /* in the order in which they were seen */
    size_t ref_count;
    struct buf told;
};

static inline int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    world_init_pair(&f->here, &f->there);
    buf_init(&f->told, 4 << 20);
    *state = f;
    return 0;
}

static inline int tear_down(void **state)
{
    struct fixture *f = *state;
    world_done(&f->here);
    world_done(&f->there);
    for (size_t i = 0; i < f->ref_count; i++)
        check_unbox(f->refs[i]);
    buf_done(&f->told);
    free(f);
    return 0;
}

/* A ref's name: 1 for the first that the test sees, and so on. */
static inline size_t number_of(struct fixture *f, struct bytes ref)
{
    for (size_t i = 0; i < f->ref_count; i++)
        if (bytes_equal(f->refs[i], ref))
            return i + 1;
    assert_true(f->ref_count < REFS_MAX);
    f->refs[f->ref_count++] = check_boxed(ref);
    return f->ref_count;
}

/* The next message, with "#n" for refs. */
static inline struct bytes told(struct fixture *f, struct client *c)
{
    struct bytes rest = client_next(c, NULL);
    buf_reset(&f->told);
    for (size_t at; (at = bytes_find(rest, BYTES("\"phx_ref"))) < rest.size;) {
        at += bytes_find_char(bytes_slice(rest, at, rest.size), ':') + 2;
        buf_put(&f->told, bytes_slice(rest, 0, at));
        rest = bytes_slice(rest, at, rest.size);
        size_t end = bytes_find_char(rest, '"');
        buf_put_char(&f->told, '#');
        buf_put_u64(&f->told, number_of(f, bytes_slice(rest, 0, end)));
        rest = bytes_slice(rest, end, rest.size);
    }
    buf_put(&f->told, rest);
    return buf_bytes(&f->told);
}

#define STATE(ref, state) "[\"" ref "\",null,\"realtime:x\",\"presence_state\"," state "]"
#define DIFF(joins, leaves)                                                                        \
    "[null,null,\"realtime:x\",\"presence_diff\",{\"joins\":{" joins "},\"leaves\":{" leaves "}}]"
#define IS(key, metas) "\"" key "\":{\"metas\":[" metas "]}"
#define OK_REPLY "[\"1\",\"9\",\"realtime:x\",\"phx_reply\",{\"status\":\"ok\",\"response\":{}}]"

/* Of a join's config. */
static inline const char *config_of(bool hears, const char *key)
{
    static char text[400];
    snprintf(text, sizeof(text), "\"presence\":{\"enabled\":%s,\"key\":\"%s\"}",
             hears ? "true" : "false", key);
    return text;
}

/* Joined as version 2, its reply read away. */
static inline struct client *joined_as(struct world *w, bool hears, const char *key)
{
    struct client *c = client_open(w, PHX_V2);
    client_join(w, c, "x", "1", config_of(hears, key), NULL);
    client_skip(c, 1);
    return c;
}

static inline struct client *joined(struct world *w, const char *key)
{
    return joined_as(w, true, key);
}

static inline void say(struct world *w, struct client *c, const char *event, const char *payload)
{
    char text[1000];
    snprintf(
        text, sizeof(text),
        "[\"1\",\"9\",\"realtime:x\",\"presence\",{\"type\":\"presence\",\"event\":\"%s\"%s%s}]",
        event, payload ? ",\"payload\":" : "", payload ? payload : "");
    client_say(w, c, text);
}

/* Reads on to the reply, past what came before. */
static inline void expect_ok(struct client *c)
{
    struct bytes text;
    do
        text = client_next(c, NULL);
    while (text.data && !bytes_equal(text, BYTES(OK_REPLY)));
    check_text(text, OK_REPLY);
}

static inline void track(struct world *w, struct client *c, const char *payload)
{
    say(w, c, "track", payload);
    expect_ok(c);
}

static inline void untrack(struct world *w, struct client *c)
{
    say(w, c, "untrack", NULL);
    expect_ok(c);
}

#endif
