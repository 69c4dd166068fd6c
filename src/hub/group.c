#include "hub/group.h"

#include "base/time.h"

enum { MEMBERS_MIN = 1 };

enum err groups_init(struct groups *g, const struct catalogue *c, const struct policies *p,
                     uint64_t seed)
{
    *g = (struct groups){.catalogue = c};
    heap_init(&g->windows);
    list_init(&g->open_windows);
    map_init(&g->map, seed);
    binding_sets_init(&g->sets, c, seed);
    reader_classes_init(&g->classes, p, seed);
    return routes_init(&g->routes, c, seed);
}

void groups_done(struct groups *g)
{
    map_done(&g->map);
    heap_done(&g->windows);
    binding_sets_done(&g->sets);
    reader_classes_done(&g->classes);
    routes_done(&g->routes);
}

enum err groups_class(struct groups *g, const struct bindings *b, const struct identity *who,
                      struct reader_class **out)
{
    bool is_personal = false;
    for (size_t i = 0; i < g->catalogue->table_count && !is_personal; i++) {
        const struct table *t = &g->catalogue->tables[i];
        is_personal =
            bindings_has_table(b, t) && policy_names_user(g->classes.policies, t, who->role);
    }
    return reader_class_get(&g->classes, who, is_personal, out);
}

/* ---- groups ---- */

static void make_key(const struct channel *ch, const struct bindings *b,
                     const struct reader_class *class, char out[GROUP_KEY_SIZE])
{
    uint64_t set = (uintptr_t)b; /* sets are shared, so the address says which; it orders nothing */
    out[0] = (char)ch->conn->version;
    memcpy(out + 25, &ch->coalesce_ms, sizeof(uint16_t));
    memcpy(out + 1, &ch->topic->number, sizeof(uint64_t));
    memcpy(out + 9, &class->number, sizeof(uint64_t));
    memcpy(out + 17, &set, sizeof(uint64_t));
}

/* Where no policy lets the role see anything, as with anon, the group costs nothing. */
static bool may_see(const struct groups *g, enum role role, const struct table *t)
{
    return role == ROLE_SERVICE || policy_has_any(g->classes.policies, t, VERB_SELECT, role);
}

static size_t count_links(const struct groups *g, const struct bindings *b, enum role role)
{
    size_t count = 0;
    for (uint16_t i = 0; i < g->catalogue->table_count; i++)
        if (may_see(g, role, &g->catalogue->tables[i]))
            count += route_count(b, &g->catalogue->tables[i]);
    return count;
}

static enum err add_links(struct groups *g, struct group *group)
{
    enum err e = OK;
    for (uint16_t i = 0; i < g->catalogue->table_count && !e; i++) {
        const struct table *t = &g->catalogue->tables[i];
        if (may_see(g, group->class->who.role, t))
            e = route_add(&g->routes, group->bindings, t, group, group->links, &group->link_count);
    }
    return e;
}

static void window_free(struct groups *g, struct window *w)
{
    if (!w)
        return;
    heap_remove(&g->windows, &w->timer);
    list_remove(&w->open);
    changes_done(&w->kept);
    mem_free(w);
}

static enum err window_new(struct group *group, uint16_t length_ms, struct window **out)
{
    struct window *w = length_ms ? mem_zalloc(sizeof(*w)) : NULL;
    if (!w)
        return length_ms ? ERR_NOMEM : OK;
    w->group = group;
    w->length_us = length_ms * TIME_US_PER_MS;
    list_init(&w->open);
    list_init(&w->parked);
    changes_init(&w->kept);
    *out = w;
    return OK;
}

static void drop_if_empty(struct groups *g, struct group *group)
{
    if (group->count > 0)
        return;
    for (uint32_t i = 0; i < group->link_count; i++)
        route_remove(&group->links[i]);
    map_remove(&g->map, group->entry.key);
    bindings_unref(&g->sets, group->bindings);
    reader_class_unref(&g->classes, group->class);
    window_free(g, group->window);
    mem_free(group->members);
    mem_free(group);
}

static enum err group_new(struct groups *g, const struct channel *ch, struct bindings *b,
                          struct reader_class *class, struct group **out)
{
    size_t links = count_links(g, b, class->who.role);
    struct group *group = mem_zalloc(sizeof(*group) + links * sizeof(struct route_link));
    if (!group)
        return ERR_NOMEM;
    make_key(ch, b, class, group->key);
    group->entry.key = (struct bytes){group->key, sizeof(group->key)};
    if (map_put(&g->map, &group->entry)) {
        mem_free(group);
        return ERR_NOMEM;
    }
    group->home = g;
    group->number = ++g->last_number;
    group->topic = ch->topic;
    group->version = ch->conn->version;
    group->bindings = bindings_ref(b);
    group->class = class;
    class->refs++;
    list_init(&group->due);
    if (window_new(group, ch->coalesce_ms, &group->window) || add_links(g, group)) {
        drop_if_empty(g, group);
        return ERR_NOMEM;
    }
    *out = group;
    return OK;
}

/* ---- members ---- */

static enum err reserve(struct group *group)
{
    if (group->count < group->capacity)
        return OK;
    uint32_t capacity = group->capacity ? group->capacity * 2 : MEMBERS_MIN;
    struct group_member *members =
        mem_realloc(group->members, capacity * sizeof(struct group_member));
    if (!members)
        return ERR_NOMEM;
    group->members = members;
    group->capacity = capacity;
    return OK;
}

static void set_member(struct group *group, uint32_t place, struct group_member m)
{
    group->members[place] = m;
    m.channel->place = place;
}

static void swap_members(struct group *group, uint32_t a, uint32_t b)
{
    struct group_member at_a = group->members[a];
    set_member(group, a, group->members[b]);
    set_member(group, b, at_a);
}

enum err group_enter(struct groups *g, struct channel *ch, struct bindings *b,
                     struct reader_class *class)
{
    char key[GROUP_KEY_SIZE];
    struct group *group = NULL;
    make_key(ch, b, class, key);
    struct map_entry *found = map_get(&g->map, (struct bytes){key, sizeof(key)});
    enum err e = OK;
    if (found)
        group = container_of(found, struct group, entry);
    else
        e = group_new(g, ch, b, class, &group);
    if (e)
        return e;
    e = reserve(group);
    if (e) {
        drop_if_empty(g, group);
        return e;
    }
    ch->group = group;
    set_member(group, group->count++, (struct group_member){ch->conn, ch});
    swap_members(group, group->live_count++, group->count - 1);
    g->subscriptions += b->count;
    return OK;
}

void group_leave(struct groups *g, struct channel *ch)
{
    struct group *group = ch->group;
    if (!group)
        return;
    if (!ch->is_behind)
        swap_members(group, ch->place, --group->live_count);
    swap_members(group, ch->place, --group->count);
    g->behind -= ch->is_behind;
    list_remove(&ch->behind);
    ch->is_behind = false;
    ch->group = NULL;
    g->subscriptions -= group->bindings->count;
    drop_if_empty(g, group);
}

void group_fall_behind(struct channel *ch, uint64_t next_seq)
{
    ch->next_seq = next_seq;
    list_remove(&ch->behind);
    list_push_back(&ch->conn->behind, &ch->behind);
    if (ch->is_behind)
        return;
    ch->is_behind = true;
    ch->group->home->behind++;
    swap_members(ch->group, ch->place, --ch->group->live_count);
}

void group_catch_up(struct channel *ch)
{
    if (!ch->is_behind)
        return;
    ch->is_behind = false;
    ch->group->home->behind--;
    list_remove(&ch->behind);
    swap_members(ch->group, ch->place, ch->group->live_count++);
}
