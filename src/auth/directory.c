/* Only active people are held: whoever is not here is nobody. */
#include "auth/directory.h"

#include "base/json.h"
#include "base/list.h"
#include "base/map.h"

struct person {
    struct map_entry entry; /* key: id */
    struct link link;
    enum role role;
    char id[UUID_SIZE];
};

struct directory {
    struct map map;
    struct link people;
};

/* What a row of `users` says. */
struct profile {
    char id[UUID_SIZE];
    enum role role;
    bool is_active;
};

enum err directory_new(uint64_t seed, struct directory **out)
{
    struct directory *d = mem_zalloc(sizeof(*d));
    if (!d)
        return ERR_NOMEM;
    map_init(&d->map, seed);
    list_init(&d->people);
    *out = d;
    return OK;
}

void directory_free(struct directory *d)
{
    if (!d)
        return;
    for (struct link *l; (l = list_pop_front(&d->people));)
        mem_free(container_of(l, struct person, link));
    map_done(&d->map);
    mem_free(d);
}

static bool lower_uuid(struct bytes b, char out[UUID_SIZE])
{
    if (!uuid_is_valid(b))
        return false;
    for (size_t i = 0; i < UUID_SIZE; i++)
        out[i] = b.data[i] >= 'A' && b.data[i] <= 'F' ? (char)(b.data[i] | 0x20) : b.data[i];
    return true;
}

static struct person *find_person(const struct directory *d, const char id[UUID_SIZE])
{
    struct map_entry *e = map_get(&d->map, (struct bytes){id, UUID_SIZE});
    return e ? container_of(e, struct person, entry) : NULL;
}

static enum err read_string(struct json_value row, struct bytes name, struct bytes *out)
{
    struct json_value v;
    if (json_get(row, name, &v) || v.type != JSON_STRING)
        return ERR_TYPE;
    *out = bytes_slice(v.raw, 1, v.raw.size - 1);
    return OK;
}

static enum err read_profile(struct bytes row, struct profile *out)
{
    struct json_value object, active;
    struct bytes id, role;
    struct profile p = {0};
    enum err e = json_parse(row, &object);
    if (e)
        return e;
    if (read_string(object, BYTES("id"), &id) || read_string(object, BYTES("role"), &role) ||
        json_get(object, BYTES("is_active"), &active) || json_to_bool(active, &p.is_active) ||
        !lower_uuid(id, p.id) || role_parse(role, &p.role) || !role_is_staff(p.role))
        return ERR_TYPE;
    *out = p;
    return OK;
}

/* True when there was such a person. */
static bool forget(struct directory *d, const char id[UUID_SIZE])
{
    struct person *p = find_person(d, id);
    if (!p)
        return false;
    map_remove(&d->map, p->entry.key);
    list_remove(&p->link);
    mem_free(p);
    return true;
}

static enum err enlist(struct directory *d, const struct profile *profile)
{
    struct person *p = mem_zalloc(sizeof(*p));
    if (!p)
        return ERR_NOMEM;
    memcpy(p->id, profile->id, UUID_SIZE);
    p->role = profile->role;
    p->entry.key = (struct bytes){p->id, UUID_SIZE};
    if (map_put(&d->map, &p->entry)) {
        mem_free(p);
        return ERR_NOMEM;
    }
    list_push_back(&d->people, &p->link);
    return OK;
}

static enum err set_profile(struct directory *d, const struct profile *profile, bool *changed)
{
    struct person *p = find_person(d, profile->id);
    if (!profile->is_active) {
        *changed = forget(d, profile->id);
        return OK;
    }
    *changed = !p || p->role != profile->role;
    if (!p)
        return enlist(d, profile);
    p->role = profile->role;
    return OK;
}

enum err directory_put(struct directory *d, struct bytes user_row)
{
    struct profile profile;
    bool changed;
    enum err e = read_profile(user_row, &profile);
    return e ? e : set_profile(d, &profile, &changed);
}

static void report(bool *touched, char user_id[UUID_SIZE + 1], const char id[UUID_SIZE])
{
    *touched = true;
    memcpy(user_id, id, UUID_SIZE);
    user_id[UUID_SIZE] = '\0';
}

enum err directory_apply(struct directory *d, const struct change *c, bool *touched,
                         char user_id[UUID_SIZE + 1])
{
    struct profile old, now;
    bool changed = false;
    enum err e = OK;
    *touched = false;
    if (!bytes_equal(c->table->name, BYTES("users")))
        return OK;
    if (c->verb != VERB_INSERT)
        e = read_profile(c->old_row, &old);
    if (!e && c->verb != VERB_DELETE)
        e = read_profile(c->new_row, &now);
    if (e)
        return e;
    bool is_gone = c->verb == VERB_DELETE ||
                   (c->verb == VERB_UPDATE && memcmp(old.id, now.id, UUID_SIZE) != 0);
    if (c->verb != VERB_DELETE)
        e = set_profile(d, &now, &changed);
    if (!e && changed)
        report(touched, user_id, now.id);
    /* Last, so that of two people the one who lost everything is told of. */
    if (is_gone && forget(d, old.id))
        report(touched, user_id, old.id);
    return e;
}

enum err directory_find(const struct directory *d, struct bytes user_id, enum role *out)
{
    char id[UUID_SIZE];
    struct person *p = lower_uuid(user_id, id) ? find_person(d, id) : NULL;
    if (!p)
        return ERR_NOT_FOUND;
    *out = p->role;
    return OK;
}
