#include "hub/presence.h"

#include "base/json.h"
#include "base/mem.h"

enum {
    KEY_OVERHEAD = 16,  /* bytes around a key in a state: quotes, "metas" … */
    META_OVERHEAD = 48, /* … and around a payload: "phx_ref" */
    ROOM_NAME_MAX = 1 + PHX_TOPIC_MAX
};

void presence_init(struct presence *p, uint64_t seed)
{
    *p = (struct presence){.last_room = 0};
    map_init(&p->rooms, seed);
    map_init(&p->keys, seed);
    map_init(&p->metas, seed);
    list_init(&p->changed);
}

/* ---- rooms ---- */

static struct bytes room_name(struct bytes topic, bool is_private, char space[ROOM_NAME_MAX])
{
    space[0] = (char)is_private;
    memcpy(space + 1, topic.data, topic.size);
    return (struct bytes){space, topic.size + 1};
}

struct presence_room *presence_room(const struct presence *p, struct bytes topic, bool is_private)
{
    char space[ROOM_NAME_MAX];
    if (topic.size > PHX_TOPIC_MAX)
        return NULL;
    struct map_entry *found = map_get(&p->rooms, room_name(topic, is_private, space));
    return found ? container_of(found, struct presence_room, entry) : NULL;
}

struct bytes presence_topic(const struct presence_room *r)
{
    return bytes_slice(r->entry.key, 1, r->entry.key.size);
}

bool presence_is_private(const struct presence_room *r)
{
    return r->name[0] != 0;
}

static struct presence_room *room_new(struct presence *p, const struct presence_entry *e)
{
    char space[ROOM_NAME_MAX];
    struct bytes name = room_name(e->topic, e->is_private, space);
    struct presence_room *r = mem_zalloc(sizeof(*r) + name.size);
    if (!r)
        return NULL;
    memcpy(r->name, name.data, name.size);
    r->entry.key = (struct bytes){r->name, name.size};
    r->number = ++p->last_room;
    list_init(&r->keys);
    list_init(&r->news);
    list_init(&r->changed);
    if (map_put(&p->rooms, &r->entry)) {
        mem_free(r);
        return NULL;
    }
    return r;
}

static void room_drop_if_empty(struct presence *p, struct presence_room *r)
{
    if (!list_is_empty(&r->keys))
        return;
    list_remove(&r->changed);
    map_remove(&p->rooms, r->entry.key);
    mem_free(r);
}

/* ---- keys ---- */

static const size_t number_size = sizeof(uint64_t);

static struct bytes key_text(const struct presence_key *k)
{
    return bytes_slice(k->entry.key, number_size, k->entry.key.size);
}

static struct presence_key *key_find(const struct presence *p, const struct presence_room *r,
                                     struct bytes text)
{
    char space[sizeof(uint64_t) + PRESENCE_KEY_MAX];
    if (!r || text.size > PRESENCE_KEY_MAX)
        return NULL;
    memcpy(space, &r->number, number_size);
    memcpy(space + number_size, text.data, text.size);
    struct map_entry *found = map_get(&p->keys, (struct bytes){space, number_size + text.size});
    return found ? container_of(found, struct presence_key, entry) : NULL;
}

static struct presence_key *key_new(struct presence *p, struct presence_room *r, struct bytes text)
{
    struct presence_key *k = mem_zalloc(sizeof(*k) + number_size + text.size);
    if (!k)
        return NULL;
    memcpy(k->name, &r->number, number_size);
    memcpy(k->name + number_size, text.data, text.size);
    k->entry.key = (struct bytes){k->name, number_size + text.size};
    if (map_put(&p->keys, &k->entry)) {
        mem_free(k);
        return NULL;
    }
    k->room = r;
    list_init(&k->news);
    list_init(&k->present);
    list_init(&k->left);
    list_push_back(&r->keys, &k->of_room);
    return k;
}

static void key_drop_if_empty(struct presence *p, struct presence_key *k)
{
    if (!list_is_empty(&k->present) || !list_is_empty(&k->left))
        return;
    list_remove(&k->of_room);
    list_remove(&k->news);
    map_remove(&p->keys, k->entry.key);
    mem_free(k);
}

static void note_news(struct presence *p, struct presence_key *k)
{
    if (!list_is_linked(&k->news))
        list_push_back(&k->room->news, &k->news);
    if (!list_is_linked(&k->room->changed))
        list_push_back(&p->changed, &k->room->changed);
}

/* ---- metas ---- */

static void make_name(struct presence_ref ref, char out[PRESENCE_REF_SIZE])
{
    memcpy(out, &ref.number, sizeof(ref.number));
    memcpy(out + sizeof(ref.number), &ref.shard, sizeof(ref.shard));
}

struct presence_meta *presence_find(const struct presence *p, struct presence_ref ref)
{
    char name[PRESENCE_REF_SIZE];
    make_name(ref, name);
    struct map_entry *found = map_get(&p->metas, (struct bytes){name, sizeof(name)});
    return found ? container_of(found, struct presence_meta, entry) : NULL;
}

struct bytes presence_payload(const struct presence_meta *m)
{
    return (struct bytes){m->payload, m->size};
}

static struct presence_meta *meta_new(struct presence *p, const struct presence_entry *e)
{
    struct presence_meta *m = mem_zalloc(sizeof(*m) + e->payload.size);
    if (!m)
        return NULL;
    m->ref = e->ref;
    m->size = e->payload.size;
    memcpy(m->payload, e->payload.data, e->payload.size);
    make_name(e->ref, m->name);
    m->entry.key = (struct bytes){m->name, sizeof(m->name)};
    if (map_put(&p->metas, &m->entry)) {
        mem_free(m);
        return NULL;
    }
    return m;
}

static void count(struct presence *p, struct presence_meta *m, bool is_present)
{
    struct presence_key *k = m->key;
    size_t size = m->size + META_OVERHEAD, key_size = key_text(k).size + KEY_OVERHEAD;
    if (is_present) {
        bool is_first = k->count++ == 0;
        k->room->key_count += is_first;
        size += is_first ? key_size : 0;
        k->room->size += size;
        p->size += size;
    } else {
        bool is_last = --k->count == 0;
        k->room->key_count -= is_last;
        size += is_last ? key_size : 0;
        k->room->size -= size;
        p->size -= size;
    }
}

/* What has never been said to be there need not be said to be gone. */
static void take_out(struct presence *p, struct presence_meta *m)
{
    count(p, m, false);
    map_remove(&p->metas, m->entry.key);
    list_remove(&m->of_key);
    note_news(p, m->key);
    if (m->is_new)
        mem_free(m);
    else
        list_push_back(&m->key->left, &m->of_key);
}

static void put_in(struct presence *p, struct presence_key *k, struct presence_meta *m)
{
    m->key = k;
    m->is_new = true;
    list_push_back(&k->present, &m->of_key);
    count(p, m, true);
    note_news(p, k);
}

struct bytes presence_fault(const struct presence *p, const struct hub_limits *l,
                            const struct presence_entry *e, const struct presence_meta *old)
{
    const struct presence_room *r = presence_room(p, e->topic, e->is_private);
    const struct presence_key *k = key_find(p, r, e->key);
    uint32_t metas = k ? k->count : 0;
    size_t more = e->payload.size + META_OVERHEAD + (metas ? 0 : e->key.size + KEY_OVERHEAD);
    size_t less = old ? old->size + META_OVERHEAD : 0;
    if (!old && metas >= l->presence_metas_max)
        return BYTES("Too many connections are present under this key");
    if (metas == 0 && r && r->key_count >= l->presence_keys_max)
        return BYTES("Too many keys are present on this topic");
    if ((r ? r->size : 0) + more - less > l->presence_topic_max)
        return BYTES("The presence of this topic is too large");
    if (p->size + more - less > l->presence_bytes_max)
        return BYTES("The presence of all topics is too large");
    return BYTES("");
}

static enum err add(struct presence *p, const struct presence_entry *e, struct presence_meta **out)
{
    struct presence_room *r = presence_room(p, e->topic, e->is_private);
    if (!r)
        r = room_new(p, e);
    if (!r)
        return ERR_NOMEM;
    struct presence_key *k = key_find(p, r, e->key);
    if (!k)
        k = key_new(p, r, e->key);
    struct presence_meta *m = k ? meta_new(p, e) : NULL;
    if (m) {
        put_in(p, k, m);
        *out = m;
        return OK;
    }
    if (k)
        key_drop_if_empty(p, k);
    room_drop_if_empty(p, r);
    return ERR_NOMEM;
}

enum err presence_put(struct presence *p, const struct presence_entry *e,
                      struct presence_meta **out)
{
    struct presence_meta *old = *out;
    if (!old)
        return add(p, e, out);
    struct presence_meta *m = meta_new(p, e);
    if (!m)
        return ERR_NOMEM;
    m->previous = old->is_new ? old->previous : old->ref.number;
    put_in(p, old->key, m);
    take_out(p, old);
    *out = m;
    return OK;
}

void presence_remove(struct presence *p, struct presence_meta *m)
{
    take_out(p, m);
}

/* ---- words ---- */

static void put_ref(struct buf *out, uint32_t shard, uint64_t number)
{
    buf_put_char(out, '"');
    buf_put_u64(out, shard);
    buf_put_char(out, '.');
    buf_put_u64(out, number);
    buf_put_char(out, '"');
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The payload, with ours behind: of two members with one name readers take the last. */
static void put_meta(struct buf *out, const struct presence_meta *m, uint64_t previous)
{
    struct bytes inside = bytes_slice(presence_payload(m), 1, m->size - 1);
    while (inside.size && is_space(inside.data[inside.size - 1]))
        inside.size--;
    buf_put_char(out, '{');
    buf_put(out, inside);
    if (inside.size)
        buf_put_char(out, ',');
    buf_put_literal(out, "\"phx_ref\":");
    put_ref(out, m->ref.shard, m->ref.number);
    if (previous) {
        buf_put_literal(out, ",\"phx_ref_prev\":");
        put_ref(out, m->ref.shard, previous);
    }
    buf_put_char(out, '}');
}

enum which { PRESENT, JOINED, LEFT };

static bool has_joined(const struct presence_key *k)
{
    list_each(l, &k->present)
    {
        if (container_of(l, struct presence_meta, of_key)->is_new)
            return true;
    }
    return false;
}

static bool has_any(const struct presence_key *k, enum which which)
{
    if (which == LEFT)
        return !list_is_empty(&k->left);
    return which == PRESENT ? !list_is_empty(&k->present) : has_joined(k);
}

/* "key":{"metas":[…]}, or nothing. */
static void put_key(struct buf *out, const struct presence_key *k, enum which which)
{
    const struct link *metas = which == LEFT ? &k->left : &k->present;
    bool is_first = true;
    if (!has_any(k, which))
        return;
    json_put_key(out, key_text(k));
    buf_put_literal(out, "{\"metas\":[");
    list_each(l, metas)
    {
        const struct presence_meta *m = container_of(l, struct presence_meta, of_key);
        if (which == JOINED && !m->is_new)
            continue;
        if (!is_first)
            buf_put_char(out, ',');
        is_first = false;
        put_meta(out, m, which == JOINED ? m->previous : 0);
    }
    buf_put_literal(out, "]}");
}

void presence_put_state(struct buf *out, const struct presence_room *r)
{
    buf_put_char(out, '{');
    if (r) {
        list_each(l, &r->keys) put_key(out, container_of(l, struct presence_key, of_room), PRESENT);
    }
    buf_put_char(out, '}');
}

static void put_news(struct buf *out, const struct presence_room *r, enum which which)
{
    buf_put_char(out, '{');
    list_each(l, &r->news) put_key(out, container_of(l, struct presence_key, news), which);
    buf_put_char(out, '}');
}

void presence_put_diff(struct buf *out, const struct presence_room *r)
{
    buf_put_literal(out, "{\"joins\":");
    put_news(out, r, JOINED);
    buf_put_literal(out, ",\"leaves\":");
    put_news(out, r, LEFT);
    buf_put_char(out, '}');
}

/* ---- news ---- */

bool presence_has_diff(const struct presence_room *r)
{
    list_each(l, &r->news)
    {
        const struct presence_key *k = container_of(l, struct presence_key, news);
        if (has_any(k, JOINED) || has_any(k, LEFT))
            return true;
    }
    return false;
}

struct presence_room *presence_changed(const struct presence *p)
{
    return list_is_empty(&p->changed)
               ? NULL
               : container_of(p->changed.next, struct presence_room, changed);
}

static void forget_key(struct presence *p, struct presence_key *k)
{
    for (struct link *l; (l = list_pop_front(&k->left));)
        mem_free(container_of(l, struct presence_meta, of_key));
    list_each(l, &k->present)
    {
        struct presence_meta *m = container_of(l, struct presence_meta, of_key);
        m->is_new = false;
        m->previous = 0;
    }
    key_drop_if_empty(p, k);
}

void presence_forget_news(struct presence *p, struct presence_room *r)
{
    list_remove(&r->changed);
    for (struct link *l; (l = list_pop_front(&r->news));)
        forget_key(p, container_of(l, struct presence_key, news));
    room_drop_if_empty(p, r);
}

void presence_done(struct presence *p)
{
    for (struct map_entry *e; (e = map_next(&p->metas, NULL));)
        presence_remove(p, container_of(e, struct presence_meta, entry));
    for (struct presence_room *r; (r = presence_changed(p));)
        presence_forget_news(p, r);
    map_done(&p->rooms);
    map_done(&p->keys);
    map_done(&p->metas);
}
