#include "client/registry.h"

#include "base/mem.h"

enum { TOPIC_MAX = 1024 };

void registry_init(struct registry *r, uint64_t seed)
{
    *r = (struct registry){0};
    list_init(&r->subs);
    map_init(&r->by_topic, seed);
    map_init(&r->by_number, seed);
}

void registry_done(struct registry *r)
{
    while (!list_is_empty(&r->subs))
        registry_remove_sub(r, container_of(r->subs.next, struct sub, link));
    map_done(&r->by_topic);
    map_done(&r->by_number);
}

void trouble_set(struct trouble *t, enum hb_error error, struct bytes text)
{
    size_t size = text.size < TROUBLE_TEXT_MAX ? text.size : TROUBLE_TEXT_MAX;
    /* Not within a character. */
    while (size < text.size && size > 0 && ((unsigned char)text.data[size] & 0xc0) == 0x80)
        size--;
    t->number++;
    t->error = error;
    t->size = size;
    if (size)
        memcpy(t->text, text.data, size);
}

/* ---- subscriptions ---- */

static void sub_free(struct sub *s)
{
    if (!s)
        return;
    replica_done(&s->replica);
    buf_done(&s->kept);
    mem_free(s->strings);
    mem_free(s);
}

/* The next `size` bytes of the block are this text's copy. */
static struct bytes copy_into(char **at, struct bytes text)
{
    struct bytes copy = {*at, text.size};
    if (text.size)
        memcpy(*at, text.data, text.size);
    *at += text.size;
    return copy;
}

static enum err copy_strings(struct sub *s, const struct spec *spec, struct bytes topic)
{
    size_t size =
        topic.size + spec->table.size + spec->event.size + spec->filter.size + spec->key.size;
    char *at = s->strings = mem_alloc(size);
    if (!at)
        return ERR_NOMEM;
    s->topic = copy_into(&at, topic);
    s->spec.table = copy_into(&at, spec->table);
    s->spec.event = copy_into(&at, spec->event);
    s->spec.filter = copy_into(&at, spec->filter);
    s->spec.key = copy_into(&at, spec->key);
    return OK;
}

static enum err add_sub(struct registry *r, const struct spec *spec, struct bytes topic,
                        const struct registry_limits *limits, struct sub **out)
{
    if (r->sub_count >= limits->subs_max)
        return ERR_LIMIT;
    struct sub *s = mem_zalloc(sizeof(*s));
    if (!s)
        return ERR_NOMEM;
    list_init(&s->link);
    list_init(&s->users);
    buf_init(&s->kept, limits->kept_max);
    replica_init(&s->replica, spec_feed(spec), limits->rows_max, limits->bytes_max);
    enum err e = copy_strings(s, spec, topic);
    s->by_topic.key = s->topic;
    if (!e)
        e = map_put(&r->by_topic, &s->by_topic);
    if (e) {
        sub_free(s);
        return e;
    }
    list_push_back(&r->subs, &s->link);
    r->sub_count++;
    *out = s;
    return OK;
}

void registry_remove_sub(struct registry *r, struct sub *s)
{
    while (!list_is_empty(&s->users))
        registry_remove_user(r, container_of(s->users.next, struct user, link));
    map_remove(&r->by_topic, s->topic);
    list_remove(&s->link);
    r->sub_count--;
    sub_free(s);
}

struct sub *registry_sub(const struct registry *r, struct bytes topic)
{
    struct map_entry *e = map_get(&r->by_topic, topic);
    return e ? container_of(e, struct sub, by_topic) : NULL;
}

struct sub *registry_next(const struct registry *r, const struct sub *s)
{
    const struct link *l = s ? s->link.next : r->subs.next;
    return l == &r->subs ? NULL : container_of(l, struct sub, link);
}

/* ---- users ---- */

static struct bytes key_of(const uint32_t *number)
{
    return (struct bytes){(const char *)number, sizeof(*number)};
}

struct user *registry_user(const struct registry *r, uint32_t number)
{
    struct map_entry *e = map_get(&r->by_number, key_of(&number));
    return e ? container_of(e, struct user, by_number) : NULL;
}

static void review_priority(struct sub *s)
{
    if (!list_is_empty(&s->users))
        s->priority = HB_LOW;
    list_each(l, &s->users)
    {
        struct user *u = container_of(l, struct user, link);
        if (u->priority < s->priority)
            s->priority = u->priority;
    }
}

static enum err add_user(struct registry *r, struct sub *s, enum hb_priority priority,
                         struct user **out)
{
    struct user *u = mem_zalloc(sizeof(*u));
    if (!u)
        return ERR_NOMEM;
    *u = (struct user){.number = r->last_number + 1, .sub = s, .priority = priority};
    u->told_trouble = s->trouble.number;
    u->by_number.key = key_of(&u->number);
    if (map_put(&r->by_number, &u->by_number)) {
        mem_free(u);
        return ERR_NOMEM;
    }
    r->last_number++;
    list_init(&u->link);
    list_push_back(&s->users, &u->link);
    s->unfed++;
    review_priority(s);
    *out = u;
    return OK;
}

void registry_remove_user(struct registry *r, struct user *u)
{
    map_remove(&r->by_number, key_of(&u->number));
    u->sub->unfed -= !u->is_fed;
    list_remove(&u->link);
    review_priority(u->sub);
    mem_free(u);
}

struct user *sub_user_after(const struct sub *s, uint32_t number)
{
    list_each(l, &s->users)
    {
        struct user *u = container_of(l, struct user, link);
        if (u->number > number)
            return u;
    }
    return NULL;
}

enum err registry_add(struct registry *r, const struct spec *spec, enum hb_priority priority,
                      const struct registry_limits *limits, struct user **out)
{
    struct buf topic;
    if (r->by_number.count >= limits->users_max || r->last_number == UINT32_MAX)
        return ERR_LIMIT;
    buf_init(&topic, TOPIC_MAX);
    spec_put_topic(spec, &topic);
    enum err e = topic.err;
    struct sub *s = e ? NULL : registry_sub(r, buf_bytes(&topic));
    bool is_new = !s;
    if (s && !bytes_equal(s->spec.key, spec->key))
        e = ERR_EXISTS;
    if (!e && is_new)
        e = add_sub(r, spec, buf_bytes(&topic), limits, &s);
    if (!e)
        e = add_user(r, s, priority, out);
    if (e && is_new && s)
        registry_remove_sub(r, s);
    buf_done(&topic);
    return e;
}
