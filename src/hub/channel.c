#include "hub/channel.h"

#include "base/mem.h"

void channels_init(struct channels *t, uint64_t seed)
{
    *t = (struct channels){.last_number = 0};
    map_init(&t->topics, seed);
    map_init(&t->map, seed);
}

void channels_done(struct channels *t)
{
    map_done(&t->topics);
    map_done(&t->map);
}

struct topic *channels_topic(const struct channels *t, struct bytes name)
{
    struct map_entry *found = map_get(&t->topics, name);
    return found ? container_of(found, struct topic, entry) : NULL;
}

static enum err topic_new(struct channels *t, struct bytes name, struct topic **out)
{
    struct topic *topic = mem_zalloc(sizeof(*topic) + name.size);
    if (!topic)
        return ERR_NOMEM;
    memcpy(topic->name, name.data, name.size);
    topic->entry.key = (struct bytes){topic->name, name.size};
    topic->number = ++t->last_number;
    list_init(&topic->members);
    if (map_put(&t->topics, &topic->entry)) {
        mem_free(topic);
        return ERR_NOMEM;
    }
    *out = topic;
    return OK;
}

static void topic_drop_if_empty(struct channels *t, struct topic *topic)
{
    if (!list_is_empty(&topic->members))
        return;
    map_remove(&t->topics, topic->entry.key);
    mem_free(topic);
}

static void make_key(const struct conn *c, const struct topic *topic, char out[CHANNEL_KEY_SIZE])
{
    memcpy(out, &c->id.index, sizeof(uint32_t));
    memcpy(out + sizeof(uint32_t), &topic->number, sizeof(uint64_t));
}

struct channel *channel_find(const struct channels *t, const struct conn *c, struct bytes name)
{
    char key[CHANNEL_KEY_SIZE];
    const struct topic *topic = channels_topic(t, name);
    if (!topic)
        return NULL;
    make_key(c, topic, key);
    struct map_entry *found = map_get(&t->map, (struct bytes){key, sizeof(key)});
    return found ? container_of(found, struct channel, entry) : NULL;
}

static enum err channel_new(struct channels *t, struct conn *c, struct topic *topic,
                            struct bytes join_ref, struct channel **out)
{
    struct channel *ch = mem_zalloc(sizeof(*ch) + join_ref.size);
    if (!ch)
        return ERR_NOMEM;
    make_key(c, topic, ch->key);
    ch->entry.key = (struct bytes){ch->key, sizeof(ch->key)};
    if (map_put(&t->map, &ch->entry)) {
        mem_free(ch);
        return ERR_NOMEM;
    }
    ch->conn = c;
    ch->topic = topic;
    ch->join_ref_size = (uint8_t)join_ref.size;
    if (join_ref.size)
        memcpy(ch->join_ref, join_ref.data, join_ref.size);
    list_init(&ch->behind);
    list_push_back(&topic->members, &ch->of_topic);
    list_push_back(&c->channels, &ch->of_conn);
    c->channel_count++;
    *out = ch;
    return OK;
}

enum err channel_add(struct channels *t, struct conn *c, struct bytes name, struct bytes join_ref,
                     struct channel **out)
{
    if (name.size > TOPIC_SIZE_MAX || join_ref.size > JOIN_REF_MAX)
        return ERR_LIMIT;
    struct topic *topic = channels_topic(t, name);
    enum err e = topic ? OK : topic_new(t, name, &topic);
    if (e)
        return e;
    e = channel_new(t, c, topic, join_ref, out);
    if (e)
        topic_drop_if_empty(t, topic);
    return e;
}

void channel_remove(struct channels *t, struct channel *ch)
{
    struct topic *topic = ch->topic;
    map_remove(&t->map, ch->entry.key);
    list_remove(&ch->of_conn);
    list_remove(&ch->of_topic);
    list_remove(&ch->behind);
    ch->conn->channel_count--;
    held_free(ch->held);
    mem_free(ch->told);
    mem_free(ch);
    topic_drop_if_empty(t, topic);
}

struct bytes channel_topic(const struct channel *ch)
{
    return ch->topic->entry.key;
}

struct bytes channel_name(const struct channel *ch)
{
    struct bytes topic = channel_topic(ch);
    return bytes_slice(topic, bytes_find_char(topic, ':') + 1, topic.size);
}

struct bytes channel_join_ref(const struct channel *ch)
{
    return (struct bytes){ch->join_ref_size ? ch->join_ref : NULL, ch->join_ref_size};
}
