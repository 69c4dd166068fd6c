#include "auth/topic.h"

#include "base/json.h"

enum { ROW_SIZE_MAX = 64 * 1024 };

static void put_row(struct buf *out, struct bytes topic, struct bytes extension)
{
    buf_put_literal(out, "{\"topic\":");
    json_put_string(out, topic);
    buf_put_literal(out, ",\"extension\":");
    json_put_string(out, extension);
    buf_put_literal(out, ",\"private\":true}");
}

static bool ask(const struct policies *p, const struct table *t, const struct identity *who,
                enum verb verb, struct bytes row)
{
    struct policy_context ctx = {.who = *who};
    if (verb == VERB_SELECT)
        return policy_sees(p, t, verb, &ctx, row);
    return verb == VERB_INSERT && policy_accepts(p, t, verb, &ctx, BYTES(""), row);
}

bool topic_may(const struct policies *p, const struct catalogue *c, const struct identity *who,
               enum verb verb, struct bytes topic, struct bytes extension)
{
    const struct table *t = catalogue_table(c, BYTES("messages"));
    struct buf row;
    if (!t)
        return false;
    buf_init(&row, ROW_SIZE_MAX);
    put_row(&row, topic, extension);
    bool may = !row.err && ask(p, t, who, verb, buf_bytes(&row));
    buf_done(&row);
    return may;
}
