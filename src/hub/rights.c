#include "hub/rights.h"

#include "auth/topic.h"

static const struct {
    uint8_t right;
    enum verb verb;
    struct bytes extension;
} questions[] = {
    {RIGHT_HEAR, VERB_SELECT, BYTES_INIT("broadcast")},
    {RIGHT_SAY, VERB_INSERT, BYTES_INIT("broadcast")},
    {RIGHT_HEAR_PRESENCE, VERB_SELECT, BYTES_INIT("presence")},
    {RIGHT_SAY_PRESENCE, VERB_INSERT, BYTES_INIT("presence")},
};

uint8_t rights_decide(struct hub *h, const struct identity *who, bool is_private, struct bytes name)
{
    uint8_t rights = 0;
    if (!is_private)
        return RIGHT_ALL;
    for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
        h->counters.policy_decisions++;
        if (topic_may(h->groups.classes.policies, h->catalogue, who, questions[i].verb, name,
                      questions[i].extension))
            rights |= questions[i].right;
    }
    return rights;
}
