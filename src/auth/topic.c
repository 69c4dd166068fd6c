#include "auth/topic.h"

#include "base/json.h"

enum {
    NAME_MAX_SIZE = 1024,                  /* of a topic, as its peers may name it */
    ROW_SIZE_MAX = 6 * NAME_MAX_SIZE + 128 /* six bytes for each, when all are escaped */
};

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
    /* Not from the heap: the answer is kept for as long as the channel lives, and a lack of memory
     * at this moment must not become a no. */
    char space[ROW_SIZE_MAX];
    struct buf row = {.data = space, .capacity = sizeof(space), .max = sizeof(space)};
    if (!t)
        return false;
    put_row(&row, topic, extension);
    return !row.err && ask(p, t, who, verb, buf_bytes(&row));
}

bool topic_has_column(struct bytes name)
{
    return bytes_equal(name, BYTES("topic")) || bytes_equal(name, BYTES("extension")) ||
           bytes_equal(name, BYTES("private"));
}
