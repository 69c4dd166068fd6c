/* What a reader makes of its subscription: snapshots of the tables, fetched by GET, and the changes
 * that follow them.
 *
 *   WANTED   nothing is held; changes that are heard meanwhile wait in `early`
 *   HELD     the rows of the snapshot, with the changes behind its seq
 *
 * So a subscription may begin before the snapshot, behind it, or at an older snapshot's seq. */
#include "world.h"

#include <stdlib.h>

static const int64_t second_us = INT64_C(1000000);

void copy_forget(struct world *w, struct reader *r, struct sim_channel *ch)
{
    /* What an earlier request brings may be too old by now, or of another table. */
    if (r->ask.wire && r->ask_channel == (int)(ch - r->channels)) {
        wire_cut(w, r->ask.wire);
        r->ask.wire = NULL;
    }
    memset(ch->parts, 0, sizeof(ch->parts));
    memset(ch->copy, 0, sizeof(ch->copy));
    memset(ch->truth, 0, sizeof(ch->truth));
    ch->early_count = 0;
    ch->last = 0;
}

void copy_begin(struct world *w, struct reader *r, struct sim_channel *ch)
{
    copy_forget(w, r, ch);
    for (int t = 0; t < TABLE_COUNT; t++)
        if (want_has_table(&w->wants[ch->want], t))
            ch->parts[t] = PART_WANTED;
}

static bool has_part(const struct sim_channel *ch, enum part_state state)
{
    for (int t = 0; t < TABLE_COUNT; t++)
        if (ch->parts[t] == state)
            return true;
    return false;
}

bool copy_is_whole(const struct sim_channel *ch)
{
    return !has_part(ch, PART_WANTED);
}

bool copy_has_any(const struct sim_channel *ch)
{
    return has_part(ch, PART_HELD);
}

uint64_t copy_cursor(const struct sim_channel *ch)
{
    uint64_t oldest = UINT64_MAX;
    for (int t = 0; t < TABLE_COUNT; t++)
        if (ch->parts[t] == PART_HELD && ch->part_seqs[t] < oldest)
            oldest = ch->part_seqs[t];
    return ch->last > oldest ? ch->last : oldest;
}

/* ---- changes ---- */

static void put_early(struct sim_channel *ch, struct sim_heard h)
{
    if (ch->early_count == ch->early_capacity) {
        ch->early_capacity = ch->early_capacity ? ch->early_capacity * 2 : 64;
        ch->early = realloc(ch->early, ch->early_capacity * sizeof(h));
        world_must(ch->early != NULL);
    }
    ch->early[ch->early_count++] = h;
}

static void apply(struct sim_channel *ch, int table, const struct sim_heard *h)
{
    if (h->seq <= ch->part_seqs[table]) /* the snapshot knew it already */
        return;
    if (!h->is_forgotten)
        ch->copy[h->place] = h->hash;
    ch->truth[h->place] = h->truth;
}

void copy_hear(struct world *w, struct sim_channel *ch, uint64_t seq, struct json_value data,
               uint64_t truth)
{
    struct sim_heard h = {.seq = seq, .truth = truth};
    bool is_delete = json_string_equals(sim_member(data, "type").raw, BYTES("DELETE"));
    struct json_value row = sim_member(data, is_delete ? "old_record" : "record");
    struct bytes name = sim_member(data, "table").raw;
    int table;
    ch->last = seq;
    if (sim_table_find(bytes_slice(name, 1, name.size - 1), &table) ||
        !model_read_place(&w->model, table, row, &h.place)) {
        world_fail(w, "a change of a row without a key: %.*s", (int)row.raw.size, row.raw.data);
        return;
    }
    h.hash = is_delete ? 0 : model_hash(row.raw);
    h.is_forgotten = is_delete && w->plan.sabotage == SABOTAGE_COPY;
    if (ch->parts[table] == PART_HELD)
        apply(ch, table, &h);
    else if (ch->parts[table] == PART_WANTED)
        put_early(ch, h);
}

/* ---- snapshots ---- */

static bool read_rows(struct world *w, int table, struct bytes body, sim_copy out)
{
    struct json_value array, row;
    struct bytes key;
    int place;
    memset(out, 0, sizeof(sim_copy));
    if (json_parse(body, &array) || array.type != JSON_ARRAY)
        return false;
    struct json_iter it = json_iter(array);
    while (json_next(&it, &key, &row)) {
        if (!model_read_place(&w->model, table, row, &place) || out[place])
            return false;
        out[place] = model_hash(row.raw);
    }
    return true;
}

bool copy_read_rows(struct world *w, int table, struct bytes body, sim_copy out)
{
    bool is_good = read_rows(w, table, body, out);
    if (!is_good)
        world_fail(w, "no rows of %s: %.*s", sim_tables[table].name, (int)body.size, body.data);
    return is_good;
}

static void hold(struct world *w, struct reader *r, struct sim_channel *ch,
                 const struct answer *answer)
{
    int table = r->ask_table;
    sim_copy rows;
    w->counters.snapshots++;
    if (!copy_read_rows(w, table, answer->body, rows))
        return;
    if (!bytes_starts_with(answer->epoch, store_epoch(w->server.store)))
        world_fail(w, "reader %d: a snapshot of another epoch", r->number);
    oracle_check_snapshot(w, r, ch, table, answer->seq, rows);
    const struct sim_table *t = &sim_tables[table];
    memcpy(ch->copy + t->first, rows + t->first, (size_t)t->count * sizeof(rows[0]));
    memcpy(ch->truth + t->first, rows + t->first, (size_t)t->count * sizeof(rows[0]));
    if (!copy_has_any(ch) || answer->seq < ch->base_seq)
        ch->base_seq = answer->seq;
    ch->parts[table] = PART_HELD;
    ch->part_seqs[table] = answer->seq;
    for (size_t i = 0; i < ch->early_count; i++)
        if (sim_table_of_place(ch->early[i].place) == table)
            apply(ch, table, &ch->early[i]);
}

static void recv_answer(struct world *w, struct reader *r, const struct answer *answer)
{
    struct sim_channel *ch = &r->channels[r->ask_channel];
    bool is_person = r->who.person >= 0;
    if (answer->status == 200) {
        hold(w, r, ch, answer);
        return;
    }
    r->ask_again_us = w->now_us + world_delay(w, 2 * second_us);
    if (answer->status == 503 && w->is_poor)
        return;
    oracle_check_refusal(w, r, r->ask_table, answer->status);
    if (answer->status == 403 || !is_person)
        ch->parts[r->ask_table] = PART_REFUSED;
}

static bool find_wanted(struct reader *r)
{
    for (int i = 0; i < r->channel_count; i++) {
        struct sim_channel *ch = &r->channels[i];
        for (int t = 0; t < TABLE_COUNT; t++) {
            if (ch->parts[t] != PART_WANTED || !(ch->is_live || ch->state == CHANNEL_FETCHING))
                continue;
            r->ask_channel = i;
            r->ask_table = t;
            return true;
        }
    }
    return false;
}

static void ask(struct world *w, struct reader *r)
{
    const struct sim_channel *ch = &r->channels[r->ask_channel];
    buf_reset(&w->message);
    want_put_target(&w->wants[ch->want], r->ask_table, &w->message);
    r->ask_seq = w->model.count;
    r->ask_heard = w->model.count;
    for (int i = 0; i < w->server.shard_count; i++)
        if (w->server.shards[i].heard < r->ask_heard)
            r->ask_heard = w->server.shards[i].heard;
    if (!ask_start(w, &r->ask, r->who, "GET", buf_bytes(&w->message), BYTES(""), NULL))
        r->ask_again_us = w->now_us + world_delay(w, second_us);
}

void copy_fetch(struct world *w, struct reader *r)
{
    struct answer answer;
    if (!r->ask.wire) {
        if (w->now_us >= r->ask_again_us && find_wanted(r))
            ask(w, r);
    } else if (ask_poll(w, &r->ask, &answer) == ASK_DONE) {
        recv_answer(w, r, &answer);
    }
}
