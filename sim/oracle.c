/* What a reader must hear, may hear and must not hear.
 *
 * A change is judged by the role that the reader has when the hub looks at it: at once for those at
 * the head, later for those who replay.  So what is heard of a change must be right for a role the
 * reader had at some moment from the change on until now; with a role that did not change there is
 * just one answer.  A person who is nobody in all that time hears nothing. */
#include "world.h"

#include <stdio.h>

enum { SECOND_US = 1000000 };

static const struct want *want_of(const struct world *w, const struct sim_channel *ch)
{
    return &w->wants[ch->want];
}

static uint64_t heard_by(const struct world *w, const struct reader *r)
{
    return w->server.shards[r->wire->shard].heard;
}

/* ---- one message ---- */

static bool has_ids(struct json_value ids, const struct hearing *h)
{
    struct json_iter it = json_iter(ids);
    struct json_value v;
    struct bytes key;
    int count = 0;
    for (int64_t id; json_next(&it, &key, &v); count++)
        if (count >= h->id_count || json_to_i64(v, &id) || id != h->ids[count])
            return false;
    return count == h->id_count;
}

static bool is_key(struct json_value got, const struct entry *e)
{
    char key[80], id[SIM_UUID];
    const struct sim_table *t = &sim_tables[e->table];
    sim_uuid(e->table, e->place - t->first, id);
    snprintf(key, sizeof(key), "{\"%s\":\"%s\"}", t->columns[0].name, id);
    return bytes_equal(got.raw, bytes_of(key));
}

static bool has_old_row(struct json_value got, const struct entry *e, const struct hearing *h)
{
    if (h->has_whole_old || h->verb == VERB_INSERT)
        return bytes_equal(got.raw, e->change->old_row);
    return is_key(got, e);
}

static bool is_heard(struct json_value payload, const struct entry *e, const struct hearing *h)
{
    struct bytes none = {NULL, 0};
    struct json_value data = sim_member(payload, "data");
    return h->verb != VERB_SELECT && has_ids(sim_member(payload, "ids"), h) &&
           json_string_equals(sim_member(data, "table").raw, e->change->table->name) &&
           json_string_equals(sim_member(data, "type").raw, verb_name(h->verb)) &&
           bytes_equal(sim_member(data, "record").raw,
                       h->verb == VERB_DELETE ? none : e->change->new_row) &&
           has_old_row(sim_member(data, "old_record"), e, h);
}

/* Of a coalescing channel: the change stands for those of the same row before it, so its verb and its
 * old row may be of an older one. */
static bool is_shown_old_row(const struct world *w, struct bytes old_row, const struct entry *e,
                             unsigned role, int person)
{
    for (uint64_t seq = e->change->seq; seq > 0; seq--) {
        const struct entry *k = model_entry(&w->model, seq);
        if (k->place == e->place && bytes_equal(old_row, k->change->old_row))
            return rules_see(role, person, k->place, &k->old_row);
    }
    return false;
}

/* Only the key is shown of a row that has come into view. */
static bool has_come_into_view(const struct world *w, const struct entry *e, unsigned role,
                               int person)
{
    for (uint64_t seq = e->change->seq; seq > 0; seq--) {
        const struct entry *k = model_entry(&w->model, seq);
        if (k->place == e->place && k->change->old_row.size > 0 &&
            !rules_see(role, person, k->place, &k->old_row))
            return true;
    }
    return false;
}

static bool is_heard_together(const struct world *w, struct json_value payload,
                              const struct entry *e, const struct hearing *h, unsigned role,
                              int person)
{
    struct json_value data = sim_member(payload, "data");
    struct json_value old_row = sim_member(data, "old_record");
    bool is_delete = json_string_equals(sim_member(data, "type").raw, BYTES("DELETE"));
    return h->verb != VERB_SELECT && has_ids(sim_member(payload, "ids"), h) &&
           json_string_equals(sim_member(data, "table").raw, e->change->table->name) &&
           is_delete == (h->verb == VERB_DELETE) &&
           bytes_equal(sim_member(data, "record").raw,
                       is_delete ? (struct bytes){NULL, 0} : e->change->new_row) &&
           (old_row.type == JSON_NULL ||
            (is_key(old_row, e) && has_come_into_view(w, e, role, person)) ||
            is_shown_old_row(w, old_row.raw, e, role, person));
}

/* Is this payload, or silence when there is none, right for a role that the reader has had since?
 * `*out` is what was heard then. */
static bool judge(struct world *w, const struct reader *r, const struct sim_channel *ch,
                  uint64_t seq, const struct json_value *payload, enum verb *out)
{
    const struct entry *e = model_entry(&w->model, seq);
    unsigned roles = model_roles(&w->model, r->who, seq, heard_by(w, r));
    for (unsigned role = 0; role <= ROLE_NOBODY; role++) {
        if (!(roles >> role & 1))
            continue;
        struct hearing h = want_hear(want_of(w, ch), ch->ids, role, r->who.person, e);
        bool is_right = h.verb == VERB_SELECT;
        if (payload && ch->is_coalescing)
            is_right = is_heard_together(w, *payload, e, &h, role, r->who.person);
        else if (payload)
            is_right = is_heard(*payload, e, &h);
        if (is_right) {
            *out = h.verb;
            return true;
        }
    }
    return false;
}

/* Goes on over what need not have been heard, up to `to`. */
static bool skip_silence(struct world *w, const struct reader *r, struct sim_channel *ch,
                         uint64_t to)
{
    enum verb verb;
    while (ch->checked < to) {
        if (!judge(w, r, ch, ch->checked + 1, NULL, &verb))
            return false;
        ch->checked++;
    }
    return true;
}

bool oracle_hear(struct world *w, const struct reader *r, struct sim_channel *ch,
                 struct json_value payload)
{
    int64_t number;
    enum verb verb = VERB_SELECT;
    if (json_to_i64(sim_member(sim_member(payload, "data"), "seq"), &number) || number < 1 ||
        (uint64_t)number > heard_by(w, r)) {
        world_fail(w, "reader %d: a change without a proper seq", r->number);
        return false;
    }
    uint64_t seq = (uint64_t)number;
    const struct change *c = model_entry(&w->model, seq)->change;
    if (r->token_last_s > 0 && c->commit_us / SECOND_US > r->token_last_s + TOKEN_GRACE_S + 1)
        world_fail(w, "reader %d: heard of something after its token had expired", r->number);
    if (seq <= ch->last)
        world_fail(w, "reader %d: seq %zu after %zu", r->number, (size_t)seq, (size_t)ch->last);
    else if (!ch->is_coalescing && !skip_silence(w, r, ch, seq - 1))
        world_fail(w, "reader %d: seq %zu without %zu before it", r->number, (size_t)seq,
                   (size_t)ch->checked + 1);
    else if (!judge(w, r, ch, seq, &payload, &verb))
        world_fail(w, "reader %d: seq %zu is not for it, or not like this: %.*s", r->number,
                   (size_t)seq, (int)payload.raw.size, payload.raw.data);
    if (w->violation[0])
        return false;
    if (seq > ch->checked)
        ch->checked = seq;
    ch->is_dirty = true;
    w->counters.coalesced += ch->is_coalescing;
    copy_hear(w, ch, seq, sim_member(payload, "data"),
              verb == VERB_DELETE ? 0 : model_entry(&w->model, seq)->hash);
    return !w->violation[0];
}

bool oracle_is_token_old(const struct world *w, const struct reader *r)
{
    return r->token_first_s > 0 && r->token_first_s <= w->now_us / SECOND_US;
}

void oracle_check_answer(struct world *w, const struct reader *r, const struct sim_channel *ch,
                         bool is_ok)
{
    unsigned nobody = 1U << ROLE_NOBODY;
    unsigned roles = model_roles(&w->model, r->who, ch->asked_seq, heard_by(w, r));
    if (is_ok && roles == nobody)
        world_fail(w, "reader %d: nobody has joined", r->number);
    if (!is_ok && !(roles & nobody) && !w->is_poor && !oracle_is_token_old(w, r))
        world_fail(w, "reader %d: was refused", r->number);
}

void oracle_check_resume(struct world *w, const struct reader *r, const struct sim_channel *ch,
                         bool is_replayed)
{
    const struct server *v = &w->server;
    bool is_known = ch->resume_seq <= ch->asked_seq;
    if (ch->asks_resume && !is_replayed && is_known && v->can_fetch &&
        ch->resume_seq + 1 >= v->tail)
        world_fail(w, "reader %d: was refused what came after %zu, though the log has it",
                   r->number, (size_t)ch->resume_seq);
}

/* ---- snapshots ---- */

void oracle_check_snapshot(struct world *w, const struct reader *r, struct sim_channel *ch,
                           int table, uint64_t seq, const sim_copy rows)
{
    static struct sim_row then[PLACES];
    sim_copy hashes;
    const struct sim_table *t = &sim_tables[table];
    if (seq < r->ask_seq || seq > w->model.count) {
        world_fail(w, "reader %d: a snapshot of seq %zu", r->number, (size_t)seq);
        return;
    }
    int role = model_only_role(model_roles(&w->model, r->who, seq, seq));
    model_tables_at(&w->model, seq, then, hashes);
    for (int place = t->first; place < t->first + t->count; place++) {
        bool is_shown =
            want_gets_row(want_of(w, ch), (unsigned)role, r->who.person, place, &then[place]);
        if (rows[place] != (is_shown ? hashes[place] : 0))
            world_fail(w, "reader %d: row %d of %s is not what it was at seq %zu", r->number,
                       place - t->first, t->name, (size_t)seq);
    }
}

void oracle_check_refusal(struct world *w, const struct reader *r, int table, int status)
{
    unsigned roles = model_roles(&w->model, r->who, r->ask_heard, w->model.count);
    int role = model_only_role(roles);
    if (status != 401 && status != 403)
        world_fail(w, "reader %d: a snapshot was answered with %d", r->number, status);
    if (role >= 0 && role != ROLE_NOBODY && rules_may((unsigned)role, table, VERB_SELECT))
        world_fail(w, "reader %d: was refused a snapshot of %s", r->number, sim_tables[table].name);
}

/* ---- after each step ---- */

void oracle_check_step(struct world *w)
{
    for (int i = 0; i < w->reader_count; i++) {
        struct reader *r = &w->readers[i];
        for (int k = 0; k < r->channel_count; k++) {
            struct sim_channel *ch = &r->channels[k];
            if (ch->is_dirty && memcmp(ch->copy, ch->truth, sizeof(ch->copy)) != 0)
                world_fail(w, "reader %d: its copy is not the log up to %zu", i, (size_t)ch->last);
            ch->is_dirty = false;
        }
    }
}

/* ---- at a quiet moment ---- */

static bool is_nobody(const struct world *w, const struct reader *r)
{
    uint64_t head = w->model.count;
    return model_roles(&w->model, r->who, head, head) == 1U << ROLE_NOBODY;
}

/* Of each row, what was to be heard last: a coalescing channel need not have heard the rest. */
static bool is_up_to_date(const struct world *w, const struct reader *r,
                          const struct sim_channel *ch)
{
    bool is_done[PLACES] = {false};
    uint64_t head = w->model.count;
    int role = model_only_role(model_roles(&w->model, r->who, ch->base_seq, head));
    for (uint64_t seq = head; role >= 0 && seq > ch->base_seq; seq--) {
        const struct entry *e = model_entry(&w->model, seq);
        if (is_done[e->place] || ch->parts[e->table] != PART_HELD || seq <= ch->part_seqs[e->table])
            continue;
        enum verb verb = want_hear(want_of(w, ch), ch->ids, (unsigned)role, r->who.person, e).verb;
        is_done[e->place] = verb != VERB_SELECT;
        if (is_done[e->place] && ch->copy[e->place] != (verb == VERB_DELETE ? 0 : e->hash))
            return false;
    }
    return true;
}

static bool has_caught_up(struct world *w, const struct reader *r, struct sim_channel *ch)
{
    if (is_nobody(w, r))
        return !ch->is_live;
    return ch->state == CHANNEL_IN && ch->is_live && copy_is_whole(ch) &&
           (ch->is_coalescing ? is_up_to_date(w, r, ch) : skip_silence(w, r, ch, w->model.count));
}

static bool is_server_quiet(const struct world *w)
{
    if (!server_is_up(w) || w->server.stop_at_us != INT64_MAX)
        return false;
    for (int i = 0; i < w->server.shard_count; i++)
        if (w->server.shards[i].heard < w->model.count)
            return false;
    for (int i = 0; i < CLERKS; i++)
        if (!clerk_is_idle(&w->clerks[i]))
            return false;
    return true;
}

bool oracle_all_caught_up(struct world *w, int *late)
{
    *late = -1;
    if (!is_server_quiet(w))
        return false;
    for (int i = 0; i < w->reader_count; i++) {
        struct reader *r = &w->readers[i];
        *late = i;
        if (!room_is_quiet(w, r))
            return false;
        for (int k = 0; k < r->channel_count; k++)
            if (!r->wire || !has_caught_up(w, r, &r->channels[k]))
                return false;
    }
    return true;
}

static void look(const struct world *w, const struct reader *r, const struct sim_channel *ch,
                 unsigned role, sim_copy out)
{
    for (int place = 0; place < PLACES; place++) {
        bool has = ch->parts[sim_table_of_place(place)] == PART_HELD &&
                   want_has_row(want_of(w, ch), role, r->who.person, place, &w->model.rows[place]);
        out[place] = has ? w->model.hashes[place] : 0;
    }
}

static void get(struct world *w, struct sim_who who, const char *table, struct sim_call *call)
{
    char target[80];
    snprintf(target, sizeof(target), "/rest/v1/%s?select=*", table);
    server_ask(w, who, target, NULL, call);
}

/* What a real GET says now is what the reader has. */
static void check_by_get(struct world *w, const struct reader *r, const struct sim_channel *ch,
                         int table)
{
    const struct sim_table *t = &sim_tables[table];
    struct sim_call call;
    sim_copy rows;
    get(w, r->who, t->name, &call);
    if (call.api.response.status != 200)
        world_fail(w, "reader %d: a GET was answered with %d", r->number, call.api.response.status);
    else if (copy_read_rows(w, table, call.api.response.body, rows) &&
             memcmp(rows + t->first, ch->copy + t->first, (size_t)t->count * sizeof(rows[0])) != 0)
        world_fail(w, "reader %d: its copy of %s is not what a GET gives", r->number, t->name);
    api_call_done(&call.api);
}

/* Those who hear all of their tables have the tables themselves.  When the role has changed since
 * the snapshot, there is more than one right copy. */
static void check_copy(struct world *w, struct reader *r, struct sim_channel *ch)
{
    sim_copy tables;
    int role = model_only_role(model_roles(&w->model, r->who, ch->base_seq, w->model.count));
    if (role < 0) {
        copy_forget(w, r, ch);
        return;
    }
    if (!want_is_plain(want_of(w, ch)))
        return;
    look(w, r, ch, (unsigned)role, tables);
    if (memcmp(tables, ch->copy, sizeof(tables)) != 0)
        world_fail(w, "reader %d: its copy is not the tables", r->number);
    for (int t = 0; t < TABLE_COUNT && !w->violation[0]; t++)
        if (ch->parts[t] == PART_HELD)
            check_by_get(w, r, ch, t);
}

/* The store by itself: its tables are the log folded, and what is derived is right. */
static void check_store(struct world *w)
{
    struct sim_who service = {-1, ROLE_SERVICE};
    struct sim_call call;
    sim_copy rows;
    for (int t = 0; t < TABLE_COUNT && !w->violation[0]; t++) {
        get(w, service, sim_tables[t].name, &call);
        size_t size = (size_t)sim_tables[t].count * sizeof(rows[0]);
        if (copy_read_rows(w, t, call.api.response.body, rows) &&
            memcmp(rows + sim_tables[t].first, w->model.hashes + sim_tables[t].first, size) != 0)
            world_fail(w, "%s is not its log", sim_tables[t].name);
        api_call_done(&call.api);
    }
    buf_reset(&w->text);
    if (store_verify(w->server.session, &w->text))
        world_fail(w, "store_verify: %.*s", (int)w->text.size, w->text.data);
}

void oracle_check_quiet(struct world *w)
{
    check_store(w);
    for (int i = 0; i < w->reader_count; i++) {
        struct reader *r = &w->readers[i];
        for (int k = 0; k < r->channel_count && !w->violation[0]; k++)
            if (r->channels[k].is_live && copy_has_any(&r->channels[k]))
                check_copy(w, r, &r->channels[k]);
    }
}
