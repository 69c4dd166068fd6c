/* What the store has made of a group of writes, against what the model says must come of it. */
#include "world.h"

struct judging {
    struct world *w;
    const struct changes *changes;
    size_t at; /* the next change that nobody has asked for yet */
};

static void take(struct judging *j)
{
    const char *fault = model_take(&j->w->model, j->changes->items[j->at++]);
    if (fault)
        world_fail(j->w, "the store: %s (change %zu)", fault, j->at);
}

static bool is_derived(const struct change *c)
{
    int table;
    return !sim_table_find(c->table->name, &table) && table >= TABLE_STOCK;
}

static void put_text(struct world *w, const struct change *c)
{
    buf_put_char(&w->body, w->body.size > 0 ? ',' : '[');
    buf_put(&w->body, c->verb == VERB_DELETE ? c->old_row : c->new_row);
}

/* The last change that was taken: did the deed ask for it? */
static void check_change(struct world *w, const struct deed *d)
{
    const struct entry *e = model_entry(&w->model, w->model.count);
    struct outcome *o = &w->outcome;
    if (e->table != d->table || e->change->verb != d->verb || !o->is_touched[e->place])
        world_fail(w, "the store: change %zu was not asked for", (size_t)e->change->seq);
    else if (e->new_row.exists &&
             memcmp(e->new_row.fields, o->rows[e->place].fields, sizeof(e->new_row.fields)) != 0)
        world_fail(w, "the store: change %zu has a row that was not asked for: %.*s",
                   (size_t)e->change->seq, (int)e->change->new_row.size, e->change->new_row.data);
    o->is_touched[e->place] = false;
    put_text(w, e->change);
}

static void take_own(struct judging *j, const struct deed *d, int count)
{
    struct world *w = j->w;
    while (count > 0 && !w->violation[0]) {
        if (j->at == j->changes->count) {
            world_fail(w, "the store: %d changes that were asked for are not in the log", count);
            return;
        }
        bool is_own = !is_derived(j->changes->items[j->at]);
        take(j);
        if (!w->violation[0] && is_own)
            check_change(w, d);
        count -= is_own;
    }
}

static void check_body(struct world *w, const struct sim_call *c)
{
    const struct store_reply *r = &c->api.reply;
    if (w->body.size == 0)
        buf_put_char(&w->body, '[');
    buf_put_char(&w->body, ']');
    bool is_ordered = c->deed.verb == VERB_INSERT || r->row_count <= 1;
    if (c->deed.wants_rows && is_ordered && !bytes_equal(buf_bytes(&w->body), buf_bytes(&r->body)))
        world_fail(w, "a write was answered with other rows than it has written: %.*s",
                   (int)r->body.size, r->body.data);
}

static unsigned role_now(const struct world *w, struct sim_who who)
{
    uint64_t head = w->model.count;
    return (unsigned)model_only_role(model_roles(&w->model, who, head, head));
}

static void judge(struct judging *j, const struct sim_call *c, bool was_starved)
{
    struct world *w = j->w;
    const struct store_request *request = &c->api.request;
    const struct store_reply *reply = &c->api.reply;
    struct outcome *o = &w->outcome;
    unsigned role = (unsigned)request->who.role;
    deed_judge(&c->deed, &w->model, role, request->now_us, o);
    bool is_done = o->is_done && role == role_now(w, c->deed.who);
    bool was_done = reply->error.status == 0;
    w->counters.writes++;
    w->counters.refused += !was_done;
    if (was_starved && reply->error.status == 503)
        return;
    if (was_done != is_done)
        world_fail(w, "a write of %s (verb %d, role %u) was answered with %d %.*s",
                   sim_tables[c->deed.table].name, (int)c->deed.verb, role, reply->error.status,
                   (int)reply->error.message.size, reply->error.message.data);
    else if (was_done && reply->row_count != (uint64_t)o->count)
        world_fail(w, "a write concerned %zu rows instead of %d", (size_t)reply->row_count,
                   o->count);
    if (!was_done || w->violation[0])
        return;
    buf_reset(&w->body);
    take_own(j, &c->deed, o->count);
    if (!w->violation[0])
        check_body(w, c);
}

void judge_group(struct world *w, struct sim_call *const *calls, size_t count,
                 const struct changes *changes, bool was_starved)
{
    struct judging j = {.w = w, .changes = changes};
    w->counters.groups++;
    for (size_t i = 0; i < count && !w->violation[0]; i++)
        judge(&j, calls[i], was_starved);
    while (j.at < changes->count && !w->violation[0]) {
        if (!is_derived(changes->items[j.at]))
            world_fail(w, "the store: change %zu was asked for by nobody",
                       (size_t)changes->items[j.at]->seq);
        take(&j);
    }
    const char *fault = w->violation[0] ? NULL : model_check_derived(&w->model);
    if (fault)
        world_fail(w, "the store: %s", fault);
}
