#include "hub/flood.h"

#include "hub/member.h"
#include "hub/peer.h"

void flood_set_limits(struct hub *h)
{
    const struct hub_limits *l = &h->limits;
    h->join_rate = rate_per_second(l->joins_burst, l->joins_per_s);
    h->message_rate = rate_per_second(l->messages_burst, l->messages_per_s);
}

void flood_init(struct conn *c)
{
    c->joins.full_us = c->messages.full_us = INT64_MIN;
}

/* A peer that has kept silent for so long that both rates are whole again is forgiven. */
static void forgive(const struct hub *h, struct conn *c)
{
    if (c->refused && rate_is_full(&c->joins, h->now_us) && rate_is_full(&c->messages, h->now_us))
        c->refused = 0;
}

static bool admits(struct hub *h, struct conn *c, struct rate *rate, const struct rate_limit *limit,
                   uint64_t *refused)
{
    forgive(h, c);
    if (rate_take(rate, limit, h->now_us) == 0)
        return true;
    ++*refused;
    c->refused++;
    return false;
}

static void send_away_if_stubborn(struct hub *h, struct conn *c)
{
    if (c->refused <= h->limits.refused_max)
        return;
    h->counters.dropped_flood++;
    peer_close(h, c, WS_CLOSE_POLICY, END_SHORT);
}

bool flood_admits_join(struct hub *h, struct conn *c)
{
    if (admits(h, c, &c->joins, &h->join_rate, &h->counters.joins_over))
        return true;
    send_away_if_stubborn(h, c);
    return false;
}

bool flood_admits_message(struct hub *h, struct conn *c, struct channel *ch)
{
    if (admits(h, c, &c->messages, &h->message_rate, &h->counters.messages_over))
        return true;
    if (c->refused == 1 && ch)
        member_system(h, ch, BYTES("system"), false, BYTES("Too many messages per second"));
    send_away_if_stubborn(h, c);
    return false;
}
