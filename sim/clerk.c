/* Somebody who writes: one thing after the other, and again until there is an answer. */
#include "world.h"

static const int64_t second_us = INT64_C(1000000);

void clerk_init(struct world *w, struct clerk *c)
{
    *c = (struct clerk){.next_at_us = w->now_us + world_delay(w, second_us)};
    ask_init(&c->ask);
}

bool clerk_is_idle(const struct clerk *c)
{
    return c->deed.verb == VERB_SELECT;
}

static void start(struct world *w, struct clerk *c)
{
    static const char *const methods[] = {
        [VERB_INSERT] = "POST", [VERB_UPDATE] = "PATCH", [VERB_DELETE] = "DELETE"};
    buf_reset(&w->message);
    buf_reset(&w->body);
    deed_put(&c->deed, &w->message, &w->body);
    if (w->now_us >= w->rush_until_us)
        c->next_at_us = w->now_us + world_delay(w, 6 * second_us);
    (void)ask_start(w, &c->ask, c->deed.who, methods[c->deed.verb], buf_bytes(&w->message),
                    buf_bytes(&w->body), &c->deed);
}

/* 503 is no answer: nothing was written, or nobody says so. */
static void answered(struct world *w, struct clerk *c, const struct answer *a)
{
    if (a->status == 503 && (w->is_poor || w->counters.full > 0))
        return;
    if (a->status >= 500)
        world_fail(w, "a write was answered with %d", a->status);
    c->deed.verb = VERB_SELECT;
}

/* Of what was lost nobody knows whether it was done; asking once more does it at most once, or the
 * same again. */
static void lost(struct world *w, struct clerk *c)
{
    w->counters.again++;
    if (world_chance(w, 8))
        c->deed.verb = VERB_SELECT;
}

void clerk_act(struct world *w, struct clerk *c)
{
    struct answer answer;
    if (c->ask.wire) {
        enum ask_state state = ask_poll(w, &c->ask, &answer);
        if (state == ASK_DONE)
            answered(w, c, &answer);
        else if (state == ASK_LOST)
            lost(w, c);
        return;
    }
    if (w->now_us < c->next_at_us)
        return;
    if (clerk_is_idle(c) && w->is_calm)
        return;
    if (clerk_is_idle(c))
        deed_make(&c->deed, &w->model, &w->rng);
    start(w, c);
}
