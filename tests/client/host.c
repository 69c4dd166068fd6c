#include "host.h"

#include <stdio.h>

#include "proto/phx.h"

enum { TEXT_MAX = 16 << 20 };

static struct hb_text text(const char *s)
{
    return (struct hb_text){s, s ? strlen(s) : 0};
}

static struct bytes bytes(struct hb_text t)
{
    return (struct bytes){t.data, t.size};
}

void host_init_with(struct host *h, const struct hb_settings *s)
{
    *h = (struct host){.now = 1000000, .answers_beats = true, .epoch = "E1"};
    buf_init(&h->log, TEXT_MAX);
    assert_int_equal(hb_client_new(s, h->now, &h->c), HB_OK);
    hb_client_set_token(h->c, text("T"), -1, h->now);
}

void host_init(struct host *h)
{
    struct hb_settings s;
    hb_settings_init(&s);
    s.apikey = text("anon");
    s.frame_wait_ms = 0;
    host_init_with(h, &s);
}

void host_done(struct host *h)
{
    hb_client_free(h->c);
    buf_done(&h->log);
}

/* ---- actions ---- */

PRINTF_LIKE(2, 3) static void note(struct host *h, const char *format, ...)
{
    char line[4096];
    va_list args;
    va_start(args, format);
    int size = vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    assert_in_range(size, 0, sizeof(line) - 1);
    buf_put(&h->log, (struct bytes){line, (size_t)size});
}

static uint32_t ref_of(struct bytes ref)
{
    uint64_t n = 0;
    if (ref.data)
        assert_int_equal(bytes_to_u64(ref, &n), OK);
    return (uint32_t)n;
}

static void note_join(struct host *h, const struct phx_message *m)
{
    struct json_value config, resume, seq, from;
    assert_int_equal(json_get(m->payload, BYTES("config"), &config), OK);
    assert_int_equal(json_get(config, BYTES("resume"), &resume), OK);
    assert_int_equal(json_get(resume, BYTES("seq"), &seq), OK);
    assert_int_equal(json_get(resume, BYTES("epoch"), &from), OK);
    note(h, "JOIN %u %.*s %.*s:%.*s\n", ref_of(m->ref), (int)m->topic.size, m->topic.data,
         (int)from.raw.size - 2, from.raw.data + 1, (int)seq.raw.size, seq.raw.data);
}

static void do_send(struct host *h, const struct hb_action *a)
{
    struct buf scratch;
    struct phx_message m;
    buf_init(&scratch, TEXT_MAX);
    assert_int_equal(a->id, h->connection);
    assert_int_equal(phx_decode_text(PHX_V2, bytes(a->text), &scratch, &m), OK);
    if (bytes_equal(m.event, BYTES("heartbeat"))) {
        h->beat = ref_of(m.ref);
        note(h, "BEAT %u\n", h->beat);
    } else if (bytes_equal(m.event, BYTES("phx_join")) && !h->shows_joins) {
        note_join(h, &m);
    } else {
        note(h, "SEND %.*s\n", (int)a->text.size, a->text.data);
    }
    buf_done(&scratch);
}

static void note_rows(struct host *h, const struct hb_action *a)
{
    static const char ops[] = " +~-";
    note(h, "ROWS %u%s", a->id, a->is_whole ? " whole" : "");
    for (uint32_t i = 0; i < a->count; i++) {
        struct hb_row row;
        hb_client_row(h->c, i, &row);
        note(h, " %c%.*s %.*s", ops[row.op], (int)row.key.size, row.key.data, (int)row.row.size,
             row.row.data);
    }
    note(h, "\n");
}

static void do_action(struct host *h, const struct hb_action *a)
{
    static const char *const states[] = {"waiting", "joining", "loading", "live", "failed"};
    switch (a->type) {
    case HB_OPEN:
        h->connection = a->id;
        note(h, "OPEN %u\n", a->id);
        break;
    case HB_CLOSE:
        note(h, "CLOSE %u %u\n", a->id, a->code);
        break;
    case HB_SEND:
        do_send(h, a);
        break;
    case HB_FETCH:
        h->request = a->id;
        check_text(bytes(a->token), "T");
        note(h, "FETCH %u %.*s\n", a->id, (int)a->text.size, a->text.data);
        break;
    case HB_CANCEL:
        note(h, "CANCEL %u\n", a->id);
        break;
    case HB_TOKEN:
        note(h, "TOKEN\n");
        break;
    case HB_STATUS:
        break; /* asked for by those who want to know it */
    case HB_FRAME:
        note(h, "FRAME\n");
        break;
    case HB_ROWS:
        note_rows(h, a);
        break;
    case HB_STATE:
        note(h, "STATE %u %s\n", a->id, states[a->code]);
        break;
    case HB_TROUBLE:
        note(h, "TROUBLE %u %.*s\n", a->id, (int)a->text.size, a->text.data);
        break;
    }
}

static void answer_beat(struct host *h)
{
    char message[128];
    snprintf(message, sizeof(message),
             "[null,\"%u\",\"phoenix\",\"phx_reply\",{\"status\":\"ok\",\"response\":{}}]",
             h->beat);
    h->beat = 0;
    hb_client_message(h->c, h->connection, text(message), h->now);
}

void host_run(struct host *h)
{
    struct hb_action a;
    for (int i = 0; hb_client_next(h->c, &a); i++) {
        assert_in_range(i, 0, 100000);
        do_action(h, &a);
        if (h->answers_beats && h->beat)
            answer_beat(h);
    }
}

void host_check(struct host *h, const char *want, const char *file, int line)
{
    assert_int_equal(h->log.err, OK);
    check_bytes(buf_bytes(&h->log), bytes_of(want), file, line);
    host_forget(h);
}

void host_forget(struct host *h)
{
    buf_reset(&h->log);
}

void host_lose_first(struct host *h)
{
    hb_client_closed(h->c, 1, 1006, h->now);
    host_run(h);
    host_forget(h);
    while (h->connection == 1)
        host_wait(h, 1000);
}

void host_start(struct host *h)
{
    hb_client_start(h->c, h->now);
    host_run(h);
    hb_client_opened(h->c, h->connection, h->now);
    host_run(h);
    host_forget(h);
}

uint32_t host_subscribe(struct host *h, const char *table, const char *filter,
                        enum hb_priority priority)
{
    struct hb_query q = {.table = text(table), .filter = text(filter), .priority = priority};
    uint32_t id = 0;
    assert_int_equal(hb_client_subscribe(h->c, &q, h->now, &id), HB_OK);
    assert_int_not_equal(id, 0);
    host_run(h);
    return id;
}

void host_wait(struct host *h, int64_t ms)
{
    int64_t end = h->now + ms;
    for (int i = 0; h->now < end; i++) {
        assert_in_range(i, 0, 100000);
        int64_t at = hb_client_deadline(h->c);
        h->now = at > end ? end : at > h->now ? at : h->now + 1;
        hb_client_tick(h->c, h->now);
        host_run(h);
    }
}

/* ---- the server ---- */

void host_tell(struct host *h, const char *message)
{
    struct bytes boxed = check_boxed(bytes_of(message));
    hb_client_message(h->c, h->connection, (struct hb_text){boxed.data, boxed.size}, h->now);
    check_unbox(boxed);
    host_run(h);
}

void host_joined(struct host *h, uint32_t ref, const char *topic, uint64_t seq, bool is_replayed)
{
    char message[1024];
    snprintf(message, sizeof(message),
             "[\"%u\",\"%u\",\"realtime:live:%s\",\"phx_reply\",{\"status\":\"ok\",\"response\":{"
             "\"postgres_changes\":[{\"id\":7}],\"resume\":{\"epoch\":\"%s\",\"seq\":%llu,"
             "\"replayed\":%s}}}]",
             ref, ref, topic, h->epoch, (unsigned long long)seq, is_replayed ? "true" : "false");
    host_tell(h, message);
}

void host_refused(struct host *h, uint32_t ref, const char *topic, const char *reason)
{
    char message[1024];
    snprintf(message, sizeof(message),
             "[\"%u\",\"%u\",\"realtime:live:%s\",\"phx_reply\",{\"status\":\"error\","
             "\"response\":{\"reason\":\"%s\"}}]",
             ref, ref, topic, reason);
    host_tell(h, message);
}

void host_change(struct host *h, const char *topic, uint64_t seq, const char *type,
                 const char *record, const char *old_record)
{
    char message[4096];
    snprintf(message, sizeof(message),
             "[null,null,\"realtime:live:%s\",\"postgres_changes\",{\"ids\":[7],\"data\":{"
             "\"schema\":\"public\",\"type\":\"%s\"%s%s%s%s,\"errors\":null,\"seq\":%llu}}]",
             topic, type, record ? ",\"record\":" : "", record ? record : "",
             old_record ? ",\"old_record\":" : "", old_record ? old_record : "",
             (unsigned long long)seq);
    host_tell(h, message);
}

void host_fetched(struct host *h, uint64_t seq, const char *rows)
{
    struct bytes boxed = check_boxed(bytes_of(rows));
    hb_client_fetched(h->c, h->request, 200, seq, text(h->epoch),
                      (struct hb_text){boxed.data, boxed.size}, h->now);
    check_unbox(boxed);
    host_run(h);
}

uint32_t host_last_join(struct host *h)
{
    struct bytes rest = buf_bytes(&h->log), line;
    uint64_t ref = 0;
    while (bytes_split(&rest, '\n', &line)) {
        struct bytes at = bytes_slice(line, 5, line.size);
        if (bytes_starts_with(line, BYTES("JOIN ")))
            assert_int_equal(bytes_to_u64(bytes_slice(at, 0, bytes_find_char(at, ' ')), &ref), OK);
    }
    return (uint32_t)ref;
}

uint32_t host_live(struct host *h, const char *table, uint64_t seq, const char *rows)
{
    char topic[128];
    snprintf(topic, sizeof(topic), "%s:*:", table);
    host_forget(h);
    uint32_t id = host_subscribe(h, table, NULL, HB_HIGH);
    host_joined(h, host_last_join(h), topic, seq, false);
    host_fetched(h, seq, rows);
    assert_int_equal(host_state(h, id), HB_SUB_LIVE);
    host_forget(h);
    return id;
}

enum hb_subscription host_state(struct host *h, uint32_t subscriber)
{
    enum hb_subscription state;
    assert_int_equal(hb_client_subscription(h->c, subscriber, &state), HB_OK);
    return state;
}

struct hb_status host_status(struct host *h)
{
    struct hb_status s;
    hb_client_status(h->c, h->now, &s);
    return s;
}
