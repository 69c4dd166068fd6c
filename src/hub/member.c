#include "hub/member.h"

#include "base/time.h"
#include "hub/peer.h"
#include "hub/rights.h"
#include "hub/track.h"
#include "hub/window.h"

enum { GRACE_S = 60 };

static const struct bytes nobody = BYTES_INIT("Unauthorized: unknown or disabled user");

/* ---- words ---- */

void member_push(struct hub *h, struct channel *ch, struct bytes event)
{
    buf_reset(&h->wire);
    h->wire.err = h->response.err;
    phx_put(&h->wire, ch->conn->version, channel_join_ref(ch), (struct bytes){NULL, 0},
            channel_topic(ch), event, buf_bytes(&h->response));
    peer_send_wire(h, ch->conn);
}

/* Up to the message, for more members to follow. */
static void begin_system(struct hub *h, const struct channel *ch, struct bytes extension,
                         bool is_ok, struct bytes text)
{
    struct buf *out = &h->response;
    buf_reset(out);
    buf_put_literal(out, "{\"channel\":");
    json_put_string(out, channel_name(ch));
    buf_put_literal(out, ",\"extension\":");
    json_put_string(out, extension);
    buf_put_literal(out, ",\"status\":");
    json_put_string(out, is_ok ? BYTES("ok") : BYTES("error"));
    buf_put_literal(out, ",\"message\":");
    json_put_string(out, text);
}

static void end_system(struct hub *h, struct channel *ch)
{
    buf_put_char(&h->response, '}');
    member_push(h, ch, BYTES("system"));
}

void member_system(struct hub *h, struct channel *ch, struct bytes extension, bool is_ok,
                   struct bytes text)
{
    begin_system(h, ch, extension, is_ok, text);
    end_system(h, ch);
}

void member_put_resume(const struct hub *h, const struct identity *who, uint64_t seq,
                       bool is_replayed, struct buf *out)
{
    buf_put_literal(out, "\"resume\":{\"epoch\":\"");
    policy_put_epoch(out, h->groups.classes.policies, h->epoch, who);
    buf_put_literal(out, "\",\"seq\":");
    buf_put_u64(out, seq);
    buf_put_literal(out, ",\"replayed\":");
    buf_put(out, is_replayed ? BYTES("true}") : BYTES("false}"));
}

/* What it has had may hold rows that `who` may not see, and lack others. */
static void tell_new_sight(struct hub *h, struct channel *ch, const struct identity *who)
{
    begin_system(h, ch, BYTES("postgres_changes"), true,
                 BYTES("What may be read has changed: take a snapshot"));
    buf_put_char(&h->response, ',');
    member_put_resume(h, who, changelog_head(h->log), false, &h->response);
    end_system(h, ch);
}

void member_drop(struct hub *h, struct channel *ch)
{
    track_leave(h, ch);
    group_leave(&h->groups, ch);
    channel_remove(&h->channels, ch);
}

void member_end(struct hub *h, struct channel *ch, struct bytes event, struct bytes extension,
                struct bytes text)
{
    if (text.size)
        member_system(h, ch, extension, false, text);
    buf_reset(&h->wire);
    phx_put(&h->wire, ch->conn->version, channel_join_ref(ch), channel_join_ref(ch),
            channel_topic(ch), event, BYTES("{}"));
    peer_send_wire(h, ch->conn);
    member_drop(h, ch);
}

/* ---- for whom ---- */

enum err member_identity(const struct hub *h, const struct bearer *b, struct identity *out)
{
    struct identity who = {.role = b->kind == TOKEN_SERVICE ? ROLE_SERVICE : ROLE_ANON};
    if (b->kind == TOKEN_USER) {
        enum err e = directory_find(h->directory, bytes_of(b->user_id), &who.role);
        if (e)
            return e;
        memcpy(who.user_id, b->user_id, sizeof(who.user_id));
    }
    *out = who;
    return OK;
}

/* When a token and its grace are over. */
static int64_t end_of_token_us(const struct bearer *b)
{
    if (b->expires_s >= INT64_MAX / TIME_US_PER_S - GRACE_S)
        return INT64_MAX;
    return (b->expires_s + GRACE_S) * TIME_US_PER_S;
}

enum err member_enter(struct hub *h, struct channel *ch, struct bindings *b)
{
    struct identity who;
    struct reader_class *class;
    enum err e = member_identity(h, &ch->bearer, &who);
    if (!e)
        e = groups_class(&h->groups, b, &who, &class);
    if (e)
        return e;
    e = group_enter(&h->groups, ch, b, class);
    reader_class_unref(&h->groups.classes, class);
    if (!e && window_is_open(ch->group)) { /* what it keeps is not for who comes now */
        group_fall_behind(ch, changelog_head(h->log) + 1);
        window_park(ch);
    }
    return e;
}

/* With the rights of its bearer as it is now, and into that bearer's group, with the same cursor.
 * ERR_NOT_FOUND: nobody; ERR_DENIED: nothing may be heard. */
static enum err move(struct hub *h, struct channel *ch)
{
    struct identity who;
    enum err e = member_identity(h, &ch->bearer, &who);
    if (e)
        return e;
    uint8_t before = ch->rights;
    ch->rights = rights_decide(h, &who, ch->is_private, channel_name(ch));
    if (!rights_can_join(ch->rights))
        return ERR_DENIED;
    track_set_rights(h, ch, before);
    if (!ch->group)
        return OK;
    struct bindings *b = bindings_ref(ch->group->bindings);
    uint64_t next_seq = window_cursor(h, ch);
    group_leave(&h->groups, ch);
    e = member_enter(h, ch, b);
    if (!e && (ch->told || next_seq != changelog_head(h->log) + 1)) {
        group_fall_behind(ch, next_seq);
        replay_later(h, ch->conn, 0); /* it may have waited for something it no longer waits for */
    }
    bindings_unref(&h->groups.sets, b);
    if (!e && ch->wants_resume)
        tell_new_sight(h, ch, &who);
    return e;
}

/* phx_close for those who may not come back, phx_error for those who should. */
static void end_unplaced(struct hub *h, struct channel *ch, enum err e)
{
    if (e == ERR_NOMEM) {
        member_end(h, ch, BYTES("phx_error"), BYTES("system"), BYTES("out of memory"));
        return;
    }
    buf_reset(&h->text);
    if (e == ERR_NOT_FOUND) {
        buf_put(&h->text, nobody);
    } else {
        buf_put_literal(&h->text,
                        "You no longer have permission to read from this Channel topic: ");
        buf_put(&h->text, channel_name(ch));
    }
    member_end(h, ch, BYTES("phx_close"), BYTES("system"), buf_bytes(&h->text));
}

void member_set_bearer(struct hub *h, struct channel *ch, const struct bearer *b)
{
    bool is_same = bearer_is_same_person(&ch->bearer, b);
    if (is_same && b->expires_s <= ch->bearer.expires_s)
        return;
    ch->bearer = *b;
    enum err e = is_same ? OK : move(h, ch);
    if (e) {
        end_unplaced(h, ch, e);
        return;
    }
    member_watch(h, ch);
}

void member_watch(struct hub *h, struct channel *ch)
{
    peer_watch_expiry(h, ch->conn, end_of_token_us(&ch->bearer));
}

void member_adopt(struct hub *h, struct conn *c, const struct bearer *b)
{
    struct identity who;
    if (member_identity(h, b, &who))
        return;
    bool is_known = c->has_person && bearer_is_same_person(&c->person, b);
    if (is_known && b->expires_s <= c->person.expires_s)
        return;
    c->has_person = b->kind == TOKEN_USER;
    c->person = *b;
    if (!c->has_person)
        return;
    for (struct link *l = c->channels.next, *next; l != &c->channels; l = next) {
        struct channel *ch = container_of(l, struct channel, of_conn);
        next = l->next;
        if (ch->is_tokenless || bearer_is_same_person(&ch->bearer, b))
            member_set_bearer(h, ch, b);
    }
}

void member_expire(struct hub *h, struct conn *c)
{
    for (struct link *l = c->channels.next, *next; l != &c->channels; l = next) {
        struct channel *ch = container_of(l, struct channel, of_conn);
        next = l->next;
        int64_t end_us = end_of_token_us(&ch->bearer);
        if (end_us > h->now_us) {
            peer_watch_expiry(h, c, end_us);
            continue;
        }
        buf_reset(&h->text);
        buf_put_literal(&h->text, "Token has expired ");
        buf_put_i64(&h->text, h->now_us / TIME_US_PER_S - ch->bearer.expires_s);
        buf_put_literal(&h->text, " seconds ago");
        member_end(h, ch, BYTES("phx_error"), BYTES("system"), buf_bytes(&h->text));
    }
}

/* ---- the directory ---- */

static bool is_for(const struct bearer *b, struct bytes user_id)
{
    return b->kind == TOKEN_USER && bytes_equal(bytes_of(b->user_id), user_id);
}

static void reclass_conn(struct hub *h, struct conn *c, struct bytes user_id)
{
    struct identity who;
    if (c->has_person && is_for(&c->person, user_id) && member_identity(h, &c->person, &who))
        c->has_person = false;
    for (struct link *l = c->channels.next, *next; l != &c->channels; l = next) {
        struct channel *ch = container_of(l, struct channel, of_conn);
        next = l->next;
        enum err e = is_for(&ch->bearer, user_id) ? move(h, ch) : OK;
        if (e)
            end_unplaced(h, ch, e);
    }
}

void member_reclass(struct hub *h, struct bytes user_id)
{
    for (uint32_t i = 0; i < h->conns.count; i++) {
        struct conn *c = conns_at(&h->conns, i);
        if (c)
            reclass_conn(h, c, user_id);
    }
}
