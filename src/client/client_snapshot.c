/* Snapshots and changes: how the rows of a subscription come to be those of its cursor.  The first
 * snapshot is asked for while the first connection is made, and the channel is joined from it on: so a
 * first visit has its rows two round trips earlier.  Any other is asked for when the channel is joined;
 * the changes that come before it are kept, and those that it has
 * already are passed over by their seq.  Where not all could be kept, the channel is joined again
 * from the snapshot on, and the server replays them.  Whatever goes wrong leaves rows and cursor as
 * they were. */
#include "base/mem.h"
#include "client/notice.h"
#include "client/state.h"

void snapshot_drop(struct sub *s)
{
    if (s->request)
        s->cancel = s->request;
    s->request = 0;
    buf_done(&s->kept);
    s->has_lost_kept = false;
}

void snapshot_begin(struct hb_client *c, struct sub *s, const struct cursor *head)
{
    snapshot_drop(s);
    s->head = *head;
    /* Should the line be lost now, going on from the old cursor would leave out what the snapshot
     * was wanted for. */
    s->cursor.is_set = false;
    s->wait_end = c->now;
    channel_set_state(c, s, HB_SUB_LOADING);
}

void snapshot_keep(struct sub *s, struct bytes payload)
{
    uint32_t size = (uint32_t)payload.size;
    size_t before = s->kept.size;
    if (s->has_lost_kept)
        return;
    buf_put(&s->kept, (struct bytes){(const char *)&size, sizeof(size)});
    buf_put(&s->kept, payload);
    if (!s->kept.err)
        return;
    s->kept.size = before;
    s->has_lost_kept = true;
}

/* ---- one change ---- */

/* The row's key and, of an update, the old row's: both in c->key.  `old` is empty when it is the same
 * or not known. */
static enum err read_keys(struct hb_client *c, const struct sub *s, const struct notice *n,
                          struct bytes *key, struct bytes *old)
{
    buf_reset(&c->key);
    enum err e = spec_put_key(&s->spec, n->row, &c->key);
    if (e)
        return e;
    size_t size = c->key.size;
    bool has_old =
        n->op == HB_UPDATE && n->old.raw.data && !spec_put_key(&s->spec, n->old, &c->key);
    if (c->key.err)
        return c->key.err;
    *key = bytes_slice(buf_bytes(&c->key), 0, size);
    *old = has_old ? bytes_slice(buf_bytes(&c->key), size, c->key.size) : (struct bytes){NULL, 0};
    if (bytes_equal(*key, *old))
        *old = (struct bytes){NULL, 0};
    return OK;
}

static enum err put_row(struct hb_client *c, struct sub *s, const struct notice *n)
{
    struct bytes key, old;
    enum err e = read_keys(c, s, n, &key, &old);
    if (e)
        return e;
    if (s->replica.feed)
        return n->is_outside ? OK : replica_put(&s->replica, key, n->row.raw);
    if (n->op == HB_DELETE || n->is_outside)
        replica_remove(&s->replica, key);
    else
        e = replica_put(&s->replica, key, n->row.raw);
    if (!e && old.size > 0)
        replica_remove(&s->replica, old);
    return e;
}

static enum err apply(struct hb_client *c, struct sub *s, struct json_value payload)
{
    struct notice n;
    enum err e = notice_read(payload, s->binding, &n);
    if (e || n.seq <= s->cursor.seq)
        return e;
    if (n.is_cut && !s->replica.feed) {
        struct cursor head = s->cursor;
        head.seq = n.seq;
        snapshot_begin(c, s, &head);
        return OK;
    }
    e = put_row(c, s, &n);
    if (!e)
        s->cursor.seq = n.seq;
    return e;
}

static void trouble_of(struct hb_client *c, struct sub *s, enum err e)
{
    if (e == ERR_NOMEM)
        channel_rest(c, s, HB_ERR_NOMEM, BYTES("out of memory"));
    else if (e == ERR_LIMIT && s->replica.feed) {
        /* The host is too slow: it is told that there is a hole. */
        replica_clear_feed(&s->replica);
        s->cursor.is_set = false;
        channel_rest(c, s, HB_ERR_LIMIT, BYTES("more changes than may wait to be told"));
    } else if (e == ERR_LIMIT)
        channel_fail(c, s, HB_ERR_LIMIT, BYTES("more rows than a subscription may have"));
    else
        channel_rest(c, s, HB_ERR_PROTOCOL, BYTES("a change that cannot be understood"));
}

void change_apply(struct hb_client *c, struct sub *s, struct json_value payload)
{
    enum err e = apply(c, s, payload);
    if (e)
        trouble_of(c, s, e);
}

/* ---- the answer ---- */

static enum err read_row(struct hb_client *c, struct sub *s, struct json_value row,
                         struct text **out)
{
    buf_reset(&c->key);
    enum err e = row.type == JSON_OBJECT ? spec_put_key(&s->spec, row, &c->key) : ERR_SYNTAX;
    if (e)
        return e;
    *out = text_new(buf_bytes(&c->key), row.raw);
    return *out ? OK : ERR_NOMEM;
}

static enum err count_rows(struct sub *s, struct bytes body, struct json_value *rows, size_t *out)
{
    struct json_value v;
    struct bytes key;
    enum err e = json_parse(body, rows);
    if (e || rows->type != JSON_ARRAY)
        return ERR_SYNTAX;
    struct json_iter it = json_iter(*rows);
    for (*out = 0; json_next(&it, &key, &v);)
        (*out)++;
    return *out > s->replica.rows_max ? ERR_LIMIT : OK;
}

static enum err load(struct hb_client *c, struct sub *s, struct bytes body)
{
    struct json_value rows, v;
    struct bytes key;
    size_t count, read = 0;
    enum err e = count_rows(s, body, &rows, &count);
    if (e)
        return e;
    struct text **texts = mem_array(count + 1, sizeof(struct text *));
    if (!texts)
        return ERR_NOMEM;
    for (struct json_iter it = json_iter(rows); !e && json_next(&it, &key, &v);) {
        e = read_row(c, s, v, &texts[read]);
        read += !e;
    }
    if (!e) {
        e = replica_load(&s->replica, texts, read);
        read = 0; /* taken over */
    }
    for (size_t i = 0; i < read; i++)
        text_unref(texts[i]);
    mem_free(texts);
    return e;
}

/* The changes that came before the snapshot did.  False when there is more trouble. */
static bool apply_kept(struct hb_client *c, struct sub *s)
{
    struct buf kept = s->kept;
    buf_init(&s->kept, kept.max);
    struct bytes rest = buf_bytes(&kept);
    enum err e = OK;
    while (!e && rest.size > 0 && s->cursor.is_set) {
        uint32_t size;
        struct json_value payload;
        memcpy(&size, rest.data, sizeof(size));
        e = json_parse(bytes_slice(rest, sizeof(size), sizeof(size) + size), &payload);
        if (!e)
            e = apply(c, s, payload);
        rest = bytes_slice(rest, sizeof(size) + size, rest.size);
    }
    buf_done(&kept);
    if (e)
        trouble_of(c, s, e);
    return !e && s->cursor.is_set;
}

static void loaded(struct hb_client *c, struct sub *s, const struct cursor *at)
{
    bool has_lost = s->has_lost_kept;
    s->cursor = *at;
    s->is_loaded = true;
    if (has_lost) {
        snapshot_drop(s);
        s->wait_end = c->now;
        channel_set_state(c, s, HB_SUB_WAITING);
    } else if (apply_kept(c, s)) {
        channel_set_state(c, s, HB_SUB_LIVE);
    }
}

/* Later once more, on the same channel. */
static void retry(struct hb_client *c, struct sub *s, enum hb_error e, struct bytes text)
{
    s->retries += s->retries < UINT32_MAX;
    if (s->retries > c->s.retries[s->priority]) {
        channel_rest(c, s, e, text);
        return;
    }
    channel_trouble(c, s, e, text);
    s->wait_end = c->now + backoff_ms(&c->backoff, s->retries, &c->rng);
}

static bool is_same_epoch(const struct cursor *a, const struct cursor *b)
{
    return bytes_equal((struct bytes){a->epoch, a->epoch_size},
                       (struct bytes){b->epoch, b->epoch_size});
}

static void take(struct hb_client *c, struct sub *s, const struct cursor *at, struct bytes body)
{
    if (!is_same_epoch(at, &s->head)) {
        channel_rest(c, s, HB_ERR_SERVER, BYTES("the server's data began anew"));
        return;
    }
    if (at->seq < s->head.seq) {
        retry(c, s, HB_ERR_SERVER, BYTES("a snapshot from before the subscription"));
        return;
    }
    enum err e = load(c, s, body);
    if (e == ERR_NOMEM)
        retry(c, s, HB_ERR_NOMEM, BYTES("out of memory"));
    else if (e == ERR_LIMIT)
        channel_fail(c, s, HB_ERR_LIMIT, BYTES("more rows than a subscription may have"));
    else if (e)
        retry(c, s, HB_ERR_PROTOCOL, BYTES("a snapshot that cannot be understood"));
    else
        loaded(c, s, at);
}

/* Asked for ahead of the join, which goes on from it.  What went wrong with it will be found again
 * behind the join, where it belongs. */
static void take_ahead(struct hb_client *c, struct sub *s, uint32_t status, const struct cursor *at,
                       struct bytes body)
{
    if (status != 200 || load(c, s, body))
        return;
    s->cursor = *at;
    s->is_loaded = true;
}

void snapshot_late(struct hb_client *c, struct sub *s)
{
    s->cancel = s->request;
    s->request = 0;
    if (s->state == HB_SUB_WAITING)
        return;
    retry(c, s, HB_ERR_SILENT, BYTES("no snapshot in time"));
}

void snapshot_recv(struct hb_client *c, struct sub *s, uint32_t status, const struct cursor *at,
                   struct bytes body)
{
    s->request = 0;
    if (s->state == HB_SUB_WAITING) {
        take_ahead(c, s, status, at, body);
    } else if (status == 200 || status == 206) {
        take(c, s, at, body);
    } else if (status == 401) {
        channel_denied(c, s);
        retry(c, s, HB_ERR_DENIED, BYTES("the token is not accepted"));
    } else if (status == 413) {
        channel_fail(c, s, HB_ERR_LIMIT, BYTES("more bytes than a subscription may have"));
    } else if (status == 0) {
        retry(c, s, HB_ERR_NETWORK, BYTES("no snapshot"));
    } else if (status >= 400 && status < 500 && status != 408 && status != 425 && status != 429) {
        channel_fail(c, s, HB_ERR_REFUSED, BYTES("the server refused the snapshot"));
    } else {
        retry(c, s, HB_ERR_SERVER, BYTES("the server could not make the snapshot"));
    }
}
