#include "device.h"

/* ---- truth ---- */

int device_role(const struct world *w, const struct device *d)
{
    return model_only_role(model_roles(&w->model, d->who, d->base, w->model.count));
}

static uint64_t seen(const struct view *v, unsigned role, int person, int place,
                     const struct sim_row *row, uint64_t hash)
{
    return hash && want_has_row(&v->want, role, person, place, row) ? hash : 0;
}

void view_begin(struct world *w, struct device *d, struct view *v)
{
    unsigned role = (unsigned)device_role(w, d);
    memset(v->copy, 0, sizeof(v->copy));
    for (int place = 0; place < PLACES; place++)
        v->truth[place] =
            seen(v, role, d->who.person, place, &w->model.rows[place], w->model.hashes[place]);
    v->at = w->model.count;
    v->is_whole = false;
}

/* Goes on in the log until the truth is what the device has. */
static void check_view(struct world *w, struct device *d, struct view *v)
{
    int role = device_role(w, d);
    if (role < 0 || d->is_blind)
        return;
    while (memcmp(v->copy, v->truth, sizeof(v->copy)) != 0) {
        if (v->at == w->model.count) {
            world_fail(w, "device %d: its copy of %s (%s) is no state of the log", d->number,
                       sim_tables[v->want.wishes[0].table].name, v->want.wishes[0].filter);
            return;
        }
        const struct entry *e = model_entry(&w->model, ++v->at);
        v->truth[e->place] = seen(v, (unsigned)role, d->who.person, e->place, &e->new_row, e->hash);
    }
}

/* ---- rows ---- */

static struct view *view_of(struct device *d, uint32_t number)
{
    for (int i = 0; i < d->view_count; i++)
        if (d->views[i].number == number)
            return &d->views[i];
    return NULL;
}

static void take_row(struct world *w, struct device *d, struct view *v, const struct hb_row *row)
{
    struct json_value json;
    int place;
    if (json_parse((struct bytes){row->row.data, row->row.size}, &json) ||
        !model_read_place(&w->model, v->want.wishes[0].table, json, &place)) {
        world_fail(w, "device %d: a row without a key", d->number);
        return;
    }
    uint64_t hash = row->op == HB_DELETE ? 0 : model_hash(json.raw);
    bool was_there = v->copy[place] != 0;
    if (was_there == (row->op == HB_INSERT) || (hash && hash == v->copy[place]))
        world_fail(w, "device %d: was told a change twice", d->number);
    if (!(w->plan.sabotage == SABOTAGE_BLANK && world_chance(w, 50)))
        v->copy[place] = hash;
}

void device_take_rows(struct world *w, struct device *d, const struct hb_action *a)
{
    struct view *v = view_of(d, a->id);
    if (!v || a->is_whole == v->is_whole) {
        world_fail(w, "device %d: rows for nobody, or a second whole", d->number);
        return;
    }
    v->is_whole = true;
    w->counters.told++;
    for (uint32_t i = 0; i < a->count && !w->violation[0]; i++) {
        struct hb_row row;
        hb_client_row(d->tape.client, i, &row);
        take_row(w, d, v, &row);
    }
    check_view(w, d, v);
}

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
