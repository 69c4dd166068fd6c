/* The one connection.
 *
 *              wished            opened         a heartbeat answered
 *   OFFLINE ───────────▶ CONNECTING (opening ─▶ open) ───────────▶ LIVE ─ no answer ─▶ STALE
 *      ▲                   ▲        │                              ▲ │                 │ │
 *      │ not wished        │ the    │ not made, not answered       │ │ lost   answered │ │ still no
 *      │ any more          │ time   ▼                              │ ▼                 │ │ answer
 *    (from all)            └───── WAITING ◀────────────────────────│─┴─────────────────│─┘
 *                                                                  └───────────────────┘
 *
 * Wished: started, the machine online, not given up while hidden, not lost for good.  Each time the
 * line is lost, `tried` rises, and with it the wait; a stable time forgets it.  An open line beats
 * every heartbeat_ms; the round trip of the answer is the latency that is shown. */
#include "client/state.h"

static bool is_wished(const struct hb_client *c)
{
    return c->is_started && c->is_online && !c->is_parked && !c->is_given_up;
}

static enum hb_reason reason_of(const struct hb_client *c)
{
    if (!c->is_started)
        return HB_REASON_STOPPED;
    if (!c->is_online)
        return HB_REASON_NETWORK;
    return c->is_parked ? HB_REASON_HIDDEN : HB_REASON_LOST;
}

static void go_offline(struct hb_client *c)
{
    c->line.state = HB_OFFLINE;
    c->line.reason = reason_of(c);
}

/* What was never given to the host needs no closing. */
static void drop(struct hb_client *c, uint32_t code)
{
    if (c->line.is != LINE_NONE && !c->line.must_open) {
        c->line.close_number = c->line.number;
        c->line.close_code = code;
    }
    c->line.must_open = false;
    c->line.is = LINE_NONE;
}

void line_open_now(struct hb_client *c)
{
    struct line *l = &c->line;
    if (l->is != LINE_NONE || !is_wished(c))
        return;
    l->is = LINE_OPENING;
    l->state = HB_CONNECTING;
    l->reason = HB_REASON_NONE;
    l->number++;
    l->must_open = true;
    l->end = c->now + c->s.connect_ms;
    l->last_ref = 0;
    l->must_beat = l->is_beat_out = l->is_probe = false;
}

void line_review(struct hb_client *c)
{
    if (is_wished(c)) {
        if (c->line.state == HB_OFFLINE)
            line_open_now(c);
        return;
    }
    if (c->line.is != LINE_NONE) {
        drop(c, LINE_CODE_DONE);
        channels_lost(c, HB_OK, BYTES(""));
    }
    go_offline(c);
}

void line_trouble(struct hb_client *c, enum hb_error e, struct bytes text)
{
    trouble_set(&c->trouble, e, text);
    c->trouble_at = c->now;
}

void line_lost(struct hb_client *c, enum hb_error e, struct bytes text)
{
    struct line *l = &c->line;
    l->is = LINE_NONE;
    l->must_open = false;
    l->tried += l->tried < UINT32_MAX;
    line_trouble(c, e, text);
    channels_lost(c, e, text);
    if (c->s.no_auto_reconnect) {
        c->is_given_up = true;
        go_offline(c);
        return;
    }
    l->state = HB_WAITING;
    l->end = c->now + backoff_ms(&c->backoff, l->tried, &c->rng);
}

void line_replace(struct hb_client *c, enum hb_error e, struct bytes text)
{
    drop(c, LINE_CODE_REPLACED);
    line_lost(c, e, text);
}

void line_opened(struct hb_client *c)
{
    c->line.is = LINE_OPEN;
    c->line.must_beat = true;
    c->line.has_contact = true;
    c->line.contact = c->now;
    channels_revive(c, false);
}

void line_answered(struct hb_client *c)
{
    struct line *l = &c->line;
    int64_t took = c->now - l->beat_sent;
    l->is_beat_out = false;
    l->latency_ms = took < INT32_MAX ? (int32_t)took : INT32_MAX;
    l->beat_at = l->beat_sent + c->s.heartbeat_ms;
    if (l->state == HB_LIVE)
        return;
    l->state = HB_LIVE;
    l->live_since = c->now;
}

void line_probe(struct hb_client *c)
{
    if (c->line.is != LINE_OPEN)
        return;
    c->line.is_beat_out = false; /* an answer to an older one proves too little */
    c->line.must_beat = c->line.is_probe = true;
}

void line_woke(struct hb_client *c)
{
    if (c->line.is == LINE_OPENING)
        c->line.end = c->now + c->s.connect_ms;
    line_probe(c);
}

/* While other messages come, the answer may be on its way behind them; but not for ever: a line may
 * be deaf in one direction. */
static bool is_busy(const struct hb_client *c)
{
    const struct line *l = &c->line;
    return l->contact > l->beat_sent && c->now - l->contact < c->s.answer_ms &&
           c->now - l->beat_sent < LINE_FLOOD_MS;
}

static void judge(struct hb_client *c)
{
    struct line *l = &c->line;
    if (is_busy(c)) {
        l->beat_end = l->contact + c->s.answer_ms;
    } else if (l->state == HB_LIVE) {
        l->state = HB_STALE;
        l->beat_end = c->now + c->s.stale_ms;
    } else {
        line_replace(c, HB_ERR_SILENT, BYTES("the server does not answer"));
    }
}

/* When what went wrong is forgotten; INT64_MAX: there is nothing, or no end of it yet. */
static int64_t stable_at(const struct hb_client *c)
{
    if (c->line.state != HB_LIVE || (c->line.tried == 0 && c->trouble.error == HB_OK))
        return INT64_MAX;
    int64_t since = c->line.live_since > c->trouble_at ? c->line.live_since : c->trouble_at;
    return since + c->s.stable_ms;
}

static void tend_open(struct hb_client *c)
{
    struct line *l = &c->line;
    if (c->now >= stable_at(c)) {
        l->tried = 0;
        line_trouble(c, HB_OK, BYTES(""));
    }
    if (l->is_beat_out && c->now >= l->beat_end)
        judge(c);
    else if (!l->is_beat_out && !l->must_beat && c->now >= l->beat_at)
        l->must_beat = true;
}

void line_tend(struct hb_client *c)
{
    if (c->line.is == LINE_OPEN)
        tend_open(c);
    else if (c->line.is == LINE_OPENING && c->now >= c->line.end)
        line_replace(c, HB_ERR_SILENT, BYTES("no connection in time"));
    else if (c->line.state == HB_WAITING && c->now >= c->line.end)
        line_open_now(c);
}

int64_t line_deadline(const struct hb_client *c)
{
    const struct line *l = &c->line;
    if (l->is != LINE_OPEN)
        return l->is == LINE_OPENING || l->state == HB_WAITING ? l->end : INT64_MAX;
    int64_t beat = l->is_beat_out ? l->beat_end : l->must_beat ? INT64_MAX : l->beat_at;
    return earlier(beat, stable_at(c));
}
