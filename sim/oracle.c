/* What a reader must hear, may hear and must not hear.
 *
 * A change is judged by the role that the reader has when the hub looks at it: at once for those at
 * the head, later for those who replay.  So what is heard of a change must be right for a role the
 * reader had at some moment from the change on until now; with a role that did not change there is
 * just one answer.  A person who is nobody in all that time hears nothing. */
#include "world.h"

#include <stdio.h>

static const struct want *want_of(const struct world *w, const struct sim_channel *ch)
{
    return &w->wants[ch->want];
}

/* ---- copies ---- */

static void apply(sim_copy copy, const struct entry *e, enum verb verb)
{
    if (verb != VERB_SELECT)
        copy[e->table][e->slot] = verb == VERB_DELETE ? 0 : e->hash;
}

static void look(const struct world *w, const struct reader *r, const struct sim_channel *ch,
                 sim_copy out)
{
    const struct bakery *b = &w->bakery;
    unsigned roles = bakery_roles(b, r->who, b->count, b->count), role = 0;
    while (!(roles >> role & 1))
        role++;
    memcpy(out, b->hashes, sizeof(sim_copy));
    for (int t = 0; t < TABLE_COUNT; t++)
        for (int s = 0; s < SLOTS; s++)
            if (!want_has_row(want_of(w, ch), role, r->who.person, t, s, &b->rows[t][s]))
                out[t][s] = 0;
}

void oracle_snapshot(struct world *w, const struct reader *r, struct sim_channel *ch)
{
    w->snapshots++;
    look(w, r, ch, ch->copy);
    memcpy(ch->base, ch->copy, sizeof(ch->base));
    ch->cursor = ch->checked = ch->base_seq = w->bakery.count;
    ch->has_copy = ch->is_whole = true;
}

/* ---- one message ---- */

static struct json_value member(struct json_value object, const char *name)
{
    struct json_value v;
    if (json_get(object, bytes_of(name), &v))
        return (struct json_value){JSON_NULL, {NULL, 0}};
    return v;
}

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

static bool has_old_row(struct json_value got, const struct entry *e, const struct hearing *h)
{
    char key[80], id[SIM_UUID];
    if (h->has_whole_old || h->verb == VERB_INSERT)
        return bytes_equal(got.raw, e->change->old_row);
    sim_uuid(e->table, e->slot, id);
    snprintf(key, sizeof(key), "{\"id\":\"%s\"}", id);
    return bytes_equal(got.raw, bytes_of(key));
}

static bool is_heard(struct json_value payload, const struct entry *e, const struct hearing *h)
{
    struct bytes none = {NULL, 0};
    struct json_value data = member(payload, "data");
    return h->verb != VERB_SELECT && has_ids(member(payload, "ids"), h) &&
           json_string_equals(member(data, "table").raw, e->change->table->name) &&
           json_string_equals(member(data, "type").raw, verb_name(h->verb)) &&
           bytes_equal(member(data, "record").raw,
                       h->verb == VERB_DELETE ? none : e->change->new_row) &&
           has_old_row(member(data, "old_record"), e, h);
}

/* Is this payload, or silence when there is none, right for a role that the reader has had since?
 * `*out` is what was heard then. */
static bool judge(struct world *w, const struct reader *r, const struct sim_channel *ch,
                  uint64_t seq, const struct json_value *payload, enum verb *out)
{
    const struct entry *e = bakery_entry(&w->bakery, seq);
    unsigned roles = bakery_roles(&w->bakery, r->who, seq, w->heard);
    for (unsigned role = 0; role <= ROLE_NOBODY; role++) {
        if (!(roles >> role & 1))
            continue;
        struct hearing h = want_hear(want_of(w, ch), ch->ids, role, r->who.person, e);
        if (payload ? is_heard(*payload, e, &h) : h.verb == VERB_SELECT) {
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
    if (json_to_i64(member(member(payload, "data"), "seq"), &number) || number < 1 ||
        (uint64_t)number > w->heard) {
        world_fail(w, "reader %d: a change without a proper seq", r->number);
        return false;
    }
    uint64_t seq = (uint64_t)number;
    if (seq <= ch->last)
        world_fail(w, "reader %d: seq %zu after %zu", r->number, (size_t)seq, (size_t)ch->last);
    else if (!skip_silence(w, r, ch, seq - 1))
        world_fail(w, "reader %d: seq %zu without %zu before it", r->number, (size_t)seq,
                   (size_t)ch->checked + 1);
    else if (!judge(w, r, ch, seq, &payload, &verb))
        world_fail(w, "reader %d: seq %zu is not for it, or not like this: %.*s", r->number,
                   (size_t)seq, (int)payload.raw.size, payload.raw.data);
    if (w->violation[0])
        return false;
    ch->last = seq;
    if (seq > ch->checked)
        ch->checked = seq;
    if (seq <= ch->cursor) /* the snapshot knew it already */
        return true;
    if (!(w->sabotage == SABOTAGE_COPY && verb == VERB_DELETE))
        apply(ch->copy, bakery_entry(&w->bakery, seq), verb);
    ch->cursor = seq;
    return true;
}

void oracle_check_answer(struct world *w, const struct reader *r, const struct sim_channel *ch,
                         bool is_ok)
{
    unsigned nobody = 1U << ROLE_NOBODY;
    unsigned roles = bakery_roles(&w->bakery, r->who, ch->asked_seq, w->heard);
    if (is_ok && roles == nobody)
        world_fail(w, "reader %d: nobody has joined", r->number);
    if (!is_ok && !(roles & nobody) && !w->is_poor)
        world_fail(w, "reader %d: was refused", r->number);
}

/* ---- at a quiet moment ---- */

static bool is_nobody(const struct world *w, const struct reader *r)
{
    return bakery_roles(&w->bakery, r->who, w->heard, w->heard) == 1U << ROLE_NOBODY;
}

static bool has_caught_up(struct world *w, const struct reader *r, struct sim_channel *ch)
{
    if (is_nobody(w, r))
        return !ch->is_live;
    return ch->state == CHANNEL_IN && ch->is_live && skip_silence(w, r, ch, w->heard);
}

bool oracle_all_caught_up(struct world *w, int *late)
{
    *late = -1;
    if (!w->hub || w->heard < w->bakery.count)
        return false;
    for (int i = 0; i < w->reader_count; i++) {
        struct reader *r = &w->readers[i];
        *late = i;
        for (int k = 0; k < r->channel_count; k++)
            if (!r->wire || !has_caught_up(w, r, &r->channels[k]))
                return false;
    }
    return true;
}

/* The log folded from the snapshot on, and, for those who hear all of their tables, the tables
 * themselves.  When the role has changed since, there is more than one right copy. */
static void check_copy(struct world *w, const struct reader *r, struct sim_channel *ch)
{
    sim_copy want;
    enum verb verb;
    unsigned roles = bakery_roles(&w->bakery, r->who, ch->base_seq, w->heard), role = 0;
    if (roles & (roles - 1)) {
        ch->has_copy = false;
        return;
    }
    while (!(roles >> role & 1))
        role++;
    memcpy(want, ch->base, sizeof(want));
    for (uint64_t seq = ch->base_seq + 1; seq <= w->heard; seq++) {
        const struct entry *e = bakery_entry(&w->bakery, seq);
        verb = want_hear(want_of(w, ch), ch->ids, role, r->who.person, e).verb;
        apply(want, e, verb);
    }
    if (memcmp(want, ch->copy, sizeof(want)) != 0)
        world_fail(w, "reader %d: its copy is not the log", r->number);
    look(w, r, ch, want);
    if (want_is_plain(want_of(w, ch)) && memcmp(want, ch->copy, sizeof(want)) != 0)
        world_fail(w, "reader %d: its copy is not the tables", r->number);
    memcpy(ch->base, ch->copy, sizeof(ch->base));
    ch->base_seq = w->heard;
}

void oracle_check_copies(struct world *w)
{
    for (int i = 0; i < w->reader_count; i++) {
        struct reader *r = &w->readers[i];
        for (int k = 0; k < r->channel_count; k++)
            if (r->channels[k].is_live && r->channels[k].has_copy)
                check_copy(w, r, &r->channels[k]);
    }
}
