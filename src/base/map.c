#include "base/map.h"

#include "base/mem.h"

enum { MAP_FIRST = 8 };

void map_init(struct map *m, uint64_t seed)
{
    *m = (struct map){.seed = seed};
}

void map_done(struct map *m)
{
    mem_free(m->slots);
    *m = (struct map){.seed = m->seed};
}

static struct map_entry **slot_of(const struct map *m, uint64_t hash)
{
    return &m->slots[hash & (m->slot_count - 1)];
}

static void push(struct map *m, struct map_entry *e)
{
    struct map_entry **slot = slot_of(m, e->hash);
    e->next = *slot;
    *slot = e;
}

/* Where the pointer to the entry of this key stands, or the null pointer at the chain's end.  The
 * map has slots. */
static struct map_entry **find(const struct map *m, struct bytes key)
{
    uint64_t hash = bytes_hash(key, m->seed);
    struct map_entry **at = slot_of(m, hash);
    while (*at && ((*at)->hash != hash || !bytes_equal((*at)->key, key)))
        at = &(*at)->next;
    return at;
}

static enum err grow(struct map *m)
{
    struct map bigger = {.seed = m->seed};
    bigger.slot_count = m->slot_count ? m->slot_count * 2 : MAP_FIRST;
    bigger.slots = mem_array(bigger.slot_count, sizeof(struct map_entry *));
    if (!bigger.slots)
        return ERR_NOMEM;
    for (size_t i = 0; i < m->slot_count; i++) {
        struct map_entry *next;
        for (struct map_entry *e = m->slots[i]; e; e = next) {
            next = e->next;
            push(&bigger, e);
        }
    }
    mem_free(m->slots);
    m->slots = bigger.slots;
    m->slot_count = bigger.slot_count;
    return OK;
}

struct map_entry *map_get(const struct map *m, struct bytes key)
{
    return m->slot_count ? *find(m, key) : NULL;
}

enum err map_put(struct map *m, struct map_entry *e)
{
    enum err err = m->count >= m->slot_count ? grow(m) : OK;
    if (err)
        return err;
    e->hash = bytes_hash(e->key, m->seed);
    push(m, e);
    m->count++;
    return OK;
}

struct map_entry *map_remove(struct map *m, struct bytes key)
{
    if (!m->slot_count)
        return NULL;
    struct map_entry **at = find(m, key);
    struct map_entry *e = *at;
    if (!e)
        return NULL;
    *at = e->next;
    e->next = NULL;
    m->count--;
    return e;
}

struct map_entry *map_next(const struct map *m, const struct map_entry *e)
{
    if (e && e->next)
        return e->next;
    size_t i = e ? (size_t)(slot_of(m, e->hash) - m->slots) + 1 : 0;
    for (; i < m->slot_count; i++) {
        if (m->slots[i])
            return m->slots[i];
    }
    return NULL;
}
