/* phx_fuzz: messages of Phoenix channels.  The first byte says of which version or binary; what was
 * understood is written again and must be understood as the same. */
#include "base/utf8.h"
#include "proto/phx.h"

#include "fuzz.h"

static bool is_same(struct bytes a, struct bytes b)
{
    return bytes_equal(a, b) && (a.data == NULL) == (b.data == NULL);
}

static void check_names(const struct phx_message *m)
{
    assert(m->topic.data && m->event.data);
    assert(m->topic.size <= PHX_TOPIC_MAX && m->event.size <= PHX_EVENT_MAX);
    assert(m->ref.size <= PHX_REF_MAX && m->join_ref.size <= PHX_REF_MAX);
    assert(utf8_is_valid(m->topic) && utf8_is_valid(m->event));
    assert(utf8_is_valid(m->ref) && utf8_is_valid(m->join_ref));
}

static void check_text_again(enum phx_version v, const struct phx_message *m)
{
    struct buf wire, scratch;
    struct phx_message again;
    buf_init(&wire, SIZE_MAX / 2);
    buf_init(&scratch, SIZE_MAX / 2);
    phx_put(&wire, v, m->join_ref, m->ref, m->topic, m->event, m->payload.raw);
    assert(!phx_decode_text(v, buf_bytes(&wire), &scratch, &again));
    assert(v == PHX_V1 || is_same(m->join_ref, again.join_ref));
    assert(is_same(m->ref, again.ref));
    assert(bytes_equal(m->topic, again.topic) && bytes_equal(m->event, again.event));
    assert(bytes_equal(m->payload.raw, again.payload.raw));
    buf_done(&wire);
    buf_done(&scratch);
}

static void run_text(enum phx_version v, struct bytes text)
{
    struct buf scratch;
    struct phx_message m;
    buf_init(&scratch, SIZE_MAX / 2);
    enum err e = phx_decode_text(v, text, &scratch, &m);
    assert(e == OK || e == ERR_SYNTAX || e == ERR_LIMIT);
    if (!e) {
        check_names(&m);
        check_text_again(v, &m);
    }
    buf_done(&scratch);
}

static void run_binary(struct bytes message)
{
    struct buf wire;
    struct phx_message m;
    enum err e = phx_decode_binary(message, &m);
    assert(e == OK || e == ERR_SYNTAX);
    if (e)
        return;
    check_names(&m);
    buf_init(&wire, SIZE_MAX / 2);
    if (m.is_user_broadcast)
        assert(!phx_put_user_broadcast(&wire, m.topic, m.broadcast_event, m.broadcast_meta,
                                       m.broadcast_encoding, m.broadcast_payload));
    buf_done(&wire);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct bytes message = fuzz_input(data + 1, size - 1);
    if (data[0] % 3 == 2)
        run_binary(message);
    else
        run_text(data[0] % 3 ? PHX_V2 : PHX_V1, message);
    return 0;
}
