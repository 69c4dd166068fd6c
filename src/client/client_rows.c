/* What the host is told of rows: one batch at a time, made of what has changed since the last one,
 * given to each user in turn.  Who comes later is given all rows first, as those before them know
 * them, and from then on gets the same batches. */
#include "client/state.h"

static bool has_rows(const struct sub *s)
{
    return s->is_loaded && !list_is_empty(&s->users) &&
           (s->replica.waiting_count > 0 || s->unfed > 0);
}

static struct sub *next_with_rows(const struct hb_client *c)
{
    struct sub *s = NULL;
    while ((s = registry_next(&c->registry, s)) && !has_rows(s))
        ;
    return s;
}

void rows_drop(struct hb_client *c)
{
    batch_done(&c->handing.batch);
    c->handing.sub = NULL;
}

void rows_restart(struct sub *s)
{
    if (!s->is_loaded)
        return;
    replica_clear_feed(&s->replica);
    list_each(l, &s->users)
    {
        struct user *u = container_of(l, struct user, link);
        s->unfed += u->is_fed;
        u->is_fed = false;
    }
}

/* Of a feed the whole is empty, and comes before what has happened since; of a copy it is what the
 * others have been told, and so comes behind it. */
static enum err begin(struct hb_client *c, struct sub *s)
{
    struct handing *h = &c->handing;
    h->is_whole = s->unfed > 0 && (s->replica.feed || s->replica.waiting_count == 0);
    enum err e =
        h->is_whole ? replica_all(&s->replica, &h->batch) : replica_take(&s->replica, &h->batch);
    if (e)
        return e;
    h->sub = s;
    h->seq = s->cursor.seq;
    h->after = 0;
    return OK;
}

/* The next user of the batch, or NULL when all have had it. */
static struct user *next_user(const struct handing *h)
{
    struct user *u = h->sub ? sub_user_after(h->sub, h->after) : NULL;
    while (u && u->is_fed == h->is_whole)
        u = sub_user_after(h->sub, u->number);
    return u;
}

static void give(struct hb_client *c, struct user *u, struct hb_action *out)
{
    struct handing *h = &c->handing;
    *out = (struct hb_action){.type = HB_ROWS,
                              .id = u->number,
                              .count = (uint32_t)h->batch.count,
                              .is_whole = h->is_whole,
                              .seq = h->seq};
    h->after = u->number;
    if (h->is_whole) {
        u->is_fed = true;
        h->sub->unfed--;
    }
}

static bool ask_for_frame(struct hb_client *c, struct hb_action *out)
{
    if (c->handing.is_asked || !next_with_rows(c))
        return false;
    c->handing.is_asked = true;
    c->handing.end = c->now + c->s.frame_wait_ms;
    *out = (struct hb_action){.type = HB_FRAME};
    return true;
}

bool rows_next(struct hb_client *c, struct hb_action *out)
{
    struct handing *h = &c->handing;
    for (;;) {
        struct user *u = next_user(h);
        if (u) {
            give(c, u, out);
            return true;
        }
        rows_drop(c);
        if (!h->is_on && (c->s.frame_wait_ms > 0 || !c->is_visible))
            return c->is_visible && ask_for_frame(c, out);
        struct sub *s = next_with_rows(c);
        if (!s) {
            h->is_on = false;
            return false;
        }
        if (begin(c, s)) {
            c->hunger_end = c->now + HUNGER_MS;
            return false;
        }
    }
}

void rows_tend(struct hb_client *c)
{
    if (!c->handing.is_asked || !c->is_visible || c->now < c->handing.end)
        return;
    c->handing.is_asked = false;
    c->handing.is_on = true;
}
