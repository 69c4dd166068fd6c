#include "server/inspect.h"

#include "base/json.h"
#include "base/mem.h"

enum { ANSWER_MAX = 16 * 1024 * 1024 };

void inspect_answer(struct inspection *i, const struct hub *h)
{
    hub_explain(h, i->user, i->change, &i->out);
    sem_post(i->answered); /* it is gone from here on */
}

static void gather(struct inspection *list, size_t count, struct buf *out)
{
    bool is_first = true;
    buf_put_char(out, '[');
    for (size_t i = 0; i < count; i++) {
        if (!list[i].out.size)
            continue;
        if (!is_first)
            buf_put_char(out, ',');
        is_first = false;
        buf_put(out, buf_bytes(&list[i].out));
    }
    buf_put_char(out, ']');
}

static enum err ask_all(struct inspection *list, struct mailbox *const *boxes, size_t count)
{
    size_t asked = 0;
    while (asked < count && !mailbox_post(boxes[asked], &list[asked].mail))
        asked++;
    for (size_t i = 0; i < asked; i++) {
        while (sem_wait(list[0].answered))
            continue; /* a signal */
    }
    for (size_t i = 0; i < asked; i++) {
        if (list[i].out.err)
            return list[i].out.err;
    }
    return asked == count ? OK : ERR_BUSY;
}

enum err inspect_channels(struct mailbox *const *boxes, size_t count, struct bytes user,
                          const struct change *change, struct buf *out)
{
    sem_t answered;
    struct inspection *list = mem_array(count, sizeof(*list));
    if (!list)
        return ERR_NOMEM;
    sem_init(&answered, 0, 0);
    for (size_t i = 0; i < count; i++) {
        list[i] = (struct inspection){
            .mail.kind = MAIL_INSPECT, .user = user, .change = change, .answered = &answered};
        buf_init(&list[i].out, ANSWER_MAX);
    }
    enum err e = ask_all(list, boxes, count);
    if (!e)
        gather(list, count, out);
    for (size_t i = 0; i < count; i++)
        buf_done(&list[i].out);
    sem_destroy(&answered);
    mem_free(list);
    return e ? e : out->err;
}

/* ---- the request ---- */

struct load {
    uint64_t seq;
    struct changes changes;
};

static enum err load_change(struct store_session *s, void *context)
{
    struct load *l = context;
    enum err e = store_changes_since(s, l->seq, 1, &l->changes);
    return !e && l->changes.count == 0 ? ERR_NOT_FOUND : e;
}

static const char *fault_text(enum err e)
{
    if (e == ERR_NOT_FOUND)
        return "the log does not hold this change";
    return e == ERR_BUSY ? "the server is busy" : err_text(e);
}

static void explain(struct writer *w, struct mailbox *const *boxes, size_t count, struct bytes user,
                    int64_t seq, struct buf *reply)
{
    struct load l = {.seq = (uint64_t)seq};
    changes_init(&l.changes);
    enum err e = writer_run(w, load_change, &l);
    buf_put_literal(reply, "{\"ok\":");
    if (!e)
        e = inspect_channels(boxes, count, user, l.changes.items[0], reply);
    if (e) {
        buf_reset(reply);
        buf_put_literal(reply, "{\"error\":");
        json_put_string(reply, bytes_of(fault_text(e)));
    }
    buf_put_char(reply, '}');
    changes_done(&l.changes);
}

bool inspect_request(struct writer *w, struct mailbox *const *boxes, size_t count,
                     struct bytes request, struct buf *reply)
{
    struct json_value v, what, user, seq;
    int64_t number = 0;
    struct buf name;
    if (json_parse(request, &v) || json_get(v, BYTES("do"), &what) || what.type != JSON_STRING ||
        !json_string_equals(what.raw, BYTES("explain")))
        return false;
    buf_init(&name, 256);
    bool is_good = !json_get(v, BYTES("user"), &user) && user.type == JSON_STRING &&
                   !json_get(v, BYTES("seq"), &seq) && !json_to_i64(seq, &number) && number > 0;
    if (is_good)
        json_string_decode(&name, user.raw);
    if (is_good && !name.err)
        explain(w, boxes, count, buf_bytes(&name), number, reply);
    else
        buf_put_literal(reply, "{\"error\":\"user and seq are needed\"}");
    buf_done(&name);
    return true;
}
