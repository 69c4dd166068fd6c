#include "device.h"

int device_role(const struct world *w, const struct device *d)
{
    return model_only_role(model_roles(&w->model, d->who, d->base, w->model.count));
}

static const char *name_of(const struct view *v)
{
    return sim_tables[v->want.wishes[0].table].name;
}

static uint64_t seen(const struct view *v, unsigned role, int person, int place,
                     const struct sim_row *row, uint64_t hash)
{
    return hash && want_has_row(&v->want, role, person, place, row) ? hash : 0;
}

void view_begin(struct view *v)
{
    memset(v->copy, 0, sizeof(v->copy));
    v->is_whole = v->has_hole = false;
    v->at = v->told_to = 0;
}

/* ---- a copy ---- */

static void begin_truth(struct world *w, struct device *d, struct view *v, unsigned role)
{
    struct sim_row rows[PLACES];
    sim_copy hashes;
    model_tables_at(&w->model, v->at, rows, hashes);
    for (int place = 0; place < PLACES; place++)
        v->truth[place] = seen(v, role, d->who.person, place, &rows[place], hashes[place]);
}

/* The log is folded as far as the rows are said to be true for, and that is what the device has. */
static void check_copy(struct world *w, struct device *d, struct view *v, const struct hb_action *a)
{
    int role = device_role(w, d);
    uint64_t from = v->at;
    v->at = a->seq;
    if (role < 0 || d->is_blind)
        return;
    if (a->is_whole)
        begin_truth(w, d, v, (unsigned)role);
    for (uint64_t seq = from + 1; seq <= a->seq && !a->is_whole; seq++) {
        const struct entry *e = model_entry(&w->model, seq);
        v->truth[e->place] = seen(v, (unsigned)role, d->who.person, e->place, &e->new_row, e->hash);
    }
    if (memcmp(v->copy, v->truth, sizeof(v->copy)) != 0)
        world_fail(w, "device %d: its copy of %s (%s) is not what change %llu left", d->number,
                   name_of(v), v->want.wishes[0].filter, (unsigned long long)a->seq);
}

static void take_row(struct world *w, struct device *d, struct view *v, const struct hb_row *row,
                     int place, uint64_t hash)
{
    bool was_there = v->copy[place] != 0;
    if (was_there == (row->op == HB_INSERT) || (hash && hash == v->copy[place]))
        world_fail(w, "device %d: was told a change twice", d->number);
    if (!(w->plan.sabotage == SABOTAGE_BLANK && world_chance(w, 50)))
        v->copy[place] = hash;
}

/* ---- single events ---- */

static bool is_heard(struct world *w, const struct device *d, const struct view *v, unsigned role,
                     uint64_t seq)
{
    static const uint32_t id = 0;
    const struct entry *e = model_entry(&w->model, seq);
    return want_hear(&v->want, &id, role, d->who.person, e).verb != VERB_SELECT;
}

/* Of several such changes of a row, told together, the last one counts. */
static bool is_told(struct world *w, const struct device *d, const struct view *v, unsigned role,
                    uint64_t seq, uint64_t last)
{
    int place = model_entry(&w->model, seq)->place;
    if (!is_heard(w, d, v, role, seq))
        return false;
    for (uint64_t later = seq + 1; later <= last; later++)
        if (model_entry(&w->model, later)->place == place && is_heard(w, d, v, role, later))
            return false;
    return true;
}

/* The next change behind v->at, up to `last`, that it should be told; NULL when there is none. */
static const struct entry *next_due(struct world *w, const struct device *d, struct view *v,
                                    unsigned role, uint64_t last)
{
    while (v->at < last)
        if (is_told(w, d, v, role, ++v->at, last))
            return model_entry(&w->model, v->at);
    return NULL;
}

/* Behind a hole `count` of them follow, up to `last`. */
static void pass_hole(struct world *w, const struct device *d, struct view *v, unsigned role,
                      uint64_t last, uint32_t count)
{
    for (v->at = last; v->at > 0 && count > 0; v->at--)
        count -= is_told(w, d, v, role, v->at, last);
}

static void check_events(struct world *w, struct device *d, struct view *v,
                         const struct hb_action *a)
{
    int role = device_role(w, d);
    if (role < 0 || d->is_blind) {
        v->at = a->seq;
        return;
    }
    if (a->is_whole) { /* empty; what happened since its seq, or just before, comes next */
        v->told_to = v->has_hole ? v->told_to : v->at;
        v->has_hole = true;
        v->at = a->seq;
        return;
    }
    if (v->has_hole)
        pass_hole(w, d, v, (unsigned)role, a->seq, a->count);
    if (v->has_hole && v->at < v->told_to)
        world_fail(w, "device %d: was told events of %s again behind a hole", d->number,
                   name_of(v));
    v->has_hole = false;
    for (uint32_t i = 0; i < a->count && !w->violation[0]; i++) {
        struct hb_row row;
        struct json_value json;
        int place = -1;
        const struct entry *e = next_due(w, d, v, (unsigned)role, a->seq);
        hb_client_row(d->tape.client, i, &row);
        bool is_row = !json_parse((struct bytes){row.row.data, row.row.size}, &json) &&
                      model_read_place(&w->model, v->want.wishes[0].table, json, &place);
        bool is_new = e && (row.op == HB_DELETE || model_hash(json.raw) == e->hash);
        if (!is_row || !is_new || place != e->place || (int)row.op != v->want.wishes[0].verb)
            world_fail(w, "device %d: was told an event of %s (%s) that is not the next one",
                       d->number, name_of(v), v->want.wishes[0].filter);
    }
    if (!w->violation[0] && next_due(w, d, v, (unsigned)role, a->seq))
        world_fail(w, "device %d: was not told change %llu of %s", d->number,
                   (unsigned long long)v->at, name_of(v));
}

/* ---- rows ---- */

static struct view *view_of(struct device *d, uint32_t number)
{
    for (int i = 0; i < d->view_count; i++)
        if (d->views[i].number == number)
            return &d->views[i];
    return NULL;
}

static void take_copy(struct world *w, struct device *d, struct view *v, const struct hb_action *a)
{
    for (uint32_t i = 0; i < a->count && !w->violation[0]; i++) {
        struct hb_row row;
        struct json_value json;
        int place;
        hb_client_row(d->tape.client, i, &row);
        if (json_parse((struct bytes){row.row.data, row.row.size}, &json) ||
            !model_read_place(&w->model, v->want.wishes[0].table, json, &place)) {
            world_fail(w, "device %d: a row without a key", d->number);
            return;
        }
        take_row(w, d, v, &row, place, row.op == HB_DELETE ? 0 : model_hash(json.raw));
    }
    check_copy(w, d, v, a);
}

void device_take_rows(struct world *w, struct device *d, const struct hb_action *a)
{
    struct view *v = view_of(d, a->id);
    bool is_feed = v && v->want.wishes[0].verb != 0;
    bool may_be_whole = v && (!v->is_whole || is_feed);
    if (!v || (a->is_whole && !may_be_whole) || (!a->is_whole && !v->is_whole)) {
        world_fail(w, "device %d: rows for nobody, or a second whole", d->number);
        return;
    }
    if (a->seq > w->model.count || a->seq < v->at) {
        world_fail(w, "device %d: rows of %s are true for a change that is not, or was", d->number,
                   name_of(v));
        return;
    }
    v->is_whole = true;
    w->counters.told++;
    if (is_feed)
        check_events(w, d, v, a);
    else
        take_copy(w, d, v, a);
}

/* ---- roles ---- */

bool device_may_stay(const struct world *w, const struct device *d)
{
    unsigned roles = model_roles(&w->model, d->who, d->base, w->model.count);
    if (roles >> ROLE_NOBODY & 1)
        return false;
    for (unsigned role = 0; role < ROLE_COUNT; role++)
        for (int i = 0; roles >> role & 1 && i < d->view_count; i++)
            if (!rules_may(role, d->views[i].want.wishes[0].table, VERB_SELECT))
                return false;
    return true;
}

/* ---- in the calm ---- */

static bool has_caught_up(struct world *w, struct device *d, const struct view *v)
{
    enum hb_subscription state;
    uint64_t head = w->model.count;
    int role = model_only_role(model_roles(&w->model, d->who, head, head));
    if (d->is_blind && !device_may_stay(w, d))
        return false;
    if (role == ROLE_NOBODY || !rules_may((unsigned)role, v->want.wishes[0].table, VERB_SELECT))
        return true;
    if (hb_client_subscription(d->tape.client, v->number, &state) != HB_OK ||
        state != HB_SUB_LIVE || !v->is_whole)
        return false;
    if (v->want.wishes[0].verb != 0) {
        struct view ahead = *v;
        return d->is_blind || !next_due(w, d, &ahead, (unsigned)role, head);
    }
    for (int place = 0; place < PLACES; place++)
        if (v->copy[place] != seen(v, (unsigned)role, d->who.person, place, &w->model.rows[place],
                                   w->model.hashes[place]))
            return false;
    return true;
}

bool devices_all_caught_up(struct world *w, int *late)
{
    for (int i = 0; i < w->device_count; i++) {
        struct device *d = &w->devices[i];
        *late = i;
        for (int k = 0; k < d->view_count; k++)
            if (!has_caught_up(w, d, &d->views[k]))
                return false;
    }
    return true;
}

void devices_settled(struct world *w)
{
    for (int i = 0; i < w->device_count; i++) {
        struct device *d = &w->devices[i];
        if (!d->is_blind)
            continue;
        w->counters.reroles++;
        d->is_blind = false;
        d->base = w->model.count;
        for (int k = 0; k < d->view_count; k++) {
            memcpy(d->views[k].truth, d->views[k].copy, sizeof(d->views[k].truth));
            d->views[k].at = d->base;
        }
    }
}
