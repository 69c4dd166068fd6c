#include "hub/reader.h"

#include "base/mem.h"

void reader_classes_init(struct reader_classes *r, const struct policies *p, uint64_t seed)
{
    *r = (struct reader_classes){.policies = p};
    map_init(&r->map, seed);
}

void reader_classes_done(struct reader_classes *r)
{
    map_done(&r->map);
}

enum err reader_class_get(struct reader_classes *r, const struct identity *who, bool is_personal,
                          struct reader_class **out)
{
    char key[UUID_SIZE + 1] = {(char)('0' + who->role)};
    struct bytes user = is_personal ? bytes_of(who->user_id) : BYTES("");
    if (user.size)
        memcpy(key + 1, user.data, user.size);
    struct bytes text = {key, 1 + user.size};
    struct map_entry *found = map_get(&r->map, text);
    if (found) {
        *out = container_of(found, struct reader_class, entry);
        (*out)->refs++;
        return OK;
    }
    struct reader_class *c = mem_zalloc(sizeof(*c));
    if (!c)
        return ERR_NOMEM;
    memcpy(c->key, key, text.size);
    c->entry.key = (struct bytes){c->key, text.size};
    c->who.role = who->role;
    if (user.size)
        memcpy(c->who.user_id, user.data, user.size);
    c->refs = 1;
    c->number = ++r->last_number;
    if (map_put(&r->map, &c->entry)) {
        mem_free(c);
        return ERR_NOMEM;
    }
    *out = c;
    return OK;
}

void reader_class_unref(struct reader_classes *r, struct reader_class *c)
{
    if (!c || --c->refs > 0)
        return;
    map_remove(&r->map, c->entry.key);
    mem_free(c);
}

static enum sight sight_of(const struct change *change, bool sees_row, bool saw_row)
{
    if (change->verb != VERB_UPDATE)
        return sees_row ? SIGHT_WHOLE : SIGHT_NONE;
    if (sees_row)
        return saw_row ? SIGHT_WHOLE : SIGHT_ENTERS;
    return saw_row ? SIGHT_LEAVES : SIGHT_NONE;
}

enum err reader_decide(const struct policies *p, const struct identity *who,
                       const struct change *change, uint64_t *decisions, enum sight *out)
{
    struct policy_context ctx = {.who = *who};
    bool sees_row = true, saw_row = true;
    enum err e = OK;
    if (who->role != ROLE_SERVICE) {
        ++*decisions;
        e = policy_ask(p, change->table, VERB_SELECT, &ctx, change_row(change), &sees_row);
    }
    if (!e && who->role != ROLE_SERVICE && change->verb == VERB_UPDATE) {
        ++*decisions;
        e = policy_ask(p, change->table, VERB_SELECT, &ctx, change->old_row, &saw_row);
    }
    if (!e)
        *out = sight_of(change, sees_row, saw_row);
    return e;
}

static void remember(struct reader_class *c, uint64_t bit, enum sight sight)
{
    c->memo_known |= bit;
    if (sight & 1)
        c->memo_low |= bit;
    if (sight & 2)
        c->memo_high |= bit;
}

enum err reader_sight(struct reader_classes *r, struct reader_class *c, const struct change *change,
                      enum sight *out)
{
    uint64_t block = change->seq / READER_MEMO;
    uint64_t bit = UINT64_C(1) << change->seq % READER_MEMO;
    if (c->memo_block != block) {
        c->memo_block = block;
        c->memo_known = c->memo_low = c->memo_high = 0;
    }
    if (!(c->memo_known & bit)) {
        enum sight sight;
        enum err e = reader_decide(r->policies, &c->who, change, &r->decisions, &sight);
        if (e)
            return e;
        remember(c, bit, sight);
    }
    *out = (enum sight)((c->memo_low & bit ? 1 : 0) + (c->memo_high & bit ? 2 : 0));
    return OK;
}
