#include "hub/explain.h"

#include "base/time.h"
#include "hub/member.h"

enum { POLICIES_MAX = 64 };

static void put_text(struct buf *out, struct bytes name, struct bytes text)
{
    json_put_key(out, name);
    json_put_string(out, text);
}

static void put_bool(struct buf *out, struct bytes name, bool is_so)
{
    json_put_key(out, name);
    buf_put(out, is_so ? BYTES("true") : BYTES("false"));
}

/* ---- the change ---- */

static void put_key(struct buf *out, const struct change *c)
{
    struct json_value row = {JSON_OBJECT, change_row(c)}, value;
    buf_put_char(out, '{');
    for (uint16_t i = 0; i < c->table->key_count; i++) {
        if (json_get(row, c->table->key[i]->name, &value))
            continue;
        json_put_key(out, c->table->key[i]->name);
        buf_put(out, value.raw);
    }
    buf_put_char(out, '}');
}

static void put_change_words(struct buf *out, const struct change *c)
{
    struct buf words;
    buf_init(&words, 8192);
    buf_put_literal(&words, "change ");
    buf_put_u64(&words, c->seq);
    buf_put_literal(&words, ", ");
    time_put_millis_z(&words, c->commit_us);
    buf_put_literal(&words, ": ");
    buf_put(&words, verb_name(c->verb));
    buf_put_literal(&words, " of ");
    buf_put(&words, c->table->name);
    buf_put_char(&words, ' ');
    put_key(&words, c);
    put_text(out, BYTES("words"), buf_bytes(&words));
    buf_done(&words);
}

void explain_put_change(struct buf *out, const struct change *c)
{
    buf_put_char(out, '{');
    json_put_key(out, BYTES("seq"));
    buf_put_u64(out, c->seq);
    json_put_key(out, BYTES("commit_timestamp"));
    buf_put_char(out, '"');
    time_put_millis_z(out, c->commit_us);
    buf_put_char(out, '"');
    put_text(out, BYTES("table"), c->table->name);
    put_text(out, BYTES("type"), verb_name(c->verb));
    json_put_key(out, BYTES("key"));
    put_key(out, c);
    put_change_words(out, c);
    buf_put_char(out, '}');
}

/* ---- policies ---- */

static void put_holds(struct buf *out, struct bytes name, struct bytes row, bool holds)
{
    json_put_key(out, name);
    buf_put(out, row.size == 0 ? BYTES("null") : holds ? BYTES("true") : BYTES("false"));
}

static struct bytes policy_words(const struct change *c, const struct policy_verdict *as_is,
                                 const struct policy_verdict *as_was)
{
    bool has_both = c->verb == VERB_UPDATE;
    if (!as_is->is_for_role)
        return BYTES("is not for this role");
    if (has_both && as_is->holds && as_was->holds)
        return BYTES("lets them see the row as it is and as it was");
    if (as_is->holds)
        return has_both ? BYTES("lets them see the row as it is, not as it was")
                        : BYTES("lets them see the row");
    if (as_was->holds)
        return c->verb == VERB_DELETE ? BYTES("lets them see the row")
                                      : BYTES("lets them see the row as it was, not as it is");
    return BYTES("does not let them see the row");
}

static void put_policy(struct buf *out, const struct change *c, const struct policy_verdict *as_is,
                       const struct policy_verdict *as_was)
{
    struct buf at;
    buf_init(&at, 4096);
    buf_put(&at, as_is->file);
    buf_put_char(&at, ':');
    buf_put_u64(&at, as_is->line);
    buf_put_char(out, '{');
    put_text(out, BYTES("name"), as_is->name);
    put_text(out, BYTES("at"), buf_bytes(&at));
    put_bool(out, BYTES("to_role"), as_is->is_for_role);
    put_holds(out, BYTES("new"), c->new_row, as_is->holds);
    put_holds(out, BYTES("old"), c->old_row, as_was->holds);
    put_text(out, BYTES("words"), policy_words(c, as_is, as_was));
    buf_put_char(out, '}');
    buf_done(&at);
}

void explain_put_policies(struct buf *out, const struct policies *p, const struct identity *who,
                          const struct change *c)
{
    struct policy_verdict as_is[POLICIES_MAX], as_was[POLICIES_MAX];
    const struct policy_context ctx = {.who = *who};
    size_t count = policy_explain(p, c->table, VERB_SELECT, &ctx, c->new_row, as_is, POLICIES_MAX);
    (void)policy_explain(p, c->table, VERB_SELECT, &ctx, c->old_row, as_was, POLICIES_MAX);
    if (count > POLICIES_MAX)
        count = POLICIES_MAX;
    buf_put_char(out, '[');
    for (size_t i = 0; i < count; i++) {
        /* A row that is not there is seen by nobody, whatever the policy says. */
        as_is[i].holds = as_is[i].holds && c->new_row.size > 0;
        as_was[i].holds = as_was[i].holds && c->old_row.size > 0;
        if (i)
            buf_put_char(out, ',');
        put_policy(out, c, &as_is[i], &as_was[i]);
    }
    buf_put_char(out, ']');
}

/* ---- the verdict ---- */

/* A lack of memory goes to `out`. */
static enum sight sight_of(struct buf *out, const struct policies *p, const struct identity *who,
                           const struct change *c)
{
    uint64_t decisions = 0;
    enum sight sight = SIGHT_NONE;
    if (reader_decide(p, who, c, &decisions, &sight) && !out->err)
        out->err = ERR_NOMEM;
    return sight;
}

static enum verb told_as(enum sight sight, const struct change *c)
{
    return sight == SIGHT_LEAVES ? VERB_DELETE : c->verb;
}

static struct bytes sight_name(enum sight sight)
{
    static const struct bytes names[] = {
        [SIGHT_NONE] = BYTES_INIT("none"),
        [SIGHT_WHOLE] = BYTES_INIT("whole"),
        [SIGHT_LEAVES] = BYTES_INIT("leaves"),
        [SIGHT_ENTERS] = BYTES_INIT("enters"),
    };
    return names[sight];
}

static struct bytes sight_words(enum sight sight)
{
    static const struct bytes words[] = {
        [SIGHT_NONE] = BYTES_INIT("they may not see this row, and are told nothing"),
        [SIGHT_WHOLE] = BYTES_INIT("they are told all of it"),
        [SIGHT_LEAVES] =
            BYTES_INIT("the row has left their view: they are told a DELETE of the row as it was"),
        [SIGHT_ENTERS] = BYTES_INIT("the row has come into their view: they are told the row as it "
                                    "is, and only the key of what it was"),
    };
    return words[sight];
}

void explain_put_verdict(struct buf *out, const struct policies *p, const struct identity *who,
                         const struct change *c)
{
    enum sight sight = sight_of(out, p, who, c);
    buf_put_char(out, '{');
    put_text(out, BYTES("sight"), sight_name(sight));
    json_put_key(out, BYTES("told"));
    if (sight == SIGHT_NONE)
        buf_put_literal(out, "null");
    else
        json_put_string(out, verb_name(told_as(sight, c)));
    put_text(out, BYTES("words"),
             who->role == ROLE_SERVICE
                 ? BYTES("the service role passes by all policies: they are told all of it")
                 : sight_words(sight));
    buf_put_char(out, '}');
}

/* ---- bindings ---- */

/* The row's value, for a person; long ones are cut. */
static void put_value(struct buf *out, const struct filter_term *t, struct bytes row)
{
    enum { SHOWN_MAX = 100 };
    struct json_value v;
    if (row.size == 0 || json_get((struct json_value){JSON_OBJECT, row}, t->column->name, &v))
        buf_put_literal(out, "nothing");
    else
        buf_put(out, bytes_slice(v.raw, 0, SHOWN_MAX));
}

static struct bytes truth_name(enum err e, enum filter_truth truth)
{
    if (e)
        return e == ERR_LIMIT ? BYTES("too costly to tell") : BYTES("unknown for want of memory");
    return truth == FILTER_TRUE    ? BYTES("true")
           : truth == FILTER_FALSE ? BYTES("false")
                                   : BYTES("unknown");
}

/* {"column":"quantity","operator":"not.gt","value":"3","result":"false","words":…} */
static void put_term(struct buf *out, const struct filter_term *t, struct bytes row,
                     struct arena *scratch)
{
    enum filter_truth truth = FILTER_UNKNOWN;
    enum err e = filter_term_truth(t, row, scratch, &truth);
    struct buf op, value, words;
    buf_init(&op, 64);
    buf_init(&value, 1024);
    buf_init(&words, 4096);
    buf_put(&op, t->is_not ? BYTES("not.") : BYTES(""));
    buf_put(&op, filter_op_name(t->op));
    put_value(&value, t, row);
    buf_put(&words, t->column->name);
    buf_put_char(&words, ' ');
    buf_put(&words, buf_bytes(&op));
    buf_put_literal(&words, " is ");
    buf_put(&words, truth_name(e, truth));
    buf_put_literal(&words, ": the row has ");
    buf_put(&words, buf_bytes(&value));
    buf_put_char(out, '{');
    put_text(out, BYTES("column"), t->column->name);
    put_text(out, BYTES("operator"), buf_bytes(&op));
    put_text(out, BYTES("value"), buf_bytes(&value));
    put_text(out, BYTES("result"), truth_name(e, truth));
    put_text(out, BYTES("words"), buf_bytes(&words));
    buf_put_char(out, '}');
    buf_done(&op);
    buf_done(&value);
    buf_done(&words);
}

enum reason { REASON_TOLD, REASON_POLICY, REASON_TABLE, REASON_EVENT, REASON_FILTER };

static const struct {
    struct bytes name, words;
} reasons[] = {
    [REASON_TOLD] = {BYTES_INIT("told"), BYTES_INIT("it is told")},
    [REASON_POLICY] = {BYTES_INIT("policy"),
                       BYTES_INIT("it is not told: no policy lets them see the row")},
    [REASON_TABLE] = {BYTES_INIT("table"),
                      BYTES_INIT("it is not told: the binding is for another table")},
    [REASON_EVENT] = {BYTES_INIT("event"),
                      BYTES_INIT("it is not told: the binding is for other events")},
    [REASON_FILTER] = {BYTES_INIT("filter"),
                       BYTES_INIT("it is not told: the filter does not hold")},
};

static enum reason reason_of(enum sight sight, const struct change *c, const struct binding *b,
                             struct bytes row, struct arena *scratch)
{
    bool is_match = false;
    if (!binding_has_table(b, c->table))
        return REASON_TABLE;
    if (sight == SIGHT_NONE)
        return REASON_POLICY;
    if (!binding_concerns(b, c->table, told_as(sight, c)))
        return REASON_EVENT;
    enum err e = filter_matches(&b->filter, row, scratch, &is_match);
    return !e && is_match ? REASON_TOLD : REASON_FILTER;
}

static void put_binding(struct buf *out, enum sight sight, const struct change *c,
                        const struct binding *b, bool *is_told)
{
    struct arena scratch;
    struct bytes row = told_as(sight, c) == VERB_DELETE ? c->old_row : c->new_row;
    arena_init(&scratch, EXPLAIN_SCRATCH_MAX);
    enum reason reason = reason_of(sight, c, b, row, &scratch);
    *is_told |= reason == REASON_TOLD;
    buf_put_char(out, '{');
    put_bool(out, BYTES("told"), reason == REASON_TOLD);
    put_text(out, BYTES("reason"), reasons[reason].name);
    json_put_key(out, BYTES("terms"));
    buf_put_char(out, '[');
    for (uint32_t i = 0; i < b->filter.count && reason != REASON_TABLE; i++) {
        if (i)
            buf_put_char(out, ',');
        put_term(out, &b->filter.terms[i], row, &scratch);
    }
    buf_put_char(out, ']');
    put_text(out, BYTES("words"), reasons[reason].words);
    buf_put_char(out, '}');
    arena_done(&scratch);
}

void explain_put_binding(struct buf *out, const struct policies *p, const struct identity *who,
                         const struct change *c, const struct binding *b)
{
    bool is_told = false;
    put_binding(out, sight_of(out, p, who, c), c, b, &is_told);
}

/* ---- live ---- */

static bool is_of(const struct bearer *b, struct bytes user)
{
    switch (b->kind) {
    case TOKEN_ANON:
        return bytes_equal(user, role_name(ROLE_ANON));
    case TOKEN_SERVICE:
        return bytes_equal(user, role_name(ROLE_SERVICE));
    case TOKEN_USER:
        return bytes_equal(user, bytes_of(b->user_id));
    }
    return false;
}

static struct bytes channel_words(const struct channel *ch, const struct change *c, bool is_told)
{
    if (!ch->group)
        return BYTES("asks for no changes");
    if (ch->is_behind && ch->next_seq <= c->seq)
        return is_told ? BYTES("is behind, and will be told when it has caught up")
                       : BYTES("is behind, and will not be told");
    return is_told ? BYTES("was told, if it was joined then") : BYTES("was not told");
}

static void put_channel(struct buf *out, const struct hub *h, const struct channel *ch,
                        const struct change *c)
{
    struct identity who;
    bool is_told = false, is_known = !member_identity(h, &ch->bearer, &who);
    enum sight sight = is_known ? sight_of(out, h->groups.classes.policies, &who, c) : SIGHT_NONE;
    uint64_t next_seq = ch->is_behind ? ch->next_seq : changelog_head(h->log) + 1;
    buf_put_char(out, '{');
    put_text(out, BYTES("topic"), channel_topic(ch));
    put_bool(out, BYTES("is_private"), ch->is_private);
    put_bool(out, BYTES("is_behind"), ch->is_behind);
    json_put_key(out, BYTES("next_seq"));
    buf_put_u64(out, next_seq);
    json_put_key(out, BYTES("bindings"));
    buf_put_char(out, '[');
    for (uint32_t i = 0; ch->group && i < ch->group->bindings->count; i++) {
        if (i)
            buf_put_char(out, ',');
        put_binding(out, sight, c, &ch->group->bindings->items[i], &is_told);
    }
    buf_put_char(out, ']');
    put_text(out, BYTES("words"), channel_words(ch, c, is_told));
    buf_put_char(out, '}');
}

void explain_put_channels(struct buf *out, const struct hub *h, struct bytes user,
                          const struct change *c)
{
    size_t start = out->size;
    for (uint32_t i = 0; i < h->conns.count; i++) {
        const struct conn *conn = conns_at(&h->conns, i);
        if (!conn)
            continue;
        list_each(l, &conn->channels)
        {
            const struct channel *ch = container_of(l, struct channel, of_conn);
            if (!is_of(&ch->bearer, user))
                continue;
            if (out->size > start)
                buf_put_char(out, ',');
            put_channel(out, h, ch, c);
        }
    }
}
