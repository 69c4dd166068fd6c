#include "server/shard_parts.h"

#include "base/time.h"

enum metric_kind { GAUGE, COUNTER };

static void add_u64(uint64_t *sum, const uint64_t *more, size_t count)
{
    for (size_t i = 0; i < count; i++)
        sum[i] += more[i];
}

/* Both structs hold nothing but uint64_t, so that they can be summed as rows of numbers. */
static struct shard_counters sum_shards(struct shard *s)
{
    enum { FIELDS = sizeof(struct shard_counters) / sizeof(uint64_t) };
    _Static_assert(sizeof(struct shard_counters) % sizeof(uint64_t) == 0, "only uint64_t members");
    struct shard_counters sum = {0};
    for (size_t i = 0; i < s->all_count; i++) {
        struct shard_counters c = shard_counters(s->all[i]);
        add_u64((uint64_t *)(void *)&sum, (const uint64_t *)(const void *)&c, FIELDS);
    }
    return sum;
}

static void put_line(struct buf *out, enum metric_kind kind, const char *name, uint64_t value)
{
    buf_put_literal(out, "# TYPE homebake_");
    buf_put(out, bytes_of(name));
    buf_put(out, kind == GAUGE ? BYTES(" gauge\nhomebake_") : BYTES(" counter\nhomebake_"));
    buf_put(out, bytes_of(name));
    buf_put_char(out, ' ');
    buf_put_u64(out, value);
    buf_put_char(out, '\n');
}

static void put_hub(struct buf *out, const struct hub_counters *h)
{
    put_line(out, GAUGE, "live_connections", h->connections);
    put_line(out, GAUGE, "live_channels", h->channels);
    put_line(out, GAUGE, "live_subscriptions", h->subscriptions);
    put_line(out, GAUGE, "live_groups", h->groups);
    put_line(out, COUNTER, "live_messages_in_total", h->messages_in);
    put_line(out, COUNTER, "live_malformed_total", h->malformed);
    put_line(out, COUNTER, "live_joins_total", h->joins);
    put_line(out, COUNTER, "live_joins_refused_total", h->joins_refused);
    put_line(out, COUNTER, "live_changes_total", h->changes);
    put_line(out, COUNTER, "live_policy_decisions_total", h->policy_decisions);
    put_line(out, COUNTER, "live_costly_filters_total", h->costly_filters);
    put_line(out, COUNTER, "live_encoded_frames_total", h->encoded_frames);
    put_line(out, COUNTER, "live_deliveries_total", h->deliveries);
    put_line(out, COUNTER, "live_delivered_bytes_total", h->delivered_bytes);
    put_line(out, COUNTER, "live_behind_total", h->behind);
    put_line(out, COUNTER, "live_replayed_total", h->replayed);
    put_line(out, COUNTER, "live_dropped_slow_total", h->dropped_slow);
    put_line(out, COUNTER, "live_dropped_idle_total", h->dropped_idle);
    put_line(out, COUNTER, "live_broadcasts_total", h->broadcasts);
    put_line(out, COUNTER, "live_broadcasts_dropped_total", h->dropped_broadcasts);
    put_line(out, COUNTER, "live_relayed_total", h->relayed);
}

static void put_io(struct buf *out, const struct shard_counters *c)
{
    put_line(out, GAUGE, "connections", c->connections);
    put_line(out, COUNTER, "accepted_total", c->accepted);
    put_line(out, COUNTER, "refused_full_total", c->refused_full);
    put_line(out, COUNTER, "refused_descriptors_total", c->refused_descriptors);
    put_line(out, COUNTER, "upgrades_total", c->upgrades);
    put_line(out, COUNTER, "upgrades_refused_total", c->upgrades_refused);
    put_line(out, COUNTER, "http_requests_total", c->requests);
    put_line(out, COUNTER, "http_malformed_total", c->malformed);
    put_line(out, COUNTER, "http_timeouts_total", c->timeouts);
    put_line(out, COUNTER, "http_stalled_total", c->stalled);
    put_line(out, COUNTER, "http_busy_total", c->busy);
    put_line(out, GAUGE, "calls_in_flight", c->calls_in_flight);
    put_line(out, COUNTER, "sends_total", c->sends);
    put_line(out, COUNTER, "sent_bytes_total", c->sent_bytes);
    put_line(out, COUNTER, "receives_total", c->receives);
    put_line(out, COUNTER, "received_bytes_total", c->received_bytes);
    put_line(out, COUNTER, "turns_total", c->turns);
    put_line(out, COUNTER, "change_batches_total", c->change_mails);
    put_line(out, COUNTER, "relay_batches_total", c->relay_mails);
    put_line(out, COUNTER, "relay_dropped_total", c->relay_dropped);
    buf_put_literal(out, "# TYPE homebake_http_responses_total counter\n");
    for (uint64_t i = 1; i < 6; i++) {
        buf_put_literal(out, "homebake_http_responses_total{class=\"");
        buf_put_u64(out, i);
        buf_put_literal(out, "xx\"} ");
        buf_put_u64(out, c->responses[i]);
        buf_put_char(out, '\n');
    }
}

static void put_writer(struct buf *out, struct writer_counters w)
{
    put_line(out, COUNTER, "write_groups_total", w.groups);
    put_line(out, COUNTER, "write_requests_total", w.requests);
    put_line(out, COUNTER, "write_changes_total", w.changes);
    put_line(out, GAUGE, "write_group_max", w.group_max);
    put_line(out, COUNTER, "writer_waits_total", w.waits);
}

/* A proxy on this machine speaks for others: what it passes on does not count as local. */
static bool is_local(const struct http_peer *p, const struct http_request *r)
{
    return p->peer->is_loopback && !http_header(r, BYTES("x-forwarded-for")).data &&
           !http_header(r, BYTES("forwarded")).data && !http_header(r, BYTES("via")).data;
}

static bool has_service_key(struct shard *s, const struct http_request *r)
{
    struct bytes value = http_header(r, BYTES("authorization"));
    struct claims claims;
    if (!bytes_equal_nocase(bytes_slice(value, 0, 7), BYTES("Bearer ")))
        return false;
    struct bytes token = bytes_trim(bytes_slice(value, 7, value.size));
    return token_verify(store_secret(s->cfg.store), token, s->now_us / TIME_US_PER_S, &claims) ==
               TOKEN_OK &&
           claims.kind == TOKEN_SERVICE;
}

void metrics_answer(struct shard *s, struct http_peer *p, const struct http_request *r)
{
    if (!is_local(p, r) && !has_service_key(s, r)) {
        http_respond_error(s, p, 403, BYTES("message"),
                           BYTES("only for this machine, or with the service key"));
        return;
    }
    struct shard_counters sum = sum_shards(s);
    struct buf *out = &p->text;
    put_line(out, GAUGE, "shards", s->all_count);
    put_io(out, &sum);
    put_hub(out, &sum.hub);
    if (s->writer)
        put_writer(out, writer_counters(s->writer));
    if (out->err)
        http_respond_error(s, p, 503, BYTES("message"), BYTES("out of memory"));
    else
        http_respond(s, p, 200,
                     BYTES("Content-Type: text/plain; version=0.0.4; "
                           "charset=utf-8\r\nCache-Control: no-store\r\n"),
                     buf_bytes(out));
}
