#include "server/shard_parts.h"

#include "base/time.h"
#include "server/metrics.h"

#define HUB(member) offsetof(struct shard_counters, hub.member)
#define SHARD(member) offsetof(struct shard_counters, member)
#define WRITER(member) offsetof(struct writer_counters, member)
#define READERS(member) offsetof(struct readers_counters, member)
#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const struct metric shard_metrics[] = {
    /* connections */
    {METRIC_GAUGE, SHARD(connections), "connections", NULL, "Connections of all kinds now."},
    {METRIC_COUNTER, SHARD(accepted), "accepted_total", NULL, "Connections accepted."},
    {METRIC_COUNTER, SHARD(refused_descriptors), "refused_descriptors_total", NULL,
     "Connections closed at once because no file descriptor was left."},
    {METRIC_COUNTER, SHARD(sends), "sends_total", NULL, "Calls that handed bytes to the kernel."},
    {METRIC_COUNTER, SHARD(sent_bytes), "sent_bytes_total", NULL, "Bytes handed to the kernel."},
    {METRIC_COUNTER, SHARD(receives), "receives_total", NULL, "Calls that brought bytes."},
    {METRIC_COUNTER, SHARD(received_bytes), "received_bytes_total", NULL, "Bytes received."},
    /* requests */
    {METRIC_COUNTER, SHARD(requests), "http_requests_total", NULL, "Requests read."},
    {METRIC_COUNTER, SHARD(malformed), "http_malformed_total", NULL,
     "Requests refused before they were understood: no HTTP, or too large."},
    {METRIC_COUNTER, SHARD(responses[1]), "http_responses_total", "class=\"1xx\"",
     "Answers by the first digit of their status."},
    {METRIC_COUNTER, SHARD(responses[2]), "http_responses_total", "class=\"2xx\"", NULL},
    {METRIC_COUNTER, SHARD(responses[3]), "http_responses_total", "class=\"3xx\"", NULL},
    {METRIC_COUNTER, SHARD(responses[4]), "http_responses_total", "class=\"4xx\"", NULL},
    {METRIC_COUNTER, SHARD(responses[5]), "http_responses_total", "class=\"5xx\"", NULL},
    {METRIC_GAUGE, SHARD(calls_in_flight), "calls_in_flight", NULL,
     "Requests that the writer or a reader has now."},
    {METRIC_COUNTER, SHARD(upgrades), "upgrades_total", NULL, "Handshakes accepted."},
    {METRIC_COUNTER, SHARD(upgrades_refused), "upgrades_refused_total", NULL,
     "Handshakes refused."},
    /* live */
    {METRIC_GAUGE, HUB(connections), "live_connections", NULL, "Live connections now."},
    {METRIC_GAUGE, HUB(channels), "live_channels", NULL, "Channels joined now."},
    {METRIC_GAUGE, HUB(subscriptions), "live_subscriptions", NULL, "Bindings of all channels now."},
    {METRIC_GAUGE, HUB(groups), "live_groups", NULL,
     "Sets of channels that share their frames now."},
    {METRIC_GAUGE, HUB(behind_now), "live_behind", NULL,
     "Channels now that have fallen behind and wait for room."},
    {METRIC_COUNTER, HUB(behind), "live_behind_total", NULL,
     "How often a channel fell behind: its connection's outbox was full."},
    {METRIC_COUNTER, HUB(replayed), "live_replayed_total", NULL,
     "Changes given out of the log to channels that were behind or resumed."},
    {METRIC_COUNTER, HUB(fetches), "live_fetches_total", NULL,
     "Pages of the change log asked of the store, for channels behind the window."},
    {METRIC_COUNTER, HUB(fetched), "live_fetched_changes_total", NULL, "Changes in those pages."},
    {METRIC_COUNTER, HUB(archive_hits), "live_archive_hits_total", NULL,
     "Runs of changes replayed out of such a page."},
    {METRIC_COUNTER, HUB(coalesced), "live_coalesced_total", NULL,
     "Messages saved by others about the same row, for channels with coalesce_ms."},
    {METRIC_COUNTER, HUB(lost), "live_lost_total", NULL,
     "Channels ended because not even the store reached back."},
    {METRIC_COUNTER, HUB(messages_in), "live_messages_in_total", NULL, "Messages of peers."},
    {METRIC_COUNTER, HUB(malformed), "live_malformed_total", NULL,
     "Messages of peers that could not be read."},
    {METRIC_COUNTER, HUB(joins), "live_joins_total", NULL, "Joins accepted."},
    {METRIC_COUNTER, HUB(joins_refused), "live_joins_refused_total", NULL,
     "Joins refused, for any reason."},
    {METRIC_COUNTER, HUB(changes), "live_changes_total", NULL,
     "Changes taken by the shards; each shard takes every change."},
    {METRIC_COUNTER, HUB(policy_decisions), "live_policy_decisions_total", NULL,
     "Policy questions: about one row and one class of reader."},
    {METRIC_COUNTER, HUB(costly_filters), "live_costly_filters_total", NULL,
     "Matches that were given up because a regular expression was too costly."},
    {METRIC_COUNTER, HUB(encoded_frames), "live_encoded_frames_total", NULL, "Frames made."},
    {METRIC_COUNTER, HUB(deliveries), "live_deliveries_total", NULL,
     "Messages put into outboxes: changes and broadcasts, once per receiver."},
    {METRIC_COUNTER, HUB(delivered_bytes), "live_delivered_bytes_total", NULL,
     "Bytes of live connections handed to the kernel."},
    {METRIC_COUNTER, HUB(inflated), "live_inflated_total", NULL,
     "Messages of peers that came compressed."},
    {METRIC_COUNTER, HUB(inflated_from_bytes), "live_inflated_bytes_total", "side=\"wire\"",
     "Their bytes, compressed and not."},
    {METRIC_COUNTER, HUB(inflated_to_bytes), "live_inflated_bytes_total", "side=\"text\"", NULL},
    {METRIC_COUNTER, HUB(deflated), "live_deflated_total", NULL,
     "Messages that were compressed, once for all their receivers."},
    {METRIC_COUNTER, HUB(deflated_from_bytes), "live_deflated_bytes_total", "side=\"text\"",
     "Their bytes, compressed and not."},
    {METRIC_COUNTER, HUB(deflated_to_bytes), "live_deflated_bytes_total", "side=\"wire\"", NULL},
    {METRIC_COUNTER, HUB(broadcasts), "live_broadcasts_total", NULL, "Broadcasts taken."},
    {METRIC_COUNTER, HUB(relayed), "live_relayed_total", NULL,
     "Messages handed to the other shards: broadcasts, and who is present."},
    {METRIC_COUNTER, HUB(dropped_broadcasts), "live_broadcasts_dropped_total", "reason=\"room\"",
     "Broadcasts that one receiver did not get for want of room, or nobody for want of a right."},
    {METRIC_COUNTER, HUB(denied_broadcasts), "live_broadcasts_dropped_total", "reason=\"denied\"",
     NULL},
    {METRIC_GAUGE, HUB(present), "live_present", NULL, "Channels that are present now."},
    {METRIC_COUNTER, HUB(presence_diffs), "live_presence_diffs_total", NULL,
     "Changes of presence told, once per topic and turn."},
    {METRIC_COUNTER, HUB(presence_states), "live_presence_states_total", NULL,
     "Times that a channel was told of all who are present."},
    {METRIC_COUNTER, HUB(presence_refused), "live_presence_refused_total", NULL,
     "Requests of presence refused: malformed, not allowed, or over a limit."},
    {METRIC_COUNTER, HUB(stored_broadcasts), "live_stored_broadcasts_total", NULL,
     "Broadcasts that were stored and heard of; each shard hears of every one."},
    {METRIC_COUNTER, HUB(unstored_broadcasts), "live_unstored_broadcasts_total", NULL,
     "Broadcasts that should have been stored and were refused; nobody got them."},
    {METRIC_COUNTER, HUB(replayed_broadcasts), "live_replayed_broadcasts_total", NULL,
     "Stored broadcasts given to who joined later."},
    {METRIC_COUNTER, HUB(violations), "live_violations_total", NULL,
     "Connections closed because they broke the rules of WebSocket."},
    /* limits, by the names of their settings */
    {METRIC_COUNTER, SHARD(refused_full), "limit_reached_total", "limit=\"connections\"",
     "How often a limit was reached: refused or closed, with an error that says so."},
    {METRIC_COUNTER, SHARD(header_over), "limit_reached_total", "limit=\"header-bytes\"", NULL},
    {METRIC_COUNTER, SHARD(body_over), "limit_reached_total", "limit=\"body-bytes\"", NULL},
    {METRIC_COUNTER, SHARD(timeouts), "limit_reached_total", "limit=\"request-time\"", NULL},
    {METRIC_COUNTER, SHARD(stalled), "limit_reached_total", "limit=\"stall-time\"", NULL},
    {METRIC_COUNTER, SHARD(writes_over), "limit_reached_total", "limit=\"writes-queued\"", NULL},
    {METRIC_COUNTER, SHARD(reads_over), "limit_reached_total", "limit=\"reads-queued\"", NULL},
    {METRIC_COUNTER, SHARD(passwords_over), "limit_reached_total", "limit=\"passwords-queued\"",
     NULL},
    {METRIC_COUNTER, HUB(messages_too_big), "limit_reached_total", "limit=\"message-bytes\"", NULL},
    {METRIC_COUNTER, HUB(inflated_over), "limit_reached_total", "limit=\"inflate-bytes\"", NULL},
    {METRIC_COUNTER, HUB(dropped_slow), "limit_reached_total", "limit=\"outbox-bytes\"", NULL},
    {METRIC_COUNTER, HUB(channels_over), "limit_reached_total", "limit=\"channels\"", NULL},
    {METRIC_COUNTER, HUB(bindings_over), "limit_reached_total", "limit=\"bindings\"", NULL},
    {METRIC_COUNTER, HUB(records_over), "limit_reached_total", "limit=\"record-bytes\"", NULL},
    {METRIC_COUNTER, HUB(joins_over), "limit_reached_total", "limit=\"joins-per-second\"", NULL},
    {METRIC_COUNTER, HUB(messages_over), "limit_reached_total", "limit=\"messages-per-second\"",
     NULL},
    {METRIC_COUNTER, HUB(dropped_flood), "limit_reached_total", "limit=\"refusals\"", NULL},
    {METRIC_COUNTER, HUB(dropped_idle), "limit_reached_total", "limit=\"idle-time\"", NULL},
    /* the loop */
    {METRIC_COUNTER, SHARD(turns), "turns_total", NULL, "Turns of the event loops."},
    {METRIC_COUNTER, SHARD(change_mails), "change_batches_total", NULL,
     "Batches of changes taken by the shards."},
    {METRIC_COUNTER, SHARD(relay_mails), "relay_batches_total", NULL,
     "Batches of messages handed to other shards."},
    {METRIC_COUNTER, SHARD(relay_dropped), "relay_dropped_total", NULL,
     "Broadcasts that did not go to the other shards because too much waited for them."},
    {METRIC_TIMES, SHARD(turn_us), "turn_seconds", NULL,
     "From the wake-up of a loop until all of that turn was done and sent: what others wait."},
    {METRIC_TIMES, SHARD(commit_to_shard_us), "live_commit_to_shard_seconds", NULL,
     "From the commit time of a batch of changes until a shard took it."},
    {METRIC_TIMES, SHARD(commit_to_socket_us), "live_commit_to_socket_seconds", NULL,
     "From the commit time of changes until the slice of sends with them was with the kernel."},
};

static const struct metric writer_metrics[] = {
    {METRIC_COUNTER, WRITER(groups), "write_groups_total", NULL, "Groups written."},
    {METRIC_COUNTER, WRITER(requests), "write_requests_total", NULL, "Requests in them."},
    {METRIC_COUNTER, WRITER(changes), "write_changes_total", NULL, "Changes that came of them."},
    {METRIC_COUNTER, WRITER(failed), "write_groups_failed_total", NULL,
     "Groups that could not be written; all their requests were answered with 503."},
    {METRIC_GAUGE, WRITER(group_max), "write_group_max", NULL, "Requests in the largest group."},
    {METRIC_GAUGE, WRITER(queued), "writes_queued", NULL, "Requests that wait for the writer now."},
    {METRIC_COUNTER, WRITER(waits), "writer_waits_total", NULL,
     "How often the writer waited for a shard that did not keep up, or for memory."},
    {METRIC_SIZES, WRITER(group_requests), "write_group_requests", NULL, "Requests in a group."},
    {METRIC_TIMES, WRITER(group_us), "write_group_seconds", NULL,
     "A group from its first statement until it is on disk."},
    {METRIC_TIMES, WRITER(commit_us), "write_commit_seconds", NULL,
     "The commit alone: until the write-ahead log is on disk."},
};

static const struct metric reader_metrics[] = {
    {METRIC_GAUGE, READERS(reads_queued), "reads_queued", NULL,
     "Requests that wait for a reader now."},
    {METRIC_GAUGE, READERS(passwords_queued), "passwords_queued", NULL,
     "Sign-ins whose password waits to be checked now."},
    {METRIC_COUNTER, READERS(reads), "reads_total", NULL, "Requests done by the readers."},
    {METRIC_COUNTER, READERS(passwords), "passwords_total", NULL, "Passwords checked."},
};

static const struct metric program_metrics[] = {
    {METRIC_GAUGE, 0, "shards", NULL, "Threads that serve connections."},
};

/* All its members are uint64_t, so that it can be summed as a row of numbers. */
static struct shard_counters sum_shards(struct shard *s)
{
    enum { FIELDS = sizeof(struct shard_counters) / sizeof(uint64_t) };
    _Static_assert(sizeof(struct shard_counters) % sizeof(uint64_t) == 0, "only uint64_t members");
    struct shard_counters sum = {0};
    for (size_t i = 0; i < s->all_count; i++) {
        struct shard_counters c = shard_counters(s->all[i]);
        const uint64_t *from = (const uint64_t *)(const void *)&c;
        uint64_t *to = (uint64_t *)(void *)&sum;
        for (size_t k = 0; k < FIELDS; k++)
            to[k] += from[k];
    }
    return sum;
}

static void put_all(struct shard *s, struct buf *out)
{
    uint64_t shards = s->all_count;
    struct shard_counters sum = sum_shards(s);
    metrics_put(out, program_metrics, COUNT(program_metrics), &shards);
    metrics_put(out, shard_metrics, COUNT(shard_metrics), &sum);
    if (s->writer) {
        struct writer_counters w = writer_counters(s->writer);
        metrics_put(out, writer_metrics, COUNT(writer_metrics), &w);
    }
    if (s->readers) {
        struct readers_counters r = readers_counters(s->readers);
        metrics_put(out, reader_metrics, COUNT(reader_metrics), &r);
    }
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
    struct buf *out = &p->text;
    put_all(s, out);
    if (out->err)
        http_respond_error(s, p, 503, BYTES("message"), BYTES("out of memory"));
    else
        http_respond(s, p, 200,
                     BYTES("Content-Type: text/plain; version=0.0.4; "
                           "charset=utf-8\r\nCache-Control: no-store\r\n"),
                     buf_bytes(out));
}
