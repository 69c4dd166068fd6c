/* What this shard's hub says to the hubs of the others.
 *
 * The items stand in one log, in order; each other shard has a place in it.  A batch of them travels
 * as one mail, and only one mail to each shard at a time: it comes back when the other hub has taken
 * all of it, and then the next batch leaves.  So a slow shard is told more at once, what waits for
 * it stays here, under one bound, and an item is freed here when all have had it.  Broadcasts past
 * the bound are dropped; who is present is never lost. */
#include "server/shard_parts.h"

#include <assert.h>

#include "base/mem.h"
#include "hub/relay.h"
#include "io/log.h"

enum { BATCH_MAX = 256 };

/* Whoever holds it may free it.  The items are the sender's; the receiver reads their bytes. */
struct relay_mail {
    struct mail mail; /* first */
    struct mailbox *home;
    size_t link; /* index of the sender's link */
    size_t count, taken;
    struct relay_item *items[BATCH_MAX];
};

struct relay_link {
    struct mailbox *box;
    struct relay_mail *mail; /* NULL: away */
    struct link *next;       /* of the log: not sent yet; the log itself: all is sent */
};

enum err relay_connect(struct shard *s, struct shard *const *all, size_t count)
{
    struct shard_relay *r = &s->relay;
    r->links = mem_array(count, sizeof(*r->links));
    if (!r->links)
        return ERR_NOMEM;
    for (size_t i = 0; i < count; i++) {
        if (all[i] == s)
            continue;
        struct relay_mail *m = mem_zalloc(sizeof(*m));
        if (!m)
            return ERR_NOMEM;
        m->home = &s->inbox;
        m->link = r->link_count;
        r->links[r->link_count++] = (struct relay_link){shard_inbox(all[i]), m, &r->log};
    }
    return OK;
}

static void free_mails(struct mail_list *mails)
{
    for (struct mail *m; (m = mail_list_pop(mails));)
        relay_free_mail(m);
}

void relay_init(struct shard *s)
{
    list_init(&s->relay.log);
}

void relay_done(struct shard *s)
{
    struct shard_relay *r = &s->relay;
    for (size_t i = 0; i < r->link_count; i++)
        mem_free(r->links[i].mail);
    mem_free(r->links);
    free_mails(&r->arrived);
    free_mails(&r->returning);
    for (struct link *l; (l = list_pop_front(&r->log));)
        relay_item_free(container_of(l, struct relay_item, link));
}

void relay_free_mail(struct mail *m)
{
    mem_free(container_of(m, struct relay_mail, mail));
}

/* ---- out ---- */

void relay_add(struct shard *s, struct relay_item *item)
{
    struct shard_relay *r = &s->relay;
    bool is_over = r->bytes + item->size > s->cfg.limits->relay_bytes_max;
    if (r->link_count == 0 || (is_over && item->may_be_lost)) {
        s->counters.relay_dropped += r->link_count > 0;
        relay_item_free(item);
        return;
    }
    item->uses = (uint32_t)r->link_count;
    r->bytes += item->size;
    list_push_back(&r->log, &item->link);
    for (size_t i = 0; i < r->link_count; i++) {
        if (r->links[i].next == &r->log)
            r->links[i].next = &item->link;
    }
}

static void fill(struct shard_relay *r, struct relay_link *l)
{
    struct relay_mail *m = l->mail;
    for (; l->next != &r->log && m->count < BATCH_MAX; l->next = l->next->next)
        m->items[m->count++] = container_of(l->next, struct relay_item, link);
}

static void send_batch(struct shard *s, struct relay_link *l)
{
    struct relay_mail *m = l->mail;
    fill(&s->relay, l);
    if (m->count == 0)
        return;
    m->mail.kind = MAIL_RELAY;
    if (mailbox_post(l->box, &m->mail)) {
        s->relay.is_held_up = true;
        return;
    }
    l->mail = NULL;
    s->counters.relay_mails++;
}

static void send_back(struct shard *s)
{
    struct shard_relay *r = &s->relay;
    struct mail_list mails = r->returning;
    r->returning = (struct mail_list){0};
    for (struct mail *m; (m = mail_list_pop(&mails));) {
        if (mailbox_post(container_of(m, struct relay_mail, mail)->home, m)) {
            mail_list_push(&r->returning, m);
            r->is_held_up = true;
        }
    }
}

void relay_flush(struct shard *s)
{
    struct shard_relay *r = &s->relay;
    r->is_held_up = r->arrived.count > 0;
    send_back(s);
    for (size_t i = 0; i < r->link_count; i++) {
        if (r->links[i].mail)
            send_batch(s, &r->links[i]);
    }
}

static void release(struct shard_relay *r, struct relay_item *item)
{
    if (--item->uses > 0)
        return;
    r->bytes -= item->size;
    list_remove(&item->link);
    relay_item_free(item);
}

void relay_returned(struct shard *s, struct mail *mail)
{
    struct relay_mail *m = container_of(mail, struct relay_mail, mail);
    for (size_t i = 0; i < m->count; i++)
        release(&s->relay, m->items[i]);
    m->count = m->taken = 0;
    s->relay.links[m->link].mail = m;
}

/* ---- in ---- */

/* False: for want of memory something of it must be given again. */
static bool take(struct shard *s, struct relay_mail *m)
{
    for (; m->taken < m->count; m->taken++) {
        struct hub_in in = {.kind = HUB_IN_RELAY, .relay = relay_item_bytes(m->items[m->taken])};
        enum err e = hub_step(s->hub, &in, s->now_us);
        assert(e != ERR_SYNTAX); /* our own words */
        if (e)
            return false;
    }
    return true;
}

void relay_arrived(struct shard *s, struct mail *mail)
{
    mail_list_push(&s->relay.arrived, mail);
}

void relay_take(struct shard *s)
{
    struct shard_relay *r = &s->relay;
    struct mail_list mails = r->arrived;
    r->arrived = (struct mail_list){0};
    for (struct mail *m; (m = mail_list_pop(&mails));) {
        if (take(s, container_of(m, struct relay_mail, mail))) {
            m->kind = MAIL_RELAYED;
            mail_list_push(&r->returning, m);
        } else {
            log_write(LOG_WARN, "hub.relay", "no memory");
            mail_list_push(&r->arrived, m);
        }
    }
}
