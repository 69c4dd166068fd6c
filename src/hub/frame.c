#include "hub/frame.h"

#include "base/mem.h"
#include "proto/ws.h"

enum { DEFLATED_MAX = 1 << 20 }; /* bytes of a message; a larger one would hold up the others */

static struct frame *new_frame(size_t room, uint32_t message_count)
{
    struct frame *f = mem_alloc(sizeof(*f) + room);
    if (f)
        *f = (struct frame){.refs = 1, .message_count = message_count};
    return f;
}

static void append(struct frame *f, struct bytes piece)
{
    if (piece.size)
        memcpy(f->data + f->size, piece.data, piece.size);
    f->size += piece.size;
}

enum err frame_new(struct bytes head, struct bytes body, uint32_t message_count, struct frame **out)
{
    struct frame *f = new_frame(head.size + body.size, message_count);
    if (!f)
        return ERR_NOMEM;
    append(f, head);
    append(f, body);
    *out = f;
    return OK;
}

/* ---- compressed ---- */

struct message {
    enum ws_opcode opcode;
    struct bytes wire, payload;
};

static struct message take_message(struct bytes *rest)
{
    struct message m;
    uint64_t size;
    size_t header_size = ws_get_header(*rest, &m.opcode, &size);
    m.wire = bytes_slice(*rest, 0, header_size + (size_t)size);
    m.payload = bytes_slice(m.wire, header_size, m.wire.size);
    *rest = bytes_slice(*rest, m.wire.size, rest->size);
    return m;
}

static bool is_worth_it(const struct message *m, size_t message_min)
{
    return (m->opcode == WS_TEXT || m->opcode == WS_BINARY) && m->payload.size >= message_min &&
           m->payload.size <= DEFLATED_MAX;
}

/* What is written is never larger than the message. */
static void append_deflated(struct frame *f, const struct message *m, enum deflate_window window,
                            struct deflater *z)
{
    char header[WS_HEADER_MAX];
    struct bytes payload;
    if (deflater_run(z, window, m->payload, &payload)) {
        append(f, m->wire);
        return;
    }
    size_t header_size = ws_put_header(header, m->opcode, payload.size);
    header[0] |= WS_DEFLATED;
    append(f, (struct bytes){header, header_size});
    append(f, payload);
}

/* NULL: there is nothing to win, or no memory. */
static struct frame *deflate_frame(const struct frame *f, enum deflate_window window,
                                   struct deflater *z, size_t message_min)
{
    struct frame *twin = new_frame(f->size, f->message_count);
    if (!twin)
        return NULL;
    struct bytes rest = {f->data, f->size};
    while (rest.size) {
        struct message m = take_message(&rest);
        if (is_worth_it(&m, message_min))
            append_deflated(twin, &m, window, z);
        else
            append(twin, m.wire);
    }
    if (twin->size == f->size) {
        mem_free(twin);
        return NULL;
    }
    struct frame *fitting = mem_realloc(twin, sizeof(*twin) + twin->size);
    return fitting ? fitting : twin;
}

struct frame *frame_deflated(struct frame *f, enum deflate_window window, struct deflater *z,
                             size_t message_min)
{
    if (f->size < message_min)
        return f;
    struct frame **twin = &f->deflated[window - DEFLATE_SMALL];
    if (!*twin) {
        *twin = deflate_frame(f, window, z, message_min);
        if (!*twin)
            *twin = f;
    }
    return *twin;
}

/* ---- references ---- */

struct frame *frame_ref(struct frame *f)
{
    f->refs++;
    return f;
}

void frame_unref(struct frame *f)
{
    if (!f || --f->refs > 0)
        return;
    for (int i = 0; i < DEFLATE_WINDOWS; i++)
        if (f->deflated[i] != f)
            frame_unref(f->deflated[i]);
    mem_free(f);
}
